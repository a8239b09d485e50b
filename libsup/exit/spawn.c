/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A child is a plain copy made by clone3, which gives its pidfd in the same
 * step. It shares no memory with us (CLONE_VM would let it run while we do,
 * on our locks and our errno), so of what a threaded program's child may do
 * it does the least: bare system calls on what the plan has prepared.
 *
 * One socket pair joins both. The child waits on it for a byte, our leave to
 * run; it then sends which step failed, or nothing: execve closes its end.
 */
#include "exit/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "exit/exit.h"
#include "exit/notify.h"
#include "exit/plan.h"

/*
 * The sanitizer's view of memory does not follow into the child, whose other
 * threads, and with them the owners of its locks, do not exist.
 */
#define IN_CHILD __attribute__((no_sanitize("thread", "address")))

#define CHILD_FD 3		/* where the child keeps its end */
#define N_SIGNALS 64

struct failure {
	int32_t step;		/* enum sup__step */
	int32_t err;		/* negative */
};

IN_CHILD static void __attribute__((noreturn))
child_fail(enum sup__step step, int err)
{
	struct failure failure = { .step = step, .err = -err };

	syscall(SYS_write, CHILD_FD, &failure, sizeof(failure));
	syscall(SYS_exit_group, 127);
	__builtin_unreachable();
}

/* Nothing of ours but 0, 1, 2 is open while it waits. */
IN_CHILD static void child_fds(int fd)
{
	if (fd != CHILD_FD && syscall(SYS_dup3, fd, CHILD_FD, O_CLOEXEC) < 0)
		syscall(SYS_exit_group, 127);
	if (syscall(SYS_close_range, CHILD_FD + 1, ~0u, 0) < 0)
		child_fail(SUP__STEP_DESCRIPTORS, errno);
}

IN_CHILD static void child_wait_leave(void)
{
	char leave;
	long n;

	do {
		n = syscall(SYS_read, CHILD_FD, &leave, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		syscall(SYS_exit_group, 127);	/* they are gone, or gave up */
}

/* Ignored ones too; 32 and 33, which sigaction(3) hides, as well. */
IN_CHILD static void child_signals(void)
{
	static const unsigned char zero[64];
	int signo;

	for (signo = 1; signo <= N_SIGNALS; signo++)
		syscall(SYS_rt_sigaction, signo, zero, NULL, N_SIGNALS / 8);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, zero, NULL, N_SIGNALS / 8);
}

IN_CHILD static void child_redirect(enum sup__step step, const char *path,
				    int flags, int to, int also_to)
{
	long fd;

	/* A FIFO without a reader fails instead of waiting for one. */
	fd = syscall(SYS_openat, AT_FDCWD, path,
		     flags | O_NOCTTY | O_NONBLOCK, 0644);
	if (fd < 0)
		child_fail(step, errno);
	syscall(SYS_fcntl, fd, F_SETFL, flags & O_APPEND);
	if (fd != to && syscall(SYS_dup3, fd, to, 0) < 0)
		child_fail(step, errno);
	if (fd != also_to && syscall(SYS_dup3, fd, also_to, 0) < 0)
		child_fail(step, errno);
	if (fd != to && fd != also_to)
		syscall(SYS_close, fd);
}

/* As execvp(3): a program that may not be run does not end the search. */
IN_CHILD static void child_exec(const struct sup__plan *plan)
{
	int err = ENOENT;
	char **path;

	for (path = plan->paths; *path; path++) {
		syscall(SYS_execve, *path, plan->spec->argv, plan->envp);
		if (errno == EACCES)
			err = EACCES;
		else if (errno != ENOENT && errno != ENOTDIR)
			child_fail(SUP__STEP_EXEC, errno);
		else if (!path[1] && path == plan->paths)
			err = errno;
	}
	child_fail(SUP__STEP_EXEC, err);
}

IN_CHILD static void __attribute__((noreturn))
child_run(const struct sup__plan *plan, int fd)
{
	const struct sup_process_spec *spec = plan->spec;

	child_fds(fd);
	child_wait_leave();
	if (syscall(SYS_setsid) < 0)
		child_fail(SUP__STEP_SESSION, errno);
	child_redirect(SUP__STEP_STDIN, "/dev/null", O_RDONLY, 0, 0);
	if (spec->output)
		child_redirect(SUP__STEP_OUTPUT, spec->output,
			       O_WRONLY | O_CREAT | O_APPEND, 1, 2);
	if (spec->cwd && syscall(SYS_chdir, spec->cwd) < 0)
		child_fail(SUP__STEP_CWD, errno);
	child_signals();
	child_exec(plan);
	__builtin_unreachable();
}

/*
 * Every signal is blocked around it, so that no handler of ours runs in the
 * child, which unblocks them after they are at their defaults.
 */
static pid_t clone_child(const struct sup__plan *plan, int fd, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	uint64_t all = ~UINT64_C(0), old;
	long pid;
	int err;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof(all));
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid)
		child_run(plan, fd);
	err = errno;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof(old));
	if (pid < 0)
		return sup__error_sys(-err, "a process for \"%s\"",
				      plan->spec->argv[0]);
	*ret_pidfd = pidfd;
	return pid;
}

