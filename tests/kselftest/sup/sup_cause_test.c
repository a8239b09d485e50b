// SPDX-License-Identifier: GPL-2.0
/* What kind of sender ended a process, under which name, by which signal. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "sup_test.h"

#define NOBODY 65534
#define HAS_SENDER(r) ((r).flags & SUP_RECORD_FLAG_SENDER)

struct plan {
	pid_t victim;
	int sig;
	const char *name;
	uid_t uid;
};

static void send_as(void *arg)
{
	const struct plan *p = arg;

	prctl(PR_SET_NAME, p->name);
	if (p->uid && setresuid(p->uid, p->uid, p->uid))
		_exit(1);
	_exit(kill(p->victim, p->sig) != 0);
}

/* Has another process send the signal; returns which, 0 if that failed. */
static pid_t send_by(const char *name, pid_t victim, int sig)
{
	struct plan p = { .victim = victim, .sig = sig, .name = name };
	pid_t pid = spawn(send_as, &p);
	int status;

	waitpid(pid, &status, 0);
	return status ? 0 : pid;
}

TEST_F(sup, process_is_named_as_it_was_then)
{
	struct record r;
	pid_t victim, killer;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	victim = spawn_waiting();
	killer = send_by("killer-of-it", victim, SIGTERM);
	ASSERT_NE(0, killer);
	ASSERT_EQ(0, record_exit_of(&self->s, victim, &r));
	EXPECT_EQ(SIGTERM, r.signal);
	ASSERT_TRUE(HAS_SENDER(r));
	EXPECT_EQ(SUP_SENDER_PROCESS, r.sender_kind);
	EXPECT_EQ(killer, r.sender_pid);
	EXPECT_EQ(getuid(), r.sender_uid);
	EXPECT_STREQ("killer-of-it", r.sender_comm);
}

TEST_F(sup, process_of_another_user)
{
	struct plan p = { .sig = SIGKILL, .name = "other", .uid = NOBODY };
	struct record r;
	pid_t killer;
	int status;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	p.victim = fork();
	if (!p.victim) {
		if (setresuid(NOBODY, NOBODY, NOBODY))
			_exit(1);
		for (;;)
			pause();
	}
	/* Until the victim has become nobody the killer may not. */
	do {
		killer = spawn(send_as, &p);
		waitpid(killer, &status, 0);
	} while (status);
	ASSERT_EQ(0, record_exit_of(&self->s, p.victim, &r));
	EXPECT_EQ(SIGKILL, r.signal);
	ASSERT_TRUE(HAS_SENDER(r));
	EXPECT_EQ(killer, r.sender_pid);
	EXPECT_EQ(NOBODY, r.sender_uid);
	EXPECT_STREQ("other", r.sender_comm);
}

static void *kill_in_thread(void *arg)
{
	prctl(PR_SET_NAME, "a-thread");
	kill(*(pid_t *)arg, SIGKILL);
	return NULL;
}

TEST_F(sup, name_is_that_of_the_sending_thread)
{
	struct record r;
	pthread_t thread;
	pid_t victim;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	victim = spawn_waiting();
	ASSERT_EQ(0, pthread_create(&thread, NULL, kill_in_thread, &victim));
	ASSERT_EQ(0, record_exit_of(&self->s, victim, &r));
	EXPECT_EQ(getpid(), r.sender_pid);
	EXPECT_STREQ("a-thread", r.sender_comm);
	pthread_join(thread, NULL);
}

static void wait_for_timer(void *arg)
{
	struct itimerval soon = { .it_value.tv_usec = 1000 };

	setitimer(ITIMER_REAL, &soon, NULL);
	wait_for_signal(NULL);
}

static void use_up_cpu(void *arg)
{
	struct rlimit limit = { 1, (long)arg };

	setrlimit(RLIMIT_CORE, &(struct rlimit){});
	setrlimit(RLIMIT_CPU, &limit);
	for (;;)
		;
}

TEST_F(sup, kernel_for_a_timer_or_a_limit)
{
	const struct {
		void (*fn)(void *arg);
		long arg;
		int signal;
	} cases[] = {
		{ wait_for_timer, 0, SIGALRM },
		{ use_up_cpu, 2, SIGXCPU },
		{ use_up_cpu, 1, SIGKILL },
	};
	struct record r;
	size_t i;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		spawn(cases[i].fn, (void *)cases[i].arg);
		do {
			ASSERT_EQ(0, record_next(&self->s, &r, 60000));
		} while (r.kind != SUP_RECORD_KIND_EXIT);
		EXPECT_EQ(cases[i].signal, r.signal);
		EXPECT_FALSE(HAS_SENDER(r));
		EXPECT_FALSE(has(&r, SUP_A_RECORD_SENDER_PID));
		EXPECT_FALSE(has(&r, SUP_A_RECORD_SENDER_COMM));
		ASSERT_TRUE(has(&r, SUP_A_RECORD_SENDER_KIND));
		EXPECT_EQ(SUP_SENDER_KERNEL, r.sender_kind);
		EXPECT_EQ(0, r.flags & SUP_RECORD_FLAG_FAULT);
	}
}

