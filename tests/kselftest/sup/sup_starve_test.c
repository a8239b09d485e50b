// SPDX-License-Identifier: GPL-2.0
/* Readers that do not read, and what it costs other users: nothing. */
#include <sys/socket.h>

#include "sup_test.h"
#include "sup_attack.h"

#define STALLED 2
#define EXITS 50

FIXTURE(starve) {
	struct sup s;
	int up[2], go[2];
	pid_t stalled[STALLED];
};

FIXTURE_SETUP(starve)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, pipe(self->up));
	ASSERT_EQ(0, pipe(self->go));
}

FIXTURE_TEARDOWN(starve)
{
	int i;

	for (i = 0; i < STALLED; i++)
		if (self->stalled[i])
			kill(self->stalled[i], SIGKILL);
	while (waitpid(-1, NULL, 0) > 0)
		;
	if (!geteuid())
		param_set("max_records", "65536");
	sup_close(&self->s);
}

#define starve_data _test_data_starve

static bool is_killed(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

/* An owner that never reads, and starts children until none may run. */
static void be_stalled(void *arg)
{
	struct starve_data *self = arg;
	struct group g;
	struct sup s;

	if (become(ALICE) || sup_open(&s) || group_new(&s, CHILDREN, 0, 0, &g))
		_exit(1);
	while (!is_killed(spawn(exit_with, NULL)))
		;
	tell(self->up[1]);
	told(self->go[0]);
	for (;;)
		is_killed(spawn(exit_with, NULL));
}

static int read_all(struct sup *s, void *arg)
{
	struct record r;
	struct group g;
	uint64_t seq = 0;
	int exits = 0;

	if (group_new(s, CHILDREN, 0, 0, &g))
		return -200;
	while (exits < EXITS) {
		if (is_killed(spawn(exit_with, (void *)3L)))
			return -201;
		/* In order, and without a gap. */
		do {
			if (record_next(s, &r, 10000) || r.seq != ++seq ||
			    r.kind == SUP_RECORD_KIND_OVERFLOW)
				return -202;
			if (record_ack(s, g.id, seq))
				return -203;
		} while (r.kind != SUP_RECORD_KIND_EXIT);
		exits++;
	}
	return 0;
}

/* Alice's groups are at her limit, and go on trying; Bob has his records. */
TEST_F(starve, stalled_readers_of_one_user_and_a_reader_of_another)
{
	int i;

	ASSERT_EQ(0, param_set("max_records", "100"));
	for (i = 0; i < STALLED; i++) {
		self->stalled[i] = spawn(be_stalled, self);
		ASSERT_TRUE(told(self->up[0]));
	}
	for (i = 0; i < STALLED; i++)
		tell(self->go[1]);
	EXPECT_EQ(0, as_user(BOB, read_all, NULL));
}

/* She has no room left, in any of her groups, and only she. */
static int another_group(struct sup *s, void *arg)
{
	struct record r;
	struct group g;

	if (group_new(s, CHILDREN, 0, 0, &g))
		return -200;
	if (!is_killed(spawn(exit_with, NULL)))
		return -201;
	if (record_wait(s, SUP_RECORD_KIND_OVERFLOW, &r))
		return -202;
	return r.cause == SUP_OVERFLOW_CAUSE_LIMIT ? 0 : -203;
}

TEST_F(starve, stalled_reader_spends_its_own_users_limit)
{
	ASSERT_EQ(0, param_set("max_records", "50"));
	self->stalled[0] = spawn(be_stalled, self);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(0, as_user(ALICE, another_group, NULL));
	EXPECT_EQ(0, as_user(BOB, read_all, NULL));
}

/* What is in the sockets of those who do not read is what they were given. */
TEST_F(starve, memory_in_the_sockets_stays_within_the_credit)
{
	uint32_t meminfo[9];
	socklen_t len = sizeof(meminfo);
	struct record r;
	struct request q;
	struct group g;
	int i;

	request_init(&q, &self->s, SUP_CMD_GROUP_NEW, false);
	put_u32(&q, SUP_A_GROUP_FLAGS, CHILDREN);
	put_u32(&q, SUP_A_GROUP_CREDIT, 8192);
	ASSERT_EQ(0, call(&self->s, &q, parse_group, &g));
	for (i = 0; i < EXITS; i++)
		waitpid(spawn(exit_with, NULL), NULL, 0);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	ASSERT_EQ(0, getsockopt(self->s.fd, SOL_SOCKET, SO_MEMINFO, meminfo,
				&len));
	EXPECT_GE(8192, meminfo[0]);
	EXPECT_TRUE(reaches_records(&self->s, g.id, EXITS));
}

TEST_HARNESS_MAIN
