// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel's hooks mean to members.
 *
 * The exit probe is too early to tell: the task still has its files, and is
 * not reapable. It claims the member, notes the time, and arranges to be called
 * late: for a process from its pid's wait queue, which is woken in the moment
 * that a pidfd becomes readable; for a thread from task work, which runs after
 * the files are closed.
 *
 * The wake-up has tasklist_lock held for writing, and interrupts off. There,
 * the final status and times are read, and the member goes onto a list for a
 * softirq. No lock of ours is taken in it, nor in the signal probe, which runs
 * under siglock.
 */
#include "sup.h"

#include <linux/interrupt.h>
#include <linux/llist.h>
#include <linux/math64.h>
#include <linux/oom.h>
#include <linux/pid_namespace.h>
#include <linux/sched/cputime.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>

#include "compat.h"

#define GFP_PROBE	(GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT)

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

/*
 * The sender of the signal that is to end a process: signal, pid and uid, in
 * one word, so that the probe needs no lock. SURE: the signal has fixed the end
 * of the process, and later ones change nothing. Signal 0: nobody to name.
 */
#define SENDER_SURE		BIT_ULL(63)
#define SENDER(sig, pid, uid)	((u64)(sig) << 56 | (u64)(pid) << 32 | (uid))
#define SENDER_SIG(sender)	((int)((sender) >> 56 & 0x7f))
#define SENDER_PID(sender)	((pid_t)((sender) >> 32 & 0xffffff))
#define SENDER_UID(sender)	((u32)(sender))

/* Who may not signal a task may not know either who did. */
static bool has_power(const struct cred *cred, struct task_struct *task)
{
	const struct cred *target = __task_cred(task);

	return uid_eq(cred->euid, target->suid) ||
	       uid_eq(cred->euid, target->uid) ||
	       (cred->user_ns == target->user_ns &&
		cap_raised(cred->cap_effective, CAP_KILL));
}

static void fill_sender(struct sup_member *member, struct task_struct *task)
{
	struct sup_record *record = member->record;
	u64 sender = atomic64_read(&member->sender);
	kuid_t uid = KUIDT_INIT(SENDER_UID(sender));
	const struct cred *cred;

	if (!sender || SENDER_SIG(sender) != (record->status & 0x7f))
		return;
	/* Adoption may replace it meanwhile, and frees it by RCU. */
	rcu_read_lock();
	cred = READ_ONCE(member->group->cred);
	if (has_power(cred, task)) {
		record->flags |= SUP_RECORD_FLAG_SENDER;
		record->sender_pid = SENDER_PID(sender);
		record->sender_uid = from_kuid_munged(cred->user_ns, uid);
	}
	rcu_read_unlock();
}

static void fill_common(struct sup_member *member, struct task_struct *task,
			int status)
{
	struct sup_record *record = member->record;

	record->kind = SUP_RECORD_KIND_EXIT;
	record->member_kind = member->kind;
	record->member = member->id;
	record->cookie = member->cookie;
	record->status = status;
	record->start_time = task->start_time;
	record->start_boottime = task->start_boottime;
	strscpy_pad(record->comm, task->comm, sizeof(record->comm));
	if (status & 0x80)
		record->flags |= SUP_RECORD_FLAG_CORE;
	if (tsk_is_oom_victim(task))
		record->flags |= SUP_RECORD_FLAG_OOM;
	if (READ_ONCE(member->by_group) && (status & 0x7f) == SIGKILL)
		record->flags |= SUP_RECORD_FLAG_BY_GROUP;
}

/*
 * The sums of all threads, under tasklist_lock, with only the leader left. The
 * ticks are scaled to the time that the scheduler measured, as wait(2) does.
 */
static void fill_process_times(struct sup_record *record,
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
	record->stime = min(stime, run);
	record->utime = run - record->stime;
	record->max_rss = (u64)sig->maxrss << PAGE_SHIFT;
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
	fill_process_times(member->record, task);
	member->record->lineage = member->lineage->id;
	fill_sender(member, task);
	finish_late(member);
	return 0;
}

static void begin_process(struct sup_member *member)
{
	member->record->time = ktime_get_ns();
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
	struct sup_record *record = member->record;

	/*
	 * Work is done last in, first out, so this runs after the files that
	 * the task itself has closed; what these queued comes before, too.
	 */
	if (current->task_works && !member->requeued) {
		member->requeued = true;
		if (!sup_task_work_add(work, thread_late))
			return;
	}
	task_cputime_adjusted(current, &record->utime, &record->stime);
	sup_member_finish(member, GFP_KERNEL);
}

static void begin_thread(struct sup_member *member, struct task_struct *task)
{
	struct sup_record *record = member->record;
	struct pid *old = member->pid;

	/* An exec by this thread has given it another number. */
	if (old != task_pid(task)) {
		member->pid = get_pid(task_pid(task));
		put_pid(old);
	}
	record->time = ktime_get_ns();
	fill_common(member, task, task->exit_code);
	if (!sup_task_work_add(&member->work, thread_late))
		return;
	task_cputime_adjusted(task, &record->utime, &record->stime);
	finish_late(member);
}

