/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sessions: agents are really asked; who is silent, slow, refuses or crashes
 * abstains; a worker or a service that is killed makes nobody wait.
 */
#include "voters.h"

#include "mabeam/asking.h"
#include "mabeam/sessions.h"

#define YES "\"yes\""
#define NO "\"no\""

/*
 * The time of a session passes when a test says so: how long an agent takes to
 * answer does not matter then.
 */
static _Atomic bool has_time, time_is_over;
static _Atomic int taken;	/* answers, and what stands for one, since */

int __real_mab__asking_next(struct mab__asking *asking, size_t *ret_which,
			    struct mab_answer *ret_answer, int64_t deadline);
int __wrap_mab__asking_next(struct mab__asking *asking, size_t *ret_which,
			    struct mab_answer *ret_answer, int64_t deadline);

int __wrap_mab__asking_next(struct mab__asking *asking, size_t *ret_which,
			    struct mab_answer *ret_answer, int64_t deadline)
{
	bool over;
	int ret;

	if (!atomic_load(&has_time))
		return __real_mab__asking_next(asking, ret_which, ret_answer,
					       deadline);
	do {
		over = atomic_load(&time_is_over);
		ret = __real_mab__asking_next(asking, ret_which, ret_answer,
					      over ? SUP_TRY :
					      sup_deadline_ms(1));
	} while (ret == -ETIMEDOUT && !over);
	atomic_fetch_add(&taken, !ret);
	return ret;
}

static int set_up_sessions(void **state)
{
	atomic_store(&voters_asked, 0);
	atomic_store(&taken, 0);
	atomic_store(&has_time, false);
	atomic_store(&time_is_over, false);
	return set_up_mabeam(state);
}

#define SESSION_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_sessions, tear_down_mabeam)

static void check_10_votes_a_a_b(void **state)
{
	(void)state;
	start_voter("x", "\"a\"");
	start_voter("y", "\"a\"");
	start_voter("z", "\"b\"");
	check_over(begin_session(COORDINATION(
			.protocol = "majority", IDS("x", "y", "z"),
			.params = "{\"options\": [\"a\", \"b\"]}")),
		   MAB_SESSION_DONE,
		   "{\"abstained\":{},\"confidence\":0.66666666666666663,"
		   "\"decision\":\"a\",\"reached\":true,"
		   "\"votes\":{\"a\":2,\"b\":1}}");
	assert_int_equal(voters_asked, 3);
}

static void auctions_and_shares_are_of_answers(void **state)
{
	(void)state;
	start_voter("a", "5");
	start_voter("b", "7.5");
	start_voter("c", "null");
	check_over(begin_session(COORDINATION(
			.protocol = "second_price", IDS("a", "b", "c"),
			.params = "{\"item\": \"slot\", \"reserve\": 2}")),
		   MAB_SESSION_DONE,
		   "{\"abstained\":{\"c\":\"it abstains\"},"
		   "\"bids\":{\"a\":5,\"b\":7.5},\"price\":5,"
		   "\"winner\":\"b\"}");
	check_over(begin_session(COORDINATION(
			.protocol = "max_min", IDS("a", "b"),
			.params = "{\"amount\": 9}")),
		   MAB_SESSION_DONE,
		   "{\"abstained\":{},\"left\":0,"
		   "\"shares\":{\"a\":4,\"b\":5}}");
}

