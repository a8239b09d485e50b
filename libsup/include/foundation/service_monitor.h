/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ServiceMonitor: looks at intervals after the services of a namespace
 * (<foundation/service_registry.h>): has them checked, starts again what is
 * down, and ends what does not answer, so that its supervisor starts it again.
 */
#ifndef FOUNDATION_SERVICE_MONITOR_H
#define FOUNDATION_SERVICE_MONITOR_H

#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FND_HANG_NEVER UINT32_MAX

struct fnd_service_monitor_options {
	size_t size;
	int64_t interval_ms;	/* between two rounds; default 10,000 */
	int64_t timeout_ms;	/* waits so long for answers; default 10,000 */
	/*
	 * A service that has a supervisor is killed, as by sup_kill() without
	 * a deadline, when so many checks in a row have failed, the last one
	 * by TIMEOUT; default 3. FND_HANG_NEVER: it is not.
	 */
	unsigned int hang_checks;
	struct fnd_namespace ns;	/* default: production */
};

/*
 * Starts it: a child's start function, as sup_server_start(); options may be
 * NULL. The first round begins at once, or when there is a task supervisor.
 * -EEXIST it runs; -EINVAL names the field.
 */
SUP_API int fnd_service_monitor_start(const void *options,
				      struct sup_pid *ret_pid);

/* What a round has found, and done. */
struct fnd_service_round {
	uint64_t round;		/* of this monitor, from 1 */
	int64_t at_ns;		/* when it was over, CLOCK_MONOTONIC */
	size_t services, down;	/* before anything was done */
	size_t failing;		/* up, and their last check failed */
	size_t hung;		/* that supervisors see hung, or TIMEOUT */
	size_t lacking;		/* up, and what they need is not */
	size_t restarted, not_restarted;	/* started again; in vain */
	size_t killed;
};

/*
 * The last round, or if there was none, the first one, when it is over. Errors:
 * -ENOTCONN it does not run; -EPIPE it has ended meanwhile; -ETIMEDOUT; -ECHILD
 * the round was ended; -EDEADLK; -ENOMEM. A safe point.
 */
SUP_API int fnd_service_monitor_get(struct fnd_service_round *ret_round,
				    int64_t deadline);

/* A round that begins now, or when the one that is under way is over. */
SUP_API int fnd_service_monitor_run(struct fnd_service_round *ret_round,
				    int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
