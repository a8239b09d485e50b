/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handles of processes. What starts them is spawn.c. */
#include "exit/proc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "exit/notify.h"

static int not_ready(const struct sup__proc *p, int err, const char *what)
{
	if (p->status[0])
		return sup__error(err, "pid %d %s; its last status: %s",
				  (int)p->pid, what, p->status);
	return sup__error(err, "pid %d %s", (int)p->pid, what);
}

static int poll_until(struct pollfd *fds, int n, int64_t deadline)
{
	struct timespec ts = { 0, 0 };
	int64_t left;

	if (deadline > 0) {
		left = deadline - sup__now_ns();
		if (left > 0) {
			ts.tv_sec = left / 1000000000;
			ts.tv_nsec = left % 1000000000;
		}
	}
	return ppoll(fds, n, deadline < 0 ? NULL : &ts, NULL);
}

int sup__proc_wait_ready(struct sup__proc *p, int64_t deadline)
{
	struct pollfd fds[2] = {
		{ .fd = p->notify_fd, .events = POLLIN },
		{ .fd = p->pidfd, .events = POLLIN },
	};
	int n;

	for (;;) {
		n = poll_until(fds, 2, deadline);
		if (n < 0)
			return sup__error_sys(-errno, "NOTIFY_SOCKET");
		/* First what it said, then whether it lives. */
		if (sup__notify_read(p->notify_fd, p->pid, p->status,
				     sizeof(p->status)))
			break;
		if (!n)
			return not_ready(p, -ETIMEDOUT,
					 "did not send READY=1 in time");
		if (fds[1].revents)
			return not_ready(p, -ECHILD,
					 "ended before it sent READY=1");
	}
	close(p->notify_fd);
	p->notify_fd = -1;
	return 0;
}

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

void sup__proc_close(struct sup__proc *p)
{
	if (p->pidfd >= 0)
		close(p->pidfd);
	if (p->notify_fd >= 0)
		close(p->notify_fd);
	p->pidfd = -1;
	p->notify_fd = -1;
}
