// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals to groups. Whether a process may be signalled is judged by the
 * group's saved credentials, at the time of the signal, never by those of
 * current: the last close of an owner's socket can be anyone's. So they are put
 * on for the check, as kill(2) makes it, security modules included. What has
 * passed the check is then killed with force, because a check and a kill in
 * one would spare the init of a pid namespace.
 *
 * To leave nothing behind, SIGKILL first marks the group or its lineages as
 * dead, then walks; see sup_group_dying() for why a child that is born at the
 * same time is killed by one of the two.
 */
#include "sup.h"

#include <linux/rculist.h>
#include <linux/sched/signal.h>

#include "compat.h"

/* May run in the fork probe, with preemption off. */
static int signal_as(const struct cred *cred, struct pid *pid, int sig,
		     struct sup_member *member)
{
	const struct cred *old = override_creds(cred);
	int ret;

	if (sig != SIGKILL && sig != SIGSTOP) {
		ret = kill_pid(pid, sig, 0);
		goto revert;
	}
	ret = kill_pid(pid, 0, 0);
	if (ret)
		goto revert;
	/* One on its way out has ended by something else. */
	if (member && sig == SIGKILL && atomic_read(&member->life) == SUP_ALIVE)
		WRITE_ONCE(member->by_group, true);
	ret = kill_pid(pid, sig, 1);
revert:
	revert_creds(old);
	return ret;
}

static const struct cred *cred_of(struct sup_group *group)
{
	const struct cred *cred;

	spin_lock_bh(&group->lock);
	cred = get_cred(group->cred);
	spin_unlock_bh(&group->lock);
	return cred;
}

/*
 * If that is fatal, the kill that follows is refused again: so it is fatal only
 * for what is not marked as dead already, with everything beside it.
 */
static void tell_refused(struct sup_member *member)
{
	struct sup_group *group = member->group;
	struct sup_info info = {
		.kind = SUP_RECORD_KIND_REFUSED,
		.member = member,
	};

	sup_inform(group, &info);
	if (member->lineage->id > READ_ONCE(group->dead_tree))
		sup_fatal(group, SUP_RECORD_KIND_REFUSED);
}

static void signal_member(struct sup_member *member, const struct cred *cred,
			  struct sup_kill *kill)
{
	switch (signal_as(cred, member->pid, kill->sig, member)) {
	case 0:
		kill->signalled++;
		break;
	case -ESRCH:
		break;
	default:
		kill->refused++;
		if (kill->by_kernel)
			tell_refused(member);
	}
}

/* The members of one lineage, or, without it, of those up to last. */
static void walk(struct sup_group *group, u64 lineage, u64 last,
		 const struct cred *cred, struct sup_kill *kill)
{
	struct sup_member *member = NULL;

	while ((member = sup_member_next(group, member))) {
		if (member->lineage &&
		    (lineage ? member->lineage->id == lineage :
			       member->lineage->id <= last))
			signal_member(member, cred, kill);
		cond_resched();
	}
}

/* True if sub is below group; if made by that lineage, or one up to last. */
static bool is_below(const struct sup_group *sub,
		     const struct sup_group *group, u64 lineage, u64 last)
{
	for (; sub->parent; sub = sub->parent)
		if (sub->parent == group)
			return lineage ? sub->plineage->id == lineage :
					 sub->plineage->id <= last;
	return false;
}

/* The whole subtree: what is not in the table any more has no members. */
static void walk_tree(struct sup_group *group, u64 lineage, u64 last,
		      const struct cred *cred, struct sup_kill *kill)
{
	u64 id = group->id;
	struct sup_group *sub;

	walk(group, lineage, last, cred, kill);
	/* A subgroup is younger, and has the greater id. */
	while (!kill->alone && (sub = sup_group_next(&id))) {
		if (is_below(sub, group, lineage, last)) {
			walk(sub, 0, U64_MAX, cred, kill);
			/* What waits for adoption does so in vain now. */
			if (kill->sig == SIGKILL)
				sup_group_due(sub, SUP_DUE_CLOSE);
		}
		sup_group_put(sub);
	}
}

/*
 * Returns a reference, or NULL. The list is as long as the group has families,
 * and walked to the one that is meant, under RCU: that takes the time of the
 * owner, who asks, and no one else's. An index would make each birth dearer.
 */
static struct sup_lineage *find_lineage(struct sup_group *group, u64 id)
{
	struct sup_lineage *lineage;

	rcu_read_lock();
	list_for_each_entry_rcu(lineage, &group->lineages, node) {
		if (lineage->id == id && sup_lineage_get(lineage)) {
			rcu_read_unlock();
			return lineage;
		}
	}
	rcu_read_unlock();
	return NULL;
}

