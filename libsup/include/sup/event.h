/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The events that supervisors report (OTP supervisor reports). */
#ifndef SUP_EVENT_H
#define SUP_EVENT_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What supervisors report (OTP supervisor and progress reports). */
enum sup_event_kind {
	SUP_EVENT_STARTED,	/* a child is up (progress report) */
	SUP_EVENT_START_ERROR,	/* error */
	SUP_EVENT_CHILD_TERMINATED,	/* it ended by itself: reason */
	SUP_EVENT_STOPPED,	/* it was stopped as asked */
	SUP_EVENT_SHUTDOWN_ERROR,	/* stopped, but not as asked: reason */
	SUP_EVENT_GIVE_UP,	/* reached_max_restart_intensity */
	SUP_EVENT_TASK_EXIT,	/* an exit no supervisor claims: os_pid */
	SUP_EVENT_AUTO_SHUTDOWN, /* the end of this one ends its supervisor */
	SUP_EVENT_HELD,		/* one restart too many: tried again at due_ns */
	SUP_EVENT_BUDGET_SPENT,	/* one too many of its own: it stays stopped */
};

struct sup_event {
	enum sup_event_kind kind;
	int64_t time_ns;	/* of the event, CLOCK_MONOTONIC */
	int64_t exit_ns;	/* of the exit as reason.exit_ns has it, or 0 */
	struct sup_pid supervisor;
	char supervisor_name[64];
	char child_id[64];
	struct sup_pid pid;
	pid_t os_pid, os_tid;
	struct sup_reason reason;
	int error;		/* START_ERROR */
	unsigned int restarts, budget_used;	/* its own, or the supervisor's */
	int intensity;
	int64_t due_ns;		/* of a child that waits: its next start, or 0 */
	/*
	 * CHILD_TERMINATED, SHUTDOWN_ERROR: the end of what a process had
	 * written, if that was captured; else NULL. The sink may read it, and
	 * must copy it to keep it.
	 */
	const char *output;
};

/* What output has at most, with its terminator. */
#define SUP_EVENT_OUTPUT_MAX 2048

/*
 * Sets the one sink of events. cb runs on the thread that reports, with no
 * lock held; it must not block nor call back into libsup, except for
 * formatting. The event is valid until cb returns. NULL takes the sink away:
 * after the return, which waits for calls under way, cb does not run any more.
 * Any thread. -EDEADLK in the sink.
 */
SUP_API int sup_set_event_sink(void (*cb)(const struct sup_event *ev,
					  void *arg), void *arg);

/* Its name, as "started"; "unknown" for what is no kind. Any thread. */
SUP_API const char *sup_event_name(enum sup_event_kind kind);

#ifdef __cplusplus
}
#endif

#endif
