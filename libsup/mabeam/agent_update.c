/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rolling restart: batch by batch, agents are stopped, get their new specs,
 * are started all, then waited for. Both specs of an agent at its turn are the
 * table's: who is killed in the midst takes none along.
 */
#include <mabeam/agent_update.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mabeam/agent_supervisor.h>
#include <sup/sup.h>

#include "mabeam/agent_start.h"
#include "mabeam/agent_table.h"
#include "mabeam/service.h"

/* One agent at its turn. */
struct turn {
	char id[MAB_NAME_MAX + 1];
	bool ran;
	struct mab__start start;
	struct mab_updated done;
	char text[160];		/* of done.error */
};

/* Specs are of the size that their caller knows. */
static const struct mab_agent_spec *spec_at(const struct mab_agent_spec *specs,
					    size_t i)
{
	return (const void *)((const char *)specs + i * specs->size);
}

static int check_one(const struct mab_agent_spec *specs, size_t n)
{
	const struct mab_agent_spec *spec = spec_at(specs, n);
	struct mab__config *config;
	bool is_known;
	size_t i;
	int ret;

	ret = mab__config_new(spec, &config);
	if (ret)
		return ret;
	free(config);
	if (spec->size != specs->size)
		return sup_set_error(-EINVAL, "size: %zu, and %zu before",
				     spec->size, specs->size);
	for (i = 0; i < n; i++)
		if (!strcmp(spec_at(specs, i)->id, spec->id))
			return sup_set_error(-EEXIST, "id: \"%s\" is there "
					     "twice", spec->id);
	pthread_mutex_lock(&mab__agents.lock);
	is_known = mab__agent_find_locked(spec->id);
	pthread_mutex_unlock(&mab__agents.lock);
	return is_known ? 0 : mab__agent_unknown(spec->id);
}

static int put_locked(struct mab__agent *a, struct mab__config *config)
{
	if (!a)
		return -ENOENT;
	if (a->run)
		return -EBUSY;
	free(a->old_config);
	a->old_config = a->config;
	a->config = config;
	return 0;
}

/* Stops it, and its spec is the new one; the old one is kept. */
static int put(const struct mab_agent_spec *spec, bool *ret_ran)
{
	struct mab__config *config;
	int ret;

	do {
		ret = mab_agent_stop(spec->id);
		if (ret && ret != -ESRCH)
			return ret;
		*ret_ran |= !ret;
		ret = mab__config_new(spec, &config);
		if (ret)
			return ret;
		pthread_mutex_lock(&mab__agents.lock);
		ret = put_locked(mab__agent_find_locked(spec->id), config);
		pthread_mutex_unlock(&mab__agents.lock);
		if (ret)
			free(config);
	} while (ret == -EBUSY);
	return ret ? mab__agent_unknown(spec->id) : 0;
}

/* Its spec is the old one again. False: it is not there, or runs. */
static bool put_back(const char *id)
{
	struct mab__config *config = NULL;
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	if (a && !a->run && a->old_config) {
		config = a->config;
		a->config = a->old_config;
		a->old_config = NULL;
	}
	pthread_mutex_unlock(&mab__agents.lock);
	free(config);
	return config;
}

static void keep(const char *id)
{
	struct mab__config *old = NULL;
	struct mab__news news;
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	if (a) {
		old = a->old_config;
		a->old_config = NULL;
	}
	pthread_mutex_unlock(&mab__agents.lock);
	free(old);
	mab__news_of(&news, MAB__UPDATED, id);
	mab__news_tell(&news);
}

static void fail(struct turn *t, enum mab_roll roll, int error)
{
	t->done = (struct mab_updated){ roll, error };
	snprintf(t->text, sizeof(t->text), "%s", sup_error());
}

static void begin(struct turn *t, const struct mab_agent_spec *spec)
{
	int ret;

	*t = (struct turn){ .done.roll = MAB_UPDATED };
	strcpy(t->id, spec->id);
	ret = put(spec, &t->ran);
	if (ret)
		fail(t, MAB_NOT_UPDATED, ret);
	else if (t->ran && (ret = mab__start_begin(t->id, &t->start)))
		fail(t, MAB_PUT_BACK, ret);
}

static void end(struct turn *t)
{
	int ret;

	if (!t->done.error && t->ran) {
		ret = mab__start_await(&t->start);
		if (ret)
			fail(t, MAB_PUT_BACK, ret);
	}
	if (!t->done.error)
		keep(t->id);
	else if (t->done.roll == MAB_PUT_BACK && !put_back(t->id))
		t->done.roll = MAB_LOST;
	/* As it was before, if it can be. */
	if (t->done.error && t->ran && mab_agent_start(t->id, NULL))
		t->done.roll = MAB_LOST;
}

/* One batch; the error is that of the first who failed. */
static int roll(const struct mab_agent_spec *specs, size_t first, size_t n,
		struct turn *turns, struct mab_updated *ret_updated)
{
	const struct turn *failed = NULL;
	size_t i;

	for (i = 0; i < n; i++)
		begin(&turns[i], spec_at(specs, first + i));
	for (i = 0; i < n; i++) {
		end(&turns[i]);
		if (ret_updated)
			ret_updated[first + i] = turns[i].done;
		if (!failed && turns[i].done.error)
			failed = &turns[i];
	}
	return failed ? sup_set_error(failed->done.error, "%s", failed->text) :
	       0;
}

static int roll_all(const struct mab_agent_spec *specs, size_t n,
		    size_t at_once, struct mab_updated *ret_updated)
{
	struct turn *turns = mab__alloc(at_once * sizeof(*turns));
	size_t i, k;
	int ret = 0;

	if (!turns)
		return mab__nomem("an update");
	for (i = 0; i < n && !ret; i += k) {
		k = n - i < at_once ? n - i : at_once;
		ret = roll(specs, i, k, turns, ret_updated);
	}
	mab__free(turns);
	return ret;
}

int mab_agent_update(const struct mab_agent_spec *specs, size_t n,
		     unsigned int at_once, struct mab_updated *ret_updated)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < n && !ret; i++)
		ret = check_one(specs, i);
	if (ret || !n)
		return ret;
	if (ret_updated)
		memset(ret_updated, 0, n * sizeof(*ret_updated));
	if (!at_once)
		at_once = 1;
	return roll_all(specs, n, at_once < n ? at_once : n, ret_updated);
}
