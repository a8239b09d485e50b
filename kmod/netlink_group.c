// SPDX-License-Identifier: GPL-2.0-only
/* Requests about groups: to make, own, kill and end them. */
#include "sup.h"

#include <linux/moduleparam.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>
#include <net/sock.h>

#include "netlink_gen.h"

#define DEFAULT_STUCK_MS 10000

static unsigned int max_grace_ms = 3600000;
module_param(max_grace_ms, uint, 0644);
MODULE_PARM_DESC(max_grace_ms,
		 "Longest time that a group waits for adoption, ms (3600000)");

static unsigned int max_group_records = 32768;
module_param(max_group_records, uint, 0644);
MODULE_PARM_DESC(max_group_records,
		 "Members and unacknowledged records of a group (32768)");

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
		      group->plineage ? group->plineage->id : 0) &&
	      !nla_put_u32(skb, SUP_A_GROUP_EVENTS, group->events) &&
	      !nla_put_u32(skb, SUP_A_GROUP_FATAL, group->fatal) &&
	      !nla_put_u32(skb, SUP_A_GROUP_STUCK_MS, group->stuck_ms) &&
	      !nla_put_u32(skb, SUP_A_GROUP_MAX_RECORDS, group->max_records);
	spin_unlock_bh(&group->lock);
	return ret;
}

static u32 get_u32(const struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static int parse_grace(struct genl_info *info, u32 *ret_grace)
{
	struct nlattr *grace = info->attrs[SUP_A_GROUP_GRACE_MS];
	u32 max = READ_ONCE(max_grace_ms);

	*ret_grace = grace ? nla_get_u32(grace) : max;
	if (*ret_grace <= max)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, grace,
			    "grace time is above the module's max_grace_ms");
	return -ERANGE;
}

static int parse_records(struct genl_info *info, u32 *ret_records)
{
	struct nlattr *records = info->attrs[SUP_A_GROUP_MAX_RECORDS];
	u32 max = READ_ONCE(max_group_records);

	*ret_records = records ? nla_get_u32(records) : max;
	if (*ret_records <= max)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, records,
			    "max-records is above the module's max_group_records");
	return -ERANGE;
}

static int parse_spec(struct genl_info *info, struct sup_group_spec *spec)
{
	struct nlattr *grace = info->attrs[SUP_A_GROUP_GRACE_MS];
	struct nlattr *stuck = info->attrs[SUP_A_GROUP_STUCK_MS];
	struct nlattr *fatal = info->attrs[SUP_A_GROUP_FATAL];

	spec->policy = get_u32(info->attrs[SUP_A_GROUP_POLICY]);
	if (spec->policy != SUP_POLICY_RETAIN && grace) {
		NL_SET_ERR_MSG_ATTR(info->extack, grace,
				    "grace time is for policy retain");
		return -EINVAL;
	}
	spec->fatal = get_u32(fatal);
	if (spec->fatal &&
	    get_u32(info->attrs[SUP_A_GROUP_FLAGS]) & SUP_THREAD_FLAGS) {
		NL_SET_ERR_MSG_ATTR(info->extack, fatal,
				    "a group with a fatal set has no thread members");
		return -EINVAL;
	}
	spec->stuck_ms = stuck ? nla_get_u32(stuck) : DEFAULT_STUCK_MS;
	return parse_grace(info, &spec->grace_ms) ?:
	       parse_records(info, &spec->max_records);
}

static void parse_owner(struct sk_buff *skb, struct genl_info *info,
			struct sup_owner_spec *spec)
{
	spec->sk = NETLINK_CB(skb).sk;
	spec->portid = info->snd_portid;
	spec->flags = get_u32(info->attrs[SUP_A_GROUP_FLAGS]);
	spec->events = get_u32(info->attrs[SUP_A_GROUP_EVENTS]);
	spec->credit = get_u32(info->attrs[SUP_A_GROUP_CREDIT]);
}

int sup_nl_group_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sup_owner_spec owner = {};
	struct sup_group_spec spec = {};
	struct sup_group *group;
	struct sk_buff *answer;
	int ret;

	ret = sup_nl_check_permitted(skb, info->extack) ?:
	      sup_nl_check_self(skb, info->extack) ?:
	      parse_spec(info, &spec);
	if (ret)
		return ret;
	parse_owner(skb, info, &owner);
	answer = sup_nl_answer_new(skb, info, SUP_CMD_GROUP_NEW);
	if (IS_ERR(answer))
		return PTR_ERR(answer);
	ret = sup_group_new(&spec, &owner, info->extack, &group);
	if (ret) {
		nlmsg_free(answer);
		return ret;
	}
	sup_nl_answer_send(answer, !put_owned(answer, group));
	sup_group_put(group);
	return 0;
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
	if (ret == -EBUSY)
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "group has living members");
	else if (ret)
		sup_nl_explain_lost(info->extack);
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
	if (info->attrs[SUP_A_GROUP_ALONE] && (lineage || member)) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[SUP_A_GROUP_ALONE],
				    "alone is for the whole group");
		return -EINVAL;
	}
	kill->sig = nla_get_u32(info->attrs[SUP_A_GROUP_SIGNAL]);
	kill->alone = nla_get_flag(info->attrs[SUP_A_GROUP_ALONE]);
	kill->lineage = lineage ? nla_get_u64(lineage) : 0;
	kill->member = member ? nla_get_u64(member) : 0;
	return 0;
}

