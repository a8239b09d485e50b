// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/sup.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <uapi/linux/sup.h>

/* SUP_CMD_GROUP_NEW - do */
const struct nla_policy sup_group_new_nl_policy[SUP_A_GROUP_MAX_RECORDS + 1] = {
	[SUP_A_GROUP_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0xf),
	[SUP_A_GROUP_POLICY] = NLA_POLICY_MAX(NLA_U32, 1),
	[SUP_A_GROUP_GRACE_MS] = { .type = NLA_U32, },
	[SUP_A_GROUP_CREDIT] = { .type = NLA_U32, },
	[SUP_A_GROUP_EVENTS] = NLA_POLICY_MASK(NLA_U32, 0x7ff),
	[SUP_A_GROUP_FATAL] = NLA_POLICY_MASK(NLA_U32, 0x7ff),
	[SUP_A_GROUP_STUCK_MS] = NLA_POLICY_MIN(NLA_U32, 10),
	[SUP_A_GROUP_MAX_RECORDS] = NLA_POLICY_MIN(NLA_U32, 1),
};

/* SUP_CMD_GROUP_DEL - do */
const struct nla_policy sup_group_del_nl_policy[SUP_A_GROUP_RELEASE + 1] = {
	[SUP_A_GROUP_ID] = { .type = NLA_U64, },
	[SUP_A_GROUP_RELEASE] = { .type = NLA_FLAG, },
};

/* SUP_CMD_GROUP_GET - do */
const struct nla_policy sup_group_get_nl_policy[SUP_A_GROUP_ID + 1] = {
	[SUP_A_GROUP_ID] = { .type = NLA_U64, },
};

/* SUP_CMD_GROUP_KILL - do */
const struct nla_policy sup_group_kill_nl_policy[SUP_A_GROUP_ALONE + 1] = {
	[SUP_A_GROUP_ID] = { .type = NLA_U64, },
	[SUP_A_GROUP_SIGNAL] = NLA_POLICY_MAX(NLA_U32, 64),
	[SUP_A_GROUP_LINEAGE] = NLA_POLICY_MIN(NLA_U64, 1),
	[SUP_A_GROUP_MEMBER] = NLA_POLICY_MIN(NLA_U64, 1),
	[SUP_A_GROUP_ALONE] = { .type = NLA_FLAG, },
};

/* SUP_CMD_GROUP_ADOPT - do */
const struct nla_policy sup_group_adopt_nl_policy[SUP_A_GROUP_EVENTS + 1] = {
	[SUP_A_GROUP_ID] = { .type = NLA_U64, },
	[SUP_A_GROUP_TOKEN] = NLA_POLICY_EXACT_LEN(SUP_TOKEN_SIZE),
	[SUP_A_GROUP_FLAGS] = NLA_POLICY_MASK(NLA_U32, 0xf),
	[SUP_A_GROUP_CREDIT] = { .type = NLA_U32, },
	[SUP_A_GROUP_EVENTS] = NLA_POLICY_MASK(NLA_U32, 0x7ff),
};

/* SUP_CMD_GROUP_HAND_OVER - do */
const struct nla_policy sup_group_hand_over_nl_policy[SUP_A_GROUP_GRACE_MS + 1] = {
	[SUP_A_GROUP_ID] = { .type = NLA_U64, },
	[SUP_A_GROUP_GRACE_MS] = { .type = NLA_U32, },
};

/* SUP_CMD_MEMBER_ADD - do */
const struct nla_policy sup_member_add_nl_policy[SUP_A_MEMBER_DESCENDANTS + 1] = {
	[SUP_A_MEMBER_GROUP] = { .type = NLA_U64, },
	[SUP_A_MEMBER_SELF] = { .type = NLA_FLAG, },
	[SUP_A_MEMBER_PIDFD] = { .type = NLA_U32, },
	[SUP_A_MEMBER_PID] = NLA_POLICY_MIN(NLA_U32, 1),
	[SUP_A_MEMBER_START_TICKS] = { .type = NLA_U64, },
	[SUP_A_MEMBER_KIND] = NLA_POLICY_MAX(NLA_U32, 1),
	[SUP_A_MEMBER_COOKIE] = { .type = NLA_U64, },
	[SUP_A_MEMBER_DESCENDANTS] = { .type = NLA_FLAG, },
};

/* SUP_CMD_MEMBER_GET - do */
const struct nla_policy sup_member_get_nl_policy[SUP_A_MEMBER_LINEAGE + 1] = {
	[SUP_A_MEMBER_GROUP] = { .type = NLA_U64, },
	[SUP_A_MEMBER_ID] = NLA_POLICY_MIN(NLA_U64, 1),
	[SUP_A_MEMBER_PID] = NLA_POLICY_MIN(NLA_U32, 1),
	[SUP_A_MEMBER_KIND] = NLA_POLICY_MAX(NLA_U32, 1),
	[SUP_A_MEMBER_LINEAGE] = { .type = NLA_U64, },
};

