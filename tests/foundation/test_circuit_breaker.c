/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "foundation.h"

#include "fail_memory.h"
#include "foundation/breaker.h"

#define MS INT64_C(1000000)

static _Atomic int64_t time_now;

static int64_t fake_clock(void)
{
	return atomic_load(&time_now);
}

static int set_up_breakers(void **state)
{
	atomic_store(&time_now, 1000 * MS);
	fnd__breaker_set_clock(fake_clock);
	return set_up(state);
}

static int tear_down_breakers(void **state)
{
	fnd_breaker_close("b");
	fnd__breaker_set_clock(NULL);
	return tear_down(state);
}

#define BREAKER_CASE(f) cmocka_unit_test_setup_teardown(f, set_up_breakers, \
							tear_down_breakers)

static void open_one(unsigned int tolerance)
{
	struct fnd_breaker_options o = {
		sizeof(o), tolerance, .window_ms = 100, .refresh_ms = 50,
	};

	assert_int_equal(fnd_breaker_open("b", &o), 0);
}

static int returns(void *arg)
{
	return *(int *)arg;
}

/* What fn has returned, or 1000 if it was not called. */
static int run_one(int result)
{
	int got = 1000, ret;

	ret = fnd_breaker_run("b", returns, &result, &got);
	assert_true(ret == 0 || ret == -ECONNREFUSED);
	assert_true(ret == 0 || got == 1000);
	return got;
}

static struct fnd_breaker_status status(void)
{
	struct fnd_breaker_status s;

	assert_int_equal(fnd_breaker_status("b", &s), 0);
	return s;
}

static void fails(int times)
{
	while (times--)
		assert_int_equal(run_one(-5), -5);
}

static void check_6_circuit_breaker(void **state)
{
	struct fnd_breaker_status s;
	int result = 0, got;

	(void)state;
	open_one(3);
	fails(3);
	assert_int_equal(status().state, FND_BREAKER_CLOSED);
	assert_int_equal(status().failures, 3);
	fails(1);
	assert_int_equal(status().state, FND_BREAKER_OPEN);
	assert_int_equal(status().left_ns, 50 * MS);
	assert_int_equal(run_one(7), 1000);
	time_now += 50 * MS - 1;
	assert_int_equal(run_one(7), 1000);
	time_now += 1;
	assert_int_equal(status().state, FND_BREAKER_HALF_OPEN);
	assert_int_equal(run_one(7), 7);
	s = status();
	assert_int_equal(s.state, FND_BREAKER_CLOSED);
	assert_int_equal(s.failures, 0);
	assert_int_equal(s.calls, 5);
	assert_int_equal(s.refused, 2);
	assert_int_equal(fnd_breaker_close("b"), 0);
	assert_int_equal(fnd_breaker_run("b", returns, &result, &got),
			 -ENOENT);
	assert_int_equal(fnd_breaker_status("b", &s), -ENOENT);
	assert_int_equal(fnd_breaker_reset("b"), -ENOENT);
	assert_int_equal(fnd_breaker_close("b"), -ENOENT);
}

static void check_6_the_default_blows_at_the_sixth(void **state)
{
	(void)state;
	assert_int_equal(fnd_breaker_open("b", NULL), 0);
	fails(5);
	assert_int_equal(run_one(0), 0);
	fails(1);
	assert_int_equal(status().state, FND_BREAKER_OPEN);
	assert_int_equal(status().left_ns, 60000 * MS);
	assert_int_equal(fnd_breaker_reset("b"), 0);
	assert_int_equal(run_one(3), 3);
}

static void old_failures_do_not_count(void **state)
{
	int i;

	(void)state;
	open_one(3);
	/* Never four within 100 ms. */
	for (i = 0; i < 20; i++) {
		fails(1);
		time_now += 34 * MS;
	}
	assert_int_equal(status().state, FND_BREAKER_CLOSED);
	time_now += 100 * MS;
	fails(3);
	time_now += 100 * MS - 1;
	fails(1);
	assert_int_equal(status().state, FND_BREAKER_OPEN);
}

static void a_try_that_fails_opens_it_again(void **state)
{
	(void)state;
	open_one(FND_BREAKER_NONE);
	fails(1);
	time_now += 50 * MS;
	fails(1);
	assert_int_equal(status().state, FND_BREAKER_OPEN);
	assert_int_equal(status().left_ns, 50 * MS);
	assert_int_equal(run_one(0), 1000);
	time_now += 50 * MS;
	assert_int_equal(run_one(0), 0);
	assert_int_equal(run_one(0), 0);
}

struct gate {
	_Atomic int inside, refused, leave;
};

static int stands_in_the_gate(void *arg)
{
	struct gate *g = arg;

	atomic_fetch_add(&g->inside, 1);
	while (!atomic_load(&g->leave))
		sup_checkpoint();
	return 0;
}

static int goes_through(int nth, void *arg)
{
	struct gate *g = arg;
	int got, ret;

	(void)nth;
	ret = fnd_breaker_run("b", stands_in_the_gate, g, &got);
	EXPECT(!ret || ret == -ECONNREFUSED);
	/* All others are refused while one is inside. */
	if (ret && atomic_fetch_add(&g->refused, 1) == 14)
		atomic_store(&g->leave, 1);
	return 0;
}

