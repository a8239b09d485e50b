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
 * @SUP_GROUP_FLAG_MEMBER_THREADS: New threads of process members become thread
 *   members.
 * @SUP_GROUP_FLAG_ALLOW_UNTRACKED: A child for which there is no memory, or
 *   that is above a limit, runs without being a member, and an overflow record
 *   counts it. Without the flag it is killed before it runs.
 */
enum sup_group_flag {
	SUP_GROUP_FLAG_INHERIT_THREADS = 1,
	SUP_GROUP_FLAG_INHERIT_CHILDREN = 2,
	SUP_GROUP_FLAG_MEMBER_THREADS = 4,
	SUP_GROUP_FLAG_ALLOW_UNTRACKED = 8,
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
 * enum sup_record_kind - The first five are critical, that is kept until
 *   acknowledged, in one gapless sequence. The others inform; they are told if
 *   the group's events or an observer's name them, and may be lost.
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
 * @SUP_RECORD_KIND_FORK: A process or thread was born into the group.
 * @SUP_RECORD_KIND_EXEC: A process member runs another program.
 * @SUP_RECORD_KIND_EXITING: A member has entered the kernel's exit path. Files
 *   may be open still, and a process is not reapable.
 * @SUP_RECORD_KIND_STUCK: A member that is bound to end has not ended in the
 *   group's stuck-ms; told once for each.
 * @SUP_RECORD_KIND_REFUSED: A kill by the kernel on the group's behalf was
 *   refused, since the process has gained rights that the owner has not.
 * @SUP_RECORD_KIND_ENDED: The group was ended by the administrator, who drains
 *   the module. Told without being asked for.
 */
enum sup_record_kind {
	SUP_RECORD_KIND_EXIT,
	SUP_RECORD_KIND_GROUP_EMPTY,
	SUP_RECORD_KIND_LINEAGE_EMPTY,
	SUP_RECORD_KIND_OWNER_LOST,
	SUP_RECORD_KIND_OVERFLOW,
	SUP_RECORD_KIND_FORK,
	SUP_RECORD_KIND_EXEC,
	SUP_RECORD_KIND_EXITING,
	SUP_RECORD_KIND_STUCK,
	SUP_RECORD_KIND_REFUSED,
	SUP_RECORD_KIND_ENDED,
};

/**
 * enum sup_record_flag
 * @SUP_RECORD_FLAG_CORE: A core was dumped.
 * @SUP_RECORD_FLAG_OOM: The task was a victim of the OOM killer.
 * @SUP_RECORD_FLAG_BY_GROUP: SIGKILL was sent by group-kill, by the policy for
 *   a lost owner or because the task was born into something being killed.
 * @SUP_RECORD_FLAG_SENDER: A process sent the signal that ended this one;
 *   sender-pid, sender-uid and sender-comm are known.
 * @SUP_RECORD_FLAG_FAULT: The signal came from an instruction of the task
 *   itself.
 * @SUP_RECORD_FLAG_WITHHELD: The task has gained rights that the owner has
 *   not, so who sent the signal, and where the fault was, is not told.
 * @SUP_RECORD_FLAG_GROUP_EXIT: The thread did not end by itself, but with its
 *   process, by a signal or an exit_group(2) of another; or, of a process, one
 *   of its threads.
 * @SUP_RECORD_FLAG_LEADER_FIRST: The first thread of the process had ended by
 *   itself, and others went on.
 * @SUP_RECORD_FLAG_THREAD_EXEC: The last exec was by another thread than the
 *   first; that thread has the process id since.
 * @SUP_RECORD_FLAG_TEMPLATE: The member was born by a spawn template.
 */
enum sup_record_flag {
	SUP_RECORD_FLAG_CORE = 1,
	SUP_RECORD_FLAG_OOM = 2,
	SUP_RECORD_FLAG_BY_GROUP = 4,
	SUP_RECORD_FLAG_SENDER = 8,
	SUP_RECORD_FLAG_FAULT = 16,
	SUP_RECORD_FLAG_WITHHELD = 32,
	SUP_RECORD_FLAG_GROUP_EXIT = 64,
	SUP_RECORD_FLAG_LEADER_FIRST = 128,
	SUP_RECORD_FLAG_THREAD_EXEC = 256,
	SUP_RECORD_FLAG_TEMPLATE = 512,
};

/**
 * enum sup_sender - Who sent the signal that ended a process.
 * @SUP_SENDER_KERNEL: For a fault, a terminal, a timer, a limit.
 * @SUP_SENDER_GROUP: The kernel on behalf of the group, see the flag by-group.
 */
enum sup_sender {
	SUP_SENDER_PROCESS,
	SUP_SENDER_KERNEL,
	SUP_SENDER_OOM_KILLER,
	SUP_SENDER_GROUP,
};

/**
 * enum sup_stage - Where a stuck member is.
 * @SUP_STAGE_EXITING: On its way out, in none of the states below.
 * @SUP_STAGE_DUMPING: Its core is being dumped.
 * @SUP_STAGE_TRACED: A tracer has stopped it, or has not reaped it.
 * @SUP_STAGE_BLOCKED: It sleeps uninterruptibly in the kernel.
 */
enum sup_stage {
	SUP_STAGE_EXITING,
	SUP_STAGE_DUMPING,
	SUP_STAGE_TRACED,
	SUP_STAGE_FROZEN,
	SUP_STAGE_BLOCKED,
};

enum sup_owner_loss {
	SUP_OWNER_LOSS_PROCESS_ENDED,
	SUP_OWNER_LOSS_SOCKET_CLOSED,
	SUP_OWNER_LOSS_HANDED_OVER,
};

/**
 * enum sup_overflow_cause
 * @SUP_OVERFLOW_CAUSE_LIMIT: The limit of members or of unacknowledged records
 *   of the user.
 * @SUP_OVERFLOW_CAUSE_LINEAGE_OVER: The lineage in which the group was made
 *   was told empty.
 */
enum sup_overflow_cause {
	SUP_OVERFLOW_CAUSE_NO_MEMORY,
	SUP_OVERFLOW_CAUSE_LIMIT,
	SUP_OVERFLOW_CAUSE_LINEAGE_OVER,
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
	SUP_A_GROUP_ALONE,
	SUP_A_GROUP_EVENTS,
	SUP_A_GROUP_FATAL,
	SUP_A_GROUP_STUCK_MS,
	SUP_A_GROUP_MAX_RECORDS,
	SUP_A_GROUP_LOST,
	SUP_A_GROUP_OBSERVERS,

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
	SUP_A_MEMBER_DESCENDANTS,

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
	SUP_A_RECORD_LIFETIME,
	SUP_A_RECORD_EXEC_NAME,
	SUP_A_RECORD_SENDER_KIND,
	SUP_A_RECORD_SENDER_COMM,
	SUP_A_RECORD_FAULT_ADDR,
	SUP_A_RECORD_FAULT_CODE,
	SUP_A_RECORD_FAULT_TRAP,
	SUP_A_RECORD_LEADER_CODE,
	SUP_A_RECORD_LEADER_SIGNAL,
	SUP_A_RECORD_LAST_TID,
	SUP_A_RECORD_LAST_CODE,
	SUP_A_RECORD_LAST_SIGNAL,
	SUP_A_RECORD_PARENT,
	SUP_A_RECORD_OLD_TID,
	SUP_A_RECORD_STAGE,
	SUP_A_RECORD_OWNER_LOSS,

