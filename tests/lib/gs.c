/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/gs.h"

#include <errno.h>
#include <string.h>

#include "base/futex.h"

#define LONG sup_deadline_ms(30000)

static void gs_log(struct gs *g, char c)
{
	size_t len = strlen(g->log);

	if (len + 1 < sizeof(g->log))
		g->log[len] = c;
}

/* A wait that hears of a kill: for what real code would do in that time. */
void gs_sleep(int64_t ms)
{
	int64_t at = sup_deadline_ms(ms);
	_Atomic uint32_t word = 0;

	/* The signal of a kill interrupts it. */
	while (sup__futex_wait(&word, 0, at) != -ETIMEDOUT)
		sup_checkpoint();
}

int gs_init(void *arg, void **ret_state)
{
	struct gs *g = arg;

	if (g->init_ms)
		gs_sleep(g->init_ms);
	if (g->init_registers && sup_register(g->init_registers, sup_self()))
		return -EADDRINUSE;
	if (g->init_continues)
		sup_server_continue(g->init_continues);
	*ret_state = g;
	return g->init_result;
}

static int64_t gs_arg(const struct sup_msg *msg)
{
	return msg->len == sizeof(int64_t) ? *(int64_t *)msg->data : 0;
}

static int gs_stop(struct sup_msg *msg)
{
	struct sup_reason reason = {
		.kind = SUP_REASON_SHUTDOWN, .term = gs_arg(msg),
	};

	sup_server_stop_with(&reason);
	return SUP_STOP;
}

int gs_answer(struct sup_from from, uint64_t tag)
{
	return sup_reply(from, &(struct sup_msg){ .tag = tag });
}

int gs_call(void *state, struct sup_from from,
			  struct sup_msg *req)
{
	struct gs *g = state;
	struct sup_msg text = {
		.tag = GS_LOG, .data = g->log, .len = sizeof(g->log),
	};

	switch (req->tag) {
	case GS_DELAYED:
		g->delayed = from;
		return sup_server_timer(GS_DELAYED, gs_arg(req));
	case GS_CALL_WITHIN:
		g->within = sup_deadline_ms(gs_arg(req));
		return gs_answer(from, req->tag);
	case GS_NEXT:
		return gs_answer(from, sup_deadline_ms(0) <= g->within);
	case GS_STOP:
		sup_server_reply_at_end(from, &(struct sup_msg){ .tag = 99 });
		return gs_stop(req);
	case GS_BAD:
		return 77;
	case GS_CONTINUE:
		sup_server_continue(gs_arg(req));
		gs_log(g, 'c');
		return gs_answer(from, req->tag);
	case GS_CONTINUE_STOP:
		sup_server_continue(0);
		return gs_answer(from, req->tag);
	case GS_LOG:
		return sup_reply(from, &text);
	case GS_SLEEP:
		gs_sleep(gs_arg(req));
		return gs_answer(from, req->tag);
	case GS_FAIL:
		return -gs_arg(req);
	}
	return gs_answer(from, req->tag);
}

static int gs_post(struct gs *g, struct sup_msg *msg, char c)
{
	gs_log(g, c);
	switch (msg->tag) {
	case GS_STOP:
		return gs_stop(msg);
	case GS_BAD:
		return 77;
	case GS_CONTINUE:
		return sup_server_continue(gs_arg(msg));
	case GS_SLEEP:
		gs_sleep(gs_arg(msg));
		return SUP_CONTINUE;
	case GS_DELAYED:
		return sup_server_timeout(gs_arg(msg));
	case GS_FAIL:
		return -gs_arg(msg);
	case GS_RELEASE:
		return gs_answer(g->delayed, GS_DELAYED);
	}
	return SUP_CONTINUE;
}

static int gs_cast(void *state, struct sup_msg *msg)
{
	return gs_post(state, msg, 'a');
}

static int gs_info(void *state, struct sup_info *info)
{
	struct gs *g = state;

	switch (info->kind) {
	case SUP_INFO_TIMER:
		return gs_answer(g->delayed, GS_DELAYED);
	case SUP_INFO_TIMEOUT:
		gs_log(g, 't');
		atomic_fetch_add(&g->timeouts, 1);
		return SUP_CONTINUE;
	case SUP_INFO_MSG:
		return gs_post(g, &info->msg, 'i');
	default:
		return SUP_CONTINUE;
	}
}

static int gs_go_on(void *state, uint64_t what)
{
	gs_log(state, '0' + what);
	if (!what)
		return SUP_STOP;
	return what > 1 ? sup_server_continue(what - 1) : SUP_CONTINUE;
}

static void gs_terminate(void *state, const struct sup_reason *reason)
{
	struct gs *g = state;

	if (g->terminate_ms)
		gs_sleep(g->terminate_ms);
	g->end = *reason;
	g->terminates++;
}

const struct sup_server_ops gs_ops = {
	.size = sizeof(gs_ops), .init = gs_init, .call = gs_call,
	.cast = gs_cast, .info = gs_info, .terminate = gs_terminate,
	.go_on = gs_go_on,
};

struct sup_server_spec gs_spec(struct gs *g, const char *name)
{
	return (struct sup_server_spec){
		.size = sizeof(struct sup_server_spec), .name = name,
		.reg = name, .ops = &gs_ops, .arg = g,
	};
}

struct sup_pid gs_start(struct gs *g)
{
	struct sup_server_spec spec = gs_spec(g, NULL);
	struct sup_pid pid = SUP_PID_NONE;

	sup_server_start(&spec, &pid);
	return pid;
}

struct sup_msg gs_msg(enum gs_tag tag, const int64_t *arg)
{
	return (struct sup_msg){
		.tag = tag, .data = (void *)arg, .len = arg ? sizeof(*arg) : 0,
	};
}

/* The tag of the reply, or the error. */
int gs_ask_by(struct sup_pid pid, enum gs_tag tag, int64_t arg,
			    int64_t deadline)
{
	struct sup_msg msg = gs_msg(tag, &arg), reply;
	int ret = sup_call(pid, &msg, &reply, NULL, deadline);

	if (!ret) {
		ret = (int)reply.tag;
		sup_msg_free(&reply);
	}
	return ret;
}

int gs_ask(struct sup_pid pid, enum gs_tag tag, int64_t arg)
{
	return gs_ask_by(pid, tag, arg, LONG);
}
