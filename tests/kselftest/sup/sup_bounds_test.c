// SPDX-License-Identifier: GPL-2.0
/* A group's own limit of records, and what becomes of who is above it. */
#include "sup_test.h"

#define ALLOW SUP_GROUP_FLAG_ALLOW_UNTRACKED

FIXTURE(bounds) {
	struct sup s;
	struct group g;
	int *shared;
};

FIXTURE_SETUP(bounds)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	self->shared = shared_page();
}

FIXTURE_TEARDOWN(bounds)
{
	sup_close(&self->s);
}

static int bounded(struct sup *s, uint32_t flags, uint32_t max,
		   struct group *g)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_NEW, false);
	put_u32(&r, SUP_A_GROUP_FLAGS, flags);
	put_u32(&r, SUP_A_GROUP_MAX_RECORDS, max);
	return group_new_with(s, &r, g);
}

TEST_F(bounds, not_above_that_of_the_module)
{
	struct group g;

	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &g));
	EXPECT_EQ(-ERANGE, bounded(&self->s, 0, g.max_records + 1, &self->g));
	EXPECT_STREQ("max-records is above the module's max_group_records",
		     self->s.extack);
	EXPECT_NE(0, self->s.extack_attr);
	EXPECT_EQ(-ERANGE, bounded(&self->s, 0, 0, &self->g));
	ASSERT_EQ(0, bounded(&self->s, 0, g.max_records, &self->g));
	EXPECT_EQ(g.max_records, self->g.max_records);
	ASSERT_EQ(0, bounded(&self->s, 0, 7, &self->g));
	EXPECT_EQ(7, self->g.max_records);
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &g));
	EXPECT_EQ(7, g.max_records);
	/* It stays when another owns the group. */
	ASSERT_EQ(0, group_hand_over(&self->s, g.id, 0, &g));
	ASSERT_EQ(0, group_adopt(&self->s, g.id, g.token, 0, &g));
	EXPECT_EQ(7, g.max_records);
}

TEST_F(bounds, the_modules_is_a_parameter)
{
	int above, at, none;
	struct group g;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, param_set("max_group_records", "5"));
	above = bounded(&self->s, 0, 6, &g);
	at = bounded(&self->s, 0, 5, &g);
	none = group_new(&self->s, 0, 0, 0, &g);
	ASSERT_EQ(0, param_set("max_group_records", "32768"));
	EXPECT_EQ(-ERANGE, above);
	EXPECT_EQ(0, at);
	EXPECT_EQ(0, none);
	EXPECT_EQ(5, g.max_records);
}

/* True if a child was killed before it ran. */
static bool child_is_killed(int *ran)
{
	int status;
	pid_t pid;

	*ran = 0;
	pid = fork();
	if (!pid) {
		*ran = 1;
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && !*ran &&
	       WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

TEST_F(bounds, a_child_above_it_does_not_run)
{
	struct record r;
	pid_t pid[3];
	int i;

	ASSERT_EQ(0, bounded(&self->s, CHILDREN, 3, &self->g));
	for (i = 0; i < 3; i++)
		pid[i] = spawn_waiting();
	EXPECT_TRUE(child_is_killed(self->shared));
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_OVERFLOW, r.kind);
	EXPECT_EQ(SUP_OVERFLOW_CAUSE_LIMIT, r.cause);
	EXPECT_EQ(1, r.killed);
	EXPECT_EQ(0, r.untracked);
	/* An end that is not acknowledged counts as the living member did. */
	kill(pid[0], SIGKILL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid[0], &r));
	EXPECT_TRUE(child_is_killed(self->shared));
	/* What is acknowledged counts no more, and the second is told. */
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, r.seq));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_OVERFLOW, &r));
	EXPECT_EQ(1, r.killed);
	EXPECT_FALSE(child_is_killed(self->shared));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
	EXPECT_EQ(0, r.signal);
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &self->g));
	EXPECT_EQ(2, self->g.processes);
}

/* A member that has a child, and tells whether that ran. */
static void have_child(void *arg)
{
	int *ran = arg;

	ran[1] = child_is_killed(ran);
	tell(ran[2]);
	wait_for_signal(NULL);
}

TEST_F(bounds, children_of_members_count)
{
	struct record r;
	int up[2];

	ASSERT_EQ(0, pipe(up));
	self->shared[2] = up[1];
	ASSERT_EQ(0, bounded(&self->s, CHILDREN, 1, &self->g));
	spawn(have_child, self->shared);
	ASSERT_TRUE(told(up[0]));
	EXPECT_TRUE(self->shared[1]);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_OVERFLOW, r.kind);
	EXPECT_EQ(1, r.killed);
}

