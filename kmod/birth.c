// SPDX-License-Identifier: GPL-2.0-only
/* How tasks become members by being born, and what an exec changes. */
#include "sup.h"

#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>

#define GFP_PROBE	(GFP_ATOMIC | __GFP_NOWARN | __GFP_ACCOUNT)

/* Where a child goes. */
struct birth {
	struct sup_group *group;
	u8 kind;
	struct sup_lineage *lineage;	/* NULL: one of its own */
	u64 parent;			/* member, or 0 for the owner */
	const char *exec_name;
};

static u8 cause_of(int error)
{
	switch (error) {
	case -ENOMEM:
		return SUP_OVERFLOW_CAUSE_NO_MEMORY;
	case -ESTALE:
		return SUP_OVERFLOW_CAUSE_LINEAGE_OVER;
	default:
		return SUP_OVERFLOW_CAUSE_LIMIT;
	}
}

/* A child for which there is no record does not run, or is at least told. */
static void overflow(const struct birth *birth, struct task_struct *child,
		     int error)
{
	struct sup_group *group = birth->group;
	bool killed;

	killed = birth->kind == SUP_MEMBER_KIND_PROCESS &&
		 !(READ_ONCE(group->flags) & SUP_GROUP_FLAG_ALLOW_UNTRACKED) &&
		 sup_kill_newborn(group, child, NULL);
	spin_lock_bh(&group->lock);
	if (sup_group_tells_locked(group)) {
		group->overflow_cause = cause_of(error);
		if (killed)
			group->killed_count++;
		else
			group->untracked_count++;
		sup_record_tell_locked(group);
	}
	spin_unlock_bh(&group->lock);
	sup_fatal(group, SUP_RECORD_KIND_OVERFLOW);
	sup_deliver(group, GFP_ATOMIC);
}

static void born(struct sup_member *member, struct task_struct *child,
		 u64 parent)
{
	struct sup_group *group = member->group;
	struct sup_info info = {
		.kind = SUP_RECORD_KIND_FORK,
		.member = member,
		.parent = parent,
	};

	sup_inform(group, &info);
	sup_fatal(group, SUP_RECORD_KIND_FORK);
	if (member->lineage && sup_group_dying(group, member->lineage))
		sup_kill_newborn(group, child, member);
}

static void inherit(const struct birth *birth, struct task_struct *child)
{
	struct sup_member *member;
	int ret;

	member = sup_member_new(birth->group, birth->kind, birth->lineage, 0,
				GFP_PROBE);
	ret = PTR_ERR_OR_ZERO(member);
	if (!ret) {
		memcpy(member->exit->exec_name, birth->exec_name,
		       TASK_COMM_LEN);
		ret = sup_member_add(member, child, false);
	}
	if (!ret)
		born(member, child, birth->parent);
	else if (ret == -ENOMEM || ret == -EDQUOT || ret == -ESTALE)
		overflow(birth, child, ret);
	if (!IS_ERR(member))
		sup_member_put(member);
}

/* Of what was made by the owner. */
static bool by_owner(struct birth *birth, const struct signal_struct *sig,
		     u32 flag)
{
	struct sup_owner *owner = sup_inheriting(sig, flag);

	if (!owner)
		return false;
	birth->group = owner->group;
	birth->exec_name = owner->exec_name;
	return true;
}

/* Of what was made by a process member. */
static bool by_member(struct birth *birth, const struct signal_struct *sig)
{
	bool thread = birth->kind == SUP_MEMBER_KIND_THREAD;
	struct sup_member *member = sup_member_of(sig, SUP_KEY_PROCESS);

	if (!member || atomic_read(&member->life) != SUP_ALIVE)
		return false;
	if (thread && !(READ_ONCE(member->group->flags) &
			SUP_GROUP_FLAG_MEMBER_THREADS))
		return false;
	birth->group = member->group;
	birth->exec_name = member->exit->exec_name;
	birth->parent = member->id;
	birth->lineage = thread ? NULL : member->lineage;
	return true;
}

/* False also if the template's group has ended: then it is as if none was. */
static bool by_template(struct task_struct *parent, struct task_struct *child,
			u8 kind)
{
	struct sup_member *member = sup_template_take(parent, kind);
	struct birth birth = { .kind = kind };
	int ret;

	if (!member)
		return false;
	birth.group = member->group;
	strscpy_pad(member->exit->exec_name, parent->group_leader->comm,
		    TASK_COMM_LEN);
	ret = sup_member_add(member, child, false);
	if (!ret)
		born(member, child, 0);
	else if (ret == -ESTALE)
		overflow(&birth, child, ret);
	sup_template_discard(member);
	return ret != -ENOENT;
}

/* The child is in the kernel's lists, and has not run yet. */
void sup_on_fork(struct task_struct *parent, struct task_struct *child)
{
	const struct signal_struct *sig = parent->signal;
	struct birth birth = { .kind = SUP_MEMBER_KIND_PROCESS };
	u32 flag = SUP_GROUP_FLAG_INHERIT_CHILDREN;

	if (child->signal == sig) {
		birth.kind = SUP_MEMBER_KIND_THREAD;
		flag = SUP_GROUP_FLAG_INHERIT_THREADS;
	}
	rcu_read_lock();
	/* Pairs with the barriers in attach.c. */
	smp_mb();
	if (!by_template(parent, child, birth.kind) &&
	    (by_owner(&birth, sig, flag) || by_member(&birth, sig)))
		inherit(&birth, child);
	rcu_read_unlock();
}

/*
 * The number that the thread had before, as the owner sees it. A thread that
 * became the first of its process has the number of that now, and what had its
 * own is gone; only its member has kept it.
 */
static pid_t old_tid(const struct sup_member *member, struct task_struct *task,
		     pid_t old_pid)
{
	struct pid_namespace *ns = READ_ONCE(member->group->pidns);
	const struct sup_member *thread;

	if (old_pid == task->pid)
		return task_pid_nr_ns(task, ns);
	if (ns == &init_pid_ns)
		return old_pid;
	thread = sup_member_of(task, SUP_KEY_THREAD);
	return thread ? pid_nr_ns(thread->pid, ns) : 0;
}

/* The name of a task is that of the program, until the task changes it. */
void sup_on_exec(struct task_struct *task, pid_t old_pid)
{
	struct sup_info info = { .kind = SUP_RECORD_KIND_EXEC };
	struct sup_member *member;

	sup_template_drop(task);
	rcu_read_lock();
	sup_owner_exec(task);
	member = sup_member_of(task->signal, SUP_KEY_PROCESS);
	if (member && atomic_read(&member->life) == SUP_ALIVE) {
		strscpy_pad(member->exit->exec_name, task->comm,
			    TASK_COMM_LEN);
		member->thread_exec = old_pid != task->pid;
		WRITE_ONCE(member->leader_first, false);
		info.member = member;
		info.old_tid = old_tid(member, task, old_pid);
		sup_inform(member->group, &info);
		sup_fatal(member->group, SUP_RECORD_KIND_EXEC);
	}
	rcu_read_unlock();
}