static void write_to_nobody(void *arg)
{
	int fds[2];

	if (!pipe(fds) && !close(fds[0]))
		tell(fds[1]);
}

TEST_F(sup, of_a_broken_pipe_is_the_writer_itself)
{
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = spawn(write_to_nobody, NULL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGPIPE, r.signal);
	ASSERT_TRUE(HAS_SENDER(r));
	EXPECT_EQ(pid, r.sender_pid);
}

TEST_F(sup, group_that_was_killed)
{
	struct record r;
	struct group k;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = spawn_waiting();
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	ASSERT_TRUE(has(&r, SUP_A_RECORD_SENDER_KIND));
	EXPECT_EQ(SUP_SENDER_GROUP, r.sender_kind);
	EXPECT_TRUE(r.flags & SUP_RECORD_FLAG_BY_GROUP);
	EXPECT_FALSE(HAS_SENDER(r));
	/* Any other signal is the owner's, as if by kill(2). */
	pid = spawn_waiting();
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGTERM, 0, 0, &k));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SUP_SENDER_PROCESS, r.sender_kind);
	EXPECT_EQ(getpid(), r.sender_pid);
	EXPECT_EQ(0, r.flags & SUP_RECORD_FLAG_BY_GROUP);
}

static void take_it(int sig)
{
	_exit(17);
}

TEST_F(sup, nobody_for_a_signal_that_was_handled)
{
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	signal(SIGTERM, take_it);
	pid = spawn_waiting();
	signal(SIGTERM, SIG_DFL);
	ASSERT_NE(0, send_by("unheard", pid, SIGTERM));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(17, r.code);
	EXPECT_FALSE(HAS_SENDER(r));
	EXPECT_FALSE(has(&r, SUP_A_RECORD_SENDER_KIND));
}

/* Waits with the signals blocked until it is told, then takes them. */
static pid_t spawn_blocking(int first, int second, int *go)
{
	sigset_t set, old;
	int fds[2];
	pid_t pid;

	if (pipe(fds))
		return -1;
	sigemptyset(&set);
	sigaddset(&set, first);
	sigaddset(&set, second);
	sigprocmask(SIG_BLOCK, &set, &old);
	pid = fork();
	if (!pid) {
		told(fds[0]);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		_exit(0);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(fds[0]);
	*go = fds[1];
	return pid;
}

TEST_F(sup, process_whose_signal_was_blocked_at_first)
{
	struct record r;
	pid_t pid, killer;
	int go;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = spawn_blocking(SIGTERM, SIGUSR1, &go);
	killer = send_by("early", pid, SIGTERM);
	ASSERT_NE(0, killer);
	EXPECT_TRUE(alive(pid));
	tell(go);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGTERM, r.signal);
	EXPECT_EQ(killer, r.sender_pid);
	EXPECT_STREQ("early", r.sender_comm);
}

TEST_F(sup, process_whose_signal_came_while_another_was_blocked)
{
	struct record r;
	pid_t pid, killer;
	int go;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = spawn_blocking(SIGTERM, SIGUSR1, &go);
	ASSERT_NE(0, send_by("early", pid, SIGTERM));
	killer = send_by("late", pid, SIGINT);
	ASSERT_NE(0, killer);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGINT, r.signal);
	EXPECT_EQ(killer, r.sender_pid);
	EXPECT_STREQ("late", r.sender_comm);
}

TEST_F(sup, of_two_that_were_blocked_is_never_the_wrong_one)
{
	struct record r;
	pid_t pid, usr1;
	int go;

	/* The kernel takes the lower number first: SIGUSR1. */
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = spawn_blocking(SIGTERM, SIGUSR1, &go);
	ASSERT_NE(0, send_by("term", pid, SIGTERM));
	usr1 = send_by("usr1", pid, SIGUSR1);
	tell(go);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGUSR1, r.signal);
	EXPECT_EQ(usr1, r.sender_pid);
	/* Of the first only the second is known; better none than that. */
	pid = spawn_blocking(SIGTERM, SIGUSR1, &go);
	usr1 = send_by("usr1", pid, SIGUSR1);
	ASSERT_NE(0, send_by("term", pid, SIGTERM));
	tell(go);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGUSR1, r.signal);
	if (HAS_SENDER(r))
		EXPECT_EQ(usr1, r.sender_pid);
}

#define PATTERN "/proc/sys/kernel/core_pattern"

FIXTURE(dump) {
	struct sup s;
	struct group g;
	char folder[32], pattern[256];
	int up, go;
};

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static int read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = 0;
	return n < 0;
}

static int fifo_in(const char *folder, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return mkfifo(path, 0600) ? -1 : open(path, O_RDWR | O_CLOEXEC);
}