/* Both ends above 2, where the child wants its own descriptors. */
static int make_pair(int ret_fds[2])
{
	int fds[2], i, err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return sup__error_sys(-errno, "a socket pair");
	for (i = 0; i < 2; i++) {
		ret_fds[i] = fds[i] > 2 ? fds[i] :
			     fcntl(fds[i], F_DUPFD_CLOEXEC, CHILD_FD);
		err = errno;
		if (ret_fds[i] != fds[i])
			close(fds[i]);
		if (ret_fds[i] >= 0)
			continue;
		close(i ? ret_fds[0] : fds[1]);
		return sup__error_sys(-err, "a socket pair");
	}
	return 0;
}

static void kill_and_reap(const struct sup__proc *p)
{
	siginfo_t info;

	sup__proc_signal(p, SIGKILL);
	while (waitid(P_PIDFD, p->pidfd, &info, WEXITED) && errno == EINTR)
		;
}

/*
 * Whoever closes a socket with something unread resets the other end: so one
 * that was killed while it waited is told from one that took its leave. A child
 * that dies after that says nothing: its end will be told.
 */
static int release_child(const struct sup__plan *plan, int fd)
{
	struct failure failure;
	ssize_t n;

	do {
		n = send(fd, "", 1, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		goto never_ran;
	do {
		n = recv(fd, &failure, sizeof(failure), MSG_WAITALL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		goto never_ran;
	if (n != sizeof(failure))
		return 0;
	return sup__plan_error(plan, failure.step, failure.err);

never_ran:
	return sup__error(-ECHILD, "\"%s\" ended before it could run",
			  plan->spec->argv[0]);
}

static int spawn_planned(const struct sup__proc_start *start,
			 const struct sup__plan *plan, struct sup__proc *p)
{
	int fds[2], ret;

	ret = make_pair(fds);
	if (ret)
		return ret;
	ret = clone_child(plan, fds[1], &p->pidfd);
	close(fds[1]);
	if (ret < 0)
		goto close_ours;
	p->pid = ret;
	if (start->born)
		start->born(p, start->arg);
	ret = start->src ? start->src->ops->watch(start->src, p) : 0;
	if (ret)
		goto kill_child;
	ret = release_child(plan, fds[0]);
	goto close_ours;

kill_child:
	kill_and_reap(p);
	p->pid = 0;
close_ours:
	close(fds[0]);
	return ret;
}

int sup__proc_spawn(const struct sup__proc_start *start,
		    struct sup__proc *ret_p)
{
	const struct sup_process_spec *spec = start->spec;
	char name[SUP__NOTIFY_NAME_MAX];
	struct sup__proc p = SUP__PROC_INIT;
	struct sup__plan plan;
	bool notify;
	int ret;

	notify = spec->readiness == SUP_READY_NOTIFY;
	if (notify) {
		ret = sup__notify_open(name, &p.notify_fd);
		if (ret)
			return ret;
	}
	ret = sup__plan_init(&plan, spec, notify ? name : NULL);
	if (ret)
		goto close_notify;
	*ret_p = p;
	ret = spawn_planned(start, &plan, ret_p);
	p = *ret_p;
	sup__plan_fini(&plan);
	if (!ret || p.pid)
		return ret;
	*ret_p = (struct sup__proc)SUP__PROC_INIT;

close_notify:
	sup__proc_close(&p);
	return ret;
}
