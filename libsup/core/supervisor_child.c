/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/supervisor_child.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <sup/dynamic.h>
#include <sup/partition.h>
#include <sup/process.h>
#include <sup/server.h>
#include <sup/task.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "core/await.h"
#include "core/backoff.h"
#include "core/process.h"
#include "core/spare.h"
#include "core/supervisor_hang.h"
#include "core/turn.h"

static bool has_reason(enum sup_event_kind kind)
{
	return kind != SUP_EVENT_STARTED && kind != SUP_EVENT_START_ERROR &&
	       kind != SUP_EVENT_DECLINED && kind != SUP_EVENT_STOPPING &&
	       kind != SUP_EVENT_HUNG && kind != SUP_EVENT_CAME_BACK;
}

void sup__supervise_report(struct sup__board *b, enum sup_event_kind kind,
			   struct sup__child *c, int error)
{
	const struct sup__intensity *budget = sup__board_budget(b, c);
	char output[SUP_EVENT_OUTPUT_MAX];
	struct sup_event ev;

	if (!sup__event_is_wanted())
		return;
	ev = (struct sup_event){
		.kind = kind,
		.time_ns = sup__now_ns(),
		.supervisor = b->pid,
		.pid = c->last_pid,
		.os_pid = c->os_pid,
		.os_tid = c->os_tid,
		.error = error,
		.restarts = c->restarts,
		.intensity = budget->max,
		.due_ns = c->due_ns,
	};
	ev.budget_used = sup__intensity_used(budget, ev.time_ns);
	memcpy(ev.supervisor_name, b->name, sizeof(ev.supervisor_name));
	memcpy(ev.child_id, c->id, sizeof(ev.child_id));
	if (has_reason(kind) && c->has_ended) {
		ev.reason = c->last_reason;
		ev.exit_ns = c->last_reason.exit_ns;
	}
	if (kind == SUP_EVENT_HUNG || kind == SUP_EVENT_CAME_BACK)
		ev.turn = c->turn;
	if ((kind == SUP_EVENT_CHILD_TERMINATED ||
	     kind == SUP_EVENT_SHUTDOWN_ERROR) &&
	    sup__process_recall_output(c->last_pid, output, sizeof(output)))
		ev.output = output;
	sup__event_emit(&ev);
}

void sup__supervise_change(struct sup__board *b, struct sup__child *c,
			   enum sup__child_event event,
			   const struct sup__child_news *news)
{
	enum sup_child_state old = c->state;
	int64_t now = sup__now_ns();
	int ret;

	sup__lock(&b->lock);
	b->n_unsent -= c->retry_unsent;
	b->n_due -= c->due_ns != 0;
	b->n_awaiting -= c->awaits_deps;
	ret = sup__roster_move(&b->roster, c, event, news);
	if (c->state != old)
		c->since_ns = now;
	b->n_unsent += c->retry_unsent;
	b->n_due += c->due_ns != 0;
	b->n_awaiting += c->awaits_deps;
	sup__unlock(&b->lock);
	if (ret)
		sup__log(LOG_CRIT, "%s", sup_error());
	assert(!ret);
}

void sup__supervise_report_self(const struct sup__board *b,
				enum sup_event_kind kind,
				const struct sup_reason *reason)
{
	struct sup_event ev = {
		.kind = kind, .supervisor = b->pid, .pid = b->pid,
		.intensity = b->restarts.max,
	};

	if (!sup__event_is_wanted())
		return;
	if (reason)
		ev.reason = *reason;
	memcpy(ev.supervisor_name, b->name, sizeof(ev.supervisor_name));
	sup__event_emit(&ev);
}

void sup__supervise_forget(struct sup__board *b, struct sup__child *c)
{
	sup__lock(&b->lock);
	b->n_unsent -= c->retry_unsent;
	b->n_due -= c->due_ns != 0;
	b->n_awaiting -= c->awaits_deps;
	b->n_flapping -= c->flapping;
	if (b->partitions && b->partitions[c->index] == c)
		b->partitions[c->index] = NULL;
	sup__roster_del(&b->roster, c);
	sup__unlock(&b->lock);
	sup__child_free(c);
}

