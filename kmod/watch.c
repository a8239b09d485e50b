// SPDX-License-Identifier: GPL-2.0-only
/*
 * Members that are bound to end and do not: in a core dump, stopped by a
 * tracer, in the kernel for good. One timer for each group, and none for a
 * group where nobody wants to know, nor by which it is fatal.
 *
 * A member is doomed from the signal that fixes its end, or its entry into the
 * exit path; the timer looks at all members when the first of these is due.
 */
#include "sup.h"

#include <linux/jiffies.h>
#include <linux/sched/signal.h>

#include "compat.h"

static bool is_watched(const struct sup_group *group)
{
	return (READ_ONCE(group->watched) | group->fatal) &
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
	if (left != LONG_MAX)
		sup_group_later(group, &group->watch, left);
	sup_group_put(group);
}
