// SPDX-License-Identifier: GPL-2.0
/* member-add with descendants: whole families, also of who forks meanwhile. */
#include <dirent.h>

#include "sup_test.h"

#define NOBODY 65534
#define MAX_FAMILY 256

/* Shared by a family. Its processes are a process group, to be found by. */
struct family {
	int born, quiet;	/* processes; those that fork no more */
	int limit, stop, more;
	pid_t pids[8];
};

FIXTURE(descend) {
	struct sup s;
	struct group g;
	struct family *f;
};

FIXTURE_SETUP(descend)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
	self->s.ack = self->g.id;
	self->f = shared_page();
}

FIXTURE_TEARDOWN(descend)
{
	sup_close(&self->s);
}

/* Processes of a process group, by /proc, that are no zombies. */
static int list_family(pid_t pgrp, pid_t *pids)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int n = 0;
	pid_t pid;

	while (dir && (entry = readdir(dir))) {
		pid = atoi(entry->d_name);
		if (pid > 0 && getpgid(pid) == pgrp && alive(pid) &&
		    n < MAX_FAMILY)
			pids[n++] = pid;
	}
	if (dir)
		closedir(dir);
	return n;
}

static bool is_among(pid_t pid, const struct member *m, int n)
{
	while (n--)
		if (m[n].pid == pid)
			return true;
	return false;
}

/* How many of the family are no members of the lineage; -1 if others are. */
static int missing(struct sup *s, uint64_t group, uint64_t lineage, pid_t pgrp)
{
	static struct member m[MAX_FAMILY];
	static pid_t pids[MAX_FAMILY];
	int n = list_family(pgrp, pids);
	int i, members, ret = n;

	members = member_dump(s, group, lineage, m, MAX_FAMILY);
	for (i = 0; i < n; i++)
		ret -= is_among(pids[i], m, members);
	return members == n - ret ? ret : -1;
}

static bool is_quiet(void *arg)
{
	struct family *f = arg;

	return __atomic_load_n(&f->quiet, __ATOMIC_ACQUIRE) ==
	       __atomic_load_n(&f->born, __ATOMIC_ACQUIRE);
}

static void be_quiet(struct family *f)
{
	__atomic_fetch_add(&f->quiet, 1, __ATOMIC_ACQ_REL);
	wait_for_signal(NULL);
}

/*
 * A child with two children of which one has a child; when told, the last of
 * them has another.
 */
static void three_generations(void *arg)
{
	struct family *f = arg;

	setpgid(0, 0);
	f->pids[0] = getpid();
	if (fork()) {
		if (fork())
			be_quiet(f);
		f->pids[1] = getpid();
		be_quiet(f);
	}
	f->pids[2] = getpid();
	if (fork())
		be_quiet(f);
	f->pids[3] = getpid();
	__atomic_fetch_add(&f->quiet, 1, __ATOMIC_ACQ_REL);
	while (!__atomic_load_n(&f->more, __ATOMIC_ACQUIRE))
		sched_yield();
	f->pids[4] = spawn_waiting();
	__atomic_store_n(&f->more, 2, __ATOMIC_RELEASE);
	wait_for_signal(NULL);
}

static bool has_more(void *arg)
{
	return __atomic_load_n(&((struct family *)arg)->more,
			       __ATOMIC_ACQUIRE) == 2;
}

static int add_pidfd(struct sup *s, uint64_t group, pid_t pid,
		     struct member *ret)
{
	struct request r;
	int fd = pidfd_of(pid), err;

	request_init(&r, s, SUP_CMD_MEMBER_ADD, false);
	put_u64(&r, SUP_A_MEMBER_GROUP, group);
	put_u64(&r, SUP_A_MEMBER_COOKIE, 77);
	put_u32(&r, SUP_A_MEMBER_PIDFD, fd);
	put_flag(&r, SUP_A_MEMBER_DESCENDANTS);
	memset(ret, 0, sizeof(*ret));
	err = call(s, &r, parse_member, ret);
	close(fd);
	return err;
}

