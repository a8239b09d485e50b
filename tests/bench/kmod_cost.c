// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The instructions that the module adds: to fork, exit and wait; to
 * pthread_create and join; to a signal.
 *
 * One process, the subject, does the same thing over and over, in the same
 * memory, and counts; another one changes the conditions around it. Conditions
 * alternate quickly, because the base itself drifts as the kernel's memory
 * ages: every turn measures each of them once, and a difference is taken
 * within its turn. A round is the median over its turns. The other processes
 * are the same under all conditions.
 *
 * Of a turn's samples a low one is taken, for what the higher ones have on top
 * is ticks of the timer, refills of caches and what others left to be done: for
 * a fork the lowest; for a thread and a signal the lower quartile, because now
 * and then a thread ends before it is joined, which is shorter.
 */
#include "bench.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TURNS 5	/* of a round; odd, for a median */
#define SAMPLES 48	/* of a turn, for each condition and kind */

enum condition { BASE, IDLE, NONMEMBER, MEMBER, NCONDITIONS };
enum kind { FORK, CLONE, SIGNAL, NKINDS };

/* What the subject is told; it answers with a byte. */
enum order { MEASURE_FORK, MEASURE_CLONE, MEASURE_SIGNAL, OWN, DISOWN };

static uint64_t *samples;
static int orders[2], answers[2];

/* The subject */

static struct sup owner = { .fd = -1 };
static struct group group;
static pid_t companion;		/* keeps the group from being empty */
static pid_t target;		/* of signals */
static int target_orders[2], target_answers[2];

static uint64_t fork_once(void)
{
	uint64_t start = insns();
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (waitpid(pid, NULL, 0) != pid)
		die("fork and wait");
	return insns() - start;
}

static void *nothing(void *arg)
{
	return arg;
}

static uint64_t clone_once(void)
{
	uint64_t start = insns();
	pthread_t thread;

	if (pthread_create(&thread, NULL, nothing, NULL) ||
	    pthread_join(thread, NULL))
		die("thread");
	return insns() - start;
}

/* Of a kind that queues, and that the target blocks: nothing else happens. */
static uint64_t signal_once(void)
{
	uint64_t start = insns();

	if (kill(target, SIGRTMIN))
		die("kill");
	return insns() - start;
}

static void tell(int fd, char c)
{
	if (write(fd, &c, 1) != 1)
		die("write");
}

static char hear(int fd)
{
	char c;

	if (read(fd, &c, 1) != 1)
		exit(0);
	return c;
}

static void run_target(void)
{
	struct timespec now = { 0, 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (;;) {
		tell(target_answers[1], 0);
		hear(target_orders[0]);
		while (sigtimedwait(&set, NULL, &now) == SIGRTMIN)
			;
	}
}

/* Not counted: the reader keeps up. */
static void after_sample(enum kind kind)
{
	if (kind == SIGNAL) {
		tell(target_orders[1], 0);
		hear(target_answers[0]);
	} else if (owner.fd >= 0) {
		drain(&owner, group.id, 0);
	}
}

static void measure(enum kind kind)
{
	static uint64_t (*const once[NKINDS])(void) = {
		[FORK] = fork_once,
		[CLONE] = clone_once,
		[SIGNAL] = signal_once,
	};
	int i;

	for (i = 0; i < SAMPLES; i++) {
		samples[i] = once[kind]();
		after_sample(kind);
	}
}

static void disown(void)
{
	int ret = group_del(&owner, group.id, true);

	if (ret)
		die("group-del: %d", ret);
	sup_close(&owner);
}

/* Records of the others' deaths are not what is measured: one stays alive. */
static void begin_to_own(void)
{
	own(&owner, &group, CHILDREN | THREADS);
	join(&owner, &group, companion);
}

static void run_subject(void)
{
	if (pipe(target_orders) || pipe(target_answers))
		die("pipe");
	target = fork();
	if (!target) {
		close(target_orders[1]);
		run_target();
	}
	hear(target_answers[0]);
	companion = child_new();
	for (;;) {
		tell(answers[1], 0);
		switch ((enum order)hear(orders[0])) {
		case MEASURE_FORK:
			measure(FORK);
			break;
		case MEASURE_CLONE:
			measure(CLONE);
			break;
		case MEASURE_SIGNAL:
			measure(SIGNAL);
			break;
		case OWN:
			begin_to_own();
			break;
		case DISOWN:
			disown();
			break;
		}
	}
}

/* The other one */

static pid_t bystander;		/* the member elsewhere */

static void order(enum order order)
{
	tell(orders[1], order);
	if (read(answers[0], &(char){ 0 }, 1) != 1)
		die("the subject is gone");
}

static void measure_all(double values[NKINDS])
{
	static const double share[NKINDS] = {
		[FORK] = 0,
		[CLONE] = 0.25,
		[SIGNAL] = 0.25,
	};
	enum kind kind;

	for (kind = 0; kind < NKINDS; kind++) {
		order((enum order)kind);
		values[kind] = quantile(samples, SAMPLES, share[kind]);
	}
}

static void one_turn(double values[NCONDITIONS][NKINDS])
{
	struct group elsewhere;
	struct sup s;

	measure_all(values[BASE]);
	module_load("unhook_delay=0");
	measure_all(values[IDLE]);
	own(&s, &elsewhere, CHILDREN);
	join(&s, &elsewhere, bystander);
	measure_all(values[NONMEMBER]);
	order(OWN);
	measure_all(values[MEMBER]);
	order(DISOWN);
	group_del(&s, elsewhere.id, true);
	sup_close(&s);
	module_unload();
}

static const char *const names[NCONDITIONS][NKINDS] = {
	[BASE] = { "process_base", "thread_base", "signal_base" },
	[IDLE] = { "kmod_idle_process_insns", "kmod_idle_thread_insns",
		   "idle_signal" },
	[NONMEMBER] = { "kmod_nonmember_process_insns",
			"kmod_nonmember_thread_insns", "kmod_signal_insns" },
	[MEMBER] = { "kmod_member_process_insns", "kmod_member_thread_insns",
		     "member_signal" },
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void one_round(int round)
{
	static double values[TURNS][NCONDITIONS][NKINDS];
	double diffs[TURNS];
	int turn, c, k;

	for (turn = 0; turn < TURNS; turn++)
		one_turn(values[turn]);
	for (c = 0; round && c < NCONDITIONS; c++) {
		for (k = 0; k < NKINDS; k++) {
			for (turn = 0; turn < TURNS; turn++)
				diffs[turn] = values[turn][c][k] -
					(c == BASE ? 0 : values[turn][BASE][k]);
			qsort(diffs, TURNS, sizeof(*diffs), compare);
			result(names[c][k], round, diffs[TURNS / 2]);
		}
	}
}

int main(void)
{
	int round;

	samples = shared(SAMPLES * sizeof(*samples));
	if (pipe(orders) || pipe(answers))
		die("pipe");
	if (!fork()) {
		close(orders[1]);
		run_subject();
	}
	hear(answers[0]);
	bystander = child_new();
	for (round = 0; round <= ROUNDS; round++)
		one_round(round);
	return 0;
}
