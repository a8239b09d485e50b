// SPDX-License-Identifier: GPL-2.0-only
/* Requests that show groups and records. */
#include "sup.h"

#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>
#include <net/sock.h>

#include "compat.h"
#include "netlink_gen.h"

/*
 * To the group's user, and to who has power over its user namespace. Returns
 * the credentials by which that was judged, with a reference, or -EPERM.
 */
const struct cred *sup_nl_visible_cred(struct sup_group *group,
				       struct sk_buff *skb,
				       struct netlink_ext_ack *extack)
{
	const struct cred *opener = NETLINK_CB(skb).sk->sk_socket->file->f_cred;
	const struct cred *cred;
	bool visible;

	spin_lock_bh(&group->lock);
	cred = get_cred(group->cred);
	spin_unlock_bh(&group->lock);
	visible = (uid_eq(cred->euid, current_euid()) &&
		   uid_eq(cred->euid, opener->euid)) ||
		  netlink_ns_capable(skb, cred->user_ns, CAP_SYS_ADMIN);
	if (visible)
		return cred;
	put_cred(cred);
	NL_SET_ERR_MSG(extack, "group belongs to another user");
	return ERR_PTR(-EPERM);
}

int sup_nl_check_visible(struct sup_group *group, struct sk_buff *skb,
			 struct netlink_ext_ack *extack)
{
	const struct cred *cred = sup_nl_visible_cred(group, skb, extack);

	if (IS_ERR(cred))
		return PTR_ERR(cred);
	put_cred(cred);
	return 0;
}

static bool put_u64(struct sk_buff *skb, int type, u64 value)
{
	return !nla_put_u64_64bit(skb, type, value, SUP_A_GROUP_PAD);
}

static bool put_counts_locked(struct sk_buff *skb, struct sup_group *group)
{
	return !nla_put_u32(skb, SUP_A_GROUP_PROCESSES, group->processes) &&
	       !nla_put_u32(skb, SUP_A_GROUP_THREADS, group->threads) &&
	       !nla_put_u32(skb, SUP_A_GROUP_SUBGROUPS,
			    atomic_read(&group->subgroups)) &&
	       !nla_put_u32(skb, SUP_A_GROUP_RECORDS,
			    min_t(u64, group->seq - group->acked, U32_MAX)) &&
	       put_u64(skb, SUP_A_GROUP_SEQ, group->seq) &&
	       put_u64(skb, SUP_A_GROUP_ACKED, group->acked) &&
	       !nla_put_u32(skb, SUP_A_GROUP_EVENTS, group->events) &&
	       !nla_put_u32(skb, SUP_A_GROUP_FATAL, group->fatal) &&
	       !nla_put_u32(skb, SUP_A_GROUP_STUCK_MS, group->stuck_ms) &&
	       !nla_put_u32(skb, SUP_A_GROUP_MAX_RECORDS,
			    group->max_records) &&
	       put_u64(skb, SUP_A_GROUP_LOST, group->lost) &&
	       !nla_put_u32(skb, SUP_A_GROUP_OBSERVERS, group->n_observers);
}

static bool put_group_locked(struct sk_buff *skb, struct sup_group *group)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	pid_t owner = 0;

	if (group->owner)
		owner = task_tgid_nr_ns(group->owner->task, ns);
	return put_u64(skb, SUP_A_GROUP_ID, group->id) &&
	       !nla_put_u32(skb, SUP_A_GROUP_FLAGS, group->flags) &&
	       !nla_put_u32(skb, SUP_A_GROUP_POLICY, group->policy) &&
	       !nla_put_u32(skb, SUP_A_GROUP_GRACE_MS, group->grace_ms) &&
	       !nla_put_u32(skb, SUP_A_GROUP_CREDIT, group->credit) &&
	       put_u64(skb, SUP_A_GROUP_PARENT,
		       group->parent ? group->parent->id : 0) &&
	       put_u64(skb, SUP_A_GROUP_PARENT_LINEAGE,
		       group->plineage ? group->plineage->id : 0) &&
	       !nla_put_u32(skb, SUP_A_GROUP_STATE, group->state) &&
	       !nla_put_u32(skb, SUP_A_GROUP_OWNER_PID, owner) &&
	       !nla_put_u32(skb, SUP_A_GROUP_OWNER_UID,
			    from_kuid_munged(current_user_ns(),
					     group->cred->euid)) &&
	       put_counts_locked(skb, group);
}

static bool put_group(struct sk_buff *skb, struct sup_group *group)
{
	bool ret;

	spin_lock_bh(&group->lock);
	ret = put_group_locked(skb, group);
	spin_unlock_bh(&group->lock);
	return ret;
}

