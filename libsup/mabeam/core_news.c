/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What subscribers of variables have to be told, for Core, which tells them. */
#include "mabeam/core_table.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

static struct mab__variable *by_nr_locked(uint64_t nr)
{
	struct mab__variable *v;

	HASH_FIND(by_nr, mab__core.by_nr, &nr, sizeof(nr), v);
	return v;
}

static void look_again_locked(struct mab__variable *v)
{
	v->stuck = false;
	if (v->untold)
		return;
	v->untold = true;
	DL_APPEND(mab__core.untold, v);
}

void mab__news_begin(void)
{
	struct mab__variable *v;

	pthread_mutex_lock(&mab__core.lock);
	for (v = mab__core.by_nr; v; v = v->by_nr.next)
		if (v->subscribers || v->gone)
			look_again_locked(v);
	pthread_mutex_unlock(&mab__core.lock);
}

void mab__news_again(void)
{
	struct mab__variable *v;

	pthread_mutex_lock(&mab__core.lock);
	for (v = mab__core.by_nr; v; v = v->by_nr.next)
		if (v->stuck)
			look_again_locked(v);
	pthread_mutex_unlock(&mab__core.lock);
}

static struct sup_pid *pids_locked(struct mab__variable *v, size_t *ret_n)
{
	struct mab__subscriber *s;
	struct sup_pid *pids;
	size_t n = 0;

	pids = sup_alloc(sizeof(*pids) * (HASH_COUNT(v->subscribers) + 1));
	for (s = v->subscribers; pids && s; s = s->hh.next)
		pids[n++] = s->pid;
	*ret_n = n;
	return pids;
}

/* One of which nobody has to hear is out of the table: *ret_over. */
static bool take_locked(uint64_t *ret_nr, struct sup_pid **ret_pids,
			size_t *ret_n, struct mab__variable **ret_over)
{
	struct mab__variable *v = mab__core.untold;

	*ret_over = mab__variable_over_locked(v);
	if (!v || *ret_over)
		return false;
	*ret_pids = pids_locked(v, ret_n);
	if (!*ret_pids)
		return false;
	DL_DELETE(mab__core.untold, v);
	v->untold = false;
	*ret_nr = v->nr;
	return true;
}

bool mab__news_take(uint64_t *ret_nr, struct sup_pid **ret_pids, size_t *ret_n,
		    bool *ret_no_memory)
{
	struct mab__variable *over;
	bool taken;

	do {
		pthread_mutex_lock(&mab__core.lock);
		taken = take_locked(ret_nr, ret_pids, ret_n, &over);
		*ret_no_memory = !taken && !over && mab__core.untold;
		pthread_mutex_unlock(&mab__core.lock);
		mab__variable_free(over);
	} while (over);
	return taken;
}

/* The first version after that; it is near the end. */
static struct mab__change *next_locked(const struct mab__variable *v,
				       uint64_t heard)
{
	struct mab__change *change = mab__last_locked(v);

	if (change->version <= heard)
		return NULL;
	while (change != v->changes && change->prev->version > heard)
		change = change->prev;
	return change;
}

static size_t write_news_locked(const struct mab__variable *v,
				const struct mab__change *change,
				struct mab_variable_news *news)
{
	size_t len = strlen(change->value);

	*news = (struct mab_variable_news){
		.version = change->version, .time = change->time,
		.deleted = change->deleted, .priority = change->priority,
	};
	strcpy(news->name, v->spec.name);
	strcpy(news->by, change->by);
	memcpy(news->value, change->value, len + 1);
	return sizeof(*news) + len + 1;
}

static struct mab__subscriber *subscriber_locked(const struct mab__variable *v,
						 struct sup_pid pid)
{
	struct mab__subscriber *s = NULL;

	if (v)
		HASH_FIND(hh, v->subscribers, &pid, sizeof(pid), s);
	return s;
}

size_t mab__news_next(uint64_t nr, struct sup_pid pid,
		      struct mab_variable_news *news)
{
	struct mab__change *change = NULL;
	struct mab__subscriber *s;
	struct mab__variable *v;
	size_t size = 0;

	pthread_mutex_lock(&mab__core.lock);
	v = by_nr_locked(nr);
	s = subscriber_locked(v, pid);
	if (s)
		change = next_locked(v, s->heard);
	if (change)
		size = write_news_locked(v, change, news);
	pthread_mutex_unlock(&mab__core.lock);
	return size;
}

void mab__news_heard(uint64_t nr, struct sup_pid pid,
		     const struct mab_variable_news *news)
{
	struct mab__subscriber *s;

	if (news->deleted) {
		mab__news_ended(nr, pid);
		return;
	}
	pthread_mutex_lock(&mab__core.lock);
	s = subscriber_locked(by_nr_locked(nr), pid);
	if (s && s->heard < news->version)
		s->heard = news->version;
	pthread_mutex_unlock(&mab__core.lock);
}

void mab__news_ended(uint64_t nr, struct sup_pid pid)
{
	struct mab__variable *v;

	pthread_mutex_lock(&mab__core.lock);
	v = by_nr_locked(nr);
	if (v)
		mab__unsubscribe_locked(v, pid);
	v = mab__variable_over_locked(v);
	pthread_mutex_unlock(&mab__core.lock);
	mab__variable_free(v);
}

void mab__news_stuck(uint64_t nr)
{
	struct mab__variable *v;

	pthread_mutex_lock(&mab__core.lock);
	v = by_nr_locked(nr);
	if (v)
		v->stuck = true;
	pthread_mutex_unlock(&mab__core.lock);
}
