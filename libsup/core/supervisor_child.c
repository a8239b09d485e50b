/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/supervisor_child.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include <sup/monitor.h>
#include <sup/server.h>
#include <sup/task.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

/* What a thread that was killed gets to reach a safe point. */
#define KILL_MS 5000

static void report(const struct sup__board *b, enum sup_event_kind kind,
		   const struct sup__child *c, int error)
{
	struct sup_event ev = {
		.kind = kind,
		.time_ns = sup__now_ns(),
		.supervisor = b->pid,
		.pid = c->last_pid,
		.os_pid = c->os_pid,
		.os_tid = c->os_tid,
		.error = error,
		.restarts = c->restarts,
		.intensity = b->restarts.max,
	};

	ev.budget_used = sup__intensity_used(&b->restarts, ev.time_ns);
	memcpy(ev.supervisor_name, b->name, sizeof(ev.supervisor_name));
	memcpy(ev.child_id, c->id, sizeof(ev.child_id));
	if (kind != SUP_EVENT_STARTED && kind != SUP_EVENT_START_ERROR &&
	    c->has_ended) {
		ev.reason = c->last_reason;
		ev.exit_ns = c->last_reason.exit_ns;
	}
	sup__event_emit(&ev);
}

/* A child's next step in life. That it is none is a mistake in this file. */
static void change(struct sup__board *b, struct sup__child *c,
		   enum sup__child_event event,
		   const struct sup__child_news *news)
{
	int ret;

	sup__lock(&b->lock);
	b->n_unsent -= c->retry_unsent;
	ret = sup__roster_move(&b->roster, c, event, news);
	b->n_unsent += c->retry_unsent;
	sup__unlock(&b->lock);
	if (ret)
		sup__log(LOG_CRIT, "%s", sup_error());
	assert(!ret);
}

void sup__supervise_report(struct sup__board *b,
			   enum sup_event_kind kind,
			   const struct sup__child *c, int error)
{
	report(b, kind, c, error);
}

static void remove_child(struct sup__board *b, struct sup__child *c)
{
	sup__lock(&b->lock);
	b->n_unsent -= c->retry_unsent;
	sup__roster_del(&b->roster, c);
	sup__unlock(&b->lock);
	sup__child_free(c);
}

void sup__supervise_remove(struct sup__board *b, struct sup__child *c)
{
	remove_child(b, c);
}

int sup__supervise_reserve(struct sup__board *b, size_t n)
{
	size_t room = n + n / 2 + 4;
	void *p;

	if (n <= b->room || b->strategy == SUP_ONE_FOR_ONE)
		return 0;
	p = sup__realloc(b->order, room * sizeof(*b->order));
	if (!p)
		return sup__error_nomem("a plan of restarts");
	b->order = p;
	p = sup__realloc(b->kinds, room * sizeof(*b->kinds));
	if (!p)
		return sup__error_nomem("a plan of restarts");
	b->kinds = p;
	p = sup__realloc(b->steps, SUP__STRATEGY_STEPS(room) *
			 sizeof(*b->steps));
	if (!p)
		return sup__error_nomem("a plan of restarts");
	b->steps = p;
	b->room = room;
	return 0;
}

/* Calls a child's start; what it should not return counts as an error, too. */
static int call_start(const struct sup__child *c, struct sup_pid *ret_pid)
{
	struct sup_pid pid = SUP_PID_NONE;
	int ret;

	sup__error(0, "%s", "");
	ret = c->spec.start(c->spec.arg, &pid);
	if (ret == SUP_IGNORE || (ret < 0 && ret != -EEXIST))
		pid = SUP_PID_NONE;
	if (ret > SUP_IGNORE)
		ret = sup__error(-EPROTO, "child \"%s\": start returned %d",
				 c->id, ret);
	else if (!ret && !pid.v)
		ret = sup__error(-EPROTO, "child \"%s\": start returned no "
				 "task", c->id);
	else if (ret < 0 && sup_error()[0])
		sup__error(ret, "child \"%s\": %s", c->id, sup_error());
	else if (ret < 0)
		sup__error_sys(ret, "child \"%s\"", c->id);
	*ret_pid = pid;
	return ret;
}

/*
 * Starts a child that has no task. A restart that fails leaves it restarting,
 * with a retry to send. ret_pid may be NULL; on -EEXIST it is who was there.
 */
