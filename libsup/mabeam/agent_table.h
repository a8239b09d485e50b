/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of agents itself, for those who change it and those who look. */
#ifndef SUP_MABEAM_AGENT_TABLE_H
#define SUP_MABEAM_AGENT_TABLE_H

#include <pthread.h>

#include "mabeam/agent_events.h"
#include "mabeam/agents.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct mab__agent {
	UT_hash_handle hh;		/* by id */
	UT_hash_handle by_nr;
	struct mab__config *config;
	struct mab__config *old_config;	/* during an update, or NULL */
	uint32_t nr;			/* of the agent, for ever */
	uint32_t last_run;		/* the last that was drawn */
	uint32_t begun;			/* the last that has begun */
	uint32_t run;			/* what it has: that, or 0 */
	unsigned int lives;		/* of the run, that came up */
	struct sup_pid supervisor;	/* who has the run */
	struct sup_pid child;		/* as which it knows it */
	struct sup_pid pid;		/* of the life */
	struct sup_pid before;		/* a life that must end before it */
	struct sup_pid pipe, process;	/* of the last life, alive or not */
	char *cgroup;			/* that a program had; or NULL */
	int why;			/* the life has not come up: an */
					/* error, or a mab__why */
	char text[128];			/* its sentence, or "" */
	bool to_stop;			/* somebody waits for that: */
	struct sup_pid stopper;		/* a task, or a foreign thread */
	enum mab_agent_state state;
	bool has_ended;
	struct sup_reason reason;
	int error;
	unsigned int restarts;
	uint64_t starts, failed_starts, crashes;	/* in all its time */
	uint64_t taken;			/* messages, in all lives */
	int64_t registered_ns, started_ns;
	int64_t restarted_ns;		/* the last time; 0: never */
	int64_t heard_ns;		/* what the program has said last */
	char id[];
};

struct mab__agent_table {
	pthread_mutex_t lock;		/* of all below */
	struct mab__agent *agents;
	struct mab__agent *by_nr;
	uint32_t last_nr;
	/* Of all agents, those that have gone, too. */
	uint64_t starts, restarts, failed_starts, crashes;
	unsigned int supervisors;	/* that have been started */
};

extern struct mab__agent_table mab__agents;

struct mab__agent *mab__agent_find_locked(const char *id);

/* By the key of a run: whichever it has, or if it has that one. */
struct mab__agent *mab__agent_by_key_locked(uint64_t key);
struct mab__agent *mab__agent_by_run_locked(uint64_t key);

/*
 * A life has ended, or has not come up: that is counted, and what is to be told
 * of it, when the lock is free, is in *ret_news.
 */
void mab__agent_count_end_locked(struct mab__agent *a,
				 struct mab__news *ret_news);
void mab__agent_count_failure_locked(struct mab__agent *a, int error,
				     struct mab__news *ret_news);

/* It runs, or is about to. */
bool mab__agent_is_up_locked(const struct mab__agent *a);

#endif
