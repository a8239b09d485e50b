// SPDX-License-Identifier: GPL-2.0-only
/*
 * Owners: taking a group, losing it, and what becomes of it then.
 *
 *	 group-new           owner lost, policy retain; handed over
 *	-----------> owned ---------------------------> retained
 *	               |   <---------------------------     |
 *	               |             group-adopt            | grace time over,
 *	   owner lost, |                                    | or end of the net
 *	   policy kill |                                    | namespace
 *	               '----------> closing <---------------'
 *
 * A group of which an ancestor was killed is not retained, whatever its policy.
 * What closing is stands in close.c.
 *
 * The owner is a process and a socket. The death of the process comes from the
 * exit probe, the closing of the socket from a notifier, and either is only a
 * hint: the work that follows looks whether the present owner is gone, so that
 * a hint that comes late cannot hit an adopter.
 */
#include "sup.h"

#include <linux/netlink.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "compat.h"

#define DEFAULT_CREDIT	65536

/*
 * Held while a process becomes an owner, and while one becomes a member because
 * it is asked for: each looks what the process is already.
 */
DEFINE_MUTEX(sup_owner_mutex);

static struct sup_owner *owner_new(const struct sup_owner_spec *spec)
{
	struct sup_owner *owner = kzalloc(sizeof(*owner), GFP_KERNEL_ACCOUNT);

	if (!owner)
		return NULL;
	owner->process_key.key = current->signal;
	owner->process_key.type = SUP_KEY_OWNER;
	owner->socket_key.key = sup_socket_key(sock_net(spec->sk),
					       spec->portid);
	owner->socket_key.type = SUP_KEY_SOCKET;
	owner->flags = spec->flags;
	strscpy_pad(owner->exec_name, current->group_leader->comm,
		    TASK_COMM_LEN);
	owner->task = get_task_struct(current);
	owner->sk = spec->sk;
	sock_hold(owner->sk);
	return owner;
}

/* Whoever took it off its group. */
void sup_owner_free(struct sup_owner *owner)
{
	sup_key_del(&owner->process_key);
	sup_key_del(&owner->socket_key);
	/* The keys were gone from the table before what they stand for. */
	put_task_struct(owner->task);
	sock_put(owner->sk);
	kfree_rcu(owner, rcu);
}

/* The rights by which a group acts; they stay when the owner is gone. */
struct rights {
	const struct cred *cred;
	struct pid_namespace *pidns;
	struct sup_user *user;
};

static int rights_get(struct rights *rights)
{
	rights->user = sup_user_get(current_euid());
	if (!rights->user)
		return -ENOMEM;
	rights->cred = get_current_cred();
	rights->pidns = get_pid_ns(task_active_pid_ns(current));
	return 0;
}

static void rights_put(struct rights *rights)
{
	if (rights->pidns)
		put_pid_ns(rights->pidns);
	if (rights->cred)
		put_cred(rights->cred);
	if (rights->user)
		sup_user_put(rights->user);
}

static bool charge_locked(struct sup_group *group, struct sup_user *user)
{
	/* A template has taken the quota of a member, and of its record. */
	u32 members = group->processes + group->threads + group->n_templates;

	if (!group->user)
		return sup_user_charge_group(user);
	return sup_user_move(group->user, user, members,
			     members + group->exits);
}

static u32 default_credit(const struct sock *sk)
{
	return min_t(u32, READ_ONCE(sk->sk_rcvbuf) / 2, DEFAULT_CREDIT);
}

/* In a time that does not depend on where the difference is. */
static bool token_fits(const u8 *token, const u8 *other)
{
	u8 diff = 0;
	int i;

	for (i = 0; i < SUP_TOKEN_SIZE; i++)
		diff |= token[i] ^ other[i];
	return !diff;
}

