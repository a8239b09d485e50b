// SPDX-License-Identifier: GPL-2.0
/* Groups that the kernel kills when something of a kind happens in them. */
#include <sys/ptrace.h>

#include "sup_test.h"

#define NOBODY 65534
#define BIT(kind) (1U << SUP_RECORD_KIND_##kind)
#define BY_GROUP(r) (!!((r).flags & SUP_RECORD_FLAG_BY_GROUP))

FIXTURE(fatal) {
	struct sup s;
	struct group g;
	int *shared;
	int up[2], go[2];
};

FIXTURE_SETUP(fatal)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	self->shared = shared_page();
	ASSERT_EQ(0, pipe(self->up));
	ASSERT_EQ(0, pipe(self->go));
}

FIXTURE_TEARDOWN(fatal)
{
	sup_close(&self->s);
}

#define fatal_data _test_data_fatal

static int begin(struct fatal_data *self, uint32_t fatal)
{
	int ret = group_new_telling(&self->s, CHILDREN, 0, fatal, 0, &self->g);

	self->s.ack = self->g.id;
	return ret ?: self->g.fatal == fatal ? 0 : -EPROTO;
}

static bool counted(void *arg)
{
	int *n = arg;

	return __atomic_load_n(&n[0], __ATOMIC_ACQUIRE) >= n[1];
}

static void count(int *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_ACQ_REL);
}

/* A child with two children; all three count themselves. */
static void family(void *arg)
{
	int i;

	for (i = 0; i < 2; i++)
		if (!fork())
			break;
	count(arg);
	wait_for_signal(NULL);
}

/*
 * Reads until the group is empty; how many were killed on its behalf. The exit
 * of another, if there is one, goes to ret: it may be told among them.
 */
static int killed_until_empty(struct sup *s, struct record *ret)
{
	struct record r;
	int n = 0;

	do {
		if (record_next(s, &r, 10000))
			return -1;
		if (r.kind != SUP_RECORD_KIND_EXIT)
			continue;
		if (!BY_GROUP(r) && !ret)
			return -2;
		if (BY_GROUP(r) && (r.signal != SIGKILL ||
				    r.sender_kind != SUP_SENDER_GROUP))
			return -3;
		if (BY_GROUP(r))
			n++;
		else
			*ret = r;
	} while (r.kind != SUP_RECORD_KIND_GROUP_EMPTY);
	return n;
}

TEST_F(fatal, one_exit_and_the_rest_is_killed)
{
	struct record r = {};
	pid_t pid;

	ASSERT_EQ(0, begin(self, BIT(EXIT)));
	spawn(family, self->shared);
	spawn(family, self->shared);
	self->shared[1] = 6;
	ASSERT_TRUE(eventually(counted, self->shared));
	pid = spawn(exit_with, (void *)3L);
	/* The one that began it says nothing of the group. */
	EXPECT_EQ(6, killed_until_empty(&self->s, &r));
	EXPECT_EQ(pid, r.pid);
	EXPECT_EQ(3, r.code);
}

/* In a group of its own, that is not fatal; its members count, too. */
static void own_subgroup(void *arg)
{
	struct group g;
	struct sup s;

	if (sup_open(&s) || group_new(&s, CHILDREN, SUP_POLICY_RETAIN, 0, &g))
		_exit(1);
	family(arg);
}

static bool has_ended(void *arg)
{
	struct sup *s = arg;
	struct group g;

	return !group_get(s, s->ack, &g) && !g.subgroups;
}

TEST_F(fatal, subgroups_are_killed_too)
{
	struct record r;
	struct group g;

	ASSERT_EQ(0, begin(self, BIT(EXIT)));
	spawn(own_subgroup, self->shared);
	spawn(own_subgroup, self->shared);
	self->shared[1] = 6;
	ASSERT_TRUE(eventually(counted, self->shared));
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &g));
	ASSERT_EQ(2, g.subgroups);
	EXPECT_EQ(2, g.processes);
	spawn(exit_with, NULL);
	/* Two are members of the group itself; empty means the whole tree. */
	EXPECT_EQ(2, killed_until_empty(&self->s, &r));
	/* Retaining is no way out for what was killed. */
	EXPECT_TRUE(eventually(has_ended, &self->s));
}

