// SPDX-License-Identifier: GPL-2.0-only
/*
 * Members that are bound to end and do not: in a core dump, stopped by a
 * tracer, in the kernel for good. One timer for each group, and none for a
 * group where nobody wants to know, nor by which it is fatal.
 *
 * A member is doomed from the signal that fixes its end, or its entry into the
 * exit path; the timer looks at all members when the first of these is due.
 * A signal that dumps core fixes nothing before it is delivered: a tracer may
 * keep it, or the process handle it after all.
 */
#include "sup.h"

#include <linux/jiffies.h>
#include <linux/sched/signal.h>

#include "compat.h"

static bool is_watched(const struct sup_group *group)
{
	return (READ_ONCE(group->watched) | READ_ONCE(group->fatal)) &
	       BIT(SUP_RECORD_KIND_STUCK);
}

/* Under siglock, or in the exit probe: sets the time, and a timer. */
void sup_watch_doomed(struct sup_member *member)
{
	struct sup_group *group = member->group;

	if (!is_watched(group))
		return;
	if (!READ_ONCE(member->doomed))
		WRITE_ONCE(member->doomed, jiffies ?: 1);
	sup_group_later(group, &group->watch,
			msecs_to_jiffies(group->stuck_ms) + 1);
}

static u8 stage_of_task(const struct task_struct *task)
{
	unsigned int state = READ_ONCE(task->__state);

	if (state & __TASK_TRACED ||
	    (READ_ONCE(task->exit_state) == EXIT_ZOMBIE && task->ptrace))
		return SUP_STAGE_TRACED;
	if (sup_task_frozen(task))
		return SUP_STAGE_FROZEN;
	if (state & TASK_UNINTERRUPTIBLE && !(state & TASK_NOLOAD))
		return SUP_STAGE_BLOCKED;
	return SUP_STAGE_EXITING;
}

/* Of a process, the most telling of its threads' stages. */
static u8 stage_of(const struct sup_member *member)
{
	struct task_struct *task = member->task, *thread;
	u8 stage = SUP_STAGE_EXITING;

	if (!member->lineage)
		return stage_of_task(task);
	rcu_read_lock();
	task = pid_task(member->pid, PIDTYPE_TGID) ?: task;
	if (READ_ONCE(task->signal->core_state)) {
		stage = SUP_STAGE_DUMPING;
	} else {
		for_each_thread(task, thread) {
			stage = stage_of_task(thread);
			if (stage != SUP_STAGE_EXITING)
				break;
		}
	}
	rcu_read_unlock();
	return stage;
}

static void tell(struct sup_member *member)
{
	struct sup_info info = {
		.kind = SUP_RECORD_KIND_STUCK,
		.member = member,
		.stage = stage_of(member),
	};

	member->stuck_told = true;
	sup_inform(member->group, &info);
	sup_fatal(member->group, SUP_RECORD_KIND_STUCK);
}

static bool has_deadly(const struct task_struct *thread)
{
	const struct sigpending *shared = &thread->signal->shared_pending;

	return (thread->pending.signal.sig[0] | shared->signal.sig[0]) &
	       ~thread->blocked.sig[0] & SIG_KERNEL_COREDUMP_MASK;
}

/*
 * False if a process goes on as if it had not been signalled. What is read here
 * may change meanwhile.
 */
static bool is_ending(const struct sup_member *member)
{
	struct task_struct *task = member->task, *thread;
	bool ret;

	if (!member->lineage || atomic_read(&member->life) != SUP_ALIVE)
		return true;
	rcu_read_lock();
	task = pid_task(member->pid, PIDTYPE_TGID) ?: task;
	ret = READ_ONCE(task->signal->flags) & SIGNAL_GROUP_EXIT ||
	      READ_ONCE(task->signal->core_state);
	for_each_thread(task, thread)
		ret = ret || has_deadly(thread);
	rcu_read_unlock();
	return ret;
}

/* Not on its way now, and not when it was due again: then it is not doomed. */
static bool is_doubtful(struct sup_member *member)
{
	if (is_ending(member))
		return false;
	WRITE_ONCE(member->doomed, member->doubted ? 0 : jiffies ?: 1);
	member->doubted = !member->doubted;
	return true;
}

/* How long until a doomed member is due; tells of it if it is. */
static long look_at(struct sup_member *member, unsigned long limit)
{
	unsigned long doomed = READ_ONCE(member->doomed);
	long left;

	if (!doomed || member->stuck_told || !READ_ONCE(member->listed))
		return LONG_MAX;
	left = (long)(doomed + limit - jiffies);
	if (left > 0)
		return left;
	if (is_doubtful(member))
		return member->doubted ? (long)limit : LONG_MAX;
	tell(member);
	return LONG_MAX;
}

void sup_watch_work(struct work_struct *work)
{
	struct sup_group *group = container_of(to_delayed_work(work),
					       struct sup_group, watch);
	unsigned long limit = msecs_to_jiffies(group->stuck_ms);
	struct sup_member *member = NULL;
	long left = LONG_MAX;

	while ((member = sup_member_next(group, member))) {
		left = min(left, look_at(member, limit));
		cond_resched();
	}
	/* One that is set meanwhile is for a member that is due later. */
	if (left != LONG_MAX)
		sup_group_sooner(group, &group->watch, left);
	sup_group_put(group);
}
