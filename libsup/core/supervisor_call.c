/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The callers' side of supervisors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/spec.h"
#include "core/child.h"
#include "core/later.h"
#include "core/server.h"
#include "core/supervisor.h"
#include "core/supervisor_spec.h"
#include "core/tree.h"

static void put_board(void *b)
{
	sup__board_put(b);
}

int sup__supervisor_start(struct sup__board *b, const char *name, bool reg,
			  struct sup_pid *ret_pid)
{
	struct sup_server_spec server = {
		.size = sizeof(server), .ops = &sup__supervisor_ops,
		.name = name, .reg = reg, .arg = b,
	};
	int ret = sup__server_start(&server, ret_pid);

	/* Its init may be yet to come. */
	if (ret || !sup__later_release(put_board, b))
		sup__board_put(b);
	sup_checkpoint();
	return ret;
}

/*
 * Everything is checked and copied here, not in the supervisor's init: if the
 * caller is killed while it waits, its memory is no more, but init goes on.
 */
int sup_supervisor_start(const void *supervisor_spec, struct sup_pid *ret_pid)
{
	const size_t least = offsetof(struct sup_supervisor_spec,
				      auto_shutdown);
	struct sup_supervisor_spec spec;
	struct sup__board *b;
	int ret;

	ret = sup__spec_copy_least(&spec, sizeof(spec), supervisor_spec, least,
				   "sup_supervisor_spec");
	if (!ret && spec.init)
		ret = sup__supervisor_check(&(struct sup_supervisor_spec){
				.name = spec.name, .reg = spec.reg });
	if (ret)
		return ret;
	b = sup__board_new(spec.name);
	if (!b)
		return -ENOMEM;
	b->init = spec.init;
	b->init_arg = spec.init_arg;
	if (!spec.init)
		ret = sup__supervisor_fill(b, &spec);
	if (!ret)
		return sup__supervisor_start(b, spec.name, spec.reg, ret_pid);
	sup__board_put(b);
	return ret;
}

static _Thread_local struct {
	bool has;
	uint64_t value;
} told;

int sup_started_info(uint64_t *ret_info)
{
	if (!told.has)
		return sup__error(-ENODATA, "the child's start gave no info");
	*ret_info = told.value;
	return 0;
}

/*
 * Asks sup and waits. 0: *ret_reply is its answer; the caller's, to free. A
 * request with ids behind it is of the heap, and the call's from here on: the
 * caller may be killed in it.
 */
static int ask(struct sup_pid sup, const struct sup__supervisor_request *req,
	       struct sup_msg *ret_reply)
{
	struct sup_msg msg = {
		.tag = SUP__SUPERVISOR_REQUEST,
		.data = (void *)req,
		.len = sizeof(*req) + req->len_depends_on,
		.free = req->n_depends_on ? sup__free : NULL,
	};
	struct sup_reason reason;
	struct sup_msg reply;
	char text[128];
	int ret;

	ret = sup_call(sup, &msg, &reply, &reason, SUP_FOREVER);
	if (ret == -EPIPE)
		return sup__error(-ESRCH, "the supervisor has ended: %s",
				  sup_reason_format(&reason, text,
						    sizeof(text)));
	if (ret == -ENOSYS)
		ret = sup__error(-EINVAL, "the task is no supervisor");
	if (ret)
		return ret;
	if (reply.tag != SUP__SUPERVISOR_REPLY ||
	    reply.len < sizeof(struct sup__supervisor_reply)) {
		sup_msg_free(&reply);
		return sup__error(-EINVAL, "the task is no supervisor");
	}
	*ret_reply = reply;
	return 0;
}

int sup__supervisor_ask(struct sup_pid sup,
			const struct sup__supervisor_request *req,
			struct sup__supervisor_reply *ret_reply)
{
	struct sup_msg reply;
	int ret = ask(sup, req, &reply);

	if (ret)
		return ret;
	memcpy(ret_reply, reply.data, sizeof(*ret_reply));
	sup_msg_free(&reply);
	return 0;
}

int sup__supervisor_do(struct sup_pid sup,
		       const struct sup__supervisor_request *req,
		       struct sup_pid *ret_pid)
{
	struct sup__supervisor_reply reply;
	int ret;

	told.has = false;
	ret = sup__supervisor_ask(sup, req, &reply);
	if (ret)
		return ret;
	if (ret_pid && (reply.ret >= 0 || reply.ret == -EEXIST))
		*ret_pid = reply.pid;
	if (reply.ret < 0)
		return sup__error(reply.ret, "%s", reply.text);
	told.has = reply.has_info;
	told.value = reply.info;
	return reply.ret;
}

/*
 * That it has ended comes before what is wrong with the request, as in OTP. If
 * there never was one, the latter is all there is to say (Elixir).
 */
static int refuse(struct sup_pid sup, int error)
{
	if (!sup.v || sup_is_alive(sup))
		return error;
	return sup__error(-ESRCH, "the supervisor has ended");
}

static int name_child(struct sup__supervisor_request *req, const char *id)
{
	if (!id || strnlen(id, sizeof(req->id)) == sizeof(req->id))
		return sup__error(-ENOENT, "there is no child with such an id");
	snprintf(req->id, sizeof(req->id), "%s", id);
	return 0;
}

/* Asks about a child; returns what the supervisor says. */
static int do_child(struct sup_pid sup, enum sup__supervisor_op op,
		    const char *id, struct sup_pid *ret_pid)
{
	struct sup__supervisor_request req = { .op = op };
	int ret = name_child(&req, id);

	told.has = false;
	return ret ? refuse(sup, ret) :
		     sup__supervisor_do(sup, &req, ret_pid);
}

