/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Most cases say what time it is; the service reads the clock. */
#include "foundation.h"

#include <stdio.h>

#include "fail_memory.h"
#include "foundation/rate.h"

#define SERVICE "fnd_rates"
#define MS INT64_C(1000000)
#define T0 (INT64_C(1000000) * 1000 * MS)	/* a bound of any window here */

static struct fnd_rate rate(enum fnd_rate_kind kind, uint32_t limit,
			    int64_t window_ms)
{
	return (struct fnd_rate){ kind, limit, window_ms };
}

static int at(const char *entity, const struct fnd_rate *r, int64_t now)
{
	return fnd__rate_check(entity, "op", r, now, NULL);
}

static void check_5_rate_limit(void **state)
{
	struct fnd_rate none = rate(FND_RATE_FIXED_WINDOW, 0, 60000), r;
	int64_t retry = 0;
	int kind, i;

	(void)state;
	for (kind = 0; kind <= FND_RATE_TOKEN_BUCKET; kind++) {
		r = rate(kind, 5, 60000);
		for (i = 0; i < 7; i++)
			assert_int_equal(at("a", &r, T0 + i),
					 i < 5 ? 0 : -EDQUOT);
		assert_int_equal(at("b", &r, T0 + 7), 0);
		assert_int_equal(fnd__rate_check("a", "other", &r, T0, NULL),
				 0);
		none.kind = kind;
		assert_int_equal(fnd__rate_check("z", "op", &none, T0, &retry),
				 -EDQUOT);
		assert_int_equal(retry, -1);
	}
}

static int asks(int nth, void *arg)
{
	const struct fnd_rate *r = arg;

	(void)nth;
	return fnd_rate_check("crowd", "op", r, NULL) == -EDQUOT;
}

static void check_5_fifty_at_once(void **state)
{
	struct fnd_rate r;
	int kind;

	(void)state;
	for (kind = 0; kind <= FND_RATE_TOKEN_BUCKET; kind++) {
		/* A year's fixed window may end now, but hardly will. */
		r = rate(kind, 10, INT64_C(365) * 24 * 3600 * 1000);
		assert_int_equal(crowd(50, asks, &r), 10);
	}
	assert_int_equal(fnd_rate_reset("crowd", "op"), 0);
}

static void bursts_at_a_bound(void **state)
{
	struct fnd_rate fixed = rate(FND_RATE_FIXED_WINDOW, 10, 60);
	struct fnd_rate sliding = rate(FND_RATE_SLIDING_WINDOW, 10, 60);
	int64_t bound = T0 - T0 % (60 * MS);
	int i, n = 0, m = 0;

	(void)state;
	for (i = 0; i < 40; i++) {
		n += !at("fixed", &fixed, bound - 20 + i);
		m += !at("sliding", &sliding, bound - 20 + i);
	}
	assert_int_equal(n, 20);
	assert_int_equal(m, 10);
}

/* Upstream's properties come to this: never more than it says, and as soon. */
static void random_times_against_a_log(void **state)
{
	static int64_t allowed[100000];
	struct fnd_rate r = rate(FND_RATE_SLIDING_WINDOW, 7, 3);
	unsigned int seed = 1;
	int64_t now = T0;
	int i, j, n = 0, in;

	(void)state;
	for (i = 0; i < 100000; i++) {
		now += rand_r(&seed) % MS;
		for (in = 0, j = n - 1; j >= 0 && now - allowed[j] < 3 * MS;
		     j--)
			in++;
		assert_int_equal(at("log", &r, now), in < 7 ? 0 : -EDQUOT);
		if (in < 7)
			allowed[n++] = now;
	}
	assert_in_range(n, 10000, 99999);
}

static void random_times_against_a_bucket(void **state)
{
	struct fnd_rate r = rate(FND_RATE_TOKEN_BUCKET, 5, 10);
	const int64_t step = 10 * MS / 5;
	int64_t now = T0, last = T0, tokens = 10 * MS;
	unsigned int seed = 2;
	int i, yes = 0;

	(void)state;
	for (i = 0; i < 100000; i++) {
		now += rand_r(&seed) % (2 * MS);
		tokens += now - last;
		if (tokens > 10 * MS)
			tokens = 10 * MS;
		last = now;
		assert_int_equal(at("tokens", &r, now),
				 tokens >= step ? 0 : -EDQUOT);
		if (tokens >= step) {
			tokens -= step;
			yes++;
		}
	}
	assert_in_range(yes, 10000, 99999);
}

