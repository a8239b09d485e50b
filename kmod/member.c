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

#include "compat.h"

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
	spin_lock_bh(&group->lock);
	list_del(&lineage->node);
	spin_unlock_bh(&group->lock);
	sup_group_put(group);
	kfree_rcu(lineage, rcu);
}

/* In the list of its group, but without an id; the caller has the group. */
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
	spin_lock_bh(&group->lock);
	list_add_tail(&lineage->node, &group->lineages);
	spin_unlock_bh(&group->lock);
	return lineage;
}

static void member_free(struct rcu_head *rcu)
{
	kmem_cache_free(cache, container_of(rcu, struct sup_member, rcu));
}

void sup_member_put(struct sup_member *member)
{
	if (!refcount_dec_and_test(&member->ref))
		return;
	if (member->record)
		sup_record_free(member->record);
	if (member->lineage)
		sup_lineage_put(member->lineage);
	put_pid(member->pid);
	put_task_struct(member->task);
	sup_group_put(member->group);
	call_rcu(&member->rcu, member_free);
}

/*
 * Takes a reference to the lineage; NULL starts one, for a process. -ENOENT if
 * the group is about to be freed.
 */
static struct sup_member *member_new(struct sup_group *group,
				     struct task_struct *task, u8 kind,
				     struct sup_lineage *lineage, gfp_t gfp)
{
	bool process = kind == SUP_MEMBER_KIND_PROCESS;
	struct sup_member *member;
	int ret = -ENOENT;

	if (!sup_group_get(group))
		return ERR_PTR(ret);
	if (lineage && !sup_lineage_get(lineage))
		goto put_group;
	ret = -ENOMEM;
	if (!lineage && process) {
		lineage = lineage_new(group, gfp);
		if (!lineage)
			goto put_group;
	}
	member = kmem_cache_zalloc(cache, gfp);
	if (!member)
		goto put_lineage;
	member->record = sup_record_new(gfp);
	if (!member->record)
		goto free_member;
	refcount_set(&member->ref, 1);
	member->group = group;
	member->lineage = lineage;
	member->kind = kind;
	member->task = get_task_struct(task);
	member->pid = get_task_pid(task, process ? PIDTYPE_TGID : PIDTYPE_PID);
	member->key.key = process ? (const void *)task->signal : task;
	member->key.type = process ? SUP_KEY_PROCESS : SUP_KEY_THREAD;
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

static int link_locked(struct sup_group *group, struct sup_member *member)
{
	struct sup_lineage *lineage = member->lineage;

	lockdep_assert_held(&group->lock);
	if (group->ended)
		return -ENOENT;
	if (!sup_user_charge_member(group->user))
		return -EDQUOT;
	member->id = atomic64_inc_return(&last_id);
	if (lineage && !lineage->id) {
		lineage->id = member->id;
		lineage->empty.lineage = member->id;
	}
	/* The list and the table each see a finished member. */
	refcount_inc(&member->ref);
	if (!sup_key_add(&member->key, true)) {
		refcount_dec(&member->ref);
		atomic_dec(&group->user->members);
		atomic_dec(&group->user->records);
		return -EEXIST;
	}
	list_add_tail_rcu(&member->node, &group->members);
	member->listed = true;
	if (lineage) {
		group->processes++;
		sup_populate(group, lineage);
	} else {
		group->threads++;
	}
	return 0;
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

/* Out of the group without a record; the claim was successful. */
static void release(struct sup_member *member, bool tell)
{
	struct sup_group *group = member->group;
	bool process = member->lineage;

	spin_lock_bh(&group->lock);
	unlink_locked(group, member);
	atomic_dec(&group->user->records);
	spin_unlock_bh(&group->lock);
	if (process)
		sup_unpopulate(group, member->lineage, tell);
	sup_member_put(member);
}

static bool begun_to_exit(const struct sup_member *member)
{
	if (member->kind == SUP_MEMBER_KIND_THREAD)
		return READ_ONCE(member->task->flags) & PF_EXITING;
	return !atomic_read(&member->task->signal->live);
}

/*
 * Makes a task a member; the caller gets a reference. lineage is NULL to start
 * one, and for threads. -ENOMEM, -EDQUOT (a limit), -EEXIST (it is a member
 * somewhere), -ESRCH (it exits), -ENOENT (the group ended).
 */
int sup_member_add(struct sup_group *group, struct task_struct *task, u8 kind,
		   struct sup_lineage *lineage, u64 cookie, gfp_t gfp,
		   struct sup_member **ret_member)
{
	struct sup_member *member;
	int ret;

	member = member_new(group, task, kind, lineage, gfp);
	if (IS_ERR(member))
		return PTR_ERR(member);
	member->cookie = cookie;
	ret = -ESRCH;
	if (!member->pid || begun_to_exit(member))
		goto put_member;
	spin_lock_bh(&group->lock);
	ret = link_locked(group, member);
	spin_unlock_bh(&group->lock);
	if (ret)
		goto put_member;
	/* Pairs with the barrier between the flag and the look-up: see top. */
	smp_mb();
	if (begun_to_exit(member) && sup_member_claim(member, SUP_RELEASED)) {
		release(member, false);
		ret = -ESRCH;
		goto put_member;
	}
	*ret_member = member;
	return 0;

put_member:
	sup_member_put(member);
	return ret;
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

/*
 * Adds all threads of the calling process. What is cloned meanwhile is seen
 * here, or sees in the fork probe that its group inherits threads: that was
 * set before, the clone puts the thread on the list before the probe looks,
 * and there is a full barrier between on both sides.
 */
int sup_member_add_threads(struct sup_group *group, u64 cookie,
			   u32 *ret_added)
{
	struct task_struct *threads[THREAD_BATCH];
	struct sup_member *member;
	int i, n, err, ret = 0;
	u32 added = 0;

	/* Pairs with the barrier in sup_on_fork(). */
	smp_mb();
	do {
		n = collect_threads(threads);
		for (i = 0; i < n; i++) {
			err = sup_member_add(group, threads[i],
					     SUP_MEMBER_KIND_THREAD, NULL,
					     cookie, GFP_KERNEL, &member);
			put_task_struct(threads[i]);
			if (!err) {
				added++;
				sup_member_put(member);
			} else if (err != -ESRCH && err != -EEXIST) {
				ret = err;
			}
		}
		cond_resched();
	} while (n && !ret);
	*ret_added = added;
	return ret;
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

static bool tells_locked(const struct sup_group *group)
{
	return !group->ended && group->state != SUP_GROUP_STATE_CLOSING;
}

/*
 * The last step of a member that was claimed by the exit probe: its record is
 * complete, and is queued and sent. Takes over the list's reference.
 */
void sup_member_finish(struct sup_member *member, gfp_t gfp)
{
	struct sup_group *group = member->group;
	struct sup_record *record = member->record;
	bool last;

	spin_lock_bh(&group->lock);
	unlink_locked(group, member);
	record->pid = pid_nr_ns(member->pid, group->pidns);
	record->tgid = member->lineage ? record->pid :
		       task_tgid_nr_ns(member->task, group->pidns);
	if (tells_locked(group)) {
		member->record = NULL;
		sup_record_queue_locked(group, record);
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
		sup_group_todo(group, SUP_TODO_END);
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
