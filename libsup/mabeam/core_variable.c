/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Variables: who makes them, changes them, and takes them away. */
#include <mabeam/variable.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "mabeam/core_table.h"
#include "mabeam/core_value.h"
#include "mabeam/service.h"

static size_t max_value(void)
{
	size_t max;

	pthread_mutex_lock(&mab__core.lock);
	max = mab__core.limits.max_value;
	pthread_mutex_unlock(&mab__core.lock);
	return max;
}

static int add_locked(struct mab__variable *v)
{
	if (mab__variable_find_locked(v->spec.name))
		return sup_set_error(-EEXIST, "name: there is a variable "
				     "\"%s\"", v->spec.name);
	if (HASH_CNT(by_nr, mab__core.by_nr) >= mab__core.limits.max_variables)
		return sup_set_error(-ENOSPC, "there are %zu variables",
				     mab__core.limits.max_variables);
	v->nr = ++mab__core.last_nr;
	HASH_ADD_KEYPTR(hh, mab__core.variables, v->spec.name,
			strlen(v->spec.name), v);
	if (!v->hh.tbl)
		return mab__nomem("a variable");
	HASH_ADD(by_nr, mab__core.by_nr, nr, sizeof(v->nr), v);
	if (!v->by_nr.tbl) {
		HASH_DEL(mab__core.variables, v);
		return mab__nomem("a variable");
	}
	v->created = mab__last_locked(v)->time;
	return 0;
}

static int make(const struct mab_variable_spec *spec, const json_t *value)
{
	struct mab__variable *v = calloc(1, sizeof(*v));
	struct mab__change *first;
	int ret;

	if (!v)
		return mab__nomem("a variable");
	ret = mab__spec_copy(&v->spec, spec);
	if (ret) {
		free(v);
		return ret;
	}
	ret = mab__value_check(&v->spec, value);
	if (ret)
		goto err;
	ret = mab__nomem("a value");
	first = mab__change_new(spec->value, v->spec.owner, 0);
	if (!first)
		goto err;
	v->spec.value = NULL;
	pthread_mutex_lock(&mab__core.lock);
	mab__change_add_locked(v, first);
	ret = add_locked(v);
	pthread_mutex_unlock(&mab__core.lock);
	if (!ret)
		return 0;
err:
	mab__variable_free(v);
	return ret;
}

int mab_variable_register(const struct mab_variable_spec *given)
{
	struct mab_variable_spec spec;
	json_t *value;
	int ret;

	ret = mab__copy_options(&spec, sizeof(spec), given);
	if (!ret)
		ret = mab__value_read(spec.value, max_value(), &value);
	if (ret)
		return ret;
	ret = make(&spec, value);
	json_decref(value);
	return ret;
}

/* What resolve() is asked, as memory of who updates. */
struct question {
	struct mab_conflict conflict;
	int (*resolve)(const struct mab_conflict *conflict, char *merged,
		       size_t size, void *arg);
	void *arg;
	char name[MAB_NAME_MAX + 1], by[MAB_NAME_MAX + 1];
	char merged[MAB_VALUE_MAX + 1];
	char value[];
};

static struct question *ask_locked(const struct mab__variable *v,
				   const struct mab_update *u)
{
	const struct mab__change *last = mab__last_locked(v);
	size_t len = strlen(last->value);
	struct question *q = mab__alloc(sizeof(*q) + len + 1);

	if (!q)
		return NULL;
	q->conflict = (struct mab_conflict){
		.name = q->name, .value = q->value, .by = q->by,
		.version = last->version, .priority = last->priority,
		.new_value = u->value, .new_by = u->by,
		.expected = u->expected, .new_priority = u->priority,
	};
	q->resolve = v->spec.resolve;
	q->arg = v->spec.arg;
	strcpy(q->name, v->spec.name);
	strcpy(q->by, last->by);
	memcpy(q->value, last->value, len + 1);
	return q;
}

/* 0: it counts; -ESTALE; or *ret_question is to be put. */
static int judge_locked(struct mab__variable *v, const struct mab_update *u,
			struct question **ret_question)
{
	const struct mab__change *last = mab__last_locked(v);
	bool counts;

	if (u->expected == last->version)
		return 0;
	v->conflicts += !!u->expected;
	switch (v->spec.rule) {
	case MAB_CUSTOM:
		*ret_question = ask_locked(v, u);
		return *ret_question ? 0 : mab__nomem("a conflict");
	case MAB_PRIORITY_BASED:
		counts = u->priority >= last->priority;
		break;
	default:
		counts = v->spec.rule == MAB_LAST_WRITE_WINS;
		break;
	}
	if (counts)
		return 0;
	v->refused++;
	return sup_set_error(-ESTALE, "\"%s\" has version %llu, by \"%s\"",
			     v->spec.name, (unsigned long long)last->version,
			     last->by);
}

/* With a question, or an error, the change is still the caller's. */
static int change_locked(const char *name, const struct mab_update *u,
			 const json_t *value, struct mab__change *change,
			 struct question **ret_question, bool *ret_tell)
{
	struct mab__variable *v = mab__variable_find_locked(name);
	int ret;

	if (!v)
		return mab__variable_unknown(name);
	ret = mab__variable_may_locked(v, &v->spec.permissions.write, "write",
				       u->by);
	if (!ret)
		ret = mab__value_check(&v->spec, value);
	if (!ret)
		ret = judge_locked(v, u, ret_question);
	if (ret || *ret_question)
		return ret;
	mab__change_add_locked(v, change);
	mab__core.updates++;
	*ret_tell = v->subscribers;
	return 0;
}

