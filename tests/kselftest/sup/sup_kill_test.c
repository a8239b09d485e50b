// SPDX-License-Identifier: GPL-2.0
/* Signals to groups, lineages and members; nothing that is killed escapes. */
#include "sup_test.h"

FIXTURE(kill) {
	struct sup s;
	struct group g;
	pid_t *shared;
};

FIXTURE_SETUP(kill)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	self->s.ack = self->g.id;
	self->shared = shared_page();
	/* What lives on without its parents would be a child of ours. */
	ASSERT_EQ(0, prctl(PR_SET_CHILD_SUBREAPER, 1));
}

FIXTURE_TEARDOWN(kill)
{
	sup_close(&self->s);
}

static bool counted(void *arg)
{
	int *n = arg;

	return __atomic_load_n(&n[0], __ATOMIC_ACQUIRE) >= n[1];
}

/* A child with two children; all three count themselves. */
static void family(void *arg)
{
	int *n = arg, i;

	for (i = 0; i < 2; i++)
		if (!fork())
			break;
	__atomic_fetch_add(n, 1, __ATOMIC_ACQ_REL);
	wait_for_signal(NULL);
}

TEST_F(kill, whole_group)
{
	struct group k;
	struct record r;
	int i;

	spawn(family, self->shared);
	spawn(family, self->shared);
	self->shared[1] = 6;
	ASSERT_TRUE(eventually(counted, self->shared));
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k));
	EXPECT_EQ(6, k.signalled);
	EXPECT_EQ(0, k.refused);
	for (i = 0; i < 6; i++) {
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
		EXPECT_EQ(SIGKILL, r.signal);
		EXPECT_EQ(SUP_RECORD_FLAG_BY_GROUP,
			  r.flags & SUP_RECORD_FLAG_BY_GROUP);
	}
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
}

TEST_F(kill, group_goes_on_after_it)
{
	struct group k;
	struct record r;

	spawn_waiting();
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, (void *)8L),
				    &r));
	EXPECT_EQ(8, r.code);
}

TEST_F(kill, one_lineage)
{
	struct member m;
	struct group k;
	struct record r;
	pid_t first, second;
	int i;

	first = spawn(family, self->shared);
	second = spawn(family, self->shared);
	self->shared[1] = 6;
	ASSERT_TRUE(eventually(counted, self->shared));
	ASSERT_EQ(0, member_get(&self->s, self->g.id, first, PROCESS, &m));
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, m.lineage, 0,
				&k));
	EXPECT_EQ(3, k.signalled);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
		EXPECT_EQ(m.lineage, r.lineage);
	}
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_LINEAGE_EMPTY, &r));
	EXPECT_EQ(m.lineage, r.lineage);
	EXPECT_TRUE(alive(second));
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &k));
	EXPECT_EQ(3, k.processes);
	EXPECT_EQ(-ESRCH, group_kill(&self->s, self->g.id, SIGKILL, m.lineage,
				     0, &k));
	EXPECT_STREQ("no such lineage or member in the group", self->s.extack);
}

TEST_F(kill, one_member)
{
	struct member m;
	struct group k;
	struct record r;
	pid_t a, b;

	a = spawn_waiting();
	b = spawn_waiting();
	ASSERT_EQ(0, member_get(&self->s, self->g.id, a, PROCESS, &m));
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGTERM, 0, m.id, &k));
	EXPECT_EQ(1, k.signalled);
	ASSERT_EQ(0, record_exit_of(&self->s, a, &r));
	EXPECT_EQ(SIGTERM, r.signal);
	EXPECT_EQ(0, r.flags & SUP_RECORD_FLAG_BY_GROUP);
	EXPECT_TRUE(alive(b));
	EXPECT_EQ(-ESRCH, group_kill(&self->s, self->g.id, SIGTERM, 0, m.id,
				     &k));
}

static bool is_stopped(void *arg)
{
	siginfo_t info = { .si_pid = 0 };

	return !waitid(P_PID, (id_t)(long)arg, &info,
		       WSTOPPED | WNOHANG | WNOWAIT) && info.si_pid;
}

TEST_F(kill, sigstop_stops_all_and_sigcont_lets_them_go_on)
{
	pid_t pids[2] = { spawn_waiting(), spawn_waiting() };
	struct group k;
	int i, status;

	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGSTOP, 0, 0, &k));
	EXPECT_EQ(2, k.signalled);
	for (i = 0; i < 2; i++)
		EXPECT_TRUE(eventually(is_stopped, (void *)(long)pids[i]));
	EXPECT_EQ(0, group_kill(&self->s, self->g.id, SIGCONT, 0, 0, &k));
	EXPECT_EQ(2, k.signalled);
	EXPECT_EQ(0, group_kill(&self->s, self->g.id, SIGTERM, 0, 0, &k));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		EXPECT_EQ(SIGTERM, WTERMSIG(status));
	}
}

TEST_F(kill, signal_0_only_asks)
{
	struct group k;
	pid_t pid = spawn_waiting();

	ASSERT_EQ(0, group_kill(&self->s, self->g.id, 0, 0, 0, &k));
	EXPECT_EQ(1, k.signalled);
	EXPECT_TRUE(alive(pid));
}

