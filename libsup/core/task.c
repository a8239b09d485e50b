/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a task. References: one of sup__task_new(), dropped when it has
 * ended; a thread's own, dropped when it has been joined; one for each monitor
 * side and signal under way.
 *
 * ORDER, at an end: the reason is stored; it leaves the tree, and its children
 * are told to end; what it owned is released; its names go; its mailbox closes;
 * it is ENDED; only then are told, from the same thread: callers, those it is
 * linked with, waiters, monitors, its parent.
 *
 * Locks, none held while another of these is taken: the tree's (who is whose
 * child) and each task's. Both are leaves. Exit signals are core/link.c's.
 */
#include "core/task.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/futex.h"
#include "core/call.h"
#include "core/contain.h"
#include "core/directory.h"
#include "core/link.h"
#include "core/loop.h"
#include "core/monitor.h"
#include "core/registry.h"
#include "core/request.h"
#include "core/runtime.h"
#include "core/spare.h"
#include "core/table.h"
#include "core/thread.h"

static struct sup__lock tree_lock = SUP__LOCK_INIT;	/* the next two */
static struct sup__task *roots;		/* newest first */
static bool is_open;			/* foreign threads may add roots */

struct sup_pid sup_self(void)
{
	struct sup_pid pid = SUP_PID_NONE;

	if (sup__self)
		pid.v = atomic_load_explicit(&sup__self->pid,
					     memory_order_relaxed);
	return pid;
}

struct sup_pid sup__task_pid(const struct sup__task *t)
{
	return (struct sup_pid){ atomic_load(&t->pid) };
}

bool sup__task_has_ended(const struct sup__task *t)
{
	return atomic_load(&t->state) == SUP__TASK_ENDED;
}

bool sup__task_killed(const struct sup__task *t)
{
	return atomic_load(&t->sig) & SUP__SIG_KILL;
}

bool sup__task_asked(struct sup__task *t, struct sup_reason *ret_reason)
{
	if (!(atomic_load(&t->sig) & SUP__SIG_EXIT))
		return false;
	sup__lock(&t->lock);
	*ret_reason = t->exit_reason;
	sup__unlock(&t->lock);
	return true;
}

void *sup__task_priv(const struct sup__task *t,
		     const struct sup__task_ops *ops)
{
	return t->ops == ops ? t->priv : NULL;
}

void sup__task_open_tree(bool open)
{
	sup__lock(&tree_lock);
	is_open = open;
	sup__unlock(&tree_lock);
}

struct sup__task *sup__task_newest_root(void)
{
	struct sup__task *t;

	sup__lock(&tree_lock);
	t = roots;
	/* It has not ended, or it would not be here. */
	if (t)
		sup__task_ref(t);
	sup__unlock(&tree_lock);
	return t;
}

static struct sup__task **siblings_locked(struct sup__task *t)
{
	sup__assert_held(&tree_lock);
	return t->parent ? &t->parent->children : &roots;
}

static bool join_tree(struct sup__task *t)
{
	bool may;

	sup__lock(&tree_lock);
	may = is_open || sup__self;
	if (may) {
		t->parent = sup__self;
		DL_PREPEND(*siblings_locked(t), t);
	}
	sup__unlock(&tree_lock);
	return may;
}

void sup__task_alert_parent(struct sup__task *t)
{
	struct sup__seat *seat = NULL;

	sup__lock(&tree_lock);
	if (t->parent && t->parent != sup__self && t->parent->is_server)
		seat = atomic_load(&t->parent->seat);
	sup__unlock(&tree_lock);
	/* Seats stay: at worst it is somebody else's by now. */
	if (seat)
		sup__seat_expect(seat);
}

/* The parent with a reference, or NULL. */
static struct sup__task *leave_tree(struct sup__task *t)
{
	struct sup__task *parent;

	sup__lock(&tree_lock);
	parent = t->parent;
	DL_DELETE(*siblings_locked(t), t);
	if (parent)
		sup__task_ref(parent);
	sup__unlock(&tree_lock);
	return parent;
}

/* A child with a reference, a root from here on; or NULL. */
static struct sup__task *orphan_child(struct sup__task *t)
{
	struct sup__task *child;

	sup__lock(&tree_lock);
	child = t->children;
	if (child) {
		DL_DELETE(t->children, child);
		child->parent = NULL;
		DL_PREPEND(roots, child);
		sup__task_ref(child);
	}
	sup__unlock(&tree_lock);
	return child;
}

static void shut_children(struct sup__task *t)
{
	struct sup__task *child;

	while ((child = orphan_child(t))) {
		sup__link_shut(child, sup__task_pid(t), &SUP_SHUTDOWN);
		sup__task_put(child);
	}
}

