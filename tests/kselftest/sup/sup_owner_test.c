// SPDX-License-Identifier: GPL-2.0
/* What becomes of a group when its owner is gone, and who may have it then. */
#include "sup_test.h"

/* What an owner in another process tells us. */
struct owned {
	struct group g;
	pid_t owner, child;
	int fail;
};

FIXTURE(owner) {
	struct sup s;
	struct owned *o;
	int go[2], up[2];
};

FIXTURE_SETUP(owner)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	self->o = shared_page();
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
	/* Orphans are ours, so that none stays a zombie of init. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* A retained group would outlive the test: take it, and end it. */
FIXTURE_TEARDOWN(owner)
{
	uint64_t id = self->o->g.id;
	struct group g;

	if (id && (!group_adopt(&self->s, id, NULL, 0, &g) ||
		   !group_kill(&self->s, id, 0, 0, 0, &g))) {
		group_kill(&self->s, id, SIGKILL, 0, 0, &g);
		group_del(&self->s, id, true);
	}
	sup_close(&self->s);
}

#define owner_data _test_data_owner

enum ending { BY_EXIT, BY_SIGNAL, BY_CLOSE };

/* The socket is the owner's alone. */
static void wait_without_socket(void *arg)
{
	sup_close(arg);
	wait_for_signal(NULL);
}

/* An owner with one child and one exit record that nobody acknowledged. */
static pid_t start_owner(struct owner_data *self, uint32_t policy,
			 uint32_t grace, enum ending ending)
{
	struct owned *o = self->o;
	struct record r;
	struct sup s;
	pid_t pid;

	pid = fork();
	if (pid) {
		o->owner = pid;
		return told(self->up[0]) ? pid : -1;
	}
	o->fail = sup_open(&s) ?: group_new(&s, CHILDREN, policy, grace, &o->g);
	if (o->fail)
		_exit(1);
	o->fail = record_exit_of(&s, spawn(exit_with, (void *)33L), &r);
	o->child = spawn(wait_without_socket, &s);
	tell(self->up[1]);
	told(self->go[0]);
	if (ending == BY_CLOSE) {
		sup_close(&s);
		wait_for_signal(NULL);
	}
	if (ending == BY_SIGNAL)
		wait_for_signal(NULL);
	_exit(0);
}

static void end_owner(struct owner_data *self, enum ending ending)
{
	if (ending == BY_SIGNAL)
		kill(self->o->owner, SIGKILL);
	else
		tell(self->go[1]);
	if (ending != BY_CLOSE)
		waitpid(self->o->owner, NULL, 0);
}

struct state {
	struct sup *s;
	uint64_t id;
	uint32_t want;
};

static bool has_state(void *arg)
{
	struct state *st = arg;
	struct group g;

	return !group_get(st->s, st->id, &g) && g.state == st->want;
}

static bool is_over(void *arg)
{
	struct state *st = arg;
	struct group g;

	return group_get(st->s, st->id, &g) == -ENOENT;
}

static bool reaches(struct owner_data *self, uint32_t want)
{
	struct state st = { &self->s, self->o->g.id, want };

	return eventually(has_state, &st);
}

static bool ends(struct owner_data *self)
{
	struct state st = { &self->s, self->o->g.id, 0 };

	return eventually(is_over, &st);
}

TEST_F(owner, kill_when_it_exits)
{
	ASSERT_LT(0, start_owner(self, SUP_POLICY_KILL, 0, BY_EXIT));
	EXPECT_TRUE(alive(self->o->child));
	end_owner(self, BY_EXIT);
	EXPECT_TRUE(wait_gone(self->o->child));
	EXPECT_TRUE(ends(self));
}

TEST_F(owner, kill_when_it_is_killed)
{
	ASSERT_LT(0, start_owner(self, SUP_POLICY_KILL, 0, BY_SIGNAL));
	end_owner(self, BY_SIGNAL);
	EXPECT_TRUE(wait_gone(self->o->child));
	EXPECT_TRUE(ends(self));
}

TEST_F(owner, kill_when_it_closes_the_socket)
{
	ASSERT_LT(0, start_owner(self, SUP_POLICY_KILL, 0, BY_CLOSE));
	end_owner(self, BY_CLOSE);
	EXPECT_TRUE(wait_gone(self->o->child));
	EXPECT_TRUE(alive(self->o->owner));
	EXPECT_TRUE(ends(self));
	kill(self->o->owner, SIGKILL);
}

