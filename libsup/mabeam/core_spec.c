/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What variables are made from: it is checked, and copied. */
#include "mabeam/core_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sup/error.h>

#include "mabeam/service.h"

#define NAMES_MAX 256

/* One block with all strings of a list behind it. */
static int copy_list(const char *what, const char *const *from,
		     const char *const **ret_list)
{
	size_t i, n, size = 0;
	const char **to;
	char *at;
	int ret;

	for (n = 0; from && from[n]; n++) {
		ret = mab__check_name(what, from[n]);
		if (ret)
			return ret;
		size += strlen(from[n]) + 1;
	}
	if (!n || n > NAMES_MAX)
		return sup_set_error(-EINVAL, "%s: there are %zu, of %d at "
				     "most", what, n, NAMES_MAX);
	to = calloc(1, (n + 1) * sizeof(*to) + size);
	if (!to)
		return mab__nomem(what);
	at = (char *)(to + n + 1);
	for (i = 0; i < n; i++) {
		to[i] = at;
		at = stpcpy(at, from[i]) + 1;
	}
	*ret_list = to;
	return 0;
}

static int copy_access(const char *what, enum mab_access_kind standard,
		       struct mab_access *to, const struct mab_access *from)
{
	to->kind = from->kind;
	switch (from->kind) {
	case MAB_ACCESS_DEFAULT:
		to->kind = standard;
		return 0;
	case MAB_ACCESS_PUBLIC:
	case MAB_ACCESS_RESTRICTED:
		return 0;
	case MAB_ACCESS_AGENTS:
	case MAB_ACCESS_CAPABILITIES:
		return copy_list(what, from->names, &to->names);
	}
	return sup_set_error(-EINVAL, "%s: access %d is unknown", what,
			     (int)from->kind);
}

void mab__permissions_free(struct mab_permissions *p)
{
	free((void *)p->read.names);
	free((void *)p->write.names);
	free((void *)p->administer.names);
}

int mab__permissions_copy(struct mab_permissions *to,
			  const struct mab_permissions *from)
{
	int ret;

	memset(to, 0, sizeof(*to));
	ret = copy_access("read", MAB_ACCESS_PUBLIC, &to->read, &from->read);
	if (!ret)
		ret = copy_access("write", MAB_ACCESS_PUBLIC, &to->write,
				  &from->write);
	if (!ret)
		ret = copy_access("administer", MAB_ACCESS_RESTRICTED,
				  &to->administer, &from->administer);
	if (ret)
		mab__permissions_free(to);
	return ret;
}

static int check_type(const struct mab_variable_spec *spec)
{
	if ((unsigned int)spec->type > MAB_CHOICE)
		return sup_set_error(-EINVAL, "type: %d is unknown",
				     (int)spec->type);
	if (!(spec->min <= spec->max))
		return sup_set_error(-EINVAL, "min: %g, and max: %g", spec->min,
				     spec->max);
	if ((unsigned int)spec->rule > MAB_CUSTOM)
		return sup_set_error(-EINVAL, "rule: %d is unknown",
				     (int)spec->rule);
	if (spec->rule == MAB_CUSTOM && !spec->resolve)
		return sup_set_error(-EINVAL, "resolve: it is missing");
	return 0;
}

static int take_count(const char *what, size_t *count, size_t limit)
{
	if (!*count)
		*count = limit;
	if (*count <= limit)
		return 0;
	return sup_set_error(-ERANGE, "%s: %zu, of %zu at most", what, *count,
			     limit);
}

static int take_counts(struct mab_variable_spec *spec)
{
	struct mab_core_options limits;
	int ret;

	pthread_mutex_lock(&mab__core.lock);
	limits = mab__core.limits;
	pthread_mutex_unlock(&mab__core.lock);
	ret = take_count("history", &spec->history, limits.max_history);
	return ret ? ret : take_count("subscribers", &spec->subscribers,
				      limits.max_subscribers);
}

void mab__spec_free(struct mab_variable_spec *spec)
{
	free((char *)spec->name);
	free((char *)spec->owner);
	free((void *)spec->choices);
	mab__permissions_free(&spec->permissions);
}

int mab__spec_copy(struct mab_variable_spec *to,
		   const struct mab_variable_spec *from)
{
	const char *owner = NULL;
	int ret;

	*to = *from;
	to->choices = NULL;
	to->name = to->owner = NULL;
	memset(&to->permissions, 0, sizeof(to->permissions));
	ret = mab__check_name("name", from->name);
	if (!ret)
		ret = check_type(from);
	if (!ret)
		ret = take_counts(to);
	if (!ret)
		ret = mab__who(from->owner, &owner);
	if (!ret && from->type == MAB_CHOICE)
		ret = copy_list("choices", from->choices, &to->choices);
	if (!ret)
		ret = mab__permissions_copy(&to->permissions,
					    &from->permissions);
	if (ret)
		goto err;
	to->name = strdup(from->name);
	to->owner = strdup(owner);
	if (to->name && to->owner)
		return 0;
	ret = mab__nomem("a variable");
err:
	mab__spec_free(to);
	return ret;
}
