// SPDX-License-Identifier: GPL-2.0
/* Limits are a user's: his groups share them, and others' do not count. */
#include "sup_test.h"
#include "sup_attack.h"

struct told {
	uint64_t id;
	unsigned char token[SUP_TOKEN_SIZE];
	pid_t members[4];
	int n;
};

FIXTURE(quota) {
	struct sup s;
	struct told *t;
};

static void limits(const char *groups, const char *members,
		   const char *records)
{
	param_set("max_groups", groups);
	param_set("max_members", members);
	param_set("max_records", records);
}

FIXTURE_SETUP(quota)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	self->t = shared_page();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

FIXTURE_TEARDOWN(quota)
{
	struct group g;

	if (geteuid())
		return;
	limits("1024", "16384", "65536");
	if (self->t && self->t->id &&
	    !group_adopt(&self->s, self->t->id, NULL, 0, &g)) {
		group_kill(&self->s, g.id, SIGKILL, 0, 0, &g);
		group_del(&self->s, self->t->id, true);
	}
	sup_close(&self->s);
}

static void wait_with_parent(void *parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == (pid_t)(long)parent)
		wait_for_signal(NULL);
}

/* Attaches a process that waits; 0, or the error. */
static int attach_one(struct sup *s, uint64_t id)
{
	pid_t pid = spawn(wait_with_parent, (void *)(long)getpid());
	struct member m;
	int ret;

	ret = member_add_pid(s, id, pid, start_ticks(pid), PROCESS, 0, &m);
	if (ret)
		kill(pid, SIGKILL);
	return ret;
}

/*
 * Returns how many there was room for, negated. All is given back by then: not
 * by the ends of the processes, which nobody waits for, but by the groups'.
 */
static int fill(struct sup *s, void *arg)
{
	struct group a, b;
	int n = 0;

	if (group_new(s, 0, 0, 0, &a) || group_new(s, 0, 0, 0, &b))
		return -200;
	while (!attach_one(s, n % 2 ? a.id : b.id))
		n++;
	if (attach_one(s, a.id) != -EDQUOT || attach_one(s, b.id) != -EDQUOT)
		return -201;
	/* The end of one group gives back what it had. */
	if (group_del(s, a.id, true) || attach_one(s, b.id))
		return -202;
	return group_del(s, b.id, true) ? -203 : -n;
}

TEST_F(quota, groups_of_a_user_share_the_members)
{
	limits("1024", "5", "65536");
	EXPECT_EQ(-5, as_user(ALICE, fill, NULL));
	limits("1024", "16384", "5");
	EXPECT_EQ(-5, as_user(ALICE, fill, NULL));
}

/* While Alice has all that she may, Bob has as much. */
static int fill_and_let_bob(struct sup *s, void *arg)
{
	struct group g;
	int n = 0;

	if (group_new(s, 0, 0, 0, &g))
		return -200;
	while (!attach_one(s, g.id))
		n++;
	tell(((int *)arg)[1]);
	told(((int *)arg)[2]);
	return group_del(s, g.id, true) ? -201 : -n;
}

