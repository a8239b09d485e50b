/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Variables in a table under one lock. A version is drawn and its value put
 * where all see it under that lock, with no safe point in between: so versions
 * are without gap, each is one caller's, and what a caller was told of is
 * there, whatever ends.
 *
 * A variable is the list of its last versions. Each subscriber has the number
 * of the last one that it was sent; what it has to hear next is found in that
 * list. So nothing is kept for one that is slow, and a Core that was killed
 * leaves nothing behind but a number that is right: it is set when the message
 * has been taken, with no safe point in between.
 *
 * A variable that is deleted has no name any more, but stays until those that
 * subscribed have heard of it, or ended.
 */
#include "mabeam/core_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include <sup/sup.h>

#include "mabeam/agent_host.h"
#include "mabeam/agents.h"
#include "mabeam/service.h"

#define VARIABLES 1000
#define HISTORY 100
#define SUBSCRIBERS 1000

struct mab__core mab__core = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.limits = {
		.max_variables = VARIABLES, .max_value = MAB_VALUE_MAX,
		.max_history = HISTORY, .max_subscribers = SUBSCRIBERS,
	},
};

static void set_default(size_t *value, size_t standard)
{
	if (!*value)
		*value = standard;
}

int mab__core_limit(struct mab_core_options *limits)
{
	set_default(&limits->max_variables, VARIABLES);
	set_default(&limits->max_value, MAB_VALUE_MAX);
	set_default(&limits->max_history, HISTORY);
	set_default(&limits->max_subscribers, SUBSCRIBERS);
	if (limits->max_value > MAB_VALUE_MAX)
		return sup_set_error(-EINVAL, "max_value: %zu, of %d at most",
				     limits->max_value, MAB_VALUE_MAX);
	pthread_mutex_lock(&mab__core.lock);
	mab__core.limits = *limits;
	pthread_mutex_unlock(&mab__core.lock);
	return 0;
}

void mab__core_begin(void)
{
	pthread_mutex_lock(&mab__core.lock);
	mab__core.pid = sup_self();
	mab__core.began = sup_deadline_ms(0);
	pthread_mutex_unlock(&mab__core.lock);
}

void mab__core_wake(void)
{
	struct sup_pid core = sup_whereis(MAB__CORE);

	if (core.v)
		sup_cast(core, &(struct sup_msg){ .tag = MAB__LOOK }, SUP_TRY);
}

struct mab__variable *mab__variable_find_locked(const char *name)
{
	struct mab__variable *v;

	HASH_FIND_STR(mab__core.variables, name, v);
	return v;
}

int mab__variable_unknown(const char *name)
{
	return sup_set_error(-ENOENT, "name: there is no variable \"%s\"",
			     name);
}

int mab__who(const char *by, const char **ret_who)
{
	const char *self = mab__agent_self();
	int ret = 0;

	if (by)
		ret = mab__check_name("by", by);
	if (!ret && by && self && strcmp(by, self))
		ret = sup_set_error(-EPERM, "by: the caller is the agent "
				    "\"%s\"", self);
	if (!ret)
		*ret_who = self ? self : by ? by : "";
	return ret;
}

static bool is_among(const char *const *names, const char *who)
{
	while (*names && strcmp(*names, who))
		names++;
	return *names;
}

static bool may_locked(const struct mab__variable *v,
		       const struct mab_access *access, const char *who)
{
	struct sup_pid pid;
	size_t n;

	if (!strcmp(v->spec.owner, who))
		return true;
	switch (access->kind) {
	case MAB_ACCESS_PUBLIC:
		return true;
	case MAB_ACCESS_AGENTS:
		return is_among(access->names, who);
	case MAB_ACCESS_CAPABILITIES:
		return mab__agent_can(who, access->names, &pid, &n);
	default:
		return false;
	}
}

int mab__variable_may_locked(const struct mab__variable *v,
			     const struct mab_access *access,
			     const char *what, const char *who)
{
	if (may_locked(v, access, who))
		return 0;
	return sup_set_error(-EACCES, "by: \"%s\" may not %s \"%s\"", who,
			     what, v->spec.name);
}

struct mab__change *mab__change_new(const char *value, const char *by,
				    int priority)
{
	size_t len = strlen(value);
	struct mab__change *change = malloc(sizeof(*change) + len + 1);

	if (!change)
		return NULL;
	*change = (struct mab__change){ .priority = priority };
	strcpy(change->by, by);
	memcpy(change->value, value, len + 1);
	return change;
}

static int64_t time_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void mab__change_add_locked(struct mab__variable *v,
			    struct mab__change *change)
{
	struct mab__change *first = v->changes;

	change->version = first ? first->prev->version + 1 : 1;
	change->time = time_now();
	DL_APPEND(v->changes, change);
	if (v->n_changes < v->spec.history || change->deleted) {
		v->n_changes++;
	} else {
		DL_DELETE(v->changes, first);
		free(first);
	}
	if (v->subscribers && !v->untold) {
		v->untold = true;
		DL_APPEND(mab__core.untold, v);
	}
}

void mab__unsubscribe_locked(struct mab__variable *v, struct sup_pid pid)
{
	struct mab__subscriber *s;

	HASH_FIND(hh, v->subscribers, &pid, sizeof(pid), s);
	if (!s)
		return;
	HASH_DEL(v->subscribers, s);
	free(s);
}

size_t mab__subscribers_locked(struct mab__variable *v)
{
	struct mab__subscriber *s, *next;

	HASH_ITER(hh, v->subscribers, s, next) {
		if (sup_is_alive(s->pid))
			continue;
		HASH_DEL(v->subscribers, s);
		free(s);
	}
	return HASH_COUNT(v->subscribers);
}

struct mab__variable *mab__variable_over_locked(struct mab__variable *v)
{
	if (!v || !v->gone || mab__subscribers_locked(v))
		return NULL;
	if (v->untold)
		DL_DELETE(mab__core.untold, v);
	HASH_DELETE(by_nr, mab__core.by_nr, v);
	return v;
}

void mab__variable_free(struct mab__variable *v)
{
	struct mab__change *change, *next;

	if (!v)
		return;
	DL_FOREACH_SAFE(v->changes, change, next)
		free(change);
	mab__spec_free(&v->spec);
	free(v);
}
