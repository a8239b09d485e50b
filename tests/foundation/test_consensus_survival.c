/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks that propose, that vote, and the supervisor of the runs are killed at
 * random, 1,000 times in all: no number is ever decided twice, what is kept is
 * never behind what somebody was told, and votes go on after each kill.
 *
 * usage: test_consensus_survival [SEED]
 */
#include "survival.h"

#define PROPOSERS 3
#define VOTERS 3

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
	if (is_away(ret) || wrong(ret))
		return;
	wrong(r.outcome == FND_CONSENSUS_LATE);
	if (r.outcome != FND_CONSENSUS_DECIDED)
		return;
	wrong(!is_new(r.number) || !is_kept(r.number));
	atomic_fetch_add(&survival.rounds, 1);
}

static int proposes(void *nth)
{
	uint64_t n = 0;

	(void)nth;
	while (!atomic_load(&survival.stop))
		propose(n++);
	return 0;
}

static void kill_voter(struct victims *v)
{
	unsigned int who = rand_r(&seed) % VOTERS;

	kill_and_wait((struct sup_pid){ atomic_load(&voters[who]) });
	atomic_store(&voters[who], start(votes, NULL).v);
	v->kills++;
}

static void a_thousand_kills(void **state)
{
	const struct sup_child_spec child = SURVIVAL_TASKS;
	struct victims v = {
		.run = proposes, .n = PROPOSERS,
		.services = { "fnd_tasks" }, .n_services = 1,
	};
	int i;

	(void)state;
	survival_start(&child, 1);
	for (i = 0; i < VOTERS; i++)
		atomic_store(&voters[i], start(votes, NULL).v);
	begin_victims(&v);
	while (v.kills < SLOWLY(1000)) {
		if (rand_r(&seed) % 2)
			kill_voter(&v);
		else
			kill_one(&v);
		await_round();
	}
	end_victims(&v);
	await_no_jobs();
	assert_int_equal(fnd_consensus_remove("c"), 0);
	assert_true(sup_is_alive(foundation));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(a_thousand_kills),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
