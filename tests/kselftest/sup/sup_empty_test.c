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

/*
 * A member makes a group and gives it up; who is no member anywhere takes it.
 * What he has in it is of the lineage of its maker.
 */
struct sub {
	uint64_t id;
	unsigned char token[SUP_TOKEN_SIZE];
	pid_t outsider;
	int fail, inherit, adopt, template, attach, status;
	struct record r;
	int go[2], up[2], leave[2];
};

/* The outsider, from before there is a group whose member it could be. */
static struct sub *begin(struct __test_metadata *_metadata,
			 struct _test_data_empty *self,
			 void (*outsider)(struct sub *sub))
{
	struct sub *sub = shared_page();

	ASSERT_NE(NULL, sub);
	ASSERT_EQ(0, pipe(sub->go));
	ASSERT_EQ(0, pipe(sub->up));
	ASSERT_EQ(0, pipe(sub->leave));
	ASSERT_EQ(0, group_del(&self->s, self->g.id, false));
	sub->outsider = fork();
	if (!sub->outsider) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(sub->go[1]);
		outsider(sub);
		_exit(0);
	}
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	return sub;
}

/* A member that stays until it is told to leave. */
static void make_sub(void *arg)
{
	struct sub *sub = arg;
	struct group g;
	struct sup s;

	sub->fail = sup_open(&s) ?: group_new(&s, CHILDREN, 0, 0, &g) ?:
		    group_hand_over(&s, g.id, 60000, &g);
	sub->id = g.id;
	memcpy(sub->token, g.token, sizeof(sub->token));
	tell(sub->up[1]);
	told(sub->leave[0]);
}

static void come_too_late(struct sub *sub)
{
	struct member m;
	struct group g;
	struct sup s;
	pid_t pid;

	told(sub->go[0]);
	sub->fail = sup_open(&s);
	sub->inherit = group_adopt(&s, sub->id, sub->token, CHILDREN, &g);
	sub->adopt = group_adopt(&s, sub->id, sub->token, 0, &g);
	sub->template = spawn_set(&s, sub->id, PROCESS, 0);
	pid = spawn_waiting();
	sub->attach = member_add_pid(&s, sub->id, pid, start_ticks(pid),
				     PROCESS, 0, &m);
	kill(pid, SIGKILL);
	group_del(&s, sub->id, false);
	tell(sub->up[1]);
}

TEST_F(empty, who_adopts_after_the_lineage_was_told_brings_nobody_in)
{
	struct record r;
	struct sub *sub;

	sub = begin(_metadata, self, come_too_late);
	spawn(make_sub, sub);
	ASSERT_TRUE(told(sub->up[0]));
	ASSERT_EQ(0, sub->fail);
	tell(sub->leave[1]);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
	tell(sub->go[1]);
	ASSERT_TRUE(told(sub->up[0]));
	EXPECT_EQ(-ESTALE, sub->inherit);
	/* For what its records tell. */
	EXPECT_EQ(0, sub->adopt);
	EXPECT_EQ(-ESTALE, sub->template);
	EXPECT_EQ(-ESTALE, sub->attach);
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
	EXPECT_EQ(0, group_del(&self->s, self->g.id, false));
}

/* One child in each group that it takes. */
static void fork_in_each(struct sub *sub)
{
	struct group g;
	struct sup s;
	pid_t pid;

	while (told(sub->go[0])) {
		sub->fail = sup_open(&s) ?: group_adopt(&s, sub->id,
							sub->token, CHILDREN,
							&g);
		tell(sub->up[1]);
		told(sub->go[0]);
		pid = spawn(exit_with, NULL);
		waitpid(pid, &sub->status, 0);
		do {
			if (record_next(&s, &sub->r, 10000))
				sub->fail = -1;
		} while (!sub->fail && sub->r.kind != SUP_RECORD_KIND_EXIT &&
			 sub->r.kind != SUP_RECORD_KIND_OVERFLOW);
		group_del(&s, sub->id, true);
		sup_close(&s);
		tell(sub->up[1]);
	}
}

TEST_F(empty, who_is_born_after_the_lineage_was_told_does_not_run)
{
	struct record r;
	struct sub *sub;

	sub = begin(_metadata, self, fork_in_each);
	spawn(make_sub, sub);
	ASSERT_TRUE(told(sub->up[0]));
	tell(sub->go[1]);
	ASSERT_TRUE(told(sub->up[0]));
	ASSERT_EQ(0, sub->fail);
	tell(sub->leave[1]);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
	tell(sub->go[1]);
	ASSERT_TRUE(told(sub->up[0]));
	ASSERT_EQ(0, sub->fail);
	EXPECT_EQ(SIGKILL, WTERMSIG(sub->status));
	EXPECT_EQ(SUP_RECORD_KIND_OVERFLOW, sub->r.kind);
	EXPECT_EQ(SUP_OVERFLOW_CAUSE_LINEAGE_OVER, sub->r.cause);
	EXPECT_EQ(1, sub->r.killed);
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
	EXPECT_EQ(0, group_del(&self->s, self->g.id, false));
}

/* The last of a lineage ends while another is born to the outsider. */
TEST_F(empty, birth_beside_the_end_is_before_it_or_does_not_run)
{
	struct record r;
	struct sub *sub;
	int i;

	sub = begin(_metadata, self, fork_in_each);
	self->s.ack = self->g.id;
	for (i = 0; i < 30; i++) {
		spawn(make_sub, sub);
		ASSERT_TRUE(told(sub->up[0]));
		tell(sub->go[1]);
		ASSERT_TRUE(told(sub->up[0]));
		ASSERT_EQ(0, sub->fail);
		/* Now one, now the other first. */
		tell(i % 2 ? sub->leave[1] : sub->go[1]);
		tell(i % 2 ? sub->go[1] : sub->leave[1]);
		ASSERT_EQ(0, record_wait(&self->s,
					 SUP_RECORD_KIND_LINEAGE_EMPTY, &r));
		ASSERT_TRUE(told(sub->up[0]));
		ASSERT_EQ(0, sub->fail);
		if (sub->r.kind == SUP_RECORD_KIND_EXIT)
			ASSERT_LT(sub->r.time, r.time);
		if (sub->r.kind == SUP_RECORD_KIND_OVERFLOW)
			ASSERT_EQ(SIGKILL, WTERMSIG(sub->status));
	}
}

TEST_HARNESS_MAIN
