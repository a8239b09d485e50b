// SPDX-License-Identifier: GPL-2.0-only
/* How tasks become members by being born. */
#include "sup.h"

#include <linux/sched/signal.h>

#define GFP_PROBE	(GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT)

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
