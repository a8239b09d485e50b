/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SUP_MABEAM_BALANCE_H
#define SUP_MABEAM_BALANCE_H

#include <stdint.h>

/* For tests: what the LoadBalancer takes for the time; NULL: the clock. */
void mab__balance_set_clock(int64_t (*now)(void));

#endif
