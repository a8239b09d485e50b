/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the table has counted, and one look at who runs (agent_usage.c). Both
 * are of one life, or it is looked again.
 */
#include <mabeam/agent_metrics.h>

#include <errno.h>
#include <stdlib.h>

#include <mabeam/agent_process.h>
#include <sup/sup.h>

#include "mabeam/agent_table.h"
#include "mabeam/agent_usage.h"
#include "mabeam/service.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)
#define MAILBOX 1024	/* default, as that of a task */

static bool is_silent_locked(const struct mab__agent *a, int64_t now)
{
	const struct mab_program *program;

	if (a->config->spec.ops != mab_agent_process())
		return false;
	program = a->config->spec.arg;
	return program->heartbeat_ms &&
	       now - a->heard_ns > program->heartbeat_ms * NS_PER_MS / 2;
}

static bool was_restarted_locked(const struct mab__agent *a, int64_t now)
{
	return a->restarted_ns && now - a->restarted_ns <
	       a->config->spec.period_s * NS_PER_S;
}

static bool is_full_locked(const struct mab__agent *a, size_t n)
{
	size_t room = a->config->spec.mailbox;

	return n >= (room ? room : MAILBOX);
}

static enum mab_health health_locked(const struct mab__agent *a,
				     const struct mab__usage *u)
{
	static const enum mab_health healths[MAB_STATES] = {
		[MAB_REGISTERED] = MAB_HEALTHY,
		[MAB_STARTING] = MAB_DEGRADED,
		[MAB_RUNNING] = MAB_HEALTHY,
		[MAB_RESTARTING] = MAB_DEGRADED,
		[MAB_CRASHED] = MAB_UNHEALTHY,
		[MAB_COMPLETED] = MAB_HEALTHY,
		[MAB_STOPPED] = MAB_DEGRADED,
	};
	int64_t now = sup_deadline_ms(0);

	if (a->state == MAB_RUNNING &&
	    (was_restarted_locked(a, now) || is_silent_locked(a, now) ||
	     is_full_locked(a, u->mailbox)))
		return MAB_DEGRADED;
	return healths[a->state];
}

/* False: the look is of another life, or none. */
static bool fill_locked(const struct mab__agent *a, const struct mab__usage *u,
			struct mab_agent_metrics *to)
{
	bool runs = a->state == MAB_RUNNING;

	if (runs ? u->pid.v != a->pid.v : u->pid.v != 0)
		return false;
	*to = (struct mab_agent_metrics){
		.state = a->state, .health = health_locked(a, u),
		.pid = u->pid, .time_ns = u->time_ns, .cpu_ns = u->cpu_ns,
		.memory = u->memory, .mailbox = u->mailbox, .taken = a->taken,
		.starts = a->starts, .restarts = a->restarts,
		.failed_starts = a->failed_starts, .crashes = a->crashes,
		.has_ended = a->has_ended, .reason = a->reason,
	};
	if (runs)
		to->uptime_ns = u->time_ns - a->started_ns;
	return true;
}

/* What the table says is made true before, by the caller. -EAGAIN: do so. */
static int look(const char *id, struct mab_agent_metrics *ret_metrics)
{
	struct mab__usage u;
	struct mab__agent *a;
	int ret;

	ret = mab__usage_of(id, &u);
	if (ret == -ENOTCONN)
		u = (struct mab__usage){ .pid = SUP_PID_NONE };
	else if (ret)
		return ret;
	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	if (!a)
		ret = mab__agent_unknown(id);
	else
		ret = fill_locked(a, &u, ret_metrics) ? 0 : -EAGAIN;
	pthread_mutex_unlock(&mab__agents.lock);
	return ret;
}

int mab_agent_metrics(const char *id, struct mab_agent_metrics *ret_metrics)
{
	int ret;

	ret = mab__check_name("id", id);
	if (ret)
		return ret == -ENAMETOOLONG ? mab__agent_unknown(id) : ret;
	do {
		mab__agents_settle(id);
		ret = look(id, ret_metrics);
	} while (ret == -EAGAIN);
	return ret;
}

static void add(struct mab_agent_summary *s, const struct mab_agent_metrics *m)
{
	s->agents++;
	s->states[m->state]++;
	s->healths[m->health]++;
	s->cpu_ns += m->cpu_ns;
	s->memory += m->memory;
	s->mailbox += m->mailbox;
}

static void fill_totals(struct mab_agent_summary *s)
{
	s->health = s->agents ? (s->healths[MAB_HEALTHY] +
				 s->healths[MAB_DEGRADED] / 2.0) * 100 /
				s->agents : 100;
	pthread_mutex_lock(&mab__agents.lock);
	s->supervisors = mab__agents.supervisors;
	s->starts = mab__agents.starts;
	s->restarts = mab__agents.restarts;
	s->failed_starts = mab__agents.failed_starts;
	s->crashes = mab__agents.crashes;
	pthread_mutex_unlock(&mab__agents.lock);
}

static int ask_supervisor(struct mab_agent_summary *s)
{
	struct sup_child_counts counts;
	int ret;

	s->supervisor = sup_whereis(MAB__AGENTS);
	if (!s->supervisor.v)
		return 0;
	ret = sup_count_children(s->supervisor, &counts);
	if (ret == -ESRCH) {
		s->supervisor = SUP_PID_NONE;
		return 0;
	}
	if (!ret) {
		s->children = counts.specs;
		s->active = counts.active;
	}
	return ret;
}

/* Those that are there now, as memory that is not lost at a safe point. */
static int list_ids(char (**ret_ids)[MAB_NAME_MAX + 1], size_t *ret_n)
{
	char (*ids)[MAB_NAME_MAX + 1];
	struct mab__agent *a;
	size_t n = 0;

	pthread_mutex_lock(&mab__agents.lock);
	ids = mab__alloc((HASH_COUNT(mab__agents.agents) + 1) * sizeof(*ids));
	if (ids)
		for (a = mab__agents.agents; a; a = a->hh.next)
			strcpy(ids[n++], a->id);
	pthread_mutex_unlock(&mab__agents.lock);
	*ret_ids = ids;
	*ret_n = n;
	return ids ? 0 : mab__nomem("a summary of agents");
}

int mab_agent_summary(struct mab_agent_summary *ret_summary)
{
	struct mab_agent_summary s = { .agents = 0 };
	struct mab_agent_metrics m;
	char (*ids)[MAB_NAME_MAX + 1];
	size_t i, n;
	int ret;

	ret = ask_supervisor(&s);
	if (!ret)
		ret = list_ids(&ids, &n);
	if (ret)
		return ret;
	for (i = 0; i < n; i++)
		if (!mab_agent_metrics(ids[i], &m))
			add(&s, &m);
	mab__free(ids);
	fill_totals(&s);
	*ret_summary = s;
	return 0;
}

const char *mab_health_name(enum mab_health health)
{
	static const char *const names[] = {
		[MAB_HEALTHY] = "healthy",
		[MAB_DEGRADED] = "degraded",
		[MAB_UNHEALTHY] = "unhealthy",
	};

	return (unsigned int)health < MAB_HEALTHS ? names[health] : "unknown";
}
