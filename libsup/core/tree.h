/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Boards: what a supervisor shows of itself. Its own thread alone changes the
 * board, each time under the board's lock, which is never held across anything
 * that waits; so others can look while the supervisor is busy for minutes. The
 * boards of all supervisors are found by pid.
 *
 * A supervisor that is killed cannot take its board down: its own supervisor
 * does. The boards of those that had none are freed, once their children have
 * ended, too, when others are put up.
 */
#ifndef SUP_CORE_TREE_H
#define SUP_CORE_TREE_H

#include <sup/tree.h>

#include "base/lock.h"
#include "core/intensity.h"
#include "core/roster.h"
#include "core/strategy.h"

struct sup__board {
	/* Fixed when it is put up. */
	struct sup_pid pid;	/* none: it is not */
	char name[SUP_NAME_MAX + 1];
	enum sup_strategy strategy;
	enum sup_auto_shutdown auto_shutdown;
	unsigned int period_s;
	uint32_t hold_ms;
	int64_t started_ns;
	int (*init)(void *init_arg, struct sup_supervisor_spec *spec);
	void *init_arg;
	struct sup__child *simple;	/* of SIMPLE_ONE_FOR_ONE: its spec */
	size_t max_children;
	const void *extra;	/* for the starts of all; not of SIMPLE */

	/* Under the lock of all boards. */
	struct sup__board *next;
	unsigned int refs;

	/*
	 * The supervisor's own: retries numbered, and not yet sent; and room
	 * for the plan of a group of as many children as there are.
	 */
	uint64_t retries;
	size_t n_due;
	size_t n_flapping;
	int64_t look_at;	/* core/supervisor_hang.c; 0: there is none */
	size_t n_awaiting;	/* until whom they depend on is up */
	uint64_t random;
	size_t n_unsent;
	size_t room;
	struct sup__child **order;
	enum sup_restart *kinds;
	struct sup__step *steps;
	struct sup__end_wait *ends;	/* these two where some depend on */
	struct sup__later **starts;	/* others */

	/* Of a partition supervisor; else NULL and 0. */
	size_t max_partitions;

	/* The next four, but for their owner's looks. */
	struct sup__lock lock;
	struct sup__child **partitions;
	size_t n_partitions;
	struct sup__roster roster;
	struct sup__intensity restarts;
};

/*
 * A board without children and not yet up, with one reference. NULL: no
 * memory. name may be NULL.
 */
struct sup__board *sup__board_new(const char *name);

/*
 * Whom it supervises how, from a checked spec, defaults filled in; but not the
 * children. Before it is up. -ENOMEM.
 */
int sup__board_setup(struct sup__board *b,
		     const struct sup_supervisor_spec *spec);

/* Its children have no ids: simple_one_for_one, or a dynamic supervisor. */
static inline bool sup__board_is_dynamic(const struct sup__board *b)
{
	return b->roster.by_pid_only;
}

/* What the restarts of a child are counted by. */
static inline struct sup__intensity *sup__board_budget(struct sup__board *b,
						       struct sup__child *c)
{
	return sup__child_has_budget(c) ? &c->own : &b->restarts;
}

/* A row about a child, with the board's lock held. */
void sup__board_copy_child(const struct sup__child *c, unsigned int depth,
			   struct sup_node *node);

void sup__board_ref(struct sup__board *b);

/* The board of a supervisor, with a reference, or NULL. */
struct sup__board *sup__board_get(struct sup_pid pid);

/*
 * The same, of one that lives: the board of one that was killed stays until
 * somebody has cleared up what it left.
 */
struct sup__board *sup__board_of_living(struct sup_pid pid);

/* The last one frees it, with its children. */
void sup__board_put(struct sup__board *b);

/* Puts it up, with a reference, as that of the calling task. Cannot fail. */
void sup__board_show(struct sup__board *b);

/* Takes it down, and drops the reference. Its children must be gone. */
void sup__board_hide(struct sup__board *b);

#endif
