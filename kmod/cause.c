// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who ended a process: from the signal probe, which runs under siglock and
 * takes no lock of ours, to the record.
 */
#include "sup.h"

#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>

#include "compat.h"

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

void sup_cause_fill(struct sup_member *member, struct task_struct *task)
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
