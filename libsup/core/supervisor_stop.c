/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How children end: as they are asked, by themselves, or left behind. */
#include "core/supervisor_child.h"

#include <errno.h>

#include <sup/monitor.h>
#include <sup/task.h>

#include "base/clock.h"
#include "core/backoff.h"
#include "core/supervisor_depends.h"
#include "core/supervisor_graph.h"

/* What a thread that was killed gets to reach a safe point. */
#define KILL_MS 5000

void sup__supervise_kill(struct sup_pid pid)
{
	sup_kill(pid, sup_deadline_ms(KILL_MS));
}

static void ask_to_end(const struct sup__child *c, struct sup_pid pid)
{
	if (c->spec.shutdown_ms == SUP_SHUTDOWN_KILL)
		sup__supervise_kill(pid);
	else
		sup_exit(pid, &SUP_SHUTDOWN);
}

/* Waits as long as the spec says, and kills if that was not enough. */
static struct sup_reason await_end(const struct sup__child *c, int64_t deadline)
{
	struct sup_reason reason = { .kind = SUP_REASON_LOST };
	int ret = sup_wait(c->pid, &reason, deadline);

	if (ret == -ETIMEDOUT) {
		sup__supervise_kill(c->pid);
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

/* Its task has ended as it was asked to. */
static void note_down(struct sup__board *b, struct sup__child *c,
		      struct sup_reason reason)
{
	bool brutal = c->spec.shutdown_ms == SUP_SHUTDOWN_KILL;
	struct sup__child_news news = { .reason = reason };
	struct sup_pid pid = c->pid;
	enum sup_event_kind kind;

	bury(pid);
	sup__supervise_change(b, c, SUP__CHILD_DOWN, &news);
	kind = SUP_EVENT_SHUTDOWN_ERROR;
	if (sup__strategy_is_orderly(c->spec.restart, brutal, &news.reason))
		kind = SUP_EVENT_STOPPED;
	sup__supervise_report(b, kind, c, 0);
}

/* Its task has been asked to end. */
static void see_it_end(struct sup__board *b, struct sup__child *c,
		       int64_t deadline)
{
	note_down(b, c, await_end(c, deadline));
}

static void begin_stop(struct sup__board *b, struct sup__child *c)
{
	struct sup__child_news news = { 0 };

	if (c->state == SUP_CHILD_RUNNING)
		sup__supervise_change(b, c, SUP__CHILD_STOP, &news);
	sup__supervise_report(b, SUP_EVENT_STOPPING, c, 0);
	ask_to_end(c, c->pid);
}

static void stop(struct sup__board *b, struct sup__child *c)
{
	begin_stop(b, c);
	see_it_end(b, c, patience(c));
}

void sup__supervise_ask(struct sup__child *c, struct sup_pid pid)
{
	ask_to_end(c, pid);
	c->stop_by = patience(c);
}

void sup__supervise_stop_begin(struct sup__board *b, struct sup__child *c)
{
	begin_stop(b, c);
	c->stop_by = patience(c);
}

void sup__supervise_stop_end(struct sup__board *b, struct sup__child *c)
{
	note_down(b, c, await_end(c, SUP_FOREVER));
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
			sup__supervise_change(b, c, SUP__CHILD_STOP, &news);
			sup__supervise_report(b, SUP_EVENT_STOPPING, c, 0);
			ask_to_end(c, c->pid);
		} else if (c->state != SUP_CHILD_STOPPING) {
			sup__supervise_change(b, c, SUP__CHILD_CANCEL, &news);
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
			ask_to_end(c, c->pid);
	stop_at_once(b);
}

/* The same. Starts that it had left behind were ended with its thread. */
static void stop_abandoned_graph(struct sup__board *b)
{
	struct sup__child *c;

	for (c = b->roster.last; c; c = c->prev) {
		c->stop_by = 0;
		c->along = c->pid.v;
		c->later = NULL;
	}
	sup__graph_stop(b, NULL);
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
	else if (sup__depends_are_used(b))
		stop_abandoned_graph(b);
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

	sup__supervise_change(b, c, SUP__CHILD_CANCEL, &news);
}

void sup__supervise_stop(struct sup__board *b, struct sup__child *c)
{
	if (c->state == SUP_CHILD_RUNNING) {
		stop(b, c);
		return;
	}
	if (c->state == SUP_CHILD_RESTARTING)
		sup__supervise_report(b, SUP_EVENT_STOPPING, c, 0);
	sup__supervise_cancel(b, c);
}

/* Those that are up, or want to be. */
static void note_all(struct sup__board *b)
{
	struct sup__child *c;

	for (c = b->roster.first; c; c = c->next)
		if (c->pid.v || c->state == SUP_CHILD_RESTARTING)
			sup__supervise_note_why(b, c, SUP_WHY_SUPERVISOR,
						SUP_PID_NONE, NULL);
}

void sup__supervise_stop_all(struct sup__board *b)
{
	struct sup__child *c;

	note_all(b);
	if (sup__board_is_dynamic(b)) {
		stop_at_once(b);
		return;
	}
	if (sup__depends_are_used(b)) {
		sup__graph_mark_all(b);
		sup__graph_stop(b, NULL);
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
		sup__supervise_set_in_a_row(b, c, 0);
	sup__supervise_change(b, c, SUP__CHILD_EXIT, &news);
	sup__supervise_report(b, SUP_EVENT_CHILD_TERMINATED, c, 0);
	bury(pid);
}
