/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The HealthMonitor: how the services are, and what should be done. */
#include "foundation.h"

#include "lib/gs.h"
#include "monitors.h"

#define MONITOR "fnd_health_monitor"

static void guide_starts_and_stops_cleanly(void **state)
{
	struct fnd_health_picture *h;
	struct sup_pid pid;

	(void)state;
	starts_and_stops_cleanly(fnd_health_monitor_start, MONITOR);
	assert_int_equal(fnd_health_get(&h, LONG), -ENOTCONN);
	/* It runs, but its rounds need a task supervisor. */
	assert_int_equal(fnd_health_monitor_start(NULL, &pid), 0);
	assert_int_equal(fnd_health_check(&h, LONG), -ENOTCONN);
}

static void guide_killed_it_has_a_new_pid_within_100_ms(void **state)
{
	(void)state;
	has_a_new_pid_within_100_ms(fnd_health_monitor_start, MONITOR);
}

static struct fnd_health_picture *check_health(void)
{
	struct fnd_health_picture *h = NULL;

	assert_int_equal(fnd_health_check(&h, LONG), 0);
	return h;
}

/* Of one service, by its place. */
static struct fnd_service_status status_of(size_t i)
{
	struct fnd_health_picture *h = check_health();
	struct fnd_service_status s;

	assert_true(i < h->n);
	s = h->services[i];
	free(h);
	return s;
}

static void all_is_well_from_the_first_second(void **state)
{
	struct fnd_service *services;
	struct fnd_health_picture *h;
	size_t i, n;

	(void)state;
	assert_int_equal(start_foundation(NULL, NULL), 0);
	assert_int_equal(fnd_health_get(&h, LONG), 0);
	assert_int_equal(h->round, 1);
	for (i = 0; i < h->n; i++)
		assert_string_equal(h->services[i].advice, "");
	assert_int_equal(h->overall, FND_HEALTHY);
	assert_int_equal(h->permille, 1000);
	free(h);
	/* All that had begun by then are known in the next. */
	assert_int_equal(fnd_service_list(FND_PRODUCTION, &services, &n), 0);
	h = check_health();
	assert_int_equal(h->n, n);
	assert_int_equal(h->healthy, n);
	assert_int_equal(h->overall, FND_HEALTHY);
	for (i = 0; i < n; i++)
		assert_string_equal(h->services[i].name, services[i].name);
	free(services);
	free(h);
}

static int code;

static int returns_code(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	return code;
}

static void thresholds_say_how_bad_failures_are(void **state)
{
	struct fnd_service_status s;
	struct fnd_health_picture *h;

	(void)state;
	assert_int_equal(serve(N, "s", start(stays, NULL),
			       SPEC(.health = returns_code)), 0);
	code = 0;
	assert_int_equal(status_of(0).status, FND_HEALTHY);
	code = 7;
	s = status_of(0);
	assert_int_equal(s.status, FND_DEGRADED);
	assert_int_equal(s.failures, 0);
	assert_non_null(strstr(s.advice, "7"));
	code = -ENOSPC;
	assert_int_equal(status_of(0).status, FND_DEGRADED);
	s = status_of(0);
	assert_int_equal(s.status, FND_DEGRADED);
	assert_int_equal(s.failures, 2);
	assert_int_equal(s.outcome, FND_HEALTH_FAILED);
	assert_non_null(strstr(s.advice, "No space left"));
	h = check_health();
	assert_int_equal(h->services[0].status, FND_UNHEALTHY);
	assert_int_equal(h->overall, FND_UNHEALTHY);
	assert_int_equal(h->permille, 0);
	free(h);
	code = 0;
	assert_int_equal(status_of(0).status, FND_HEALTHY);
}

static const struct fnd_health_monitor_options patient = {
	.size = sizeof(patient), .interval_ms = NEVER_MS, .ns = { 1 },
	.degraded_threshold = 2, .unhealthy_threshold = 4,
};

