/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mabeam/statistics.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The least that has at least so many percent up to it. */
static double percentile(const double *sorted, size_t n, size_t percent)
{
	return sorted[(n * percent + 99) / 100 - 1];
}

void mab__statistics(double *values, size_t n, struct mab_statistics *ret)
{
	size_t i;

	*ret = (struct mab_statistics){ .n = n };
	if (!n)
		return;
	qsort(values, n, sizeof(*values), by_value);
	/* The mean of the first, again and again: a sum could overflow. */
	for (i = 0; i < n; i++)
		ret->mean += (values[i] - ret->mean) / (i + 1);
	ret->min = values[0];
	ret->max = values[n - 1];
	ret->p50 = percentile(values, n, 50);
	ret->p90 = percentile(values, n, 90);
	ret->p99 = percentile(values, n, 99);
}
