// SPDX-License-Identifier: GPL-2.0
/*
 * Requests whose answer finds no room in the socket: nothing is done that
 * nobody is told of, and they can be repeated.
 */
#include <linux/netlink.h>
#include <sys/socket.h>

#include "sup_attack.h"
#include "sup_test.h"

FIXTURE(answer) {
	struct sup s, other;
	struct group g;
};

FIXTURE_SETUP(answer)
{
	int ret = sup_open(&self->s), size = 4096;

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, sup_open(&self->other));
	ASSERT_EQ(0, setsockopt(self->s.fd, SOL_SOCKET, SO_RCVBUF, &size,
				sizeof(size)));
}

FIXTURE_TEARDOWN(answer)
{
	sup_close(&self->s);
	sup_close(&self->other);
}

#define answer_data _test_data_answer

static bool ask(struct sup *s, struct request *r)
{
	request_end(r);
	return send(s->fd, r->buf, r->len, 0) == (ssize_t)r->len;
}

/* Until nothing more fits: what is too much is dropped. */
static void fill(struct sup *s, uint64_t id)
{
	struct request r;
	int i;

	for (i = 0; i < 50; i++) {
		request_init(&r, s, SUP_CMD_GROUP_GET, false);
		put_u64(&r, SUP_A_GROUP_ID, id);
		ask(s, &r);
	}
}

/* Reads and forgets all; true if the request was answered, or refused. */
static bool drain(struct sup *s, const struct request *request)
{
	const struct nlmsghdr *asked = (const void *)request->buf;
	static char buf[65536];
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	bool found = false;
	ssize_t n;

	s->nrecords = 0;
	for (;;) {
		n = recv(s->fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0 && errno != ENOBUFS)
			return found;
		if (n > 0 && nlh->nlmsg_seq == asked->nlmsg_seq)
			found = true;
	}
}

static int state_of(struct answer_data *self, struct group *g)
{
	return group_get(&self->other, self->g.id, g) ?: (int)g->state;
}

/* A group with a record that is read and not acknowledged, and a member. */
static pid_t make_group(struct __test_metadata *_metadata,
			struct answer_data *self)
{
	struct record r;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, SUP_POLICY_KILL, 0,
			       &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, (void *)7L),
				    &r));
	ASSERT_EQ(1, r.seq);
	return spawn_waiting();
}

/* All that the next owner is told, from the first record on. */
static void check_records(struct __test_metadata *_metadata, struct sup *s,
			  uint64_t id)
{
	struct record r;

	ASSERT_EQ(0, record_next(s, &r, 10000));
	EXPECT_EQ(1, r.seq);
	EXPECT_EQ(7, r.code);
	while (r.kind != SUP_RECORD_KIND_OWNER_LOST) {
		ASSERT_EQ(0, record_ack(s, id, r.seq));
		ASSERT_EQ(0, record_next(s, &r, 10000));
	}
	EXPECT_EQ(SUP_OWNER_LOSS_HANDED_OVER, r.owner_loss);
	EXPECT_EQ(1, r.count);
}

TEST_F(answer, hand_over_that_cannot_be_answered_is_not_done)
{
	struct request r;
	struct group g;
	pid_t pid;

	pid = make_group(_metadata, self);
	fill(&self->s, self->g.id);
	request_init(&r, &self->s, SUP_CMD_GROUP_HAND_OVER, false);
	put_u64(&r, SUP_A_GROUP_ID, self->g.id);
	ASSERT_TRUE(ask(&self->s, &r));
	EXPECT_EQ(SUP_GROUP_STATE_OWNED, state_of(self, &g));
	EXPECT_EQ(getpid(), g.owner_pid);
	EXPECT_FALSE(drain(&self->s, &r));
	/* It still works for its owner, who asks again. */
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, 0, 0, 0, &g));
	EXPECT_EQ(1, g.signalled);
	ASSERT_EQ(0, group_hand_over(&self->s, self->g.id, 0, &g));
	ASSERT_EQ(0, group_adopt(&self->other, g.id, g.token, 0, &g));
	check_records(_metadata, &self->other, g.id);
	EXPECT_TRUE(alive(pid));
}