static void other_thresholds(void **state)
{
	static const enum fnd_health expected[] = {
		FND_HEALTHY, FND_DEGRADED, FND_DEGRADED, FND_UNHEALTHY,
	};
	size_t i;

	(void)state;
	assert_int_equal(start_foundation(&patient, &services_when_asked), 0);
	code = 0;
	assert_int_equal(serve(N, "s", start(stays, NULL),
			       SPEC(.health = returns_code)), 0);
	assert_int_equal(status_of(0).status, FND_HEALTHY);
	code = -EIO;
	for (i = 0; i < N_OF(expected); i++)
		assert_int_equal(status_of(0).status, expected[i]);
	assert_int_equal(fnd_service_cleanup(N, NULL, LONG), 0);
}

/* Failures are noted with the service: it may be another monitor by now. */
static void thresholds_hold_over_a_restart(void **state)
{
	struct fnd_health_picture *h;

	(void)state;
	code = -EIO;
	assert_int_equal(serve(N, "s", start(stays, NULL),
			       SPEC(.health = returns_code)), 0);
	assert_int_equal(status_of(0).status, FND_DEGRADED);
	assert_int_equal(status_of(0).status, FND_DEGRADED);
	restart_by_kill(MONITOR);
	assert_int_equal(fnd_health_get(&h, LONG), 0);
	assert_true(h->services[0].failures >= 3);
	assert_int_equal(h->overall, FND_UNHEALTHY);
	free(h);
}

static void who_lacks_another_is_degraded(void **state)
{
	static const char *const needs[] = { "db", NULL };
	struct sup_pid db = start(stays, NULL);
	struct fnd_service_status s;
	struct fnd_health_picture *h;

	(void)state;
	assert_int_equal(serve(N, "web", start(stays, NULL),
			       SPEC(.depends_on = needs)), 0);
	s = status_of(0);
	assert_int_equal(s.status, FND_DEGRADED);
	assert_int_equal(s.outcome, FND_HEALTH_ALIVE);
	assert_non_null(strstr(s.advice, "db"));
	assert_int_equal(serve(N, "db", db, NULL), 0);
	h = check_health();
	assert_int_equal(h->overall, FND_HEALTHY);
	assert_int_equal(h->n, 2);
	free(h);
	kill_and_wait(db);
	h = check_health();
	assert_int_equal(h->overall, FND_UNHEALTHY);
	assert_int_equal(h->permille, 250);
	assert_int_equal(h->healthy, 0);
	assert_int_equal(h->degraded, 1);
	assert_int_equal(h->unhealthy, 1);
	assert_string_equal(h->services[0].name, "db");
	assert_int_equal(h->services[0].outcome, FND_HEALTH_DOWN);
	assert_int_equal(h->services[0].pid.v, 0);
	assert_non_null(strstr(h->services[0].advice, "down"));
	assert_int_equal(h->services[1].status, FND_DEGRADED);
	free(h);
}

static void a_check_that_does_not_end_is_a_failure(void **state)
{
	struct fnd_service_status s;

	(void)state;
	assert_int_equal(serve(N, "s", start(stays, NULL), SPEC(
				.health = is_late, .timeout_ms = 10)), 0);
	s = status_of(0);
	assert_int_equal(s.status, FND_DEGRADED);
	assert_int_equal(s.outcome, FND_HEALTH_TIMEOUT);
	assert_non_null(strstr(s.advice, "does not end"));
}

/* It is in a callback, and its supervisor has said so. */
static void a_server_that_hangs_is_degraded(void **state)
{
	struct gs g = { .init_ms = 0 };
	struct sup_server_spec server = gs_spec(&g, "hangs");
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "hangs", .start = sup_server_start,
		.arg = &server, .hang_ms = 20,
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "top", .reg = true,
		.children = &child, .n_children = 1,
	};
	int64_t long_time = 60000;
	struct sup_msg msg = gs_msg(GS_SLEEP, &long_time);
	struct fnd_service_status s;
	struct sup_events *events;
	struct sup_pid sup, pid;

	(void)state;
	assert_int_equal(sup_events_open(NULL, &events), 0);
	assert_int_equal(sup_supervisor_start(&spec, &sup), 0);
	pid = sup_whereis("hangs");
	assert_int_equal(serve(N, "s", pid, SPEC(.supervisor = "top",
						 .child = "hangs")), 0);
	assert_int_equal(status_of(0).status, FND_HEALTHY);
	assert_int_equal(sup_cast(pid, &msg, LONG), 0);
	await_event(events, SUP_EVENT_HUNG, "hangs");
	s = status_of(0);
	assert_int_equal(s.status, FND_DEGRADED);
	assert_true(s.hung);
	assert_non_null(strstr(s.advice, "does not come back from a cast"));
	assert_int_equal(sup_terminate_child(sup, "hangs"), 0);
	assert_false(sup_is_alive(pid));
	s = status_of(0);
	assert_int_equal(s.status, FND_UNHEALTHY);
	assert_non_null(strstr(s.advice, "told to end"));
	assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, NULL, LONG), 0);
	assert_non_null(strstr(status_of(0).advice, "supervisor \"top\""));
	sup_events_close(events);
}

