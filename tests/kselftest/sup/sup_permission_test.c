// SPDX-License-Identifier: GPL-2.0
/* Who may do what: other users, other processes, sockets passed on. */
#include "sup_test.h"

#define NOBODY 65534

FIXTURE(permission) {
	struct sup s;
	struct group g;
	struct group *shared;
	int go[2], up[2];
};

FIXTURE_SETUP(permission)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	self->shared = shared_page();
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
}

FIXTURE_TEARDOWN(permission)
{
	sup_close(&self->s);
}

/* Runs in a child as nobody, with a socket of its own; 0 to 255 comes back. */
static int as_nobody(int (*fn)(struct sup *s, void *arg), void *arg)
{
	struct sup s;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (setgid(NOBODY) || setuid(NOBODY) || sup_open(&s))
			_exit(255);
		_exit(-fn(&s, arg));
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -255;
}

static int try_get(struct sup *s, void *arg)
{
	struct group g;

	return group_get(s, *(uint64_t *)arg, &g);
}

static int try_dump(struct sup *s, void *arg)
{
	struct group g[64];
	int i, n = group_dump(s, g, 64);

	for (i = 0; i < n; i++)
		if (g[i].id == *(uint64_t *)arg)
			return -200;
	return n < 0 ? n : 0;
}

static int try_members(struct sup *s, void *arg)
{
	struct member m;

	return member_dump(s, *(uint64_t *)arg, 0, &m, 1);
}

static int try_kill(struct sup *s, void *arg)
{
	struct group g;

	return group_kill(s, *(uint64_t *)arg, SIGKILL, 0, 0, &g);
}

static int try_ack(struct sup *s, void *arg)
{
	return record_ack(s, *(uint64_t *)arg, 0);
}

static int try_records(struct sup *s, void *arg)
{
	struct record r;

	return record_dump(s, *(uint64_t *)arg, &r, 1);
}

static int try_del(struct sup *s, void *arg)
{
	return group_del(s, *(uint64_t *)arg, true);
}

static int try_new(struct sup *s, void *arg)
{
	struct group g;

	return group_new(s, CHILDREN, 0, 0, &g);
}

TEST_F(permission, other_users_see_and_do_nothing)
{
	pid_t pid;

	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
	pid = spawn_waiting();
	EXPECT_EQ(-EPERM, as_nobody(try_get, &self->g.id));
	EXPECT_EQ(0, as_nobody(try_dump, &self->g.id));
	EXPECT_EQ(-EPERM, as_nobody(try_members, &self->g.id));
	EXPECT_EQ(-EPERM, as_nobody(try_kill, &self->g.id));
	EXPECT_EQ(-EPERM, as_nobody(try_ack, &self->g.id));
	EXPECT_EQ(-EPERM, as_nobody(try_records, &self->g.id));
	EXPECT_EQ(-EPERM, as_nobody(try_del, &self->g.id));
	kill(pid, SIGKILL);
}

