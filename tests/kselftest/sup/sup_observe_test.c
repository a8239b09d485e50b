// SPDX-License-Identifier: GPL-2.0
/* Observers: who may be one, what they are told, and that they cost nobody. */
#include <linux/capability.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "sup_test.h"

#define NOBODY 65534
#define BIT(kind) (1U << SUP_RECORD_KIND_##kind)

FIXTURE(observe) {
	struct sup s, o;	/* the owner's, an observer's */
	struct group g;
	int go[2], up[2];
};

FIXTURE_SETUP(observe)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, sup_open(&self->o));
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
}

FIXTURE_TEARDOWN(observe)
{
	sup_close(&self->s);
	sup_close(&self->o);
}

static int observers(struct sup *s, uint64_t id)
{
	struct group g;
	int ret = group_get(s, id, &g);

	return ret ?: (int)g.observers;
}

/* The records of one child that ends: exit, lineage-empty, group-empty. */
#define ONE_CHILD 3

struct copies {
	int ret;
	struct record r[ONE_CHILD];
};

TEST_F(observe, another_process_gets_copies)
{
	struct copies *c = shared_page();
	struct record r;
	pid_t pid;
	int i;

	/* Not a member: the group inherits no more when it is made. */
	ASSERT_EQ(0, group_del(&self->s, self->g.id, false));
	pid = fork();
	if (!pid) {
		struct sup s;

		if (sup_open(&s) || read(self->go[0], &self->g.id, 8) != 8)
			_exit(1);
		c->ret = observe(&s, self->g.id, 0);
		tell(self->up[1]);
		for (i = 0; !c->ret && i < ONE_CHILD; i++)
			c->ret = record_next(&s, &c->r[i], 10000);
		_exit(0);
	}
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(8, write(self->go[1], &self->g.id, 8));
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(1, observers(&self->s, self->g.id));
	spawn(exit_with, (void *)7L);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, c->ret);
	EXPECT_EQ(0, observers(&self->s, self->g.id));
	for (i = 0; i < ONE_CHILD; i++) {
		ASSERT_EQ(0, record_next(&self->s, &r, 10000));
		EXPECT_EQ(SUP_CMD_RECORD_NTF, r.cmd);
		EXPECT_EQ(SUP_CMD_OBSERVE_NTF, c->r[i].cmd);
		EXPECT_EQ(0, c->r[i].lost);
		/* Nothing else in them differs. */
		c->r[i].cmd = r.cmd;
		EXPECT_EQ(0, memcmp(&r, &c->r[i], sizeof(r)));
		EXPECT_EQ(i + 1, r.seq);
	}
	EXPECT_EQ(7, c->r[0].code);
}

static void exec_true(void *arg)
{
	told((long)arg);
	execl("/bin/sh", "sh", "-c", "exit 3", NULL);
}

