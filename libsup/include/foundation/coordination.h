/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Coordination of tasks: locks, barriers, counters, each by a name; elections
 * are in <foundation/election.h>. What holds them is a back end; there is one,
 * of this process.
 */
#ifndef FOUNDATION_COORDINATION_H
#define FOUNDATION_COORDINATION_H

#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The services, start functions of children, as sup_server_start(); options is
 * NULL. -EEXIST it runs; -ENOSPC there are too many registries.
 */
SUP_API int fnd_locks_start(const void *options, struct sup_pid *ret_pid);
SUP_API int fnd_barriers_start(const void *options, struct sup_pid *ret_pid);

/*
 * Takes a lock for the calling task; who comes first gets it first. It is the
 * task's until that releases it or ends, however it ends. *ret_token is greater
 * than that of anybody who has had any lock before, in this process or an
 * earlier one, as long as the clock of the machine is not set back: what the
 * lock guards can refuse who comes with a lesser one (fencing).
 * If the service ends meanwhile who has a lock keeps it, and who waits gets
 * -EPIPE. A safe point. Errors: -EAGAIN it is taken (SUP_TRY); -ETIMEDOUT;
 * -EDEADLK the caller has it; -EPERM not in a task; -ENOTCONN it would have to
 * wait, and the service does not run; -EPIPE; -EINVAL an empty name;
 * -ENAMETOOLONG; -ENOSPC there are too many registries; -ENOMEM.
 */
SUP_API int fnd_lock_acquire(const char *name, int64_t deadline,
			     uint64_t *ret_token);

/*
 * Gives it back; also while the service does not run. A safe point. Errors:
 * -EPERM the caller does not have it, or not by this token; -EINVAL;
 * -ENAMETOOLONG; -ENOMEM: it still has it.
 */
SUP_API int fnd_lock_release(const char *name, uint64_t token);

/*
 * Who has it, and by which token, either may be NULL. Any thread, a safe point.
 * -ENOENT nobody; -EINVAL; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int fnd_lock_holder(const char *name, struct sup_pid *ret_pid,
			    uint64_t *ret_token);

/*
 * How many wait for it, as the service knows; nobody knows it a moment later.
 * Any thread, a safe point. -ENOTCONN; -EPIPE; -EINVAL; -ENAMETOOLONG;
 * -EDEADLK; -ENOMEM.
 */
SUP_API int fnd_lock_waiting(const char *name, unsigned int *ret_n);

/*
 * Waits until n have come to a barrier, all of whom then return 0. It is ready
 * for the next n at once. Who ends while it waits has not come. Any thread; a
 * safe point. Errors: -ETIMEDOUT, *ret_arrived, which may be NULL, is how many
 * were there, the caller among them; -EINVAL an empty name, n is 0, or others
 * wait there for another n; -EPIPE the service has ended meanwhile, and nobody
 * waits there any more; -ENOTCONN it does not run; -ENAMETOOLONG; -EDEADLK;
 * -ENOMEM.
 */
SUP_API int fnd_barrier_wait(const char *name, unsigned int n,
			     int64_t deadline, unsigned int *ret_arrived);

/*
 * How many wait there; as fnd_lock_waiting(). -ENOTCONN; -EPIPE; -EINVAL;
 * -ENAMETOOLONG; -EDEADLK; -ENOMEM.
 */
SUP_API int fnd_barrier_waiting(const char *name, unsigned int *ret_n);

/*
 * Counters are there with their first use, begin at 0, and stay, whoever ends,
 * until they are removed or the process ends. They need no service. Any thread.
 * add: *ret_value, which may be NULL, is the sum. Errors: -EOVERFLOW, and it
 * has not been added; -EINVAL an empty name; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int fnd_counter_add(const char *name, int64_t n, int64_t *ret_value);

/* What it is; 0 if there is none. -EINVAL; -ENAMETOOLONG. */
SUP_API int fnd_counter_get(const char *name, int64_t *ret_value);

/* -ENOENT there is none; -EINVAL; -ENAMETOOLONG. */
SUP_API int fnd_counter_remove(const char *name);

#ifdef __cplusplus
}
#endif

#endif
