/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ServiceRegistry: tasks that others rely on, by name, with what says whether
 * they are well, what they need, and who starts them again. A service has a
 * name of the ProcessRegistry, too (<foundation/process_registry.h>); unlike
 * that it stays known when its task has ended: it is down then. Any thread.
 */
#ifndef FOUNDATION_SERVICE_REGISTRY_H
#define FOUNDATION_SERVICE_REGISTRY_H

#include <foundation/process_registry.h>
#include <foundation/service_health.h>
#include <foundation/types.h>
#include <sup/task.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Starts the service, for checks and for who waits: a child's start function,
 * as sup_server_start(). options is NULL. -EEXIST it runs.
 */
SUP_API int fnd_service_registry_start(const void *options,
				       struct sup_pid *ret_pid);

#define FND_HEALTH_TIMEOUT_MS 5000
#define FND_DEPENDS_MAX 64

/* What is said of a service; zero members mean their default. */
struct fnd_service_spec {
	size_t size;
	/*
	 * Says whether it is well, as a job of its own under the task
	 * supervisor (<sup/job.h>). It returns 0; a number above 0: it works,
	 * but not well; or a negative errno: it does not. With 0 the tag of
	 * *ret_result is told, too. NULL: it is well as long as its task is
	 * there.
	 */
	int (*health)(void *arg, struct sup_msg *ret_result);
	void *health_arg;	/* must last as long as health is called */
	/* Of a fault in health; as that of a handler (telemetry.h). */
	enum sup_containment containment;
	int64_t timeout_ms;	/* of health; default FND_HEALTH_TIMEOUT_MS */
	/* Services of the same namespace that it needs, up to a NULL. */
	const char *const *depends_on;
	/* The registered name of the supervisor that it is a child of, by id */
	const char *supervisor, *child;
	const struct fnd_metadata *metadata;	/* of its name */
};

/*
 * Makes a living task a service of that name; spec is copied, and may be NULL.
 * If it is that already it gets the new spec, and its uptime goes on. It is up
 * from now on, and who waits for it is told. Errors: -EEXIST the name is a
 * living task's, *ret_holder, which may be NULL; -ESRCH no such task; -EINVAL
 * names what is wrong; -ENAMETOOLONG; -ENOSPC there are too many registries;
 * -ENOMEM. A safe point: if it ends the caller all of it is done, or the task
 * has just the name, or nothing.
 */
SUP_API int fnd_service_register(struct fnd_namespace ns, const char *name,
				 struct sup_pid pid,
				 const struct fnd_service_spec *spec,
				 struct sup_pid *ret_holder);

/*
 * It is known no more, and its task, if it has one, loses the name. Anyone
 * may. -ENOENT no such service; -EINVAL; -ENAMETOOLONG; -ENOSPC; -ENOMEM. A
 * safe point: if it ends the caller the service may still be known, as down.
 */
SUP_API int fnd_service_unregister(struct fnd_namespace ns, const char *name);

/* Its task, or SUP_PID_NONE: it is down, or unknown. */
SUP_API struct sup_pid fnd_service_whereis(struct fnd_namespace ns,
					   const char *name);

/*
 * Waits until a service is up; *ret_pid, which may be NULL, is its task. It is
 * told by who registers it. Errors: -ETIMEDOUT; -EAGAIN it is not up (SUP_TRY);
 * -ENOTCONN it is not up, and this service does not run; -EPIPE this service
 * has ended meanwhile; -EINVAL; -ENAMETOOLONG; -EDEADLK; -ENOMEM. A safe point.
 */
SUP_API int fnd_service_wait(struct fnd_namespace ns, const char *name,
			     struct sup_pid *ret_pid, int64_t deadline);

/* A service as it was at one moment. */
struct fnd_service {
	struct fnd_namespace ns;
	const char *name;
	struct sup_pid pid;	/* SUP_PID_NONE: it is down */
	int64_t uptime_ns;	/* since its task was registered; down: 0 */
	unsigned int lives;	/* tasks that it has been so far */
	const char *const *depends_on;	/* up to a NULL; NULL: none */
	const char *supervisor, *child;	/* or NULL */
	uint64_t checks;	/* of all its lives */
	unsigned int failures;	/* of the last checks, in a row */
	struct fnd_health_report last;	/* of its life, if at_ns is not 0 */
};

/*
 * The services of a namespace, down ones, too, by name. *ret_services is one
 * block, to free(3); NULL if there are none. -ENOMEM.
 */
SUP_API int fnd_service_list(struct fnd_namespace ns,
			     struct fnd_service **ret_services, size_t *ret_n);

/* One of them. -ENOENT; -EINVAL; -ENAMETOOLONG; -ENOMEM. */
SUP_API int fnd_service_get(struct fnd_namespace ns, const char *name,
			    struct fnd_service **ret_service);

/*
 * fnd_process_cleanup(), after which its services that are down are forgotten.
 * -EPERM; -ENOTCONN; -ECHILD; -EPIPE; -ETIMEDOUT; -EDEADLK; -ENOMEM.
 */
SUP_API int fnd_service_cleanup(struct fnd_namespace ns, size_t *ret_ended,
				int64_t deadline);

struct fnd_service_stats {
	size_t total, up;	/* services, of all namespaces */
	size_t waiting;		/* who waits for one */
	uint64_t registrations;	/* since the process began */
	uint64_t outcomes[FND_HEALTH_OUTCOMES];	/* of checks, as well */
};

SUP_API void fnd_service_stats(struct fnd_service_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
