// SPDX-License-Identifier: GPL-2.0
/* A group given up on purpose, and what its next owner is told of the last. */
#include "sup_test.h"

/* What the former owner, another process, tells of itself. */
struct former {
	pid_t pid, member, stranger, born;
	uint64_t other;		/* a second group on the same socket */
	struct group before, handed;
	int fail, refused[5], socket;
	char extack[256];
};

FIXTURE(hand_over) {
	struct sup s;
	struct former *f;
	int go[2], up[2], fork[2];
};

/* Whatever becomes of a group without an owner, hand-over is not that. */
FIXTURE_VARIANT(hand_over) {
	uint32_t policy;
};

FIXTURE_VARIANT_ADD(hand_over, kill) {
	.policy = SUP_POLICY_KILL,
};

FIXTURE_VARIANT_ADD(hand_over, retain) {
	.policy = SUP_POLICY_RETAIN,
};

FIXTURE_SETUP(hand_over)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	self->f = shared_page();
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
	ASSERT_EQ(0, pipe(self->fork));
	/* Orphans are ours, so that none stays a zombie of init. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* A retained group would outlive the test: take it, and end it. */
FIXTURE_TEARDOWN(hand_over)
{
	struct former *f = self->f;
	uint64_t id = f ? f->handed.id : 0;
	struct group g;

	if (id) {
		group_adopt(&self->s, id, f->handed.token, 0, &g);
		group_kill(&self->s, id, SIGKILL, 0, 0, &g);
		group_del(&self->s, id, true);
	}
	if (f && f->pid)
		kill(f->pid, SIGKILL);
	if (f && f->stranger)
		kill(f->stranger, SIGKILL);
	sup_close(&self->s);
}

#define hand_over_data _test_data_hand_over

/* The socket is to be the former owner's alone. */
static void wait_without_socket(void *arg)
{
	close(((struct former *)arg)->socket);
	wait_for_signal(NULL);
}

/* The member: makes a child when it is told to. */
static void fork_when_told(void *arg)
{
	struct hand_over_data *self = arg;

	close(self->f->socket);
	told(self->fork[0]);
	self->f->born = spawn_waiting();
	tell(self->up[1]);
	wait_for_signal(NULL);
}

static void ask_in_vain(struct former *f, struct sup *s)
{
	struct record r;
	struct group g;
	uint64_t id = f->handed.id;

	f->refused[0] = group_kill(s, id, SIGKILL, 0, 0, &g);
	memcpy(f->extack, s->extack, sizeof(f->extack));
	f->refused[1] = group_del(s, id, true);
	f->refused[2] = record_ack(s, id, 1);
	f->refused[3] = record_dump(s, id, &r, 1);
	f->refused[4] = group_hand_over(s, id, 0, &g);
}

static void be_former(struct hand_over_data *self, uint32_t policy,
		      uint32_t grace_ms)
{
	struct former *f = self->f;
	struct record r;
	struct group g;
	struct sup s;

	f->fail = sup_open(&s) ?: group_new(&s, CHILDREN, policy, 0,
					    &f->before) ?:
		  record_exit_of(&s, spawn(exit_with, (void *)33L), &r);
	if (f->fail)
		_exit(1);
	f->socket = s.fd;
	f->member = spawn(fork_when_told, self);
	f->fail = group_hand_over(&s, f->before.id, grace_ms, &f->handed);
	ask_in_vain(f, &s);
	f->stranger = spawn(wait_without_socket, f);
	f->fail = f->fail ?: group_new(&s, 0, SUP_POLICY_KILL, 0, &g);
	f->other = g.id;
	tell(self->up[1]);
	told(self->go[0]);
	sup_close(&s);
	wait_for_signal(NULL);
}

/* A process that has handed its group over; false if it could not. */
static bool start(struct hand_over_data *self, uint32_t policy,
		  uint32_t grace_ms)
{
	pid_t pid = fork();

	if (!pid)
		be_former(self, policy, grace_ms);
	self->f->pid = pid;
	return told(self->up[0]) && !self->f->fail;
}

static int adopt(struct hand_over_data *self, uint32_t flags, struct group *g)
{
	return group_adopt(&self->s, self->f->handed.id, self->f->handed.token,
			   flags, g);
}