void sup__supervise_remove(struct sup__board *b, struct sup__child *c)
{
	sup__supervise_report(b, SUP_EVENT_REMOVED, c, 0);
	sup__supervise_forget(b, c);
}

/* What core/supervisor_graph.c needs besides. */
static int reserve_graph(struct sup__board *b, size_t room)
{
	void *p;

	p = sup__realloc(b->ends, room * sizeof(*b->ends));
	if (!p)
		return sup__error_nomem("the ends of children");
	b->ends = p;
	p = sup__realloc(b->starts, room * sizeof(*b->starts));
	if (!p)
		return sup__error_nomem("the starts of children");
	b->starts = p;
	return 0;
}

void sup__supervise_note_why(struct sup__board *b, struct sup__child *c,
			     enum sup_why why, struct sup_pid by,
			     const struct sup__child *with)
{
	sup__lock(&b->lock);
	c->why = why;
	/* Until it is started again, whoever tells it to end meanwhile. */
	c->at_rest |= why == SUP_WHY_DECLINED || why == SUP_WHY_DONE;
	c->stopped_by = by;
	memcpy(c->stopped_with, with ? with->id : "", with ?
	       sizeof(c->stopped_with) : 1);
	sup__unlock(&b->lock);
}

/* How its last start went; the sentence is the calling thread's. */
static void note_start(struct sup__board *b, struct sup__child *c, int error)
{
	char *text = error ? sup__strdup(sup_error()) : NULL, *old;

	if (!error && !c->start_error)
		return;
	sup__lock(&b->lock);
	old = c->start_text;
	c->start_error = error;
	c->start_text = text;
	sup__unlock(&b->lock);
	sup__free(old);
}

void sup__supervise_set_flapping(struct sup__board *b, struct sup__child *c,
				 bool flapping)
{
	sup__lock(&b->lock);
	c->flapping = flapping;
	b->n_flapping += flapping ? 1 : -1;
	if (!flapping)
		sup__intensity_clear(&c->often);
	sup__unlock(&b->lock);
	sup__supervise_report(b, flapping ? SUP_EVENT_FLAPPING :
			      SUP_EVENT_STEADY, c, 0);
}

int sup__supervise_reserve(struct sup__board *b, size_t n, bool graph)
{
	bool grows = n > b->room;
	size_t room = grows ? n + n / 2 + 4 : b->room;
	void *p;

	if (graph && (grows || !b->ends || !b->starts) &&
	    reserve_graph(b, room))
		return -ENOMEM;
	if (!grows || (!graph && (b->strategy == SUP_ONE_FOR_ONE ||
				  b->strategy == SUP_SIMPLE_ONE_FOR_ONE)))
		return 0;
	p = sup__realloc(b->order, room * sizeof(*b->order));
	if (!p)
		return sup__error_nomem("a plan of restarts");
	b->order = p;
	p = sup__realloc(b->kinds, room * sizeof(*b->kinds));
	if (!p)
		return sup__error_nomem("a plan of restarts");
	b->kinds = p;
	p = sup__realloc(b->steps, SUP__STRATEGY_STEPS(room) *
			 sizeof(*b->steps));
	if (!p)
		return sup__error_nomem("a plan of restarts");
	b->steps = p;
	b->room = room;
	return 0;
}

static _Thread_local struct {
	bool has;
	uint64_t value;
} given;

void sup_start_info(uint64_t info)
{
	given.has = true;
	given.value = info;
}

bool sup__supervise_take_info(uint64_t *ret_info)
{
	bool has = given.has;

	*ret_info = has ? given.value : 0;
	given.has = false;
	return has;
}

