// SPDX-License-Identifier: GPL-2.0
/* Who sent the signal that ended a process. */
#include "sup_test.h"

FIXTURE(sender) {
	struct sup s;
	struct group g;
	int up[2];
};

FIXTURE_SETUP(sender)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, pipe(self->up));
}

FIXTURE_TEARDOWN(sender)
{
	sup_close(&self->s);
}

#define HAS_SENDER(r) ((r).flags & SUP_RECORD_FLAG_SENDER)

TEST_F(sender, of_each_kind_of_signal)
{
	const int signals[] = { SIGKILL, SIGTERM, SIGUSR1, SIGABRT, SIGRTMIN };
	struct record r;
	pid_t pid;
	int i;

	for (i = 0; i < 5; i++) {
		pid = spawn_waiting();
		ASSERT_EQ(0, kill(pid, signals[i]));
		ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
		EXPECT_EQ(signals[i], r.signal);
		ASSERT_TRUE(HAS_SENDER(r));
		EXPECT_EQ(getpid(), r.sender_pid);
		EXPECT_EQ(getuid(), r.sender_uid);
	}
}

TEST_F(sender, is_not_named_for_an_exit_or_a_fault)
{
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL), &r));
	EXPECT_FALSE(HAS_SENDER(r));
	pid = fork();
	if (!pid) {
		char *page = mmap(NULL, 4096, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		setrlimit(RLIMIT_CORE, &(struct rlimit){});
		*page = 0;
	}
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGSEGV, r.signal);
	EXPECT_FALSE(HAS_SENDER(r));
}

static void raise_abort(void *arg)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){});
	abort();
}

TEST_F(sender, of_abort_is_the_process_itself)
{
	struct record r;
	pid_t pid;

	pid = spawn(raise_abort, NULL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGABRT, r.signal);
	ASSERT_TRUE(HAS_SENDER(r));
	EXPECT_EQ(pid, r.sender_pid);
}

static void take_it(int sig)
{
}

TEST_F(sender, handled_signal_is_no_cause)
{
	struct record r;
	pid_t pid;

	signal(SIGTERM, take_it);
	pid = fork();
	if (!pid) {
		tell(self->up[1]);
		pause();
		_exit(17);
	}
	ASSERT_TRUE(told(self->up[0]));
	while (alive(pid))
		kill(pid, SIGTERM);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(17, r.code);
	EXPECT_FALSE(HAS_SENDER(r));
}

static void kill_parent(void *arg)
{
	kill(*(pid_t *)arg, SIGKILL);
}

TEST_F(sender, first_of_two_counts)
{
	pid_t *victim = shared_page(), killer;
	struct record r;

	*victim = spawn_waiting();
	killer = spawn(kill_parent, victim);
	ASSERT_EQ(killer, waitpid(killer, NULL, 0));
	kill(*victim, SIGKILL);
	ASSERT_EQ(0, record_exit_of(&self->s, *victim, &r));
	ASSERT_TRUE(HAS_SENDER(r));
	EXPECT_EQ(killer, r.sender_pid);
}

/* Takes the first SIGTERM itself; the next, from another, ends it. */
static void take_one(int up)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	tell(up);
	sigwait(&set, &sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	tell(up);
	wait_for_signal(NULL);
}

static void term(void *arg)
{
	kill(*(pid_t *)arg, SIGTERM);
}

TEST_F(sender, of_one_that_was_taken_is_not_that_of_the_next)
{
	pid_t *victim = shared_page(), second, pid;
	struct record r;

	pid = fork();
	if (!pid)
		take_one(self->up[1]);
	*victim = pid;
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, kill(*victim, SIGTERM));
	ASSERT_TRUE(told(self->up[0]));
	second = spawn(term, victim);
	ASSERT_EQ(0, record_exit_of(&self->s, *victim, &r));
	EXPECT_EQ(SIGTERM, r.signal);
	ASSERT_TRUE(HAS_SENDER(r));
	EXPECT_EQ(second, r.sender_pid);
}

TEST_F(sender, group_kill_is_flagged_instead)
{
	struct group k;
	struct record r;
	pid_t pid;

	pid = spawn_waiting();
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_TRUE(r.flags & SUP_RECORD_FLAG_BY_GROUP);
	EXPECT_FALSE(HAS_SENDER(r));
	pid = spawn_waiting();
	kill(pid, SIGKILL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_FALSE(r.flags & SUP_RECORD_FLAG_BY_GROUP);
}

TEST_HARNESS_MAIN
