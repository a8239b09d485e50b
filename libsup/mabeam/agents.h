/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The AgentRegistry from within: the table of agents, which is the process's,
 * and what the AgentSupervisor and the agents themselves say in it.
 *
 * A run of an agent is what the AgentSupervisor has as a child: from its start
 * until it is stopped or ends for good, restarts included. A life is one task
 * of it. The key of a run names agent and run in one word, so that who carries
 * it owns nothing, and one that comes late means nobody else.
 */
#ifndef SUP_MABEAM_AGENTS_H
#define SUP_MABEAM_AGENTS_H

#include <mabeam/agent.h>
#include <sup/server.h>

/* A copy of a spec; id, type and capabilities are behind it, in this order. */
struct mab__config {
	size_t size;			/* of all */
	struct mab_agent_spec spec;	/* its strings are not valid */
	size_t n_capabilities;
	char strings[];
};

/*
 * A key for one more run of an agent, and what the AgentSupervisor is to know
 * of it. -ENOENT; -EALREADY: it has a run.
 */
int mab__run_draw(const char *id, uint64_t *ret_key,
		  struct sup_child_spec *ret_child);

/* What a life is started with. */
struct mab__life {
	char id[MAB_NAME_MAX + 1];
	size_t mailbox;
	enum sup_containment containment;
	bool awaits_ready;
};

/*
 * On the AgentSupervisor's thread: a life is to begin, the first of the run or
 * one more. A safe point. -ENOENT; -EALREADY: there is another run.
 */
int mab__life_begin(uint64_t key, struct mab__life *ret_life);

/*
 * What came of that start; a first one that has failed ends the run. Returns
 * error, or why, if the life has said that.
 */
int mab__life_begun(uint64_t key, int error, struct sup_pid pid);

/* In the agent's task: that is the life. */
void mab__life_is(uint64_t key);

/* Its config, as memory of the calling task. -ENOENT; -ENOMEM. */
int mab__life_config(uint64_t key, struct mab__config **ret_config);

/* Of the life: why it will not come to its start. */
void mab__life_failed(uint64_t key, int error);

/* In the agent's task: one more request, or notification, has come to it. */
void mab__life_took(uint64_t key);

/*
 * The process of the agent, which is a life's, and must have ended before there
 * is another one.
 */
void mab__process_is(uint64_t key, struct sup_pid process);
struct sup_pid mab__process_of(const char *id);

/* The AgentSupervisor has the run no more. Any thread. */
void mab__run_over(uint64_t key);

/*
 * The task by which its AgentSupervisor knows its run. If it is killed from now
 * on that is because the calling task wants it stopped. -ENOENT; -ESRCH: it has
 * no run. A safe point.
 */
int mab__run_stop(const char *id, struct sup_pid *ret_pid,
		  struct sup_pid *ret_supervisor);

/* The caller does not want it any more. */
void mab__run_stop_over(const char *id);

/*
 * What the table says of lives that have ended unseen is made true: of the one
 * of that id, or of all (NULL). A safe point.
 */
void mab__agents_settle(const char *id);

/*
 * Whether there is such an agent, with all of these capabilities (up to a NULL;
 * NULL: any). If there is one *ret_pid is its task, if it runs, or none, and
 * *ret_n how many capabilities it has.
 */
bool mab__agent_can(const char *id, const char *const *capabilities,
		    struct sup_pid *ret_pid, size_t *ret_n);

/* -ENOENT, with a sentence. */
int mab__agent_unknown(const char *id);

#endif