TEST_F(observe, informative_kinds_are_the_observers_choice)
{
	static const uint32_t kinds[] = {
		SUP_RECORD_KIND_FORK, SUP_RECORD_KIND_EXEC,
		SUP_RECORD_KIND_EXITING, SUP_RECORD_KIND_EXIT,
	};
	uint64_t member = 0;
	struct sup plain;
	struct record r;
	pid_t pid;
	int i;

	ASSERT_EQ(0, sup_open(&plain));
	ASSERT_EQ(0, observe(&self->o, self->g.id,
			     BIT(FORK) | BIT(EXEC) | BIT(EXITING)));
	ASSERT_EQ(0, observe(&plain, self->g.id, 0));
	EXPECT_EQ(2, observers(&self->s, self->g.id));
	pid = spawn(exec_true, (void *)(long)self->go[0]);
	tell(self->go[1]);
	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, record_next(&self->o, &r, 10000));
		EXPECT_EQ(kinds[i], r.kind);
		EXPECT_EQ(pid, r.pid);
		EXPECT_EQ(i ? member : r.member, r.member);
		member = r.member;
		/* Only what is kept until acknowledged has a number. */
		EXPECT_EQ(i == 3, r.seq);
		if (r.kind == SUP_RECORD_KIND_EXEC)
			EXPECT_EQ(pid, r.old_tid);
		if (r.kind == SUP_RECORD_KIND_FORK)
			EXPECT_EQ(0, r.parent);
	}
	EXPECT_EQ(3, r.code);
	/* Neither the owner nor the other observer has asked for more. */
	ASSERT_EQ(0, record_next(&plain, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	EXPECT_EQ(SUP_CMD_RECORD_NTF, r.cmd);
	sup_close(&plain);
}

TEST_F(observe, a_second_request_replaces_the_events)
{
	struct record r;

	ASSERT_EQ(0, observe(&self->o, self->g.id, BIT(FORK)));
	ASSERT_EQ(0, observe(&self->o, self->g.id, BIT(EXITING)));
	EXPECT_EQ(1, observers(&self->s, self->g.id));
	spawn(exit_with, NULL);
	ASSERT_EQ(0, record_next(&self->o, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXITING, r.kind);
	ASSERT_EQ(0, record_next(&self->o, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
}

TEST_F(observe, groups_are_told_apart)
{
	struct group g;
	struct member m;
	struct record r;
	pid_t pid;

	pid = spawn_waiting();
	ASSERT_EQ(0, group_del(&self->s, self->g.id, true));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &g));
	ASSERT_EQ(0, member_add_pid(&self->s, self->g.id, pid,
				    start_ticks(pid), PROCESS, 0, &m));
	ASSERT_EQ(0, observe(&self->o, g.id, 0));
	ASSERT_EQ(0, observe(&self->o, self->g.id, 0));
	kill(pid, SIGKILL);
	ASSERT_EQ(0, record_exit_of(&self->o, pid, &r));
	EXPECT_EQ(self->g.id, r.group);
	pid = spawn(exit_with, NULL);
	ASSERT_EQ(0, record_exit_of(&self->o, pid, &r));
	EXPECT_EQ(g.id, r.group);
}

static void be_nobody(void)
{
	if (setgid(NOBODY) || setuid(NOBODY))
		_exit(255);
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = {};

	if (syscall(SYS_capset, &header, none))
		_exit(255);
}

/* Tries to observe, as somebody else. */
static int observe_as(uint64_t id, void (*become)(void))
{
	struct sup s;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		become();
		if (sup_open(&s))
			_exit(254);
		status = -observe(&s, id, 0);
		if (status &&
		    strcmp(s.extack, "group belongs to another user"))
			_exit(253);
		_exit(status);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void stay(void)
{
}

TEST_F(observe, other_users_are_refused)
{
	if (geteuid())
		SKIP(return, "needs root");
	EXPECT_EQ(EPERM, observe_as(self->g.id, be_nobody));
	EXPECT_EQ(0, observe_as(self->g.id, stay));
	/* One's own needs no capability. */
	EXPECT_EQ(0, observe_as(self->g.id, drop_capabilities));
}

static void own_as_nobody(struct group *g, int up, int go)
{
	struct sup s;

	be_nobody();
	if (sup_open(&s) || group_new(&s, CHILDREN, 0, 0, g))
		_exit(255);
	tell(up);
	told(go);
	waitpid(spawn(exit_with, (void *)9L), NULL, 0);
	told(go);
	_exit(0);
}

TEST_F(observe, a_capability_shows_those_of_other_users)
{
	struct group *g = shared_page();
	struct record r;

	if (geteuid())
		SKIP(return, "needs root");
	if (!fork())
		own_as_nobody(g, self->up[1], self->go[0]);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(EPERM, observe_as(g->id, drop_capabilities));
	ASSERT_EQ(0, observe(&self->o, g->id, 0));
	tell(self->go[1]);
	ASSERT_EQ(0, record_next(&self->o, &r, 10000));
	EXPECT_EQ(9, r.code);
	EXPECT_EQ(g->id, r.group);
	tell(self->go[1]);
}

TEST_F(observe, a_socket_of_another_process_is_refused)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (observe(&self->o, self->g.id, 0) != -EPERM)
			_exit(1);
		_exit(strcmp(self->o.extack,
			     "socket was not opened by this process with its present credentials") != 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_EQ(0, observers(&self->s, self->g.id));
}

/* Takes what is there; how many, and with *lost what the last one says. */
static int take_all(struct sup *o, uint64_t *lost)
{
	struct record r;
	int n = 0;

	while (!record_next(o, &r, 0)) {
		*lost = r.lost;
		n++;
	}
	return n;
}

#define STALLED 300

TEST_F(observe, who_does_not_read_loses_alone)
{
	uint64_t none = 0, lost = 0, before;
	int size = 1, i, seen = 0, taken;
	struct sup reader;
	struct record r;
	struct group g;

	ASSERT_EQ(0, sup_open(&reader));
	ASSERT_EQ(0, setsockopt(self->o.fd, SOL_SOCKET, SO_RCVBUF, &size,
				sizeof(size)));
	ASSERT_EQ(0, observe(&self->o, self->g.id, 0));
	ASSERT_EQ(0, observe(&reader, self->g.id, 0));
	self->s.ack = self->g.id;
	for (i = 0; i < STALLED; i++) {
		ASSERT_EQ(0, record_exit_of(&self->s,
					    spawn(exit_with, NULL), &r));
		ASSERT_EQ(0, record_wait(&self->s,
					 SUP_RECORD_KIND_LINEAGE_EMPTY, &r));
		seen += take_all(&reader, &none);
	}
	/* The owner has had all of it; so has the one that reads. */
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, r.seq));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY, &r));
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &g));
	EXPECT_EQ(r.seq, g.seq);
	while (seen < g.seq && !record_next(&reader, &r, 10000))
		seen++;
	EXPECT_EQ(g.seq, seen);
	EXPECT_EQ(0, none);
	/* The next that the other can take says how many it has not had. */
	taken = take_all(&self->o, &before);
	EXPECT_LT(taken, g.seq);
	size = 65536;
	ASSERT_EQ(0, setsockopt(self->o.fd, SOL_SOCKET, SO_RCVBUF, &size,
				sizeof(size)));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL), &r));
	ASSERT_EQ(0, record_next(&self->o, &r, 10000));
	lost = r.lost;
	EXPECT_EQ(r.seq - 1, taken + lost);
	EXPECT_LT(0, lost);
	/* And that was all, from then on it reads. */
	ASSERT_EQ(0, record_next(&self->o, &r, 10000));
	EXPECT_EQ(lost, r.lost);
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &g));
	EXPECT_EQ(0, g.lost);
	sup_close(&reader);
}

