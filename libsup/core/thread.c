/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread task runs between two functions: trampoline(), which makes the
 * thread a task and later reports its end, and run_on_top(), the frame to
 * which whatever ends a task early jumps back: sup_exit_self(), a kill or an
 * exit signal at a safe point, a contained fault. The thread then ends by a
 * normal return, so its key destructors run and it can be joined.
 *
 * A thread that leaves by pthread_exit() is reported by a clean-up handler; one
 * that leaves by a bare system call, by the runtime's thread.
 *
 * Nothing is done to a thread from outside but to set a flag, wake its seat
 * and interrupt it by a signal, whose handler does nothing unless the task was
 * killed and may be left just there (core/contain.c).
 */
#include "core/thread.h"

#include <alloca.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/spec.h"
#include "base/stack.h"
#include "base/thread.h"
#include "core/audit.h"
#include "core/await.h"
#include "core/contain.h"
#include "core/event.h"
#include "core/later.h"
#include "core/link.h"
#include "core/monitor.h"
#include "core/loop.h"
#include "core/press.h"
#include "core/registry.h"
#include "core/request.h"
#include "core/runtime.h"
#include "core/spare.h"
#include "core/start.h"
#include "core/table.h"
#include "core/task.h"

bool sup__task_must_end(void)
{
	uint32_t sig;

	if (!sup__self)
		return false;
	sig = atomic_load(&sup__self->sig);
	return sig & SUP__SIG_KILL ||
	       (sig & SUP__SIG_EXIT && !sup__self->is_server);
}

bool sup__task_is_interrupted(void)
{
	struct sup__task *t = sup__self;

	if (!t || !t->is_server || t->knows_exit ||
	    !(atomic_load(&t->sig) & SUP__SIG_EXIT))
		return false;
	t->knows_exit = true;
	return true;
}

void sup__task_checkpoint(void)
{
	struct sup_reason reason = { .kind = SUP_REASON_KILLED };

	if (!sup__task_must_end())
		return;
	if (!(atomic_load(&sup__self->sig) & SUP__SIG_KILL))
		sup__task_asked(sup__self, &reason);
	sup__thread_to_top(sup__self, &reason);
}

void sup_checkpoint(void)
{
	sup__task_checkpoint();
}

void sup__thread_to_top(struct sup__task *t, const struct sup_reason *reason)
{
	t->end_reason = *reason;
	siglongjmp(t->top, 1);
}

void sup_exit_self(const struct sup_reason *reason)
{
	if (!sup__self) {
		sup__log(LOG_CRIT, "sup_exit_self() on a foreign thread");
		abort();
	}
	sup__thread_to_top(sup__self, reason);
}

static void report(struct sup__task *t, struct sup_reason reason)
{
	/* Starts that it has left behind look at memory of ours. */
	while (sup__later_pending())
		sup__await_drop(sup__later_pending());
	reason.exit_ns = sup__now_ns();
	sup__self = NULL;
	sup__seat_bind(t->outer_seat);
	sup__task_end(t, &reason);
	sup__runtime_thread_ended(t);
}

/* The thread leaves by pthread_exit(), without passing the top. */
static void leaves_early(void *task)
{
	struct sup__task *t = task;
	bool adopted = t->adopted;

	sigaltstack(&t->old_alt_stack, NULL);
	report(t, (struct sup_reason){ .kind = SUP_REASON_LOST });
	/* The reference of run_adopted(), which does not get there. */
	if (adopted)
		sup__task_put(t);
}

static void unblock_press(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SUP__SIGNAL_PRESS);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void __attribute__((noinline)) run_on_top(struct sup__task *t)
{
	const unsigned int held = sup__locks_held;

	t->top_frame = __builtin_frame_address(0);
	if (!sigsetjmp(t->top, 1)) {
		t->body(t);
	} else if (sup__locks_held != held) {
		/* It has jumped out of a sink: no jump leaves a lock held. */
		sup__locks_held = held;
		sup__event_leave_sink();
	}
	sup__contain_report(t);
}

