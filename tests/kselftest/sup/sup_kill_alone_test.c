// SPDX-License-Identifier: GPL-2.0
/* group-kill of a group without its subgroups; and who is born meanwhile. */
#include "sup_test.h"

/* Of the subgroup that a member makes, and of who else is born. */
struct shared {
	struct group sub;
	pid_t owner, child, grandchild;
	int born, target;	/* of bombs */
};

FIXTURE(alone) {
	struct sup s;
	struct group g;
	struct shared *sh;
	int go[2], up[2];
};

FIXTURE_SETUP(alone)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	self->s.ack = self->g.id;
	self->sh = shared_page();
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* A retained subgroup would outlive the test. */
FIXTURE_TEARDOWN(alone)
{
	struct group k;
	struct sup s;

	group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k);
	if (!sup_open(&s)) {
		if (self->sh && self->sh->sub.id &&
		    !group_adopt(&s, self->sh->sub.id, self->sh->sub.token, 0,
				 &k))
			group_del(&s, k.id, true);
		sup_close(&s);
	}
	sup_close(&self->s);
}

#define alone_data _test_data_alone

/* In the subgroup: has a child when it is told to. */
static void fork_when_told(void *arg)
{
	struct alone_data *self = arg;

	/* Not left to the parent, who may be killed before it stores it. */
	self->sh->child = getpid();
	tell(self->up[1]);
	told(self->go[0]);
	self->sh->grandchild = spawn_waiting();
	tell(self->up[1]);
	wait_for_signal(NULL);
}

static void own_subgroup(void *arg)
{
	struct alone_data *self = arg;
	struct sup s;

	if (sup_open(&s) || group_new(&s, CHILDREN, SUP_POLICY_RETAIN, 3600000,
				      &self->sh->sub))
		_exit(1);
	spawn(fork_when_told, self);
	wait_for_signal(NULL);
}

TEST_F(alone, subgroups_live_on_and_grow)
{
	struct shared *sh = self->sh;
	struct record r;
	struct group k;
	int status;

	sh->owner = spawn(own_subgroup, self);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, group_kill_alone(&self->s, self->g.id, SIGKILL, &k));
	EXPECT_EQ(1, k.signalled);
	EXPECT_EQ(0, k.refused);
	ASSERT_EQ(0, record_exit_of(&self->s, sh->owner, &r));
	EXPECT_EQ(SIGKILL, r.signal);
	EXPECT_EQ(SUP_RECORD_FLAG_BY_GROUP,
		  r.flags & SUP_RECORD_FLAG_BY_GROUP);
	ASSERT_EQ(sh->owner, waitpid(sh->owner, &status, 0));
	/* The subgroup has lost its owner, and waits for another. */
	ASSERT_TRUE(group_reaches(&self->s, sh->sub.id,
				  SUP_GROUP_STATE_RETAINED));
	EXPECT_TRUE(alive(sh->child));
	tell(self->go[1]);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_TRUE(alive(sh->grandchild));
	ASSERT_EQ(0, group_get(&self->s, sh->sub.id, &k));
	EXPECT_EQ(2, k.processes);
	/* So the group is not empty, until the subgroup is. */
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k));
	EXPECT_EQ(2, k.signalled);
	EXPECT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
}

TEST_F(alone, what_is_born_to_the_owner_later_lives)
{
	struct group k;
	struct record r;

	spawn_waiting();
	ASSERT_EQ(0, group_kill_alone(&self->s, self->g.id, SIGKILL, &k));
	EXPECT_EQ(1, k.signalled);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, (void *)8L),
				    &r));
	EXPECT_EQ(8, r.code);
}

TEST_F(alone, another_signal_goes_to_the_same)
{
	struct shared *sh = self->sh;
	struct record r;
	struct group k;

	sh->owner = spawn(own_subgroup, self);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, group_kill_alone(&self->s, self->g.id, 0, &k));
	EXPECT_EQ(1, k.signalled);
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, 0, 0, 0, &k));
	EXPECT_EQ(2, k.signalled);
	ASSERT_EQ(0, group_kill_alone(&self->s, self->g.id, SIGTERM, &k));
	EXPECT_EQ(1, k.signalled);
	ASSERT_EQ(0, record_exit_of(&self->s, sh->owner, &r));
	EXPECT_EQ(SIGTERM, r.signal);
	EXPECT_EQ(0, r.flags & SUP_RECORD_FLAG_BY_GROUP);
	EXPECT_TRUE(alive(sh->child));
}

