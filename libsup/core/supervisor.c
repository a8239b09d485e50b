/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A supervisor is a server like any other, built on the public API: its init
 * starts the children on its own thread, which makes it their parent, so their
 * ends come as SUP_INFO_EXIT; the end of its own parent comes as terminate.
 *
 * Its state is its board (core/tree.h), which others may look at: its own
 * thread reads it freely, and takes the board's lock to change it. What an end
 * leads to is decided in core/strategy.c and core/intensity.c, what becomes of
 * a child in core/child.c's table, how it is started and stopped is written in
 * core/supervisor_child.c.
 *
 * An end that comes from a task that is no child's any more, because it was
 * stopped, or ended as its group was, is ignored: so several ends at the same
 * moment cost one restart of the group, as in OTP.
 *
 * A restart that fails is tried again by a message to itself, which queues
 * behind what others have asked meanwhile. Should there be no room for it, it
 * is sent after the next message, or a millisecond later if there is none.
 */
#include "core/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "core/supervisor_child.h"

#define UNSENT_MS 1

static bool send_retry(const struct sup__child *c)
{
	struct sup__supervisor_retry retry = { .number = c->retry };
	struct sup_msg msg = {
		.tag = SUP__SUPERVISOR_RETRY,
		.data = &retry,
		.len = sizeof(retry),
	};

	memcpy(retry.id, c->id, sizeof(retry.id));
	return !sup_cast(sup_self(), &msg, SUP_TRY);
}

/* At the end of each callback. */
static void send_retries(struct sup__board *b)
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

static void restart_group(struct sup__board *b, struct sup__child *c)
{
	size_t index = 0, n, k, i;
	struct sup__child *other;
	int ret = 0;

	n = lay_out(b, c, &index);
	k = sup__strategy_plan(b->strategy, b->kinds, n, index,
			       b->steps);
	for (i = 0; i < k && ret >= 0; i++) {
		other = b->order[b->steps[i].index];
		switch (b->steps[i].act) {
		case SUP__ACT_STOP:
			sup__supervise_stop(b, other);
			break;
		case SUP__ACT_REMOVE:
			sup__supervise_remove(b, other);
			break;
		case SUP__ACT_START:
			ret = sup__supervise_start(b, other, SUP__RESTART,
						   NULL);
			break;
		}
	}
}

/*
 * Restarts a child that has no task, and whoever the strategy takes along,
 * unless that has happened too often of late: then the supervisor ends.
 */
static int restart(struct sup__board *b, struct sup__child *c)
{
	bool allowed;

	sup__lock(&b->lock);
	allowed = sup__intensity_add(&b->restarts, sup__now_ns());
	sup__unlock(&b->lock);
	if (!allowed) {
		sup__supervise_report(b, SUP_EVENT_GIVE_UP, c, 0);
		sup_server_stop_with(&SUP_SHUTDOWN);
		return SUP_STOP;
	}
	if (b->strategy == SUP_ONE_FOR_ONE)
		sup__supervise_start(b, c, SUP__RESTART, NULL);
	else
		restart_group(b, c);
	return SUP_CONTINUE;
}

static int on_exit_of(struct sup__board *b, const struct sup_info *info)
{
	struct sup__child *c;

	c = sup__roster_by_pid(&b->roster, info->pid);
	if (!c)
		return SUP_CONTINUE;
	sup__supervise_note_exit(b, c, &info->reason);
	switch (sup__strategy_fate(c->spec.restart, &info->reason)) {
	case SUP__FATE_RESTART:
		return restart(b, c);
	case SUP__FATE_REMOVE:
		sup__supervise_remove(b, c);
		break;
	case SUP__FATE_KEEP:
		break;
	}
	return SUP_CONTINUE;
}

/* A retry counts as a restart. One that was cancelled is dropped. */
static int on_retry(struct sup__board *b,
		    const struct sup__supervisor_retry *retry)
{
	struct sup__child *c;

	c = sup__roster_by_id(&b->roster, retry->id);
	if (!c || c->state != SUP_CHILD_RESTARTING ||
	    c->retry != retry->number)
		return SUP_CONTINUE;
	return restart(b, c);
}

