/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PerformanceMonitor is killed 1,000 times, at random, and so are tasks
 * that push figures and have it look: what was taken is known, and in order,
 * and it goes on looking.
 *
 * usage: test_performance_survival [SEED]
 */
#include "performance.h"
#include "survival.h"

#define AGENTS 3
#define KEPT 50

static _Atomic uint64_t pushed[AGENTS];

static const char *const ids[AGENTS] = { "a", "b", "c" };

/* To push, and to note that, is no safe point. */
static int pushes(void *nth)
{
	size_t i = (uintptr_t)nth;
	int ret;

	while (!atomic_load(&survival.stop)) {
		ret = push(ids[i], MAB_ERROR_RATE,
			   atomic_load(&pushed[i]) + 1);
		if (!wrong(ret))
			atomic_fetch_add(&pushed[i], 1);
		ret = mab_performance_sample(LONG);
		wrong(ret && !is_away(ret));
		atomic_fetch_add(&survival.rounds, 1);
		sched_yield();
	}
	return 0;
}

/* Of what was pushed the newest, without a gap. */
static void assert_pushed(size_t i)
{
	uint64_t next = atomic_load(&pushed[i]);
	struct mab_figures *f;
	size_t k, n;

	assert_int_equal(mab_performance_history(ids[i], 0, &f, &n), 0);
	assert_int_equal(n, KEPT);
	for (k = 0; k < n; k++) {
		if (f[k].pid.v)
			continue;
		assert_int_equal(f[k].values[MAB_ERROR_RATE], next);
		next--;
	}
	free(f);
	assert_true(next < atomic_load(&pushed[i]));
}

static void what_was_taken_is_known(void **state)
{
	const struct sup_child_spec children[] = {
		{
			.size = sizeof(children[0]), .id = "agents",
			.start = mab_agent_supervisor_start,
			.type = SUP_SUPERVISOR,
		},
		SURVIVAL_SERVICE(mab_performance_start),
	};
	struct victims v = {
		.run = pushes, .n = AGENTS,
		.services = { "mab_performance" }, .n_services = 1,
	};
	struct mab_performance_status s;
	uint64_t sum = 0;
	size_t i;

	(void)state;
	assert_int_equal(mab_performance_configure(
			OPTIONS(.interval_ms = 1, .history = KEPT)), 0);
	survival_start(children, N_OF(children));
	for (i = 0; i < AGENTS; i++)
		start_agent(AGENT(.id = ids[i]));
	begin_victims(&v);
	while (v.of_services[0] < SLOWLY(1000)) {
		kill_one(&v);
		await_round();
	}
	end_victims(&v);
	await_service("mab_performance");
	look();
	mab_performance_status(&s);
	for (i = 0; i < AGENTS; i++) {
		/* So that some are the newest ones. */
		assert_int_equal(push(ids[i], MAB_ERROR_RATE,
				      atomic_fetch_add(&pushed[i], 1) + 1), 0);
		assert_pushed(i);
		sum += atomic_load(&pushed[i]) - 1;
		assert_true(is_known(ids[i], MAB_CPU_USAGE));
	}
	assert_int_equal(s.pushed, sum);
	assert_true(s.sampled > 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_taken_is_known,
						set_up, tear_down_performance),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
