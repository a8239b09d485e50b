// SPDX-License-Identifier: GPL-2.0
/* What informs: births, execs and first words of an end, if asked for. */
#include <sys/socket.h>

#include "sup_test.h"

#define BIT(kind) (1U << SUP_RECORD_KIND_##kind)
#define LIFE (BIT(FORK) | BIT(EXEC) | BIT(EXITING))

static void run(void *arg)
{
	char *const *argv = arg;

	execv(helper_path(), argv);
	_exit(99);
}

static void have_a_child(void *arg)
{
	waitpid(spawn(exit_with, NULL), NULL, 0);
}

TEST_F(sup, fork_tells_who_was_born_to_whom)
{
	struct record child, grandchild;
	pid_t pid;

	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, BIT(FORK), 0, 0,
				       &self->g));
	EXPECT_EQ(BIT(FORK), self->g.events);
	pid = spawn(have_a_child, NULL);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_FORK, &child));
	EXPECT_EQ(SUP_CMD_INFORM_NTF, child.cmd);
	EXPECT_EQ(self->g.id, child.group);
	EXPECT_EQ(pid, child.pid);
	EXPECT_EQ(pid, child.tgid);
	EXPECT_EQ(PROCESS, child.member_kind);
	EXPECT_EQ(child.member, child.lineage);
	EXPECT_TRUE(has(&child, SUP_A_RECORD_PARENT));
	EXPECT_EQ(0, child.parent);
	EXPECT_EQ(0, child.seq);
	EXPECT_LT(0, child.time);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_FORK,
				 &grandchild));
	EXPECT_EQ(child.member, grandchild.parent);
	EXPECT_EQ(child.member, grandchild.lineage);
	EXPECT_LT(child.member, grandchild.member);
}

TEST_F(sup, fork_by_a_template_has_its_cookie)
{
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, group_new_telling(&self->s, 0, LIFE, 0, 0, &self->g));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 77));
	pid = spawn(exit_with, NULL);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_FORK, &r));
	EXPECT_EQ(pid, r.pid);
	EXPECT_EQ(77, r.cookie);
	EXPECT_EQ(0, r.parent);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXITING, &r));
	EXPECT_EQ(77, r.cookie);
}

static void *run_in_thread(void *arg)
{
	pid_t *tid = ((void **)arg)[0];

	*tid = gettid();
	run(((void **)arg)[1]);
	return NULL;
}

static void exec_by_thread(void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_in_thread, arg))
		_exit(98);
	wait_for_signal(NULL);
}

TEST_F(sup, exec_tells_the_number_that_the_thread_had)
{
	char *argv[] = { "x", "exit", "0", NULL };
	void *arg[] = { shared_page(), argv };
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, BIT(EXEC), 0, 0,
				       &self->g));
	pid = spawn(run, argv);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXEC, &r));
	EXPECT_EQ(pid, r.pid);
	EXPECT_EQ(pid, r.old_tid);
	EXPECT_STREQ("sup_helper", r.comm);
	pid = spawn(exec_by_thread, arg);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXEC, &r));
	EXPECT_EQ(pid, r.pid);
	EXPECT_NE(pid, *(pid_t *)arg[0]);
	EXPECT_EQ(*(pid_t *)arg[0], r.old_tid);
}

/* How far each of the members has come, by its number. */
struct progress {
	uint64_t member[64];
	int step[64], n, spawned;
};

static int *step_of(struct progress *p, uint64_t member)
{
	int i;

	for (i = 0; i < p->n; i++)
		if (p->member[i] == member)
			return &p->step[i];
	p->member[p->n] = member;
	return &p->step[p->n++];
}

TEST_F(sup, order_of_each_life)
{
	const uint32_t order[] = {
		SUP_RECORD_KIND_FORK, SUP_RECORD_KIND_EXEC,
		SUP_RECORD_KIND_EXITING, SUP_RECORD_KIND_EXIT,
	};
	char *argv[] = { "x", "exit", "0", NULL };
	struct progress p = {};
	struct record r;
	int i, exits = 0;

	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, LIFE, 0, 0,
				       &self->g));
	self->s.ack = self->g.id;
	/* So few at a time that the socket has room for all of it. */
	while (exits < 24) {
		for (; p.spawned < exits / 8 * 8 + 8; p.spawned++)
			spawn(run, argv);
		do {
			ASSERT_EQ(0, record_next(&self->s, &r, 10000));
		} while (r.kind == SUP_RECORD_KIND_LINEAGE_EMPTY ||
			 r.kind == SUP_RECORD_KIND_GROUP_EMPTY);
		ASSERT_EQ(0, r.lost);
		i = (*step_of(&p, r.member))++;
		ASSERT_LT(i, 4);
		ASSERT_EQ(order[i], r.kind);
		exits += r.kind == SUP_RECORD_KIND_EXIT;
	}
	EXPECT_EQ(24, p.n);
}

TEST_F(sup, only_what_was_asked_for)
{
	const uint32_t masks[] = {
		0, BIT(FORK), BIT(EXEC), BIT(EXITING), LIFE,
	};
	char *argv[] = { "x", "exit", "0", NULL };
	struct record r;
	struct group g;
	uint32_t seen;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, masks[i],
					       0, 0, &g));
		spawn(run, argv);
		seen = 0;
		do {
			ASSERT_EQ(0, record_next(&self->s, &r, 10000));
			if (r.cmd == SUP_CMD_INFORM_NTF)
				seen |= 1U << r.kind;
		} while (r.kind != SUP_RECORD_KIND_GROUP_EMPTY);
		EXPECT_EQ(masks[i], seen);
		ASSERT_EQ(0, group_get(&self->s, g.id, &g));
		EXPECT_EQ(0, g.lost);
		ASSERT_EQ(0, group_del(&self->s, g.id, false));
	}
}

