/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Timers from within. Each task keeps those that will come to it, and waits no
 * longer than until the first of them; the runtime's thread does so for those
 * that go to a name.
 */
#ifndef SUP_CORE_TIMER_H
#define SUP_CORE_TIMER_H

#include <sup/timer.h>

#include "base/lock.h"
#include "core/mailbox.h"

struct sup_info;
struct sup__timer;

struct sup__timers {
	_Atomic int64_t first_at;	/* written under the lock */

	struct sup__lock lock;		/* all below */
	struct sup__timer **heap;	/* the first is at 0 */
	struct sup__timer **buckets;	/* by ref */
	struct sup__timer *named;	/* a server's own */
	uint32_t n, room;		/* room: a power of 2, of both */
	bool closed;
};

#define SUP__TIMERS_NONE INT64_MAX

void sup__timers_init(struct sup__timers *ts);

/* Frees all; none is taken in from here on. Any thread. */
void sup__timers_close(struct sup__timers *ts);

/* Once closed. Nobody may know it any more. */
void sup__timers_fini(struct sup__timers *ts);

/* When the first is due, or SUP__TIMERS_NONE. Any thread. */
static inline int64_t sup__timers_next(const struct sup__timers *ts)
{
	return atomic_load(&ts->first_at);
}

/* The calling task's first, if it is due. */
bool sup__timers_take(struct sup__timers *ts, struct sup_info *ret_info);

/* One that went to a name came out of the mailbox; or is dropped with it. */
void sup__timer_take(struct sup__signal *signal, struct sup_info *ret_info);
void sup__timer_drop(struct sup__signal *signal);

/*
 * Timers to names, between open and close: when the first is due, and sends
 * those that are. The runtime's thread.
 */
void sup__timer_names_open(void);
int64_t sup__timer_names_next(void);
void sup__timer_names_run(void);
void sup__timer_names_close(void);

#endif
