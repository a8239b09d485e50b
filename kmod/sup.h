/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one private header of the module: what each file offers to the others.
 */
#ifndef SUP_H
#define SUP_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "objects.h"

/* How deep groups may be nested. */
#define SUP_MAX_DEPTH 16

/* What makes thread members. */
#define SUP_THREAD_FLAGS (SUP_GROUP_FLAG_INHERIT_THREADS | \
			  SUP_GROUP_FLAG_MEMBER_THREADS)

/* Room in a message: for what comes first, and for the largest record. */
#define SUP_BATCH_ROOM	(2 * nla_total_size_64bit(sizeof(u64)))
#define SUP_RECORD_ROOM	(13 * nla_total_size_64bit(sizeof(u64)) + \
			 17 * nla_total_size(sizeof(u32)) + \
			 3 * nla_total_size(TASK_COMM_LEN))

/* main.c */
extern struct workqueue_struct *sup_wq;

/* user.c */
struct sup_user *sup_user_get(kuid_t uid);
void sup_user_put(struct sup_user *user);
bool sup_user_charge_group(struct sup_user *user);
bool sup_user_charge_member(struct sup_user *user);
void sup_user_uncharge_member(struct sup_user *user);
bool sup_user_move(struct sup_user *from, struct sup_user *to,
		   unsigned int members, unsigned int records);

/* task.c */
int sup_task_init(void);
void sup_task_exit(void);
bool sup_key_add(struct sup_key *key, bool unique);
void sup_key_del(struct sup_key *key);
struct sup_key *sup_key_next(struct sup_key *prev, const void *key, u8 type);
const void *sup_socket_key(const struct net *net, u32 portid);
struct sup_member *sup_member_of(const void *key, u8 type);
struct sup_owner *sup_inheriting(const struct signal_struct *sig, u32 flag);
int sup_task_may_attach(struct sk_buff *skb, struct task_struct *task);
struct pid *sup_pidfd_get_pid(unsigned int fd);

/* group.c */
int sup_group_init(void);
void sup_group_exit(void);
int sup_group_new(const struct sup_group_spec *spec,
		  const struct sup_owner_spec *owner,
		  struct netlink_ext_ack *extack, struct sup_group **ret_group);
bool sup_group_in(const struct sup_group *group, const struct net *net);
bool sup_group_is_complete(const struct sup_group *group);
struct sup_group *sup_group_lookup(struct net *net, u64 id);
struct sup_group *sup_group_next(u64 *id);
bool sup_group_tells_locked(const struct sup_group *group);
bool sup_group_charge_locked(struct sup_group *group);
bool sup_group_get(struct sup_group *group);
void sup_group_put(struct sup_group *group);
void sup_group_end(struct sup_group *group);
int sup_group_del(struct sup_group *group, bool release);
void sup_group_due(struct sup_group *group, enum sup_due due);
void sup_group_cancel(struct sup_group *group, struct delayed_work *work);
void sup_group_later(struct sup_group *group, struct delayed_work *work,
		     unsigned long delay);
void sup_group_sooner(struct sup_group *group, struct delayed_work *work,
		      unsigned long delay);
bool sup_group_is_nested(const struct sup_group *group);
bool sup_group_dying(const struct sup_group *group,
		     const struct sup_lineage *lineage);
bool sup_group_is_over(const struct sup_group *group,
		       const struct sup_lineage *lineage);
bool sup_populate(struct sup_group *group, struct sup_lineage *lineage);
void sup_unpopulate(struct sup_group *group, struct sup_lineage *lineage,
		    bool known);

/* owner.c */
extern struct mutex sup_owner_mutex;
int sup_owner_init(void);
void sup_owner_exit(void);
int sup_owner_take(struct sup_group *group, const struct sup_owner_spec *spec,
		   struct netlink_ext_ack *extack);
