// SPDX-License-Identifier: GPL-2.0
/* Members that are bound to end and do not. */
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <time.h>

#include "sup_test.h"

#define STUCK (1U << SUP_RECORD_KIND_STUCK)
#define STUCK_MS 100

/* The time in which a timer of the kernel's counts, at least 100 a second. */
#define TICK_NS 10000000

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* The next record, which has to be of a stuck process in that stage. */
static void expect_stuck(struct __test_metadata *_metadata, struct sup *s,
			 pid_t pid, uint32_t stage)
{
	struct record r;

	ASSERT_EQ(0, record_next(s, &r, 10000));
	EXPECT_EQ(SUP_CMD_INFORM_NTF, r.cmd);
	ASSERT_EQ(SUP_RECORD_KIND_STUCK, r.kind);
	EXPECT_EQ(pid, r.pid);
	EXPECT_EQ(PROCESS, r.member_kind);
	EXPECT_EQ(stage, r.stage);
}

/* A process that a tracer, the caller, has stopped on its way out. */
static pid_t spawn_stopped(void)
{
	pid_t pid = spawn_waiting();
	int status;

	if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXIT) ||
	    kill(pid, SIGKILL) || waitpid(pid, &status, __WALL) != pid ||
	    status >> 8 != (SIGTRAP | PTRACE_EVENT_EXIT << 8))
		return -1;
	return pid;
}

TEST_F(sup, stopped_by_a_tracer)
{
	struct record r;
	uint64_t begin;
	pid_t pid;

	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, STUCK, 0, STUCK_MS,
				       &self->g));
	EXPECT_EQ(STUCK_MS, self->g.stuck_ms);
	begin = now();
	pid = spawn_stopped();
	ASSERT_LT(0, pid);
	expect_stuck(_metadata, &self->s, pid, SUP_STAGE_TRACED);
	EXPECT_LE(begin + STUCK_MS * 1000000ULL - TICK_NS, now());
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	EXPECT_EQ(pid, r.pid);
	EXPECT_EQ(SIGKILL, r.signal);
}

TEST_F(sup, told_once_whatever_else_is_stuck)
{
	pid_t first, second;
	struct record r;
	int i;

	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, STUCK, 0, STUCK_MS,
				       &self->g));
	first = spawn_stopped();
	expect_stuck(_metadata, &self->s, first, SUP_STAGE_TRACED);
	/* For the second the kernel looks at the first again. */
	second = spawn_stopped();
	expect_stuck(_metadata, &self->s, second, SUP_STAGE_TRACED);
	ASSERT_EQ(0, ptrace(PTRACE_CONT, first, NULL, NULL));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, second, NULL, NULL));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, record_wait(&self->s, SUP_RECORD_KIND_EXIT, &r));
		EXPECT_EQ(SIGKILL, r.signal);
	}
	do {
		ASSERT_EQ(0, record_next(&self->s, &r, 10000));
		EXPECT_NE(SUP_RECORD_KIND_STUCK, r.kind);
	} while (r.kind != SUP_RECORD_KIND_GROUP_EMPTY);
}

/* It goes on if its tracer keeps the signal; and may be stuck after all. */
TEST_F(sup, signal_that_a_tracer_keeps)
{
	struct record r;
	pid_t pid;
	int status;

	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, STUCK, 0, STUCK_MS,
				       &self->g));
	pid = spawn_waiting();
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXIT));
	ASSERT_EQ(0, kill(pid, SIGQUIT));
	ASSERT_EQ(pid, waitpid(pid, &status, __WALL));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(SIGQUIT, WSTOPSIG(status));
	/* In which it may be for long: what a debugger does to it. */
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 4 * STUCK_MS));
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	EXPECT_EQ(-ETIMEDOUT, record_next(&self->s, &r, 4 * STUCK_MS));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, __WALL));
	ASSERT_EQ(SIGTRAP | PTRACE_EVENT_EXIT << 8, status >> 8);
	expect_stuck(_metadata, &self->s, pid, SUP_STAGE_TRACED);
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	EXPECT_EQ(SIGKILL, r.signal);
}

static void *idle(void *arg)
{
	*(pid_t *)arg = gettid();
	wait_for_signal(NULL);
	return NULL;
}

static void with_thread(void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, idle, arg))
		_exit(1);
	wait_for_signal(NULL);
}

static bool is_set(void *arg)
{
	return __atomic_load_n((pid_t *)arg, __ATOMIC_ACQUIRE);
}