/* Undoes sup__task_alloc(). */
int sup__task_dealloc(struct sup__task *t, int err)
{
	t->ops = NULL;
	sup__mailbox_close(&t->mailbox);
	sup__task_put(t);
	return err;
}

int sup__task_leave(struct sup__task *t, int err)
{
	struct sup_reason reason = { .kind = SUP_REASON_EXIT, .code = err };

	/* priv is the caller's. */
	t->ops = NULL;
	sup__task_end(t, &reason);
	return err;
}

struct sup__task *sup__task_alloc(const char *name, size_t mailbox)
{
	struct sup__task *t = sup__table_new();

	if (!t)
		return NULL;
	t->exit_signal.kind = SUP__SIGNAL_EXIT;
	t->parent_note.reserved = true;
	t->parent_pid = sup_self().v;
	t->receive_deadline = SUP_FOREVER;
	strncpy(t->name, name ? name : "task", sizeof(t->name) - 1);
	sup__mailbox_init(&t->mailbox, atomic_load(&t->seat), mailbox);
	sup__timers_init(&t->timers);
	return t;
}

int sup__task_enter(struct sup__task *t, const char *reg_name,
		    struct sup_pid *ret_holder)
{
	int ret;

	if (!join_tree(t)) {
		ret = sup__error(-ENOTCONN, "the runtime is not open");
		return sup__task_dealloc(t, ret);
	}
	ret = reg_name ? sup__registry_add(reg_name, t, ret_holder) : 0;
	return ret ? sup__task_leave(t, ret) : 0;
}

int sup__task_new(const struct sup__task_ops *ops, void *priv,
		  const char *name, bool reg, struct sup__task **ret_task,
		  struct sup_pid *ret_holder)
{
	struct sup__task *t;
	int ret;

	if (reg && !name)
		return sup__error(-EINVAL, "name: NULL cannot be registered");
	t = sup__task_alloc(name, 0);
	if (!t)
		return -ENOMEM;
	t->ops = ops;
	t->priv = priv;
	/* A process reads no mailbox. */
	sup__mailbox_close(&t->mailbox);
	ret = sup__task_enter(t, reg ? name : NULL, ret_holder);
	if (!ret)
		*ret_task = t;
	return ret;
}

void sup__task_set_os(struct sup__task *t, pid_t pid, pid_t tid)
{
	atomic_store(&t->os_pid, pid);
	atomic_store(&t->os_tid, tid);
	/* ORDER: who waits says so before it looks. */
	if (atomic_load(&t->awaits_tid))
		sup__futex_wake_all(&t->os_tid);
}

/* Who waits for the start waits no more: it may be called by t at once. */
static void wake_starter(struct sup__task *t)
{
	if (!t->starter)
		return;
	sup__seat_clear(t->starter, atomic_load(&t->pid));
	sup__seat_wake(t->starter);
}

static bool leave_start(struct sup__task *t, int state)
{
	int start = SUP__START_NEW;

	return atomic_compare_exchange_strong(&t->start, &start, state);
}

bool sup__task_started(struct sup__task *t)
{
	bool first = leave_start(t, SUP__START_DONE);

	if (first)
		wake_starter(t);
	return first;
}

void sup__task_init_is_over(struct sup__task *t)
{
	atomic_store(&t->init_is_over, true);
	sup__seat_wake(t->starter);
}

bool sup__task_give_up_start(struct sup__task *t)
{
	return leave_start(t, SUP__START_FAILED);
}

/* Dies as asked: killed, whatever the signal says of who sent it. */
static void store_reason(struct sup__task *t, const struct sup_reason *reason)
{
	sup__lock(&t->lock);
	t->reason = *reason;
	if (sup__task_killed(t) && reason->kind == SUP_REASON_SIGNAL &&
	    reason->signo == SIGKILL)
		t->reason = (struct sup_reason){
			.kind = SUP_REASON_KILLED, .exit_ns = reason->exit_ns,
		};
	if (atomic_load(&t->sig) & SUP__SIG_HUNG &&
	    t->reason.kind == SUP_REASON_KILLED)
		t->reason = (struct sup_reason){
			.kind = SUP_REASON_WATCHDOG, .signo = SIGKILL,
			.exit_ns = reason->exit_ns,
		};
	atomic_store(&t->state, SUP__TASK_ENDING);
	sup__unlock(&t->lock);
}

static void store_ended(struct sup__task *t, struct sup__waiter **ret_waiters,
			struct sup__monitor **ret_monitors)
{
	sup__lock(&t->lock);
	atomic_store(&t->state, SUP__TASK_ENDED);
	sup__monitor_detach_locked(t, ret_waiters, ret_monitors);
	sup__unlock(&t->lock);
}

