/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes: the one place that starts them, spawn.c, and their handles,
 * proc.c. A process is never a bare pid: {pid, pidfd}, and it is never
 * signalled by number.
 */
#ifndef SUP_EXIT_PROC_H
#define SUP_EXIT_PROC_H

#include <stdbool.h>

#include <sup/process.h>
#include <sup/types.h>

struct rusage;
struct sup__exit_source;

struct sup__proc {
	pid_t pid;		/* 0: none was born */
	int pidfd;		/* owned; -1: none */
	int notify_fd;		/* NOTIFY_SOCKET, owned; -1: none */
	int ready_fd;		/* of its notification pipe, likewise */
	int output_fd;		/* what it writes, if captured, likewise */
	int function_fd;	/* of a function: our end of its socket, too */
	uid_t uid;		/* whose it was made */

	/* The source's, while it is in doubt; under its lock. */
	bool in_doubt;
	struct sup__proc *prev, *next;
};

#define SUP__PROC_INIT { \
	.pidfd = -1, .notify_fd = -1, .ready_fd = -1, .output_fd = -1, \
	.function_fd = -1, \
}

/* What a process is started with, checked and made ready for a bare child. */
struct sup__proc_start {
	const struct sup_process_spec *spec;
	struct sup__exit_source *src;	/* NULL: nobody watches */
	/*
	 * Called while the child waits and before the source watches it, so
	 * that its end finds somebody. p is ret_p below. An error ends the
	 * start before it has run. Both may be NULL.
	 */
	int (*born)(const struct sup__proc *p, void *arg);
	/*
	 * Takes that back, after any born(), if nobody will tell of its end:
	 * p is about to be what it was before, so that nobody may look at it
	 * any more when this returns.
	 */
	void (*unborn)(void *arg);
	void *arg;
};

/*
 * Clones, calls born(), lets the source watch the child while it still waits,
 * lets it go, and waits until its execve has succeeded or failed. Any thread.
 *
 * ret_p must be initialised; it is the caller's to close in any case. On error
 * no child runs: if ret_p->pid is set there was one, and the source tells of
 * its end, exactly once; whoever gets that reaps. If ret_p is as before, there
 * was none, or (born() was called) none that is watched. Errors: those of
 * sup_process_start() that come from clone, chdir, open and execve, with a
 * sentence that names the field; -ECHILD it ended before it could run: killed
 * by somebody, or by a source that has no room for it, so that is in doubt.
 */
int sup__proc_spawn(const struct sup__proc_start *start,
		    struct sup__proc *ret_p);

/*
 * Reaps an ended child. ret_usage may be NULL. Errors: -EAGAIN it lives;
 * -ECHILD not ours, or reaped already. Any thread.
 */
int sup__proc_reap(const struct sup__proc *p, struct sup_reason *ret_reason,
		   struct rusage *ret_usage);

/* As sup__proc_reap(), but it stays a zombie, and its number its own. */
int sup__proc_peek(const struct sup__proc *p, struct sup_reason *ret_reason,
		   struct rusage *ret_usage);

/*
 * A handle on a process that may be no child of ours. The caller must know by
 * other means that pid still names the one it means. -ESRCH, -EMFILE.
 */
int sup__proc_open(pid_t pid, struct sup__proc *ret_p);

/* Signals the process alone. -ESRCH, -EPERM, -EINVAL. Any thread. */
int sup__proc_signal(const struct sup__proc *p, int signo);

/* Closes what it owns. Safe on SUP__PROC_INIT and twice. */
void sup__proc_close(struct sup__proc *p);

#endif
