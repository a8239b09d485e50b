/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A monitor has two sides, each with a reference to it: the watcher's list,
 * touched by the watcher's thread only, and the target's, under the target's
 * lock. When the target ends its side turns into the DOWN, which travels in
 * the watcher's mailbox. The watcher's side holds the target, so that it can
 * be locked; the target's side holds the watcher, so that it can be told.
 */
#include "core/monitor.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/error.h"
#include "core/call.h"
#include "core/table.h"
#include "core/task.h"

struct sup__monitor {
	struct sup__signal signal;	/* first */
	_Atomic int refs;
	uint64_t ref;
	struct sup_pid pid;
	struct sup__task *target;	/* NULL: it had gone before */
	struct sup__task *watcher;
	struct sup_reason reason;	/* in flight */

	struct sup__monitor *next, **at;	/* target's lock; NULL: off */
	struct sup__monitor *watch_next, **watch_at;	/* the watcher's */
	bool unwanted;				/* the watcher's */
};

static _Atomic uint64_t last_ref;

uint64_t sup__ref_new(uint32_t index)
{
	return (atomic_fetch_add(&last_ref, 1) + 1) << SUP__REF_SLOT | index;
}

static bool is_ref_of(uint64_t ref, const struct sup__task *watcher)
{
	return ref >> SUP__REF_SLOT && sup__ref_slot(ref) == watcher->index;
}

static void put(struct sup__monitor *m)
{
	/* Both ways: the second frees what the first has written. */
	if (atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) == 1)
		sup__free(m);
}

static void put_target_side(struct sup__monitor *m)
{
	struct sup__task *watcher = m->watcher;

	put(m);
	sup__task_put(watcher);
}

static void put_watcher_side(struct sup__monitor *m)
{
	struct sup__task *target = m->target;

	put(m);
	if (target)
		sup__task_put(target);
}

static void watch(struct sup__task *watcher, struct sup__monitor *m)
{
	m->watch_next = watcher->watching;
	if (m->watch_next)
		m->watch_next->watch_at = &m->watch_next;
	m->watch_at = &watcher->watching;
	watcher->watching = m;
}

static void unwatch(struct sup__monitor *m)
{
	*m->watch_at = m->watch_next;
	if (m->watch_next)
		m->watch_next->watch_at = m->watch_at;
}

/* True: the target's side is ours now. False: its DOWN is on its way. */
static bool unlink_target_side(struct sup__monitor *m)
{
	bool linked = false;

	if (!m->target)
		return false;
	sup__lock(&m->target->lock);
	if (m->at) {
		linked = true;
		*m->at = m->next;
		if (m->next)
			m->next->at = m->at;
		m->at = NULL;
	}
	sup__unlock(&m->target->lock);
	return linked;
}

/* The target's side becomes a signal to the watcher, or is dropped. */
static void send_down(struct sup__monitor *m, const struct sup_reason *reason)
{
	m->reason = *reason;
	if (!sup__mailbox_signal(&m->watcher->mailbox, &m->signal))
		put_target_side(m);
}

static bool link_target_side(struct sup__task *t, struct sup__monitor *m)
{
	bool alive;

	sup__lock(&t->lock);
	alive = atomic_load(&t->state) != SUP__TASK_ENDED;
	if (alive) {
		m->next = t->monitors;
		if (m->next)
			m->next->at = &m->next;
		m->at = &t->monitors;
		t->monitors = m;
	}
	sup__unlock(&t->lock);
	return alive;
}

struct sup__monitor *sup__monitor_new(void)
{
	return sup__self ? sup__zalloc(sizeof(struct sup__monitor)) : NULL;
}

void sup__monitor_free(struct sup__monitor *m)
{
	sup__free(m);
}

struct sup_ref sup__monitor_begin(struct sup__monitor *m, struct sup_pid pid)
{
	struct sup_reason reason = { .kind = SUP_REASON_NOPROC };
	struct sup_ref ref = { sup__ref_new(sup__self->index) };

	m->signal.kind = SUP__SIGNAL_DOWN;
	atomic_init(&m->refs, 2);
	m->ref = ref.v;
	m->pid = pid;
	m->watcher = sup__self;
	sup__task_ref(m->watcher);
	watch(sup__self, m);
	m->target = sup__task_get(pid);
	if (m->target && link_target_side(m->target, m))
		return ref;
	if (m->target)
		reason = m->target->reason;
	else
		sup__table_recall(pid, &reason);
	send_down(m, &reason);
	return ref;
}

int sup_monitor(struct sup_pid pid, struct sup_ref *ret_ref)
{
	struct sup__monitor *m;

	sup__task_checkpoint();
	if (!sup__self)
		return sup__error(-EPERM, "a foreign thread has no mailbox "
				  "for a DOWN");
	m = sup__monitor_new();
	if (!m)
		return sup__error_nomem("a monitor");
	*ret_ref = sup__monitor_begin(m, pid);
	return 0;
}

int sup_demonitor(struct sup_ref ref, bool flush)
{
	struct sup__monitor *m;

	sup__task_checkpoint();
	if (!sup__self)
		return sup__error(-EPERM, "a foreign thread has no monitors");
	if (!is_ref_of(ref.v, sup__self))
		return sup__error(-EPERM, "ref: no monitor of this task");
	for (m = sup__self->watching; m && m->ref != ref.v; )
		m = m->watch_next;
	if (!m)
		return 0;
	if (unlink_target_side(m)) {
		unwatch(m);
		put_target_side(m);
		put_watcher_side(m);
	} else if (flush) {
		m->unwanted = true;
	}
	return 0;
}

