// SPDX-License-Identifier: GPL-2.0
/* What a record says of a life: how long, by which name, by which threads. */
#include <stdio.h>

#include "sup_test.h"

#define STORY (SUP_RECORD_FLAG_GROUP_EXIT | SUP_RECORD_FLAG_LEADER_FIRST | \
	       SUP_RECORD_FLAG_THREAD_EXEC)

TEST_F(sup, lifetime_is_from_start_to_time)
{
	struct record r;
	int i;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL),
					    &r));
		EXPECT_EQ(r.time - r.start_time, r.lifetime);
		EXPECT_LT(0, r.lifetime);
	}
}

static void *end(void *arg)
{
	return NULL;
}

TEST_F(sup, lifetime_of_a_thread)
{
	struct record r;
	pthread_t thread;

	ASSERT_EQ(0, group_new(&self->s, THREADS, 0, 0, &self->g));
	ASSERT_EQ(0, pthread_create(&thread, NULL, end, NULL));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
	EXPECT_EQ(THREAD, r.member_kind);
	EXPECT_EQ(r.time - r.start_time, r.lifetime);
	EXPECT_LT(0, r.lifetime);
	pthread_join(thread, NULL);
}

static void run(void *arg)
{
	char *const *argv = arg;

	execv(helper_path(), argv);
	_exit(99);
}

TEST_F(sup, exec_name_stays_when_the_task_renames_itself)
{
	char *argv[] = { "x", "exit", "6", "renamed", NULL };
	struct record r;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(run, argv), &r));
	EXPECT_EQ(6, r.code);
	EXPECT_STREQ("renamed", r.comm);
	EXPECT_STREQ("sup_helper", r.exec_name);
}

TEST_F(sup, exec_name_passes_to_children)
{
	char *argv[] = { "x", "fork", "grandchild", NULL };
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = spawn(run, argv);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
	EXPECT_NE(pid, r.pid);
	EXPECT_STREQ("grandchild", r.comm);
	EXPECT_STREQ("sup_helper", r.exec_name);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(0, r.code);
}

static void rename_self(void *arg)
{
	prctl(PR_SET_NAME, arg);
}

TEST_F(sup, exec_name_of_a_child_is_the_owner_s)
{
	struct record r;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(rename_self, "a-child"),
				    &r));
	EXPECT_STREQ("a-child", r.comm);
	EXPECT_STREQ("sup_story_test", r.exec_name);
}

TEST_F(sup, exec_name_of_the_attached_is_their_name_then)
{
	struct record r;
	struct member m;
	int up[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_NAME, "before");
		tell(up[1]);
		wait_for_signal(NULL);
	}
	ASSERT_TRUE(told(up[0]));
	ASSERT_EQ(0, member_add_pid(&self->s, self->g.id, pid,
				    start_ticks(pid), PROCESS, 0, &m));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_STREQ("before", r.exec_name);
}

static bool leader_has_ended(void *arg)
{
	return !alive(getpid());
}

static void *idle(void *arg)
{
	tell(*(int *)arg);
	wait_for_signal(NULL);
	return NULL;
}

/*
 * When the first thread is gone it ends itself, or if page[1] says so the
 * process, with another thread.
 */
static void *outlive(void *arg)
{
	pid_t *page = arg;
	pthread_t thread;
	int up[2];

	page[0] = gettid();
	if (!eventually(leader_has_ended, NULL))
		_exit(99);
	if (!page[1])
		syscall(SYS_exit, 9);
	if (pipe(up) || pthread_create(&thread, NULL, idle, &up[1]) ||
	    !told(up[0]))
		_exit(97);
	_exit(9);
}

static void leader_first(void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, outlive, arg))
		_exit(98);
	syscall(SYS_exit, 7);
}

