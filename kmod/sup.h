/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one private header of the module. Objects, who owns them and the order
 * of locks are in Documentation/lifetime.md and Documentation/locking.md.
 */
#ifndef SUP_H
#define SUP_H

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/cred.h>
#include <linux/irq_work.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/task_work.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>

#include <uapi/linux/sup.h>

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

enum sup_key_type {
	SUP_KEY_PROCESS,	/* signal_struct of a process member */
	SUP_KEY_THREAD,		/* task_struct of a thread member */
	SUP_KEY_OWNER,		/* signal_struct of an owner; not unique */
	SUP_KEY_SOCKET,		/* net and port id of an owner; not unique */
	SUP_KEY_OBSERVER,	/* the same of an observer; not unique */
	SUP_KEY_TEMPLATE,	/* task_struct of a thread with a template */
};

/* An entry of the one hash table. RCU for lookup, a bucket's lock to change. */
struct sup_key {
	struct hlist_node node;
	const void *key;
	u8 type;
	bool hashed;		/* under the bucket's lock */
};

/* Shared by the groups of one user. */
struct sup_user {
	struct hlist_node node;
	kuid_t uid;
	unsigned int refs;	/* under users_lock, like node */
	atomic_t groups, members, records;
};

/*
 * What the owner has to be told. Made with what it tells of, so that telling
 * needs no memory; in a list under the lock of the group.
 */
struct sup_record {
	struct list_head node;
	u64 seq;		/* 0: not in the list */
	u64 time;
	u32 charge;		/* socket memory that its ack gives back */
	u8 kind;
};

/* Of group-empty, overflow and owner-lost: part of the group. */
struct sup_note {
	struct sup_record record;
	u8 cause;
	pid_t pid;
	u32 count, killed, untracked;
};

/*
 * The end of a member. Under the target's siglock until the exit probe has
 * claimed the member: the sender and the fault. The rest is filled by the one
 * who ends the member.
 */
struct sup_exit {
	struct sup_record record;
	u8 member_kind;
	u16 flags;
	u16 status, leader_status, last_status;	/* as from wait(2) */
	u8 sender_kind, sender_sig;	/* sig 0: nobody known */
	u8 fault_sig, fault_trap;	/* sig 0: no fault */
	s16 fault_code;
	pid_t pid, sender_pid;
	union {
		pid_t tgid;		/* of a thread */
		pid_t last_tid;		/* of a process, if not the leader */
	};
	uid_t sender_uid;
	u32 max_rss;			/* pages */
	u64 member, cookie, lineage;
	u64 utime, stime;
	u64 start_time, start_boottime;
	u64 fault_addr;
	char comm[TASK_COMM_LEN], exec_name[TASK_COMM_LEN];
	char sender_comm[TASK_COMM_LEN];
};

/*
 * The family of one child: that process and its descendants. References are
 * held by its process members, by the groups that these made, and by its
 * record while that is in the list. It holds its group.
 */
struct sup_lineage {
	refcount_t ref;
	struct rcu_head rcu;
	struct sup_group *group;
	struct list_head node;	/* in group->lineages, under its lock */
	u64 id;
	atomic_t live;		/* processes, and subgroups that have some */
	bool dying;		/* it was killed as a whole; never cleared */
	bool told;		/* under group->lock, like the record */
	struct sup_record empty;
};

enum sup_life {
	SUP_ALIVE,
	SUP_EXITING,		/* claimed by the exit probe */
	SUP_RELEASED,		/* claimed by who took it out of its group */
};

/*
 * A task in a group. The list of the group holds a reference; who moves life
 * away from SUP_ALIVE is the one to take it off that list, once.
 */
