/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A server is a thread task whose body is the loop below. Whoever starts it
 * waits on its own seat until t->start has left NEW:
 *
 *	init returned 0		the server moves it to DONE
 *	init failed		the server stores the error and ends; the end
 *				moves it to FAILED
 *	it took too long	the starter moves it to FAILED and kills it
 *
 * and, if it is FAILED, until the task has ended.
 */
#include <sup/server.h>

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/spec.h"
#include "core/call.h"
#include "core/link.h"
#include "core/monitor.h"
#include "core/table.h"
#include "core/task.h"
#include "core/thread.h"

/* Lives on the server's stack. */
struct server {
	struct sup_server_ops ops;
	void *state;
	struct sup_reason reason;
	bool stopped;
};

static void stop(struct server *s, struct sup_reason reason)
{
	s->reason = reason;
	s->stopped = true;
}

static void obey(struct server *s, struct sup__task *t, int result)
{
	if (result == SUP_CONTINUE)
		return;
	if (result == SUP_STOP) {
		stop(s, t->end_reason);
		return;
	}
	if (result > 0) {
		sup__log(LOG_ERR, "server \"%s\": a callback returned %d",
			 t->name, result);
		result = -EPROTO;
	}
	stop(s, (struct sup_reason){
		.kind = SUP_REASON_EXIT, .code = result,
	});
}

static int handle_call(struct server *s, struct sup__task *t,
		       struct sup_from from)
{
	int ret = SUP_CONTINUE;

	if (!s->ops.call)
		sup_reply_error(from, -ENOSYS);
	else if (!sup__call_is_refused(from))
		ret = s->ops.call(s->state, from, &t->hand.msg);
	sup_msg_free(&t->hand.msg);
	return ret;
}

static int handle_cast(struct server *s, struct sup__task *t)
{
	int ret = SUP_CONTINUE;

	if (s->ops.cast)
		ret = s->ops.cast(s->state, &t->hand.msg);
	else
		sup__log(LOG_WARNING, "server \"%s\": cast %llu is not "
			 "handled", t->name,
			 (unsigned long long)t->hand.msg.tag);
	sup_msg_free(&t->hand.msg);
	return ret;
}

static int handle_info(struct server *s, struct sup__task *t)
{
	int ret = SUP_CONTINUE;

	if (s->ops.info)
		ret = s->ops.info(s->state, &t->hand);
	else if (t->hand.kind == SUP_INFO_MSG ||
		 t->hand.kind == SUP_INFO_TIMER)
		sup__log(LOG_WARNING, "server \"%s\": message %llu is not "
			 "handled", t->name,
			 (unsigned long long)t->hand.msg.tag);
	sup_msg_free(&t->hand.msg);
	return ret;
}

static int handle_letter(struct server *s, struct sup__task *t,
			 struct sup__letter *letter)
{
	t->hand = (struct sup_info){
		.kind = SUP_INFO_MSG, .msg = letter->msg,
	};
	switch (letter->kind) {
	case SUP__LETTER_CALL:
		return handle_call(s, t, letter->from);
	case SUP__LETTER_CAST:
		return handle_cast(s, t);
	default:
		return handle_info(s, t);
	}
}

static void turn(struct server *s, struct sup__task *t)
{
	struct sup_reason reason;
	struct sup__item item;
	int ret;

	ret = sup__thread_next(t, &item, t->receive_deadline);
	if (ret == -ECANCELED)
		sup__task_checkpoint();
	if (!ret && item.kind == SUP__ITEM_STOP) {
		sup__task_asked(t, &reason);
		stop(s, reason);
		return;
	}
	t->receive_deadline = SUP_FOREVER;
	if (!ret && item.kind == SUP__ITEM_LETTER) {
		obey(s, t, handle_letter(s, t, &item.letter));
		return;
	}
	if (ret)
		item.info = (struct sup_info){ .kind = SUP_INFO_TIMEOUT };
	t->hand = item.info;
	obey(s, t, handle_info(s, t));
}

static void init_failed(struct sup__task *t, int error)
{
	const char *text = error < 0 ? sup_error() : "";

	t->start_error = error;
	if (text[0])
		t->start_text = sup__strdup(text);
	if (error < 0)
		t->end_reason = (struct sup_reason){
			.kind = SUP_REASON_EXIT, .code = error,
		};
}

static void run_server(struct sup__task *t)
{
	const struct sup_server_spec *spec = t->body_arg;
	struct server s = { .reason = { .kind = SUP_REASON_NORMAL } };
	int ret;

	/* The starter waits: its spec is there until init has returned. */
	ret = sup__spec_copy(&s.ops, sizeof(s.ops), spec->ops,
			     "sup_server_ops");
	if (!ret)
		ret = s.ops.init(spec->arg, &s.state);
	if (ret) {
		init_failed(t, ret);
		return;
	}
	if (!sup__task_started(t))
		stop(&s, (struct sup_reason){ .kind = SUP_REASON_KILLED });
	while (!s.stopped)
		turn(&s, t);
	if (s.ops.terminate)
		s.ops.terminate(s.state, &s.reason);
	t->end_reason = s.reason;
}

