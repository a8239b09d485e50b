// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that change something. Each checks, calls, replies; and says in a
 * sentence what is wrong if it refuses.
 *
 * Three questions are asked of a request. May this user have groups at all?
 * Does the caller act for himself: has his process, with the credentials that
 * it has now, opened the socket? That is asked of who becomes an owner or adds
 * his own threads, because a socket can be handed to a setuid program as its
 * output. And is the caller the owner's process, on a socket opened with no
 * less than its rights? Here any socket of the process will do.
 */
#include "sup.h"

#include <linux/moduleparam.h>
#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/time_namespace.h>
#include <linux/user_namespace.h>
#include <net/sock.h>

#include "compat.h"
#include "netlink_gen.h"

static unsigned int unprivileged = 1;
module_param(unprivileged, uint, 0644);
MODULE_PARM_DESC(unprivileged,
		 "Who needs no CAP_SYS_ADMIN: 0 nobody, 1 users of the initial user namespace, 2 all (1)");

static unsigned int max_grace_ms = 3600000;
module_param(max_grace_ms, uint, 0644);
MODULE_PARM_DESC(max_grace_ms,
		 "Longest time that a group waits for adoption, ms (3600000)");

static int check_permitted(struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	unsigned int who = READ_ONCE(unprivileged);

	if (who >= 2 || (who == 1 && current_user_ns() == &init_user_ns) ||
	    netlink_ns_capable(skb, &init_user_ns, CAP_SYS_ADMIN))
		return 0;
	NL_SET_ERR_MSG(extack, "groups are not permitted to this user");
	return -EPERM;
}

/* A child, and a process after exec, have credentials of their own. */
int sup_nl_check_self(struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (NETLINK_CB(skb).sk->sk_socket->file->f_cred == current_cred())
		return 0;
	NL_SET_ERR_MSG(extack,
		       "socket was not opened by this process with its present credentials");
	return -EPERM;
}

/* True if nothing is gained by having this caller send on that socket. */
static bool no_more_than(const struct cred *caller, const struct cred *opener)
{
	return caller == opener ||
	       (uid_eq(caller->uid, opener->uid) &&
		uid_eq(caller->euid, opener->euid) &&
		uid_eq(caller->suid, opener->suid) &&
		caller->user_ns == opener->user_ns &&
		cap_issubset(caller->cap_effective, opener->cap_effective));
}

int sup_nl_check_owner(struct sup_group *group, struct sk_buff *skb,
		       struct netlink_ext_ack *extack)
{
	struct file *file = NETLINK_CB(skb).sk->sk_socket->file;
	bool owner;

	spin_lock_bh(&group->lock);
	owner = group->owner &&
		group->owner->task->signal == current->signal;
	spin_unlock_bh(&group->lock);
	if (!owner) {
		NL_SET_ERR_MSG(extack, "caller does not own the group");
		return -EPERM;
	}
	if (!no_more_than(current_cred(), file->f_cred)) {
		NL_SET_ERR_MSG(extack,
			       "socket was opened with fewer rights than the caller has");
		return -EPERM;
	}
	return 0;
}

/* Looks up the group that an attribute names, with a reference. */
int sup_nl_group(struct genl_info *info, struct nlattr *attr,
		 struct sup_group **ret_group)
{
	if (!attr) {
		GENL_SET_ERR_MSG(info, "group is missing");
		return -EINVAL;
	}
	*ret_group = sup_group_lookup(genl_info_net(info), nla_get_u64(attr));
	if (*ret_group)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, attr, "no such group");
	return -ENOENT;
}

int sup_nl_own_group(struct sk_buff *skb, struct genl_info *info,
		     struct nlattr *attr, struct sup_group **ret_group)
{
	struct sup_group *group;
	int ret;

	ret = sup_nl_group(info, attr, &group);
	if (ret)
		return ret;
	ret = sup_nl_check_owner(group, skb, info->extack);
	if (ret)
		sup_group_put(group);
	else
		*ret_group = group;
	return ret;
}

struct sk_buff *sup_nl_reply_new(struct genl_info *info, u8 cmd,
				 void **ret_header)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!skb)
		return NULL;
	*ret_header = genlmsg_put_reply(skb, info, &sup_family, 0, cmd);
	if (*ret_header)
		return skb;
	nlmsg_free(skb);
	return NULL;
}

int sup_nl_reply_send(struct sk_buff *skb, struct genl_info *info,
		      void *header, bool full)
{
	if (full) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);
}

static bool put_u64(struct sk_buff *skb, int type, u64 value)
{
	return !nla_put_u64_64bit(skb, type, value, SUP_A_GROUP_PAD);
}

