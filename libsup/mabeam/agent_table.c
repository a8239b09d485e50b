/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What becomes of an agent. Its state is changed by few:
 *
 *	start of a life, on the AgentSupervisor's thread	STARTING
 *	the life says that it is up	RUNNING
 *	the end of a life, by whoever sees it first	RESTARTING, if it will
 *		be started again, else CRASHED, COMPLETED or STOPPED
 *	the AgentSupervisor has it no more	RESTARTING to one of these
 *	a stop of one that waits for the next AgentSupervisor	STOPPED
 *
 * No message tells of an end: a life whose task does not live has ended, and
 * who looks asks for the reason before it reports. So what is reported is never
 * older than the look.
 *
 * A run is over when its AgentSupervisor says so, which one that is killed does
 * not: its runs that were up then go on with the next one, under new numbers,
 * as its own may come late. A first life that does not come up is the end of
 * its run at once; what the AgentSupervisor then still has as a child it is
 * told to let go when it wants to start it again.
 */
#include "mabeam/agent_table.h"

#include <errno.h>
#include <string.h>

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

struct mab__agent *mab__agent_by_key_locked(uint64_t key)
{
	uint32_t nr = key >> 32;
	struct mab__agent *a;

	HASH_FIND(by_nr, mab__agents.by_nr, &nr, sizeof(nr), a);
	return a;
}

struct mab__agent *mab__agent_by_run_locked(uint64_t key)
{
	struct mab__agent *a = mab__agent_by_key_locked(key);

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
	return (a->state == MAB_RUNNING || a->state == MAB_STARTING) &&
		a->pid.v && !sup_is_alive(a->pid);
}

static bool is_alive(struct sup_pid pid)
{
	return pid.v && sup_is_alive(pid);
}

/* Its AgentSupervisor has been killed. */
static bool is_lost_locked(const struct mab__agent *a)
{
	return a->run && !sup_is_alive(a->supervisor);
}

/* Who waits for that is there: else it may have been killed by anybody. */
static bool is_to_stop_locked(const struct mab__agent *a)
{
	return a->to_stop && (!a->stopper.v || sup_is_alive(a->stopper));
}

/* One that ended with its AgentSupervisor had no end of its own. */
static bool is_clean_locked(const struct mab__agent *a)
{
	return is_lost_locked(a) ? a->reason.kind == SUP_REASON_NORMAL :
	       sup_reason_is_clean(&a->reason);
}

