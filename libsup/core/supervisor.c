/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A supervisor is a server like any other, built on the public API: its init
 * starts the children on its own thread, which makes it their parent, so their
 * ends come as SUP_INFO_EXIT; the end of its own parent comes as terminate.
 *
 * Its state is its board (core/tree.h), which others may look at: its own
 * thread reads it freely, and takes the board's lock to change it. What it does
 * about ends is in core/supervisor_restart.c, what others ask of it in
 * core/supervisor_request.c; what becomes of a child in core/child.c's table,
 * how it is started and stopped in core/supervisor_child.c.
 */
#include "core/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include <sup/link.h>

#include "base/log.h"
#include "core/spare.h"
#include "core/supervisor_child.h"
#include "core/supervisor_depends.h"
#include "core/supervisor_graph.h"
#include "core/supervisor_request.h"
#include "core/supervisor_restart.h"
#include "core/supervisor_spec.h"

/* The end of each callback. */
static int finish(struct sup__board *b, int ret)
{
	if (ret == SUP_CONTINUE)
		ret = sup__restart_run_due(b);
	sup__restart_send_retries(b);
	sup__spare_make();
	return ret;
}

static int on_call(void *state, struct sup_from from, struct sup_msg *msg)
{
	return finish(state, sup__request(state, from, msg));
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
	ret = sup__restart_on_retry(b, &retry);
	return finish(b, ret);
}

static int on_info(void *state, struct sup_info *info)
{
	struct sup__board *b = state;
	int ret = SUP_CONTINUE;

	if (info->kind == SUP_INFO_EXIT)
		ret = sup__restart_on_exit(b, info);
	else if (info->kind == SUP_INFO_MSG)
		sup__log(LOG_WARNING, "supervisor \"%s\": a message that is "
			 "not for supervisors is dropped", b->name);
	return finish(b, ret);
}

/* No child has a task any more. */
static void take_down(struct sup__board *b)
{
	struct sup__child *c;

	while ((c = b->roster.first))
		sup__supervise_forget(b, c);
	sup__board_hide(b);
}

static void on_terminate(void *state, const struct sup_reason *reason)
{
	struct sup__board *b = state;

	sup__supervise_report_self(b, SUP_EVENT_DOWN, reason);
	sup__supervise_stop_all(b);
	take_down(b);
}

static int start_in_order(struct sup__board *b)
{
	struct sup__child *c;
	int ret;

	for (c = b->roster.first; c; c = c->next) {
		ret = sup__supervise_start(b, c, SUP__FIRST_START, NULL);
		if (ret >= 0)
			continue;
		sup__supervise_report(b, SUP_EVENT_START_ERROR, c, ret);
		return ret;
	}
	return 0;
}

static int start_graph(struct sup__board *b)
{
	sup__graph_mark_all(b);
	return sup__graph_start(b);
}

/* The first start of all; none is left of them after an error. */
static int start_all(struct sup__board *b)
{
	bool graph = sup__depends_are_used(b);
	int ret = graph ? start_graph(b) : start_in_order(b);
	char why[SUP__ERROR_MAX];

	if (!ret)
		return 0;
	/* Stopping the others may put other words there. */
	snprintf(why, sizeof(why), "%s", sup_error());
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

/*
 * Asks the caller's init whom to supervise. What it may not change is what the
 * task has already.
 */
static int ask_init(struct sup__board *b)
{
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = b->name,
	};
	int ret;

	sup__error_clear();
	ret = b->init(b->init_arg, &spec);
	if (ret > SUP_IGNORE)
		return sup__error(-EPROTO, "supervisor \"%s\": init returned "
				  "%d", b->name, ret);
	if (ret < 0 && sup_error()[0])
		return sup__error(ret, "supervisor \"%s\": %s", b->name,
				  sup_error());
	if (ret)
		return ret < 0 ? sup__error_sys(ret, "supervisor \"%s\": init",
						b->name) : ret;
	spec.name = NULL;
	spec.reg = false;
	return sup__supervisor_fill(b, &spec);
}

/* The board is up as long as the supervisor lives; its state is the board. */
static int on_init(void *arg, void **ret_state)
{
	struct sup__board *b = arg;
	int ret;

	/* From here on only its parent's exit signal is one for it to end. */
	sup_trap_exits(true, NULL);
	ret = b->init ? ask_init(b) : 0;
	if (!ret)
		ret = sup__supervise_reserve(b, b->roster.n,
					     sup__depends_are_used(b));
	if (ret)
		return ret;
	if (b->simple)
		b->simple->owns_arg = true;
	sup__board_show(b);
	ret = start_all(b);
	if (ret) {
		take_down(b);
		return ret;
	}
	take_over(b);
	sup__supervise_report_self(b, SUP_EVENT_UP, NULL);
	sup__restart_send_retries(b);
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
