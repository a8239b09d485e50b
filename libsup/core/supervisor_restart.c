/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an end leads to is decided in core/strategy.c and core/intensity.c.
 *
 * An end that comes from a task that is no child's any more, because it was
 * stopped, or ended as its group was, is ignored: so several ends at the same
 * moment cost one restart of the group, as in OTP. So is an exit signal of a
 * stranger, which a supervisor traps, and of a child that lives.
 *
 * A restart that fails is tried again by a message to itself, which queues
 * behind what others have asked meanwhile. Should there be no room for it, it
 * is sent after the next message, or a millisecond later if there is none.
 */
#include "core/supervisor_restart.h"

#include <string.h>

#include <sup/monitor.h>

#include "base/clock.h"
#include "core/supervisor_child.h"
#include "core/supervisor_depends.h"
#include "core/supervisor_graph.h"
#include "core/supervisor_hang.h"

#define UNSENT_MS 1

static bool send_retry(const struct sup__child *c)
{
	struct sup__supervisor_retry retry = {
		.number = c->retry, .pid = c->last_pid,
	};
	struct sup_msg msg = {
		.tag = SUP__SUPERVISOR_RETRY,
		.data = &retry,
		.len = sizeof(retry),
	};

	memcpy(retry.id, c->id, sizeof(retry.id));
	return !sup_cast(sup_self(), &msg, SUP_TRY);
}

static void note_why(struct sup__board *b, struct sup__child *c,
		     enum sup_why why, const struct sup__child *with)
{
	sup__supervise_note_why(b, c, why, SUP_PID_NONE, with);
}

/* The arrays of a plan for c; returns how many children it is about. */
static size_t lay_out(struct sup__board *b, struct sup__child *c,
		      size_t *ret_index)
{
	struct sup__child *i;
	size_t n = 0;

	for (i = b->roster.first; i; i = i->next) {
		if (i == c)
			*ret_index = n;
		b->order[n] = i;
		b->kinds[n++] = i->spec.restart;
	}
	return n;
}

/* Whom the strategy takes along: with depends_on, who depends on c. */
static void mark_group(struct sup__board *b, struct sup__child *c)
{
	if (b->strategy == SUP_ONE_FOR_ALL)
		sup__graph_mark_all(b);
	else
		sup__depends_mark_users(b, c);
	c->along = true;
}

static void restart_graph(struct sup__board *b, struct sup__child *c,
			  bool start)
{
	struct sup__child *other, *next;

	mark_group(b, c);
	for (other = b->roster.first; other; other = other->next)
		if (other->along && other != c)
			note_why(b, other, SUP_WHY_GROUP, c);
	sup__graph_stop(b, c);
	mark_group(b, c);
	for (other = b->roster.first; other; other = next) {
		next = other->next;
		if (other->along && other->spec.restart == SUP_TEMPORARY)
			sup__supervise_remove(b, other);
		else
			other->along &= start;
	}
	if (start)
		sup__graph_restart(b);
}

/* Stops whom the strategy takes along, and starts them, if start. */
static void restart_group(struct sup__board *b, struct sup__child *c,
			  bool start)
{
	size_t index = 0, n, k, i;
	unsigned int in_a_row = c->in_a_row;
	struct sup__child *other, *failed = NULL;

	/* Who is tried again may not come to its start: one before it fails. */
	if (start && c->state == SUP_CHILD_RESTARTING) {
		note_why(b, c, SUP_WHY_ENDED, NULL);
		sup__supervise_cancel(b, c);
	}
	sup__supervise_set_in_a_row(b, c, in_a_row);
	if (sup__depends_are_used(b)) {
		restart_graph(b, c, start);
		return;
	}
	n = lay_out(b, c, &index);
	k = sup__strategy_plan(b->strategy, b->kinds, n, index,
			       b->steps);
	for (i = 0; i < k; i++) {
		other = b->order[b->steps[i].index];
		switch (b->steps[i].act) {
		case SUP__ACT_STOP:
			note_why(b, other, SUP_WHY_GROUP, c);
			sup__supervise_stop(b, other);
			break;
		case SUP__ACT_REMOVE:
			sup__supervise_remove(b, other);
			break;
		case SUP__ACT_START:
			if (failed)
				note_why(b, other, SUP_WHY_GROUP, failed);
			else if (start && sup__supervise_start(b, other,
							SUP__RESTART, NULL) < 0)
				failed = other;
			break;
		}
	}
}