/* The claim takes over the reference of the group's list. */
void sup_on_exit(struct task_struct *task, bool group_dead)
{
	struct sup_member *member;

	rcu_read_lock();
	/* Pairs with the barrier in sup_member_add(). */
	smp_mb();
	member = sup_member_of(task, SUP_KEY_THREAD);
	if (member && sup_member_claim(member, SUP_EXITING))
		begin_thread(member, task);
	if (group_dead) {
		sup_owner_exited(task->signal);
		member = sup_member_of(task->signal, SUP_KEY_PROCESS);
		/* Two threads that exit together may both see it dead. */
		if (member && sup_member_claim(member, SUP_EXITING))
			begin_process(member);
	}
	rcu_read_unlock();
}

/* A child for which there is no record does not run, or is at least told. */
static void overflow(struct sup_group *group, struct task_struct *child,
		     bool process, int error)
{
	bool killed = process && sup_kill_newborn(group, child, NULL);

	spin_lock_bh(&group->lock);
	if (!group->ended && group->state != SUP_GROUP_STATE_CLOSING) {
		group->overflow_cause = error == -ENOMEM ?
					SUP_OVERFLOW_CAUSE_NO_MEMORY :
					SUP_OVERFLOW_CAUSE_LIMIT;
		if (killed)
			group->killed_count++;
		else
			group->untracked_count++;
		sup_record_tell_locked(group);
	}
	spin_unlock_bh(&group->lock);
	sup_deliver(group, GFP_ATOMIC);
}

static void born(struct sup_group *group, struct task_struct *child, u8 kind,
		 struct sup_lineage *lineage)
{
	bool process = kind == SUP_MEMBER_KIND_PROCESS;
	struct sup_member *member;
	int ret;

	ret = sup_member_add(group, child, kind, lineage, 0, GFP_PROBE,
			     &member);
	if (!ret) {
		if (process && sup_group_dying(group, member->lineage))
			sup_kill_newborn(group, child, member);
		sup_member_put(member);
	} else if (ret == -ENOMEM || ret == -EDQUOT) {
		overflow(group, child, process, ret);
	}
}

/* The child is in the kernel's lists, and has not run yet. */
void sup_on_fork(struct task_struct *parent, struct task_struct *child)
{
	struct signal_struct *sig = parent->signal;
	struct sup_member *member;
	struct sup_group *group;

	rcu_read_lock();
	/* Pairs with the barrier in sup_member_add_threads(). */
	smp_mb();
	if (child->signal == sig) {
		group = sup_inheriting(sig, SUP_GROUP_FLAG_INHERIT_THREADS);
		if (group)
			born(group, child, SUP_MEMBER_KIND_THREAD, NULL);
		goto unlock;
	}
	group = sup_inheriting(sig, SUP_GROUP_FLAG_INHERIT_CHILDREN);
	if (group) {
		born(group, child, SUP_MEMBER_KIND_PROCESS, NULL);
		goto unlock;
	}
	member = sup_member_of(sig, SUP_KEY_PROCESS);
	if (member)
		born(member->group, child, SUP_MEMBER_KIND_PROCESS,
		     member->lineage);
unlock:
	rcu_read_unlock();
}

/* True if current, a process, has sent it; not the kernel, a timer, a fault. */
static bool sent_by_current(const struct kernel_siginfo *info)
{
	if (info == SEND_SIG_NOINFO)
		return true;
	if (info == SEND_SIG_PRIV)
		return false;
	return info->si_code == SI_USER || info->si_code == SI_TKILL ||
	       info->si_code == SI_QUEUE;
}

/* As sig_fatal() does; siglock is held. */
static bool by_default_fatal(const struct task_struct *task, int sig)
{
	const struct sighand_struct *sighand;

	if (sig_kernel_ignore(sig) || sig_kernel_stop(sig))
		return false;
	sighand = rcu_dereference_protected(task->sighand, true);
	return sighand->action[sig - 1].sa.sa_handler == SIG_DFL;
}

/*
 * A signal was put to the task; siglock is held. Only one that is to end the
 * process is of interest: one that is handled is no cause.
 */
void sup_on_signal(int sig, const struct kernel_siginfo *info,
		   struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct sup_member *member;
	struct pid_namespace *ns;
	u64 old, new = 0;

	rcu_read_lock();
	member = sup_member_of(signal, SUP_KEY_PROCESS);
	if (!member || !by_default_fatal(task, sig))
		goto unlock;
	if (sent_by_current(info)) {
		ns = READ_ONCE(member->group->pidns);
		new = SENDER(sig, task_tgid_nr_ns(current, ns),
			     __kuid_val(current_uid()));
	}
	if (signal->flags & SIGNAL_GROUP_EXIT &&
	    signal->group_exit_code == sig)
		new |= SENDER_SURE;
	old = atomic64_read(&member->sender);
	do {
		if (old & SENDER_SURE)
			break;
	} while (!atomic64_try_cmpxchg(&member->sender, (s64 *)&old, new));
unlock:
	rcu_read_unlock();
}
