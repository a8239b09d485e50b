/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a back end of <foundation/coordination.h> does. Names have been checked;
 * lock_acquire and lock_release are called by tasks alone.
 */
#ifndef SUP_FOUNDATION_COORD_H
#define SUP_FOUNDATION_COORD_H

#include <sup/types.h>

struct fnd__coord_ops {
	int (*lock_acquire)(const char *name, int64_t deadline,
			    uint64_t *ret_token);
	int (*lock_release)(const char *name, uint64_t token);
	int (*lock_holder)(const char *name, struct sup_pid *ret_pid,
			   uint64_t *ret_token);
	int (*lock_waiting)(const char *name, unsigned int *ret_n);
	/* -ETIMEDOUT: *ret_arrived is set. */
	int (*barrier_wait)(const char *name, unsigned int n, int64_t deadline,
			    unsigned int *ret_arrived);
	int (*barrier_waiting)(const char *name, unsigned int *ret_n);
	int (*counter_add)(const char *name, int64_t n, int64_t *ret_value);
	int (*counter_get)(const char *name, int64_t *ret_value);
	int (*counter_remove)(const char *name);
};

/* That of this process: lock.c, barrier.c, counter.c. */
int fnd__lock_acquire(const char *name, int64_t deadline, uint64_t *ret_token);
int fnd__lock_release(const char *name, uint64_t token);
int fnd__lock_holder(const char *name, struct sup_pid *ret_pid,
		     uint64_t *ret_token);
int fnd__lock_waiting(const char *name, unsigned int *ret_n);
int fnd__barrier_wait(const char *name, unsigned int n, int64_t deadline,
		      unsigned int *ret_arrived);
int fnd__barrier_waiting(const char *name, unsigned int *ret_n);
int fnd__counter_add(const char *name, int64_t n, int64_t *ret_value);
int fnd__counter_get(const char *name, int64_t *ret_value);
int fnd__counter_remove(const char *name);

#endif
