// SPDX-License-Identifier: GPL-2.0-only
/*
 * How members end.
 *
 * The exit probe is too early to tell: the task still has its files, and is
 * not reapable. It claims the member, notes the time, and arranges to be called
 * late: for a process from its pid's wait queue, which is woken in the moment
 * that a pidfd becomes readable; for a thread from task work, which runs after
 * the files are closed.
 *
 * The wake-up has tasklist_lock held for writing, and interrupts off. There,
 * the final status and times are read, and the member goes onto a list for a
 * softirq. No lock of ours is taken in it.
 */
#include "sup.h"

#include <linux/interrupt.h>
#include <linux/llist.h>
#include <linux/math64.h>
#include <linux/oom.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>

#include "compat.h"

static LLIST_HEAD(late_members);

static void late_softirq(struct tasklet_struct *unused)
{
	struct llist_node *list = llist_del_all(&late_members);
	struct sup_member *member, *next;

	list = llist_reverse_order(list);
	llist_for_each_entry_safe(member, next, list, late)
		sup_member_finish(member, GFP_ATOMIC);
}

static DECLARE_TASKLET(late_tasklet, late_softirq);

static void late_irq(struct irq_work *unused)
{
	tasklet_hi_schedule(&late_tasklet);
}

static struct irq_work late_work = IRQ_WORK_INIT_HARD(late_irq);

static void finish_late(struct sup_member *member)
{
	llist_add(&member->late, &late_members);
	irq_work_queue(&late_work);
}

/* Nothing is under way any more after this; the hooks are gone. */
void sup_exit_drain(void)
{
	irq_work_sync(&late_work);
	tasklet_kill(&late_tasklet);
}

static void fill_common(struct sup_member *member, struct task_struct *task,
			int status)
{
	struct sup_exit *exit = member->exit;

	exit->member_kind = member->kind;
	exit->member = member->id;
	exit->cookie = member->cookie;
	exit->status = status;
	exit->start_time = task->start_time;
	exit->start_boottime = task->start_boottime;
	/* Padded, and ended, whoever writes it meanwhile. */
	memcpy(exit->comm, task->comm, sizeof(exit->comm));
	if (status & 0x80)
		exit->flags |= SUP_RECORD_FLAG_CORE;
	if (tsk_is_oom_victim(task))
		exit->flags |= SUP_RECORD_FLAG_OOM;
	if (READ_ONCE(member->by_group) && (status & 0x7f) == SIGKILL)
		exit->flags |= SUP_RECORD_FLAG_BY_GROUP;
	if (member->by_template)
		exit->flags |= SUP_RECORD_FLAG_TEMPLATE;
	if (member->thread_exec)
		exit->flags |= SUP_RECORD_FLAG_THREAD_EXEC;
}

/*
 * The sums of all threads, under tasklist_lock, with only the leader left. The
 * ticks are scaled to the time that the scheduler measured, as wait(2) does.
 */
static void fill_process_times(struct sup_exit *exit,
			       struct task_struct *leader)
{
	const struct signal_struct *sig = leader->signal;
	u64 run = sig->sum_sched_runtime + leader->se.sum_exec_runtime;
	u64 utime = sig->utime + leader->utime;
	u64 stime = sig->stime + leader->stime;

	if (!stime)
		utime = run;
	else if (!utime)
		stime = run;
	else
		stime = mul_u64_u64_div_u64(stime, run, utime + stime);
	exit->stime = min(stime, run);
	exit->utime = run - exit->stime;
	exit->max_rss = min_t(u64, sig->maxrss, U32_MAX);
}

/*
 * The process is becoming reapable, now. Called by the kernel's wake-up with
 * tasklist_lock held for writing and interrupts off, by the last of the
 * process to exit. A leader that is traced wakes its waiters early, and again.
 */
static int process_late(struct wait_queue_entry *wait, unsigned int mode,
			int sync, void *key)
{
	struct sup_member *member = container_of(wait, struct sup_member, wait);
	struct task_struct *task = pid_task(member->pid, PIDTYPE_TGID);
	const struct signal_struct *sig;
	int status;

	if (task && !thread_group_empty(task))
		return 0;
	list_del_init(&wait->entry);
	if (!task)
		task = member->task;
	sig = task->signal;
	status = sig->flags & SIGNAL_GROUP_EXIT ? sig->group_exit_code
						: task->exit_code;
	fill_common(member, task, status);
	fill_process_times(member->exit, task);
	member->exit->lineage = member->lineage->id;
	if (!member->leader_first)
		member->exit->leader_status = task->exit_code;
	if (member->group_exit)
		member->exit->flags |= SUP_RECORD_FLAG_GROUP_EXIT;
	if (member->leader_first && member->exit->has_last)
		member->exit->flags |= SUP_RECORD_FLAG_LEADER_FIRST;
	sup_cause_fill(member, task);
	finish_late(member);
	return 0;
}