static int check_adoption_locked(struct sup_group *group,
				 const struct sup_owner_spec *spec,
				 struct netlink_ext_ack *extack)
{
	if (!spec->power && !spec->token) {
		NL_SET_ERR_MSG(extack, "adoption needs the token or CAP_KILL");
		return -EPERM;
	}
	if (spec->token && !token_fits(group->token, spec->token)) {
		NL_SET_ERR_MSG(extack, "token is not the group's");
		return -EACCES;
	}
	/* It was judged by what another owner has replaced since. */
	if (!spec->token && spec->power != group->cred)
		return -EAGAIN;
	if (group->ended || group->state != SUP_GROUP_STATE_RETAINED) {
		NL_SET_ERR_MSG(extack, "group does not wait for adoption");
		return -EBUSY;
	}
	if (spec->flags & SUP_GROUP_FLAG_INHERIT_CHILDREN &&
	    sup_group_is_over(group, NULL)) {
		NL_SET_ERR_MSG(extack,
			       "the lineage that made the group is over: no process can join");
		return -ESTALE;
	}
	if (group->fatal && spec->flags & SUP_THREAD_FLAGS) {
		NL_SET_ERR_MSG(extack,
			       "a group with a fatal set has no thread members");
		return -EINVAL;
	}
	return 0;
}

/*
 * Numbers of processes that were taken in the former owner's pid namespace
 * mean nothing in another, or somebody else.
 */
static void forget_pids_locked(struct sup_group *group)
{
	struct sup_record *record;
	struct sup_exit *exit;

	WRITE_ONCE(group->ns, group->ns + 1);
	list_for_each_entry(record, &group->records, node) {
		if (record->kind != SUP_RECORD_KIND_EXIT)
			continue;
		exit = container_of(record, struct sup_exit, record);
		exit->pid = 0;
		exit->sender_pid = 0;
		/* Or, in the same place, the last thread's. */
		exit->tgid = 0;
	}
	group->owner_lost.pid = 0;
	group->owner_pid = 0;
}

/* Observers were judged by the rights of the former owner. */
static bool is_other_user(const struct cred *cred, const struct cred *former)
{
	return !uid_eq(cred->euid, former->euid) ||
	       cred->user_ns != former->user_ns;
}

/* Exchanges the group's rights for the new ones. */
static int install_locked(struct sup_group *group, struct sup_owner *owner,
			  struct rights *rights,
			  const struct sup_owner_spec *spec,
			  struct netlink_ext_ack *extack)
{
	int ret = 0;

	if (group->user)
		ret = check_adoption_locked(group, spec, extack);
	if (ret)
		return ret;
	if (!charge_locked(group, rights->user)) {
		NL_SET_ERR_MSG(extack, "user is at a limit of the module");
		return -EDQUOT;
	}
	if (group->pidns && group->pidns != rights->pidns)
		forget_pids_locked(group);
	if (group->cred && is_other_user(rights->cred, group->cred))
		sup_observers_drop_locked(group);
	swap(group->cred, rights->cred);
	swap(group->pidns, rights->pidns);
	swap(group->user, rights->user);
	/* Under the lock: the next loss of the owner sets it anew. */
	sup_group_cancel(group, &group->grace);
	group->state = SUP_GROUP_STATE_OWNED;
	group->flags = owner->flags;
	group->events = spec->events;
	group->owner_pid = task_tgid_nr_ns(current, group->pidns);
	group->credit = spec->credit ?: default_credit(owner->sk);
	get_random_bytes(group->token, sizeof(group->token));
	owner->group = group;
	group->owner = owner;
	sup_observers_watch_locked(group);
	sup_key_add(&owner->socket_key, false);
	sup_key_add(&owner->process_key, false);
	return 0;
}

static bool inherits_already(u32 flags)
{
	bool ret;

	flags &= SUP_GROUP_FLAG_INHERIT_THREADS |
		 SUP_GROUP_FLAG_INHERIT_CHILDREN;
	rcu_read_lock();
	ret = sup_inheriting(current->signal, flags);
	rcu_read_unlock();
	return ret;
}

/*
 * True if the calling process is a member, and the group is not below that
 * group. Who is a member has children born only below its own: so it cannot
 * come to own what owns it, and nothing of it escapes. Under sup_owner_mutex,
 * it becomes no member meanwhile.
 */
bool sup_owner_is_apart(const struct sup_group *group)
{
	const struct sup_group *above = group->parent;
	struct sup_member *member;
	bool ret;

	rcu_read_lock();
	member = sup_member_of(current->signal, SUP_KEY_PROCESS);
	while (member && above && above != member->group)
		above = above->parent;
	ret = member && !above;
	rcu_read_unlock();
	return ret;
}

/*
 * Makes the calling process and the socket the owner of a group that never had
 * one, or that is retained. What is born to the process from then on joins.
 * -EAGAIN if what it was judged by, or its parent, is not the present one.
 */
