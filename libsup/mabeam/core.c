/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Core's server tells subscribers of variables what they have not heard, and
 * runs of orchestrations to end that are too late, or whose owner has ended.
 * Who makes work for it wakes it; it also looks once a second, for one that was
 * killed before it could. It holds nothing: what it has to do is in the tables
 * (core_table.c, core_runs.c), so that a next one goes on with it.
 */
#include <mabeam/core.h>

#include <errno.h>
#include <string.h>

#include <sup/sup.h>

#include "mabeam/core_runs.h"
#include "mabeam/core_table.h"
#include "mabeam/service.h"

/*
 * Its timers: the look of each second, one for those without room, and one for
 * the next deadline of a run.
 */
enum timer { LOOK = 1, AGAIN, DEADLINE };

#define LOOK_MS 1000
#define AGAIN_MS 10

/* Room for any news. */
union state {
	struct mab_variable_news news;
	char room[sizeof(struct mab_variable_news) + MAB_VALUE_MAX + 1];
};

/* False: it has no room, or there is no memory. */
static bool tell_one(union state *s, uint64_t nr, struct sup_pid pid)
{
	struct sup_msg msg = { .tag = MAB_VARIABLE_NEWS, .data = &s->news };
	int ret;

	while ((msg.len = mab__news_next(nr, pid, &s->news))) {
		/* ORDER: no safe point until it is noted that it was sent. */
		ret = sup_send(pid, &msg, SUP_TRY);
		if (!ret)
			mab__news_heard(nr, pid, &s->news);
		else if (ret == -ESRCH)
			mab__news_ended(nr, pid);
		else
			return false;
	}
	return true;
}

static void tell(union state *s)
{
	bool stuck = false, no_memory;
	struct sup_pid *pids;
	size_t i, n;
	uint64_t nr;

	while (mab__news_take(&nr, &pids, &n, &no_memory)) {
		for (i = 0; i < n; i++)
			if (!tell_one(s, nr, pids[i])) {
				mab__news_stuck(nr);
				stuck = true;
			}
		sup_free(pids);
	}
	if (stuck || no_memory)
		sup_server_timer(AGAIN, AGAIN_MS);
}

static void look(void *state)
{
	tell(state);
	sup_server_timer(DEADLINE, mab__runs_look());
}

static int cast(void *state, struct sup_msg *msg)
{
	if (msg->tag == MAB__LOOK)
		look(state);
	return SUP_CONTINUE;
}

static int info(void *state, struct sup_info *info)
{
	if (info->kind != SUP_INFO_TIMER)
		return SUP_CONTINUE;
	if (info->msg.tag == AGAIN)
		mab__news_again();
	if (info->msg.tag == LOOK)
		sup_server_timer(LOOK, LOOK_MS);
	look(state);
	return SUP_CONTINUE;
}

static int init(void *arg, void **ret_state)
{
	struct mab_core_options options;
	int ret;

	ret = mab__copy_options(&options, sizeof(options), arg);
	if (!ret)
		ret = mab__core_limit(&options);
	if (ret)
		return ret;
	*ret_state = sup_alloc(sizeof(union state));
	if (!*ret_state)
		return -ENOMEM;
	ret = sup_server_timer(LOOK, LOOK_MS);
	if (ret)
		return ret;
	mab__core_begin();
	/* Some may not have heard what the last one was about to tell them. */
	mab__news_begin();
	look(*ret_state);
	return 0;
}

int mab_core_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .cast = cast, .info = info,
	};
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = MAB__CORE, .reg = true,
		.ops = &ops, .arg = (void *)options,
	};

	return sup_server_start(&spec, ret_pid);
}
