// SPDX-License-Identifier: GPL-2.0-only
/*
 * Members and lineages: from the birth of a task, or its attaching, to its
 * record.
 *
 *	alive --(exit probe)--> exiting --(softirq or task work)--> told
 *	  '-----(group ends)--> released
 *
 * Attaching races with exiting. Attaching puts the key into the table, then
 * looks whether the task has begun to exit; the exit path says so first, then
 * the probe looks into the table. With the full barriers on both sides at
 * least one of them sees the other; if both do, the claim decides.
 */
#include "sup.h"

#include <linux/pid_namespace.h>
#include <linux/rculist.h>
#include <linux/sched/signal.h>

#include "trace.h"

static struct kmem_cache *cache;
static atomic64_t last_id;

bool sup_lineage_get(struct sup_lineage *lineage)
{
	return refcount_inc_not_zero(&lineage->ref);
}

void sup_lineage_put(struct sup_lineage *lineage)
{
	struct sup_group *group = lineage->group;

	if (!refcount_dec_and_test(&lineage->ref))
		return;
	if (lineage->id) {
		spin_lock_bh(&group->lock);
		list_del_rcu(&lineage->node);
		spin_unlock_bh(&group->lock);
	}
	sup_group_put(group);
	kfree_rcu(lineage, rcu);
}

/* Without an id, which its first member brings; the caller has the group. */
static struct sup_lineage *lineage_new(struct sup_group *group, gfp_t gfp)
{
	struct sup_lineage *lineage = kzalloc(sizeof(*lineage),
					      gfp | __GFP_ACCOUNT);

	if (!lineage)
		return NULL;
	refcount_inc(&group->ref);
	refcount_set(&lineage->ref, 1);
	lineage->group = group;
	lineage->empty.kind = SUP_RECORD_KIND_LINEAGE_EMPTY;
	return lineage;
}

static void member_free(struct rcu_head *rcu)
{
	struct sup_member *member = container_of(rcu, struct sup_member, rcu);

	if (member->exit)
		sup_exit_free(member->exit);
	kmem_cache_free(cache, member);
}

void sup_member_put(struct sup_member *member)
{
	if (!refcount_dec_and_test(&member->ref))
		return;
	if (member->lineage)
		sup_lineage_put(member->lineage);
	put_pid(member->pid);
	if (member->task)
		put_task_struct(member->task);
	sup_group_put(member->group);
	call_rcu(&member->rcu, member_free);
}

/*
 * A member without a task. Takes a reference to the lineage; NULL starts one,
 * for a process. -ENOENT if the group is about to be freed.
 */
struct sup_member *sup_member_new(struct sup_group *group, u8 kind,
				  struct sup_lineage *lineage, u64 cookie,
				  gfp_t gfp)
{
	struct sup_member *member;
	int ret = -ENOENT;

	if (!sup_group_get(group))
		return ERR_PTR(ret);
	if (lineage && !sup_lineage_get(lineage))
		goto put_group;
	ret = -ENOMEM;
	if (!lineage && kind == SUP_MEMBER_KIND_PROCESS) {
		lineage = lineage_new(group, gfp);
		if (!lineage)
			goto put_group;
	}
	member = kmem_cache_zalloc(cache, gfp);
	if (!member)
		goto put_lineage;
	member->exit = sup_exit_new(gfp);
	if (!member->exit)
		goto free_member;
	refcount_set(&member->ref, 1);
	member->group = group;
	member->lineage = lineage;
	member->kind = kind;
	member->cookie = cookie;
	return member;

free_member:
	kmem_cache_free(cache, member);
put_lineage:
	if (lineage)
		sup_lineage_put(lineage);
put_group:
	sup_group_put(group);
	return ERR_PTR(ret);
}

