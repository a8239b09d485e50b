/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/intensity.h"

#include <assert.h>
#include <errno.h>

#include "base/alloc.h"
#include "base/error.h"

int sup__intensity_init(struct sup__intensity *in, size_t max,
			int64_t period_ns)
{
	assert(max <= SUP__INTENSITY_MAX);
	*in = (struct sup__intensity){ .max = max, .period_ns = period_ns };
	if (!max)
		return 0;
	in->times = sup__calloc(max, sizeof(*in->times));
	return in->times ? 0 : sup__error_nomem("the times of restarts");
}

void sup__intensity_clear(struct sup__intensity *in)
{
	in->first = in->used = 0;
}

void sup__intensity_fini(struct sup__intensity *in)
{
	sup__free(in->times);
	*in = (struct sup__intensity){ 0 };
}

static int64_t nth(const struct sup__intensity *in, size_t n)
{
	return in->times[(in->first + n) % in->max];
}

/* Exactly one period ago still counts. */
static bool counts(const struct sup__intensity *in, int64_t time, int64_t now)
{
	return time >= now - in->period_ns;
}

bool sup__intensity_add(struct sup__intensity *in, int64_t now)
{
	while (in->used && !counts(in, nth(in, 0), now)) {
		in->first = (in->first + 1) % in->max;
		in->used--;
	}
	if (in->used == in->max)
		return false;
	in->times[(in->first + in->used++) % in->max] = now;
	return true;
}

/* The times are in order, so the first that counts is found by halving. */
size_t sup__intensity_used(const struct sup__intensity *in, int64_t now)
{
	size_t low = 0, high = in->used, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (counts(in, nth(in, middle), now))
			high = middle;
		else
			low = middle + 1;
	}
	return in->used - low;
}
