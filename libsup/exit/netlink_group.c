/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exit/netlink_group.h"

#include <errno.h>
#include <linux/sup.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "exit/netlink_msg.h"

#define FLAGS (SUP_GROUP_FLAG_INHERIT_THREADS | SUP_GROUP_FLAG_INHERIT_CHILDREN)

/* A request that begins with a 64-bit attribute. */
static struct nl_msg *new_msg(const struct sup__nl *nl, int cmd, int flags,
			      int attr, uint64_t value)
{
	struct nl_msg *msg = sup__nl_new(nl, cmd, flags);

	if (msg && nla_put_u64(msg, attr, value)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int on_owned(const struct genlmsghdr *hdr, void *arg)
{
	struct nlattr *a[SUP_A_GROUP_MAX + 1];
	struct sup__group *g = arg;
	int ret;

	if (hdr->cmd != SUP_CMD_GROUP_NEW && hdr->cmd != SUP_CMD_GROUP_ADOPT)
		return 0;
	ret = sup__nl_parse(hdr, a, SUP_A_GROUP_MAX);
	if (ret)
		return ret;
	if (!a[SUP_A_GROUP_ID] || !a[SUP_A_GROUP_TOKEN] ||
	    nla_len(a[SUP_A_GROUP_TOKEN]) != SUP_TOKEN_SIZE)
		return sup__error(-EBADMSG, "module sup: a group without an "
				  "id or a token");
	g->id = sup__nl_u64(a[SUP_A_GROUP_ID]);
	memcpy(g->token, nla_data(a[SUP_A_GROUP_TOKEN]), SUP_TOKEN_SIZE);
	return 0;
}

static int make_group(struct sup__group *g, struct sup__nl *owner,
		      const struct sup_options *opts)
{
	bool retain = opts->policy == SUP_OWNER_RETAIN;
	struct nl_msg *msg;

	msg = sup__nl_new(owner, SUP_CMD_GROUP_NEW, 0);
	if (msg && (nla_put_u32(msg, SUP_A_GROUP_FLAGS, FLAGS) ||
		    nla_put_u32(msg, SUP_A_GROUP_POLICY, retain ?
				SUP_POLICY_RETAIN : SUP_POLICY_KILL) ||
		    (retain && opts->grace_ms &&
		     nla_put_u32(msg, SUP_A_GROUP_GRACE_MS,
				 opts->grace_ms)))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return sup__nl_request(owner, msg, "group-new", on_owned, g);
}

struct group_state {
	uint64_t acked, seq;
};

static int on_group(const struct genlmsghdr *hdr, void *arg)
{
	struct nlattr *a[SUP_A_GROUP_MAX + 1];
	struct group_state *state = arg;
	int ret;

	if (hdr->cmd != SUP_CMD_GROUP_GET)
		return 0;
	ret = sup__nl_parse(hdr, a, SUP_A_GROUP_MAX);
	if (!ret) {
		state->acked = sup__nl_u64(a[SUP_A_GROUP_ACKED]);
		state->seq = sup__nl_u64(a[SUP_A_GROUP_SEQ]);
	}
	return ret;
}

static int get_state(const struct sup__group *g, struct sup__nl *request,
		     struct group_state *ret_state)
{
	struct nl_msg *msg;

	msg = new_msg(request, SUP_CMD_GROUP_GET, 0, SUP_A_GROUP_ID, g->id);
	return sup__nl_request(request, msg, "group-get", on_group, ret_state);
}

int sup__group_seq(const struct sup__group *g, struct sup__nl *request,
		   uint64_t *ret_seq)
{
	struct group_state state = { 0 };
	int ret;

	ret = get_state(g, request, &state);
	if (!ret)
		*ret_seq = state.seq;
	return ret;
}

static int adopt_group(struct sup__group *g, struct sup__nl *owner,
		       struct sup__nl *request, const struct sup_options *opts)
{
	struct group_state state = { 0 };
	struct nl_msg *msg;
	int ret;

	msg = new_msg(owner, SUP_CMD_GROUP_ADOPT, 0, SUP_A_GROUP_ID,
		      opts->adopt_group);
	if (msg && (nla_put(msg, SUP_A_GROUP_TOKEN, SUP_TOKEN_SIZE,
			    opts->adopt_token) ||
		    nla_put_u32(msg, SUP_A_GROUP_FLAGS, FLAGS))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	ret = sup__nl_request(owner, msg, "group-adopt", on_owned, g);
	if (ret)
		return ret == -ENOENT ? -ESRCH : ret;
	ret = get_state(g, request, &state);
	if (ret)
		return ret;
	g->acked = state.acked;
	return sup__group_members(g, request, &g->adopted);
}

/* After the flags: a thread that is born meanwhile joins by inheritance. */
static int add_threads(struct sup__group *g, struct sup__nl *request)
{
	struct nl_msg *msg;

	msg = new_msg(request, SUP_CMD_MEMBER_ADD, 0, SUP_A_MEMBER_GROUP,
		      g->id);
	if (msg && nla_put_flag(msg, SUP_A_MEMBER_SELF)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return sup__nl_request(request, msg, "member-add", NULL, NULL);
}

int sup__group_open(struct sup__group *g, struct sup__nl *owner,
		    struct sup__nl *request, const struct sup_options *opts)
{
	int ret;

	if (opts->adopt_token)
		ret = adopt_group(g, owner, request, opts);
	else
		ret = make_group(g, owner, opts);
	return ret ? ret : add_threads(g, request);
}

int sup__group_close(struct sup__group *g, struct sup__nl *request)
{
	struct nl_msg *msg;

	msg = new_msg(request, SUP_CMD_GROUP_DEL, 0, SUP_A_GROUP_ID, g->id);
	if (msg && nla_put_flag(msg, SUP_A_GROUP_RELEASE)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return sup__nl_request(request, msg, "group-del", NULL, NULL);
}

void sup__group_fini(struct sup__group *g)
{
	sup__members_fini(&g->adopted);
}

static int on_member(const struct genlmsghdr *hdr, void *arg)
{
	struct nlattr *a[SUP_A_MEMBER_MAX + 1];
	struct sup__member m = { 0 };
	int ret;

	if (hdr->cmd != SUP_CMD_MEMBER_GET)
		return 0;
	ret = sup__nl_parse(hdr, a, SUP_A_MEMBER_MAX);
	if (ret)
		return ret;
	m.id = sup__nl_u64(a[SUP_A_MEMBER_ID]);
	m.lineage = sup__nl_u64(a[SUP_A_MEMBER_LINEAGE]);
	m.pid = sup__nl_u32(a[SUP_A_MEMBER_PID]);
	if (sup__nl_u32(a[SUP_A_MEMBER_KIND]) == SUP_MEMBER_KIND_THREAD) {
		m.tid = m.pid;
		m.pid = sup__nl_u32(a[SUP_A_MEMBER_TGID]);
	}
	m.start_ns = sup__nl_u64(a[SUP_A_MEMBER_START_BOOTTIME]);
	sup__nl_comm(a[SUP_A_MEMBER_COMM], m.comm);
	return sup__members_add(arg, &m);
}

static int get_one(struct sup__nl *request, struct nl_msg *msg,
		   struct sup__member *ret_member)
{
	struct sup__members found = { 0 };
	int ret;

	ret = sup__nl_request(request, msg, "member-get", on_member, &found);
	if (!ret && !found.n)
		ret = sup__error(-ENOENT, "no such member");
	if (!ret)
		*ret_member = found.at[0];
	sup__members_fini(&found);
	return ret;
}

int sup__group_member(const struct sup__group *g, struct sup__nl *request,
		      uint64_t id, struct sup__member *ret_member)
{
	struct nl_msg *msg;

	msg = new_msg(request, SUP_CMD_MEMBER_GET, 0, SUP_A_MEMBER_GROUP,
		      g->id);
	if (msg && nla_put_u64(msg, SUP_A_MEMBER_ID, id)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return get_one(request, msg, ret_member);
}

int sup__group_member_of(const struct sup__group *g, struct sup__nl *request,
			 pid_t pid, struct sup__member *ret_member)
{
	struct nl_msg *msg;

	msg = new_msg(request, SUP_CMD_MEMBER_GET, 0, SUP_A_MEMBER_GROUP,
		      g->id);
	if (msg && (nla_put_u32(msg, SUP_A_MEMBER_PID, pid) ||
		    nla_put_u32(msg, SUP_A_MEMBER_KIND,
				SUP_MEMBER_KIND_PROCESS))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return get_one(request, msg, ret_member);
}

int sup__group_members(const struct sup__group *g, struct sup__nl *request,
		       struct sup__members *ret_members)
{
	struct sup__members all;
	struct nl_msg *msg;
	int ret;

	do {
		memset(&all, 0, sizeof(all));
		msg = new_msg(request, SUP_CMD_MEMBER_GET, NLM_F_DUMP,
			      SUP_A_MEMBER_GROUP, g->id);
		ret = sup__nl_request(request, msg, "member-get", on_member,
				      &all);
		if (ret)
			sup__members_fini(&all);
	} while (ret == -EINTR);
	if (!ret)
		*ret_members = all;
	return ret;
}

int sup__member_tell(const struct sup__member *m,
		     int (*cb)(const struct sup_orphan *o, void *arg),
		     void *arg)
{
	struct sup_orphan o = {
		.pid = m->pid, .lineage = m->lineage,
		.lineage_first = m->id == m->lineage, .start_ns = m->start_ns,
	};

	memcpy(o.comm, m->comm, sizeof(o.comm));
	return cb(&o, arg);
}

bool sup__group_is_adopted(const struct sup__group *g, uint64_t lineage)
{
	size_t i;

	for (i = 0; i < g->adopted.n; i++)
		if (g->adopted.at[i].lineage == lineage)
			return true;
	return false;
}

struct kill_result {
	uint32_t signalled, refused;
};

static int on_kill(const struct genlmsghdr *hdr, void *arg)
{
	struct nlattr *a[SUP_A_GROUP_MAX + 1];
	struct kill_result *result = arg;
	int ret;

	if (hdr->cmd != SUP_CMD_GROUP_KILL)
		return 0;
	ret = sup__nl_parse(hdr, a, SUP_A_GROUP_MAX);
	if (ret)
		return ret;
	result->signalled = sup__nl_u32(a[SUP_A_GROUP_SIGNALLED]);
	result->refused = sup__nl_u32(a[SUP_A_GROUP_REFUSED]);
	return 0;
}

int sup__group_kill(const struct sup__group *g, struct sup__nl *request,
		    uint64_t lineage, int signo)
{
	struct kill_result result = { 0 };
	struct nl_msg *msg;
	int ret;

	msg = new_msg(request, SUP_CMD_GROUP_KILL, 0, SUP_A_GROUP_ID, g->id);
	if (msg && (nla_put_u32(msg, SUP_A_GROUP_SIGNAL, signo) ||
		    nla_put_u64(msg, SUP_A_GROUP_LINEAGE, lineage))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	ret = sup__nl_request(request, msg, "group-kill", on_kill, &result);
	if (ret)
		return ret == -ENOENT ? -ESRCH : ret;
	if (result.refused)
		return sup__error(-EPERM, "%u processes of lineage %llu may "
				  "not be signalled", result.refused,
				  (unsigned long long)lineage);
	if (!result.signalled)
		return sup__error(-ESRCH, "nothing of lineage %llu is alive",
				  (unsigned long long)lineage);
	return 0;
}
