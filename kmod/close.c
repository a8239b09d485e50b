// SPDX-License-Identifier: GPL-2.0-only
/*
 * Closing: what becomes of a group that nobody has any more, nor will have. It
 * forgets its records, tells nothing, is killed or not, and ends with the last
 * of its processes: so nothing that is in a group gets out of it, nor of those
 * above.
 */
#include "sup.h"

/*
 * Kills what nobody will adopt, in a group that is marked as closing. What may
 * not be killed stays a member, and the group stays until that has ended by
 * itself.
 */
void sup_close(struct sup_group *group)
{
	bool empty;

	sup_group_cancel(group, &group->grace);
	sup_record_purge(group);
	sup_kill_all(group);
	sup_member_release_all(group, true);
	spin_lock_bh(&group->lock);
	empty = !group->processes;
	spin_unlock_bh(&group->lock);
	if (empty)
		sup_group_end(group);
}

/* Closes what is retained, or of that only what has been for its time. */
static void close_retained(struct sup_group *group, bool expired_only)
{
	bool close;

	spin_lock_bh(&group->lock);
	close = !group->ended && group->state == SUP_GROUP_STATE_RETAINED &&
		(!expired_only || time_after_eq(jiffies, group->deadline));
	if (close)
		group->state = SUP_GROUP_STATE_CLOSING;
	spin_unlock_bh(&group->lock);
	if (close)
		sup_close(group);
}

/* Nobody can adopt it any more. May sleep. */
void sup_close_retained(struct sup_group *group)
{
	close_retained(group, false);
}

/* The grace time is over, unless another has begun. May sleep. */
void sup_close_expired(struct sup_group *group)
{
	close_retained(group, true);
}

/*
 * Nobody has the group any more, and all that is in it is killed; it ends with
 * the last of its processes, so that nothing is born out of it. May sleep.
 */
void sup_close_drained(struct sup_group *group)
{
	struct sup_owner *owner = NULL;

	spin_lock_bh(&group->lock);
	if (group->ended) {
		spin_unlock_bh(&group->lock);
		return;
	}
	if (group->owner)
		owner = sup_owner_disown_locked(group, 0);
	group->state = SUP_GROUP_STATE_CLOSING;
	spin_unlock_bh(&group->lock);
	if (owner)
		sup_owner_free(owner);
	sup_template_drop_all(group);
	sup_close(group);
}

/*
 * The owner, who is the caller, gives up a group that is below another one. Its
 * processes live on: members without an owner of their own, they stay in what
 * is above, which counts them, and kills them. It ends with the last of them,
 * or with what is above. May sleep.
 */
void sup_close_released(struct sup_group *group)
	__releases(&group->lock)
{
	struct sup_owner *owner = sup_owner_disown_locked(group, 0);
	bool empty;

	group->state = SUP_GROUP_STATE_CLOSING;
	WRITE_ONCE(group->fatal, 0);
	spin_unlock_bh(&group->lock);
	sup_owner_free(owner);
	sup_template_drop_all(group);
	sup_observers_drop(group);
	sup_record_purge(group);
	sup_member_release_all(group, true);
	spin_lock_bh(&group->lock);
	WRITE_ONCE(group->let_go, true);
	empty = !group->processes;
	spin_unlock_bh(&group->lock);
	/* Pairs with the barrier in end_let_go(). */
	smp_mb();
	if (empty || !sup_group_is_nested(group))
		sup_group_end(group);
}
