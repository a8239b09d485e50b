// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each user has in use: groups, living members, records. A record counts
 * from the birth of its member, for which it is reserved, until it is
 * acknowledged. The counters are changed under the lock of the group that they
 * are charged for, so that adoption can move them as a whole; the limits may
 * be overrun by what several groups charge in the same moment.
 */
#include "sup.h"

#include <linux/hashtable.h>
#include <linux/moduleparam.h>

static unsigned int max_groups = 1024;
module_param(max_groups, uint, 0644);
MODULE_PARM_DESC(max_groups, "Groups that a user may have (1024)");

static unsigned int max_members = 16384;
module_param(max_members, uint, 0644);
MODULE_PARM_DESC(max_members, "Living members that a user may have (16384)");

static unsigned int max_records = 65536;
module_param(max_records, uint, 0644);
MODULE_PARM_DESC(max_records,
		 "Members and unacknowledged records of a user (65536)");

static DEFINE_HASHTABLE(users, 6);
static DEFINE_SPINLOCK(users_lock);

static struct sup_user *find_locked(kuid_t uid)
{
	struct sup_user *user;

	lockdep_assert_held(&users_lock);
	hash_for_each_possible(users, user, node, __kuid_val(uid))
		if (uid_eq(user->uid, uid))
			return user;
	return NULL;
}

/* Returns a reference, or NULL without memory. */
struct sup_user *sup_user_get(kuid_t uid)
{
	struct sup_user *user, *fresh;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT);
	if (!fresh)
		return NULL;
	fresh->uid = uid;
	spin_lock_bh(&users_lock);
	user = find_locked(uid);
	if (user) {
		user->refs++;
	} else {
		user = fresh;
		fresh = NULL;
		user->refs = 1;
		hash_add(users, &user->node, __kuid_val(uid));
	}
	spin_unlock_bh(&users_lock);
	kfree(fresh);
	return user;
}

void sup_user_put(struct sup_user *user)
{
	spin_lock_bh(&users_lock);
	if (--user->refs)
		user = NULL;
	else
		hash_del(&user->node);
	spin_unlock_bh(&users_lock);
	kfree(user);
}

static bool add(atomic_t *used, unsigned int n, unsigned int max)
{
	if ((unsigned int)atomic_add_return(n, used) <= max)
		return true;
	atomic_sub(n, used);
	return false;
}

bool sup_user_charge_group(struct sup_user *user)
{
	return add(&user->groups, 1, READ_ONCE(max_groups));
}

/* Charges a member and the record reserved for it. */
bool sup_user_charge_member(struct sup_user *user)
{
	if (!add(&user->members, 1, READ_ONCE(max_members)))
		return false;
	if (add(&user->records, 1, READ_ONCE(max_records)))
		return true;
	atomic_dec(&user->members);
	return false;
}

void sup_user_uncharge_member(struct sup_user *user)
{
	atomic_dec(&user->members);
	atomic_dec(&user->records);
}

/*
 * Moves what a group has in use from one user to another; false, and nothing
 * is moved, if the other would be above a limit.
 */
bool sup_user_move(struct sup_user *from, struct sup_user *to,
		   unsigned int members, unsigned int records)
{
	if (from == to)
		return true;
	if (!sup_user_charge_group(to))
		return false;
	if (!add(&to->members, members, READ_ONCE(max_members)))
		goto undo_group;
	if (!add(&to->records, records, READ_ONCE(max_records)))
		goto undo_members;
	atomic_dec(&from->groups);
	atomic_sub(members, &from->members);
	atomic_sub(records, &from->records);
	return true;

undo_members:
	atomic_sub(members, &to->members);
undo_group:
	atomic_dec(&to->groups);
	return false;
}
