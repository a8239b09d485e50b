/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/sup.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_SUP_H
#define _UAPI_LINUX_SUP_H

#define SUP_FAMILY_NAME		"sup"
#define SUP_FAMILY_VERSION	1

#define SUP_TOKEN_SIZE	16
#define SUP_COMM_SIZE	16

/**
 * enum sup_group_flag - What joins a group by being born. A process can own at
 *   most one group with either flag. Children of process members always join
 *   the group of their parent.
 * @SUP_GROUP_FLAG_INHERIT_THREADS: New threads of the owner's process become
 *   thread members.
 * @SUP_GROUP_FLAG_INHERIT_CHILDREN: New children of the owner's process become
 *   process members, and each of them starts a lineage.
 */
enum sup_group_flag {
	SUP_GROUP_FLAG_INHERIT_THREADS = 1,
	SUP_GROUP_FLAG_INHERIT_CHILDREN = 2,
};

/**
 * enum sup_policy - What becomes of a group that lost its owner.
 * @SUP_POLICY_KILL: Its processes are killed.
 * @SUP_POLICY_RETAIN: It is kept for the grace time, to be adopted; then
 *   killed.
 */
enum sup_policy {
	SUP_POLICY_KILL,
	SUP_POLICY_RETAIN,
};

/**
 * enum sup_group_state
 * @SUP_GROUP_STATE_OWNED: The owner lives.
 * @SUP_GROUP_STATE_RETAINED: The owner is gone; the group can be adopted.
 * @SUP_GROUP_STATE_CLOSING: The owner is gone and the processes were killed;
 *   the group ends with the last of them.
 */
enum sup_group_state {
	SUP_GROUP_STATE_OWNED,
	SUP_GROUP_STATE_RETAINED,
	SUP_GROUP_STATE_CLOSING,
};

enum sup_member_kind {
	SUP_MEMBER_KIND_PROCESS,
	SUP_MEMBER_KIND_THREAD,
};

/**
 * enum sup_member_state
 * @SUP_MEMBER_STATE_EXITING: Past the point of no return, not yet told.
 */
enum sup_member_state {
	SUP_MEMBER_STATE_ALIVE,
	SUP_MEMBER_STATE_EXITING,
};

/**
 * enum sup_record_kind - All kinds are kept until acknowledged, in one gapless
 *   sequence.
 * @SUP_RECORD_KIND_EXIT: A member ended. A process is reapable, and has closed
 *   its files.
 * @SUP_RECORD_KIND_GROUP_EMPTY: The last process of the group and of its
 *   subgroups ended.
 * @SUP_RECORD_KIND_LINEAGE_EMPTY: The last process of a lineage ended,
 *   subgroups made by the lineage included. Told once for each lineage, after
 *   its last exit record.
 * @SUP_RECORD_KIND_OWNER_LOST: For the adopter; the former owner's process
 *   ended or its socket was closed.
 * @SUP_RECORD_KIND_OVERFLOW: Children could not become members.
 */
enum sup_record_kind {
	SUP_RECORD_KIND_EXIT,
	SUP_RECORD_KIND_GROUP_EMPTY,
	SUP_RECORD_KIND_LINEAGE_EMPTY,
	SUP_RECORD_KIND_OWNER_LOST,
	SUP_RECORD_KIND_OVERFLOW,
};

/**
 * enum sup_record_flag
 * @SUP_RECORD_FLAG_CORE: A core was dumped.
 * @SUP_RECORD_FLAG_OOM: The task was a victim of the OOM killer.
 * @SUP_RECORD_FLAG_BY_GROUP: SIGKILL was sent by group-kill, by the policy for
 *   a lost owner or because the task was born into something being killed.
 * @SUP_RECORD_FLAG_SENDER: sender-pid and sender-uid are known.
 */
enum sup_record_flag {
	SUP_RECORD_FLAG_CORE = 1,
	SUP_RECORD_FLAG_OOM = 2,
	SUP_RECORD_FLAG_BY_GROUP = 4,
	SUP_RECORD_FLAG_SENDER = 8,
};

/**
 * enum sup_overflow_cause
 * @SUP_OVERFLOW_CAUSE_LIMIT: The limit of members or of unacknowledged records
 *   of the user.
 */
enum sup_overflow_cause {
	SUP_OVERFLOW_CAUSE_NO_MEMORY,
	SUP_OVERFLOW_CAUSE_LIMIT,
};

