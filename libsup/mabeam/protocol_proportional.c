/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Proportional: if not all can have what they want each gets the same part of
 * that. It is rounded down to units; those that are left go one each to whom
 * rounding has cost most (largest remainders), or, of those whom it has cost
 * the same, by lot.
 */
#include "mabeam/allocation.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

__extension__ typedef unsigned __int128 product;

static int by_rest(const void *a, const void *b)
{
	const struct mab__claim *x = a, *y = b;

	if (x->rest != y->rest)
		return x->rest > y->rest ? -1 : 1;
	return x->lot < y->lot ? -1 : x->lot > y->lot;
}

/*
 * Demands as whole numbers of at most 2^53, and their sum. Real ones are scaled
 * by the greatest; that is beyond what one could see in the outcome.
 */
static uint64_t weigh(struct mab__allocation *a, size_t n)
{
	uint64_t sum = 0;
	double most = 0;
	int shift = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (a->claims[i].demand > most)
			most = a->claims[i].demand;
	if (!a->whole || most > ldexp(1, DBL_MANT_DIG)) {
		frexp(most, &shift);
		shift = DBL_MANT_DIG - shift;
	}
	for (i = 0; i < n; i++) {
		a->claims[i].weight = (uint64_t)ldexp(a->claims[i].demand,
						      shift);
		sum += a->claims[i].weight;
	}
	return sum;
}

static void divide(struct mab__allocation *a, size_t n)
{
	struct mab__claim *c = a->claims;
	uint64_t wanted = 0, left = a->units, sum;
	size_t i;

	for (i = 0; i < n; i++) {
		c[i].share = c[i].want;
		wanted += c[i].want;
	}
	if (wanted <= a->units)
		return;
	sum = weigh(a, n);
	for (i = 0; i < n; i++) {
		c[i].share = (uint64_t)((product)a->units * c[i].weight / sum);
		c[i].rest = (uint64_t)((product)a->units * c[i].weight % sum);
		left -= c[i].share;
	}
	qsort(c, n, sizeof(*c), by_rest);
	for (i = 0; i < left; i++)
		c[i].share++;
}

static int begin(struct mab_round *round)
{
	return mab__allocation_begin(round, mab__proportional.name, divide);
}

const struct mab_protocol mab__proportional =
	MAB__ALLOCATION("proportional", begin);