int sup_owner_take(struct sup_group *group, const struct sup_owner_spec *spec,
		   struct netlink_ext_ack *extack)
{
	struct rights rights = {};
	struct sup_owner *owner;
	int ret = -ENOMEM;

	owner = owner_new(spec);
	if (!owner)
		return ret;
	ret = rights_get(&rights);
	if (ret)
		goto free_owner;
	mutex_lock(&sup_owner_mutex);
	if (!group->user && sup_owner_is_apart(group)) {
		/* It was attached after the parent was looked for. */
		ret = -EAGAIN;
	} else if (sup_owner_is_apart(group)) {
		NL_SET_ERR_MSG(extack,
			       "a member adopts only groups below its own");
		ret = -EPERM;
	} else if (inherits_already(spec->flags)) {
		NL_SET_ERR_MSG(extack,
			       "process has a group that inherits this already");
		ret = -EEXIST;
	} else {
		spin_lock_bh(&group->lock);
		ret = install_locked(group, owner, &rights, spec, extack);
		spin_unlock_bh(&group->lock);
	}
	mutex_unlock(&sup_owner_mutex);
	rights_put(&rights);
	if (!ret)
		return 0;
free_owner:
	sup_owner_free(owner);
	return ret;
}

/* A hint, from the exit probe: RCU read side, no locks held. */
void sup_owner_exited(const struct signal_struct *sig)
{
	struct sup_owner *owner;
	struct sup_key *key = NULL;

	while ((key = sup_key_next(key, sig, SUP_KEY_OWNER))) {
		owner = container_of(key, struct sup_owner, process_key);
		sup_group_due(owner->group, SUP_DUE_ORPHAN);
	}
}

/* The process runs another program; RCU read side. */
void sup_owner_exec(const struct task_struct *task)
{
	struct sup_owner *owner;
	struct sup_key *key = NULL;

	while ((key = sup_key_next(key, task->signal, SUP_KEY_OWNER))) {
		owner = container_of(key, struct sup_owner, process_key);
		strscpy_pad(owner->exec_name, task->comm, TASK_COMM_LEN);
	}
}

/*
 * True if the calling process owns the group, now. A request has asked before
 * it began; it asks again in the step in which it acts.
 */
bool sup_owner_is_caller_locked(const struct sup_group *group)
{
	lockdep_assert_held(&group->lock);
	return group->owner && group->owner->task->signal == current->signal;
}

static bool owner_gone_locked(const struct sup_group *group)
{
	const struct sup_owner *owner = group->owner;

	return owner && (!atomic_read(&owner->task->signal->live) ||
			 sock_flag(owner->sk, SOCK_DEAD));
}

static u8 loss_locked(const struct sup_group *group)
{
	return atomic_read(&group->owner->task->signal->live) ?
	       SUP_OWNER_LOSS_SOCKET_CLOSED : SUP_OWNER_LOSS_PROCESS_ENDED;
}

/* Nothing that was sent to the former owner counts as sent. */
static void forget_sent_locked(struct sup_group *group)
{
	struct sup_record *record;

	list_for_each_entry(record, &group->records, node) {
		if (record->seq > group->sent)
			break;
		record->charge = 0;
	}
	group->outstanding = 0;
	group->sent = group->acked;
}

/* Takes the owner off the group, for the caller to free. */
struct sup_owner *sup_owner_disown_locked(struct sup_group *group, u8 cause)
{
	struct sup_owner *owner = group->owner;

	group->owner = NULL;
	group->lost_cause = cause;
	forget_sent_locked(group);
	sup_inform_disown_locked(group);
	sup_observers_watch_locked(group);
	return owner;
}

/*
 * A timer that was set before is set anew; if it has expired, and waits for the
 * lock, it compares with the deadline.
 */
static void start_grace_locked(struct sup_group *group, u32 grace_ms)
{
	unsigned long delay = msecs_to_jiffies(grace_ms);

	group->deadline = jiffies + delay;
	refcount_inc(&group->ref);
	/* Never the last: the caller has one. */
	if (mod_delayed_work(sup_wq, &group->grace, delay))
		sup_group_put(group);
}

