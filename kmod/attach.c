// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks that become members because the owner asks for it: one, the threads
 * of the owner, or what a process has for descendants.
 *
 * What is made meanwhile is either seen by the walk here, or sees in the fork
 * probe that it is to join: the flag or the key in the table was set before,
 * the clone puts the task on the kernel's list before the probe looks, and
 * there is a full barrier between on both sides.
 */
#include "sup.h"

#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "compat.h"

/* True if it is the group itself or below it. */
static bool is_within(const struct sup_group *sub,
		      const struct sup_group *group)
{
	while (sub && sub != group)
		sub = sub->parent;
	return sub;
}

/*
 * What the process owns, and it becoming a member. -EPERM if it owns the group
 * or one above it: it would be below itself, and could not kill the one without
 * the other. -EBUSY if it owns one that its children are born into, or the next
 * of them is, and that is not below: they would escape.
 */
static int check_owned(const struct task_struct *task,
		       const struct sup_group *group)
{
	struct sup_owner *owner;
	struct sup_key *key = NULL;
	int ret = 0;

	rcu_read_lock();
	while (!ret && (key = sup_key_next(key, task->signal, SUP_KEY_OWNER))) {
		owner = container_of(key, struct sup_owner, process_key);
		if (is_within(group, owner->group))
			ret = -EPERM;
		else if ((owner->flags & SUP_GROUP_FLAG_INHERIT_CHILDREN ||
			  READ_ONCE(owner->group->n_child_templates)) &&
			 !is_within(owner->group, group))
			ret = -EBUSY;
	}
	rcu_read_unlock();
	return ret;
}

/* Of a task that is gone already nobody will ask; its leader may be, too. */
static void name_program(struct sup_exit *exit, struct task_struct *task)
{
	rcu_read_lock();
	if (pid_alive(task))
		strscpy_pad(exit->exec_name, task->group_leader->comm,
			    TASK_COMM_LEN);
	rcu_read_unlock();
}

/*
 * The caller gets a reference. -EPERM or -EBUSY for what a process owns; other
 * errors are those of sup_member_add().
 */
static int add(struct sup_group *group, struct task_struct *task, u8 kind,
	       struct sup_lineage *lineage, u64 cookie,
	       struct sup_member **ret_member)
{
	struct sup_member *member;
	int ret = 0;

	member = sup_member_new(group, kind, lineage, cookie, GFP_KERNEL);
	if (IS_ERR(member))
		return PTR_ERR(member);
	name_program(member->exit, task);
	mutex_lock(&sup_owner_mutex);
	if (kind == SUP_MEMBER_KIND_PROCESS)
		ret = check_owned(task, group);
	ret = ret ?: sup_member_add(member, task, true);
	mutex_unlock(&sup_owner_mutex);
	if (!ret)
		*ret_member = member;
	else
		sup_member_put(member);
	return ret;
}

int sup_attach(struct sup_group *group, struct task_struct *task, u8 kind,
	       u64 cookie, struct sup_member **ret_member)
{
	int ret = add(group, task, kind, NULL, cookie, ret_member);

	if (ret)
		return ret;
	/* It may have been attached while the group was being killed. */
	smp_mb();
	if ((*ret_member)->lineage &&
	    sup_group_dying(group, (*ret_member)->lineage))
		sup_kill_newborn(group, task, *ret_member);
	return 0;
}

#define THREAD_BATCH 32

/* Threads that are no members yet; each with a reference. */
static int collect_threads(struct task_struct **threads)
{
	struct task_struct *thread;
	int n = 0;

	rcu_read_lock();
	for_each_thread(current, thread) {
		if (thread->flags & (SUP_PF_WORKER | PF_EXITING) ||
		    sup_member_of(thread, SUP_KEY_THREAD))
			continue;
		threads[n++] = get_task_struct(thread);
		if (n == THREAD_BATCH)
			break;
	}
	rcu_read_unlock();
	return n;
}

