/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long a supervisor waits before it restarts a child. */
#ifndef SUP_BACKOFF_H
#define SUP_BACKOFF_H

#include <stdint.h>

/*
 * Waiting before restarts; OTP has none. The nth restart in a row waits for
 * min_ms * (factor / 100)^(n - 1), but no more than max_ms, give or take jitter
 * percent of that. The child is RESTARTING meanwhile: others are served, and
 * terminate cancels it. The end of its last life is counted by the intensity
 * when it comes; so is, when its time comes, each attempt after a failed one.
 * Who its strategy takes along is stopped at its end and started with it. All
 * zero: at once, as OTP.
 */
struct sup_backoff {
	uint32_t min_ms;	/* 0: no waiting at all */
	uint32_t max_ms;	/* default 30,000 */
	uint32_t factor;	/* percent, at least 100; default 200 */
	uint32_t jitter;	/* percent, to 100 */
	uint32_t stable_ms;	/* one that ran so long begins anew; max_ms */
};

#endif
