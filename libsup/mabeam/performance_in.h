/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of agents' performance: a table of the process's, with one
 * lock, above that of the AgentRegistry. No call here is a safe point.
 */
#ifndef SUP_MABEAM_PERFORMANCE_IN_H
#define SUP_MABEAM_PERFORMANCE_IN_H

#include <math.h>
#include <pthread.h>

#include <mabeam/performance.h>

#include "mabeam/agent_usage.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct mab__record {
	UT_hash_handle hh;
	bool off;			/* it is not to be monitored */
	bool gone;			/* it is registered no more */
	uint64_t gone_nr;		/* the how manieth that was */
	struct mab__usage last;		/* the last look; pid none: there is */
					/* none, or that life is over */
	struct sup_pid life;		/* whose alerts are raised; or none */
	struct mab_figures now;		/* the last value of each */
	struct mab_figures *history;	/* n of them, the oldest at first */
	size_t n, room, first;		/* first: 0 but in a full history */
	uint32_t raised;		/* bits of alerts */
	struct mab_alert alerts[MAB_ALERTS];
	char id[];
};

#define MAB__BOUNDS { \
	[MAB_HIGH_CPU_USAGE] = 0.9, \
	[MAB_HIGH_MEMORY_USAGE] = 2147483648.0, \
	[MAB_HIGH_ERROR_RATE] = 0.1, \
	[MAB_LOW_THROUGHPUT] = 1, \
	[MAB_LONG_MAILBOX] = INFINITY, \
}

#define MAB__PERFORMANCE_OPTIONS { \
	.size = sizeof(struct mab_performance_options), \
	.interval_ms = 1000, .history = 1000, .ended = 100, \
}

struct mab__performance {
	pthread_mutex_t lock;		/* of all below */
	struct mab__record *records;
	struct mab_performance_options options;
	double bounds[MAB_ALERTS];
	uint64_t gone_nr, rounds, sampled, pushed;
};

extern struct mab__performance mab__performance;

struct mab__record *mab__record_find_locked(const char *id);

/* Looks at an agent that runs; a second look makes rates. */
void mab__performance_look(const char *id);

/* A round is over: what has become of those that do not run any more. */
void mab__performance_settle(void);

/* Forgets those that are registered no more, and more than are kept. */
void mab__performance_prune_locked(void);

/* Ids of all of whom something is known, sorted: to free(3). -ENOMEM. */
int mab__performance_ids(char (**ret_ids)[MAB_NAME_MAX + 1], size_t *ret_n);

/* What has become of alerts, to be told when no lock is held. */
struct mab__news {
	size_t n;
	bool raised[MAB_ALERTS];
	struct mab_alert alerts[MAB_ALERTS];
};

/* Raises and clears alerts of a record by figures that have come. */
void mab__alerts_judge_locked(struct mab__record *r,
			      const struct mab_figures *f,
			      struct mab__news *news);

void mab__alerts_clear_locked(struct mab__record *r, struct mab__news *news);

/* Executes the events. */
void mab__alerts_tell(const struct mab__news *news);

/* The history of a record: adds to it, or cuts it to as much as is kept. */
int mab__history_add_locked(struct mab__record *r, const struct mab_figures *f);
void mab__history_cut_locked(struct mab__record *r);

/* The nth of it, the newest is 0. */
const struct mab_figures *mab__history_at_locked(const struct mab__record *r,
						 size_t nth);

#endif
