/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Faults of threads: which end only their task. Documentation/containment.md */
#ifndef SUP_CORE_CONTAIN_H
#define SUP_CORE_CONTAIN_H

#include <signal.h>
#include <stdbool.h>

struct sup__task;
struct sup__crash;

/* Installs and takes away the handlers, with the runtime. */
void sup__contain_open(void);
void sup__contain_close(void);

/*
 * The handler of the signal that interrupts a task's system calls. If the task
 * was killed and may be left just there, it goes to its top.
 */
void sup__contain_on_press(int signo, siginfo_t *info, void *ucontext);

/* Room for a task that opts in to keep its fault in. NULL: no memory. */
struct sup__crash *sup__contain_new(void);
void sup__contain_free(struct sup__crash *crash);	/* NULL is fine */

/* On the thread of such a task, before it runs. */
void sup__contain_prepare(struct sup__task *t);

/* On its thread, at its top: logs the contained fault, if there was one. */
void sup__contain_report(struct sup__task *t);

#endif
