// SPDX-License-Identifier: GPL-2.0
/* A process that the kernel has killed for want of memory is told as such. */
#include <sys/stat.h>

#include "sup_test.h"
#include "sup_attack.h"

#define CGROUPS "/sys/fs/cgroup"
#define MIB (1 << 20)

FIXTURE(oom) {
	struct sup s;
	struct group g;
	char dir[128], procs[160];
	int up[2];
};

static int limit_memory(const char *dir)
{
	char path[160];
	int ret;

	if (mkdir(dir, 0755))
		return -errno;
	snprintf(path, sizeof(path), "%s/memory.swap.max", dir);
	write_file(path, "0");
	snprintf(path, sizeof(path), "%s/memory.max", dir);
	ret = write_file(path, "8M");
	if (ret)
		rmdir(dir);
	return ret;
}

FIXTURE_SETUP(oom)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	write_file(CGROUPS "/cgroup.subtree_control", "+memory");
	sprintf(self->dir, CGROUPS "/sup_oom_test.%d", getpid());
	if (limit_memory(self->dir))
		SKIP(return, "no memory controller at " CGROUPS);
	sprintf(self->procs, "%s/cgroup.procs", self->dir);
	ASSERT_EQ(0, group_new(&self->s, CHILDREN, 0, 0, &self->g));
	ASSERT_EQ(0, pipe(self->up));
}

static bool is_removed(void *arg)
{
	return !rmdir(arg) || errno == ENOENT;
}

FIXTURE_TEARDOWN(oom)
{
	struct group k;

	group_kill(&self->s, self->g.id, SIGKILL, 0, 0, &k);
	while (waitpid(-1, NULL, 0) > 0)
		;
	if (self->dir[0])
		eventually(is_removed, self->dir);
	sup_close(&self->s);
}

#define oom_data _test_data_oom

/* In the cgroup, where a neighbour of this name waits. */
static void move_in(struct oom_data *self)
{
	if (write_file(self->procs, "0"))
		_exit(1);
}

static void use_memory(void *arg)
{
	char *p;

	move_in(arg);
	p = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(p, 1, 64 * MIB);
	_exit(0);
}

TEST_F(oom, is_told_with_no_sender)
{
	struct record r;
	pid_t pid;

	pid = spawn(use_memory, self);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGKILL, r.signal);
	EXPECT_TRUE(r.flags & SUP_RECORD_FLAG_OOM);
	EXPECT_EQ(SUP_SENDER_OOM_KILLER, r.sender_kind);
	EXPECT_FALSE(r.flags & SUP_RECORD_FLAG_SENDER);
	EXPECT_FALSE(r.flags & SUP_RECORD_FLAG_BY_GROUP);
	EXPECT_LT(4 * MIB, r.max_rss);
}

static void *use_memory_too(void *arg)
{
	use_memory(arg);
	return NULL;
}

static void use_memory_by_thread(void *arg)
{
	pthread_t thread;

	pthread_create(&thread, NULL, use_memory_too, arg);
	pthread_join(thread, NULL);
}

TEST_F(oom, of_a_process_with_threads)
{
	struct record r;
	pid_t pid;

	pid = spawn(use_memory_by_thread, self);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(SIGKILL, r.signal);
	EXPECT_TRUE(r.flags & SUP_RECORD_FLAG_OOM);
}

static void wait_inside(void *arg)
{
	struct oom_data *self = arg;

	move_in(self);
	tell(self->up[1]);
	wait_for_signal(NULL);
}

/* Neither one that was killed by hand in the same cgroup, nor one that died. */
TEST_F(oom, is_not_told_of_others)
{
	struct record r;
	pid_t pid, other;

	other = spawn(wait_inside, self);
	ASSERT_TRUE(told(self->up[0]));
	pid = spawn(use_memory, self);
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_TRUE(r.flags & SUP_RECORD_FLAG_OOM);
	kill(other, SIGKILL);
	ASSERT_EQ(0, record_exit_of(&self->s, other, &r));
	EXPECT_FALSE(r.flags & SUP_RECORD_FLAG_OOM);
	EXPECT_EQ(SUP_SENDER_PROCESS, r.sender_kind);
	EXPECT_TRUE(r.flags & SUP_RECORD_FLAG_SENDER);
}

TEST_HARNESS_MAIN