struct sup_member {
	refcount_t ref;
	atomic_t life;
	struct sup_key key;
	struct sup_group *group;	/* reference */
	struct sup_lineage *lineage;	/* reference; NULL for threads */
	struct task_struct *task;	/* for its signal_struct; any thread */
	struct pid *pid;		/* of the process, or the thread */
	struct sup_exit *exit;		/* NULL once it is queued */
	struct list_head node;		/* in group->members, by id, RCU */
	u64 id;
	u64 cookie;
	unsigned long doomed;		/* jiffies, see watch.c; 0: not */
	bool stuck_told;
	bool by_group;			/* the module sent SIGKILL */
	bool by_template;
	bool charged;			/* a template has taken the quota */
	bool thread_exec, group_exit, leader_first; /* what threads did */
	bool listed;			/* under group->lock, for walks */
	bool requeued;			/* the task work, once */
	u8 kind;
	union {
		struct callback_head work;	/* threads: task work */
		struct wait_queue_entry wait;	/* on pid->wait_pidfd */
		struct llist_node late;		/* on the way to the softirq */
		struct rcu_head rcu;
	};
};

/*
 * One process and socket for as long as they own the group. Its keys are in
 * the table meanwhile, so it is not used again for the next owner.
 */
struct sup_owner {
	struct rcu_head rcu;
	struct sup_key process_key, socket_key;
	struct sup_group *group;	/* no reference: RCU, see lifetime.md */
	struct task_struct *task;
	struct sock *sk;
	u32 flags;
	char exec_name[TASK_COMM_LEN];
};

/* A socket that has copies of a group's records sent to it. */
struct sup_observer {
	struct rcu_head rcu;
	struct sup_key key;
	struct list_head node;	/* in group->observers, RCU */
	struct sup_group *group;	/* no reference, as with owners */
	struct sock *sk;
	u32 events;
	atomic_t lost;
};

/* A member that waits for its task: the next that a thread makes. */
struct sup_template {
	struct rcu_head rcu;
	struct sup_key key;
	struct list_head node;	/* in group->templates */
	atomic_t taken;		/* by who sets it to 1 */
	struct sup_member *member;
};

enum sup_todo {
	SUP_TODO_ORPHAN,	/* the owner is gone */
	SUP_TODO_CLOSE,		/* nobody will adopt it */
	SUP_TODO_END,		/* closing, and the last member is gone */
	SUP_TODO_FATAL,		/* what is marked as dead is to be killed */
};

struct sup_group {
	refcount_t ref;
	struct rcu_head rcu;
	u64 id;
	u8 policy;
	u8 depth;
	bool complete;
	u32 grace_ms, stuck_ms, max_records;
	u32 fatal;		/* bits of record kinds */
	struct net *net;	/* no reference; NULL: not yet, or it ended */
	struct sup_group *parent;	/* reference, for ever */
	struct sup_lineage *plineage;	/* of the creator in parent; the same */
	atomic_t live;		/* processes, and subgroups that have some */
	atomic_t subgroups;	/* not yet ended */
	bool dying;		/* nothing may be born into it */
	/* Lineages up to here were killed: with all below, and without. */
	u64 dead_tree, dead_alone;
	unsigned long todo;
	struct work_struct work;
	/* Each pending one has a reference. */
	struct delayed_work grace, retry, watch;
	atomic_t drain;		/* requests to the one that sends; notify.c */
	u32 watched;		/* events of the owner and all observers */

	spinlock_t lock;	/* everything below */
	u8 state;
	bool ended;
	struct sup_owner *owner;	/* NULL if there is none */
	pid_t owner_pid;		/* in pidns, also when it is gone */
	u32 flags, events;		/* of the last owner */
	const struct cred *cred;	/* also read under RCU, like pidns */
	struct pid_namespace *pidns;
	struct sup_user *user;
	u8 token[SUP_TOKEN_SIZE];
	struct list_head members, lineages, templates, observers;
	u32 processes, threads, n_templates, n_observers;
	struct sk_buff_head outbox;	/* copies, see inform.c */
	u64 lost;			/* informative, to the owner */
	struct list_head records;	/* by seq: all of (acked, seq] */
	struct sup_record *hint;	/* put last into a message, or NULL */
	u32 exits;			/* exit records in the list */
	u64 seq, sent, acked;		/* acked <= sent <= seq */
	u32 credit, outstanding;	/* bytes of the socket's memory */
	struct sup_note empty, overflow, owner_lost;
	u32 empty_count, lost_count;	/* not yet in a record */
	u32 killed_count, untracked_count;
	u8 overflow_cause, lost_cause;
};

