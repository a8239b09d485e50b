/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Process tasks: any program, as a child. */
#ifndef SUP_PROCESS_H
#define SUP_PROCESS_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* When a process counts as started. */
enum sup_readiness {
	SUP_READY_EXEC,		/* its execve succeeded */
	SUP_READY_NOTIFY,	/* READY=1 on NOTIFY_SOCKET, sd_notify(3) */
	SUP_READY_FD,		/* a newline on its ready_fd, as s6 has it */
	SUP_READY_MESSAGE,	/* the first message of a function */
};

/* What of it is kept, the end of it, and shown when it ends. */
enum sup_capture {
	SUP_CAPTURE_NONE,
	SUP_CAPTURE_OUTPUT,	/* stdout; stderr if nothing else names it */
	SUP_CAPTURE_ERRORS,	/* stderr alone */
};

#define SUP_CAPTURE_MAX 1048576	/* bytes that are kept, at most */

/* setrlimit(2); SUP_RLIM_INFINITY: no limit. */
#define SUP_RLIM_INFINITY UINT64_MAX

struct sup_rlimit {
	int resource;		/* RLIMIT_* */
	uint64_t soft, hard;
};

/* Our descriptor from is its descriptor to, of at most SUP_FD_MAX. */
#define SUP_FD_MAX 1023

struct sup_fd {
	int from, to;
};

struct sup_function_spec;

struct sup_process_spec {
	size_t size;
	const char *name;	/* registered if reg */
	bool reg;
	const char *const *argv; /* argv[0] is looked up in PATH */
	const char *const *envp; /* NULL: ours */
	const char *cwd;	/* NULL: ours */
	const char *output;	/* stdout, stderr appended here; NULL: ours */
	enum sup_readiness readiness;
	int64_t ready_timeout_ms; /* default 30,000 */
	int stop_signal;	/* asks it to end; default SIGTERM */
	uint64_t adopt_lineage;	/* take over, start none: see below */
	const char *const *env_unset; /* names taken out of envp */
	const char *const *env_set; /* "NAME=value", put over what is left */
	const char *input;	/* stdin; NULL: /dev/null */
	const char *errors;	/* stderr appended here; NULL: as output */
	const struct sup_fd *fds; /* descriptors it gets from us */
	size_t n_fds;
	bool set_umask;
	mode_t umask;		/* if set_umask; else ours */
	const struct sup_rlimit *rlimits; /* set in this order */
	size_t n_rlimits;
	const char *user;	/* name or number; NULL: ours */
	const char *group;	/* name or number; NULL: the user's */
	const char *const *groups; /* supplementary; NULL: the user's */
	int ready_fd;		/* SUP_READY_FD: its descriptor; default 3 */
	int64_t stop_timeout_ms; /* from stop_signal to SIGKILL; 0: for ever */
	enum sup_capture capture;
	size_t capture_bytes;	/* of the end; default 16,384 */
	unsigned int capture_lines; /* of the end; default 50 */
	bool capture_log;	/* each line goes to the log sink, too */
	int64_t watchdog_ms;	/* to be heard of this often; 0: need not be */
	int watchdog_signal;	/* if it is not; default SIGABRT */
	/* Of this program, instead of argv: <sup/function.h>. */
	const struct sup_function_spec *function;
};

/*
 * Starts a program and waits until it is ready. It is in our group, and its
 * descendants in its lineage, before it runs; its signal mask and dispositions
 * are the defaults, it leads a session of its own, and every descriptor above
 * 2 that fds does not name is closed. Relative input, output and errors are
 * looked up from our cwd, and opened with our rights and umask; argv[0] and cwd
 * with those of user. envp = { NULL } is no environment, and user does not
 * change it. To become a user takes the rights of setuid(2); with user given
 * and groups not, its groups are those of initgroups(3).
 *
 * The task ends when the process ends. Whatever of its lineage is still alive
 * then is killed first, and the end is told when the lineage is empty, so that
 * a restart meets no leftover (with pidfds: its process group).
 *
 * With SUP_READY_NOTIFY, NOTIFY_SOCKET is put into its environment and read as
 * long as it lives; what comes from others than its lineage is ignored, and
 * what has more than 4,095 bytes. With SUP_READY_FD it gets the writing end of
 * a pipe. If it is not ready within ready_timeout_ms, or the longer time it
 * asks for (EXTEND_TIMEOUT_USEC), its start has failed. sup_exit() sends
 * stop_signal to the process; if it has not ended within stop_timeout_ms, or
 * the longer time that it then asks for, all of its lineage is killed, and it
 * ends as KILLED. A supervisor's shutdown_ms is counted apart from that.
 *
 * With watchdog_ms, WATCHDOG_USEC and WATCHDOG_PID tell it to send WATCHDOG=1
 * on NOTIFY_SOCKET (sd_watchdog_enabled(3)) at least that often once it is
 * ready, and until it is asked to end or says STOPPING=1; WATCHDOG_USEC=
 * changes how often. If it does not, or sends WATCHDOG=trigger, it gets
 * watchdog_signal, and after stop_timeout_ms, here 5 s by default, its lineage
 * is killed; its reason is WATCHDOG however it then ends.
 *
 * What is captured goes through a pipe that is read all the time, a piece of
 * each process at a time, so that one that writes without end takes nothing
 * from the others. It is read once more when nothing of its lineage is left,
 * before its end is told, and closed: what has escaped from it then writes to
 * nobody, and gets SIGPIPE. If it ends neither clean nor killed by us, its last
 * lines are logged (LOG_ERR) with its reason. capture_log logs each line as
 * "name[pid]: line", by LOG_INFO or what a prefix "<N>" says (sd-daemon(3)), so
 * see sup_set_log_level().
 *
 * adopt_lineage, of sup_orphans() after an adoption (sup_options.adopt_token),
 * makes this take over the living process that lineage began with instead of
 * starting one; it counts as ready. Its end is told with its true reason though
 * it is not our child. If that process has ended meanwhile, what is left of its
 * lineage is killed and argv is started; so a restart needs no other spec.
 *
 * As a child: sup_child_spec.start = sup_process_start, arg = the spec. Any
 * thread. What fails on its way to execve is told with the field it was for:
 * -ENOENT, -EACCES, -ENOEXEC, ... of execve, chdir or open; -E2BIG of argv and
 * the environment; -EAGAIN of RLIMIT_NPROC; -EPERM of user, group, groups or
 * rlimits; -EBADF of fds; -ESRCH no such user or group. Else:
 * -ETIMEDOUT not ready in time (it has been killed); -ECHILD ended before it
 * was ready (sup_error() tells how); -EEXIST the name is taken (ret_pid then
 * names who has it); -EINTR the caller has been told to end; of a function
 * -ENOENT, -EPERM, -EPROTO, -EMSGSIZE, as <sup/function.h> has it; -EINVAL,
 * -ENOTCONN, -EAGAIN, -ENOMEM, -EMFILE.
 */
SUP_API int sup_process_start(const void *process_spec,
			      struct sup_pid *ret_pid);

#ifdef __cplusplus
}
#endif

#endif
