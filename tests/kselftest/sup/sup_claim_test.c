// SPDX-License-Identifier: GPL-2.0
/* Attaching what is not the attacker's, or not what it seems to be. */
#include <dirent.h>
#include <linux/sched.h>

#include "sup_test.h"
#include "sup_attack.h"

FIXTURE(claim) {
	struct sup s;
	struct group g;
	struct member m;
	int *ret, go[2], up[2];
};

FIXTURE_SETUP(claim)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
	self->ret = shared_page();
	ASSERT_EQ(0, pipe(self->go));
	ASSERT_EQ(0, pipe(self->up));
}

FIXTURE_TEARDOWN(claim)
{
	sup_close(&self->s);
}

#define claim_data _test_data_claim

static int add(struct claim_data *self, pid_t pid, uint64_t ticks,
	       uint32_t kind)
{
	return member_add_pid(&self->s, self->g.id, pid, ticks, kind, 0,
			      &self->m);
}

/* A process that waits, with a pid that was another's. */
static pid_t spawn_with(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};
	pid_t ret = syscall(SYS_clone3, &args, sizeof(args));

	if (!ret)
		wait_for_signal(NULL);
	return ret;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

TEST_F(claim, pid_that_was_reused)
{
	uint64_t old, ticks;
	pid_t pid;
	int fd;

	pid = spawn_waiting();
	fd = pidfd_of(pid);
	old = start_ticks(pid);
	ASSERT_NE(0, old);
	/* Ticks are coarse: until it is another that the new one starts at. */
	do {
		end(pid);
		if (spawn_with(pid) != pid)
			SKIP(return, "cannot choose a pid here");
		ticks = start_ticks(pid);
	} while (ticks == old);
	EXPECT_EQ(-ESRCH, add(self, pid, old, PROCESS));
	EXPECT_EQ(-ESRCH, add(self, pid, old, THREAD));
	EXPECT_EQ(-ESRCH, member_add_pidfd(&self->s, self->g.id, fd, 0,
					   &self->m));
	EXPECT_EQ(0, add(self, pid, ticks, PROCESS));
	end(pid);
}

/* Every kernel thread there is, by each of the ways to name it. */
TEST_F(claim, kernel_threads)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int fd, n = 0, ret;
	char path[64];
	pid_t pid;

	ASSERT_NE(NULL, proc);
	while ((entry = readdir(proc))) {
		pid = atoi(entry->d_name);
		snprintf(path, sizeof(path), "/proc/%d/status", pid);
		if (pid != 2 && number_in(path, "PPid:") != 2)
			continue;
		/* Workers come and go. */
		ret = add(self, pid, start_ticks(pid), PROCESS);
		EXPECT_TRUE(ret == -EPERM || ret == -ESRCH);
		ret = add(self, pid, start_ticks(pid), THREAD);
		EXPECT_TRUE(ret == -EPERM || ret == -ESRCH);
		fd = pidfd_of(pid);
		if (fd >= 0)
			EXPECT_GT(0, member_add_pidfd(&self->s, self->g.id, fd,
						      0, &self->m));
		close(fd);
		n++;
	}
	closedir(proc);
	EXPECT_LT(10, n);
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &self->g));
	EXPECT_EQ(0, self->g.processes + self->g.threads);
}

TEST_F(claim, init)
{
	int fd = pidfd_of(1);

	EXPECT_EQ(-EPERM, add(self, 1, start_ticks(1), PROCESS));
	EXPECT_EQ(-EPERM, add(self, 1, start_ticks(1), THREAD));
	EXPECT_EQ(-EPERM, member_add_pidfd(&self->s, self->g.id, fd, 0,
					   &self->m));
}

/* Alice's, in each of the ways in which a process can be hers in part. */
struct half {
	uid_t r, e, s;
	int dumpable, kill, attach;
};

static const struct half halves[] = {
	{ ALICE, ALICE, ALICE, 1, 0, 0 },
	{ ALICE, ALICE, ALICE, 0, 0, -EPERM },
	{ ALICE, 0, 0, 1, 0, -EPERM },
	{ ALICE, ALICE, 0, 1, 0, -EPERM },
	{ ALICE, 0, ALICE, 1, 0, -EPERM },
	{ 0, ALICE, ALICE, 1, 0, -EPERM },
	{ BOB, ALICE, BOB, 1, -EPERM, -EPERM },
	{ BOB, BOB, BOB, 1, -EPERM, -EPERM },
};

static int try_half(struct sup *s, void *arg)
{
	const struct half *half = ((void **)arg)[0];
	pid_t pid = *(pid_t *)((void **)arg)[1];
	struct member m;
	struct group g;

	if ((kill(pid, 0) ? -errno : 0) != half->kill)
		return -200;
	return group_new(s, 0, 0, 0, &g) ?:
	       member_add_pid(s, g.id, pid, start_ticks(pid), PROCESS, 0, &m);
}

TEST_F(claim, process_that_is_the_users_in_part)
{
	void *arg[2];
	size_t i;
	pid_t pid;

	for (i = 0; i < sizeof(halves) / sizeof(*halves); i++) {
		pid = fork();
		if (!pid) {
			if (setresuid(halves[i].r, halves[i].e, halves[i].s))
				_exit(1);
			prctl(PR_SET_DUMPABLE, halves[i].dumpable);
			tell(self->up[1]);
			wait_for_signal(NULL);
		}
		ASSERT_TRUE(told(self->up[0]));
		arg[0] = (void *)&halves[i];
		arg[1] = &pid;
		EXPECT_EQ(halves[i].attach, as_user(ALICE, try_half, arg))
			TH_LOG("case %zu", i);
		end(pid);
	}
}