TEST_F(hand_over, nobody_dies_and_the_successor_is_told_everything)
{
	struct record r;
	struct group g;
	uint64_t seq = 1;

	ASSERT_TRUE(start(self, variant->policy, 60000));
	EXPECT_EQ(60000, self->f->handed.grace_ms);
	EXPECT_EQ(self->f->before.id, self->f->handed.id);
	ASSERT_EQ(0, group_get(&self->s, self->f->handed.id, &g));
	EXPECT_EQ(SUP_GROUP_STATE_RETAINED, g.state);
	EXPECT_EQ(0, g.owner_pid);
	EXPECT_EQ(1, g.processes);
	EXPECT_TRUE(alive(self->f->member));
	ASSERT_EQ(0, adopt(self, 0, &g));
	EXPECT_EQ(variant->policy, g.policy);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	EXPECT_EQ(33, r.code);
	EXPECT_EQ(1, r.seq);
	while (r.kind != SUP_RECORD_KIND_OWNER_LOST) {
		ASSERT_EQ(0, record_next(&self->s, &r, 10000));
		EXPECT_EQ(++seq, r.seq);
	}
	EXPECT_EQ(SUP_OWNER_LOSS_HANDED_OVER, r.owner_loss);
	EXPECT_EQ(self->f->pid, r.pid);
	EXPECT_EQ(1, r.count);
	/* And it is an owner like any other. */
	ASSERT_EQ(0, group_get(&self->s, g.id, &g));
	EXPECT_EQ(SUP_GROUP_STATE_OWNED, g.state);
	EXPECT_EQ(getpid(), g.owner_pid);
	ASSERT_EQ(0, group_kill(&self->s, g.id, SIGKILL, 0, 0, &g));
	EXPECT_EQ(1, g.signalled);
	ASSERT_EQ(0, record_exit_of(&self->s, self->f->member, &r));
	EXPECT_EQ(++seq, r.seq);
}

TEST_F(hand_over, its_token_works_once_and_the_old_one_never)
{
	struct group g, next;

	ASSERT_TRUE(start(self, variant->policy, 60000));
	EXPECT_EQ(-EACCES, group_adopt(&self->s, self->f->handed.id,
				       self->f->before.token, 0, &g));
	EXPECT_STREQ("token is not the group's", self->s.extack);
	ASSERT_EQ(0, adopt(self, 0, &g));
	EXPECT_NE(0, memcmp(g.token, self->f->handed.token, SUP_TOKEN_SIZE));
	EXPECT_EQ(-EACCES, adopt(self, 0, &g));
	/* Not when the group waits again, either. */
	ASSERT_EQ(0, group_hand_over(&self->s, self->f->handed.id, 0, &g));
	EXPECT_EQ(-EACCES, adopt(self, 0, &next));
	self->f->handed = g;
	EXPECT_EQ(0, adopt(self, 0, &g));
}

TEST_F(hand_over, the_former_owner_has_no_say)
{
	int i;

	ASSERT_TRUE(start(self, variant->policy, 60000));
	for (i = 0; i < 5; i++)
		EXPECT_EQ(-EPERM, self->f->refused[i]);
	EXPECT_STREQ("caller does not own the group", self->f->extack);
	EXPECT_TRUE(alive(self->f->member));
}

TEST_F(hand_over, who_is_born_meanwhile)
{
	struct member m, parent;
	struct record r;
	struct group g;

	ASSERT_TRUE(start(self, variant->policy, 60000));
	/* Children of the former owner are its own affair. */
	EXPECT_EQ(-ESRCH, member_get(&self->s, self->f->handed.id,
				     self->f->stranger, PROCESS, &m));
	/* Those of members are members. */
	tell(self->fork[1]);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, member_get(&self->s, self->f->handed.id, self->f->born,
				PROCESS, &m));
	ASSERT_EQ(0, member_get(&self->s, self->f->handed.id, self->f->member,
				PROCESS, &parent));
	EXPECT_EQ(parent.lineage, m.lineage);
	kill(self->f->born, SIGTERM);
	ASSERT_TRUE(wait_gone(self->f->born));
	ASSERT_EQ(0, adopt(self, CHILDREN, &g));
	EXPECT_EQ(CHILDREN, g.flags);
	ASSERT_EQ(0, record_exit_of(&self->s, self->f->born, &r));
	EXPECT_EQ(SIGTERM, r.signal);
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, (void *)44L),
				    &r));
	EXPECT_EQ(44, r.code);
}

