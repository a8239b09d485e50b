/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/supervisor_request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "core/partition.h"
#include "core/supervisor.h"
#include "core/supervisor_child.h"
#include "core/supervisor_depends.h"
#include "core/supervisor_restart.h"

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

static int may_start(const struct sup__child *c)
{
	const struct sup__child *on = sup__depends_missing(c);

	if (!on)
		return 0;
	return sup__error(-EAGAIN, "child \"%s\": it depends on \"%s\", which "
			  "is %s", c->id, on->id,
			  sup_child_state_name(on->state));
}

static int may_go(const struct sup__board *b, const struct sup__child *c)
{
	const struct sup__child *user = sup__depends_user(b, c, false);

	return user ? sup__error(-EBUSY, "child \"%s\": \"%s\" depends on it",
				 c->id, user->id) : 0;
}

/* Starts a child that is not on the board yet, and puts it there if it may. */
static int start_new(struct sup__board *b, struct sup__child *c,
		     struct sup_pid *ret_pid)
{
	int ret;

	ret = sup__depends_find(b, c);
	if (!ret)
		ret = may_start(c);
	if (!ret)
		ret = sup__supervise_reserve(b, b->roster.n + 1, c->n_deps ||
					     sup__depends_are_used(b));
	if (ret) {
		sup__child_free(c);
		return ret;
	}
	sup__lock(&b->lock);
	sup__roster_add(&b->roster, c);
	sup__unlock(&b->lock);
	ret = sup__supervise_start(b, c, SUP__FIRST_START, ret_pid);
	/* From here on what it was given is ours, unless there was an error. */
	c->owns_arg = ret >= 0;
	if (ret < 0 || (ret == SUP_IGNORE &&
			(c->spec.restart == SUP_TEMPORARY ||
			 sup__board_is_dynamic(b))))
		sup__supervise_remove(b, c);
	return ret;
}

static int is_full(const struct sup__board *b)
{
	if (b->roster.n < b->max_children)
		return 0;
	return sup__error(-ENOSPC, "there are %zu children, which is "
			  "max_children", b->roster.n);
}

static int start_child(struct sup__board *b,
		       const struct sup_child_spec *spec,
		       struct sup_pid *ret_pid)
{
	struct sup__child *c;
	int ret;

	if (b->simple)
		return sup__error(-EOPNOTSUPP, "a simple_one_for_one "
				  "supervisor has one child spec, its own");
	ret = sup__child_suits(spec, b->auto_shutdown);
	if (!ret)
		ret = is_full(b);
	if (ret)
		return ret;
	if (!sup__board_is_dynamic(b) && !spec->id[0])
		return sup__error(-EINVAL, "child spec: id is missing");
	ret = sup__board_is_dynamic(b) ? sup__depends_refuse(spec) : 0;
	if (ret)
		return ret;
	c = sup__child_new(spec);
	if (!c)
		return -ENOMEM;
	c->extra = b->extra;
	return start_new(b, c, ret_pid);
}

static int start_extra(struct sup__board *b,
		       const struct sup__supervisor_request *req,
		       struct sup_pid *ret_pid)
{
	struct sup__child *c;

	if (!b->simple)
		return sup__error(-EOPNOTSUPP, "the supervisor is not "
				  "simple_one_for_one");
	c = sup__child_new(&b->simple->spec);
	if (!c)
		return -ENOMEM;
	/* The arg stays that of the one spec. */
	c->spec.free_arg = NULL;
	c->extra = req->extra;
	c->free_extra = req->free_extra;
	return start_new(b, c, ret_pid);
}

static void terminate(struct sup__board *b, struct sup__child *c,
		      struct sup_pid by)
{
	sup__supervise_note_why(b, c, SUP_WHY_TERMINATED, by, NULL);
	sup__supervise_stop(b, c);
	if (c->spec.restart == SUP_TEMPORARY || sup__board_is_dynamic(b))
		sup__supervise_remove(b, c);
}

static int terminate_pid(struct sup__board *b,
			 const struct sup__supervisor_request *req)
{
	struct sup_pid pid = req->pid;
	struct sup__child *c = NULL;

	if (sup__board_is_dynamic(b))
		c = sup__roster_by_pid(&b->roster, pid);
	if (c) {
		terminate(b, c, req->from);
		return 0;
	}
	if (b->simple && pid.v && !sup_is_alive(pid))
		return 0;
	return sup__error(-ENOENT, "there is no child of that pid");
}

/* Requests that name a child by its id. */
static int by_id(struct sup__board *b,
		 const struct sup__supervisor_request *req,
		 struct sup_pid *ret_pid)
{
	struct sup__child *c;
	int ret;