static bool is_group(const struct sup__board *b)
{
	return b->strategy == SUP_ONE_FOR_ALL ||
	       b->strategy == SUP_REST_FOR_ONE;
}

/* One restart more: false if that is one too many. */
static bool count(struct sup__board *b, struct sup__child *c)
{
	int64_t now = sup__now_ns();
	bool allowed;

	sup__lock(&b->lock);
	allowed = sup__intensity_add(sup__board_budget(b, c), now);
	sup__unlock(&b->lock);
	/* Its own thread's alone: nobody looks at that. */
	if (c->spec.flapping.restarts && !c->flapping &&
	    !sup__intensity_add(&c->often, now))
		sup__supervise_set_flapping(b, c, true);
	return allowed;
}

static bool is_up(const struct sup__child *c)
{
	return c->pid.v || c->state == SUP_CHILD_RESTARTING;
}

/*
 * A significant child has ended by itself, and stays so. True: that is the end
 * of the supervisor, too.
 */
static bool is_over(const struct sup__board *b)
{
	const struct sup__child *c = b->roster.first;

	if (b->auto_shutdown != SUP_AUTO_SHUTDOWN_ALL)
		return b->auto_shutdown == SUP_AUTO_SHUTDOWN_ANY;
	while (c && !(c->spec.significant && is_up(c)))
		c = c->next;
	return !c;
}

static int check_over(struct sup__board *b, struct sup__child *c, bool remove)
{
	bool over = c->spec.significant && is_over(b);

	if (over)
		sup__supervise_report(b, SUP_EVENT_AUTO_SHUTDOWN, c, 0);
	if (remove)
		sup__supervise_remove(b, c);
	if (!over)
		return SUP_CONTINUE;
	sup_server_stop_with(&SUP_SHUTDOWN);
	return SUP_STOP;
}

/* It was one too many for a child without a task. */
static int spent(struct sup__board *b, struct sup__child *c)
{
	if (sup__child_has_budget(c) &&
	    c->spec.budget.spent == SUP_SPENT_STOP) {
		note_why(b, c, SUP_WHY_SPENT, NULL);
		sup__supervise_cancel(b, c);
		sup__supervise_report(b, SUP_EVENT_BUDGET_SPENT, c, 0);
		return check_over(b, c, sup__board_is_dynamic(b));
	}
	if (b->hold_ms) {
		sup__supervise_hold(b, c);
		if (is_group(b))
			restart_group(b, c, false);
		return SUP_CONTINUE;
	}
	note_why(b, c, SUP_WHY_SUPERVISOR, NULL);
	sup__supervise_report(b, SUP_EVENT_GIVE_UP, c, 0);
	sup_server_stop_with(&SUP_SHUTDOWN);
	return SUP_STOP;
}

/* Restarts a child that has no task, and whoever the strategy takes along. */
static void attempt(struct sup__board *b, struct sup__child *c)
{
	if (is_group(b))
		restart_group(b, c, true);
	else if (sup__depends_missing(c))
		sup__supervise_await_deps(b, c);
	else if (sup__supervise_start(b, c, SUP__RESTART, NULL) == SUP_IGNORE &&
		 sup__board_is_dynamic(b))
		sup__supervise_remove(b, c);
}

static int count_and_attempt(struct sup__board *b, struct sup__child *c)
{
	if (!count(b, c))
		return spent(b, c);
	attempt(b, c);
	return SUP_CONTINUE;
}

/* Its task has ended: restarts it, at once or when its backoff says. */
static int restart(struct sup__board *b, struct sup__child *c)
{
	if (!count(b, c))
		return spent(b, c);
	if (!sup__supervise_wait(b, c))
		attempt(b, c);
	else if (is_group(b))
		restart_group(b, c, false);
	return SUP_CONTINUE;
}

static struct sup__child *find_due(const struct sup__board *b, int64_t now)
{
	struct sup__child *c = b->roster.first;

