/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How many restarts a supervisor has made of late, and whether one more is
 * allowed. Pure: time comes in as an argument. A ring holds the times of the
 * restarts that still count, so one restart costs O(1), however many the
 * period holds; its memory is there from the start, so none can fail later.
 *
 * The rule is OTP's: a restart is allowed if, itself included, no more than
 * `intensity` have happened within the last period, bounds included. OTP
 * compares whole seconds, so that its period reaches between period and
 * period + 1 s; here it is exact to the nanosecond.
 */
#ifndef SUP_CORE_INTENSITY_H
#define SUP_CORE_INTENSITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUP__INTENSITY_MAX 1000000

struct sup__intensity {
	int64_t *times;		/* ring, oldest at first; NULL if max is 0 */
	size_t max;		/* restarts allowed in a period */
	size_t first, used;
	int64_t period_ns;
};

/* max is at most SUP__INTENSITY_MAX. -ENOMEM. */
int sup__intensity_init(struct sup__intensity *in, size_t max,
			int64_t period_ns);

/* As if there had been none. */
void sup__intensity_clear(struct sup__intensity *in);

/* Safe on zeroed memory, and twice. */
void sup__intensity_fini(struct sup__intensity *in);

/*
 * A restart is wanted at now, which never goes back. True: it is allowed, and
 * counted. False: it is one too many.
 */
bool sup__intensity_add(struct sup__intensity *in, int64_t now);

/* How many of those that were allowed count at now. */
size_t sup__intensity_used(const struct sup__intensity *in, int64_t now);

#endif
