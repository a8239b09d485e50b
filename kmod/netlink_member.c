// SPDX-License-Identifier: GPL-2.0-only
/* Requests about members: to attach tasks, and to look at them. */
#include "sup.h"

#include <linux/pid_namespace.h>
#include <linux/sched/signal.h>
#include <linux/time_namespace.h>
#include <net/sock.h>

#include "compat.h"
#include "netlink_gen.h"

static bool put_u64(struct sk_buff *skb, int type, u64 value)
{
	return !nla_put_u64_64bit(skb, type, value, SUP_A_MEMBER_PAD);
}

static u8 kind_of(struct genl_info *info)
{
	struct nlattr *kind = info->attrs[SUP_A_MEMBER_KIND];

	return kind ? nla_get_u32(kind) : SUP_MEMBER_KIND_PROCESS;
}

/* In the unit and the time namespace of /proc/PID/stat. */
static u64 start_ticks(const struct task_struct *task)
{
	return div_u64(timens_add_boottime_ns(task->start_boottime),
		       NSEC_PER_SEC / USER_HZ);
}

static struct task_struct *task_of(struct pid *pid, u8 kind)
{
	return get_pid_task(pid, kind == SUP_MEMBER_KIND_THREAD ?
				 PIDTYPE_PID : PIDTYPE_TGID);
}

static int task_by_pid(struct genl_info *info, struct task_struct **ret_task)
{
	struct nlattr *ticks = info->attrs[SUP_A_MEMBER_START_TICKS];
	struct nlattr *attr = info->attrs[SUP_A_MEMBER_PID];
	struct task_struct *task;
	struct pid *pid;

	if (!ticks) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "a pid needs start-ticks, too");
		return -EINVAL;
	}
	pid = find_get_pid(nla_get_u32(attr));
	task = task_of(pid, kind_of(info));
	put_pid(pid);
	if (task && start_ticks(task) == nla_get_u64(ticks)) {
		*ret_task = task;
		return 0;
	}
	if (task)
		put_task_struct(task);
	NL_SET_ERR_MSG_ATTR(info->extack, attr,
			    "no task has this pid and start-ticks");
	return -ESRCH;
}

static int task_by_pidfd(struct genl_info *info, struct task_struct **ret_task)
{
	struct nlattr *attr = info->attrs[SUP_A_MEMBER_PIDFD];
	struct task_struct *task;
	struct pid *pid;

	if (kind_of(info) != SUP_MEMBER_KIND_PROCESS) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "a pidfd is for a process");
		return -EINVAL;
	}
	pid = sup_pidfd_get_pid(nla_get_u32(attr));
	if (pid == ERR_PTR(-EBADF))
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "not a pidfd");
	else if (pid == ERR_PTR(-EOPNOTSUPP))
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "pidfds of this kernel are not understood");
	if (IS_ERR(pid) && pid != ERR_PTR(-ESRCH))
		return PTR_ERR(pid);
	task = IS_ERR(pid) ? NULL : task_of(pid, SUP_MEMBER_KIND_PROCESS);
	if (!IS_ERR(pid))
		put_pid(pid);
	if (task) {
		*ret_task = task;
		return 0;
	}
	NL_SET_ERR_MSG_ATTR(info->extack, attr, "the process is gone");
	return -ESRCH;
}

static int explain_add(struct genl_info *info, int error)
{
	switch (error) {
	case -EPERM:
		GENL_SET_ERR_MSG(info,
				 "process owns the group, or one above it");
		break;
	case -EBUSY:
		GENL_SET_ERR_MSG(info,
				 "children of the process would be born outside of the group that it is a member of");
		break;
	case -EEXIST:
		GENL_SET_ERR_MSG(info, "task is a member of a group already");
		break;
	case -EDQUOT:
		GENL_SET_ERR_MSG(info,
				 "group or user is at a limit of the module");
		break;
	case -ESRCH:
		GENL_SET_ERR_MSG(info, "task is exiting");
		break;
	case -ESTALE:
		GENL_SET_ERR_MSG(info,
				 "the lineage, or that which made the group, is over: no process can join");
		break;
	case -ENOENT:
		sup_nl_explain_lost(info->extack);
		break;
	}
	return error;
}