TEST_F(kill, threads_are_refused)
{
	struct member m, got;
	struct group k, g;

	ASSERT_EQ(0, group_new(&self->s, THREADS, 0, 0, &g));
	ASSERT_EQ(0, member_add_self(&self->s, g.id, 0, &m));
	ASSERT_EQ(0, member_get(&self->s, g.id, gettid(), THREAD, &got));
	EXPECT_EQ(-EOPNOTSUPP, group_kill(&self->s, g.id, SIGKILL, 0, got.id,
					  &k));
	EXPECT_STREQ("a thread cannot be signalled apart from its process",
		     self->s.extack);
	/* Of a group, threads are passed over. */
	EXPECT_EQ(0, group_kill(&self->s, g.id, SIGKILL, 0, 0, &k));
	EXPECT_EQ(0, k.signalled);
}

static void bomb(void *arg)
{
	fork_bomb(arg, 400);
}

static int living(struct sup *s, uint64_t id)
{
	struct group g;

	return group_get(s, id, &g) ? -1 : (int)g.processes;
}

TEST_F(kill, nothing_survives_of_a_fork_bomb)
{
	struct member m;
	struct group k;
	struct record r;
	int round, i;

	for (round = 0; round < 5; round++) {
		self->shared[0] = 0;
		self->shared[1] = 40;
		for (i = 0; i < 3; i++)
			m.pid = spawn(bomb, self->shared);
		ASSERT_TRUE(eventually(counted, self->shared));
		if (round % 2) {
			/* One lineage first, while the others go on. */
			ASSERT_EQ(0, member_get(&self->s, self->g.id, m.pid,
						PROCESS, &m));
			ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL,
						m.lineage, 0, &k));
			do {
				ASSERT_EQ(0, record_wait(&self->s,
					SUP_RECORD_KIND_LINEAGE_EMPTY, &r));
			} while (r.lineage != m.lineage);
		}
		ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0,
					&k));
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY,
					 &r));
		EXPECT_EQ(0, living(&self->s, self->g.id));
		EXPECT_TRUE(eventually(nobody_is_left, NULL));
	}
}

/* In a group of its own, so its children are that group's members. */
static void bomb_in_subgroup(void *arg)
{
	struct group g;
	struct sup s;

	if (sup_open(&s) || group_new(&s, CHILDREN, SUP_POLICY_RETAIN, 0, &g))
		_exit(1);
	bomb(arg);
}

static bool has_three(void *arg)
{
	struct sup *s = arg;
	struct group g;

	return !group_get(s, s->ack, &g) && g.subgroups == 3;
}

TEST_F(kill, nothing_survives_in_subgroups)
{
	struct group k;
	struct record r;
	int i;

	self->shared[1] = 60;
	for (i = 0; i < 3; i++)
		spawn(bomb_in_subgroup, self->shared);
	ASSERT_TRUE(eventually(counted, self->shared));
	ASSERT_TRUE(eventually(has_three, &self->s));
	EXPECT_EQ(3, living(&self->s, self->g.id));
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k));
	/* Empty means the subtree, so it comes after the last of the bombs. */
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
	EXPECT_TRUE(eventually(nobody_is_left, NULL));
}

/* Has a group with a child, which would wait an hour, and ends when told. */
static void leave_subgroup(int up, int go)
{
	struct group g;
	struct sup s;

	if (sup_open(&s) ||
	    group_new(&s, CHILDREN, SUP_POLICY_RETAIN, 3600000, &g))
		_exit(1);
	if (!fork()) {
		close(s.fd);
		wait_for_signal(NULL);
	}
	tell(up);
	told(go);
	_exit(0);
}

static bool has_none(void *arg)
{
	struct sup *s = arg;
	struct group g;

	return !group_get(s, s->ack, &g) && !g.subgroups;
}

/* Killed before, while, or after its group becomes one that waits. */
TEST_F(kill, what_loses_its_owner_meanwhile_waits_for_nobody)
{
	int i, up[2], go[2];
	struct group k;
	pid_t pid;

	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(0, pipe(go));
	for (i = 0; i < 30; i++) {
		pid = fork();
		if (!pid)
			leave_subgroup(up[1], go[0]);
		ASSERT_TRUE(told(up[0]));
		tell(go[1]);
		if (i % 3)
			ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		if (i % 3 == 2)
			sched_yield();
		ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0,
					&k));
		ASSERT_TRUE(eventually(has_none, &self->s));
		if (i % 3 == 0)
			waitpid(pid, NULL, 0);
	}
}

static void be_init(void *arg)
{
	int fd = (long)arg;

	if (unshare(CLONE_NEWPID))
		_exit(1);
	if (fork())
		wait_for_signal(NULL);
	/* The init of a pid namespace, which only its parent's can kill. */
	tell(fd);
	wait_for_signal(NULL);
}

TEST_F(kill, init_of_a_pid_namespace)
{
	struct group k;
	struct record r;
	int up[2];

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, pipe(up));
	spawn(be_init, (void *)(long)up[1]);
	close(up[1]);
	ASSERT_TRUE(told(up[0]));
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k));
	EXPECT_EQ(2, k.signalled);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
}

TEST_F(kill, sigterm_comes_from_the_owner)
{
	siginfo_t info;
	struct group k;
	sigset_t set;
	int status;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = fork();
	if (!pid) {
		sigwaitinfo(&set, &info);
		_exit(info.si_pid == getppid() ? 0 : 1);
	}
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGTERM, 0, 0, &k));
	EXPECT_EQ(1, k.signalled);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
