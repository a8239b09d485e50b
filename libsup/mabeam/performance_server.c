/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server of the PerformanceMonitor only keeps time: it looks at all agents
 * again and again, and when it is asked to. What it has seen is in the table
 * (performance.c), and so are its options: it may be killed at any time.
 */
#include <errno.h>
#include <stdlib.h>

#include <sup/sup.h>

#include "mabeam/performance_in.h"
#include "mabeam/service.h"

#define NS_PER_MS INT64_C(1000000)

/* Of its timer, of a call, and of a cast: the interval is another one. */
enum { LOOK = 1, ARM };

static int arm(void)
{
	int64_t interval_ms;

	pthread_mutex_lock(&mab__performance.lock);
	interval_ms = mab__performance.options.interval_ms;
	pthread_mutex_unlock(&mab__performance.lock);
	return sup_server_timer(LOOK, interval_ms);
}

static int look_at_all(void)
{
	static const struct mab_agent_query up = {
		.states = MAB_STATE_BIT(MAB_RUNNING),
	};
	struct mab_agent *agents;
	size_t i, n;
	int ret;

	ret = mab_agent_find(&up, &agents, &n);
	if (ret)
		return ret;
	/* Nothing from here on is a safe point. */
	for (i = 0; i < n; i++)
		mab__performance_look(agents[i].id);
	free(agents);
	mab__performance_settle();
	return 0;
}

static int init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return sup_server_continue(LOOK);
}

/* What there is no memory for is looked at the next time. */
static int go_on(void *state, uint64_t what)
{
	(void)state;
	(void)what;
	look_at_all();
	return arm();
}

static int call(void *state, struct sup_from from, struct sup_msg *req)
{
	static const struct sup_msg done = { .tag = LOOK };
	int ret = -EINVAL;

	(void)state;
	if (req->tag == LOOK)
		ret = look_at_all();
	if (!ret)
		ret = sup_reply(from, &done);
	if (ret)
		sup_reply_error(from, ret);
	return SUP_CONTINUE;
}

static int cast(void *state, struct sup_msg *msg)
{
	(void)state;
	return msg->tag == ARM ? arm() : SUP_CONTINUE;
}

static int info(void *state, struct sup_info *info)
{
	if (info->kind != SUP_INFO_TIMER || info->msg.tag != LOOK)
		return SUP_CONTINUE;
	return go_on(state, LOOK);
}

static int check_options(struct mab_performance_options *o)
{
	static const struct mab_performance_options standard =
		MAB__PERFORMANCE_OPTIONS;

	if (!o->interval_ms)
		o->interval_ms = standard.interval_ms;
	if (!o->history)
		o->history = standard.history;
	if (!o->ended)
		o->ended = standard.ended;
	if (o->interval_ms > INT64_MAX / NS_PER_MS / 2)
		return sup_set_error(-EINVAL, "interval_ms: it is too long");
	if (o->history > MAB_HISTORY_MAX)
		return sup_set_error(-EINVAL, "history: %zu is more than %d",
				     o->history, MAB_HISTORY_MAX);
	if (o->ended > MAB_HISTORY_MAX)
		return sup_set_error(-EINVAL, "ended: %zu is more than %d",
				     o->ended, MAB_HISTORY_MAX);
	o->size = sizeof(*o);
	return 0;
}

static int set_options(const void *given)
{
	struct mab_performance_options o;
	struct mab__record *r;
	int ret;

	ret = mab__copy_options(&o, sizeof(o), given);
	if (!ret)
		ret = check_options(&o);
	if (ret)
		return ret;
	pthread_mutex_lock(&mab__performance.lock);
	mab__performance.options = o;
	for (r = mab__performance.records; r; r = r->hh.next)
		mab__history_cut_locked(r);
	mab__performance_prune_locked();
	pthread_mutex_unlock(&mab__performance.lock);
	return 0;
}

int mab_performance_configure(const struct mab_performance_options *o)
{
	const struct sup_msg msg = { .tag = ARM };
	int ret;

	ret = set_options(o);
	/* One that has just been started, or has no room, will see it soon. */
	if (!ret)
		sup_cast(sup_whereis(MAB__PERFORMANCE), &msg, SUP_TRY);
	return ret;
}

int mab_performance_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = call, .cast = cast,
		.info = info, .go_on = go_on,
	};
	static const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = MAB__PERFORMANCE, .reg = true,
		.ops = &ops,
	};
	int ret;

	ret = options ? set_options(options) : 0;
	return ret ? ret : sup_server_start(&spec, ret_pid);
}

int mab_performance_sample(int64_t deadline)
{
	return mab__service_do(MAB__PERFORMANCE, LOOK, deadline);
}
