/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CircuitBreaker with another clock, for its tests. */
#ifndef SUP_FOUNDATION_BREAKER_H
#define SUP_FOUNDATION_BREAKER_H

#include <stdint.h>

/* Nanoseconds; NULL: CLOCK_MONOTONIC. While nobody uses a breaker. */
void fnd__breaker_set_clock(int64_t (*now)(void));

#endif