TEST_F(descend, a_family_by_pidfd_is_one_lineage)
{
	struct family *f = self->f;
	struct member m, all[8];
	struct record r;
	struct group g;
	pid_t pid;
	int i;

	f->born = 4;
	pid = spawn(three_generations, f);
	ASSERT_TRUE(eventually(is_quiet, f));
	ASSERT_EQ(0, add_pidfd(&self->s, self->g.id, pid, &m));
	EXPECT_EQ(4, m.added);
	EXPECT_EQ(m.id, m.lineage);
	EXPECT_EQ(0, missing(&self->s, self->g.id, m.lineage, pid));
	/* What is born later is of it, too. */
	__atomic_store_n(&f->more, 1, __ATOMIC_RELEASE);
	ASSERT_TRUE(eventually(has_more, f));
	ASSERT_EQ(5, member_dump(&self->s, self->g.id, m.lineage, all, 8));
	EXPECT_TRUE(is_among(f->pids[4], all, 5));
	/* The cookie is for the process that was named. */
	for (i = 0; i < 5; i++)
		EXPECT_EQ(all[i].pid == pid ? 77 : 0, all[i].cookie);
	ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, m.lineage, 0,
				&g));
	EXPECT_EQ(5, g.signalled);
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_LINEAGE_EMPTY, &r));
	EXPECT_EQ(m.lineage, r.lineage);
}

TEST_F(descend, a_family_by_pid_of_who_is_not_first)
{
	struct family *f = self->f;
	struct member m, all[8];
	pid_t pid;

	f->born = 4;
	pid = spawn(three_generations, f);
	ASSERT_TRUE(eventually(is_quiet, f));
	ASSERT_EQ(0, member_add_family(&self->s, self->g.id, f->pids[2], &m));
	EXPECT_EQ(2, m.added);
	ASSERT_EQ(2, member_dump(&self->s, self->g.id, m.lineage, all, 8));
	EXPECT_TRUE(is_among(f->pids[3], all, 2));
	/* Its parent later starts another lineage, with who is left. */
	ASSERT_EQ(0, member_add_family(&self->s, self->g.id, pid, &m));
	EXPECT_EQ(2, m.added);
	ASSERT_EQ(2, member_dump(&self->s, self->g.id, m.lineage, all, 8));
	EXPECT_TRUE(is_among(f->pids[1], all, 2));
}

/* Forks as fast as it can, and so does all that comes of it. */
static void fork_on(void *arg)
{
	struct family *f = arg;

	setpgid(0, 0);
	while (!__atomic_load_n(&f->stop, __ATOMIC_ACQUIRE)) {
		if (__atomic_fetch_add(&f->born, 1, __ATOMIC_ACQ_REL) >=
		    f->limit) {
			__atomic_fetch_sub(&f->born, 1, __ATOMIC_ACQ_REL);
			break;
		}
		fork();
		sched_yield();
	}
	be_quiet(f);
}

static bool is_under_way(void *arg)
{
	struct family *f = arg;

	return __atomic_load_n(&f->born, __ATOMIC_ACQUIRE) >= 8;
}

TEST_F(descend, nobody_escapes_who_forks_meanwhile)
{
	int round, before, during = 0;
	struct family *f = self->f;
	struct member m;
	struct record r;
	struct group g;
	pid_t pid;

	for (round = 0; round < 10; round++) {
		memset(f, 0, sizeof(*f));
		f->born = 1;
		f->limit = 100;
		pid = spawn(fork_on, f);
		ASSERT_TRUE(eventually(is_under_way, f));
		before = __atomic_load_n(&f->born, __ATOMIC_ACQUIRE);
		ASSERT_EQ(0, member_add_family(&self->s, self->g.id, pid, &m));
		during += __atomic_load_n(&f->born, __ATOMIC_ACQUIRE) > before;
		__atomic_store_n(&f->stop, 1, __ATOMIC_RELEASE);
		ASSERT_TRUE(eventually(is_quiet, f));
		EXPECT_EQ(0, missing(&self->s, self->g.id, m.lineage, pid));
		ASSERT_EQ(0, group_kill(&self->s, self->g.id, SIGKILL, 0, 0,
					&g));
		EXPECT_EQ(f->born, g.signalled);
		do {
			ASSERT_EQ(0, record_wait(&self->s,
					SUP_RECORD_KIND_LINEAGE_EMPTY, &r));
		} while (r.lineage != m.lineage);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	TH_LOG("forks during the request in %d of 10 rounds", during);
}

TEST_F(descend, self_gives_each_child_a_lineage)
{
	struct member m, all[16];
	struct family *f[2];
	pid_t pid[2];
	int i, j;

	for (i = 0; i < 2; i++) {
		f[i] = shared_page();
		f[i]->born = 4;
		pid[i] = spawn(three_generations, f[i]);
		ASSERT_TRUE(eventually(is_quiet, f[i]));
	}
	ASSERT_EQ(0, member_add_family(&self->s, self->g.id, 0, &m));
	EXPECT_EQ(8, m.added);
	EXPECT_EQ(0, m.lineage);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, member_get(&self->s, self->g.id, pid[i], PROCESS,
					&m));
		EXPECT_EQ(m.id, m.lineage);
		ASSERT_EQ(4, member_dump(&self->s, self->g.id, m.lineage, all,
					 16));
		for (j = 0; j < 4; j++)
			EXPECT_TRUE(is_among(f[i]->pids[j], all, 4));
	}
	/* The caller stays outside, and a second time there is none left. */
	EXPECT_EQ(-ESRCH, member_get(&self->s, self->g.id, getpid(), PROCESS,
				     &m));
	ASSERT_EQ(0, member_add_family(&self->s, self->g.id, 0, &m));
	EXPECT_EQ(0, m.added);
}

