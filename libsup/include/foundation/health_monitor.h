/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HealthMonitor: says at intervals how the services of a namespace are
 * (<foundation/service_registry.h>), and what should be done.
 */
#ifndef FOUNDATION_HEALTH_MONITOR_H
#define FOUNDATION_HEALTH_MONITOR_H

#include <foundation/service_health.h>
#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fnd_health_monitor_options {
	size_t size;
	int64_t interval_ms;	/* between two rounds; default 30,000 */
	int64_t timeout_ms;	/* waits so long for answers; default 10,000 */
	/* How many checks have failed in a row then; default 1, and 3. */
	unsigned int degraded_threshold, unhealthy_threshold;
	struct fnd_namespace ns;	/* default: production */
};

/*
 * Starts it: a child's start function, as sup_server_start(); options may be
 * NULL. The first round begins at once, or when there is a task supervisor.
 * -EEXIST it runs; -EINVAL names the field.
 */
SUP_API int fnd_health_monitor_start(const void *options,
				     struct sup_pid *ret_pid);

/* As "degraded"; "unknown" for what is none. Any thread. */
SUP_API const char *fnd_health_name(enum fnd_health status);

struct fnd_service_status {
	char name[FND_NAME_MAX + 1];
	struct sup_pid pid;	/* SUP_PID_NONE: it is down */
	enum fnd_health status;
	enum fnd_health_outcome outcome; /* of the last check; DOWN: no task */
	unsigned int failures;	/* in a row */
	bool hung;		/* its supervisor sees it so */
	char advice[192];	/* what is wrong, and what to do; "": nothing */
};

__extension__ struct fnd_health_picture {
	uint64_t round;		/* of this monitor, from 1 */
	int64_t at_ns;		/* when it was over, CLOCK_MONOTONIC */
	enum fnd_health overall;	/* that of the worst */
	unsigned int permille;	/* healthy, and half of the degraded */
	size_t healthy, degraded, unhealthy;
	size_t n;
	struct fnd_service_status services[];	/* in order of names */
};

/*
 * How things were in the last round, or if there was none, the first one, when
 * it is over. *ret_health is one block, to free(3). Errors: -ENOTCONN it does
 * not run; -EPIPE it has ended meanwhile; -ETIMEDOUT; -ECHILD the round was
 * ended; -EDEADLK; -ENOMEM. A safe point.
 */
SUP_API int fnd_health_get(struct fnd_health_picture **ret_health,
			   int64_t deadline);

/* In a round that begins now, or when the one under way is over. */
SUP_API int fnd_health_check(struct fnd_health_picture **ret_health,
			     int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