TEST_F(fatal, exit_in_a_subgroup_is_not_the_group_s)
{
	struct group g;
	struct record r;

	ASSERT_EQ(0, begin(self, BIT(EXIT)));
	ASSERT_EQ(0, pipe(self->go));
	if (!fork()) {
		struct sup s;

		if (sup_open(&s) || group_new(&s, CHILDREN, 0, 0, &g) ||
		    record_exit_of(&s, spawn(exit_with, NULL), &r))
			_exit(1);
		tell(self->up[1]);
		told(self->go[0]);
		_exit(7);
	}
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
	tell(self->go[1]);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
	EXPECT_EQ(7, r.code);
}

/* Forks as fast as it can, and so does all that comes of it, up to a limit. */
static void bomb(void *arg)
{
	int *n = arg;

	while (__atomic_load_n(n, __ATOMIC_RELAXED) < 150)
		if (fork() >= 0)
			count(n);
	wait_for_signal(NULL);
}

TEST_F(fatal, fork_bombs_do_not_survive)
{
	struct record r;
	struct group g;
	int round, i;

	ASSERT_EQ(0, begin(self, BIT(EXIT)));
	for (round = 0; round < 4; round++) {
		self->shared[0] = 0;
		self->shared[1] = 20;
		for (i = 0; i < 3; i++)
			spawn(bomb, self->shared);
		ASSERT_TRUE(eventually(counted, self->shared));
		spawn(exit_with, NULL);
		EXPECT_LT(0, killed_until_empty(&self->s, &r));
		ASSERT_EQ(0, group_get(&self->s, self->g.id, &g));
		EXPECT_EQ(0, g.processes);
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
}

TEST_F(fatal, what_is_started_later_lives)
{
	struct record r;
	pid_t pid;
	int i;

	ASSERT_EQ(0, begin(self, BIT(EXIT)));
	for (i = 0; i < 30; i++) {
		pid = spawn(exit_with, NULL);
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		/* The killing of what was there then may go on meanwhile. */
		pid = spawn(exit_with, (void *)9L);
		ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
		EXPECT_EQ(9, r.code);
		EXPECT_EQ(0, r.signal);
		EXPECT_FALSE(BY_GROUP(r));
	}
}

/* Its child ends when told, then itself when told again. */
static void end_in_two_steps(void *arg)
{
	int *go = arg;
	pid_t pid = fork();

	if (!pid) {
		told(go[0]);
		_exit(1);
	}
	waitpid(pid, NULL, 0);
	told(go[0]);
	_exit(2);
}

TEST_F(fatal, lineage_that_ends)
{
	struct record r;

	ASSERT_EQ(0, begin(self, BIT(LINEAGE_EMPTY)));
	spawn(end_in_two_steps, self->go);
	spawn(family, self->shared);
	self->shared[1] = 3;
	ASSERT_TRUE(eventually(counted, self->shared));
	tell(self->go[1]);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(1, r.code);
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
	tell(self->go[1]);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
	EXPECT_EQ(2, r.code);
	EXPECT_FALSE(BY_GROUP(r));
	EXPECT_EQ(3, killed_until_empty(&self->s, NULL));
}

static void count_and_wait(void *arg)
{
	count(arg);
	wait_for_signal(NULL);
}

TEST_F(fatal, overflow)
{
	struct request r;
	struct record rec;
	int i, status;
	pid_t pid;

	request_init(&r, &self->s, SUP_CMD_GROUP_NEW, false);
	put_u32(&r, SUP_A_GROUP_FLAGS, CHILDREN);
	put_u32(&r, SUP_A_GROUP_FATAL, BIT(OVERFLOW));
	put_u32(&r, SUP_A_GROUP_MAX_RECORDS, 3);
	ASSERT_EQ(0, group_new_with(&self->s, &r, &self->g));
	for (i = 0; i < 3; i++)
		spawn(count_and_wait, self->shared);
	self->shared[1] = 3;
	ASSERT_TRUE(eventually(counted, self->shared));
	pid = spawn(count_and_wait, self->shared);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_OVERFLOW, &rec));
	EXPECT_EQ(1, rec.killed);
	EXPECT_EQ(SUP_OVERFLOW_CAUSE_LIMIT, rec.cause);
	EXPECT_EQ(3, killed_until_empty(&self->s, NULL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	EXPECT_EQ(3, self->shared[0]);
}

static void run(void *arg)
{
	char *argv[] = { "x", "wait", NULL };

	execv(helper_path(), argv);
}

TEST_F(fatal, exec)
{
	ASSERT_EQ(0, begin(self, BIT(EXEC)));
	spawn(family, self->shared);
	self->shared[1] = 3;
	ASSERT_TRUE(eventually(counted, self->shared));
	spawn(run, NULL);
	EXPECT_EQ(4, killed_until_empty(&self->s, NULL));
}

TEST_F(fatal, fork_of_which_the_child_never_runs)
{
	ASSERT_EQ(0, begin(self, BIT(FORK)));
	spawn(count_and_wait, self->shared);
	EXPECT_EQ(1, killed_until_empty(&self->s, NULL));
	EXPECT_EQ(0, self->shared[0]);
}

TEST_F(fatal, one_that_begins_to_exit)
{
	struct record r = { .code = 1 };

	ASSERT_EQ(0, begin(self, BIT(EXITING)));
	spawn(family, self->shared);
	self->shared[1] = 3;
	ASSERT_TRUE(eventually(counted, self->shared));
	spawn(exit_with, (void *)0L);
	EXPECT_EQ(3, killed_until_empty(&self->s, &r));
	EXPECT_EQ(0, r.code);
}

TEST_F(fatal, member_that_is_stuck)
{
	struct record r;
	int status;
	pid_t pid;

	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, 0, BIT(STUCK), 100,
				       &self->g));
	spawn(family, self->shared);
	self->shared[1] = 3;
	ASSERT_TRUE(eventually(counted, self->shared));
	pid = spawn_waiting();
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXIT));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, __WALL));
	ASSERT_TRUE(WIFSTOPPED(status));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
		EXPECT_TRUE(BY_GROUP(r));
		EXPECT_NE(pid, r.pid);
	}
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
}

