/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for the first of several tasks to end, or to have started. Task
 * threads only. Calls of theirs to the calling task are refused meanwhile, as
 * they are to who waits for one (Documentation/runtime.md).
 */
#ifndef SUP_CORE_AWAIT_H
#define SUP_CORE_AWAIT_H

#include "core/later.h"
#include "core/monitor.h"

/* The pid is the caller's to set, the rest is for the time of the call. */
struct sup__end_wait {
	struct sup_pid pid;
	struct sup__task *task;
	struct sup__waiter waiter;
};

/*
 * Until one of n > 0 has ended: *ret_index. -ETIMEDOUT; -ECANCELED: the calling
 * task must end, and sup_checkpoint() will not return.
 */
int sup__await_end(struct sup__end_wait *waits, size_t n, int64_t deadline,
		   size_t *ret_index);

/* The same until one of n starts is over, or out of time. */
int sup__await_later(struct sup__later *const *starts, size_t n,
		     int64_t deadline, size_t *ret_index);

/*
 * Ends what a start of the calling thread has made, and the start. Waits for
 * that whatever happens to the calling task; no safe point.
 */
void sup__await_drop(struct sup__later *l);

#endif
