/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Monitors and sup_wait() from within. */
#ifndef SUP_CORE_MONITOR_H
#define SUP_CORE_MONITOR_H

#include <sup/monitor.h>

#include "core/mailbox.h"

struct sup__monitor;
struct sup__seat;
struct sup__task;

/* Someone who waits for the end of a task. Seat and pid are its own. */
struct sup__waiter {
	struct sup__waiter *next, **at;		/* task's lock; NULL: off */
	struct sup__seat *seat;
	uint64_t pid;
	_Atomic bool told;			/* it has ended */
};

/*
 * Puts a waiter on the list of t: when t has ended it is told, and its seat is
 * woken; then its memory is its own again. False: t has ended already.
 */
bool sup__waiter_join(struct sup__task *t, struct sup__waiter *w);

/* False: t has ended meanwhile, and the waiter is told, or soon will be. */
bool sup__waiter_leave(struct sup__task *t, struct sup__waiter *w);

/*
 * A ref is a count << SUP__REF_SLOT | the index in the table of the task it
 * belongs to. A timer's to a name belongs to none, and has the highest bit.
 */
#define SUP__REF_SLOT 21
#define SUP__REF_TO_NAME (UINT64_C(1) << 63)

uint64_t sup__ref_new(uint32_t index);

static inline uint32_t sup__ref_slot(uint64_t ref)
{
	return ref & ((UINT64_C(1) << SUP__REF_SLOT) - 1);
}

/* Takes both lists off t, whose lock is held. */
void sup__monitor_detach_locked(struct sup__task *t,
				struct sup__waiter **ret_waiters,
				struct sup__monitor **ret_monitors);

/*
 * A monitor in two steps: made, which needs memory (NULL: none, or a foreign
 * thread), then begun by the same task, or freed.
 */
struct sup__monitor *sup__monitor_new(void);
void sup__monitor_free(struct sup__monitor *m);
struct sup_ref sup__monitor_begin(struct sup__monitor *m, struct sup_pid pid);

/* Tells those who wait, then those who monitor: t is ENDED, with its reason. */
void sup__monitor_tell(struct sup__task *t, struct sup__waiter *waiters,
		       struct sup__monitor *monitors);

/* The calling task ends: it monitors nobody any more. */
void sup__monitor_stop_watching(struct sup__task *t);

/*
 * A DOWN came out of the calling task's mailbox. True: it is to be delivered.
 * After the mailbox was closed: only drops it.
 */
bool sup__monitor_take(struct sup__signal *signal, struct sup_info *ret_info);
void sup__monitor_drop(struct sup__signal *signal);

/* Waits for the end whatever happens to the calling task. Any thread. */
void sup__monitor_await_end(struct sup__task *t);

#endif
