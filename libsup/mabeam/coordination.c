/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Coordination: who starts sessions, and a server that monitors their workers,
 * so that a session is over when its worker has died even if nobody looks. It
 * has no state: one that is started again takes the workers from the table. It
 * is told of a worker by that itself, and by who has started it: either may be
 * killed before.
 */
#include <mabeam/coordination.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sup/sup.h>

#include "mabeam/agents.h"
#include "mabeam/protocols.h"
#include "mabeam/service.h"
#include "mabeam/sessions.h"

#define TIMEOUT_MS 30000

/* The data is the struct sup_pid of a worker. */
#define WATCH UINT64_C(0x6d61622d77746368)

static void watch(struct sup_pid worker)
{
	struct sup_ref ref;

	sup_monitor(worker, &ref);
}

static int watch_all(void)
{
	struct sup_pid *workers;
	size_t i, n;

	workers = sup_alloc(MAB_SESSIONS_MAX * sizeof(*workers));
	if (!workers)
		return -ENOMEM;
	n = mab__sessions_workers(workers, MAB_SESSIONS_MAX);
	for (i = 0; i < n; i++)
		watch(workers[i]);
	sup_free(workers);
	return 0;
}

static int init(void *arg, void **ret_state)
{
	*ret_state = arg;
	mab__sessions_settle(0);
	return watch_all();
}

static int cast(void *state, struct sup_msg *msg)
{
	struct sup_pid worker;

	(void)state;
	if (msg->tag != WATCH || msg->len != sizeof(worker))
		return SUP_CONTINUE;
	memcpy(&worker, msg->data, sizeof(worker));
	watch(worker);
	return SUP_CONTINUE;
}

static int info(void *state, struct sup_info *info)
{
	(void)state;
	if (info->kind == SUP_INFO_DOWN)
		mab__sessions_settle(0);
	return SUP_CONTINUE;
}

int mab_coordination_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .cast = cast, .info = info,
	};
	static const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = MAB__COORDINATION, .reg = true,
		.ops = &ops,
	};

	(void)options;
	return sup_server_start(&spec, ret_pid);
}

void mab__worker_tell(struct sup_pid worker)
{
	sup_cast(sup_whereis(MAB__COORDINATION), &(struct sup_msg){
			.tag = WATCH, .data = &worker,
			.len = sizeof(worker) }, SUP_TRY);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_twice(const char *const *agents, size_t n)
{
	const char **sorted = malloc(n * sizeof(*sorted));
	int ret = 0;
	size_t i;

	if (!sorted)
		return mab__nomem("a session");
	memcpy(sorted, agents, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_text);
	for (i = 1; i < n && !ret; i++)
		if (!strcmp(sorted[i - 1], sorted[i]))
			ret = sup_set_error(-EINVAL, "agents: \"%s\" is named "
					    "twice", sorted[i]);
	free(sorted);
	return ret;
}

static int check_agent(const char *id)
{
	struct sup_pid pid;
	json_t *text;
	size_t n;
	int ret;

	ret = mab__check_name("agents", id);
	if (ret)
		return ret;
	if (!mab__agent_can(id, NULL, &pid, &n))
		return sup_set_error(-ENOENT, "agents: there is no agent "
				     "\"%s\"", id);
	text = json_string(id);
	if (!text)
		return sup_set_error(-EINVAL, "agents: an id is no UTF-8");
	json_decref(text);
	return 0;
}

static int check(struct mab_coordination *c)
{
	size_t i;
	int ret = 0;

	if (!c->timeout_ms)
		c->timeout_ms = TIMEOUT_MS;
	if (!c->params)
		c->params = "";
	if (c->timeout_ms < 0)
		return sup_set_error(-EINVAL, "timeout_ms: it is below 0");
	if (!c->agents || !c->n_agents || c->n_agents > MAB_ROUND_AGENTS_MAX)
		return sup_set_error(-EINVAL, "agents: there are %zu, not 1 to "
				     "%d", c->agents ? c->n_agents : 0,
				     MAB_ROUND_AGENTS_MAX);
	if (strlen(c->params) > MAB_BODY_MAX)
		return sup_set_error(-E2BIG, "params: more than %d bytes",
				     MAB_BODY_MAX);
	for (i = 0; i < c->n_agents && !ret; i++)
		ret = check_agent(c->agents[i]);
	return ret ? ret : check_twice(c->agents, c->n_agents);
}

/* Whether the protocol begins with these parameters. */
static int try_protocol(const struct mab_protocol *p,
			const struct mab_coordination *c)
{
	struct mab_round round = {
		.seed = c->seed, .agents = c->agents, .n = c->n_agents,
		.params = c->params, .len = strlen(c->params),
	};
	int ret;

	round.state = calloc(1, p->state_size + c->n_agents * p->agent_size +
				1);
	if (!round.state)
		return mab__nomem("a session");
	ret = p->begin(&round);
	free(round.state);
	return ret;
}

static struct mab__plan *new_plan(const struct mab_protocol *p,
				  const struct mab_coordination *c)
{
	size_t i, size = sizeof(struct mab__plan) + strlen(c->params) + 1;
	struct mab__plan *plan;
	char *at;

	for (i = 0; i < c->n_agents; i++)
		size += strlen(c->agents[i]) + 1;
	plan = malloc(size);
	if (!plan)
		return NULL;
	*plan = (struct mab__plan){
		.size = size, .protocol = *p, .seed = c->seed,
		.deadline = sup_deadline_ms(c->timeout_ms),
		.n = c->n_agents, .len = strlen(c->params),
	};
	at = stpcpy(plan->text, c->params) + 1;
	for (i = 0; i < c->n_agents; i++)
		at = stpcpy(at, c->agents[i]) + 1;
	return plan;
}

static int draw(const struct mab_protocol *p, const struct mab_coordination *c,
		uint64_t *ret_nr)
{
	struct mab__plan *plan;
	int ret;

	ret = try_protocol(p, c);
	if (ret)
		return ret;
	plan = new_plan(p, c);
	if (!plan)
		return mab__nomem("a session");
	ret = mab__session_draw(p, plan, ret_nr);
	if (ret)
		free(plan);
	return ret;
}

int mab_coordinate_start(const struct mab_coordination *given,
			 uint64_t *ret_session)
{
	const struct mab_protocol *protocol;
	struct mab_coordination c;
	struct sup_pid worker;
	uint64_t nr;
	int ret;

	mab__sessions_settle(0);
	ret = mab__copy_options(&c, sizeof(c), given);
	if (!ret)
		ret = check(&c);
	if (!ret)
		ret = mab__protocol_begin(c.protocol, &protocol);
	if (ret)
		return ret;
	ret = draw(protocol, &c, &nr);
	if (ret) {
		mab__protocol_withdraw(protocol);
		return ret;
	}
	ret = mab__worker_start(nr, &worker);
	if (ret) {
		mab__session_drop(nr);
		return ret;
	}
	mab__session_known(nr, worker);
	mab__worker_tell(worker);
	*ret_session = nr;
	return 0;
}