FIXTURE_SETUP(dump)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid() || access(PATTERN, W_OK))
		SKIP(return, "needs root, and a kernel with core dumps");
	strcpy(self->folder, "/tmp/sup.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->folder));
	self->up = fifo_in(self->folder, "up");
	self->go = fifo_in(self->folder, "go");
	ASSERT_LT(0, self->up);
	ASSERT_LT(0, self->go);
	ASSERT_EQ(0, read_file(PATTERN, self->pattern, sizeof(self->pattern)));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
}

FIXTURE_TEARDOWN(dump)
{
	if (self->pattern[0])
		write_file(PATTERN, self->pattern);
	sup_close(&self->s);
}

/* Has cores given to a handler that reads nothing until it is told. */
static int handle_dumps(const char *folder)
{
	char pattern[128], link[64];

	snprintf(link, sizeof(link), "%s/h", folder);
	snprintf(pattern, sizeof(pattern), "|%s dump %s", link, folder);
	return symlink(helper_path(), link) ?: write_file(PATTERN, pattern);
}

TEST_F(dump, signal_while_it_is_dumped_comes_too_late)
{
	struct record r;
	pid_t pid, first;

	ASSERT_EQ(0, handle_dumps(self->folder));
	pid = spawn_waiting();
	first = send_by("first", pid, SIGSEGV);
	ASSERT_NE(0, first);
	ASSERT_TRUE(told(self->up));
	ASSERT_NE(0, send_by("second", pid, SIGTERM));
	tell(self->go);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGSEGV, r.signal);
	EXPECT_EQ(SUP_SENDER_PROCESS, r.sender_kind);
	EXPECT_EQ(first, r.sender_pid);
	EXPECT_STREQ("first", r.sender_comm);
	EXPECT_EQ(0, r.flags & SUP_RECORD_FLAG_FAULT);
}

TEST_F(dump, sigkill_while_it_is_dumped_has_the_kernel_s_say)
{
	pid_t pid, first, second;
	struct record r;
	int status;

	ASSERT_EQ(0, handle_dumps(self->folder));
	pid = spawn_waiting();
	first = send_by("first", pid, SIGSEGV);
	ASSERT_TRUE(told(self->up));
	second = send_by("second", pid, SIGKILL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	/* Whichever status the kernel gives, its sender is the one named. */
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(WTERMSIG(status), r.signal);
	EXPECT_EQ(r.signal == SIGKILL ? second : first, r.sender_pid);
	EXPECT_STREQ(r.signal == SIGKILL ? "second" : "first", r.sender_comm);
	tell(self->go);
}

static void dump_core(void *arg)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){ (long)arg, (long)arg });
	abort();
}

TEST_F(dump, core_is_told_if_there_is_one)
{
	char pattern[128];
	struct record r;

	snprintf(pattern, sizeof(pattern), "%s/core", self->folder);
	ASSERT_EQ(0, write_file(PATTERN, pattern));
	ASSERT_EQ(0, record_exit_of(&self->s,
				    spawn(dump_core, (void *)RLIM_INFINITY),
				    &r));
	EXPECT_EQ(SIGABRT, r.signal);
	EXPECT_TRUE(r.flags & SUP_RECORD_FLAG_CORE);
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(dump_core, (void *)0),
				    &r));
	EXPECT_EQ(SIGABRT, r.signal);
	EXPECT_FALSE(r.flags & SUP_RECORD_FLAG_CORE);
}

/* An owner that is nobody, with a member that becomes root and is killed. */
static int kill_the_risen(struct record *r)
{
	int up[2];
	struct group g;
	struct sup s;
	pid_t pid;

	if (pipe(up) || setresuid(NOBODY, NOBODY, 0) || sup_open(&s) ||
	    group_new(&s, CHILDREN, 0, 0, &g))
		return 1;
	pid = fork();
	if (!pid) {
		if (setresuid(0, 0, 0))
			_exit(1);
		tell(up[1]);
		wait_for_signal(NULL);
	}
	if (!told(up[0]) || setresuid(NOBODY, 0, 0) || kill(pid, SIGKILL))
		return 2;
	/* The group's power is that of nobody, whatever the owner is now. */
	return record_exit_of(&s, pid, r) ? 3 : 0;
}

TEST_F(sup, is_withheld_of_who_has_gained_rights)
{
	struct record *r = shared_page();
	int status;
	pid_t pid;

	if (geteuid())
		SKIP(return, "needs root");
	pid = fork();
	if (!pid)
		_exit(kill_the_risen(r));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(SIGKILL, r->signal);
	EXPECT_TRUE(r->flags & SUP_RECORD_FLAG_WITHHELD);
	EXPECT_FALSE(r->flags & SUP_RECORD_FLAG_SENDER);
	EXPECT_FALSE(has(r, SUP_A_RECORD_SENDER_KIND));
}

TEST_HARNESS_MAIN
