// SPDX-License-Identifier: GPL-2.0
/* Threads as members: their own, when and how they end, who exits first. */
#include "sup_test.h"

FIXTURE(thread) {
	struct sup s;
	struct group g;
	pid_t *shared;
};

FIXTURE_SETUP(thread)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, THREADS, 0, 0, &self->g));
	self->shared = shared_page();
}

FIXTURE_TEARDOWN(thread)
{
	sup_close(&self->s);
}

static void *report_tid(void *arg)
{
	__atomic_store_n((pid_t *)arg, gettid(), __ATOMIC_RELEASE);
	return NULL;
}

static void *exit_raw(void *arg)
{
	report_tid(arg);
	syscall(SYS_exit, 12);
	return NULL;
}

TEST_F(thread, new_threads_are_members)
{
	struct record r;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, report_tid, self->shared));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	ASSERT_EQ(0, record_exit_of(&self->s, *self->shared, &r));
	EXPECT_EQ(THREAD, r.member_kind);
	EXPECT_EQ(getpid(), r.tgid);
	EXPECT_EQ(0, r.lineage);
	EXPECT_EQ(0, r.code);
	EXPECT_EQ(0, r.signal);
}

TEST_F(thread, exit_code_of_a_thread)
{
	struct record r;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, exit_raw, self->shared));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
	EXPECT_EQ(*self->shared, r.pid);
	EXPECT_EQ(12, r.code);
}

TEST_F(thread, record_follows_the_join)
{
	struct record r;
	pthread_t thread;
	int i;

	/* Whoever was told can join without waiting. */
	for (i = 0; i < 50; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, report_tid,
					    self->shared));
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
		ASSERT_EQ(0, pthread_tryjoin_np(thread, NULL));
	}
}

TEST_F(thread, self_adds_the_calling_thread)
{
	struct member m, got;

	ASSERT_EQ(0, member_add_self(&self->s, self->g.id, 77, &m));
	EXPECT_EQ(1, m.added);
	ASSERT_EQ(0, member_get(&self->s, self->g.id, gettid(), THREAD, &got));
	EXPECT_EQ(77, got.cookie);
	EXPECT_EQ(getpid(), got.tgid);
	ASSERT_EQ(0, member_add_self(&self->s, self->g.id, 0, &m));
	EXPECT_EQ(0, m.added);
}

#define STORM 4

struct storm {
	int go, stop;
	pid_t tids[STORM];
};

static void *cloner(void *arg)
{
	struct storm *storm = arg;
	pthread_t thread;
	pid_t tid;

	storm->tids[__atomic_fetch_add(&storm->go, 1, __ATOMIC_ACQ_REL)] =
		gettid();
	while (!__atomic_load_n(&storm->stop, __ATOMIC_ACQUIRE))
		if (!pthread_create(&thread, NULL, report_tid, &tid))
			pthread_join(thread, NULL);
	return NULL;
}

static bool all_go(void *arg)
{
	return __atomic_load_n(&((struct storm *)arg)->go,
			       __ATOMIC_ACQUIRE) == STORM;
}

static bool one_thread(void *arg)
{
	struct sup *s = arg;
	struct group g;

	return !group_get(s, s->ack, &g) && g.threads == 1;
}

/* A checked kernel is slow to make threads. */
TEST_F(thread, self_misses_nobody_who_clones_meanwhile)
{
	struct storm storm;
	pthread_t threads[STORM];
	struct record r;
	struct member m;
	struct group g;
	int i, round, found;

	/* A group that inherits threads has those of before only by self. */
	ASSERT_EQ(0, group_del(&self->s, self->g.id, true));
	for (round = 0; round < 10; round++) {
		memset(&storm, 0, sizeof(storm));
		for (i = 0; i < STORM; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, cloner,
						    &storm));
		ASSERT_TRUE(eventually(all_go, &storm));
		ASSERT_EQ(0, group_new(&self->s, THREADS, 0, 0, &g));
		self->s.ack = g.id;
		ASSERT_EQ(0, member_add_self(&self->s, g.id, 0, &m));
		__atomic_store_n(&storm.stop, 1, __ATOMIC_RELEASE);
		for (i = 0; i < STORM; i++)
			ASSERT_EQ(0, pthread_join(threads[i], NULL));
		ASSERT_TRUE(eventually(one_thread, &self->s));
		for (found = 0; found < STORM;) {
			ASSERT_EQ(0, record_next(&self->s, &r, 10000));
			for (i = 0; i < STORM; i++)
				found += r.pid == storm.tids[i];
		}
		self->s.ack = 0;
		self->s.taken = 0;
		ASSERT_EQ(0, group_del(&self->s, g.id, true));
		while (!record_next(&self->s, &r, 0))
			;
	}
}

