/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Consensus: what is decided by which votes, and what becomes of the run. */
#include "foundation.h"

/* One who may vote: how it does, and what it has heard. */
struct voter {
	enum how { IN_FAVOUR, AGAINST, SILENT, TWICE, WHEN_TOLD } how;
	_Atomic int asked, told;
	_Atomic int heard;		/* the outcome, + 1 */
	_Atomic uint64_t number;	/* that of the last proposal */
	struct sup_pid pid;
};

static int votes(void *arg)
{
	struct fnd_proposal last;
	struct fnd_decision d;
	struct voter *v = arg;
	struct sup_info info;
	int ret;

	while (!sup_receive(&info, SUP_FOREVER)) {
		ret = 0;
		if (info.msg.tag == FND_PROPOSAL)
			memcpy(&last, info.msg.data, sizeof(last));
		if (info.msg.tag == FND_DECISION)
			memcpy(&d, info.msg.data, sizeof(d));
		/* To vote is a safe point, which may end us. */
		sup_msg_free(&info.msg);
		if (info.msg.tag == FND_PROPOSAL) {
			atomic_store(&v->number, last.number);
			if (v->how != SILENT && v->how != WHEN_TOLD)
				ret = fnd_consensus_vote(&last,
							 v->how != AGAINST);
			if (v->how == TWICE)
				fnd_consensus_vote(&last, false);
			atomic_fetch_add(&v->asked, 1);
		} else if (info.msg.tag == FND_DECISION) {
			atomic_store(&v->heard, d.outcome + 1);
			atomic_fetch_add(&v->told, 1);
		} else {
			ret = fnd_consensus_vote(&last, true);
		}
		/* The vote may have been decided without this one. */
		if (ret && ret != -ESRCH)
			return -1;
	}
	return -1;
}

static struct voter voters[8];
static struct sup_pid pids[8];

static void start_voters(size_t n, const enum how *how)
{
	size_t i;

	memset(voters, 0, sizeof(voters));
	for (i = 0; i < n; i++) {
		voters[i].how = how[i];
		pids[i] = voters[i].pid = start(votes, &voters[i]);
	}
}

static struct fnd_consensus of(size_t n)
{
	return (struct fnd_consensus){
		.participants = pids, .n = n, .value = "v", .len = 1,
	};
}

static struct fnd_consensus_result propose(const struct fnd_consensus *c,
					   int64_t ms)
{
	struct fnd_consensus_result r = { .outcome = 99 };

	assert_int_equal(fnd_consensus_propose("c", c, sup_deadline_ms(ms),
					       &r), 0);
	return r;
}

#define LATER 30000

static int tear_down_consensus(void **state)
{
	fnd_consensus_remove("c");
	return tear_down(state);
}

#define CONSENSUS_CASE(f) cmocka_unit_test_setup_teardown(f, \
	set_up_foundation, tear_down_consensus)

static void what_enough_are_for_is_decided(void **state)
{
	const enum how how[] = { IN_FAVOUR, IN_FAVOUR, IN_FAVOUR };
	struct fnd_consensus c = of(3);
	struct fnd_consensus_result r;
	uint64_t number;
	void *value;
	size_t len, i;

	(void)state;
	start_voters(3, how);
	assert_int_equal(fnd_consensus_get("c", &value, &len, &number),
			 -ENOENT);
	r = propose(&c, LATER);
	assert_int_equal(r.outcome, FND_CONSENSUS_DECIDED);
	assert_int_equal(r.number, 1);
	assert_in_range(r.in_favour, 2, 3);
	assert_int_equal(r.against + r.ended, 0);
	c.value = "another";
	c.len = 7;
	c.needed = 3;
	r = propose(&c, LATER);
	assert_int_equal(r.outcome, FND_CONSENSUS_DECIDED);
	assert_int_equal(r.number, 2);
	assert_int_equal(r.in_favour, 3);
	assert_int_equal(fnd_consensus_get("c", &value, &len, &number), 0);
	assert_int_equal(number, 2);
	assert_int_equal(len, 7);
	assert_memory_equal(value, "another", 7);
	free(value);
	for (i = 0; i < 3; i++) {
		AWAIT(atomic_load(&voters[i].told) == 2);
		assert_int_equal(voters[i].heard, FND_CONSENSUS_DECIDED + 1);
		assert_int_equal(voters[i].number, 2);
	}
	assert_int_equal(fnd_consensus_remove("c"), 0);
	assert_int_equal(fnd_consensus_remove("c"), -ENOENT);
	assert_int_equal(propose(&c, LATER).number, 1);
}