TEST_F(hand_over, nobody_comes)
{
	ASSERT_TRUE(start(self, variant->policy, 50));
	EXPECT_TRUE(wait_gone(self->f->member));
	EXPECT_TRUE(group_ends(&self->s, self->f->handed.id));
	EXPECT_TRUE(alive(self->f->pid));
	EXPECT_TRUE(alive(self->f->stranger));
}

TEST_F(hand_over, the_grace_time_ends_with_the_adoption)
{
	struct group g, later;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, variant->policy, 0, &g));
	self->f->handed.id = g.id;
	self->f->member = spawn_waiting();
	/* Long enough for a slow machine to adopt in. */
	ASSERT_EQ(0, group_hand_over(&self->s, g.id, 2000, &g));
	ASSERT_EQ(0, group_adopt(&self->s, g.id, g.token, 0, &g));
	/* Another that nobody takes is over after the first would be. */
	ASSERT_EQ(0, group_new(&self->s, 0, variant->policy, 0, &later));
	ASSERT_EQ(0, group_hand_over(&self->s, later.id, 2000, &later));
	ASSERT_TRUE(group_ends(&self->s, later.id));
	ASSERT_EQ(0, group_get(&self->s, g.id, &g));
	EXPECT_EQ(SUP_GROUP_STATE_OWNED, g.state);
	EXPECT_TRUE(alive(self->f->member));
}

TEST_F(hand_over, what_the_former_owner_does_later_hurts_nobody)
{
	struct former *f = self->f;
	struct group g;

	ASSERT_TRUE(start(self, variant->policy, 60000));
	ASSERT_EQ(0, adopt(self, 0, &g));
	/* Its other group ends with the socket, so that was looked at. */
	tell(self->go[1]);
	ASSERT_TRUE(group_ends(&self->s, f->other));
	ASSERT_EQ(0, group_get(&self->s, g.id, &g));
	EXPECT_EQ(SUP_GROUP_STATE_OWNED, g.state);
	EXPECT_EQ(getpid(), g.owner_pid);
	kill(f->pid, SIGKILL);
	ASSERT_EQ(f->pid, waitpid(f->pid, NULL, 0));
	f->pid = 0;
	ASSERT_EQ(0, group_kill(&self->s, g.id, 0, 0, 0, &g));
	EXPECT_EQ(1, g.signalled);
}

TEST_F(hand_over, the_former_owner_ends_before_the_successor_comes)
{
	struct former *f = self->f;
	struct record r;
	struct group g;

	ASSERT_TRUE(start(self, variant->policy, 60000));
	tell(self->go[1]);
	ASSERT_TRUE(group_ends(&self->s, f->other));
	kill(f->pid, SIGKILL);
	ASSERT_EQ(f->pid, waitpid(f->pid, NULL, 0));
	f->pid = 0;
	ASSERT_EQ(0, adopt(self, 0, &g));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_OWNER_LOST, &r));
	EXPECT_EQ(SUP_OWNER_LOSS_HANDED_OVER, r.owner_loss);
	EXPECT_EQ(1, r.count);
	EXPECT_TRUE(alive(f->member));
}

TEST_F(hand_over, the_same_process_may_take_it_back)
{
	struct record r;
	struct group g;
	int i;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, variant->policy, 0, &g));
	self->f->handed.id = g.id;
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, (void *)5L),
				    &r));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, group_hand_over(&self->s, g.id, 0, &g));
		ASSERT_EQ(0, group_adopt(&self->s, g.id, g.token, CHILDREN,
					 &g));
		/* Each time it is told from the first record on. */
		ASSERT_EQ(0, record_exit_of(&self->s, r.pid, &r));
		EXPECT_EQ(1, r.seq);
	}
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_OWNER_LOST, &r));
	EXPECT_EQ(1, r.count);
	EXPECT_EQ(getpid(), r.pid);
	/* Those that happened while this one was not acknowledged. */
	ASSERT_EQ(0, record_ack(&self->s, g.id, r.seq));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_OWNER_LOST, &r));
	EXPECT_EQ(2, r.count);
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, (void *)6L),
				    &r));
	EXPECT_EQ(6, r.code);
}

