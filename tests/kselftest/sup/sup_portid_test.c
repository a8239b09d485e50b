// SPDX-License-Identifier: GPL-2.0
/* A port id that its next holder has from an owner: it is just a number. */
#include <linux/netlink.h>
#include <sys/socket.h>

#include "sup_test.h"
#include "sup_attack.h"

#define ROUNDS 20
#define EXITS 8

/* Between the owner and the one who waits for its port id. */
struct race {
	uint64_t id;
	uint32_t portid;
	int round, bound, looked;
	int got, kill, ack;
};

FIXTURE(portid) {
	struct sup s, other;
	struct race *race;
	pid_t thief;
};

FIXTURE_SETUP(portid)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, sup_open(&self->other));
	self->race = shared_page();
}

FIXTURE_TEARDOWN(portid)
{
	if (self->thief)
		kill(self->thief, SIGKILL);
	sup_close(&self->s);
	sup_close(&self->other);
}

static uint32_t portid_of(int fd)
{
	struct sockaddr_nl addr = {};
	socklen_t len = sizeof(addr);

	return getsockname(fd, (struct sockaddr *)&addr, &len) ? 0 :
							addr.nl_pid;
}

static int bind_to(uint32_t portid)
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_pid = portid,
	};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);

	while (bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		if (errno != EADDRINUSE)
			return -errno;
	return fd;
}

static void set(int *word, int value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static void await(int *word, int value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value)
		sched_yield();
}

static void wait_without_socket(void *arg)
{
	sup_close(arg);
	wait_for_signal(NULL);
}

/* Has the port id in the moment that it is free, and waits for records. */
static void be_thief(void *arg)
{
	struct race *race = arg;
	struct group k;
	struct sup s;
	char buf[256];
	int round;

	if (sup_open(&s))
		_exit(1);
	close(s.fd);
	for (round = 1; round <= ROUNDS; round++) {
		await(&race->round, round);
		s.fd = bind_to(race->portid);
		set(&race->bound, s.fd < 0 ? -round : round);
		/* The owner's exits have all been told when it says so. */
		await(&race->looked, -round);
		race->got += recv(s.fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0;
		race->kill = group_kill(&s, race->id, 0, 0, 0, &k);
		race->ack = record_ack(&s, race->id, 1);
		set(&race->looked, round);
		close(s.fd);
	}
	_exit(0);
}

static void exit_soon(void *arg)
{
	sched_yield();
	_exit(9);
}

/* Makes a group, loses the socket while its members end, adopts it again. */
static void one_round(struct __test_metadata *_metadata, struct sup *other,
		      struct race *race, int round)
{
	struct record r;
	struct group g;
	int i, exits = 0;
	uint64_t seq = 0;
	struct sup s;

	ASSERT_EQ(0, sup_open(&s));
	ASSERT_EQ(0, group_new(&s, CHILDREN, SUP_POLICY_RETAIN, 60000, &g));
	race->id = g.id;
	race->portid = portid_of(s.fd);
	set(&race->round, round);
	for (i = 0; i < EXITS; i++)
		spawn(exit_soon, NULL);
	sup_close(&s);
	await(&race->bound, round);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	ASSERT_TRUE(reaches_state(other, g.id, SUP_GROUP_STATE_RETAINED));
	set(&race->looked, -round);
	await(&race->looked, round);
	ASSERT_EQ(-EPERM, race->kill);
	ASSERT_EQ(-EPERM, race->ack);
	/* None is lost: what the closed socket had is told again. */
	ASSERT_EQ(0, sup_open(&s));
	ASSERT_EQ(0, group_adopt(&s, g.id, g.token, 0, &g));
	while (exits < EXITS) {
		ASSERT_EQ(0, record_next(&s, &r, 10000));
		ASSERT_EQ(++seq, r.seq);
		exits += r.kind == SUP_RECORD_KIND_EXIT;
	}
	ASSERT_EQ(0, group_del(&s, g.id, true));
	sup_close(&s);
}

TEST_F(portid, next_holder_gets_no_records_and_is_no_owner)
{
	int round;

	self->thief = spawn(be_thief, self->race);
	for (round = 1; round <= ROUNDS; round++)
		one_round(_metadata, &self->other, self->race, round);
	EXPECT_EQ(0, self->race->got);
	while (waitpid(-1, NULL, 0) > 0)
		;
	self->thief = 0;
}

TEST_F(portid, same_process_with_the_same_number_is_no_owner)
{
	uint32_t portid = portid_of(self->s.fd);
	struct record r;
	struct group g;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, SUP_POLICY_RETAIN, 60000,
			       &g));
	pid = spawn(wait_without_socket, &self->s);
	close(self->s.fd);
	self->s.fd = bind_to(portid);
	ASSERT_LE(0, self->s.fd);
	ASSERT_EQ(portid, portid_of(self->s.fd));
	ASSERT_TRUE(reaches_state(&self->other, g.id,
				  SUP_GROUP_STATE_RETAINED));
	kill(pid, SIGKILL);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
	EXPECT_EQ(-EPERM, record_ack(&self->s, g.id, 0));
	ASSERT_EQ(0, group_adopt(&self->s, g.id, g.token, 0, &g));
	EXPECT_EQ(0, group_del(&self->s, g.id, true));
}

/* The end of the second holder is not taken for that of the owner. */
TEST_F(portid, close_by_the_next_holder_loses_no_owner)
{
	struct group g, got;
	uint32_t portid;
	struct sup s;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		ASSERT_EQ(0, sup_open(&s));
		portid = portid_of(s.fd);
		ASSERT_EQ(0, group_new(&s, 0, SUP_POLICY_RETAIN, 60000, &g));
		sup_close(&s);
		/* At once, perhaps before the loss was seen to. */
		s.fd = bind_to(portid);
		ASSERT_LE(0, s.fd);
		ASSERT_EQ(0, group_adopt(&self->s, g.id, g.token, 0, &g));
		close(s.fd);
		ASSERT_EQ(0, group_get(&self->other, g.id, &got));
		ASSERT_EQ(SUP_GROUP_STATE_OWNED, got.state);
		ASSERT_EQ(0, group_del(&self->s, g.id, true));
	}
}

TEST_HARNESS_MAIN
