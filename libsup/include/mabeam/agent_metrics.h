/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How agents are at this moment: figures, health, and what their
 * AgentSupervisor has had to do. <mabeam/performance.h> keeps a history. Any
 * thread.
 */
#ifndef MABEAM_AGENT_METRICS_H
#define MABEAM_AGENT_METRICS_H

#include <mabeam/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mab_health {
	/* It runs, has done its work, or has not been started yet. */
	MAB_HEALTHY,
	/*
	 * It is stopped, starts, or waits for its restart. Or it runs, but was
	 * restarted less than its period_s ago, has a mailbox without room, or
	 * is a program that has been silent for more than half of its
	 * heartbeat_ms.
	 */
	MAB_DEGRADED,
	/* It has crashed, and stays so. */
	MAB_UNHEALTHY,
	MAB_HEALTHS
};

/* Its name, as "healthy"; "unknown" for what is no health. */
SUP_API const char *mab_health_name(enum mab_health health);

struct mab_agent_metrics {
	enum mab_agent_state state;
	enum mab_health health;
	/* RUNNING; else all of these are 0. */
	struct sup_pid pid;
	int64_t time_ns;	/* CLOCK_MONOTONIC, of cpu_ns */
	int64_t uptime_ns;	/* since its start was over */
	int64_t cpu_ns;		/* of this life: of the thread, or of the */
				/* program's own process */
	uint64_t memory;	/* bytes of a program in RAM; 0 of a thread */
	size_t mailbox;		/* messages that wait for it */
	/* In all of its time. */
	uint64_t taken;		/* messages that have come to it */
	uint64_t starts;	/* that came up, restarts among them */
	unsigned int restarts;
	uint64_t failed_starts, crashes;
	bool has_ended;
	struct sup_reason reason;	/* has_ended: of its last end */
};

/* A safe point. -ENOENT no such agent; -EINVAL; what /proc says. */
SUP_API int mab_agent_metrics(const char *id,
			      struct mab_agent_metrics *ret_metrics);

/* Of all agents. */
struct mab_agent_summary {
	size_t agents;			/* that are registered */
	size_t states[MAB_STATES];	/* how many are */
	size_t healths[MAB_HEALTHS];
	double health;		/* percent; a degraded one is half; 100 of */
				/* none */
	/* Of those that run. */
	int64_t cpu_ns;
	uint64_t memory;
	size_t mailbox;
	/* Of the AgentSupervisor. */
	struct sup_pid supervisor;	/* or none */
	unsigned int supervisors;	/* that have been started */
	size_t children, active;	/* its children; whose task lives */
	/* Of all agents that there ever were. */
	uint64_t starts, restarts, failed_starts, crashes;
};

/* A safe point. -EDEADLK in the AgentSupervisor; -ENOMEM. */
SUP_API int mab_agent_summary(struct mab_agent_summary *ret_summary);

#ifdef __cplusplus
}
#endif

#endif