/* Upstream's fault: others always accept. */
static void votes_are_real(void **state)
{
	const enum how how[] = { IN_FAVOUR, AGAINST, AGAINST };
	struct fnd_consensus c = of(3);
	struct fnd_consensus_result r;
	uint64_t number;

	(void)state;
	start_voters(3, how);
	r = propose(&c, LATER);
	assert_int_equal(r.outcome, FND_CONSENSUS_REJECTED);
	assert_int_equal(r.number, 0);
	assert_int_equal(r.against, 2);
	assert_int_equal(fnd_consensus_get("c", NULL, NULL, &number),
			 -ENOENT);
	AWAIT(atomic_load(&voters[1].told) == 1);
	assert_int_equal(voters[1].heard, FND_CONSENSUS_REJECTED + 1);
	/* One of them is enough against all. */
	c.n = 2;
	assert_int_equal(propose(&c, LATER).outcome, FND_CONSENSUS_REJECTED);
	c.needed = 1;
	assert_int_equal(propose(&c, LATER).outcome, FND_CONSENSUS_DECIDED);
}

static void check_upstream_one_of_three_may_be_dead_but_not_two(void **state)
{
	const enum how how[] = { IN_FAVOUR, IN_FAVOUR, IN_FAVOUR };
	struct fnd_consensus c = of(3);
	struct fnd_consensus_result r;

	(void)state;
	start_voters(3, how);
	kill_and_wait(pids[0]);
	assert_int_equal(propose(&c, LATER).outcome, FND_CONSENSUS_DECIDED);
	kill_and_wait(pids[1]);
	/* Nobody waits for the dead. */
	r = propose(&c, LATER);
	assert_int_equal(r.outcome, FND_CONSENSUS_REJECTED);
	assert_int_equal(r.ended, 2);
	c.n = 0;
	assert_int_equal(propose(&c, LATER).outcome, FND_CONSENSUS_REJECTED);
}

static void who_is_silent_is_not_waited_for_for_ever(void **state)
{
	const enum how how[] = { IN_FAVOUR, SILENT, SILENT };
	struct fnd_consensus c = of(3);
	struct fnd_consensus_result r;

	(void)state;
	start_voters(3, how);
	r = propose(&c, 50);
	assert_int_equal(r.outcome, FND_CONSENSUS_LATE);
	assert_true(r.silent >= 2);
	c.needed = 1;
	assert_int_equal(propose(&c, LATER).outcome, FND_CONSENSUS_DECIDED);
}

struct proposer {
	struct fnd_consensus_result result;
	struct fnd_consensus consensus;
	int ret;
};

static int proposes(void *arg)
{
	struct proposer *p = arg;

	p->ret = fnd_consensus_propose("c", &p->consensus, LONG, &p->result);
	return 0;
}

static void who_ends_before_its_vote_has_not_voted(void **state)
{
	const enum how how[] = { IN_FAVOUR, SILENT, SILENT };
	struct proposer p = { .consensus = of(3) };
	struct sup_pid pid;

	(void)state;
	start_voters(3, how);
	pid = start(proposes, &p);
	AWAIT(atomic_load(&voters[1].asked) && atomic_load(&voters[2].asked));
	kill_and_wait(pids[1]);
	kill_and_wait(pids[2]);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	assert_int_equal(p.ret, 0);
	assert_int_equal(p.result.outcome, FND_CONSENSUS_REJECTED);
	assert_int_equal(p.result.ended, 2);
}

