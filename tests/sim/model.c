/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t m_now;
static unsigned int lives;
static struct { struct m_sup *sup; unsigned int life; } retries[64];
static int first_retry, last_retry;
static char trace[65536];
static size_t len;

void m_open(int64_t now)
{
	m_now = now;
	len = 0;
	first_retry = last_retry = 0;
}

static void say(char mark, const struct actor *a, const char *rest)
{
	len += (size_t)snprintf(trace + len, sizeof(trace) - len, "%s%c%s%s",
				len ? " " : "", mark, a->f.id, rest);
}

const char *m_trace(void)
{
	trace[len] = '\0';
	len = 0;
	return trace;
}

int m_find(const struct m_sup *s, const struct actor *a)
{
	int i;

	for (i = 0; i < s->n && s->kids[i].a != a; i++)
		;
	return i < s->n ? i : -1;
}

static enum sup_restart kind(const struct m_sup *s, int i)
{
	return s->kids[i].a->f.restart;
}

static bool is_group(const struct m_sup *s)
{
	return s->strategy != SUP_ONE_FOR_ONE;
}

static void rest(struct m_sup *s, int i, enum sup_why why, const char *with)
{
	s->kids[i].why = why;
	s->kids[i].with = with;
}

/* 0, SUP_IGNORE or -EIO. */
static int start(struct m_sup *s, int i)
{
	struct m_child *c = &s->kids[i];
	struct actor *a = c->a;
	char what;
	int ret;

	c->life = ++lives;
	c->ended = 0;
	if (a->sup) {
		ret = m_up(a->sup);
	} else {
		what = a->script[a->starts < M_STARTS - 1 ? a->starts :
				 M_STARTS - 1];
		a->starts++;
		say(what == 'o' ? '+' : what == 'i' ? '!' : '?', a, "");
		ret = what == 'o' ? 0 : what == 'i' ? SUP_IGNORE : -EIO;
	}
	c->state = ret ? M_DOWN : M_UP;
	rest(s, i, ret < 0 ? SUP_WHY_FAILED : SUP_WHY_DECLINED, NULL);
	return ret;
}

static void drop(struct m_sup *s, int i)
{
	s->kids[i].a->frees++;
	memmove(&s->kids[i], &s->kids[i + 1],
		(size_t)(--s->n - i) * sizeof(*s->kids));
}

/* The end of a task that is up. */
static void end(struct actor *a, const char *reason)
{
	if (a->sup)
		m_stop_all(a->sup);
	else
		say('-', a, reason);
}

static void stop(struct m_sup *s, int i)
{
	struct m_child *c = &s->kids[i];

	if (c->state == M_UP && !c->ended)
		end(c->a, "");
	c->state = M_DOWN;
	c->ended = 0;
	c->life = ++lives;
}

void m_stop_all(struct m_sup *s)
{
	int i;

	for (i = s->n - 1; i >= 0; i--)
		stop(s, i);
	while (s->n)
		drop(s, s->n - 1);
	s->up = false;
}

static void add(struct m_sup *s, struct actor *a)
{
	struct m_child *c = &s->kids[s->n++];

	*c = (struct m_child){ .a = a };
	c->own.max = a->f.budget.intensity < 0 ? 0 : a->f.budget.intensity;
	c->own.period = a->f.budget.period_s * S;
}

int m_up(struct m_sup *s)
{
	int i, ret;

	s->n = s->restarts.n = 0;
	s->up = true;
	if (s->kind != M_STATIC)
		return 0;
	for (i = 0; i < s->n_first; i++) {
		add(s, s->first[i]);
		ret = start(s, i);
		if (ret < 0) {
			m_stop_all(s);
			return ret;
		}
	}
	for (i = s->n - 1; i >= 0; i--)
		if (s->kids[i].state == M_DOWN && kind(s, i) == SUP_TEMPORARY)
			drop(s, i);
	return 0;
}

