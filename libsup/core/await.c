/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who waits for several has one edge, SUP__WAITS_FOR_MANY, and each of them
 * says whom it keeps waiting (awaited_by). ORDER: that first, then the edge,
 * then a look for calls of theirs that lead back here, which are refused; who
 * calls later publishes its own edge, then follows ours.
 */
#include "core/await.h"

#include <errno.h>

#include <sup/task.h>

#include "base/clock.h"
#include "base/error.h"
#include "core/call.h"
#include "core/seat.h"
#include "core/table.h"
#include "core/task.h"

static void mark(struct sup__task *t, uint64_t by)
{
	if (t)
		atomic_store(&t->awaited_by, by);
}

/* Some do not wait in calls: those have time limits, or are on their own. */
static void refuse_calls(struct sup__task *t)
{
	uint64_t last;

	while (t && (last = sup__table_leads_here(sup__task_pid(t).v)))
		if (!sup__call_refuse(last))
			return;
}

static int64_t sooner(int64_t a, int64_t b)
{
	if (a == SUP_FOREVER || b == SUP_FOREVER)
		return a == SUP_FOREVER ? b : a;
	return a < b ? a : b;
}

/* Joins all; returns the first that has ended already, or n. */
static size_t join(struct sup__end_wait *waits, size_t n,
		   struct sup__seat *seat)
{
	struct sup__end_wait *w;
	size_t i;

	for (i = 0; i < n; i++) {
		w = &waits[i];
		w->waiter = (struct sup__waiter){
			.seat = seat, .pid = w->pid.v,
		};
		w->task = sup__task_get(w->pid);
		if (!w->task)
			return i;
		mark(w->task, sup_self().v);
		if (sup__waiter_join(w->task, &w->waiter))
			continue;
		mark(w->task, 0);
		sup__task_put(w->task);
		w->task = NULL;
		return i;
	}
	return n;
}

/* Of the first n; one that is just being told is waited for. */
static void leave(struct sup__end_wait *waits, size_t n)
{
	struct sup__end_wait *w;
	size_t i;

	for (i = 0; i < n; i++) {
		w = &waits[i];
		if (!sup__waiter_leave(w->task, &w->waiter))
			while (!atomic_load(&w->waiter.told))
				sup__seat_sleep(w->waiter.seat, SUP_FOREVER);
		mark(w->task, 0);
		sup__task_put(w->task);
		w->task = NULL;
	}
}

static int wait_told(struct sup__end_wait *waits, size_t n,
		     struct sup__seat *seat, int64_t deadline,
		     size_t *ret_index)
{
	int ret = 0;
	size_t i;

	for (;;) {
		for (i = 0; i < n; i++)
			if (atomic_load(&waits[i].waiter.told))
				break;
		if (i < n) {
			*ret_index = i;
			return 0;
		}
		if (sup__task_must_end())
			return -ECANCELED;
		if (ret)
			return ret;
		ret = sup__seat_wait(seat, deadline);
	}
}

int sup__await_end(struct sup__end_wait *waits, size_t n, int64_t deadline,
		   size_t *ret_index)
{
	struct sup__seat *seat = sup__seat_self();
	size_t first = join(waits, n, seat), i;
	int ret = 0;

	if (first < n) {
		*ret_index = first;
		leave(waits, first);
		return 0;
	}
	atomic_store(&seat->waits_for, SUP__WAITS_FOR_MANY);
	for (i = 0; i < n; i++)
		refuse_calls(waits[i].task);
	ret = wait_told(waits, n, seat, deadline, ret_index);
	atomic_store(&seat->waits_for, 0);
	leave(waits, n);
	return ret;
}

/* The first that is over or out of time, or n; *deadline as it is next. */
static size_t first_over(struct sup__later *const *starts, size_t n,
			 int64_t *deadline)
{
	int64_t now = sup__now_ns(), at;
	size_t i;

	for (i = 0; i < n; i++) {
		at = starts[i]->deadline(starts[i]);
		if (starts[i]->is_over(starts[i]) ||
		    (at != SUP_FOREVER && at <= now))
			return i;
		*deadline = sooner(*deadline, at);
	}
	return n;
}

static int wait_over(struct sup__later *const *starts, size_t n,
		     struct sup__seat *seat, int64_t deadline,
		     size_t *ret_index)
{
	int64_t until;
	size_t i;

	for (;;) {
		until = deadline;
		i = first_over(starts, n, &until);
		if (i < n) {
			*ret_index = i;
			return 0;
		}
		if (sup__task_must_end())
			return -ECANCELED;
		if (deadline != SUP_FOREVER && deadline <= sup__now_ns())
			return -ETIMEDOUT;
		/* New threads may need this CPU: no spin. */
		sup__seat_sleep(seat, until);
	}
}

int sup__await_later(struct sup__later *const *starts, size_t n,
		     int64_t deadline, size_t *ret_index)
{
	struct sup__seat *seat = sup__seat_self();
	size_t i;
	int ret;

	for (i = 0; i < n; i++)
		mark(starts[i]->task, sup_self().v);
	atomic_store(&seat->waits_for, SUP__WAITS_FOR_MANY);
	for (i = 0; i < n; i++)
		refuse_calls(starts[i]->task);
	ret = wait_over(starts, n, seat, deadline, ret_index);
	atomic_store(&seat->waits_for, 0);
	for (i = 0; i < n; i++)
		mark(starts[i]->task, 0);
	return ret;
}

void sup__await_drop(struct sup__later *l)
{
	struct sup__task *t = sup__task_get(l->pid);

	sup_kill(l->pid, SUP_TRY);
	/* A process whose start has failed ends with the start. */
	if (l->task)
		sup__monitor_await_end(t);
	if (!sup__later_finish(l))
		sup__monitor_await_end(t);
	sup__task_put(t);
}
