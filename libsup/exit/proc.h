/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes: the one place that starts them, and their handles. A process is
 * never a bare pid: {pid, pidfd}, and it is never signalled by number.
 */
#ifndef SUP_EXIT_PROC_H
#define SUP_EXIT_PROC_H

#include <sup/process.h>
#include <sup/types.h>

#include "exit/exit.h"

struct sup__proc {
	pid_t pid;
	int pidfd;		/* owned; -1: none */
	int notify_fd;		/* NOTIFY_SOCKET, owned; -1: none */
};

/*
 * Clones, lets the source watch the child while it still waits, lets it go,
 * and waits until its execve has succeeded or failed. On error no child is
 * left. Any thread.
 */
int sup__proc_spawn(const struct sup_process_spec *spec,
		    struct sup__exit_source *src, struct sup__proc *ret_p);

/*
 * Waits until READY=1 has come. -ECHILD the process has ended first (it has
 * not been reaped), -ETIMEDOUT.
 */
int sup__proc_wait_ready(struct sup__proc *p, int64_t deadline);

/* Reaps an ended child. -ECHILD not ours, or reaped already. Any thread. */
int sup__proc_reap(struct sup__proc *p, struct sup_reason *ret_reason);

/* Signals the process alone. -ESRCH. Any thread. */
int sup__proc_signal(const struct sup__proc *p, int signo);

/* Closes what it owns. Safe on {0, -1, -1} and twice. */
void sup__proc_close(struct sup__proc *p);

#endif
