// SPDX-License-Identifier: GPL-2.0-only
/*
 * What may be lost: informative records, to the owner and to observers, and
 * copies of the other records for observers.
 *
 * Where something happens, a message is made and put into the outbox of the
 * group, under its lock, so its order is that of what it tells of. The one who
 * sends (notify.c) takes it out and gives it, with no lock held, to those who
 * asked for it and have room. Whatever is not told is counted for each of them.
 */
#include "sup.h"

#include <linux/pid_namespace.h>
#include <linux/rculist.h>
#include <net/sock.h>

#include "trace.h"

/* Messages in an outbox that may wait for the one who sends. */
#define MAX_OUTBOX	256

/* In skb->cb while the message is in the outbox. */
struct label {
	u8 kind;
	bool owner;
};

static struct label *label_of(struct sk_buff *skb)
{
	return (struct label *)skb->cb;
}

static void lose_locked(struct sup_group *group, u8 kind, bool owner)
{
	struct sup_observer *observer;

	trace_sup_drop(group, kind, owner);
	if (owner)
		group->lost++;
	list_for_each_entry(observer, &group->observers, node)
		if (sup_wants(observer->events, kind))
			atomic_inc(&observer->lost);
}

/* Header and what is the same for all; who sends exchanges cmd and lost. */
static struct sk_buff *message_new(struct sup_group *group, void **ret_header)
{
	struct sk_buff *skb = genlmsg_new(SUP_BATCH_ROOM + SUP_RECORD_ROOM,
					  GFP_ATOMIC | __GFP_NOWARN);

	if (!skb)
		return NULL;
	*ret_header = genlmsg_put(skb, 0, 0, &sup_family, 0,
				  SUP_CMD_OBSERVE_NTF);
	if (*ret_header &&
	    !nla_put_u64_64bit(skb, SUP_A_BATCH_GROUP, group->id,
			       SUP_A_BATCH_PAD) &&
	    !nla_put_u64_64bit(skb, SUP_A_BATCH_LOST, 0, SUP_A_BATCH_PAD))
		return skb;
	nlmsg_free(skb);
	return NULL;
}

static bool full_locked(const struct sup_group *group)
{
	return skb_queue_len(&group->outbox) >= MAX_OUTBOX;
}

static void post_locked(struct sup_group *group, struct sk_buff *skb,
			void *header, u8 kind, bool owner)
{
	genlmsg_end(skb, header);
	label_of(skb)->kind = kind;
	label_of(skb)->owner = owner;
	__skb_queue_tail(&group->outbox, skb);
}

/* What was meant for this owner is not for the next. */
void sup_inform_disown_locked(struct sup_group *group)
{
	struct sk_buff *skb;

	lockdep_assert_held(&group->lock);
	skb_queue_walk(&group->outbox, skb)
		label_of(skb)->owner = false;
}

/* A copy of a record, for observers. */
void sup_inform_copy_locked(struct sup_group *group,
			    const struct sup_record *record)
{
	struct sk_buff *skb = NULL;
	void *header;

	lockdep_assert_held(&group->lock);
	if (!full_locked(group))
		skb = message_new(group, &header);
	if (skb && sup_record_put_locked(skb, group, record)) {
		post_locked(group, skb, header, record->kind, false);
		return;
	}
	nlmsg_free(skb);
	lose_locked(group, record->kind, false);
}

static bool put_u64(struct sk_buff *skb, int type, u64 value)
{
	return !nla_put_u64_64bit(skb, type, value, SUP_A_RECORD_PAD);
}

static bool put_member(struct sk_buff *skb, const struct sup_member *member,
		       struct pid_namespace *ns)
{
	struct task_struct *task;
	char comm[TASK_COMM_LEN];
	pid_t pid = pid_nr_ns(member->pid, ns), tgid = pid;

	rcu_read_lock();
	task = pid_task(member->pid, PIDTYPE_PID) ?: member->task;
	strscpy_pad(comm, task->comm, sizeof(comm));
	if (!member->lineage)
		tgid = task_tgid_nr_ns(member->task, ns);
	rcu_read_unlock();
	return put_u64(skb, SUP_A_RECORD_MEMBER, member->id) &&
	       !nla_put_u32(skb, SUP_A_RECORD_MEMBER_KIND, member->kind) &&
	       put_u64(skb, SUP_A_RECORD_COOKIE, member->cookie) &&
	       put_u64(skb, SUP_A_RECORD_LINEAGE,
		       member->lineage ? member->lineage->id : 0) &&
	       !nla_put_u32(skb, SUP_A_RECORD_PID, pid) &&
	       !nla_put_u32(skb, SUP_A_RECORD_TGID, tgid) &&
	       !nla_put_string(skb, SUP_A_RECORD_COMM, comm);
}