void sup_owner_free(struct sup_owner *owner);
bool sup_owner_is_caller_locked(const struct sup_group *group);
bool sup_owner_is_apart(const struct sup_group *group);
void sup_owner_exited(const struct signal_struct *sig);
void sup_owner_exec(const struct task_struct *task);
void sup_owner_orphan(struct sup_group *group);
struct sup_owner *sup_owner_disown_locked(struct sup_group *group, u8 cause);
int sup_owner_hand_over(struct sup_group *group, u32 grace_ms, u8 *token);

/* member.c */
int sup_member_init(void);
void sup_member_exit(void);
struct sup_member *sup_member_new(struct sup_group *group, u8 kind,
				  struct sup_lineage *lineage, u64 cookie,
				  gfp_t gfp);
int sup_member_add(struct sup_member *member, struct task_struct *task,
		   bool asked);
void sup_member_put(struct sup_member *member);
u64 sup_member_last_id(void);
bool sup_member_claim(struct sup_member *member, enum sup_life life);
void sup_member_release_all(struct sup_group *group, bool only_threads);
void sup_member_finish(struct sup_member *member, gfp_t gfp);
struct sup_member *sup_member_next(struct sup_group *group,
				   struct sup_member *prev);
struct sup_member *sup_member_after(struct sup_group *group, u64 id);
bool sup_lineage_get(struct sup_lineage *lineage);
void sup_lineage_put(struct sup_lineage *lineage);

/* close.c */
void sup_close(struct sup_group *group);
void sup_close_retained(struct sup_group *group);
void sup_close_expired(struct sup_group *group);
void sup_close_drained(struct sup_group *group);
void sup_close_released(struct sup_group *group) __releases(&group->lock);

/* attach.c */
int sup_attach(struct sup_group *group, struct task_struct *task, u8 kind,
	       u64 cookie, struct sup_member **ret_member);
int sup_attach_threads(struct sup_group *group, u64 cookie, u32 *added);
int sup_attach_descendants(struct sup_group *group, struct sk_buff *skb,
			   struct sup_lineage *lineage, u32 *added);

/* template.c */
int sup_template_set(struct sup_group *group, u8 kind, u64 cookie);
int sup_template_clear(struct sup_group *group);
struct sup_member *sup_template_take(struct task_struct *task, u8 kind);
void sup_template_discard(struct sup_member *member);
void sup_template_uncount_locked(struct sup_member *member);
void sup_template_drop(struct task_struct *task);
void sup_template_drop_all(struct sup_group *group);

/* kill.c */
struct sup_kill {
	int sig;
	u64 lineage, member;	/* 0: all */
	bool alone;		/* without the subgroups */
	bool by_kernel;		/* nobody gets a reply: refusals are told */
	u32 signalled, refused;
};

int sup_kill(struct sup_group *group, struct sup_kill *kill);
void sup_kill_all(struct sup_group *group);
void sup_kill_dead(struct sup_group *group);
void __sup_fatal(struct sup_group *group);
bool sup_kill_newborn(struct sup_group *group, struct task_struct *child,
		      struct sup_member *member);

/*
 * Something of this kind happened in the group; if that is fatal, all of it is
 * to end. Any context but a hard interrupt; no locks held.
 */
static inline void sup_fatal(struct sup_group *group, u8 kind)
{
	if (READ_ONCE(group->fatal) & BIT(kind))
		__sup_fatal(group);
}

/* hooks.c */
int sup_hooks_get(void);
void sup_hooks_put(void);
void sup_hooks_exit(void);

/* birth.c */
void sup_on_fork(struct task_struct *parent, struct task_struct *child);
void sup_on_exec(struct task_struct *task, pid_t old_pid);

/* cause.c */
void sup_on_signal(int sig, const struct kernel_siginfo *info,
		   struct task_struct *task);
void sup_cause_fill(struct sup_member *member, struct task_struct *task);
void sup_cause_fill_thread(struct sup_member *member, struct task_struct *task);

/* watch.c */
void sup_watch_doomed(struct sup_member *member);
void sup_watch_work(struct work_struct *work);

/* exit.c */
void sup_on_exit(struct task_struct *task, bool group_dead);
void sup_exit_drain(void);

