// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an exit costs an owner that watches 10,000 processes, against one that
 * watches 10: from right before the exit until the owner has read the record
 * and acknowledged it. The process that exits shares the owner's memory, so
 * that the kernel has little else to do.
 */
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FEW 10
#define MANY 10000
#define SAMPLES 64
#define STACK 4096	/* of a watched one */
#define LARGE_STACK (4 * STACK)

static struct sup s;
static struct group g;
static pid_t owner;
static char *stacks;		/* of the watched; the last, of who exits */
static pid_t watched[MANY];
static uint64_t start;

static int run_watched(void *arg)
{
	for (;;)
		pause();
	return arg != NULL;
}

static int run_exiting(void *arg)
{
	wait_asleep(owner);
	start = insns();
	syscall(SYS_exit_group, 0);
	return arg != NULL;
}

static pid_t begin(int (*fn)(void *arg), char *stack)
{
	pid_t pid = clone(fn, stack, CLONE_VM | SIGCHLD, NULL);

	if (pid < 0)
		die("clone");
	return pid;
}

static void reap(pid_t pid)
{
	if (waitpid(pid, NULL, 0) != pid)
		die("wait");
}

static void watch(int from, int to)
{
	int i;

	for (i = from; i < to; i++)
		watched[i] = begin(run_watched, stacks + (i + 1) * STACK);
}

static void unwatch(int from, int to)
{
	int i;

	for (i = from; i < to; i++) {
		kill(watched[i], SIGKILL);
		reap(watched[i]);
		if (i % 32 == 0)
			drain(&s, g.id, 0);
	}
	drain(&s, g.id, 0);
}

static uint64_t sample(void)
{
	pid_t pid = begin(run_exiting, stacks + MANY * STACK + LARGE_STACK);
	struct cause c;
	uint64_t end;

	do {
		cause_recv(&s, &c);
	} while (c.pid != (uint32_t)pid);
	if (record_ack(&s, g.id, c.seq))
		die("record-ack");
	end = insns();
	reap(pid);
	return end - start;
}

static double median(void)
{
	static uint64_t samples[SAMPLES];
	int i;

	for (i = 0; i < SAMPLES; i++)
		samples[i] = sample();
	return quantile(samples, SAMPLES, 0.5);
}

int main(void)
{
	double few, many;
	int round;

	owner = getpid();
	stacks = shared(MANY * STACK + LARGE_STACK);
	module_load("");
	own(&s, &g, CHILDREN);
	watch(0, FEW);
	for (round = 0; round <= ROUNDS; round++) {
		few = median();
		watch(FEW, MANY);
		many = median();
		unwatch(FEW, MANY);
		if (!round)
			continue;
		result("watch_few", round, few);
		result("watch_many", round, many);
		result("kmod_watch_10k", round, many / few);
	}
	unwatch(0, FEW);
	sup_close(&s);
	module_unload();
	return 0;
}
