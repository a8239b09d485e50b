/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Living tasks that a source tracks. */
#ifndef SUP_EXIT_MEMBERS_H
#define SUP_EXIT_MEMBERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sup__member {
	uint64_t id;		/* never used twice, rising */
	uint64_t lineage;	/* of a process: the id of its first one */
	uint64_t start_ns;	/* CLOCK_BOOTTIME */
	pid_t pid;		/* of the process */
	pid_t tid;		/* of a thread of ours; 0: a process */
	char comm[16];
};

/* In the order of their ids. Zeroed: none. */
struct sup__members {
	struct sup__member *at;
	size_t n, room;
};

/* Adds a copy at the end. -ENOMEM. */
int sup__members_add(struct sup__members *m, const struct sup__member *member);

/* The one with this id, or NULL. */
const struct sup__member *sup__members_find(const struct sup__members *m,
					    uint64_t id);

/* Frees memory. Safe on zeroed. */
void sup__members_fini(struct sup__members *m);

#endif
