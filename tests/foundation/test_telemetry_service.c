/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The service of events, its restarts, and what supervisors report. */
#include "handlers.h"

#include <signal.h>

static void figures_and_handlers_survive_a_restart(void **state)
{
	static struct seen s;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(attach("stays", "x", sees, &s), 0);
	assert_int_equal(fnd_telemetry_count("x", 3, NULL), 0);
	restart_by_kill(SERVICE);
	assert_int_equal(fnd_telemetry_count("x", 4, NULL), 0);
	AWAIT(atomic_load(&s.n) == 2);
	assert_int_equal(atomic_load(&s.sum), 7);
	assert_int_equal(fnd_telemetry_detach("stays", LONG), 0);
}

/* The crashes of one child: the report of another's may come late. */
struct seen_of {
	const char *child;
	struct seen seen;
};

static int sees_child(const struct fnd_telemetry_event *e, void *arg)
{
	struct seen_of *s = arg;
	size_t i;

	for (i = 0; i < e->metadata.n; i++)
		if (!strcmp(e->metadata.pairs[i].key, "child") &&
		    !strcmp(e->metadata.pairs[i].value, s->child))
			return sees(e, &s->seen);
	return 0;
}

/* Who reads reports executes what it counts. */
static void it_does_not_outlive_its_reader(void **state)
{
	static const char ended[] = "foundation.supervisor.child_terminated";
	struct sup_pid service = await_service(SERVICE);
	static struct seen_of locks = { .child = "locks" };
	static struct seen_of own = { .child = "telemetry_service" };

	(void)state;
	assert_int_equal(attach("locks", ended, sees_child, &locks), 0);
	restart_by_kill("fnd_locks");
	AWAIT(atomic_load(&locks.seen.n) == 1);
	assert_int_not_equal(locks.seen.last.pid.v, 0);
	assert_int_equal(attach("own", ended, sees_child, &own), 0);
	kill_and_wait(locks.seen.last.pid);
	end_of(service);
	assert_int_not_equal(await_service(SERVICE).v, service.v);
	AWAIT(atomic_load(&own.seen.n) == 1);
	assert_int_equal(atomic_load(&locks.seen.n), 1);
	assert_int_equal(fnd_telemetry_detach("own", LONG), 0);
	assert_int_equal(fnd_telemetry_detach("locks", LONG), 0);
}

/* Nobody restarts these. */
static void what_fails_meanwhile_is_reported_by_the_next(void **state)
{
	const struct sup_dynamic_spec tasks = {
		.size = sizeof(tasks), .name = TASKS, .reg = true,
	};
	static struct seen bad;
	struct sup_pid pid, sup;

	(void)state;
	sup_set_log_level(-1);
	fnd_telemetry_reset();
	assert_int_equal(attach("early", "x", fails, &bad), -ENOTCONN);
	assert_int_equal(status().handlers, 0);
	assert_int_equal(sup_dynamic_start(&tasks, &sup), 0);
	assert_int_equal(fnd_telemetry_start(NULL, &pid), 0);
	assert_int_equal(fnd_telemetry_start(NULL, &pid), -EEXIST);
	assert_int_equal(attach("bad", "x", fails, &bad), 0);
	kill_and_wait(pid);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	AWAIT(atomic_load(&bad.n));
	assert_int_equal(counted(DETACHED, "bad"), 0);
	assert_int_equal(fnd_telemetry_start(NULL, &pid), 0);
	is_detached("bad", "exit");
}

static int returns(void *arg)
{
	return *(int *)arg;
}

static int is_killed_in_it(void *arg)
{
	(void)arg;
	sup_exit_self(&SUP_SHUTDOWN);
}

static int measures(void *arg)
{
	return fnd_telemetry_measure("measured", NULL, is_killed_in_it, arg,
				     NULL);
}