TEST_F(answer, adoption_that_cannot_be_answered_is_not_done)
{
	struct request r;
	struct group g;
	pid_t pid;

	pid = make_group(_metadata, self);
	ASSERT_EQ(0, group_hand_over(&self->s, self->g.id, 0, &self->g));
	fill(&self->s, self->g.id);
	request_init(&r, &self->s, SUP_CMD_GROUP_ADOPT, false);
	put_u64(&r, SUP_A_GROUP_ID, self->g.id);
	put_data(&r, SUP_A_GROUP_TOKEN, self->g.token, SUP_TOKEN_SIZE);
	ASSERT_TRUE(ask(&self->s, &r));
	EXPECT_EQ(SUP_GROUP_STATE_RETAINED, state_of(self, &g));
	EXPECT_EQ(0, g.owner_pid);
	EXPECT_EQ(1, g.processes);
	EXPECT_FALSE(drain(&self->s, &r));
	/* The same token, for the same socket. */
	ASSERT_EQ(0, group_adopt(&self->s, g.id, self->g.token, 0, &g));
	check_records(_metadata, &self->s, g.id);
	EXPECT_TRUE(alive(pid));
}

TEST_F(answer, grace_time_goes_on_beside_adoptions_that_cannot_be_answered)
{
	struct request r;
	struct group g;
	pid_t pid;
	int ret;

	pid = make_group(_metadata, self);
	ASSERT_EQ(0, group_hand_over(&self->s, self->g.id, 500, &self->g));
	fill(&self->s, self->g.id);
	do {
		request_init(&r, &self->s, SUP_CMD_GROUP_ADOPT, false);
		put_u64(&r, SUP_A_GROUP_ID, self->g.id);
		put_data(&r, SUP_A_GROUP_TOKEN, self->g.token, SUP_TOKEN_SIZE);
		ASSERT_TRUE(ask(&self->s, &r));
		ret = state_of(self, &g);
		ASSERT_NE(SUP_GROUP_STATE_OWNED, ret);
	} while (ret != -ENOENT);
	EXPECT_TRUE(wait_gone(pid));
}

/* Whether a signal that the process blocks was sent to it. */
static bool pending(pid_t pid, int sig)
{
	unsigned long mask = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "ShdPnd: %lx", &mask) == 1)
			break;
	if (f)
		fclose(f);
	return mask >> (sig - 1) & 1;
}

TEST_F(answer, kill_that_cannot_be_answered_is_not_done)
{
	struct request r;
	struct group g;
	sigset_t set;
	pid_t pid;

	/* The member has it from here. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = make_group(_metadata, self);
	fill(&self->s, self->g.id);
	request_init(&r, &self->s, SUP_CMD_GROUP_KILL, false);
	put_u64(&r, SUP_A_GROUP_ID, self->g.id);
	put_u32(&r, SUP_A_GROUP_SIGNAL, SIGUSR1);
	ASSERT_TRUE(ask(&self->s, &r));
	EXPECT_FALSE(pending(pid, SIGUSR1));
	EXPECT_FALSE(drain(&self->s, &r));
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGUSR1, 0, 0, &g));
	EXPECT_EQ(1, g.signalled);
	EXPECT_TRUE(pending(pid, SIGUSR1));
}

TEST_F(answer, attaching_that_cannot_be_answered_is_not_done)
{
	struct request r;
	struct member m;
	struct group g;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, 0, SUP_POLICY_KILL, 0, &self->g));
	pid = spawn_waiting();
	fill(&self->s, self->g.id);
	request_init(&r, &self->s, SUP_CMD_MEMBER_ADD, false);
	put_u64(&r, SUP_A_MEMBER_GROUP, self->g.id);
	put_u32(&r, SUP_A_MEMBER_PID, pid);
	put_u64(&r, SUP_A_MEMBER_START_TICKS, start_ticks(pid));
	ASSERT_TRUE(ask(&self->s, &r));
	EXPECT_EQ(SUP_GROUP_STATE_OWNED, state_of(self, &g));
	EXPECT_EQ(0, g.processes);
	EXPECT_FALSE(drain(&self->s, &r));
	ASSERT_EQ(0, member_add_pid(&self->s, g.id, pid, start_ticks(pid),
				    PROCESS, 0, &m));
	EXPECT_EQ(1, m.added);
}

TEST_F(answer, group_that_cannot_be_told_is_not_made)
{
	struct group g, list[16];
	struct request r;
	int n;

	ASSERT_EQ(0, group_new(&self->s, 0, SUP_POLICY_KILL, 0, &self->g));
	n = group_dump(&self->other, list, 16);
	fill(&self->s, self->g.id);
	request_init(&r, &self->s, SUP_CMD_GROUP_NEW, false);
	ASSERT_TRUE(ask(&self->s, &r));
	EXPECT_EQ(n, group_dump(&self->other, list, 16));
	EXPECT_FALSE(drain(&self->s, &r));
	EXPECT_EQ(0, group_new(&self->s, 0, SUP_POLICY_KILL, 0, &g));
	EXPECT_EQ(n + 1, group_dump(&self->other, list, 16));
}

TEST_HARNESS_MAIN