static void *from_a_thread(void *arg)
{
	struct group *g = arg;
	struct sup s;
	long ret = sup_open(&s);

	if (!ret)
		ret = group_hand_over(&s, g->id, 0, g);
	sup_close(&s);
	return (void *)ret;
}

TEST_F(hand_over, only_the_owner_may)
{
	pthread_t thread;
	struct group g;
	int status;
	void *ret;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, 0, variant->policy, 0, &g));
	self->f->handed = g;
	pid = fork();
	if (!pid)
		_exit(-(long)from_a_thread(&g));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(EPERM, WEXITSTATUS(status));
	ASSERT_EQ(0, group_get(&self->s, g.id, &g));
	EXPECT_EQ(SUP_GROUP_STATE_OWNED, g.state);
	/* Any thread of it, on any socket of its own. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, from_a_thread, &g));
	ASSERT_EQ(0, pthread_join(thread, &ret));
	EXPECT_EQ(NULL, ret);
	EXPECT_EQ(0, group_adopt(&self->s, g.id, g.token, 0, &g));
}

TEST_F(hand_over, the_policy_holds_for_the_successor)
{
	struct record r;
	struct group g;
	struct sup s;

	ASSERT_TRUE(start(self, variant->policy, 60000));
	ASSERT_EQ(0, sup_open(&s));
	ASSERT_EQ(0, group_adopt(&s, self->f->handed.id, self->f->handed.token,
				 0, &g));
	sup_close(&s);
	if (variant->policy == SUP_POLICY_KILL) {
		EXPECT_TRUE(wait_gone(self->f->member));
		EXPECT_TRUE(group_ends(&self->s, g.id));
		return;
	}
	ASSERT_TRUE(group_reaches(&self->s, g.id, SUP_GROUP_STATE_RETAINED));
	self->f->handed = g;
	ASSERT_EQ(0, adopt(self, 0, &g));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_OWNER_LOST, &r));
	EXPECT_EQ(SUP_OWNER_LOSS_HANDED_OVER, r.owner_loss);
	ASSERT_EQ(0, record_ack(&self->s, g.id, r.seq));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_OWNER_LOST, &r));
	EXPECT_EQ(SUP_OWNER_LOSS_SOCKET_CLOSED, r.owner_loss);
	EXPECT_EQ(getpid(), r.pid);
}

/* How a group was lost that was not handed over. */

static void own_until_told(struct group *g, int up, int go, bool closes)
{
	struct sup s;

	if (sup_open(&s) ||
	    group_new(&s, 0, SUP_POLICY_RETAIN, 60000, g))
		_exit(1);
	tell(up);
	told(go);
	if (closes) {
		sup_close(&s);
		wait_for_signal(NULL);
	}
	_exit(0);
}

static int loss(struct sup *s, bool closes)
{
	struct group *g = shared_page();
	struct record r = { .owner_loss = -1 };
	int up[2], go[2];
	pid_t pid;

	if (pipe(up) || pipe(go))
		return -1;
	pid = fork();
	if (!pid)
		own_until_told(g, up[1], go[0], closes);
	told(up[0]);
	tell(go[1]);
	if (group_reaches(s, g->id, SUP_GROUP_STATE_RETAINED) &&
	    !group_adopt(s, g->id, g->token, 0, g))
		record_wait(s, SUP_RECORD_KIND_OWNER_LOST, &r);
	/* It would wait for adoption again, and hold the module. */
	if (group_del(s, g->id, true))
		r.pid = 0;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return r.pid == pid ? (int)r.owner_loss : -1;
}

TEST_F(sup, owner_loss_process_ended)
{
	EXPECT_EQ(SUP_OWNER_LOSS_PROCESS_ENDED, loss(&self->s, false));
}

TEST_F(sup, owner_loss_socket_closed)
{
	EXPECT_EQ(SUP_OWNER_LOSS_SOCKET_CLOSED, loss(&self->s, true));
}

TEST_HARNESS_MAIN