int sup_nl_group_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sup_group *group;
	struct sk_buff *reply;
	void *header;
	int ret;

	ret = sup_nl_group(info, info->attrs[SUP_A_GROUP_ID], &group);
	if (ret)
		return ret;
	ret = sup_nl_check_visible(group, skb, info->extack);
	if (ret)
		goto put_group;
	reply = sup_nl_reply_new(info, SUP_CMD_GROUP_GET, &header);
	ret = -ENOMEM;
	if (reply)
		ret = sup_nl_reply_send(reply, info, header,
					!put_group(reply, group));
put_group:
	sup_group_put(group);
	return ret;
}

static void *dump_header(struct sk_buff *skb, struct netlink_callback *cb,
			 u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &sup_family, NLM_F_MULTI, cmd);
}

static bool dump_group(struct sk_buff *skb, struct netlink_callback *cb,
		       struct sup_group *group)
{
	void *header = dump_header(skb, cb, SUP_CMD_GROUP_GET);

	if (!header)
		return false;
	if (!put_group(skb, group)) {
		genlmsg_cancel(skb, header);
		return false;
	}
	genlmsg_end(skb, header);
	return true;
}

/* The cursor, in args[0], is the id of the last group. */
int sup_nl_group_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct net *net = sock_net(cb->skb->sk);
	u64 id = cb->args[0];
	struct sup_group *group;
	bool fits = true;

	while (fits && (group = sup_group_next(&id))) {
		if (sup_group_in(group, net) &&
		    !sup_nl_check_visible(group, cb->skb, NULL))
			fits = dump_group(skb, cb, group);
		if (fits)
			cb->args[0] = id;
		sup_group_put(group);
		cond_resched();
	}
	return skb->len;
}

/*
 * Puts a batch of records that follow *seq, and moves that. -EMSGSIZE without
 * room, -ENOENT if the caller is not the owner any more.
 */
static int put_batch(struct sk_buff *skb, struct sup_group *group, u64 *seq)
{
	u32 *pending = sup_batch_begin(skb, group->id);
	int ret = -ENOENT;

	if (!pending)
		return -EMSGSIZE;
	spin_lock_bh(&group->lock);
	if (sup_owner_is_caller_locked(group)) {
		*seq = sup_records_put_locked(skb, group,
					     max(*seq, group->acked));
		*pending = min_t(u64, group->seq - *seq, U32_MAX);
		ret = 0;
	}
	spin_unlock_bh(&group->lock);
	return ret;
}

int sup_nl_record_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sup_group *group;
	struct sk_buff *reply;
	void *header;
	u64 seq = 0;
	int ret;

	ret = sup_nl_own_group(skb, info, info->attrs[SUP_A_BATCH_GROUP],
			       &group);
	if (ret)
		return ret;
	reply = sup_nl_reply_new(info, SUP_CMD_RECORD_GET, &header);
	ret = -ENOMEM;
	if (!reply)
		goto put_group;
	ret = put_batch(reply, group, &seq);
	if (!ret) {
		ret = sup_nl_reply_send(reply, info, header, false);
	} else {
		nlmsg_free(reply);
		if (ret == -ENOENT)
			sup_nl_explain_lost(info->extack);
	}
put_group:
	sup_group_put(group);
	return ret;
}

/* The cursor, in args[0], is the seq of the last record. */
static void dump_records(struct sk_buff *skb, struct netlink_callback *cb,
			 struct sup_group *group)
{
	u64 seq = cb->args[0];
	void *header;

	header = dump_header(skb, cb, SUP_CMD_RECORD_GET);
	if (!header)
		return;
	if (put_batch(skb, group, &seq) || seq == cb->args[0]) {
		genlmsg_cancel(skb, header);
		return;
	}
	cb->args[0] = seq;
	genlmsg_end(skb, header);
}

int sup_nl_record_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr *attr = sup_dump_attrs(cb)[SUP_A_BATCH_GROUP];
	struct sup_group *group;
	int ret;

	if (!attr) {
		NL_SET_ERR_MSG(cb->extack, "group is missing");
		return -EINVAL;
	}
	group = sup_group_lookup(sock_net(cb->skb->sk), nla_get_u64(attr));
	if (!group) {
		NL_SET_ERR_MSG(cb->extack, "no such group");
		return -ENOENT;
	}
	ret = sup_nl_check_owner(group, cb->skb, cb->extack);
	if (!ret)
		dump_records(skb, cb, group);
	sup_group_put(group);
	return ret ?: skb->len;
}
