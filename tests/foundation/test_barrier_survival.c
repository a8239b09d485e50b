/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks that wait at a barrier, and its server, are killed at random, and that
 * crashes in its callbacks, 1,000 times each: nobody ever passes alone, and
 * barriers are passed after each kill. A counter that all of them add to is
 * exact.
 *
 * usage: test_barrier_survival [SEED]
 */
#include "survival.h"

#define PARTIES 3

/*
 * How often each has come, as far as that may have let others pass; and has
 * passed. Who is killed while it waits counts as one who has come.
 */
static struct {
	_Atomic uint64_t come, passed;
} parties[PARTIES];

static _Atomic int64_t added;

static bool is_alone(uint64_t passed)
{
	size_t i;

	for (i = 0; i < PARTIES && atomic_load(&parties[i].come) >= passed; i++)
		;
	return i < PARTIES;
}

static int comes(void *nth)
{
	const uintptr_t n = (uintptr_t)nth;
	int ret;

	while (!atomic_load(&survival.stop)) {
		wrong(fnd_counter_add("c", 1, NULL));
		atomic_fetch_add(&added, 1);
		atomic_fetch_add(&parties[n].come, 1);
		ret = fnd_barrier_wait("b", PARTIES, LONG, NULL);
		wrong(ret && !is_away(ret));
		if (ret) {
			atomic_fetch_sub(&parties[n].come, 1);
			continue;
		}
		wrong(is_alone(atomic_fetch_add(&parties[n].passed, 1) + 1));
		atomic_fetch_add(&survival.rounds, 1);
	}
	return 0;
}

static int comes_once(int nth, void *arg)
{
	(void)nth;
	(void)arg;
	return fnd_barrier_wait("b", PARTIES, LONG, NULL);
}

static void nobody_passes_alone(void **state)
{
	const struct sup_child_spec child =
		SURVIVAL_SERVICE(fnd_barriers_start);
	struct victims v = {
		.run = comes, .n = PARTIES,
		.services = { "fnd_barriers" }, .n_services = 1,
		.n_servers = 1, .one_in = 32,
	};
	unsigned int i, n;
	int64_t value;

	(void)state;
	survival_start(&child, 1);
	begin_victims(&v);
	kill_often(&v, SLOWLY(1000));
	/* They wait for each other: one that stops would leave the others. */
	for (i = 0; i < v.n; i++)
		kill_and_wait(v.pids[i]);
	assert_int_equal(atomic_load(&survival.faults), 0);
	do
		assert_int_equal(fnd_barrier_waiting("b", &n), 0);
	while (n);
	assert_int_equal(crowd(PARTIES, comes_once, NULL), PARTIES);
	assert_int_equal(fnd_counter_get("c", &value), 0);
	assert_int_equal(value, atomic_load(&added));
	assert_int_equal(fnd_counter_remove("c"), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(nobody_passes_alone),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
