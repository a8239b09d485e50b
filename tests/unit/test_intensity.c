/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "core/intensity.h"

#define S INT64_C(1000000000)

/* What the rule says, told in the slowest way: all times, counted each time. */
struct slow {
	int64_t times[4096];
	size_t n, max;
	int64_t period;
};

static bool slow_add(struct slow *s, int64_t now)
{
	size_t i, used = 1;

	for (i = 0; i < s->n; i++)
		used += s->times[i] >= now - s->period;
	if (used > s->max)
		return false;
	s->times[s->n++] = now;
	return true;
}

static void zero_allows_none(void **state)
{
	struct sup__intensity in;

	(void)state;
	assert_int_equal(sup__intensity_init(&in, 0, 5 * S), 0);
	assert_false(sup__intensity_add(&in, 1));
	assert_false(sup__intensity_add(&in, 100 * S));
	assert_int_equal(sup__intensity_used(&in, 100 * S), 0);
	sup__intensity_fini(&in);
	sup__intensity_fini(&in);
}

static void one_more_than_allowed_is_refused(void **state)
{
	struct sup__intensity in;
	int i;

	(void)state;
	assert_int_equal(sup__intensity_init(&in, 3, 5 * S), 0);
	for (i = 0; i < 3; i++)
		assert_true(sup__intensity_add(&in, 10 * S + i));
	assert_int_equal(sup__intensity_used(&in, 10 * S + 2), 3);
	assert_false(sup__intensity_add(&in, 10 * S + 3));
	/* What was refused does not count. */
	assert_int_equal(sup__intensity_used(&in, 10 * S + 3), 3);
	sup__intensity_fini(&in);
}

static void exactly_one_period_ago_still_counts(void **state)
{
	struct sup__intensity in;

	(void)state;
	assert_int_equal(sup__intensity_init(&in, 1, 5 * S), 0);
	assert_true(sup__intensity_add(&in, 7 * S));
	assert_int_equal(sup__intensity_used(&in, 12 * S), 1);
	assert_false(sup__intensity_add(&in, 12 * S));
	assert_int_equal(sup__intensity_used(&in, 12 * S + 1), 0);
	assert_true(sup__intensity_add(&in, 12 * S + 1));
	sup__intensity_fini(&in);
}

/* OTP cuts to whole seconds: 1.9 s apart may still count for a period of 1. */
static void no_second_is_cut_off(void **state)
{
	struct sup__intensity in;

	(void)state;
	assert_int_equal(sup__intensity_init(&in, 1, S), 0);
	assert_true(sup__intensity_add(&in, 10 * S));
	assert_true(sup__intensity_add(&in, 11 * S + S * 9 / 10));
	sup__intensity_fini(&in);
}

static void agrees_with_the_slow_rule(void **state)
{
	unsigned int seed = (unsigned int)time(NULL), round, i;
	struct sup__intensity in;
	struct slow *slow;
	int64_t now;
	bool ok;

	(void)state;
	if (getenv("SEED"))
		seed = (unsigned int)atoi(getenv("SEED"));
	print_message("# SEED=%u\n", seed);
	slow = calloc(1, sizeof(*slow));
	assert_non_null(slow);
	srandom(seed);
	for (round = 0; round < 50; round++) {
		*slow = (struct slow){ .max = random() % 20,
				       .period = 1 + random() % 50 };
		now = 1;
		assert_int_equal(sup__intensity_init(&in, slow->max,
						     slow->period), 0);
		for (i = 0; i < 2000; i++) {
			now += random() % 8;
			ok = slow_add(slow, now);
			assert_int_equal(sup__intensity_add(&in, now), ok);
		}
		sup__intensity_fini(&in);
	}
	free(slow);
}

/* A million restarts in one period must not take a million steps each. */
static void a_full_period_costs_no_more(void **state)
{
	struct sup__intensity in;
	int64_t i;

	(void)state;
	assert_int_equal(sup__intensity_init(&in, SUP__INTENSITY_MAX,
					     3600 * S), 0);
	for (i = 0; i < SUP__INTENSITY_MAX; i++)
		assert_true(sup__intensity_add(&in, 1 + i));
	for (i = 0; i < 1000000; i++)
		if (sup__intensity_used(&in, S) != SUP__INTENSITY_MAX)
			fail();
	assert_false(sup__intensity_add(&in, S));
	sup__intensity_fini(&in);
}

static void no_memory(void **state)
{
	struct sup__intensity in;

	(void)state;
	sup__alloc_fail_nth(1);
	assert_int_equal(sup__intensity_init(&in, 3, S), -ENOMEM);
	assert_true(sup__alloc_has_failed());
	sup__alloc_fail_nth(0);
	sup__intensity_fini(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_allows_none),
		cmocka_unit_test(one_more_than_allowed_is_refused),
		cmocka_unit_test(exactly_one_period_ago_still_counts),
		cmocka_unit_test(no_second_is_cut_off),
		cmocka_unit_test(agrees_with_the_slow_rule),
		cmocka_unit_test(a_full_period_costs_no_more),
		cmocka_unit_test(no_memory),
	};

	return RUN_TESTS(tests);
}
