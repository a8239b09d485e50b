/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Process tasks: how one is started, asked to end, and found again. */
#include "core/process_in.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <sup/process_status.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/spec.h"
#include "core/audit.h"
#include "core/later.h"
#include "core/process_function.h"
#include "core/runtime.h"
#include "core/seat.h"
#include "core/task.h"
#include "exit/plan.h"

#define READY_MS 30000

static void process_exit(void *priv, const struct sup_reason *reason)
{
	struct sup__process *p = priv;
	int64_t stop_at = INT64_MAX;

	(void)reason;
	sup__lock(&sup__processes);
	if (p->alive)
		sup__proc_signal(&p->proc, p->stop_signal);
	p->watchdog_at = 0;
	if (p->alive && p->stop_timeout_ms && !p->stop_at) {
		stop_at = sup_deadline_ms(p->stop_timeout_ms);
		p->stop_at = stop_at;
	}
	sup__unlock(&sup__processes);
	sup__process_wake_at(stop_at);
}

static void process_kill(void *priv)
{
	sup__process_kill(priv);
}

/* Its memory alone. */
static void process_drop(struct sup__process *p)
{
	sup__output_fini(&p->output);
	sup__process_function_free(p);
	sup__free(p);
}

static void process_free(void *priv)
{
	struct sup__process *p = priv;

	sup__lock(&sup__processes);
	sup__process_unwatch_locked(p);
	sup__unlock(&sup__processes);
	sup__proc_close(&p->proc);
	process_drop(p);
}

static const struct sup__task_ops process_ops = {
	.exit = process_exit,
	.kill = process_kill,
	.send = sup__process_function_send,
	.free = process_free,
};

static void start_is_known(struct sup__process *p)
{
	if (p->is_starting)
		sup__start_end(p->start_era);
	p->is_starting = false;
}

static int born(const struct sup__proc *proc, void *arg)
{
	struct sup_reason reason;
	struct sup__process *p = arg;
	int ret;

	sup__lock(&sup__processes);
	p->alive = true;
	sup__process_add_locked(p, proc->pid);
	ret = sup__process_function_born(p);
	if (!ret)
		ret = sup__process_watch_locked(p);
	sup__unlock(&sup__processes);
	start_is_known(p);
	sup__task_set_os(p->task, proc->pid, 0);
	if (sup__task_killed(p->task))
		process_kill(p);
	else if (sup__task_asked(p->task, &reason))
		process_exit(p, &reason);
	return ret;
}

/* No watch, no end: it has been reaped. */
static void unborn(void *arg)
{
	struct sup__process *p = arg;

	sup__lock(&sup__processes);
	sup__process_unwatch_locked(p);
	sup__process_del_locked(p);
	p->alive = false;
	sup__unlock(&sup__processes);
}

static int not_ready(struct sup__process *p, int err, const char *what,
		     const struct sup_process_spec *spec)
{
	char status[sizeof(p->status)], by[64];
	bool mute;
	int ret;

	ret = sup__process_function_not_ready(p, err, what);
	if (ret)
		return ret;
	sup__lock(&sup__processes);
	memcpy(status, p->status, sizeof(status));
	mute = p->mute;
	sup__unlock(&sup__processes);
	if (spec->readiness == SUP_READY_NOTIFY)
		snprintf(by, sizeof(by), "it sent READY=1");
	else
		snprintf(by, sizeof(by), "it wrote a newline to descriptor %d"
			 "%s", sup__plan_ready_fd(spec),
			 mute ? ", which is closed" : "");
	return sup__error(err, "pid %d %s before %s%s%s", (int)p->proc.pid,
			  what, by, status[0] ? "; its last status: " : "",
			  status);
}

static int64_t ready_deadline(struct sup__process *p)
{
	int64_t at;

	sup__lock(&sup__processes);
	at = p->ready_at;
	sup__unlock(&sup__processes);
	return at;
}

