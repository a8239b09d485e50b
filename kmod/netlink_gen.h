/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/sup.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_SUP_GEN_H
#define _LINUX_SUP_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/sup.h>

extern const struct nla_policy sup_group_new_nl_policy[SUP_A_GROUP_MAX_RECORDS + 1];

extern const struct nla_policy sup_group_del_nl_policy[SUP_A_GROUP_RELEASE + 1];

extern const struct nla_policy sup_group_get_nl_policy[SUP_A_GROUP_ID + 1];

extern const struct nla_policy sup_group_kill_nl_policy[SUP_A_GROUP_ALONE + 1];

extern const struct nla_policy sup_group_adopt_nl_policy[SUP_A_GROUP_EVENTS + 1];

extern const struct nla_policy sup_group_hand_over_nl_policy[SUP_A_GROUP_GRACE_MS + 1];

extern const struct nla_policy sup_member_add_nl_policy[SUP_A_MEMBER_DESCENDANTS + 1];

extern const struct nla_policy sup_member_get_nl_policy[SUP_A_MEMBER_LINEAGE + 1];

extern const struct nla_policy sup_spawn_set_nl_policy[SUP_A_MEMBER_COOKIE + 1];

extern const struct nla_policy sup_spawn_clear_nl_policy[SUP_A_MEMBER_GROUP + 1];

extern const struct nla_policy sup_observe_nl_policy[SUP_A_GROUP_EVENTS + 1];

extern const struct nla_policy sup_record_get_nl_policy[SUP_A_BATCH_GROUP + 1];

extern const struct nla_policy sup_record_ack_nl_policy[SUP_A_BATCH_SEQ + 1];

/* Ops table for sup */
extern const struct genl_ops sup_nl_ops[13];

int sup_nl_group_new_doit(struct sk_buff *skb, struct genl_info *info);
int sup_nl_group_del_doit(struct sk_buff *skb, struct genl_info *info);
int sup_nl_group_get_doit(struct sk_buff *skb, struct genl_info *info);
int sup_nl_group_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int sup_nl_group_kill_doit(struct sk_buff *skb, struct genl_info *info);
int sup_nl_group_adopt_doit(struct sk_buff *skb, struct genl_info *info);
int sup_nl_group_hand_over_doit(struct sk_buff *skb, struct genl_info *info);
int sup_nl_member_add_doit(struct sk_buff *skb, struct genl_info *info);
int sup_nl_member_get_doit(struct sk_buff *skb, struct genl_info *info);
int sup_nl_member_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int sup_nl_spawn_set_doit(struct sk_buff *skb, struct genl_info *info);
int sup_nl_spawn_clear_doit(struct sk_buff *skb, struct genl_info *info);
int sup_nl_observe_doit(struct sk_buff *skb, struct genl_info *info);
int sup_nl_record_get_doit(struct sk_buff *skb, struct genl_info *info);
int sup_nl_record_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int sup_nl_record_ack_doit(struct sk_buff *skb, struct genl_info *info);

#endif /* _LINUX_SUP_GEN_H */