static bool put_owned(struct sk_buff *skb, struct sup_group *group)
{
	bool ret;

	spin_lock_bh(&group->lock);
	ret = put_u64(skb, SUP_A_GROUP_ID, group->id) &&
	      !nla_put(skb, SUP_A_GROUP_TOKEN, SUP_TOKEN_SIZE, group->token) &&
	      !nla_put_u32(skb, SUP_A_GROUP_FLAGS, group->flags) &&
	      !nla_put_u32(skb, SUP_A_GROUP_POLICY, group->policy) &&
	      !nla_put_u32(skb, SUP_A_GROUP_GRACE_MS, group->grace_ms) &&
	      !nla_put_u32(skb, SUP_A_GROUP_CREDIT, group->credit) &&
	      put_u64(skb, SUP_A_GROUP_PARENT,
		      group->parent ? group->parent->id : 0) &&
	      put_u64(skb, SUP_A_GROUP_PARENT_LINEAGE,
		      group->plineage ? group->plineage->id : 0);
	spin_unlock_bh(&group->lock);
	return ret;
}

static u32 get_u32(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static int parse_policy(struct genl_info *info, u8 *ret_policy, u32 *ret_grace)
{
	struct nlattr *grace = info->attrs[SUP_A_GROUP_GRACE_MS];
	u32 max = READ_ONCE(max_grace_ms);

	*ret_policy = get_u32(info->attrs[SUP_A_GROUP_POLICY]);
	*ret_grace = 0;
	if (*ret_policy == SUP_POLICY_RETAIN) {
		*ret_grace = grace ? nla_get_u32(grace) : max;
	} else if (grace) {
		NL_SET_ERR_MSG_ATTR(info->extack, grace,
				    "grace time is for policy retain");
		return -EINVAL;
	}
	if (*ret_grace > max) {
		NL_SET_ERR_MSG_ATTR(info->extack, grace,
				    "grace time is above the module's max_grace_ms");
		return -ERANGE;
	}
	return 0;
}

static void parse_owner(struct sk_buff *skb, struct genl_info *info,
			struct sup_owner_spec *spec)
{
	spec->sk = NETLINK_CB(skb).sk;
	spec->portid = info->snd_portid;
	spec->flags = get_u32(info->attrs[SUP_A_GROUP_FLAGS]);
	spec->credit = get_u32(info->attrs[SUP_A_GROUP_CREDIT]);
}

int sup_nl_group_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sup_owner_spec spec = {};
	struct sup_group *group;
	struct sk_buff *reply;
	void *header;
	u32 grace;
	u8 policy;
	int ret;

	ret = check_permitted(skb, info->extack) ?:
	      sup_nl_check_self(skb, info->extack) ?:
	      parse_policy(info, &policy, &grace);
	if (ret)
		return ret;
	parse_owner(skb, info, &spec);
	reply = sup_nl_reply_new(info, SUP_CMD_GROUP_NEW, &header);
	if (!reply)
		return -ENOMEM;
	ret = sup_group_new(policy, grace, &spec, info->extack, &group);
	if (ret) {
		nlmsg_free(reply);
		return ret;
	}
	ret = sup_nl_reply_send(reply, info, header, !put_owned(reply, group));
	/* A group of which nobody knows is nobody's. */
	if (ret)
		sup_group_end(group);
	sup_group_put(group);
	return ret;
}

int sup_nl_group_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[SUP_A_GROUP_ID];
	struct sup_group *group;
	int ret;

	ret = sup_nl_own_group(skb, info, attr, &group);
	if (ret)
		return ret;
	ret = sup_group_del(group,
			    nla_get_flag(info->attrs[SUP_A_GROUP_RELEASE]));
	if (ret)
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "group has living members");
	sup_group_put(group);
	return ret;
}

static int parse_kill(struct genl_info *info, struct sup_kill *kill)
{
	struct nlattr *lineage = info->attrs[SUP_A_GROUP_LINEAGE];
	struct nlattr *member = info->attrs[SUP_A_GROUP_MEMBER];

	if (!info->attrs[SUP_A_GROUP_SIGNAL]) {
		GENL_SET_ERR_MSG(info, "signal is missing");
		return -EINVAL;
	}
	if (lineage && member) {
		NL_SET_ERR_MSG_ATTR(info->extack, member,
				    "give a lineage or a member, not both");
		return -EINVAL;
	}
	kill->sig = nla_get_u32(info->attrs[SUP_A_GROUP_SIGNAL]);
	kill->lineage = lineage ? nla_get_u64(lineage) : 0;
	kill->member = member ? nla_get_u64(member) : 0;
	return 0;
}

