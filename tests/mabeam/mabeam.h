/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of agents begin with: a runtime, the services, a simple agent. */
#ifndef TESTS_MABEAM_MABEAM_H
#define TESTS_MABEAM_MABEAM_H

#include "foundation.h"

#include <mabeam/mabeam.h>

static struct sup_pid mabeam;

static inline int set_up_mabeam(void **state)
{
	return set_up_foundation(state) || mab_mabeam_start(NULL, &mabeam);
}

/* Agents are the process's: each test begins without any. */
static inline int tear_down_mabeam(void **state)
{
	struct mab_agent *agents;
	size_t i, n;
	int ret;

	ret = mab_agent_find(NULL, &agents, &n);
	for (i = 0; i < n && !ret; i++)
		ret = mab_agent_deregister(agents[i].id);
	free(agents);
	return ret || tear_down(state);
}

#define MABEAM_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_mabeam, tear_down_mabeam)

/* Answers "echo" with what it got; does what other methods say. */
static inline int simple_init(const char *id, void *arg, void **ret_state)
{
	(void)id;
	*ret_state = arg;
	return 0;
}

static inline int simple_request(void *state, struct sup_from from,
				 const struct mab_message *m)
{
	(void)state;
	if (!strcmp(m->method, "echo"))
		return mab_reply(from, m->body, m->len);
	if (!strcmp(m->method, "error"))
		return mab_reply_error(from, m->body);
	if (!strcmp(m->method, "fail"))
		return -EIO;
	if (!strcmp(m->method, "normal"))
		return sup_server_stop_with(&SUP_NORMAL) ?: SUP_STOP;
	if (!strcmp(m->method, "shutdown"))
		return sup_server_stop_with(&SUP_SHUTDOWN) ?: SUP_STOP;
	return 0;	/* silent */
}

static const struct mab_agent_ops simple_ops = {
	.size = sizeof(simple_ops), .init = simple_init,
	.request = simple_request,
};

#define AGENT_OF(o, ...) (&(struct mab_agent_spec){ \
	.size = sizeof(struct mab_agent_spec), .ops = (o), __VA_ARGS__ })
#define AGENT(...) AGENT_OF(&simple_ops, __VA_ARGS__)

#define CAN(...) ((const char *const[]){ __VA_ARGS__, NULL })

#define SAY(m, b) (&(struct mab_message){ \
	.method = (m), .body = (b), .len = strlen(b) })

static inline struct mab_agent *agent_of(const char *id)
{
	struct mab_agent *a;

	assert_int_equal(mab_agent_get(id, &a), 0);
	return a;
}

static inline enum mab_agent_state state_of(const char *id)
{
	struct mab_agent *a = agent_of(id);
	enum mab_agent_state state = a->state;

	free(a);
	return state;
}

/* Registered and started. */
static inline struct sup_pid start_agent(const struct mab_agent_spec *spec)
{
	struct sup_pid pid;

	assert_int_equal(mab_agent_register(spec), 0);
	assert_int_equal(mab_agent_start(spec->id, &pid), 0);
	return pid;
}

static inline size_t children_of_agents(void)
{
	struct sup_child_counts counts;

	assert_int_equal(sup_count_children(sup_whereis("mab_agents"),
					    &counts), 0);
	return counts.active;
}

#endif