static void who_does_not_answer_abstains(void **state)
{
	uint64_t nr;

	(void)state;
	atomic_store(&has_time, true);
	start_voter("a", YES);
	start_voter("b", YES);
	start_voter("c", YES);
	start_voter("crashes", CRASHES);
	start_voter("maybe", "\"maybe\"");
	start_voter("refuses", REFUSES);
	start_voter("silent", SILENT);
	assert_int_equal(mab_agent_register(AGENT(.id = "off")), 0);
	nr = begin_session(COORDINATION(.protocol = "quorum",
			IDS("silent", "a", "off", "crashes", "b", "maybe",
			    "refuses", "c"),
			.params = "{\"quorum\": 3}"));
	/* All but the silent one, who has been asked. */
	AWAIT(taken == 7 && voters_asked == 7);
	assert_int_equal(session_state(nr), MAB_SESSION_ASKING);
	atomic_store(&time_is_over, true);
	check_over(nr, MAB_SESSION_DONE,
		   "{\"abstained\":{\"crashes\":\"error -5 (Input/output error)"
		   "\",\"maybe\":\"it has answered by what is no "
		   "option\",\"off\":\"it does not run\",\"refuses\":\"not "
		   "me\",\"silent\":\"it was silent\"},\"confidence\":1.0,"
		   "\"decision\":\"yes\",\"reached\":true,"
		   "\"votes\":{\"no\":0,\"yes\":3}}");
}

static void silence_is_told_from_disagreement(void **state)
{
	struct mab_session *s;

	(void)state;
	start_voter("a", SILENT);
	start_voter("b", NO);
	start_voter("c", YES);
	check_over(begin_session(COORDINATION(.protocol = "sealed_bid",
			IDS("a"), .timeout_ms = 10)), MAB_SESSION_TIMED_OUT,
		   "{\"abstained\":{\"a\":\"it was silent\"},\"bids\":{},"
		   "\"price\":null,\"winner\":null}");
	s = session_over(begin_session(COORDINATION(.protocol = "unanimous",
			IDS("b", "c"))));
	assert_int_equal(s->state, MAB_SESSION_DONE);
	assert_false(s->agreed);
	free(s);
}

static void who_is_slow_is_waited_for(void **state)
{
	struct mab_session *s;
	uint64_t nr;

	(void)state;
	start_voter("a", YES);
	start_voter("b", LATER YES);
	nr = begin_session(COORDINATION(.protocol = "unanimous",
					IDS("a", "b")));
	AWAIT(voters_asked == 2);
	assert_int_equal(session_state(nr), MAB_SESSION_ASKING);
	assert_int_equal(mab_coordinate_wait(nr, &s, SUP_TRY), -ETIMEDOUT);
	go("b");
	s = session_over(nr);
	assert_true(s->agreed);
	free(s);
}

/* Nobody waits for the silent one: it would be for ever. */
static void what_is_certain_is_over_early(void **state)
{
	(void)state;
	atomic_store(&has_time, true);
	start_voter("a", YES);
	start_voter("b", YES);
	start_voter("c", SILENT);
	check_over(begin_session(COORDINATION(.protocol = "majority",
			IDS("a", "b", "c"), .params = "{\"early\": true}")),
		   MAB_SESSION_DONE, "{\"abstained\":{},"
		   "\"decision\":\"yes\",\"reached\":true}");
}

/* Whoever answers first. */
static void a_seed_has_one_outcome(void **state)
{
	const char *const order[2][3] = { { "a", "b", "c" }, { "c", "b", "a" } };
	struct mab_session *s[2];
	unsigned int round, i, seed, others = 0;
	char first[256] = "";
	uint64_t nr;

	(void)state;
	for (i = 0; i < 3; i++)
		start_voter(order[0][i], LATER "7");
	for (seed = 0; seed < 20; seed++) {
		for (round = 0; round < 2; round++) {
			atomic_store(&voters_asked, 0);
			nr = begin_session(COORDINATION(
					.protocol = "sealed_bid",
					IDS("a", "b", "c"), .seed = seed));
			AWAIT(voters_asked == 3);
			for (i = 0; i < 3; i++)
				go(order[round][i]);
			s[round] = session_over(nr);
		}
		assert_true(s[0]->agreed);
		assert_string_equal(s[0]->outcome, s[1]->outcome);
		if (!*first)
			snprintf(first, sizeof(first), "%s", s[0]->outcome);
		others += !!strcmp(first, s[0]->outcome);
		free(s[0]);
		free(s[1]);
	}
	assert_in_range(others, 1, 19);
}

