/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * That a thread has come to a safe point is no event for anybody but itself: it
 * is interrupted, at once by who asks for it, then by the thread of the runtime
 * after longer and longer whiles, until its task has ended.
 *
 * Lock order: the presses', then that of the runtime's lists.
 */
#include "core/press.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "core/runtime.h"
#include "core/slot.h"
#include "core/task.h"
#include "core/thread.h"

#define GAP_MIN INT64_C(1000000)
#define GAP_MAX INT64_C(256000000)

static struct sup__lock lock = SUP__LOCK_INIT;	/* the list, and who is in it */
static struct sup__task *presses;

/* Interrupts its system call. -ESRCH: its thread has gone. */
static int interrupt(const struct sup__task *t)
{
	pid_t tid = atomic_load(&t->os_tid);

	if (tid && tgkill(getpid(), tid, SUP__SIGNAL_PRESS))
		return -errno;
	return 0;
}

void sup__press(struct sup__task *t, int64_t deadline, bool was_asleep)
{
	sup__lock(&lock);
	/* ORDER: one that has not ended keeps the runtime open from here on. */
	if (sup__task_has_ended(t))
		goto unlock;
	if (!t->pressed) {
		t->pressed = true;
		t->press_deadline = SUP_FOREVER;
		t->press_next = presses;
		presses = t;
		sup__task_ref(t);
	}
	if (deadline != SUP_FOREVER && (t->press_deadline == SUP_FOREVER ||
					deadline < t->press_deadline))
		t->press_deadline = deadline;
	t->press_at = sup__now_ns() + GAP_MIN;
	t->press_gap = GAP_MIN * 2;
	/* While it is in the list the runtime is not closed. */
	sup__runtime_look_soon();
	/* That its thread has gone is found out when it is pressed again. */
	if (!was_asleep)
		interrupt(t);
unlock:
	sup__unlock(&lock);
}

static void end_if_too_late(const struct sup__task *t, int64_t deadline)
{
	if (deadline == SUP_FOREVER || sup__now_ns() < deadline ||
	    sup__task_has_ended(t))
		return;
	sup__log(LOG_CRIT, "thread \"%s\" (%d) was killed and has reached no "
		 "safe point before its deadline: the process ends", t->name,
		 (int)atomic_load(&t->os_tid));
	abort();
}

static void press(struct sup__task *t, int64_t deadline)
{
	end_if_too_late(t, deadline);
	if (interrupt(t) == -ESRCH)
		sup__runtime_thread_vanished(t, (struct sup_reason){
				.kind = SUP_REASON_LOST });
}

/* One that is due, with a reference; of those that have ended, the list's. */
static struct sup__task *next_press(int64_t now, bool *ret_ended,
				    int64_t *ret_deadline)
{
	struct sup__task **at, *t;

	sup__lock(&lock);
	for (at = &presses; (t = *at); at = &t->press_next) {
		*ret_ended = sup__task_has_ended(t);
		if (*ret_ended) {
			*at = t->press_next;
			t->pressed = false;
			break;
		}
		if (t->press_at > now)
			continue;
		t->press_at = now + t->press_gap;
		if (t->press_gap < GAP_MAX)
			t->press_gap *= 2;
		*ret_deadline = t->press_deadline;
		sup__task_ref(t);
		break;
	}
	sup__unlock(&lock);
	return t;
}

void sup__press_run(void)
{
	int64_t now = sup__now_ns(), deadline = 0;
	struct sup__task *t;
	bool ended;

	while ((t = next_press(now, &ended, &deadline))) {
		if (!ended)
			press(t, deadline);
		sup__task_put(t);
	}
}

int64_t sup__press_next(void)
{
	int64_t at = INT64_MAX;
	struct sup__task *t;

	sup__lock(&lock);
	for (t = presses; t; t = t->press_next)
		if (t->press_at < at)
			at = t->press_at;
	sup__unlock(&lock);
	return at;
}

bool sup__press_any(void)
{
	bool any;

	sup__lock(&lock);
	any = presses;
	sup__unlock(&lock);
	return any;
}
