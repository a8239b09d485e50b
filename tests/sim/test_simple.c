/* SPDX-License-Identifier: GPL-2.0-or-later */
/* simple_one_for_one: any number of children of one spec. */
#include "checks.h"

#include "core/supervisor.h"

static const struct fake permanent = { .id = "c" };
static const struct fake transient = { .id = "c", .restart = SUP_TRANSIENT };
static const struct fake temporary = { .id = "c", .restart = SUP_TEMPORARY };

static struct sup_pid start(struct sup_pid sup, struct fake *f)
{
	struct sup_pid pid = { 99 };

	assert_int_equal(world_start_extra(sup, f, &pid), 0);
	assert_int_equal(pid.v, f->pid.v);
	return pid;
}

static void check_ignored_start(const struct fake *template)
{
	struct fake a = { .id = "a", .script = "i" }, b = { .id = "b" };
	struct sup_pid sup, pid = { 99 };

	sup = world_simple(2, 3600, template);
	assert_int_equal(world_start_extra(sup, &a, &pid), SUP_IGNORE);
	assert_int_equal(pid.v, 0);
	assert_int_equal(a.frees, 1);
	assert_string_equal(world_listing(sup), "");
	start(sup, &b);
	assert_string_equal(world_listing(sup), "c+");
	check_counts(sup, 1, 1, 0, 1);
	world_stop(sup);
	check_ended(sup, shutdown);
	assert_int_equal(b.frees, 1);
}

static void SUP_06_temporary_that_ignores(void **state)
{
	(void)state;
	check_ignored_start(&temporary);

	world_close();
}

static void SUP_07_permanent_that_ignores(void **state)
{
	(void)state;
	check_ignored_start(&permanent);

	world_close();
}

static void SUP_12_start_that_fails_leaves_nothing(void **state)
{
	static const struct { const char *script; int error; } ways[] = {
		{ "f", -EIO }, { "j", -EPROTO }, { "n", -EPROTO },
	};
	struct sup_pid sup, pid;
	struct fake a;
	size_t i;

	(void)state;
	sup = world_simple(2, 3600, &permanent);
	for (i = 0; i < N_OF(ways); i++) {
		a = (struct fake){ .id = "a", .script = ways[i].script };
		assert_int_equal(world_start_extra(sup, &a, &pid),
				 ways[i].error);
		assert_string_equal(world_listing(sup), "");
		/* Its extra is still ours. */
		assert_int_equal(a.frees, 0);
	}
	check_counts(sup, 1, 0, 0, 0);

	world_close();
}

static void SUP_14_specs_by_pid(void **state)
{
	struct fake f[3] = { { .id = "0" }, { .id = "1" }, { .id = "2" } };
	struct sup_child child;
	struct sup_pid sup;
	size_t i;

	(void)state;
	sup = world_simple(2, 3600, &temporary);
	for (i = 0; i < 3; i++)
		start(sup, &f[i]);
	for (i = 0; i < 3; i++) {
		assert_int_equal(sup_which_child_pid(sup, f[i].pid, &child),
				 0);
		assert_string_equal(child.id, "c");
		assert_int_equal(child.pid.v, f[i].pid.v);
		assert_int_equal(child.state, SUP_CHILD_RUNNING);
		assert_int_equal(child.spec.restart, SUP_TEMPORARY);
		assert_int_equal(child.spec.shutdown_ms, 5000);
		assert_int_equal(child.spec.type, SUP_WORKER);
		assert_false(child.spec.significant);
	}
	assert_int_equal(sup_which_child_pid(sup, sup, &child), -ENOENT);
	assert_int_equal(sup_which_child(sup, "c", &child), -EOPNOTSUPP);

	world_close();
}

static void SUP_18_stop_timeout(void **state)
{
	struct fake template = temporary;
	struct fake a = { .id = "a" }, b = { .id = "b", .deaf = true };
	struct sup_pid sup;

	(void)state;
	template.shutdown_ms = 1000;
	sup = world_simple(2, 3600, &template);
	start(sup, &a);
	start(sup, &b);
	world_stop(sup);
	check_ended(sup, shutdown);
	check_ended(a.pid, shutdown);
	check_ended(b.pid, killed);

	world_close();
}

static void SUP_20_stop_brutal_kill(void **state)
{
	struct fake template = temporary, f[10];
	struct sup_pid sup;
	size_t i;

	(void)state;
	template.shutdown_ms = SUP_SHUTDOWN_KILL;
	sup = world_simple(2, 3600, &template);
	for (i = 0; i < N_OF(f); i++) {
		f[i] = (struct fake){ .id = "f" };
		start(sup, &f[i]);
	}
	world_events();
	world_stop(sup);
	check_ended(sup, shutdown);
	for (i = 0; i < N_OF(f); i++)
		check_ended(f[i].pid, killed);
	assert_null(strstr(world_events(), "shutdown_error"));

	world_close();
}

