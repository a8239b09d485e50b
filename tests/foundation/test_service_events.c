/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events that the services execute themselves, and what is counted of them. */
#include "monitors.h"

#include "handlers.h"
#include "foundation/breaker.h"

#define APPLICATION "foundation.application."
#define WARNINGS APPLICATION "dependency_warnings"
#define BREAKER "foundation.infra.circuit_breaker."

/* Of the gauge of that name; -1: there is none. */
static double gauge(const char *name)
{
	struct fnd_figure *f;
	double value;
	size_t n;

	assert_int_equal(fnd_metric_list(name, &f, &n), 0);
	value = n ? f->value : -1;
	free(f);
	return value;
}

static void check_health(void)
{
	struct fnd_health_picture *h;

	assert_int_equal(fnd_health_check(&h, LONG), 0);
	free(h);
}

static void run_services(void)
{
	struct fnd_service_round round;

	assert_int_equal(fnd_service_monitor_run(&round, LONG), 0);
}

static void a_round_of_health_sets_gauges(void **state)
{
	struct sup_pid db = start(stays, NULL);
	static const char *const needs[] = { "db", NULL };

	(void)state;
	fnd_telemetry_reset();
	check_health();
	assert_true(gauge(APPLICATION "health_percentage") == 100);
	assert_int_equal(serve(N, "web", start(stays, NULL),
			       SPEC(.depends_on = needs)), 0);
	assert_int_equal(serve(N, "db", db, NULL), 0);
	check_health();
	assert_true(gauge(APPLICATION "health_percentage") == 100);
	kill_and_wait(db);
	check_health();
	assert_true(gauge(APPLICATION "health_percentage") == 25);
	assert_true(gauge(APPLICATION "degraded_services") == 1);
	assert_true(gauge(APPLICATION "failed_services") == 1);
}

static void what_a_service_lacks_is_counted(void **state)
{
	static const char *const needs[] = { "db", NULL };
	struct sup_pid db = start(stays, NULL);
	uint64_t n;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(serve(N, "web", start(stays, NULL),
			       SPEC(.depends_on = needs)), 0);
	/* There may be more rounds than are asked for. */
	run_services();
	n = counted(WARNINGS, "web");
	assert_true(n >= 1);
	run_services();
	assert_true(counted(WARNINGS, "db") > n);
	assert_int_equal(serve(N, "db", db, NULL), 0);
	run_services();
	n = counted(WARNINGS, "db");
	run_services();
	assert_int_equal(counted(WARNINGS, "db"), n);
}

static _Atomic int64_t time_now;

static int64_t fake_clock(void)
{
	return atomic_load(&time_now);
}

static int set_up_breaker(void **state)
{
	const struct fnd_breaker_options o = {
		.size = sizeof(o), .tolerance = 1, .refresh_ms = 1,
	};

	fnd__breaker_set_clock(fake_clock);
	return set_up_few(state) || fnd_breaker_open("b", &o);
}

static int tear_down_breaker(void **state)
{
	int ret = fnd_breaker_close("b");

	fnd__breaker_set_clock(NULL);
	return tear_down(state) || ret;
}

static int returns(void *arg)
{
	return *(int *)arg;
}

static int run_one(int result)
{
	int got;

	return fnd_breaker_run("b", returns, &result, &got);
}

static void a_breaker_that_opens_and_closes(void **state)
{
	static struct seen s;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(attach("h", "foundation.infra", sees, &s), 0);
	assert_int_equal(run_one(0), 0);
	assert_int_equal(run_one(-1), 0);
	/* Nothing has changed yet. */
	assert_int_equal(counted(BREAKER "state_change", "b"), 0);
	assert_int_equal(run_one(-1), 0);
	assert_int_equal(counted(BREAKER "state_change", "open"), 1);
	assert_int_equal(run_one(0), -ECONNREFUSED);
	assert_string_equal(sup_error(), "the breaker \"b\" is open");
	assert_int_equal(counted(BREAKER "call_rejected", "b"), 1);
	/* A try that fails opens it anew, one that does not closes it. */
	time_now += 1000000;
	assert_int_equal(run_one(-1), 0);
	assert_int_equal(counted(BREAKER "state_change", "open"), 2);
	time_now += 1000000;
	assert_int_equal(run_one(0), 0);
	assert_int_equal(counted(BREAKER "state_change", "closed"), 1);
	AWAIT(atomic_load(&s.n) == 4);
	assert_string_equal(s.last.name, BREAKER "state_change");
	assert_string_equal(s.pairs[0].value, "b");
	assert_string_equal(s.pairs[1].value, "closed");
	assert_int_equal(fnd_telemetry_detach("h", LONG), 0);
}

static void a_reset_of_what_is_closed_is_no_change(void **state)
{
	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(fnd_breaker_reset("b"), 0);
	assert_int_equal(counted(BREAKER "state_change", "b"), 0);
	run_one(-1);
	run_one(-1);
	assert_int_equal(fnd_breaker_reset("b"), 0);
	assert_int_equal(counted(BREAKER "state_change", "closed"), 1);
	assert_int_equal(fnd_breaker_reset("b"), 0);
	assert_int_equal(counted(BREAKER "state_change", "closed"), 1);
}

#define BREAKER_CASE(f) cmocka_unit_test_setup_teardown(f, set_up_breaker, \
							tear_down_breaker)

int main(void)
{
	const struct CMUnitTest tests[] = {
		MONITOR_CASE(a_round_of_health_sets_gauges),
		MONITOR_CASE(what_a_service_lacks_is_counted),
		BREAKER_CASE(a_breaker_that_opens_and_closes),
		BREAKER_CASE(a_reset_of_what_is_closed_is_no_change),
	};

	return RUN_TESTS(tests);
}
