// SPDX-License-Identifier: GPL-2.0
/*
 * Pid namespaces: the numbers in records are those of the owner's namespace,
 * and 0 stands for what cannot be seen there.
 */
#include <sys/mount.h>

#include "sup_test.h"
#include "sup_attack.h"

struct told {
	uint64_t id;
	unsigned char token[SUP_TOKEN_SIZE];
	pid_t outer[4], inner[4];
	int ret;
};

FIXTURE(pidns) {
	struct sup s;
	struct group g;
	struct told *t;
	int go[2], up[2];
};

FIXTURE_SETUP(pidns)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	self->t = shared_page();
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
}

FIXTURE_TEARDOWN(pidns)
{
	struct group g;

	/* A retained group would outlive the test: ours, or taken to end it. */
	if (self->t && self->t->id) {
		group_adopt(&self->s, self->t->id, NULL, 0, &g);
		group_kill(&self->s, self->t->id, SIGKILL, 0, 0, &g);
		group_del(&self->s, self->t->id, true);
	}
	sup_close(&self->s);
}

#define pidns_data _test_data_pidns

/* Runs fn as the init of a new pid namespace, with a /proc of that. */
static pid_t spawn_inside(void (*fn)(struct pidns_data *self),
			  struct pidns_data *self)
{
	pid_t pid = fork();
	int status;