TEST_F(sup, thread_is_not_reaped_by_its_tracer)
{
	pid_t *tid = shared_page(), pid;
	struct record r;

	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, STUCK, 0, STUCK_MS,
				       &self->g));
	pid = spawn(with_thread, tid);
	ASSERT_TRUE(eventually(is_set, tid));
	ASSERT_EQ(0, ptrace(PTRACE_SEIZE, *tid, NULL, NULL));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	expect_stuck(_metadata, &self->s, pid, SUP_STAGE_TRACED);
	ASSERT_EQ(*tid, waitpid(*tid, NULL, __WALL));
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	EXPECT_EQ(pid, r.pid);
}

/* A page that is not there before it is given, and what needs it. */
struct page_held {
	int fd, pipe[2];
	struct uffdio_range range;
};

static int page_hold(struct page_held *p)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = {
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	void *page = mmap(NULL, getpagesize(), PROT_READ,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	p->range.start = (uintptr_t)page;
	p->range.len = getpagesize();
	area.range = p->range;
	p->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (page == MAP_FAILED || p->fd < 0 || ioctl(p->fd, UFFDIO_API, &api) ||
	    ioctl(p->fd, UFFDIO_REGISTER, &area) || pipe(p->pipe))
		return -errno;
	return 0;
}

static void *write_page(void *arg)
{
	struct page_held *p = arg;

	return write(p->pipe[1], (void *)(uintptr_t)p->range.start, 1) == 1 ?
	       NULL : arg;
}

static void write_byte(void *arg)
{
	tell(((struct page_held *)arg)->pipe[1]);
}

static bool is_blocked(void *pid)
{
	return task_state(*(pid_t *)pid) == 'D';
}

TEST_F(sup, blocked_by_another)
{
	struct uffdio_zeropage give = { 0 };
	struct page_held p = { 0 };
	struct uffd_msg fault;
	pthread_t writer;
	struct record r;
	void *failed;
	pid_t pid;
	int ret;

	ret = page_hold(&p);
	if (p.fd < 0)
		SKIP(return, "no userfaultfd here");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, STUCK, 0, STUCK_MS,
				       &self->g));
	/* Not a member; it has the pipe's mutex for as long as it waits. */
	ASSERT_EQ(0, pthread_create(&writer, NULL, write_page, &p));
	ASSERT_EQ((ssize_t)sizeof(fault), read(p.fd, &fault, sizeof(fault)));
	ASSERT_EQ(UFFD_EVENT_PAGEFAULT, fault.event);
	pid = spawn(write_byte, &p);
	ASSERT_TRUE(eventually(is_blocked, &pid));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	expect_stuck(_metadata, &self->s, pid, SUP_STAGE_BLOCKED);
	give.range = p.range;
	ASSERT_EQ(0, ioctl(p.fd, UFFDIO_ZEROPAGE, &give));
	ASSERT_EQ(0, pthread_join(writer, &failed));
	EXPECT_EQ(NULL, failed);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	EXPECT_EQ(pid, r.pid);
	EXPECT_EQ(SIGKILL, r.signal);
}

#define PATTERN "/proc/sys/kernel/core_pattern"

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -1;
}

static int read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n < 0 ? 0 : n] = 0;
	return n < 0;
}

FIXTURE(root) {
	struct sup s;
	struct group g;
	char folder[32], pattern[256];
	bool mounted;
};

FIXTURE_SETUP(root)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
	if (geteuid())
		SKIP(return, "needs root");
	strcpy(self->folder, "/tmp/sup.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->folder));
	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, STUCK, 0, STUCK_MS,
				       &self->g));
}

FIXTURE_TEARDOWN(root)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/sup", self->folder);
	if (self->pattern[0])
		write_file(PATTERN, self->pattern);
	if (self->mounted) {
		rmdir(path);
		umount(self->folder);
	}
	sup_close(&self->s);
}

static int fifo_in(const char *folder, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return mkfifo(path, 0600) ? -1 : open(path, O_RDWR | O_CLOEXEC);
}

TEST_F(root, dumping_its_core)
{
	char pattern[128], link[64];
	struct record r;
	int up, go;
	pid_t pid;

	if (read_file(PATTERN, self->pattern, sizeof(self->pattern)))
		SKIP(return, "this kernel dumps no cores");
	up = fifo_in(self->folder, "up");
	go = fifo_in(self->folder, "go");
	snprintf(link, sizeof(link), "%s/h", self->folder);
	ASSERT_EQ(0, symlink(helper_path(), link));
	snprintf(pattern, sizeof(pattern), "|%s dump %s", link, self->folder);
	ASSERT_EQ(0, write_file(PATTERN, pattern));
	pid = spawn_waiting();
	ASSERT_EQ(0, kill(pid, SIGQUIT));
	/* The handler runs, and does not read. */
	ASSERT_TRUE(told(up));
	expect_stuck(_metadata, &self->s, pid, SUP_STAGE_DUMPING);
	tell(go);
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	EXPECT_EQ(SIGQUIT, r.signal);
}

