// SPDX-License-Identifier: GPL-2.0
/* Who tries to adopt a group that waits: siblings, members, other users. */
#include "sup_test.h"
#include "sup_attack.h"

struct told {
	uint64_t id, sub;
	unsigned char token[SUP_TOKEN_SIZE];
	pid_t owner, member;
	int ret[4];
};

FIXTURE(adopt) {
	struct sup s;
	struct told *t;
	int go[2], up[2];
};

FIXTURE_SETUP(adopt)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	self->t = shared_page();
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

FIXTURE_TEARDOWN(adopt)
{
	struct group g;

	if (self->t && self->t->member)
		kill(self->t->member, SIGKILL);
	if (self->t && self->t->id &&
	    !group_adopt(&self->s, self->t->id, NULL, 0, &g))
		group_del(&self->s, g.id, true);
	sup_close(&self->s);
}

#define adopt_data _test_data_adopt

/* A group of Alice's with one member, which runs fn, and an exit record. */
static void leave_group(struct __test_metadata *_metadata,
			struct adopt_data *self, void (*fn)(void *arg))
{
	struct told *t = self->t;
	struct record r;
	struct group g;
	struct sup s;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (become(ALICE) || sup_open(&s) ||
		    group_new(&s, CHILDREN, SUP_POLICY_RETAIN, 60000, &g))
			_exit(1);
		t->id = g.id;
		memcpy(t->token, g.token, sizeof(t->token));
		if (record_exit_of(&s, spawn(exit_with, (void *)5L), &r))
			_exit(1);
		t->member = spawn(fn, self);
		_exit(0);
	}
	t->owner = pid;
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_TRUE(reaches_state(&self->s, t->id, SUP_GROUP_STATE_RETAINED));
}

static bool is_untouched(struct adopt_data *self)
{
	struct group g;

	return !group_get(&self->s, self->t->id, &g) &&
	       g.state == SUP_GROUP_STATE_RETAINED && g.processes == 1 &&
	       g.acked == 0 && g.owner_uid == ALICE && alive(self->t->member);
}

static int no_token(struct sup *s, void *arg)
{
	struct told *t = arg;
	struct group g;

	return group_adopt(s, t->id, NULL, CHILDREN, &g);
}

static int right_token(struct sup *s, void *arg)
{
	struct told *t = arg;
	struct group g;

	return group_adopt(s, t->id, t->token, CHILDREN, &g);
}

/* Each of the token's bits matters. */
static int wrong_tokens(struct sup *s, void *arg)
{
	unsigned char token[SUP_TOKEN_SIZE];
	struct told *t = arg;
	struct group g;
	int i, ret = 0;

	for (i = 0; i < 8 * SUP_TOKEN_SIZE; i++) {
		memcpy(token, t->token, sizeof(token));
		token[i / 8] ^= 1 << i % 8;
		ret = group_adopt(s, t->id, token, 0, &g);
		if (ret != -EACCES)
			return -200;
	}
	return ret;
}

static int part_of_a_token(struct sup *s, void *arg)
{
	struct told *t = arg;
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_ADOPT, false);
	put_u64(&r, SUP_A_GROUP_ID, t->id);
	put_data(&r, SUP_A_GROUP_TOKEN, t->token, SUP_TOKEN_SIZE - 1);
	return call(s, &r, NULL, NULL);
}

TEST_F(adopt, sibling_without_the_token)
{
	leave_group(_metadata, self, wait_for_signal);
	EXPECT_EQ(-EPERM, as_user(ALICE, no_token, self->t));
	EXPECT_EQ(-EPERM, as_user(BOB, no_token, self->t));
	EXPECT_TRUE(is_untouched(self));
}