/* Ends, and leaves a group with three members. */
static void end_as_owner(void *arg)
{
	struct group *g = arg;
	struct request r;
	struct sup s;
	int *n = (int *)(g + 1);

	if (sup_open(&s))
		_exit(1);
	request_init(&r, &s, SUP_CMD_GROUP_NEW, false);
	put_u32(&r, SUP_A_GROUP_FLAGS, CHILDREN);
	put_u32(&r, SUP_A_GROUP_POLICY, SUP_POLICY_RETAIN);
	put_u32(&r, SUP_A_GROUP_FATAL, BIT(OWNER_LOST));
	if (group_new_with(&s, &r, g))
		_exit(2);
	spawn(family, n);
	n[1] = 3;
	_exit(eventually(counted, n) ? 0 : 3);
}

TEST_F(fatal, loss_of_the_owner_of_what_is_retained)
{
	struct group *g = (void *)self->shared, got;
	struct record r;
	int i, status;
	pid_t pid;

	pid = spawn(end_as_owner, g);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, group_adopt(&self->s, g->id, g->token, 0, &got));
	EXPECT_EQ(BIT(OWNER_LOST), got.fatal);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
		EXPECT_TRUE(BY_GROUP(r));
	}
	EXPECT_EQ(0, group_del(&self->s, g->id, true));
}

TEST_F(fatal, threads_are_refused)
{
	const char *why = "a group with a fatal set has no thread members";
	pid_t pid = getpid();
	struct group g, got;
	struct member m;

	EXPECT_EQ(-EINVAL, group_new_telling(&self->s, THREADS, 0, BIT(EXIT),
					     0, &g));
	EXPECT_STREQ(why, self->s.extack);
	EXPECT_EQ(-EINVAL, group_new_telling(&self->s,
					     SUP_GROUP_FLAG_MEMBER_THREADS, 0,
					     BIT(FORK), 0, &g));
	ASSERT_EQ(0, begin(self, BIT(EXIT)));
	EXPECT_EQ(-EOPNOTSUPP, member_add_pid(&self->s, self->g.id, pid,
					      start_ticks(pid), THREAD, 0,
					      &m));
	EXPECT_STREQ(why, self->s.extack);
	EXPECT_EQ(-EOPNOTSUPP, spawn_set(&self->s, self->g.id, THREAD, 0));
	EXPECT_STREQ(why, self->s.extack);
	ASSERT_EQ(0, group_hand_over(&self->s, self->g.id, 10000, &g));
	EXPECT_EQ(-EINVAL, group_adopt(&self->s, self->g.id, g.token, THREADS,
				       &got));
	EXPECT_STREQ(why, self->s.extack);
	EXPECT_EQ(0, group_adopt(&self->s, self->g.id, g.token, CHILDREN,
				 &got));
}