static uint64_t begin_silent_session(void)
{
	uint64_t nr = begin_session(COORDINATION(.protocol = "majority",
						 IDS("silent")));

	AWAIT(session_state(nr) == MAB_SESSION_ASKING);
	return nr;
}

static struct sup_pid worker_of(uint64_t nr)
{
	struct mab_session *s = session_of(nr);
	struct sup_pid worker = s->worker;

	free(s);
	assert_true(sup_is_alive(worker));
	return worker;
}

static int wait_for_failure(void *arg)
{
	struct mab_session *s;
	int ret;

	EXPECT(!mab_coordinate_wait((uintptr_t)arg, &s, LONG));
	ret = s->state == MAB_SESSION_FAILED &&
	      s->reason.kind == SUP_REASON_KILLED ? 0 : __LINE__;
	free(s);
	return ret;
}

static void a_killed_worker_fails_its_session(void **state)
{
	struct sup_pid waiter;
	uint64_t nr;

	(void)state;
	start_voter("silent", SILENT);
	nr = begin_silent_session();
	waiter = start(wait_for_failure, (void *)(uintptr_t)nr);
	sup_kill(worker_of(nr), LONG);
	assert_int_equal(end_of(waiter).kind, SUP_REASON_NORMAL);
	check_failed(nr, SUP_REASON_KILLED, 0);
}

/* mab__sessions_workers() makes nothing over: that is the service's. */
static void it_fails_if_nobody_looks(void **state)
{
	uint64_t nr;

	(void)state;
	start_voter("silent", SILENT);
	assert_int_equal(stats_now().active, 0);
	nr = begin_silent_session();
	assert_int_equal(mab__sessions_workers(NULL, 0), 1);
	sup_kill(worker_of(nr), LONG);
	AWAIT(!mab__sessions_workers(NULL, 0));
	check_failed(nr, SUP_REASON_KILLED, 0);
}

static void await_restart(const char *name, struct sup_pid old)
{
	struct sup_child_counts counts;

	kill_and_wait(old);
	while (!sup_whereis(name).v)
		assert_int_equal(sup_count_children(mabeam, &counts), 0);
}

static void a_killed_service_loses_no_session(void **state)
{
	uint64_t nr, other;

	(void)state;
	start_voter("a", LATER YES);
	start_voter("silent", SILENT);
	nr = begin_session(COORDINATION(.protocol = "majority", IDS("a"),
					.params = "{\"early\": true}"));
	other = begin_silent_session();
	AWAIT(voters_asked == 2);
	await_restart("mab_coordination", sup_whereis("mab_coordination"));
	go("a");
	check_over(nr, MAB_SESSION_DONE, "{\"abstained\":{},"
		   "\"decision\":\"yes\",\"reached\":true}");
	/* It watches those, too, that are older than itself. */
	sup_kill(worker_of(other), LONG);
	AWAIT(!mab__sessions_workers(NULL, 0));
	check_failed(other, SUP_REASON_KILLED, 0);
}

static void workers_end_with_their_supervisor(void **state)
{
	struct mab_session *s;
	uint64_t nr;

	(void)state;
	start_voter("a", YES);
	start_voter("silent", SILENT);
	nr = begin_silent_session();
	await_restart("mab_sessions", sup_whereis("mab_sessions"));
	s = session_over(nr);
	assert_int_equal(s->state, MAB_SESSION_FAILED);
	free(s);
	s = session_over(begin_session(COORDINATION(.protocol = "majority",
						    IDS("a"))));
	assert_true(s->agreed);
	free(s);
}

