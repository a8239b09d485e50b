// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tasks that are born and die while messages are sent: children with a short
 * life of many kinds, and threads. An alarm ends each child; how many there
 * are is bounded by a control group.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK		(192 * 1024)
#define MAX_THREADS	4

static int nthreads;

static void wait_for_end(void)
{
	for (;;)
		pause();
}

static void *thread_wait(void *arg)
{
	wait_for_end();
	return NULL;
}

static void *thread_end(void *arg)
{
	return NULL;
}

static bool start_thread(void *(*fn)(void *arg), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	ret = pthread_create(&thread, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	if (!ret)
		add(&shared->threads);
	return !ret;
}

static void *thread_help(void *arg)
{
	actor_helper(arg);
	free(arg);
	__atomic_fetch_sub(&nthreads, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* A thread that is born and dies, or one that sends messages, too. */
void thread_spawn(struct fuzz *f)
{
	struct fuzz *copy;

	if (__atomic_load_n(&nthreads, __ATOMIC_RELAXED) >= MAX_THREADS ||
	    chance(f, 50)) {
		start_thread(thread_end, NULL);
		return;
	}
	copy = malloc(sizeof(*copy));
	if (!copy)
		return;
	*copy = *f;
	copy->rng = rnd(f);
	copy->seq += 1 << 16;
	__atomic_fetch_add(&nthreads, 1, __ATOMIC_RELAXED);
	if (start_thread(thread_help, copy))
		return;
	__atomic_fetch_sub(&nthreads, 1, __ATOMIC_RELAXED);
	free(copy);
}

/* Field 22 of /proc/PID/stat, 0 if there is none. */
static uint64_t start_ticks(pid_t pid)
{
	char path[32], line[512], *p;
	ssize_t n;
	int fd, i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	line[n] = '\0';
	p = strrchr(line, ')');
	for (i = 2; p && i < 22; i++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

static void crash(struct fuzz *f)
{
	struct rlimit core = { below(f, 2) * 65536, 65536 };

	setrlimit(RLIMIT_CORE, &core);
	*(volatile int *)(uintptr_t)below(f, 4096) = 0;
}

/* Some of the ways in which a child ends, or waits for its end. */
static void end_somehow(struct fuzz *f)
{
	static const int signals[] = {
		SIGKILL, SIGTERM, SIGABRT, SIGUSR1, SIGHUP, SIGSTOP,
	};

	switch (below(f, 8)) {
	case 0:
	case 1:
		_exit(below(f, 256));
	case 2:
		kill(getpid(), signals[below(f, ARRAY_SIZE(signals))]);
		break;
	case 3:
		kill(getpid(), 1 + below(f, 64));
		break;
	case 4:
		crash(f);
		break;
	case 5:
		/* The leader ends first, or the others with it. */
		start_thread(thread_wait, NULL);
		if (chance(f, 70))
			syscall(SYS_exit, 3);
		_exit(4);
	case 6:
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		break;
	}
	wait_for_end();
}

static void have_children(struct fuzz *f)
{
	int n = 1 + below(f, 3);

	while (n--) {
		if (fork())
			continue;
		f->rng = mix(f->rng, n);
		alarm(1 + below(f, 4));
		add(&shared->children);
		end_somehow(f);
	}
	if (chance(f, 30))
		while (waitpid(-1, NULL, 0) > 0)
			;
}

static void close_sockets(struct fuzz *f)
{
	int i;

	for (i = 0; i < MAX_SOCKETS; i++) {
		if (f->sockets[i] >= 0)
			close(f->sockets[i]);
		f->sockets[i] = -1;
	}
}

/* Children of a parent that is no more their parent: nobody's here. */
static void forget_children(struct fuzz *f)
{
	int i;

	for (i = 0; i < MAX_CHILDREN; i++) {
		if (f->pidfds[i] >= 0)
			close(f->pidfds[i]);
		f->pidfds[i] = -1;
		f->children[i] = 0;
	}
}

static void exec_something(struct fuzz *f)
{
	char *argv[] = { "waiting", "--wait", NULL };

	add(&shared->execs);
	syscall(SYS_execveat, FD_EXE, "", argv, environ, AT_EMPTY_PATH);
	_exit(5);
}

static void child_run(struct fuzz *f)
{
	nthreads = 0;
	alarm(1 + below(f, 8));
	forget_children(f);
	if (chance(f, 50))
		close_sockets(f);
	if (f->depth < 2 && chance(f, 15)) {
		f->depth++;
		f->left = 20 + below(f, 300);
		alarm(20);
		actor_run(f);
	}
	if (chance(f, 10))
		setsid();
	if (chance(f, 10) && !setresgid(65534, 65534, 65534) &&
	    !setresuid(65534, 65534, 65534))
		prctl(PR_SET_DUMPABLE, below(f, 2));
	if (chance(f, 5))
		unshare(below(f, 2) ? CLONE_NEWUSER : CLONE_NEWNET);
	if (chance(f, 25))
		have_children(f);
	if (chance(f, 10))
		start_thread(thread_end, NULL);
	if (chance(f, 10))
		exec_something(f);
	end_somehow(f);
}

static void learn_child(struct fuzz *f, int slot)
{
	struct thing t = {};
	uint64_t ticks = start_ticks(f->children[slot]);

	thing_put_number(&t, CLASS_PID, f->children[slot]);
	if (ticks)
		thing_put_number(&t, CLASS_START_TICKS, ticks);
	if (f->pidfds[slot] >= 0)
		thing_put_number(&t, CLASS_PIDFD, f->pidfds[slot]);
	learn(f, &t);
}

static void reap(struct fuzz *f)
{
	pid_t pid;
	int i;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0) {
		for (i = 0; i < MAX_CHILDREN; i++) {
			if (f->children[i] != pid)
				continue;
			f->children[i] = 0;
			if (chance(f, 80)) {
				close(f->pidfds[i]);
				f->pidfds[i] = -1;
			}
		}
	}
}

void child_spawn(struct fuzz *f)
{
	uint64_t seed = rnd(f);
	int i = 0;
	pid_t pid;

	reap(f);
	while (i < MAX_CHILDREN && f->children[i])
		i++;
	if (i == MAX_CHILDREN)
		return;
	if (f->pidfds[i] >= 0)
		close(f->pidfds[i]);
	f->pidfds[i] = -1;
	pid = fork();
	if (!pid) {
		f->rng = seed;
		child_run(f);
	}
	if (pid < 0)
		return;
	add(&shared->children);
	f->children[i] = pid;
	f->pidfds[i] = syscall(SYS_pidfd_open, pid, 0);
	learn_child(f, i);
}

/* Something happens to one of the children, if there are any. */
void child_change(struct fuzz *f)
{
	pid_t pid = f->children[below(f, MAX_CHILDREN)];

	reap(f);
	if (pid <= 0)
		return;
	switch (below(f, 6)) {
	case 0:
		kill(pid, SIGKILL);
		break;
	case 1:
		kill(pid, SIGTERM);
		break;
	case 2:
		kill(pid, SIGSTOP);
		break;
	case 3:
		kill(pid, SIGCONT);
		break;
	case 4:
		kill(pid, 1 + below(f, 64));
		break;
	default:
		ptrace(chance(f, 50) ? PTRACE_SEIZE : PTRACE_ATTACH, pid, 0, 0);
	}
}