TEST_F(adopt, sibling_with_a_wrong_token)
{
	leave_group(_metadata, self, wait_for_signal);
	EXPECT_EQ(-EACCES, as_user(ALICE, wrong_tokens, self->t));
	EXPECT_GT(0, as_user(ALICE, part_of_a_token, self->t));
	EXPECT_TRUE(is_untouched(self));
	/* Nor is root helped by a wrong one. */
	self->t->token[0] ^= 1;
	EXPECT_EQ(-EACCES, right_token(&self->s, self->t));
	EXPECT_TRUE(is_untouched(self));
}

/* With a socket that its parent has opened: it acts for somebody else. */
TEST_F(adopt, sibling_on_a_socket_that_it_was_given)
{
	int status;
	pid_t pid;

	leave_group(_metadata, self, wait_for_signal);
	pid = fork();
	if (!pid)
		_exit(-right_token(&self->s, self->t));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(EPERM, WEXITSTATUS(status));
	EXPECT_TRUE(is_untouched(self));
}

static void try_as_member(void *arg)
{
	struct adopt_data *self = arg;
	struct sup s;

	told(self->go[0]);
	self->t->ret[0] = sup_open(&s) ?: right_token(&s, self->t);
	self->t->ret[1] = no_token(&s, self->t);
	tell(self->up[1]);
	wait_for_signal(NULL);
}

TEST_F(adopt, member_with_the_token)
{
	leave_group(_metadata, self, try_as_member);
	tell(self->go[1]);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(-EPERM, self->t->ret[0]);
	EXPECT_EQ(-EPERM, self->t->ret[1]);
	EXPECT_TRUE(is_untouched(self));
}

/* The member makes a group of its own; its child is a member of that. */
static void try_below(void *arg)
{
	struct adopt_data *self = arg;
	struct group g;
	struct sup s;

	if (sup_open(&s) || group_new(&s, CHILDREN, 0, 0, &g))
		_exit(1);
	self->t->sub = g.id;
	told(self->go[0]);
	self->t->ret[2] = right_token(&s, self->t);
	spawn(try_as_member, self);
	wait_for_signal(NULL);
}

TEST_F(adopt, member_of_a_subgroup_with_the_token)
{
	struct group g;

	leave_group(_metadata, self, try_below);
	tell(self->go[1]);
	tell(self->go[1]);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(-EPERM, self->t->ret[0]);
	EXPECT_EQ(-EPERM, self->t->ret[1]);
	EXPECT_EQ(-EPERM, self->t->ret[2]);
	EXPECT_TRUE(is_untouched(self));
	ASSERT_EQ(0, group_get(&self->s, self->t->sub, &g));
	EXPECT_EQ(self->t->id, g.parent);
}

/* The new owner has the group, with his rights instead of the former's. */
static int adopt_and_kill(struct sup *s, void *arg)
{
	struct told *t = arg;
	struct record r;
	struct group k;
	int ret;

	ret = right_token(s, t);
	if (ret)
		return ret;
	ret = group_kill(s, t->id, SIGKILL, 0, 0, &k);
	if (record_next(s, &r, 10000) || r.seq != 1 || r.code != 5 ||
	    record_wait(s, SUP_RECORD_KIND_OWNER_LOST, &r) ||
	    r.pid != t->owner)
		return -200;
	return ret ?: -201;
}

TEST_F(adopt, credentials_are_the_adopters_from_then_on)
{
	struct group g;

	leave_group(_metadata, self, wait_for_signal);
	EXPECT_EQ(-EPERM, as_user(BOB, adopt_and_kill, self->t));
	EXPECT_TRUE(alive(self->t->member));
	ASSERT_TRUE(reaches_state(&self->s, self->t->id,
				  SUP_GROUP_STATE_RETAINED));
	ASSERT_EQ(0, group_get(&self->s, self->t->id, &g));
	EXPECT_EQ(BOB, g.owner_uid);
	/* The token has gone with him, and the group is not Alice's to see. */
	EXPECT_EQ(-EACCES, as_user(ALICE, right_token, self->t));
}

