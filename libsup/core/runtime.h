/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The runtime's thread from within. Documentation/runtime.md. */
#ifndef SUP_CORE_RUNTIME_H
#define SUP_CORE_RUNTIME_H

#include <sup/runtime.h>

#include "exit/exit.h"

struct sup__task;

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

/* A thread task's thread has begun, or is about to end: join it. */
void sup__runtime_thread_begun(struct sup__task *t);
void sup__runtime_thread_ending(struct sup__task *t);

/*
 * Sees to it that a thread task comes to a safe point: interrupts its system
 * calls now and again until it has ended; past the deadline, of a kill, the
 * process ends. SUP_FOREVER: no deadline. Any thread.
 */
void sup__runtime_press(struct sup__task *t, int64_t deadline);

#endif
