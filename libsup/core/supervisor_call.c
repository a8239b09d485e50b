/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The callers' side of supervisors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/child.h"
#include "core/intensity.h"
#include "core/supervisor.h"
#include "core/tree.h"

static int check_flags(const struct sup_supervisor_spec *spec)
{
	if (!spec || spec->size < sizeof(*spec))
		return sup__error(-EINVAL, "size is not that of a "
				  "sup_supervisor_spec");
	if ((unsigned int)spec->strategy > SUP_REST_FOR_ONE)
		return sup__error(-EINVAL, "strategy %d is none of "
				  "one_for_one, one_for_all, rest_for_one",
				  (int)spec->strategy);
	if (spec->intensity < SUP_INTENSITY_NONE ||
	    spec->intensity > SUP__INTENSITY_MAX)
		return sup__error(-EINVAL, "intensity %d is not in -1 ... %d",
				  spec->intensity, SUP__INTENSITY_MAX);
	if (spec->name && strlen(spec->name) > SUP_NAME_MAX)
		return sup__error(-EINVAL, "name is longer than %d bytes",
				  SUP_NAME_MAX);
	if (spec->reg && (!spec->name || !spec->name[0]))
		return sup__error(-EINVAL, "reg is set and name is missing");
	if (spec->n_children && !spec->children)
		return sup__error(-EINVAL, "n_children is %zu and children is "
				  "missing", spec->n_children);
	return 0;
}

static int enter_child(struct sup__board *b, const struct sup_child_spec *spec)
{
	struct sup__child *c;
	int ret;

	ret = sup__child_check(spec);
	if (ret)
		return ret;
	if (sup__roster_by_id(&b->roster, spec->id))
		return sup__error(-EEXIST, "child \"%s\": id is there twice",
				  spec->id);
	c = sup__child_new(spec);
	if (!c)
		return -ENOMEM;
	sup__roster_add(&b->roster, c);
	return 0;
}

/*
 * Everything is checked and copied here, not in the supervisor's init: if the
 * caller is killed while it waits, its memory is no more, but init goes on.
 */
int sup_supervisor_start(const void *supervisor_spec, struct sup_pid *ret_pid)
{
	const struct sup_supervisor_spec *spec = supervisor_spec;
	struct sup_server_spec server = {
		.size = sizeof(server),
		.ops = &sup__supervisor_ops,
	};
	struct sup__board *b;
	size_t i;
	int ret;

	ret = check_flags(spec);
	if (ret)
		return ret;
	b = sup__board_new(spec);
	if (!b)
		return -ENOMEM;
	for (i = 0; !ret && i < spec->n_children; i++)
		ret = enter_child(b, &spec->children[i]);
	if (!ret) {
		server.name = spec->name;
		server.reg = spec->reg;
		server.arg = b;
		ret = sup_server_start(&server, ret_pid);
	}
	sup__board_put(b);
	return ret;
}

/* Asks sup and waits. 0: *ret_reply is its answer, good or bad. */
static int ask(struct sup_pid sup, const struct sup__supervisor_request *req,
	       struct sup__supervisor_reply *ret_reply)
{
	struct sup_msg msg = {
		.tag = SUP__SUPERVISOR_REQUEST,
		.data = (void *)req,
		.len = sizeof(*req),
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
	if (ret)
		return ret;
	if (reply.tag != SUP__SUPERVISOR_REPLY ||
	    reply.len != sizeof(*ret_reply)) {
		sup_msg_free(&reply);
		return sup__error(-EINVAL, "the task is no supervisor");
	}
	memcpy(ret_reply, reply.data, sizeof(*ret_reply));
	sup_msg_free(&reply);
	return 0;
}

/* Asks about a child; returns what the supervisor says. */
static int ask_child(struct sup_pid sup, struct sup__supervisor_request *req,
		     const char *id, struct sup_pid *ret_pid)
{
	struct sup__supervisor_reply reply;
	int ret;

	if (!id || strnlen(id, sizeof(req->id)) == sizeof(req->id))
		return sup__error(-ENOENT, "there is no child with such an id");
	snprintf(req->id, sizeof(req->id), "%s", id);
	ret = ask(sup, req, &reply);
	if (ret)
		return ret;
	if (ret_pid && (reply.ret >= 0 || reply.ret == -EEXIST))
		*ret_pid = reply.pid;
	if (reply.ret < 0)
		return sup__error(reply.ret, "%s", reply.text);
	return reply.ret;
}

int sup_start_child(struct sup_pid sup, const struct sup_child_spec *spec,
		    struct sup_pid *ret_pid)
{
	struct sup__supervisor_request req = { .op = SUP__OP_START_CHILD };
	int ret;

	ret = sup__child_check(spec);
	if (ret)
		return ret;
	req.spec = *spec;
	return ask_child(sup, &req, spec->id, ret_pid);
}

int sup_terminate_child(struct sup_pid sup, const char *id)
{
	struct sup__supervisor_request req = { .op = SUP__OP_TERMINATE_CHILD };

	return ask_child(sup, &req, id, NULL);
}

int sup_restart_child(struct sup_pid sup, const char *id,
		      struct sup_pid *ret_pid)
{
	struct sup__supervisor_request req = { .op = SUP__OP_RESTART_CHILD };

	return ask_child(sup, &req, id, ret_pid);
}

int sup_delete_child(struct sup_pid sup, const char *id)
{
	struct sup__supervisor_request req = { .op = SUP__OP_DELETE_CHILD };

	return ask_child(sup, &req, id, NULL);
}

int sup_count_children(struct sup_pid sup, struct sup_child_counts *ret_counts)
{
	struct sup__supervisor_request req = { .op = SUP__OP_COUNT_CHILDREN };
	struct sup__supervisor_reply reply;
	int ret;

	ret = ask(sup, &req, &reply);
	if (!ret)
		*ret_counts = reply.counts;
	return ret;
}
