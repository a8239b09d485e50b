/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The task of an agent: a server that reads its config, as memory of its own,
 * from the table, and hands on what comes to the agent's ops.
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

struct host {
	uint64_t key;		/* of its run */
	struct mab__config *config;
	void *state;		/* of the ops */
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

static int init(void *arg, void **ret_state)
{
	struct host *h = sup_alloc(sizeof(*h));
	const struct mab_agent_spec *spec;
	int ret;

	if (!h)
		return -ENOMEM;
	h->key = (uintptr_t)arg;
	mab__life_is(h->key);
	ret = mab__life_config(h->key, &h->config);
	if (ret)
		return ret;
	*ret_state = h;
	self = h->config->strings;
	spec = &h->config->spec;
	if (spec->ops == mab_agent_process())
		return mab__process_init(h->key, h->config, &h->state);
	return spec->ops->init(self, spec->arg, &h->state);
}

static int call(void *state, struct sup_from from, struct sup_msg *req)
{
	struct host *h = state;
	struct mab_message message;

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

	if (ops_of(h) == mab_agent_process() && msg->tag != MAB__NOTIFY)
		return mab__process_cast(h->state, msg);
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

	if (ops_of(h)->terminate)
		ops_of(h)->terminate(h->state, reason);
}

const struct sup_server_ops mab__host_ops = {
	.size = sizeof(mab__host_ops), .init = init, .call = call,
	.cast = cast, .info = info, .terminate = terminate,
};
