/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Children that the module may have had no room for. Such a one has no record,
 * so its pidfd is polled, too; the first of both news takes it off the list.
 */
#ifndef SUP_EXIT_NETLINK_DOUBT_H
#define SUP_EXIT_NETLINK_DOUBT_H

#include <stdbool.h>
#include <sys/types.h>

#include <sup/types.h>

#include "base/lock.h"

struct sup__proc;

struct sup__doubts {
	int epfd;		/* borrowed: where their pidfds are polled */

	struct sup__lock lock;	/* protects list; a leaf */
	struct sup__proc *list;	/* borrowed until their end is told */
};

/* One that has ended. */
struct sup__doubt {
	pid_t pid;
	struct sup_reason reason;
	bool reaped;		/* by somebody else: the reason is LOST */
};

void sup__doubts_init(struct sup__doubts *d, int epfd);
void sup__doubts_fini(struct sup__doubts *d);

/*
 * Any thread. Changes nothing if it is there. On error it is there, but is
 * looked at only with the next news of another.
 */
int sup__doubts_add(struct sup__doubts *d, struct sup__proc *p);

/* Takes the one with this pid away. False: there is none. */
bool sup__doubts_drop(struct sup__doubts *d, pid_t pid);

/* Finds one that has ended, and leaves it there. */
bool sup__doubts_ended(struct sup__doubts *d, struct sup__doubt *ret_doubt);

#endif
