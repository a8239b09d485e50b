/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one place in the tree that creates threads. */
#ifndef SUP_BASE_THREAD_H
#define SUP_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sup__stack;

/* One that was started here. */
struct sup__thread {
	pthread_t id;
	struct sup__stack *stack;	/* NULL: it was not */
};

/*
 * Starts a joinable thread. stack_size 0 is the system's default, anything
 * else is rounded up to pages and to the system's minimum. Of name the first 15
 * bytes are used; it may be NULL. The thread begins with every signal blocked
 * but those of its own faults (SEGV, BUS, FPE, ILL, ABRT, TRAP, SYS), so that
 * the program's own threads get the rest. Any thread. Errors, with sup_error():
 * -EAGAIN too many threads, or no memory for a stack; -EINVAL; -ENOMEM.
 */
int sup__thread_start(const char *name, size_t stack_size,
		      void *(*run)(void *arg), void *arg,
		      struct sup__thread *ret_thread);

/*
 * The same, but it does nothing until it is used, which can be done once, by
 * any thread: so a start does not wait for the kernel to make one. The spare's
 * tid is that of its start.
 */
int sup__thread_spare(size_t stack_size, struct sup__thread *ret_thread);
void sup__thread_use(struct sup__thread thread, const char *name,
		     void *(*run)(void *arg), void *arg);

/*
 * The kernel's id of a thread that was started here and has not been joined; 0:
 * it has ended.
 */
pid_t sup__thread_tid(struct sup__thread thread);

/* Waits for its end; it is gone then. Not on itself. */
void sup__thread_join(struct sup__thread thread);

/* False: it is still there. */
bool sup__thread_try_join(struct sup__thread thread);

/* The calling thread. */
struct sup__thread sup__thread_self(void);

/*
 * The kernel looks for a process's sleeping threads in a table of its own, of 4
 * lists for each CPU: each wake-up then walks a good part of them all, if they
 * are thousands. Makes it 1,024 lists (64 KiB of the kernel's), unless it was
 * chosen to be more. Before the first thread that costs nothing; later some
 * 30 ms, once.
 */
void sup__thread_make_room(bool has_threads);

/* What is left of those that have gone is given back: how many bytes. */
size_t sup__thread_trim(void);

/* The kernel's id of the calling thread. */
pid_t sup__gettid(void);

/*
 * The kernel may end the calling thread's timed waits late by 50 microseconds,
 * to join wake-ups; from now on it does not. Threads that it starts inherit
 * that. 0, or -errno.
 */
int sup__thread_exact_waits(void);

/*
 * Around the making of a process, which inherits what its maker has, as its
 * default, too: it gets what our threads had before any became exact.
 */
bool sup__thread_begin_clone(void);
void sup__thread_end_clone(bool was_exact);

#endif
