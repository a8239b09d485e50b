/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a server is at, for who may look on from another thread. Its own thread
 * writes, each word by itself, and nothing else: a look may meet it between two
 * turns, which no turn that has lasted for long is.
 */
#ifndef SUP_CORE_TURN_H
#define SUP_CORE_TURN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sup/hang.h>

#include "base/clock.h"

struct sup__turn {
	bool is_watched;		/* fixed when it starts */
	_Atomic int64_t since_ns;	/* if watched; 0: it waits for a turn */
	_Atomic(const char *) what;	/* NULL: nothing has come yet */
	_Atomic uint64_t tag;
	_Atomic uint64_t from;
};

/* Its own thread only. what is a literal. */
static inline void sup__turn_begin(struct sup__turn *turn, const char *what,
				   uint64_t tag, struct sup_pid from)
{
	atomic_store_explicit(&turn->what, what, memory_order_relaxed);
	atomic_store_explicit(&turn->tag, tag, memory_order_relaxed);
	atomic_store_explicit(&turn->from, from.v, memory_order_relaxed);
	if (turn->is_watched)
		atomic_store_explicit(&turn->since_ns, sup__now_ns(),
				      memory_order_relaxed);
}

/* Nothing is left to do. One turn after the other needs it not. */
static inline void sup__turn_end(struct sup__turn *turn)
{
	if (turn->is_watched)
		atomic_store_explicit(&turn->since_ns, 0,
				      memory_order_relaxed);
}

/* Its latest turn. Any thread. */
void sup__turn_read(const struct sup__turn *turn, struct sup_turn *ret_turn);

/* Whether the tasks that the calling task starts are watched, from here on. */
void sup__turn_watch_starts(bool watch);

/*
 * What a watched server is at; since_ns is 0 if it waits for a turn. False: it
 * has ended.
 */
bool sup__turn_look(struct sup_pid pid, struct sup_turn *ret_turn);

/* As sup_kill() without a deadline of its own; its reason is WATCHDOG. */
void sup__turn_kill(struct sup_pid pid);

#endif
