/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sink of events. It is called without the lock, by as many threads at once
 * as have something to report, so each call is counted; who takes a sink away
 * waits until the calls that may still see it are over. A call counts for the
 * era it began in, and only eras before the change are waited for, so that a
 * busy new sink cannot hold up the change.
 */
#include "core/event.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/lock.h"

static struct sup__lock lock = SUP__LOCK_INIT;	/* the next five */
static void (*sink)(const struct sup_event *ev, void *arg);
static void *sink_arg;
static unsigned int era;		/* which of the two counts is in use */
static unsigned int calls[2];		/* under way, by era */
static _Atomic uint32_t changes;	/* bumped when a count falls to zero */

/* One change at a time: it outlives the era it ends. */
static struct sup__lock change_lock = SUP__LOCK_INIT;

/* The calling thread is in the sink. */
static _Thread_local bool in_sink;

static bool is_over(unsigned int old)
{
	bool over;

	sup__lock(&lock);
	over = !calls[old];
	sup__unlock(&lock);
	return over;
}

int sup_set_event_sink(void (*cb)(const struct sup_event *ev, void *arg),
		       void *arg)
{
	unsigned int old;
	uint32_t seen;

	if (in_sink)
		return sup__error(-EDEADLK, "the event sink cannot change "
				  "itself");
	sup__lock(&change_lock);
	sup__lock(&lock);
	old = era;
	era = !era;
	sink = cb;
	sink_arg = arg;
	sup__unlock(&lock);
	for (;;) {
		/* Read before the look, so that no fall to zero is missed. */
		seen = atomic_load(&changes);
		if (is_over(old))
			break;
		sup__futex_wait(&changes, seen, SUP_FOREVER);
	}
	sup__unlock(&change_lock);
	return 0;
}

static void leave(unsigned int mine)
{
	bool last;

	sup__lock(&lock);
	last = !--calls[mine];
	sup__unlock(&lock);
	if (last) {
		atomic_fetch_add(&changes, 1);
		sup__futex_wake_all(&changes);
	}
}

void sup__event_emit(const struct sup_event *ev)
{
	void (*cb)(const struct sup_event *ev, void *arg);
	struct sup_event copy = *ev;
	unsigned int mine;
	void *arg;

	if (in_sink)
		return;
	sup__lock(&lock);
	cb = sink;
	arg = sink_arg;
	mine = era;
	if (cb)
		calls[mine]++;
	sup__unlock(&lock);
	if (!cb)
		return;
	if (!copy.time_ns)
		copy.time_ns = sup__now_ns();
	in_sink = true;
	cb(&copy, arg);
	in_sink = false;
	leave(mine);
}

const char *sup_event_name(enum sup_event_kind kind)
{
	static const char *const names[] = {
		[SUP_EVENT_STARTED] = "started",
		[SUP_EVENT_START_ERROR] = "start_error",
		[SUP_EVENT_CHILD_TERMINATED] = "child_terminated",
		[SUP_EVENT_STOPPED] = "stopped",
		[SUP_EVENT_SHUTDOWN_ERROR] = "shutdown_error",
		[SUP_EVENT_GIVE_UP] = "give_up",
		[SUP_EVENT_TASK_EXIT] = "task_exit",
	};

	if ((unsigned int)kind >= sizeof(names) / sizeof(*names))
		return "unknown";
	return names[kind];
}