static void *sleeper(void *arg)
{
	pid_t *tids = arg;

	__atomic_fetch_add(tids, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(tids, __ATOMIC_ACQUIRE) >= 0)
		sched_yield();
	return NULL;
}

static bool is_five(void *arg)
{
	return __atomic_load_n((pid_t *)arg, __ATOMIC_ACQUIRE) == 5;
}

TEST_F(thread, those_that_exit_together_are_told_once_each)
{
	pthread_t threads[5];
	struct record r;
	int i, round;

	self->s.ack = self->g.id;
	for (round = 0; round < 20; round++) {
		*self->shared = 0;
		for (i = 0; i < 5; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, sleeper,
						    self->shared));
		ASSERT_TRUE(eventually(is_five, self->shared));
		__atomic_store_n(self->shared, -1, __ATOMIC_RELEASE);
		for (i = 0; i < 5; i++) {
			ASSERT_EQ(0, record_next(&self->s, &r, 10000));
			EXPECT_EQ(5 * round + i + 1, r.seq);
			pthread_join(threads[i], NULL);
		}
	}
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
}

/* What follows is about processes with threads, as members. */

static void *last_exit(void *arg)
{
	int fd = (long)arg;

	told(fd);
	syscall(SYS_exit, 9);
	return NULL;
}

FIXTURE(process) {
	struct sup s;
	struct group g;
	int go[2];
};

FIXTURE_SETUP(process)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, pipe(self->go));
}

FIXTURE_TEARDOWN(process)
{
	sup_close(&self->s);
}

/* True when the first thread is a zombie while others live. */
static bool leader_is_zombie(void *arg)
{
	return !alive(*(pid_t *)arg);
}

TEST_F(process, leader_exits_first)
{
	struct record r;
	pthread_t thread;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		pthread_create(&thread, NULL, last_exit,
			       (void *)(long)self->go[0]);
		syscall(SYS_exit, 3);
	}
	ASSERT_TRUE(eventually(leader_is_zombie, &pid));
	/* It is not over yet. */
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
	EXPECT_EQ(0, waitpid(pid, NULL, WNOHANG));
	tell(self->go[1]);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	/* Which of the two codes it is, 3 or 9, depends on the kernel. */
	ASSERT_EQ(pid, waitpid(pid, &status, WNOHANG));
	EXPECT_EQ(WEXITSTATUS(status), r.code);
	EXPECT_NE(0, r.code);
}

static void *exit_group(void *arg)
{
	_exit(6);
}

TEST_F(process, a_thread_ends_the_process)
{
	struct record r;
	pthread_t thread;
	pid_t pid;

	pid = fork();
	if (!pid) {
		pthread_create(&thread, NULL, exit_group, NULL);
		wait_for_signal(NULL);
	}
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(6, r.code);
}

static void *exec_sh(void *arg)
{
	execl("/bin/sh", "sh", "-c", "exit 5", NULL);
	_exit(127);
}

TEST_F(process, exec_by_another_thread_than_the_first)
{
	struct record r;
	pthread_t thread;
	pid_t pid;
	int i;

	for (i = 0; i < 10; i++) {
		pid = fork();
		if (!pid) {
			pthread_create(&thread, NULL, exec_sh, NULL);
			wait_for_signal(NULL);
		}
		ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
		EXPECT_EQ(5, r.code);
		EXPECT_EQ(pid, waitpid(pid, NULL, WNOHANG));
		EXPECT_STREQ("sh", r.comm);
		EXPECT_LT(r.start_time, r.time);
	}
}

TEST_F(process, exec_of_a_thread_that_is_a_member)
{
	struct record thread_end, r;
	struct member m;
	pthread_t thread;
	struct group g;
	int up[2];
	pid_t pid;

	/* The child owns a group of its own threads, and hands on the news. */
	ASSERT_EQ(0, pipe(up));
	pid = fork();
	if (!pid) {
		struct sup s;

		if (sup_open(&s) || group_new(&s, THREADS, SUP_POLICY_RETAIN,
					      60000, &g) ||
		    member_add_self(&s, g.id, 0, &m) ||
		    write(up[1], &g, sizeof(g)) != sizeof(g))
			_exit(1);
		pthread_create(&thread, NULL, exec_sh, NULL);
		wait_for_signal(NULL);
	}
	ASSERT_EQ(sizeof(g), read(up[0], &g, sizeof(g)));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(5, r.code);
	ASSERT_EQ(0, group_adopt(&self->s, g.id, g.token, 0, &g));
	/* The first thread was killed; the other took its number, and ended. */
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &thread_end));
	EXPECT_EQ(THREAD, thread_end.member_kind);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
	EXPECT_EQ(THREAD, r.member_kind);
	EXPECT_EQ(pid, r.pid);
	EXPECT_EQ(5, r.code);
	EXPECT_EQ(0, group_del(&self->s, g.id, false));
}

TEST_HARNESS_MAIN