/* Becomes a user, dumpable as the owner's requests need it. */
static void become(uid_t uid)
{
	if (setresuid(uid, uid, uid))
		_exit(1);
	prctl(PR_SET_DUMPABLE, 1);
}

/* Of nobody but the second, who is root and has a child of nobody. */
static void mixed_family(void *arg)
{
	struct family *f = arg;

	f->pids[0] = getpid();
	if (!fork()) {
		f->pids[1] = getpid();
		if (fork())
			be_quiet(f);
		become(NOBODY);
		f->pids[2] = getpid();
		be_quiet(f);
	}
	become(NOBODY);
	if (fork())
		be_quiet(f);
	f->pids[3] = getpid();
	be_quiet(f);
}

/* What a process of nobody finds of that family. */
struct found {
	int ret, added, n;
	struct member m[4];
};

static void attach_as_nobody(pid_t pid, struct found *found, int up)
{
	struct member m;
	struct group g;
	struct sup s;

	become(NOBODY);
	found->ret = sup_open(&s) ?: group_new(&s, 0, 0, 0, &g) ?:
		     member_add_family(&s, g.id, pid, &m);
	found->added = m.added;
	found->n = member_dump(&s, g.id, m.lineage, found->m, 4);
	tell(up);
	wait_for_signal(NULL);
}

TEST_F(descend, those_of_other_users_are_left_out)
{
	struct found *found = shared_page();
	struct family *f = self->f;
	pid_t pid, owner;
	int up[2], i;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, pipe(up));
	f->born = 4;
	pid = spawn(mixed_family, f);
	ASSERT_TRUE(eventually(is_quiet, f));
	owner = fork();
	if (!owner)
		attach_as_nobody(pid, found, up[1]);
	ASSERT_TRUE(told(up[0]));
	EXPECT_EQ(0, found->ret);
	EXPECT_EQ(2, found->added);
	ASSERT_EQ(2, found->n);
	EXPECT_TRUE(is_among(f->pids[0], found->m, 2));
	EXPECT_TRUE(is_among(f->pids[3], found->m, 2));
	kill(owner, SIGKILL);
	for (i = 0; i < 4; i++)
		kill(f->pids[i], SIGKILL);
}

TEST_F(descend, limits)
{
	struct family *f = self->f;
	struct request r;
	struct member m;
	pid_t pid;

	f->born = 4;
	pid = spawn(three_generations, f);
	ASSERT_TRUE(eventually(is_quiet, f));
	request_init(&r, &self->s, SUP_CMD_GROUP_NEW, false);
	put_u32(&r, SUP_A_GROUP_MAX_RECORDS, 2);
	ASSERT_EQ(0, group_new_with(&self->s, &r, &self->g));
	EXPECT_EQ(-EDQUOT, member_add_family(&self->s, self->g.id, pid, &m));
	EXPECT_NE(0, self->s.extack[0]);
	/* Who was attached by then is. */
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &self->g));
	EXPECT_EQ(2, self->g.processes);
	ASSERT_EQ(0, member_get(&self->s, self->g.id, pid, PROCESS, &m));
	/* The others are not ended with the group. */
	kill(-pid, SIGKILL);
}

TEST_F(descend, members_of_another_group_stay_there)
{
	struct family *f = self->f;
	struct member m, all[8];
	struct group other;
	pid_t pid;

	f->born = 4;
	pid = spawn(three_generations, f);
	ASSERT_TRUE(eventually(is_quiet, f));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &other));
	ASSERT_EQ(0, member_add_family(&self->s, other.id, f->pids[2], &m));
	ASSERT_EQ(0, member_add_family(&self->s, self->g.id, pid, &m));
	EXPECT_EQ(2, m.added);
	EXPECT_EQ(2, member_dump(&self->s, other.id, 0, all, 8));
	EXPECT_EQ(2, member_dump(&self->s, self->g.id, 0, all, 8));
	EXPECT_FALSE(is_among(f->pids[3], all, 2));
}