/* Its one place is taken until it looks. */
static int is_slow(void *arg)
{
	_Atomic int *step = arg;
	struct fnd_proposal p;
	struct sup_info info;

	while (atomic_load(step) < 2)
		sup_checkpoint();
	for (;;) {
		EXPECT(!sup_receive(&info, SUP_FOREVER));
		if (info.msg.tag == FND_PROPOSAL)
			memcpy(&p, info.msg.data, sizeof(p));
		sup_msg_free(&info.msg);
		if (info.msg.tag == FND_PROPOSAL)
			fnd_consensus_vote(&p, true);
	}
}

static void who_has_no_room_is_asked_when_it_has(void **state)
{
	_Atomic int step = 0;
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = is_slow, .arg = &step,
		.mailbox = 1,
	};
	struct proposer p = { .consensus = of(1) };
	struct sup_msg msg = { .tag = 1 };
	struct sup_child_counts counts;
	struct sup_pid pid;
	int ret;

	(void)state;
	assert_int_equal(sup_thread_start(&spec, &pids[0]), 0);
	do {
		ret = sup_send(pids[0], &msg, SUP_TRY);
	} while (!ret);
	assert_int_equal(ret, -EAGAIN);
	pid = start(proposes, &p);
	do {
		assert_int_equal(sup_count_children(fnd_task_supervisor(),
						    &counts), 0);
	} while (!counts.active);
	atomic_store(&step, 2);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	assert_int_equal(p.ret, 0);
	assert_int_equal(p.result.outcome, FND_CONSENSUS_DECIDED);
}

static void a_first_vote_counts(void **state)
{
	const enum how how[] = { TWICE, TWICE, TWICE };
	struct fnd_consensus c = of(3);
	struct fnd_consensus_result r;

	(void)state;
	start_voters(3, how);
	c.needed = 3;
	r = propose(&c, LATER);
	assert_int_equal(r.outcome, FND_CONSENSUS_DECIDED);
	assert_int_equal(r.in_favour, 3);
}

static int proposes_among_others(void *arg)
{
	struct fnd_consensus c = of(2);
	struct fnd_consensus_result r;

	(void)arg;
	pids[1] = sup_self();
	EXPECT(!fnd_consensus_propose("c", &c, LONG, &r));
	EXPECT(r.outcome == FND_CONSENSUS_DECIDED && r.in_favour == 2);
	pids[1] = pids[0];
	EXPECT(fnd_consensus_propose("c", &c, LONG, &r) == -EINVAL);
	return 0;
}

static void who_proposes_is_for_it(void **state)
{
	const enum how how[] = { IN_FAVOUR };

	(void)state;
	start_voters(1, how);
	run_with(proposes_among_others, NULL);
}

#define ROUNDS 20

/* Proposes its number as often; how often that was decided. */
static int insists(int nth, void *arg)
{
	struct fnd_consensus c = of(5);
	struct fnd_consensus_result r;
	_Atomic uint64_t *decided = arg;
	int i;

	c.value = &nth;
	c.len = sizeof(nth);
	for (i = 0; i < ROUNDS; i++) {
		EXPECT(!fnd_consensus_propose("c", &c, LONG, &r));
		EXPECT(r.outcome == FND_CONSENSUS_DECIDED ||
		       r.outcome == FND_CONSENSUS_OUTDATED);
		/* Each number is decided once. */
		if (r.outcome == FND_CONSENSUS_DECIDED)
			EXPECT(!atomic_exchange(&decided[r.number], 1));
	}
	return 0;
}

