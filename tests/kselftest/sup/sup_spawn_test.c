// SPDX-License-Identifier: GPL-2.0
/* Members from birth by a template: which task it is for, and how it ends. */
#include <linux/sched.h>
#include <stdio.h>

#include "sup_test.h"

#define NOBODY 65534
#define BY_TEMPLATE(r) (!!((r).flags & SUP_RECORD_FLAG_TEMPLATE))

/* A group that inherits nothing, with room for n members; 0: as many as may. */
static int begin(struct sup *s, uint32_t n, struct group *g)
{
	struct request r;

	request_init(&r, s, SUP_CMD_GROUP_NEW, false);
	if (n)
		put_u32(&r, SUP_A_GROUP_MAX_RECORDS, n);
	return group_new_with(s, &r, g);
}

static int processes(struct sup *s, uint64_t id)
{
	struct group g;

	return group_get(s, id, &g) ?: (int)g.processes;
}

/* True if the calling thread had one for the group, and no longer has. */
static bool was_set(struct sup *s, uint64_t id)
{
	return !spawn_clear(s, id);
}

TEST_F(sup, next_child_is_a_member_and_the_one_after_is_not)
{
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, begin(&self->s, 0, &self->g));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 55));
	pid = spawn(exit_with, (void *)3L);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(3, r.code);
	EXPECT_EQ(55, r.cookie);
	EXPECT_EQ(PROCESS, r.member_kind);
	EXPECT_EQ(r.member, r.lineage);
	EXPECT_TRUE(BY_TEMPLATE(r));
	EXPECT_STREQ("sup_spawn_test", r.exec_name);
	pid = spawn_waiting();
	EXPECT_EQ(0, processes(&self->s, self->g.id));
	kill(pid, SIGKILL);
}

static void have_a_child(void *arg)
{
	waitpid(spawn(exit_with, NULL), NULL, 0);
}

TEST_F(sup, descendants_join_without_the_flag)
{
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, begin(&self->s, 0, &self->g));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 55));
	pid = spawn(have_a_child, NULL);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
	EXPECT_NE(pid, r.pid);
	EXPECT_FALSE(BY_TEMPLATE(r));
	EXPECT_EQ(0, r.cookie);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
	EXPECT_EQ(pid, r.pid);
	EXPECT_TRUE(BY_TEMPLATE(r));
}

static void *end(void *arg)
{
	*(pid_t *)arg = gettid();
	return NULL;
}

static pid_t run_thread(void)
{
	pthread_t thread;
	pid_t tid = 0;

	if (!pthread_create(&thread, NULL, end, &tid))
		pthread_join(thread, NULL);
	return tid;
}

TEST_F(sup, next_thread)
{
	struct record r;
	pid_t tid;

	ASSERT_EQ(0, begin(&self->s, 0, &self->g));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, THREAD, 66));
	tid = run_thread();
	run_thread();
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(tid, r.pid);
	EXPECT_EQ(getpid(), r.tgid);
	EXPECT_EQ(THREAD, r.member_kind);
	EXPECT_EQ(66, r.cookie);
	EXPECT_TRUE(BY_TEMPLATE(r));
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
}

TEST_F(sup, one_for_threads_is_not_for_children_nor_the_reverse)
{
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, begin(&self->s, 0, &self->g));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, THREAD, 66));
	pid = spawn_waiting();
	EXPECT_EQ(0, processes(&self->s, self->g.id));
	run_thread();
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
	EXPECT_EQ(66, r.cookie);
	kill(pid, SIGKILL);
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 67));
	run_thread();
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL), &r));
	EXPECT_EQ(67, r.cookie);
	EXPECT_EQ(PROCESS, r.member_kind);
}