static bool will_restart_locked(const struct mab__agent *a)
{
	enum mab_restart restart = a->config->spec.restart;

	if (!a->run || is_to_stop_locked(a))
		return false;
	return restart == MAB_PERMANENT ||
	       (restart == MAB_TRANSIENT && !is_clean_locked(a));
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

void mab__agent_count_end_locked(struct mab__agent *a,
				 struct mab__news *ret_news)
{
	bool crashed = last_state_locked(a) == MAB_CRASHED;

	a->crashes += crashed;
	mab__agents.crashes += crashed;
	mab__news_of(ret_news, crashed ? MAB__CRASHED : MAB__STOPPED, a->id);
	ret_news->reason = a->reason;
}

void mab__agent_count_failure_locked(struct mab__agent *a, int error,
				     struct mab__news *ret_news)
{
	a->failed_starts++;
	mab__agents.failed_starts++;
	mab__news_of(ret_news, MAB__START_FAILED, a->id);
	ret_news->error = error;
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

/* A life has ended that had not come up. */
static void end_start_locked(struct mab__agent *a,
			     const struct sup_reason *reason,
			     struct mab__news *ret_news)
{
	a->error = !a->why ? -ECHILD : a->why < 0 ? a->why : 0;
	if (a->error)
		mab__agent_count_failure_locked(a, a->error, ret_news);
	if (a->lives && a->why <= 0) {
		end_life_locked(a, reason);
		return;
	}
	a->run = 0;
	a->pid = SUP_PID_NONE;
	if (a->why == MAB__WHY_DONE)
		a->state = last_state_locked(a);
	else
		a->state = a->why > 0 || is_to_stop_locked(a) ? MAB_STOPPED :
			   MAB_CRASHED;
}

static void end_locked(struct mab__agent *a, const struct sup_reason *reason,
		       struct mab__news *ret_news)
{
	if (a->state == MAB_RUNNING) {
		end_life_locked(a, reason);
		mab__agent_count_end_locked(a, ret_news);
	} else if (a->state == MAB_STARTING) {
		end_start_locked(a, reason, ret_news);
	}
}

/*
 * An AgentSupervisor that ends shuts its agents down before it is seen to have
 * ended: looked at just then, one seems to have stopped. It was not let go of.
 */
static bool was_shut_locked(const struct mab__agent *a)
{
	return a->state == MAB_STOPPED && !is_to_stop_locked(a) &&
	       a->reason.kind == SUP_REASON_SHUTDOWN && a->lives &&
	       a->config->spec.restart != MAB_TEMPORARY;
}

/* One that has no task, nor an AgentSupervisor. */
static void settle_lost_locked(struct mab__agent *a)
{
	if (was_shut_locked(a))
		a->state = MAB_RESTARTING;
	if (a->state == MAB_STARTING && a->lives) {
		a->state = MAB_RESTARTING;
	} else if (a->state == MAB_STARTING) {
		a->error = -ECHILD;
		a->state = MAB_CRASHED;
	}
	if (a->state == MAB_RESTARTING && is_to_stop_locked(a))
		a->state = MAB_STOPPED;
	if (a->state != MAB_RESTARTING)
		a->run = 0;
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
		if (is_lost_locked(a) && !a->pid.v)
			settle_lost_locked(a);
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
	struct mab__news news;
	struct sup_pid pid;
	uint32_t nr;

	while (find_ended(id, &nr, &pid)) {
		news.kind = MAB__NO_NEWS;
		if (sup_wait(pid, &reason, SUP_TRY))
			reason = SUP__REASON(SUP_REASON_LOST);
		pthread_mutex_lock(&mab__agents.lock);
		a = mab__agent_by_key_locked((uint64_t)nr << 32);
		if (a && a->pid.v == pid.v)
			end_locked(a, &reason, &news);
		pthread_mutex_unlock(&mab__agents.lock);
		mab__news_tell(&news);
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

static uint32_t next_run_locked(struct mab__agent *a)
{
	if (!++a->last_run)
		a->last_run = 1;
	return a->last_run;
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
		*ret_key = key_of(a, next_run_locked(a));
		fill_child_locked(a, ret_child);
	}
	pthread_mutex_unlock(&mab__agents.lock);
	return ret;
}

/* False: it is none that can begin, or go on, any more. */
static bool is_new_locked(const struct mab__agent *a, uint64_t key)
{
	return (int32_t)((uint32_t)key - a->begun) > 0;
}

static int begin_locked(struct mab__agent *a, uint64_t key,
			struct mab__life *ret_life)
{
	int ret;

	if (!a || (key != key_of(a, a->run) && !is_new_locked(a, key)))
		return SUP_IGNORE;
	if (key != key_of(a, a->run)) {
		ret = refuse_run_locked(a);
		if (ret)
			return ret;
		a->run = a->begun = (uint32_t)key;
		a->lives = 0;
		a->to_stop = false;
	}
	a->supervisor = sup_self();
	a->state = MAB_STARTING;
	a->heard_ns = 0;
	a->pid = SUP_PID_NONE;
	a->why = 0;
	a->text[0] = '\0';
	strcpy(ret_life->id, a->id);
	ret_life->mailbox = a->config->spec.mailbox;
	ret_life->containment = a->config->spec.containment;
	return 0;
}

int mab__life_begin(uint64_t key, struct mab__life *ret_life)
{
	struct mab__agent *a;
	int ret;

	ret_life->id[0] = '\0';
	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_by_key_locked(key);
	if (a)
		strcpy(ret_life->id, a->id);
	pthread_mutex_unlock(&mab__agents.lock);
	mab__agents_settle(ret_life->id);
	pthread_mutex_lock(&mab__agents.lock);
	ret = begin_locked(mab__agent_by_key_locked(key), key, ret_life);
	pthread_mutex_unlock(&mab__agents.lock);
	return ret;
}

static void fail_locked(struct mab__agent *a, int error,
			struct mab__news *ret_news)
{
	mab__agent_count_failure_locked(a, error, ret_news);
	a->error = error;
	a->pid = SUP_PID_NONE;
	a->state = MAB_RESTARTING;
	if (a->lives)
		return;
	a->run = 0;
	a->state = MAB_CRASHED;
}

int mab__life_begun(uint64_t key, int error, struct sup_pid pid)
{
	struct mab__news news = { .kind = MAB__NO_NEWS };
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_by_run_locked(key);
	if (a && error)
		fail_locked(a, error, &news);
	else if (a)
		a->child = pid;
	pthread_mutex_unlock(&mab__agents.lock);
	mab__news_tell(&news);
	return error;
}

/* What is left of an AgentSupervisor that was killed may be freed late. */
void mab__run_over(uint64_t key)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_by_run_locked(key);
	if (a && !is_lost_locked(a)) {
		a->run = 0;
		if (a->state == MAB_RESTARTING)
			a->state = is_to_stop_locked(a) ? MAB_STOPPED :
				   last_state_locked(a);
	}
	pthread_mutex_unlock(&mab__agents.lock);
}

void mab__supervisor_is_up(void)
{
	pthread_mutex_lock(&mab__agents.lock);
	mab__agents.supervisors++;
	pthread_mutex_unlock(&mab__agents.lock);
}

static bool may_be_adopted_locked(const struct mab__agent *a)
{
	return is_lost_locked(a) && a->lives && is_busy_locked(a) &&
	       a->config->spec.restart != MAB_TEMPORARY;
}

static void adopt_locked(struct mab__agent *a, struct sup_pid supervisor)
{
	a->run = a->begun = next_run_locked(a);
	a->supervisor = supervisor;
	a->state = MAB_RESTARTING;
	if (is_alive(a->pid) && !is_alive(a->before))
		a->before = a->pid;
	a->pid = SUP_PID_NONE;
}

bool mab__run_adopt(struct sup_pid supervisor, char id[MAB_NAME_MAX + 1],
		    uint64_t *ret_key, struct sup_child_spec *ret_child)
{
	struct mab__agent *a;

	mab__agents_settle(NULL);
	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agents.agents;
	while (a && !may_be_adopted_locked(a))
		a = a->hh.next;
	if (a) {
		adopt_locked(a, supervisor);
		strcpy(id, a->id);
		*ret_key = key_of(a, a->run);
		fill_child_locked(a, ret_child);
	}
	pthread_mutex_unlock(&mab__agents.lock);
	return a;
}

void mab__run_lost(uint64_t key, int error)
{
	struct mab__news news = { .kind = MAB__NO_NEWS };
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_by_run_locked(key);
	if (a) {
		a->lives = 0;
		fail_locked(a, error, &news);
	}
	pthread_mutex_unlock(&mab__agents.lock);
	mab__news_tell(&news);
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
		*ret_pid = is_lost_locked(a) ? a->pid : a->child;
		*ret_supervisor = a->supervisor;
	}
	pthread_mutex_unlock(&mab__agents.lock);
	return ret;
}

bool mab__run_is_over(const char *id)
{
	struct mab__agent *a;
	bool is_over;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	is_over = !a || !is_busy_locked(a);
	pthread_mutex_unlock(&mab__agents.lock);
	return is_over;
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
