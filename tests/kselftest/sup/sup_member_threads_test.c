// SPDX-License-Identifier: GPL-2.0
/* The flag member-threads: threads of members are members of their own. */
#include "sup_test.h"

#define MEMBER_THREADS SUP_GROUP_FLAG_MEMBER_THREADS

FIXTURE(member_threads) {
	struct sup s;
	struct group g;
	pid_t *shared;
	int go[2], up[2];
};

FIXTURE_SETUP(member_threads)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	self->shared = shared_page();
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
}

FIXTURE_TEARDOWN(member_threads)
{
	sup_close(&self->s);
}

#define member_threads_data _test_data_member_threads

static void *tell_tid(void *arg)
{
	struct member_threads_data *self = arg;

	*self->shared = gettid();
	tell(self->up[1]);
	told(self->go[0]);
	syscall(SYS_exit, 12);
	return NULL;
}

static void have_thread(void *arg)
{
	pthread_t thread;

	pthread_create(&thread, NULL, tell_tid, arg);
	wait_for_signal(NULL);
}

TEST_F(member_threads, are_told_with_their_process)
{
	struct member m, all[4];
	struct record r;
	struct group g;
	pid_t pid, tid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN | MEMBER_THREADS, 0, 0, &g));
	EXPECT_EQ(CHILDREN | MEMBER_THREADS, g.flags);
	pid = spawn(have_thread, self);
	ASSERT_TRUE(told(self->up[0]));
	tid = *self->shared;
	ASSERT_EQ(2, member_dump(&self->s, g.id, 0, all, 4));
	ASSERT_EQ(0, member_get(&self->s, g.id, tid, THREAD, &m));
	EXPECT_EQ(pid, m.tgid);
	EXPECT_EQ(0, m.lineage);
	ASSERT_EQ(0, group_get(&self->s, g.id, &self->g));
	EXPECT_EQ(1, self->g.processes);
	EXPECT_EQ(1, self->g.threads);
	/* It ends, and its process does not. */
	tell(self->go[1]);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	EXPECT_EQ(THREAD, r.member_kind);
	EXPECT_EQ(tid, r.pid);
	EXPECT_EQ(pid, r.tgid);
	EXPECT_EQ(m.id, r.member);
	EXPECT_EQ(0, r.lineage);
	EXPECT_EQ(12, r.code);
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
	EXPECT_TRUE(alive(pid));
}

TEST_F(member_threads, not_without_the_flag)
{
	struct member all[4];
	struct group g;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &g));
	pid = spawn(have_thread, self);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(1, member_dump(&self->s, g.id, 0, all, 4));
	EXPECT_EQ(pid, all[0].pid);
	EXPECT_EQ(PROCESS, all[0].kind);
}

TEST_F(member_threads, not_those_of_the_owner)
{
	pthread_t thread;
	struct group g;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN | MEMBER_THREADS, 0, 0, &g));
	ASSERT_EQ(0, pthread_create(&thread, NULL, tell_tid, self));
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, group_get(&self->s, g.id, &g));
	EXPECT_EQ(0, g.threads);
	tell(self->go[1]);
	pthread_join(thread, NULL);
}

TEST_F(member_threads, of_descendants_and_of_the_attached)
{
	struct member m;
	struct group g;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, MEMBER_THREADS, 0, 0, &g));
	/* Attached, then it has a child, and that has a thread. */
	pid = fork();
	if (!pid) {
		told(self->go[0]);
		spawn(have_thread, self);
		wait_for_signal(NULL);
	}
	ASSERT_EQ(0, member_add_pid(&self->s, g.id, pid, start_ticks(pid),
				    PROCESS, 0, &m));
	tell(self->go[1]);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, member_get(&self->s, g.id, *self->shared, THREAD, &m));
	EXPECT_NE(pid, m.tgid);
	ASSERT_EQ(0, group_get(&self->s, g.id, &g));
	EXPECT_EQ(2, g.processes);
	EXPECT_EQ(1, g.threads);
}

/* A member that has a group of its own for its threads. */
static void own_threads(void *arg)
{
	struct member_threads_data *self = arg;
	struct group g;
	struct sup s;

	if (sup_open(&s) || group_new(&s, THREADS, 0, 0, &g))
		_exit(1);
	memcpy(self->shared + 2, &g.id, sizeof(g.id));
	have_thread(arg);
}

TEST_F(member_threads, the_process_own_group_goes_before)
{
	struct member m;
	struct group g;
	uint64_t own;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN | MEMBER_THREADS, 0, 0, &g));
	pid = spawn(own_threads, self);
	ASSERT_TRUE(told(self->up[0]));
	memcpy(&own, self->shared + 2, sizeof(own));
	ASSERT_EQ(0, member_get(&self->s, own, *self->shared, THREAD, &m));
	EXPECT_EQ(pid, m.tgid);
	EXPECT_EQ(-ESRCH, member_get(&self->s, g.id, *self->shared, THREAD,
				     &m));
	ASSERT_EQ(0, group_get(&self->s, g.id, &g));
	EXPECT_EQ(1, g.processes);
	EXPECT_EQ(0, g.threads);
}

#define CROWD 8

static void *crowd(void *arg)
{
	__atomic_fetch_add((int *)arg, 1, __ATOMIC_ACQ_REL);
	wait_for_signal(NULL);
	return NULL;
}

static void have_crowd(void *arg)
{
	pthread_t thread;
	int i;

	for (i = 0; i < CROWD; i++)
		pthread_create(&thread, NULL, crowd, arg);
	wait_for_signal(NULL);
}

static bool is_crowded(void *arg)
{
	return __atomic_load_n((int *)arg, __ATOMIC_ACQUIRE) == CROWD;
}

TEST_F(member_threads, all_are_told_when_the_process_is_killed)
{
	int i, threads = 0, processes = 0;
	struct record r;
	struct group g;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN | MEMBER_THREADS, 0, 0, &g));
	pid = spawn(have_crowd, self->shared);
	ASSERT_TRUE(eventually(is_crowded, self->shared));
	/* Threads are passed over, and end with their process. */
	ASSERT_EQ(0, group_kill(&self->s, g.id, SIGKILL, 0, 0, &self->g));
	EXPECT_EQ(1, self->g.signalled);
	for (i = 0; i < CROWD + 1; i++) {
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
		EXPECT_EQ(SIGKILL, r.signal);
		EXPECT_EQ(pid, r.tgid);
		threads += r.member_kind == THREAD;
		processes += r.member_kind == PROCESS;
	}
	EXPECT_EQ(CROWD, threads);
	EXPECT_EQ(1, processes);
	ASSERT_EQ(0, group_get(&self->s, g.id, &g));
	EXPECT_EQ(0, g.processes + g.threads);
}

TEST_F(member_threads, the_flag_goes_with_the_adopters_flags)
{
	struct group g;
	struct member m;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, MEMBER_THREADS, 0, 0, &g));
	pid = fork();
	if (!pid) {
		told(self->go[0]);
		have_thread(self);
	}
	ASSERT_EQ(0, member_add_pid(&self->s, g.id, pid, start_ticks(pid),
				    PROCESS, 0, &m));
	ASSERT_EQ(0, group_hand_over(&self->s, g.id, 0, &g));
	ASSERT_EQ(0, group_adopt(&self->s, g.id, g.token, 0, &g));
	tell(self->go[1]);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, group_get(&self->s, g.id, &g));
	EXPECT_EQ(0, g.threads);
	EXPECT_EQ(1, g.processes);
}

TEST_HARNESS_MAIN
