/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What agents use: one look, which nobody else need take again. */
#ifndef SUP_MABEAM_AGENT_USAGE_H
#define SUP_MABEAM_AGENT_USAGE_H

#include <sup/types.h>

struct mab__usage {
	struct sup_pid pid;	/* the life that it is of */
	int64_t time_ns;	/* CLOCK_MONOTONIC, of cpu_ns */
	bool is_program;
	/*
	 * Since the life's beginning, of user and system: of the thread, or of
	 * the program's own process. What share that is two looks tell.
	 */
	int64_t cpu_ns;
	uint64_t memory;	/* bytes of a program in RAM; a thread has no */
				/* memory that is its own: 0 */
	size_t mailbox;		/* messages that wait for its task */
	uint64_t taken;		/* requests and notifications that have come */
				/* to it, in all of its lives */
};

/*
 * Of an agent that runs. Any thread; no safe point. -ENOENT no such agent;
 * -ENOTCONN it does not run; what /proc says otherwise.
 */
int mab__usage_of(const char *id, struct mab__usage *ret_usage);

#endif