static void explain_kill(struct genl_info *info, int error)
{
	switch (error) {
	case -ENOENT:
		sup_nl_explain_lost(info->extack);
		break;
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
	struct sk_buff *answer;
	int ret;

	ret = parse_kill(info, &kill) ?:
	      sup_nl_own_group(skb, info, info->attrs[SUP_A_GROUP_ID], &group);
	if (ret)
		return ret;
	answer = sup_nl_answer_new(skb, info, SUP_CMD_GROUP_KILL);
	ret = PTR_ERR_OR_ZERO(answer);
	if (ret)
		goto put_group;
	ret = sup_kill(group, &kill);
	if (ret) {
		explain_kill(info, ret);
		nlmsg_free(answer);
		goto put_group;
	}
	sup_nl_answer_send(answer, nla_put_u32(answer, SUP_A_GROUP_SIGNALLED,
					       kill.signalled) ||
				   nla_put_u32(answer, SUP_A_GROUP_REFUSED,
					       kill.refused));
put_group:
	sup_group_put(group);
	return ret;
}

/*
 * Without a token: has the caller power in the group's user namespace? The
 * credentials may be exchanged meanwhile, so who adopts compares.
 */
static int adopt_by_power(struct sk_buff *skb, struct genl_info *info,
			  struct sup_group *group, struct sup_owner_spec *spec)
{
	const struct cred *cred;
	int ret;

	spin_lock_bh(&group->lock);
	cred = get_cred(group->cred);
	spin_unlock_bh(&group->lock);
	if (netlink_ns_capable(skb, cred->user_ns, CAP_KILL))
		spec->power = cred;
	ret = sup_owner_take(group, spec, info->extack);
	put_cred(cred);
	return ret;
}

static int adopt(struct sk_buff *skb, struct genl_info *info,
		 struct sup_group *group)
{
	struct nlattr *token = info->attrs[SUP_A_GROUP_TOKEN];
	struct sup_owner_spec spec = {};
	int ret;

	parse_owner(skb, info, &spec);
	/* Whoever waited for the former owner need not wait for the work. */
	sup_owner_orphan(group);
	if (token) {
		spec.token = nla_data(token);
		return sup_owner_take(group, &spec, info->extack);
	}
	do {
		spec.power = NULL;
		ret = adopt_by_power(skb, info, group, &spec);
	} while (ret == -EAGAIN);
	return ret;
}

int sup_nl_group_adopt_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sup_group *group;
	struct sk_buff *answer;
	int ret;

	ret = sup_nl_check_permitted(skb, info->extack) ?:
	      sup_nl_check_self(skb, info->extack) ?:
	      sup_nl_group(info, info->attrs[SUP_A_GROUP_ID], &group);
	if (ret)
		return ret;
	answer = sup_nl_answer_new(skb, info, SUP_CMD_GROUP_ADOPT);
	ret = PTR_ERR_OR_ZERO(answer);
	if (ret)
		goto put_group;
	ret = adopt(skb, info, group);
	if (ret) {
		nlmsg_free(answer);
		goto put_group;
	}
	sup_nl_answer_send(answer, !put_owned(answer, group));
	sup_deliver(group, GFP_KERNEL);
put_group:
	sup_group_put(group);
	return ret;
}

int sup_nl_group_hand_over_doit(struct sk_buff *skb, struct genl_info *info)
{
	u8 token[SUP_TOKEN_SIZE];
	struct sup_group *group;
	struct sk_buff *answer;
	u32 grace;
	int ret;

	ret = parse_grace(info, &grace) ?:
	      sup_nl_own_group(skb, info, info->attrs[SUP_A_GROUP_ID], &group);
	if (ret)
		return ret;
	answer = sup_nl_answer_new(skb, info, SUP_CMD_GROUP_HAND_OVER);
	ret = PTR_ERR_OR_ZERO(answer);
	if (ret)
		goto put_group;
	ret = sup_owner_hand_over(group, grace, token);
	if (ret) {
		if (ret == -EBUSY)
			GENL_SET_ERR_MSG(info, "group is being killed");
		else
			sup_nl_explain_lost(info->extack);
		nlmsg_free(answer);
		goto put_group;
	}
	sup_nl_answer_send(answer,
			   !put_u64(answer, SUP_A_GROUP_ID, group->id) ||
			   nla_put(answer, SUP_A_GROUP_TOKEN, sizeof(token),
				   token) ||
			   nla_put_u32(answer, SUP_A_GROUP_GRACE_MS, grace));
put_group:
	sup_group_put(group);
	return ret;
}

static int observe(struct sk_buff *skb, struct genl_info *info,
		   struct sup_group *group)
{
	const struct cred *cred = sup_nl_visible_cred(group, skb, info->extack);
	int ret;

	if (IS_ERR(cred))
		return PTR_ERR(cred);
	ret = sup_observe(group, cred, NETLINK_CB(skb).sk, info->snd_portid,
			  get_u32(info->attrs[SUP_A_GROUP_EVENTS]),
			  info->extack);
	put_cred(cred);
	return ret;
}

int sup_nl_observe_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sup_group *group;
	int ret;

	ret = sup_nl_check_self(skb, info->extack) ?:
	      sup_nl_group(info, info->attrs[SUP_A_GROUP_ID], &group);
	if (ret)
		return ret;
	do {
		ret = observe(skb, info, group);
	} while (ret == -EAGAIN);
	sup_group_put(group);
	return ret;
}
