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
#include "base/thread.h"
#include "exit/exit.h"
#include "exit/notify.h"
#include "exit/plan.h"
#include "exit/program.h"

/*
 * The sanitizer's view of memory does not follow into the child, whose other
 * threads, and with them the owners of its locks, do not exist.
 */
#define IN_CHILD __attribute__((no_sanitize("thread", "address")))

#define N_SIGNALS 64

/* A child's own, in its copy of our memory. */
struct child {
	const struct sup__plan *plan;
	int fd;			/* its end of the pair */
	int program_fd;		/* executed; AT_FDCWD: what paths name */
	struct sup__failure failure;	/* err 0: none so far */
};

IN_CHILD static void __attribute__((noreturn))
child_fail(struct child *c, enum sup__step step, int n, int err)
{
	c->failure = (struct sup__failure){ .step = step, .n = n, .err = -err };
	syscall(SYS_write, c->fd, &c->failure, sizeof(c->failure));
	syscall(SYS_exit_group, 127);
	__builtin_unreachable();
}

/* Before it has leave it may not talk: what fails is said afterwards. */
IN_CHILD static void child_note(struct child *c, enum sup__step step, int n,
				long ret)
{
	if (ret < 0 && !c->failure.err)
		c->failure = (struct sup__failure){
			.step = step, .n = n, .err = -errno,
		};
}

IN_CHILD static long child_dup_above(int fd, int lowest)
{
	return syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest);
}

IN_CHILD static void child_close_range(struct child *c, int first, int last)
{
	if (first <= last)
		child_note(c, SUP__STEP_DESCRIPTORS, 0,
			   syscall(SYS_close_range, first, last, 0));
}

/*
 * Its end of the pair at last, right above what it is given, above that the
 * program that it will execute; and nothing else.
 */
IN_CHILD static void child_own_fds(struct child *c, int at)
{
	if (c->fd != at) {
		child_note(c, SUP__STEP_DESCRIPTORS, 0,
			   syscall(SYS_dup3, c->fd, at, O_CLOEXEC));
		if (c->failure.err)
			return;
		c->fd = at;
	}
	if (c->program_fd >= 0) {
		child_note(c, SUP__STEP_DESCRIPTORS, 0,
			   syscall(SYS_dup3, c->program_fd, ++at, O_CLOEXEC));
		c->program_fd = at;
	}
	child_note(c, SUP__STEP_DESCRIPTORS, 0,
		   syscall(SYS_close_range, at + 1, ~0u, 0));
}

/*
 * What it is given may lie where something else of it is to go: so all move
 * above the highest place first, its end of the pair included. Nothing else of
 * ours but 0, 1, 2, and the program, is open while it waits.
 */
IN_CHILD static void child_fds(struct child *c)
{
	const struct sup__plan *plan = c->plan;
	int top = plan->n_fds ? plan->fds[plan->n_fds - 1].to : 2;
	int n, first = 3;
	long fd;

	if (top < 2)
		top = 2;
	fd = child_dup_above(c->fd, top + 1);
	child_note(c, SUP__STEP_DESCRIPTORS, 0, fd);
	if (fd >= 0)
		c->fd = fd;
	if (plan->program_fd >= 0) {
		/* Above where it will be, so that it is not there yet. */
		fd = child_dup_above(plan->program_fd, top + 3);
		child_note(c, SUP__STEP_DESCRIPTORS, 0, fd);
		c->program_fd = fd;
	}
	for (n = 0; n < (int)plan->n_fds; n++) {
		fd = child_dup_above(plan->fds[n].from, top + 1);
		child_note(c, SUP__STEP_FD, n, fd);
		plan->fd_scratch[n] = fd;
	}
	if (c->failure.err)
		return;
	for (n = 0; n < (int)plan->n_fds; n++) {
		child_note(c, SUP__STEP_FD, n,
			   syscall(SYS_dup3, plan->fd_scratch[n],
				   plan->fds[n].to, 0));
		child_close_range(c, first, plan->fds[n].to - 1);
		if (plan->fds[n].to >= first)
			first = plan->fds[n].to + 1;
	}
	child_close_range(c, first, top);
	child_own_fds(c, top + 1);
}