static int call_start(const struct sup__board *b, const struct sup__child *c,
		      struct sup_pid *ret_pid)
{
	given.has = false;
	if (c->spec.start_with)
		return c->spec.start_with(c->spec.arg, c->extra, ret_pid);
	if (b->simple && c->extra)
		return c->spec.start(c->extra, ret_pid);
	return c->spec.start(c->spec.arg, ret_pid);
}

static int run_start(const struct sup__board *b, const struct sup__child *c,
		     enum sup__start_kind kind, struct sup_pid *ret_pid)
{
	int ret;

	sup__error_clear();
	sup__spare_allow(c->spec.start, kind == SUP__RESTART);
	sup__turn_watch_starts(c->spec.hang_ms);
	ret = call_start(b, c, ret_pid);
	sup__turn_watch_starts(false);
	sup__spare_deny();
	return ret;
}

/* What a start returned; what it should not counts as an error, too. */
static int judge(const struct sup__child *c, int ret, struct sup_pid pid,
		 struct sup_pid *ret_pid)
{
	if (ret == SUP_IGNORE || (ret < 0 && ret != -EEXIST))
		pid = SUP_PID_NONE;
	if (ret > SUP_IGNORE)
		ret = sup__error(-EPROTO, "child \"%s\": start returned %d",
				 c->id, ret);
	else if (!ret && !pid.v)
		ret = sup__error(-EPROTO, "child \"%s\": start returned no "
				 "task", c->id);
	else if (ret < 0 && sup_error()[0])
		sup__error(ret, "child \"%s\": %s", c->id, sup_error());
	else if (ret < 0)
		sup__error_sys(ret, "child \"%s\"", c->id);
	*ret_pid = pid;
	return ret;
}

/* xorshift64*: spreads restarts, and need not be better than that. */
static uint64_t next_random(struct sup__board *b)
{
	if (!b->random)
		b->random = b->pid.v * UINT64_C(0x9e3779b97f4a7c15) | 1;
	b->random ^= b->random >> 12;
	b->random ^= b->random << 25;
	b->random ^= b->random >> 27;
	return b->random * UINT64_C(0x2545f4914f6cdd1d);
}

void sup__supervise_set_in_a_row(struct sup__board *b, struct sup__child *c,
				 unsigned int n)
{
	sup__lock(&b->lock);
	c->in_a_row = n;
	sup__unlock(&b->lock);
}

/* When its next restart is due; 0: at once. */
static int64_t when_due(struct sup__board *b, struct sup__child *c)
{
	int64_t delay;

	if (!c->spec.backoff.min_ms)
		return 0;
	sup__supervise_set_in_a_row(b, c, c->in_a_row + 1);
	delay = sup__backoff_delay(&c->spec.backoff, c->in_a_row,
				   next_random(b));
	return delay ? sup__now_ns() + delay : 0;
}

bool sup__supervise_wait(struct sup__board *b, struct sup__child *c)
{
	struct sup__child_news news = { .due_ns = when_due(b, c) };

	if (news.due_ns)
		sup__supervise_change(b, c, SUP__CHILD_WAIT, &news);
	sup__supervise_report(b, SUP_EVENT_RESTARTING, c, 0);
	return news.due_ns;
}

void sup__supervise_hold(struct sup__board *b, struct sup__child *c)
{
	struct sup__child_news news = {
		.due_ns = sup__now_ns() + b->hold_ms * INT64_C(1000000),
		.held = true,
	};

	sup__supervise_change(b, c, SUP__CHILD_WAIT, &news);
	sup__supervise_report(b, SUP_EVENT_HELD, c, 0);
}

void sup__supervise_await_deps(struct sup__board *b, struct sup__child *c)
{
	struct sup__child_news news = { .awaits_deps = true };

	sup__supervise_change(b, c, SUP__CHILD_WAIT, &news);
}

/* Its start has returned that. */
static void conclude(struct sup__board *b, struct sup__child *c,
		     enum sup__start_kind kind, int ret, struct sup_pid pid)
{
	struct sup__child_news news = { .pid = pid };

