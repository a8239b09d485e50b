/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks that propose, that vote, and the supervisor of the runs are killed at
 * random, 300 times in all: no number is ever decided twice, what is kept is
 * never behind what somebody was told, and votes go on after each kill.
 *
 * usage: test_consensus_survival [SEED]
 */
#include "foundation.h"

#include <stdio.h>
#include <unistd.h>

#define PROPOSERS 3
#define VOTERS 3

static unsigned int seed;
static _Atomic bool stop;
static _Atomic int faults;
static _Atomic uint64_t decisions;	/* that somebody was told of */
static _Atomic uint64_t voters[VOTERS];
static _Atomic uint64_t told[1024];	/* the last number of each place */

static int votes(void *arg)
{
	struct fnd_proposal p;
	struct sup_info info;

	(void)arg;
	while (!sup_receive(&info, SUP_FOREVER)) {
		if (info.msg.tag == FND_PROPOSAL)
			memcpy(&p, info.msg.data, sizeof(p));
		sup_msg_free(&info.msg);
		/* A safe point, which may end us. */
		if (info.msg.tag == FND_PROPOSAL)
			fnd_consensus_vote(&p, true);
	}
	return 0;
}

/* A number is greater than any other that had its place before. */
static bool is_new(uint64_t number)
{
	return atomic_exchange(&told[number % N_OF(told)], number) < number;
}

static bool is_kept(uint64_t number)
{
	uint64_t last;

	return !fnd_consensus_get("c", NULL, NULL, &last) && last >= number;
}

static void propose(uint64_t value)
{
	struct fnd_consensus_result r;
	struct sup_pid pids[VOTERS];
	const struct fnd_consensus c = {
		.participants = pids, .n = VOTERS, .needed = 1,
		.value = &value, .len = sizeof(value),
	};
	int i, ret;

	for (i = 0; i < VOTERS; i++)
		pids[i].v = atomic_load(&voters[i]);
	ret = fnd_consensus_propose("c", &c, LONG, &r);
	if (ret == -ENOTCONN || ret == -EPIPE)
		return;
	if (ret || r.outcome == FND_CONSENSUS_LATE)
		atomic_fetch_add(&faults, 1);
	if (ret || r.outcome != FND_CONSENSUS_DECIDED)
		return;
	if (!is_new(r.number) || !is_kept(r.number))
		atomic_fetch_add(&faults, 1);
	atomic_fetch_add(&decisions, 1);
}

static int proposes(void *arg)
{
	uint64_t n = 0;

	(void)arg;
	while (!atomic_load(&stop))
		propose(n++);
	return 0;
}

/* A supervisor that does not mind how often. */
static struct sup_pid start_tasks(void)
{
	static const struct sup_dynamic_spec tasks = {
		.size = sizeof(tasks), .name = "fnd_tasks", .reg = true,
	};
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "tasks",
		.start = sup_dynamic_start, .arg = &tasks,
		.type = SUP_SUPERVISOR,
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = &child, .n_children = 1,
		.intensity = 1000000,
	};
	struct sup_pid pid;

	assert_int_equal(sup_supervisor_start(&spec, &pid), 0);
	return pid;
}

static void await_decision(void)
{
	uint64_t before = atomic_load(&decisions);
	int64_t limit = LONG;

	while (atomic_load(&decisions) == before && !atomic_load(&faults))
		assert_true(sup_deadline_ms(0) < limit);
	assert_int_equal(atomic_load(&faults), 0);
}

static void kill_one(struct sup_pid *pids)
{
	unsigned int who = rand_r(&seed) % (PROPOSERS + VOTERS + 2);
	struct sup_pid pid;

	if (who < PROPOSERS) {
		kill_and_wait(pids[who]);
		pids[who] = start(proposes, NULL);
	} else if (who < PROPOSERS + VOTERS) {
		who -= PROPOSERS;
		pid.v = atomic_load(&voters[who]);
		kill_and_wait(pid);
		atomic_store(&voters[who], start(votes, NULL).v);
	} else if (sup_whereis("fnd_tasks").v) {
		kill_and_wait(sup_whereis("fnd_tasks"));
	}
}

static void three_hundred_kills(void **state)
{
	struct sup_pid pids[PROPOSERS], top;
	int i;

	(void)state;
	top = start_tasks();
	for (i = 0; i < VOTERS; i++)
		atomic_store(&voters[i], start(votes, NULL).v);
	for (i = 0; i < PROPOSERS; i++)
		pids[i] = start(proposes, NULL);
	for (i = 0; i < SLOWLY(300); i++) {
		await_decision();
		kill_one(pids);
	}
	await_decision();
	atomic_store(&stop, true);
	for (i = 0; i < PROPOSERS; i++)
		assert_int_equal(end_of(pids[i]).kind, SUP_REASON_NORMAL);
	assert_int_equal(fnd_consensus_remove("c"), 0);
	assert_true(sup_is_alive(top));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(three_hundred_kills),
	};

	sup_set_log_level(-1);
	seed = argc > 1 ? strtoul(argv[1], NULL, 10) : (unsigned int)getpid();
	print_message("seed %u\n", seed);
	return RUN_TESTS(tests);
}