	__SUP_A_RECORD_MAX,
	SUP_A_RECORD_MAX = (__SUP_A_RECORD_MAX - 1)
};

enum {
	SUP_A_BATCH_PAD = 1,
	SUP_A_BATCH_GROUP,
	SUP_A_BATCH_RECORD,
	SUP_A_BATCH_SEQ,
	SUP_A_BATCH_PENDING,
	SUP_A_BATCH_LOST,

	__SUP_A_BATCH_MAX,
	SUP_A_BATCH_MAX = (__SUP_A_BATCH_MAX - 1)
};

enum {
	SUP_CMD_GROUP_NEW = 1,
	SUP_CMD_GROUP_DEL,
	SUP_CMD_GROUP_GET,
	SUP_CMD_GROUP_KILL,
	SUP_CMD_GROUP_ADOPT,
	SUP_CMD_GROUP_HAND_OVER,
	SUP_CMD_MEMBER_ADD,
	SUP_CMD_MEMBER_GET,
	SUP_CMD_SPAWN_SET,
	SUP_CMD_SPAWN_CLEAR,
	SUP_CMD_OBSERVE,
	SUP_CMD_RECORD_GET,
	SUP_CMD_RECORD_ACK,
	SUP_CMD_RECORD_NTF,
	SUP_CMD_INFORM_NTF,
	SUP_CMD_OBSERVE_NTF,

	__SUP_CMD_MAX,
	SUP_CMD_MAX = (__SUP_CMD_MAX - 1)
};

#endif /* _UAPI_LINUX_SUP_H */
