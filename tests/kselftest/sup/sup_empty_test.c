// SPDX-License-Identifier: GPL-2.0
/* When a lineage or a group has no process left. */
#include "sup_test.h"

FIXTURE(empty) {
	struct sup s;
	struct group g;
	int go[2], up[2];
};

FIXTURE_SETUP(empty)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
}

FIXTURE_TEARDOWN(empty)
{
	sup_close(&self->s);
}

TEST_F(empty, records_come_in_order)
{
	struct record r;

	spawn(exit_with, NULL);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_LINEAGE_EMPTY, r.kind);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_GROUP_EMPTY, r.kind);
	EXPECT_EQ(1, r.count);
	EXPECT_EQ(3, r.seq);
	EXPECT_NE(0, r.time);
}

TEST_F(empty, lineage_lives_as_long_as_a_daemon)
{
	struct record r;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (!fork()) {
			setsid();
			tell(self->up[1]);
			told(self->go[0]);
		}
		_exit(0);
	}
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	/* The daemon keeps the lineage, and a second child has its own. */
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL), &r));
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_LINEAGE_EMPTY, r.kind);
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
	tell(self->go[1]);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_LINEAGE_EMPTY, r.kind);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_GROUP_EMPTY, r.kind);
}

TEST_F(empty, each_lineage_is_told_once)
{
	struct record r;
	int i, lineages = 0, empties = 0;

	self->s.ack = self->g.id;
	for (i = 0; i < 50; i++)
		spawn(exit_with, NULL);
	for (i = 0; i < 100; i++) {
		ASSERT_EQ(0, record_next(&self->s, &r, 10000));
		lineages += r.kind == SUP_RECORD_KIND_LINEAGE_EMPTY;
		if (r.kind == SUP_RECORD_KIND_GROUP_EMPTY) {
			empties += r.count;
			i--;
		}
	}
	EXPECT_EQ(50, lineages);
	EXPECT_LE(empties, 50);
}

TEST_F(empty, group_is_told_again_and_counts_what_was_not_acknowledged)
{
	struct record r;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL),
					    &r));
		ASSERT_EQ(0, record_wait(&self->s,
					 SUP_RECORD_KIND_LINEAGE_EMPTY, &r));
	}
	/* One record while the first is not acknowledged, then for the rest. */
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, r.seq));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
	EXPECT_EQ(2, r.count);
}

static void hold_subgroup(void *arg)
{
	int *fds = arg;
	struct group g;
	struct sup s;

	if (sup_open(&s) || group_new(&s, CHILDREN, SUP_POLICY_RETAIN, 0, &g))
		_exit(1);
	if (!fork()) {
		tell(fds[1]);
		told(fds[0]);
	}
	_exit(0);
}

TEST_F(empty, subgroup_keeps_the_lineage_that_made_it)
{
	int fds[2] = { self->go[0], self->up[1] };
	struct record r;
	pid_t pid;

	pid = spawn(hold_subgroup, fds);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(0, r.code);
	/* What lives is a member of the subgroup, which is retained. */
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
	EXPECT_EQ(-EBUSY, group_del(&self->s, self->g.id, false));
	tell(self->go[1]);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_LINEAGE_EMPTY, r.kind);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_GROUP_EMPTY, r.kind);
}

TEST_F(empty, threads_do_not_count)
{
	struct member m;
	struct record r;

	ASSERT_EQ(0, member_add_self(&self->s, self->g.id, 0, &m));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL), &r));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
}

TEST_HARNESS_MAIN
