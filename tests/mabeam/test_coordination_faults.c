/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever fails or is killed on the way, no half of a session stays behind. */
#include "voters.h"

#include "fail_memory.h"

/* What is wrapped is looked for here. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

#define YES "\"yes\""

static int begin_or_fail(struct mab_round *round)
{
	/* While its parameters are checked it has no session. */
	return round->session && !strcmp(round->params, "\"begin\"") ? -EDOM :
									0;
}

static int ask_anything(const struct mab_round *round, char **ret_body)
{
	if (!strcmp(round->params, "\"question\""))
		return -ERANGE;
	*ret_body = strdup("0");
	return *ret_body ? 0 : -ENOMEM;
}

static int take_anything(struct mab_round *round, size_t agent,
			 const char *body, size_t len)
{
	(void)round;
	(void)agent;
	(void)body;
	(void)len;
	return 0;
}

static int tell_anything(struct mab_round *round, char **ret_body)
{
	if (!strcmp(round->params, "\"outcome\""))
		return -EXDEV;
	*ret_body = strdup(*round->params ? "[]" : "{\"x\": 1}");
	return *ret_body ? MAB_AGREED : -ENOMEM;
}

static const struct mab_protocol own = {
	.size = sizeof(own), .name = "own", .method = "any",
	.begin = begin_or_fail, .question = ask_anything,
	.answer = take_anything, .outcome = tell_anything,
};

static uint64_t begin_own(const char *params)
{
	return begin_session(COORDINATION(.protocol = "own", IDS("a"),
					  .params = params));
}

static void a_protocol_that_fails_fails_its_session(void **state)
{
	struct mab_protocol_info info;

	(void)state;
	start_voter("a", YES);
	assert_int_equal(mab_protocol_register(&own), 0);
	check_over(begin_own(NULL), MAB_SESSION_DONE,
		   "{\"abstained\":{},\"x\":1}");
	check_failed(begin_own("\"begin\""), SUP_REASON_EXIT, -EDOM);
	check_failed(begin_own("\"question\""), SUP_REASON_EXIT, -ERANGE);
	check_failed(begin_own("\"outcome\""), SUP_REASON_EXIT, -EXDEV);
	check_failed(begin_own("\"no object\""), SUP_REASON_EXIT, -EBADMSG);
	assert_int_equal(mab_protocol_get("own", &info), 0);
	assert_int_equal(info.runs, 5);
	assert_int_equal(info.agreed, 1);
	assert_int_equal(info.failed, 4);
	assert_int_equal(info.active, 0);
	assert_true(info.mean_ns > 0);
	assert_int_equal(mab_protocol_unregister("own"), 0);
}

/* Not before its worker has ended, which may be in one of its functions. */
static void a_protocol_stays_while_it_is_used(void **state)
{
	uint64_t nr;

	(void)state;
	start_voter("a", SILENT);
	assert_int_equal(mab_protocol_register(&own), 0);
	nr = begin_own(NULL);
	assert_int_equal(mab_protocol_unregister("own"), -EBUSY);
	assert_int_equal(mab_coordinate_cancel(nr), 0);
	assert_int_equal(mab_protocol_unregister("own"), 0);
}

/* How often something of that name was counted, or its time taken. */
static uint64_t observed(const char *event)
{
	struct fnd_figure *figures;
	uint64_t sum = 0;
	char name[64];
	size_t i, n;

	snprintf(name, sizeof(name), "foundation.mabeam.coordination."
		 "coordination_%s", event);
	assert_int_equal(fnd_metric_list(name, &figures, &n), 0);
	for (i = 0; i < n; i++)
		sum += figures[i].count;
	free(figures);
	return sum;
}

/* After a session is seen to be over: so it is waited for. */
static void what_becomes_of_sessions_is_an_event(void **state)
{
	const uint64_t started = observed("start");
	const uint64_t complete = observed("complete");
	const uint64_t failed = observed("failed");
	const uint64_t cancelled = observed("cancelled");
	uint64_t nr;

	(void)state;
	start_voter("a", YES);
	start_voter("silent", SILENT);
	assert_int_equal(mab_protocol_register(&own), 0);
	free(session_over(begin_session(COORDINATION(.protocol = "majority",
						     IDS("a")))));
	free(session_over(begin_own("\"outcome\"")));
	nr = begin_session(COORDINATION(.protocol = "majority",
					IDS("silent")));
	assert_int_equal(mab_coordinate_cancel(nr), 0);
	AWAIT(observed("start") - started == 3 &&
	      observed("complete") - complete == 1 &&
	      observed("failed") - failed == 1 &&
	      observed("cancelled") - cancelled == 1);
	assert_int_equal(mab_protocol_unregister("own"), 0);
}

/* An agent's id might have been no UTF-8, as far as JSON can tell. */
static void without_memory_nothing_is_begun(void **state)
{
	const uint64_t before = stats_now().started;
	unsigned int n = 0;
	uint64_t nr;
	int ret;

	(void)state;
	start_voter("a", YES);
	do {
		fail_nth(++n);
		ret = mab_coordinate_start(COORDINATION(
				.protocol = "weighted", IDS("a"),
				.params = "{\"weights\": {\"a\": 2}}"), &nr);
		if (ret)
			assert_int_equal(stats_now().active, 0);
	} while (fail_no_more() && (ret == -ENOMEM || ret == -EINVAL));
	assert_int_equal(ret, 0);
	assert_in_range(n, 5, 1000);
	free(session_over(nr));
	assert_int_equal(stats_now().started, before + 1);
}

static int start_one(void *arg)
{
	uint64_t nr;

	return mab_coordinate_start(arg, &nr);
}

/* Killed while the CoordinationSupervisor is asked for a worker. */
static void who_starts_is_killed(void **state)
{
	static const char *const ids[] = { "a" };
	static struct mab_coordination c = {
		.size = sizeof(c), .protocol = "majority", .agents = ids,
		.n_agents = 1,
	};
	struct mab_protocol_info info;
	struct sup_pid pid;
	int i;

	(void)state;
	start_voter("a", YES);
	for (i = 0; i < 200; i++) {
		pid = start(start_one, &c);
		kill_and_wait(pid);
	}
	/* One more looks for those that never had a worker. */
	free(session_over(begin_session(&c)));
	AWAIT(!stats_now().active);
	assert_int_equal(mab_protocol_get("majority", &info), 0);
	assert_int_equal(info.active, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MABEAM_CASE(a_protocol_that_fails_fails_its_session),
		MABEAM_CASE(a_protocol_stays_while_it_is_used),
		MABEAM_CASE(what_becomes_of_sessions_is_an_event),
		MABEAM_CASE(without_memory_nothing_is_begun),
		MABEAM_CASE(who_starts_is_killed),
	};

	return RUN_TESTS(tests);
}