static void SUP_22_stop_with_other_reasons(void **state)
{
	static const struct fake *const templates[] = {
		&permanent, &transient, &temporary,
	};
	struct sup_reason reasons[] = { normal, shutdown, shutdown7, abnormal };
	struct fake f[4];
	struct sup_pid sup;
	size_t i, k;

	(void)state;
	for (i = 0; i < N_OF(templates); i++) {
		sup = world_simple(2, 3600, templates[i]);
		for (k = 0; k < 4; k++) {
			f[k] = (struct fake){
				.id = "f", .stop_reason = reasons[k],
				.stop_normally = k == 0,
			};
			start(sup, &f[k]);
		}
		world_stop(sup);
		check_ended(sup, shutdown);
		for (k = 0; k < 4; k++)
			check_ended(f[k].pid, reasons[k]);
	}

	world_close();
}

static void SUP_24_child_adm_simple(void **state)
{
	struct fake a = { .id = "a" }, b = { .id = "b" };
	struct sup_pid sup, pid, other;
	struct sup_child_spec spec = world_spec(&b);

	(void)state;
	sup = world_simple(2, 3600, &permanent);
	other = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, NULL);
	assert_string_equal(world_listing(sup), "");
	check_counts(sup, 1, 0, 0, 0);
	assert_int_equal(world_start_extra(SUP_PID_NONE, &a, &pid), -ESRCH);
	assert_int_equal(world_start_extra(other, &a, &pid), -EOPNOTSUPP);
	assert_int_equal(sup_start_child(sup, &spec, &pid), -EOPNOTSUPP);
	start(sup, &a);
	check_counts(sup, 1, 1, 0, 1);
	start(sup, &b);
	check_counts(sup, 1, 2, 0, 2);
	assert_int_equal(sup_terminate_child(sup, "c"), -EOPNOTSUPP);
	assert_int_equal(sup_terminate_child_pid(sup, a.pid), 0);
	check_ended(a.pid, shutdown);
	assert_int_equal(a.frees, 1);
	check_counts(sup, 1, 1, 0, 1);
	assert_int_equal(sup_terminate_child_pid(sup, a.pid), 0);
	assert_int_equal(sup_terminate_child_pid(sup, other), -ENOENT);
	assert_false(world_has_ended(other, NULL));
	assert_int_equal(sup_restart_child(sup, "c", &pid), -EOPNOTSUPP);
	assert_int_equal(sup_delete_child(sup, "c"), -EOPNOTSUPP);
	assert_int_equal(sup_start_extra(sup, &a, NULL, &pid), 0);
	check_counts(sup, 1, 2, 0, 2);

	world_close();
}

static void SUP_49_simple_one_for_one(void **state)
{
	struct fake a = { .id = "a" }, b = { .id = "b" };
	struct sup_pid sup, before;

	(void)state;
	sup = world_simple(2, 3600, &permanent);
	before = start(sup, &b);
	start(sup, &a);
	crash(&a, abnormal);
	assert_int_equal(b.pid.v, before.v);
	assert_int_equal(a.starts, 2);
	check_counts(sup, 1, 2, 0, 2);
	crash(&a, abnormal);
	crash(&b, abnormal);
	check_ended(sup, shutdown);
	assert_int_equal(a.frees, 1);
	assert_int_equal(b.frees, 1);

	world_close();
}

static void SUP_50_they_stop_at_once(void **state)
{
	struct fake template = permanent;
	struct fake f[3] = {
		{ .id = "a", .stop_ns = S }, { .id = "b", .stop_ns = S },
		{ .id = "c", .stop_ns = 5 * S },
	};
	struct sup_pid sup;
	int64_t begin;
	size_t i;

	(void)state;
	template.shutdown_ms = 2000;
	sup = world_simple(2, 3600, &template);
	for (i = 0; i < 3; i++)
		start(sup, &f[i]);
	begin = sup_deadline_ms(0);
	world_stop(sup);
	assert_int_equal(sup_deadline_ms(0) - begin, 2 * S);
	check_ended(f[0].pid, shutdown);
	check_ended(f[1].pid, shutdown);
	check_ended(f[2].pid, killed);

	world_close();
}

static int start_with_info(const void *arg, const void *extra,
			   struct sup_pid *ret_pid)
{
	struct fake *f = (struct fake *)extra;
	struct sup_child_spec spec = world_spec(f);

	(void)arg;
	if (f->result)
		sup_start_info((uint64_t)f->result + f->starts);
	return spec.start(f, ret_pid);
}