/* Asks with the strings of depends_on behind the request. */
static int start_dependent(struct sup_pid sup,
			   struct sup__supervisor_request *req,
			   struct sup_pid *ret_pid)
{
	const char *const *ids = req->spec.depends_on;
	struct sup__supervisor_request *whole;
	size_t i, n, len = 0;
	char *text;

	for (n = 0; ids[n]; n++)
		len += strlen(ids[n]) + 1;
	req->n_depends_on = n;
	req->len_depends_on = len;
	whole = sup__zalloc(sizeof(*whole) + len);
	if (!whole)
		return sup__error_nomem("a request");
	*whole = *req;
	text = (char *)(whole + 1);
	for (i = 0; i < n; i++)
		text = stpcpy(text, ids[i]) + 1;
	return sup__supervisor_do(sup, whole, ret_pid);
}

/* Whether its id may be missing is for the supervisor to say. */
int sup_start_child(struct sup_pid sup, const struct sup_child_spec *spec,
		    struct sup_pid *ret_pid)
{
	struct sup__supervisor_request req = { .op = SUP__OP_START_CHILD };
	int ret;

	told.has = false;
	ret = sup__child_check(spec, false, &req.spec);
	if (ret)
		return refuse(sup, ret);
	snprintf(req.id, sizeof(req.id), "%s", req.spec.id);
	if (req.spec.depends_on && req.spec.depends_on[0])
		return start_dependent(sup, &req, ret_pid);
	return sup__supervisor_do(sup, &req, ret_pid);
}

int sup_start_extra(struct sup_pid sup, const void *extra,
		    void (*free_extra)(void *extra), struct sup_pid *ret_pid)
{
	struct sup__supervisor_request req = {
		.op = SUP__OP_START_EXTRA,
		.extra = extra, .free_extra = free_extra,
	};

	return sup__supervisor_do(sup, &req, ret_pid);
}

int sup_terminate_child(struct sup_pid sup, const char *id)
{
	return do_child(sup, SUP__OP_TERMINATE_CHILD, id, NULL);
}

int sup_terminate_child_pid(struct sup_pid sup, struct sup_pid pid)
{
	struct sup__supervisor_request req = {
		.op = SUP__OP_TERMINATE_PID, .pid = pid,
	};

	return sup__supervisor_do(sup, &req, NULL);
}

int sup_restart_child(struct sup_pid sup, const char *id,
		      struct sup_pid *ret_pid)
{
	return do_child(sup, SUP__OP_RESTART_CHILD, id, ret_pid);
}

int sup_delete_child(struct sup_pid sup, const char *id)
{
	return do_child(sup, SUP__OP_DELETE_CHILD, id, NULL);
}

int sup_count_children(struct sup_pid sup, struct sup_child_counts *ret_counts)
{
	struct sup__supervisor_request req = { .op = SUP__OP_COUNT_CHILDREN };
	struct sup__supervisor_reply reply;
	int ret;

	ret = sup__supervisor_ask(sup, &req, &reply);
	if (!ret)
		*ret_counts = reply.counts;
	return ret;
}

/* The children of a reply, to free(3); NULL if there are none. */
static int take_rows(const struct sup_msg *msg, struct sup_child **ret_rows,
		     size_t *ret_n)
{
	const struct sup__supervisor_reply *reply = msg->data;
	struct sup_child *rows = NULL;

	if (reply->ret < 0)
		return sup__error(reply->ret, "%s", reply->text);
	if (reply->n) {
		rows = sup__memdup(reply + 1, reply->n * sizeof(*rows));
		if (!rows)
			return sup__error_nomem("a list of children");
	}
	*ret_rows = rows;
	*ret_n = reply->n;
	return 0;
}

static int which(struct sup_pid sup, const struct sup__supervisor_request *req,
		 struct sup_child **ret_rows, size_t *ret_n)
{
	struct sup_msg reply;
	int ret = ask(sup, req, &reply);

	if (ret)
		return ret;
	ret = take_rows(&reply, ret_rows, ret_n);
	sup_msg_free(&reply);
	return ret;
}

int sup_which_children(struct sup_pid sup, struct sup_child **ret_children,
		       size_t *ret_n)
{
	struct sup__supervisor_request req = { .op = SUP__OP_WHICH_CHILDREN };

	return which(sup, &req, ret_children, ret_n);
}

static int which_one(struct sup_pid sup,
		     const struct sup__supervisor_request *req,
		     struct sup_child *ret_child)
{
	struct sup_child *row;
	size_t n;
	int ret;

	ret = which(sup, req, &row, &n);
	if (ret)
		return ret;
	*ret_child = *row;
	sup__free(row);
	return 0;
}

int sup_which_child(struct sup_pid sup, const char *id,
		    struct sup_child *ret_child)
{
	struct sup__supervisor_request req = { .op = SUP__OP_WHICH_CHILD };
	int ret = name_child(&req, id);

	return ret ? refuse(sup, ret) : which_one(sup, &req, ret_child);
}

int sup_which_child_pid(struct sup_pid sup, struct sup_pid pid,
			struct sup_child *ret_child)
{
	struct sup__supervisor_request req = {
		.op = SUP__OP_WHICH_PID, .pid = pid,
	};

	return which_one(sup, &req, ret_child);
}