TEST_F(bounds, allow_untracked)
{
	struct record r;
	struct member m;
	struct group g;
	int up[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(up));
	self->shared[2] = up[1];
	ASSERT_EQ(0, bounded(&self->s, CHILDREN | ALLOW, 1, &self->g));
	EXPECT_EQ(CHILDREN | ALLOW, self->g.flags);
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &g));
	EXPECT_EQ(CHILDREN | ALLOW, g.flags);
	spawn(have_child, self->shared);
	ASSERT_TRUE(told(up[0]));
	EXPECT_FALSE(self->shared[1]);
	EXPECT_EQ(1, self->shared[0]);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_OVERFLOW, r.kind);
	EXPECT_EQ(SUP_OVERFLOW_CAUSE_LIMIT, r.cause);
	EXPECT_EQ(0, r.killed);
	EXPECT_EQ(1, r.untracked);
	/* The owner's own, too; it is no member. */
	pid = spawn_waiting();
	EXPECT_TRUE(alive(pid));
	EXPECT_EQ(-ESRCH, member_get(&self->s, self->g.id, pid, PROCESS, &m));
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, r.seq));
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(1, r.untracked);
	kill(pid, SIGKILL);
}

TEST_F(bounds, the_flag_goes_with_the_adopters_flags)
{
	struct group g;

	ASSERT_EQ(0, bounded(&self->s, CHILDREN | ALLOW, 1, &g));
	spawn_waiting();
	EXPECT_FALSE(child_is_killed(self->shared));
	ASSERT_EQ(0, group_hand_over(&self->s, g.id, 0, &g));
	ASSERT_EQ(0, group_adopt(&self->s, g.id, g.token, CHILDREN, &g));
	EXPECT_EQ(CHILDREN, g.flags);
	EXPECT_TRUE(child_is_killed(self->shared));
}

static void *nothing(void *arg)
{
	return NULL;
}

TEST_F(bounds, a_thread_above_it_runs_and_is_told)
{
	struct record r;
	struct member m;
	pthread_t thread;

	ASSERT_EQ(0, bounded(&self->s, THREADS, 1, &self->g));
	ASSERT_EQ(0, member_add_self(&self->s, self->g.id, 0, &m));
	ASSERT_EQ(0, pthread_create(&thread, NULL, nothing, NULL));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_OVERFLOW, r.kind);
	EXPECT_EQ(0, r.killed);
	EXPECT_EQ(1, r.untracked);
}

static int attach(struct sup *s, uint64_t group, pid_t pid)
{
	struct member m;

	return member_add_pid(s, group, pid, start_ticks(pid), PROCESS, 0, &m);
}

TEST_F(bounds, one_group_takes_nothing_from_another)
{
	struct group g;
	struct record r;
	pid_t pid[3];
	int i;

	for (i = 0; i < 3; i++)
		pid[i] = spawn_waiting();
	ASSERT_EQ(0, bounded(&self->s, CHILDREN, 1, &self->g));
	ASSERT_EQ(0, bounded(&self->s, 0, 2, &g));
	EXPECT_EQ(0, attach(&self->s, self->g.id, pid[0]));
	EXPECT_EQ(-EDQUOT, attach(&self->s, self->g.id, pid[1]));
	EXPECT_TRUE(child_is_killed(self->shared));
	EXPECT_EQ(0, attach(&self->s, g.id, pid[1]));
	EXPECT_EQ(0, attach(&self->s, g.id, pid[2]));
	/* Nor do the acknowledgements of one free what is the other's. */
	kill(pid[1], SIGKILL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid[1], &r));
	ASSERT_EQ(g.id, r.group);
	ASSERT_EQ(0, record_ack(&self->s, g.id, r.seq));
	EXPECT_TRUE(child_is_killed(self->shared));
	kill(pid[0], SIGKILL);
	kill(pid[2], SIGKILL);
}

TEST_F(bounds, templates_count)
{
	pid_t pid[2] = { spawn_waiting(), spawn_waiting() };
	struct record r;
	pid_t child;

	ASSERT_EQ(0, bounded(&self->s, 0, 1, &self->g));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 1));
	EXPECT_EQ(-EDQUOT, attach(&self->s, self->g.id, pid[0]));
	/* Another in its place takes no more. */
	EXPECT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 2));
	ASSERT_EQ(0, spawn_clear(&self->s, self->g.id));
	EXPECT_EQ(0, attach(&self->s, self->g.id, pid[0]));
	EXPECT_EQ(-EDQUOT, spawn_set(&self->s, self->g.id, PROCESS, 1));
	EXPECT_EQ(-ENOENT, spawn_clear(&self->s, self->g.id));
	kill(pid[0], SIGKILL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid[0], &r));
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, r.seq));
	/* What was taken for a template is its member's. */
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 3));
	child = spawn_waiting();
	EXPECT_EQ(-EDQUOT, attach(&self->s, self->g.id, pid[1]));
	kill(child, SIGKILL);
	ASSERT_EQ(0, record_exit_of(&self->s, child, &r));
	EXPECT_EQ(3, r.cookie);
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, r.seq));
	EXPECT_EQ(0, attach(&self->s, self->g.id, pid[1]));
	kill(pid[1], SIGKILL);
}

TEST_HARNESS_MAIN