TEST_F(owner, socket_inherited_by_a_child_does_not_keep_it)
{
	struct member m;
	struct group g;
	struct sup s;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (sup_open(&s) || group_new(&s, 0, 0, 0, &g))
			_exit(1);
		self->o->g = g;
		/* The socket is the child's, too; it is no member, though. */
		self->o->child = spawn_waiting();
		if (member_add_pid(&s, g.id, self->o->child,
				   start_ticks(self->o->child), PROCESS, 0,
				   &m))
			_exit(1);
		_exit(0);
	}
	EXPECT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(wait_gone(self->o->child));
	EXPECT_TRUE(ends(self));
}

TEST_F(owner, retain_until_adopted_with_all_records)
{
	struct group g, got;
	struct record r;

	ASSERT_LT(0, start_owner(self, SUP_POLICY_RETAIN, 60000, BY_SIGNAL));
	end_owner(self, BY_SIGNAL);
	ASSERT_TRUE(reaches(self, SUP_GROUP_STATE_RETAINED));
	EXPECT_TRUE(alive(self->o->child));
	ASSERT_EQ(0, group_get(&self->s, self->o->g.id, &got));
	EXPECT_EQ(0, got.owner_pid);
	EXPECT_EQ(1, got.processes);
	ASSERT_EQ(0, group_adopt(&self->s, self->o->g.id, self->o->g.token, 0,
				 &g));
	EXPECT_EQ(self->o->g.id, g.id);
	EXPECT_NE(0, memcmp(g.token, self->o->g.token, SUP_TOKEN_SIZE));
	/* What the former owner had not acknowledged, from the first on. */
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	EXPECT_EQ(33, r.code);
	EXPECT_EQ(1, r.seq);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_OWNER_LOST, &r));
	EXPECT_EQ(self->o->owner, r.pid);
	EXPECT_EQ(1, r.count);
	/* And it is an owner like any other. */
	ASSERT_EQ(0, group_kill(&self->s, g.id, SIGKILL, 0, 0, &got));
	EXPECT_EQ(1, got.signalled);
	ASSERT_EQ(0, record_exit_of(&self->s, self->o->child, &r));
	ASSERT_EQ(0, group_get(&self->s, g.id, &got));
	EXPECT_EQ(getpid(), got.owner_pid);
	EXPECT_EQ(SUP_GROUP_STATE_OWNED, got.state);
}

TEST_F(owner, exits_while_retained_are_told_to_the_adopter)
{
	struct record r;
	struct group g;

	ASSERT_LT(0, start_owner(self, SUP_POLICY_RETAIN, 60000, BY_EXIT));
	end_owner(self, BY_EXIT);
	ASSERT_TRUE(reaches(self, SUP_GROUP_STATE_RETAINED));
	kill(self->o->child, SIGTERM);
	waitpid(self->o->child, NULL, 0);
	ASSERT_EQ(0, group_adopt(&self->s, self->o->g.id, self->o->g.token, 0,
				 &g));
	ASSERT_EQ(0, record_exit_of(&self->s, self->o->child, &r));
	EXPECT_EQ(SIGTERM, r.signal);
}

TEST_F(owner, retained_after_close_can_be_adopted_with_flags)
{
	struct record r;
	struct group g;

	ASSERT_LT(0, start_owner(self, SUP_POLICY_RETAIN, 60000, BY_CLOSE));
	end_owner(self, BY_CLOSE);
	ASSERT_TRUE(reaches(self, SUP_GROUP_STATE_RETAINED));
	ASSERT_EQ(0, group_adopt(&self->s, self->o->g.id, self->o->g.token,
				 CHILDREN, &g));
	EXPECT_EQ(CHILDREN, g.flags);
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, (void *)44L),
				    &r));
	EXPECT_EQ(44, r.code);
	kill(self->o->owner, SIGKILL);
}

TEST_F(owner, grace_time_ends)
{
	ASSERT_LT(0, start_owner(self, SUP_POLICY_RETAIN, 100, BY_EXIT));
	end_owner(self, BY_EXIT);
	EXPECT_TRUE(wait_gone(self->o->child));
	EXPECT_TRUE(ends(self));
}

TEST_F(owner, owned_and_closing_groups_are_not_adopted)
{
	struct group g;

	ASSERT_LT(0, start_owner(self, SUP_POLICY_RETAIN, 60000, BY_EXIT));
	EXPECT_EQ(-EBUSY, group_adopt(&self->s, self->o->g.id,
				      self->o->g.token, 0, &g));
	EXPECT_STREQ("group does not wait for adoption", self->s.extack);
	end_owner(self, BY_EXIT);
	ASSERT_TRUE(reaches(self, SUP_GROUP_STATE_RETAINED));
	ASSERT_EQ(0, group_adopt(&self->s, self->o->g.id, self->o->g.token, 0,
				 &g));
	EXPECT_EQ(-EACCES, group_adopt(&self->s, self->o->g.id,
				       self->o->g.token, 0, &g));
}

