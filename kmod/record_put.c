// SPDX-License-Identifier: GPL-2.0-only
/* Records as attributes of a message. */
#include "sup.h"

static bool put_u64(struct sk_buff *skb, int type, u64 value)
{
	return !nla_put_u64_64bit(skb, type, value, SUP_A_RECORD_PAD);
}

static bool put_u32(struct sk_buff *skb, int type, u32 value)
{
	return !nla_put_u32(skb, type, value);
}

/* A status as from wait(2), as two attributes. */
static bool put_status(struct sk_buff *skb, int code, int signal, u16 status)
{
	int sig = status & 0x7f;

	return put_u32(skb, code, sig ? 0 : status >> 8) &&
	       put_u32(skb, signal, sig);
}

static bool put_times(struct sk_buff *skb, const struct sup_exit *e)
{
	u64 lifetime = e->record.time - e->start_time;

	return put_u64(skb, SUP_A_RECORD_UTIME, e->utime) &&
	       put_u64(skb, SUP_A_RECORD_STIME, e->stime) &&
	       (e->member_kind == SUP_MEMBER_KIND_THREAD ||
		put_u64(skb, SUP_A_RECORD_MAX_RSS,
			(u64)e->max_rss << PAGE_SHIFT)) &&
	       put_u64(skb, SUP_A_RECORD_START_TIME, e->start_time) &&
	       put_u64(skb, SUP_A_RECORD_START_BOOTTIME, e->start_boottime) &&
	       put_u64(skb, SUP_A_RECORD_LIFETIME, lifetime);
}

static bool put_sender(struct sk_buff *skb, const struct sup_exit *e)
{
	if (!e->sender_sig)
		return true;
	if (!put_u32(skb, SUP_A_RECORD_SENDER_KIND, e->sender_kind))
		return false;
	return !(e->flags & SUP_RECORD_FLAG_SENDER) ||
	       (put_u32(skb, SUP_A_RECORD_SENDER_PID, e->sender_pid) &&
		put_u32(skb, SUP_A_RECORD_SENDER_UID, e->sender_uid) &&
		!nla_put_string(skb, SUP_A_RECORD_SENDER_COMM,
				e->sender_comm));
}

static bool put_fault(struct sk_buff *skb, const struct sup_exit *e)
{
	return !(e->flags & SUP_RECORD_FLAG_FAULT) ||
	       (put_u64(skb, SUP_A_RECORD_FAULT_ADDR, e->fault_addr) &&
		put_u32(skb, SUP_A_RECORD_FAULT_CODE, e->fault_code) &&
		(!e->fault_trap ||
		 put_u32(skb, SUP_A_RECORD_FAULT_TRAP, e->fault_trap)));
}

/* What the first and the last thread of a process had to do with its end. */
static bool put_story(struct sk_buff *skb, const struct sup_exit *e)
{
	return e->member_kind == SUP_MEMBER_KIND_THREAD || !e->last_tid ||
	       (put_status(skb, SUP_A_RECORD_LEADER_CODE,
			   SUP_A_RECORD_LEADER_SIGNAL, e->leader_status) &&
		put_u32(skb, SUP_A_RECORD_LAST_TID, e->last_tid) &&
		put_status(skb, SUP_A_RECORD_LAST_CODE,
			   SUP_A_RECORD_LAST_SIGNAL, e->last_status));
}

static bool put_exit(struct sk_buff *skb, const struct sup_exit *e)
{
	bool thread = e->member_kind == SUP_MEMBER_KIND_THREAD;

	return put_u64(skb, SUP_A_RECORD_MEMBER, e->member) &&
	       put_u32(skb, SUP_A_RECORD_MEMBER_KIND, e->member_kind) &&
	       put_u64(skb, SUP_A_RECORD_COOKIE, e->cookie) &&
	       put_u64(skb, SUP_A_RECORD_LINEAGE, e->lineage) &&
	       put_u32(skb, SUP_A_RECORD_PID, e->pid) &&
	       put_u32(skb, SUP_A_RECORD_TGID, thread ? e->tgid : e->pid) &&
	       put_status(skb, SUP_A_RECORD_CODE, SUP_A_RECORD_SIGNAL,
			  e->status) &&
	       put_u32(skb, SUP_A_RECORD_FLAGS, e->flags) &&
	       put_times(skb, e) &&
	       !nla_put_string(skb, SUP_A_RECORD_COMM, e->comm) &&
	       (!e->exec_name[0] ||
		!nla_put_string(skb, SUP_A_RECORD_EXEC_NAME, e->exec_name)) &&
	       put_sender(skb, e) && put_fault(skb, e) && put_story(skb, e);
}

static bool put_note(struct sk_buff *skb, const struct sup_note *note)
{
	switch (note->record.kind) {
	case SUP_RECORD_KIND_OWNER_LOST:
		return put_u32(skb, SUP_A_RECORD_PID, note->pid) &&
		       put_u32(skb, SUP_A_RECORD_OWNER_LOSS, note->cause) &&
		       put_u32(skb, SUP_A_RECORD_COUNT, note->count);
	case SUP_RECORD_KIND_OVERFLOW:
		return put_u32(skb, SUP_A_RECORD_CAUSE, note->cause) &&
		       put_u32(skb, SUP_A_RECORD_KILLED, note->killed) &&
		       put_u32(skb, SUP_A_RECORD_UNTRACKED, note->untracked);
	default:
		return put_u32(skb, SUP_A_RECORD_COUNT, note->count);
	}
}

static bool put_body(struct sk_buff *skb, const struct sup_record *r)
{
	switch (r->kind) {
	case SUP_RECORD_KIND_EXIT:
		return put_exit(skb, container_of(r, struct sup_exit, record));
	case SUP_RECORD_KIND_LINEAGE_EMPTY:
		return put_u64(skb, SUP_A_RECORD_LINEAGE,
			       container_of(r, struct sup_lineage, empty)->id);
	default:
		return put_note(skb, container_of(r, struct sup_note, record));
	}
}

/* False, and nothing was put, if there is no room. */
bool sup_record_put(struct sk_buff *skb, const struct sup_record *r)
{
	struct nlattr *nest = nla_nest_start(skb, SUP_A_BATCH_RECORD);

	if (!nest)
		return false;
	if (put_u32(skb, SUP_A_RECORD_KIND, r->kind) &&
	    put_u64(skb, SUP_A_RECORD_SEQ, r->seq) &&
	    put_u64(skb, SUP_A_RECORD_TIME, r->time) && put_body(skb, r)) {
		nla_nest_end(skb, nest);
		return true;
	}
	nla_nest_cancel(skb, nest);
	return false;
}

/*
 * Puts the records that follow seq, as many as there is room for, and returns
 * the seq of the last, which is the hint then: the next call, by the sender or
 * a dump, goes on there.
 */
u64 sup_record_put_locked(struct sk_buff *skb, struct sup_group *group,
			  u64 seq)
{
	struct sup_record *record;

	lockdep_assert_held(&group->lock);
	record = list_first_entry(&group->records, struct sup_record, node);
	if (group->hint && group->hint->seq <= seq)
		record = group->hint;
	list_for_each_entry_from(record, &group->records, node) {
		if (record->seq <= seq)
			continue;
		if (!sup_record_put(skb, record))
			break;
		seq = record->seq;
		group->hint = record;
	}
	return seq;
}
