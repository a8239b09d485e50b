/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Max-min fair: who wants little gets it, and what is left is divided evenly
 * among the others. So nobody can get more but from one who has no more. Units
 * that cannot be divided go one each to those who want most, or, of those who
 * want the same, by lot.
 */
#include "mabeam/allocation.h"

#include <stdlib.h>

static int by_want(const void *a, const void *b)
{
	const struct mab__claim *x = a, *y = b;

	if (x->want != y->want)
		return x->want < y->want ? -1 : 1;
	return x->lot < y->lot ? -1 : x->lot > y->lot;
}

static void divide(struct mab__allocation *a, size_t n)
{
	struct mab__claim *c = a->claims;
	uint64_t left = a->units, even;

	qsort(c, n, sizeof(*c), by_want);
	for (; n; n--, c++) {
		even = left / n;
		c->share = c->want < even ? c->want : even;
		left -= c->share;
	}
}

static int begin(struct mab_round *round)
{
	return mab__allocation_begin(round, mab__max_min.name, divide);
}

const struct mab_protocol mab__max_min = MAB__ALLOCATION("max_min", begin);
