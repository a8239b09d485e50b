/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools: what the server (pool.c) and its callers (pool_calls.c) share. */
#ifndef SUP_FOUNDATION_POOL_IN_H
#define SUP_FOUNDATION_POOL_IN_H

#include <foundation/pool.h>

#include <stdatomic.h>

enum fnd__pool_tag {
	FND__POOL_OPEN,
	FND__POOL_CLOSE,
	/* Without data the reply's tag is what make has failed with. */
	FND__POOL_CHECKOUT,
	FND__POOL_CHECKIN,
	FND__POOL_DISCARD,
	FND__POOL_STATUS,	/* the reply: struct fnd_pool_status */
	FND__POOL_LIST,		/* the reply: tag names, one after the other */
	FND__POOL_WORK,		/* of a job; the reply: struct fnd__pool_work */
	FND__POOL_LOOK,		/* a cast: what has become of a lease? */
};

struct fnd__pool_request {
	int64_t deadline;
	uint64_t token;
	struct fnd_pool_options options;
	char name[FND_NAME_MAX + 1];
};

enum fnd__pool_progress {
	FND__NOT_BEGUN, FND__BEGUN, FND__DONE,
};

/* What a job has done: the process's, as long as the job is there. */
struct fnd__pool_report {
	_Atomic enum fnd__pool_progress progress;
	int result;
	void *connection;
};

struct fnd__pool_work {
	int (*make)(void *arg, void **ret_connection);
	int (*check)(void *arg, void *connection);
	void (*close)(void *arg, void *connection);
	void *arg, *connection;
	struct fnd__pool_report *report;
};

/* An event of a pool: "foundation.connection_pool.WHAT" is counted. */
#define FND__POOL_EVENT(what) "foundation.connection_pool." what
void fnd__pool_tell(const char *event, const char *name);

/* A job: asks what it is to do, and reports. */
int fnd__pool_job(void *arg, struct sup_msg *ret_result);

/*
 * Leases are entries of a registry of libsup: a task's, by their tokens. put:
 * -ESRCH the task has ended; -ENOMEM.
 */
int fnd__leases_open(void);
int fnd__lease_put(struct sup_pid pid, uint64_t token);
int fnd__lease_remove(struct sup_pid pid, uint64_t token);

enum fnd__lease_state {
	FND__LEASE_KEPT,
	FND__LEASE_RETURNED,
	FND__LEASE_DISCARDED,
	FND__LEASE_LOST,	/* given back, or its holder has ended */
};

enum fnd__lease_state fnd__lease_look(struct sup_pid pid, uint64_t token);

#endif
