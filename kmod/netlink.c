// SPDX-License-Identifier: GPL-2.0-only
/*
 * The family, and what all its requests check. Each request checks, calls,
 * replies; and says in a sentence what is wrong if it refuses.
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

/* What the largest answer has in it: that of group-new. */
#define ANSWER_SIZE	(3 * nla_total_size_64bit(sizeof(u64)) +	\
			 8 * nla_total_size(sizeof(u32)) +		\
			 nla_total_size(SUP_TOKEN_SIZE))

static unsigned int unprivileged = 1;
module_param(unprivileged, uint, 0644);
MODULE_PARM_DESC(unprivileged,
		 "Who needs no CAP_SYS_ADMIN: 0 nobody, 1 users of the initial user namespace, 2 all (1)");

int sup_nl_check_permitted(struct sk_buff *skb,
			   struct netlink_ext_ack *extack)
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
	/* It is a thread of the process, but not the one that asked. */
	if (current->flags & SUP_PF_WORKER) {
		NL_SET_ERR_MSG(extack,
			       "a kernel's worker cannot ask for this in place of its process");
		return -EPERM;
	}
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
	owner = sup_owner_is_caller_locked(group);
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

/* The owner was lost between the question of who it is and the act: -ENOENT. */
void sup_nl_explain_lost(struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG(extack, "caller does not own the group any more");
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

/*
 * The answer to a request that changes something. Its room in the socket is
 * taken here, before that: then sending it cannot fail, and no token is made
 * that nobody learns. What has no answer in the socket was not done.
 */
struct sk_buff *sup_nl_answer_new(struct sk_buff *request,
				  struct genl_info *info, u8 cmd)
{
	struct sock *sk = NETLINK_CB(request).sk;
	struct sk_buff *answer = genlmsg_new(ANSWER_SIZE, GFP_KERNEL);
	u64 used = atomic_read(&sk->sk_rmem_alloc);

	if (!answer)
		return ERR_PTR(-ENOMEM);
	if (used && used + answer->truesize > READ_ONCE(sk->sk_rcvbuf)) {
		nlmsg_free(answer);
		GENL_SET_ERR_MSG(info, "no room in the socket for the answer");
		return ERR_PTR(-ENOBUFS);
	}
	/* The caller has the socket open. */
	skb_set_owner_r(answer, sk);
	/* ANSWER_SIZE is without the headers. */
	genlmsg_put_reply(answer, info, &sup_family, 0, cmd);
	return answer;
}

/* To the socket whose room it has; that it is full is a mistake of ours. */
void sup_nl_answer_send(struct sk_buff *answer, bool full)
{
	struct sock *sk = answer->sk;

	WARN_ON_ONCE(full);
	nlmsg_end(answer, nlmsg_hdr(answer));
	skb_queue_tail(&sk->sk_receive_queue, answer);
	sk->sk_data_ready(sk);
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
	if (ret == -ERANGE)
		NL_SET_ERR_MSG_ATTR(info->extack, seq,
				    "no record has this seq yet");
	else if (ret)
		sup_nl_explain_lost(info->extack);
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