TEST_F(sup, first_thread_ends_first)
{
	pid_t *page = shared_page();
	struct record r;
	int status;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = spawn(leader_first, page);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	/* Which of the two is the process's differs among kernels. */
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(WEXITSTATUS(status), r.code);
	EXPECT_EQ(SUP_RECORD_FLAG_LEADER_FIRST, r.flags & STORY);
	EXPECT_TRUE(has(&r, SUP_A_RECORD_LEADER_CODE));
	EXPECT_EQ(7, r.leader_code);
	EXPECT_EQ(0, r.leader_signal);
	EXPECT_EQ(page[0], r.last_tid);
	EXPECT_EQ(9, r.last_code);
	EXPECT_EQ(0, r.last_signal);
}

TEST_F(sup, first_thread_ends_first_then_all)
{
	pid_t *page = shared_page();
	struct record r;

	page[1] = 1;
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(leader_first, page), &r));
	EXPECT_EQ(9, r.code);
	EXPECT_EQ(SUP_RECORD_FLAG_LEADER_FIRST | SUP_RECORD_FLAG_GROUP_EXIT,
		  r.flags & STORY);
	EXPECT_EQ(7, r.leader_code);
	EXPECT_TRUE(has(&r, SUP_A_RECORD_LAST_TID));
	EXPECT_EQ(9, r.last_code);
}

static void *end_all(void *arg)
{
	_exit(11);
}

static void end_by_thread(void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, end_all, NULL))
		_exit(98);
	wait_for_signal(NULL);
}

TEST_F(sup, thread_ends_all)
{
	struct record r;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(end_by_thread, NULL), &r));
	EXPECT_EQ(11, r.code);
	EXPECT_EQ(SUP_RECORD_FLAG_GROUP_EXIT, r.flags & STORY);
}

static void kill_with_thread(void *arg)
{
	pthread_t thread;
	int up[2];

	if (pipe(up) || pthread_create(&thread, NULL, idle, &up[1]) ||
	    !told(up[0]))
		_exit(97);
	kill(getpid(), SIGKILL);
}

TEST_F(sup, signal_ends_all)
{
	struct record r;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(kill_with_thread, NULL),
				    &r));
	EXPECT_EQ(SIGKILL, r.signal);
	EXPECT_EQ(SUP_RECORD_FLAG_GROUP_EXIT, r.flags & STORY);
}

static void end_alone(void *arg)
{
	syscall(SYS_exit, (long)arg);
}

TEST_F(sup, only_thread_has_no_story)
{
	void (*const ways[])(void *arg) = { end_alone, exit_with };
	struct record r;
	int i;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, record_exit_of(&self->s,
					    spawn(ways[i], (void *)3L), &r));
		EXPECT_EQ(3, r.code);
		EXPECT_EQ(0, r.flags & STORY);
		EXPECT_FALSE(has(&r, SUP_A_RECORD_LEADER_CODE));
		EXPECT_FALSE(has(&r, SUP_A_RECORD_LAST_TID));
	}
}

static void *run_in_thread(void *arg)
{
	run(arg);
	return NULL;
}

static void exec_by_thread(void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_in_thread, arg))
		_exit(98);
	wait_for_signal(NULL);
}

TEST_F(sup, exec_by_another_thread)
{
	char *argv[] = { "x", "exit", "6", NULL };
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	pid = spawn(exec_by_thread, argv);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(6, r.code);
	EXPECT_TRUE(r.flags & SUP_RECORD_FLAG_THREAD_EXEC);
	EXPECT_FALSE(r.flags & SUP_RECORD_FLAG_LEADER_FIRST);
	EXPECT_FALSE(has(&r, SUP_A_RECORD_LAST_TID));
	EXPECT_STREQ("sup_helper", r.exec_name);
	/* By the first thread, it is none. */
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(run, argv), &r));
	EXPECT_EQ(6, r.code);
	EXPECT_FALSE(r.flags & SUP_RECORD_FLAG_THREAD_EXEC);
}

TEST_HARNESS_MAIN