static int check_spec(const struct sup_server_spec *spec)
{
	const size_t least = offsetof(struct sup_server_ops, init) +
			     sizeof(spec->ops->init);

	if (!spec->ops || spec->ops->size < least || !spec->ops->init)
		return sup__error(-EINVAL, "ops: there must be an init, and "
				  "size set");
	if (spec->init_timeout_ms < 0)
		return sup__error(-EINVAL, "init_timeout_ms: %lld is negative",
				  (long long)spec->init_timeout_ms);
	if (spec->reg && !spec->name)
		return sup__error(-EINVAL, "name: NULL cannot be registered");
	return 0;
}

/* Waits until the start is over. -ETIMEDOUT, -ECANCELED: we gave it up. */
static int await_start(struct sup__task *t, struct sup__seat *seat,
		       int64_t deadline)
{
	int ret = 0;

	while (atomic_load(&t->start) == SUP__START_NEW) {
		if (sup__task_must_end())
			ret = -ECANCELED;
		if (ret && sup__task_give_up_start(t))
			return ret;
		ret = sup__seat_wait(seat, deadline);
	}
	return 0;
}

static int start_error(struct sup__task *t, int given_up)
{
	char text[128];

	if (given_up == -ETIMEDOUT)
		return sup__error(-ETIMEDOUT, "\"%s\": init took longer than "
				  "init_timeout_ms", t->name);
	if (given_up)
		return given_up;
	if (t->start_error < 0)
		return t->start_text ?
			sup__error(t->start_error, "%s", t->start_text) :
			sup__error_sys(t->start_error, "\"%s\": init",
				       t->name);
	if (t->start_error)
		return t->start_error;
	return sup__error(-ECHILD, "\"%s\" ended in init: %s", t->name,
			  sup_reason_format(&t->reason, text, sizeof(text)));
}

static int finish_start(struct sup__task *t, struct sup__seat *seat,
			int64_t deadline)
{
	int given_up, ret = 0;

	given_up = await_start(t, seat, deadline);
	if (given_up)
		sup_kill(sup__task_pid(t), SUP_TRY);
	if (atomic_load(&t->start) == SUP__START_FAILED) {
		sup__monitor_await_end(t);
		ret = start_error(t, given_up);
	}
	atomic_store(&seat->waits_for, 0);
	return ret;
}

int sup_server_start(const void *server_spec, struct sup_pid *ret_pid)
{
	struct sup__seat *seat = sup__seat_self();
	int64_t deadline = SUP_FOREVER;
	struct sup_server_spec spec;
	struct sup__thread_make m;
	struct sup__task *t;
	struct sup_pid pid;
	int ret;

	sup__task_checkpoint();
	if (!seat)
		return -ENOMEM;
	ret = sup__spec_copy(&spec, sizeof(spec), server_spec,
			     "sup_server_spec");
	if (!ret)
		ret = check_spec(&spec);
	if (ret)
		return ret;
	m = (struct sup__thread_make){
		.name = spec.name ? spec.name : "server", .reg = spec.reg,
		.is_server = true, .containment = spec.containment,
		.mailbox = spec.mailbox, .body = run_server,
		.body_arg = &spec, .starter = seat,
	};
	if (spec.init_timeout_ms)
		deadline = sup_deadline_ms(spec.init_timeout_ms);
	ret = sup__thread_begin(&m, &t, &pid);
	if (!ret) {
		ret = finish_start(t, seat, deadline);
		sup__task_put(t);
	} else if (ret == -EEXIST && ret_pid) {
		*ret_pid = pid;
	}
	if (ret == -ECANCELED)
		sup__task_checkpoint();
	if (!ret && ret_pid)
		*ret_pid = pid;
	return ret;
}

static struct sup__task *server_self(void)
{
	if (sup__self && sup__self->is_server)
		return sup__self;
	sup__error(-EPERM, "only a server's callback may say this");
	return NULL;
}

int sup_server_stop_with(const struct sup_reason *reason)
{
	struct sup__task *t = server_self();

	if (!t)
		return -EPERM;
	t->end_reason = *reason;
	return 0;
}

int sup_server_timeout(int64_t ms)
{
	struct sup__task *t = server_self();

	if (!t)
		return -EPERM;
	t->receive_deadline = sup_deadline_ms(ms);
	return 0;
}

static bool is_same(const struct sup_reason *a, const struct sup_reason *b)
{
	return a->kind == b->kind && a->code == b->code &&
	       a->term == b->term && a->signo == b->signo;
}

static int ask_to_stop(struct sup_pid pid, const struct sup_reason *reason)
{
	struct sup__task *t = sup__task_get(pid);
	int ret = 0;

	if (!t || sup__task_has_ended(t))
		ret = sup__error(-ESRCH, "pid: no such task");
	else if (!t->is_server)
		ret = sup__error(-EINVAL, "pid: \"%s\" is no server", t->name);
	else
		sup__link_stop(t, reason);
	if (t)
		sup__task_put(t);
	return ret;
}

int sup_server_stop(struct sup_pid pid, const struct sup_reason *reason,
		    struct sup_reason *ret_reason, int64_t deadline)
{
	struct sup_reason end;
	char text[128];
	int ret;

	if (pid.v && pid.v == sup_self().v)
		return sup__error(-EDEADLK, "a server cannot wait for its own "
				  "end");
	ret = ask_to_stop(pid, reason);
	if (!ret)
		ret = sup_wait(pid, &end, deadline);
	if (ret)
		return ret;
	if (ret_reason)
		*ret_reason = end;
	if (is_same(&end, reason))
		return 0;
	return sup__error(-EPIPE, "it ended with another reason: %s",
			  sup_reason_format(&end, text, sizeof(text)));
}