TEST_F(owner, wrong_token)
{
	unsigned char token[SUP_TOKEN_SIZE];
	struct group g;

	ASSERT_LT(0, start_owner(self, SUP_POLICY_RETAIN, 60000, BY_EXIT));
	end_owner(self, BY_EXIT);
	ASSERT_TRUE(reaches(self, SUP_GROUP_STATE_RETAINED));
	memcpy(token, self->o->g.token, sizeof(token));
	token[SUP_TOKEN_SIZE - 1] ^= 1;
	EXPECT_EQ(-EACCES, group_adopt(&self->s, self->o->g.id, token, 0, &g));
	EXPECT_STREQ("token is not the group's", self->s.extack);
}

static int adopt_without_token(uint64_t id, bool drop)
{
	struct group g;
	struct sup s;
	pid_t pid;
	int status;

	pid = fork();
	if (!pid) {
		if (drop && setuid(65534))
			_exit(1);
		if (sup_open(&s))
			_exit(2);
		_exit(-group_adopt(&s, id, NULL, 0, &g));
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

TEST_F(owner, capability_instead_of_a_token)
{
	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_LT(0, start_owner(self, SUP_POLICY_RETAIN, 60000, BY_EXIT));
	end_owner(self, BY_EXIT);
	ASSERT_TRUE(reaches(self, SUP_GROUP_STATE_RETAINED));
	EXPECT_EQ(EPERM, adopt_without_token(self->o->g.id, true));
	EXPECT_EQ(0, adopt_without_token(self->o->g.id, false));
	/* The adopter has ended. */
	EXPECT_TRUE(reaches(self, SUP_GROUP_STATE_RETAINED));
}

TEST_F(owner, members_may_not_adopt)
{
	struct owned *o = self->o;
	struct group g;
	struct sup s;
	pid_t pid;

	/* The owner's child tries, with the token, when the owner is gone. */
	pid = fork();
	if (!pid) {
		if (sup_open(&s) ||
		    group_new(&s, CHILDREN, SUP_POLICY_RETAIN, 60000, &o->g))
			_exit(1);
		if (fork())
			_exit(0);
		told(self->go[0]);
		if (sup_open(&s))
			_exit(1);
		o->fail = group_adopt(&s, o->g.id, o->g.token, 0, &g);
		tell(self->up[1]);
		wait_for_signal(NULL);
	}
	waitpid(pid, NULL, 0);
	ASSERT_TRUE(reaches(self, SUP_GROUP_STATE_RETAINED));
	tell(self->go[1]);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(-EPERM, o->fail);
}

TEST_F(owner, survives_exec_of_its_process)
{
	int fd, flags;

	/* A socket that is not closed on exec is still that process's. */
	if (!fork()) {
		struct sup s;

		if (sup_open(&s) ||
		    group_new(&s, CHILDREN, 0, 0, &self->o->g))
			_exit(1);
		flags = fcntl(s.fd, F_GETFD);
		fcntl(s.fd, F_SETFD, flags & ~FD_CLOEXEC);
		self->o->child = spawn_waiting();
		fd = dup2(self->go[0], 0);
		tell(self->up[1]);
		execl("/bin/sh", "sh", "-c", "read x", NULL);
		_exit(fd);
	}
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_TRUE(alive(self->o->child));
	EXPECT_TRUE(reaches(self, SUP_GROUP_STATE_OWNED));
	ASSERT_EQ(1, write(self->go[1], "\n", 1));
	EXPECT_TRUE(wait_gone(self->o->child));
	EXPECT_TRUE(ends(self));
}

TEST_F(owner, end_of_a_network_namespace_ends_what_it_retains)
{
	struct owned *o = self->o;
	struct group g;
	struct sup s;
	pid_t pid;

	if (geteuid())
		SKIP(return, "needs root");
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNET) || sup_open(&s) ||
		    group_new(&s, CHILDREN, SUP_POLICY_RETAIN, 60000, &g))
			_exit(1);
		pid = fork();
		if (!pid) {
			/* Its last user leaves it when the owner is gone. */
			setns(open("/proc/1/ns/net", O_RDONLY), CLONE_NEWNET);
			close(s.fd);
			tell(self->up[1]);
			wait_for_signal(NULL);
		}
		o->child = pid;
		told(self->go[0]);
		_exit(0);
	}
	ASSERT_TRUE(told(self->up[0]));
	while (!__atomic_load_n(&o->child, __ATOMIC_ACQUIRE))
		sched_yield();
	EXPECT_TRUE(alive(o->child));
	tell(self->go[1]);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_TRUE(wait_gone(o->child));
}

TEST_HARNESS_MAIN