enum {
	SUP_A_GROUP_PAD = 1,
	SUP_A_GROUP_ID,
	SUP_A_GROUP_FLAGS,
	SUP_A_GROUP_POLICY,
	SUP_A_GROUP_GRACE_MS,
	SUP_A_GROUP_TOKEN,
	SUP_A_GROUP_CREDIT,
	SUP_A_GROUP_PARENT,
	SUP_A_GROUP_PARENT_LINEAGE,
	SUP_A_GROUP_STATE,
	SUP_A_GROUP_OWNER_PID,
	SUP_A_GROUP_OWNER_UID,
	SUP_A_GROUP_PROCESSES,
	SUP_A_GROUP_THREADS,
	SUP_A_GROUP_SUBGROUPS,
	SUP_A_GROUP_RECORDS,
	SUP_A_GROUP_SEQ,
	SUP_A_GROUP_ACKED,
	SUP_A_GROUP_RELEASE,
	SUP_A_GROUP_SIGNAL,
	SUP_A_GROUP_LINEAGE,
	SUP_A_GROUP_MEMBER,
	SUP_A_GROUP_SIGNALLED,
	SUP_A_GROUP_REFUSED,

	__SUP_A_GROUP_MAX,
	SUP_A_GROUP_MAX = (__SUP_A_GROUP_MAX - 1)
};

enum {
	SUP_A_MEMBER_PAD = 1,
	SUP_A_MEMBER_GROUP,
	SUP_A_MEMBER_ID,
	SUP_A_MEMBER_KIND,
	SUP_A_MEMBER_PID,
	SUP_A_MEMBER_TGID,
	SUP_A_MEMBER_LINEAGE,
	SUP_A_MEMBER_COOKIE,
	SUP_A_MEMBER_START_BOOTTIME,
	SUP_A_MEMBER_START_TICKS,
	SUP_A_MEMBER_COMM,
	SUP_A_MEMBER_STATE,
	SUP_A_MEMBER_SELF,
	SUP_A_MEMBER_PIDFD,
	SUP_A_MEMBER_ADDED,

	__SUP_A_MEMBER_MAX,
	SUP_A_MEMBER_MAX = (__SUP_A_MEMBER_MAX - 1)
};

enum {
	SUP_A_RECORD_PAD = 1,
	SUP_A_RECORD_KIND,
	SUP_A_RECORD_SEQ,
	SUP_A_RECORD_TIME,
	SUP_A_RECORD_MEMBER,
	SUP_A_RECORD_MEMBER_KIND,
	SUP_A_RECORD_COOKIE,
	SUP_A_RECORD_LINEAGE,
	SUP_A_RECORD_PID,
	SUP_A_RECORD_TGID,
	SUP_A_RECORD_CODE,
	SUP_A_RECORD_SIGNAL,
	SUP_A_RECORD_FLAGS,
	SUP_A_RECORD_UTIME,
	SUP_A_RECORD_STIME,
	SUP_A_RECORD_MAX_RSS,
	SUP_A_RECORD_START_TIME,
	SUP_A_RECORD_START_BOOTTIME,
	SUP_A_RECORD_COMM,
	SUP_A_RECORD_SENDER_PID,
	SUP_A_RECORD_SENDER_UID,
	SUP_A_RECORD_CAUSE,
	SUP_A_RECORD_KILLED,
	SUP_A_RECORD_UNTRACKED,
	SUP_A_RECORD_COUNT,

	__SUP_A_RECORD_MAX,
	SUP_A_RECORD_MAX = (__SUP_A_RECORD_MAX - 1)
};

enum {
	SUP_A_BATCH_PAD = 1,
	SUP_A_BATCH_GROUP,
	SUP_A_BATCH_RECORD,
	SUP_A_BATCH_SEQ,
	SUP_A_BATCH_PENDING,

	__SUP_A_BATCH_MAX,
	SUP_A_BATCH_MAX = (__SUP_A_BATCH_MAX - 1)
};

enum {
	SUP_CMD_GROUP_NEW = 1,
	SUP_CMD_GROUP_DEL,
	SUP_CMD_GROUP_GET,
	SUP_CMD_GROUP_KILL,
	SUP_CMD_GROUP_ADOPT,
	SUP_CMD_MEMBER_ADD,
	SUP_CMD_MEMBER_GET,
	SUP_CMD_RECORD_GET,
	SUP_CMD_RECORD_ACK,
	SUP_CMD_RECORD_NTF,

	__SUP_CMD_MAX,
	SUP_CMD_MAX = (__SUP_CMD_MAX - 1)
};

#endif /* _UAPI_LINUX_SUP_H */