/* record.c */
int sup_record_init(void);
void sup_record_exit(void);
struct sup_exit *sup_exit_new(gfp_t gfp);
void sup_exit_free(struct sup_exit *exit);
void sup_record_queue_locked(struct sup_group *group,
			     struct sup_record *record);
void sup_record_tell_locked(struct sup_group *group);
int sup_record_ack(struct sup_group *group, u64 seq);
void sup_record_purge(struct sup_group *group);

/* record_put.c */
u32 *sup_batch_begin(struct sk_buff *skb, u64 group);
bool sup_record_put_locked(struct sk_buff *skb, const struct sup_group *group,
			   const struct sup_record *record);
u64 sup_records_put_locked(struct sk_buff *skb, struct sup_group *group,
			   u64 after);

/* notify.c */
void sup_deliver(struct sup_group *group, gfp_t gfp);
void sup_deliver_outbox(struct sup_group *group);
int sup_send(struct sock *sk, struct sk_buff *skb, u32 spare);

/* inform.c */
struct sup_info {
	u8 kind;
	struct sup_member *member;	/* NULL: of the group itself */
	u64 parent;
	pid_t old_tid;
	u8 stage;
};

/* True if who asked for these events is told of the kind. */
static inline bool sup_wants(u32 events, u8 kind)
{
	return events & BIT(kind) || kind <= SUP_RECORD_KIND_OVERFLOW ||
	       kind == SUP_RECORD_KIND_ENDED;
}

void __sup_inform(struct sup_group *group, const struct sup_info *info);

/* Tells, if somebody wants to know. Not in a hard interrupt; no locks held. */
static inline void sup_inform(struct sup_group *group,
			      const struct sup_info *info)
{
	if (sup_wants(READ_ONCE(group->watched), info->kind))
		__sup_inform(group, info);
}

void sup_inform_copy_locked(struct sup_group *group,
			    const struct sup_record *record);
bool sup_inform_send(struct sup_group *group);
void sup_inform_disown_locked(struct sup_group *group);

/* observe.c */
int sup_observe(struct sup_group *group, const struct cred *cred,
		struct sock *sk, u32 portid, u32 events,
		struct netlink_ext_ack *extack);
void sup_observers_watch_locked(struct sup_group *group);
void sup_observers_drop(struct sup_group *group);
void sup_observers_drop_locked(struct sup_group *group);
void sup_observer_closed(const struct net *net, u32 portid);

/* drain.c */
bool sup_draining(void);

/* debugfs.c */
void sup_debugfs_init(void);
void sup_debugfs_exit(void);

/* netlink.c */
extern struct genl_family sup_family;
int sup_nl_group(struct genl_info *info, struct nlattr *attr,
		 struct sup_group **ret_group);
int sup_nl_own_group(struct sk_buff *skb, struct genl_info *info,
		     struct nlattr *attr, struct sup_group **ret_group);
int sup_nl_check_owner(struct sup_group *group, struct sk_buff *skb,
		       struct netlink_ext_ack *extack);
void sup_nl_explain_lost(struct netlink_ext_ack *extack);
int sup_nl_check_self(struct sk_buff *skb, struct netlink_ext_ack *extack);
int sup_nl_check_permitted(struct sk_buff *skb, struct netlink_ext_ack *extack);
struct sk_buff *sup_nl_answer_new(struct sk_buff *request,
				  struct genl_info *info, u8 cmd);
void sup_nl_answer_send(struct sk_buff *answer, bool full);
struct sk_buff *sup_nl_reply_new(struct genl_info *info, u8 cmd,
				 void **ret_header);
int sup_nl_reply_send(struct sk_buff *skb, struct genl_info *info,
		      void *header, bool full);

/* netlink_get.c */
const struct cred *sup_nl_visible_cred(struct sup_group *group,
				       struct sk_buff *skb,
				       struct netlink_ext_ack *extack);
int sup_nl_check_visible(struct sup_group *group, struct sk_buff *skb,
			 struct netlink_ext_ack *extack);

#endif