TEST_F(permission, other_processes_of_the_user_see_but_do_nothing)
{
	struct group g;
	struct sup s;
	pid_t pid;
	int status;

	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
	pid = fork();
	if (!pid) {
		if (sup_open(&s) || group_get(&s, self->g.id, &g))
			_exit(1);
		if (group_kill(&s, self->g.id, 0, 0, 0, &g) != -EPERM ||
		    strcmp(s.extack, "caller does not own the group"))
			_exit(2);
		/* Not with the owner's socket, either. */
		if (group_kill(&self->s, self->g.id, 0, 0, 0, &g) != -EPERM)
			_exit(3);
		if (try_ack(&self->s, &self->g.id) != -EPERM ||
		    try_del(&self->s, &self->g.id) != -EPERM ||
		    try_records(&self->s, &self->g.id) != -EPERM)
			_exit(4);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_F(permission, another_socket_of_the_owner_will_do)
{
	struct group g;
	struct sup s;

	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
	ASSERT_EQ(0, sup_open(&s));
	EXPECT_EQ(0, group_kill(&s, self->g.id, 0, 0, 0, &g));
	EXPECT_EQ(0, try_records(&s, &self->g.id));
	sup_close(&s);
}

TEST_F(permission, inherited_socket_makes_no_owner)
{
	struct group g;
	int status;
	pid_t pid;

	/* As a setuid program that writes to a socket it was given would. */
	pid = fork();
	if (!pid) {
		if (group_new(&self->s, CHILDREN, 0, 0, &g) != -EPERM)
			_exit(1);
		_exit(strcmp(self->s.extack,
			     "socket was not opened by this process with its present credentials") != 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_F(permission, socket_from_before_a_gain_of_rights_is_refused)
{
	struct group g;
	struct sup s;
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		/* Opened with less, used with more. */
		if (seteuid(NOBODY) || sup_open(&s) || seteuid(0) ||
		    group_new(&s, 0, 0, 0, &g) != -EPERM)
			_exit(1);
		if (group_new(&self->s, 0, 0, 0, &g) != -EPERM)
			_exit(2);
		/* Nor are an owner's requests taken on it. */
		sup_close(&self->s);
		if (sup_open(&self->s) || group_new(&self->s, 0, 0, 0, &g))
			_exit(3);
		if (group_kill(&s, g.id, 0, 0, 0, &g) != -EPERM ||
		    strcmp(s.extack,
			   "socket was opened with fewer rights than the caller has"))
			_exit(4);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

static int try_attach(struct sup *s, void *arg)
{
	pid_t pid = *(pid_t *)arg;
	struct member m;
	struct group g;
	int ret;

	ret = group_new(s, 0, 0, 0, &g);
	if (ret)
		return ret;
	ret = member_add_pid(s, g.id, pid, start_ticks(pid), PROCESS, 0, &m);
	return ret;
}

TEST_F(permission, processes_of_others_are_not_attached)
{
	pid_t pid = spawn_waiting();

	EXPECT_EQ(-EPERM, as_nobody(try_attach, &pid));
	kill(pid, SIGKILL);
}

static void wait_as(void *arg)
{
	int *fds = arg;

	/* Real uid nobody, saved uid root: kill(2) would be allowed. */
	if (setresuid(NOBODY, fds[2], fds[2]))
		abort();
	prctl(PR_SET_DUMPABLE, fds[3]);
	tell(fds[1]);
	wait_for_signal(NULL);
}

TEST_F(permission, same_real_user_is_not_enough)
{
	int arg[4] = { 0, self->up[1], 0, 1 };
	pid_t pid;

	pid = spawn(wait_as, arg);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(-EPERM, as_nobody(try_attach, &pid));
	kill(pid, SIGKILL);
}

TEST_F(permission, what_is_not_dumpable_is_not_attached)
{
	int arg[4] = { 0, self->up[1], NOBODY, 0 };
	pid_t pid;

	pid = spawn(wait_as, arg);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(-EPERM, as_nobody(try_attach, &pid));
	kill(pid, SIGKILL);
	arg[3] = 1;
	pid = spawn(wait_as, arg);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(0, as_nobody(try_attach, &pid));
	kill(pid, SIGKILL);
}

TEST_F(permission, init_and_kernel_threads_are_not_attached)
{
	struct member m;

	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
	EXPECT_EQ(-EPERM, member_add_pid(&self->s, self->g.id, 1,
					 start_ticks(1), PROCESS, 0, &m));
	EXPECT_EQ(-EPERM, member_add_pid(&self->s, self->g.id, 2,
					 start_ticks(2), PROCESS, 0, &m));
}

TEST_F(permission, parameter_unprivileged)
{
	EXPECT_EQ(0, as_nobody(try_new, NULL));
	ASSERT_EQ(0, param_set("unprivileged", "0"));
	EXPECT_EQ(-EPERM, as_nobody(try_new, NULL));
	EXPECT_EQ(0, try_new(&self->s, NULL));
	ASSERT_EQ(0, param_set("unprivileged", "1"));
}

static int new_in_user_namespace(struct sup *s, void *arg)
{
	struct group g;
	struct sup inner;

	if (unshare(CLONE_NEWUSER))
		return -77;
	if (sup_open(&inner))
		return -78;
	return group_new(&inner, 0, 0, 0, &g);
}

TEST_F(permission, user_namespaces)
{
	int ret;

	ret = as_nobody(new_in_user_namespace, NULL);
	if (ret == -77)
		SKIP(return, "no user namespaces for users here");
	EXPECT_EQ(-EPERM, ret);
	ASSERT_EQ(0, param_set("unprivileged", "2"));
	EXPECT_EQ(0, as_nobody(new_in_user_namespace, NULL));
	ASSERT_EQ(0, param_set("unprivileged", "1"));
}

#define permission_data _test_data_permission

/* An owner that is nobody, with a member that becomes root. */
static pid_t gain_rights(struct permission_data *self)
{
	struct group *shared = self->shared;
	struct sup s;
	pid_t pid;

	pid = fork();
	if (pid)
		return pid;
	/* Saved uid root stays with the child, as with a setuid program. */
	if (setresuid(NOBODY, NOBODY, 0) || sup_open(&s) ||
	    group_new(&s, CHILDREN, 0, 0, &self->g))
		_exit(1);
	pid = fork();
	if (!pid) {
		sup_close(&s);
		if (setresuid(0, 0, 0))
			_exit(1);
		tell(self->up[1]);
		wait_for_signal(NULL);
	}
	if (setresuid(NOBODY, NOBODY, NOBODY))
		_exit(1);
	shared->owner_pid = pid;
	shared->id = self->g.id;
	told(self->go[0]);
	_exit(0);
}

TEST_F(permission, who_gains_rights_leaves_the_owners_power)
{
	struct group g;
	struct record r;
	pid_t owner;

	owner = gain_rights(self);
	ASSERT_TRUE(told(self->up[0]));
	while (!__atomic_load_n(&self->shared->id, __ATOMIC_ACQUIRE))
		sched_yield();
	/* The owner's death does not kill it, and it is a member still. */
	tell(self->go[1]);
	ASSERT_EQ(owner, waitpid(owner, NULL, 0));
	do {
		ASSERT_EQ(0, group_get(&self->s, self->shared->id, &g));
	} while (g.state != SUP_GROUP_STATE_CLOSING);
	EXPECT_EQ(1, g.processes);
	EXPECT_TRUE(alive(self->shared->owner_pid));
	kill(self->shared->owner_pid, SIGKILL);
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 0));
	EXPECT_TRUE(wait_gone(self->shared->owner_pid));
}

static void *write_nowhere(void *arg)
{
	*(volatile char *)(uintptr_t)4242 = 0;
	return NULL;
}

/* Has gained rights, may be traced as anybody, and crashes in a thread. */
static void crash_as_root(void)
{
	pthread_t thread;

	setrlimit(RLIMIT_CORE, &(struct rlimit){});
	if (setresuid(0, 0, 0) || prctl(PR_SET_DUMPABLE, 1) ||
	    pthread_create(&thread, NULL, write_nowhere, NULL))
		_exit(1);
	wait_for_signal(NULL);
}

/* Told of two members: the process, and the thread that was born to it. */
static int look_at_crash(void)
{
	uint32_t flags = CHILDREN | SUP_GROUP_FLAG_MEMBER_THREADS;
	struct record r;
	struct group g;
	struct sup s;
	int i;

	if (setresuid(NOBODY, NOBODY, 0) || sup_open(&s) ||
	    group_new(&s, flags, 0, 0, &g))
		return 1;
	if (!fork())
		crash_as_root();
	if (setresuid(NOBODY, NOBODY, NOBODY))
		return 2;
	for (i = 0; i < 2; i++) {
		if (record_wait(&s, SUP_RECORD_KIND_EXIT, &r) ||
		    r.signal != SIGSEGV)
			return 3;
		if (r.flags & SUP_RECORD_FLAG_FAULT || r.fault_addr)
			return 4;
		if (!(r.flags & SUP_RECORD_FLAG_WITHHELD))
			return 5;
	}
	return 0;
}

TEST_F(permission, fault_of_a_thread_that_gained_rights_is_withheld)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(look_at_crash());
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
