/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The objects of the module. Who owns them, and the order of locks, is in
 * Documentation/lifetime.md and Documentation/locking.md.
 */
#ifndef SUP_OBJECTS_H
#define SUP_OBJECTS_H

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
	u8 sender_ns, last_ns;		/* group->ns when the pid was taken */
	bool has_last;			/* the last thread was not the leader */
	s16 fault_code;
	pid_t pid, sender_pid;
	union {
		pid_t tgid;		/* of a thread */
		pid_t last_tid;		/* of a process with has_last */
	};
	kuid_t sender_uid;
	u32 max_rss;			/* pages */
	u64 member, cookie, lineage;
	u64 utime, stime;
	u64 start_time, start_boottime;
	u64 fault_addr;
	char comm[TASK_COMM_LEN], exec_name[TASK_COMM_LEN];
	char sender_comm[TASK_COMM_LEN];
};

/*
 * Instead of a count, and less than 0 whoever tries to join: the owner was told
 * that it is empty, so it is over.
 */
#define SUP_OVER	(INT_MIN / 2)

/*
 * The family of one child: that process and its descendants. References are
 * held by its process members, by the groups that these made, and by its
 * record while that is in the list. It holds its group.
 */
struct sup_lineage {
	refcount_t ref;
	atomic_t live;		/* processes, in subgroups too; or SUP_OVER */
	struct sup_group *group;
	struct list_head node;	/* in group->lineages, RCU */
	u64 id;			/* 0: no member yet, and not in that list */
	bool dying;		/* it was killed as a whole; never cleared */
	union {
		struct sup_record empty;
		struct rcu_head rcu;
	};
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
	bool doubted;			/* by watch.c: it may not end at all */
	bool by_group;			/* the module sent SIGKILL */
	bool cause_fixed;		/* under siglock, see cause.c */
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

enum sup_due {
	SUP_DUE_ORPHAN,		/* the owner is gone */
	SUP_DUE_CLOSE,		/* nobody will adopt it */
	SUP_DUE_END,		/* closing, and the last member is gone */
	SUP_DUE_FATAL,		/* what is marked as dead is to be killed */
};

struct sup_group {
	refcount_t ref;
	struct rcu_head rcu;
	u64 id;
	u8 policy;
	u8 depth;
	bool complete;
	u32 grace_ms, stuck_ms, max_records;
	u32 fatal;		/* bits of record kinds; 0 once let go */
	struct net *net;	/* no reference; NULL: not yet, or it ended */
	struct sup_group *parent;	/* reference, for ever */
	struct sup_lineage *plineage;	/* of the creator in parent; the same */
	atomic_t live;		/* processes, in subgroups too */
	atomic_t subgroups;	/* not yet ended */
	bool dying;		/* nothing may be born into it */
	/* Lineages up to here were killed: with all below, and without. */
	u64 dead_tree, dead_alone;
	unsigned long due;		/* bits of enum sup_due */
	struct work_struct work;
	/* Each pending one has a reference. */
	struct delayed_work grace, retry, watch;
	atomic_t drain;		/* requests to the one that sends; notify.c */
	unsigned long backoff;	/* jiffies, by the one that sends */
	struct page *page;	/* of messages; by the one that sends */
	u32 page_used;
	u32 watched;		/* events of the owner and all observers */

	spinlock_t lock;	/* everything below */
	u8 state;
	unsigned long deadline;	/* jiffies, of what is retained */
	bool ended;		/* also read without, see group.c */
	bool let_go;		/* closing, and its processes live on */
	struct sup_owner *owner;	/* NULL if there is none */
	pid_t owner_pid;		/* in pidns, also when it is gone */
	u32 flags, events;		/* of the last owner */
	u8 ns;			/* counts the pid namespaces it had */
	const struct cred *cred;	/* also read under RCU, like pidns */
	struct pid_namespace *pidns;
	struct sup_user *user;
	u8 token[SUP_TOKEN_SIZE];
	struct list_head members, lineages, templates, observers;
	u32 processes, threads, n_templates, n_observers;
	u32 n_child_templates;		/* of n_templates: for processes */
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
	const struct cred *power;	/* or power over these, the group's */
};

/* How a group is, whoever owns it. */
struct sup_group_spec {
	u8 policy;
	u32 grace_ms, stuck_ms, max_records;
	u32 fatal;
};

#endif