	if (pid)
		return pid;
	if (unshare(CLONE_NEWPID | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		_exit(1);
	pid = fork();
	if (!pid) {
		if (mount("proc", "/proc", "proc", 0, NULL))
			_exit(1);
		fn(self);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* One waits, and two ends it: as others in the namespace they have names. */
static void one_and_two(struct pidns_data *self)
{
	struct told *t = self->t;
	pid_t one, two;

	one = spawn(wait_for_signal, NULL);
	two = fork();
	if (!two) {
		told(self->go[0]);
		kill(one, SIGTERM);
		_exit(0);
	}
	t->inner[0] = getpid();
	t->inner[1] = one;
	t->inner[2] = two;
	tell(self->up[1]);
	while (waitpid(-1, NULL, 0) > 0)
		;
	_exit(0);
}

TEST_F(pidns, members_inside_have_the_numbers_of_the_owner_outside)
{
	struct member m[5];
	struct record r;
	pid_t outside;
	int i;

	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	outside = spawn_inside(one_and_two, self);
	ASSERT_TRUE(told(self->up[0]));
	/* In the order of their births: who waits outside, init, one, two. */
	ASSERT_EQ(4, member_dump(&self->s, self->g.id, 0, m, 5));
	EXPECT_EQ(outside, m[0].pid);
	EXPECT_EQ(1, self->t->inner[0]);
	for (i = 1; i < 4; i++) {
		EXPECT_NE(self->t->inner[i - 1], m[i].pid);
		EXPECT_NE(0, start_ticks(m[i].pid));
		EXPECT_EQ(m[i].pid, m[i].tgid);
	}
	tell(self->go[1]);
	/* Two has ended as well, before or after. */
	ASSERT_EQ(0, record_exit_of(&self->s, m[2].pid, &r));
	EXPECT_EQ(SIGTERM, r.signal);
	EXPECT_EQ(m[2].pid, r.tgid);
	ASSERT_TRUE(r.flags & SUP_RECORD_FLAG_SENDER);
	EXPECT_EQ(m[3].pid, r.sender_pid);
	EXPECT_EQ(0, r.sender_uid);
	ASSERT_EQ(0, record_exit_of(&self->s, m[1].pid, &r));
	ASSERT_EQ(0, record_exit_of(&self->s, m[0].pid, &r));
}

/* An owner inside, with a child, and a process outside that it was given. */
static void own_inside(struct pidns_data *self)
{
	struct told *t = self->t;
	struct member m;
	struct record r;
	struct group g;
	struct sup s;
	pid_t pid;

	if (sup_open(&s) || group_new(&s, CHILDREN, 0, 0, &g))
		_exit(10);
	pid = spawn(exit_with, (void *)6L);
	if (record_exit_of(&s, pid, &r) || r.code != 6 || r.tgid != pid)
		_exit(11);
	/* The number that it has outside names nothing, or another, here. */
	if (member_add_pid(&s, g.id, t->outer[0], 1, PROCESS, 0, &m) != -ESRCH)
		_exit(12);
	if (member_add_pidfd(&s, g.id, t->ret, 0, &m))
		_exit(13);
	if (member_dump(&s, g.id, 0, &m, 1) != 1 || m.pid || m.tgid)
		_exit(14);
	tell(self->up[1]);
	do {
		if (record_wait(&s, SUP_RECORD_KIND_EXIT, &r))
			_exit(15);
	} while (r.code == 6);
	if (r.pid || r.tgid || r.signal != SIGTERM)
		_exit(16);
	if (!(r.flags & SUP_RECORD_FLAG_SENDER) || r.sender_pid)
		_exit(17);
	_exit(0);
}

TEST_F(pidns, process_and_sender_outside_are_0_to_the_owner_inside)
{
	pid_t outside, victim;
	int status;

	victim = spawn_waiting();
	self->t->outer[0] = victim;
	self->t->ret = pidfd_of(victim);
	outside = spawn_inside(own_inside, self);
	ASSERT_TRUE(told(self->up[0]));
	kill(victim, SIGTERM);
	ASSERT_EQ(outside, waitpid(outside, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

static void *run_in_thread(void *arg)
{
	char *argv[] = { "x", "exit", "0", NULL };

	*(pid_t *)arg = gettid();
	execv(helper_path(), argv);
	_exit(1);
}

static void run_here(void *arg)
{
	run_in_thread(arg);
}

static void exec_by_thread(void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run_in_thread, arg))
		_exit(1);
	wait_for_signal(NULL);
}

/* Runs programs by threads, which are members or not. */
static void exec_inside(struct pidns_data *self)
{
	uint32_t flags = CHILDREN, exec = 1U << SUP_RECORD_KIND_EXEC;
	pid_t pid, *tid = &self->t->inner[0];
	struct record r;
	struct group g;
	struct sup s;
	int i;

	for (i = 0; i < 2; i++) {
		if (sup_open(&s) ||
		    group_new_telling(&s, flags, exec, 0, 0, &g))
			_exit(10);
		pid = spawn(exec_by_thread, tid);
		if (record_wait(&s, SUP_RECORD_KIND_EXEC, &r) || r.pid != pid)
			_exit(11);
		if (*tid == pid || r.old_tid != (i ? *tid : 0))
			_exit(12 + i);
		pid = spawn(run_here, tid);
		if (record_wait(&s, SUP_RECORD_KIND_EXEC, &r) ||
		    r.pid != pid || r.old_tid != pid)
			_exit(14 + i);
		group_del(&s, g.id, true);
		sup_close(&s);
		flags |= SUP_GROUP_FLAG_MEMBER_THREADS;
	}
	_exit(0);
}

TEST_F(pidns, former_number_of_who_execs_is_the_owners_or_0)
{
	pid_t outside;
	int status;

	outside = spawn_inside(exec_inside, self);
	ASSERT_EQ(outside, waitpid(outside, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/* An exit record, a member, and no owner any more. */
static void leave_group(struct pidns_data *self)
{
	struct told *t = self->t;
	struct record r;
	struct group g;
	struct sup s;

	if (sup_open(&s) ||
	    group_new(&s, CHILDREN, SUP_POLICY_RETAIN, 60000, &g))
		_exit(1);
	t->inner[0] = spawn(exit_with, (void *)7L);
	if (record_exit_of(&s, t->inner[0], &r) || r.pid != t->inner[0])
		_exit(1);
	t->inner[1] = spawn_waiting();
	t->inner[2] = getpid();
	memcpy(t->token, g.token, sizeof(t->token));
	t->id = g.id;
	_exit(0);
}

/* Numbers of another namespace would be those of strangers: 0 instead. */
static int read_foreign(struct sup *s, bool visible, pid_t member)
{
	struct record r;

	if (record_wait(s, SUP_RECORD_KIND_EXIT, &r) || r.code != 7)
		return -20;
	if (r.pid || r.tgid)
		return -21;
	if (record_wait(s, SUP_RECORD_KIND_OWNER_LOST, &r))
		return -22;
	if (r.pid)
		return -23;
	/* What happens from now on is seen from here. */
	if (member)
		kill(member, SIGKILL);
	if (record_wait(s, SUP_RECORD_KIND_EXIT, &r) || r.signal != SIGKILL)
		return -24;
	return r.pid == (visible ? member : 0) ? 0 : -25;
}

static void adopt_inside(struct pidns_data *self)
{
	struct told *t = self->t;
	struct group g;
	struct sup s;
	int ret;

	if (sup_open(&s))
		_exit(10);
	ret = group_adopt(&s, t->id, t->token, 0, &g);
	if (ret)
		_exit(11);
	tell(self->up[1]);
	_exit(-read_foreign(&s, false, 0));
}

TEST_F(pidns, adopter_inside_sees_no_numbers_from_outside)
{
	struct told *t = self->t;
	pid_t pid, outside;
	int status;

	pid = fork();
	if (!pid)
		leave_group(self);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, WEXITSTATUS(status));
	ASSERT_TRUE(reaches_state(&self->s, t->id, SUP_GROUP_STATE_RETAINED));
	outside = spawn_inside(adopt_inside, self);
	ASSERT_TRUE(told(self->up[0]));
	kill(t->inner[1], SIGKILL);
	ASSERT_EQ(outside, waitpid(outside, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/* Its init does the owner's work in a child, which leaves the group behind. */
static void leave_inside(struct pidns_data *self)
{
	pid_t pid = fork();

	if (!pid)
		leave_group(self);
	waitpid(pid, NULL, 0);
	tell(self->up[1]);
	told(self->go[0]);
}

TEST_F(pidns, adopter_outside_sees_no_numbers_from_inside)
{
	struct member m;
	pid_t outside;

	outside = spawn_inside(leave_inside, self);
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_TRUE(reaches_state(&self->s, self->t->id,
				  SUP_GROUP_STATE_RETAINED));
	ASSERT_EQ(0, group_adopt(&self->s, self->t->id, self->t->token, 0,
				 &self->g));
	ASSERT_EQ(1, member_dump(&self->s, self->g.id, 0, &m, 1));
	EXPECT_NE(self->t->inner[1], m.pid);
	EXPECT_EQ(0, read_foreign(&self->s, true, m.pid));
	tell(self->go[1]);
	waitpid(outside, NULL, 0);
}

/* In the same namespace nothing is hidden: adoption as after a crash. */
TEST_F(pidns, adopter_in_the_same_namespace_sees_all_numbers)
{
	struct told *t = self->t;
	struct record r;
	pid_t pid;

	pid = fork();
	if (!pid)
		leave_group(self);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_TRUE(reaches_state(&self->s, t->id, SUP_GROUP_STATE_RETAINED));
	ASSERT_EQ(0, group_adopt(&self->s, t->id, t->token, 0, &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, t->inner[0], &r));
	EXPECT_EQ(7, r.code);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_OWNER_LOST, &r));
	EXPECT_EQ(t->inner[2], r.pid);
}

TEST_HARNESS_MAIN
