/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server of Telemetry is killed 1,000 times, at random, and so are tasks
 * that record values, and have it clean up: what was recorded is there, and
 * alerts are those of the last values.
 *
 * usage: test_telemetry_survival [SEED]
 */
#include "telemetry.h"
#include "survival.h"

#define AGENTS 3
#define KEPT 50

static _Atomic uint64_t recorded[AGENTS];

static const char *const ids[AGENTS] = { "a", "b", "c" };

/* To record, and to note that, is no safe point. */
static int records(void *nth)
{
	size_t i = (uintptr_t)nth;
	int ret;

	while (!atomic_load(&survival.stop)) {
		ret = mab_telemetry_record(MAB_OF_AGENT, ids[i], "x",
					   atomic_load(&recorded[i]) + 1, 0);
		if (!wrong(ret))
			atomic_fetch_add(&recorded[i], 1);
		ret = mab_telemetry_clean_up(LONG);
		wrong(ret && !is_away(ret));
		atomic_fetch_add(&survival.rounds, 1);
		sched_yield();
	}
	return 0;
}

/* The last ones. */
static void assert_recorded(size_t i)
{
	const struct mab_metric_query q = { .of = ids[i] };
	struct mab_aggregate a;
	uint64_t n = atomic_load(&recorded[i]);

	assert_true(n > KEPT);
	assert_int_equal(mab_telemetry_aggregate(&q, &a), 0);
	assert_int_equal(a.statistics.n, KEPT);
	assert_true(a.last == n);
	assert_true(a.statistics.max == n);
	assert_true(a.statistics.min == n - KEPT + 1);
}

static void what_was_recorded_is_there(void **state)
{
	const struct sup_child_spec child =
		SURVIVAL_SERVICE(mab_telemetry_start);
	struct victims v = {
		.run = records, .n = AGENTS,
		.services = { "mab_telemetry" }, .n_services = 1,
	};
	struct mab_telemetry_status s;
	uint64_t sum = 0;
	size_t i;

	(void)state;
	/* A clock that stands still: what comes later is newer. */
	atomic_store(&now_is, BEGIN);
	mab__telemetry_set_clock(set_clock_now);
	assert_int_equal(mab_telemetry_configure(
			OPTIONS(.cleanup_ms = 1, .each = KEPT)), 0);
	assert_int_equal(mab_telemetry_rule_add(
			RULE(.id = "r", .name = "x", .comparison = MAB_ABOVE)),
			0);
	survival_start(&child, 1);
	begin_victims(&v);
	while (v.of_services[0] < SLOWLY(1000)) {
		kill_one(&v);
		await_round();
	}
	end_victims(&v);
	for (i = 0; i < AGENTS; i++) {
		while (atomic_load(&recorded[i]) <= KEPT)
			record_of(ids[i], "x",
				  atomic_fetch_add(&recorded[i], 1) + 1);
		assert_recorded(i);
		sum += atomic_load(&recorded[i]);
	}
	await_service("mab_telemetry");
	clean_up();
	mab_telemetry_status(&s);
	assert_int_equal(s.recorded, sum);
	assert_int_equal(s.metrics, AGENTS * KEPT);
	assert_int_equal(s.alerts, AGENTS);
	assert_true(s.cleanups > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_recorded_is_there,
						set_up, tear_down_telemetry),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