static void SUP_51_start_info(void **state)
{
	struct sup_child_spec spec = world_spec(&(struct fake){ .id = "c" });
	struct sup_supervisor_spec s = {
		.size = sizeof(s), .strategy = SUP_SIMPLE_ONE_FOR_ONE,
		.intensity = 2, .children = &spec, .n_children = 1,
	};
	struct fake a = { .id = "a", .result = 40 }, b = { .id = "b" };
	struct sup_pid sup, pid;
	uint64_t info = 0;

	(void)state;
	spec.start = NULL;
	spec.free_arg = NULL;
	spec.start_with = start_with_info;
	assert_int_equal(sup_supervisor_start(&s, &sup), 0);
	assert_int_equal(sup_start_extra(sup, &a, NULL, &pid), 0);
	assert_int_equal(sup_started_info(&info), 0);
	assert_int_equal(info, 40);
	assert_int_equal(sup_start_extra(sup, &b, NULL, &pid), 0);
	assert_int_equal(sup_started_info(&info), -ENODATA);
	crash(&a, abnormal);
	assert_int_equal(a.starts, 2);
	assert_int_equal(sup_started_info(&info), -ENODATA);

	world_close();
}

static void SUP_52_escalation(void **state)
{
	struct fake a = { .id = "a", .script = "of" }, b = { .id = "b" };
	struct sup_pid sup;

	(void)state;
	sup = world_simple(4, 3600, &permanent);
	start(sup, &a);
	start(sup, &b);
	crash(&a, abnormal);
	check_ended(sup, shutdown);
	check_ended(b.pid, shutdown);
	assert_int_equal(a.starts, 5);

	world_close();
}

static void SUP_53_extras_of_temporary_children_are_not_kept(void **state)
{
	struct fake a = { .id = "a" }, b = { .id = "b" };
	struct sup_pid sup;

	(void)state;
	sup = world_simple(2, 3600, &temporary);
	start(sup, &a);
	start(sup, &b);
	crash(&a, abnormal);
	assert_int_equal(a.frees, 1);
	assert_int_equal(b.frees, 0);
	crash(&b, normal);
	assert_int_equal(b.frees, 1);
	check_counts(sup, 1, 0, 0, 0);

	world_close();
}

static void SUP_54_ignore_at_a_restart(void **state)
{
	static const struct fake *const templates[] = {
		&permanent, &transient,
	};
	struct sup_pid sup;
	struct fake a;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(templates); i++) {
		a = (struct fake){ .id = "a", .script = "ooi" };
		sup = world_simple(10, 3600, templates[i]);
		start(sup, &a);
		crash(&a, killed);
		assert_string_equal(world_listing(sup), "c+");
		crash(&a, killed);
		assert_string_equal(world_listing(sup), "");
		assert_int_equal(a.frees, 1);
		world_stop(sup);
		check_ended(sup, shutdown);
	}

	world_close();
}

static void SUP_62_significant_is_refused(void **state)
{
	struct fake c = temporary;
	struct sup_child_spec spec = world_spec(&c);
	struct sup_supervisor_spec s = {
		.size = sizeof(s), .strategy = SUP_SIMPLE_ONE_FOR_ONE,
		.children = &spec, .n_children = 1,
	};
	struct sup_pid sup;

	(void)state;
	s.auto_shutdown = SUP_AUTO_SHUTDOWN_ANY;
	assert_int_equal(sup_supervisor_start(&s, &sup), -EINVAL);
	s.auto_shutdown = SUP_AUTO_SHUTDOWN_ALL;
	assert_int_equal(sup_supervisor_start(&s, &sup), -EINVAL);
	s.auto_shutdown = SUP_AUTO_SHUTDOWN_NEVER;
	spec.significant = true;
	assert_int_equal(sup_supervisor_start(&s, &sup), -EINVAL);
	spec.significant = false;
	assert_int_equal(sup_supervisor_start(&s, &sup), 0);
	s.n_children = 0;
	assert_int_equal(sup_supervisor_start(&s, &sup), -EINVAL);
	s.n_children = 2;
	assert_int_equal(sup_supervisor_start(&s, &sup), -EINVAL);

	world_close();
}

/* What calls see while a restart is under way: asked from within the start. */
struct seen {
	struct sup_pid sup;
	const char *listing;
};

static void look(struct fake *f)
{
	struct seen *seen = f->arg;

	if (f->starts > 2)
		assert_string_equal(world_listing(seen->sup), seen->listing);
}

