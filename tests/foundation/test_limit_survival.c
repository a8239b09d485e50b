/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks that ask how often they may do something, and the service that forgets
 * what does not count, are killed at random, and that crashes in its callbacks,
 * 1,000 times each: what was allowed is what counts, neither more nor less. So
 * are tasks in the midst of what a circuit breaker guards: never do two try,
 * and somebody always may.
 *
 * usage: test_limit_survival [SEED]
 */
#include "survival.h"

#include <stdio.h>

#include "foundation/breaker.h"

#define YEAR_MS (INT64_C(365) * 24 * 3600 * 1000)

static const struct fnd_rate rates[] = {
	{ FND_RATE_FIXED_WINDOW, 1 << 30, YEAR_MS },
	{ FND_RATE_SLIDING_WINDOW, FND_RATE_SLIDING_MAX, YEAR_MS },
	{ FND_RATE_TOKEN_BUCKET, 30000, YEAR_MS },
};

static const char *const names[] = { "fixed", "sliding", "bucket" };
static _Atomic uint32_t allowed[N_OF(rates)];

/* One that has not asked before: what is over is for the service to forget. */
static int asks_once(void)
{
	const struct fnd_rate soon_over = { FND_RATE_SLIDING_WINDOW, 1, 1 };
	static _Atomic uint64_t last;
	char entity[32];

	snprintf(entity, sizeof(entity), "%ju",
		 (uintmax_t)atomic_fetch_add(&last, 1));
	return fnd_rate_check(entity, "op", &soon_over, NULL);
}

/* To ask, and to note what was said, is no safe point. */
static int asks_for_rates(void *nth)
{
	size_t i, kind;
	int ret;

	(void)nth;
	for (i = 0; !atomic_load(&survival.stop); i++) {
		kind = i % N_OF(rates);
		ret = fnd_rate_check(names[kind], "op", &rates[kind], NULL);
		wrong(ret && ret != -EDQUOT);
		if (!ret)
			atomic_fetch_add(&allowed[kind], 1);
		wrong(asks_once());
		atomic_fetch_add(&survival.rounds, 1);
		sup_checkpoint();
		sched_yield();
	}
	return 0;
}

static int start_rates(const void *arg, struct sup_pid *ret_pid)
{
	const struct fnd_rate_limiter_options o = {
		.size = sizeof(o), .cleanup_ms = 1,
	};

	(void)arg;
	return fnd_rate_limiter_start(&o, ret_pid);
}

static void rates_are_kept(void **state)
{
	const struct sup_child_spec child = SURVIVAL_SERVICE(start_rates);
	struct victims v = {
		.run = asks_for_rates, .n = 2,
		.services = { "fnd_rates" }, .n_services = 1,
		.n_servers = 1, .one_in = 4,
	};
	struct fnd_rate_status st;
	size_t i;

	(void)state;
	survival_start(&child, 1);
	begin_victims(&v);
	kill_often(&v, SLOWLY(1000));
	end_victims(&v);
	for (i = 0; i < N_OF(rates); i++) {
		assert_int_equal(fnd_rate_status(names[i], "op", &st), 0);
		assert_int_equal(st.used, atomic_load(&allowed[i]));
		assert_int_equal(st.used + st.left, rates[i].limit);
	}
}

/* Each look at the clock is a millisecond after the one before. */
static int64_t fast_clock(void)
{
	static _Atomic int64_t now = 1;

	return atomic_fetch_add(&now, 1000000);
}

static const struct fnd_breaker_options nervous = {
	.size = sizeof(nervous), .tolerance = FND_BREAKER_NONE,
	.refresh_ms = 5,
};

static _Atomic uint64_t who_tries;

/* It may be killed in the midst, and has failed then. */
static int tries(void *arg)
{
	struct sup_pid other;

	(void)arg;
	other.v = atomic_exchange(&who_tries, sup_self().v);
	wrong(other.v && sup_is_alive(other));
	sup_checkpoint();
	atomic_fetch_add(&survival.rounds, 1);
	sup_checkpoint();
	atomic_store(&who_tries, 0);
	return -EIO;
}

static int tries_often(void *nth)
{
	int ret, result;

	(void)nth;
	while (!atomic_load(&survival.stop)) {
		ret = fnd_breaker_run("b", tries, NULL, &result);
		wrong(ret && ret != -ECONNREFUSED);
		wrong(!ret && result != -EIO);
		sup_checkpoint();
		sched_yield();
	}
	return 0;
}

static int goes(void *arg)
{
	(void)arg;
	return 0;
}

static int fails(void *arg)
{
	(void)arg;
	return -EIO;
}

/* It has opened, and nothing succeeds, so that at most one tries. */
static void one_tries_at_a_time(void **state)
{
	struct victims v = { .run = tries_often, .n = 3 };
	struct fnd_breaker_status st;
	int result, ret;

	(void)state;
	survival_start(NULL, 0);
	fnd__breaker_set_clock(fast_clock);
	assert_int_equal(fnd_breaker_open("b", &nervous), 0);
	assert_int_equal(fnd_breaker_run("b", fails, NULL, &result), 0);
	begin_victims(&v);
	kill_often(&v, SLOWLY(1000));
	end_victims(&v);
	while ((ret = fnd_breaker_run("b", goes, NULL, &result)))
		assert_int_equal(ret, -ECONNREFUSED);
	assert_int_equal(fnd_breaker_status("b", &st), 0);
	assert_int_equal(st.state, FND_BREAKER_CLOSED);
	assert_int_equal(fnd_breaker_close("b"), 0);
	fnd__breaker_set_clock(NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(rates_are_kept),
		CASE(one_tries_at_a_time),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
