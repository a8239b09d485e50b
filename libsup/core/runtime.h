/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The runtime's thread from within. Documentation/runtime.md. */
#ifndef SUP_CORE_RUNTIME_H
#define SUP_CORE_RUNTIME_H

#include <sup/runtime.h>

#include "exit/exit.h"

struct sup__task;

/*
 * Ends of threads of this process go to task tables; ends of processes and
 * lineages to core/process.h's
 *	bool sup__process_event(const struct sup__exit_event *ev);
 * on the runtime's thread, true if it was a process task's; those that nobody
 * claims are reported as SUP_EVENT_TASK_EXIT.
 */

/*
 * The open source, or NULL. It stays open as long as any task lives, so a task
 * may use it until it ends. Any thread.
 */
struct sup__exit_source *sup__runtime_source(void);

/*
 * Tests: the ops to open instead of what the options ask for; NULL takes them
 * away. Before sup_open().
 */
void sup__runtime_set_source(const struct sup__exit_ops *ops);

/* A thread task's, a spare, or our own. Any thread. */
bool sup__runtime_knows_thread(pid_t tid);

/* Whether the source tells of the ends of threads. Any thread. */
bool sup__runtime_tells_threads(void);

/*
 * The thread of a task has begun; it has been reported, and is to be joined,
 * or, if it was adopted, to be forgotten.
 */
void sup__runtime_thread_begun(struct sup__task *t);
void sup__runtime_thread_ended(struct sup__task *t);

/* An end that is no task's: reported as SUP_EVENT_TASK_EXIT. */
void sup__runtime_unclaimed(const struct sup__exit_event *ev);

/* It has something to look at, if it is open. Any thread. */
void sup__runtime_ring(void);

/* It looks around in a millisecond, if it would not before. Any thread. */
void sup__runtime_look_soon(void);

/* The thread of a task is gone, and may have reported nothing. Its thread. */
void sup__runtime_thread_vanished(struct sup__task *t,
				  struct sup_reason reason);

#endif