static int wait_ready(struct sup__process *p,
		      const struct sup_process_spec *spec)
{
	int ret;

	while (atomic_load(&p->ready) == SUP__READY_NOT_YET) {
		ret = sup__futex_wait(&p->ready, SUP__READY_NOT_YET,
				      ready_deadline(p));
		if (ret == -EINTR && sup__task_must_end())
			return sup__error(ret, "its start was given up");
		if (ret == -ETIMEDOUT && ready_deadline(p) <= sup__now_ns())
			break;
	}
	switch ((enum sup__ready)atomic_load(&p->ready)) {
	case SUP__READY_NOT_YET:
		return not_ready(p, -ETIMEDOUT, "ran out of time", spec);
	case SUP__READY_NEVER:
		return not_ready(p, -ECHILD, "ended", spec);
	case SUP__READY_YES:
		break;
	}
	return 0;
}

/* 0: it runs, and whether it is ready remains to be seen. */
static int spawn(struct sup__process *p, const struct sup_process_spec *spec)
{
	struct sup__proc_start start = {
		.spec = spec, .src = p->src, .born = born, .unborn = unborn,
		.arg = p,
	};
	unsigned int untracked = sup__process_untracked_count();
	int ret;

	p->ready_at = sup_deadline_ms(spec->ready_timeout_ms ?: READY_MS);
	p->is_starting = true;
	p->start_era = sup__start_begin();
	ret = sup__proc_spawn(&start, &p->proc);
	start_is_known(p);
	if (p->proc.pid)
		sup__process_look_at_start(p, ret == -ECHILD, untracked);
	return ret;
}

/* *ret_awaits: it is not said to be ready yet, and has to be. */
static int adopt_or_spawn(struct sup__process *p,
			  const struct sup_process_spec *spec,
			  bool *ret_awaits)
{
	int ret = -ESRCH;

	*ret_awaits = false;
	if (spec->adopt_lineage)
		ret = sup__process_adopt(p, spec->adopt_lineage);
	if (ret != -ESRCH && ret != -EOPNOTSUPP)
		return ret;
	*ret_awaits = spec->readiness != SUP_READY_EXEC || spec->function;
	return spawn(p, spec);
}

/* Its start went well; if it has ended by now, that is told from here. */
static void start_is_over(struct sup__process *p)
{
	struct sup_reason reason, asked;
	int64_t expected_at = INT64_MAX;
	bool done;

	sup__lock(&sup__processes);
	p->start_over = true;
	reason = p->reason;
	done = atomic_load(&p->done);
	if (!sup__task_asked(p->task, &asked))
		expected_at = sup__process_expect_locked(p);
	sup__unlock(&sup__processes);
	sup__process_wake_at(expected_at);
	if (done)
		sup__task_end(p->task, &reason);
}

/* Leaves nothing behind, and keeps the sentence that says why. */
static int start_failed(struct sup__process *p, int err)
{
	struct sup_reason reason = { .kind = SUP_REASON_EXIT, .code = err };
	char why[SUP__ERROR_MAX], how[128];
	bool was_born;

	memcpy(why, sup_error(), strlen(sup_error()) + 1);
	was_born = p->proc.pid;
	if (was_born) {
		process_kill(p);
		sup__process_wait_done(p, SUP_FOREVER);
		reason = p->reason;
	}
	if (p->no_room)
		err = sup__error(-EAGAIN, "the module has no room for another "
				 "process");
	else if (err == -ECHILD)
		sup__error(err, "%.*s: %s", (int)(sizeof(why) - sizeof(how)),
			   why, sup_reason_format(&reason, how, sizeof(how)));
	else
		sup__error(err, "%s", why);
	sup__task_end(p->task, &reason);
	return err;
}

static int process_new(struct sup_process_spec *spec,
		       struct sup__process **ret_p, struct sup_pid *ret_holder)
{
	struct sup__process *p;
	int ret;

	p = sup__zalloc(sizeof(*p));
	if (!p)
		return sup__error_nomem("a process");
	p->proc = (struct sup__proc)SUP__PROC_INIT;
	p->stop_signal = spec->stop_signal ? spec->stop_signal : SIGTERM;
	p->stop_timeout_ms = spec->stop_timeout_ms;
	p->watchdog_signal = spec->watchdog_signal ?: SIGABRT;
	/* What is too long is refused by the plan. */
	if (__builtin_mul_overflow(spec->watchdog_ms, INT64_C(1000000),
				   &p->watchdog_ns))
		p->watchdog_ns = 0;
	p->src = sup__runtime_source();
	ret = sup__process_function_init(p, spec);
	if (!ret)
		ret = sup__process_output_init(p, spec);
	if (!ret && !p->src)
		ret = sup__error(-ENOTCONN, "sup_open() was not called");
	if (!ret)
		ret = sup__task_new(&process_ops, p, spec->name, spec->reg,
				    &p->task, ret_holder);
	if (ret) {
		process_drop(p);
		return ret;
	}
	*ret_p = p;
	return 0;
}

