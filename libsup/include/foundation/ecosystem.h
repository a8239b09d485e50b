/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ecosystems: a coordinator and its workers under one supervisor (upstream:
 * BEAM.Processes); and work in isolation, whose end is always told. Any thread.
 */
#ifndef FOUNDATION_ECOSYSTEM_H
#define FOUNDATION_ECOSYSTEM_H

#include <foundation/types.h>
#include <sup/job.h>
#include <sup/supervisor_spec.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Ids of children are given here, those in the specs are not used: the
 * coordinator is "coordinator", workers are "worker-" and a number, which no
 * other worker of the process has had.
 */
struct fnd_ecosystem_spec {
	size_t size;
	const char *name;	/* of the supervisor's thread; may be NULL */
	const struct sup_child_spec *coordinator;	/* needed */
	const struct sup_child_spec *worker;	/* of each of the first ones */
	size_t workers;		/* default 1; FND_ECOSYSTEM_NONE: 0 */
	int intensity;		/* restarts in the period; default 3 */
	unsigned int period_s;	/* default 5 */
};

#define FND_ECOSYSTEM_NONE SIZE_MAX
#define FND_ECOSYSTEM_MAX 100000	/* workers at the start */

/*
 * Starts the supervisor, one_for_one, with the coordinator and the workers, in
 * this order. A start function of a child, too. A safe point. Errors: -EINVAL
 * names the field; as sup_supervisor_start() otherwise, among them what a start
 * of a child returned; -ENOMEM.
 */
SUP_API int fnd_ecosystem_start(const void *ecosystem_spec,
				struct sup_pid *ret_pid);

/*
 * Stops it: workers, the last one first, then the coordinator, each within its
 * shutdown_ms, then killed. One that is a child of a supervisor is stopped by
 * sup_terminate_child() instead. Errors: -ETIMEDOUT: it goes on; -ESRCH it has
 * ended; -EPIPE it ended in another way; -EINVAL; -EDEADLK. A safe point.
 */
SUP_API int fnd_ecosystem_stop(struct sup_pid ecosystem, int64_t deadline);

/*
 * Starts one more worker. Errors, of this and the next two: as those of
 * sup_start_child() and sup_which_children(): -ESRCH it has ended; -EDEADLK
 * from a child that it is starting or stopping; -EINVAL it is no supervisor;
 * -ENOMEM; here also what the start returned. A safe point, as are those.
 */
SUP_API int fnd_ecosystem_add_worker(struct sup_pid ecosystem,
				     const struct sup_child_spec *worker,
				     struct sup_pid *ret_pid);

/*
 * Stops a worker, any of them, and it is not started again. -ENOENT that is
 * none, or has ended.
 */
SUP_API int fnd_ecosystem_remove_worker(struct sup_pid ecosystem,
					struct sup_pid worker);

__extension__ struct fnd_ecosystem {
	struct sup_pid coordinator;	/* SUP_PID_NONE: it is restarting */
	size_t total;			/* tasks that live: both */
	size_t n;
	struct sup_pid workers[];	/* that live, the first one first */
};

/* One block, to free(3). */
SUP_API int fnd_ecosystem_info(struct sup_pid ecosystem,
			       struct fnd_ecosystem **ret_info);

enum fnd_work_outcome {
	FND_WORK_COMPLETE,	/* result, the caller's */
	FND_WORK_ERROR,		/* error: what run has returned */
	FND_WORK_CRASHED,	/* reason: it ended in any other way */
};

struct fnd_work {
	enum fnd_work_outcome outcome;
	struct sup_msg result;
	int error;
	struct sup_reason reason;
};

/*
 * Runs work as a job under the task supervisor: what it has allocated by
 * sup_alloc(), and its stack, go with it, and a fault in it ends nobody else,
 * if it can be contained (<sup/task.h>). *ret_async is as that of
 * sup_async_nolink(). Errors: as those; -ENOTCONN the task supervisor does not
 * run. A safe point, as are the next two.
 */
SUP_API int fnd_isolated_start(const struct sup_job_spec *work,
			       struct sup_async **ret_async);

/*
 * Waits for what becomes of it: whatever that is, it is told, and the async is
 * gone. Errors: -ETIMEDOUT it is still there; -EPERM it is another thread's;
 * -EDEADLK.
 */
SUP_API int fnd_isolated_await(struct sup_async *async,
			       struct fnd_work *ret_work, int64_t deadline);

/* Both. -ETIMEDOUT: it is asked to end, and nobody waits for that. */
SUP_API int fnd_isolated_run(const struct sup_job_spec *work,
			     struct fnd_work *ret_work, int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
