/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a task has ended. The laws of <sup/types.h> hold. */
#ifndef SUP_REASON_H
#define SUP_REASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sup/api.h>

#ifdef __cplusplus
extern "C" {
#endif

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

#ifndef __cplusplus
#define SUP__REASON(k) ((struct sup_reason){ .kind = (k) })
#else	/* where it lasts as long as its expression */
static inline struct sup_reason sup__reason_of(enum sup_reason_kind kind)
{
	struct sup_reason reason = {};

	reason.kind = kind;
	return reason;
}
#define SUP__REASON(k) (static_cast<const sup_reason &>(sup__reason_of(k)))
#endif
#define SUP_NORMAL SUP__REASON(SUP_REASON_NORMAL)
#define SUP_SHUTDOWN SUP__REASON(SUP_REASON_SHUTDOWN)

/* True of normal and shutdown: what a transient child may end with (OTP). */
SUP_API bool sup_reason_is_clean(const struct sup_reason *reason);

/*
 * Writes a reason for people, such as "signal 11 (SEGV), core dumped, at
 * 0x10 (SEGV_MAPERR)". Always terminates buf. Returns buf. Any thread.
 */
SUP_API const char *sup_reason_format(const struct sup_reason *reason,
				      char *buf, size_t len);

#ifdef __cplusplus
}
#endif

#endif
