// SPDX-License-Identifier: GPL-2.0
/* member-add: by pidfd, by pid, of threads; and what is refused. */
#include "sup_test.h"

FIXTURE(attach) {
	struct sup s;
	struct group g;
	struct member m;
	int *shared;
};

FIXTURE_SETUP(attach)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
	self->shared = shared_page();
}

FIXTURE_TEARDOWN(attach)
{
	sup_close(&self->s);
}

TEST_F(attach, pidfd)
{
	struct record r;
	pid_t pid;
	int fd;

	pid = spawn_waiting();
	fd = pidfd_of(pid);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, member_add_pidfd(&self->s, self->g.id, fd, 123,
				      &self->m));
	EXPECT_NE(0, self->m.id);
	EXPECT_EQ(self->m.id, self->m.lineage);
	EXPECT_EQ(1, self->m.added);
	kill(pid, SIGTERM);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGTERM, r.signal);
	EXPECT_EQ(123, r.cookie);
	EXPECT_EQ(self->m.id, r.member);
}

TEST_F(attach, pid_with_start_ticks)
{
	struct record r;
	pid_t pid;

	pid = spawn_waiting();
	ASSERT_EQ(0, member_add_pid(&self->s, self->g.id, pid,
				    start_ticks(pid), PROCESS, 9, &self->m));
	kill(pid, SIGKILL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(9, r.cookie);
}

TEST_F(attach, wrong_start_ticks)
{
	pid_t pid = spawn_waiting();

	EXPECT_EQ(-ESRCH, member_add_pid(&self->s, self->g.id, pid,
					 start_ticks(pid) - 1, PROCESS, 0,
					 &self->m));
	EXPECT_STREQ("no task has this pid and start-ticks", self->s.extack);
	kill(pid, SIGKILL);
}

TEST_F(attach, children_of_the_attached_join_its_lineage)
{
	struct record r;
	int go[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		told(go[0]);
		if (!fork())
			_exit(51);
		wait_for_signal(NULL);
	}
	ASSERT_EQ(0, member_add_pid(&self->s, self->g.id, pid,
				    start_ticks(pid), PROCESS, 5, &self->m));
	tell(go[1]);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
	EXPECT_EQ(51, r.code);
	EXPECT_EQ(self->m.lineage, r.lineage);
	EXPECT_EQ(0, r.cookie);
	kill(pid, SIGKILL);
}

static void *thread_of_child(void *arg)
{
	__atomic_store_n((int *)arg, gettid(), __ATOMIC_RELEASE);
	wait_for_signal(NULL);
	return NULL;
}

static bool is_set(void *arg)
{
	return __atomic_load_n((int *)arg, __ATOMIC_ACQUIRE);
}

TEST_F(attach, thread_of_another_process)
{
	struct record r;
	pthread_t thread;
	pid_t pid;

	pid = fork();
	if (!pid) {
		pthread_create(&thread, NULL, thread_of_child, self->shared);
		wait_for_signal(NULL);
	}
	ASSERT_TRUE(eventually(is_set, self->shared));
	ASSERT_EQ(0, member_add_pid(&self->s, self->g.id, *self->shared,
				    start_ticks(*self->shared), THREAD, 4,
				    &self->m));
	kill(pid, SIGKILL);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
	EXPECT_EQ(*self->shared, r.pid);
	EXPECT_EQ(pid, r.tgid);
	EXPECT_EQ(THREAD, r.member_kind);
	EXPECT_EQ(SIGKILL, r.signal);
	EXPECT_EQ(4, r.cookie);
}

TEST_F(attach, member_of_a_group_already)
{
	struct group other;
	pid_t pid;

	pid = spawn_waiting();
	ASSERT_EQ(0, member_add_pid(&self->s, self->g.id, pid,
				    start_ticks(pid), PROCESS, 0, &self->m));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &other));
	EXPECT_EQ(-EEXIST, member_add_pid(&self->s, other.id, pid,
					  start_ticks(pid), PROCESS, 0,
					  &self->m));
	EXPECT_STREQ("task is a member of a group already", self->s.extack);
}

TEST_F(attach, own_process)
{
	EXPECT_EQ(-EINVAL, member_add_pid(&self->s, self->g.id, getpid(),
					  start_ticks(getpid()), PROCESS, 0,
					  &self->m));
	EXPECT_STREQ("a process cannot be a member of its own group",
		     self->s.extack);
}

TEST_F(attach, the_dead_are_refused)
{
	uint64_t ticks;
	pid_t pid;
	int fd;

	pid = spawn(exit_with, NULL);
	fd = pidfd_of(pid);
	ASSERT_TRUE(wait_gone(pid));
	ticks = start_ticks(pid);
	/* A zombie, then nothing. */
	EXPECT_EQ(-ESRCH, member_add_pid(&self->s, self->g.id, pid, ticks,
					 PROCESS, 0, &self->m));
	EXPECT_EQ(-ESRCH, member_add_pidfd(&self->s, self->g.id, fd, 0,
					   &self->m));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	EXPECT_EQ(-ESRCH, member_add_pidfd(&self->s, self->g.id, fd, 0,
					   &self->m));
	EXPECT_STREQ("the process is gone", self->s.extack);
}

TEST_F(attach, what_is_not_a_pidfd)
{
	int fds[2];

	ASSERT_EQ(0, pipe(fds));
	EXPECT_EQ(-EBADF, member_add_pidfd(&self->s, self->g.id, fds[0], 0,
					   &self->m));
	EXPECT_STREQ("not a pidfd", self->s.extack);
	EXPECT_EQ(-EBADF, member_add_pidfd(&self->s, self->g.id, 9999, 0,
					   &self->m));
	EXPECT_EQ(-EBADF, member_add_pidfd(&self->s, self->g.id, -1, 0,
					   &self->m));
	EXPECT_EQ(-EBADF, member_add_pidfd(&self->s, self->g.id, self->s.fd, 0,
					   &self->m));
}

TEST_F(attach, races_with_exit_end_in_a_record_or_an_error)
{
	struct record r;
	int i, ret, added = 0;
	uint64_t ticks;
	pid_t pid;

	self->s.ack = self->g.id;
	for (i = 0; i < 300; i++) {
		pid = spawn(exit_with, NULL);
		ticks = start_ticks(pid);
		if (i % 3)
			sched_yield();
		ret = member_add_pid(&self->s, self->g.id, pid, ticks, PROCESS,
				     0, &self->m);
		ASSERT_TRUE(!ret || ret == -ESRCH);
		if (!ret) {
			added++;
			ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
		}
		ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	}
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &self->g));
	EXPECT_EQ(0, self->g.processes);
	TH_LOG("attached %d of 300", added);
}

TEST_HARNESS_MAIN
