/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a supervisor does to one child at a time: starting, stopping, taking
 * off the board, and reporting it. All on the supervisor's own thread.
 */
#ifndef SUP_CORE_SUPERVISOR_CHILD_H
#define SUP_CORE_SUPERVISOR_CHILD_H

#include <sup/event.h>

#include "core/event.h"
#include "core/strategy.h"
#include "core/tree.h"

enum sup__start_kind {
	SUP__FIRST_START,	/* the first, or as asked by a call */
	SUP__RESTART,		/* of our own accord */
};

/* Room for plans of n children; graph: for depends_on, too. -ENOMEM. */
int sup__supervise_reserve(struct sup__board *b, size_t n, bool graph);

/*
 * Starts a child that has no task: 0, SUP_IGNORE, or an error with a sentence
 * that names it. A restart that fails leaves it restarting, with a retry to
 * send. *ret_pid, which may be NULL, is none after SUP_IGNORE and errors, but
 * who was there after -EEXIST.
 */
int sup__supervise_start(struct sup__board *b, struct sup__child *c,
			 enum sup__start_kind kind, struct sup_pid *ret_pid);

/*
 * The same, but the start may go on: SUP__UNDER_WAY; then c->later is to be
 * awaited, and what it came to is for sup__supervise_end_start() to say.
 */
#define SUP__UNDER_WAY 2
int sup__supervise_begin(struct sup__board *b, struct sup__child *c,
			 enum sup__start_kind kind);
int sup__supervise_end_start(struct sup__board *b, struct sup__child *c,
			     enum sup__start_kind kind);

/* It is restarting from here on, until those it depends on are up. */
void sup__supervise_await_deps(struct sup__board *b, struct sup__child *c);

/*
 * How it comes to be stopped, before it is: by a task, or none, with another
 * child, or NULL.
 */
void sup__supervise_note_why(struct sup__board *b, struct sup__child *c,
			     enum sup_why why, struct sup_pid by,
			     const struct sup__child *with);

/* It counts as flapping from here on, or not any more. */
void sup__supervise_set_flapping(struct sup__board *b, struct sup__child *c,
				 bool flapping);

/* So many restarts in a row, for its backoff. */
void sup__supervise_set_in_a_row(struct sup__board *b, struct sup__child *c,
				 unsigned int n);

/* True: it has a backoff, and is restarting from here on, until that is due. */
bool sup__supervise_wait(struct sup__board *b, struct sup__child *c);

/* One restart too many: it is restarting from here on, held. */
void sup__supervise_hold(struct sup__board *b, struct sup__child *c);

/* What the start just called gave with sup_start_info(), once. */
bool sup__supervise_take_info(uint64_t *ret_info);

/*
 * Leaves a child without a task and without a retry, whatever it had: asks,
 * waits as long as its spec says, kills if that was not enough, and waits.
 */
void sup__supervise_stop(struct sup__board *b, struct sup__child *c);

/*
 * That in two steps, of a child with a task: it is asked, and stop_by says how
 * long it has; then it has ended. ask is of the task of a start under way.
 */
void sup__supervise_stop_begin(struct sup__board *b, struct sup__child *c);
void sup__supervise_stop_end(struct sup__board *b, struct sup__child *c);
void sup__supervise_ask(struct sup__child *c, struct sup_pid pid);
void sup__supervise_kill(struct sup_pid pid);

/*
 * All of them, newest first, one after the other; those of a supervisor whose
 * children have no ids at once; where some depend on others, as those say.
 */
void sup__supervise_stop_all(struct sup__board *b);

/*
 * The task of a child has ended by itself. If it was a supervisor that left
 * children behind, they are stopped before this returns.
 */
void sup__supervise_note_exit(struct sup__board *b, struct sup__child *c,
			      const struct sup_reason *reason);

/* One without a task wants no restart any more. */
void sup__supervise_cancel(struct sup__board *b, struct sup__child *c);

/* Takes a child without a task off the board and frees it; and tells of it. */
void sup__supervise_forget(struct sup__board *b, struct sup__child *c);
void sup__supervise_remove(struct sup__board *b, struct sup__child *c);

/* Tells of the supervisor itself; reason may be NULL. */
void sup__supervise_report_self(const struct sup__board *b,
				enum sup_event_kind kind,
				const struct sup_reason *reason);

/* Its next step in life. That it is none is a mistake of the caller. */
void sup__supervise_change(struct sup__board *b, struct sup__child *c,
			   enum sup__child_event event,
			   const struct sup__child_news *news);

/* Tells the sink and the streams of events. error is that of a start. */
void sup__supervise_report(struct sup__board *b,
			   enum sup_event_kind kind, struct sup__child *c,
			   int error);

#endif