TEST_F(quota, users_do_not_share)
{
	int fds[4], status;
	pid_t pid;

	ASSERT_EQ(0, pipe(fds));
	ASSERT_EQ(0, pipe(fds + 2));
	limits("1024", "5", "65536");
	pid = fork();
	if (!pid) {
		int arg[] = { 0, fds[1], fds[2] };

		_exit(-as_user(ALICE, fill_and_let_bob, arg));
	}
	ASSERT_TRUE(told(fds[0]));
	EXPECT_EQ(-5, as_user(BOB, fill, NULL));
	tell(fds[3]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(5, WEXITSTATUS(status));
}

/* Three members, and two exits that nobody has acknowledged. */
static int leave(struct sup *s, void *arg)
{
	struct told *t = arg;
	struct record r;
	struct group g;
	int i;

	if (group_new(s, CHILDREN, SUP_POLICY_RETAIN, 60000, &g))
		return -200;
	for (i = 0; i < 2; i++)
		if (record_exit_of(s, spawn(exit_with, (void *)(long)i), &r))
			return -201;
	for (i = 0; i < 3; i++)
		t->members[i] = spawn_waiting();
	memcpy(t->token, g.token, sizeof(t->token));
	t->id = g.id;
	return 0;
}

static int adopt(struct sup *s, void *arg)
{
	struct told *t = arg;
	struct group g, own;
	int i, ret;

	/* Bob has so many members already. */
	if (group_new(s, 0, 0, 0, &own))
		return -200;
	for (i = 0; i < t->n; i++)
		if (attach_one(s, own.id))
			return -201;
	ret = group_adopt(s, t->id, t->token, 0, &g);
	return group_del(s, own.id, true) ? -202 : ret;
}

static int adopt_and_read(struct sup *s, void *arg)
{
	struct told *t = arg;
	struct record r;
	struct group g;
	int i, ret;

	ret = group_adopt(s, t->id, t->token, 0, &g);
	for (i = 0; i < 2 && !ret; i++)
		ret = record_wait(s, SUP_RECORD_KIND_EXIT, &r) ?:
		      r.code == i ? 0 : -200;
	if (ret)
		return ret;
	return record_wait(s, SUP_RECORD_KIND_OWNER_LOST, &r);
}

#define quota_data _test_data_quota

static void expect_refused(struct __test_metadata *_metadata,
			   struct quota_data *self)
{
	struct group before, after;
	int i;

	ASSERT_TRUE(reaches_state(&self->s, self->t->id,
				  SUP_GROUP_STATE_RETAINED));
	ASSERT_EQ(0, group_get(&self->s, self->t->id, &before));
	EXPECT_EQ(-EDQUOT, as_user(BOB, adopt, self->t));
	ASSERT_EQ(0, group_get(&self->s, self->t->id, &after));
	EXPECT_EQ(0, memcmp(&before, &after, sizeof(after)));
	EXPECT_EQ(3, after.processes);
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(alive(self->t->members[i]));
}

TEST_F(quota, adoption_above_the_adopters_members_loses_nothing)
{
	ASSERT_EQ(0, as_user(ALICE, leave, self->t));
	limits("1024", "5", "65536");
	self->t->n = 3;
	expect_refused(_metadata, self);
	/* Nothing of Bob's is charged for what was refused. */
	EXPECT_EQ(-5, as_user(BOB, fill, NULL));
	EXPECT_EQ(0, as_user(BOB, adopt_and_read, self->t));
}

TEST_F(quota, adoption_above_the_adopters_records_loses_nothing)
{
	ASSERT_EQ(0, as_user(ALICE, leave, self->t));
	limits("1024", "16384", "7");
	self->t->n = 3;
	expect_refused(_metadata, self);
	EXPECT_EQ(0, as_user(BOB, adopt_and_read, self->t));
}

TEST_F(quota, adoption_above_the_adopters_groups_loses_nothing)
{
	ASSERT_EQ(0, as_user(ALICE, leave, self->t));
	limits("1", "16384", "65536");
	self->t->n = 0;
	expect_refused(_metadata, self);
	EXPECT_EQ(0, as_user(BOB, adopt_and_read, self->t));
}

TEST_F(quota, what_was_adopted_is_no_longer_the_former_owners)
{
	ASSERT_EQ(0, as_user(ALICE, leave, self->t));
	ASSERT_TRUE(reaches_state(&self->s, self->t->id,
				  SUP_GROUP_STATE_RETAINED));
	limits("1024", "5", "65536");
	EXPECT_EQ(0, as_user(BOB, adopt_and_read, self->t));
	EXPECT_EQ(-5, as_user(ALICE, fill, NULL));
}

/* Above the limit, the child of who became root cannot be killed: it runs. */
static int fork_as_root(struct sup *s, void *arg)
{
	struct record r;
	struct group g;
	pid_t pid;
	int status;

	/* As a setuid program in the group would. */
	if (group_new(s, CHILDREN, 0, 0, &g))
		return -200;
	pid = fork();
	if (!pid) {
		if (setresuid(0, 0, 0))
			_exit(1);
		pid = fork();
		if (!pid)
			_exit(7);
		waitpid(pid, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
	}
	waitpid(pid, &status, 0);
	if (WEXITSTATUS(status) != 7)
		return -201;
	if (record_wait(s, SUP_RECORD_KIND_OVERFLOW, &r))
		return -202;
	return r.untracked == 1 && r.killed == 0 ? 0 : -203;
}

TEST_F(quota, child_of_root_above_the_users_members_runs)
{
	struct sup s;
	pid_t pid;
	int status;

	limits("1024", "1", "65536");
	pid = fork();
	if (!pid) {
		if (setresuid(BOB, BOB, 0) || sup_open(&s))
			_exit(255);
		_exit(-fork_as_root(&s, NULL));
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