	note_start(b, c, ret < 0 ? ret : 0);
	if (ret)
		sup__supervise_note_why(b, c, ret < 0 ? SUP_WHY_FAILED :
					SUP_WHY_DECLINED, SUP_PID_NONE, NULL);
	if (ret == SUP_IGNORE) {
		sup__supervise_change(b, c, SUP__CHILD_DECLINE, &news);
		sup__supervise_report(b, SUP_EVENT_DECLINED, c, 0);
	} else if (!ret) {
		sup_os_pid(news.pid, &news.os_pid, &news.os_tid);
		news.now = sup__now_ns();
		sup__supervise_change(b, c, SUP__CHILD_UP, &news);
		sup__hang_watch(b, c);
		sup__supervise_report(b, SUP_EVENT_STARTED, c, 0);
	} else if (kind == SUP__RESTART) {
		news.retry = ++b->retries;
		news.due_ns = when_due(b, c);
		sup__supervise_change(b, c, SUP__CHILD_FAIL_RETRY, &news);
		sup__supervise_report(b, SUP_EVENT_START_ERROR, c, ret);
	} else {
		sup__supervise_change(b, c, SUP__CHILD_FAIL, &news);
	}
}

static void begin_start(struct sup__board *b, struct sup__child *c,
			enum sup__start_kind kind)
{
	struct sup__child_news news = { .restart = kind == SUP__RESTART };

	sup__supervise_change(b, c, SUP__CHILD_START, &news);
}

/*
 * Starts a child that has no task. A restart that fails leaves it restarting,
 * with a retry to send. ret_pid may be NULL; on -EEXIST it is who was there.
 */
int sup__supervise_start(struct sup__board *b, struct sup__child *c,
			 enum sup__start_kind kind, struct sup_pid *ret_pid)
{
	struct sup_pid pid = SUP_PID_NONE;
	int ret;

	begin_start(b, c, kind);
	ret = run_start(b, c, kind, &pid);
	ret = judge(c, ret, pid, &pid);
	if (ret_pid)
		*ret_pid = pid;
	conclude(b, c, kind, ret, pid);
	return ret;
}

/* A start of ours that has nothing to do after it has made the task. */
static bool may_be_left(const struct sup__child *c)
{
	int (*start)(const void *arg, struct sup_pid *ret_pid) = c->spec.start;

	return start == sup_server_start || start == sup_thread_start ||
	       start == sup_process_start || start == sup_supervisor_start ||
	       start == sup_dynamic_start || start == sup_partition_start;
}

/* The sentence stays. */
static void drop(struct sup__later *later)
{
	char why[SUP__ERROR_MAX];

	snprintf(why, sizeof(why), "%s", sup_error());
	sup__await_drop(later);
	sup__error(0, "%s", why);
}

int sup__supervise_begin(struct sup__board *b, struct sup__child *c,
			 enum sup__start_kind kind)
{
	struct sup_pid pid = SUP_PID_NONE;
	struct sup__later *later;
	int ret;

	begin_start(b, c, kind);
	sup__later_allow(may_be_left(c));
	ret = run_start(b, c, kind, &pid);
	later = sup__later_take();
	if (later && !ret && pid.v) {
		c->later = later;
		c->begun = pid;
		return SUP__UNDER_WAY;
	}
	ret = judge(c, ret, pid, &pid);
	/* Its start has thought better of it: the sentence is that one's. */
	if (later)
		drop(later);
	conclude(b, c, kind, ret, pid);
	return ret;
}

int sup__supervise_end_start(struct sup__board *b, struct sup__child *c,
			     enum sup__start_kind kind)
{
	struct sup__later *later = c->later;
	struct sup_pid pid;
	int ret;

	c->later = NULL;
	c->stop_by = 0;
	sup__error_clear();
	ret = judge(c, sup__later_finish(later), c->begun, &pid);
	conclude(b, c, kind, ret, pid);
	return ret;
}
