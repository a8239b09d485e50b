/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LoadBalancer: which agent gets the next task. It looks at what the
 * AgentRegistry knows, at each call: who does not run gets nothing, who runs
 * again does. It is a table of the process's, and needs no task. Any thread;
 * nothing here is a safe point.
 */
#ifndef MABEAM_LOAD_BALANCER_H
#define MABEAM_LOAD_BALANCER_H

#include <mabeam/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mab_strategy {
	MAB_RESOURCE_AWARE,	/* default: the least loaded */
	MAB_ROUND_ROBIN,	/* in the order in which they were added */
	MAB_CAPABILITY_BASED,	/* who can do least besides; then the least */
				/* loaded */
	MAB_PERFORMANCE_WEIGHTED, /* whose queue is shortest, in time */
	MAB_TWO_CHOICES,	/* the less loaded of two, drawn at random */
	MAB_STRATEGIES
};

/* Of all tasks from now on; the seed is of TWO_CHOICES. -EINVAL. */
SUP_API int mab_balance_strategy(enum mab_strategy strategy, uint64_t seed);

#define MAB_OVERLOAD_CPU	0.9
#define MAB_OVERLOAD_MEMORY	UINT64_C(1073741824)
#define MAB_OVERLOAD_TASKS	10

/* Beyond one of these an agent is overloaded; at it it is not. */
struct mab_bounds {
	double cpu;		/* from 0 to 1 */
	uint64_t memory;	/* bytes */
	unsigned int tasks;
};

#define MAB_BOUNDS { MAB_OVERLOAD_CPU, MAB_OVERLOAD_MEMORY, MAB_OVERLOAD_TASKS }

/* From now on; NULL: MAB_BOUNDS. How loads are weighed stays. -EINVAL. */
SUP_API int mab_balance_bounds(const struct mab_bounds *bounds);

/* What the load of an agent is said to be. */
struct mab_load {
	double cpu;		/* of 1 */
	uint64_t memory;	/* bytes */
};

/*
 * The agent may get tasks, from none; or not any more, as when it is
 * deregistered: what it had is forgotten. add: -ENOENT no such agent; -EEXIST;
 * -EINVAL; -ENAMETOOLONG; -ENOMEM. remove: -ENOENT. clear: no agent may.
 */
SUP_API int mab_balance_add(const char *id);
SUP_API int mab_balance_remove(const char *id);
SUP_API void mab_balance_clear(void);

/* Its load is that, in place of what it was. -ENOENT; -EINVAL. */
SUP_API int mab_balance_report(const char *id, const struct mab_load *load);

/* A task that an agent has got. */
struct mab_assignment {
	uint64_t nr;
	char id[MAB_NAME_MAX + 1];
	struct sup_pid pid;	/* the agent's, then */
};

#define MAB_ASSIGNMENTS_MAX 65536

/*
 * Gives a task to an agent that runs, is not overloaded and has all of these
 * capabilities (up to a NULL; NULL: any). It is the agent's until it is said to
 * be over, by anyone, or the calling task, if it is one, has ended. Errors:
 * -ESRCH no agent that runs can do it; -EUSERS all that can are overloaded;
 * -EINVAL, -ENAMETOOLONG a capability; -ENOSPC there are MAB_ASSIGNMENTS_MAX;
 * -ENOMEM.
 */
SUP_API int mab_balance_assign(const char *const *capabilities,
			       struct mab_assignment *ret_assignment);

/* The task is over. -ENOENT it was before, or its agent or asker has gone. */
SUP_API int mab_balance_complete(uint64_t nr);

/* A task that has another agent now. */
struct mab_move {
	struct mab_assignment to;
	char from[MAB_NAME_MAX + 1];
};

/*
 * Gives tasks of agents that have ended, since they got them, and what
 * overloaded agents have too many, to suitable ones; where there are none they
 * stay. *ret_moves says which: to free(3), NULL if there are none. To do them
 * there is the caller's matter. -ENOMEM: perhaps not all.
 */
SUP_API int mab_balance_rebalance(struct mab_move **ret_moves, size_t *ret_n);

struct mab_balance {
	bool running, overloaded;
	struct mab_load load;
	unsigned int active;	/* tasks of this life of it */
	unsigned int stranded;	/* of earlier ones */
	uint64_t completed;
	int64_t average_ns;	/* from assignment to completion; 0: none */
};

/* -ENOENT. */
SUP_API int mab_balance_get(const char *id, struct mab_balance *ret_balance);

struct mab_balance_stats {
	size_t agents, available, overloaded;
	double average_cpu, average_memory;	/* of all agents */
	size_t active, stranded;
	uint64_t assigned, completed, moved;
};

SUP_API void mab_balance_stats(struct mab_balance_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