/* Waits for an adopter, who is told of it. */
static void retain_locked(struct sup_group *group, u32 grace_ms)
{
	group->state = SUP_GROUP_STATE_RETAINED;
	group->lost_count++;
	start_grace_locked(group, grace_ms);
	sup_record_tell_locked(group);
}

/*
 * After retaining. An ancestor may have been killed meanwhile: who kills marks
 * it, then has closed what is retained; here it is retained, then the mark
 * looked at, with group->lock between in both.
 */
static void close_if_dying(struct sup_group *group)
{
	if (sup_group_dying(group, NULL))
		sup_close_retained(group);
}

/* The group lost its owner, if that is so. May sleep. */
void sup_owner_orphan(struct sup_group *group)
{
	bool retain = group->policy == SUP_POLICY_RETAIN &&
		      !sup_group_dying(group, NULL);
	struct sup_owner *owner;

	spin_lock_bh(&group->lock);
	if (group->ended || !owner_gone_locked(group)) {
		spin_unlock_bh(&group->lock);
		return;
	}
	owner = sup_owner_disown_locked(group, loss_locked(group));
	if (retain)
		retain_locked(group, group->grace_ms);
	else
		group->state = SUP_GROUP_STATE_CLOSING;
	spin_unlock_bh(&group->lock);
	sup_owner_free(owner);
	sup_template_drop_all(group);
	if (!retain) {
		sup_close(group);
		return;
	}
	sup_fatal(group, SUP_RECORD_KIND_OWNER_LOST);
	close_if_dying(group);
	sup_deliver(group, GFP_KERNEL);
}

/*
 * The owner, who is the caller, gives the group up for who presents the token
 * that is returned, within grace_ms. -ENOENT if it is the owner no more; -EBUSY
 * if an ancestor was killed, so that nobody could adopt it.
 */
int sup_owner_hand_over(struct sup_group *group, u32 grace_ms, u8 *token)
{
	struct sup_owner *owner = NULL;

	if (sup_group_dying(group, NULL))
		return -EBUSY;
	spin_lock_bh(&group->lock);
	if (sup_owner_is_caller_locked(group)) {
		owner = sup_owner_disown_locked(group,
						SUP_OWNER_LOSS_HANDED_OVER);
		get_random_bytes(group->token, sizeof(group->token));
		memcpy(token, group->token, sizeof(group->token));
		retain_locked(group, grace_ms);
	}
	spin_unlock_bh(&group->lock);
	if (!owner)
		return -ENOENT;
	sup_owner_free(owner);
	sup_template_drop_all(group);
	close_if_dying(group);
	sup_deliver(group, GFP_KERNEL);
	return 0;
}

static int netlink_event(struct notifier_block *nb, unsigned long event,
			 void *data)
{
	const struct netlink_notify *n = data;
	struct sup_owner *owner;
	struct sup_key *key = NULL;
	const void *where;

	if (event != NETLINK_URELEASE || n->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	sup_observer_closed(n->net, n->portid);
	where = sup_socket_key(n->net, n->portid);
	rcu_read_lock();
	while ((key = sup_key_next(key, where, SUP_KEY_SOCKET))) {
		/* It may be another socket: the work looks at the pinned. */
		owner = container_of(key, struct sup_owner, socket_key);
		sup_group_due(owner->group, SUP_DUE_ORPHAN);
	}
	rcu_read_unlock();
	return NOTIFY_DONE;
}

static struct notifier_block netlink_block = {
	.notifier_call = netlink_event,
};

/* The end of a network namespace ends what is retained in it. */
static void __net_exit net_exit(struct net *net)
{
	struct sup_group *group;
	u64 id = 0;

	while ((group = sup_group_next(&id))) {
		if (cmpxchg(&group->net, net, NULL) == net) {
			/* Its sockets are gone, so no group is owned. */
			sup_owner_orphan(group);
			sup_close_retained(group);
		}
		sup_group_put(group);
	}
}

static struct pernet_operations net_ops = {
	.exit = net_exit,
};

int sup_owner_init(void)
{
	int ret;

	ret = register_pernet_subsys(&net_ops);
	if (ret)
		return ret;
	ret = netlink_register_notifier(&netlink_block);
	if (ret)
		unregister_pernet_subsys(&net_ops);
	return ret;
}

void sup_owner_exit(void)
{
	netlink_unregister_notifier(&netlink_block);
	unregister_pernet_subsys(&net_ops);
}
