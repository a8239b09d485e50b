/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handles of processes. What starts them is spawn.c. */
#include "exit/proc.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

static int wait_child(const struct sup__proc *p, int options,
		      struct sup_reason *ret_reason, struct rusage *ret_usage)
{
	struct sup_reason reason = { .kind = SUP_REASON_NORMAL };
	struct rusage usage;
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	if (p->pidfd < 0)
		return -ECHILD;
	/* The bare call also gives the usage. */
	if (syscall(SYS_waitid, P_PIDFD, p->pidfd, &info,
		    WEXITED | WNOHANG | options, &usage))
		return -errno;
	if (!info.si_pid)
		return -EAGAIN;
	if (info.si_code != CLD_EXITED) {
		reason.kind = SUP_REASON_SIGNAL;
		reason.signo = info.si_status;
		reason.core = info.si_code == CLD_DUMPED;
	} else if (info.si_status) {
		reason.kind = SUP_REASON_EXIT;
		reason.code = info.si_status;
	}
	*ret_reason = reason;
	if (ret_usage)
		*ret_usage = usage;
	return 0;
}

int sup__proc_reap(const struct sup__proc *p, struct sup_reason *ret_reason,
		   struct rusage *ret_usage)
{
	return wait_child(p, 0, ret_reason, ret_usage);
}

int sup__proc_peek(const struct sup__proc *p, struct sup_reason *ret_reason,
		   struct rusage *ret_usage)
{
	return wait_child(p, WNOWAIT, ret_reason, ret_usage);
}

int sup__proc_open(pid_t pid, struct sup__proc *ret_p)
{
	int fd = syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return sup__error_sys(-errno, "pidfd of pid %d", (int)pid);
	*ret_p = (struct sup__proc)SUP__PROC_INIT;
	ret_p->pid = pid;
	ret_p->pidfd = fd;
	return 0;
}

int sup__proc_signal(const struct sup__proc *p, int signo)
{
	if (p->pidfd < 0)
		return sup__error(-ESRCH, "no such process");
	if (syscall(SYS_pidfd_send_signal, p->pidfd, signo, NULL, 0))
		return sup__error_sys(-errno, "signal %d to pid %d", signo,
				      (int)p->pid);
	return 0;
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void sup__proc_close(struct sup__proc *p)
{
	close_one(&p->pidfd);
	close_one(&p->notify_fd);
	close_one(&p->ready_fd);
	close_one(&p->output_fd);
	close_one(&p->function_fd);
}
