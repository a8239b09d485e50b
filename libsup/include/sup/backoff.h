/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long a supervisor waits before it restarts a child, and how often. */
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

/* What happens when a child needs one restart more than its budget has. */
enum sup_spent {
	SUP_SPENT_AS_ALL,	/* as if its supervisor's were spent */
	SUP_SPENT_STOP,		/* it stays stopped, others go on */
};

/*
 * How many restarts one child may have within a time; OTP has one budget for
 * all. Those of a child with a budget are counted by it, in place of the
 * supervisor's intensity, by the same rule. sup_restart_child() begins it anew.
 * All zero: none of its own.
 */
struct sup_budget {
	int intensity;		/* SUP_INTENSITY_NONE: 0 */
	uint32_t period_s;	/* default 5 */
	enum sup_spent spent;
};

/*
 * When a child counts as flapping: from its nth restart within a time on, until
 * it has run without an end for another. It is shown, and told of once at each
 * end of it (SUP_EVENT_FLAPPING, SUP_EVENT_STEADY); nothing else follows. All
 * zero: never. How often it may restart is no matter of this.
 */
struct sup_flapping {
	uint32_t restarts;	/* n, to 1,000,000; 0: it never counts so */
	uint32_t period_s;	/* default 60 */
	uint32_t stable_ms;	/* default: the period */
};

#endif