/*
 * A member hands a group of its own to an accomplice outside: the members of
 * that stay below the group of their creator, and within its owner's reach.
 */
static void make_subgroup(struct adopt_data *self)
{
	struct told *t = self->t;
	struct group g;
	struct sup s;

	if (sup_open(&s) ||
	    group_new(&s, CHILDREN, SUP_POLICY_RETAIN, 60000, &g))
		_exit(1);
	t->member = spawn_waiting();
	t->sub = g.id;
	memcpy(t->token, g.token, sizeof(t->token));
	tell(self->up[1]);
	_exit(0);
}

TEST_F(adopt, subgroup_that_an_accomplice_adopts_shields_nobody)
{
	struct told *t = self->t;
	pid_t pid, accomplice;
	struct record r;
	struct group g;

	accomplice = fork();
	if (!accomplice) {
		struct sup s;

		told(self->go[0]);
		t->ret[0] = sup_open(&s) ?: group_adopt(&s, t->sub, t->token,
							0, &g);
		tell(self->up[1]);
		wait_for_signal(NULL);
	}
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &g));
	pid = fork();
	if (!pid)
		make_subgroup(self);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_TRUE(reaches_state(&self->s, t->sub, SUP_GROUP_STATE_RETAINED));
	tell(self->go[1]);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, t->ret[0]);
	EXPECT_TRUE(alive(t->member));
	ASSERT_EQ(0, group_kill(&self->s, g.id, SIGKILL, 0, 0, &g));
	EXPECT_EQ(1, g.signalled);
	EXPECT_TRUE(wait_gone(t->member));
	EXPECT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
	EXPECT_TRUE(alive(accomplice));
	kill(accomplice, SIGKILL);
}

static int adopt_sub(struct adopt_data *self)
{
	struct told *t = self->t;
	struct group g;
	struct sup s;

	return sup_open(&s) ?: group_adopt(&s, t->sub, t->token, 0, &g) ?:
	       group_del(&s, t->sub, true);
}

/* What is born to the owner of a group elsewhere would be born out of reach. */
TEST_F(adopt, member_adopts_only_below_its_group)
{
	struct told *t = self->t;
	struct group g;
	int status;
	pid_t pid;

	leave_group(_metadata, self, wait_for_signal);
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &g));
	pid = spawn(try_as_member, self);
	tell(self->go[1]);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(-EPERM, t->ret[0]);
	EXPECT_EQ(-EPERM, t->ret[1]);
	EXPECT_TRUE(is_untouched(self));
	kill(pid, SIGKILL);
	kill(t->member, SIGKILL);
	/* A sibling's, which is one of its group's. */
	pid = fork();
	if (!pid)
		make_subgroup(self);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_TRUE(reaches_state(&self->s, t->sub, SUP_GROUP_STATE_RETAINED));
	pid = fork();
	if (!pid)
		_exit(-adopt_sub(self));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/* The former owner's process lives, and has lost the group with its socket. */
TEST_F(adopt, former_owner_has_no_rights)
{
	struct group g, k;
	struct sup s;

	ASSERT_EQ(0, sup_open(&s));
	ASSERT_EQ(0, group_new(&s, 0, SUP_POLICY_RETAIN, 60000, &g));
	sup_close(&s);
	ASSERT_TRUE(reaches_state(&self->s, g.id, SUP_GROUP_STATE_RETAINED));
	EXPECT_EQ(-EPERM, group_kill(&self->s, g.id, SIGKILL, 0, 0, &k));
	EXPECT_EQ(-EPERM, group_del(&self->s, g.id, true));
	EXPECT_EQ(-EPERM, record_ack(&self->s, g.id, 0));
	/* With the token it is an adopter like any other. */
	ASSERT_EQ(0, group_adopt(&self->s, g.id, g.token, 0, &g));
	EXPECT_EQ(0, group_del(&self->s, g.id, true));
}

TEST_HARNESS_MAIN
