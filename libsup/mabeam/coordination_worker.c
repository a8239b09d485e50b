/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A CoordinationWorker: asks the agents of one session, and hands what they
 * answer to its protocol. It may be killed while it waits for them: so what it
 * has is memory of its task, and what the protocol and JSON hand out, of
 * malloc(3), is let go before it waits again. One that cannot go on ends, and
 * the reason of that is its session's.
 */
#include "mabeam/sessions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sup/sup.h>

#include "mabeam/agent_wire.h"
#include "mabeam/asking.h"
#include "mabeam/protocols.h"
#include "mabeam/service.h"

#define WHY_MAX 200

/* An agent, and why it abstains; "": it does not. */
struct voter {
	bool heard;
	char why[WHY_MAX];
};

struct work {
	struct mab__plan *plan;
	const struct mab_protocol *protocol;
	struct mab_round round;
	struct voter *voters;
	struct mab__asking *asking;
	bool decided;
	size_t silent;
};

static int read_plan(struct work *w, uint64_t nr)
{
	struct mab__plan *plan = w->plan;
	const char **ids = sup_alloc(plan->n * sizeof(*ids));
	const char *at = plan->text + plan->len + 1;
	size_t i;

	w->protocol = &plan->protocol;
	w->voters = sup_alloc(plan->n * sizeof(*w->voters));
	w->round = (struct mab_round){
		.session = nr, .seed = plan->seed, .agents = ids,
		.n = plan->n, .params = plan->text, .len = plan->len,
		.state = sup_alloc(w->protocol->state_size +
				   plan->n * w->protocol->agent_size + 1),
	};
	if (!ids || !w->voters || !w->round.state)
		return -ENOMEM;
	for (i = 0; i < plan->n; i++, at += strlen(at) + 1)
		ids[i] = at;
	return 0;
}

static int ask(struct work *w)
{
	struct mab_message what = { .method = w->protocol->method };
	struct sup_msg wire;
	char *body;
	int ret;

	ret = w->protocol->begin(&w->round);
	if (!ret)
		ret = w->protocol->question(&w->round, &body);
	if (ret)
		return ret;
	what.body = body;
	what.len = strlen(body);
	ret = mab__wire_new(MAB__REQUEST, &what, w->plan->deadline, &wire);
	free(body);
	if (ret)
		return ret;
	ret = mab__asking_begin(w->round.agents, w->round.n, &wire,
				&w->asking);
	mab__free(wire.data);
	return ret;
}

/* What is no printable ASCII might be no UTF-8, which JSON has to be. */
static void note(struct voter *v, const char *why)
{
	char *at;

	snprintf(v->why, sizeof(v->why), "%s", *why ? why : "it abstains");
	for (at = v->why; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
}

static void note_error(struct voter *v, const struct mab_answer *answer)
{
	char text[WHY_MAX];

	switch (answer->error) {
	case -EREMOTEIO:
		note(v, answer->reply.data);
		break;
	case -EPIPE:
		note(v, sup_reason_format(&answer->reason, text,
					  sizeof(text)));
		break;
	case -ENOENT:
	case -ENOTCONN:
		note(v, "it does not run");
		break;
	case -EAGAIN:
		note(v, "it has no room for a question");
		break;
	case -ENOSYS:
		note(v, "it answers no requests");
		break;
	default:
		note(v, strerror(-answer->error));
	}
}

static void take(struct work *w, size_t i, struct mab_answer *answer)
{
	struct voter *v = &w->voters[i];
	int ret = answer->error;

	v->heard = true;
	if (!ret) {
		ret = w->protocol->answer(&w->round, i, answer->reply.data,
					  answer->reply.len);
		if (ret)
			note(v, sup_error());
	} else {
		note_error(v, answer);
	}
	if (ret)
		w->protocol->answer(&w->round, i, NULL, 0);
	sup_msg_free(&answer->reply);
}

static int hear(struct work *w)
{
	const struct mab_protocol *p = w->protocol;
	struct mab_answer answer;
	size_t i;
	int ret;

	do {
		ret = mab__asking_next(w->asking, &i, &answer,
				       w->plan->deadline);
		if (!ret)
			take(w, i, &answer);
		w->decided = !ret && p->decided && p->decided(&w->round);
	} while (!ret && !w->decided);
	mab__asking_end(w->asking);
	return ret == -ENOENT || ret == -ETIMEDOUT ? 0 : ret;
}

static void end_silence(struct work *w)
{
	size_t i;

	for (i = 0; i < w->round.n && !w->decided; i++) {
		if (w->voters[i].heard)
			continue;
		note(&w->voters[i], "it was silent");
		w->protocol->answer(&w->round, i, NULL, 0);
		w->silent++;
	}
}

/* Adds to the outcome who has abstained, and why. */
static int add_abstained(const struct work *w, json_t *outcome)
{
	json_t *abstained = json_object();
	const char *why;
	int ret = 0;
	size_t i;

	for (i = 0; i < w->round.n && !ret; i++) {
		why = w->voters[i].why;
		if (*why)
			ret = json_object_set_new(abstained,
						  w->round.agents[i],
						  json_string(why));
	}
	if (json_object_set_new(outcome, "abstained", abstained) || ret)
		return -ENOMEM;
	return 0;
}

static int complete(const struct work *w, const char *body, char **ret_text)
{
	json_t *outcome = json_loads(body, 0, NULL);
	int ret;

	ret = json_is_object(outcome) ? add_abstained(w, outcome) : -EBADMSG;
	if (!ret)
		return mab__text(outcome, ret_text);
	json_decref(outcome);
	return ret;
}

static int conclude(struct work *w)
{
	enum mab_session_state state = MAB_SESSION_DONE;
	char *body, *text;
	int ret, agreed;

	end_silence(w);
	agreed = w->protocol->outcome(&w->round, &body);
	if (agreed < 0)
		return agreed;
	ret = complete(w, body, &text);
	free(body);
	if (ret)
		return ret;
	if (agreed == MAB_NOT_AGREED && w->silent)
		state = MAB_SESSION_TIMED_OUT;
	mab__session_finish(w->round.session, state, agreed == MAB_AGREED,
			    text);
	return 0;
}

int mab__worker_run(void *arg, struct sup_msg *ret_result)
{
	uint64_t nr = (uintptr_t)arg;
	struct work w = { .silent = 0 };
	int ret;

	(void)ret_result;
	ret = mab__session_claim(nr, &w.plan);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	mab__worker_tell(sup_self());
	ret = read_plan(&w, nr);
	if (!ret)
		ret = ask(&w);
	if (!ret)
		ret = hear(&w);
	return ret ? ret : conclude(&w);
}