static void tell_parent(struct sup__task *t, struct sup__task *parent)
{
	sup__task_ref(t);
	if (!sup__mailbox_signal(&parent->mailbox, &t->exit_signal))
		sup__task_put(t);
}

static void drop_signals(struct sup__task *t)
{
	struct sup__signal *s;

	while ((s = sup__mailbox_next_signal(&t->mailbox))) {
		if (s->kind == SUP__SIGNAL_DOWN)
			sup__monitor_drop(s);
		else if (s->kind == SUP__SIGNAL_NOTE)
			sup__link_drop(s);
		else if (s->kind == SUP__SIGNAL_TIMER)
			sup__timer_drop(s);
		else if (s->kind == SUP__SIGNAL_RESPONSE)
			sup__request_drop(s);
		else
			sup__task_put(sup__task_of_exit(s));
	}
}

void sup__task_end(struct sup__task *t, const struct sup_reason *reason)
{
	struct sup__monitor *monitors;
	struct sup__waiter *waiters;
	struct sup__task *parent;
	bool started, linked;

	store_reason(t, reason);
	parent = leave_tree(t);
	shut_children(t);
	sup__resource_task_ending(t);
	sup__directory_task_ending(t);
	sup__mailbox_close(&t->mailbox);
	sup__timers_close(&t->timers);
	started = !leave_start(t, SUP__START_FAILED) &&
		  atomic_load(&t->start) == SUP__START_DONE;
	store_ended(t, &waiters, &monitors);
	if (!started)
		wake_starter(t);
	sup__call_send_last(t);
	sup__call_task_ended(t);
	linked = sup__link_task_ended(t, parent);
	sup__monitor_tell(t, waiters, monitors);
	if (parent && started && !linked)
		tell_parent(t, parent);
	if (parent)
		sup__task_put(parent);
	sup__request_task_ended(t);
	drop_signals(t);
	sup__monitor_stop_watching(t);
	sup__spare_drop(t);
	sup__task_put(t);
}

void sup__task_release(struct sup__task *t)
{
	sup__mailbox_fini(&t->mailbox);
	sup__timers_fini(&t->timers);
	sup__loop_free(t->loop);
	sup_msg_free(&t->hand.msg);
	sup__contain_free(t->crash);
	sup__free(t->start_text);
	if (t->ops)
		t->ops->free(t->priv);
	sup__table_free(t);
}

bool sup_is_alive(struct sup_pid pid)
{
	struct sup__task *t = sup__task_get(pid);
	bool alive;

	if (!t)
		return false;
	alive = !sup__task_has_ended(t);
	sup__task_put(t);
	return alive;
}

int sup_os_pid(struct sup_pid pid, pid_t *ret_pid, pid_t *ret_tid)
{
	struct sup__task *t = sup__task_get(pid);

	if (!t)
		return sup__error(-ESRCH, "pid: no such task");
	/* A thread says it first thing. */
	if (!t->ops && !atomic_load(&t->os_tid))
		atomic_store(&t->awaits_tid, true);
	while (!t->ops && !atomic_load(&t->os_tid) && !sup__task_has_ended(t))
		sup__futex_wait(&t->os_tid, 0, SUP_FOREVER);
	if (ret_pid)
		*ret_pid = atomic_load(&t->os_pid);
	if (ret_tid)
		*ret_tid = atomic_load(&t->os_tid);
	sup__task_put(t);
	return 0;
}

static int kill_with(struct sup_pid pid, uint32_t sig, int64_t deadline)
{
	struct sup__task *t = sup__task_get(pid);
	int ret = 0;

	if (!t || sup__task_has_ended(t)) {
		ret = sup__error(-ESRCH, "pid: no such task");
	} else {
		atomic_fetch_or(&t->sig, sig);
		if (t->ops)
			t->ops->kill(t->priv);
		else
			sup__thread_kill(t, deadline);
	}
	if (t)
		sup__task_put(t);
	return ret;
}

int sup_kill(struct sup_pid pid, int64_t deadline)
{
	return kill_with(pid, SUP__SIG_KILL, deadline);
}

void sup__turn_kill(struct sup_pid pid)
{
	kill_with(pid, SUP__SIG_KILL | SUP__SIG_HUNG, SUP_TRY);
}

void sup__task_gave(const struct sup_msg *msg)
{
	struct sup__task *t = sup__self;
	struct sup_msg gone;

	if (t && msg == &t->hand.msg && msg->free)
		sup_msg_take(&t->hand.msg, &gone);
}

void sup__task_gave_copy(const struct sup_msg *msg)
{
	struct sup_msg own = *msg;

	sup__task_gave(msg);
	sup_msg_free(&own);
}