/* What a request about a child that is there is refused with, by its state. */
static int refusal(enum sup__supervisor_op op, const struct sup__child *c)
{
	static const int answers[][SUP_CHILD_RESTARTING + 1] = {
		[SUP__OP_START_CHILD] = {
			[SUP_CHILD_STOPPED] = -EEXIST,
			[SUP_CHILD_RUNNING] = -EEXIST,
			[SUP_CHILD_RESTARTING] = -EEXIST,
		},
		[SUP__OP_TERMINATE_CHILD] = { 0 },
		[SUP__OP_RESTART_CHILD] = {
			[SUP_CHILD_RUNNING] = -EBUSY,
			[SUP_CHILD_RESTARTING] = -EAGAIN,
		},
		[SUP__OP_DELETE_CHILD] = {
			[SUP_CHILD_RUNNING] = -EBUSY,
			[SUP_CHILD_RESTARTING] = -EAGAIN,
		},
	};
	int ret = answers[op][c->state];

	return ret ? sup__error(ret, "child \"%s\" is there and %s", c->id,
				sup_child_state_name(c->state)) : 0;
}

static int start_new_child(struct sup__board *b,
			   const struct sup_child_spec *spec,
			   struct sup_pid *ret_pid)
{
	struct sup__child *c = sup__child_new(spec);
	int ret = -ENOMEM;

	if (!c)
		return ret;
	ret = sup__supervise_reserve(b, b->roster.n + 1);
	if (ret) {
		sup__child_free(c);
		return ret;
	}
	sup__lock(&b->lock);
	sup__roster_add(&b->roster, c);
	sup__unlock(&b->lock);
	ret = sup__supervise_start(b, c, SUP__FIRST_START, ret_pid);
	/* From here on the arg is ours, unless there was an error. */
	c->owns_arg = ret >= 0;
	if (ret < 0 ||
	    (ret == SUP_IGNORE && c->spec.restart == SUP_TEMPORARY))
		sup__supervise_remove(b, c);
	return ret;
}

static int do_request(struct sup__board *b,
		      const struct sup__supervisor_request *req,
		      struct sup_pid *ret_pid)
{
	struct sup__child *c;
	int ret;

	c = sup__roster_by_id(&b->roster, req->id);
	if (!c && req->op == SUP__OP_START_CHILD)
		return start_new_child(b, &req->spec, ret_pid);
	if (!c)
		return sup__error(-ENOENT, "there is no child \"%s\"",
				  req->id);
	*ret_pid = c->pid;
	ret = refusal(req->op, c);
	if (ret)
		return ret;
	switch (req->op) {
	case SUP__OP_RESTART_CHILD:
		return sup__supervise_start(b, c, SUP__FIRST_START, ret_pid);
	case SUP__OP_TERMINATE_CHILD:
		sup__supervise_stop(b, c);
		if (c->spec.restart == SUP_TEMPORARY)
			sup__supervise_remove(b, c);
		return 0;
	default:
		sup__supervise_remove(b, c);
		return 0;
	}
}

static struct sup_child_counts count(const struct sup__board *b)
{
	struct sup_child_counts counts = { 0 };
	const struct sup__child *c;

	for (c = b->roster.first; c; c = c->next) {
		counts.specs++;
		counts.active += c->pid.v && sup_is_alive(c->pid);
		counts.supervisors += c->spec.type == SUP_SUPERVISOR;
		counts.workers += c->spec.type == SUP_WORKER;
	}
	return counts;
}

