/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Agents that are programs, in Python, vote, bid and demand. */
#include "programs.h"
#include "voters.h"

#define PROGRAM(...) (&(struct mab_program){ \
	.size = sizeof(struct mab_program), .env_set = programs_env, \
	.argv = (const char *const[]){ "/usr/bin/python3", "-S", \
				       __VA_ARGS__, NULL } })
#define EXAMPLE(...) PROGRAM(TOP "/examples/agent.py", __VA_ARGS__)

static void start_program(const char *id, const struct mab_program *program)
{
	start_agent(PROGRAM_AGENT(program, .id = id));
}

static void check(const char *protocol, const char *params,
		  const char *outcome)
{
	check_over(begin_session(COORDINATION(.protocol = protocol,
					      IDS("p", "q", "thread"),
					      .params = params)),
		   MAB_SESSION_DONE, outcome);
}

static void programs_come_to_one_outcome(void **state)
{
	(void)state;
	start_program("p", EXAMPLE("vote=no", "bid=12.5", "demand=30"));
	start_program("q", EXAMPLE("vote=never", "bid=11", "demand=40"));
	start_voter("thread", "\"no\"");
	check("majority", NULL,
	      "{\"abstained\":{\"q\":\"it abstains\"},"
	      "\"confidence\":0.66666666666666663,\"decision\":\"no\","
	      "\"reached\":true,\"votes\":{\"no\":2,\"yes\":0}}");
	check("second_price", "{\"reserve\": 11.25}",
	      "{\"abstained\":{\"q\":\"it abstains\",\"thread\":\"it has "
	      "answered by what is no number\"},\"bids\":{\"p\":12.5},"
	      "\"price\":11.25,\"winner\":\"p\"}");
	check("max_min", "{\"amount\": 50}",
	      "{\"abstained\":{\"thread\":\"it has answered by what is no "
	      "number\"},\"left\":0,\"shares\":{\"p\":25,\"q\":25}}");
}

static void who_does_not_know_the_method_abstains(void **state)
{
	struct mab_session *s;

	(void)state;
	start_program("odd", PROGRAM(ODD_AGENT));
	start_voter("a", "\"yes\"");
	start_program("p", EXAMPLE("vote=yes"));
	s = session_over(begin_session(COORDINATION(.protocol = "majority",
						    IDS("a", "odd", "p"))));
	assert_true(s->agreed);
	assert_non_null(strstr(s->outcome, "\"odd\":\"no method vote\""));
	free(s);
}

static int begin(struct mab_round *round)
{
	(void)round;
	return 0;
}

static int question(const struct mab_round *round, char **ret_body)
{
	(void)round;
	*ret_body = strdup("null");
	return *ret_body ? 0 : -ENOMEM;
}

static int answer(struct mab_round *round, size_t agent, const char *body,
		  size_t len)
{
	(void)round;
	(void)agent;
	(void)body;
	(void)len;
	return 0;
}

static int outcome(struct mab_round *round, char **ret_body)
{
	(void)round;
	*ret_body = strdup("{}");
	return *ret_body ? MAB_NOT_AGREED : -ENOMEM;
}

static const struct mab_protocol crash = {
	.size = sizeof(crash), .name = "crash", .method = "crash",
	.begin = begin, .question = question, .answer = answer,
	.outcome = outcome,
};

static void who_crashes_abstains_for_that_reason(void **state)
{
	struct mab_session *s;

	(void)state;
	assert_int_equal(mab_protocol_register(&crash), 0);
	start_program("odd", PROGRAM(ODD_AGENT));
	s = session_over(begin_session(COORDINATION(.protocol = "crash",
						    IDS("odd"))));
	assert_int_equal(s->state, MAB_SESSION_DONE);
	assert_non_null(strstr(s->outcome, "{\"odd\":\"signal 11 (SEGV)"));
	free(s);
	assert_int_equal(mab_protocol_unregister("crash"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MABEAM_CASE(programs_come_to_one_outcome),
		MABEAM_CASE(who_does_not_know_the_method_abstains),
		MABEAM_CASE(who_crashes_abstains_for_that_reason),
	};

	return RUN_TESTS(tests);
}