TEST_F(fatal, own_threads_are_refused)
{
	struct member m;

	ASSERT_EQ(0, begin(self, BIT(EXIT)));
	EXPECT_EQ(-EOPNOTSUPP, member_add_self(&self->s, self->g.id, 0, &m));
}

struct refusal {
	struct record refused, killed;
	pid_t risen;
	bool lives;
};

/* Becomes nobody, the owner of a group with a member that becomes root. */
static int begin_with_risen(struct fatal_data *self, struct sup *s,
			    uint32_t fatal, pid_t *ret)
{
	pid_t pid;

	if (setresuid(NOBODY, NOBODY, 0) || sup_open(s) ||
	    group_new_telling(s, CHILDREN, BIT(REFUSED), fatal, 0, &self->g))
		return 1;
	pid = fork();
	if (!pid) {
		if (setresuid(0, 0, 0))
			_exit(1);
		tell(self->up[1]);
		wait_for_signal(NULL);
	}
	*ret = pid;
	return told(self->up[0]) ? 0 : 2;
}

/* Two that wait, one that was root before, and one that ends. */
static int be_refused(struct fatal_data *self, struct refusal *ret)
{
	struct sup s;
	int err = begin_with_risen(self, &s, BIT(EXIT), &ret->risen);

	if (err)
		return err;
	spawn_waiting();
	if (setresuid(NOBODY, NOBODY, NOBODY))
		return 3;
	spawn(exit_with, NULL);
	do {
		if (record_next(&s, &ret->killed, 10000))
			return 4;
		if (ret->killed.kind == SUP_RECORD_KIND_REFUSED)
			ret->refused = ret->killed;
	} while (!BY_GROUP(ret->killed));
	if (!ret->refused.cmd &&
	    record_wait(&s, SUP_RECORD_KIND_REFUSED, &ret->refused))
		return 5;
	ret->lives = alive(ret->risen);
	return 0;
}

TEST_F(fatal, refusal_is_told_and_does_not_stop_the_rest)
{
	struct refusal *ret = (void *)self->shared;
	int status;
	pid_t pid;

	if (geteuid())
		SKIP(return, "needs root");
	pid = fork();
	if (!pid)
		_exit(be_refused(self, ret));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(SUP_CMD_INFORM_NTF, ret->refused.cmd);
	EXPECT_EQ(ret->risen, ret->refused.pid);
	EXPECT_EQ(PROCESS, ret->refused.member_kind);
	EXPECT_EQ(SIGKILL, ret->killed.signal);
	EXPECT_TRUE(ret->lives);
	kill(ret->risen, SIGKILL);
}

#define MANY 100

/* Counts refusals until nothing comes any more. */
static int count_refusals(struct fatal_data *self, struct refusal *ret)
{
	struct record r;
	struct sup s;
	int err, n = 0;

	err = begin_with_risen(self, &s, BIT(EXIT) | BIT(REFUSED),
			       &ret->risen);
	if (err || setresuid(NOBODY, NOBODY, NOBODY))
		return MANY + 1;
	spawn(exit_with, NULL);
	while (n < MANY && !record_next(&s, &r, 1000))
		n += r.kind == SUP_RECORD_KIND_REFUSED;
	ret->lives = alive(ret->risen);
	return n;
}

TEST_F(fatal, refusal_that_is_fatal_is_not_so_for_ever)
{
	struct refusal *ret = (void *)self->shared;
	int status;
	pid_t pid;

	if (geteuid())
		SKIP(return, "needs root");
	pid = fork();
	if (!pid)
		_exit(count_refusals(self, ret));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(ret->lives);
	kill(ret->risen, SIGKILL);
	ASSERT_TRUE(WIFEXITED(status));
	EXPECT_LE(1, WEXITSTATUS(status));
	EXPECT_GE(2, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
