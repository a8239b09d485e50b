// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An actor is a process that does one thing after another: sends, reads, makes
 * and ends tasks, lets time pass. Actors differ in who they are: root, others,
 * and root of a user, pid or network namespace.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEMORY_LIMIT	(256ul << 20)

/* Here nothing is waited for: timers of the kernel are to run. */
void let_time_pass(struct fuzz *f, int ms)
{
	poll(NULL, 0, ms);
}

/* More was sent than is due by now. */
static bool is_ahead(void)
{
	double done = now_ns() - shared->start;
	double all = shared->end - shared->start;

	return shared->messages &&
	       shared->sent * all > shared->messages * done;
}

static void send_and_read(struct fuzz *f)
{
	int fd = socket_any(f);

	if (fd < 0)
		return;
	socket_send(f, fd);
	if (chance(f, 80))
		socket_drain(f, fd, 1 + below(f, 4));
}

static void read_all(struct fuzz *f)
{
	int i;

	for (i = 0; i < MAX_SOCKETS; i++)
		if (f->sockets[i] >= 0)
			socket_drain(f, f->sockets[i], 50);
}

static void become_other(struct fuzz *f)
{
	uid_t uid = chance(f, 50) ? 65534 : 1000;

	if (setresuid(-1, uid, chance(f, 50) ? 0 : uid) < 0)
		prctl(PR_SET_DUMPABLE, below(f, 2));
}

/* What happens once in a while. */
static void do_rare(struct fuzz *f)
{
	switch (below(f, 12)) {
	case 0:
		actor_exec(f);
		break;
	case 1:
		become_other(f);
		break;
	case 2:
		unshare(CLONE_NEWUSER);
		break;
	case 3:
		_exit(0);
	case 4:
		kill(getpid(), SIGKILL);
		break;
	case 5:
		unshare(chance(f, 50) ? CLONE_NEWNET : CLONE_FILES);
		break;
	default:
		let_time_pass(f, 1 + below(f, 60));
	}
}

static void step(struct fuzz *f)
{
	uint32_t what = below(f, 100);

	if (what < 62)
		send_and_read(f);
	else if (what < 70)
		child_spawn(f);
	else if (what < 78)
		child_change(f);
	else if (what < 84)
		socket_change(f);
	else if (what < 88)
		thread_spawn(f);
	else if (what < 91)
		socket_pass(f);
	else if (what < 97)
		read_all(f);
	else
		do_rare(f);
}

void actor_helper(struct fuzz *f)
{
	int n = 1 + below(f, 60);

	while (n--)
		send_and_read(f);
}

void actor_run(struct fuzz *f)
{
	while (f->left-- > 0) {
		while (is_ahead())
			let_time_pass(f, 1 + below(f, 400));
		step(f);
	}
	_exit(0);
}

static bool is_netlink(int fd)
{
	socklen_t len = sizeof(int);
	int domain;

	return !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) &&
	       domain == AF_NETLINK;
}

static void init(struct fuzz *f, uint64_t rng)
{
	int fd, n = 0;

	f->rng = rng;
	memset(f->sockets, -1, sizeof(f->sockets));
	memset(f->pidfds, -1, sizeof(f->pidfds));
	/* Those of the program that this one has replaced. */
	for (fd = 3; fd < FD_SHARED && n < MAX_SOCKETS; fd++)
		if (is_netlink(fd))
			f->sockets[n++] = fd;
}

/* The same process, as another program, with the sockets that it has. */
void actor_exec(struct fuzz *f)
{
	char rng[24], depth[12], left[12];
	char *argv[] = { "actor", "--actor", rng, depth, left, NULL };

	snprintf(rng, sizeof(rng), "%llu", (unsigned long long)rnd(f));
	snprintf(depth, sizeof(depth), "%d", f->depth);
	snprintf(left, sizeof(left), "%d", f->left);
	add(&shared->execs);
	syscall(SYS_execveat, FD_EXE, "", argv, environ, AT_EMPTY_PATH);
}

/* Arguments are those that actor_exec() has given. */
void actor_continue(char **argv)
{
	static struct fuzz f;

	init(&f, strtoull(argv[0], NULL, 10));
	f.depth = atoi(argv[1]);
	f.left = atoi(argv[2]);
	actor_run(&f);
}

static bool become_user(uid_t uid)
{
	/* To be seen as its own in /proc. */
	return !setresgid(uid, uid, uid) && !setresuid(uid, uid, uid) &&
	       !prctl(PR_SET_DUMPABLE, 1);
}

static bool become_root_of(int flags)
{
	if (unshare(CLONE_NEWUSER | flags) < 0)
		return false;
	return write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/uid_map", "0 1000 1") &&
	       write_file("/proc/self/gid_map", "0 1000 1") &&
	       !setresuid(0, 0, 0);
}

/* The first process of its pid namespace; the parent goes with it. */
static bool become_init(int flags)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID | flags) < 0)
		return false;
	pid = fork();
	if (pid < 0)
		return false;
	if (pid) {
		waitpid(pid, &status, 0);
		_exit(0);
	}
	mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	return true;
}

/* False if it could not be who it should be. */
static bool become(int slot)
{
	switch (slot % 8) {
	case 2:
		return become_user(65534);
	case 3:
		return become_user(1000);
	case 4:
		return become_user(1000) && become_root_of(0);
	case 5:
		return become_user(1000) &&
		       become_root_of(CLONE_NEWNET | CLONE_NEWNS) &&
		       become_init(0);
	case 6:
		return !unshare(CLONE_NEWNET);
	case 7:
		return become_init(CLONE_NEWNS);
	default:
		return true;
	}
}

void actor_start(int slot, uint64_t life)
{
	struct rlimit memory = { MEMORY_LIMIT, MEMORY_LIMIT };
	struct rlimit core = { 0, 65536 };
	static struct fuzz f;

	init(&f, mix(shared->seed, (uint64_t)slot << 48 | life));
	setrlimit(RLIMIT_AS, &memory);
	setrlimit(RLIMIT_CORE, &core);
	if (!become(slot)) {
		/* There may be no room for another process now. */
		if (errno != EAGAIN && errno != ENOMEM && errno != ENOSPC)
			fail("actor %d: %s", slot, strerror(errno));
		_exit(1);
	}
	alarm(60);
	f.left = 20 + below(&f, 600);
	actor_run(&f);
}
