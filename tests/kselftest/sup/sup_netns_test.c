// SPDX-License-Identifier: GPL-2.0
/* Network namespaces: a group is found in that of its owner only. */
#include "sup_test.h"
#include "sup_attack.h"

#define RETAINED 3

struct told {
	pid_t members[RETAINED];
};

FIXTURE(netns) {
	struct sup s;
	struct group g;
	struct told *t;
	int go[2], up[2], home;
};

FIXTURE_SETUP(netns)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	self->t = shared_page();
	self->home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, self->home);
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

FIXTURE_TEARDOWN(netns)
{
	sup_close(&self->s);
}

#define netns_data _test_data_netns

/* By its id nothing can be had of a group that is elsewhere. */
static int try_all(struct sup *s, uint64_t id, const unsigned char *token)
{
	struct record r;
	struct member m;
	struct group g;

	if (group_get(s, id, &g) != -ENOENT)
		return 1;
	if (group_kill(s, id, SIGKILL, 0, 0, &g) != -ENOENT)
		return 2;
	if (group_adopt(s, id, token, 0, &g) != -ENOENT)
		return 3;
	if (group_adopt(s, id, NULL, 0, &g) != -ENOENT)
		return 4;
	if (group_del(s, id, true) != -ENOENT ||
	    record_ack(s, id, 0) != -ENOENT ||
	    record_dump(s, id, &r, 1) != -ENOENT)
		return 5;
	if (member_add_self(s, id, 0, &m) != -ENOENT ||
	    member_get(s, id, getpid(), PROCESS, &m) != -ENOENT ||
	    member_dump(s, id, 0, &m, 1) != -ENOENT)
		return 6;
	return group_dump(s, &g, 1);
}

TEST_F(netns, groups_of_others_are_not_found)
{
	struct sup s;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = spawn_waiting();
	/* The owner itself, with another socket that is elsewhere. */
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, sup_open(&s));
	EXPECT_EQ(0, try_all(&s, self->g.id, self->g.token));
	EXPECT_TRUE(alive(pid));
	/* The socket is where it was opened. */
	EXPECT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0,
				&self->g));
	EXPECT_TRUE(wait_gone(pid));
	sup_close(&s);
}

TEST_F(netns, retained_group_is_not_found_from_elsewhere)
{
	struct group g;
	struct sup s;

	ASSERT_EQ(0, sup_open(&s));
	ASSERT_EQ(0, group_new(&s, 0, SUP_POLICY_RETAIN, 60000, &g));
	sup_close(&s);
	ASSERT_TRUE(reaches_state(&self->s, g.id, SUP_GROUP_STATE_RETAINED));
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	ASSERT_EQ(0, sup_open(&s));
	EXPECT_EQ(0, try_all(&s, g.id, g.token));
	sup_close(&s);
	ASSERT_EQ(0, group_adopt(&self->s, g.id, g.token, 0, &g));
	EXPECT_EQ(0, group_del(&self->s, g.id, true));
}

/* A member that goes elsewhere stays one, and so do its children. */
static void leave_net(void *arg)
{
	struct netns_data *self = arg;

	if (unshare(CLONE_NEWNET) || spawn_waiting() < 0)
		_exit(1);
	tell(self->up[1]);
	wait_for_signal(NULL);
}

TEST_F(netns, member_that_goes_elsewhere_is_killed_with_the_others)
{
	struct record r;
	struct group k;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = spawn(leave_net, self);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k));
	EXPECT_EQ(2, k.signalled);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
	waitpid(pid, NULL, 0);
}

/* It is not the members that keep the namespace of their owner. */
static void go_home(void *arg)
{
	struct netns_data *self = arg;

	if (setns(self->home, CLONE_NEWNET) || dup2(self->up[1], 3) != 3)
		_exit(1);
	/* The owner's sockets are among these. */
	close_range(4, ~0U, 0);
	tell(3);
	wait_for_signal(NULL);
}

/* Groups with a member each, which all wait for adoption at its end. */
static void own_elsewhere(struct netns_data *self)
{
	struct told *t = self->t;
	struct sup s[RETAINED];
	struct member m;
	struct group g;
	pid_t pid;
	int i;

	if (unshare(CLONE_NEWNET))
		_exit(1);
	for (i = 0; i < RETAINED; i++) {
		pid = spawn(go_home, self);
		if (sup_open(&s[i]) ||
		    group_new(&s[i], 0, SUP_POLICY_RETAIN, 0, &g) ||
		    member_add_pid(&s[i], g.id, pid, start_ticks(pid), PROCESS,
				   0, &m))
			_exit(2);
		t->members[i] = pid;
	}
	tell(self->up[1]);
	told(self->go[0]);
	_exit(0);
}

static bool is_idle(void *arg)
{
	return number_in("/sys/module/sup/refcnt", "") == *(long *)arg;
}

TEST_F(netns, end_of_one_ends_all_that_it_retains)
{
	long refs = number_in("/sys/module/sup/refcnt", "");
	pid_t owner;
	int i;

	owner = fork();
	if (!owner)
		own_elsewhere(self);
	for (i = 0; i < RETAINED + 1; i++)
		ASSERT_TRUE(told(self->up[0]));
	for (i = 0; i < RETAINED; i++)
		EXPECT_TRUE(alive(self->t->members[i]));
	EXPECT_EQ(refs + RETAINED, number_in("/sys/module/sup/refcnt", ""));
	tell(self->go[1]);
	ASSERT_EQ(owner, waitpid(owner, NULL, 0));
	/* The grace time is an hour. */
	for (i = 0; i < RETAINED; i++)
		EXPECT_TRUE(wait_gone(self->t->members[i]));
	EXPECT_TRUE(eventually(is_idle, &refs));
}

TEST_HARNESS_MAIN