IN_CHILD static void child_wait_leave(struct child *c)
{
	char leave;
	long n;

	do {
		n = syscall(SYS_read, c->fd, &leave, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		syscall(SYS_exit_group, 127);	/* they are gone, or gave up */
	if (c->failure.err)
		child_fail(c, c->failure.step, c->failure.n, -c->failure.err);
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

IN_CHILD static void child_open(struct child *c, enum sup__step step,
				const char *path, int to)
{
	int flags = to ? O_WRONLY | O_CREAT | O_APPEND : O_RDONLY;
	long fd;

	/* A FIFO without a reader fails instead of waiting for one. */
	fd = syscall(SYS_openat, AT_FDCWD, path,
		     flags | O_NOCTTY | O_NONBLOCK, 0644);
	if (fd < 0)
		child_fail(c, step, 0, errno);
	syscall(SYS_fcntl, fd, F_SETFL, flags & O_APPEND);
	if (fd == to)
		return;
	if (syscall(SYS_dup3, fd, to, 0) < 0)
		child_fail(c, step, 0, errno);
	syscall(SYS_close, fd);
}

IN_CHILD static bool child_is_given(const struct child *c, int to)
{
	size_t i;

	for (i = 0; i < c->plan->n_fds; i++)
		if (c->plan->fds[i].to == to)
			return true;
	return false;
}

IN_CHILD static void child_stdio(struct child *c)
{
	const struct sup_process_spec *spec = c->plan->spec;

	if (!child_is_given(c, 0))
		child_open(c, SUP__STEP_INPUT, spec->input ?: "/dev/null", 0);
	if (spec->output)
		child_open(c, SUP__STEP_OUTPUT, spec->output, 1);
	if (spec->errors)
		child_open(c, SUP__STEP_ERRORS, spec->errors, 2);
	else if (spec->output && !child_is_given(c, 2) &&
		 syscall(SYS_dup3, 1, 2, 0) < 0)
		child_fail(c, SUP__STEP_OUTPUT, 0, errno);
}

IN_CHILD static void child_limits(struct child *c)
{
	const struct sup_process_spec *spec = c->plan->spec;
	uint64_t limit[2];	/* struct rlimit64 of the kernel */
	size_t i;

	if (spec->set_umask)
		syscall(SYS_umask, spec->umask);
	for (i = 0; i < spec->n_rlimits; i++) {
		limit[0] = spec->rlimits[i].soft;
		limit[1] = spec->rlimits[i].hard;
		if (syscall(SYS_prlimit64, 0, spec->rlimits[i].resource, limit,
			    NULL) < 0)
			child_fail(c, SUP__STEP_RLIMIT, i, errno);
	}
}

/* ORDER: the user last, with whom go the rights to the others. */
IN_CHILD static void child_ids(struct child *c)
{
	const struct sup__ids *ids = &c->plan->ids;

	if (ids->set_groups &&
	    syscall(SYS_setgroups, ids->n_groups, ids->groups) < 0)
		child_fail(c, SUP__STEP_GROUPS, 0, errno);
	if (ids->set_gid &&
	    syscall(SYS_setresgid, ids->gid, ids->gid, ids->gid) < 0)
		child_fail(c, SUP__STEP_GROUP, 0, errno);
	if (ids->set_uid &&
	    syscall(SYS_setresuid, ids->uid, ids->uid, ids->uid) < 0)
		child_fail(c, SUP__STEP_USER, 0, errno);
}

/* In its copy of the plan. */
IN_CHILD static void child_watchdog(struct child *c)
{
	char *to = (char *)c->plan->watchdog_pid +
		   sizeof(SUP__WATCHDOG_PID) - 1;
	long pid = syscall(SYS_getpid);
	char digits[12];
	int n = 0;

	do {
		digits[n++] = '0' + pid % 10;
		pid /= 10;
	} while (pid);
	while (n)
		*to++ = digits[--n];
	*to = '\0';
}

/* As execvp(3): a program that may not be run does not end the search. */
IN_CHILD static void child_exec(struct child *c)
{
	const struct sup__plan *plan = c->plan;
	int err = ENOENT;
	char **path;

	for (path = plan->paths; *path; path++) {
		syscall(SYS_execveat, c->program_fd, *path, plan->spec->argv,
			plan->envp, **path ? 0 : AT_EMPTY_PATH);
		if (errno == EACCES)
			err = EACCES;
		else if (errno != ENOENT && errno != ENOTDIR)
			child_fail(c, SUP__STEP_EXEC, 0, errno);
		else if (!path[1] && path == plan->paths)
			err = errno;
	}
	child_fail(c, SUP__STEP_EXEC, 0, err);
}

IN_CHILD static void __attribute__((noreturn))
child_run(const struct sup__plan *plan, int fd)
{
	struct child c = { .plan = plan, .fd = fd, .program_fd = AT_FDCWD };

	child_fds(&c);
	child_wait_leave(&c);
	if (syscall(SYS_setsid) < 0)
		child_fail(&c, SUP__STEP_SESSION, 0, errno);
	child_stdio(&c);
	child_limits(&c);
	child_ids(&c);
	if (plan->spec->cwd && syscall(SYS_chdir, plan->spec->cwd) < 0)
		child_fail(&c, SUP__STEP_CWD, 0, errno);
	if (plan->spec->watchdog_ms)
		child_watchdog(&c);
	child_signals();
	child_exec(&c);
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
	bool was_exact = sup__thread_begin_clone();
	long pid;
	int err;

	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old, sizeof(all));
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid)
		child_run(plan, fd);
	err = errno;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof(old));
	sup__thread_end_clone(was_exact);
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
			     fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
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
	struct sup__failure failure;
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
	return sup__plan_error(plan, &failure);

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
	ret = start->born ? start->born(p, start->arg) : 0;
	if (!ret && start->src)
		ret = start->src->ops->watch(start->src, p);
	if (ret)
		goto kill_child;
	ret = release_child(plan, fds[0]);
	goto close_ours;

kill_child:
	kill_and_reap(p);
	if (start->unborn)
		start->unborn(start->arg);
	/* ORDER: after that nobody else looks at it, so it needs no lock. */
	p->pid = 0;
close_ours:
	close(fds[0]);
	return ret;
}

