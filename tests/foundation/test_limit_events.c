/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of rates, breakers and pools. */
#include "fail_memory.h"
#include "pool.h"
#include "told.h"

#include "foundation/breaker.h"

#define RATE "foundation.infra.rate_limiter."
#define BREAKER "foundation.infra.circuit_breaker."
#define POOL "foundation.connection_pool."

static int check_once_an_hour(const char *entity)
{
	static const struct fnd_rate rate = {
		FND_RATE_SLIDING_WINDOW, 1, 3600000,
	};

	return fnd_rate_check(entity, "o", &rate, NULL);
}

static void of_rates(void **state)
{
	(void)state;
	listen_to_events();
	assert_int_equal(check_once_an_hour("e"), 0);
	assert_int_equal(heard(RATE "request_allowed", "entity=e"), 1);
	assert_int_equal(check_once_an_hour("e"), -EDQUOT);
	assert_non_null(strstr(sup_error(), "\"e\" may do \"o\" 1 times"));
	assert_int_equal(heard(RATE "request_denied", "entity=e"), 1);
	assert_int_equal(heard(RATE "request_allowed", "operation=o"), 1);
	assert_int_equal(fnd_rate_reset("e", "o"), 0);
	assert_int_equal(heard(RATE "bucket_reset", "entity=e"), 1);
	fail_nth(1);
	assert_int_equal(check_once_an_hour("f"), -ENOMEM);
	assert_true(fail_no_more());
	assert_int_equal(heard(RATE "rate_limiter_exception", "entity=f"), 1);
	/* What is wrong with a call is its caller's. */
	assert_int_equal(check_once_an_hour(""), -EINVAL);
	assert_int_equal(heard(RATE "rate_limiter_exception", NULL), 1);
	listen_no_more();
	assert_int_equal(check_once_an_hour("e"), 0);
	assert_int_equal(fnd_rate_reset("e", "o"), 0);
	/* Entities are many: they are for handlers alone. */
	assert_false(is_there("foundation.infra.rate_limiter"));
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
	(void)state;
	fnd_telemetry_reset();
	listen_to_events();
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
	assert_int_equal(heard(BREAKER "state_change", "breaker=b"), 3);
	assert_int_equal(heard(BREAKER "state_change", "state=open"), 2);
	assert_int_equal(heard(BREAKER "state_change", "state=closed"), 1);
	assert_int_equal(heard(BREAKER "call_rejected", "breaker=b"), 1);
	assert_int_equal(heard(BREAKER "call_executed", "breaker=b"), 5);
	assert_int_equal(heard(BREAKER "call_executed", "result=ok"), 2);
	assert_int_equal(heard(BREAKER "call_executed", "result=error"), 3);
	listen_no_more();
	/* That is for handlers alone. */
	assert_false(is_there(BREAKER "call_executed"));
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

static void a_breaker_that_comes_and_goes(void **state)
{
	(void)state;
	fnd_telemetry_reset();
	listen_to_events();
	assert_int_equal(fnd_breaker_open("other", NULL), 0);
	assert_int_equal(heard(BREAKER "fuse_installed", "breaker=other"), 1);
	assert_int_equal(fnd_breaker_open("other", NULL), -EEXIST);
	assert_int_equal(fnd_breaker_close("other"), 0);
	assert_int_equal(heard(BREAKER "fuse_removed", "breaker=other"), 1);
	assert_int_equal(fnd_breaker_close("other"), -ENOENT);
	listen_no_more();
	assert_int_equal(counted(BREAKER "fuse_installed", "other"), 1);
	assert_int_equal(counted(BREAKER "fuse_removed", "other"), 1);
}

static int tries(void *arg)
{
	int result;

	return fnd_breaker_run("b", stays, arg, &result);
}

static struct fnd_breaker_status breaker(void)
{
	struct fnd_breaker_status s;

	assert_int_equal(fnd_breaker_status("b", &s), 0);
	return s;
}

/* It is noticed, and told of, by whoever comes next. */
static void who_tries_and_is_killed_opens_it_anew(void **state)
{
	struct sup_pid pid;

	(void)state;
	fnd_telemetry_reset();
	listen_to_events();
	run_one(-1);
	run_one(-1);
	time_now += 1000000;
	pid = start(tries, NULL);
	AWAIT(breaker().calls == 3);
	assert_int_equal(counted(BREAKER "state_change", "open"), 1);
	kill_and_wait(pid);
	assert_int_equal(breaker().state, FND_BREAKER_OPEN);
	assert_int_equal(counted(BREAKER "state_change", "open"), 2);
	assert_int_equal(heard(BREAKER "state_change", "state=open"), 2);
	assert_int_equal(run_one(0), -ECONNREFUSED);
	assert_int_equal(counted(BREAKER "state_change", "open"), 2);
	listen_no_more();
}

static int takes_two(void *arg)
{
	struct fnd_lease a, b, c;

	(void)arg;
	EXPECT(!fnd_pool_checkout("p", LONG, &a));
	EXPECT(!fnd_pool_checkout("p", LONG, &b));
	EXPECT(fnd_pool_checkout("p", sup_deadline_ms(1), &c) == -ETIMEDOUT);
	EXPECT(!strcmp(sup_error(), "no connection of \"p\" is free"));
	EXPECT(!fnd_pool_checkin("p", &b));
	EXPECT(fnd_pool_checkin("p", &b) == -EPERM);
	EXPECT(!fnd_pool_discard("p", &a));
	return 0;
}

static int keeps_one(void *arg)
{
	struct fnd_lease lease;

	EXPECT(!fnd_pool_checkout("p", LONG, &lease));
	return stays(arg);
}

static void of_pools(void **state)
{
	struct sup_pid pid;
	double sum;

	(void)state;
	fnd_telemetry_reset();
	listen_to_events();
	open_one("p", &side, 1, 1, false);
	assert_int_equal(heard(POOL "pool_started", "pool=p"), 1);
	run_with(takes_two, NULL);
	assert_int_equal(heard(POOL "checkout", "pool=p"), 2);
	assert_int_equal(heard(POOL "overflow", "pool=p"), 1);
	assert_int_equal(heard(POOL "timeout", "pool=p"), 1);
	assert_int_equal(heard(POOL "checkin", "pool=p"), 1);
	assert_int_equal(heard(POOL "discard", "pool=p"), 1);
	assert_int_equal(heard(POOL "holder_ended", NULL), 0);
	pid = start(keeps_one, NULL);
	AWAIT(told_times(POOL "checkout", NULL, &sum) == 3);
	kill_and_wait(pid);
	AWAIT(told_times(POOL "holder_ended", "pool=p", &sum) == 1);
	assert_int_equal(heard(POOL "pool_stopped", NULL), 0);
	close_all();
	assert_int_equal(heard(POOL "pool_stopped", "pool=p"), 1);
	listen_no_more();
	assert_int_equal(counted(POOL "checkout", "p"), 3);
	assert_int_equal(counted(POOL "pool_stopped", "p"), 1);
}

#define BREAKER_CASE(f) cmocka_unit_test_setup_teardown(f, set_up_breaker, \
							tear_down_breaker)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FEW_CASE(of_rates),
		BREAKER_CASE(a_breaker_that_opens_and_closes),
		BREAKER_CASE(a_reset_of_what_is_closed_is_no_change),
		BREAKER_CASE(a_breaker_that_comes_and_goes),
		BREAKER_CASE(who_tries_and_is_killed_opens_it_anew),
		SERVICE_CASE(of_pools),
	};

	return RUN_TESTS(tests);
}
