// SPDX-License-Identifier: GPL-2.0
/* The exit record of a process: how it ended, when, and what is true by then */
#include <sys/file.h>

#include "sup_test.h"

#define NS_PER_SEC 1000000000ULL

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

FIXTURE(exits) {
	struct sup s;
	struct group g;
};

FIXTURE_SETUP(exits)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	self->s.ack = self->g.id;
}

FIXTURE_TEARDOWN(exits)
{
	sup_close(&self->s);
}

TEST_F(exits, code)
{
	struct record r;
	pid_t pid;
	int i;

	for (i = 0; i < 256; i += 51) {
		pid = spawn(exit_with, (void *)(long)i);
		ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
		EXPECT_EQ(i, r.code);
		EXPECT_EQ(0, r.signal);
		EXPECT_EQ(0, r.flags);
		EXPECT_EQ(pid, r.tgid);
		EXPECT_EQ(PROCESS, r.member_kind);
	}
}

TEST_F(exits, is_reapable_when_it_is_told)
{
	struct record r;
	int status, i;
	pid_t pid;

	for (i = 0; i < 50; i++) {
		pid = spawn(exit_with, (void *)3L);
		ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
		ASSERT_EQ(pid, waitpid(pid, &status, WNOHANG));
		EXPECT_EQ(3, WEXITSTATUS(status));
	}
}

static void hold_lock(void *arg)
{
	int fd = open(arg, O_RDWR);

	_exit(fd < 0 || flock(fd, LOCK_EX));
}

TEST_F(exits, has_closed_its_files_when_it_is_told)
{
	char path[] = "/tmp/sup_exit_XXXXXX";
	struct record r;
	int fd, i;
	pid_t pid;

	fd = mkstemp(path);
	ASSERT_LE(0, fd);
	for (i = 0; i < 50; i++) {
		pid = spawn(hold_lock, path);
		ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
		EXPECT_EQ(0, r.code);
		ASSERT_EQ(0, flock(fd, LOCK_EX | LOCK_NB));
		flock(fd, LOCK_UN);
	}
	unlink(path);
}

TEST_F(exits, signals)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGUSR1, SIGHUP };
	struct record r;
	pid_t pid;
	int i;

	for (i = 0; i < 4; i++) {
		pid = spawn_waiting();
		ASSERT_EQ(0, kill(pid, signals[i]));
		ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
		EXPECT_EQ(signals[i], r.signal);
		EXPECT_EQ(0, r.code);
		EXPECT_EQ(0, r.flags & SUP_RECORD_FLAG_CORE);
	}
}

static void crash(void *arg)
{
	struct rlimit limit = { (long)arg, (long)arg };

	if (chdir("/tmp"))
		_exit(1);
	setrlimit(RLIMIT_CORE, &limit);
	raise(SIGSEGV);
}

TEST_F(exits, core_flag)
{
	struct record r;
	int status;
	pid_t pid;

	pid = spawn(crash, (void *)0L);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGSEGV, r.signal);
	EXPECT_EQ(0, r.flags & SUP_RECORD_FLAG_CORE);
	pid = spawn(crash, (void *)(64L << 20));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGSEGV, r.signal);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	if (!WCOREDUMP(status))
		SKIP(return, "no core is dumped here");
	EXPECT_EQ(SUP_RECORD_FLAG_CORE, r.flags & SUP_RECORD_FLAG_CORE);
}

static void burn(void *arg)
{
	struct rusage u;

	memset(mmap(NULL, 20 << 20, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, 20 << 20);
	do {
		getrusage(RUSAGE_SELF, &u);
	} while (u.ru_utime.tv_sec * 1000000 + u.ru_utime.tv_usec +
		 u.ru_stime.tv_sec * 1000000 + u.ru_stime.tv_usec < 100000);
}

TEST_F(exits, times_and_memory_are_those_of_wait)
{
	uint64_t waited, told, before, after;
	struct rusage u;
	struct record r;
	pid_t pid;

	before = clock_ns(CLOCK_MONOTONIC);
	pid = spawn(burn, NULL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	after = clock_ns(CLOCK_MONOTONIC);
	ASSERT_EQ(pid, wait4(pid, NULL, 0, &u));
	waited = (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * NS_PER_SEC +
		 (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000ULL;
	told = r.utime + r.stime;
	EXPECT_LE(NS_PER_SEC / 10, told);
	/* What runs after the record is made is counted by wait alone. */
	EXPECT_LE(told, waited + 2000);
	EXPECT_LE(waited, told + NS_PER_SEC / 20);
	EXPECT_LE(20 << 20, r.max_rss);
	EXPECT_EQ(u.ru_maxrss * 1024ULL, r.max_rss);
	EXPECT_LE(before, r.start_time);
	EXPECT_LT(r.start_time, r.time);
	EXPECT_LE(r.time, after);
	EXPECT_LE(r.start_time, r.start_boottime);
}

static void set_name(void *arg)
{
	prctl(PR_SET_NAME, "named (child)");
}

TEST_F(exits, name_and_ids)
{
	struct record r, next;
	pid_t pid;

	pid = spawn(set_name, NULL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_STREQ("named (child)", r.comm);
	EXPECT_NE(0, r.member);
	EXPECT_EQ(r.member, r.lineage);
	pid = spawn(exit_with, NULL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &next));
	EXPECT_LT(r.member, next.member);
}

TEST_F(exits, autoreaped_children_are_told_too)
{
	struct record r;
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);
	pid = spawn(exit_with, (void *)5L);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(5, r.code);
	EXPECT_EQ(-1, waitpid(pid, NULL, WNOHANG));
	EXPECT_EQ(ECHILD, errno);
}

TEST_HARNESS_MAIN