bool sup__monitor_take(struct sup__signal *signal, struct sup_info *ret_info)
{
	struct sup__monitor *m = (struct sup__monitor *)signal;
	bool wanted = !m->unwanted;

	if (wanted) {
		ret_info->kind = SUP_INFO_DOWN;
		ret_info->ref.v = m->ref;
		ret_info->pid = m->pid;
		ret_info->reason = m->reason;
	}
	unwatch(m);
	put_target_side(m);
	put_watcher_side(m);
	return wanted;
}

void sup__monitor_drop(struct sup__signal *signal)
{
	put_target_side((struct sup__monitor *)signal);
}

void sup__monitor_stop_watching(struct sup__task *t)
{
	struct sup__monitor *m;

	while (t->watching) {
		m = t->watching;
		unwatch(m);
		if (unlink_target_side(m))
			put_target_side(m);
		put_watcher_side(m);
	}
}

void sup__monitor_detach_locked(struct sup__task *t,
				struct sup__waiter **ret_waiters,
				struct sup__monitor **ret_monitors)
{
	struct sup__waiter *w;
	struct sup__monitor *m;

	sup__assert_held(&t->lock);
	*ret_waiters = t->waiters;
	*ret_monitors = t->monitors;
	t->waiters = NULL;
	t->monitors = NULL;
	for (w = *ret_waiters; w; w = w->next)
		w->at = NULL;
	for (m = *ret_monitors; m; m = m->next)
		m->at = NULL;
}

void sup__monitor_tell(struct sup__task *t, struct sup__waiter *waiters,
		       struct sup__monitor *monitors)
{
	struct sup__waiter *w;
	struct sup__monitor *m;
	struct sup__seat *seat;

	while (waiters) {
		w = waiters;
		waiters = w->next;
		seat = w->seat;
		sup__seat_clear(seat, w->pid);
		/* ORDER: last, for then w is gone; the seat is not. */
		atomic_store(&w->told, true);
		sup__seat_wake(seat);
	}
	while (monitors) {
		m = monitors;
		monitors = m->next;
		send_down(m, &t->reason);
	}
}

/* False: it has ended already. */
bool sup__waiter_join(struct sup__task *t, struct sup__waiter *w)
{
	bool alive;

	sup__lock(&t->lock);
	alive = atomic_load(&t->state) != SUP__TASK_ENDED;
	if (alive) {
		w->next = t->waiters;
		if (w->next)
			w->next->at = &w->next;
		w->at = &t->waiters;
		t->waiters = w;
	}
	sup__unlock(&t->lock);
	return alive;
}

/* False: it is being told, and w must stay until it has been. */
bool sup__waiter_leave(struct sup__task *t, struct sup__waiter *w)
{
	bool linked;

	sup__lock(&t->lock);
	linked = w->at;
	if (linked) {
		*w->at = w->next;
		if (w->next)
			w->next->at = w->at;
	}
	sup__unlock(&t->lock);
	return linked;
}

static int wait_end(struct sup__task *t, struct sup__waiter *w,
		    int64_t deadline, bool may_cancel)
{
	int ret = 0;

	if (!sup__waiter_join(t, w))
		return 0;
	while (!atomic_load(&w->told)) {
		if (!ret && may_cancel && sup__task_must_end())
			ret = -ECANCELED;
		if (ret && sup__waiter_leave(t, w))
			return ret;
		ret = sup__seat_wait(w->seat, ret ? SUP_FOREVER : deadline);
	}
	return 0;
}

/* A task in the way that waits for us in a call is told not to. */
static int may_wait_for_end(struct sup__seat *seat, uint64_t pid)
{
	uint64_t last;

	do {
		last = sup__table_wait_for(seat, pid);
		if (last && !sup__call_refuse(last))
			return sup__error(-EDEADLK, "it waits for the end of "
					  "the caller");
	} while (last);
	return 0;
}

static int wait_for(struct sup__task *t, struct sup_pid pid, int64_t deadline)
{
	struct sup__waiter w = { .pid = pid.v };
	int ret;

	w.seat = sup__seat_self();
	if (!w.seat)
		return -ENOMEM;
	ret = may_wait_for_end(w.seat, pid.v);
	if (!ret)
		ret = wait_end(t, &w, deadline, true);
	atomic_store(&w.seat->waits_for, 0);
	if (ret == -ETIMEDOUT)
		sup__error(ret, "\"%s\" has not ended in time", t->name);
	return ret;
}

int sup_wait(struct sup_pid pid, struct sup_reason *ret_reason,
	     int64_t deadline)
{
	struct sup_reason reason = { .kind = SUP_REASON_NOPROC };
	struct sup__task *t;
	int ret = 0;

	sup__task_checkpoint();
	if (pid.v && pid.v == sup_self().v)
		return sup__error(-EDEADLK, "a task cannot wait for its own "
				  "end");
	t = sup__task_get(pid);
	if (t) {
		ret = wait_for(t, pid, deadline);
		if (!ret)
			reason = t->reason;
		sup__task_put(t);
	} else {
		sup__table_recall(pid, &reason);
	}
	if (ret == -ECANCELED)
		sup__task_checkpoint();
	if (!ret && ret_reason)
		*ret_reason = reason;
	return ret;
}

void sup__monitor_await_end(struct sup__task *t)
{
	struct sup__waiter w = { .pid = atomic_load(&t->pid) };

	/* Whoever calls this has waited before, and so has a seat. */
	w.seat = sup__seat_self();
	sup__table_wait_for(w.seat, w.pid);
	wait_end(t, &w, SUP_FOREVER, false);
	atomic_store(&w.seat->waits_for, 0);
}
