/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one clock: CLOCK_MONOTONIC in nanoseconds, or a fake one in tests. */
#ifndef SUP_BASE_CLOCK_H
#define SUP_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC, never 0. Any thread, signal handlers too. */
int64_t sup__now_ns(void);

/*
 * Tests: from now on sup__now_ns() returns now_ns until the next call; 0 puts
 * the real clock back. Waits in the kernel still follow the real clock.
 */
void sup__clock_fake(int64_t now_ns);

#endif
