/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values, in the order in which they came: all of them in one list, those of
 * one name of one in a series. A series is there as long as it has a value; of
 * its last one it takes its alerts along. What is too old is seen by nobody
 * from that moment on, though it is a clean-up that frees it, so that it does
 * not matter when, or whether, the server does that.
 */
#include "mabeam/telemetry_in.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include <sup/sup.h>

#include "mabeam/service.h"

#define NS_PER_MS INT64_C(1000000)

struct mab__telemetry mab__telemetry = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.options = MAB__TELEMETRY_OPTIONS,
};

static int64_t (*other_clock)(void);

void mab__telemetry_set_clock(int64_t (*now)(void))
{
	other_clock = now;
}

int64_t mab__telemetry_now(void)
{
	struct timespec t;

	if (other_clock)
		return other_clock();
	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t mab__telemetry_oldest_locked(void)
{
	int64_t ms = mab__telemetry.options.retention_ms;

	return ms < 0 ? INT64_MIN : mab__telemetry_now() - ms * NS_PER_MS;
}

static void free_series_locked(struct mab__series *s)
{
	HASH_DEL(mab__telemetry.series, s);
	DL_DELETE(mab__telemetry.list, s);
	free(s);
}

static void forget_locked(struct mab__point *p)
{
	DL_DELETE(p->series->points, p);
	DL_DELETE2(mab__telemetry.all, p, all_prev, all_next);
	p->series->n--;
	mab__telemetry.n--;
	mab__telemetry.forgotten++;
	free(p);
}

/* Its last value may have been forgotten. */
static void settle_locked(struct mab__series *s, struct mab__tidings *t)
{
	if (s->n)
		return;
	mab__rules_clear_locked(s, t);
	free_series_locked(s);
}

static void forget_oldest_locked(struct mab__tidings *t)
{
	struct mab__series *s = mab__telemetry.all->series;

	forget_locked(mab__telemetry.all);
	settle_locked(s, t);
}

/* A series that has no value yet: the caller gives it one. */
static struct mab__series *get_series_locked(const struct mab__series_key *key)
{
	struct mab__series *s;

	HASH_FIND(hh, mab__telemetry.series, key, sizeof(*key), s);
	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->key = *key;
	s->newest_ns = INT64_MIN;
	HASH_ADD(hh, mab__telemetry.series, key, sizeof(s->key), s);
	if (!s->hh.tbl) {
		free(s);
		return NULL;
	}
	DL_APPEND(mab__telemetry.list, s);
	return s;
}

static void append_locked(struct mab__series *s, struct mab__point *p)
{
	p->series = s;
	DL_APPEND(s->points, p);
	DL_APPEND2(mab__telemetry.all, p, all_prev, all_next);
	s->n++;
	mab__telemetry.n++;
	mab__telemetry.recorded++;
}

static int record_locked(const struct mab__series_key *key,
			 struct mab__point *p, struct mab__tidings *t)
{
	struct mab__series *s = get_series_locked(key);

	if (!s)
		return mab__nomem("a metric");
	append_locked(s, p);
	if (s->n > mab__telemetry.options.each)
		forget_locked(s->points);
	if (p->time_ns >= s->newest_ns) {
		s->newest_ns = p->time_ns;
		mab__rules_judge_locked(s, p, t);
	}
	if (mab__telemetry.n > mab__telemetry.options.total)
		forget_oldest_locked(t);
	return 0;
}

/* It is noted, and forgotten: it takes nobody's place. */
static bool is_too_old_locked(const struct mab__point *p)
{
	if (p->time_ns >= mab__telemetry_oldest_locked())
		return false;
	mab__telemetry.recorded++;
	mab__telemetry.forgotten++;
	return true;
}

static int make_key(enum mab_source source, const char *of, const char *name,
		    struct mab__series_key *key)
{
	int ret;

	if ((unsigned int)source >= MAB_SOURCES)
		return sup_set_error(-EINVAL, "source: %d is unknown",
				     (int)source);
	if (source == MAB_OF_SYSTEM && of && *of)
		return sup_set_error(-EINVAL, "of: the system has no \"%.63s\"",
				     of);
	ret = source == MAB_OF_SYSTEM ? 0 : mab__check_name("of", of);
	if (!ret)
		ret = mab__check_name("name", name);
	if (ret)
		return ret;
	/* All bytes of it are compared. */
	memset(key, 0, sizeof(*key));
	key->source = source;
	if (of)
		strcpy(key->of, of);
	strcpy(key->name, name);
	return 0;
}

int mab_telemetry_record(enum mab_source source, const char *of,
			 const char *name, double value, int64_t time_ns)
{
	struct mab__tidings tidings;
	struct mab__series_key key;
	struct mab__point *p;
	bool too_old;
	int ret;

	ret = make_key(source, of, name, &key);
	if (ret)
		return ret;
	if (!isfinite(value))
		return sup_set_error(-EINVAL, "value: %g is none", value);
	if (time_ns < 0)
		return sup_set_error(-EINVAL, "time_ns: it is negative");
	p = calloc(1, sizeof(*p));
	if (!p)
		return mab__nomem("a metric");
	p->value = value;
	p->time_ns = time_ns ? time_ns : mab__telemetry_now();
	tidings.n = 0;
	pthread_mutex_lock(&mab__telemetry.lock);
	too_old = is_too_old_locked(p);
	if (!too_old)
		ret = record_locked(&key, p, &tidings);
	pthread_mutex_unlock(&mab__telemetry.lock);
	if (ret || too_old)
		free(p);
	mab__tidings_tell(&tidings);
	return ret;
}

static void clean_locked(struct mab__series *s, struct mab__tidings *t)
{
	int64_t oldest = mab__telemetry_oldest_locked();
	struct mab__point *p, *next;

	DL_FOREACH_SAFE(s->points, p, next)
		if (p->time_ns < oldest)
			forget_locked(p);
	mab__rules_look_locked(s, t);
	settle_locked(s, t);
}

/* The first that was not in this round yet; it goes to the end. */
static bool clean_next_locked(uint64_t round, struct mab__tidings *t)
{
	struct mab__series *s = mab__telemetry.list;

	if (!s || s->round == round)
		return false;
	s->round = round;
	DL_DELETE(mab__telemetry.list, s);
	DL_APPEND(mab__telemetry.list, s);
	clean_locked(s, t);
	return true;
}

void mab__telemetry_round(void)
{
	struct mab__tidings tidings;
	uint64_t round;
	bool more;

	pthread_mutex_lock(&mab__telemetry.lock);
	round = ++mab__telemetry.rounds;
	pthread_mutex_unlock(&mab__telemetry.lock);
	do {
		tidings.n = 0;
		pthread_mutex_lock(&mab__telemetry.lock);
		more = clean_next_locked(round, &tidings);
		pthread_mutex_unlock(&mab__telemetry.lock);
		mab__tidings_tell(&tidings);
	} while (more);
}

void mab__telemetry_shrink(void)
{
	struct mab__tidings tidings;
	struct mab__series *s;
	bool more;

	pthread_mutex_lock(&mab__telemetry.lock);
	DL_FOREACH(mab__telemetry.list, s)
		while (s->n > mab__telemetry.options.each)
			forget_locked(s->points);
	pthread_mutex_unlock(&mab__telemetry.lock);
	do {
		tidings.n = 0;
		pthread_mutex_lock(&mab__telemetry.lock);
		more = mab__telemetry.n > mab__telemetry.options.total;
		if (more)
			forget_oldest_locked(&tidings);
		pthread_mutex_unlock(&mab__telemetry.lock);
		mab__tidings_tell(&tidings);
	} while (more);
}

void mab_telemetry_clear(void)
{
	struct mab__tidings ignored;

	pthread_mutex_lock(&mab__telemetry.lock);
	while (mab__telemetry.all) {
		ignored.n = 0;
		forget_oldest_locked(&ignored);
	}
	pthread_mutex_unlock(&mab__telemetry.lock);
}