/* SUP_CMD_SPAWN_SET - do */
const struct nla_policy sup_spawn_set_nl_policy[SUP_A_MEMBER_COOKIE + 1] = {
	[SUP_A_MEMBER_GROUP] = { .type = NLA_U64, },
	[SUP_A_MEMBER_KIND] = NLA_POLICY_MAX(NLA_U32, 1),
	[SUP_A_MEMBER_COOKIE] = { .type = NLA_U64, },
};

/* SUP_CMD_SPAWN_CLEAR - do */
const struct nla_policy sup_spawn_clear_nl_policy[SUP_A_MEMBER_GROUP + 1] = {
	[SUP_A_MEMBER_GROUP] = { .type = NLA_U64, },
};

/* SUP_CMD_OBSERVE - do */
const struct nla_policy sup_observe_nl_policy[SUP_A_GROUP_EVENTS + 1] = {
	[SUP_A_GROUP_ID] = { .type = NLA_U64, },
	[SUP_A_GROUP_EVENTS] = NLA_POLICY_MASK(NLA_U32, 0x7ff),
};

/* SUP_CMD_RECORD_GET - do */
const struct nla_policy sup_record_get_nl_policy[SUP_A_BATCH_GROUP + 1] = {
	[SUP_A_BATCH_GROUP] = { .type = NLA_U64, },
};

/* SUP_CMD_RECORD_ACK - do */
const struct nla_policy sup_record_ack_nl_policy[SUP_A_BATCH_SEQ + 1] = {
	[SUP_A_BATCH_GROUP] = { .type = NLA_U64, },
	[SUP_A_BATCH_SEQ] = { .type = NLA_U64, },
};

/* Ops table for sup */
const struct genl_ops sup_nl_ops[13] = {
	{
		.cmd		= SUP_CMD_GROUP_NEW,
		.doit		= sup_nl_group_new_doit,
		.policy		= sup_group_new_nl_policy,
		.maxattr	= SUP_A_GROUP_MAX_RECORDS,
	},
	{
		.cmd		= SUP_CMD_GROUP_DEL,
		.doit		= sup_nl_group_del_doit,
		.policy		= sup_group_del_nl_policy,
		.maxattr	= SUP_A_GROUP_RELEASE,
	},
	{
		.cmd		= SUP_CMD_GROUP_GET,
		.doit		= sup_nl_group_get_doit,
		.dumpit		= sup_nl_group_get_dumpit,
		.policy		= sup_group_get_nl_policy,
		.maxattr	= SUP_A_GROUP_ID,
	},
	{
		.cmd		= SUP_CMD_GROUP_KILL,
		.doit		= sup_nl_group_kill_doit,
		.policy		= sup_group_kill_nl_policy,
		.maxattr	= SUP_A_GROUP_ALONE,
	},
	{
		.cmd		= SUP_CMD_GROUP_ADOPT,
		.doit		= sup_nl_group_adopt_doit,
		.policy		= sup_group_adopt_nl_policy,
		.maxattr	= SUP_A_GROUP_EVENTS,
	},
	{
		.cmd		= SUP_CMD_GROUP_HAND_OVER,
		.doit		= sup_nl_group_hand_over_doit,
		.policy		= sup_group_hand_over_nl_policy,
		.maxattr	= SUP_A_GROUP_GRACE_MS,
	},
	{
		.cmd		= SUP_CMD_MEMBER_ADD,
		.doit		= sup_nl_member_add_doit,
		.policy		= sup_member_add_nl_policy,
		.maxattr	= SUP_A_MEMBER_DESCENDANTS,
	},
	{
		.cmd		= SUP_CMD_MEMBER_GET,
		.doit		= sup_nl_member_get_doit,
		.dumpit		= sup_nl_member_get_dumpit,
		.policy		= sup_member_get_nl_policy,
		.maxattr	= SUP_A_MEMBER_LINEAGE,
	},
	{
		.cmd		= SUP_CMD_SPAWN_SET,
		.doit		= sup_nl_spawn_set_doit,
		.policy		= sup_spawn_set_nl_policy,
		.maxattr	= SUP_A_MEMBER_COOKIE,
	},
	{
		.cmd		= SUP_CMD_SPAWN_CLEAR,
		.doit		= sup_nl_spawn_clear_doit,
		.policy		= sup_spawn_clear_nl_policy,
		.maxattr	= SUP_A_MEMBER_GROUP,
	},
	{
		.cmd		= SUP_CMD_OBSERVE,
		.doit		= sup_nl_observe_doit,
		.policy		= sup_observe_nl_policy,
		.maxattr	= SUP_A_GROUP_EVENTS,
	},
	{
		.cmd		= SUP_CMD_RECORD_GET,
		.doit		= sup_nl_record_get_doit,
		.dumpit		= sup_nl_record_get_dumpit,
		.policy		= sup_record_get_nl_policy,
		.maxattr	= SUP_A_BATCH_GROUP,
	},
	{
		.cmd		= SUP_CMD_RECORD_ACK,
		.doit		= sup_nl_record_ack_doit,
		.policy		= sup_record_ack_nl_policy,
		.maxattr	= SUP_A_BATCH_SEQ,
	},
};