static int refuse_threads(struct genl_info *info)
{
	GENL_SET_ERR_MSG(info,
			 "a group with a fatal set has no thread members");
	return -EOPNOTSUPP;
}

/* What was added: a task, and others; or, without an id, others alone. */
struct addition {
	u64 id, lineage;
	u32 added;
};

static int add_task(struct sk_buff *skb, struct genl_info *info,
		    struct sup_group *group, struct task_struct *task,
		    struct addition *addition)
{
	struct nlattr *cookie = info->attrs[SUP_A_MEMBER_COOKIE];
	u8 kind = kind_of(info);
	struct sup_member *member;
	int ret;

	if (kind == SUP_MEMBER_KIND_PROCESS &&
	    same_thread_group(task, current)) {
		GENL_SET_ERR_MSG(info,
				 "a process cannot be a member of its own group");
		return -EINVAL;
	}
	if (kind == SUP_MEMBER_KIND_THREAD &&
	    info->attrs[SUP_A_MEMBER_DESCENDANTS]) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[SUP_A_MEMBER_DESCENDANTS],
				    "descendants are of a process, not of a thread");
		return -EINVAL;
	}
	if (kind == SUP_MEMBER_KIND_THREAD && group->fatal)
		return refuse_threads(info);
	ret = sup_task_may_attach(skb, task);
	if (ret) {
		GENL_SET_ERR_MSG(info,
				 "task is not the caller's to attach: user ids differ, or it is not dumpable");
		return ret;
	}
	ret = sup_attach(group, task, kind, cookie ? nla_get_u64(cookie) : 0,
			 &member);
	if (ret)
		return explain_add(info, ret);
	addition->id = member->id;
	addition->lineage = member->lineage ? member->lineage->id : 0;
	addition->added = 1;
	if (nla_get_flag(info->attrs[SUP_A_MEMBER_DESCENDANTS]))
		ret = sup_attach_descendants(group, skb, member->lineage,
					     &addition->added);
	sup_member_put(member);
	return explain_add(info, ret);
}

static int add_self(struct sk_buff *skb, struct genl_info *info,
		    struct sup_group *group, struct addition *addition)
{
	bool descendants = nla_get_flag(info->attrs[SUP_A_MEMBER_DESCENDANTS]);
	struct nlattr *cookie = info->attrs[SUP_A_MEMBER_COOKIE];
	int ret;

	ret = sup_nl_check_self(skb, info->extack);
	if (ret)
		return ret;
	if (descendants && cookie) {
		NL_SET_ERR_MSG_ATTR(info->extack, cookie,
				    "a cookie is of one task, not of all descendants");
		return -EINVAL;
	}
	if (!descendants && group->fatal)
		return refuse_threads(info);
	if (descendants)
		ret = sup_attach_descendants(group, skb, NULL,
					     &addition->added);
	else
		ret = sup_attach_threads(group,
					 cookie ? nla_get_u64(cookie) : 0,
					 &addition->added);
	return explain_add(info, ret);
}

static int add(struct sk_buff *skb, struct genl_info *info,
	       struct sup_group *group, struct addition *addition)
{
	bool self = nla_get_flag(info->attrs[SUP_A_MEMBER_SELF]);
	bool pidfd = info->attrs[SUP_A_MEMBER_PIDFD];
	bool pid = info->attrs[SUP_A_MEMBER_PID];
	struct task_struct *task;
	int ret;

	if (self + pidfd + pid != 1) {
		GENL_SET_ERR_MSG(info, "give one of self, pidfd and pid");
		return -EINVAL;
	}
	if (self)
		return add_self(skb, info, group, addition);
	ret = pid ? task_by_pid(info, &task) : task_by_pidfd(info, &task);
	if (ret)
		return ret;
	ret = add_task(skb, info, group, task, addition);
	put_task_struct(task);
	return ret;
}