/* What it needs is gone when it returns, for a question may be a safe point. */
static int try_once(const char *name, const struct mab_update *u,
		    struct question **ret_question, uint64_t *ret_version,
		    bool *ret_tell)
{
	struct mab__change *change;
	json_t *value;
	int ret;

	ret = mab__value_read(u->value, max_value(), &value);
	if (ret)
		return ret;
	change = mab__change_new(u->value, u->by, u->priority);
	ret = change ? 0 : mab__nomem("a value");
	*ret_question = NULL;
	if (!ret) {
		pthread_mutex_lock(&mab__core.lock);
		ret = change_locked(name, u, value, change, ret_question,
				    ret_tell);
		if (!ret && !*ret_question)
			*ret_version = change->version;
		pthread_mutex_unlock(&mab__core.lock);
	}
	if (ret || *ret_question)
		free(change);
	json_decref(value);
	return ret;
}

static void note_refusal(const char *name)
{
	struct mab__variable *v;

	pthread_mutex_lock(&mab__core.lock);
	v = mab__variable_find_locked(name);
	if (v)
		v->refused++;
	pthread_mutex_unlock(&mab__core.lock);
}

/* The update then is what was resolved, and has seen that version. */
static int resolve(struct question *q, struct mab_update *u)
{
	int ret = q->resolve(&q->conflict, q->merged, sizeof(q->merged),
			     q->arg);

	if (ret < 0) {
		note_refusal(q->name);
		return sup_set_error(ret, "\"%s\" has version %llu, by "
				     "\"%s\": it was refused", q->name,
				     (unsigned long long)q->conflict.version,
				     q->by);
	}
	if (ret > MAB_MERGED)
		return sup_set_error(-EINVAL, "resolve: it returned %d", ret);
	q->merged[sizeof(q->merged) - 1] = '\0';
	u->value = ret == MAB_MERGED ? q->merged : q->conflict.new_value;
	u->expected = q->conflict.version;
	return 0;
}

static int update(const char *name, const struct mab_update *given,
		  uint64_t *ret_version, bool *ret_tell)
{
	struct question *q, *last = NULL;
	struct mab_update u = *given;
	int ret;

	do {
		ret = try_once(name, &u, &q, ret_version, ret_tell);
		mab__free(last);
		last = ret ? NULL : q;
		if (last) {
			/* Each time it is asked about what was given. */
			q->conflict.new_value = given->value;
			q->conflict.expected = given->expected;
			ret = resolve(q, &u);
		}
	} while (last && !ret);
	mab__free(last);
	return ret;
}

int mab_variable_update(const char *name, const struct mab_update *given,
			uint64_t *ret_version)
{
	uint64_t version = 0;
	struct mab_update u;
	bool tell = false;
	int ret;

	ret = mab__check_name("name", name);
	if (!ret)
		ret = mab__copy_options(&u, sizeof(u), given);
	if (!ret)
		ret = mab__who(u.by, &u.by);
	if (!ret)
		ret = update(name, &u, &version, &tell);
	if (ret)
		return ret;
	if (ret_version)
		*ret_version = version;
	if (tell)
		mab__core_wake();
	return 0;
}

/* What has no name any more stays until it has been told of. */
static int delete_locked(const char *name, const char *who,
			 struct mab__change *end,
			 struct mab__variable **ret_over)
{
	struct mab__variable *v = mab__variable_find_locked(name);
	int ret;

	if (!v)
		return mab__variable_unknown(name);
	ret = mab__variable_may_locked(v, &v->spec.permissions.administer,
				       "delete", who);
	if (ret)
		return ret;
	HASH_DEL(mab__core.variables, v);
	v->gone = true;
	end->deleted = true;
	mab__change_add_locked(v, end);
	*ret_over = mab__variable_over_locked(v);
	return 0;
}

int mab_variable_delete(const char *name, const char *by)
{
	struct mab__variable *over = NULL;
	struct mab__change *end;
	const char *who;
	int ret;

	ret = mab__check_name("name", name);
	if (!ret)
		ret = mab__who(by, &who);
	if (ret)
		return ret;
	end = mab__change_new("", who, 0);
	if (!end)
		return mab__nomem("a change");
	pthread_mutex_lock(&mab__core.lock);
	ret = delete_locked(name, who, end, &over);
	pthread_mutex_unlock(&mab__core.lock);
	if (ret)
		free(end);
	else if (!over)
		mab__core_wake();
	mab__variable_free(over);
	return ret;
}

int mab_variable_permit(const char *name, const char *by,
			const struct mab_permissions *permissions)
{
	struct mab_permissions copy, old;
	struct mab__variable *v;
	const char *who;
	int ret;

	ret = mab__check_name("name", name);
	if (!ret)
		ret = mab__who(by, &who);
	if (!ret)
		ret = mab__permissions_copy(&copy, permissions);
	if (ret)
		return ret;
	pthread_mutex_lock(&mab__core.lock);
	v = mab__variable_find_locked(name);
	ret = v ? mab__variable_may_locked(v, &v->spec.permissions.administer,
					   "permit", who) :
		  mab__variable_unknown(name);
	old = copy;
	if (!ret) {
		old = v->spec.permissions;
		v->spec.permissions = copy;
	}
	pthread_mutex_unlock(&mab__core.lock);
	mab__permissions_free(&old);
	return ret;
}
