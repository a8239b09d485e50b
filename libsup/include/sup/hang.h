/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Servers that do not come back to their loop. */
#ifndef SUP_HANG_H
#define SUP_HANG_H

#include <sup/types.h>

/*
 * sup_child_spec.hang_ms; OTP has no such thing. A server that has been in one
 * callback for so long, whatever that waits for, is hung: it is told of, with
 * what it is at (SUP_EVENT_HUNG), and shown so until it has come back to its
 * loop, which is seen up to hang_ms later (SUP_EVENT_CAME_BACK). A supervisor
 * that is busy with a start or a stop sees neither until then; an idle one
 * wakes up once in the shortest hang_ms of its children. init is not watched:
 * starts have timeouts of their own.
 *
 * With hang_kill it is killed, too, as by sup_kill(); its reason is WATCHDOG,
 * with signo SIGKILL. If its thread cannot be left for 5 s, that ends the
 * process.
 *
 * For servers, and plain tasks that become one. -EINVAL for supervisors and
 * sup_process_start, which has watchdog_ms; hang_kill needs hang_ms.
 */

/* One turn of a server's loop: what it was called for, and since when. */
struct sup_turn {
	int64_t since_ns;	/* CLOCK_MONOTONIC */
	char what[16];		/* "call", "cast", "message", "info", */
				/* "continuation", "terminate" */
	uint64_t tag;		/* of that; info: its kind */
	struct sup_pid from;	/* call, message, info: whose; else none */
};

#endif
