/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom the children of a supervisor depend on: checked, found, asked. */
#ifndef SUP_CORE_SUPERVISOR_DEPENDS_H
#define SUP_CORE_SUPERVISOR_DEPENDS_H

#include "core/tree.h"

/* True: one child of it depends on another, or has done so. */
static inline bool sup__depends_are_used(const struct sup__board *b)
{
	return b->roster.has_dependent;
}

/* A spec of a supervisor whose children have no ids. -EINVAL. */
int sup__depends_refuse(const struct sup_child_spec *spec);

/*
 * Finds whom c depends on among the children that are there. -EINVAL names the
 * id that is not there, or must not be depended on.
 */
int sup__depends_find(const struct sup__board *b, struct sup__child *c);

/* The same for all children, whose circles are -EINVAL, too. */
int sup__depends_find_all(struct sup__board *b);

/* The first that c depends on and that is not up, or NULL: it may start. */
const struct sup__child *sup__depends_missing(const struct sup__child *c);

/* The same for who looks on from another thread, with the board's lock held. */
const struct sup__child *sup__depends_shown(const struct sup__board *b,
					    const struct sup__child *c);

/* A child that depends on c, and, if up, has a task or is marked; or NULL. */
const struct sup__child *sup__depends_user(const struct sup__board *b,
					   const struct sup__child *c,
					   bool up);

/* Marks, as along, those that depend on c, perhaps by way of others. */
void sup__depends_mark_users(struct sup__board *b, const struct sup__child *c);

#endif