TEST_F(observe, there_may_be_max_observers)
{
	struct sup third;
	int ret;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, sup_open(&third));
	ASSERT_EQ(0, param_set("max_observers", "2"));
	EXPECT_EQ(0, observe(&self->s, self->g.id, 0));
	EXPECT_EQ(0, observe(&self->o, self->g.id, 0));
	ret = observe(&third, self->g.id, 0);
	/* Who is one already may change its events. */
	EXPECT_EQ(0, observe(&self->o, self->g.id, BIT(FORK)));
	ASSERT_EQ(0, param_set("max_observers", "16"));
	EXPECT_EQ(-EDQUOT, ret);
	EXPECT_STREQ("group has max_observers observers", third.extack);
	EXPECT_EQ(0, observe(&third, self->g.id, 0));
	EXPECT_EQ(3, observers(&self->s, self->g.id));
	sup_close(&third);
}

TEST_F(observe, closing_the_socket_ends_it)
{
	struct record r;
	struct sup two;

	ASSERT_EQ(0, sup_open(&two));
	ASSERT_EQ(0, observe(&self->o, self->g.id, BIT(FORK)));
	ASSERT_EQ(0, observe(&two, self->g.id, 0));
	EXPECT_EQ(2, observers(&self->s, self->g.id));
	close(self->o.fd);
	EXPECT_EQ(1, observers(&self->s, self->g.id));
	spawn(exit_with, NULL);
	EXPECT_EQ(0, record_wait(&two, SUP_RECORD_KIND_EXIT, &r));
	close(two.fd);
	EXPECT_EQ(0, observers(&self->s, self->g.id));
	EXPECT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
}

