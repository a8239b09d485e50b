/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tasks: supervised native threads. Processes are in <sup/process.h>, servers
 * in <sup/server.h>; all three are named by a struct sup_pid.
 */
#ifndef SUP_TASK_H
#define SUP_TASK_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a fault (SEGV, BUS, FPE, ILL, ABRT of its own instruction) in a thread
 * means. Containment is for code that holds no lock but sup_mutex and owns no
 * half-made shared state when it faults; it costs the core dump. The fault is
 * contained only if every frame from the fault down to the start of the task
 * belongs to the program or to an object named by one of <sup/contain.h>. Where
 * that is so sup_kill() ends the task at once, too, between two instructions.
 */
enum sup_containment {
	SUP_CONTAIN_NEVER,	/* default: the process ends, a core is kept */
	SUP_CONTAIN,		/* only this task ends, with the signal */
};

struct sup_thread_spec {
	size_t size;
	const char *name;	/* of the thread; also registered if reg */
	bool reg;
	int (*run)(void *arg);	/* 0: normal; else exit(code) */
	void *arg;
	enum sup_containment containment;
	size_t mailbox;		/* data messages held at most; default 1024 */
	size_t stack_size;	/* default: the system's */
	bool awaits_ready;	/* its start is over when it says sup_ready() */
	int64_t ready_timeout_ms; /* then; default 30,000 */
};

/*
 * Starts a thread task. On a task's thread the caller becomes its parent: the
 * parent's end shuts it down. On a foreign thread it is a top-level task.
 * As a child: sup_child_spec.start = sup_thread_start, arg = the spec, which
 * is borrowed as long as the child spec stands.
 * With awaits_ready this waits for that; on error the thread has ended.
 * Any thread. Errors: -EINVAL, -ENAMETOOLONG, -EEXIST the name is taken
 * (ret_pid then names who has it), -ENOTCONN no runtime, -EAGAIN, -ENOMEM;
 * -ETIMEDOUT it was not ready in time, -ECHILD it ended before.
 */
SUP_API int sup_thread_start(const void *thread_spec, struct sup_pid *ret_pid);

/* The calling task is ready, if one awaits that. -EPERM on a foreign thread. */
SUP_API int sup_ready(void);

/* The calling task, or SUP_PID_NONE on a foreign thread. Any thread. */
SUP_API struct sup_pid sup_self(void);

/* True until the task has ended and its name is free. Any thread. */
SUP_API bool sup_is_alive(struct sup_pid pid);

/*
 * The numbers by which the system knows it: of a thread this process's and its
 * own, of a process its own and 0. Either may be NULL. Any thread. -ESRCH.
 */
SUP_API int sup_os_pid(struct sup_pid pid, pid_t *ret_pid, pid_t *ret_tid);

/*
 * Sends an exit signal (OTP exit/2); <sup/link.h> says what it does. One that
 * ends a task does so at its next libsup call, a server after the callback it
 * is in; the first one counts. Until a plain thread has ended its system calls
 * are interrupted now and again (EINTR, by the signal SIGRTMIN + 5). To itself
 * a task that does not trap exits does not return. Any thread. Errors: -ESRCH;
 * -ENOMEM it traps exits and the sender is not its parent.
 */
SUP_API int sup_exit(struct sup_pid pid, const struct sup_reason *reason);

/*
 * Kills (OTP exit(P, kill)): a process and its whole lineage by SIGKILL; a
 * thread at its next safe point, a contained one also where a fault would be
 * contained; if it comes to neither before the deadline (SUP_TRY: 5 s) the
 * whole process ends with a report. The killed task ends with KILLED. Any
 * thread; returns at once. -ESRCH.
 */
SUP_API int sup_kill(struct sup_pid pid, int64_t deadline);

/*
 * A safe point: a thread told to end does not return from here. On a foreign
 * thread, and in a server that was not killed, it does nothing.
 */
SUP_API void sup_checkpoint(void);

/*
 * Ends the calling task from the top of its stack: no clean-up handler and no
 * terminate callback runs, key destructors do. Foreign: it ends the process.
 */
SUP_API void sup_exit_self(const struct sup_reason *reason)
	__attribute__((noreturn));

/* What a task that is no server receives, and a server's info callback. */
enum sup_info_kind {
	SUP_INFO_MSG,		/* msg, sent by sup_send(); pid: function.h */
	SUP_INFO_DOWN,		/* a monitored task ended: ref, pid, reason */
	SUP_INFO_EXIT,		/* a child ended, or an exit signal that */
				/* is trapped: pid of the sender, reason */
	SUP_INFO_TIMEOUT,	/* the receive timeout of a server passed */
	SUP_INFO_TIMER,		/* of <sup/timer.h>: ref, msg */
	SUP_INFO_RESPONSE,	/* of <sup/request.h>: request, error, or */
				/* msg; reason if error is -EPIPE */
};

struct sup_info {
	enum sup_info_kind kind;
	struct sup_ref ref;
	struct sup_pid pid;
	struct sup_reason reason;
	struct sup_msg msg;
	struct sup_request request;
	int error;
};

/*
 * Takes the next signal or message of the calling task; signals come first.
 * The caller owns info->msg. A safe point. Errors: -ETIMEDOUT; -EPERM on a
 * foreign thread or in a server, which gets them in its callbacks.
 */
SUP_API int sup_receive(struct sup_info *ret_info, int64_t deadline);

/*
 * Sends a plain message (OTP !) that arrives as SUP_INFO_MSG. Waits for room
 * until the deadline. Any thread. -ESRCH, -EAGAIN no room (SUP_TRY),
 * -ETIMEDOUT, -EDEADLK full, and its reader is the caller or (not SUP_TRY)
 * waits for it, -EINTR the caller is a server, told to end (once, not in
 * terminate), -EINVAL a process, -ENOMEM; of a function <sup/function.h>.
 */
SUP_API int sup_send(struct sup_pid to, const struct sup_msg *msg,
		     int64_t deadline);

/*
 * How many messages wait in a mailbox, calls and casts too; of those that its
 * task has just taken up to an eighth of its room may still count. Any thread;
 * no safe point. -ESRCH; -EINVAL a process.
 */
SUP_API int sup_mailbox_count(struct sup_pid pid, size_t *ret_n);

#ifdef __cplusplus
}
#endif

#endif
