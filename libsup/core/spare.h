/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Spare threads: made before they are needed, so that a restart does not wait
 * for clone(). One is a thread that has never run anything; it becomes that of
 * one task, and ends with it, so that each end is still the kernel's to tell.
 * It is its owner's, a task, whose own thread makes and uses it: so the new
 * task's thread inherits what it would have without.
 */
#ifndef SUP_CORE_SPARE_H
#define SUP_CORE_SPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sup/types.h>

struct sup__spare;
struct sup__task;

/*
 * Around a call of start by the calling task, which is to be the parent of the
 * new one. libsup's own starts may use its spare; one of the program's may
 * change what a thread inherits. restart: there should be one for the next.
 */
void sup__spare_allow(int (*start)(const void *arg, struct sup_pid *ret_pid),
		      bool restart);
void sup__spare_deny(void);

/* The calling task gets a spare if it should have one and has none. */
void sup__spare_make(void);

/*
 * The calling task's spare, if it has one with such a stack; else NULL. It is
 * known as a spare until it says that it has begun to be a task's.
 */
struct sup__spare *sup__spare_take(size_t stack_size);
pid_t sup__spare_tid(const struct sup__spare *s);
void sup__spare_use(struct sup__spare *s, const char *name,
		    void *(*run)(void *arg), void *arg);
void sup__spare_begun(struct sup__spare *s);

/* Its owner has ended: so does it. Any thread. */
void sup__spare_drop(struct sup__task *owner);

/* A spare of this process, or one that has ended and not been told of. */
bool sup__spare_has(pid_t tid);

/* The source tells of the end of a thread: true if it was a spare. */
bool sup__spare_told(pid_t tid, int64_t exit_ns);

/* What the source has not told of any more. */
void sup__spare_clear(void);

#endif
