/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every program here begins with: a process that owns one group. Each
 * test is a process of its own, so at its end its group goes, with what it
 * has left behind.
 */
#ifndef SUP_TEST_H
#define SUP_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"

#include "sup_nl.h"
#include "sup_proc.h"

/*
 * Seconds, for what hangs and not for what is slow: an emulated CPU under all
 * of the kernel's checkers takes minutes for what others do in seconds.
 */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 900

#define THREADS SUP_GROUP_FLAG_INHERIT_THREADS
#define CHILDREN SUP_GROUP_FLAG_INHERIT_CHILDREN
#define PROCESS SUP_MEMBER_KIND_PROCESS
#define THREAD SUP_MEMBER_KIND_THREAD

FIXTURE(sup) {
	struct sup s;
	struct group g;
};

/* Tests make their group themselves, with the flags that they are about. */
FIXTURE_SETUP(sup)
{
	int ret = sup_open(&self->s);

	if (ret == -ENOENT)
		SKIP(return, "sup.ko is not loaded");
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(sup)
{
	sup_close(&self->s);
}

static inline pid_t spawn(void (*fn)(void *arg), void *arg)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	fn(arg);
	_exit(0);
}

static inline void exit_with(void *arg)
{
	_exit((int)(long)arg);
}

static inline void wait_for_signal(void *arg)
{
	for (;;)
		pause();
}

static inline pid_t spawn_waiting(void)
{
	return spawn(wait_for_signal, NULL);
}

/* Numbers that processes and threads give each other without a pipe. */
static inline void *shared_page(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? NULL : page;
}

static inline void tell(int fd)
{
	if (write(fd, "", 1) != 1)
		abort();
}

/* False if the other end was closed instead. */
static inline bool told(int fd)
{
	char c;

	return read(fd, &c, 1) == 1;
}

#endif