/* It ends by its own decision: its parent hears of that. */
static void finish(struct m_sup *s)
{
	int i = 0;

	m_stop_all(s);
	if (!s->parent)
		return;
	while (s->parent->kids[i].a->sup != s)
		i++;
	m_notice(s->parent, s->parent->kids[i].a, 0, true);
}

static bool counts(const struct m_times *t, int i)
{
	return t->times[i] >= m_now - t->period;
}

int m_used(const struct m_times *t)
{
	int i, used = 0;

	for (i = 0; i < t->n; i++)
		used += counts(t, i);
	return used;
}

static bool has_budget(const struct m_child *c)
{
	return c->a->f.budget.intensity;
}

static bool count(struct m_sup *s, struct m_child *c)
{
	struct m_times *t = has_budget(c) ? &c->own : &s->restarts;
	int i, n = 0;

	for (i = 0; i < t->n; i++)
		if (counts(t, i))
			t->times[n++] = t->times[i];
	t->n = n;
	if (n >= t->max)
		return false;
	t->times[t->n++] = m_now;
	return true;
}

static void retry(struct m_sup *s, int i)
{
	s->kids[i].state = M_RETRY;
	s->kids[i].life = ++lives;
	retries[last_retry % 64].sup = s;
	retries[last_retry++ % 64].life = s->kids[i].life;
}

/* Whom the strategy takes along is stopped; who is temporary, for good. */
static void stop_group(struct m_sup *s, struct actor *a)
{
	int from = s->strategy == SUP_ONE_FOR_ALL ? 0 : m_find(s, a), k;

	for (k = s->n - 1; k >= from; k--) {
		if (s->kids[k].a != a) {
			stop(s, k);
			rest(s, k, SUP_WHY_GROUP, a->f.id);
		}
		if (kind(s, k) == SUP_TEMPORARY)
			drop(s, k);
	}
}

static void start_group(struct m_sup *s, struct actor *a)
{
	int k = s->strategy == SUP_ONE_FOR_ALL ? 0 : m_find(s, a);
	const char *failed = NULL;

	for (; k < s->n; k++) {
		if (failed) {
			s->kids[k].state = M_DOWN;
			rest(s, k, SUP_WHY_GROUP, failed);
		} else if (start(s, k) < 0) {
			retry(s, k);
			failed = s->kids[k].a->f.id;
		}
	}
}

static void attempt(struct m_sup *s, int i)
{
	struct actor *a = s->kids[i].a;
	int ret;

	if (is_group(s)) {
		stop_group(s, a);
		start_group(s, a);
		return;
	}
	ret = start(s, i);
	if (ret < 0)
		retry(s, i);
	else if (ret && s->kind != M_STATIC)
		drop(s, i);
}

/* One has ended for good. Is that the end of the supervisor, too? */
static void done(struct m_sup *s, int i, bool remove)
{
	bool over = s->kids[i].a->f.significant &&
		    s->auto_shutdown != SUP_AUTO_SHUTDOWN_NEVER;
	int k;

	if (remove)
		drop(s, i);
	if (s->auto_shutdown == SUP_AUTO_SHUTDOWN_ALL)
		for (k = 0; k < s->n; k++)
			if (s->kids[k].a->f.significant &&
			    s->kids[k].state != M_DOWN)
				over = false;
	if (over)
		finish(s);
}

static void spent(struct m_sup *s, int i)
{
	struct m_child *c = &s->kids[i];

	if (has_budget(c) && c->a->f.budget.spent == SUP_SPENT_STOP) {
		c->state = M_DOWN;
		rest(s, i, SUP_WHY_SPENT, NULL);
		done(s, i, s->kind != M_STATIC);
	} else if (s->hold) {
		c->state = M_HELD;
		c->due = m_now + s->hold;
		c->life = ++lives;
		if (is_group(s))
			stop_group(s, c->a);
	} else {
		finish(s);
	}
}