static bool put_addition(struct sk_buff *skb, const struct sup_group *group,
			 const struct addition *addition)
{
	return put_u64(skb, SUP_A_MEMBER_GROUP, group->id) &&
	       (!addition->id ||
		(put_u64(skb, SUP_A_MEMBER_ID, addition->id) &&
		 put_u64(skb, SUP_A_MEMBER_LINEAGE, addition->lineage))) &&
	       !nla_put_u32(skb, SUP_A_MEMBER_ADDED, addition->added);
}

int sup_nl_member_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct addition addition = {};
	struct sup_group *group;
	struct sk_buff *answer;
	int ret;

	ret = sup_nl_own_group(skb, info, info->attrs[SUP_A_MEMBER_GROUP],
			       &group);
	if (ret)
		return ret;
	answer = sup_nl_answer_new(skb, info, SUP_CMD_MEMBER_ADD);
	ret = PTR_ERR_OR_ZERO(answer);
	if (ret)
		goto put_group;
	ret = add(skb, info, group, &addition);
	if (ret)
		nlmsg_free(answer);
	else
		sup_nl_answer_send(answer,
				   !put_addition(answer, group, &addition));
put_group:
	sup_group_put(group);
	return ret;
}

/* Numbers are those of the reader's pid namespace. */
static bool put_member(struct sk_buff *skb, struct sup_member *member)
{
	struct pid_namespace *ns = task_active_pid_ns(current);
	bool process = member->lineage;
	char comm[TASK_COMM_LEN];
	struct task_struct *task;
	pid_t pid, tgid;

	rcu_read_lock();
	task = process ? pid_task(member->pid, PIDTYPE_TGID) : member->task;
	if (!task)
		task = member->task;
	strscpy_pad(comm, task->comm, sizeof(comm));
	tgid = task_tgid_nr_ns(task, ns);
	pid = process ? tgid : task_pid_nr_ns(task, ns);
	rcu_read_unlock();

	return put_u64(skb, SUP_A_MEMBER_GROUP, member->group->id) &&
	       put_u64(skb, SUP_A_MEMBER_ID, member->id) &&
	       !nla_put_u32(skb, SUP_A_MEMBER_KIND, member->kind) &&
	       !nla_put_u32(skb, SUP_A_MEMBER_PID, pid) &&
	       !nla_put_u32(skb, SUP_A_MEMBER_TGID, tgid) &&
	       put_u64(skb, SUP_A_MEMBER_LINEAGE,
		       process ? member->lineage->id : 0) &&
	       put_u64(skb, SUP_A_MEMBER_COOKIE, member->cookie) &&
	       put_u64(skb, SUP_A_MEMBER_START_BOOTTIME,
		       member->task->start_boottime) &&
	       !nla_put_string(skb, SUP_A_MEMBER_COMM, comm) &&
	       !nla_put_u32(skb, SUP_A_MEMBER_STATE,
			    atomic_read(&member->life) == SUP_ALIVE ?
			    SUP_MEMBER_STATE_ALIVE :
			    SUP_MEMBER_STATE_EXITING);
}

static struct sup_member *member_by_pid(struct sup_group *group,
					struct genl_info *info)
{
	struct sup_member *member = NULL;
	struct task_struct *task;
	u8 kind = kind_of(info);
	struct pid *pid;

	pid = find_get_pid(nla_get_u32(info->attrs[SUP_A_MEMBER_PID]));
	task = task_of(pid, kind);
	put_pid(pid);
	if (!task)
		return NULL;
	rcu_read_lock();
	if (kind == SUP_MEMBER_KIND_THREAD)
		member = sup_member_of(task, SUP_KEY_THREAD);
	else
		member = sup_member_of(task->signal, SUP_KEY_PROCESS);
	if (member && (member->group != group ||
		       !refcount_inc_not_zero(&member->ref)))
		member = NULL;
	rcu_read_unlock();
	put_task_struct(task);
	return member;
}

static struct sup_member *member_by_id(struct sup_group *group, u64 id)
{
	struct sup_member *member = sup_member_after(group, id - 1);

	if (!member || member->id == id)
		return member;
	sup_member_put(member);
	return NULL;
}

static int find_member(struct genl_info *info, struct sup_group *group,
		       struct sup_member **ret_member)
{
	struct nlattr *id = info->attrs[SUP_A_MEMBER_ID];
	struct nlattr *pid = info->attrs[SUP_A_MEMBER_PID];

