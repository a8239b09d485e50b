// SPDX-License-Identifier: GPL-2.0-only
/* Records as attributes of a message. */
#include "sup.h"

/*
 * The largest record has room when the first of these is called, so that none
 * has to look: this is where most of a record's way to its reader goes.
 */
static __always_inline void *put_attr(struct sk_buff *skb, int type, size_t len)
{
	struct nlattr *attr = __skb_put(skb, nla_total_size(len));

	attr->nla_type = type;
	attr->nla_len = nla_attr_size(len);
	memset(nla_data(attr) + len, 0, nla_padlen(len));
	return nla_data(attr);
}

static void put_u32(struct sk_buff *skb, int type, u32 value)
{
	*(u32 *)put_attr(skb, type, sizeof(value)) = value;
}

static void put_u64(struct sk_buff *skb, int type, u64 value)
{
	if (nla_need_padding_for_64bit(skb))
		put_attr(skb, SUP_A_RECORD_PAD, 0);
	memcpy(put_attr(skb, type, sizeof(value)), &value, sizeof(value));
}

static void put_name(struct sk_buff *skb, int type, const char *name)
{
	size_t len = strnlen(name, TASK_COMM_LEN - 1) + 1;
	char *data = put_attr(skb, type, len);

	memcpy(data, name, len - 1);
	data[len - 1] = '\0';
}

/* A status as from wait(2), as two attributes. */
static void put_status(struct sk_buff *skb, int code, int signal, u16 status)
{
	int sig = status & 0x7f;

	put_u32(skb, code, sig ? 0 : status >> 8);
	put_u32(skb, signal, sig);
}

static void put_times(struct sk_buff *skb, const struct sup_exit *e)
{
	put_u64(skb, SUP_A_RECORD_UTIME, e->utime);
	put_u64(skb, SUP_A_RECORD_STIME, e->stime);
	if (e->member_kind != SUP_MEMBER_KIND_THREAD)
		put_u64(skb, SUP_A_RECORD_MAX_RSS,
			(u64)e->max_rss << PAGE_SHIFT);
	put_u64(skb, SUP_A_RECORD_START_TIME, e->start_time);
	put_u64(skb, SUP_A_RECORD_START_BOOTTIME, e->start_boottime);
	put_u64(skb, SUP_A_RECORD_LIFETIME, e->record.time - e->start_time);
}

static void put_sender(struct sk_buff *skb, const struct sup_exit *e)
{
	if (!e->sender_sig)
		return;
	put_u32(skb, SUP_A_RECORD_SENDER_KIND, e->sender_kind);
	if (!(e->flags & SUP_RECORD_FLAG_SENDER))
		return;
	put_u32(skb, SUP_A_RECORD_SENDER_PID, e->sender_pid);
	put_u32(skb, SUP_A_RECORD_SENDER_UID, e->sender_uid);
	put_name(skb, SUP_A_RECORD_SENDER_COMM, e->sender_comm);
}

static void put_fault(struct sk_buff *skb, const struct sup_exit *e)
{
	if (!(e->flags & SUP_RECORD_FLAG_FAULT))
		return;
	put_u64(skb, SUP_A_RECORD_FAULT_ADDR, e->fault_addr);
	put_u32(skb, SUP_A_RECORD_FAULT_CODE, e->fault_code);
	if (e->fault_trap)
		put_u32(skb, SUP_A_RECORD_FAULT_TRAP, e->fault_trap);
}

/* What the first and the last thread of a process had to do with its end. */
static void put_story(struct sk_buff *skb, const struct sup_exit *e)
{
	if (e->member_kind == SUP_MEMBER_KIND_THREAD || !e->has_last)
		return;
	put_status(skb, SUP_A_RECORD_LEADER_CODE, SUP_A_RECORD_LEADER_SIGNAL,
		   e->leader_status);
	put_u32(skb, SUP_A_RECORD_LAST_TID, e->last_tid);
	put_status(skb, SUP_A_RECORD_LAST_CODE, SUP_A_RECORD_LAST_SIGNAL,
		   e->last_status);
}

static void put_exit(struct sk_buff *skb, const struct sup_exit *e)
{
	bool thread = e->member_kind == SUP_MEMBER_KIND_THREAD;

	put_u64(skb, SUP_A_RECORD_MEMBER, e->member);
	put_u32(skb, SUP_A_RECORD_MEMBER_KIND, e->member_kind);
	put_u64(skb, SUP_A_RECORD_COOKIE, e->cookie);
	put_u64(skb, SUP_A_RECORD_LINEAGE, e->lineage);
	put_u32(skb, SUP_A_RECORD_PID, e->pid);
	put_u32(skb, SUP_A_RECORD_TGID, thread ? e->tgid : e->pid);
	put_status(skb, SUP_A_RECORD_CODE, SUP_A_RECORD_SIGNAL, e->status);
	put_u32(skb, SUP_A_RECORD_FLAGS, e->flags);
	put_times(skb, e);
	put_name(skb, SUP_A_RECORD_COMM, e->comm);
	if (e->exec_name[0])
		put_name(skb, SUP_A_RECORD_EXEC_NAME, e->exec_name);
	put_sender(skb, e);
	put_fault(skb, e);
	put_story(skb, e);
}

static void put_note(struct sk_buff *skb, const struct sup_note *note)
{
	switch (note->record.kind) {
	case SUP_RECORD_KIND_OWNER_LOST:
		put_u32(skb, SUP_A_RECORD_PID, note->pid);
		put_u32(skb, SUP_A_RECORD_OWNER_LOSS, note->cause);
		put_u32(skb, SUP_A_RECORD_COUNT, note->count);
		break;
	case SUP_RECORD_KIND_OVERFLOW:
		put_u32(skb, SUP_A_RECORD_CAUSE, note->cause);
		put_u32(skb, SUP_A_RECORD_KILLED, note->killed);
		put_u32(skb, SUP_A_RECORD_UNTRACKED, note->untracked);
		break;
	default:
		put_u32(skb, SUP_A_RECORD_COUNT, note->count);
	}
}

static void put_body(struct sk_buff *skb, const struct sup_record *r)
{
	switch (r->kind) {
	case SUP_RECORD_KIND_EXIT:
		put_exit(skb, container_of(r, struct sup_exit, record));
		break;
	case SUP_RECORD_KIND_LINEAGE_EMPTY:
		put_u64(skb, SUP_A_RECORD_LINEAGE,
			container_of(r, struct sup_lineage, empty)->id);
		break;
	default:
		put_note(skb, container_of(r, struct sup_note, record));
	}
}

/* False, and nothing was put, if there is no room for the largest. */
bool sup_record_put(struct sk_buff *skb, const struct sup_record *r)
{
	struct nlattr *nest;

	if (skb_tailroom(skb) < SUP_RECORD_ROOM)
		return false;
	nest = __skb_put(skb, NLA_HDRLEN);
	nest->nla_type = SUP_A_BATCH_RECORD | NLA_F_NESTED;
	put_u32(skb, SUP_A_RECORD_KIND, r->kind);
	put_u64(skb, SUP_A_RECORD_SEQ, r->seq);
	put_u64(skb, SUP_A_RECORD_TIME, r->time);
	put_body(skb, r);
	nla_nest_end(skb, nest);
	return true;
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