static void a_session_is_cancelled(void **state)
{
	struct sup_pid worker;
	struct mab_session *s;
	uint64_t nr;

	(void)state;
	start_voter("silent", SILENT);
	nr = begin_silent_session();
	worker = worker_of(nr);
	assert_int_equal(mab_coordinate_cancel(nr), 0);
	assert_false(sup_is_alive(worker));
	s = session_over(nr);
	assert_int_equal(s->state, MAB_SESSION_CANCELLED);
	assert_true(s->ended_ns);
	free(s);
	assert_int_equal(mab_coordinate_cancel(nr), -EALREADY);
	assert_int_equal(mab_coordinate_cancel(0), -ENOENT);
	assert_int_equal(mab_coordinate_cancel(nr + 1), -ENOENT);
}

static void what_cannot_be_coordinated_is_refused(void **state)
{
	static const char *ids[MAB_ROUND_AGENTS_MAX + 1];
	static char text[MAB_BODY_MAX + 2];
	const struct {
		const struct mab_coordination *c;
		int error;
		const char *field;
	} all[] = {
		{ COORDINATION(.protocol = "none", IDS("a")), -ENOENT,
		  "protocol" },
		{ COORDINATION(.protocol = "", IDS("a")), -EINVAL,
		  "protocol" },
		{ COORDINATION(.protocol = "majority"), -EINVAL, "agents" },
		{ COORDINATION(.protocol = "majority", .agents = ids,
			       .n_agents = N_OF(ids)), -EINVAL, "1025" },
		{ COORDINATION(.protocol = "majority", IDS("a", "b", "a")),
		  -EINVAL, "\"a\" is named twice" },
		{ COORDINATION(.protocol = "majority", IDS("a", "nobody")),
		  -ENOENT, "\"nobody\"" },
		{ COORDINATION(.protocol = "majority", IDS("a", "\xff")),
		  -EINVAL, "UTF-8" },
		{ COORDINATION(.protocol = "majority", IDS("a", "")),
		  -EINVAL, "agents" },
		{ COORDINATION(.protocol = "majority", IDS("a"),
			       .timeout_ms = -1), -EINVAL, "timeout_ms" },
		{ COORDINATION(.protocol = "majority", IDS("a"),
			       .params = text), -E2BIG, "params" },
		{ COORDINATION(.protocol = "max_min", IDS("a"),
			       .params = "{}"), -EINVAL, "amount" },
	};
	const uint64_t before = stats_now().started;
	uint64_t nr;
	size_t i;

	(void)state;
	memset(text, ' ', sizeof(text) - 1);
	for (i = 0; i < N_OF(ids); i++)
		ids[i] = "a";
	start_voter("a", YES);
	start_voter("b", YES);
	start_voter("\xff", YES);
	for (i = 0; i < N_OF(all); i++) {
		assert_int_equal(mab_coordinate_start(all[i].c, &nr),
				 all[i].error);
		if (!strstr(sup_error(), all[i].field))
			print_message("%zu: %s\n", i, sup_error());
		assert_non_null(strstr(sup_error(), all[i].field));
	}
	assert_int_equal(stats_now().started, before);
}

static void without_its_supervisor_nothing_starts(void **state)
{
	struct mab_coordination_stats before = stats_now();
	uint64_t nr;

	(void)state;
	start_voter("a", YES);
	assert_int_equal(sup_terminate_child(mabeam,
					     "coordination_supervisor"), 0);
	assert_int_equal(mab_coordinate_start(COORDINATION(
				.protocol = "majority", IDS("a")), &nr),
			 -ENOTCONN);
	assert_int_equal(stats_now().started, before.started);
	assert_int_equal(stats_now().active, 0);
}

