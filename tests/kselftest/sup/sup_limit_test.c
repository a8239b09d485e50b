// SPDX-License-Identifier: GPL-2.0
/* Limits of a user: what is above them does not run, and that is told. */
#include "sup_test.h"

#define NOBODY 65534

FIXTURE(limit) {
	struct sup s;
	struct group g;
};

/*
 * Each test lowers a limit, then becomes a user of its own, so that no other
 * group counts. The limits are set back by the setup of the next, as root.
 */
FIXTURE_SETUP(limit)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	sup_close(&self->s);
	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, param_set("max_members", "16384"));
	ASSERT_EQ(0, param_set("max_records", "65536"));
	ASSERT_EQ(0, param_set("max_groups", "1024"));
}

FIXTURE_TEARDOWN(limit)
{
	sup_close(&self->s);
}

TEST_F(limit, child_above_the_members_does_not_run)
{
	int *ran = shared_page(), i, status;
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, param_set("max_members", "3"));
	ASSERT_EQ(0, setresuid(NOBODY - 1, NOBODY - 1, NOBODY - 1));
	ASSERT_EQ(0, sup_open(&self->s));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	for (i = 0; i < 3; i++)
		spawn_waiting();
	pid = fork();
	if (!pid) {
		++*ran;
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	EXPECT_EQ(0, *ran);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_OVERFLOW, r.kind);
	EXPECT_EQ(SUP_OVERFLOW_CAUSE_LIMIT, r.cause);
	EXPECT_EQ(1, r.killed);
	EXPECT_EQ(0, r.untracked);
	/* More are counted until the record is acknowledged. */
	for (i = 0; i < 5; i++)
		waitpid(fork() ?: (_exit(0), 0), NULL, 0);
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, 1));
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(5, r.killed);
	EXPECT_EQ(2, r.seq);
}

TEST_F(limit, records_that_are_not_acknowledged_count)
{
	struct record r;
	int i, status;
	pid_t pid;

	ASSERT_EQ(0, param_set("max_records", "10"));
	ASSERT_EQ(0, setresuid(NOBODY - 2, NOBODY - 2, NOBODY - 2));
	ASSERT_EQ(0, sup_open(&self->s));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	for (i = 0; i < 10; i++)
		ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL),
					    &r));
	pid = spawn(exit_with, NULL);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_OVERFLOW, &r));
	EXPECT_EQ(1, r.killed);
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, r.seq));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL), &r));
}

static void *nothing(void *arg)
{
	return NULL;
}

TEST_F(limit, thread_above_the_members_runs_and_is_told)
{
	struct record r;
	pthread_t thread;

	ASSERT_EQ(0, param_set("max_members", "0"));
	ASSERT_EQ(0, setresuid(NOBODY - 3, NOBODY - 3, NOBODY - 3));
	ASSERT_EQ(0, sup_open(&self->s));
	ASSERT_EQ(0, group_new(&self->s, THREADS, 0, 0, &self->g));
	ASSERT_EQ(0, pthread_create(&thread, NULL, nothing, NULL));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_OVERFLOW, r.kind);
	EXPECT_EQ(0, r.killed);
	EXPECT_EQ(1, r.untracked);
}

TEST_F(limit, groups)
{
	struct group g;
	int i;

	ASSERT_EQ(0, param_set("max_groups", "4"));
	ASSERT_EQ(0, setresuid(NOBODY - 4, NOBODY - 4, NOBODY - 4));
	ASSERT_EQ(0, sup_open(&self->s));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &g));
	EXPECT_EQ(-EDQUOT, group_new(&self->s, 0, 0, 0, &self->g));
	EXPECT_STREQ("user is at a limit of the module", self->s.extack);
	ASSERT_EQ(0, group_del(&self->s, g.id, false));
	EXPECT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
}

TEST_F(limit, attaching_above_the_members)
{
	struct member m;
	pid_t pid;

	ASSERT_EQ(0, param_set("max_members", "0"));
	ASSERT_EQ(0, setresuid(NOBODY - 5, NOBODY - 5, NOBODY - 5));
	ASSERT_EQ(0, sup_open(&self->s));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
	pid = getpid();
	EXPECT_EQ(-EDQUOT, member_add_pid(&self->s, self->g.id, pid,
					  start_ticks(pid), THREAD, 0, &m));
	EXPECT_STREQ("group or user is at a limit of the module", self->s.extack);
}

/* The last: it leaves the limits as they were. */
TEST_F(limit, parameters_are_as_before)
{
	ASSERT_EQ(0, sup_open(&self->s));
	EXPECT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
}

TEST_HARNESS_MAIN