static void SUP_76_count_restarting_children(void **state)
{
	struct fake template = { .id = "c",
				 .shutdown_ms = SUP_SHUTDOWN_KILL };
	struct fake f[3] = {
		{ .id = "0", .script = "oooo" },
		{ .id = "1", .script = "oofffffo" },
		{ .id = "2", .script = "oofffffo" },
	};
	struct sup_pid sup;
	int i;

	(void)state;
	sup = world_simple(20, 10, &template);
	for (i = 0; i < 3; i++)
		start(sup, &f[i]);
	check_counts(sup, 1, 3, 0, 3);
	for (i = 0; i < 3; i++)
		crash(&f[i], killed);
	check_counts(sup, 1, 3, 0, 3);
	world_end(f[1].pid, killed);
	world_end(f[2].pid, killed);
	/* Both ends, and a first attempt each. */
	assert_true(world_step());
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "c+ c* c*");
	world_run();
	check_counts(sup, 1, 3, 0, 3);
	for (i = 0; i < 3; i++) {
		assert_int_equal(sup_terminate_child_pid(sup, f[i].pid), 0);
		check_counts(sup, 1, (size_t)(2 - i), 0, (size_t)(2 - i));
	}

	world_close();
}

/* OTP counts one too few from here on. */
static void terminating_a_restarting_one_keeps_the_books(void **state)
{
	struct fake a = { .id = "a", .script = "of" }, b = { .id = "b" };
	struct sup_child_counts counts;
	struct sup_pid sup, old;

	(void)state;
	sup = world_simple(8, 10, &permanent);
	old = start(sup, &a);
	start(sup, &b);
	world_end(a.pid, abnormal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "c* c+");
	/* Waits in line behind the retry, which fails, too. */
	assert_int_equal(sup_terminate_child_pid(sup, old), 0);
	assert_string_equal(world_listing(sup), "c+");
	assert_int_equal(sup_count_children(sup, &counts), 0);
	assert_int_equal(counts.active, 1);
	assert_int_equal(a.frees, 1);

	world_close();
}

static int ask_pid(struct sup_pid sup, enum sup__supervisor_op op,
		   struct sup_pid pid)
{
	struct sup__supervisor_request req = { .op = op, .pid = pid };
	struct sup_msg msg = {
		.tag = SUP__SUPERVISOR_REQUEST, .data = &req,
		.len = sizeof(req),
	};

	return world_ask(sup, &msg);
}

static void SUP_83_hanging_restart_loop_simple(void **state)
{
	struct fake a = { .id = "a", .script = "off", .in_start = look };
	const struct sup__supervisor_reply *answer;
	struct seen seen = { .listing = "c<" };
	const struct sup_child *row;
	struct sup_pid sup, old;
	struct sup_msg reply;
	int ask[2];

	(void)state;
	sup = world_simple(8, 10, &permanent);
	seen.sup = sup;
	a.arg = &seen;
	old = start(sup, &a);
	world_end(a.pid, abnormal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "c*");
	ask[0] = ask_pid(sup, SUP__OP_WHICH_PID, old);
	ask[1] = ask_pid(sup, SUP__OP_TERMINATE_PID, old);
	world_run();
	assert_int_equal(world_answer(ask[0], &reply), 0);
	answer = reply.data;
	assert_int_equal(answer->n, 1);
	row = (const struct sup_child *)(answer + 1);
	assert_int_equal(row->state, SUP_CHILD_RESTARTING);
	assert_int_equal(row->pid.v, 0);
	sup_msg_free(&reply);
	assert_int_equal(world_answer(ask[1], &reply), 0);
	answer = reply.data;
	assert_int_equal(answer->ret, 0);
	sup_msg_free(&reply);
	assert_string_equal(world_listing(sup), "");
	check_counts(sup, 1, 0, 0, 0);
	assert_int_equal(a.frees, 1);
	assert_false(world_has_ended(sup, NULL));

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(SUP_06_temporary_that_ignores),
		CASE(SUP_07_permanent_that_ignores),
		CASE(SUP_12_start_that_fails_leaves_nothing),
		CASE(SUP_14_specs_by_pid),
		CASE(SUP_18_stop_timeout),
		CASE(SUP_20_stop_brutal_kill),
		CASE(SUP_22_stop_with_other_reasons),
		CASE(SUP_24_child_adm_simple),
		CASE(SUP_49_simple_one_for_one),
		CASE(SUP_50_they_stop_at_once),
		CASE(SUP_51_start_info),
		CASE(SUP_52_escalation),
		CASE(SUP_53_extras_of_temporary_children_are_not_kept),
		CASE(SUP_54_ignore_at_a_restart),
		CASE(SUP_62_significant_is_refused),
		CASE(SUP_76_count_restarting_children),
		CASE(terminating_a_restarting_one_keeps_the_books),
		CASE(SUP_83_hanging_restart_loop_simple),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
