/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for a 32-bit word to change, until an absolute deadline. */
#ifndef SUP_BASE_FUTEX_H
#define SUP_BASE_FUTEX_H

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <sup/types.h>

/*
 * Sleeps as long as *word is val. Deadline as everywhere: nanoseconds of
 * CLOCK_MONOTONIC, SUP_TRY, SUP_FOREVER. 0: woken, perhaps for nothing;
 * -EAGAIN *word was not val; -ETIMEDOUT; -EINTR a signal handler ran.
 */
static inline int sup__futex_wait(_Atomic uint32_t *word, uint32_t val,
				  int64_t deadline)
{
	struct timespec ts = {
		.tv_sec = deadline / 1000000000,
		.tv_nsec = deadline % 1000000000,
	};

	if (deadline == SUP_TRY)
		return atomic_load(word) == val ? -ETIMEDOUT : -EAGAIN;
	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, val,
		    deadline < 0 ? NULL : &ts, NULL, FUTEX_BITSET_MATCH_ANY))
		return -errno;
	return 0;
}

/* Wakes up to n sleepers. Signal handlers may call it. */
static inline void sup__futex_wake(_Atomic uint32_t *word, int n)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

static inline void sup__futex_wake_all(_Atomic uint32_t *word)
{
	sup__futex_wake(word, INT_MAX);
}

#endif
