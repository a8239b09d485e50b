// SPDX-License-Identifier: GPL-2.0
/* What the module shows of itself: tracepoints, and a summary in debugfs. */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sup_test.h"

#define NOBODY 65534
#define TRACING "/sys/kernel/tracing"
#define INSTANCE TRACING "/instances/sup_trace_test"
#define GROUPS "/sys/kernel/debug/sup/groups"

FIXTURE(trace) {
	struct sup s;
	struct group g;
};

static bool write_to(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	bool ret;

	if (!f)
		return false;
	ret = fputs(text, f) >= 0;
	return !fclose(f) && ret;
}

/* An instance has a buffer of its own, and nobody else's events. */
FIXTURE_SETUP(trace)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	if (access(TRACING "/instances", F_OK))
		SKIP(return, "no tracefs at " TRACING);
	if (access(TRACING "/events/sup", F_OK))
		SKIP(return, "kernel without events of modules");
	rmdir(INSTANCE);
	ASSERT_EQ(0, mkdir(INSTANCE, 0700));
}

FIXTURE_TEARDOWN(trace)
{
	sup_close(&self->s);
	write_to(INSTANCE "/events/sup/enable", "0");
	rmdir(INSTANCE);
}

static bool enable(const char *event)
{
	char path[128];

	snprintf(path, sizeof(path), INSTANCE "/events/sup/%s/enable", event);
	return write_to(path, "1");
}

struct wanted {
	char text[160];
	int found;		/* lines that have it */
};

static bool is_traced(void *arg)
{
	FILE *f = fopen(INSTANCE "/trace", "r");
	struct wanted *wanted = arg;
	char line[512];

	wanted->found = 0;
	while (f && fgets(line, sizeof(line), f))
		wanted->found += strstr(line, wanted->text) != NULL;
	if (f)
		fclose(f);
	return wanted->found;
}

#define TRACED(n, ...)							\
	do {								\
		struct wanted w;					\
									\
		snprintf(w.text, sizeof(w.text), __VA_ARGS__);		\
		EXPECT_TRUE(eventually(is_traced, &w))			\
			TH_LOG("not traced: %s", w.text);		\
		EXPECT_EQ(n, w.found);					\
	} while (0)

#define ID(value) ((unsigned long long)(value))

TEST_F(trace, a_member_from_its_birth_to_its_record)
{
	struct record r;

	ASSERT_TRUE(enable("sup_add"));
	ASSERT_TRUE(enable("sup_exit"));
	ASSERT_TRUE(enable("sup_deliver"));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, (void *)7L),
				    &r));
	TRACED(1, "sup_add: group=%llu member=%llu lineage=%llu pid=%d kind=0\n",
	       ID(self->g.id), ID(r.member), ID(r.lineage), r.pid);
	TRACED(1, "sup_exit: group=%llu member=%llu pid=%d status=0x700\n",
	       ID(self->g.id), ID(r.member), r.pid);
	TRACED(1, "sup_deliver: group=%llu records=1-", ID(self->g.id));
}

TEST_F(trace, a_thread)
{
	struct member m;

	ASSERT_TRUE(enable("sup_add"));
	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &self->g));
	ASSERT_EQ(0, member_add_pid(&self->s, self->g.id, gettid(),
				    start_ticks(gettid()), THREAD, 0, &m));
	TRACED(1, "sup_add: group=%llu member=%llu lineage=0 pid=%d kind=1\n",
	       ID(self->g.id), ID(m.id), gettid());
}

TEST_F(trace, what_an_observer_loses)
{
	struct record r;
	struct sup o;
	int size = 1, i;

	ASSERT_TRUE(enable("sup_drop"));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, sup_open(&o));
	ASSERT_EQ(0, setsockopt(o.fd, SOL_SOCKET, SO_RCVBUF, &size,
				sizeof(size)));
	ASSERT_EQ(0, observe(&o, self->g.id, 0));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL),
					    &r));
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_GROUP_EMPTY,
					 &r));
		ASSERT_EQ(0, record_ack(&self->s, self->g.id, r.seq));
	}
	for (i = 0; !record_next(&o, &r, 0); i++)
		;
	size = 65536;
	ASSERT_EQ(0, setsockopt(o.fd, SOL_SOCKET, SO_RCVBUF, &size,
				sizeof(size)));
	/* Each drop is traced, so what came and what was traced is all. */
	spawn(exit_with, NULL);
	ASSERT_EQ(0, record_next(&o, &r, 10000));
	TRACED(r.lost, "sup_drop: group=%llu kind=", ID(self->g.id));
	TRACED(r.lost, " to=observer\n");
	EXPECT_EQ(r.seq - 1, i + r.lost);
	sup_close(&o);
}

static void *one_more(void *arg)
{
	return arg;
}

