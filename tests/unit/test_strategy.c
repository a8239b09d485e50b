/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "core/strategy.h"

#define P SUP_PERMANENT
#define T SUP_TRANSIENT
#define X SUP_TEMPORARY

static const struct sup_reason reasons[] = {
	{ .kind = SUP_REASON_NORMAL },
	{ .kind = SUP_REASON_SHUTDOWN },
	{ .kind = SUP_REASON_SHUTDOWN, .term = 7 },
	{ .kind = SUP_REASON_KILLED },
	{ .kind = SUP_REASON_EXIT, .code = 1 },
	{ .kind = SUP_REASON_SIGNAL, .signo = 11 },
	{ .kind = SUP_REASON_NOPROC },
	{ .kind = SUP_REASON_LOST },
};
#define N_REASONS (sizeof(reasons) / sizeof(*reasons))
#define N_CLEAN 3

static void fates(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < N_REASONS; i++) {
		assert_int_equal(sup__strategy_fate(P, &reasons[i]),
				 SUP__FATE_RESTART);
		assert_int_equal(sup__strategy_fate(T, &reasons[i]),
				 i < N_CLEAN ? SUP__FATE_KEEP :
				 SUP__FATE_RESTART);
		assert_int_equal(sup__strategy_fate(X, &reasons[i]),
				 SUP__FATE_REMOVE);
	}
}

/* By reason as above: '+' as it should. */
static void orderly_ends(void **state)
{
	static const struct {
		enum sup_restart restart;
		bool brutal;
		const char *expect;
	} cases[] = {
		{ P, false, "-+------" },
		{ T, false, "+++-----" },
		{ X, false, "+++-----" },
		{ P, true, "---+----" },
		{ T, true, "++++----" },
		{ X, true, "++++----" },
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (k = 0; k < N_REASONS; k++)
			assert_int_equal(
				sup__strategy_is_orderly(cases[i].restart,
							 cases[i].brutal,
							 &reasons[k]),
				cases[i].expect[k] == '+');
}

/* "s3 x3 b0": stop and remove 3, begin 0. */
static void check_plan(enum sup_strategy strategy, const char *kinds,
		       size_t index, const char *expect)
{
	struct sup__step steps[SUP__STRATEGY_STEPS(8)];
	enum sup_restart restarts[8];
	char got[128] = "", *end = got;
	size_t n = strlen(kinds), k, i;

	for (i = 0; i < n; i++)
		restarts[i] = kinds[i] == 'P' ? P : kinds[i] == 'T' ? T : X;
	k = sup__strategy_plan(strategy, restarts, n, index, steps);
	assert_true(k <= SUP__STRATEGY_STEPS(n));
	for (i = 0; i < k; i++)
		end += sprintf(end, "%s%c%zu", i ? " " : "",
			       "sxb"[steps[i].act], steps[i].index);
	assert_string_equal(got, expect);
}

static void plans(void **state)
{
	(void)state;
	check_plan(SUP_ONE_FOR_ONE, "P", 0, "b0");
	check_plan(SUP_ONE_FOR_ONE, "PPP", 1, "b1");
	check_plan(SUP_ONE_FOR_ALL, "P", 0, "b0");
	check_plan(SUP_ONE_FOR_ALL, "PPP", 1, "s2 s0 b0 b1 b2");
	check_plan(SUP_ONE_FOR_ALL, "PTP", 0, "s2 s1 b0 b1 b2");
	check_plan(SUP_ONE_FOR_ALL, "XPXT", 1, "s3 s2 x2 s0 x0 b1 b3");
	check_plan(SUP_REST_FOR_ONE, "PPPP", 1, "s3 s2 b1 b2 b3");
	check_plan(SUP_REST_FOR_ONE, "PPPP", 3, "b3");
	check_plan(SUP_REST_FOR_ONE, "PPPP", 0, "s3 s2 s1 b0 b1 b2 b3");
	check_plan(SUP_REST_FOR_ONE, "XPXT", 1, "s3 s2 x2 b1 b3");
	check_plan(SUP_REST_FOR_ONE, "PTXX", 1, "s3 x3 s2 x2 b1");
}

/* The room promised is enough for the plan that needs most. */
static void longest_plan(void **state)
{
	(void)state;
	check_plan(SUP_ONE_FOR_ALL, "PXXX", 0, "s3 x3 s2 x2 s1 x1 b0");
	check_plan(SUP_ONE_FOR_ALL, "PPPP", 0, "s3 s2 s1 b0 b1 b2 b3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fates),
		cmocka_unit_test(orderly_ends),
		cmocka_unit_test(plans),
		cmocka_unit_test(longest_plan),
	};

	return RUN_TESTS(tests);
}