TEST_F(observe, the_next_socket_with_its_port_gets_nothing)
{
	struct sockaddr_nl name = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(name);
	struct record r;

	ASSERT_EQ(0, getsockname(self->o.fd, (struct sockaddr *)&name, &len));
	ASSERT_EQ(0, observe(&self->o, self->g.id, BIT(FORK)));
	close(self->o.fd);
	self->o.fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	ASSERT_LE(0, self->o.fd);
	ASSERT_EQ(0, bind(self->o.fd, (struct sockaddr *)&name, len));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL), &r));
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->o, &r, 0));
	EXPECT_EQ(0, observers(&self->s, self->g.id));
}

TEST_F(observe, the_groups_end_ends_it)
{
	struct record r;
	struct group g;

	ASSERT_EQ(0, observe(&self->o, self->g.id, BIT(FORK)));
	ASSERT_EQ(0, group_del(&self->s, self->g.id, false));
	EXPECT_EQ(-ENOENT, observe(&self->o, self->g.id, 0));
	EXPECT_STREQ("no such group", self->o.extack);
	/* The socket is as good as before. */
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &g));
	ASSERT_EQ(0, observe(&self->o, g.id, 0));
	spawn(exit_with, NULL);
	ASSERT_EQ(0, record_next(&self->o, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	EXPECT_EQ(g.id, r.group);
	EXPECT_EQ(1, r.seq);
}

TEST_F(observe, a_retained_group_is_observed_still)
{
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, observe(&self->o, self->g.id, BIT(EXITING)));
	pid = spawn_waiting();
	ASSERT_EQ(0, group_hand_over(&self->s, self->g.id, 60000, &self->g));
	ASSERT_EQ(0, record_next(&self->o, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_OWNER_LOST, r.kind);
	EXPECT_EQ(SUP_OWNER_LOSS_HANDED_OVER, r.owner_loss);
	kill(pid, SIGKILL);
	ASSERT_EQ(0, record_next(&self->o, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXITING, r.kind);
	ASSERT_EQ(0, record_next(&self->o, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	/* The same user's, so it stays when it has another owner. */
	ASSERT_EQ(0, group_adopt(&self->s, self->g.id, self->g.token, 0,
				 &self->g));
	EXPECT_EQ(1, observers(&self->s, self->g.id));
}

TEST_F(observe, adoption_by_another_user_ends_it)
{
	struct record r;
	struct group g;
	pid_t pid;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, observe(&self->o, self->g.id, BIT(FORK)));
	pid = spawn_waiting();
	ASSERT_EQ(0, group_hand_over(&self->s, self->g.id, 60000, &self->g));
	ASSERT_EQ(0, record_next(&self->o, &r, 10000));
	ASSERT_EQ(SUP_RECORD_KIND_FORK, r.kind);
	ASSERT_EQ(0, record_next(&self->o, &r, 10000));
	ASSERT_EQ(SUP_RECORD_KIND_OWNER_LOST, r.kind);
	if (!fork()) {
		struct sup s;

		be_nobody();
		if (sup_open(&s) || group_adopt(&s, self->g.id, self->g.token,
						CHILDREN, &g))
			_exit(255);
		tell(self->up[1]);
		record_exit_of(&s, pid, &r);
		tell(self->up[1]);
		told(self->go[0]);
		_exit(0);
	}
	close(self->up[1]);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(0, observers(&self->s, self->g.id));
	kill(pid, SIGKILL);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->o, &r, 0));
	tell(self->go[1]);
}

TEST_F(observe, the_owners_socket_may_be_an_observers)
{
	int i, kept = 0, copies = 0;
	struct record r;

	ASSERT_EQ(0, observe(&self->s, self->g.id, BIT(FORK)));
	spawn(exit_with, (void *)2L);
	/* Each critical record twice, and what only the observer wants. */
	for (i = 0; i < 2 * ONE_CHILD + 1; i++) {
		ASSERT_EQ(0, record_next(&self->s, &r, 10000));
		kept += r.cmd == SUP_CMD_RECORD_NTF;
		copies += r.cmd == SUP_CMD_OBSERVE_NTF;
		EXPECT_EQ(!i, r.kind == SUP_RECORD_KIND_FORK);
	}
	EXPECT_EQ(ONE_CHILD, kept);
	EXPECT_EQ(ONE_CHILD + 1, copies);
}

TEST_HARNESS_MAIN
