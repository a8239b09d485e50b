// SPDX-License-Identifier: GPL-2.0
/* Who is born into a group, and in which lineage, however it is made. */
#include <linux/sched.h>
#include <spawn.h>

#include "sup_test.h"

#define STACK (64 << 10)

FIXTURE(inherit) {
	struct sup s;
	struct group g;
	pid_t *pid;		/* that descendants leave here */
};

FIXTURE_SETUP(inherit)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	self->pid = shared_page();
}

FIXTURE_TEARDOWN(inherit)
{
	sup_close(&self->s);
}

TEST_F(inherit, fork)
{
	struct record r;

	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL), &r));
}

TEST_F(inherit, vfork)
{
	struct record r;
	pid_t pid;

	pid = vfork();
	if (!pid)
		_exit(7);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(7, r.code);
}

TEST_F(inherit, posix_spawn)
{
	char *const argv[] = { "sh", "-c", "exit 9", NULL };
	char *const env[] = { NULL };
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, env));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(9, r.code);
	EXPECT_STREQ("sh", r.comm);
}

TEST_F(inherit, clone3_with_another_parent)
{
	struct clone_args args = { .flags = CLONE_PARENT };
	struct record first, second;
	pid_t pid;

	if (!fork()) {
		pid = syscall(SYS_clone3, &args, sizeof(args));
		_exit(pid ? 10 : 11);
	}
	/* The second is a child of ours, but of the first one's lineage. */
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &first));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &second));
	EXPECT_EQ(21, first.code + second.code);
	EXPECT_EQ(first.lineage, second.lineage);
	EXPECT_EQ(first.pid, waitpid(first.pid, NULL, WNOHANG | __WALL));
	EXPECT_EQ(second.pid, waitpid(second.pid, NULL, WNOHANG | __WALL));
}

static int cloned(void *arg)
{
	return 13;
}

TEST_F(inherit, clone_with_shared_memory)
{
	struct record r;
	void *stack;
	pid_t pid;

	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid = clone(cloned, stack + STACK, CLONE_VM | CLONE_FILES | SIGCHLD,
		    NULL);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(13, r.code);
}

TEST_F(inherit, double_fork_stays_in_the_lineage)
{
	struct record first, second, empty;
	pid_t pid;

	pid = fork();
	if (!pid) {
		setsid();
		*self->pid = spawn(exit_with, (void *)21L);
		_exit(20);
	}
	/* The grandchild may end first. */
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &first));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &second));
	EXPECT_EQ(first.lineage, second.lineage);
	EXPECT_EQ(41, first.code + second.code);
	EXPECT_EQ(*self->pid, first.code == 21 ? first.pid : second.pid);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_LINEAGE_EMPTY,
				 &empty));
	EXPECT_EQ(first.lineage, empty.lineage);
}

TEST_F(inherit, each_child_starts_a_lineage)
{
	struct member a, b, all[8];
	pid_t pid;

	pid = spawn_waiting();
	ASSERT_EQ(0, member_get(&self->s, self->g.id, pid, PROCESS, &a));
	pid = spawn_waiting();
	ASSERT_EQ(0, member_get(&self->s, self->g.id, pid, PROCESS, &b));
	EXPECT_EQ(a.id, a.lineage);
	EXPECT_NE(a.lineage, b.lineage);
	EXPECT_EQ(2, member_dump(&self->s, self->g.id, 0, all, 8));
	ASSERT_EQ(1, member_dump(&self->s, self->g.id, b.lineage, all, 8));
	EXPECT_EQ(pid, all[0].pid);
	EXPECT_EQ(SUP_MEMBER_STATE_ALIVE, all[0].state);
}

static void two_generations(void *arg)
{
	pid_t *pids = arg;

	pids[1] = spawn_waiting();
	__atomic_store_n(&pids[0], getpid(), __ATOMIC_RELEASE);
	wait_for_signal(NULL);
}

static bool is_set(void *arg)
{
	return __atomic_load_n((pid_t *)arg, __ATOMIC_ACQUIRE);
}

TEST_F(inherit, descendants_carry_the_lineage)
{
	struct member child, grandchild;

	ASSERT_LT(0, spawn(two_generations, self->pid));
	ASSERT_TRUE(eventually(is_set, self->pid));
	ASSERT_EQ(0, member_get(&self->s, self->g.id, self->pid[0], PROCESS,
				&child));
	ASSERT_EQ(0, member_get(&self->s, self->g.id, self->pid[1], PROCESS,
				&grandchild));
	EXPECT_EQ(child.id, grandchild.lineage);
	EXPECT_NE(child.id, grandchild.id);
}

TEST_F(inherit, exec_keeps_the_member)
{
	struct member before, after;
	struct record r;
	int up[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(up));
	pid = fork();
	if (!pid) {
		dup2(up[0], 0);
		close(up[1]);
		execl("/bin/sh", "sh", "-c", "read x; exit 4", NULL);
		_exit(127);
	}
	close(up[0]);
	ASSERT_EQ(0, member_get(&self->s, self->g.id, pid, PROCESS, &before));
	close(up[1]);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(4, r.code);
	EXPECT_EQ(before.id, r.member);
	EXPECT_STREQ("sh", r.comm);
	EXPECT_EQ(-ESRCH, member_get(&self->s, self->g.id, pid, PROCESS,
				     &after));
}

static void *sleep_in_thread(void *arg)
{
	wait_for_signal(NULL);
	return NULL;
}

TEST_F(inherit, threads_of_children_are_no_members)
{
	struct member all[4];
	pthread_t thread;
	pid_t pid;

	pid = fork();
	if (!pid) {
		pthread_create(&thread, NULL, sleep_in_thread, NULL);
		__atomic_store_n(self->pid, 1, __ATOMIC_RELEASE);
		wait_for_signal(NULL);
	}
	ASSERT_TRUE(eventually(is_set, self->pid));
	ASSERT_EQ(1, member_dump(&self->s, self->g.id, 0, all, 4));
	EXPECT_EQ(pid, all[0].pid);
}

TEST_F(inherit, without_the_flag_nothing_joins)
{
	struct member m;
	struct group g;

	ASSERT_EQ(0, group_del(&self->s, self->g.id, false));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &g));
	EXPECT_EQ(0, waitpid(spawn(exit_with, NULL), NULL, 0) < 0);
	EXPECT_EQ(0, member_dump(&self->s, g.id, 0, &m, 1));
	ASSERT_EQ(0, group_get(&self->s, g.id, &self->g));
	EXPECT_EQ(0, self->g.seq);
}

TEST_HARNESS_MAIN
