/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking services of <foundation/service_registry.h> whether they are well. */
#ifndef FOUNDATION_SERVICE_HEALTH_H
#define FOUNDATION_SERVICE_HEALTH_H

#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a service is, as the application and the HealthMonitor see it. */
enum fnd_health {
	FND_HEALTHY,
	FND_DEGRADED,		/* it works, or may: not as it should */
	FND_UNHEALTHY,		/* down, crashes when asked, fails often */
};

/* What a check came to: nine outcomes, the first three of which are well. */
enum fnd_health_outcome {
	FND_HEALTH_OK,		/* health returned 0 */
	FND_HEALTH_VALUE,	/* and told something: value */
	FND_HEALTH_ALIVE,	/* it has no health, and is there */
	FND_HEALTH_DEGRADED,	/* it returned a number above 0: code */
	FND_HEALTH_FAILED,	/* it returned a negative errno: code */
	FND_HEALTH_TIMEOUT,	/* it did not return in time, and is killed */
	FND_HEALTH_ERROR,	/* a fault that was contained: reason */
	FND_HEALTH_CRASHED,	/* it ended without returning: reason */
	FND_HEALTH_DOWN,	/* the service's task has ended */
	FND_HEALTH_OUTCOMES	/* how many there are */
};

struct fnd_health_report {
	enum fnd_health_outcome outcome;
	struct sup_pid pid;	/* of the service; DOWN: its last */
	int code;		/* DEGRADED, FAILED */
	uint64_t value;		/* VALUE */
	struct sup_reason reason;	/* ERROR, CRASHED */
	int64_t at_ns;		/* when it was known, CLOCK_MONOTONIC */
	int64_t took_ns;
};

/* As "degraded"; "unknown" for what is none. */
SUP_API const char *fnd_health_outcome_name(enum fnd_health_outcome outcome);

/*
 * Asks a service whether it is well. Who asks while it is being asked gets the
 * same answer. A health function whose time is over is killed; as long as that
 * has not ended it, it is not called again, and the outcome is TIMEOUT at once.
 * Errors: -ENOENT no such service; -ENOTCONN this service, or the task
 * supervisor, does not run; -EPIPE this service has ended meanwhile;
 * -ETIMEDOUT the deadline: the check goes on; -EINVAL; -ENAMETOOLONG; -EDEADLK;
 * -EAGAIN; -ENOMEM. A safe point.
 */
SUP_API int fnd_service_check(struct fnd_namespace ns, const char *name,
			      struct fnd_health_report *ret_report,
			      int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
