/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public calls that supervisors are built on, as the world plays them. */
#include "world_in.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "core/later.h"
#include "core/process.h"
#include "core/server.h"
#include "core/spare.h"
#include "core/turn.h"

struct sup_pid sup_self(void)
{
	return world_self ? world_self->pid : SUP_PID_NONE;
}

void sup_checkpoint(void)
{
}

bool sup_is_alive(struct sup_pid pid)
{
	struct task *t = world_find(pid);

	return t && !t->ended;
}

/* Nothing here has written anything. */
bool sup__process_recall_output(struct sup_pid pid, char *buf, size_t size)
{
	(void)pid;
	(void)buf;
	(void)size;
	return false;
}

int sup_os_pid(struct sup_pid pid, pid_t *ret_pid, pid_t *ret_tid)
{
	if (!sup_is_alive(pid))
		return sup__error(-ESRCH, "no such task");
	*ret_pid = 1;
	*ret_tid = (pid_t)pid.v;
	return 0;
}

/* Fake children have no threads. */
void sup__spare_allow(int (*start)(const void *arg, struct sup_pid *ret_pid),
		      bool restart)
{
	(void)start;
	(void)restart;
}

void sup__spare_deny(void)
{
}

void sup__spare_make(void)
{
}

void sup__turn_watch_starts(bool watch)
{
	world_watches = watch;
}

void world_turn(const struct fake *f, const char *what, uint64_t tag)
{
	struct task *t = world_find(f->pid);

	assert_non_null(t);
	t->turn = (struct sup_turn){ .tag = tag };
	if (!what)
		return;
	snprintf(t->turn.what, sizeof(t->turn.what), "%s", what);
	t->turn.since_ns = t->is_watched ? world_now : 0;
}

bool sup__turn_look(struct sup_pid pid, struct sup_turn *ret_turn)
{
	*ret_turn = world_find(pid)->turn;
	return sup_is_alive(pid);
}

void sup__turn_kill(struct sup_pid pid)
{
	world_end(pid, (struct sup_reason){ .kind = SUP_REASON_WATCHDOG,
					    .signo = SIGKILL });
}

/* What a parent sends, which traps make no difference to. */
void world_shut(struct task *t, struct sup_reason reason)
{
	const struct fake *f = t->fake;

	t->asked = true;
	if (!f) {
		t->end_reason = reason;
		return;
	}
	if (f->stop_reason.kind || f->stop_normally)
		reason = f->stop_reason;
	if (!f->deaf && !t->end_at)
		world_plan_end(t, reason, world_now + f->stop_ns);
}

int sup_exit(struct sup_pid pid, const struct sup_reason *reason)
{
	struct task *t = world_find(pid);
	struct letter *l;

	if (!t || t->ended)
		return sup__error(-ESRCH, "no such task");
	if (!t->traps || (world_self && world_self->pid.v == t->parent.v)) {
		world_shut(t, *reason);
		return 0;
	}
	l = world_new_letter(EXIT, NULL);
	l->pid = sup_self();
	l->reason = *reason;
	world_put(&t->signals, l);
	return 0;
}

void world_exit_from(struct sup_pid from, struct sup_pid to,
		     struct sup_reason reason)
{
	world_self = world_find(from);
	assert_int_equal(sup_exit(to, &reason), 0);
	world_self = NULL;
}

void world_ask_to_end(struct sup_pid pid)
{
	assert_true(sup_is_alive(pid));
	world_shut(world_find(pid), SUP_SHUTDOWN);
}

int sup_trap_exits(bool on, bool *ret_was)
{
	if (ret_was)
		*ret_was = world_self->traps;
	world_self->traps = on;
	return 0;
}

int sup_kill(struct sup_pid pid, int64_t deadline)
{
	struct task *t = world_find(pid);

	(void)deadline;
	if (!t || t->ended)
		return sup__error(-ESRCH, "no such task");
	world_end_task(t, (struct sup_reason){ .kind = SUP_REASON_KILLED });
	return 0;
}

/* A server that was asked to end does so while it is waited for. */
int sup_wait(struct sup_pid pid, struct sup_reason *ret_reason,
	     int64_t deadline)
{
	struct task *t = world_find(pid);

	assert_non_null(t);
	if (!t->ended && t->ops && t->asked)
		world_terminate(t, t->end_reason);
	if (!t->ended && t->end_at &&
	    (deadline == SUP_FOREVER || t->end_at <= deadline))
		world_pass_time(t->end_at);
	if (t->ended) {
		*ret_reason = t->reason;
		return 0;
	}
	if (deadline == SUP_FOREVER)
		fail_msg("waits for ever for \"%s\"", t->id);
	world_pass_time(deadline);
	return sup__error(-ETIMEDOUT, "it goes on");
}

int sup_server_start(const void *server_spec, struct sup_pid *ret_pid)
{
	return sup__server_start(server_spec, ret_pid);
}

int sup__server_start(const void *server_spec, struct sup_pid *ret_pid)
{
	const struct sup_server_spec *spec = server_spec;
	struct task *t = world_new_task(spec->name), *before = world_self;
	int ret;

	/* Nothing is left behind: init is called here, on this thread. */
	sup_start_async();
	sup__later_is_wanted();
	snprintf(t->name, sizeof(t->name), "%s", spec->reg ? spec->name : "");
	t->ops = spec->ops;
	t->next_server = world_servers;
	world_servers = t;
	world_self = t;
	ret = spec->ops->init(spec->arg, &t->state);
	world_self = before;
	if (!ret) {
		*ret_pid = t->pid;
		return 0;
	}
	t->parent = SUP_PID_NONE;
	world_end_task(t, (struct sup_reason){ .kind = SUP_REASON_EXIT,
					       .code = ret });
	return ret;
}

int sup_server_stop_with(const struct sup_reason *reason)
{
	world_stop_with = *reason;
	return 0;
}

int sup_server_timeout(int64_t ms)
{
	world_self->timeout_at = ms < 0 ? 0 : world_now + ms * MS;
	return 0;
}

int sup_cast(struct sup_pid to, const struct sup_msg *msg, int64_t deadline)
{
	struct task *t = world_find(to);

	(void)deadline;
	if (!t || t->ended)
		return -ESRCH;
	if (world_refusals && world_refusals--)
		return -EDEADLK;
	world_put(&t->data, world_new_letter(CAST, msg));
	return 0;
}

int sup_call(struct sup_pid to, const struct sup_msg *req,
	     struct sup_msg *ret_reply, struct sup_reason *ret_reason,
	     int64_t deadline)
{
	struct sup_msg unsent = *req;
	int ask, ret;

	(void)deadline;
	*ret_reason = (struct sup_reason){ .kind = SUP_REASON_NOPROC };
	if (world_self || !sup_is_alive(to))
		sup_msg_free(&unsent);
	/* Whoever calls from within a callback waits for itself here. */
	if (world_self)
		return sup__error(-EDEADLK, "the call would wait for itself");
	if (!sup_is_alive(to))
		return sup__error(-EPIPE, "the server has ended");
	ask = world_ask(to, req);
	world_run();
	ret = world_answer(ask, ret_reply);
	if (ret == -EPIPE)
		*ret_reason = world_find(to)->reason;
	return ret;
}

int sup_reply(struct sup_from from, const struct sup_msg *msg)
{
	world_answer_with((int)from.slot, 0, msg);
	return 0;
}

int sup_reply_error(struct sup_from from, int error)
{
	world_answer_with((int)from.slot, error, NULL);
	return 0;
}
