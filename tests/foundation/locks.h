/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A task that has a lock. */
#ifndef TESTS_FOUNDATION_LOCKS_H
#define TESTS_FOUNDATION_LOCKS_H

#include "foundation.h"

#define LOCKS "fnd_locks"

/* Has the lock "l" until it is told to end; tells its token. */
static inline int holds(void *arg)
{
	_Atomic uint64_t *token = arg;
	uint64_t mine;

	EXPECT(!fnd_lock_acquire("l", LONG, &mine));
	atomic_store(token, mine);
	return stays(NULL);
}

static inline struct sup_pid holder(uint64_t *ret_token)
{
	_Atomic uint64_t token = 0;
	struct sup_pid pid = start(holds, &token), has;

	while (fnd_lock_holder("l", &has, ret_token) || has.v != pid.v)
		assert_true(sup_is_alive(pid));
	while (!atomic_load(&token))
		assert_true(sup_is_alive(pid));
	assert_int_equal(atomic_load(&token), *ret_token);
	return pid;
}

#endif