/* What a child does that attaches its parent, with all that has. */
static int attach_the_parent(pid_t parent)
{
	struct member m;
	struct group g;
	struct sup s;

	if (sup_open(&s) || group_new(&s, 0, 0, 0, &g) ||
	    member_add_family(&s, g.id, parent, &m))
		return 1;
	if (member_get(&s, g.id, getpid(), PROCESS, &m) != -ESRCH)
		return 2;
	if (group_kill(&s, g.id, SIGKILL, 0, 0, &g))
		return 3;
	return g.signalled == 2 ? 0 : 4;
}

TEST_F(descend, the_caller_is_no_member_of_its_own_group)
{
	int *status = shared_page();
	pid_t parent;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	*status = -1;
	parent = fork();
	if (!parent) {
		spawn_waiting();
		if (!fork()) {
			*status = attach_the_parent(getppid());
			_exit(0);
		}
		wait_for_signal(NULL);
	}
	/* Parent, its first child, and who has killed both. */
	while (waitpid(-1, NULL, 0) > 0)
		;
	EXPECT_EQ(0, *status);
}

/* Has children, and ends while it is attached with them. */
static void leave_children(int up, int go)
{
	int i;

	setpgid(0, 0);
	for (i = 0; i < 4; i++)
		spawn_waiting();
	tell(up);
	told(go);
	_exit(0);
}

/* Until the group is empty; false if a lineage is told empty before an end. */
static bool ends_in_order(struct sup *s, uint64_t *over)
{
	struct record r;

	for (;;) {
		if (record_next(s, &r, 10000))
			return false;
		if (r.kind == SUP_RECORD_KIND_GROUP_EMPTY)
			return !record_ack(s, s->ack, r.seq);
		if (r.lineage == *over)
			return false;
		if (r.kind == SUP_RECORD_KIND_LINEAGE_EMPTY)
			*over = r.lineage;
	}
}

TEST_F(descend, nobody_joins_a_lineage_that_is_over)
{
	int i, met = 0, go[2], up[2];
	uint64_t over;
	struct member m;
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(up));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (i = 0; i < 60; i++) {
		over = 0;
		pid = fork();
		if (!pid)
			leave_children(up[1], go[0]);
		ASSERT_TRUE(told(up[0]));
		tell(go[1]);
		if (!add_pidfd(&self->s, self->g.id, pid, &m)) {
			kill(-pid, SIGKILL);
			EXPECT_TRUE(ends_in_order(&self->s, &over));
			met++;
		}
		kill(-pid, SIGKILL);
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
	EXPECT_LT(0, met);
}

TEST_F(descend, a_cookie_is_of_one_process)
{
	struct request r;
	struct member m;
	pid_t pid;

	pid = spawn_waiting();
	request_init(&r, &self->s, SUP_CMD_MEMBER_ADD, false);
	put_u64(&r, SUP_A_MEMBER_GROUP, self->g.id);
	put_flag(&r, SUP_A_MEMBER_SELF);
	put_flag(&r, SUP_A_MEMBER_DESCENDANTS);
	put_u64(&r, SUP_A_MEMBER_COOKIE, 5);
	EXPECT_EQ(-EINVAL, call(&self->s, &r, NULL, NULL));
	EXPECT_STREQ("a cookie is of one task, not of all descendants",
		     self->s.extack);
	EXPECT_EQ(0, member_dump(&self->s, self->g.id, 0, &m, 1));
	kill(pid, SIGKILL);
}

TEST_F(descend, of_a_process_only)
{
	pid_t pid = spawn_waiting();
	struct request r;

	request_init(&r, &self->s, SUP_CMD_MEMBER_ADD, false);
	put_u64(&r, SUP_A_MEMBER_GROUP, self->g.id);
	put_u32(&r, SUP_A_MEMBER_PID, getpid());
	put_u64(&r, SUP_A_MEMBER_START_TICKS, start_ticks(getpid()));
	put_u32(&r, SUP_A_MEMBER_KIND, THREAD);
	put_flag(&r, SUP_A_MEMBER_DESCENDANTS);
	EXPECT_EQ(-EINVAL, call(&self->s, &r, NULL, NULL));
	EXPECT_STREQ("descendants are of a process, not of a thread",
		     self->s.extack);
	ASSERT_EQ(0, group_get(&self->s, self->g.id, &self->g));
	EXPECT_EQ(0, self->g.processes + self->g.threads);
	kill(pid, SIGKILL);
}

TEST_HARNESS_MAIN