/* The first word of its end, for those who want it. */
static void tell_exiting(struct sup_member *member)
{
	struct sup_info info = {
		.kind = SUP_RECORD_KIND_EXITING,
		.member = member,
	};

	sup_watch_doomed(member);
	sup_inform(member->group, &info);
	sup_fatal(member->group, SUP_RECORD_KIND_EXITING);
}

/* By the last thread of the process. */
static void begin_process(struct sup_member *member, struct task_struct *task)
{
	struct sighand_struct *sighand;
	struct sup_exit *exit = member->exit;

	/* After this the signal probe writes to the record no more. */
	sighand = rcu_dereference_protected(task->sighand, true);
	spin_lock_irq(&sighand->siglock);
	spin_unlock_irq(&sighand->siglock);
	exit->record.time = ktime_get_ns();
	exit->last_status = task->exit_code;
	exit->has_last = !thread_group_leader(task);
	if (exit->has_last) {
		exit->last_ns = READ_ONCE(member->group->ns);
		exit->last_tid = task_pid_nr_ns(task,
					READ_ONCE(member->group->pidns));
	}
	tell_exiting(member);
	sup_fatal(member->group, SUP_RECORD_KIND_EXIT);
	init_waitqueue_func_entry(&member->wait, process_late);
	/*
	 * The group is dead: no exec can give its pid to another thread any
	 * more, and the wake-up comes after this task is through.
	 */
	add_wait_queue(&member->pid->wait_pidfd, &member->wait);
}

static void thread_late(struct callback_head *work)
{
	struct sup_member *member = container_of(work, struct sup_member, work);
	struct sup_exit *exit = member->exit;

	/*
	 * Work is done last in, first out, so this runs after the files that
	 * the task itself has closed; what these queued comes before, too.
	 */
	if (current->task_works && !member->requeued) {
		member->requeued = true;
		if (!sup_task_work_add(work, thread_late))
			return;
	}
	task_cputime_adjusted(current, &exit->utime, &exit->stime);
	sup_member_finish(member, GFP_KERNEL);
}

/*
 * True if a signal, or an exit_group(2) of another, ended it. That the kernel
 * says so of the process is not enough: it does, too, when its last thread ends
 * by itself.
 */
static bool ends_with_others(const struct task_struct *task)
{
	return task->flags & PF_SIGNALED &&
	       task->signal->flags & SIGNAL_GROUP_EXIT;
}

static void begin_thread(struct sup_member *member, struct task_struct *task)
{
	struct sup_exit *exit = member->exit;
	struct pid *old = member->pid;

	/* An exec by this thread has given it another number. */
	if (old != task_pid(task)) {
		member->pid = get_pid(task_pid(task));
		put_pid(old);
	}
	exit->record.time = ktime_get_ns();
	fill_common(member, task, task->exit_code);
	if (ends_with_others(task))
		exit->flags |= SUP_RECORD_FLAG_GROUP_EXIT;
	sup_cause_fill_thread(member, task);
	tell_exiting(member);
	if (!sup_task_work_add(&member->work, thread_late))
		return;
	task_cputime_adjusted(task, &exit->utime, &exit->stime);
	finish_late(member);
}

static void note_thread(struct sup_member *member, struct task_struct *task)
{
	bool group_exit = task->signal->flags & SIGNAL_GROUP_EXIT;

	if (ends_with_others(task)) {
		WRITE_ONCE(member->group_exit, true);
	} else if (thread_group_leader(task) && !group_exit) {
		/* From 7.x on the last thread's replaces it. */
		member->exit->leader_status = task->exit_code;
		WRITE_ONCE(member->leader_first, true);
	}
	if (group_exit)
		sup_watch_doomed(member);
}

/* The claim takes over the reference of the group's list. */
void sup_on_exit(struct task_struct *task, bool group_dead)
{
	struct sup_member *member;

	sup_template_drop(task);
	rcu_read_lock();
	/* Pairs with the barrier in sup_member_add(). */
	smp_mb();
	member = sup_member_of(task, SUP_KEY_THREAD);
	if (member && sup_member_claim(member, SUP_EXITING))
		begin_thread(member, task);
	if (group_dead)
		sup_owner_exited(task->signal);
	member = sup_member_of(task->signal, SUP_KEY_PROCESS);
	if (member)
		note_thread(member, task);
	/* Two threads that exit together may both see it dead. */
	if (member && group_dead && sup_member_claim(member, SUP_EXITING))
		begin_process(member, task);
	rcu_read_unlock();
}
