// SPDX-License-Identifier: GPL-2.0-only
/*
 * Why a process ended: who sent the signal, or where the fault was.
 *
 * Both are noted when a signal is put to a task that will die of it, in the
 * signal probe, which runs under the siglock of the target and takes no lock of
 * ours. It writes into the record, as long as the member is alive; the exit
 * probe, that ends this, takes siglock once after it, so that a writer is gone
 * by the time the record is filled.
 *
 * The one that counts is the first signal that fixed the end of the process:
 * the one with which the kernel has come to say so. Nothing replaces it then.
 * One that is handled or ignored is no cause. One that is blocked may become
 * one, so it is noted until another comes, which may be of the same number: a
 * thread has taken the first with sigwait(3).
 */
#include "sup.h"

#include <linux/oom.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>

#include "compat.h"

/*
 * As ns_capable(), for credentials that are not current's: a user namespace is
 * ruled by who has the capability in it or above it, and by its creator.
 */
static bool can_kill(const struct cred *cred, const struct user_namespace *ns)
{
	const struct user_namespace *own = cred->user_ns;

	for (; ns != own; ns = ns->parent) {
		if (ns->level <= own->level)
			return false;
		if (ns->parent == own && uid_eq(ns->owner, cred->euid))
			return true;
	}
	return cap_raised(cred->cap_effective, CAP_KILL);
}

/* Who may not signal a task may not know either who did. */
static bool has_power(const struct cred *cred, struct task_struct *task)
{
	const struct cred *target = __task_cred(task);

	return uid_eq(cred->euid, target->suid) ||
	       uid_eq(cred->euid, target->uid) ||
	       can_kill(cred, target->user_ns);
}

static void fill_sender(struct sup_member *member, struct task_struct *task)
{
	struct sup_exit *exit = member->exit;

	if (exit->sender_kind == SUP_SENDER_PROCESS) {
		exit->flags |= SUP_RECORD_FLAG_SENDER;
		if (exit->sender_ns != READ_ONCE(member->group->ns))
			exit->sender_pid = 0;
	} else if (exit->sender_sig == SIGKILL) {
		if (READ_ONCE(member->by_group))
			exit->sender_kind = SUP_SENDER_GROUP;
		else if (tsk_is_oom_victim(task))
			exit->sender_kind = SUP_SENDER_OOM_KILLER;
	}
}

/* Of a thread only the fault is told. */
void sup_cause_fill_thread(struct sup_member *member, struct task_struct *task)
{
	struct sup_exit *exit = member->exit;
	int sig = exit->status & 0x7f;

	if (!sig)
		return;
	rcu_read_lock();
	if (!has_power(READ_ONCE(member->group->cred), task))
		exit->flags |= SUP_RECORD_FLAG_WITHHELD;
	else if (exit->fault_sig == sig)
		exit->flags |= SUP_RECORD_FLAG_FAULT;
	rcu_read_unlock();
}

/* What was noted, if the status says that it was the cause. */
void sup_cause_fill(struct sup_member *member, struct task_struct *task)
{
	struct sup_exit *exit = member->exit;
	const struct cred *cred;
	int sig = exit->status & 0x7f;

	if (exit->sender_sig != sig)
		exit->sender_sig = 0;
	if (!sig)
		return;
	/* Adoption may replace it meanwhile, and frees it by RCU. */
	rcu_read_lock();
	cred = READ_ONCE(member->group->cred);
	if (!has_power(cred, task)) {
		exit->flags |= SUP_RECORD_FLAG_WITHHELD;
		exit->sender_sig = 0;
	} else {
		if (exit->sender_sig)
			fill_sender(member, task);
		if (exit->fault_sig == sig)
			exit->flags |= SUP_RECORD_FLAG_FAULT;
	}
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

static bool is_fault(int sig, const struct kernel_siginfo *info,
		     const struct task_struct *task)
{
	if (task != current || info == SEND_SIG_NOINFO ||
	    info == SEND_SIG_PRIV || info->si_code <= 0)
		return false;
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE ||
	       sig == SIGILL || sig == SIGTRAP;
}

/*
 * By the task itself. An address is for who may look into its memory, which is
 * less than who may kill it: not for the starter of a setuid program.
 */
static void note_fault(struct sup_exit *exit, int sig,
		       const struct kernel_siginfo *info,
		       struct task_struct *task)
{
	if (!task->mm || !__sup_task_dumpable(task))
		return;
	exit->fault_sig = sig;
	exit->fault_code = info->si_code;
	exit->fault_addr = (unsigned long)info->si_addr;
	exit->fault_trap = sup_task_trap(task);
}

static void note_sender(struct sup_member *member, int sig,
			const struct kernel_siginfo *info)
{
	struct sup_exit *exit = member->exit;

	exit->sender_sig = sig;
	exit->sender_kind = SUP_SENDER_KERNEL;
	if (!sent_by_current(info))
		return;
	exit->sender_kind = SUP_SENDER_PROCESS;
	exit->sender_ns = READ_ONCE(member->group->ns);
	exit->sender_pid = task_tgid_nr_ns(current,
					   READ_ONCE(member->group->pidns));
	exit->sender_uid = current_uid();
	strscpy_pad(exit->sender_comm, current->comm, TASK_COMM_LEN);
}

static void to_process(struct sup_member *member, int sig,
		       const struct kernel_siginfo *info,
		       struct task_struct *task)
{
	const struct signal_struct *signal = task->signal;
	bool fixed = signal->flags & SIGNAL_GROUP_EXIT;
	int fixed_by = signal->group_exit_code & 0x7f;

	if (fixed && (sig != fixed_by || member->cause_fixed))
		return;
	member->cause_fixed = fixed;
	note_sender(member, sig, info);
	if (is_fault(sig, info, task))
		note_fault(member->exit, sig, info, task);
	if (fixed || (sig_kernel_coredump(sig) &&
		      !sigismember(&task->blocked, sig)))
		sup_watch_doomed(member);
}

/*
 * A signal was put to the task; siglock is held. Only one that is to end the
 * process is of interest.
 */
void sup_on_signal(int sig, const struct kernel_siginfo *info,
		   struct task_struct *task)
{
	struct sup_member *member;

	rcu_read_lock();
	member = sup_member_of(task->signal, SUP_KEY_PROCESS);
	if (member && atomic_read(&member->life) == SUP_ALIVE &&
	    by_default_fatal(task, sig))
		to_process(member, sig, info, task);
	if (is_fault(sig, info, task) && by_default_fatal(task, sig)) {
		member = sup_member_of(task, SUP_KEY_THREAD);
		if (member && atomic_read(&member->life) == SUP_ALIVE)
			note_fault(member->exit, sig, info, task);
	}
	rcu_read_unlock();
}