static void *end(void *arg)
{
	*(pid_t *)arg = gettid();
	return NULL;
}

TEST_F(sup, threads_too)
{
	struct record born, ends, r;
	pthread_t thread;
	pid_t tid;

	ASSERT_EQ(0, group_new_telling(&self->s, THREADS, LIFE, 0, 0,
				       &self->g));
	ASSERT_EQ(0, pthread_create(&thread, NULL, end, &tid));
	pthread_join(thread, NULL);
	ASSERT_EQ(0, record_next(&self->s, &born, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_FORK, born.kind);
	EXPECT_EQ(THREAD, born.member_kind);
	EXPECT_EQ(tid, born.pid);
	EXPECT_EQ(getpid(), born.tgid);
	EXPECT_EQ(0, born.lineage);
	ASSERT_EQ(0, record_next(&self->s, &ends, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXITING, ends.kind);
	EXPECT_EQ(born.member, ends.member);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	EXPECT_EQ(born.member, r.member);
	EXPECT_EQ(ends.pid, r.pid);
}

static void run_a_thread(void *arg)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, end, arg))
		pthread_join(thread, NULL);
}

TEST_F(sup, thread_of_a_member_is_born_to_it)
{
	struct record parent, r;
	pid_t tid, pid;

	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN |
				       SUP_GROUP_FLAG_MEMBER_THREADS,
				       BIT(FORK), 0, 0, &self->g));
	pid = spawn(run_a_thread, &tid);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_FORK, &parent));
	EXPECT_EQ(pid, parent.pid);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_FORK, &r));
	EXPECT_EQ(THREAD, r.member_kind);
	EXPECT_EQ(parent.member, r.parent);
	EXPECT_EQ(pid, r.tgid);
}

static void run_children(int n)
{
	pid_t pid;

	while (n--) {
		pid = fork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

/* Reads what is there until so many exits came; what informed, or -1. */
static int read_exits(struct sup *s, struct group *g, int exits)
{
	struct record r;
	uint64_t seq = 0, lost = 0;
	int n = 0;

	while (exits) {
		if (record_next(s, &r, 10000))
			return -1;
		if (r.cmd == SUP_CMD_INFORM_NTF) {
			/* It counts up, and never down. */
			if (r.lost < lost)
				return -1;
			lost = r.lost;
			n++;
			continue;
		}
		if (r.seq != ++seq)
			return -1;
		exits -= r.kind == SUP_RECORD_KIND_EXIT;
		if (record_ack(s, g->id, seq))
			return -1;
	}
	return n;
}

/* Up to the next exit, acknowledging everything. */
static int read_one(struct sup *s, uint64_t id)
{
	struct record r;
	int ret;

	do {
		ret = record_next(s, &r, 10000);
		if (!ret && r.cmd == SUP_CMD_RECORD_NTF)
			ret = record_ack(s, id, r.seq);
	} while (!ret && r.kind != SUP_RECORD_KIND_EXIT);
	return ret;
}

/* Each of n children has a birth and an end that inform. */
static void stall(struct __test_metadata *_metadata, struct sup *s,
		  struct group *g, int n)
{
	struct record r;
	struct group got;
	uint64_t lost;
	int informed;

	ASSERT_EQ(0, group_new_telling(s, CHILDREN, BIT(FORK) | BIT(EXITING),
				       0, 0, g));
	run_children(n);
	informed = read_exits(s, g, n);
	ASSERT_LE(0, informed);
	ASSERT_EQ(0, group_get(s, g->id, &got));
	EXPECT_LT(0, got.lost);
	EXPECT_EQ(2 * n, informed + got.lost);
	/* What comes next tells how much is missing before it. */
	lost = got.lost;
	while (!record_next(s, &r, 0))
		;
	ASSERT_EQ(0, record_ack(s, g->id, got.seq));
	run_children(1);
	if (record_wait(s, SUP_RECORD_KIND_FORK, &r))
		return;
	EXPECT_EQ(lost, r.lost);
}

TEST_F(sup, reader_that_stalls_loses_these_and_nothing_else)
{
	int size = 16384;

	ASSERT_EQ(0, setsockopt(self->s.fd, SOL_SOCKET, SO_RCVBUF, &size,
				sizeof(size)));
	stall(_metadata, &self->s, &self->g, 100);
}

TEST_F(sup, smallest_buffer_is_for_what_must_come)
{
	int i, size = 1;

	ASSERT_EQ(0, setsockopt(self->s.fd, SOL_SOCKET, SO_RCVBUF, &size,
				sizeof(size)));
	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, LIFE, 0, 0,
				       &self->g));
	/* With a reader who is in time, and without one. */
	for (i = 0; i < 40; i++) {
		spawn(exit_with, NULL);
		ASSERT_EQ(0, read_one(&self->s, self->g.id));
	}
	run_children(40);
	for (i = 0; i < 40; i++)
		ASSERT_EQ(0, read_one(&self->s, self->g.id));
}

TEST_HARNESS_MAIN