static void restart(struct m_sup *s, int i)
{
	if (count(s, &s->kids[i]))
		attempt(s, i);
	else
		spent(s, i);
}

void m_notice(struct m_sup *s, struct actor *a, int number, bool clean)
{
	int i = s->up ? m_find(s, a) : -1;

	if (i < 0 || s->kids[i].ended != number)
		return;
	s->kids[i].state = M_DOWN;
	s->kids[i].ended = 0;
	rest(s, i, SUP_WHY_DONE, NULL);
	if (kind(s, i) == SUP_PERMANENT ||
	    (kind(s, i) == SUP_TRANSIENT && !clean))
		restart(s, i);
	else
		done(s, i, kind(s, i) == SUP_TEMPORARY || s->kind != M_STATIC);
}

int m_end(struct m_sup *s, struct actor *a, const struct sup_reason *reason)
{
	struct m_child *c = &s->kids[m_find(s, a)];
	char text[64], words[80];

	snprintf(words, sizeof(words), ":%s",
		 sup_reason_format(reason, text, sizeof(text)));
	end(a, reason->kind == SUP_REASON_SHUTDOWN && !reason->term ? "" :
	    words);
	return c->ended = (int)++lives;
}

void m_settle(void)
{
	struct m_sup *s;
	int i;

	for (; first_retry < last_retry; first_retry++) {
		s = retries[first_retry % 64].sup;
		for (i = 0; i < s->n; i++) {
			if (s->kids[i].state != M_RETRY ||
			    s->kids[i].life != retries[first_retry % 64].life)
				continue;
			restart(s, i);
			break;
		}
	}
}

static int first_due(const struct m_sup *s, int64_t until)
{
	int i, first = -1;

	for (i = 0; i < s->n; i++)
		if (s->kids[i].state == M_HELD && s->kids[i].due <= until &&
		    (first < 0 || s->kids[i].due < s->kids[first].due))
			first = i;
	return first;
}

void m_pass(struct m_sup *holder, int64_t ns)
{
	int64_t until = m_now + ns;
	int i;

	while (holder && holder->up && (i = first_due(holder, until)) >= 0) {
		m_now = holder->kids[i].due;
		while (holder->up && (i = first_due(holder, m_now)) >= 0)
			attempt(holder, i);
		m_settle();
	}
	m_now = until;
}

int m_start_child(struct m_sup *s, struct actor *a)
{
	int i = m_find(s, a), ret;

	if (i >= 0)
		return -EEXIST;
	if (s->max_children && s->n >= s->max_children)
		return -ENOSPC;
	i = s->n;
	add(s, a);
	ret = start(s, i);
	if (ret < 0)
		a->frees--;	/* What it was given stays the caller's. */
	if (ret < 0 || (ret && (kind(s, i) == SUP_TEMPORARY ||
				s->kind != M_STATIC)))
		drop(s, i);
	return ret;
}

int m_restart_child(struct m_sup *s, struct actor *a)
{
	int i = m_find(s, a);

	if (i < 0)
		return -ENOENT;
	if (s->kids[i].state != M_DOWN)
		return s->kids[i].state == M_UP ? -EBUSY : -EAGAIN;
	s->kids[i].own.n = 0;
	return start(s, i);
}

int m_terminate_child(struct m_sup *s, struct actor *a)
{
	int i = m_find(s, a);

	if (i < 0)
		return -ENOENT;
	stop(s, i);
	rest(s, i, SUP_WHY_TERMINATED, NULL);
	if (kind(s, i) == SUP_TEMPORARY || s->kind != M_STATIC)
		drop(s, i);
	return 0;
}

int m_delete_child(struct m_sup *s, struct actor *a)
{
	int i = m_find(s, a);

	if (i < 0)
		return -ENOENT;
	if (s->kids[i].state != M_DOWN)
		return s->kids[i].state == M_UP ? -EBUSY : -EAGAIN;
	drop(s, i);
	return 0;
}
