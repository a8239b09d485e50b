/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Supervisors of supervisors. */
#include "checks.h"

struct nested {
	struct fake *fakes[3];
	struct sup_child_spec specs[3];
	struct sup_supervisor_spec sup;
	struct sup_pid pid;
};

static int start_nested(const void *arg, struct sup_pid *ret_pid)
{
	struct nested *n = (struct nested *)arg;
	int ret;

	ret = sup_supervisor_start(&n->sup, ret_pid);
	if (!ret)
		n->pid = *ret_pid;
	return ret;
}

static struct sup_child_spec nest(struct nested *n, const char *id,
				  enum sup_restart restart,
				  struct fake *const *fakes)
{
	size_t i;

	*n = (struct nested){ .sup = {
		.size = sizeof(n->sup), .name = id, .intensity = 4,
		.period_s = 3600, .children = n->specs,
	} };
	for (i = 0; fakes[i]; i++)
		n->specs[i] = world_spec(fakes[i]);
	n->sup.n_children = i;
	return (struct sup_child_spec){
		.size = sizeof(struct sup_child_spec), .id = id,
		.start = start_nested, .arg = n, .restart = restart,
		.type = SUP_SUPERVISOR,
	};
}

static void SUP_73_tree(void **state)
{
	struct fake a = { .id = "a" }, b = { .id = "b" };
	struct fake dyn1 = { .id = "d1" };
	struct fake dyn2 = { .id = "d2", .script = "ofo" };
	struct fake bad = { .id = "bad", .script = "offfff" };
	struct nested n[3];
	struct sup_child_spec mids[3];
	struct sup_supervisor_spec top = {
		.size = sizeof(top), .strategy = SUP_ONE_FOR_ALL,
		.intensity = 4, .period_s = 3600, .children = mids,
		.n_children = 3,
	};
	struct sup_pid pid, sup, before[2];

	(void)state;
	mids[0] = nest(&n[0], "s1", SUP_PERMANENT, FAKES(&a));
	mids[1] = nest(&n[1], "s2", SUP_PERMANENT, FAKES(&b));
	mids[2] = nest(&n[2], "s3", SUP_TRANSIENT, (struct fake *[]){ NULL });
	assert_int_equal(sup_supervisor_start(&top, &sup), 0);
	check_counts(sup, 3, 3, 3, 0);
	assert_int_equal(sup_terminate_child(sup, "s3"), 0);
	check_counts(sup, 3, 2, 3, 0);
	assert_int_equal(start_child(n[1].pid, &dyn1, &pid), 0);
	assert_int_equal(start_child(n[1].pid, &dyn2, &pid), 0);
	assert_int_equal(start_child(n[1].pid, &bad, &pid), 0);
	before[0] = n[1].pid;
	before[1] = b.pid;
	crash(&dyn2, abnormal);
	assert_string_equal(world_listing(n[1].pid), "b+ d1+ d2+ bad+");
	assert_int_equal(b.pid.v, before[1].v);
	/* One that does not start again: its supervisor gives up, all the */
	/* others come back with it, and the dynamic ones are gone. */
	crash(&bad, abnormal);
	assert_int_not_equal(n[1].pid.v, before[0].v);
	check_counts(sup, 3, 3, 3, 0);
	assert_string_equal(world_listing(n[1].pid), "b+");
	assert_string_equal(world_listing(n[0].pid), "a+");
	assert_string_equal(world_listing(n[2].pid), "");

	world_close();
}

/* A5.4: shutdown is clean, so a transient supervisor that gave up stays off. */
static void a_transient_supervisor_that_gave_up_is_not_restarted(void **state)
{
	struct fake a = { .id = "a", .script = "of" };
	struct nested n;
	struct sup_child_spec mid;
	struct sup_supervisor_spec top = {
		.size = sizeof(top), .children = &mid, .n_children = 1,
	};
	struct sup_pid sup;

	(void)state;
	mid = nest(&n, "mid", SUP_TRANSIENT, FAKES(&a));
	assert_int_equal(sup_supervisor_start(&top, &sup), 0);
	crash(&a, abnormal);
	check_ended(n.pid, shutdown);
	assert_string_equal(world_listing(sup), "mid-");

	world_close();
}

/* In reverse order, each with its own time, and before the restart. */
static void a_killed_supervisor_leaves_nobody_behind(void **state)
{
	struct fake a = { .id = "a", .stop_ns = 300 * MS };
	struct fake b = { .id = "b", .deaf = true, .shutdown_ms = 100 };
	struct nested n;
	struct sup_child_spec mid;
	struct sup_supervisor_spec top = {
		.size = sizeof(top), .children = &mid, .n_children = 1,
	};
	struct sup_pid sup;

	(void)state;
	mid = nest(&n, "mid", SUP_PERMANENT, FAKES(&a, &b));
	assert_int_equal(sup_supervisor_start(&top, &sup), 0);
	world_trace();
	world_events();
	assert_int_equal(sup_kill(n.pid, SUP_FOREVER), 0);
	world_run();
	assert_string_equal(world_trace(), "-b:killed -a +a +b");
	assert_string_equal(world_events(), "child_terminated:mid "
			    "shutdown_error:b stopped:a started:a started:b "
			    "started:mid");
	assert_int_equal(a.frees, 1);
	assert_int_equal(b.frees, 1);

	world_close();
}

/* One that had no supervisor itself: later ones clear up after it. */
static void a_killed_top_is_cleared_up(void **state)
{
	struct fake a = { .id = "a", .stop_ns = S };
	struct sup_pid top;
	int i;

	(void)state;
	top = world_supervisor(SUP_ONE_FOR_ONE, 1, 5, FAKES(&a));
	assert_int_equal(sup_kill(top, SUP_FOREVER), 0);
	/* Not while its child lives, who may look at its arg. */
	for (i = 0; i < 1000; i++)
		world_stop(world_supervisor(SUP_ONE_FOR_ONE, 1, 5, NULL));
	assert_int_equal(a.frees, 0);
	world_advance(S);
	check_ended(a.pid, shutdown);
	for (i = 0; i < 1000; i++)
		world_stop(world_supervisor(SUP_ONE_FOR_ONE, 1, 5, NULL));
	assert_int_equal(a.frees, 1);

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(SUP_73_tree),
		CASE(a_transient_supervisor_that_gave_up_is_not_restarted),
		CASE(a_killed_top_is_cleared_up),
		CASE(a_killed_supervisor_leaves_nobody_behind),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
