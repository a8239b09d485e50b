/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The services as one application: its start in phases, what it looks like and
 * how it is, restarts of single services, and an end with a drain. What runs on
 * top of it is an application that needs "foundation" (<sup/application.h>).
 */
#ifndef FOUNDATION_APPLICATION_H
#define FOUNDATION_APPLICATION_H

#include <foundation/service_health.h>
#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FND_APPLICATION "foundation"

struct fnd_foundation_options;

/* They start in this order, and end in the other one. */
enum fnd_phase {
	FND_PHASE_INFRASTRUCTURE,	/* names */
	FND_PHASE_SERVICES,
	FND_PHASE_COORDINATION,
	FND_PHASE_APPLICATION,	/* services of others in production */
	FND_PHASES		/* how many there are */
};

/* As "coordination"; "unknown" for what is none. Any thread. */
SUP_API const char *fnd_phase_name(enum fnd_phase phase);

struct fnd_application_options {
	size_t size;
	/* Of the services; borrowed until it has been stopped. */
	const struct fnd_foundation_options *foundation;
	/*
	 * Called first when it is stopped, on the thread that stops it: what
	 * comes from outside is let in no more, and what is under way ends, by
	 * the deadline. NULL: there is nothing to do.
	 */
	void (*drain)(void *arg, int64_t deadline);
	void *arg;
	int64_t drain_ms;	/* for that, and for jobs; default 5,000 */
};

/*
 * Starts the application "foundation", one phase after the other. options may
 * be NULL. A foreign thread. Errors: -EEXIST it runs; -EINVAL; as
 * sup_application_start(), and fnd_foundation_start(), otherwise.
 */
SUP_API int fnd_application_start(const struct fnd_application_options *o);

/*
 * Stops it: drain is called, then jobs under the task supervisor that are not
 * restarted are waited for, which together take drain_ms at most, and three
 * quarters of the time that there is. Then the services end, last phase first;
 * those that have not ended by the deadline are killed. *ret_drained, which may
 * be NULL, is whether no such job was left. sup_application_stop_all() and
 * sup_close() drain, too. A foreign thread. Errors: -ENOENT it does not run;
 * -EBUSY another application needs it; -ETIMEDOUT some were killed, and it is
 * stopped; -EPERM in a task; -ENOMEM: it still runs.
 */
SUP_API int fnd_application_stop(int64_t deadline, bool *ret_drained);

enum fnd_application_state {
	FND_APPLICATION_STOPPED,
	FND_APPLICATION_STARTING,
	FND_APPLICATION_RUNNING,
	FND_APPLICATION_DRAINING,	/* and no new work is wanted */
	FND_APPLICATION_STOPPING,
	FND_APPLICATION_FAILED,		/* its supervisor has given up */
};

struct fnd_application_status {
	enum fnd_application_state state;
	int64_t uptime_ns;	/* since it was up; else 0 */
	struct {
		size_t total, up;	/* services, the ones to come, too */
	} phases[FND_PHASES];
	size_t total, up;
};

/* How far it is; nobody is asked. Any thread. -ENOMEM: it is not known. */
SUP_API int fnd_application_status(struct fnd_application_status *ret_status);

struct fnd_application_service {
	const char *name;
	enum fnd_phase phase;
	enum fnd_health health;
	/* Of the check; FND_HEALTH_FAILED also if it could not be asked. */
	struct fnd_health_report report;
	const char *missing;	/* what it needs and is down; NULL: nothing */
	const char *advice;	/* for people; NULL: it is healthy */
};

__extension__ struct fnd_application_health {
	enum fnd_health overall;	/* that of the worst */
	size_t total, healthy, degraded, unhealthy;
	double percentage;	/* healthy, degraded for a half; one decimal */
	struct fnd_application_service services[];	/* total of them */
};

/*
 * Asks all services of production, those of others, too, one after the other;
 * who has not been asked by the deadline is degraded. *ret_health is one block,
 * to free(3). A safe point. Any thread. -ENOTCONN no service runs; -ENOMEM.
 */
SUP_API int fnd_application_health(struct fnd_application_health **ret_health,
				   int64_t deadline);

/*
 * Stops a service of production, if it runs, and starts it again, by its
 * supervisor, as it was registered; who else runs goes on. *ret_pid, which may
 * be NULL, is its new task. It is done even if the caller ends meanwhile. A
 * safe point. Errors: -ENOENT there is no such service; -EOPNOTSUPP nobody has
 * it as a child; -EAGAIN another that it needs is down, which the sentence
 * names; what its start returns; -ETIMEDOUT it goes on; -ENOTCONN the task
 * supervisor does not run; -EPIPE it has ended meanwhile, and the next one goes
 * on, or nothing was done; -EDEADLK the caller would wait for itself; -EINVAL;
 * -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int fnd_application_restart(const char *name, struct sup_pid *ret_pid,
				    int64_t deadline);

#ifdef __cplusplus
}
#endif

#endif