static void what_came_of_sessions_is_counted(void **state)
{
	struct mab_coordination_stats before = stats_now(), s;
	struct mab_protocol_info was, info;

	(void)state;
	start_voter("a", YES);
	start_voter("b", NO);
	start_voter("silent", SILENT);
	assert_int_equal(mab_protocol_get("majority", &was), 0);
	free(session_over(begin_session(COORDINATION(
			.protocol = "majority", IDS("a")))));
	free(session_over(begin_session(COORDINATION(
			.protocol = "majority", IDS("a", "b")))));
	free(session_over(begin_session(COORDINATION(.protocol = "majority",
			IDS("silent"), .timeout_ms = 1))));
	assert_int_equal(mab_coordinate_cancel(begin_silent_session()), 0);
	kill_and_wait(worker_of(begin_silent_session()));
	begin_silent_session();
	s = stats_now();
	assert_int_equal(s.started - before.started, 6);
	assert_int_equal(s.active, 1);
	assert_int_equal(s.agreed - before.agreed, 1);
	assert_int_equal(s.not_agreed - before.not_agreed, 1);
	assert_int_equal(s.timed_out - before.timed_out, 1);
	assert_int_equal(s.cancelled - before.cancelled, 1);
	assert_int_equal(s.failed - before.failed, 1);
	assert_int_equal(mab_protocol_get("majority", &info), 0);
	assert_int_equal(info.runs - was.runs, 6);
	assert_int_equal(info.agreed - was.agreed, 1);
	assert_int_equal(info.timed_out - was.timed_out, 1);
}

static void sessions_are_listed(void **state)
{
	struct mab_session *all;
	uint64_t done, asking;
	size_t n;

	(void)state;
	start_voter("a", YES);
	start_voter("silent", SILENT);
	asking = begin_silent_session();
	done = begin_session(COORDINATION(.protocol = "quorum", IDS("a"),
					  .seed = 9));
	free(session_over(done));
	assert_int_equal(mab_coordinate_list(&all, &n), 0);
	assert_in_range(n, 2, MAB_SESSIONS_MAX + MAB_SESSIONS_KEPT);
	assert_int_equal(all[n - 2].nr, asking);
	assert_int_equal(all[n - 2].state, MAB_SESSION_ASKING);
	assert_int_equal(all[n - 1].nr, done);
	assert_string_equal(all[n - 1].protocol, "quorum");
	assert_int_equal(all[n - 1].seed, 9);
	assert_int_equal(all[n - 1].n_agents, 1);
	assert_non_null(strstr(all[n - 1].outcome, "yes"));
	free(all);
}

static void old_sessions_are_forgotten(void **state)
{
	struct mab_session *s;
	uint64_t first = 0, nr;
	int i;

	(void)state;
	start_voter("a", YES);
	for (i = 0; i <= MAB_SESSIONS_KEPT; i++) {
		nr = begin_session(COORDINATION(.protocol = "majority",
						IDS("a")));
		free(session_over(nr));
		first = first ? first : nr;
	}
	assert_int_equal(mab_coordinate_get(first, &s), -ENOENT);
	free(session_of(first + 1));
	assert_int_equal(stats_now().kept, MAB_SESSIONS_KEPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SESSION_CASE(check_10_votes_a_a_b),
		SESSION_CASE(auctions_and_shares_are_of_answers),
		SESSION_CASE(who_does_not_answer_abstains),
		SESSION_CASE(silence_is_told_from_disagreement),
		SESSION_CASE(who_is_slow_is_waited_for),
		SESSION_CASE(what_is_certain_is_over_early),
		SESSION_CASE(a_seed_has_one_outcome),
		SESSION_CASE(a_killed_worker_fails_its_session),
		SESSION_CASE(it_fails_if_nobody_looks),
		SESSION_CASE(a_killed_service_loses_no_session),
		SESSION_CASE(workers_end_with_their_supervisor),
		SESSION_CASE(a_session_is_cancelled),
		SESSION_CASE(what_cannot_be_coordinated_is_refused),
		SESSION_CASE(without_its_supervisor_nothing_starts),
		SESSION_CASE(what_came_of_sessions_is_counted),
		SESSION_CASE(sessions_are_listed),
		SESSION_CASE(old_sessions_are_forgotten),
	};

	return RUN_TESTS(tests);
}
