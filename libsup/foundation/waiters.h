/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Callers whom a server has not answered yet: each with its deadline, and with
 * a monitor if it is a task. All is memory of the server's task.
 */
#ifndef SUP_FOUNDATION_WAITERS_H
#define SUP_FOUNDATION_WAITERS_H

#include <sup/call.h>

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

/* The tag of the timer that comes when somebody is late. */
#define FND__LATE UINT64_C(0x666e642d6c617465)

/* Also begins to watch who has called. -ENOMEM. */
int fnd__waiter_add(struct fnd__waiters *ws, struct sup_from from,
		    int64_t deadline, void *place,
		    struct fnd__waiter **ret_waiter);

/* It has been answered, or has ended, and is in no list of the user. */
void fnd__waiter_del(struct fnd__waiters *ws, struct fnd__waiter *w);

/* Whose monitor it is, or NULL. */
struct fnd__waiter *fnd__waiter_of(const struct fnd__waiters *ws,
				   struct sup_ref ref);

/* One whose deadline has come; or NULL, and the timer is set for the next. */
struct fnd__waiter *fnd__waiter_late(struct fnd__waiters *ws);

#endif
