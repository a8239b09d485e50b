// SPDX-License-Identifier: GPL-2.0
/* Groups that are made and ended in a loop cost nobody anything. */
#include <stdio.h>

#include "sup_test.h"
#include "sup_attack.h"

#define GROUPS 10000
#define ENOUGH 1000
#define SECONDS 40	/* on machines that are not fast enough for all */
#define PARAMS "/sys/module/sup/parameters/"

FIXTURE(churn) {
	struct sup s;
};

FIXTURE_SETUP(churn)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
}

FIXTURE_TEARDOWN(churn)
{
	if (!geteuid())
		param_set("unhook_delay", "60");
	sup_close(&self->s);
}

static bool is_hooked(void)
{
	char c = 0;
	int fd = open(PARAMS "hooked", O_RDONLY | O_CLOEXEC);

	if (read(fd, &c, 1) != 1)
		c = 0;
	close(fd);
	return c == 'Y';
}

static bool is_unhooked(void *arg)
{
	return !is_hooked();
}

/* A group with a member and a record each: our own thread, released. */
static int make_and_end(struct sup *s)
{
	struct member m;
	struct group g;

	return group_new(s, 0, 0, 0, &g) ?:
	       member_add_self(s, g.id, 0, &m) ?:
	       group_del(s, g.id, true);
}

static long kernel_memory(void)
{
	return number_in("/proc/meminfo", "SUnreclaim:");
}

static bool memory_is_back(void *arg)
{
	return kernel_memory() <= *(long *)arg;
}

static bool memory_has_grown(void *arg)
{
	return kernel_memory() >= *(long *)arg;
}

/* A checker that keeps what is freed for as long as it can. */
static bool has_kasan(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char line[512];
	bool ret = false;

	while (f && !ret && fgets(line, sizeof(line), f))
		ret = strstr(line, " kasan_report\n");
	if (f)
		fclose(f);
	return ret;
}

#define HELD 1000	/* max_groups is 1024 */
#define SLACK_KB 400

/* That what stays is seen at all; then that nothing does. */
TEST_F(churn, memory_of_groups_is_seen_while_they_are)
{
	struct sup s;
	struct group g;
	long before, kb;
	int i;

	if (has_kasan())
		SKIP(return, "KASAN keeps freed memory in quarantine");
	for (i = 0; i < HELD / 4; i++)
		ASSERT_EQ(0, make_and_end(&self->s));
	before = kernel_memory();
	ASSERT_EQ(0, sup_open(&s));
	for (i = 0; i < HELD; i++)
		ASSERT_EQ(0, group_new(&s, 0, 0, 0, &g));
	/* A group is more than half a kB; the allocator keeps some slabs. */
	kb = before + HELD / 2;
	EXPECT_TRUE(eventually(memory_has_grown, &kb));
	sup_close(&s);
	kb = before + SLACK_KB;
	EXPECT_TRUE(eventually(memory_is_back, &kb));
}

TEST_F(churn, ten_thousand_groups)
{
	time_t end = time(NULL) + SECONDS;
	int i, unhooked = 0;
	long before, kb;

	/* The first fill the caches of the allocator. */
	for (i = 0; i < ENOUGH / 2; i++)
		ASSERT_EQ(0, make_and_end(&self->s));
	before = kernel_memory();
	ASSERT_LT(0, before);
	for (i = 0; i < GROUPS && (i < ENOUGH || time(NULL) < end); i++) {
		ASSERT_EQ(0, make_and_end(&self->s));
		unhooked += !is_hooked();
	}
	EXPECT_EQ(0, unhooked);
	/* A small part of what the groups alone would take, if they stayed. */
	kb = before + SLACK_KB + i / 20;
	if (!has_kasan())
		EXPECT_TRUE(eventually(memory_is_back, &kb));
	TH_LOG("kernel memory: %ld kB, after %d groups %ld kB", before, i,
	       kernel_memory());
}

static bool no_references(void *arg)
{
	return number_in("/sys/module/sup/refcnt", "") == *(long *)arg;
}

#define OWNERS 200

/* Processes that come and go, each with a group that dies with it. */
static void own_and_exit(void *arg)
{
	struct group g;
	struct sup s;

	if (sup_open(&s) || group_new(&s, CHILDREN, 0, 0, &g))
		_exit(1);
	spawn_waiting();
	_exit(0);
}

TEST_F(churn, groups_that_die_with_their_owners)
{
	long refs = number_in("/sys/module/sup/refcnt", "");
	int i, status, good = 0;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (i = 0; i < OWNERS; i++) {
		waitpid(spawn(own_and_exit, NULL), &status, 0);
		good += !status;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	EXPECT_EQ(OWNERS, good);
	EXPECT_TRUE(eventually(no_references, &refs));
}

/* With hooks that come and go all the time every exit is told all the same. */
TEST_F(churn, hooks_that_come_and_go_miss_nothing)
{
	struct record r;
	struct group g;
	pid_t noise;
	int i;

	ASSERT_EQ(0, param_set("unhook_delay", "0"));
	noise = fork();
	if (!noise)
		for (;;)
			waitpid(spawn(exit_with, NULL), NULL, 0);
	for (i = 0; i < 30; i++) {
		ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &g));
		ASSERT_EQ(0, record_exit_of(&self->s,
					    spawn(exit_with, NULL), &r));
		ASSERT_EQ(0, group_del(&self->s, g.id, true));
		/* Half of the groups come while the hooks are on their way. */
		if (i % 2)
			ASSERT_TRUE(eventually(is_unhooked, NULL));
	}
	kill(noise, SIGKILL);
}

TEST_HARNESS_MAIN
