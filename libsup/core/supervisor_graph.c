/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each round looks at all that are marked, so that no order among them needs to
 * be kept; it begins what may begin, then waits for the first of those under
 * way. What is under way is finished before anything else may end the thread:
 * its threads look at memory of ours.
 */
#include "core/supervisor_graph.h"

#include <errno.h>
#include <stdio.h>

#include <sup/task.h>

#include "base/clock.h"
#include "base/error.h"
#include "core/await.h"
#include "core/supervisor_depends.h"

void sup__graph_mark_all(struct sup__board *b)
{
	struct sup__child *c;

	for (c = b->roster.first; c; c = c->next)
		c->along = true;
}

static int64_t sooner(int64_t a, int64_t b)
{
	if (a == SUP_FOREVER || b == SUP_FOREVER)
		return a == SUP_FOREVER ? b : a;
	return a < b ? a : b;
}

struct starts {
	enum sup__start_kind kind;
	int error;			/* FIRST_START: of the first to fail */
	char why[SUP__ERROR_MAX];
};

/* Those under way end like any child; their starts see that. */
static void give_up(struct sup__board *b)
{
	struct sup__child *c;

	for (c = b->roster.last; c; c = c->prev)
		if (c->later)
			sup__supervise_ask(c, c->later->pid);
}

static void note(struct sup__board *b, struct starts *s, struct sup__child *c,
		 int ret)
{
	if (ret >= 0 || s->kind == SUP__RESTART || s->error)
		return;
	s->error = ret;
	snprintf(s->why, sizeof(s->why), "%s", sup_error());
	sup__supervise_report(b, SUP_EVENT_START_ERROR, c, ret);
	give_up(b);
}

/* Begins those that may; one that is up at once may let others. */
static void begin(struct sup__board *b, struct starts *s)
{
	struct sup__child *c;
	bool again;
	int ret;

	do {
		again = false;
		for (c = b->roster.first; c && !s->error; c = c->next) {
			if (!c->along || sup__depends_missing(c))
				continue;
			c->along = false;
			ret = sup__supervise_begin(b, c, s->kind);
			if (ret != SUP__UNDER_WAY)
				note(b, s, c, ret);
			again |= ret != SUP__UNDER_WAY;
		}
	} while (again && !s->error);
}

/* Those under way, in the board's arrays; *ret_at: the first to be killed. */
static size_t under_way(struct sup__board *b, int64_t *ret_at)
{
	struct sup__child *c;
	size_t n = 0;

	*ret_at = SUP_FOREVER;
	for (c = b->roster.first; c; c = c->next) {
		if (!c->later)
			continue;
		if (c->stop_by)
			*ret_at = sooner(*ret_at, c->stop_by);
		b->order[n] = c;
		b->starts[n++] = c->later;
	}
	return n;
}

static void kill_late(struct sup__board *b)
{
	int64_t now = sup__now_ns();
	struct sup__child *c;

	for (c = b->roster.first; c; c = c->next) {
		if (!c->stop_by || c->stop_by == SUP_FOREVER ||
		    c->stop_by > now)
			continue;
		sup__supervise_kill(c->later ? c->later->pid : c->pid);
		c->stop_by = SUP_FOREVER;
	}
}

/* The first of n is finished, or who is late is killed. */
static void await_one(struct sup__board *b, struct starts *s, size_t n,
		      int64_t at)
{
	struct sup__child *c;
	size_t i;
	int ret;

	ret = sup__await_later(b->starts, n, at, &i);
	if (ret == -ECANCELED) {
		for (i = 0; i < n; i++)
			sup__supervise_end_start(b, b->order[i], s->kind);
		sup_checkpoint();
	} else if (ret) {
		kill_late(b);
	} else {
		c = b->order[i];
		note(b, s, c, sup__supervise_end_start(b, c, s->kind));
	}
}

static void start(struct sup__board *b, struct starts *s)
{
	int64_t at;
	size_t n;

	do {
		begin(b, s);
		n = under_way(b, &at);
		if (n)
			await_one(b, s, n, at);
	} while (n);
}

int sup__graph_start(struct sup__board *b)
{
	struct starts s = { .kind = SUP__FIRST_START };
	struct sup__child *c;

	start(b, &s);
	for (c = b->roster.first; c; c = c->next)
		c->along = false;
	return s.error ? sup__error(s.error, "%s", s.why) : 0;
}

void sup__graph_restart(struct sup__board *b)
{
	struct starts s = { .kind = SUP__RESTART };
	struct sup__child *c;

	start(b, &s);
	for (c = b->roster.first; c; c = c->next) {
		if (c->along)
			sup__supervise_await_deps(b, c);
		c->along = false;
	}
}

void sup__graph_restart_awaiting(struct sup__board *b)
{
	struct sup__child *c = b->roster.first;

	if (!b->n_awaiting)
		return;
	while (c && (!c->awaits_deps || sup__depends_missing(c)))
		c = c->next;
	if (!c)
		return;
	for (c = b->roster.first; c; c = c->next)
		c->along = c->awaits_deps;
	sup__graph_restart(b);
}

/* Asks those to end whom none that is up depends on, newest first. */
static void ask(struct sup__board *b, const struct sup__child *keep)
{
	struct sup__child *c;
	bool again;

	do {
		again = false;
		for (c = b->roster.last; c; c = c->prev) {
			if (!c->along || sup__depends_user(b, c, true))
				continue;
			c->along = false;
			if (c->pid.v)
				sup__supervise_stop_begin(b, c);
			else if (c != keep)
				sup__supervise_stop(b, c);
			again |= !c->pid.v;
		}
	} while (again);
}

static size_t stopping(struct sup__board *b, int64_t *ret_at)
{
	struct sup__child *c;
	size_t n = 0;

	*ret_at = SUP_FOREVER;
	for (c = b->roster.first; c; c = c->next) {
		if (!c->stop_by)
			continue;
		*ret_at = sooner(*ret_at, c->stop_by);
		b->order[n] = c;
		b->ends[n++].pid = c->pid;
	}
	return n;
}

void sup__graph_stop(struct sup__board *b, const struct sup__child *keep)
{
	int64_t at;
	size_t n, i;
	int ret;

	for (;;) {
		ask(b, keep);
		n = stopping(b, &at);
		if (!n)
			return;
		ret = sup__await_end(b->ends, n, at, &i);
		if (ret == -ECANCELED)
			sup_checkpoint();
		else if (ret)
			kill_late(b);
		else
			sup__supervise_stop_end(b, b->order[i]);
	}
}
