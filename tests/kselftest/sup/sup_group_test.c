// SPDX-License-Identifier: GPL-2.0
/* Groups: made, shown, ended. */
#include "sup_test.h"

static const unsigned char zero[SUP_TOKEN_SIZE];

TEST_F(sup, new_group_is_what_was_asked_for)
{
	struct group g;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, SUP_POLICY_RETAIN, 5000,
			       &g));
	EXPECT_NE(0, g.id);
	EXPECT_EQ(CHILDREN, g.flags);
	EXPECT_EQ(SUP_POLICY_RETAIN, g.policy);
	EXPECT_EQ(5000, g.grace_ms);
	EXPECT_NE(0, g.credit);
	EXPECT_EQ(0, g.parent);
	EXPECT_NE(0, memcmp(zero, g.token, sizeof(zero)));
}

TEST_F(sup, get_shows_owner_state_and_counts)
{
	struct group g, got;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &g));
	ASSERT_LT(0, spawn_waiting());
	ASSERT_EQ(0, group_get(&self->s, g.id, &got));
	EXPECT_EQ(g.id, got.id);
	EXPECT_EQ(SUP_GROUP_STATE_OWNED, got.state);
	EXPECT_EQ(getpid(), got.owner_pid);
	EXPECT_EQ(geteuid(), got.owner_uid);
	EXPECT_EQ(1, got.processes);
	EXPECT_EQ(0, got.threads);
	EXPECT_EQ(0, got.records);
	EXPECT_EQ(0, got.seq);
	EXPECT_EQ(0, memcmp(zero, got.token, sizeof(zero)));
}

TEST_F(sup, dump_has_every_group)
{
	struct group g[100], got[1000];
	int i, j, n;

	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &g[i]));
	n = group_dump(&self->s, got, 1000);
	ASSERT_LE(100, n);
	for (i = 0; i < 100; i++) {
		for (j = 0; j < n && got[j].id != g[i].id; j++)
			;
		EXPECT_LT(j, n);
	}
}

TEST_F(sup, ids_and_tokens_are_new_each_time)
{
	struct group a, b;

	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &a));
	ASSERT_EQ(0, group_del(&self->s, a.id, false));
	EXPECT_EQ(-ENOENT, group_get(&self->s, a.id, &b));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &b));
	EXPECT_LT(a.id, b.id);
	EXPECT_NE(0, memcmp(a.token, b.token, SUP_TOKEN_SIZE));
}

TEST_F(sup, del_is_refused_while_members_live)
{
	struct member m;
	struct group g;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &g));
	pid = spawn_waiting();
	EXPECT_EQ(-EBUSY, group_del(&self->s, g.id, false));
	EXPECT_STREQ("group has living members", self->s.extack);
	EXPECT_EQ(0, group_del(&self->s, g.id, true));
	/* It may join another group now, so it has left this one. */
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &g));
	EXPECT_EQ(0, member_add_pid(&self->s, g.id, pid, start_ticks(pid),
				    PROCESS, 0, &m));
	EXPECT_TRUE(alive(pid));
}

TEST_F(sup, only_one_group_inherits)
{
	struct group a, b;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &a));
	EXPECT_EQ(-EEXIST, group_new(&self->s, CHILDREN, 0, 0, &b));
	EXPECT_EQ(-EEXIST, group_new(&self->s, CHILDREN | THREADS, 0, 0, &b));
	EXPECT_EQ(0, group_new(&self->s, THREADS, 0, 0, &b));
	EXPECT_EQ(0, group_del(&self->s, a.id, false));
	EXPECT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &a));
}

static void make_subgroup(void *arg)
{
	struct group *shared = arg;
	struct group g;
	struct sup s;

	if (sup_open(&s) || group_new(&s, CHILDREN, 0, 0, &g))
		_exit(1);
	shared->parent = g.parent;
	shared->parent_lineage = g.parent_lineage;
	__atomic_store_n(&shared->id, g.id, __ATOMIC_RELEASE);
	wait_for_signal(NULL);
}

static bool has_id(void *arg)
{
	return __atomic_load_n(&((struct group *)arg)->id, __ATOMIC_ACQUIRE);
}

TEST_F(sup, subgroup_has_its_creators_group_for_parent)
{
	struct group g, got, *sub = shared_page();
	struct member m;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &g));
	pid = spawn(make_subgroup, sub);
	ASSERT_TRUE(eventually(has_id, sub));
	ASSERT_EQ(0, member_get(&self->s, g.id, pid, PROCESS, &m));
	EXPECT_EQ(g.id, sub->parent);
	EXPECT_EQ(m.lineage, sub->parent_lineage);
	ASSERT_EQ(0, group_get(&self->s, g.id, &got));
	EXPECT_EQ(1, got.subgroups);
}

TEST_F(sup, nesting_has_a_limit)
{
	int *depth = shared_page();
	struct group g;
	struct sup s;
	pid_t pid;
	int i;

	pid = fork();
	if (pid) {
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
		EXPECT_EQ(16, *depth);
		return;
	}
	for (i = 0; i < 20; i++) {
		if (sup_open(&s) || group_new(&s, CHILDREN, 0, 0, &g))
			_exit(0);
		++*depth;
		pid = fork();
		if (pid) {
			waitpid(pid, NULL, 0);
			_exit(0);
		}
	}
	_exit(0);
}

TEST_HARNESS_MAIN