TEST_F(trace, what_the_owner_loses)
{
	int size = 1, i, told_of = 0, ret;
	struct request r;
	struct record rec;
	pthread_t thread;
	uint64_t id;

	ASSERT_TRUE(enable("sup_drop"));
	ASSERT_EQ(0, setsockopt(self->s.fd, SOL_SOCKET, SO_RCVBUF, &size,
				sizeof(size)));
	request_init(&r, &self->s, SUP_CMD_GROUP_NEW, false);
	put_u32(&r, SUP_A_GROUP_FLAGS, THREADS);
	put_u32(&r, SUP_A_GROUP_EVENTS, 1 << SUP_RECORD_KIND_FORK);
	put_u32(&r, SUP_A_GROUP_CREDIT, 1);
	ASSERT_EQ(0, group_new_with(&self->s, &r, &self->g));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, one_more, NULL));
		ASSERT_EQ(0, pthread_join(thread, NULL));
	}
	id = self->g.id;
	/* A record that finds room just now may take it from the answer. */
	do {
		while (!record_next(&self->s, &rec, 0))
			told_of += rec.kind == SUP_RECORD_KIND_FORK;
		ret = group_get(&self->s, id, &self->g);
	} while (ret == -ENOBUFS);
	ASSERT_EQ(0, ret);
	EXPECT_EQ(20, told_of + self->g.lost);
	ASSERT_LT(0, self->g.lost);
	TRACED(self->g.lost, "sup_drop: group=%llu kind=%u to=owner\n",
	       ID(self->g.id), SUP_RECORD_KIND_FORK);
}

FIXTURE(summary) {
	struct sup s;
	struct group g;
};

FIXTURE_SETUP(summary)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	if (access("/sys/kernel/debug/sup", F_OK))
		SKIP(return, "no debugfs at /sys/kernel/debug");
}

FIXTURE_TEARDOWN(summary)
{
	sup_close(&self->s);
}

/* The line of a group without its id; false if there is none. */
static bool line_of(uint64_t id, char *text, size_t size)
{
	FILE *f = fopen(GROUPS, "r");
	char line[512], first[32];
	int len = snprintf(first, sizeof(first), "%llu ", ID(id));
	bool ret = false;

	while (f && !ret && fgets(line, sizeof(line), f)) {
		ret = !strncmp(line, first, len);
		if (ret)
			snprintf(text, size, "%s", line + len);
	}
	if (f)
		fclose(f);
	return ret;
}

TEST_F(summary, shows_each_group_with_its_counts)
{
	char text[512], want[512];
	struct record r;
	struct sup o;
	pid_t pid[2];

	ASSERT_EQ(0, sup_open(&o));
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, SUP_POLICY_RETAIN, 0,
			       &self->g));
	ASSERT_EQ(0, observe(&o, self->g.id, 0));
	pid[0] = spawn_waiting();
	pid[1] = spawn_waiting();
	ASSERT_EQ(0, record_exit_of(&self->s, spawn(exit_with, NULL), &r));
	ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_LINEAGE_EMPTY, &r));
	ASSERT_EQ(0, record_ack(&self->s, self->g.id, r.seq));
	ASSERT_EQ(0, spawn_set(&self->s, self->g.id, PROCESS, 0));
	ASSERT_TRUE(line_of(self->g.id, text, sizeof(text)));
	snprintf(want, sizeof(want),
		 "0 owned retain %d 0 2 0 0 1 2 2 2 0/%u 1 0\n", getpid(),
		 self->g.credit);
	EXPECT_STREQ(want, text);
	/* One that has ended has no line. */
	ASSERT_EQ(0, group_del(&self->s, self->g.id, true));
	EXPECT_FALSE(line_of(self->g.id, text, sizeof(text)));
	sup_close(&o);
	kill(pid[0], SIGKILL);
	kill(pid[1], SIGKILL);
}

TEST_F(summary, shows_what_waits_for_adoption)
{
	char text[512];
	struct group g;

	ASSERT_EQ(0, group_new(&self->s, 0, 0, 0, &g));
	ASSERT_EQ(0, group_hand_over(&self->s, g.id, 0, &g));
	ASSERT_TRUE(line_of(g.id, text, sizeof(text)));
	EXPECT_EQ(0, strncmp(text, "0 retained kill 0 0 ", 20))
		TH_LOG("%s", text);
	ASSERT_EQ(0, group_adopt(&self->s, g.id, g.token, 0, &g));
}

TEST_F(summary, is_for_root)
{
	struct stat st;
	int status;
	pid_t pid;

	ASSERT_EQ(0, stat(GROUPS, &st));
	EXPECT_EQ(0400, st.st_mode & 0777);
	EXPECT_EQ(0, st.st_uid);
	pid = fork();
	if (!pid) {
		if (setuid(NOBODY))
			_exit(255);
		_exit(open(GROUPS, O_RDONLY) >= 0 || errno != EACCES);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