static int on_call(void *state, struct sup_from from, struct sup_msg *msg)
{
	struct sup__supervisor_request req;
	struct sup__supervisor_reply reply = { .ret = 0 };
	struct sup__board *b = state;
	struct sup_msg answer = {
		.tag = SUP__SUPERVISOR_REPLY,
		.data = &reply,
		.len = sizeof(reply),
	};

	if (msg->tag != SUP__SUPERVISOR_REQUEST || msg->len != sizeof(req)) {
		sup_reply_error(from, -ENOSYS);
		return SUP_CONTINUE;
	}
	memcpy(&req, msg->data, sizeof(req));
	req.spec.id = req.id;
	if (req.op == SUP__OP_COUNT_CHILDREN)
		reply.counts = count(b);
	else
		reply.ret = do_request(b, &req, &reply.pid);
	if (reply.ret < 0)
		snprintf(reply.text, sizeof(reply.text), "%s", sup_error());
	send_retries(b);
	if (sup_reply(from, &answer))
		sup_reply_error(from, -ENOMEM);
	return SUP_CONTINUE;
}

static int on_cast(void *state, struct sup_msg *msg)
{
	struct sup__supervisor_retry retry;
	struct sup__board *b = state;
	int ret;

	if (msg->tag != SUP__SUPERVISOR_RETRY || msg->len != sizeof(retry)) {
		sup__log(LOG_WARNING, "supervisor \"%s\": a cast that is not "
			 "for supervisors is dropped", b->name);
		return SUP_CONTINUE;
	}
	memcpy(&retry, msg->data, sizeof(retry));
	ret = on_retry(b, &retry);
	send_retries(b);
	return ret;
}

static int on_info(void *state, struct sup_info *info)
{
	struct sup__board *b = state;
	int ret = SUP_CONTINUE;

	if (info->kind == SUP_INFO_EXIT)
		ret = on_exit_of(b, info);
	else if (info->kind == SUP_INFO_MSG)
		sup__log(LOG_WARNING, "supervisor \"%s\": a message that is "
			 "not for supervisors is dropped", b->name);
	send_retries(b);
	return ret;
}

/* No child has a task any more. */
static void take_down(struct sup__board *b)
{
	struct sup__child *c;

	while ((c = b->roster.first))
		sup__supervise_remove(b, c);
	sup__board_hide(b);
}

static void on_terminate(void *state, const struct sup_reason *reason)
{
	struct sup__board *b = state;

	(void)reason;
	sup__supervise_stop_all(b);
	take_down(b);
}

/* The first start of all, in order; none is left of them after an error. */
static int start_all(struct sup__board *b)
{
	char why[SUP__ERROR_MAX];
	struct sup__child *c;
	int ret;

	for (c = b->roster.first; c; c = c->next) {
		ret = sup__supervise_start(b, c, SUP__FIRST_START, NULL);
		if (ret < 0)
			goto stop;
	}
	return 0;

stop:
	/* Stopping the others may put other words there. */
	snprintf(why, sizeof(why), "%s", sup_error());
	sup__supervise_report(b, SUP_EVENT_START_ERROR, c, ret);
	sup__supervise_stop_all(b);
	return sup__error(ret, "%s", why);
}

/* From here on their args are ours; temporary ones that declined go. */
static void take_over(struct sup__board *b)
{
	struct sup__child *c, *next;

	for (c = b->roster.first; c; c = next) {
		next = c->next;
		c->owns_arg = true;
		if (c->state == SUP_CHILD_STOPPED &&
		    c->spec.restart == SUP_TEMPORARY)
			sup__supervise_remove(b, c);
	}
}

/* The board is up as long as the supervisor lives; its state is the board. */
static int on_init(void *arg, void **ret_state)
{
	struct sup__board *b = arg;
	int ret;

	ret = sup__supervise_reserve(b, b->roster.n);
	if (ret)
		return ret;
	sup__board_show(b);
	ret = start_all(b);
	if (ret) {
		take_down(b);
		return ret;
	}
	take_over(b);
	*ret_state = b;
	return 0;
}

const struct sup_server_ops sup__supervisor_ops = {
	.size = sizeof(sup__supervisor_ops),
	.init = on_init,
	.call = on_call,
	.cast = on_cast,
	.info = on_info,
	.terminate = on_terminate,
};