TEST_F(alone, not_with_a_lineage_or_a_member)
{
	static const int with[] = { SUP_A_GROUP_LINEAGE, SUP_A_GROUP_MEMBER };
	struct request r;
	struct member m;
	pid_t pid;
	int i;

	pid = spawn_waiting();
	ASSERT_EQ(0, member_get(&self->s, self->g.id, pid, PROCESS, &m));
	for (i = 0; i < 2; i++) {
		request_init(&r, &self->s, SUP_CMD_GROUP_KILL, false);
		put_u64(&r, SUP_A_GROUP_ID, self->g.id);
		put_u32(&r, SUP_A_GROUP_SIGNAL, SIGKILL);
		put_u64(&r, with[i], m.id);
		put_flag(&r, SUP_A_GROUP_ALONE);
		EXPECT_EQ(-EINVAL, call(&self->s, &r, NULL, NULL));
		EXPECT_STREQ("alone is for the whole group", self->s.extack);
	}
	EXPECT_TRUE(alive(pid));
}

/* Forks as fast as it can, and so does all that comes of it. */
static void bomb(void *arg)
{
	fork_bomb(&((struct shared *)arg)->born, 300);
}

static bool has_target(void *arg)
{
	struct shared *sh = arg;

	return __atomic_load_n(&sh->born, __ATOMIC_ACQUIRE) >= sh->target;
}

static bool has_none(void *arg)
{
	struct sup *s = arg;
	struct group g;

	return !group_get(s, s->ack, &g) && !g.processes;
}

TEST_F(alone, nothing_of_the_group_itself_survives)
{
	struct shared *sh = self->sh;
	struct record r;
	struct group k;
	int round, i;

	sh->owner = spawn(own_subgroup, self);
	ASSERT_TRUE(told(self->up[0]));
	for (round = 0; round < 5; round++) {
		sh->born = 0;
		sh->target = 30;
		for (i = 0; i < 3; i++)
			spawn(bomb, sh);
		ASSERT_TRUE(eventually(has_target, sh));
		ASSERT_EQ(0, group_kill_alone(&self->s, self->g.id, SIGKILL,
					      &k));
		EXPECT_LE(3, k.signalled);
		/* The lineage with the subgroup is never empty. */
		for (i = 0; i < 3; i++)
			ASSERT_EQ(0, record_wait(&self->s,
					SUP_RECORD_KIND_LINEAGE_EMPTY, &r));
		EXPECT_TRUE(eventually(has_none, &self->s));
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	EXPECT_TRUE(alive(sh->child));
}

/* Starts lineages until there is a target. */
static void *start_lineages(void *arg)
{
	struct shared *sh = arg;

	while (!__atomic_load_n(&sh->target, __ATOMIC_ACQUIRE) &&
	       sh->born < 300) {
		spawn_waiting();
		__atomic_fetch_add(&sh->born, 1, __ATOMIC_ACQ_REL);
	}
	return NULL;
}

static bool has_ten(void *arg)
{
	return __atomic_load_n(&((struct shared *)arg)->born,
			       __ATOMIC_ACQUIRE) >= 10;
}

TEST_F(alone, a_lineage_is_killed_or_younger)
{
	uint64_t last_killed = 0, first_spared = UINT64_MAX;
	struct shared *sh = self->sh;
	pthread_t thread;
	struct record r;
	struct group k;
	int i;

	/* The owner forks in one thread and kills in another. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, start_lineages, sh));
	ASSERT_TRUE(eventually(has_ten, sh));
	ASSERT_EQ(0, group_kill_alone(&self->s, self->g.id, SIGKILL, &k));
	EXPECT_LE(10, k.signalled);
	__atomic_store_n(&sh->target, 1, __ATOMIC_RELEASE);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	/* Who was spared ends by something else. */
	ASSERT_EQ(0, group_kill_alone(&self->s, self->g.id, SIGTERM, &k));
	for (i = 0; i < sh->born; i++) {
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
		if (r.signal == SIGKILL && r.member > last_killed)
			last_killed = r.member;
		if (r.signal == SIGTERM && r.member < first_spared)
			first_spared = r.member;
	}
	EXPECT_LT(last_killed, first_spared);
}

TEST_HARNESS_MAIN