static void half_open_lets_one_try(void **state)
{
	struct gate g = { .inside = 0 };

	(void)state;
	open_one(FND_BREAKER_NONE);
	fails(1);
	time_now += 50 * MS;
	assert_int_equal(crowd(16, goes_through, &g), 16);
	assert_int_equal(g.inside, 1);
	assert_int_equal(g.refused, 15);
	assert_int_equal(status().state, FND_BREAKER_CLOSED);
}

static int stays_in_it(void *arg)
{
	int got;

	return fnd_breaker_run("b", stands_in_the_gate, arg, &got);
}

static void who_ends_in_its_try_has_failed(void **state)
{
	struct gate g = { .inside = 0 };
	struct sup_pid pid;

	(void)state;
	open_one(FND_BREAKER_NONE);
	fails(1);
	time_now += 50 * MS;
	pid = start(stays_in_it, &g);
	while (!atomic_load(&g.inside))
		assert_true(sup_is_alive(pid));
	assert_int_equal(run_one(0), 1000);
	kill_and_wait(pid);
	assert_int_equal(status().state, FND_BREAKER_OPEN);
	assert_int_equal(status().left_ns, 50 * MS);
	time_now += 50 * MS;
	assert_int_equal(run_one(0), 0);
	assert_int_equal(status().state, FND_BREAKER_CLOSED);
}

static int opens_it_meanwhile(void *arg)
{
	fails(1);
	return *(int *)arg;
}

/* What was begun before it opened tells nothing of what is now. */
static void a_late_result_does_not_count(void **state)
{
	int good = 0, bad = -1, got;

	(void)state;
	open_one(FND_BREAKER_NONE);
	assert_int_equal(fnd_breaker_run("b", opens_it_meanwhile, &good, &got),
			 0);
	assert_int_equal(status().state, FND_BREAKER_OPEN);
	assert_int_equal(fnd_breaker_reset("b"), 0);
	assert_int_equal(fnd_breaker_run("b", opens_it_meanwhile, &bad, &got),
			 0);
	assert_int_equal(got, -1);
	time_now += 50 * MS;
	assert_int_equal(run_one(0), 0);
	assert_int_equal(status().failures, 0);
}

static int makes_another(void *arg)
{
	(void)arg;
	assert_int_equal(fnd_breaker_close("b"), 0);
	open_one(FND_BREAKER_NONE);
	return -1;
}

static void a_result_does_not_count_for_another_of_its_name(void **state)
{
	int got;

	(void)state;
	open_one(FND_BREAKER_NONE);
	assert_int_equal(fnd_breaker_run("b", makes_another, NULL, &got), 0);
	assert_int_equal(got, -1);
	assert_int_equal(status().state, FND_BREAKER_CLOSED);
	assert_int_equal(status().failures, 0);
}

static void bad_arguments(void **state)
{
	struct fnd_breaker_options o = { .size = sizeof(o) + 1 };

	(void)state;
	assert_int_equal(fnd_breaker_open("b", &o), -EINVAL);
	o = (struct fnd_breaker_options){ sizeof(o), .window_ms = -1 };
	assert_int_equal(fnd_breaker_open("b", &o), -EINVAL);
	o = (struct fnd_breaker_options){ sizeof(o), .refresh_ms = -1 };
	assert_int_equal(fnd_breaker_open("b", &o), -EINVAL);
	o = (struct fnd_breaker_options){
		.size = sizeof(o), .tolerance = 1001,
	};
	assert_int_equal(fnd_breaker_open("b", &o), -EINVAL);
	o.tolerance--;
	assert_int_equal(fnd_breaker_open("", &o), -EINVAL);
	assert_int_equal(fnd_breaker_open("b", &o), 0);
	assert_int_equal(fnd_breaker_open("b", &o), -EEXIST);
	assert_int_equal(fnd_breaker_run(NULL, returns, &o, NULL), -EINVAL);
}

static void without_memory_there_is_none(void **state)
{
	bool failed = true;
	unsigned int n;
	int ret;

	(void)state;
	for (n = 1; failed; n++) {
		fail_nth(n);
		ret = fnd_breaker_open("b", NULL);
		failed = fail_no_more();
		assert_int_equal(ret, failed ? -ENOMEM : 0);
		assert_int_equal(fnd_breaker_close("b"), failed ? -ENOENT : 0);
	}
	assert_true(n > 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BREAKER_CASE(check_6_circuit_breaker),
		BREAKER_CASE(check_6_the_default_blows_at_the_sixth),
		BREAKER_CASE(old_failures_do_not_count),
		BREAKER_CASE(a_try_that_fails_opens_it_again),
		BREAKER_CASE(half_open_lets_one_try),
		BREAKER_CASE(who_ends_in_its_try_has_failed),
		BREAKER_CASE(a_late_result_does_not_count),
		BREAKER_CASE(a_result_does_not_count_for_another_of_its_name),
		BREAKER_CASE(bad_arguments),
		BREAKER_CASE(without_memory_there_is_none),
	};

	return RUN_TESTS(tests);
}
