/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures of a supervision tree, taken without waiting for anyone. */
#ifndef SUP_TREE_H
#define SUP_TREE_H

#include <sup/hang.h>
#include <sup/supervisor.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sup_child_state {
	SUP_CHILD_STOPPED,	/* ended, or ignored its start */
	SUP_CHILD_STARTING,
	SUP_CHILD_RUNNING,
	SUP_CHILD_RESTARTING,	/* it waits for its restart, or its next try */
	SUP_CHILD_STOPPING,
};

/* One row of a tree; depth 0 is the root, a node precedes its children. */
struct sup_node {
	unsigned int depth;
	char id[64];
	struct sup_pid pid;
	pid_t os_pid, os_tid;
	enum sup_child_type type;
	enum sup_strategy strategy;	/* of a supervisor */
	enum sup_restart restart;
	enum sup_child_state state;
	unsigned int restarts;		/* of this child, since its start */
	unsigned int budget_used;	/* of a supervisor, in its period */
	int intensity;
	unsigned int period_s;
	int64_t started_ns;		/* CLOCK_MONOTONIC */
	bool has_ended;			/* last_reason is valid */
	struct sup_reason last_reason;
	bool significant;
	int64_t due_ns;			/* RESTARTING and waiting: until when */
	bool held;			/* there was one restart too many */
	uint32_t hold_ms;		/* of a supervisor */
	bool has_own_budget;		/* then the next three are valid */
	unsigned int own_used;		/* of it, in its period */
	int own_intensity;
	unsigned int own_period_s;
	bool flapping;			/* it restarts often */
	int64_t steady_ns;		/* then, if it runs: not from then on */
	bool hung;			/* not back in its loop in time */
	struct sup_turn turn;		/* then: what it is at */
};

/*
 * A picture of the tree below sup, children in order of start. Never waits for
 * a supervisor that is busy. The array is the caller's, to free(3). Any
 * thread. -ESRCH, -ENOMEM.
 */
SUP_API int sup_tree(struct sup_pid sup, struct sup_node **ret_nodes,
		     size_t *ret_n);

/* Its name, as "running"; "unknown" for what is no state. Any thread. */
SUP_API const char *sup_child_state_name(enum sup_child_state state);

#ifdef __cplusplus
}
#endif

#endif
