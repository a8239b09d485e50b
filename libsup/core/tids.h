/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The threads of thread tasks by their ids, each with a reference to its task.
 * An entry stays until the source has told of the thread, or, with sources that
 * do not, until it has been joined. Any thread.
 */
#ifndef SUP_CORE_TIDS_H
#define SUP_CORE_TIDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sup__task;

/* The calling thread's task; whoever had its id before is taken out. */
void sup__tids_add(struct sup__task *t);

/*
 * Takes one out, for the caller to put, if it had begun by then; NULL: none.
 * A record of a thread's end may come after its id has been given to another
 * thread: one from before that thread began is not about it.
 */
struct sup__task *sup__tids_take(pid_t tid, int64_t begun_by);

bool sup__tids_has(pid_t tid);

/* Puts all that are left. */
void sup__tids_clear(void);

#endif
