/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Explanations are taken from a board, under its lock, by whoever asks. What a
 * state alone does not tell the supervisor has noted in the child when it
 * brought it there (sup__supervise_note_why()).
 */
#include <sup/explain.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "core/supervisor_depends.h"
#include "core/tree.h"

static enum sup_why why_of(const struct sup__child *c)
{
	switch (c->state) {
	case SUP_CHILD_RUNNING:
		return SUP_WHY_RUNS;
	case SUP_CHILD_STARTING:
		return SUP_WHY_STARTS;
	case SUP_CHILD_STOPPING:
		return SUP_WHY_STOPS;
	case SUP_CHILD_RESTARTING:
		if (c->why == SUP_WHY_SUPERVISOR)
			break;
		if (c->held)
			return SUP_WHY_HELD;
		if (c->awaits_deps)
			return SUP_WHY_DEPENDS;
		return c->due_ns ? SUP_WHY_BACKOFF : SUP_WHY_RETRY;
	case SUP_CHILD_STOPPED:
		break;
	}
	return c->why;
}

static void copy(struct sup__board *b, struct sup__child *c,
		 struct sup_explanation *e)
{
	const struct sup__intensity *budget = sup__board_budget(b, c);
	const struct sup__child *on = NULL;

	*e = (struct sup_explanation){
		.why = why_of(c), .now_ns = sup__now_ns(),
		.since_ns = c->since_ns, .by = c->stopped_by,
		.in_a_row = c->in_a_row, .start_error = c->start_error,
		.intensity = (int)budget->max,
		.period_s = budget->period_ns / INT64_C(1000000000),
	};
	e->used = sup__intensity_used(budget, e->now_ns);
	sup__board_copy_child(c, 0, &e->node);
	if (c->start_text)
		snprintf(e->start_text, sizeof(e->start_text), "%s",
			 c->start_text);
	if (e->why == SUP_WHY_DEPENDS)
		on = sup__depends_shown(b, c);
	snprintf(e->other, sizeof(e->other), "%s", on ? on->id :
		 e->why == SUP_WHY_GROUP ? c->stopped_with : "");
}

static int explain(struct sup_pid sup, const char *id, struct sup_pid pid,
		   struct sup_explanation *ret_e)
{
	struct sup__board *b = sup__board_of_living(sup);
	struct sup__child *c = NULL;
	bool has_ids;

	if (!b)
		return sup__error(-ESRCH, "there is no such supervisor");
	sup__lock(&b->lock);
	has_ids = !sup__board_is_dynamic(b);
	if (id && has_ids)
		c = sup__roster_by_id(&b->roster, id);
	else if (!id)
		c = sup__roster_by_pid(&b->roster, pid);
	if (c)
		copy(b, c, ret_e);
	sup__unlock(&b->lock);
	sup__board_put(b);
	if (c)
		return 0;
	if (id && !has_ids)
		return sup__error(-EOPNOTSUPP, "the supervisor's children "
				  "have no ids");
	return sup__error(-ENOENT, "there is no such child");
}

int sup_explain(struct sup_pid sup, const char *id,
		struct sup_explanation *ret_explanation)
{
	if (!id)
		return sup__error(-ENOENT, "there is no child with such an id");
	return explain(sup, id, SUP_PID_NONE, ret_explanation);
}

int sup_explain_pid(struct sup_pid sup, struct sup_pid pid,
		    struct sup_explanation *ret_explanation)
{
	if (!pid.v)
		return sup__error(-ENOENT, "there is no such child");
	return explain(sup, NULL, pid, ret_explanation);
}

struct text {
	char *buf;
	size_t size, len;
};

static void __attribute__((format(printf, 2, 3)))
say(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->len >= t->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	t->len += n > 0 ? (size_t)n : 0;
}

static void say_time(struct text *t, int64_t ns)
{
	int64_t ms = ns > 0 ? ns / 1000000 : 0;

	if (ms < 10000)
		say(t, "%" PRId64 " ms", ms);
	else
		say(t, "%" PRId64 " s", ms / 1000);
}

static void say_end(struct text *t, const struct sup_explanation *e)
{
	char reason[160];

	if (e->start_error)
		say(t, "its start failed: %s", e->start_text);
	else if (e->node.has_ended)
		say(t, "its last life ended, %s",
		    sup_reason_format(&e->node.last_reason, reason,
				      sizeof(reason)));
	else
		say(t, "it has not ended before");
}

