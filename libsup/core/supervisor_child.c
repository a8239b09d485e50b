/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/supervisor_child.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include <sup/dynamic.h>
#include <sup/monitor.h>
#include <sup/server.h>
#include <sup/task.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "core/backoff.h"
#include "core/process.h"
#include "core/spare.h"

/* What a thread that was killed gets to reach a safe point. */
#define KILL_MS 5000

static bool has_reason(enum sup_event_kind kind)
{
	return kind != SUP_EVENT_STARTED && kind != SUP_EVENT_START_ERROR &&
	       kind != SUP_EVENT_DECLINED && kind != SUP_EVENT_STOPPING;
}

static void report(struct sup__board *b, enum sup_event_kind kind,
		   struct sup__child *c, int error)
{
	const struct sup__intensity *budget = sup__board_budget(b, c);
	char output[SUP_EVENT_OUTPUT_MAX];
	struct sup_event ev;

	if (!sup__event_is_wanted())
		return;
	ev = (struct sup_event){
		.kind = kind,
		.time_ns = sup__now_ns(),
		.supervisor = b->pid,
		.pid = c->last_pid,
		.os_pid = c->os_pid,
		.os_tid = c->os_tid,
		.error = error,
		.restarts = c->restarts,
		.intensity = budget->max,
		.due_ns = c->due_ns,
	};
	ev.budget_used = sup__intensity_used(budget, ev.time_ns);
	memcpy(ev.supervisor_name, b->name, sizeof(ev.supervisor_name));
	memcpy(ev.child_id, c->id, sizeof(ev.child_id));
	if (has_reason(kind) && c->has_ended) {
		ev.reason = c->last_reason;
		ev.exit_ns = c->last_reason.exit_ns;
	}
	if ((kind == SUP_EVENT_CHILD_TERMINATED ||
	     kind == SUP_EVENT_SHUTDOWN_ERROR) &&
	    sup__process_recall_output(c->last_pid, output, sizeof(output)))
		ev.output = output;
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
	b->n_due -= c->due_ns != 0;
	ret = sup__roster_move(&b->roster, c, event, news);
	b->n_unsent += c->retry_unsent;
	b->n_due += c->due_ns != 0;
	sup__unlock(&b->lock);
	if (ret)
		sup__log(LOG_CRIT, "%s", sup_error());
	assert(!ret);
}

void sup__supervise_report_self(const struct sup__board *b,
				enum sup_event_kind kind,
				const struct sup_reason *reason)
{
	struct sup_event ev = {
		.kind = kind, .supervisor = b->pid, .pid = b->pid,
		.intensity = b->restarts.max,
	};

	if (!sup__event_is_wanted())
		return;
	if (reason)
		ev.reason = *reason;
	memcpy(ev.supervisor_name, b->name, sizeof(ev.supervisor_name));
	sup__event_emit(&ev);
}

void sup__supervise_report(struct sup__board *b,
			   enum sup_event_kind kind, struct sup__child *c,
			   int error)
{
	report(b, kind, c, error);
}

void sup__supervise_forget(struct sup__board *b, struct sup__child *c)
{
	sup__lock(&b->lock);
	b->n_unsent -= c->retry_unsent;
	b->n_due -= c->due_ns != 0;
	if (b->partitions && b->partitions[c->index] == c)
		b->partitions[c->index] = NULL;
	sup__roster_del(&b->roster, c);
	sup__unlock(&b->lock);
	sup__child_free(c);
}

void sup__supervise_remove(struct sup__board *b, struct sup__child *c)
{
	report(b, SUP_EVENT_REMOVED, c, 0);
	sup__supervise_forget(b, c);
}