TEST_F(sup, child_is_a_member_before_it_runs)
{
	struct member m, *own = shared_page();
	struct record r;
	struct sup s;
	pid_t pid;
	int i;

	ASSERT_EQ(0, begin(&self->s, 0, &self->g));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, i));
		pid = fork();
		if (!pid) {
			/* Its first deed. */
			_exit(sup_open(&s) ||
			      member_get(&s, self->g.id, getpid(), PROCESS,
					 own));
		}
		/* Unless it has ended already. */
		if (!member_get(&self->s, self->g.id, pid, PROCESS, &m))
			EXPECT_EQ(i, m.cookie);
		ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
		EXPECT_EQ(0, r.code);
		EXPECT_EQ(i, own->cookie);
		ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, i));
		pid = spawn_waiting();
		kill(pid, SIGKILL);
		ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
		EXPECT_EQ(SIGKILL, r.signal);
		EXPECT_EQ(i, r.cookie);
		ASSERT_EQ(0, record_ack(&self->s, self->g.id, r.seq));
	}
}

TEST_F(sup, cleared)
{
	pid_t pid;

	ASSERT_EQ(0, begin(&self->s, 0, &self->g));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 1));
	EXPECT_TRUE(was_set(&self->s, self->g.id));
	EXPECT_EQ(-ENOENT, spawn_clear(&self->s, self->g.id));
	EXPECT_STREQ("calling thread has no template for this group",
		     self->s.extack);
	pid = spawn_waiting();
	EXPECT_EQ(0, processes(&self->s, self->g.id));
	kill(pid, SIGKILL);
}

TEST_F(sup, replaced_by_the_next)
{
	struct record r;
	struct group g;

	ASSERT_EQ(0, begin(&self->s, 1, &self->g));
	ASSERT_EQ(0, begin(&self->s, 0, &g));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 1));
	/* The room of the first is free for the second. */
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 2));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL), &r));
	EXPECT_EQ(2, r.cookie);
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, r.seq));
	/* A thread has one, whichever the group. */
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 3));
	ASSERT_EQ(0, spawn_set(&self->s, g.id, PROCESS, 4));
	EXPECT_FALSE(was_set(&self->s, self->g.id));
	EXPECT_TRUE(was_set(&self->s, g.id));
}

struct hold {
	struct sup s;
	uint64_t id;
	int up[2], go[2];
	int ret;
	pid_t child;
};

static void *set_and_wait(void *arg)
{
	struct hold *h = arg;

	h->ret = sup_open(&h->s) ?: spawn_set(&h->s, h->id, PROCESS, 9);
	tell(h->up[1]);
	told(h->go[0]);
	return NULL;
}

static bool can_set(void *arg)
{
	struct _test_data_sup *self = arg;

	return !spawn_set(&self->s, self->g.id, PROCESS, 1);
}

TEST_F(sup, takes_room_until_its_thread_ends)
{
	struct hold h = {};
	struct member m;
	pthread_t thread;
	pid_t pid;

	ASSERT_EQ(0, begin(&self->s, 1, &self->g));
	h.id = self->g.id;
	ASSERT_EQ(0, pipe(h.up));
	ASSERT_EQ(0, pipe(h.go));
	pid = spawn_waiting();
	ASSERT_EQ(0, pthread_create(&thread, NULL, set_and_wait, &h));
	ASSERT_TRUE(told(h.up[0]));
	ASSERT_EQ(0, h.ret);
	EXPECT_EQ(-EDQUOT, spawn_set(&self->s, self->g.id, PROCESS, 1));
	EXPECT_EQ(-EDQUOT, member_add_pid(&self->s, self->g.id, pid,
					  start_ticks(pid), PROCESS, 0, &m));
	tell(h.go[1]);
	/* A joined thread may still be on its way out. */
	EXPECT_TRUE(eventually(can_set, self));
	EXPECT_TRUE(was_set(&self->s, self->g.id));
	EXPECT_EQ(0, member_add_pid(&self->s, self->g.id, pid,
				    start_ticks(pid), PROCESS, 0, &m));
	kill(pid, SIGKILL);
}