static bool put_info(struct sk_buff *skb, const struct sup_info *info,
		     struct pid_namespace *ns)
{
	struct nlattr *nest = nla_nest_start(skb, SUP_A_BATCH_RECORD);

	if (!nest || nla_put_u32(skb, SUP_A_RECORD_KIND, info->kind) ||
	    !put_u64(skb, SUP_A_RECORD_TIME, ktime_get_ns()) ||
	    (info->member && !put_member(skb, info->member, ns)))
		return false;
	if ((info->kind == SUP_RECORD_KIND_FORK &&
	     !put_u64(skb, SUP_A_RECORD_PARENT, info->parent)) ||
	    (info->kind == SUP_RECORD_KIND_EXEC &&
	     nla_put_u32(skb, SUP_A_RECORD_OLD_TID, info->old_tid)) ||
	    (info->kind == SUP_RECORD_KIND_STUCK &&
	     nla_put_u32(skb, SUP_A_RECORD_STAGE, info->stage)))
		return false;
	nla_nest_end(skb, nest);
	return true;
}

static void inform_locked(struct sup_group *group, const struct sup_info *info)
{
	bool owner = group->owner && sup_wants(group->events, info->kind);
	struct sk_buff *skb = NULL;
	void *header;

	if (!sup_group_tells_locked(group) || (!owner && !group->n_observers))
		return;
	if (!full_locked(group))
		skb = message_new(group, &header);
	if (skb && put_info(skb, info, group->pidns)) {
		post_locked(group, skb, header, info->kind, owner);
		return;
	}
	nlmsg_free(skb);
	lose_locked(group, info->kind, owner);
}

void __sup_inform(struct sup_group *group, const struct sup_info *info)
{
	spin_lock_bh(&group->lock);
	inform_locked(group, info);
	spin_unlock_bh(&group->lock);
	sup_deliver(group, GFP_ATOMIC);
}

/* A copy with the receiver's own command and count; true if it was taken. */
static bool send_copy(struct sock *sk, struct sk_buff *skb, u8 cmd, u64 lost,
		      u32 spare)
{
	struct sk_buff *copy = skb_copy(skb, GFP_ATOMIC | __GFP_NOWARN);
	struct genlmsghdr *genl;
	struct nlattr *attr;

	if (!copy)
		return false;
	/* There netlink has the sender's port id, which is 0 for the kernel. */
	memset(copy->cb, 0, sizeof(copy->cb));
	genl = nlmsg_data(nlmsg_hdr(copy));
	genl->cmd = cmd;
	attr = nlmsg_find_attr(nlmsg_hdr(copy), GENL_HDRLEN, SUP_A_BATCH_LOST);
	if (attr)
		memcpy(nla_data(attr), &lost, sizeof(lost));
	if (!sup_send(sk, copy, spare))
		return true;
	nlmsg_free(copy);
	return false;
}

static void send_observers(struct sup_group *group, struct sk_buff *skb)
{
	u8 kind = label_of(skb)->kind;
	struct sup_observer *observer;

	rcu_read_lock();
	list_for_each_entry_rcu(observer, &group->observers, node) {
		if (!sup_wants(READ_ONCE(observer->events), kind) ||
		    send_copy(observer->sk, skb, SUP_CMD_OBSERVE_NTF,
			      atomic_read(&observer->lost), 0))
			continue;
		trace_sup_drop(group, kind, false);
		atomic_inc(&observer->lost);
	}
	rcu_read_unlock();
}

/* The credit that the owner has left is room for records that must come. */
static void send_owner(struct sup_group *group, struct sk_buff *skb,
		       struct sock *sk, u32 spare)
{
	if (send_copy(sk, skb, SUP_CMD_INFORM_NTF, READ_ONCE(group->lost),
		      spare))
		return;
	trace_sup_drop(group, label_of(skb)->kind, true);
	spin_lock_bh(&group->lock);
	group->lost++;
	spin_unlock_bh(&group->lock);
}

/* By the one who sends: the oldest message of the outbox; false if none. */
bool sup_inform_send(struct sup_group *group)
{
	struct sock *sk = NULL;
	struct sk_buff *skb;
	u32 spare = 0;

	if (skb_queue_empty_lockless(&group->outbox))
		return false;
	spin_lock_bh(&group->lock);
	skb = __skb_dequeue(&group->outbox);
	if (skb && label_of(skb)->owner && group->owner) {
		sk = group->owner->sk;
		sock_hold(sk);
		if (group->credit > group->outstanding)
			spare = group->credit - group->outstanding;
	}
	spin_unlock_bh(&group->lock);
	if (!skb)
		return false;
	if (sk) {
		send_owner(group, skb, sk, spare);
		sock_put(sk);
	}
	send_observers(group, skb);
	kfree_skb(skb);
	return true;
}