int sup__supervise_reserve(struct sup__board *b, size_t n)
{
	size_t room = n + n / 2 + 4;
	void *p;

	if (n <= b->room || b->strategy == SUP_ONE_FOR_ONE ||
	    b->strategy == SUP_SIMPLE_ONE_FOR_ONE)
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

static _Thread_local struct {
	bool has;
	uint64_t value;
} given;

void sup_start_info(uint64_t info)
{
	given.has = true;
	given.value = info;
}

bool sup__supervise_take_info(uint64_t *ret_info)
{
	bool has = given.has;

	*ret_info = has ? given.value : 0;
	given.has = false;
	return has;
}

static int run_start(const struct sup__board *b, const struct sup__child *c,
		     struct sup_pid *ret_pid)
{
	given.has = false;
	if (c->spec.start_with)
		return c->spec.start_with(c->spec.arg, c->extra, ret_pid);
	if (b->simple && c->extra)
		return c->spec.start(c->extra, ret_pid);
	return c->spec.start(c->spec.arg, ret_pid);
}

/* Calls a child's start; what it should not return counts as an error, too. */
static int call_start(const struct sup__board *b, const struct sup__child *c,
		      enum sup__start_kind kind, struct sup_pid *ret_pid)
{
	struct sup_pid pid = SUP_PID_NONE;
	int ret;

	sup__error_clear();
	sup__spare_allow(c->spec.start, kind == SUP__RESTART);
	ret = run_start(b, c, &pid);
	sup__spare_deny();
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

/* xorshift64*: spreads restarts, and need not be better than that. */
static uint64_t next_random(struct sup__board *b)
{
	if (!b->random)
		b->random = b->pid.v * UINT64_C(0x9e3779b97f4a7c15) | 1;
	b->random ^= b->random >> 12;
	b->random ^= b->random << 25;
	b->random ^= b->random >> 27;
	return b->random * UINT64_C(0x2545f4914f6cdd1d);
}

/* When its next restart is due; 0: at once. */
static int64_t when_due(struct sup__board *b, struct sup__child *c)
{
	int64_t delay;

	if (!c->spec.backoff.min_ms)
		return 0;
	delay = sup__backoff_delay(&c->spec.backoff, ++c->in_a_row,
				   next_random(b));
	return delay ? sup__now_ns() + delay : 0;
}

bool sup__supervise_wait(struct sup__board *b, struct sup__child *c)
{
	struct sup__child_news news = { .due_ns = when_due(b, c) };

	if (news.due_ns)
		change(b, c, SUP__CHILD_WAIT, &news);
	report(b, SUP_EVENT_RESTARTING, c, 0);
	return news.due_ns;
}

void sup__supervise_hold(struct sup__board *b, struct sup__child *c)
{
	struct sup__child_news news = {
		.due_ns = sup__now_ns() + b->hold_ms * INT64_C(1000000),
		.held = true,
	};

	change(b, c, SUP__CHILD_WAIT, &news);
	report(b, SUP_EVENT_HELD, c, 0);
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
	ret = call_start(b, c, kind, &news.pid);
	if (ret_pid)
		*ret_pid = news.pid;
	if (ret == SUP_IGNORE) {
		change(b, c, SUP__CHILD_DECLINE, &news);
		report(b, SUP_EVENT_DECLINED, c, 0);
	} else if (!ret) {
		sup_os_pid(news.pid, &news.os_pid, &news.os_tid);
		news.now = sup__now_ns();
		change(b, c, SUP__CHILD_UP, &news);
		sup__supervise_report(b, SUP_EVENT_STARTED, c, 0);
	} else if (kind == SUP__RESTART) {
		news.retry = ++b->retries;
		news.due_ns = when_due(b, c);
		change(b, c, SUP__CHILD_FAIL_RETRY, &news);
		sup__supervise_report(b, SUP_EVENT_START_ERROR, c, ret);
	} else {
		change(b, c, SUP__CHILD_FAIL, &news);
	}
	return ret;
}

static void ask_to_end(const struct sup__child *c)
{
	if (c->spec.shutdown_ms == SUP_SHUTDOWN_KILL)
		sup_kill(c->pid, sup_deadline_ms(KILL_MS));
	else
		sup_exit(c->pid, &SUP_SHUTDOWN);
}

/* Waits as long as the spec says, and kills if that was not enough. */
static struct sup_reason await_end(const struct sup__child *c, int64_t deadline)
{
	struct sup_reason reason = { .kind = SUP_REASON_LOST };
	int ret = sup_wait(c->pid, &reason, deadline);

	if (ret == -ETIMEDOUT) {
		sup_kill(c->pid, sup_deadline_ms(KILL_MS));
		sup_wait(c->pid, &reason, SUP_FOREVER);
	}
	return reason;
}

static int64_t patience(const struct sup__child *c)
{
	int64_t ms = c->spec.shutdown_ms;

	return sup_deadline_ms(ms == SUP_SHUTDOWN_KILL ? -1 : ms);
}

static void bury(struct sup_pid pid);

/* Its task has been asked to end. */
static void see_it_end(struct sup__board *b, struct sup__child *c,
		       int64_t deadline)
{
	bool brutal = c->spec.shutdown_ms == SUP_SHUTDOWN_KILL;
	struct sup__child_news news = { 0 };
	struct sup_pid pid = c->pid;
	enum sup_event_kind kind;

	news.reason = await_end(c, deadline);
	bury(pid);
	change(b, c, SUP__CHILD_DOWN, &news);
	kind = SUP_EVENT_SHUTDOWN_ERROR;
	if (sup__strategy_is_orderly(c->spec.restart, brutal, &news.reason))
		kind = SUP_EVENT_STOPPED;
	report(b, kind, c, 0);
}

static void stop(struct sup__board *b, struct sup__child *c)
{
	struct sup__child_news news = { 0 };

	if (c->state == SUP_CHILD_RUNNING)
		change(b, c, SUP__CHILD_STOP, &news);
	report(b, SUP_EVENT_STOPPING, c, 0);
	ask_to_end(c);
	see_it_end(b, c, patience(c));
}

/* The shortest patience of those still stopping; false: there are none. */
static bool least_patience(const struct sup__board *b, int64_t *ret_ms)
{
	const struct sup__child *c;
	uint64_t least = UINT64_MAX;
	bool found = false;

	/* Infinity, and kills, that nobody outstays, are the greatest. */
	for (c = b->roster.first; c; c = c->next) {
		if (c->state != SUP_CHILD_STOPPING)
			continue;
		found = true;
		if ((uint64_t)c->spec.shutdown_ms < least)
			least = (uint64_t)c->spec.shutdown_ms;
	}
	*ret_ms = (int64_t)least;
	return found;
}

/*
 * Children without ids are all asked at once; then those of one patience are
 * waited for at a time, the shortest first, all from the same beginning, so
 * that no one's patience makes another's longer.
 */
static void stop_at_once(struct sup__board *b)
{
	struct sup__child_news news = { 0 };
	int64_t begin = sup__now_ns(), ms;
	struct sup__child *c;

	for (c = b->roster.last; c; c = c->prev) {
		if (c->state == SUP_CHILD_RUNNING) {
			change(b, c, SUP__CHILD_STOP, &news);
			report(b, SUP_EVENT_STOPPING, c, 0);
			ask_to_end(c);
		} else if (c->state != SUP_CHILD_STOPPING) {
			change(b, c, SUP__CHILD_CANCEL, &news);
		}
	}
	while (least_patience(b, &ms))
		for (c = b->roster.last; c; c = c->prev)
			if (c->state == SUP_CHILD_STOPPING &&
			    c->spec.shutdown_ms == ms)
				see_it_end(b, c, ms < 0 ? SUP_FOREVER :
					   begin + ms * 1000000);
}

/* In the place of its supervisor, which was killed, perhaps while stopping. */
static void stop_abandoned_at_once(struct sup__board *b)
{
	struct sup__child *c, *prev;

	for (c = b->roster.last; c; c = prev) {
		prev = c->prev;
		if (c->pid.v)
			continue;
		c->owns_arg = c->owns_arg && c->state != SUP_CHILD_STARTING;
		sup__supervise_forget(b, c);
	}
	for (c = b->roster.last; c; c = c->prev)
		if (c->state == SUP_CHILD_STOPPING)
			ask_to_end(c);
	stop_at_once(b);
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
	if (sup__board_is_dynamic(b))
		stop_abandoned_at_once(b);
	while ((c = b->roster.last)) {
		if (c->pid.v)
			stop(b, c);
		c->owns_arg = c->owns_arg && c->state != SUP_CHILD_STARTING;
		sup__supervise_forget(b, c);
	}
	sup__board_hide(b);
	sup__board_put(b);
}

void sup__supervise_cancel(struct sup__board *b, struct sup__child *c)
{
	struct sup__child_news news = { 0 };

	change(b, c, SUP__CHILD_CANCEL, &news);
}

void sup__supervise_stop(struct sup__board *b, struct sup__child *c)
{
	if (c->state == SUP_CHILD_RUNNING) {
		stop(b, c);
		return;
	}
	if (c->state == SUP_CHILD_RESTARTING)
		report(b, SUP_EVENT_STOPPING, c, 0);
	sup__supervise_cancel(b, c);
}

void sup__supervise_stop_all(struct sup__board *b)
{
	struct sup__child *c;

	if (sup__board_is_dynamic(b)) {
		stop_at_once(b);
		return;
	}
	for (c = b->roster.last; c; c = c->prev)
		sup__supervise_stop(b, c);
}

void sup__supervise_note_exit(struct sup__board *b, struct sup__child *c,
			      const struct sup_reason *reason)
{
	struct sup__child_news news = { .reason = *reason };
	struct sup_pid pid = c->pid;

	if (sup__backoff_is_stable(&c->spec.backoff,
				   sup__now_ns() - c->started_ns))
		c->in_a_row = 0;
	change(b, c, SUP__CHILD_EXIT, &news);
	report(b, SUP_EVENT_CHILD_TERMINATED, c, 0);
	bury(pid);
}
