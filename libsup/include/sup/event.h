/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The events that supervisors report (OTP supervisor reports). */
#ifndef SUP_EVENT_H
#define SUP_EVENT_H

#include <sup/hang.h>
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
	SUP_EVENT_HELD,		/* one restart too many: tried at due_ns */
	SUP_EVENT_BUDGET_SPENT,	/* one of its own too many: it stays stopped */
	SUP_EVENT_RESTARTING,	/* its restart is decided: at due_ns, or now */
	SUP_EVENT_DECLINED,	/* its start returned SUP_IGNORE */
	SUP_EVENT_STOPPING,	/* it is asked to end, or its wait is over */
	SUP_EVENT_REMOVED,	/* its supervisor has it no more */
	SUP_EVENT_UP,		/* a supervisor, and all its children, are up */
	SUP_EVENT_DOWN,		/* it ends: reason; then it stops them */
	SUP_EVENT_FLAPPING,	/* it restarts often: sup_flapping */
	SUP_EVENT_STEADY,	/* it has not for a while */
	SUP_EVENT_HUNG,		/* not back in its loop for hang_ms: turn */
	SUP_EVENT_CAME_BACK,	/* it is, from that turn */
	SUP_EVENT_KINDS		/* how many there are */
};

#define SUP_EVENT_BIT(kind) (UINT64_C(1) << (kind))

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
	unsigned int restarts;
	unsigned int budget_used;	/* of its own budget, or that of all, */
	int intensity;			/* which is this */
	int64_t due_ns;		/* of one that waits: its next start, or 0 */
	uint64_t seq;		/* counts, from 1, those anybody was told of */
	uint64_t lost;		/* of a stream: dropped between this and the */
				/* one before */
	/*
	 * CHILD_TERMINATED, SHUTDOWN_ERROR: the end of what a process had
	 * written, if that was captured; else NULL. The sink may read it, and
	 * must copy it to keep it; in a stream it is NULL.
	 */
	const char *output;
	struct sup_turn turn;	/* HUNG, CAME_BACK */
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

/*
 * A stream keeps events until they are read. Who reports never waits for it:
 * when it is full what is new is dropped, and counted in the next event that is
 * kept (lost).
 */
struct sup_events;

#define SUP_EVENTS_MAX 65536

struct sup_events_spec {
	size_t size;
	size_t capacity;	/* events kept; default 1024 */
	uint64_t kinds;		/* SUP_EVENT_BIT()s of those wanted; 0: all */
	struct sup_pid supervisor;	/* only its own; none: of all */
};

/* spec may be NULL for all defaults. Any thread. -EINVAL, -ENOMEM. */
SUP_API int sup_events_open(const struct sup_events_spec *spec,
			    struct sup_events **ret_events);

/* Takes the oldest, waits for one. Any thread. A safe point. -ETIMEDOUT. */
SUP_API int sup_events_next(struct sup_events *events,
			    struct sup_event *ret_event, int64_t deadline);

/*
 * A descriptor for poll(2), readable as long as there is an event to take. It
 * is the stream's, which closes it. Any thread. -EMFILE, -ENFILE, -ENOMEM.
 */
SUP_API int sup_events_fd(struct sup_events *events, int *ret_fd);

/* With nobody in a call on it. NULL is fine. Any thread. */
SUP_API void sup_events_close(struct sup_events *events);

/* Its name, as "started"; "unknown" for what is no kind. Any thread. */
SUP_API const char *sup_event_name(enum sup_event_kind kind);

#ifdef __cplusplus
}
#endif

#endif
