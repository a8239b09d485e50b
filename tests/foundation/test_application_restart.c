/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A restart whose job is killed when it has stopped a service goes on. */
#include "foundation.h"

#include <sched.h>

#include "foundation/services.h"

#define YEAR_MS (INT64_C(365) * 24 * 3600 * 1000)

/* A service of production that comes to its end when it is let. */
static _Atomic bool shut, is_ending;

static int init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static void ends_slowly(void *state, const struct sup_reason *reason)
{
	(void)state;
	(void)reason;
	atomic_store(&is_ending, true);
	while (atomic_load(&shut))
		sched_yield();
}

static int start_slow(const void *arg, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .terminate = ends_slowly,
	};
	static const struct sup_server_spec server = {
		.size = sizeof(server), .ops = &ops,
	};
	const struct fnd_service_spec service = {
		.size = sizeof(service), .supervisor = "others",
		.child = "slow",
	};
	int ret;

	(void)arg;
	ret = sup_server_start(&server, ret_pid);
	return ret ? ret : fnd_service_register(FND_PRODUCTION, "slow",
						*ret_pid, &service, NULL);
}

/* With monitors that have no round of their own after the first one. */
static int set_up_slow(void **state)
{
	static const struct fnd_service_monitor_options monitor = {
		.size = sizeof(monitor), .interval_ms = YEAR_MS,
	};
	static const struct fnd_foundation_options options = {
		.size = sizeof(options), .service_monitor = &monitor,
	};
	static const struct sup_child_spec child = {
		.size = sizeof(child), .id = "slow", .start = start_slow,
		.shutdown_ms = SUP_SHUTDOWN_INFINITY,
	};
	static const struct sup_supervisor_spec others = {
		.size = sizeof(others), .name = "others", .reg = true,
		.children = &child, .n_children = 1,
	};
	struct fnd_service_round round;
	struct sup_pid pid;

	sup_set_log_level(-1);
	atomic_store(&shut, true);
	atomic_store(&is_ending, false);
	return set_up(state) || fnd_foundation_start(&options, &foundation) ||
		fnd_service_monitor_get(&round, LONG) ||
		sup_supervisor_start(&others, &pid);
}

static int tear_down_slow(void **state)
{
	int ret;

	atomic_store(&shut, false);
	ret = tear_down(state);
	fnd_service_unregister(FND_PRODUCTION, "slow");
	return ret;
}

#define SLOW_CASE(f) cmocka_unit_test_setup_teardown(f, set_up_slow, \
						      tear_down_slow)

static int restarts(void *arg)
{
	(void)arg;
	return fnd_application_restart("slow", NULL, LONG);
}

/* Who asks, when the service is about to end for it. */
static struct sup_pid ask(struct sup_pid *ret_job)
{
	struct sup_pid asker = start(restarts, NULL);

	AWAIT(atomic_load(&is_ending));
	*ret_job = fnd__service_restarted_by(FND_PRODUCTION, "slow");
	assert_true(sup_is_alive(*ret_job));
	return asker;
}

/* The service is another task than before. */
static void is_up_again(struct sup_pid before)
{
	struct sup_pid pid;

	AWAIT(!sup_is_alive(before));
	assert_int_equal(fnd_service_wait(FND_PRODUCTION, "slow", &pid, LONG),
			 0);
	assert_int_not_equal(pid.v, before.v);
	assert_true(sup_is_alive(pid));
}

static void the_next_task_supervisor_goes_on(void **state)
{
	struct sup_pid before = fnd_service_whereis(FND_PRODUCTION, "slow");
	struct sup_pid job, asker = ask(&job);

	(void)state;
	kill_and_wait(fnd_task_supervisor());
	assert_int_equal(end_of(asker).code, -EPIPE);
	AWAIT(!sup_is_alive(job));
	atomic_store(&shut, false);
	is_up_again(before);
}

static void the_service_monitor_goes_on(void **state)
{
	struct sup_pid before = fnd_service_whereis(FND_PRODUCTION, "slow");
	struct sup_pid job, asker = ask(&job);
	struct fnd_service_round round;
	struct sup_child c;

	(void)state;
	kill_and_wait(job);
	assert_int_equal(end_of(asker).code, -EPIPE);
	atomic_store(&shut, false);
	assert_int_equal(sup_which_child(sup_whereis("others"), "slow", &c),
			 0);
	assert_int_equal(c.state, SUP_CHILD_STOPPED);
	assert_int_equal(fnd_service_monitor_run(&round, LONG), 0);
	assert_int_equal(round.restarted, 1);
	is_up_again(before);
}

/* Neither starts what another has stopped since. */
static void what_is_stopped_on_purpose_stays_so(void **state)
{
	struct fnd_service_round round;
	struct sup_pid job, asker;
	struct sup_child c;

	(void)state;
	asker = ask(&job);
	atomic_store(&shut, false);
	assert_int_equal(end_of(asker).kind, SUP_REASON_NORMAL);
	assert_int_equal(sup_terminate_child(sup_whereis("others"), "slow"),
			 0);
	AWAIT(!sup_is_alive(job));
	kill_and_wait(fnd_task_supervisor());
	await_service("fnd_tasks");
	assert_int_equal(fnd_service_monitor_run(&round, LONG), 0);
	assert_int_equal(round.restarted, 0);
	assert_int_equal(round.down, 1);
	assert_int_equal(sup_which_child(sup_whereis("others"), "slow", &c),
			 0);
	assert_int_equal(c.state, SUP_CHILD_STOPPED);
}

static void a_task_supervisor_that_was_stopped(void **state)
{
	struct sup_pid pid, before = fnd_task_supervisor();

	(void)state;
	assert_int_equal(sup_terminate_child(foundation, "task_supervisor"),
			 0);
	assert_int_equal(fnd_application_restart("task_supervisor", &pid,
						 LONG), 0);
	assert_int_not_equal(pid.v, before.v);
	assert_int_equal(fnd_task_supervisor().v, pid.v);
	atomic_store(&shut, false);
	assert_int_equal(restarts(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SLOW_CASE(the_next_task_supervisor_goes_on),
		SLOW_CASE(the_service_monitor_goes_on),
		SLOW_CASE(what_is_stopped_on_purpose_stays_so),
		SLOW_CASE(a_task_supervisor_that_was_stopped),
	};

	return RUN_TESTS(tests);
}
