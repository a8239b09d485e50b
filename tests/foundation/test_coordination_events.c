/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of locks, barriers, elections, consensus and counters. */
#include "fail_memory.h"
#include "told.h"

#define LOCK "foundation.coordination.lock."
#define BARRIER "foundation.coordination.barrier."
#define ELECTION "foundation.coordination.election."
#define CONSENSUS "foundation.coordination.consensus."
#define COUNTER "foundation.coordination.counter."

static int set_up_listening(void **state)
{
	int ret = set_up_foundation(state);

	if (!ret)
		listen_to_events();
	return ret;
}

static int tear_down_listening(void **state)
{
	listen_no_more();
	return tear_down(state);
}

#define LISTENING_CASE(f) cmocka_unit_test_setup_teardown(f, \
	set_up_listening, tear_down_listening)

static int locks_and_errs(void *arg)
{
	uint64_t token;

	(void)arg;
	EXPECT(!fnd_lock_acquire("l", LONG, &token));
	EXPECT(fnd_lock_acquire("l", LONG, &token) == -EDEADLK);
	EXPECT(strstr(sup_error(), "the caller has the lock"));
	EXPECT(fnd_lock_release("l", token + 1) == -EPERM);
	EXPECT(!fnd_lock_release("l", token));
	return 0;
}

static void of_a_lock(void **state)
{
	(void)state;
	run_with(locks_and_errs, NULL);
	assert_int_equal(heard(LOCK "request", "lock=l"), 2);
	assert_int_equal(heard(LOCK "acquire_duration", "lock=l"), 1);
	assert_true(heard_sum(LOCK "acquire_duration") >= 0);
	assert_int_equal(heard(LOCK "release_duration", "lock=l"), 1);
	assert_int_equal(heard(LOCK "errors", "lock=l"), 2);
	assert_int_equal(heard(LOCK "errors", "error=EDEADLK"), 1);
	assert_int_equal(heard(LOCK "errors", "error=EPERM"), 1);
}

static int meets_another(int nth, void *arg)
{
	(void)nth;
	(void)arg;
	EXPECT(!fnd_barrier_wait("b", 2, LONG, NULL));
	return 0;
}

static void of_a_barrier(void **state)
{
	(void)state;
	assert_int_equal(crowd(2, meets_another, NULL), 2);
	assert_int_equal(heard(BARRIER "wait", "barrier=b"), 2);
	assert_int_equal(heard(BARRIER "duration", "barrier=b"), 2);
	assert_true(heard_sum(BARRIER "duration") >= 0);
	/* There is nobody else. */
	assert_int_equal(fnd_barrier_wait("b", 2, sup_deadline_ms(1), NULL),
			 -ETIMEDOUT);
	assert_int_equal(heard(BARRIER "wait", "barrier=b"), 3);
	assert_int_equal(heard(BARRIER "duration", "barrier=b"), 2);
	assert_int_equal(heard(BARRIER "errors", "error=ETIMEDOUT"), 1);
}

static int leads_and_errs(void *arg)
{
	uint64_t term;

	(void)arg;
	EXPECT(!fnd_election_campaign("e", "", LONG, &term));
	EXPECT(fnd_election_campaign("e", "", LONG, &term) == -EDEADLK);
	return 0;
}

static void of_an_election(void **state)
{
	(void)state;
	run_with(leads_and_errs, NULL);
	assert_int_equal(heard(ELECTION "start", "election=e"), 2);
	assert_int_equal(heard(ELECTION "duration", "election=e"), 1);
	assert_true(heard_sum(ELECTION "duration") >= 0);
	assert_int_equal(heard(ELECTION "errors", "election=e"), 1);
	assert_int_equal(heard(ELECTION "errors", "error=EDEADLK"), 1);
}

static int agrees_with_itself(void *arg)
{
	const struct sup_pid self = sup_self();
	const struct fnd_consensus c = { .participants = &self, .n = 1 };
	struct fnd_consensus_result r;

	(void)arg;
	EXPECT(!fnd_consensus_propose("c", &c, LONG, &r));
	EXPECT(r.outcome == FND_CONSENSUS_DECIDED);
	return 0;
}

static void of_consensus(void **state)
{
	const struct fnd_consensus nobody = { .n = 0 };
	struct fnd_consensus_result r;
	unsigned int nth = 0, failed = 0;
	int ret;

	(void)state;
	run_with(agrees_with_itself, NULL);
	assert_int_equal(heard(CONSENSUS "start", "consensus=c"), 1);
	assert_int_equal(heard(CONSENSUS "duration", "consensus=c"), 1);
	assert_int_equal(heard(CONSENSUS "duration", "outcome=decided"), 1);
	/* The last time enough memory is there. */
	do {
		fail_nth(++nth);
		ret = fnd_consensus_propose("n", &nobody, LONG, &r);
		failed += ret == -ENOMEM;
	} while (fail_no_more());
	assert_int_equal(ret, 0);
	assert_int_equal(r.outcome, FND_CONSENSUS_REJECTED);
	assert_true(failed);
	assert_int_equal(heard(CONSENSUS "errors", "error=ENOMEM"), failed);
	assert_int_equal(heard(CONSENSUS "errors", "consensus=n"), failed);
	assert_true(heard(CONSENSUS "duration", "outcome=rejected"));
	assert_int_equal(fnd_consensus_remove("c"), 0);
}

static void of_a_counter(void **state)
{
	int64_t value;

	(void)state;
	assert_int_equal(fnd_counter_add("n", 3, NULL), 0);
	assert_int_equal(fnd_counter_add("n", -1, &value), 0);
	assert_int_equal(value, 2);
	assert_int_equal(heard(COUNTER "increment", "counter=n"), 2);
	assert_true(heard_sum(COUNTER "increment") == 2);
	assert_int_equal(fnd_counter_add("n", INT64_MAX, NULL), -EOVERFLOW);
	assert_int_equal(heard(COUNTER "errors", "counter=n"), 1);
	assert_int_equal(heard(COUNTER "errors", "error=EOVERFLOW"), 1);
	assert_int_equal(fnd_counter_remove("n"), 0);
}

/* Neither with a handler nor without is there a figure of any of them. */
static void none_is_counted(void **state)
{
	(void)state;
	run_with(locks_and_errs, NULL);
	hear_all();
	assert_false(is_there("foundation.coordination"));
}

static void without_a_handler_none_is_told(void **state)
{
	struct fnd_telemetry_status before, after;

	(void)state;
	fnd_telemetry_status(&before);
	run_with(locks_and_errs, NULL);
	assert_int_equal(fnd_counter_add("n", 1, NULL), 0);
	assert_int_equal(fnd_counter_remove("n"), 0);
	fnd_telemetry_status(&after);
	assert_int_equal(after.handlers, 0);
	assert_int_equal(after.executed, before.executed);
	assert_int_equal(after.figures, before.figures);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LISTENING_CASE(of_a_lock),
		LISTENING_CASE(of_a_barrier),
		LISTENING_CASE(of_an_election),
		LISTENING_CASE(of_consensus),
		LISTENING_CASE(of_a_counter),
		LISTENING_CASE(none_is_counted),
		FEW_CASE(without_a_handler_none_is_told),
	};

	return RUN_TESTS(tests);
}
