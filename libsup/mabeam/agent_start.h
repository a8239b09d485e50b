/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A start of an agent in two steps, so that one task can wait for many. */
#ifndef SUP_MABEAM_AGENT_START_H
#define SUP_MABEAM_AGENT_START_H

#include <sup/types.h>

/* Begun, its task is there; awaited, it is up, or has failed. */
struct mab__start {
	const char *id;		/* the caller's */
	struct sup_pid supervisor, pid;
	uint64_t key;
};

/* Errors of both as mab_agent_start(). Safe points. */
int mab__start_begin(const char *id, struct mab__start *ret_start);
int mab__start_await(const struct mab__start *start);

#endif
