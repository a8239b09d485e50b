/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/supervisor_depends.h"

#include <errno.h>

#include "base/error.h"

int sup__depends_refuse(const struct sup_child_spec *spec)
{
	if (!spec->depends_on || !spec->depends_on[0])
		return 0;
	return sup__error(-EINVAL, "child \"%s\": depends_on: the children of "
			  "this supervisor have no ids", spec->id);
}

int sup__depends_find(const struct sup__board *b, struct sup__child *c)
{
	struct sup__child *on;
	size_t i;

	for (i = 0; i < c->n_deps; i++) {
		on = sup__roster_by_id(&b->roster, c->dep_ids[i]);
		if (!on)
			return sup__error(-EINVAL, "child \"%s\": depends_on: "
					  "there is no child \"%.*s\"", c->id,
					  SUP_NAME_MAX, c->dep_ids[i]);
		if (on->spec.restart == SUP_TEMPORARY)
			return sup__error(-EINVAL, "child \"%s\": depends_on: "
					  "\"%s\" is temporary, and goes when "
					  "it ends", c->id, on->id);
		c->deps[i] = on;
	}
	return 0;
}

static const struct sup__child *first_along(const struct sup__child *c)
{
	size_t i;

	for (i = 0; i < c->n_deps; i++)
		if (c->deps[i]->along)
			return c->deps[i];
	return NULL;
}

/* Takes off, again and again, who depends on none that is left. */
static int check_circles(struct sup__board *b)
{
	struct sup__child *c, *left;
	bool again;

	for (c = b->roster.first; c; c = c->next)
		c->along = true;
	do {
		again = false;
		left = NULL;
		for (c = b->roster.first; c; c = c->next) {
			if (!c->along)
				continue;
			if (first_along(c)) {
				left = c;
				continue;
			}
			c->along = false;
			again = true;
		}
	} while (again);
	for (c = b->roster.first; c; c = c->next)
		c->along = false;
	if (!left)
		return 0;
	return sup__error(-EINVAL, "child \"%s\": depends_on leads in a circle",
			  left->id);
}

int sup__depends_find_all(struct sup__board *b)
{
	struct sup__child *c;
	int ret = 0;

	if (!sup__depends_are_used(b))
		return 0;
	for (c = b->roster.first; c && !ret; c = c->next)
		ret = sup__depends_find(b, c);
	return ret ? ret : check_circles(b);
}

static bool keeps_waiting(const struct sup__child *on)
{
	return on->state != SUP_CHILD_RUNNING &&
	       !(on->state == SUP_CHILD_STOPPED && on->at_rest);
}

const struct sup__child *sup__depends_missing(const struct sup__child *c)
{
	size_t i;

	/* What is at rest may be about to be started with it. */
	for (i = 0; i < c->n_deps; i++)
		if (c->deps[i]->along || keeps_waiting(c->deps[i]))
			return c->deps[i];
	return NULL;
}

/* By their ids: as its supervisor goes, those may be gone before it. */
const struct sup__child *sup__depends_shown(const struct sup__board *b,
					    const struct sup__child *c)
{
	const struct sup__child *on;
	size_t i;

	for (i = 0; i < c->n_deps; i++) {
		on = sup__roster_by_id(&b->roster, c->dep_ids[i]);
		if (on && keeps_waiting(on))
			return on;
	}
	return NULL;
}

static bool depends_on(const struct sup__child *c, const struct sup__child *on)
{
	size_t i = 0;

	while (i < c->n_deps && c->deps[i] != on)
		i++;
	return i < c->n_deps;
}

const struct sup__child *sup__depends_user(const struct sup__board *b,
					   const struct sup__child *c, bool up)
{
	const struct sup__child *user = b->roster.first;

	while (user && !(depends_on(user, c) &&
			 (!up || user->pid.v || user->along)))
		user = user->next;
	return user;
}

void sup__depends_mark_users(struct sup__board *b, const struct sup__child *c)
{
	struct sup__child *user;
	bool again;

	do {
		again = false;
		for (user = b->roster.first; user; user = user->next) {
			if (user->along || user == c ||
			    !(depends_on(user, c) || first_along(user)))
				continue;
			user->along = again = true;
		}
	} while (again);
}
