/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Children come and go while the module lacks memory. A request may be
 * refused, a child may be killed before it runs; but each child that ran has
 * its exit record, each that was killed is counted, the sequence has no gap,
 * and a refused request has left nothing behind. Speaks TAP.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup_nl.h"

#define ROUNDS		20
#define CHILDREN	100
#define TRIES		1000
#define DEADLINE_MS	60000

struct tally {
	int ran, killed;		/* as waitpid() has it */
	int told, told_killed;		/* as the records have it */
	int untracked, refused;
};

/* In memory that all rounds share, each of which is a process. */
static struct tally *total;

static bool lacks_memory(int err)
{
	return err == -ENOMEM || err == -ENOBUFS;
}

static int fail(const char *what, int err)
{
	printf("# %s: %s\n", what, strerror(err < 0 ? -err : err));
	return -1;
}

static int make_group(struct sup *s, struct group *g)
{
	int tries, ret = -EAGAIN;

	for (tries = 0; tries < TRIES; tries++) {
		ret = group_new(s, SUP_GROUP_FLAG_INHERIT_CHILDREN, 0, 0, g);
		if (!lacks_memory(ret))
			break;
		total->refused++;
	}
	return ret ? fail("group-new", ret) : 0;
}

static int acknowledge(struct sup *s, const struct group *g, uint64_t seq)
{
	int tries, ret = -EAGAIN;

	for (tries = 0; tries < TRIES; tries++) {
		ret = record_ack(s, g->id, seq);
		if (!lacks_memory(ret))
			break;
		total->refused++;
	}
	return ret ? fail("record-ack", ret) : 0;
}

/* Each ends by its number, or was killed before it could. */
static int run_children(struct tally *t)
{
	int i, status;
	pid_t pid;

	for (i = 0; i < CHILDREN; i++) {
		pid = fork();
		if (!pid)
			_exit(i);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return fail("fork", errno);
		if (WIFEXITED(status) && WEXITSTATUS(status) == i)
			t->ran++;
		else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			t->killed++;
		else
			return fail("a child ended by neither", EPROTO);
	}
	return 0;
}

static int read_records(struct sup *s, const struct group *g, struct tally *t)
{
	struct record r;
	uint64_t seq = 0;
	int ret;

	while (t->told < t->ran || t->told_killed < t->killed) {
		ret = record_next(s, &r, DEADLINE_MS);
		if (ret)
			return fail("a record is missing", ret);
		if (r.seq != ++seq)
			return fail("a gap in the sequence", EPROTO);
		if (r.kind == SUP_RECORD_KIND_EXIT)
			t->told++;
		if (r.kind == SUP_RECORD_KIND_OVERFLOW) {
			t->told_killed += r.killed;
			t->untracked += r.untracked;
		}
		if (seq % 8 == 0 && acknowledge(s, g, seq))
			return -1;
	}
	return 0;
}

static void add_up(const struct tally *t)
{
	total->ran += t->ran;
	total->killed += t->killed;
	total->told += t->told;
	total->told_killed += t->told_killed;
	total->untracked += t->untracked;
}

static int one_round(void)
{
	struct tally t = { 0 };
	struct group g;
	struct sup s;
	int ret;

	ret = sup_open(&s);
	if (ret)
		return fail("no family \"sup\"", ret);
	if (make_group(&s, &g))
		return -1;
	ret = run_children(&t);
	if (!ret)
		ret = read_records(&s, &g, &t);
	add_up(&t);
	return ret;
}

static bool round_is_good(void)
{
	pid_t pid = fork();
	int status, ret;

	if (!pid) {
		ret = one_round();
		fflush(stdout);
		_exit(ret ? 1 : 0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static int report(int n, bool good, const char *name)
{
	printf("%sok %d %s\n", good ? "" : "not ", n, name);
	return good ? 0 : 1;
}

int main(void)
{
	int i = 0, bad = 0;

	total = mmap(NULL, sizeof(*total), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (total == MAP_FAILED)
		return 1;
	printf("TAP version 13\n1..4\n");
	fflush(stdout);
	while (i < ROUNDS && round_is_good())
		i++;
	printf("# %d children ran, %d were killed, %d requests refused\n",
	       total->ran, total->killed, total->refused);
	bad |= report(1, i == ROUNDS, "every request is served in the end");
	bad |= report(2, total->ran > 0 && total->told == total->ran,
		      "each child that ran has its exit record");
	bad |= report(3, total->told_killed == total->killed,
		      "each child that did not run is counted");
	bad |= report(4, !total->untracked, "no process is untracked");
	return bad;
}