static void say_why(struct text *t, const struct sup_explanation *e)
{
	switch (e->why) {
	case SUP_WHY_STARTS:
		say(t, "its start has not returned, it is not initialised, or "
		    "not ready");
		break;
	case SUP_WHY_STOPS:
		say(t, "it has been asked to end");
		break;
	case SUP_WHY_BACKOFF:
	case SUP_WHY_HELD:
		if (e->why == SUP_WHY_HELD)
			say(t, "it needed one restart more than it may have, "
			    "and is tried again in ");
		else
			say(t, "its restart is due in ");
		say_time(t, e->node.due_ns - e->now_ns);
		break;
	case SUP_WHY_RETRY:
		say(t, "its restart is tried again at once");
		break;
	case SUP_WHY_DEPENDS:
		if (e->other[0])
			say(t, "it depends on \"%s\", which is not up",
			    e->other);
		else
			say(t, "those that it depends on are up by now");
		break;
	case SUP_WHY_NOT_YET:
		say(t, "it has not been started");
		break;
	case SUP_WHY_DECLINED:
		say(t, "its start declined");
		break;
	case SUP_WHY_FAILED:
		say(t, "its start failed, and is not tried again");
		break;
	case SUP_WHY_DONE:
		say(t, "it ended by itself, and is not restarted after that");
		break;
	case SUP_WHY_TERMINATED:
		if (e->by.v)
			say(t, "task %" PRIx64 " told it to end", e->by.v);
		else
			say(t, "it was told to end, by no task");
		break;
	case SUP_WHY_GROUP:
		say(t, "it goes along with \"%s\"", e->other);
		break;
	case SUP_WHY_SPENT:
		say(t, "its own budget of restarts is spent");
		break;
	case SUP_WHY_ENDED:
		say(t, "its restart is next");
		break;
	case SUP_WHY_SUPERVISOR:
		say(t, "its supervisor ends");
		break;
	default:
		say(t, e->node.hung || e->node.flapping ? "it is up" :
		    "nothing is wrong");
		break;
	}
}

static void say_turn(struct text *t, const struct sup_explanation *e)
{
	const struct sup_turn *turn = &e->node.turn;

	say(t, "; it is hung, at %s %" PRIu64, turn->what, turn->tag);
	if (turn->from.v)
		say(t, " from task %" PRIx64, turn->from.v);
	say(t, " for ");
	say_time(t, e->now_ns - turn->since_ns);
}

const char *sup_explain_format(const struct sup_explanation *e, char *buf,
			       size_t len)
{
	struct text t = { .buf = buf, .size = len };

	if (!len)
		return buf;
	say(&t, "\"%s\" is %s for ", e->node.id,
	    sup_child_state_name(e->node.state));
	say_time(&t, e->now_ns - e->since_ns);
	say(&t, ": ");
	say_why(&t, e);
	say(&t, "; ");
	say_end(&t, e);
	say(&t, "; %u restart%s, %u of %d in the last %u s", e->node.restarts,
	    e->node.restarts == 1 ? "" : "s", e->used, e->intensity,
	    e->period_s);
	if (e->in_a_row)
		say(&t, ", %u in a row", e->in_a_row);
	if (e->node.flapping)
		say(&t, "; it is flapping");
	if (e->node.hung)
		say_turn(&t, e);
	return buf;
}

const char *sup_why_name(enum sup_why why)
{
	static const char *const names[] = {
		[SUP_WHY_RUNS] = "runs", [SUP_WHY_STARTS] = "starts",
		[SUP_WHY_STOPS] = "stops", [SUP_WHY_BACKOFF] = "backoff",
		[SUP_WHY_HELD] = "held", [SUP_WHY_RETRY] = "retry",
		[SUP_WHY_DEPENDS] = "depends",
		[SUP_WHY_NOT_YET] = "not_yet",
		[SUP_WHY_DECLINED] = "declined",
		[SUP_WHY_FAILED] = "failed", [SUP_WHY_DONE] = "done",
		[SUP_WHY_TERMINATED] = "terminated",
		[SUP_WHY_GROUP] = "group", [SUP_WHY_SPENT] = "spent",
		[SUP_WHY_ENDED] = "ended",
		[SUP_WHY_SUPERVISOR] = "supervisor",
	};

	if ((unsigned int)why >= sizeof(names) / sizeof(*names))
		return "unknown";
	return names[why];
}
