// SPDX-License-Identifier: GPL-2.0
/* A reader that does not read loses nothing, and nobody waits for it. */
#include <sys/socket.h>

#include "sup_test.h"
#include "sup_attack.h"

#define EXITS 2000

FIXTURE(stall) {
	struct sup s, other;
	struct group g;
};

FIXTURE_SETUP(stall)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, sup_open(&self->other));
}

FIXTURE_TEARDOWN(stall)
{
	sup_close(&self->s);
	sup_close(&self->other);
}

static void run_children(int n)
{
	pid_t pid;

	while (n--) {
		pid = fork();
		if (!pid)
			_exit(n & 0xff);
		waitpid(pid, NULL, 0);
	}
}

/* Reads all, acknowledging every so many records; the exits that were told. */
static int read_all(struct sup *s, uint64_t id, int exits, int ack_every)
{
	struct record r;
	uint64_t seq = 0;
	int n = 0;

	while (n < exits) {
		if (record_next(s, &r, 10000) || r.seq != ++seq)
			return -1;
		n += r.kind == SUP_RECORD_KIND_EXIT;
		if (seq % ack_every == 0 && record_ack(s, id, seq))
			return -1;
	}
	return n;
}

TEST_F(stall, two_thousand_exits_none_lost)
{
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	run_children(EXITS);
	EXPECT_EQ(EXITS, read_all(&self->s, self->g.id, EXITS, 16));
}

TEST_F(stall, with_the_smallest_buffer)
{
	int size = 1;

	ASSERT_EQ(0, setsockopt(self->s.fd, SOL_SOCKET, SO_RCVBUF, &size,
				sizeof(size)));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	run_children(200);
	EXPECT_EQ(200, read_all(&self->s, self->g.id, 200, 1));
}

TEST_F(stall, credit_is_kept)
{
	struct request r;
	struct record rec;
	int last = 0;

	request_init(&r, &self->s, SUP_CMD_GROUP_NEW, false);
	put_u32(&r, SUP_A_GROUP_FLAGS, CHILDREN);
	put_u32(&r, SUP_A_GROUP_CREDIT, 1);
	ASSERT_EQ(0, call(&self->s, &r, parse_group, &self->g));
	EXPECT_EQ(1, self->g.credit);
	run_children(100);
	/* One message, whatever its size; the next after its ack. */
	while (!record_next(&self->s, &rec, last ? 0 : 10000))
		last = rec.seq;
	EXPECT_EQ(1, self->s.messages);
	ASSERT_LT(0, last);
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, last));
	ASSERT_EQ(0, record_next(&self->s, &rec, 10000));
	EXPECT_EQ(last + 1, rec.seq);
	EXPECT_EQ(2, self->s.messages);
}

TEST_F(stall, answers_that_fill_the_buffer_hold_records_up_only)
{
	struct record rec;
	struct request r;
	int i, ret, exits = 0;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	for (i = 0; i < 2000; i++) {
		request_init(&r, &self->s, SUP_CMD_GROUP_GET, false);
		put_u64(&r, SUP_A_GROUP_ID, self->g.id);
		memcpy(r.buf, &(uint32_t){ r.len }, sizeof(uint32_t));
		if (send(self->s.fd, r.buf, r.len, 0) < 0)
			break;
	}
	run_children(20);
	/* ENOBUFS tells of answers that the kernel could not queue. */
	while (exits < 20) {
		ret = record_next(&self->s, &rec, 10000);
		ASSERT_TRUE(!ret || ret == -ENOBUFS);
		exits += !ret && rec.kind == SUP_RECORD_KIND_EXIT;
	}
	EXPECT_EQ(0, record_ack(&self->other, self->g.id, rec.seq));
}

TEST_F(stall, one_stalled_reader_does_not_hold_up_another)
{
	struct record r;
	struct group g;
	pid_t pid;
	int i;

	/* A child with a group of its own that it never reads. */
	pid = fork();
	if (!pid) {
		struct sup s;

		if (sup_open(&s) || group_new(&s, CHILDREN, 0, 0, &g))
			_exit(1);
		run_children(300);
		wait_for_signal(NULL);
	}
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	self->s.ack = self->g.id;
	for (i = 0; i < 200; i++)
		ASSERT_EQ(0, record_exit_of(&self->s,
					    spawn(exit_with, NULL), &r));
	kill(pid, SIGKILL);
}

static void on_io(int sig)
{
}

TEST_F(stall, owner_with_a_signal_on_its_socket)
{
	struct record r;
	int i;

	/* The wake-up of the reader sends a signal: back into our probe. */
	signal(SIGIO, on_io);
	ASSERT_EQ(0, fcntl(self->s.fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->s.fd, F_SETSIG, SIGIO));
	ASSERT_EQ(0, fcntl(self->s.fd, F_SETFL, O_ASYNC));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	self->s.ack = self->g.id;
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, record_exit_of(&self->s,
					    spawn(exit_with, NULL), &r));
}

#define STORM 3000	/* fewer than a group may keep */
#define WORKERS 2
#define STEP 50		/* exits, of which a worker tells */
#define STEPS (STORM / STEP)

/* Has children that end at once, and that the kernel reaps. */
static void storm(void *up)
{
	int i;

	signal(SIGCHLD, SIG_IGN);
	for (i = 1; i <= STORM / WORKERS; i++) {
		pid_t pid = vfork();

		if (!pid)
			_exit(0);
		if (pid < 0)
			_exit(1);
		if (i % STEP == 0)
			tell(*(int *)up);
	}
}

TEST_F(stall, storm_and_a_reader_that_stands_still_is_slow_and_catches_up)
{
	int up[2], i, step = 0, exits = 0;
	struct record r = { 0 };
	uint64_t seq = 0;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	self->s.ack = self->g.id;
	ASSERT_EQ(0, pipe(up));
	for (i = 0; i < WORKERS; i++)
		ASSERT_LT(0, spawn(storm, &up[1]));
	for (; step < STEPS / 3; step++)
		ASSERT_TRUE(told(up[0]));
	EXPECT_TRUE(reaches_records(&self->other, self->g.id,
				    step * STEP));
	/* One at a time, while dozens come. */
	for (; step < STEPS / 3 * 2; step++) {
		ASSERT_TRUE(told(up[0]));
		ASSERT_EQ(0, record_next(&self->s, &r, 10000));
		ASSERT_EQ(++seq, r.seq);
		exits += r.kind == SUP_RECORD_KIND_EXIT;
	}
	while (r.kind != SUP_RECORD_KIND_GROUP_EMPTY) {
		ASSERT_EQ(0, record_next(&self->s, &r, 60000));
		ASSERT_EQ(++seq, r.seq);
		ASSERT_NE(SUP_RECORD_KIND_OVERFLOW, r.kind);
		if (r.kind == SUP_RECORD_KIND_EXIT) {
			EXPECT_EQ(0, r.code);
			exits++;
		}
	}
	EXPECT_EQ(STORM + WORKERS, exits);
}

TEST_HARNESS_MAIN