/*
 * A member makes a group and claims the owner of its own for that: to kill the
 * member's family, the owner would have to kill itself.
 */
static void claim_the_owner(struct claim_data *self, pid_t owner)
{
	struct member m;
	struct group g;
	struct sup s;

	if (sup_open(&s) || group_new(&s, CHILDREN, 0, 0, &g))
		_exit(1);
	self->ret[0] = member_add_pid(&s, g.id, owner, start_ticks(owner),
				      PROCESS, 0, &m);
	tell(self->up[1]);
	wait_for_signal(NULL);
}

TEST_F(claim, owner_by_a_member)
{
	pid_t owner = getpid(), pid;
	struct record r;
	struct group k;

	ASSERT_EQ(0, group_del(&self->s, self->g.id, false));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	prctl(PR_SET_DUMPABLE, 1);
	pid = fork();
	if (!pid)
		claim_the_owner(self, owner);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(-EPERM, self->ret[0]);
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k));
	EXPECT_EQ(1, k.signalled);
	EXPECT_EQ(0, record_exit_of(&self->s, pid, &r));
}

/*
 * Who owns a group of its own and becomes a member of another: what is born to
 * it must not be out of that one's reach.
 */
struct elsewhere {
	uint32_t flags, kind;
	bool template;
	int process, thread, clear;
	struct group sub;
	pid_t born;
};

static pid_t own_elsewhere(struct claim_data *self, struct elsewhere *e)
{
	pid_t pid = fork();
	struct group g;
	struct sup s;

	if (pid)
		return told(self->up[0]) ? pid : -1;
	if (sup_open(&s) || group_new(&s, e->flags, 0, 0, &g) ||
	    (e->template && spawn_set(&s, g.id, e->kind, 1)))
		_exit(1);
	tell(self->up[1]);
	told(self->go[0]);
	e->clear = spawn_clear(&s, g.id);
	tell(self->up[1]);
	told(self->go[0]);
	e->process = spawn_set(&s, g.id, PROCESS, 1);
	e->thread = spawn_set(&s, g.id, THREAD, 1);
	if (!group_new(&s, CHILDREN, 0, 0, &e->sub))
		e->born = spawn_waiting();
	tell(self->up[1]);
	wait_for_signal(NULL);
	return 0;
}

TEST_F(claim, owner_whose_children_are_born_elsewhere)
{
	struct elsewhere *e = shared_page();
	pid_t pid;

	e->flags = CHILDREN;
	pid = own_elsewhere(self, e);
	ASSERT_LT(0, pid);
	EXPECT_EQ(-EBUSY, add(self, pid, start_ticks(pid), PROCESS));
	EXPECT_STREQ("children of the process would be born outside of the group that it is a member of",
		     self->s.extack);
	/* Its threads are no processes. */
	EXPECT_EQ(0, add(self, pid, start_ticks(pid), THREAD));
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &self->g));
	EXPECT_EQ(0, self->g.processes);
	end(pid);
}

TEST_F(claim, owner_whose_next_child_is_born_elsewhere)
{
	struct elsewhere *e = shared_page();
	pid_t pid;

	e->template = true;
	e->kind = PROCESS;
	pid = own_elsewhere(self, e);
	ASSERT_LT(0, pid);
	EXPECT_EQ(-EBUSY, add(self, pid, start_ticks(pid), PROCESS));
	tell(self->go[1]);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(0, e->clear);
	EXPECT_EQ(0, add(self, pid, start_ticks(pid), PROCESS));
	end(pid);
}

TEST_F(claim, owner_of_threads_elsewhere_has_children_here)
{
	struct elsewhere *e = shared_page();
	struct group k;
	pid_t pid;

	e->flags = THREADS;
	e->template = true;
	e->kind = THREAD;
	pid = own_elsewhere(self, e);
	ASSERT_LT(0, pid);
	ASSERT_EQ(0, add(self, pid, start_ticks(pid), PROCESS));
	tell(self->go[1]);
	ASSERT_TRUE(told(self->up[0]));
	tell(self->go[1]);
	ASSERT_TRUE(told(self->up[0]));
	EXPECT_EQ(-EBUSY, e->process);
	EXPECT_EQ(0, e->thread);
	/* A group that it makes now is below the one that it is in. */
	ASSERT_LT(0, e->born);
	EXPECT_EQ(self->g.id, e->sub.parent);
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k));
	/* Once its owner is dead, the group below ends the other by itself. */
	EXPECT_LE(1, k.signalled);
	EXPECT_GE(2, k.signalled);
	EXPECT_TRUE(wait_gone(e->born));
	waitpid(pid, NULL, 0);
}

/* First come: who is a member cannot be taken away, nor freed by a claim. */
static int claim_first(struct sup *s, void *arg)
{
	pid_t pid = *(pid_t *)arg;
	struct member m;
	struct group g;

	return group_new(s, 0, 0, 0, &g) ?:
	       member_add_pid(s, g.id, pid, start_ticks(pid), PROCESS, 0, &m);
}

TEST_F(claim, member_of_another_group)
{
	struct group k;
	pid_t pid;

	pid = fork();
	if (!pid) {
		if (become(ALICE))
			_exit(1);
		tell(self->up[1]);
		wait_for_signal(NULL);
	}
	ASSERT_TRUE(told(self->up[0]));
	ASSERT_EQ(0, add(self, pid, start_ticks(pid), PROCESS));
	EXPECT_EQ(-EEXIST, as_user(ALICE, claim_first, &pid));
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k));
	EXPECT_EQ(1, k.signalled);
	waitpid(pid, NULL, 0);
}

TEST_HARNESS_MAIN