/* All threads of the calling process. */
int sup_attach_threads(struct sup_group *group, u64 cookie, u32 *added)
{
	struct task_struct *threads[THREAD_BATCH];
	struct sup_member *member;
	int i, n, err, ret = 0;

	/* Pairs with the barrier in sup_on_fork(). */
	smp_mb();
	do {
		n = collect_threads(threads);
		for (i = 0; i < n; i++) {
			err = add(group, threads[i], SUP_MEMBER_KIND_THREAD,
				  NULL, cookie, &member);
			put_task_struct(threads[i]);
			if (!err) {
				++*added;
				sup_member_put(member);
			} else if (err != -ESRCH && err != -EEXIST) {
				ret = err;
			}
		}
		cond_resched();
	} while (n && !ret);
	return ret;
}

/* A process to be attached, and the lineage it is to join; NULL: its own. */
struct found {
	struct task_struct *task;
	struct sup_lineage *lineage;
};

/*
 * True if the process is the child of a member of the lineage or, without a
 * lineage, of the caller or any member; never the caller, who may be below what
 * he attaches. Takes references, if found is given.
 */
static bool is_wanted(struct sup_group *group, struct sup_lineage *lineage,
		      struct task_struct *task, struct found *found)
{
	struct task_struct *parent = rcu_dereference(task->real_parent);
	struct sup_lineage *joins = NULL;
	struct sup_member *member;

	if (task->flags & SUP_PF_WORKER || !atomic_read(&task->signal->live) ||
	    task->signal == current->signal ||
	    sup_member_of(task->signal, SUP_KEY_PROCESS))
		return false;
	member = sup_member_of(parent->signal, SUP_KEY_PROCESS);
	if (member && member->group == group)
		joins = member->lineage;
	if (lineage ? joins != lineage :
		      !joins && parent->signal != current->signal)
		return false;
	if (!found)
		return true;
	if (joins && !sup_lineage_get(joins))
		return false;
	found->task = get_task_struct(task);
	found->lineage = joins;
	return true;
}

static unsigned int find(struct sup_group *group, struct sup_lineage *lineage,
			 struct found *found, unsigned int max)
{
	struct task_struct *task;
	unsigned int n = 0;

	rcu_read_lock();
	for_each_process(task) {
		if (n == max)
			break;
		n += is_wanted(group, lineage, task, found ? &found[n] : NULL);
	}
	rcu_read_unlock();
	return n;
}

static int add_found(struct sup_group *group, struct sk_buff *skb,
		     struct found *found, u32 *added)
{
	struct sup_member *member;
	int ret = -EPERM;

	if (!sup_task_may_attach(skb, found->task))
		ret = add(group, found->task, SUP_MEMBER_KIND_PROCESS,
			  found->lineage, 0, &member);
	if (!ret) {
		++*added;
		/* Pairs with the barrier of who kills: listed, then looks. */
		smp_mb();
		if (sup_group_dying(group, member->lineage))
			sup_kill_newborn(group, found->task, member);
		sup_member_put(member);
	}
	put_task_struct(found->task);
	if (found->lineage)
		sup_lineage_put(found->lineage);
	return ret == -EDQUOT || ret == -ENOMEM || ret == -ENOENT ? ret : 0;
}

/* One look at all processes; what it has attached is added to *added. */
static int attach_once(struct sup_group *group, struct sk_buff *skb,
		       struct sup_lineage *lineage, u32 *added)
{
	unsigned int i, n = find(group, lineage, NULL, UINT_MAX);
	struct found *found;
	int err, ret = 0;

	if (!n)
		return 0;
	found = kvcalloc(n, sizeof(*found), GFP_KERNEL_ACCOUNT);
	if (!found)
		return -ENOMEM;
	n = find(group, lineage, found, n);
	for (i = 0; i < n; i++) {
		err = add_found(group, skb, &found[i], added);
		ret = ret ?: err;
		cond_resched();
	}
	kvfree(found);
	return ret;
}

/*
 * The descendants of a lineage's members or, without a lineage, of the caller,
 * looked for until there are no more.
 */
int sup_attach_descendants(struct sup_group *group, struct sk_buff *skb,
			   struct sup_lineage *lineage, u32 *added)
{
	u32 before;
	int ret;

	do {
		before = *added;
		/* Pairs with the barrier in sup_on_fork(). */
		smp_mb();
		ret = attach_once(group, skb, lineage, added);
	} while (!ret && *added != before && !fatal_signal_pending(current));
	return ret;
}
