/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of a tree, as tree and list show them. */
#ifndef TOOLS_CTL_NODES_H
#define TOOLS_CTL_NODES_H

#include "supctl.h"

struct node {
	unsigned int depth;
	char id[64];
	char kind[16];		/* of a supervisor: its strategy */
	char state[16];
	bool flapping, held;
	int64_t pid, tid, uptime_ns, restarts;
	char budget[40];	/* used/allowed in period, or "" */
	char last_exit[160];
};

/*
 * Asks for the tree. With --json the rows are printed as they come and *ret_n
 * is 0. *ret_nodes is for free(3). The exit status, so far.
 */
int ctl_nodes(struct ctl *ctl, bool all, struct node **ret_nodes,
	      size_t *ret_n);

#endif