static void explain_kill(struct genl_info *info, int error)
{
	switch (error) {
	case -ESRCH:
		GENL_SET_ERR_MSG(info, "no such lineage or member in the group");
		break;
	case -EOPNOTSUPP:
		GENL_SET_ERR_MSG(info,
				 "a thread cannot be signalled apart from its process");
		break;
	default:
		GENL_SET_ERR_MSG(info,
				 "the group's credentials do not permit to signal any of it");
	}
}

int sup_nl_group_kill_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sup_kill kill = {};
	struct sup_group *group;
	struct sk_buff *reply;
	void *header;
	int ret;

	ret = parse_kill(info, &kill) ?:
	      sup_nl_own_group(skb, info, info->attrs[SUP_A_GROUP_ID], &group);
	if (ret)
		return ret;
	reply = sup_nl_reply_new(info, SUP_CMD_GROUP_KILL, &header);
	ret = -ENOMEM;
	if (!reply)
		goto put_group;
	ret = sup_kill(group, &kill);
	if (ret) {
		explain_kill(info, ret);
		nlmsg_free(reply);
		goto put_group;
	}
	ret = sup_nl_reply_send(reply, info, header,
				nla_put_u32(reply, SUP_A_GROUP_SIGNALLED,
				     kill.signalled) ||
			 nla_put_u32(reply, SUP_A_GROUP_REFUSED,
				     kill.refused));
put_group:
	sup_group_put(group);
	return ret;
}

/* A member, of a subgroup too, cannot come to own what owns it. */
static bool is_member_below(const struct sup_group *group)
{
	const struct sup_group *of = NULL;
	struct sup_member *member;

	rcu_read_lock();
	member = sup_member_of(current->signal, SUP_KEY_PROCESS);
	if (member)
		of = member->group;
	for (; of && of != group; of = of->parent)
		;
	rcu_read_unlock();
	return of;
}

/* The group's user namespace; its credentials may be exchanged meanwhile. */
static bool may_adopt_any(struct sk_buff *skb, struct sup_group *group)
{
	const struct cred *cred;
	bool ret;

	spin_lock_bh(&group->lock);
	cred = get_cred(group->cred);
	spin_unlock_bh(&group->lock);
	ret = netlink_ns_capable(skb, cred->user_ns, CAP_KILL);
	put_cred(cred);
	return ret;
}

int sup_nl_group_adopt_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *token = info->attrs[SUP_A_GROUP_TOKEN];
	struct sup_owner_spec spec = {};
	struct sup_group *group;
	struct sk_buff *reply;
	void *header;
	int ret;

	ret = check_permitted(skb, info->extack) ?:
	      sup_nl_check_self(skb, info->extack) ?:
	      sup_nl_group(info, info->attrs[SUP_A_GROUP_ID], &group);
	if (ret)
		return ret;
	reply = sup_nl_reply_new(info, SUP_CMD_GROUP_ADOPT, &header);
	ret = -ENOMEM;
	if (!reply)
		goto put_group;
	ret = -EPERM;
	if (is_member_below(group)) {
		GENL_SET_ERR_MSG(info, "a member cannot adopt its group");
		goto free_reply;
	}
	parse_owner(skb, info, &spec);
	if (token)
		spec.token = nla_data(token);
	else
		spec.privileged = may_adopt_any(skb, group);
	/* Whoever waited for the former owner need not wait for the work. */
	sup_owner_orphan(group);
	ret = sup_owner_take(group, &spec, info->extack);
	if (ret)
		goto free_reply;
	ret = sup_nl_reply_send(reply, info, header, !put_owned(reply, group));
	sup_deliver(group, GFP_KERNEL);
	goto put_group;

free_reply:
	nlmsg_free(reply);
put_group:
	sup_group_put(group);
	return ret;
}

int sup_nl_record_ack_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *seq = info->attrs[SUP_A_BATCH_SEQ];
	struct sup_group *group;
	int ret;

	if (!seq) {
		GENL_SET_ERR_MSG(info, "seq is missing");
		return -EINVAL;
	}
	ret = sup_nl_own_group(skb, info, info->attrs[SUP_A_BATCH_GROUP],
			       &group);
	if (ret)
		return ret;
	ret = sup_record_ack(group, nla_get_u64(seq));
	if (ret)
		NL_SET_ERR_MSG_ATTR(info->extack, seq,
				    "no record has this seq yet");
	sup_deliver(group, GFP_KERNEL);
	sup_group_put(group);
	return ret;
}

struct genl_family sup_family __ro_after_init = {
	.name		= SUP_FAMILY_NAME,
	.version	= SUP_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= sup_nl_ops,
	.n_ops		= ARRAY_SIZE(sup_nl_ops),
	.resv_start_op	= SUP_CMD_GROUP_NEW,
};
