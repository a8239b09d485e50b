/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Variables: who looks at them, and who subscribes. */
#include <mabeam/variable_look.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "mabeam/core_table.h"
#include "mabeam/service.h"

/* A variable that it may read, with the lock; on error without. */
static int lock_to_read(const char *name, const char *by,
			struct mab__variable **ret_variable)
{
	struct mab__variable *v;
	const char *who;
	int ret;

	ret = mab__check_name("name", name);
	if (!ret)
		ret = mab__who(by, &who);
	if (ret)
		return ret;
	pthread_mutex_lock(&mab__core.lock);
	v = mab__variable_find_locked(name);
	ret = v ? mab__variable_may_locked(v, &v->spec.permissions.read, "read",
					   who) : mab__variable_unknown(name);
	if (ret)
		pthread_mutex_unlock(&mab__core.lock);
	else
		*ret_variable = v;
	return ret;
}

static char *put_string(char *at, const char *string, const char **ret)
{
	*ret = at;
	return stpcpy(at, string) + 1;
}

static struct mab_variable *copy_locked(const struct mab__variable *v)
{
	const struct mab__change *last = mab__last_locked(v);
	struct mab_variable *copy;
	char *at;

	copy = malloc(sizeof(*copy) + strlen(v->spec.name) +
		      strlen(v->spec.owner) + strlen(last->by) +
		      strlen(last->value) + 4);
	if (!copy)
		return NULL;
	*copy = (struct mab_variable){
		.type = v->spec.type, .rule = v->spec.rule,
		.version = last->version, .priority = last->priority,
		.created = v->created, .updated = last->time,
	};
	at = put_string((char *)(copy + 1), v->spec.name, &copy->name);
	at = put_string(at, v->spec.owner, &copy->owner);
	at = put_string(at, last->by, &copy->by);
	put_string(at, last->value, &copy->value);
	return copy;
}

int mab_variable_get(const char *name, const char *by,
		     struct mab_variable **ret_variable)
{
	struct mab_variable *copy;
	struct mab__variable *v;
	int ret;

	ret = lock_to_read(name, by, &v);
	if (ret)
		return ret;
	copy = copy_locked(v);
	pthread_mutex_unlock(&mab__core.lock);
	if (!copy)
		return mab__nomem("a variable");
	*ret_variable = copy;
	return 0;
}

static const char **names_locked(size_t n)
{
	struct mab__variable *v;
	const char **names;
	size_t size = 0;
	char *at;

	for (v = mab__core.variables; v; v = v->hh.next)
		size += strlen(v->spec.name) + 1;
	names = malloc(n * sizeof(*names) + size);
	if (!names)
		return NULL;
	at = (char *)(names + n);
	for (v = mab__core.variables, n = 0; v; v = v->hh.next)
		at = put_string(at, v->spec.name, &names[n++]);
	return names;
}

int mab_variable_list(const char ***ret_names, size_t *ret_n)
{
	const char **names = NULL;
	size_t n;

	pthread_mutex_lock(&mab__core.lock);
	n = HASH_COUNT(mab__core.variables);
	if (n)
		names = names_locked(n);
	pthread_mutex_unlock(&mab__core.lock);
	if (n && !names)
		return mab__nomem("names");
	*ret_names = names;
	*ret_n = n;
	return 0;
}

static struct mab_variable_change *
changes_locked(const struct mab__variable *v, size_t n)
{
	const struct mab__change *change = mab__last_locked(v);
	struct mab_variable_change *copies;
	size_t i, size = 0;
	char *at;

	for (i = 0; i < n; i++, change = change->prev)
		size += strlen(change->value) + strlen(change->by) + 2;
	copies = malloc(n * sizeof(*copies) + size);
	if (!copies)
		return NULL;
	at = (char *)(copies + n);
	change = mab__last_locked(v);
	for (i = 0; i < n; i++, change = change->prev) {
		copies[i] = (struct mab_variable_change){
			.version = change->version, .time = change->time,
			.priority = change->priority,
		};
		at = put_string(at, change->value, &copies[i].value);
		at = put_string(at, change->by, &copies[i].by);
	}
	return copies;
}

int mab_variable_history(const char *name, const char *by, size_t limit,
			 struct mab_variable_change **ret_changes,
			 size_t *ret_n)
{
	struct mab_variable_change *copies;
	struct mab__variable *v;
	size_t n;
	int ret;

	ret = lock_to_read(name, by, &v);
	if (ret)
		return ret;
	n = limit && limit < v->n_changes ? limit : v->n_changes;
	copies = changes_locked(v, n);
	pthread_mutex_unlock(&mab__core.lock);
	if (!copies)
		return mab__nomem("a history");
	*ret_changes = copies;
	*ret_n = n;
	return 0;
}

int mab_variable_stats(const char *name, struct mab_variable_stats *ret_stats)
{
	struct mab__variable *v;
	int ret;

	ret = mab__check_name("name", name);
	if (ret)
		return ret;
	pthread_mutex_lock(&mab__core.lock);
	v = mab__variable_find_locked(name);
	if (v)
		*ret_stats = (struct mab_variable_stats){
			.version = mab__last_locked(v)->version,
			.conflicts = v->conflicts, .refused = v->refused,
			.subscribers = mab__subscribers_locked(v),
			.history = v->n_changes, .created = v->created,
			.updated = mab__last_locked(v)->time,
		};
	pthread_mutex_unlock(&mab__core.lock);
	return v ? 0 : mab__variable_unknown(name);
}

static int no_task(void)
{
	return sup_set_error(-EPERM, "the caller is no task");
}

static int subscribe_locked(struct mab__variable *v, struct sup_pid pid)
{
	struct mab__subscriber *s;

	HASH_FIND(hh, v->subscribers, &pid, sizeof(pid), s);
	if (s)
		return 0;
	if (HASH_COUNT(v->subscribers) >= v->spec.subscribers &&
	    mab__subscribers_locked(v) >= v->spec.subscribers)
		return sup_set_error(-EUSERS, "\"%s\" has %zu subscribers",
				     v->spec.name, v->spec.subscribers);
	s = malloc(sizeof(*s));
	if (!s)
		return mab__nomem("a subscriber");
	s->pid = pid;
	s->heard = mab__last_locked(v)->version;
	HASH_ADD(hh, v->subscribers, pid, sizeof(s->pid), s);
	if (s->hh.tbl)
		return 0;
	free(s);
	return mab__nomem("a subscriber");
}

int mab_variable_subscribe(const char *name, const char *by)
{
	struct mab__variable *v;
	int ret;

	if (!sup_self().v)
		return no_task();
	ret = lock_to_read(name, by, &v);
	if (ret)
		return ret;
	ret = subscribe_locked(v, sup_self());
	pthread_mutex_unlock(&mab__core.lock);
	return ret;
}

int mab_variable_unsubscribe(const char *name)
{
	struct mab__variable *v;
	int ret;

	if (!sup_self().v)
		return no_task();
	ret = mab__check_name("name", name);
	if (ret)
		return ret;
	pthread_mutex_lock(&mab__core.lock);
	/* Of one that was deleted, too, of which it has not heard yet. */
	for (v = mab__core.by_nr; v; v = v->by_nr.next)
		if (!strcmp(v->spec.name, name))
			mab__unsubscribe_locked(v, sup_self());
	pthread_mutex_unlock(&mab__core.lock);
	return 0;
}
