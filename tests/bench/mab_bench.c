// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What agents cost who starts, asks and balances them: microseconds for each
 * operation. mab_peer.exs does the same on Elixir, with the same counts.
 *
 * usage: mab_bench DIVISOR	1, or how much less to do
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <foundation/foundation.h>
#include <mabeam/mabeam.h>
#include <sup/sup.h>

#include "topic.h"

#define STARTS 1000
#define ROUNDS 2000		/* of asking all voters */
#define VOTERS 50
#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

static const char *const works[] = { "work", NULL };
static char voters[VOTERS][16];
static const char *voter_ids[VOTERS];

static int echo_init(const char *id, void *arg, void **ret_state)
{
	(void)id;
	*ret_state = arg;
	return 0;
}

static int echo_request(void *state, struct sup_from from,
			const struct mab_message *message)
{
	(void)state;
	if (!strcmp(message->method, "vote"))
		return mab_reply(from, "\"yes\"", 5);
	return mab_reply(from, message->body, message->len);
}

static void start(const char *id)
{
	static const struct mab_agent_ops ops = {
		.size = sizeof(ops), .init = echo_init,
		.request = echo_request,
	};
	const struct mab_agent_spec spec = {
		.size = sizeof(spec), .id = id, .ops = &ops,
		.capabilities = works,
	};

	must(mab_agent_register(&spec), id);
	must(mab_agent_start(id, NULL), id);
}

/* Registered, started, stopped, forgotten. */
static int lifecycle(int nth)
{
	char id[16];

	snprintf(id, sizeof(id), "brief %d", nth);
	start(id);
	return mab_agent_deregister(id);
}

/* Each caller asks an agent of its own. */
static int ask(int nth)
{
	const struct mab_message what = { "echo", "[1, 2, 3]", 9, 0 };
	struct sup_msg reply;
	int ret;

	ret = mab_agent_ask(voter_ids[nth], &what, &reply, NULL, SUP_FOREVER);
	if (!ret)
		sup_msg_free(&reply);
	return ret;
}

/* A task for one of ten, by their load, and its end. */
static int assign(int nth)
{
	struct mab_assignment task;
	int ret;

	(void)nth;
	ret = mab_balance_assign(works, &task);
	return ret ? ret : mab_balance_complete(task.nr);
}

static const struct topic topics[] = {
	{ "mab_lifecycle", lifecycle, 2000, 1 },
	{ "mab_ask", ask, 100000, 1 },
	{ "mab_assign", assign, 200000, 1 },
};

/* That many live at its end. */
static void start_many(void)
{
	const size_t n = topics_scale(STARTS);
	char id[32];
	int64_t begin;
	size_t i;

	begin = now_ns();
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "agent %zu", i);
		start(id);
	}
	topic_result("mab_start", (now_ns() - begin) / 1000.0 / n);
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "agent %zu", i);
		must(mab_agent_deregister(id), id);
	}
}

static void ask_all(void)
{
	const struct mab_message what = { "vote", "\"yes\"", 5, 0 };
	const size_t n = topics_scale(ROUNDS);
	static struct mab_answer answers[VOTERS];
	int64_t begin;
	size_t i, k;

	begin = now_ns();
	for (i = 0; i < n; i++) {
		must(mab_agent_ask_many(voter_ids, VOTERS, &what, answers,
					SUP_FOREVER), "the voters");
		for (k = 0; k < VOTERS; k++)
			must(answers[k].error, voter_ids[k]);
		mab_answers_free(answers, VOTERS);
	}
	topic_result("mab_ask_50", (now_ns() - begin) / 1000.0 / n);
}

/* A session of all voters, from its start to its outcome. */
static void come_to_majority(void)
{
	const struct mab_coordination c = {
		.size = sizeof(c), .protocol = "majority", .agents = voter_ids,
		.n_agents = VOTERS, .params =
			"{\"proposal\": 1, \"options\": [\"yes\", \"no\"]}",
	};
	const size_t n = topics_scale(ROUNDS);
	struct mab_session *session;
	int64_t begin;
	uint64_t nr;
	size_t i;

	begin = now_ns();
	for (i = 0; i < n; i++) {
		must(mab_coordinate_start(&c, &nr), "a session");
		must(mab_coordinate_wait(nr, &session, SUP_FOREVER), "its end");
		must(session->agreed ? 0 : -EPROTO, "an outcome");
		free(session);
	}
	topic_result("mab_majority_50", (now_ns() - begin) / 1000.0 / n);
}

int main(int argc, char **argv)
{
	struct sup_pid top, agents;
	int i;

	if (argc != 2) {
		fprintf(stderr, "usage: mab_bench DIVISOR\n");
		return 100;
	}
	topics_divide(argv[1]);
	must(sup_open(NULL), "the runtime");
	must(fnd_foundation_start(NULL, &top), "the services");
	must(mab_mabeam_start(NULL, &agents), "the agents");
	start_many();
	for (i = 0; i < VOTERS; i++) {
		snprintf(voters[i], sizeof(voters[i]), "voter %d", i);
		voter_ids[i] = voters[i];
		start(voters[i]);
		if (i < 10)
			must(mab_balance_add(voters[i]), voters[i]);
	}
	topics_run(topics, N_OF(topics));
	ask_all();
	come_to_majority();
	return -sup_close();
}
