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
 * dying, then walks; see sup_group_dying() for why a child that is born at the
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
	if (member && sig == SIGKILL)
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
	}
}

static void walk(struct sup_group *group, u64 lineage,
		 const struct cred *cred, struct sup_kill *kill)
{
	struct sup_member *member = NULL;

	while ((member = sup_member_next(group, member))) {
		if (member->lineage &&
		    (!lineage || member->lineage->id == lineage))
			signal_member(member, cred, kill);
		cond_resched();
	}
}

/* True if sub is below group; with lineage, if it was made by that. */
static bool is_below(const struct sup_group *sub,
		     const struct sup_group *group, u64 lineage)
{
	for (; sub->parent; sub = sub->parent)
		if (sub->parent == group)
			return !lineage || sub->plineage->id == lineage;
	return false;
}

/* The whole subtree: what is not in the table any more has no members. */
static void walk_tree(struct sup_group *group, u64 lineage,
		      const struct cred *cred, struct sup_kill *kill)
{
	unsigned long id = group->id;
	struct sup_group *sub;

	walk(group, lineage, cred, kill);
	/* A subgroup is younger, and has the greater id. */
	while ((sub = sup_group_next(&id))) {
		if (is_below(sub, group, lineage)) {
			walk(sub, 0, cred, kill);
			/* What waits for adoption does so in vain now. */
			if (kill->sig == SIGKILL)
				sup_group_todo(sub, SUP_TODO_CLOSE);
		}
		sup_group_put(sub);
	}
}

/*
 * Marks what is there now; what the owner starts later is not meant. True if
 * one of the lineages that are meant has something alive.
 */
static bool mark_dying(struct sup_group *group, u64 id, bool mark)
{
	struct sup_lineage *lineage;
	bool found = false;

	spin_lock_bh(&group->lock);
	list_for_each_entry(lineage, &group->lineages, node) {
		if (id && lineage->id != id)
			continue;
		if (atomic_read(&lineage->live))
			found = true;
		if (mark)
			WRITE_ONCE(lineage->dying, true);
	}
	spin_unlock_bh(&group->lock);
	return found;
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
 * Signals the group with its subgroups, one lineage with the subgroups made by
 * it, or one member. -ESRCH if there is no such lineage or member, -EOPNOTSUPP
 * for a thread, -EPERM if there were processes, and none could be signalled.
 */
int sup_kill(struct sup_group *group, struct sup_kill *kill)
{
	const struct cred *cred = cred_of(group);
	int ret = 0;

	if (kill->member) {
		ret = kill_one(group, cred, kill);
	} else if (!mark_dying(group, kill->lineage, kill->sig == SIGKILL) &&
		   kill->lineage) {
		ret = -ESRCH;
	} else {
		/* Pairs with the barrier in the fork probe. */
		smp_mb();
		walk_tree(group, kill->lineage, cred, kill);
	}
	if (!ret && kill->refused && !kill->signalled)
		ret = -EPERM;
	put_cred(cred);
	return ret;
}

/* For a group without an owner: nothing may be born into it any more. */
void sup_kill_all(struct sup_group *group)
{
	struct sup_kill kill = { .sig = SIGKILL };
	const struct cred *cred = cred_of(group);

	WRITE_ONCE(group->dying, true);
	/* Pairs with the barrier in the fork probe. */
	smp_mb();
	walk_tree(group, 0, cred, &kill);
	put_cred(cred);
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
	return !ret;
}