/* A window that is no multiple of its limit: a step is less than its share. */
static void a_bucket_never_has_more_than_its_limit(void **state)
{
	struct fnd_rate r = rate(FND_RATE_TOKEN_BUCKET, 39999, 1000);
	struct fnd_rate_status s;
	uint32_t i;

	(void)state;
	for (i = 0; i < r.limit; i++)
		assert_int_equal(at("odd", &r, T0), 0);
	assert_int_equal(at("odd", &r, T0), -EDQUOT);
	assert_int_equal(fnd__rate_status("odd", "op", T0, &s), 0);
	assert_int_equal(s.used, r.limit);
	assert_int_equal(s.left, 0);
	assert_true(s.reset_ns <= 1000 * MS);
	/* Who has read the clock before, and got the lock after. */
	assert_int_equal(fnd__rate_status("odd", "op", T0 - 1, &s), 0);
	assert_int_equal(s.used, r.limit);
	assert_int_equal(s.left, 0);
	fnd__rate_clean_up(INT64_MAX / 2);
}

static void the_time_to_wait_is_right(void **state)
{
	struct fnd_rate r;
	int64_t now = T0, retry;
	int kind, i;

	(void)state;
	for (kind = 0; kind <= FND_RATE_TOKEN_BUCKET; kind++) {
		r = rate(kind, 3, 100);
		for (i = 0; i < 20; i++) {
			now += 7 * MS;
			retry = 0;
			while (!fnd__rate_check("wait", "op", &r, now, &retry))
				;
			assert_true(retry > 0 && retry <= 100 * MS);
			assert_int_equal(at("wait", &r, now + retry - 1),
					 -EDQUOT);
			assert_int_equal(at("wait", &r, now + retry), 0);
			now += retry;
		}
	}
}

/* Callers read the clock before they get the lock. */
static void time_that_goes_back(void **state)
{
	struct fnd_rate r;
	int kind, i, n;

	(void)state;
	for (kind = 0; kind <= FND_RATE_TOKEN_BUCKET; kind++) {
		r = rate(kind, 10, 1000);
		for (i = n = 0; i < 40; i++)
			n += !at("back", &r, T0 + (i & 1 ? -1 : 1));
		assert_int_equal(n, 10);
	}
}

static void status_and_reset_are_true(void **state)
{
	struct fnd_rate_status s;
	struct fnd_rate r;
	int kind;

	(void)state;
	for (kind = 0; kind <= FND_RATE_TOKEN_BUCKET; kind++) {
		r = rate(kind, 4, 100);
		assert_int_equal(fnd__rate_status("s", "op", T0, &s), -ENOENT);
		assert_int_equal(at("s", &r, T0), 0);
		assert_int_equal(at("s", &r, T0 + MS), 0);
		assert_int_equal(fnd__rate_status("s", "op", T0 + MS, &s), 0);
		assert_int_equal(s.used, 2);
		assert_int_equal(s.left, 2);
		assert_int_equal(s.rate.limit, 4);
		assert_int_equal(s.reset_ns, kind == FND_RATE_FIXED_WINDOW ?
				 99 * MS : kind == FND_RATE_SLIDING_WINDOW ?
				 100 * MS : 49 * MS);
		assert_int_equal(fnd__rate_status("s", "op", T0 + MS +
						  s.reset_ns, &s), -ENOENT);
		while (!at("s", &r, T0 + 101 * MS))
			;
		assert_int_equal(fnd_rate_reset("s", "op"), 0);
		assert_int_equal(fnd__rate_status("s", "op", T0 + 101 * MS,
						  &s), -ENOENT);
		assert_int_equal(at("s", &r, T0 + 101 * MS), 0);
		assert_int_equal(fnd_rate_reset("s", "op"), 0);
	}
	assert_int_equal(fnd_rate_reset("s", "op"), 0);
}