static const struct fnd_health_monitor_options often = {
	.size = sizeof(often), .interval_ms = 10, .ns = { 1 },
};

static void rounds_come_at_intervals(void **state)
{
	int64_t limit = LONG, begin = sup_deadline_ms(0), at;
	struct fnd_health_picture *h;
	uint64_t round;

	(void)state;
	assert_int_equal(start_foundation(&often, &services_when_asked), 0);
	do {
		assert_int_equal(fnd_health_get(&h, LONG), 0);
		round = h->round;
		at = h->at_ns;
		free(h);
		/* Never sooner. */
		assert_true(at - begin >= (int64_t)(round - 1) * 10 *
			    INT64_C(1000000));
		assert_true(sup_deadline_ms(0) < limit);
	} while (round < 5);
}

static int asks(void *arg)
{
	struct fnd_health_picture *h;
	int ret;

	ret = fnd_health_check(&h, LONG);
	if (!ret)
		free(h);
	return ret == *(int *)arg ? 0 : 1;
}

static _Atomic bool is_asked;

static int says_it_is_asked(void *arg, struct sup_msg *ret_result)
{
	atomic_store(&is_asked, true);
	return is_late(arg, ret_result);
}

static void who_asks_is_told_if_the_monitor_ends(void **state)
{
	int expected = -EPIPE;
	int64_t limit = LONG;
	struct sup_pid pid;

	(void)state;
	atomic_store(&is_asked, false);
	assert_int_equal(serve(N, "s", start(stays, NULL),
			       SPEC(.health = says_it_is_asked)), 0);
	pid = start(asks, &expected);
	while (!atomic_load(&is_asked))
		assert_true(sup_deadline_ms(0) < limit);
	restart_by_kill(MONITOR);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	assert_int_equal(serve(N, "s", fnd_service_whereis(N, "s"), NULL), 0);
}

static void bad_options(void **state)
{
	struct fnd_health_monitor_options o = { .size = 4 };
	struct sup_pid pid;

	(void)state;
	assert_int_equal(fnd_health_monitor_start(&o, &pid), -EINVAL);
	o.size = sizeof(o);
	o.interval_ms = -1;
	assert_int_equal(fnd_health_monitor_start(&o, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "interval_ms"));
	o.interval_ms = 0;
	o.timeout_ms = -1;
	assert_int_equal(fnd_health_monitor_start(&o, &pid), -EINVAL);
	o.timeout_ms = 0;
	o.degraded_threshold = 4;
	assert_int_equal(fnd_health_monitor_start(&o, &pid), -EINVAL);
	assert_string_equal(fnd_health_name(FND_UNHEALTHY),
			    "unhealthy");
	assert_string_equal(fnd_health_name(9), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(guide_starts_and_stops_cleanly),
		CASE(guide_killed_it_has_a_new_pid_within_100_ms),
		CASE(all_is_well_from_the_first_second),
		MONITOR_CASE(thresholds_say_how_bad_failures_are),
		CASE(other_thresholds),
		MONITOR_CASE(thresholds_hold_over_a_restart),
		MONITOR_CASE(who_lacks_another_is_degraded),
		MONITOR_CASE(a_check_that_does_not_end_is_a_failure),
		MONITOR_CASE(a_server_that_hangs_is_degraded),
		CASE(rounds_come_at_intervals),
		MONITOR_CASE(who_asks_is_told_if_the_monitor_ends),
		CASE(bad_options),
	};

	return RUN_TESTS(tests);
}
