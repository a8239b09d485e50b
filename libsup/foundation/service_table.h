/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of services itself, for those who change it and those who look. */
#ifndef SUP_FOUNDATION_SERVICE_TABLE_H
#define SUP_FOUNDATION_SERVICE_TABLE_H

#include <pthread.h>

#include "foundation/services.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* One task that a service was, and what was said of it. */
struct fnd__life {
	struct fnd__health health;	/* up is not used */
	int64_t since_ns;
	unsigned int failures;
	struct fnd_health_report last;
	const char *supervisor, *child;
	size_t n_depends, depends_len;
	const char *depends;		/* a string after the other */
	char bytes[];
};

struct fnd__service {
	UT_hash_handle hh;
	struct fnd__service_id id;
	struct fnd__life *life;
	unsigned int lives;
	uint64_t checks;
	struct sup_pid restarted_by;
};

struct fnd__service_waiter {
	struct fnd__service_waiter *prev, *next;
	struct fnd__service_id id;
	struct sup_from from;
	int64_t deadline;
};

struct fnd__service_table {
	pthread_mutex_t lock;	/* of all below */
	struct fnd__service *services;
	struct fnd__service_waiter *waiters;
	/* Without total, up, waiting. */
	struct fnd_service_stats counts;
};

extern struct fnd__service_table fnd__services;

struct fnd__service *fnd__service_find_locked(const struct fnd__service_id *id);
bool fnd__service_is_up_locked(const struct fnd__service *s);

/*
 * Takes out those who do not wait any more: nobody else tells of them. The
 * caller frees them, without the lock.
 */
struct fnd__service_waiter *fnd__service_sweep_locked(void);
void fnd__service_free_waiters(struct fnd__service_waiter *list);

#endif
