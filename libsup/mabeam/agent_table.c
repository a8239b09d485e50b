/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of an agent. Its state is changed by few:
 *
 *	start of a life, on the AgentSupervisor's thread	STARTING
 *	and what came of it	RUNNING, or CRASHED (first), RESTARTING
 *	the end of a life, by whoever sees it first	RESTARTING, if it will
 *		be started again, else CRASHED, COMPLETED or STOPPED
 *	the AgentSupervisor has it no more	RESTARTING to one of these
 *
 * No message tells of an end: a life whose task does not live has ended, and
 * who looks asks for the reason before it reports. So what is reported is never
 * older than the look.
 */
#include "mabeam/agent_table.h"

#include <errno.h>
#include <string.h>

#include <mabeam/agent_process.h>
#include <sup/sup.h>

#include "mabeam/service.h"

struct mab__agent_table mab__agents = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

static uint64_t key_of(const struct mab__agent *a, uint32_t run)
{
	return (uint64_t)a->nr << 32 | run;
}

struct mab__agent *mab__agent_find_locked(const char *id)
{
	struct mab__agent *a;

	HASH_FIND_STR(mab__agents.agents, id, a);
	return a;
}

static struct mab__agent *by_key_locked(uint64_t key)
{
	uint32_t nr = key >> 32;
	struct mab__agent *a;

	HASH_FIND(by_nr, mab__agents.by_nr, &nr, sizeof(nr), a);
	return a;
}

/* The agent, if that is its run. */
static struct mab__agent *by_run_locked(uint64_t key)
{
	struct mab__agent *a = by_key_locked(key);

	return a && a->run && key == key_of(a, a->run) ? a : NULL;
}

int mab__agent_unknown(const char *id)
{
	return sup_set_error(-ENOENT, "id: there is no agent \"%s\"", id);
}

bool mab__agent_is_up_locked(const struct mab__agent *a)
{
	return (a->state == MAB_RUNNING || a->state == MAB_STARTING) &&
		a->pid.v && sup_is_alive(a->pid);
}

static bool has_ended_unseen_locked(const struct mab__agent *a)
{
	return a->state == MAB_RUNNING && !sup_is_alive(a->pid);
}

/* The AgentSupervisor has been killed: nobody starts it any more. */
static bool is_orphan_locked(const struct mab__agent *a)
{
	return (a->state == MAB_STARTING || a->state == MAB_RESTARTING) &&
		!sup_is_alive(a->supervisor);
}

/* Who waits for that is there: else it may have been killed by anybody. */
static bool is_to_stop_locked(const struct mab__agent *a)
{
	return a->to_stop && (!a->stopper.v || sup_is_alive(a->stopper));
}

static bool will_restart_locked(const struct mab__agent *a)
{
	enum mab_restart restart = a->config->spec.restart;

	if (!a->run || !sup_is_alive(a->supervisor) || is_to_stop_locked(a))
		return false;
	return restart == MAB_PERMANENT || (restart == MAB_TRANSIENT &&
					    !sup_reason_is_clean(&a->reason));
}

static enum mab_agent_state last_state_locked(const struct mab__agent *a)
{
	switch (a->reason.kind) {
	case SUP_REASON_NORMAL:
		return MAB_COMPLETED;
	case SUP_REASON_SHUTDOWN:
		return MAB_STOPPED;
	case SUP_REASON_KILLED:
		return is_to_stop_locked(a) ? MAB_STOPPED : MAB_CRASHED;
	default:
		return MAB_CRASHED;
	}
}

static void end_life_locked(struct mab__agent *a,
			    const struct sup_reason *reason)
{
	a->has_ended = true;
	a->reason = *reason;
	a->pid = SUP_PID_NONE;
	a->state = will_restart_locked(a) ? MAB_RESTARTING :
		   last_state_locked(a);
}

static void end_orphan_locked(struct mab__agent *a)
{
	a->run = 0;
	a->pid = SUP_PID_NONE;
	if (a->state == MAB_STARTING) {
		a->error = -ECHILD;
		a->state = MAB_CRASHED;
	} else {
		a->state = last_state_locked(a);
	}
}

