/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions as tasks of their own, and their results (Elixir's Task and
 * Task.Supervisor). A job runs on a thread that a dynamic supervisor has
 * started (<sup/dynamic.h>: limits, counts, sup_terminate_child_pid());
 * an async is what its owner holds to get the result.
 */
#ifndef SUP_JOB_H
#define SUP_JOB_H

#include <sup/dynamic.h>
#include <sup/task.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum sup_job_restart {
	SUP_JOB_TEMPORARY,	/* default: never */
	SUP_JOB_TRANSIENT,
	SUP_JOB_PERMANENT,
};

struct sup_job_spec {
	size_t size;
	const char *name;	/* of the thread; default "job" */
	/*
	 * 0: normal, and *ret_result, empty at first, is the result, which is
	 * freed if nobody takes it; else the job ends with EXIT(code).
	 */
	int (*run)(void *arg, struct sup_msg *ret_result);
	void *arg;
	void (*free_arg)(void *arg);	/* when the job is over; may be NULL */
	enum sup_job_restart restart;	/* of sup_start_job() alone */
	int64_t shutdown_ms;		/* as of a child; default 5 s */
	enum sup_containment containment;
	size_t mailbox, stack_size;	/* as of a thread */
};

/*
 * Starts a job that nobody waits for; its results are freed. Any thread. On
 * success arg is the job's, on errors the caller's. Errors: -EINVAL; -ENOSPC
 * max_children; -ESRCH no such supervisor; -EOPNOTSUPP one that is
 * SIMPLE_ONE_FOR_ONE; -EDEADLK from its own thread; -EAGAIN; -ENOMEM.
 */
SUP_API int sup_start_job(struct sup_pid sup, const struct sup_job_spec *spec,
			  struct sup_pid *ret_pid);

struct sup_async;

/*
 * Starts a job, whose owner is the calling thread, task or foreign, linked with
 * it (<sup/link.h>) before it runs. On a foreign thread, which cannot be
 * linked, it is as sup_async_nolink(): not linked, so that a job that fails
 * ends nobody else. Errors as sup_start_job().
 *
 * All calls on an async are its owner's alone: -EPERM on other threads. An
 * owner that ends lets its asyncs go: the job runs on, unless a link ends it.
 */
SUP_API int sup_async_start(struct sup_pid sup,
			    const struct sup_job_spec *spec,
			    struct sup_async **ret_async);
SUP_API int sup_async_nolink(struct sup_pid sup,
			     const struct sup_job_spec *spec,
			     struct sup_async **ret_async);

/* One without a task, with that result, moved or copied. -ENOMEM. */
SUP_API int sup_async_completed(const struct sup_msg *result,
				struct sup_async **ret_async);

/* Its task, or SUP_PID_NONE. */
SUP_API struct sup_pid sup_async_pid(const struct sup_async *async);

/*
 * Waits for the result, which is the caller's then. The async is gone after any
 * return but -EPERM and -EDEADLK. Errors: -EPIPE the job ended without one,
 * with *ret_reason, which may be NULL; -ETIMEDOUT: it runs on, linked if it
 * was, but its result will be dropped. Unlike Elixir the caller does not end
 * by that.
 */
SUP_API int sup_async_await(struct sup_async *async,
			    struct sup_msg *ret_result,
			    struct sup_reason *ret_reason, int64_t deadline);

/*
 * Waits for n results, in the order of the asyncs, whatever that of their ends.
 * All asyncs are gone after any return but -EPERM. *ret_failed is which one
 * ended without a result (-EPIPE), at once when it has; none is handed out
 * then. ret_reason and ret_failed may be NULL. -ETIMEDOUT.
 */
SUP_API int sup_async_await_many(struct sup_async *const *asyncs, size_t n,
				 struct sup_msg *ret_results,
				 struct sup_reason *ret_reason,
				 size_t *ret_failed, int64_t deadline);

/* As await, but after -ETIMEDOUT the async is still there. */
SUP_API int sup_async_yield(struct sup_async *async,
			    struct sup_msg *ret_result,
			    struct sup_reason *ret_reason, int64_t deadline);

enum sup_outcome_kind {
	SUP_OUTCOME_NONE,	/* not ended in time; or ended as asked */
	SUP_OUTCOME_OK,		/* result, the caller's */
	SUP_OUTCOME_EXIT,	/* ended without one: reason */
};

struct sup_outcome {
	enum sup_outcome_kind kind;
	struct sup_msg result;
	struct sup_reason reason;
};

enum sup_on_timeout {
	SUP_TIMEOUT_NOTHING,	/* asyncs that have not ended stay */
	SUP_TIMEOUT_IGNORE,	/* are let go */
	SUP_TIMEOUT_KILL,	/* are killed */
};

/*
 * Waits until limit of the asyncs have ended (0: all), or the deadline. Those
 * with an outcome are gone, and NULL in asyncs; NULLs are passed over. Only
 * after a real timeout are the others treated as on_timeout says; then they
 * are gone, too, unless it is NOTHING. Returns 0, -EPERM, -EINVAL.
 */
SUP_API int sup_async_yield_many(struct sup_async **asyncs, size_t n,
				 struct sup_outcome *ret_outcomes,
				 size_t limit, enum sup_on_timeout on_timeout,
				 int64_t deadline);

/*
 * Unlinks the job, asks it to end, waits so long, kills it if that was not
 * enough, and waits. shutdown_ms is a time, INFINITY, KILL, or 0: 5 s. The
 * outcome is OK if it had a result all the same, NONE if it ended as asked,
 * else EXIT. The async is gone unless -EPERM, -EDEADLK, -EINVAL.
 */
SUP_API int sup_async_shutdown(struct sup_async *async, int64_t shutdown_ms,
			       struct sup_outcome *ret_outcome);

/* Unlinks the job and lets it go; its outcome, NONE if there is none yet. */
SUP_API int sup_async_ignore(struct sup_async *async,
			     struct sup_outcome *ret_outcome);

#ifdef __cplusplus
}
#endif

#endif
