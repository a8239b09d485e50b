/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting until all who are inside something now have left it. Who enters
 * counts for the era it enters in, and only eras before the wait are waited
 * for, so those who come later cannot hold it up.
 */
#ifndef SUP_BASE_GRACE_H
#define SUP_BASE_GRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sup/types.h>

#include "base/lock.h"

struct sup__grace {
	struct sup__lock wait_lock;	/* one wait at a time */

	struct sup__lock lock;		/* protects the next three */
	unsigned int era;		/* which of the two counts is in use */
	unsigned int inside[2];		/* by era */
	bool awaited;			/* somebody waits for a fall to 0 */

	_Atomic uint32_t changes;	/* bumped when that has happened */
};

#define SUP__GRACE_INIT { .wait_lock = SUP__LOCK_INIT, .lock = SUP__LOCK_INIT }

/*
 * Returns the era, to be left once, on whatever thread. Neither makes a system
 * call if nobody waits.
 */
unsigned int sup__grace_enter(struct sup__grace *g);
void sup__grace_leave(struct sup__grace *g, unsigned int era);

/* Who entered before the call has left when it returns. -ETIMEDOUT. */
int sup__grace_wait(struct sup__grace *g, int64_t deadline);

#endif