/* A thread that is not ours has it in the frame of this function. */
static void __attribute__((noinline)) run_with_alt_stack(struct sup__task *t)
{
	stack_t alt = { .ss_size = SUP__STACK_ALT };

	alt.ss_sp = t->adopted ? alloca(SUP__STACK_ALT) :
		    sup__stack_alt(t->thread.stack);

	sigaltstack(&alt, &t->old_alt_stack);
	pthread_cleanup_push(leaves_early, t);
	run_on_top(t);
	pthread_cleanup_pop(0);
	/* ORDER: before the return, after which the stack grows over it. */
	sigaltstack(&t->old_alt_stack, NULL);
}

static void become(struct sup__task *t)
{
	sup__self = t;
	t->outer_seat = sup__seat_bind(atomic_load(&t->seat));
	t->thread = sup__thread_self();
	sup__task_set_os(t, getpid(), sup__gettid());
	sup__runtime_thread_begun(t);
}

static void *trampoline(void *task)
{
	struct sup__task *t = task;

	become(t);
	if (t->was_spare)
		sup__spare_begun(t->was_spare);
	sup__start_end(t->start_era);
	unblock_press();
	sup__contain_prepare(t);
	run_with_alt_stack(t);
	report(t, t->end_reason);
	/* Who acts on the end, on this CPU, perhaps, goes first. */
	sched_yield();
	return NULL;
}

/*
 * So that who asks for its id need not wait until it runs. Until then it may
 * end, but is not joined.
 */
static void know_thread(struct sup__task *t, pid_t tid)
{
	if (tid)
		sup__task_set_os(t, getpid(), tid);
	atomic_store(&t->may_join, true);
}

static void use_spare(struct sup__spare *spare, struct sup__task *t,
		      const char *name)
{
	t->was_spare = spare;
	know_thread(t, sup__spare_tid(spare));
	sup__spare_use(spare, name, trampoline, t);
}

static int make_thread(struct sup__task *t, const struct sup__thread_make *m)
{
	struct sup__spare *spare = sup__spare_take(m->stack_size);
	unsigned int era = sup__start_begin();
	struct sup__thread thread;
	int ret;

	t->start_era = era;
	/* The thread's own reference. */
	sup__task_ref(t);
	if (spare) {
		use_spare(spare, t, m->name);
		return 0;
	}
	/* Until it has been said which thread it is. */
	sup__task_ref(t);
	ret = sup__thread_start(m->name, m->stack_size, trampoline, t, &thread);
	if (ret)
		sup__start_end(era);
	else
		know_thread(t, sup__thread_tid(thread));
	sup__task_put(t);
	return ret;
}

/* The task without a thread. After -EEXIST *ret_holder has the name. */
static int make_task(const struct sup__thread_make *m,
		     struct sup__task **ret_task, struct sup_pid *ret_holder)
{
	struct sup__task *t;
	int ret;

	if (m->reg && !m->name)
		return sup__error(-EINVAL, "name: NULL cannot be registered");
	t = sup__task_alloc(m->name, m->mailbox ? m->mailbox :
			    SUP__MAILBOX_DEFAULT);
	if (!t)
		return -ENOMEM;
	if (m->containment == SUP_CONTAIN) {
		t->crash = sup__contain_new();
		if (!t->crash) {
			sup__error_nomem("the report of a fault");
			return sup__task_dealloc(t, -ENOMEM);
		}
	}
	t->is_server = m->is_server;
	t->turn.is_watched = sup__self && sup__self->starts_watched;
	t->contain = m->containment == SUP_CONTAIN;
	t->body = m->body;
	t->body_arg = m->body_arg;
	t->run = m->run;
	t->run_arg = m->run_arg;
	t->starter = m->starter;
	t->awaits_ready = m->awaits_ready;
	t->init_is_over = !m->is_server;
	ret = sup__task_enter(t, m->reg ? m->name : NULL, ret_holder);
	if (!ret && m->via) {
		ret = sup__registry_put_via(t, m->via, ret_holder);
		if (ret)
			sup__task_leave(t, ret);
	}
	if (!ret)
		*ret_task = t;
	return ret;
}

int sup__thread_begin(const struct sup__thread_make *m,
		      struct sup__task **ret_task, struct sup_pid *ret_pid)
{
	struct sup_reason reason = { .kind = SUP_REASON_EXIT };
	struct sup__task *t;
	struct sup_pid pid;
	int ret;

