/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What stands between an agent that is a program and its task: another task,
 * which starts the program, hands on the lines that it writes, and writes those
 * that it is sent. It is a child of the agent's task, and the program its own.
 */
#ifndef SUP_MABEAM_AGENT_PIPE_H
#define SUP_MABEAM_AGENT_PIPE_H

#include "mabeam/agents.h"

/* What the agent's task is told by it, in casts, in the order of the events. */
enum mab__pipe_tag {
	MAB__PIPE_STARTED = 1,	/* a struct sup_pid: the program */
	MAB__PIPE_LINE,		/* without its newline, a NUL behind it */
	MAB__PIPE_BAD,		/* an int: its output is of no use any more */
	MAB__PIPE_ENDED,	/* a struct sup_reason: the program has ended */
};

/* Of messages to it: whose it is, first; a line, with its newline. */
#define MAB__PIPE_BEGIN UINT64_C(0x6d61622d6c696665)
#define MAB__PIPE_WRITE UINT64_C(0x6d61622d6c696e65)

/* In the agent's task. Errors as sup_thread_start() and sup_send(). */
int mab__pipe_start(uint64_t key, struct sup_pid *ret_pid);

/*
 * The program of a life whose task was killed may be on its way out: it is
 * killed, and waited for.
 */
void mab__pipe_await_end(const char *id);

/* init of an agent that is a program, which needs the key of its run. */
int mab__process_init(uint64_t key, const struct mab__config *config,
		      void **ret_state);

/* What the pipe tells it: a cast. */
int mab__process_cast(void *state, const struct sup_msg *msg);

/* It has said so. */
bool mab__process_is_ready(const void *state);

#endif
