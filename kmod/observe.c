// SPDX-License-Identifier: GPL-2.0-only
/*
 * Observers of a group: sockets that get copies of what is told, and hold up
 * nobody. One is in the list of its group, and in the table under its socket,
 * until that is closed, the group ends, or belongs to another user.
 */
#include "sup.h"

#include <linux/moduleparam.h>
#include <linux/rculist.h>
#include <net/sock.h>

static unsigned int max_observers = 16;
module_param(max_observers, uint, 0644);
MODULE_PARM_DESC(max_observers, "Observers that a group may have (16)");

static void free_rcu(struct rcu_head *rcu)
{
	struct sup_observer *observer = container_of(rcu, struct sup_observer,
						     rcu);

	/* Readers have used the socket until now. */
	sock_put(observer->sk);
	kfree(observer);
}

/* Which informative kinds anybody wants, so that others cost nothing. */
void sup_observers_watch_locked(struct sup_group *group)
{
	struct sup_observer *observer;
	u32 events = group->owner ? group->events : 0;

	lockdep_assert_held(&group->lock);
	list_for_each_entry(observer, &group->observers, node)
		events |= observer->events;
	WRITE_ONCE(group->watched, events);
}

static void drop_locked(struct sup_group *group, struct sup_observer *observer)
{
	sup_key_del(&observer->key);
	list_del_rcu(&observer->node);
	group->n_observers--;
	call_rcu(&observer->rcu, free_rcu);
}

void sup_observers_drop_locked(struct sup_group *group)
{
	struct sup_observer *observer, *next;

	lockdep_assert_held(&group->lock);
	list_for_each_entry_safe(observer, next, &group->observers, node)
		drop_locked(group, observer);
	sup_observers_watch_locked(group);
}

void sup_observers_drop(struct sup_group *group)
{
	spin_lock_bh(&group->lock);
	sup_observers_drop_locked(group);
	spin_unlock_bh(&group->lock);
}

static struct sup_observer *find_locked(struct sup_group *group,
					const struct sock *sk)
{
	struct sup_observer *observer;

	list_for_each_entry(observer, &group->observers, node)
		if (observer->sk == sk)
			return observer;
	return NULL;
}

static int add_locked(struct sup_group *group, const struct cred *cred,
		      struct sup_observer *observer)
{
	struct sup_observer *old = find_locked(group, observer->sk);

	if (group->ended)
		return -ENOENT;
	if (group->cred != cred)
		return -EAGAIN;
	if (old) {
		WRITE_ONCE(old->events, observer->events);
		return -EEXIST;
	}
	if (group->n_observers >= READ_ONCE(max_observers))
		return -EDQUOT;
	sock_hold(observer->sk);
	sup_key_add(&observer->key, false);
	list_add_tail_rcu(&observer->node, &group->observers);
	group->n_observers++;
	return 0;
}

/*
 * The caller may see the group with these credentials, and the socket is its
 * own. -EAGAIN if the group has others by now.
 */
int sup_observe(struct sup_group *group, const struct cred *cred,
		struct sock *sk, u32 portid, u32 events,
		struct netlink_ext_ack *extack)
{
	struct sup_observer *observer;
	int ret;

	observer = kzalloc(sizeof(*observer), GFP_KERNEL_ACCOUNT);
	if (!observer)
		return -ENOMEM;
	observer->key.key = sup_socket_key(sock_net(sk), portid);
	observer->key.type = SUP_KEY_OBSERVER;
	observer->group = group;
	observer->sk = sk;
	observer->events = events;
	spin_lock_bh(&group->lock);
	ret = add_locked(group, cred, observer);
	sup_observers_watch_locked(group);
	spin_unlock_bh(&group->lock);
	if (!ret)
		return 0;
	kfree(observer);
	if (ret == -EDQUOT)
		NL_SET_ERR_MSG(extack, "group has max_observers observers");
	if (ret == -ENOENT)
		NL_SET_ERR_MSG(extack, "group has ended");
	return ret == -EEXIST ? 0 : ret;
}

static void drop_closed(struct sup_group *group)
{
	struct sup_observer *observer, *next;

	spin_lock_bh(&group->lock);
	list_for_each_entry_safe(observer, next, &group->observers, node)
		if (sock_flag(observer->sk, SOCK_DEAD))
			drop_locked(group, observer);
	sup_observers_watch_locked(group);
	spin_unlock_bh(&group->lock);
}

/* A socket with this port id is closed; it may be another one by now. */
void sup_observer_closed(const struct net *net, u32 portid)
{
	const void *where = sup_socket_key(net, portid);
	struct sup_observer *observer;
	struct sup_key *key = NULL;

	rcu_read_lock();
	while ((key = sup_key_next(key, where, SUP_KEY_OBSERVER))) {
		observer = container_of(key, struct sup_observer, key);
		drop_closed(observer->group);
	}
	rcu_read_unlock();
}
