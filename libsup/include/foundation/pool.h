/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ConnectionManager: pools of connections, of whatever kind, by name. Pools are
 * kept by the process, and outlive the service, which is needed to use them.
 * Any thread, unless a call says otherwise.
 */
#ifndef FOUNDATION_POOL_H
#define FOUNDATION_POOL_H

#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The service, a child's start function, as sup_server_start(); options is
 * NULL. It runs jobs under the task supervisor. -EEXIST it runs; -ENOSPC there
 * are too many registries. When it is told to end it closes what is idle; if it
 * is killed nothing is lost.
 */
SUP_API int fnd_pools_start(const void *options, struct sup_pid *ret_pid);

/*
 * make, check and close run in jobs, never on the service's thread: one that
 * takes long keeps nobody waiting but who wants that connection. They have time
 * limits of their own; nobody ends them. Each connection is given to one of
 * them, or to one client, at a time.
 */
struct fnd_pool_options {
	size_t size;
	unsigned int connections;	/* that are kept; default 5 */
	/* So many more while they are wanted. Default 10; FND_POOL_NONE: 0 */
	unsigned int overflow;
	/*
	 * Needed. Negative: there is none. What it makes must not go with the
	 * job (<sup/resource.h>: sup_give(), sup_disown_fd()).
	 */
	int (*make)(void *arg, void **ret_connection);
	/* Whether it still is good: negative, it is closed. May be NULL. */
	int (*check)(void *arg, void *connection);
	void (*close)(void *arg, void *connection);	/* needed; once */
	void *arg;		/* lasts as long as the pool */
	/*
	 * One that was used less long ago is handed out without a check.
	 * Default 1,000; FND_POOL_ALWAYS: never without.
	 */
	int64_t check_ms;
};

#define FND_POOL_NONE UINT32_MAX
#define FND_POOL_ALWAYS INT64_C(-1)
#define FND_POOL_MAX 4096	/* connections and overflow together */

/*
 * Makes a pool, without connections: these are made when they are wanted.
 * Errors: -EEXIST there is one of that name; -EINVAL names the field, or an
 * empty name; -ENAMETOOLONG; -ENOTCONN the service does not run; -EPIPE it has
 * ended meanwhile: whether there is a pool is not known; -EDEADLK; -ENOMEM. A
 * safe point.
 */
SUP_API int fnd_pool_open(const char *name,
			  const struct fnd_pool_options *options);

/*
 * Closes it: who waits for a connection, or comes, is refused; each connection
 * is closed when it is given back. Waits until there is none; the name is free
 * then. Errors: -EAGAIN, -ETIMEDOUT: it goes on; -ENOENT; -EINVAL;
 * -ENAMETOOLONG; -ENOTCONN; -EPIPE the service has ended meanwhile, and the
 * next one goes on; -EDEADLK; -ENOMEM. A safe point.
 */
SUP_API int fnd_pool_close(const char *name, int64_t deadline);

/* A connection that the calling task has. */
struct fnd_lease {
	uint64_t token;		/* of this lease alone */
	void *connection;
};

/*
 * Takes a connection for the calling task: the one that was used last, or one
 * that is made, or, if there are as many as there may be, the next that is
 * given back; who comes first gets it first. It is the task's until that gives
 * it back or ends: then it is checked, or, where there is no check, closed.
 * Errors: -EAGAIN (SUP_TRY) there is none that need not be made or checked;
 * -ETIMEDOUT; -ECONNABORTED make has failed, as the sentence says; -ESHUTDOWN
 * the pool is closed; -ENOENT; -EPERM not in a task; -EINVAL; -ENAMETOOLONG;
 * -ENOTCONN the service does not run; -EPIPE it has ended meanwhile; -ENOSPC
 * there are too many registries; -EDEADLK; -ENOMEM. A safe point.
 */
SUP_API int fnd_pool_checkout(const char *name, int64_t deadline,
			      struct fnd_lease *ret_lease);

/*
 * Gives it back; discard: it is not good any more, and is closed. Also while
 * the service does not run. A safe point. Errors: -EPERM the caller does not
 * have it; -EINVAL; -ENAMETOOLONG; -EDEADLK, -ENOMEM: it still has it.
 */
SUP_API int fnd_pool_checkin(const char *name, const struct fnd_lease *lease);
SUP_API int fnd_pool_discard(const char *name, const struct fnd_lease *lease);

/*
 * Calls fn on the calling thread with a connection, and gives that back, unless
 * fn has done so, or has discarded it. *ret_result is what fn has returned. On
 * errors, which are those of fnd_pool_checkout(), fn has not been called.
 */
SUP_API int fnd_pool_run(const char *name,
			 int (*fn)(const struct fnd_lease *lease, void *arg),
			 void *arg, int64_t deadline, int *ret_result);

struct fnd_pool_status {
	unsigned int connections, overflow;	/* of the options */
	unsigned int idle, held, making, checking, closing;
	unsigned int waiting;			/* tasks */
	uint64_t made, closed;			/* since it was opened */
	uint64_t failed;			/* make */
	uint64_t late;				/* tasks: -ETIMEDOUT */
};

/*
 * What it was when the service was asked. -ENOENT; -EINVAL; -ENAMETOOLONG;
 * -ENOTCONN; -EPIPE; -EDEADLK; -ENOMEM. A safe point.
 */
SUP_API int fnd_pool_status(const char *name,
			    struct fnd_pool_status *ret_status);

/*
 * The names of all pools: one block, to free(3); NULL if there are none.
 * -ENOTCONN; -EPIPE; -EDEADLK; -ENOMEM. A safe point.
 */
SUP_API int fnd_pool_list(const char ***ret_names, size_t *ret_n);

#ifdef __cplusplus
}
#endif

#endif
