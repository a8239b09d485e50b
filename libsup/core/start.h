/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for the start of a thread task that has one to wait for. */
#ifndef SUP_CORE_START_H
#define SUP_CORE_START_H

#include <stdbool.h>
#include <stdint.h>

struct sup__seat;
struct sup__task;
struct sup__thread_make;
struct sup_pid;

/* Deadlines of a start that begins now. */
struct sup__start_limits {
	int64_t init;		/* until init has returned */
	int64_t ready;		/* until it is over */
};

/* -EINVAL: it is no ready_timeout_ms. */
int sup__start_check(int64_t ready_timeout_ms);

/* init_timeout_ms may be 0: none. */
struct sup__start_limits sup__start_limits(int64_t init_timeout_ms,
					   bool awaits_ready,
					   int64_t ready_timeout_ms);

/* It is; until then: when it is out of time, or SUP_FOREVER. Its starter. */
bool sup__start_is_over(const struct sup__task *t);
int64_t sup__start_deadline(const struct sup__task *t,
			    const struct sup__start_limits *limits);

/*
 * Of a task begun with the calling thread's seat as its starter: waits until
 * its start is over. 0; what init returned; -ETIMEDOUT, -ECHILD, -ECANCELED the
 * caller must end: then the task has ended. Keeps the caller's reference.
 */
int sup__start_finish(struct sup__task *t, struct sup__seat *seat,
		      const struct sup__start_limits *limits);

/*
 * Begins a plain thread that is to be waited for; waits, or leaves its start
 * behind (core/later.h). As sup_thread_start() and sup__thread_begin().
 */
int sup__start_wait(const struct sup__thread_make *m,
		    const struct sup__start_limits *limits,
		    struct sup_pid *ret_pid);
int sup__start_leave(const struct sup__thread_make *m,
		     const struct sup__start_limits *limits,
		     struct sup_pid *ret_pid);

#endif
