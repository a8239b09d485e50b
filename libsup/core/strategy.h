/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a supervisor does about an end, as OTP has it. Pure: arrays and an index
 * in, a decision or a plan out.
 */
#ifndef SUP_CORE_STRATEGY_H
#define SUP_CORE_STRATEGY_H

#include <sup/supervisor.h>
#include <sup/types.h>

enum sup__fate {
	SUP__FATE_RESTART,
	SUP__FATE_KEEP,		/* its spec stays, without a task */
	SUP__FATE_REMOVE,	/* its spec goes, too */
};

/* What becomes of a child that has ended by itself. */
enum sup__fate sup__strategy_fate(enum sup_restart restart,
				  const struct sup_reason *reason);

/*
 * True if a child that was stopped ended as it should: by shutdown, or killed
 * if it was told so (brutal); one that is not permanent may end normally.
 */
bool sup__strategy_is_orderly(enum sup_restart restart, bool brutal,
			      const struct sup_reason *reason);

enum sup__act {
	SUP__ACT_STOP,		/* if it runs; its retry is cancelled if not */
	SUP__ACT_REMOVE,
	SUP__ACT_START,
};

struct sup__step {
	enum sup__act act;
	size_t index;
};

/* Room that a plan for n children may need, in steps. */
#define SUP__STRATEGY_STEPS(n) (2 * (n))

/*
 * The steps of restarting the child at index, which has no task: the others
 * that the strategy takes along are stopped, newest first, and the temporary
 * ones among them removed; then it and they are started in order, whatever
 * they did before. restarts are the kinds of all n children in order of start;
 * indices stay those of that array. If a start fails the rest is left out, and
 * the retry is a new plan for the child that failed. Returns how many.
 */
size_t sup__strategy_plan(enum sup_strategy strategy,
			  const enum sup_restart *restarts, size_t n,
			  size_t index, struct sup__step *ret_steps);

#endif
