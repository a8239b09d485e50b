/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sink of events. It is called without the lock, by as many threads at once
 * as have something to report; who takes a sink away waits until the calls
 * that may still see it are over.
 */
#include "core/event.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/grace.h"
#include "base/lock.h"

static struct sup__lock lock = SUP__LOCK_INIT;	/* the next two */
static void (*sink)(const struct sup_event *ev, void *arg);
static void *sink_arg;

static _Atomic bool has_sink;

static struct sup__grace calls = SUP__GRACE_INIT;

/* The calling thread is in the sink, since that era of the calls. */
static _Thread_local bool in_sink;
static _Thread_local unsigned int sink_era;

int sup_set_event_sink(void (*cb)(const struct sup_event *ev, void *arg),
		       void *arg)
{
	if (in_sink)
		return sup__error(-EDEADLK, "the event sink cannot change "
				  "itself");
	sup__lock(&lock);
	sink = cb;
	sink_arg = arg;
	atomic_store(&has_sink, cb != NULL);
	sup__unlock(&lock);
	return sup__grace_wait(&calls, SUP_FOREVER);
}

bool sup__event_is_wanted(void)
{
	return atomic_load(&has_sink) || sup__events_are_read();
}

void sup__event_emit(const struct sup_event *ev)
{
	void (*cb)(const struct sup_event *ev, void *arg);
	struct sup_event copy = *ev;
	unsigned int era;
	void *arg;

	/* What nobody is told of has no number, either. */
	if (in_sink || !sup__event_is_wanted())
		return;
	if (!copy.time_ns)
		copy.time_ns = sup__now_ns();
	sup__events_put(&copy);
	/* ORDER: in, then the look; the other side: the change, then a wait. */
	era = sup__grace_enter(&calls);
	sup__lock(&lock);
	cb = sink;
	arg = sink_arg;
	sup__unlock(&lock);
	if (cb) {
		in_sink = true;
		sink_era = era;
		sup__stay_begin();
		cb(&copy, arg);
		sup__stay_end();
		in_sink = false;
	}
	sup__grace_leave(&calls, era);
}

void sup__event_leave_sink(void)
{
	if (!in_sink)
		return;
	in_sink = false;
	sup__grace_leave(&calls, sink_era);
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
		[SUP_EVENT_AUTO_SHUTDOWN] = "auto_shutdown",
		[SUP_EVENT_HELD] = "held",
		[SUP_EVENT_BUDGET_SPENT] = "budget_spent",
		[SUP_EVENT_RESTARTING] = "restarting",
		[SUP_EVENT_DECLINED] = "declined",
		[SUP_EVENT_STOPPING] = "stopping",
		[SUP_EVENT_REMOVED] = "removed",
		[SUP_EVENT_UP] = "up",
		[SUP_EVENT_DOWN] = "down",
		[SUP_EVENT_FLAPPING] = "flapping",
		[SUP_EVENT_STEADY] = "steady",
		[SUP_EVENT_HUNG] = "hung",
		[SUP_EVENT_CAME_BACK] = "came_back",
	};

	if ((unsigned int)kind >= sizeof(names) / sizeof(*names))
		return "unknown";
	return names[kind];
}