/* What it says arrives at one end, of which reading must not wait. */
static int make_pipe(int *ret_read, int *ret_write)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return sup__error_sys(-errno, "a pipe");
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	*ret_read = fds[0];
	*ret_write = fds[1];
	return 0;
}

static int make_socket(int *ret_ours, int *ret_its)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return sup__error_sys(-errno, "the socket of a function");
	*ret_ours = fds[0];
	*ret_its = fds[1];
	return 0;
}

/* Our ends of what joins us with it are p's, its own are in extra. */
static int open_ends(const struct sup_process_spec *spec, struct sup__proc *p,
		     struct sup__plan_extra *extra, char *name)
{
	int ret = 0;

	if (spec->readiness == SUP_READY_NOTIFY || spec->watchdog_ms) {
		ret = sup__notify_open(name, &p->notify_fd);
		extra->notify_name = ret ? NULL : name;
	}
	if (!ret && spec->readiness == SUP_READY_FD)
		ret = make_pipe(&p->ready_fd, &extra->ready_fd);
	if (!ret && spec->capture)
		ret = make_pipe(&p->output_fd, &extra->output_fd);
	if (!ret && spec->function)
		ret = make_socket(&p->function_fd, &extra->function_fd);
	extra->program_fd = sup__program_fd();
	if (!ret && spec->function && extra->program_fd < 0)
		ret = sup__error_sys(extra->program_fd, "function \"%s\": "
				     "/proc/self/exe", spec->argv[1]);
	return ret;
}

static void close_ends(struct sup__plan_extra *extra)
{
	if (extra->ready_fd >= 0)
		close(extra->ready_fd);
	if (extra->output_fd >= 0)
		close(extra->output_fd);
	if (extra->function_fd >= 0)
		close(extra->function_fd);
}

int sup__proc_spawn(const struct sup__proc_start *start,
		    struct sup__proc *ret_p)
{
	struct sup__plan_extra extra = {
		.ready_fd = -1, .output_fd = -1, .function_fd = -1,
	};
	struct sup__proc p = SUP__PROC_INIT;
	char name[SUP__NOTIFY_NAME_MAX];
	struct sup__plan plan;
	int ret;

	ret = open_ends(start->spec, &p, &extra, name);
	if (ret)
		goto close_all;
	ret = sup__plan_init(&plan, start->spec, &extra);
	if (ret)
		goto close_all;
	p.uid = plan.ids.set_uid ? plan.ids.uid : geteuid();
	*ret_p = p;
	ret = spawn_planned(start, &plan, ret_p);
	sup__plan_fini(&plan);
	if (!ret || ret_p->pid)
		goto close_its;
	/* Nobody else knows of it, or not any more. */
	p = *ret_p;
	*ret_p = (struct sup__proc)SUP__PROC_INIT;

close_all:
	sup__proc_close(&p);
close_its:
	close_ends(&extra);
	return ret;
}
