/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The children of one supervisor, in order of start, found by id and by pid.
 * Adding cannot fail, for the tables only become slower if they cannot grow.
 * No locks: that is its owner's business.
 */
#ifndef SUP_CORE_ROSTER_H
#define SUP_CORE_ROSTER_H

#include "core/child.h"

#define SUP__ROSTER_FEW 8

struct sup__roster {
	struct sup__child *first, *last;
	/*
	 * Its children are found by pid alone, and one that has none at the
	 * moment by its last. Set before the first is added.
	 */
	bool by_pid_only;
	size_t n;
	bool has_dependent;	/* one depends on another, or did */
	/* Chained tables of the same size, a power of two. */
	struct sup__child **by_id, **by_pid;
	size_t size;
	struct sup__child *few_id[SUP__ROSTER_FEW], *few_pid[SUP__ROSTER_FEW];
};

void sup__roster_init(struct sup__roster *r);

/* The children must be gone. Safe on zeroed memory, and twice. */
void sup__roster_fini(struct sup__roster *r);

/* Adds at the end. Its id must be new and it must have no pid. */
void sup__roster_add(struct sup__roster *r, struct sup__child *c);
void sup__roster_del(struct sup__roster *r, struct sup__child *c);

/* Moves a child (sup__child_move) and keeps the table of pids right. */
int sup__roster_move(struct sup__roster *r, struct sup__child *c,
		     enum sup__child_event event,
		     const struct sup__child_news *news);

/* NULL: none. By id: of a roster with ids. */
struct sup__child *sup__roster_by_id(const struct sup__roster *r,
				     const char *id);
struct sup__child *sup__roster_by_pid(const struct sup__roster *r,
				      struct sup_pid pid);

#endif
