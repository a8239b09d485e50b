// SPDX-License-Identifier: GPL-2.0
/* The last close of an owner's socket is root's, and gives no root's rights. */
#include <sys/socket.h>

#include "sup_test.h"
#include "sup_attack.h"

struct told {
	uint64_t id;
	pid_t plain, gained;
};

FIXTURE(close) {
	struct sup s;
	struct told *t;
	pid_t owner;
	int pair[2], go[2], up[2], members[2];
};

FIXTURE_SETUP(close)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	self->t = shared_page();
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, self->pair));
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
	ASSERT_EQ(0, pipe(self->members));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

FIXTURE_TEARDOWN(close)
{
	if (self->t && self->t->gained)
		kill(self->t->gained, SIGKILL);
	if (self->owner)
		kill(self->owner, SIGKILL);
	sup_close(&self->s);
}

#define close_data _test_data_close

/* A member; it holds nothing that the test closes. */
static void be_member(struct close_data *self, struct sup *s, bool gain)
{
	sup_close(s);
	close(self->pair[0]);
	close(self->pair[1]);
	/* As the setuid program does that makes root of who may be that. */
	if (gain && setresuid(0, 0, 0))
		_exit(1);
	tell(self->members[1]);
	wait_for_signal(NULL);
}

static pid_t start_member(struct close_data *self, struct sup *s, bool gain)
{
	pid_t pid = fork();

	if (!pid)
		be_member(self, s, gain);
	return told(self->members[0]) ? pid : -1;
}

/* An owner of two members, one of them root; it sends its socket to us. */
static void be_owner(struct close_data *self)
{
	struct told *t = self->t;
	struct group g;
	struct sup s;

	/* A saved uid of root stays with it until the members are there. */
	if (setresuid(ALICE, ALICE, 0) || sup_open(&s) ||
	    group_new(&s, CHILDREN, SUP_POLICY_KILL, 0, &g))
		_exit(1);
	t->gained = start_member(self, &s, true);
	t->plain = start_member(self, &s, false);
	if (setresuid(ALICE, ALICE, ALICE) || send_fd(self->pair[1], s.fd))
		_exit(1);
	sup_close(&s);
	close(self->pair[0]);
	close(self->pair[1]);
	t->id = g.id;
	tell(self->up[1]);
	told(self->go[0]);
	_exit(0);
}

static void start_owner(struct __test_metadata *_metadata,
			struct close_data *self)
{
	struct group g;

	self->owner = fork();
	if (!self->owner)
		be_owner(self);
	ASSERT_TRUE(told(self->up[0]));
	/* It has closed its socket, and owns the group as long as that is. */
	ASSERT_EQ(0, group_get(&self->s, self->t->id, &g));
	ASSERT_EQ(SUP_GROUP_STATE_OWNED, g.state);
	ASSERT_EQ(2, g.processes);
}

/* A zombie is counted until its end has been told, a moment later. */
static bool one_is_left(void *arg)
{
	struct close_data *self = arg;
	struct group g;

	return !group_get(&self->s, self->t->id, &g) && g.processes == 1;
}

/* What could be signalled by the user is gone; what is root's is not. */
static void expect_users_kill(struct __test_metadata *_metadata,
			      struct close_data *self)
{
	EXPECT_TRUE(wait_gone(self->t->plain));
	EXPECT_TRUE(reaches_state(&self->s, self->t->id,
				  SUP_GROUP_STATE_CLOSING));
	/* The work that kills has been through: this is after its walk. */
	EXPECT_TRUE(eventually(one_is_left, self));
	EXPECT_TRUE(alive(self->t->gained));
	kill(self->t->gained, SIGTERM);
	EXPECT_TRUE(wait_gone(self->t->gained));
	EXPECT_TRUE(reaches_state(&self->s, self->t->id, ENDED));
}

TEST_F(close, by_root_that_received_it)
{
	int fd;

	start_owner(_metadata, self);
	fd = receive_fd(self->pair[0]);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, close(fd));
	expect_users_kill(_metadata, self);
	EXPECT_TRUE(alive(self->owner));
}

TEST_F(close, by_the_exit_of_root_that_received_it)
{
	pid_t pid;

	start_owner(_metadata, self);
	pid = fork();
	if (!pid)
		_exit(receive_fd(self->pair[0]) < 0);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	expect_users_kill(_metadata, self);
}

TEST_F(close, of_a_message_in_flight)
{
	start_owner(_metadata, self);
	/* Nobody has received the socket, and now nobody can. */
	ASSERT_EQ(0, close(self->pair[0]));
	ASSERT_EQ(0, close(self->pair[1]));
	expect_users_kill(_metadata, self);
}

TEST_F(close, death_of_the_owner_while_root_has_the_socket)
{
	int fd;

	start_owner(_metadata, self);
	fd = receive_fd(self->pair[0]);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, kill(self->owner, SIGKILL));
	expect_users_kill(_metadata, self);
}

TEST_F(close, root_with_the_socket_is_not_the_owner)
{
	struct group k;
	struct sup s;

	start_owner(_metadata, self);
	s = self->s;
	s.fd = receive_fd(self->pair[0]);
	ASSERT_LE(0, s.fd);
	EXPECT_EQ(-EPERM, group_kill(&s, self->t->id, SIGKILL, 0, 0, &k));
	EXPECT_EQ(-EPERM, record_ack(&s, self->t->id, 0));
	EXPECT_EQ(-EPERM, group_del(&s, self->t->id, true));
	EXPECT_TRUE(alive(self->t->plain));
	close(s.fd);
	expect_users_kill(_metadata, self);
}

TEST_HARNESS_MAIN
