/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Callers whom a server has not answered yet: each with its deadline, and with
 * a monitor if it is a task. All is memory of the server's task.
 */
#ifndef SUP_FOUNDATION_WAITERS_H
#define SUP_FOUNDATION_WAITERS_H

#include <sup/call.h>
#include <sup/task.h>

struct fnd__by_ref;

struct fnd__waiter {
	struct fnd__waiter *prev, *next;	/* where it waits */
	struct fnd__waiter *all_prev, *all_next;
	struct fnd__by_ref *watch;
	struct sup_from from;
	int64_t deadline;	/* SUP_FOREVER: it does not wait, too */
	void *place;		/* the user's */
};

struct fnd__waiters {
	struct fnd__waiter *all;
	struct fnd__by_ref *watches;
	int64_t armed;		/* when the timer comes; 0: it does not */
};

/* Also begins to watch who has called. -ENOMEM. */
int fnd__waiter_add(struct fnd__waiters *ws, struct sup_from from,
		    int64_t deadline, void *place,
		    struct fnd__waiter **ret_waiter);

/* It has been answered, or has ended, and is in no list of the user. */
void fnd__waiter_del(struct fnd__waiters *ws, struct fnd__waiter *w);

/*
 * What a server's info is told: if it is the end of one of them, ended is
 * called with it; if the time of some has come, late with each, which has to
 * answer and fnd__waiter_del() it.
 */
void fnd__waiters_info(struct fnd__waiters *ws, const struct sup_info *info,
		       void (*ended)(void *state, struct fnd__waiter *w),
		       void (*late)(void *state, struct fnd__waiter *w),
		       void *state);

/* Answers one that is late: -EAGAIN if it would not wait, else -ETIMEDOUT. */
void fnd__waiter_refuse(const struct fnd__waiter *w);

#endif
