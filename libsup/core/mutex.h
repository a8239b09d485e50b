/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mutexes of tasks, from within. */
#ifndef SUP_CORE_MUTEX_H
#define SUP_CORE_MUTEX_H

#include <stdbool.h>

#include <sup/mutex.h>

struct sup__seat;
struct sup__mutex;

/* Who asks for a mutex: in the caller's stack, until it has it or gives up. */
struct sup__mutex_waiter {
	struct sup__seat *seat;
	uint64_t pid;			/* 0: a foreign thread */
	bool has_turn;			/* it owns it, or the mutex is lost */
	struct sup__mutex_waiter *prev, *next;
};

/*
 * sup_mutex_lock() in two, for who has to queue up under a lock of its own:
 * asking does not block, and takes the mutex's lock below the caller's; after 0
 * the caller waits, with no lock held. The errors are those of sup_mutex_lock()
 * and -ECANCELED: the caller must go on to a safe point, where it ends.
 */
int sup__mutex_waiter_init(struct sup__mutex_waiter *w);
int sup__mutex_ask(struct sup_mutex *mutex, struct sup__mutex_waiter *w,
		   int64_t deadline);
int sup__mutex_wait(struct sup_mutex *mutex, struct sup__mutex_waiter *w,
		    int64_t deadline);

/*
 * Whether anybody has it or waits for it. If not, and if nobody can ask for it
 * meanwhile, its memory may be freed: who passed it on does not look back.
 */
bool sup__mutex_in_use(struct sup_mutex *mutex);

/*
 * Passes on what the seat's thread or task holds: it ends. By itself, or by
 * another when it has gone.
 */
void sup__mutex_owner_ends(struct sup__seat *seat);

#endif
