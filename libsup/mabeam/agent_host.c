/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The task of an agent: a server that reads its config, as memory of its own,
 * from the table, and hands on what comes to the agent's ops. Whoever has
 * started it waits for its task alone: the init of the ops comes after that,
 * and may take its time.
 */
#include "mabeam/agent_host.h"

#include <errno.h>
#include <string.h>

#include <mabeam/agent_ask.h>
#include <mabeam/agent_process.h>
#include <sup/sup.h>

#include "mabeam/agent_pipe.h"
#include "mabeam/agent_wire.h"
#include "mabeam/agents.h"

#define BEGIN UINT64_C(0x6d61622d696e6974)
#define SHUTDOWN_MS 5000	/* default, as that of a supervisor */

struct host {
	uint64_t key;		/* of its run */
	struct mab__config *config;
	void *state;		/* of the ops, if has_state */
	bool has_state, is_up;
	struct sup_from *waiting;	/* for it to be up */
	size_t n_waiting;
};

static _Thread_local const char *self;

const char *mab__agent_self(void)
{
	return self;
}

static const struct mab_agent_ops *ops_of(const struct host *h)
{
	return h->config->spec.ops;
}

static bool is_program(const struct host *h)
{
	return ops_of(h) == mab_agent_process();
}

static int init(void *arg, void **ret_state)
{
	struct host *h = sup_alloc(sizeof(*h));
	int ret;

	if (!h)
		return -ENOMEM;
	h->key = (uintptr_t)arg;
	mab__life_is(h->key);
	ret = mab__life_config(h->key, &h->config);
	*ret_state = h;
	if (ret)
		return ret;
	self = h->config->strings;
	return sup_server_continue(BEGIN);
}

/*
 * It has no place in the world. If it is one too many that is not the agent's
 * end: who comes after it would take a normal one for that.
 */
static int stop(const struct host *h)
{
	bool counts = mab__life_counts(h->key);

	sup_server_stop_with(counts ? &SUP_NORMAL : &SUP_SHUTDOWN);
	return SUP_STOP;
}

/* As long as its AgentSupervisor would have waited, which was killed. */
static int64_t patience(const struct host *h)
{
	int64_t ms = h->config->spec.shutdown_ms;

	if (ms == SUP_SHUTDOWN_INFINITY)
		return SUP_FOREVER;
	if (ms == SUP_SHUTDOWN_KILL)
		return SUP_TRY;
	return sup_deadline_ms(ms ? ms : SHUTDOWN_MS);
}

/* There never are two lives of an agent at work. False: we are one too many. */
static bool await_turn(const struct host *h)
{
	struct sup_reason reason;
	struct sup_pid before;

	while (mab__life_before(h->key, &before)) {
		if (sup_wait(before, &reason, patience(h))) {
			sup_kill(before, SUP_TRY);
			sup_wait(before, &reason, SUP_FOREVER);
		}
		if (!mab__life_before_ended(h->key, before, &reason))
			return false;
	}
	return true;
}

static void answer(struct host *h)
{
	const struct sup_msg up = { .tag = MAB__IS_UP };
	size_t i;

	for (i = 0; i < h->n_waiting; i++)
		if (sup_reply(h->waiting[i], &up))
			sup_reply_error(h->waiting[i], -ENOMEM);
	sup_free(h->waiting);
	h->waiting = NULL;
	h->n_waiting = 0;
}

static int come_up(struct host *h)
{
	if (!mab__life_up(h->key))
		return stop(h);
	h->is_up = true;
	answer(h);
	return SUP_CONTINUE;
}

static int fail(struct host *h, int why)
{
	mab__life_failed(h->key, why, sup_error());
	return why < 0 ? why : stop(h);
}

static int begin(struct host *h)
{
	const struct mab_agent_spec *spec = &h->config->spec;
	int ret;

	if (!await_turn(h))
		return stop(h);
	sup_set_error(0, "%s", "");
	ret = is_program(h) ?
	      mab__process_init(h->key, h->config, &h->state) :
	      spec->ops->init(self, spec->arg, &h->state);
	if (ret > SUP_IGNORE)
		ret = sup_set_error(-EPROTO, "init returned %d", ret);
	if (ret)
		return fail(h, ret);
	h->has_state = true;
	return is_program(h) ? SUP_CONTINUE : come_up(h);
}

static int go_on(void *state, uint64_t what)
{
	return what == BEGIN ? begin(state) : -ENOSYS;
}

static int wait_for_it(struct host *h, struct sup_from from)
{
	struct sup_from *all;

	all = sup_realloc(h->waiting, (h->n_waiting + 1) * sizeof(*all));
	if (!all) {
		sup_reply_error(from, -ENOMEM);
		return SUP_CONTINUE;
	}
	all[h->n_waiting++] = from;
	h->waiting = all;
	if (h->is_up)
		answer(h);
	return SUP_CONTINUE;
}

static int call(void *state, struct sup_from from, struct sup_msg *req)
{
	struct host *h = state;
	struct mab_message message;

	if (req->tag == MAB__IS_UP)
		return wait_for_it(h, from);
	if (req->tag != MAB__REQUEST || !mab__wire_read(req, &message)) {
		sup_reply_error(from, -EINVAL);
		return SUP_CONTINUE;
	}
	if (!ops_of(h)->request) {
		sup_reply_error(from, -ENOSYS);
		return SUP_CONTINUE;
	}
	mab__life_took(h->key);
	return ops_of(h)->request(h->state, from, &message);
}

static int cast(void *state, struct sup_msg *msg)
{
	struct host *h = state;
	struct mab_message message;
	int ret;

	if (is_program(h) && msg->tag != MAB__NOTIFY) {
		ret = mab__process_cast(h->state, msg);
		if (ret == SUP_CONTINUE && !h->is_up &&
		    mab__process_is_ready(h->state))
			ret = come_up(h);
		return ret;
	}
	if (msg->tag != MAB__NOTIFY || !ops_of(h)->notify ||
	    !mab__wire_read(msg, &message))
		return SUP_CONTINUE;
	mab__life_took(h->key);
	return ops_of(h)->notify(h->state, &message);
}

static int info(void *state, struct sup_info *info)
{
	struct host *h = state;

	return ops_of(h)->info ? ops_of(h)->info(h->state, info) :
		SUP_CONTINUE;
}

static void terminate(void *state, const struct sup_reason *reason)
{
	struct host *h = state;

	if (h->has_state && ops_of(h)->terminate)
		ops_of(h)->terminate(h->state, reason);
}

const struct sup_server_ops mab__host_ops = {
	.size = sizeof(mab__host_ops), .init = init, .call = call,
	.cast = cast, .info = info, .terminate = terminate, .go_on = go_on,
};