	ret = make_task(m, &t, ret_pid);
	if (ret)
		return ret;
	pid = sup__task_pid(t);
	/* ORDER: before its thread begins, which may call the starter. */
	if (m->starter) {
		sup__task_ref(t);
		sup__table_wait_for(m->starter, pid.v);
	} else {
		sup__task_started(t);
	}
	ret = make_thread(t, m);
	if (!ret) {
		*ret_task = t;
		*ret_pid = pid;
		return 0;
	}
	/* Nobody is told of it. */
	reason.code = ret;
	atomic_store(&t->start, SUP__START_FAILED);
	sup__task_put(t);
	if (m->starter) {
		atomic_store(&m->starter->waits_for, 0);
		sup__task_put(t);
	}
	sup__task_end(t, &reason);
	return ret;
}

static void run_plain(struct sup__task *t)
{
	int code = t->run(t->run_arg);

	t->end_reason = (struct sup_reason){
		.kind = code ? SUP_REASON_EXIT : SUP_REASON_NORMAL,
		.code = code,
	};
}

/* Limits are only those of one that is to be waited for. */
static int plan_plain(const void *thread_spec, struct sup__thread_make *ret_m,
		      struct sup__start_limits *ret_limits)
{
	struct sup_thread_spec spec;
	int ret;

	ret = sup__spec_copy(&spec, sizeof(spec), thread_spec,
			     "sup_thread_spec");
	if (ret)
		return ret;
	if (!spec.run)
		return sup__error(-EINVAL, "run is NULL");
	ret = sup__start_check(spec.ready_timeout_ms);
	if (ret)
		return ret;
	*ret_m = (struct sup__thread_make){
		.name = spec.name, .reg = spec.reg, .body = run_plain,
		.run = spec.run, .run_arg = spec.arg,
		.containment = spec.containment, .mailbox = spec.mailbox,
		.stack_size = spec.stack_size,
	};
	*ret_limits = sup__start_limits(0, spec.awaits_ready,
					spec.ready_timeout_ms);
	return 0;
}

/* With an own reference and the thread's, which the report gives away. */
static struct sup_reason run_adopted(struct sup__task *t)
{
	struct sup_reason reason;
	sigset_t mask;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	become(t);
	unblock_press();
	sup__contain_prepare(t);
	run_with_alt_stack(t);
	report(t, t->end_reason);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	reason = t->reason;
	sup__task_put(t);
	return reason;
}

int sup_thread_run(const struct sup_thread_spec *spec,
		   struct sup_reason *ret_reason)
{
	struct sup_pid holder = SUP_PID_NONE;
	struct sup__start_limits unused;
	struct sup__thread_make m;
	struct sup_reason reason;
	struct sup__task *t;
	int ret;

	if (sup__self)
		return sup__error(-EPERM, "the thread is a task already");
	ret = plan_plain(spec, &m, &unused);
	if (!ret)
		ret = make_task(&m, &t, &holder);
	if (ret)
		return ret;
	sup__task_ref(t);
	sup__task_ref(t);
	t->adopted = true;
	sup__task_started(t);
	reason = run_adopted(t);
	if (ret_reason)
		*ret_reason = reason;
	return 0;
}

int sup_thread_start(const void *thread_spec, struct sup_pid *ret_pid)
{
	struct sup__start_limits limits;
	struct sup__thread_make m;
	struct sup__task *t;
	struct sup_pid pid;
	bool leave;
	int ret;

	sup__task_checkpoint();
	leave = sup__later_is_wanted();
	ret = plan_plain(thread_spec, &m, &limits);
	if (!ret && limits.ready != SUP_FOREVER) {
		m.awaits_ready = true;
		m.starter = sup__seat_self();
		ret = m.starter ? 0 : -ENOMEM;
	}
	if (ret)
		return ret;
	if (!m.starter)
		ret = sup__thread_begin(&m, &t, &pid);
	else if (leave)
		ret = sup__start_leave(&m, &limits, &pid);
	else
		ret = sup__start_wait(&m, &limits, &pid);
	if (ret_pid && (!ret || ret == -EEXIST))
		*ret_pid = pid;
	return ret;
}

