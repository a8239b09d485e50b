// SPDX-License-Identifier: GPL-2.0
/*
 * Each allocation of the kernel's slabs, one after another, fails: for each
 * request, and for a fork in a group. For kernels with failslab.
 */
#include <stdio.h>
#include <sys/mount.h>

#include "sup_test.h"

#define BIT(kind) (1U << SUP_RECORD_KIND_##kind)
#define FAILSLAB "/sys/kernel/debug/failslab/"

/* A request has less than this many allocations, and so has a fork. */
#define MAX_NTH 2000

struct state {
	struct sup s, other;
	struct group g;
	pid_t pid;
	uint64_t ticks;
	struct record records[16];
	struct member members[16];
	struct group groups[64];
};

FIXTURE(failslab) {
	struct state st;
	int fd;			/* of fail-nth */
	int in_use;		/* the module's references before */
	int *ran;
};

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	int ret = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return ret < 0 ? -1 : 0;
}

static int references(void)
{
	char text[16] = "";
	int fd = open("/sys/module/sup/refcnt", O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return atoi(text);
}

FIXTURE_SETUP(failslab)
{
	int ret = sup_open(&self->st.s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	sup_close(&self->st.s);
	self->st.other.fd = -1;
	if (geteuid())
		SKIP(return, "needs root");
	if (access(FAILSLAB, F_OK))
		mount("none", "/sys/kernel/debug", "debugfs", 0, NULL);
	self->fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (self->fd < 0 || access(FAILSLAB, F_OK))
		SKIP(return, "this kernel has no failslab");
	/* Allocations that may wait, too; and no word of it in the log. */
	ASSERT_EQ(0, write_text(FAILSLAB "ignore-gfp-wait", "N"));
	ASSERT_EQ(0, write_text(FAILSLAB "verbose", "0"));
	self->ran = shared_page();
	self->in_use = references();
}

FIXTURE_TEARDOWN(failslab)
{
	close(self->fd);
	sup_close(&self->st.s);
	sup_close(&self->st.other);
}

static void fail_nth(int fd, int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", nth);

	if (pwrite(fd, text, n, 0) != n)
		abort();
}

/* Ends it; true if there were so many allocations. */
static bool has_failed(int fd)
{
	char text[16] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		abort();
	fail_nth(fd, 0);
	return !atoi(text);
}

static bool is_free(void *arg)
{
	return references() <= *(int *)arg;
}

/* A request: what has to be before, itself, and that nothing is left. */
struct test {
	int (*before)(struct state *st);
	int (*request)(struct state *st);
	int (*after)(struct state *st);
};

/* The kernel cannot always say that it was for want of memory. */
static bool is_memory_error(int ret)
{
	return ret == -ENOMEM || ret == -ENOBUFS;
}

#define failslab_data _test_data_failslab

/* Requests one after another, with an earlier failure each; how many failed. */
static int run(struct failslab_data *self, const struct test *t)
{
	struct state *st = &self->st;
	int nth, ret, err;
	bool failed;

	for (nth = 1; nth < MAX_NTH; nth++) {
		if (sup_open(&st->s) || sup_open(&st->other) ||
		    (t->before && t->before(st)))
			return -1;
		fail_nth(self->fd, nth);
		ret = t->request(st);
		failed = has_failed(self->fd);
		err = t->after(st);
		sup_close(&st->s);
		sup_close(&st->other);
		if (err) {
			fprintf(stderr, "# after failure %d: %d\n", nth, err);
			return -2;
		}
		if (ret < 0 && !(failed && is_memory_error(ret))) {
			fprintf(stderr, "# with failure %d: %d\n", nth, ret);
			return -3;
		}
		if (!failed)
			return nth - 1;
	}
	return -4;
}

#define run_and_expect(...)						\
do {									\
	const struct test test = { __VA_ARGS__ };			\
									\
	EXPECT_LT(0, run(self, &test));					\
	/* A group holds the module, and all that is in it the group. */ \
	EXPECT_TRUE(eventually(is_free, &self->in_use));		\
} while (0)

static int make(struct state *st)
{
	return group_new(&st->s, CHILDREN, SUP_POLICY_RETAIN, 0, &st->g);
}

static int del(struct state *st)
{
	return group_del(&st->s, st->g.id, true);
}

/* Whatever groups this process has. */
static int del_all(struct state *st)
{
	int i, n = group_dump(&st->other, st->groups, 64);

	for (i = 0; i < n && i < 64; i++)
		if (st->groups[i].owner_pid == getpid() &&
		    group_del(&st->other, st->groups[i].id, true))
			return -1;
	return n < 0 ? n : 0;
}

TEST_F(failslab, group_new)
{
	run_and_expect(NULL, make, del_all);
}

static int get(struct state *st)
{
	return group_get(&st->s, st->g.id, &st->groups[0]);
}

static int dump_groups(struct state *st)
{
	return group_dump(&st->s, st->groups, 64);
}

TEST_F(failslab, group_get)
{
	run_and_expect(make, get, del);
	run_and_expect(make, dump_groups, del);
}

static int del_again(struct state *st)
{
	int ret = group_del(&st->other, st->g.id, true);

	return ret == -ENOENT ? 0 : ret;
}

TEST_F(failslab, group_del)
{
	run_and_expect(make, del, del_again);
}

static int hand_over(struct state *st)
{
	return group_hand_over(&st->s, st->g.id, 10000, &st->groups[0]);
}

static int make_and_hand_over(struct state *st)
{
	return make(st) ?: hand_over(st);
}

static int adopt(struct state *st)
{
	return group_adopt(&st->s, st->g.id, st->groups[0].token, CHILDREN,
			   &st->groups[1]);
}

/* Without a token, which may not have come: the caller is privileged. */
static int adopt_and_del(struct state *st)
{
	struct group g;
	int ret = group_adopt(&st->other, st->g.id, NULL, 0, &g);

	/* If it was not handed over, or is adopted already. */
	if (ret && ret != -EBUSY)
		return ret;
	return group_del(&st->other, st->g.id, true);
}

TEST_F(failslab, hand_over_and_adopt)
{
	run_and_expect(make, hand_over, adopt_and_del);
	run_and_expect(make_and_hand_over, adopt, adopt_and_del);
}

static int spawn_then_make(struct state *st)
{
	st->pid = spawn_waiting();
	st->ticks = start_ticks(st->pid);
	return group_new(&st->s, 0, 0, 0, &st->g);
}

static int add(struct state *st)
{
	return member_add_pid(&st->s, st->g.id, st->pid, st->ticks, PROCESS, 7,
			      &st->members[0]);
}

static int add_descendants(struct state *st)
{
	struct request r;

	request_init(&r, &st->s, SUP_CMD_MEMBER_ADD, false);
	put_u64(&r, SUP_A_MEMBER_GROUP, st->g.id);
	put_flag(&r, SUP_A_MEMBER_SELF);
	put_flag(&r, SUP_A_MEMBER_DESCENDANTS);
	return call(&st->s, &r, parse_member, &st->members[0]);
}

static int add_threads(struct state *st)
{
	return member_add_self(&st->s, st->g.id, 7, &st->members[0]);
}

/* The process, a member, ends of SIGKILL, and the group is empty. */
static int killed(struct state *st)
{
	struct record r;
	int ret;

	waitpid(st->pid, NULL, 0);
	/* An answer that could not be made may be told late. */
	do {
		ret = record_exit_of(&st->s, st->pid, &r);
	} while (ret == -ENOBUFS);
	return ret ?: group_del(&st->s, st->g.id, false);
}

/* It is a member, after another try at the latest. */
static int add_again(struct state *st)
{
	int ret = add(st);
	struct group g;

	if (ret && ret != -EEXIST)
		return ret;
	ret = group_get(&st->other, st->g.id, &g);
	if (ret || g.processes != 1)
		return ret ?: -1000;
	kill(st->pid, SIGKILL);
	return killed(st);
}

TEST_F(failslab, member_add)
{
	run_and_expect(spawn_then_make, add, add_again);
	run_and_expect(spawn_then_make, add_descendants, add_again);
	run_and_expect(make, add_threads, del);
}

static int make_then_spawn(struct state *st)
{
	int ret = group_new(&st->s, CHILDREN, 0, 0, &st->g);

	st->pid = spawn_waiting();
	st->ticks = start_ticks(st->pid);
	return ret;
}

static int kill_group(struct state *st)
{
	return group_kill(&st->s, st->g.id, SIGKILL, 0, 0, &st->groups[0]);
}

static int kill_again(struct state *st)
{
	struct group g;

	return group_kill(&st->other, st->g.id, SIGKILL, 0, 0, &g) ?:
	       killed(st);
}

static int dump_members(struct state *st)
{
	return member_dump(&st->s, st->g.id, 0, st->members, 16);
}

static int get_member(struct state *st)
{
	return member_get(&st->s, st->g.id, st->pid, PROCESS, st->members);
}

TEST_F(failslab, members)
{
	run_and_expect(make_then_spawn, kill_group, kill_again);
	run_and_expect(make_then_spawn, dump_members, add_again);
	run_and_expect(make_then_spawn, get_member, add_again);
}

static int observe_it(struct state *st)
{
	return observe(&st->other, st->g.id, BIT(FORK));
}

static int is_observed_once(struct state *st)
{
	int ret = observe(&st->other, st->g.id, BIT(FORK));
	struct group g;

	ret = ret ?: group_get(&st->s, st->g.id, &g);
	return ret ?: g.observers != 1 ? -1000 : del(st);
}

TEST_F(failslab, observe)
{
	run_and_expect(make, observe_it, is_observed_once);
}

static int make_for_one(struct state *st)
{
	struct request r;

	request_init(&r, &st->s, SUP_CMD_GROUP_NEW, false);
	put_u32(&r, SUP_A_GROUP_MAX_RECORDS, 1);
	return group_new_with(&st->s, &r, &st->g);
}

static int set(struct state *st)
{
	return spawn_set(&st->s, st->g.id, PROCESS, 7);
}

static int set_again(struct state *st)
{
	return set(st) ?: spawn_clear(&st->s, st->g.id) ?: del(st);
}

TEST_F(failslab, spawn_set)
{
	run_and_expect(make_for_one, set, set_again);
}

static int with_a_record(struct state *st)
{
	int ret = group_new(&st->s, CHILDREN, 0, 0, &st->g);

	st->pid = spawn(exit_with, NULL);
	waitpid(st->pid, NULL, 0);
	return ret ?: record_exit_of(&st->s, st->pid, &st->records[0]);
}

static int dump_records(struct state *st)
{
	return record_dump(&st->s, st->g.id, st->records, 16);
}

static int ack(struct state *st)
{
	return record_ack(&st->s, st->g.id, st->records[0].seq);
}

static int ack_again(struct state *st)
{
	struct group g;
	int ret;

	ret = ack(st) ?: group_get(&st->other, st->g.id, &g);
	return ret ?: g.acked != st->records[0].seq ? -1000 : del(st);
}

TEST_F(failslab, records)
{
	run_and_expect(with_a_record, dump_records, del);
	run_and_expect(with_a_record, ack, ack_again);
}

/* What became of one child whose birth may have lacked memory. */
struct birth {
	int status;
	struct record r;	/* its exit, or an overflow */
};

static pid_t fork_counting(int *ran)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	__atomic_store_n(ran, 1, __ATOMIC_RELEASE);
	_exit(0);
}

/* 1 if there was a child, 0 if not, or -errno. */
static int bear(struct failslab_data *self, int nth, bool *failed,
		struct birth *b)
{
	struct sup *s = &self->st.s;
	pid_t pid;
	int ret;

	*self->ran = 0;
	fail_nth(self->fd, nth);
	pid = fork_counting(self->ran);
	*failed = has_failed(self->fd);
	if (pid < 0)
		return 0;
	if (waitpid(pid, &b->status, 0) != pid)
		return -errno;
	do {
		ret = record_next(s, &b->r, 10000);
		if (!ret && b->r.cmd == SUP_CMD_RECORD_NTF)
			ret = record_ack(s, b->r.group, b->r.seq);
	} while (!ret && (b->r.kind != SUP_RECORD_KIND_EXIT ||
			  b->r.pid != pid) &&
		 b->r.kind != SUP_RECORD_KIND_OVERFLOW);
	return ret ?: 1;
}

/* Each allocation of a birth, once; as births differ it may pass some over. */
static int fail_each(struct __test_metadata *_metadata,
		     struct failslab_data *self, bool untracked)
{
	int nth, ret = 0, overflows = 0;
	bool failed = true;
	struct birth b;

	for (nth = 1; nth < MAX_NTH && failed && ret >= 0; nth++) {
		ret = bear(self, nth, &failed, &b);
		EXPECT_LE(0, ret);
		if (ret > 0 && b.r.kind == SUP_RECORD_KIND_OVERFLOW) {
			overflows++;
			EXPECT_TRUE(failed);
			EXPECT_EQ(SUP_OVERFLOW_CAUSE_NO_MEMORY, b.r.cause);
			EXPECT_EQ(!untracked, b.r.killed);
			EXPECT_EQ(untracked, b.r.untracked);
			EXPECT_EQ(untracked ? 0 : SIGKILL, b.status);
			EXPECT_EQ(untracked, *self->ran);
		} else if (ret > 0) {
			EXPECT_EQ(0, b.status);
			EXPECT_EQ(0, b.r.code);
			EXPECT_EQ(1, *self->ran);
		}
	}
	EXPECT_LT(nth, MAX_NTH);
	return overflows;
}

static void expect_member_or_told(struct __test_metadata *_metadata,
				  struct failslab_data *self, bool untracked)
{
	int rounds, overflows = 0;

	for (rounds = 0; !overflows && rounds < 10; rounds++)
		overflows = fail_each(_metadata, self, untracked);
	EXPECT_LT(0, overflows);
	ASSERT_EQ(0, group_del(&self->st.s, self->st.g.id, false));
	EXPECT_TRUE(eventually(is_free, &self->in_use));
}

TEST_F(failslab, child_is_a_member_or_never_runs)
{
	ASSERT_EQ(0, sup_open(&self->st.s));
	ASSERT_EQ(0, group_new(&self->st.s, CHILDREN, 0, 0, &self->st.g));
	expect_member_or_told(_metadata, self, false);
}

TEST_F(failslab, child_is_a_member_or_counted)
{
	ASSERT_EQ(0, sup_open(&self->st.s));
	ASSERT_EQ(0, group_new(&self->st.s, CHILDREN |
			       SUP_GROUP_FLAG_ALLOW_UNTRACKED, 0, 0,
			       &self->st.g));
	expect_member_or_told(_metadata, self, true);
}

TEST_F(failslab, child_of_a_template_needs_nothing)
{
	struct sup *s = &self->st.s;
	struct birth b;
	bool failed;
	int nth, ret;

	ASSERT_EQ(0, sup_open(s));
	ASSERT_EQ(0, group_new(s, 0, 0, 0, &self->st.g));
	for (nth = 1; nth < MAX_NTH; nth++) {
		ASSERT_EQ(0, spawn_set(s, self->st.g.id, PROCESS, nth));
		ret = bear(self, nth, &failed, &b);
		ASSERT_LE(0, ret);
		if (ret) {
			EXPECT_EQ(SUP_RECORD_KIND_EXIT, b.r.kind);
			EXPECT_EQ(nth, b.r.cookie);
			EXPECT_EQ(1, *self->ran);
		} else {
			/* No child, no birth: it waits for the next. */
			EXPECT_EQ(0, spawn_clear(s, self->st.g.id));
		}
		if (!failed)
			break;
	}
	ASSERT_LT(nth, MAX_NTH);
	ASSERT_EQ(0, group_del(s, self->st.g.id, false));
	EXPECT_TRUE(eventually(is_free, &self->in_use));
}

/* Ends with an allocation that fails on the way. */
static void end_failing(void *arg)
{
	int fd = open("/proc/self/fail-nth", O_RDWR);

	fail_nth(fd, (long)arg);
	_exit(0);
}

TEST_F(failslab, end_is_told)
{
	struct sup *s = &self->st.s;
	uint64_t informed = 0;
	struct record r;
	struct group g;
	long nth;

	ASSERT_EQ(0, sup_open(s));
	ASSERT_EQ(0, group_new_telling(s, CHILDREN, BIT(EXITING), 0, 0,
				       &self->st.g));
	for (nth = 1; nth <= 60; nth++) {
		spawn(end_failing, (void *)nth);
		do {
			ASSERT_EQ(0, record_next(s, &r, 10000));
			informed += r.kind == SUP_RECORD_KIND_EXITING;
		} while (r.kind != SUP_RECORD_KIND_GROUP_EMPTY);
		ASSERT_EQ(0, record_ack(s, self->st.g.id, r.seq));
	}
	/* What informs may be lost, but that is counted. */
	ASSERT_EQ(0, group_get(s, self->st.g.id, &g));
	EXPECT_EQ(60, informed + g.lost);
	EXPECT_LT(0, g.lost);
	ASSERT_EQ(0, group_del(s, self->st.g.id, false));
	EXPECT_TRUE(eventually(is_free, &self->in_use));
}

TEST_HARNESS_MAIN