	if (sup__board_is_dynamic(b))
		return sup__error(-EOPNOTSUPP, "the supervisor's children "
				  "have no ids");
	c = sup__roster_by_id(&b->roster, req->id);
	if (req->op == SUP__OP_START_CHILD) {
		/* A spec that does not suit is refused as such first (OTP). */
		ret = sup__child_suits(&req->spec, b->auto_shutdown);
		if (ret)
			return ret;
		if (!c)
			return start_child(b, &req->spec, ret_pid);
	}
	if (!c)
		return sup__error(-ENOENT, "there is no child \"%s\"",
				  req->id);
	*ret_pid = c->pid;
	ret = refusal(req->op, c);
	if (ret)
		return ret;
	switch (req->op) {
	case SUP__OP_RESTART_CHILD:
		ret = may_start(c);
		return ret ? ret : sup__supervise_start(b, c, SUP__FIRST_START,
							ret_pid);
	case SUP__OP_TERMINATE_CHILD:
		terminate(b, c, req->from);
		return 0;
	default:
		ret = may_go(b, c);
		if (!ret)
			sup__supervise_remove(b, c);
		return ret;
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
	if (b->simple)
		counts.specs = 1;
	return counts;
}

static void list_child(const struct sup__child *c, struct sup_child *ret_child)
{
	*ret_child = (struct sup_child){
		.pid = c->pid, .state = c->state, .spec = c->spec,
	};
	memcpy(ret_child->id, c->id, sizeof(ret_child->id));
	ret_child->spec.id = NULL;
	ret_child->spec.depends_on = NULL;
}

/* The reply with the children that were asked for, in one block. -ENOMEM. */
static int list(const struct sup__board *b, const struct sup__child *one,
		struct sup__supervisor_reply **ret_reply)
{
	size_t n = one ? 1 : b->roster.n;
	struct sup__supervisor_reply *reply;
	const struct sup__child *c = one ? one : b->roster.last;
	struct sup_child *row;

	reply = sup__zalloc(sizeof(*reply) + n * sizeof(*row));
	if (!reply)
		return sup__error_nomem("a list of children");
	row = (struct sup_child *)(reply + 1);
	for (reply->n = 0; reply->n < n; c = c->prev)
		list_child(c, &row[reply->n++]);
	*ret_reply = reply;
	return 0;
}

static int which(struct sup__board *b,
		 const struct sup__supervisor_request *req,
		 struct sup__supervisor_reply **ret_reply)
{
	const struct sup__child *c = NULL;

	if (req->op == SUP__OP_WHICH_CHILDREN)
		return list(b, NULL, ret_reply);
	if (req->op == SUP__OP_WHICH_PID)
		c = sup__roster_by_pid(&b->roster, req->pid);
	else if (sup__board_is_dynamic(b))
		return sup__error(-EOPNOTSUPP, "the supervisor's children "
				  "have no ids");
	else
		c = sup__roster_by_id(&b->roster, req->id);
	if (!c)
		return sup__error(-ENOENT, "there is no such child");
	return list(b, c, ret_reply);
}

/* *ret_long, of the heap, is the reply if it needs more room than reply. */
static void answer(struct sup__board *b,
		   const struct sup__supervisor_request *req,
		   struct sup__supervisor_reply *reply,
		   struct sup__supervisor_reply **ret_long)
{
	switch (req->op) {
	case SUP__OP_COUNT_CHILDREN:
		reply->counts = count(b);
		return;
	case SUP__OP_WHICH_CHILDREN:
	case SUP__OP_WHICH_CHILD:
	case SUP__OP_WHICH_PID:
		reply->ret = which(b, req, ret_long);
		break;
	case SUP__OP_START_EXTRA:
		reply->ret = start_extra(b, req, &reply->pid);
		break;
	case SUP__OP_TERMINATE_PID:
		reply->ret = terminate_pid(b, req);
		break;
	case SUP__OP_RESIZE:
		reply->ret = sup__partition_resize(b, req->n, req->from,
						   &reply->n_old);
		break;
	case SUP__OP_START_CHILD:
		if (sup__board_is_dynamic(b)) {
			reply->ret = start_child(b, &req->spec, &reply->pid);
			break;
		}
		/* fall through */
	default:
		reply->ret = by_id(b, req, &reply->pid);
		break;
	}
	if (reply->ret < 0)
		snprintf(reply->text, sizeof(reply->text), "%s", sup_error());
	else
		reply->has_info = sup__supervise_take_info(&reply->info);
}

/* *ret_ids, of the heap, is for its depends_on; NULL if there is none. */
static int take_request(const struct sup_msg *msg,
			struct sup__supervisor_request *req,
			const char ***ret_ids)
{
	const char **ids = NULL, *text;
	size_t i;

	if (msg->tag != SUP__SUPERVISOR_REQUEST || msg->len < sizeof(*req))
		return -ENOSYS;
	memcpy(req, msg->data, sizeof(*req));
	if (msg->len - sizeof(*req) != req->len_depends_on)
		return -ENOSYS;
	if (req->n_depends_on) {
		ids = sup__calloc(req->n_depends_on + 1, sizeof(*ids));
		if (!ids)
			return -ENOMEM;
		text = (const char *)msg->data + sizeof(*req);
		for (i = 0; i < req->n_depends_on; i++) {
			ids[i] = text;
			text += strlen(text) + 1;
		}
	}
	req->spec.id = req->id;
	req->spec.depends_on = ids;
	*ret_ids = ids;
	return 0;
}

int sup__request(struct sup__board *b, struct sup_from from,
		 struct sup_msg *msg)
{
	struct sup__supervisor_reply reply = { .ret = 0 }, *longer = NULL;
	struct sup__supervisor_request req;
	struct sup_msg out = {
		.tag = SUP__SUPERVISOR_REPLY, .data = &reply,
		.len = sizeof(reply),
	};
	const char **ids;
	int ret = take_request(msg, &req, &ids);

	if (ret) {
		sup_reply_error(from, ret);
		return SUP_CONTINUE;
	}
	req.from = from.pid;
	answer(b, &req, &reply, &longer);
	sup__free(ids);
	sup__restart_send_retries(b);
	if (longer) {
		out.data = longer;
		out.len = sizeof(reply) + longer->n * sizeof(struct sup_child);
		out.free = sup__free;
	}
	if (sup_reply(from, &out)) {
		sup_msg_free(&out);
		sup_reply_error(from, -ENOMEM);
	}
	return SUP_CONTINUE;
}
