/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Types that every part of libsup shares: names of tasks, reasons of ends,
 * messages, deadlines.
 *
 * Laws of this library, true of every call unless its comment says otherwise:
 *  - a call returns 0 (or a documented positive outcome) or a negative errno;
 *    results leave through trailing ret_ parameters, written only on success;
 *    after an error sup_error() holds a sentence that names field and reason;
 *  - option structs begin with their own size and grow at the end; a member
 *    that is zero means its default;
 *  - a blocking call takes an absolute deadline in nanoseconds of
 *    CLOCK_MONOTONIC: SUP_TRY never waits, SUP_FOREVER always does;
 *  - 0 from an asynchronous request promises exactly one completion, an error
 *    promises none;
 *  - a plain task that was told to end, and any that was killed, does so in its
 *    next call that is a safe point, and does not return from it; the manual
 *    pages say of each call whether it is, and for what it waits;
 *  - no call may be made in a signal handler. Those here: any thread.
 */
#ifndef SUP_TYPES_H
#define SUP_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SUP_API __attribute__((visibility("default")))

/* Names a task, thread or process, for ever: a value is never used twice. */
struct sup_pid {
	uint64_t v;		/* 0: no task */
};

/* Names one monitor, or one timer. Never used twice. */
struct sup_ref {
	uint64_t v;
};

/* Names one request to a server. Never used twice. */
struct sup_request {
	uint64_t v;
};

#define SUP_PID_NONE ((struct sup_pid){ 0 })

#define SUP_TRY		INT64_C(0)
#define SUP_FOREVER	INT64_C(-1)

/* The closed set of reasons a task can end for (Erlang: exit reasons). */
enum sup_reason_kind {
	SUP_REASON_NORMAL,	/* returned 0, exit(0), stopped "normal" */
	SUP_REASON_SHUTDOWN,	/* ended as it was asked to; term optional */
	SUP_REASON_KILLED,	/* ended by us, without being asked */
	SUP_REASON_EXIT,	/* any other status: code */
	SUP_REASON_SIGNAL,	/* signo, core, who sent it, fault address */
	SUP_REASON_NOPROC,	/* there was no such task */
	SUP_REASON_LOST,	/* it ended and nobody could tell how */
	SUP_REASON_WATCHDOG,	/* not heard of in time; how: signo, or code */
};

/* Who sent the signal that ended a task. */
enum sup_sent_by {
	SUP_SENT_BY_UNKNOWN,
	SUP_SENT_BY_PROCESS,	/* sender_pid, sender_uid, sender_comm */
	SUP_SENT_BY_KERNEL,	/* for a fault, a terminal, a timer, a limit */
	SUP_SENT_BY_OOM_KILLER,
	SUP_SENT_BY_GROUP,	/* the module, to all of its group or lineage */
};

struct sup_reason {
	enum sup_reason_kind kind;
	int code;		/* EXIT: exit status, or a negative errno */
	int64_t term;		/* SHUTDOWN: the caller's value, else 0 */
	int signo;		/* SIGNAL */
	bool core;		/* SIGNAL: a core was dumped */
	bool oom;		/* SIGNAL: the OOM killer chose it */
	bool withheld;		/* SIGNAL: nothing below is told: the task */
				/* had gained rights that we have not */
	enum sup_sent_by sent_by;	/* SIGNAL */
	pid_t sender_pid;	/* 0: not visible in our pid namespace */
	uid_t sender_uid;
	char sender_comm[16];	/* what it called itself, made printable */
	bool has_fault;		/* SIGNAL: of an instruction of its own: */
	int fault_code;		/* si_code of sigaction(2) */
	uint64_t fault_addr;	/* si_addr */
	/*
	 * When, CLOCK_MONOTONIC; 0: not known. Of a process by the kernel,
	 * unless the source lacks that (SUP_LACKS_KERNEL_TIME): then when it
	 * was noticed. Of a thread that reported its end: when it did.
	 */
	int64_t exit_ns;
};

#define SUP_NORMAL ((struct sup_reason){ .kind = SUP_REASON_NORMAL })
#define SUP_SHUTDOWN ((struct sup_reason){ .kind = SUP_REASON_SHUTDOWN })

/* True of normal and shutdown: what a transient child may end with (OTP). */
SUP_API bool sup_reason_is_clean(const struct sup_reason *reason);

/*
 * Writes a reason for people, such as "signal 11 (SEGV), core dumped, at
 * 0x10 (SEGV_MAPERR)". Always terminates buf. Returns buf. Any thread.
 */
SUP_API const char *sup_reason_format(const struct sup_reason *reason,
				      char *buf, size_t len);

/*
 * A message. With free == NULL the bytes are copied when it is sent and stay
 * the caller's; else data moves with the message: on success it belongs to the
 * receiver's side, which calls free(data) once; on error it still is the
 * caller's. A callback that gets a message borrows it until it returns,
 * unless it calls sup_msg_take(), or gives it away: replies with it, or sends,
 * casts or calls with it, as it stands.
 */
struct sup_msg {
	uint64_t tag;		/* what it is, in the receiver's vocabulary */
	void *data;
	size_t len;
	void (*free)(void *data);
};

/* Moves a borrowed message out: *ret_msg is the caller's, who frees it. */
SUP_API void sup_msg_take(struct sup_msg *msg, struct sup_msg *ret_msg);

/* Frees what a message owns; safe on zeroed and on freed ones. */
SUP_API void sup_msg_free(struct sup_msg *msg);

/*
 * The absolute deadline ms milliseconds from now; SUP_FOREVER if ms < 0. Any
 * thread.
 */
SUP_API int64_t sup_deadline_ms(int64_t ms);

/*
 * The sentence that belongs to the last error a libsup call returned on this
 * thread; "" if none. Valid until the next libsup call on this thread.
 */
SUP_API const char *sup_error(void);

#ifdef __cplusplus
}
#endif

#endif
