/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What random simulations share: rounds, each of a seed of its own, until there
 * were as many steps as STEPS=n says. SEED=n repeats one round.
 */
#ifndef TESTS_SIM_RANDOM_H
#define TESTS_SIM_RANDOM_H

#include <stdlib.h>
#include <time.h>

#include "world.h"

/* Of the round; how many there were, which the rounds count. */
static unsigned int seed;
static unsigned long steps;

static inline unsigned long number(const char *name, unsigned long otherwise)
{
	const char *value = getenv(name);

	return value ? strtoul(value, NULL, 10) : otherwise;
}

static inline void run_rounds(void (*one_round)(void), unsigned long otherwise)
{
	unsigned long enough = number("STEPS", getenv("SEED") ? 1 : otherwise);

	seed = (unsigned int)number("SEED", (unsigned long)time(NULL));
	for (; steps < enough; seed++)
		one_round();
}

/* After a failure, too: the seed it happened with. */
static inline int tell_seed(void **state)
{
	(void)state;
	print_message("# %lu steps, the last SEED=%u\n", steps, seed);
	return 0;
}

#define RANDOM_CASE(f) cmocka_unit_test_teardown(f, tell_seed)

#endif
