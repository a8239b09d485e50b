/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Applications (OTP application): trees that are started in the order of what
 * they need and stopped the other way round. All calls are for foreign threads,
 * for what an application starts is a top-level task; in a task: -EPERM.
 */
#ifndef SUP_APPLICATION_H
#define SUP_APPLICATION_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Callbacks run on the thread that starts or stops the application. */
struct sup_application_spec {
	size_t size;
	const char *name;
	const char *const *needs;	/* names, then NULL; NULL: nothing */
	/* 0, and its top task, as a rule a supervisor; or negative. */
	int (*start)(void *arg, struct sup_pid *ret_top);
	/* Before top is told to shut down; NULL: nothing. */
	void (*prep_stop)(void *arg, struct sup_pid top);
	/* When top has ended, by itself or not; NULL: nothing. */
	void (*stop)(void *arg);
	void *arg;
};

/*
 * Starts an application; all that it needs must run. The spec is copied, its
 * strings and arg are borrowed until it has been stopped. Errors: -EEXIST it
 * runs; -ENOENT what it needs does not (OTP not_started); what start returned;
 * -EPROTO start returned no task; -EINVAL, -ENAMETOOLONG a bad spec or name;
 * -ENOTCONN; -ENOMEM.
 */
SUP_API int sup_application_start(const struct sup_application_spec *spec);

/*
 * Starts all of them that do not run, each when what it needs runs (OTP
 * ensure_all_started). If one fails, those that this call has started are
 * stopped again, by the deadline, and the error is that one's. -ENOENT also if
 * they need each other in a circle.
 */
SUP_API int sup_application_start_all(const struct sup_application_spec *specs,
				      size_t n, int64_t deadline);

/*
 * Stops one: prep_stop, SHUTDOWN to its top, until that has ended; if it has
 * not by the deadline it is killed, and its children are told to end; then
 * stop. Errors: -ENOENT it does not run; -EBUSY another one needs it;
 * -ETIMEDOUT it was killed, and is stopped; -ENOMEM: it still runs.
 */
SUP_API int sup_application_stop(const char *name, int64_t deadline);

/*
 * Stops all, last started first, by one deadline: once it has come the rest is
 * killed, but prep_stop and stop are still called. sup_close() begins with
 * this, without a deadline. -ETIMEDOUT: some were killed; -ENOMEM: none was
 * stopped.
 */
SUP_API int sup_application_stop_all(int64_t deadline);

/* The top task of one that runs; it may have ended. Any thread. -ENOENT. */
SUP_API int sup_application_top(const char *name, struct sup_pid *ret_top);

#ifdef __cplusplus
}
#endif

#endif
