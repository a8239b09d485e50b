/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Orchestrations: functions that coordinate agents, known by an id. Each run of
 * one is a task of its own, a job of the task supervisor of libsup-foundation
 * (fnd_task_supervisor()), with a timeout. What is known of them is the
 * process's. Any thread.
 */
#ifndef MABEAM_ORCHESTRATION_H
#define MABEAM_ORCHESTRATION_H

#include <mabeam/agent.h>
#include <sup/job.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MAB_ORCHESTRATION_TIMEOUT_MS 5000
#define MAB_ORCHESTRATION_AGENTS_MAX 4096
#define MAB_ORCHESTRATION_HISTORY 100	/* runs that are kept */

/* What the functions of a run are given. */
struct mab_orchestration {
	const char *id;
	const char *const *agents;	/* n_agents, then NULL */
	size_t n_agents;
	int64_t deadline;		/* of the run */
	void *arg;
};

struct mab_orchestration_spec {
	size_t size;
	const char *id;
	const char *const *agents;	/* up to a NULL; NULL: none */
	/*
	 * 0: *ret_result, empty at first, is the result. Else it has failed,
	 * with that. What becomes of *ret_result is as in <sup/job.h>.
	 */
	int (*coordinate)(const struct mab_orchestration *o,
			  struct sup_msg *ret_result);
	/* Then, on the same task; may put another result in its place. NULL */
	int (*adapt)(const struct mab_orchestration *o,
		     struct sup_msg *result);
	void *arg;
	int64_t timeout_ms;		/* default 5000 */
	enum sup_containment containment;	/* of its task */
};

/*
 * Makes an orchestration known. The spec is copied, but for the functions and
 * arg. Not a safe point. Errors: -EEXIST the id is taken; -ENOSPC there are
 * Core's max_variables; -EINVAL names the field; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int
mab_orchestration_register(const struct mab_orchestration_spec *spec);

/* Runs of it go on. Not a safe point. -ENOENT; -EINVAL; -ENAMETOOLONG. */
SUP_API int mab_orchestration_unregister(const char *id);

/*
 * The ids of all, in the order in which they were registered: one block, to
 * free(3), NULL if there are none. Not a safe point. -ENOMEM.
 */
SUP_API int mab_orchestration_list(const char ***ret_ids, size_t *ret_n);

enum mab_run_end {
	MAB_RUN_DONE,		/* result */
	MAB_RUN_FAILED,		/* coordinate() has, with error */
	MAB_RUN_NOT_ADAPTED,	/* adapt() has failed, with error */
	MAB_RUN_TIMED_OUT,
	MAB_RUN_CRASHED,	/* its task has ended otherwise: reason */
	MAB_RUN_NOT_STARTED,	/* error, as of mab_orchestrate() */
};

struct mab_run {
	char id[MAB_NAME_MAX + 1];
	enum mab_run_end end;
	int error;
	struct sup_reason reason;	/* FAILED, NOT_ADAPTED, CRASHED */
	struct sup_msg result;	/* of who asked, to sup_msg_free() */
	int64_t time;		/* of its begin, ns since 1970, UTC */
	int64_t duration_ns;
};

/*
 * Runs it, and waits: for the end, told at once, or for its timeout or the
 * deadline, whichever is earlier. One that has timed out is told to end, which
 * it does at its next safe point; until then it is overdue. If the caller ends
 * before it is told to end, too. A safe point. Errors, and it has not run:
 * -ENOENT; -EBUSY one is overdue; -ENOTCONN the task supervisor does not run;
 * -EINVAL; -ENAMETOOLONG; -EAGAIN; -EDEADLK; -ENOSPC; -ENOMEM.
 */
SUP_API int mab_orchestrate(const char *id, struct mab_run *ret_run,
			    int64_t deadline);

/*
 * Runs all at the same time, and waits for all: what becomes of one is nothing
 * to the others. *ret_runs is in the order of mab_orchestration_list(), one
 * block, to mab_runs_free(); NULL if there are none. A safe point. -ENOMEM.
 */
SUP_API int mab_orchestrate_all(struct mab_run **ret_runs, size_t *ret_n,
				int64_t deadline);

/* The results, too. NULL is fine. Not a safe point. */
SUP_API void mab_runs_free(struct mab_run *runs, size_t n);

/*
 * The runs that were over last, the newest first, without their results: to
 * free(3), NULL if there are none. Not a safe point. -ENOMEM.
 */
SUP_API int mab_orchestration_history(struct mab_run **ret_runs, size_t *ret_n);

#ifdef __cplusplus
}
#endif

#endif
