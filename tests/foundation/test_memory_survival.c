/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks that have memory cleaned up, their runs, what these ask, and the
 * supervisor of the runs are killed at random, 1,000 times: a run is never in
 * the way of the next one, what nobody asks for is forgotten all the same, and
 * no job is left.
 *
 * usage: test_memory_survival [SEED]
 */
#include "survival.h"

#include "foundation/rate.h"

/* A pair that does not count any more soon: a run has something to forget. */
static int asks_once(void)
{
	const struct fnd_rate soon_over = { FND_RATE_SLIDING_WINDOW, 1, 1 };
	static _Atomic uint64_t last;
	char entity[32];

	snprintf(entity, sizeof(entity), "%ju",
		 (uintmax_t)atomic_fetch_add(&last, 1));
	return fnd_rate_check(entity, "op", &soon_over, NULL);
}

/* Another one runs, or was ended; or who runs it is away. */
static bool may_be(int ret)
{
	return ret == -EBUSY || is_away(ret);
}

static void has_it_cleaned_up(void)
{
	struct fnd_memory_report r = { .took_ns = -1 };
	int ret;

	ret = fnd_memory_cleanup_sync(0, &r);
	wrong(ret && !may_be(ret));
	if (ret)
		return;
	wrong(r.took_ns < 0 || !r.resident_after);
	atomic_fetch_add(&survival.rounds, 1);
}

/* It ends between two steps, or has ended. */
static void ends_a_run(void)
{
	struct sup_pid run;
	int ret;

	ret = fnd_memory_cleanup(0, &run);
	wrong(ret && !may_be(ret));
	if (ret)
		return;
	ret = sup_kill(run, LONG);
	wrong(ret && ret != -ESRCH);
	wrong(sup_wait(run, NULL, LONG));
}

static int cleans_up(void *nth)
{
	while (!atomic_load(&survival.stop)) {
		wrong(asks_once());
		if (nth)
			has_it_cleaned_up();
		else
			ends_a_run();
		sched_yield();
	}
	return 0;
}

static void clean_ups_go_on(void **state)
{
	const struct sup_child_spec children[] = {
		SURVIVAL_TASKS,
		SURVIVAL_SERVICE(fnd_event_store_start),
		SURVIVAL_SERVICE(fnd_rate_limiter_start),
	};
	struct victims v = {
		.run = cleans_up, .n = 3,
		.services = { "fnd_tasks", "fnd_events", "fnd_rates" },
		.n_services = 3,
	};
	struct fnd_memory_report r;

	(void)state;
	survival_start(children, N_OF(children));
	begin_victims(&v);
	kill_often(&v, SLOWLY(1000));
	end_victims(&v);
	await_no_jobs();
	do
		assert_int_equal(fnd_memory_cleanup_sync(0, &r), 0);
	while (fnd__rate_count());
	await_no_jobs();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(clean_ups_go_on),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