void sup__thread_kill(struct sup__task *t, int64_t deadline)
{
	bool was_asleep = sup__seat_wake(atomic_load(&t->seat));

	if (deadline == SUP_TRY)
		deadline = sup_deadline_ms(SUP__KILL_MS);
	/* ORDER: it goes first, on the better CPU if there is one. */
	if (was_asleep)
		sup__task_alert_parent(t);
	sup__press(t, deadline, was_asleep);
}

static bool next_signal(struct sup__task *t, struct sup_info *ret_info)
{
	struct sup__signal *s;
	struct sup__task *child;

	while ((s = sup__mailbox_next_signal(&t->mailbox))) {
		memset(ret_info, 0, sizeof(*ret_info));
		if (s->kind == SUP__SIGNAL_DOWN) {
			if (sup__monitor_take(s, ret_info))
				return true;
			continue;
		}
		if (s->kind == SUP__SIGNAL_NOTE) {
			sup__link_take(s, ret_info);
			return true;
		}
		if (s->kind == SUP__SIGNAL_RESPONSE) {
			if (sup__request_take(s, ret_info))
				return true;
			continue;
		}
		if (s->kind == SUP__SIGNAL_TIMER) {
			sup__timer_take(s, ret_info);
			return true;
		}
		child = sup__task_of_exit(s);
		ret_info->kind = SUP_INFO_EXIT;
		ret_info->pid = sup__task_pid(child);
		ret_info->reason = child->reason;
		sup__task_put(child);
		return true;
	}
	return false;
}

/* Until the deadline, a timer is due, or something else may have come. */
static int wait_for_item(struct sup__task *t, int64_t deadline)
{
	int64_t until = sup__timers_next(&t->timers);
	int ret;

	sup__turn_end(&t->turn);
	if (until == SUP__TIMERS_NONE ||
	    (deadline != SUP_FOREVER && deadline < until))
		until = deadline;
	else if (!t->is_exact)
		t->is_exact = !sup__thread_exact_waits();
	ret = sup__seat_wait(atomic_load_explicit(&t->seat,
				memory_order_relaxed), until);
	return until == deadline ? ret : 0;
}

int sup__thread_next(struct sup__task *t, struct sup__item *ret_item,
		     int64_t deadline)
{
	int ret = 0;

	for (;;) {
		if (atomic_load(&t->sig)) {
			/* Unless it is killed, a server sees to that. */
			ret_item->kind = SUP__ITEM_STOP;
			return sup__task_must_end() ? -ECANCELED : 0;
		}
		ret_item->kind = SUP__ITEM_INFO;
		if (next_signal(t, &ret_item->info) ||
		    sup__timers_take(&t->timers, &ret_item->info))
			return 0;
		ret_item->kind = SUP__ITEM_LETTER;
		if (sup__mailbox_next_letter(&t->mailbox, &ret_item->letter))
			return 0;
		if (ret)
			return ret;
		/* What came with the deadline is still looked at. */
		ret = wait_for_item(t, deadline);
	}
}

/* A plain task answers no calls. */
static bool is_refused(struct sup__letter *letter)
{
	if (letter->kind != SUP__LETTER_CALL)
		return false;
	sup_reply_error(letter->from, -ENOSYS);
	sup_msg_free(&letter->msg);
	return true;
}

int sup_receive(struct sup_info *ret_info, int64_t deadline)
{
	struct sup__item item;
	int ret;

	sup__task_checkpoint();
	if (!sup__self)
		return sup__error(-EPERM, "a foreign thread has no mailbox");
	if (sup__self->is_server)
		return sup__error(-EPERM, "a server gets its messages in its "
				  "callbacks");
	do {
		ret = sup__thread_next(sup__self, &item, deadline);
		if (ret == -ECANCELED)
			sup__task_checkpoint();
		if (ret)
			return sup__error(ret, "nothing came in time");
	} while (item.kind == SUP__ITEM_LETTER && is_refused(&item.letter));
	*ret_info = item.info;
	if (item.kind == SUP__ITEM_LETTER)
		*ret_info = (struct sup_info){ .kind = SUP_INFO_MSG,
					       .pid = item.letter.from.pid,
					       .msg = item.letter.msg };
	return 0;
}