static void *set_and_fork(void *arg)
{
	struct hold *h = arg;

	h->ret = sup_open(&h->s) ?: spawn_set(&h->s, h->id, PROCESS, 9);
	tell(h->up[1]);
	told(h->go[0]);
	h->child = spawn(exit_with, (void *)6L);
	return NULL;
}

TEST_F(sup, is_its_thread_s_alone)
{
	struct hold h = {};
	struct record r;
	pthread_t thread;
	pid_t pid;

	ASSERT_EQ(0, begin(&self->s, 0, &self->g));
	h.id = self->g.id;
	ASSERT_EQ(0, pipe(h.up));
	ASSERT_EQ(0, pipe(h.go));
	ASSERT_EQ(0, pthread_create(&thread, NULL, set_and_fork, &h));
	ASSERT_TRUE(told(h.up[0]));
	ASSERT_EQ(0, h.ret);
	pid = spawn_waiting();
	EXPECT_EQ(0, processes(&self->s, self->g.id));
	EXPECT_FALSE(was_set(&self->s, self->g.id));
	tell(h.go[1]);
	pthread_join(thread, NULL);
	ASSERT_EQ(0, record_exit_of(&self->s, h.child, &r));
	EXPECT_EQ(9, r.cookie);
	kill(pid, SIGKILL);
}

/* Owns a group with a template, which it does not use but execs. */
static void exec_with_template(void *arg)
{
	struct hold *h = arg;
	char fd[16];
	struct group g;
	struct sup s;

	setpgid(0, 0);
	snprintf(fd, sizeof(fd), "%d", h->up[1]);
	if (sup_open(&s) || fcntl(s.fd, F_SETFD, 0) || begin(&s, 0, &g) ||
	    spawn_set(&s, g.id, PROCESS, 1))
		_exit(1);
	h->id = g.id;
	execl(helper_path(), "x", "hold", fd, NULL);
	_exit(2);
}

TEST_F(sup, exec_drops_it)
{
	struct hold *h = shared_page();
	struct group g;
	pid_t pid;

	ASSERT_EQ(0, pipe(h->up));
	pid = spawn(exec_with_template, h);
	close(h->up[1]);
	ASSERT_TRUE(told(h->up[0]));
	ASSERT_EQ(0, group_get(&self->s, h->id, &g));
	EXPECT_EQ(pid, g.owner_pid);
	EXPECT_EQ(SUP_GROUP_STATE_OWNED, g.state);
	EXPECT_EQ(0, g.processes);
	/* The helper has a child. */
	kill(-pid, SIGKILL);
}

TEST_F(sup, fork_that_fails_leaves_it)
{
	/* Threads have to share the handlers of signals. */
	struct clone_args bad = { .flags = CLONE_THREAD };
	struct record r;

	ASSERT_EQ(0, begin(&self->s, 0, &self->g));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 8));
	ASSERT_EQ(-1, syscall(SYS_clone3, &bad, sizeof(bad)));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL), &r));
	EXPECT_EQ(8, r.cookie);
}

static int fork_at_limit(struct record *r)
{
	struct rlimit limit, none = {};
	struct group g;
	struct sup s;

	if (setresuid(NOBODY, NOBODY, NOBODY) || sup_open(&s) ||
	    begin(&s, 1, &g) || spawn_set(&s, g.id, PROCESS, 8) ||
	    getrlimit(RLIMIT_NPROC, &limit))
		return 1;
	none.rlim_max = limit.rlim_max;
	if (setrlimit(RLIMIT_NPROC, &none) || fork() != -1 || errno != EAGAIN)
		return 2;
	if (setrlimit(RLIMIT_NPROC, &limit))
		return 3;
	return record_exit_of(&s, spawn(exit_with, NULL), r) ? 4 : 0;
}