	if (!b->n_due)
		return NULL;
	while (c && !(c->due_ns && c->due_ns <= now))
		c = c->next;
	return c;
}

static bool is_steady_at(const struct sup__child *c, int64_t *ret_at)
{
	if (!c->flapping || c->state != SUP_CHILD_RUNNING)
		return false;
	*ret_at = sup__child_steady_at(c);
	return true;
}

static void find_steady(struct sup__board *b)
{
	int64_t at, now = sup__now_ns();
	struct sup__child *c;

	for (c = b->roster.first; c; c = c->next)
		if (is_steady_at(c, &at) && at <= now)
			sup__supervise_set_flapping(b, c, false);
}

int sup__restart_run_due(struct sup__board *b)
{
	struct sup__child *c;
	int ret = SUP_CONTINUE;

	while (ret == SUP_CONTINUE && (c = find_due(b, sup__now_ns()))) {
		if (c->counted)
			attempt(b, c);
		else
			ret = count_and_attempt(b, c);
	}
	if (ret == SUP_CONTINUE)
		sup__graph_restart_awaiting(b);
	if (b->n_flapping)
		find_steady(b);
	sup__hang_look(b);
	return ret;
}

/* So that run_due is called when the first is due, or there is to be a look. */
static void wait_for_due(const struct sup__board *b)
{
	const struct sup__child *c = NULL;
	int64_t first = INT64_MAX, now, at;

	if (b->look_at)
		first = b->look_at;
	if (b->n_due || b->n_flapping)
		c = b->roster.first;
	for (; c; c = c->next) {
		if (c->due_ns && c->due_ns < first)
			first = c->due_ns;
		if (is_steady_at(c, &at) && at < first)
			first = at;
	}
	if (first == INT64_MAX)
		return;
	now = sup__now_ns();
	sup_server_timeout(first > now ? (first - now + 999999) / 1000000 : 0);
}

void sup__restart_send_retries(struct sup__board *b)
{
	struct sup__child *c = b->roster.first;

	for (; c && b->n_unsent; c = c->next) {
		if (!c->retry_unsent)
			continue;
		if (!send_retry(c)) {
			sup_server_timeout(UNSENT_MS);
			return;
		}
		c->retry_unsent = false;
		b->n_unsent--;
	}
	wait_for_due(b);
}

int sup__restart_on_exit(struct sup__board *b, const struct sup_info *info)
{
	struct sup_reason reason;
	enum sup__fate fate;
	struct sup__child *c;

	c = sup__roster_by_pid(&b->roster, info->pid);
	if (!c || c->state != SUP_CHILD_RUNNING)
		return SUP_CONTINUE;
	/* One that sends exit signals itself has not ended by that. */
	if (sup_is_alive(info->pid) ||
	    sup_wait(info->pid, &reason, SUP_TRY))
		return SUP_CONTINUE;
	if (reason.kind == SUP_REASON_NOPROC)
		reason = info->reason;
	fate = sup__strategy_fate(c->spec.restart, &reason);
	/* First: whoever sees that it has stopped is to see why, too. */
	note_why(b, c, fate == SUP__FATE_RESTART ? SUP_WHY_ENDED :
		 SUP_WHY_DONE, NULL);
	sup__supervise_note_exit(b, c, &reason);
	switch (fate) {
	case SUP__FATE_RESTART:
		return restart(b, c);
	case SUP__FATE_REMOVE:
		return check_over(b, c, true);
	case SUP__FATE_KEEP:
		return check_over(b, c, sup__board_is_dynamic(b));
	}
	return SUP_CONTINUE;
}

/* A retry counts as a restart. One that was cancelled is dropped. */
int sup__restart_on_retry(struct sup__board *b,
			  const struct sup__supervisor_retry *retry)
{
	struct sup__child *c;

	if (sup__board_is_dynamic(b))
		c = sup__roster_by_pid(&b->roster, retry->pid);
	else
		c = sup__roster_by_id(&b->roster, retry->id);
	if (!c || c->state != SUP_CHILD_RESTARTING ||
	    c->retry != retry->number)
		return SUP_CONTINUE;
	return count_and_attempt(b, c);
}
