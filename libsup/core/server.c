/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A server is a thread task whose body is the loop below. What its callbacks
 * ask for by the calls at the end is noted in the task, and done when the
 * callback has returned.
 */
#include "core/server.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/spec.h"
#include "core/call.h"
#include "core/link.h"
#include "core/registry.h"
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

/* Where the error is born (OTP's error report of a gen_server). */
static void report_error(const struct server *s, const struct sup__task *t)
{
	struct sup_turn last;
	char text[128];

	if (sup_reason_is_clean(&s->reason))
		return;
	sup_reason_format(&s->reason, text, sizeof(text));
	sup__turn_read(&t->turn, &last);
	sup__log(LOG_ERR, "server \"%s\" ends, %s; the last that came was %s "
		 "%llu, from task %llx", t->name, text, last.what,
		 (unsigned long long)last.tag,
		 (unsigned long long)last.from.v);
}

static void obey(struct server *s, struct sup__task *t, int result)
{
	if (result == SUP_CONTINUE)
		return;
	if (result == SUP_STOP) {
		stop(s, t->end_reason);
		report_error(s, t);
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
	report_error(s, t);
}

static void note_last(struct sup__task *t, const char *what, uint64_t tag,
		      struct sup_pid from)
{
	sup__turn_begin(&t->turn, what, tag, from);
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
		.kind = SUP_INFO_MSG, .pid = letter->from.pid,
		.msg = letter->msg,
	};
	switch (letter->kind) {
	case SUP__LETTER_CALL:
		note_last(t, "call", letter->msg.tag, letter->from.pid);
		return handle_call(s, t, letter->from);
	case SUP__LETTER_CAST:
		note_last(t, "cast", letter->msg.tag, SUP_PID_NONE);
		return handle_cast(s, t);
	default:
		note_last(t, "message", letter->msg.tag, letter->from.pid);
		return handle_info(s, t);
	}
}

/* What a callback has put off goes before all that has come meanwhile. */
static void go_on(struct server *s, struct sup__task *t)
{
	uint64_t what = t->continues_with;
	int ret = -ENOSYS;

	sup__task_checkpoint();
	t->continues = false;
	note_last(t, "continuation", what, SUP_PID_NONE);
	if (s->ops.go_on)
		ret = s->ops.go_on(s->state, what);
	else
		sup__log(LOG_ERR, "server \"%s\": there is no go_on",
			 t->name);
	obey(s, t, ret);
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
	note_last(t, "info", t->hand.kind, t->hand.pid);
	obey(s, t, handle_info(s, t));
}

static void init_failed(struct sup__task *t, int error)
{
	const char *text;

	if (error > SUP_IGNORE)
		error = sup__error(-EPROTO, "server \"%s\": init returned %d",
				   t->name, error);
	text = error < 0 ? sup_error() : "";
	t->start_error = error;
	if (text[0])
		t->start_text = sup__strdup(text);
	if (error < 0)
		t->end_reason = (struct sup_reason){
			.kind = SUP_REASON_EXIT, .code = error,
		};
}

static void loop(struct server *s, struct sup__task *t)
{
	while (!s->stopped) {
		if (t->continues)
			go_on(s, t);
		else
			turn(s, t);
	}
	t->knows_exit = true;
	note_last(t, "terminate", 0, SUP_PID_NONE);
	if (s->ops.terminate)
		s->ops.terminate(s->state, &s->reason);
	t->end_reason = s->reason;
}

void sup__server_run(struct sup__task *t)
{
	const struct sup_server_spec *spec = t->body_arg;
	struct server s = { .stopped = false };
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
	if (t->awaits_ready && !t->is_ready)
		sup__task_init_is_over(t);
	else if (!sup__task_started(t))
		stop(&s, (struct sup_reason){ .kind = SUP_REASON_KILLED });
	loop(&s, t);
}

int sup__server_check_ops(const struct sup_server_ops *ops)
{
	const size_t least = offsetof(struct sup_server_ops, init) +
			     sizeof(ops->init);

	if (ops && ops->size >= least)
		return 0;
	return sup__error(-EINVAL, "ops: it is NULL, or size is not set");
}

static int may_become_server(const char *name)
{
	if (!sup__self)
		return sup__error(-EPERM, "a foreign thread is no task");
	if (sup__self->is_server)
		return sup__error(-EPERM, "it is a server already");
	if (name && sup_whereis(name).v != sup_self().v)
		return sup__error(-ESRCH, "name: \"%s\" is not the caller",
				  name);
	return 0;
}

int sup_server_enter(const struct sup_server_ops *ops, void *state,
		     const char *name)
{
	struct server s = { .state = state };
	struct sup__task *t = sup__self;
	int ret;

	sup__task_checkpoint();
	ret = sup__server_check_ops(ops);
	if (!ret)
		ret = may_become_server(name);
	if (!ret)
		ret = sup__spec_copy(&s.ops, sizeof(s.ops), ops,
				     "sup_server_ops");
	if (ret)
		return ret;
	sup__link_become_server(t);
	loop(&s, t);
	sup__thread_to_top(t, &s.reason);
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

int sup_server_continue(uint64_t what)
{
	struct sup__task *t = server_self();

	if (!t)
		return -EPERM;
	t->continues = true;
	t->continues_with = what;
	return 0;
}

int sup_server_reply_at_end(struct sup_from from, const struct sup_msg *msg)
{
	struct sup__task *t = server_self();

	if (!t)
		return -EPERM;
	if (t->last_from.generation)
		return sup__error(-EALREADY, "another reply is kept already");
	if (sup__msg_own(msg, &t->last_reply))
		return sup__error_nomem("a reply");
	sup__task_gave(msg);
	t->last_from = from;
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
