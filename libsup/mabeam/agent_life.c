/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What lives of agents, and their programs, say of themselves in the table. */
#include "mabeam/agent_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sup/sup.h>

void mab__life_is(uint64_t key)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_by_run_locked(key);
	if (a)
		a->pid = sup_self();
	pthread_mutex_unlock(&mab__agents.lock);
}

/* The agent, if the calling task is its life. */
static struct mab__agent *of_self_locked(uint64_t key)
{
	struct mab__agent *a = mab__agent_by_run_locked(key);

	return a && a->pid.v == sup_self().v ? a : NULL;
}

bool mab__life_counts(uint64_t key)
{
	bool counts;

	pthread_mutex_lock(&mab__agents.lock);
	counts = of_self_locked(key);
	pthread_mutex_unlock(&mab__agents.lock);
	return counts;
}

bool mab__life_before(uint64_t key, struct sup_pid *ret_before)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = of_self_locked(key);
	*ret_before = a ? a->before : SUP_PID_NONE;
	pthread_mutex_unlock(&mab__agents.lock);
	return ret_before->v;
}

bool mab__life_before_ended(uint64_t key, struct sup_pid before,
			    const struct sup_reason *reason)
{
	struct mab__news news = { .kind = MAB__NO_NEWS };
	struct mab__agent *a;
	bool goes_on = false;

	pthread_mutex_lock(&mab__agents.lock);
	a = of_self_locked(key);
	if (a && a->before.v == before.v) {
		a->before = SUP_PID_NONE;
		a->has_ended = true;
		a->reason = *reason;
		mab__agent_count_end_locked(a, &news);
		goes_on = a->config->spec.restart == MAB_PERMANENT ||
			  reason->kind != SUP_REASON_NORMAL;
		if (!goes_on)
			a->why = MAB__WHY_DONE;
	}
	pthread_mutex_unlock(&mab__agents.lock);
	mab__news_tell(&news);
	return goes_on;
}

static void up_locked(struct mab__agent *a, struct mab__news *ret_news)
{
	bool again = a->lives++;

	a->state = MAB_RUNNING;
	a->error = 0;
	a->started_ns = a->heard_ns = sup_deadline_ms(0);
	a->starts++;
	mab__agents.starts++;
	if (again) {
		a->restarts++;
		mab__agents.restarts++;
		a->restarted_ns = a->started_ns;
	}
	mab__news_of(ret_news, again ? MAB__RESTARTED : MAB__STARTED, a->id);
}

bool mab__life_up(uint64_t key)
{
	struct mab__news news = { .kind = MAB__NO_NEWS };
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = of_self_locked(key);
	if (a)
		up_locked(a, &news);
	pthread_mutex_unlock(&mab__agents.lock);
	mab__news_tell(&news);
	return a;
}

void mab__life_heard(uint64_t key)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = of_self_locked(key);
	if (a)
		a->heard_ns = sup_deadline_ms(0);
	pthread_mutex_unlock(&mab__agents.lock);
}

void mab__life_failed(uint64_t key, int why, const char *text)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = of_self_locked(key);
	if (a) {
		a->why = why;
		snprintf(a->text, sizeof(a->text), "%s", text);
	}
	pthread_mutex_unlock(&mab__agents.lock);
}

static int start_error_locked(const struct mab__agent *a)
{
	if (a->why == MAB__WHY_DECLINED)
		return sup_set_error(-ECANCELED, "the agent \"%s\" has "
				     "declined", a->id);
	if (a->why < 0)
		return sup_set_error(a->why, "the agent \"%s\": %s", a->id,
				     a->text[0] ? a->text :
				     strerrordesc_np(-a->why));
	return sup_set_error(-ECHILD, "the agent \"%s\" has ended before its "
			     "start was over", a->id);
}

int mab__start_result(const char *id, uint64_t key)
{
	struct mab__agent *a;
	int ret;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_by_key_locked(key);
	if (!a)
		ret = mab__agent_unknown(id);
	else if (a->begun == (uint32_t)key)
		ret = a->lives ? 0 : start_error_locked(a);
	else
		ret = sup_set_error(-ECHILD, "the agent \"%s\" has ended "
				    "since", id);
	pthread_mutex_unlock(&mab__agents.lock);
	return ret;
}

void mab__life_took(uint64_t key)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_by_key_locked(key);
	if (a)
		a->taken++;
	pthread_mutex_unlock(&mab__agents.lock);
}

void mab__process_is(uint64_t key, struct sup_pid process)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_by_key_locked(key);
	if (a)
		a->process = process;
	pthread_mutex_unlock(&mab__agents.lock);
}

void mab__process_of(const char *id, struct sup_pid *ret_pipe,
		     struct sup_pid *ret_process)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	*ret_pipe = a ? a->pipe : SUP_PID_NONE;
	*ret_process = a ? a->process : SUP_PID_NONE;
	pthread_mutex_unlock(&mab__agents.lock);
}

static int copy_config_locked(const struct mab__agent *a,
			      struct mab__config **ret_config)
{
	struct mab__config *copy = sup_alloc(a->config->size);

	if (copy)
		memcpy(copy, a->config, a->config->size);
	*ret_config = copy;
	return copy ? 0 : -ENOMEM;
}

int mab__life_config(uint64_t key, struct mab__config **ret_config)
{
	struct mab__agent *a;
	int ret = -ENOENT;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_by_run_locked(key);
	if (a)
		ret = copy_config_locked(a, ret_config);
	pthread_mutex_unlock(&mab__agents.lock);
	return ret;
}

int mab__pipe_is(uint64_t key, struct sup_pid life,
		 struct mab__config **ret_config)
{
	struct mab__agent *a;
	int ret = -ENOENT;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_by_run_locked(key);
	if (a && a->pid.v == life.v)
		ret = copy_config_locked(a, ret_config);
	if (!ret)
		a->pipe = sup_self();
	pthread_mutex_unlock(&mab__agents.lock);
	return ret;
}