/* What a process brings along when it becomes an owner. */
struct sup_owner_spec {
	struct sock *sk;
	u32 portid;
	u32 flags, events;
	u32 credit;		/* 0: choose */
	const u8 *token;	/* for adoption, or NULL */
	bool privileged;	/* adopts without a token */
};

/* How a group is, whoever owns it. */
struct sup_group_spec {
	u8 policy;
	u32 grace_ms, stuck_ms, max_records;
	u32 fatal;
};

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
struct sup_group *sup_group_next(unsigned long *id);
bool sup_group_tells_locked(const struct sup_group *group);
bool sup_group_charge_locked(struct sup_group *group);
bool sup_group_get(struct sup_group *group);
void sup_group_put(struct sup_group *group);
void sup_group_end(struct sup_group *group);
int sup_group_del(struct sup_group *group, bool release);
void sup_group_todo(struct sup_group *group, enum sup_todo todo);
void sup_group_later(struct sup_group *group, struct delayed_work *work,
		     unsigned long delay);
bool sup_group_dying(const struct sup_group *group,
		     const struct sup_lineage *lineage);
void sup_populate(struct sup_group *group, struct sup_lineage *lineage);
void sup_unpopulate(struct sup_group *group, struct sup_lineage *lineage,
		    bool tell);

/* owner.c */
int sup_owner_init(void);
void sup_owner_exit(void);
int sup_owner_take(struct sup_group *group, const struct sup_owner_spec *spec,
		   struct netlink_ext_ack *extack);
void sup_owner_free(struct sup_owner *owner);
void sup_owner_exited(const struct signal_struct *sig);
void sup_owner_exec(const struct task_struct *task);
void sup_owner_orphan(struct sup_group *group);
void sup_owner_close(struct sup_group *group);
int sup_owner_hand_over(struct sup_group *group, u32 grace_ms, u8 *token);

/* member.c */
int sup_member_init(void);
void sup_member_exit(void);
struct sup_member *sup_member_new(struct sup_group *group, u8 kind,
				  struct sup_lineage *lineage, u64 cookie,
				  gfp_t gfp);
int sup_member_add(struct sup_member *member, struct task_struct *task);
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
void sup_fatal(struct sup_group *group, u8 kind);
bool sup_kill_newborn(struct sup_group *group, struct task_struct *child,
		      struct sup_member *member);

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
bool sup_record_put(struct sk_buff *skb, const struct sup_record *record);
u64 sup_record_put_locked(struct sk_buff *skb, struct sup_group *group,
			  u64 after);

/* notify.c */
void sup_deliver(struct sup_group *group, gfp_t gfp);
int sup_send(struct sock *sk, struct sk_buff *skb, u32 spare);

/* inform.c */
struct sup_info {
	u8 kind;
	struct sup_member *member;	/* NULL: of the group itself */
	u64 parent;
	pid_t old_tid;
	u8 stage;
};

void sup_inform(struct sup_group *group, const struct sup_info *info);
void sup_inform_copy_locked(struct sup_group *group,
			    const struct sup_record *record);
bool sup_inform_send(struct sup_group *group);

/* observe.c */
int sup_observe(struct sup_group *group, struct sock *sk, u32 portid,
		u32 events, struct netlink_ext_ack *extack);
void sup_observers_watch_locked(struct sup_group *group);
void sup_observers_drop(struct sup_group *group);
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
int sup_nl_check_self(struct sk_buff *skb, struct netlink_ext_ack *extack);
int sup_nl_check_permitted(struct sk_buff *skb, struct netlink_ext_ack *extack);
struct sk_buff *sup_nl_reply_new(struct genl_info *info, u8 cmd,
				 void **ret_header);
int sup_nl_reply_send(struct sk_buff *skb, struct genl_info *info,
		      void *header, bool full);

/* netlink_get.c */
int sup_nl_check_visible(struct sup_group *group, struct sk_buff *skb,
			 struct netlink_ext_ack *extack);

#endif
