/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of agents, in a table by id. A record is there from the first
 * time that something is said of its agent; it stays when the agent is
 * registered no more, until there are more of those than are kept.
 *
 * A rate is what has been added between two looks at one life, by the time that
 * was between them. Looks are the server's, but the last one is kept here: when
 * the server is killed the next one's first look has the time since then.
 */
#include "mabeam/performance_in.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sup/sup.h>

#include "mabeam/agents.h"
#include "mabeam/service.h"

#define NS_PER_S 1e9
#define SAMPLED (MAB_FIGURE_BIT(MAB_CPU_USAGE) | \
		 MAB_FIGURE_BIT(MAB_MEMORY_USAGE) | \
		 MAB_FIGURE_BIT(MAB_THROUGHPUT) | \
		 MAB_FIGURE_BIT(MAB_MAILBOX_LENGTH))

struct mab__performance mab__performance = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.options = MAB__PERFORMANCE_OPTIONS,
	.bounds = MAB__BOUNDS,
};

static int64_t now_utc(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static bool is_registered(const char *id)
{
	struct sup_pid pid;
	size_t n;

	return mab__agent_can(id, NULL, &pid, &n);
}

struct mab__record *mab__record_find_locked(const char *id)
{
	struct mab__record *r;

	HASH_FIND_STR(mab__performance.records, id, r);
	return r;
}

static void remove_locked(struct mab__record *r)
{
	HASH_DEL(mab__performance.records, r);
	free(r->history);
	free(r);
}

/* Those that went first go first. */
void mab__performance_prune_locked(void)
{
	struct mab__record *r, *oldest;
	size_t n;

	do {
		oldest = NULL;
		n = 0;
		for (r = mab__performance.records; r; r = r->hh.next) {
			if (!r->gone)
				continue;
			n++;
			if (!oldest || r->gone_nr < oldest->gone_nr)
				oldest = r;
		}
		if (n > mab__performance.options.ended)
			remove_locked(oldest);
	} while (n > mab__performance.options.ended + 1);
}

/* Its agent is registered no more. */
static void go_locked(struct mab__record *r)
{
	r->gone = true;
	r->gone_nr = ++mab__performance.gone_nr;
	r->last.pid = r->life = SUP_PID_NONE;
}

static void note_gone_locked(void)
{
	struct mab__record *r;

	for (r = mab__performance.records; r; r = r->hh.next)
		if (!r->gone && !r->raised && !is_registered(r->id))
			go_locked(r);
	mab__performance_prune_locked();
}

/* That of an agent that is registered, new if there is none. */
static int get_locked(const char *id, struct mab__record **ret_record)
{
	struct mab__record *r;

	if (!id || !is_registered(id))
		return mab__agent_unknown(id ? id : "");
	r = mab__record_find_locked(id);
	if (!r) {
		note_gone_locked();
		r = calloc(1, sizeof(*r) + strlen(id) + 1);
		if (!r)
			return mab__nomem("an agent's figures");
		strcpy(r->id, id);
		HASH_ADD_STR(mab__performance.records, id, r);
		if (!r->hh.tbl) {
			free(r);
			return mab__nomem("an agent's figures");
		}
	}
	r->gone = false;
	*ret_record = r;
	return 0;
}

static int watch(const char *id, bool off)
{
	struct mab__news news = { .n = 0 };
	struct mab__record *r;
	int ret;

	pthread_mutex_lock(&mab__performance.lock);
	ret = get_locked(id, &r);
	if (!ret) {
		r->off = off;
		r->last.pid = SUP_PID_NONE;
		if (off)
			mab__alerts_clear_locked(r, &news);
	}
	pthread_mutex_unlock(&mab__performance.lock);
	mab__alerts_tell(&news);
	return ret;
}

int mab_performance_watch(const char *id)
{
	return watch(id, false);
}

int mab_performance_unwatch(const char *id)
{
	return watch(id, true);
}

static void set(struct mab_figures *f, enum mab_figure figure, double value)
{
	f->has |= MAB_FIGURE_BIT(figure);
	f->values[figure] = value;
}

static int add_locked(struct mab__record *r, const struct mab_figures *f,
		      struct mab__news *news)
{
	enum mab_figure i;
	int ret;

	ret = mab__history_add_locked(r, f);
	if (ret)
		return ret;
	for (i = 0; i < MAB_FIGURES; i++)
		if (f->has & MAB_FIGURE_BIT(i))
			set(&r->now, i, f->values[i]);
	r->now.time_ns = f->time_ns;
	if (f->pid.v)
		r->now.pid = f->pid;
	mab__alerts_judge_locked(r, f, news);
	return 0;
}

/* What the time since the last look has added, if that was of this life. */
static void set_rates_locked(const struct mab__record *r,
			     const struct mab__usage *u, struct mab_figures *f)
{
	double seconds = (u->time_ns - r->last.time_ns) / NS_PER_S;
	double cpu = (u->cpu_ns - r->last.cpu_ns) / NS_PER_S;

	if (r->last.pid.v != u->pid.v || seconds <= 0)
		return;
	set(f, MAB_THROUGHPUT, (u->taken - r->last.taken) / seconds);
	if (cpu >= 0)
		set(f, MAB_CPU_USAGE, cpu / seconds);
}

static void sample_locked(struct mab__record *r, const struct mab__usage *u,
			  struct mab__news *news)
{
	struct mab_figures f = { .time_ns = now_utc(), .pid = u->pid };

	if (r->last.pid.v != u->pid.v)
		r->now.has &= ~SAMPLED;
	set_rates_locked(r, u, &f);
	set(&f, MAB_MAILBOX_LENGTH, u->mailbox);
	if (u->is_program)
		set(&f, MAB_MEMORY_USAGE, u->memory);
	r->last = *u;
	r->life = u->pid;
	if (!add_locked(r, &f, news))
		mab__performance.sampled++;
}

void mab__performance_look(const char *id)
{
	struct mab__news news = { .n = 0 };
	struct mab__record *r;
	struct mab__usage u;

	if (mab__usage_of(id, &u))
		return;
	pthread_mutex_lock(&mab__performance.lock);
	if (!get_locked(id, &r) && !r->off)
		sample_locked(r, &u, &news);
	pthread_mutex_unlock(&mab__performance.lock);
	mab__alerts_tell(&news);
}

/* The alerts of one whose life is over, or who is registered no more. */
static bool settle_one_locked(struct mab__news *news)
{
	struct mab__record *r;

	for (r = mab__performance.records; r; r = r->hh.next) {
		if (r->life.v && !sup_is_alive(r->life))
			r->last.pid = r->life = SUP_PID_NONE;
		else if (!r->raised || is_registered(r->id))
			continue;
		mab__alerts_clear_locked(r, news);
		return true;
	}
	return false;
}

void mab__performance_settle(void)
{
	struct mab__news news;
	bool some;

	do {
		news.n = 0;
		pthread_mutex_lock(&mab__performance.lock);
		some = settle_one_locked(&news);
		if (!some) {
			note_gone_locked();
			mab__performance.rounds++;
		}
		pthread_mutex_unlock(&mab__performance.lock);
		mab__alerts_tell(&news);
	} while (some);
}

static int check_figures(const struct mab_figures *f)
{
	enum mab_figure i;

	if (!f->has || f->has >= MAB_FIGURE_BIT(MAB_FIGURES))
		return sup_set_error(-EINVAL, "has: %#x are no figures",
				     f->has);
	if (f->time_ns < 0)
		return sup_set_error(-EINVAL, "time_ns: it is negative");
	for (i = 0; i < MAB_FIGURES; i++)
		if (f->has & MAB_FIGURE_BIT(i) &&
		    (!isfinite(f->values[i]) || f->values[i] < 0))
			return sup_set_error(-EINVAL, "values: %g is no %s",
					     f->values[i], mab_figure_name(i));
	return 0;
}

static int push_locked(const char *id, const struct mab_figures *f,
		       struct mab__news *news)
{
	struct mab__record *r;
	int ret;

	ret = get_locked(id, &r);
	if (ret)
		return ret;
	if (r->off)
		return sup_set_error(-EPERM, "id: \"%s\" is not monitored", id);
	ret = add_locked(r, f, news);
	if (ret)
		return ret;
	mab__performance.pushed++;
	/* There may have been no look at this life of it yet. */
	if (!r->life.v)
		r->life = mab_agent_whereis(id);
	return 0;
}

int mab_performance_push(const char *id, const struct mab_figures *figures)
{
	struct mab__news news = { .n = 0 };
	struct mab_figures f = *figures;
	int ret;

	ret = check_figures(&f);
	if (ret)
		return ret;
	f.pid = SUP_PID_NONE;
	if (!f.time_ns)
		f.time_ns = now_utc();
	pthread_mutex_lock(&mab__performance.lock);
	ret = push_locked(id, &f, &news);
	pthread_mutex_unlock(&mab__performance.lock);
	mab__alerts_tell(&news);
	return ret;
}

/* Who is not to be monitored still is not. */
void mab_performance_clear(void)
{
	struct mab__record *r, *next;

	pthread_mutex_lock(&mab__performance.lock);
	HASH_ITER(hh, mab__performance.records, r, next) {
		if (!r->off || r->gone) {
			remove_locked(r);
			continue;
		}
		free(r->history);
		r->history = NULL;
		r->n = r->room = r->first = 0;
		r->raised = r->now.has = 0;
	}
	pthread_mutex_unlock(&mab__performance.lock);
}