static void of_two_at_once_one_is_decided(void **state)
{
	const enum how how[] = {
		IN_FAVOUR, IN_FAVOUR, IN_FAVOUR, IN_FAVOUR, IN_FAVOUR,
	};
	static _Atomic uint64_t decided[8 * ROUNDS + 1];
	uint64_t number, i;

	(void)state;
	memset(decided, 0, sizeof(decided));
	start_voters(5, how);
	assert_int_equal(crowd(8, insists, decided), 8);
	assert_int_equal(fnd_consensus_get("c", NULL, NULL, &number), 0);
	assert_in_range(number, 1, 8 * ROUNDS);
	for (i = 1; i <= number; i++)
		assert_int_equal(decided[i], 1);
	for (; i <= 8 * ROUNDS; i++)
		assert_int_equal(decided[i], 0);
}

static bool is_decided(void)
{
	return !fnd_consensus_get("c", NULL, NULL, NULL);
}

static void a_run_outlives_its_caller(void **state)
{
	const enum how how[] = { WHEN_TOLD };
	struct proposer p = { .consensus = of(1) };
	struct sup_msg go = { .tag = 1 };
	struct sup_pid pid;

	(void)state;
	start_voters(1, how);
	pid = start(proposes, &p);
	AWAIT(atomic_load(&voters[0].asked) == 1);
	kill_and_wait(pid);
	assert_false(is_decided());
	assert_int_equal(sup_send(pids[0], &go, LONG), 0);
	AWAIT(is_decided());
	AWAIT(atomic_load(&voters[0].told) == 1);
}

static void a_run_that_is_ended_is_told_of(void **state)
{
	const enum how how[] = { SILENT };
	struct proposer p = { .consensus = of(1) };
	struct sup_pid pid;

	(void)state;
	start_voters(1, how);
	pid = start(proposes, &p);
	AWAIT(atomic_load(&voters[0].asked) == 1);
	restart_by_kill("fnd_tasks");
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	assert_int_equal(p.ret, -EPIPE);
	assert_false(is_decided());
}

static void bad_arguments(void **state)
{
	struct fnd_consensus c = { .value = "v", .len = 1 };
	struct fnd_proposal proposal = { .id = 1 };
	struct fnd_consensus_result r;

	(void)state;
	assert_int_equal(fnd_consensus_propose("", &c, LONG, &r), -EINVAL);
	assert_int_equal(fnd_consensus_propose("c", &c, LONG, &r), -ENOTCONN);
	c.needed = 1;
	assert_int_equal(fnd_consensus_propose("c", &c, LONG, &r), -EINVAL);
	c.needed = 0;
	c.len = FND_CONSENSUS_VALUE_MAX + 1;
	assert_int_equal(fnd_consensus_propose("c", &c, LONG, &r), -E2BIG);
	c.n = FND_CONSENSUS_TASKS_MAX + 1;
	assert_int_equal(fnd_consensus_propose("c", &c, LONG, &r), -EINVAL);
	assert_int_equal(fnd_consensus_vote(&proposal, true), -EPERM);
	assert_int_equal(fnd_consensus_get("", NULL, NULL, NULL), -EINVAL);
	assert_int_equal(fnd_consensus_remove(NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CONSENSUS_CASE(what_enough_are_for_is_decided),
		CONSENSUS_CASE(votes_are_real),
		CONSENSUS_CASE(
			check_upstream_one_of_three_may_be_dead_but_not_two),
		CONSENSUS_CASE(who_is_silent_is_not_waited_for_for_ever),
		CONSENSUS_CASE(who_ends_before_its_vote_has_not_voted),
		CONSENSUS_CASE(who_has_no_room_is_asked_when_it_has),
		CONSENSUS_CASE(a_first_vote_counts),
		CONSENSUS_CASE(who_proposes_is_for_it),
		CONSENSUS_CASE(of_two_at_once_one_is_decided),
		CONSENSUS_CASE(a_run_outlives_its_caller),
		CONSENSUS_CASE(a_run_that_is_ended_is_told_of),
		CASE(bad_arguments),
	};

	return RUN_TESTS(tests);
}
