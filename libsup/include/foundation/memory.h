/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cleaning up of memory: what nobody needs any more goes back to the system.
 * Each run is a job under the task supervisor, and has a limit. Any thread.
 */
#ifndef FOUNDATION_MEMORY_H
#define FOUNDATION_MEMORY_H

#include <foundation/types.h>
#include <sup/job.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a run has done: the data of its result. */
struct fnd_memory_report {
	uint64_t pairs;		/* that the RateLimiter has forgotten */
	uint64_t cache_bytes;	/* of the EventStore, that it has freed */
	uint64_t stack_bytes;	/* address space of threads that have ended */
	uint64_t resident_before, resident_after;	/* of the process */
	int64_t took_ns;
};

#define FND_MEMORY_LIMIT_MS 30000

/*
 * A run forgets what the services keep and nobody will ask for, gives back the
 * stacks of threads that have ended, and what malloc(3) has free in all its
 * arenas, those of threads that have ended, too. If limit_ms (0:
 * FND_MEMORY_LIMIT_MS) has passed when it comes to its next step it ends there.
 * There is one at a time: another one ends at once, with EXIT(EBUSY).
 *
 * Nobody waits for it. ret_pid may be NULL. Errors: -EINVAL limit_ms is
 * negative; -ENOTCONN the task supervisor does not run; -EAGAIN; -ENOMEM. A
 * safe point, as are the next two.
 */
SUP_API int fnd_memory_cleanup(int64_t limit_ms, struct sup_pid *ret_pid);

/*
 * The same; *ret_async is the caller's, as that of sup_async_nolink(), and its
 * result a struct fnd_memory_report. Errors as fnd_memory_cleanup().
 */
SUP_API int fnd_memory_cleanup_async(int64_t limit_ms,
				     struct sup_async **ret_async);

/*
 * The same, and waits for it, for limit_ms at most. Also -EBUSY another one
 * runs; -ETIMEDOUT: it ends at its next step; -EPIPE it was ended meanwhile;
 * -EDEADLK.
 */
SUP_API int fnd_memory_cleanup_sync(int64_t limit_ms,
				    struct fnd_memory_report *ret_report);

#ifdef __cplusplus
}
#endif

#endif
