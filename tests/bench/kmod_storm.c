// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exits, as fast as they can be made, and readers that stand still for
 * the first third of them, are slow in the second, and catch up in the last:
 * one of the module's records, one of the proc connector. What is lost is what
 * ran and was not told of; with raised limits, what was begun and was not.
 *
 * usage: kmod_storm EXITS MAX_RECORDS	the module's limit; 0: the default
 */
#include "bench.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 2
#define LIMIT_MS 60000
#define STEP 64		/* exits, after which a slow reader reads once */

enum phase { STALLED, SLOW, RESUMED, OVER };

struct storm {
	uint32_t phase;
	uint32_t step;
	uint32_t begun, ran;
	uint32_t seen;		/* exits that the connector told */
	uint32_t no_room;	/* how often it said that it lost some */
};

static struct storm *storm;
static uint32_t exits;

static uint32_t get(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static uint32_t add(uint32_t *word)
{
	return __atomic_add_fetch(word, 1, __ATOMIC_ACQ_REL);
}

static int run_child(void *arg)
{
	add(arg);
	_exit(0);
}

/*
 * One that makes children that end at once, and the kernel reaps. They share
 * all that processes can, so that most of the time goes into exits.
 */
static void work(void)
{
	const int flags = CLONE_VM | CLONE_VFORK | CLONE_FS | CLONE_FILES;
	static char stack[8192] __attribute__((aligned(16)));
	uint32_t n;

	signal(SIGCHLD, SIG_IGN);
	while ((n = add(&storm->begun)) <= exits) {
		if (clone(run_child, stack + sizeof(stack), flags | SIGCHLD,
			  &storm->ran) < 0)
			die("clone");
		if (n == exits / 3)
			word_set(&storm->phase, SLOW);
		else if (n == exits / 3 * 2)
			word_set(&storm->phase, RESUMED);
		if (n % STEP == 0)
			word_set(&storm->step, n);
	}
}

/* Calls read_once as the phase demands, until it is no more a slow one. */
static void read_slowly(void (*read_once)(void *arg), void *arg)
{
	uint32_t step = 0;

	word_wait(&storm->phase, STALLED);
	while (get(&storm->phase) == SLOW) {
		word_wait(&storm->step, step);
		step = get(&storm->step);
		read_once(arg);
	}
}

static void connector_once(void *arg)
{
	pid_t pid = connector_recv(*(int *)arg, MSG_DONTWAIT);

	if (pid > 0)
		storm->seen++;
	else if (pid == -ENOBUFS)
		storm->no_room++;
}

static pid_t start_connector(void)
{
	int fd = connector_open();
	pid_t pid = fork();

	if (pid)
		return pid;
	read_slowly(connector_once, &fd);
	for (;;) {
		pid = connector_recv(fd, get(&storm->phase) == OVER ?
					 MSG_DONTWAIT : 0);
		if (pid > 0)
			storm->seen++;
		else if (pid == -ENOBUFS)
			storm->no_room++;
		else if (pid == -EAGAIN)
			_exit(0);
	}
}

/* What the owner has counted. */
struct told {
	struct sup s;
	struct group g;
	uint64_t seq;
	uint32_t exits, killed, untracked, empty;
};

/* False if there was none in time. */
static bool read_record(struct told *t, int timeout_ms)
{
	struct record r;
	int ret = record_next(&t->s, &r, timeout_ms);

	if (ret == -ETIMEDOUT)
		return false;
	if (ret || r.seq != t->seq + 1) {
		errno = -ret;
		die("record %ju comes after %ju", (uintmax_t)r.seq,
		    (uintmax_t)t->seq);
	}
	t->seq = r.seq;
	t->exits += r.kind == SUP_RECORD_KIND_EXIT;
	t->empty += r.kind == SUP_RECORD_KIND_GROUP_EMPTY;
	if (r.kind == SUP_RECORD_KIND_OVERFLOW) {
		t->killed += r.killed;
		t->untracked += r.untracked;
	}
	return true;
}

static void record_once(void *arg)
{
	read_record(arg, 0);
}

static void reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		die("a process of the storm: %#x", status);
}

static void run(struct told *t, pid_t connector)
{
	pid_t workers[WORKERS];
	int i;

	for (i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (!workers[i]) {
			work();
			_exit(0);
		}
	}
	read_slowly(record_once, t);
	/* The group is empty once, when the workers have ended. */
	while (!t->empty)
		if (!read_record(t, LIMIT_MS))
			die("no record in %d ms", LIMIT_MS);
	for (i = 0; i < WORKERS; i++)
		reap(workers[i]);
	word_set(&storm->phase, OVER);
	/* An event for a connector that waits for one. */
	reap(fork() ?: (_exit(0), 0));
	reap(connector);
}

int main(int argc, char **argv)
{
	struct told t = { 0 };
	char params[64] = "";
	pid_t connector;
	long lost;

	if (argc != 3)
		return 100;
	exits = atoi(argv[1]);
	if (atoi(argv[2]))
		snprintf(params, sizeof(params),
			 "max_records=%d max_group_records=%d",
			 atoi(argv[2]), atoi(argv[2]));
	storm = shared(sizeof(*storm));
	module_load(params);
	/* Not a member: it is there before the group. */
	connector = start_connector();
	own(&t.s, &t.g, CHILDREN);
	t.s.ack = t.g.id;
	run(&t, connector);
	lost = (long)(params[0] ? exits : storm->ran) + WORKERS - t.exits;
	printf("storm of %d exits, max_records %s: ran %u, told %u, "
	       "killed unborn %u, untracked %u\n", exits,
	       params[0] ? argv[2] : "default", storm->ran + WORKERS, t.exits,
	       t.killed, t.untracked);
	printf("proc connector: told %u, ENOBUFS %u times\n", storm->seen,
	       storm->no_room);
	result(params[0] ? "kmod_storm_lost" : "kmod_storm_untracked", 1, lost);
	result(params[0] ? "cn_proc_storm_lost" : "cn_proc_default_lost", 1,
	       (double)storm->ran + WORKERS - storm->seen);
	sup_close(&t.s);
	module_unload();
	return 0;
}