int sup__supervise_start(struct sup__board *b, struct sup__child *c,
			 enum sup__start_kind kind, struct sup_pid *ret_pid)
{
	struct sup__child_news news = { .restart = kind == SUP__RESTART };
	int ret;

	change(b, c, SUP__CHILD_START, &news);
	ret = call_start(c, &news.pid);
	if (ret_pid)
		*ret_pid = news.pid;
	if (ret == SUP_IGNORE) {
		change(b, c, SUP__CHILD_DECLINE, &news);
	} else if (!ret) {
		sup_os_pid(news.pid, &news.os_pid, &news.os_tid);
		news.now = sup__now_ns();
		change(b, c, SUP__CHILD_UP, &news);
		sup__supervise_report(b, SUP_EVENT_STARTED, c, 0);
	} else if (kind == SUP__RESTART) {
		news.retry = ++b->retries;
		change(b, c, SUP__CHILD_FAIL_RETRY, &news);
		sup__supervise_report(b, SUP_EVENT_START_ERROR, c, ret);
	} else {
		change(b, c, SUP__CHILD_FAIL, &news);
	}
	return ret;
}

/* Asks, waits as long as the spec says, and kills if that was not enough. */
static struct sup_reason end_task(const struct sup__child *c)
{
	struct sup_reason reason = { .kind = SUP_REASON_LOST };
	int64_t ms = c->spec.shutdown_ms;
	int ret = -ETIMEDOUT;

	if (ms != SUP_SHUTDOWN_KILL) {
		sup_exit(c->pid, &SUP_SHUTDOWN);
		ret = sup_wait(c->pid, &reason, sup_deadline_ms(ms));
	}
	if (ret == -ETIMEDOUT) {
		sup_kill(c->pid, sup_deadline_ms(KILL_MS));
		sup_wait(c->pid, &reason, SUP_FOREVER);
	}
	return reason;
}

static void bury(struct sup_pid pid);

static void stop(struct sup__board *b, struct sup__child *c)
{
	bool brutal = c->spec.shutdown_ms == SUP_SHUTDOWN_KILL;
	struct sup__child_news news = { 0 };
	struct sup_pid pid = c->pid;
	enum sup_event_kind kind;

	if (c->state == SUP_CHILD_RUNNING)
		change(b, c, SUP__CHILD_STOP, &news);
	news.reason = end_task(c);
	bury(pid);
	change(b, c, SUP__CHILD_DOWN, &news);
	kind = SUP_EVENT_SHUTDOWN_ERROR;
	if (sup__strategy_is_orderly(c->spec.restart, brutal, &news.reason))
		kind = SUP_EVENT_STOPPED;
	report(b, kind, c, 0);
}

/*
 * A supervisor that was killed has stopped nobody. Whoever hears of its end
 * does so in its place, before anything is started again: else a restart might
 * meet names and files that are still in use. Its thread is no more, so its
 * board is ours. A child that it was just starting has been given up by then;
 * nothing is known of it, so its arg is not freed.
 */
static void bury(struct sup_pid pid)
{
	struct sup__board *b = sup__board_get(pid);
	struct sup__child *c;

	if (!b)
		return;
	while ((c = b->roster.last)) {
		if (c->pid.v)
			stop(b, c);
		c->owns_arg = c->owns_arg && c->state != SUP_CHILD_STARTING;
		remove_child(b, c);
	}
	sup__board_hide(b);
	sup__board_put(b);
}

void sup__supervise_stop(struct sup__board *b, struct sup__child *c)
{
	struct sup__child_news news = { 0 };

	if (c->state == SUP_CHILD_RUNNING)
		stop(b, c);
	else
		change(b, c, SUP__CHILD_CANCEL, &news);
}

void sup__supervise_stop_all(struct sup__board *b)
{
	struct sup__child *c;

	for (c = b->roster.last; c; c = c->prev)
		sup__supervise_stop(b, c);
}

void sup__supervise_note_exit(struct sup__board *b, struct sup__child *c,
			      const struct sup_reason *reason)
{
	struct sup__child_news news = { .reason = *reason };
	struct sup_pid pid = c->pid;

	change(b, c, SUP__CHILD_EXIT, &news);
	report(b, SUP_EVENT_CHILD_TERMINATED, c, 0);
	bury(pid);
}