/* One that has ended unseen: it, and its task. */
static bool find_ended(const char *id, uint32_t *ret_nr,
		       struct sup_pid *ret_pid)
{
	struct mab__agent *a;
	bool found = false;

	pthread_mutex_lock(&mab__agents.lock);
	a = id ? mab__agent_find_locked(id) : mab__agents.agents;
	while (a && !found) {
		if (is_orphan_locked(a))
			end_orphan_locked(a);
		found = has_ended_unseen_locked(a);
		if (found) {
			*ret_nr = a->nr;
			*ret_pid = a->pid;
		}
		a = id ? NULL : a->hh.next;
	}
	pthread_mutex_unlock(&mab__agents.lock);
	return found;
}

void mab__agents_settle(const char *id)
{
	struct sup_reason reason;
	struct mab__agent *a;
	struct sup_pid pid;
	uint32_t nr;

	while (find_ended(id, &nr, &pid)) {
		if (sup_wait(pid, &reason, SUP_TRY))
			reason = SUP__REASON(SUP_REASON_LOST);
		pthread_mutex_lock(&mab__agents.lock);
		a = by_key_locked((uint64_t)nr << 32);
		if (a && a->state == MAB_RUNNING && a->pid.v == pid.v)
			end_life_locked(a, &reason);
		pthread_mutex_unlock(&mab__agents.lock);
	}
}

static bool is_busy_locked(const struct mab__agent *a)
{
	return a->state == MAB_STARTING || a->state == MAB_RUNNING ||
	       a->state == MAB_RESTARTING;
}

static int refuse_run_locked(const struct mab__agent *a)
{
	return is_busy_locked(a) ?
		sup_set_error(-EALREADY, "id: the agent \"%s\" is %s", a->id,
			      mab_agent_state_name(a->state)) : 0;
}

static void fill_child_locked(const struct mab__agent *a,
			      struct sup_child_spec *child)
{
	static const enum sup_restart restarts[] = {
		[MAB_TEMPORARY] = SUP_TEMPORARY,
		[MAB_TRANSIENT] = SUP_TRANSIENT,
		[MAB_PERMANENT] = SUP_PERMANENT,
	};
	const struct mab_agent_spec *spec = &a->config->spec;

	child->restart = restarts[spec->restart];
	child->shutdown_ms = spec->shutdown_ms;
	child->backoff = spec->backoff;
	child->budget = (struct sup_budget){
		.intensity = spec->max_restarts, .period_s = spec->period_s,
		.spent = SUP_SPENT_STOP,
	};
}

int mab__run_draw(const char *id, uint64_t *ret_key,
		  struct sup_child_spec *ret_child)
{
	struct mab__agent *a;
	int ret;

	mab__agents_settle(id);
	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	ret = a ? refuse_run_locked(a) : mab__agent_unknown(id);
	if (!ret) {
		if (!++a->last_run)
			a->last_run = 1;
		*ret_key = key_of(a, a->last_run);
		fill_child_locked(a, ret_child);
	}
	pthread_mutex_unlock(&mab__agents.lock);
	return ret;
}

static int begin_locked(struct mab__agent *a, uint64_t key,
			struct mab__life *ret_life)
{
	int ret;

	if (!a)
		return sup_set_error(-ENOENT, "the agent has been "
				     "deregistered");
	if (!a->run || key != key_of(a, a->run)) {
		ret = refuse_run_locked(a);
		if (ret)
			return ret;
		a->run = (uint32_t)key;
		a->lives = 0;
		a->to_stop = false;
	}
	a->supervisor = sup_self();
	a->state = MAB_STARTING;
	a->pid = SUP_PID_NONE;
	a->why = 0;
	strcpy(ret_life->id, a->id);
	ret_life->mailbox = a->config->spec.mailbox;
	ret_life->containment = a->config->spec.containment;
	ret_life->awaits_ready = a->config->spec.ops == mab_agent_process();
	return 0;
}