static int write_number(const char *path, int number)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", number);
	return write_file(path, text);
}

static bool is_frozen(void *arg)
{
	char state[16];

	read_file(arg, state, sizeof(state));
	return !strncmp(state, "FROZEN", 6);
}

TEST_F(root, frozen)
{
	char group[48], procs[64], state[64];
	struct record r;
	pid_t pid;

	/* The other freezer, of cgroup v2, lets who is killed go. */
	self->mounted = !mount("none", self->folder, "cgroup", 0, "freezer");
	if (!self->mounted)
		SKIP(return, "no freezer of cgroup v1 here");
	snprintf(group, sizeof(group), "%s/sup", self->folder);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", group);
	snprintf(state, sizeof(state), "%s/freezer.state", group);
	ASSERT_EQ(0, mkdir(group, 0755));
	pid = spawn_waiting();
	ASSERT_EQ(0, write_number(procs, pid));
	ASSERT_EQ(0, write_file(state, "FROZEN"));
	ASSERT_TRUE(eventually(is_frozen, state));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	expect_stuck(_metadata, &self->s, pid, SUP_STAGE_FROZEN);
	ASSERT_EQ(0, write_file(state, "THAWED"));
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
}

struct family {
	pid_t init;
	int go[2];
};

/* Has two in a new pid namespace, and does not reap them until it is told. */
static void neglect(void *arg)
{
	struct family *f = arg;
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		_exit(1);
	pid = fork();
	if (!pid)
		wait_for_signal(NULL);
	if (!spawn_waiting())
		_exit(2);
	__atomic_store_n(&f->init, pid, __ATOMIC_RELEASE);
	told(f->go[0]);
	while (wait(NULL) > 0)
		;
	_exit(0);
}

TEST_F(root, waiting_for_what_another_has_to_reap)
{
	struct family *f = shared_page();
	struct record r;
	pid_t pid;

	ASSERT_EQ(0, pipe(f->go));
	pid = spawn(neglect, f);
	ASSERT_TRUE(eventually(is_set, &f->init));
	ASSERT_EQ(0, kill(f->init, SIGKILL));
	/* It goes only after all of its namespace. */
	do {
		ASSERT_EQ(0, record_next(&self->s, &r, 10000));
		EXPECT_NE(f->init, r.kind == SUP_RECORD_KIND_EXIT ? r.pid : 0);
	} while (r.kind != SUP_RECORD_KIND_STUCK);
	EXPECT_EQ(f->init, r.pid);
	EXPECT_EQ(SUP_STAGE_EXITING, r.stage);
	tell(f->go[1]);
	ASSERT_EQ(0, record_exit_of(&self->s, f->init, &r));
	ASSERT_EQ(0, record_exit_of(&self->s, pid, &r));
	EXPECT_EQ(0, r.code);
}

TEST_F(sup, those_that_end_are_not_told)
{
	struct record r;
	int i, stuck = 0;
	pid_t pid;

	/* Long enough for any machine; that one is told proves the rest. */
	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, STUCK, 0, 1000,
				       &self->g));
	self->s.ack = self->g.id;
	for (i = 0; i < 100; i++)
		waitpid(spawn(exit_with, NULL), NULL, 0);
	pid = spawn_stopped();
	for (i = 0; i < 50; i++)
		waitpid(spawn(exit_with, NULL), NULL, 0);
	do {
		ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	} while (r.kind != SUP_RECORD_KIND_STUCK);
	EXPECT_EQ(pid, r.pid);
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	do {
		ASSERT_EQ(0, record_next(&self->s, &r, 10000));
		stuck += r.kind == SUP_RECORD_KIND_STUCK;
	} while (r.kind != SUP_RECORD_KIND_EXIT || r.pid != pid);
	EXPECT_EQ(0, stuck);
}

TEST_F(sup, nobody_asked)
{
	struct record r;
	struct group g;
	pid_t pid;

	/* A group beside it, where it is told, shows that the time is over. */
	ASSERT_EQ(0, group_new_telling(&self->s, CHILDREN, 0, 0, 10,
				       &self->g));
	pid = spawn_stopped();
	ASSERT_EQ(0, group_new_telling(&self->s, 0, STUCK, 0, STUCK_MS, &g));
	ASSERT_EQ(0, spawn_set(&self->s, g.id, PROCESS, 0));
	expect_stuck(_metadata, &self->s, spawn_stopped(), SUP_STAGE_TRACED);
	ASSERT_EQ(0, ptrace(PTRACE_CONT, pid, NULL, NULL));
	ASSERT_EQ(0, record_next(&self->s, &r, 10000));
	EXPECT_EQ(SUP_RECORD_KIND_EXIT, r.kind);
}

TEST_HARNESS_MAIN
