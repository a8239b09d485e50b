/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables of orchestrations and of their runs, which are the process's. What
 * is called _locked has their lock, under which nothing is a safe point, and no
 * other lock is taken.
 */
#ifndef SUP_MABEAM_CORE_RUNS_H
#define SUP_MABEAM_CORE_RUNS_H

#include <pthread.h>

#include <mabeam/orchestration.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* What a run needs; each has one of its own. */
struct mab__work {
	struct mab_orchestration_spec spec;	/* its strings are behind it */
	size_t n_agents;
};

/*
 * A run is in the table from before its task begins until that has ended, and
 * its end has been noted. Who asked for it notes that; if that one ends before,
 * Core does. The task reads it; so it is freed when that has ended.
 */
struct mab__run {
	UT_hash_handle hh;
	uint64_t nr;
	struct mab__work *work;
	struct sup_pid owner;		/* none: a foreign thread */
	struct sup_pid pid;		/* none: it has not begun */
	int64_t began, deadline;	/* CLOCK_MONOTONIC */
	int64_t time;
	bool adapts;			/* coordinate() has succeeded */
	bool noted;			/* its end: that it has timed out */
};

/* As mab_orchestration_register(), without a look at whether it is there. */
int mab__work_new(const struct mab_orchestration_spec *spec,
		  struct mab__work **ret_work);

/* As mab_orchestration_list(), with other memory. */
int mab__orchestration_ids(void *(*alloc)(size_t size), const char ***ret_ids,
			   size_t *ret_n);

/*
 * One more run, of the caller, no later than that; *ret_deadline is its own.
 * -ENOENT; -EBUSY; -ENOMEM.
 */
int mab__orchestration_draw(const char *id, int64_t deadline, uint64_t *ret_nr,
		  int64_t *ret_deadline, enum sup_containment *ret_containment);

/* Its task is the calling one; what it is to do, or NULL: it is over. */
const struct mab__run *mab__orchestration_begin(uint64_t nr);
void mab__orchestration_adapts(uint64_t nr);

/*
 * It is over, in the history, and out of the table, unless it still goes on:
 * *run gets what is known. reason: NULL, it has timed out; else its task runs
 * nothing of it any more.
 */
void mab__orchestration_over(uint64_t nr, const struct sup_reason *reason,
		   struct mab_run *run);

/* It never began. */
void mab__orchestration_forget(uint64_t nr);

/*
 * Of Core: tells those to end that are overdue, or whose owner has ended, and
 * notes ends that nobody else does. In how many ms it is to look again; -1:
 * there are none. A safe point.
 */
int64_t mab__runs_look(void);

/* For the status. */
struct mab__run_counts {
	size_t orchestrations, running, overdue;
	uint64_t runs, failed;
	size_t recent, recent_failed;	/* of those in the history */
	int64_t average_ns;
};

void mab__runs_count(struct mab__run_counts *ret_counts);

#endif
