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

/* Of a spec; to free(3). As mab_agent_register(). */
int mab__config_new(const struct mab_agent_spec *spec,
		    struct mab__config **ret_config);

/*
 * A key for one more run of an agent, and what the AgentSupervisor is to know
 * of it. -ENOENT; -EALREADY: it has a run.
 */
int mab__run_draw(const char *id, uint64_t *ret_key,
		  struct sup_child_spec *ret_child);

/* There is another AgentSupervisor. */
void mab__supervisor_is_up(void);

/* What a life is started with. */
struct mab__life {
	char id[MAB_NAME_MAX + 1];
	size_t mailbox;
	enum sup_containment containment;
};

/*
 * On the AgentSupervisor's thread: a life is to begin, the first of the run or
 * one more. A safe point. SUP_IGNORE: the run is over, or there was a later one
 * meanwhile; -EALREADY: there is another one.
 */
int mab__life_begin(uint64_t key, struct mab__life *ret_life);

/* There too: whether its task has begun. Returns error. */
int mab__life_begun(uint64_t key, int error, struct sup_pid pid);

/* In the agent's task: that is the life. */
void mab__life_is(uint64_t key);

/* Whether the calling task is the agent's life, and not one too many. */
bool mab__life_counts(uint64_t key);

/*
 * In the life. before: there is one of an AgentSupervisor that was killed,
 * which must end first. before_ended: it has; false: the calling life is not to
 * be. up: its start is over; false: the same.
 */
bool mab__life_before(uint64_t key, struct sup_pid *ret_before);
bool mab__life_before_ended(uint64_t key, struct sup_pid before,
			    const struct sup_reason *reason);
bool mab__life_up(uint64_t key);

/* Of a life that is a program: it has said something. */
void mab__life_heard(uint64_t key);

/* Why a life does not come up, besides errors. */
enum mab__why {
	MAB__WHY_DECLINED = SUP_IGNORE,
	MAB__WHY_DONE,		/* who was before it had done its work */
};

/* Of the life: why it will not come up: a mab__why, or an error. */
void mab__life_failed(uint64_t key, int why, const char *text);

/*
 * What has come of the start of that run, whose first life has ended or come
 * up: 0, or an error with its sentence. -ECANCELED: it has declined.
 */
int mab__start_result(const char *id, uint64_t key);

/* Its config, as memory of the calling task. -ENOENT; -ENOMEM. */
int mab__life_config(uint64_t key, struct mab__config **ret_config);

/*
 * The calling task starts the program of that life. Its config, too. -ENOENT it
 * is the agent's life no more.
 */
int mab__pipe_is(uint64_t key, struct sup_pid life,
		 struct mab__config **ret_config);

/* In the agent's task: one more request, or notification, has come to it. */
void mab__life_took(uint64_t key);

/*
 * The program of the agent, which is a life's, and must have ended before there
 * is another one; and who has started it.
 */
void mab__process_is(uint64_t key, struct sup_pid process);
void mab__process_of(const char *id, struct sup_pid *ret_pipe,
		     struct sup_pid *ret_process);

/* The AgentSupervisor has the run no more. Any thread. */
void mab__run_over(uint64_t key);

/*
 * One of the runs of an AgentSupervisor that was killed, which are to go on, is
 * supervisor's from now on. False: there is none.
 */
bool mab__run_adopt(struct sup_pid supervisor, char id[MAB_NAME_MAX + 1],
		    uint64_t *ret_key, struct sup_child_spec *ret_child);

/* That has failed: the run is over. */
void mab__run_lost(uint64_t key, int error);

/*
 * The task by which its AgentSupervisor knows its run; if that has been killed,
 * its life, or none. If it is killed from now on that is because the calling
 * task wants it stopped. -ENOENT; -ESRCH: it has no run. A safe point.
 */
int mab__run_stop(const char *id, struct sup_pid *ret_pid,
		  struct sup_pid *ret_supervisor);

/* Whether it neither runs nor is to be started again. */
bool mab__run_is_over(const char *id);

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