static void bad_arguments(void **state)
{
	struct fnd_rate r = rate(FND_RATE_FIXED_WINDOW, 1, 0);
	struct fnd_rate_limiter_options o = { .size = sizeof(o) + 1 };
	struct fnd_rate_status s;
	struct sup_pid pid;

	(void)state;
	assert_int_equal(at("a", &r, T0), -EINVAL);
	r = rate(3, 1, 1);
	assert_int_equal(at("a", &r, T0), -EINVAL);
	r = rate(FND_RATE_SLIDING_WINDOW, FND_RATE_SLIDING_MAX + 1, 1);
	assert_int_equal(at("a", &r, T0), -EINVAL);
	r.limit--;
	assert_int_equal(at("a", &r, T0), 0);
	assert_int_equal(at("", &r, T0), -EINVAL);
	assert_int_equal(fnd_rate_check("a", NULL, &r, NULL), -EINVAL);
	assert_int_equal(fnd_rate_status("a", "", &s), -EINVAL);
	assert_int_equal(fnd_rate_reset("", "op"), -EINVAL);
	assert_int_equal(fnd_rate_limiter_start(&o, &pid), -EINVAL);
	o = (struct fnd_rate_limiter_options){ sizeof(o), -1 };
	assert_int_equal(fnd_rate_limiter_start(&o, &pid), -EINVAL);
	fnd__rate_clean_up(INT64_MAX / 2);
	assert_int_equal(fnd__rate_count(), 0);
}

static void what_counts_is_not_forgotten(void **state)
{
	struct fnd_rate r;
	char name[16];
	int kind, i;

	(void)state;
	for (kind = 0; kind <= FND_RATE_TOKEN_BUCKET; kind++) {
		r = rate(kind, 1, 100);
		for (i = 0; i < 100; i++) {
			snprintf(name, sizeof(name), "%d %d", kind, i);
			assert_int_equal(at(name, &r, T0 + i * MS), 0);
		}
	}
	fnd__rate_clean_up(T0 + 99 * MS);
	assert_int_equal(fnd__rate_count(), 300);
	fnd__rate_clean_up(T0 + 149 * MS);
	assert_int_equal(fnd__rate_count(), 100);
	fnd__rate_clean_up(T0 + 199 * MS);
	assert_int_equal(fnd__rate_count(), 0);
}

static void limits_hold_over_a_restart(void **state)
{
	struct fnd_rate r = rate(FND_RATE_SLIDING_WINDOW, 2, 3600 * 1000);

	(void)state;
	assert_int_equal(fnd_rate_check("r", "op", &r, NULL), 0);
	restart_by_kill(SERVICE);
	assert_int_equal(fnd_rate_check("r", "op", &r, NULL), 0);
	assert_int_equal(fnd_rate_check("r", "op", &r, NULL), -EDQUOT);
	assert_int_equal(fnd_rate_reset("r", "op"), 0);
}

static void the_service_forgets(void **state)
{
	struct fnd_rate_limiter_options o = { sizeof(o), 1 };
	struct fnd_rate r = rate(FND_RATE_FIXED_WINDOW, 2, 1);
	int64_t limit = LONG;
	struct sup_pid pid;

	(void)state;
	assert_int_equal(fnd_rate_limiter_start(&o, &pid), 0);
	assert_int_equal(fnd_rate_limiter_start(&o, &pid), -EEXIST);
	assert_int_equal(fnd_rate_check("short", "op", &r, NULL), 0);
	while (fnd__rate_count())
		assert_true(sup_deadline_ms(0) < limit);
}

static void without_memory_nothing_is_kept(void **state)
{
	struct fnd_rate r = rate(FND_RATE_SLIDING_WINDOW, 2, 10);
	bool failed = true;
	unsigned int n;
	int ret;

	(void)state;
	for (n = 1; failed; n++) {
		fail_nth(n);
		ret = at("m", &r, T0);
		failed = fail_no_more();
		assert_int_equal(ret, failed ? -ENOMEM : 0);
		assert_int_equal(fnd__rate_count(), !failed);
	}
	fnd__rate_clean_up(INT64_MAX / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_5_rate_limit),
		CASE(check_5_fifty_at_once),
		cmocka_unit_test(bursts_at_a_bound),
		cmocka_unit_test(random_times_against_a_log),
		cmocka_unit_test(random_times_against_a_bucket),
		cmocka_unit_test(a_bucket_never_has_more_than_its_limit),
		cmocka_unit_test(the_time_to_wait_is_right),
		cmocka_unit_test(time_that_goes_back),
		cmocka_unit_test(status_and_reset_are_true),
		CASE(bad_arguments),
		cmocka_unit_test(what_counts_is_not_forgotten),
		SERVICE_CASE(limits_hold_over_a_restart),
		CASE(the_service_forgets),
		cmocka_unit_test(without_memory_nothing_is_kept),
	};

	return RUN_TESTS(tests);
}