int mab__life_begin(uint64_t key, struct mab__life *ret_life)
{
	struct mab__agent *a;
	int ret;

	ret_life->id[0] = '\0';
	pthread_mutex_lock(&mab__agents.lock);
	a = by_key_locked(key);
	if (a)
		strcpy(ret_life->id, a->id);
	pthread_mutex_unlock(&mab__agents.lock);
	mab__agents_settle(ret_life->id);
	pthread_mutex_lock(&mab__agents.lock);
	ret = begin_locked(by_key_locked(key), key, ret_life);
	pthread_mutex_unlock(&mab__agents.lock);
	return ret;
}

static void begun_locked(struct mab__agent *a, int error, struct sup_pid pid)
{
	a->error = error == SUP_IGNORE ? 0 : error;
	a->pid = error ? SUP_PID_NONE : pid;
	if (!error) {
		a->state = MAB_RUNNING;
		a->child = pid;
		a->started_ns = sup_deadline_ms(0);
		a->restarts += !!a->lives++;
	} else if (!a->lives || error == SUP_IGNORE) {
		a->run = 0;
		a->state = error == SUP_IGNORE ? MAB_STOPPED : MAB_CRASHED;
	} else {
		a->state = MAB_RESTARTING;
	}
}

int mab__life_begun(uint64_t key, int error, struct sup_pid pid)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = by_run_locked(key);
	if (a && error < 0 && a->why)
		error = sup_set_error(a->why, "the agent \"%s\" has ended "
				      "before it was ready", a->id);
	if (a)
		begun_locked(a, error, pid);
	pthread_mutex_unlock(&mab__agents.lock);
	return error;
}

void mab__life_is(uint64_t key)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = by_run_locked(key);
	if (a)
		a->pid = sup_self();
	pthread_mutex_unlock(&mab__agents.lock);
}

void mab__life_failed(uint64_t key, int error)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = by_run_locked(key);
	if (a && a->pid.v == sup_self().v)
		a->why = error;
	pthread_mutex_unlock(&mab__agents.lock);
}

void mab__life_took(uint64_t key)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = by_key_locked(key);
	if (a)
		a->taken++;
	pthread_mutex_unlock(&mab__agents.lock);
}

void mab__process_is(uint64_t key, struct sup_pid process)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = by_key_locked(key);
	if (a)
		a->process = process;
	pthread_mutex_unlock(&mab__agents.lock);
}

struct sup_pid mab__process_of(const char *id)
{
	struct sup_pid process = SUP_PID_NONE;
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	if (a)
		process = a->process;
	pthread_mutex_unlock(&mab__agents.lock);
	return process;
}

int mab__life_config(uint64_t key, struct mab__config **ret_config)
{
	struct mab__config *copy = NULL;
	struct mab__agent *a;
	int ret = -ENOENT;

	pthread_mutex_lock(&mab__agents.lock);
	a = by_run_locked(key);
	if (a) {
		copy = sup_alloc(a->config->size);
		ret = copy ? 0 : -ENOMEM;
	}
	if (copy)
		memcpy(copy, a->config, a->config->size);
	pthread_mutex_unlock(&mab__agents.lock);
	*ret_config = copy;
	return ret;
}

void mab__run_over(uint64_t key)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = by_run_locked(key);
	if (a) {
		a->run = 0;
		if (a->state == MAB_RESTARTING)
			a->state = is_to_stop_locked(a) ? MAB_STOPPED :
				   last_state_locked(a);
	}
	pthread_mutex_unlock(&mab__agents.lock);
}

int mab__run_stop(const char *id, struct sup_pid *ret_pid,
		  struct sup_pid *ret_supervisor)
{
	struct mab__agent *a;
	int ret = 0;

	mab__agents_settle(id);
	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	if (!a) {
		ret = mab__agent_unknown(id);
	} else if (!is_busy_locked(a)) {
		ret = sup_set_error(-ESRCH, "id: the agent \"%s\" is %s", id,
				    mab_agent_state_name(a->state));
	} else {
		a->to_stop = true;
		a->stopper = sup_self();
		*ret_pid = a->lives ? a->child : a->pid;
		*ret_supervisor = a->supervisor;
	}
	pthread_mutex_unlock(&mab__agents.lock);
	return ret;
}

void mab__run_stop_over(const char *id)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	if (a)
		a->to_stop = false;
	pthread_mutex_unlock(&mab__agents.lock);
}