/* ret is how it went so far. */
static int conclude(struct sup__process *p, int ret)
{
	if (!ret && !sup__task_started(p->task))
		ret = sup__error(-ECHILD, "it was given up while it started");
	if (ret)
		return start_failed(p, ret);
	start_is_over(p);
	return 0;
}

/* One that its starter does not wait for here, core/later.h. */
struct left {
	struct sup__later later;	/* first */
	struct sup__process *p;
	struct sup_process_spec spec;	/* numbers of it alone are looked at */
};

static bool left_is_over(const struct sup__later *l)
{
	return atomic_load(&((const struct left *)l)->p->ready) !=
	       SUP__READY_NOT_YET;
}

static int64_t left_deadline(const struct sup__later *l)
{
	return ready_deadline(((const struct left *)l)->p);
}

static int left_finish(struct sup__later *l)
{
	struct left *left = (struct left *)l;
	int ret = conclude(left->p, wait_ready(left->p, &left->spec));

	sup__free(left);
	return ret;
}

static int leave_start(struct sup__process *p,
		       const struct sup_process_spec *spec)
{
	struct left *left = sup__zalloc(sizeof(*left));

	if (!left)
		return conclude(p, sup__error_nomem("a start"));
	left->later.is_over = left_is_over;
	left->later.deadline = left_deadline;
	left->later.finish = left_finish;
	left->later.pid = sup__task_pid(p->task);
	left->p = p;
	left->spec = *spec;
	sup__later_leave(&left->later);
	return 0;
}

int sup_process_start(const void *process_spec, struct sup_pid *ret_pid)
{
	bool leave, awaits;
	struct sup_pid holder = SUP_PID_NONE, pid;
	struct sup__process *p = NULL;
	struct sup_process_spec spec;
	int ret;

	sup__task_checkpoint();
	leave = sup__later_is_wanted();
	ret = sup__spec_copy(&spec, sizeof(spec), process_spec,
			     "sup_process_spec");
	if (ret)
		return ret;
	ret = process_new(&spec, &p, &holder);
	if (ret == -EEXIST)
		*ret_pid = holder;
	if (ret)
		return ret;
	pid = sup__task_pid(p->task);
	p->starter = leave ? sup__seat_self() : NULL;
	ret = adopt_or_spawn(p, &spec, &awaits);
	if (!ret && awaits && leave) {
		ret = leave_start(p, &spec);
	} else {
		if (!ret && awaits)
			ret = wait_ready(p, &spec);
		ret = conclude(p, ret);
	}
	if (!ret)
		*ret_pid = pid;
	return ret;
}

struct sup__process *sup__process_get(struct sup_pid pid)
{
	struct sup__task *t = sup__task_get(pid);
	struct sup__process *p = t ? sup__task_priv(t, &process_ops) : NULL;

	if (t && !p)
		sup__task_put(t);
	return p;
}

int sup_process_signal(struct sup_pid pid, int signo)
{
	struct sup__process *p;
	int ret = -ESRCH;

	if (signo < 1 || signo > SIGRTMAX)
		return sup__error(-EINVAL, "signal %d is none", signo);
	p = sup__process_get(pid);
	if (p) {
		sup__lock(&sup__processes);
		if (p->alive)
			ret = sup__proc_signal(&p->proc, signo);
		sup__unlock(&sup__processes);
		sup__task_put(p->task);
	}
	if (ret == -ESRCH)
		sup__error(ret, "no such process");
	return ret;
}

int sup_process_status(struct sup_pid pid,
		       struct sup_process_status *ret_status)
{
	struct sup_process_status status = { .stopping = false };
	struct sup__process *p = sup__process_get(pid);

	if (!p)
		return sup__error(-ESRCH, "no such process");
	sup__lock(&sup__processes);
	memcpy(status.text, p->status, sizeof(status.text));
	status.ready = p->start_over;
	status.stopping = p->stopping;
	sup__unlock(&sup__processes);
	sup__task_put(p->task);
	*ret_status = status;
	return 0;
}