	if (!id == !pid) {
		GENL_SET_ERR_MSG(info, "give one of id and pid");
		return -EINVAL;
	}
	*ret_member = id ? member_by_id(group, nla_get_u64(id)) :
			   member_by_pid(group, info);
	if (*ret_member)
		return 0;
	GENL_SET_ERR_MSG(info, "no such living member in the group");
	return -ESRCH;
}

int sup_nl_member_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sup_member *member;
	struct sup_group *group;
	struct sk_buff *reply;
	void *header;
	int ret;

	ret = sup_nl_group(info, info->attrs[SUP_A_MEMBER_GROUP], &group);
	if (ret)
		return ret;
	ret = sup_nl_check_visible(group, skb, info->extack) ?:
	      find_member(info, group, &member);
	if (ret)
		goto put_group;
	reply = sup_nl_reply_new(info, SUP_CMD_MEMBER_GET, &header);
	ret = -ENOMEM;
	if (reply)
		ret = sup_nl_reply_send(reply, info, header,
					!put_member(reply, member));
	sup_member_put(member);
put_group:
	sup_group_put(group);
	return ret;
}

static bool dump_one(struct sk_buff *skb, struct netlink_callback *cb,
		     struct sup_member *member)
{
	void *header;

	header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
			     cb->nlh->nlmsg_seq, &sup_family, NLM_F_MULTI,
			     SUP_CMD_MEMBER_GET);
	if (!header)
		return false;
	if (!put_member(skb, member)) {
		genlmsg_cancel(skb, header);
		return false;
	}
	genlmsg_end(skb, header);
	return true;
}

/* The cursor, in args[0], is the id of the last member. */
static void dump(struct sk_buff *skb, struct netlink_callback *cb,
		 struct sup_group *group, u64 lineage)
{
	struct sup_member *member;

	member = sup_member_after(group, cb->args[0]);
	for (; member; member = sup_member_next(group, member)) {
		if (!lineage ||
		    (member->lineage && member->lineage->id == lineage)) {
			if (!dump_one(skb, cb, member)) {
				sup_member_put(member);
				return;
			}
		}
		cb->args[0] = member->id;
	}
}

int sup_nl_member_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nlattr **attrs = sup_dump_attrs(cb);
	struct nlattr *attr = attrs[SUP_A_MEMBER_GROUP];
	struct nlattr *lineage = attrs[SUP_A_MEMBER_LINEAGE];
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
	ret = sup_nl_check_visible(group, cb->skb, cb->extack);
	if (!ret)
		dump(skb, cb, group, lineage ? nla_get_u64(lineage) : 0);
	sup_group_put(group);
	return ret ?: skb->len;
}

static int parse_template(struct sk_buff *skb, struct genl_info *info,
			  struct sup_group **ret_group)
{
	int ret;

	ret = sup_nl_check_self(skb, info->extack) ?:
	      sup_nl_own_group(skb, info, info->attrs[SUP_A_MEMBER_GROUP],
			       ret_group);
	if (ret || kind_of(info) != SUP_MEMBER_KIND_THREAD ||
	    !(*ret_group)->fatal)
		return ret;
	sup_group_put(*ret_group);
	return refuse_threads(info);
}

int sup_nl_spawn_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *cookie = info->attrs[SUP_A_MEMBER_COOKIE];
	struct sup_group *group;
	int ret;

	ret = parse_template(skb, info, &group);
	if (ret)
		return ret;
	ret = sup_template_set(group, kind_of(info),
			       cookie ? nla_get_u64(cookie) : 0);
	sup_group_put(group);
	return explain_add(info, ret);
}

int sup_nl_spawn_clear_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sup_group *group;
	int ret;

	ret = sup_nl_check_self(skb, info->extack) ?:
	      sup_nl_own_group(skb, info, info->attrs[SUP_A_MEMBER_GROUP],
			       &group);
	if (ret)
		return ret;
	ret = sup_template_clear(group);
	if (ret)
		GENL_SET_ERR_MSG(info,
				 "calling thread has no template for this group");
	sup_group_put(group);
	return ret;
}
