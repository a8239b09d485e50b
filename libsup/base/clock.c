/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t fake_ns;

int64_t sup__now_ns(void)
{
	/* A test sets it on the thread that reads it: no order needed. */
	int64_t fake = atomic_load_explicit(&fake_ns, memory_order_relaxed);
	struct timespec ts;

	if (fake)
		return fake;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

void sup__clock_fake(int64_t now_ns)
{
	atomic_store_explicit(&fake_ns, now_ns, memory_order_relaxed);
}
