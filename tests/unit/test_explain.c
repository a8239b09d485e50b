/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Explanations by another thread, while what they are about changes, or goes.
 * What they say: tests/sim/test_explain.c.
 */
#include "tasks.h"

#include <sched.h>

#include <sup/explain.h>
#include <sup/server.h>
#include <sup/supervisor.h>

#define ROUNDS 100

static _Atomic bool enough;

/* Explains c as fast as it can, whatever is done to it meanwhile. */
static int looks_on(void *arg)
{
	struct sup_pid top = SUP_PID_NONE;
	struct sup_explanation e;
	int ret;

	(void)arg;
	while (!atomic_load(&enough)) {
		ret = sup_explain(top, "c", &e);
		EXPECT(!ret || ret == -ESRCH || ret == -ENOENT);
		/* It has no name any more before all of it is gone. */
		if (ret == -ESRCH)
			top = sup_whereis("top");
		/* Others need what it shows, too. */
		sched_yield();
		sup_checkpoint();
	}
	return 0;
}

static void await_why(const char *id, enum sup_why why)
{
	struct sup_explanation e = { .why = SUP_WHY_NOT_YET };
	int64_t limit = LONG;

	while (sup_deadline_ms(0) < limit) {
		if (!sup_explain(sup_whereis("top"), id, &e) && e.why == why)
			return;
		sched_yield();
	}
	assert_int_equal(e.why, why);
}

static int stays(void *arg)
{
	struct sup_info info;

	(void)arg;
	return sup_receive(&info, SUP_FOREVER);
}

static int returns(void *arg)
{
	(void)arg;
	return 0;
}

/* c needs what is done, and what is stopped; it stands before both. */
static const struct sup_thread_spec threads[] = {
	{ .size = sizeof(threads[0]), .name = "c", .reg = true, .run = stays },
	{ .size = sizeof(threads[0]), .name = "base", .run = stays },
	{ .size = sizeof(threads[0]), .name = "done", .run = returns },
};
static const char *const needs[] = { "done", "base", NULL };
static const struct sup_child_spec children[] = {
	{ .size = sizeof(children[0]), .id = "c", .arg = &threads[0],
	  .start = sup_thread_start, .depends_on = needs,
	  .backoff = { .min_ms = 1, .max_ms = 1 } },
	{ .size = sizeof(children[0]), .id = "base", .arg = &threads[1],
	  .start = sup_thread_start },
	{ .size = sizeof(children[0]), .id = "done", .arg = &threads[2],
	  .start = sup_thread_start, .restart = SUP_TRANSIENT },
};
static const struct sup_supervisor_spec top_spec = {
	.size = sizeof(top_spec), .name = "top", .reg = true,
	.children = children, .n_children = 3, .intensity = 1000000,
};

/* Until c is to be restarted, which needs base. */
static void make_it_wait(void)
{
	await_why("c", SUP_WHY_RUNS);
	assert_int_equal(sup_terminate_child(sup_whereis("top"), "base"), 0);
	kill_and_wait(sup_whereis("c"));
	await_why("c", SUP_WHY_DEPENDS);
}

static void end_both(struct sup_pid watcher, struct sup_pid sup)
{
	struct sup_reason why;

	atomic_store(&enough, true);
	assert_int_equal(end_of(watcher).code, 0);
	assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, &why, LONG), 0);
}

static void while_it_waits(void **state)
{
	struct sup_pid top, pid, watcher;
	int i;

	(void)state;
	assert_int_equal(sup_supervisor_start(&top_spec, &top), 0);
	atomic_store(&enough, false);
	watcher = start(looks_on, NULL);
	for (i = 0; i < ROUNDS; i++) {
		await_why("done", SUP_WHY_DONE);
		make_it_wait();
		assert_int_equal(sup_restart_child(top, "done", &pid), 0);
		assert_int_equal(sup_restart_child(top, "base", &pid), 0);
	}
	end_both(watcher, top);
}

/* top is killed: its supervisor takes down what it shows. */
static void while_all_goes(void **state)
{
	struct sup_child_spec child = {
		.size = sizeof(child), .id = "top", .type = SUP_SUPERVISOR,
		.start = sup_supervisor_start, .arg = &top_spec,
	};
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "over", .intensity = 1000000,
		.children = &child, .n_children = 1,
	};
	struct sup_pid over, watcher;
	int i;

	(void)state;
	assert_int_equal(sup_supervisor_start(&spec, &over), 0);
	atomic_store(&enough, false);
	watcher = start(looks_on, NULL);
	for (i = 0; i < ROUNDS; i++) {
		make_it_wait();
		kill_and_wait(sup_whereis("top"));
	}
	end_both(watcher, over);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(while_it_waits),
		CASE(while_all_goes),
	};

	return RUN_TESTS(tests);
}
