/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our group in the module: making it, its members, killing. */
#ifndef SUP_EXIT_NETLINK_GROUP_H
#define SUP_EXIT_NETLINK_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sup/runtime.h>

#include "exit/members.h"

struct sup__nl;

struct sup__group {
	uint64_t id;
	uint64_t acked;		/* records acknowledged when it was opened */
	unsigned char token[SUP_TOKEN_SIZE];
	struct sup__members adopted;	/* who lived when it was taken over */
};

/*
 * Makes a group of this process with all its threads, or takes one over, as
 * opts say. Its owner is the socket owner. -EPERM, -EACCES a wrong token,
 * -ESRCH no such group, -EBUSY it has an owner, -ENOMEM, ...
 */
int sup__group_open(struct sup__group *g, struct sup__nl *owner,
		    struct sup__nl *request, const struct sup_options *opts);

/* Ends it; what of it is alive is no longer tracked. */
int sup__group_close(struct sup__group *g, struct sup__nl *request);

/* Frees memory. Safe on zeroed. */
void sup__group_fini(struct sup__group *g);

/* Living ones: by its id, the process of a pid, all. -ENOENT. */
int sup__group_member(const struct sup__group *g, struct sup__nl *request,
		      uint64_t id, struct sup__member *ret_member);
int sup__group_member_of(const struct sup__group *g, struct sup__nl *request,
			 pid_t pid, struct sup__member *ret_member);
int sup__group_members(const struct sup__group *g, struct sup__nl *request,
		       struct sup__members *ret_members);

/* Hands a member out as an orphan. Returns what cb did. */
int sup__member_tell(const struct sup__member *m,
		     int (*cb)(const struct sup_orphan *o, void *arg),
		     void *arg);

/* True if something of the lineage lived when the group was taken over. */
bool sup__group_is_adopted(const struct sup__group *g, uint64_t lineage);

/* The number of its last record. */
int sup__group_seq(const struct sup__group *g, struct sup__nl *request,
		   uint64_t *ret_seq);

/* Signals a lineage. -ESRCH nothing left, -EPERM some of it is not in reach. */
int sup__group_kill(const struct sup__group *g, struct sup__nl *request,
		    uint64_t lineage, int signo);

#endif