static void what_is_measured_has_a_result(void **state)
{
	int result = 5, got = 0;
	struct fnd_figure *f;
	size_t n;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(fnd_telemetry_measure("measured", NULL, returns,
					       &result, &got), 0);
	assert_int_equal(got, 5);
	result = -EIO;
	assert_int_equal(fnd_telemetry_measure("measured", NULL, returns,
					       &result, NULL), 0);
	assert_int_equal(fnd_telemetry_measure("", NULL, returns,
					       &result, &got), -EINVAL);
	assert_int_equal(got, -EIO);
	assert_int_equal(end_of(start(measures, NULL)).kind,
			 SUP_REASON_SHUTDOWN);
	assert_int_equal(fnd_metric_list("measured", &f, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(f[0].name, "measured.exception.duration");
	assert_string_equal(f[1].name, "measured.stop.duration");
	assert_int_equal(f[0].kind, FND_METRIC_SUMMARY);
	assert_int_equal(f[0].count, 1);
	assert_int_equal(f[1].count, 1);
	assert_true(f[1].value > 0);
	free(f);
}

static int crashes(void *arg)
{
	(void)arg;
	return 3;
}

static void what_supervisors_report_is_counted(void **state)
{
	static const struct sup_thread_spec crash = {
		.size = sizeof(crash), .run = crashes,
	};
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "crasher",
		.start = sup_thread_start, .arg = &crash,
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "unlucky", .children = &child,
		.n_children = 1, .intensity = 4, .period_s = 60,
	};
	struct sup_pid pid;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(sup_supervisor_start(&spec, &pid), 0);
	end_of(pid);
	AWAIT(counted("foundation.supervisor.give_up", "unlucky"));
	assert_int_equal(counted("foundation.supervisor.child_terminated",
				 "crasher"), 5);
	assert_int_equal(counted("foundation.supervisor.child_terminated",
				 "exit"), 5);
	assert_int_equal(counted("foundation.supervisor.restarting",
				 "unlucky"), 4);
}

/* What the record of an exit has; the sender is told by the module alone. */
static void signals_that_end_processes_are_counted(void **state)
{
	static const char *const argv[] = { "sleep", "1000", NULL };
	static const struct sup_process_spec process = {
		.size = sizeof(process), .argv = argv,
	};
	char number[16];
	/* Another id for each: who has ended is forgotten a little later. */
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = number,
		.start = sup_process_start, .arg = &process,
		.restart = SUP_TEMPORARY,
	};
	const int signals[] = { SIGKILL, SIGTERM, SIGRTMIN + 9 };
	struct sup_pid pid;
	pid_t os_pid;
	size_t i;

	(void)state;
	fnd_telemetry_reset();
	for (i = 0; i < N_OF(signals); i++) {
		snprintf(number, sizeof(number), "%d", signals[i]);
		assert_int_equal(sup_start_child(foundation, &child, &pid), 0);
		assert_int_equal(sup_os_pid(pid, &os_pid, NULL), 0);
		assert_int_equal(kill(os_pid, signals[i]), 0);
		end_of(pid);
	}
	AWAIT(counted("foundation.supervisor.signal", "no") == 3);
	assert_int_equal(counted("foundation.supervisor.signal", "KILL"), 1);
	assert_int_equal(counted("foundation.supervisor.signal", "TERM"), 1);
	assert_int_equal(counted("foundation.supervisor.signal", number), 1);
	assert_int_equal(counted("foundation.supervisor.signal", "unknown"),
			 3);
}

static void the_service_forgets_what_comes_no_more(void **state)
{
	struct fnd_telemetry_options o = { sizeof(o), 1, 1 };
	struct sup_pid pid;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(fnd_telemetry_start(&o, &pid), 0);
	assert_int_equal(fnd_telemetry_count("short", 1, NULL), 0);
	AWAIT(!is_there("short"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVICE_CASE(figures_and_handlers_survive_a_restart),
		FEW_CASE(it_does_not_outlive_its_reader),
		CASE(what_fails_meanwhile_is_reported_by_the_next),
		CASE(what_is_measured_has_a_result),
		SERVICE_CASE(what_supervisors_report_is_counted),
		FEW_CASE(signals_that_end_processes_are_counted),
		CASE(the_service_forgets_what_comes_no_more),
	};

	return RUN_TESTS(tests);
}