static void bind(struct sup_member *member, struct task_struct *task)
{
	bool process = member->kind == SUP_MEMBER_KIND_PROCESS;

	member->task = get_task_struct(task);
	member->pid = get_task_pid(task, process ? PIDTYPE_TGID : PIDTYPE_PID);
	member->key.key = process ? (const void *)task->signal : task;
	member->key.type = process ? SUP_KEY_PROCESS : SUP_KEY_THREAD;
}

/* As the function that it calls; most groups have no parent. */
static bool is_over(const struct sup_group *group,
		    const struct sup_lineage *lineage)
{
	return atomic_read(&lineage->live) < 0 ||
	       (group->parent &&
		sup_group_is_over(group->parent, group->plineage));
}

/* 1 if it is linked, and was told over in the same moment. */
static int link_locked(struct sup_group *group, struct sup_member *member,
		       bool asked)
{
	struct sup_lineage *lineage = member->lineage;

	lockdep_assert_held(&group->lock);
	if (group->ended || (asked && !sup_owner_is_caller_locked(group)))
		return -ENOENT;
	if (lineage && is_over(group, lineage))
		return -ESTALE;
	if (!member->charged && !sup_group_charge_locked(group))
		return -EDQUOT;
	member->id = atomic64_inc_return(&last_id);
	if (lineage && !lineage->id) {
		lineage->id = member->id;
		list_add_tail_rcu(&lineage->node, &group->lineages);
	}
	/* The list and the table each see a finished member. */
	refcount_inc(&member->ref);
	if (!sup_key_add(&member->key, true)) {
		refcount_dec(&member->ref);
		if (!member->charged)
			sup_user_uncharge_member(group->user);
		return -EEXIST;
	}
	if (member->charged)
		sup_template_uncount_locked(member);
	list_add_tail_rcu(&member->node, &group->members);
	member->listed = true;
	if (!lineage) {
		group->threads++;
		return 0;
	}
	group->processes++;
	return !sup_populate(group, lineage);
}

/* Off the list and out of the table, by who claimed it; puts no reference. */
static void unlink_locked(struct sup_group *group, struct sup_member *member)
{
	lockdep_assert_held(&group->lock);
	sup_key_del(&member->key);
	WRITE_ONCE(member->listed, false);
	list_del_rcu(&member->node);
	if (member->lineage)
		group->processes--;
	else
		group->threads--;
	atomic_dec(&group->user->members);
}

bool sup_member_claim(struct sup_member *member, enum sup_life life)
{
	return atomic_cmpxchg(&member->life, SUP_ALIVE, life) == SUP_ALIVE;
}

/*
 * Out of the group without a record; the claim was successful. If nobody knows
 * of it, nobody does of a lineage that it has begun; but others may have ended
 * meanwhile, and left what it leaves now.
 */
static void release(struct sup_member *member, bool known)
{
	struct sup_group *group = member->group;
	bool process = member->lineage;

	spin_lock_bh(&group->lock);
	unlink_locked(group, member);
	atomic_dec(&group->user->records);
	spin_unlock_bh(&group->lock);
	if (process)
		sup_unpopulate(group, member->lineage,
			       known || member->lineage->id != member->id);
	sup_member_put(member);
}

static bool begun_to_exit(const struct sup_member *member)
{
	if (member->kind == SUP_MEMBER_KIND_THREAD)
		return READ_ONCE(member->task->flags) & PF_EXITING;
	return !atomic_read(&member->task->signal->live);
}

/*
 * Makes a task the member, by its birth or because the owner asked; the caller
 * keeps its reference. -EDQUOT (a limit), -EEXIST (it is a member somewhere),
 * -ESRCH (it exits), -ESTALE (its lineage, or one above, is over), -ENOENT (the
 * group ended, or who asked is not its owner any more).
 */
