/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the system is like, as one looks. */
#include <mabeam/core.h>

#include <stdlib.h>

#include <sup/sup.h>

#include "mabeam/core_runs.h"
#include "mabeam/core_table.h"

#define GOOD 0.8
#define BAD 0.5

/* True: there is no room for one more. */
static bool look_at_variables(struct mab_core_status *s)
{
	bool full;

	pthread_mutex_lock(&mab__core.lock);
	s->runs = mab__core.pid.v && sup_is_alive(mab__core.pid);
	if (s->runs)
		s->uptime_ns = sup_deadline_ms(0) - mab__core.began;
	s->variables = HASH_COUNT(mab__core.variables);
	s->updates = mab__core.updates;
	full = HASH_CNT(by_nr, mab__core.by_nr) >=
	       mab__core.limits.max_variables;
	pthread_mutex_unlock(&mab__core.lock);
	return full;
}

static void look_at_runs(struct mab_core_status *s)
{
	struct mab__run_counts c;

	mab__runs_count(&c);
	s->orchestrations = c.orchestrations;
	s->running = c.running;
	s->overdue = c.overdue;
	s->ended = c.runs;
	s->failed = c.failed;
	s->average_ns = c.average_ns;
	s->success = c.recent ?
		(double)(c.recent - c.recent_failed) / c.recent : 1;
}

static int count_agents(struct mab_core_status *s)
{
	struct mab_agent *agents;
	size_t i, n;
	int ret;

	ret = mab_agent_find(NULL, &agents, &n);
	if (ret)
		return ret;
	for (i = 0; i < n; i++)
		s->agents[agents[i].state]++;
	free(agents);
	return 0;
}

static enum fnd_health health_of(const struct mab_core_status *s, bool full)
{
	if (!s->runs || s->success < BAD)
		return FND_UNHEALTHY;
	return s->success < GOOD || s->overdue || full ? FND_DEGRADED :
		FND_HEALTHY;
}

int mab_core_status(struct mab_core_status *ret_status)
{
	struct mab_core_status s = { .runs = false };
	bool full;
	int ret;

	ret = count_agents(&s);
	if (ret)
		return ret;
	full = look_at_variables(&s);
	look_at_runs(&s);
	s.health = health_of(&s, full);
	*ret_status = s;
	return 0;
}