/*
 * Marks the lineages that there are now, and returns the id of the last; what
 * the owner starts later is not meant. Ids are given under the lock.
 */
static u64 mark_all_locked(struct sup_group *group,
			   const struct sup_kill *kill)
{
	u64 last = sup_member_last_id();

	if (kill->sig == SIGKILL && kill->alone)
		WRITE_ONCE(group->dead_alone, last);
	else if (kill->sig == SIGKILL)
		WRITE_ONCE(group->dead_tree, last);
	return last;
}

/* In one step: whether the caller may, the marks, and by whose rights. */
static int begin(struct sup_group *group, const struct sup_kill *kill,
		 const struct cred **ret_cred, u64 *ret_last)
{
	struct sup_lineage *lineage = NULL;
	int ret = 0;

	if (kill->lineage)
		lineage = find_lineage(group, kill->lineage);
	spin_lock_bh(&group->lock);
	if (!sup_owner_is_caller_locked(group))
		ret = -ENOENT;
	else if (kill->lineage &&
		 !(lineage && atomic_read(&lineage->live) > 0))
		ret = -ESRCH;
	else if (lineage && kill->sig == SIGKILL)
		WRITE_ONCE(lineage->dying, true);
	else if (!kill->lineage && !kill->member)
		*ret_last = mark_all_locked(group, kill);
	if (!ret)
		*ret_cred = get_cred(group->cred);
	spin_unlock_bh(&group->lock);
	if (lineage)
		sup_lineage_put(lineage);
	return ret;
}

static int kill_one(struct sup_group *group, const struct cred *cred,
		    struct sup_kill *kill)
{
	struct sup_member *member = sup_member_after(group, kill->member - 1);
	int ret = -ESRCH;

	if (!member)
		return ret;
	if (member->id == kill->member) {
		ret = -EOPNOTSUPP;
		if (member->lineage) {
			signal_member(member, cred, kill);
			ret = 0;
		}
	}
	sup_member_put(member);
	return ret;
}

/*
 * By the owner: signals the group with its subgroups, one lineage with the
 * subgroups made by it, or one member. -ENOENT if the caller is not the owner
 * any more, -ESRCH if there is no such lineage or member, -EOPNOTSUPP for a
 * thread, -EPERM if there were processes, and none could be signalled.
 */
int sup_kill(struct sup_group *group, struct sup_kill *kill)
{
	const struct cred *cred;
	u64 last = 0;
	int ret;

	ret = begin(group, kill, &cred, &last);
	if (ret)
		return ret;
	/* Pairs with the barrier in the fork probe. */
	smp_mb();
	if (kill->member)
		ret = kill_one(group, cred, kill);
	else
		walk_tree(group, kill->lineage, last, cred, kill);
	if (!ret && kill->refused && !kill->signalled)
		ret = -EPERM;
	put_cred(cred);
	return ret;
}

/* For a group without an owner: nothing may be born into it any more. */
void sup_kill_all(struct sup_group *group)
{
	struct sup_kill kill = { .sig = SIGKILL, .by_kernel = true };
	const struct cred *cred = cred_of(group);

	WRITE_ONCE(group->dying, true);
	/* Pairs with the barrier in the fork probe. */
	smp_mb();
	walk_tree(group, 0, U64_MAX, cred, &kill);
	put_cred(cred);
}

/* What was marked as dead is killed. */
void sup_kill_dead(struct sup_group *group)
{
	struct sup_kill kill = { .sig = SIGKILL, .by_kernel = true };
	const struct cred *cred = cred_of(group);

	walk_tree(group, 0, READ_ONCE(group->dead_tree), cred, &kill);
	put_cred(cred);
}

/*
 * All that is there is marked as dead, at once, and killed by a work: from now
 * on nothing can be born into it.
 */
void __sup_fatal(struct sup_group *group)
{
	spin_lock_bh(&group->lock);
	WRITE_ONCE(group->dead_tree, sup_member_last_id());
	spin_unlock_bh(&group->lock);
	/* The work pairs with the barrier in the fork probe. */
	smp_mb();
	sup_group_due(group, SUP_DUE_FATAL);
}

/*
 * Kills a process that has not run yet; member is NULL if it could not become
 * one. False if the group has no power over it: then it runs.
 */
bool sup_kill_newborn(struct sup_group *group, struct task_struct *child,
		      struct sup_member *member)
{
	const struct cred *cred = cred_of(group);
	int ret;

	ret = signal_as(cred, task_pid(child), SIGKILL, member);
	put_cred(cred);
	if (ret && member)
		tell_refused(member);
	return !ret;
}