TEST_F(sup, fork_above_a_limit_leaves_it)
{
	struct record *r = shared_page();
	int status;
	pid_t pid;

	if (geteuid())
		SKIP(return, "needs root");
	pid = fork();
	if (!pid)
		_exit(fork_at_limit(r));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	EXPECT_EQ(8, r->cookie);
	EXPECT_TRUE(BY_TEMPLATE(*r));
}

TEST_F(sup, end_of_the_group_drops_it)
{
	pid_t pid;

	ASSERT_EQ(0, begin(&self->s, 0, &self->g));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 1));
	/* It is no member, and does not keep the group. */
	ASSERT_EQ(0, group_del(&self->s, self->g.id, false));
	ASSERT_EQ(0, begin(&self->s, 0, &self->g));
	pid = spawn_waiting();
	EXPECT_EQ(0, processes(&self->s, self->g.id));
	EXPECT_FALSE(was_set(&self->s, self->g.id));
	kill(pid, SIGKILL);
}

static bool is_retained(void *arg)
{
	struct group *g = arg, got;
	struct sup s;
	int ret;

	if (sup_open(&s))
		return false;
	ret = group_get(&s, g->id, &got);
	sup_close(&s);
	return !ret && got.state == SUP_GROUP_STATE_RETAINED;
}

TEST_F(sup, loss_of_the_owner_drops_it)
{
	struct group got;
	struct request r;
	struct member m;
	pid_t pid;

	request_init(&r, &self->s, SUP_CMD_GROUP_NEW, false);
	put_u32(&r, SUP_A_GROUP_POLICY, SUP_POLICY_RETAIN);
	put_u32(&r, SUP_A_GROUP_MAX_RECORDS, 1);
	ASSERT_EQ(0, group_new_with(&self->s, &r, &self->g));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 1));
	sup_close(&self->s);
	ASSERT_TRUE(eventually(is_retained, &self->g));
	ASSERT_EQ(0, sup_open(&self->s));
	ASSERT_EQ(0, group_adopt(&self->s, self->g.id, self->g.token, 0,
				 &got));
	pid = spawn_waiting();
	EXPECT_EQ(0, processes(&self->s, self->g.id));
	/* Nor is its room taken. */
	EXPECT_EQ(0, member_add_pid(&self->s, self->g.id, pid,
				    start_ticks(pid), PROCESS, 0, &m));
	kill(pid, SIGKILL);
	EXPECT_EQ(0, group_del(&self->s, self->g.id, true));
}

TEST_F(sup, hand_over_drops_it)
{
	struct group given, got;
	pid_t pid;

	ASSERT_EQ(0, begin(&self->s, 0, &self->g));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 1));
	ASSERT_EQ(0, group_hand_over(&self->s, self->g.id, 10000, &given));
	ASSERT_EQ(0, group_adopt(&self->s, self->g.id, given.token, 0, &got));
	pid = spawn_waiting();
	EXPECT_EQ(0, processes(&self->s, self->g.id));
	kill(pid, SIGKILL);
}

static void set_for_another(void *arg)
{
	struct sup s;

	if (sup_open(&s))
		_exit(2);
	_exit(spawn_set(&s, *(uint64_t *)arg, PROCESS, 1) != -EPERM ||
	      spawn_clear(&s, *(uint64_t *)arg) != -EPERM);
}

TEST_F(sup, only_for_the_owner)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, begin(&self->s, 0, &self->g));
	pid = spawn(set_for_another, &self->g.id);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(-ENOENT, spawn_set(&self->s, 12345, PROCESS, 1));
}

TEST_F(sup, goes_before_what_the_owner_inherits)
{
	struct group all;
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, begin(&self->s, 0, &self->g));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &all));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 3));
	pid = spawn(exit_with, NULL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(self->g.id, r.group);
	EXPECT_EQ(3, r.cookie);
	pid = spawn(exit_with, NULL);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(all.id, r.group);
	EXPECT_EQ(0, r.cookie);
	EXPECT_FALSE(BY_TEMPLATE(r));
}

TEST_HARNESS_MAIN
