/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ProcessRegistry: tasks by name within a namespace, with metadata that can be
 * searched. What a task has goes with it, before anyone is told of its end.
 * Names need no server: they are registered, looked up and searched on the
 * calling thread, whether the service runs or not. Any thread.
 */
#ifndef FOUNDATION_PROCESS_REGISTRY_H
#define FOUNDATION_PROCESS_REGISTRY_H

#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Starts the service, for fnd_process_cleanup(): a child's start function, as
 * sup_server_start(). options is NULL. -EEXIST it runs; -ENOSPC there are too
 * many registries; as sup_server_start() otherwise.
 */
SUP_API int fnd_process_registry_start(const void *options,
				       struct sup_pid *ret_pid);

/* One key may stand there with many values: "capability", "capability". */
struct fnd_pair {
	const char *key, *value;
};

struct fnd_metadata {
	const struct fnd_pair *pairs;
	size_t n;
};

struct fnd_process {
	struct fnd_namespace ns;
	const char *name;
	struct sup_pid pid;
	struct fnd_metadata metadata;
};

/*
 * Gives a task a name, and metadata, which are copied and may be NULL. One task
 * may have many names. A name that it has already gets the new metadata.
 * Errors: -EEXIST the name is a living task's, *ret_holder, which may be NULL;
 * -ESRCH no such task; -EINVAL an empty name or key, or NULL; -ENAMETOOLONG;
 * -ENOSPC there are too many registries; -ENOMEM. A safe point: if it ends the
 * caller all of it is done, or nothing.
 */
SUP_API int fnd_process_register(struct fnd_namespace ns, const char *name,
				 struct sup_pid pid,
				 const struct fnd_metadata *metadata,
				 struct sup_pid *ret_holder);

/*
 * Anyone may. -ENOENT nobody has it; -EINVAL; -ENAMETOOLONG; -ENOSPC; -ENOMEM.
 * A safe point, as fnd_process_register().
 */
SUP_API int fnd_process_unregister(struct fnd_namespace ns, const char *name);

/* The task with that name, or SUP_PID_NONE. */
SUP_API struct sup_pid fnd_process_whereis(struct fnd_namespace ns,
					   const char *name);

/*
 * What a name has: one block, to free(3). -ENOENT nobody has it; -EINVAL;
 * -ENAMETOOLONG; -ENOSPC; -ENOMEM. A safe point.
 */
SUP_API int fnd_process_get(struct fnd_namespace ns, const char *name,
			    struct fnd_process **ret_process);

/*
 * Other metadata, in one step: who looks sees all of the old or all of the new.
 * -ENOENT nobody has the name; -EINVAL; -ENAMETOOLONG; -ENOSPC; -ENOMEM. A safe
 * point, as fnd_process_register().
 */
SUP_API int fnd_process_set_metadata(struct fnd_namespace ns, const char *name,
				     const struct fnd_metadata *metadata);

/* What is looked for; zero members match all. */
struct fnd_process_query {
	struct fnd_metadata has;	/* all of them; the first by an index */
	bool (*match)(const struct fnd_process *p, void *arg);
	void *arg;		/* match is called with no lock held */
};

/*
 * The tasks of a namespace that match; q may be NULL. *ret_processes is one
 * block, to free(3); NULL if there are none, or if ret_processes is NULL, for
 * the count alone. -EINVAL an empty key; -ENOSPC; -ENOMEM. A safe point.
 */
SUP_API int fnd_process_find(struct fnd_namespace ns,
			     const struct fnd_process_query *q,
			     struct fnd_process **ret_processes, size_t *ret_n);

/*
 * Ends all tasks of a namespace of tests, ten at a time, each by a job under
 * the task supervisor: asked (servers: for 100 ms), told to shut down (50 ms),
 * killed, which sup_kill() says what it means. *ret_ended, which may be NULL,
 * is how many there were. A second caller of the same namespace gets the answer
 * of the first. Errors: -EPERM production; -ENOTCONN the service, or the task
 * supervisor, does not run; -ECHILD the run has failed; -EPIPE the service has
 * ended meanwhile; -ETIMEDOUT: it goes on; -EDEADLK; -ENOMEM. A safe point.
 */
SUP_API int fnd_process_cleanup(struct fnd_namespace ns, size_t *ret_ended,
				int64_t deadline);

struct fnd_process_stats {
	size_t total, production, test;	/* names */
	size_t test_namespaces;		/* that have any */
	size_t bytes;			/* names and metadata */
};

/* -ENOSPC; -ENOMEM. A safe point. */
SUP_API int fnd_process_stats(struct fnd_process_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