int sup_member_add(struct sup_member *member, struct task_struct *task,
		   bool asked)
{
	struct sup_group *group = member->group;
	int ret;

	bind(member, task);
	if (!member->pid || begun_to_exit(member))
		return -ESRCH;
	spin_lock_bh(&group->lock);
	ret = link_locked(group, member, asked);
	spin_unlock_bh(&group->lock);
	if (ret < 0)
		return ret;
	trace_sup_add(member);
	/* Pairs with the barrier between the flag and the look-up: see top. */
	smp_mb();
	if ((!ret && !begun_to_exit(member)) ||
	    !sup_member_claim(member, SUP_RELEASED))
		return 0;
	release(member, false);
	return ret ? -ESTALE : -ESRCH;
}

/* Above the ids of all members that are in a group by now. */
u64 sup_member_last_id(void)
{
	return atomic64_read(&last_id);
}

/* The first member with an id above id, with a reference, or NULL. */
struct sup_member *sup_member_after(struct sup_group *group, u64 id)
{
	struct sup_member *member;

	rcu_read_lock();
	list_for_each_entry_rcu(member, &group->members, node) {
		if (member->id > id && refcount_inc_not_zero(&member->ref)) {
			rcu_read_unlock();
			return member;
		}
	}
	rcu_read_unlock();
	return NULL;
}

/*
 * A walk: the next member, with a reference, for which that to prev is given
 * up; NULL is the beginning and the end. A member that is still listed has a
 * next that no reader can lose; from one that left, the walk looks for its
 * place again.
 */
struct sup_member *sup_member_next(struct sup_group *group,
				   struct sup_member *prev)
{
	struct sup_member *member = prev, *ret = NULL;

	rcu_read_lock();
	if (prev && READ_ONCE(prev->listed)) {
		list_for_each_entry_continue_rcu(member, &group->members,
						 node) {
			if (refcount_inc_not_zero(&member->ref)) {
				ret = member;
				break;
			}
		}
	} else {
		ret = sup_member_after(group, prev ? prev->id : 0);
	}
	rcu_read_unlock();
	if (prev)
		sup_member_put(prev);
	return ret;
}

void sup_member_release_all(struct sup_group *group, bool only_threads)
{
	struct sup_member *member = NULL;

	while ((member = sup_member_next(group, member))) {
		if ((member->kind == SUP_MEMBER_KIND_THREAD || !only_threads) &&
		    sup_member_claim(member, SUP_RELEASED))
			release(member, true);
		cond_resched();
	}
}

/*
 * The last step of a member that was claimed by the exit probe: its record is
 * complete, and is queued and sent. Takes over the list's reference.
 */
void sup_member_finish(struct sup_member *member, gfp_t gfp)
{
	struct sup_group *group = member->group;
	struct sup_exit *exit = member->exit;
	bool last;

	trace_sup_exit(member);
	spin_lock_bh(&group->lock);
	unlink_locked(group, member);
	exit->pid = pid_nr_ns(member->pid, group->pidns);
	if (!member->lineage)
		exit->tgid = task_tgid_nr_ns(member->task, group->pidns);
	else if (exit->last_ns != group->ns)
		exit->last_tid = 0;
	if (sup_group_tells_locked(group)) {
		member->exit = NULL;
		sup_record_queue_locked(group, &exit->record);
	} else {
		atomic_dec(&group->user->records);
	}
	last = group->state == SUP_GROUP_STATE_CLOSING && !group->processes;
	spin_unlock_bh(&group->lock);

	if (member->lineage)
		sup_unpopulate(group, member->lineage, true);
	else
		sup_deliver(group, gfp);
	if (last)
		sup_group_due(group, SUP_DUE_END);
	sup_member_put(member);
}

int sup_member_init(void)
{
	atomic64_set(&last_id, ktime_get_boottime_ns());
	cache = kmem_cache_create("sup_member", sizeof(struct sup_member), 0,
				  SLAB_ACCOUNT, NULL);
	return cache ? 0 : -ENOMEM;
}

void sup_member_exit(void)
{
	/* member_free() is ours. */
	rcu_barrier();
	kmem_cache_destroy(cache);
}
