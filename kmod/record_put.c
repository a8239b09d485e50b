// SPDX-License-Identifier: GPL-2.0-only
/* Records as attributes of a message. */
#include "sup.h"

#include <linux/bitops.h>
#include <linux/cred.h>
#include <linux/user_namespace.h>

/*
 * Where the next attribute goes. There is room for the largest record when one
 * is begun, so that none of its attributes has to look: this is where most of a
 * record's way to its reader goes.
 */
struct place {
	char *at;
	struct user_namespace *users;	/* the owner's */
};

/* Returns where the payload goes, which needs no padding behind it. */
static __always_inline void *put_attr(struct place *place, u16 type, size_t len)
{
	struct nlattr *attr = (struct nlattr *)place->at;

	attr->nla_len = nla_attr_size(len);
	attr->nla_type = type;
	place->at += nla_attr_size(len);
	return nla_data(attr);
}

static __always_inline void put_u32(struct place *place, u16 type, u32 value)
{
	*(u32 *)put_attr(place, type, sizeof(value)) = value;
}

static __always_inline void put_u64(struct place *place, u16 type, u64 value)
{
	/* Where the payload would not be aligned, and has to be. */
	if (!IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) &&
	    IS_ALIGNED((unsigned long)place->at, sizeof(value)))
		put_attr(place, SUP_A_RECORD_PAD, 0);
	memcpy(put_attr(place, type, sizeof(value)), &value, sizeof(value));
}

/* With its NUL. The rest of a name is NULs, so its last byte is the highest. */
static size_t name_size(const char *name)
{
	__le64 half[2];
	int bits;

	BUILD_BUG_ON(sizeof(half) != TASK_COMM_LEN);
	memcpy(half, name, sizeof(half));
	bits = half[1] ? 64 + fls64(le64_to_cpu(half[1]))
		       : fls64(le64_to_cpu(half[0]));
	return DIV_ROUND_UP(bits, 8) + 1;
}

static void put_name(struct place *place, u16 type, const char *name)
{
	struct nlattr *attr = (struct nlattr *)place->at;
	size_t len = name_size(name);

	/* What is beyond len is padding, or written over by the next. */
	memcpy(nla_data(attr), name, TASK_COMM_LEN);
	attr->nla_len = nla_attr_size(len);
	attr->nla_type = type;
	place->at += nla_total_size(len);
}

/* A status as from wait(2), as two attributes. */
static void put_status(struct place *place, int code, int signal, u16 status)
{
	int sig = status & 0x7f;

	put_u32(place, code, sig ? 0 : status >> 8);
	put_u32(place, signal, sig);
}

static void put_times(struct place *place, const struct sup_exit *e)
{
	put_u64(place, SUP_A_RECORD_UTIME, e->utime);
	put_u64(place, SUP_A_RECORD_STIME, e->stime);
	if (e->member_kind != SUP_MEMBER_KIND_THREAD)
		put_u64(place, SUP_A_RECORD_MAX_RSS,
			(u64)e->max_rss << PAGE_SHIFT);
	put_u64(place, SUP_A_RECORD_START_TIME, e->start_time);
	put_u64(place, SUP_A_RECORD_START_BOOTTIME, e->start_boottime);
	put_u64(place, SUP_A_RECORD_LIFETIME, e->record.time - e->start_time);
}

static void put_sender(struct place *place, const struct sup_exit *e)
{
	if (!e->sender_sig)
		return;
	put_u32(place, SUP_A_RECORD_SENDER_KIND, e->sender_kind);
	if (!(e->flags & SUP_RECORD_FLAG_SENDER))
		return;
	put_u32(place, SUP_A_RECORD_SENDER_PID, e->sender_pid);
	put_u32(place, SUP_A_RECORD_SENDER_UID,
		from_kuid_munged(place->users, e->sender_uid));
	put_name(place, SUP_A_RECORD_SENDER_COMM, e->sender_comm);
}

static void put_fault(struct place *place, const struct sup_exit *e)
{
	if (!(e->flags & SUP_RECORD_FLAG_FAULT))
		return;
	put_u64(place, SUP_A_RECORD_FAULT_ADDR, e->fault_addr);
	put_u32(place, SUP_A_RECORD_FAULT_CODE, e->fault_code);
	if (e->fault_trap)
		put_u32(place, SUP_A_RECORD_FAULT_TRAP, e->fault_trap);
}

/* What the first and the last thread of a process had to do with its end. */
static void put_story(struct place *place, const struct sup_exit *e)
{
	if (e->member_kind == SUP_MEMBER_KIND_THREAD || !e->has_last)
		return;
	put_status(place, SUP_A_RECORD_LEADER_CODE, SUP_A_RECORD_LEADER_SIGNAL,
		   e->leader_status);
	put_u32(place, SUP_A_RECORD_LAST_TID, e->last_tid);
	put_status(place, SUP_A_RECORD_LAST_CODE, SUP_A_RECORD_LAST_SIGNAL,
		   e->last_status);
}

static void put_exit(struct place *place, const struct sup_exit *e)
{
	bool thread = e->member_kind == SUP_MEMBER_KIND_THREAD;

	put_u64(place, SUP_A_RECORD_MEMBER, e->member);
	put_u32(place, SUP_A_RECORD_MEMBER_KIND, e->member_kind);
	put_u64(place, SUP_A_RECORD_COOKIE, e->cookie);
	put_u64(place, SUP_A_RECORD_LINEAGE, e->lineage);
	put_u32(place, SUP_A_RECORD_PID, e->pid);
	put_u32(place, SUP_A_RECORD_TGID, thread ? e->tgid : e->pid);
	put_status(place, SUP_A_RECORD_CODE, SUP_A_RECORD_SIGNAL, e->status);
	put_u32(place, SUP_A_RECORD_FLAGS, e->flags);
	put_times(place, e);
	put_name(place, SUP_A_RECORD_COMM, e->comm);
	if (e->exec_name[0])
		put_name(place, SUP_A_RECORD_EXEC_NAME, e->exec_name);
	put_sender(place, e);
	put_fault(place, e);
	put_story(place, e);
}

static void put_note(struct place *place, const struct sup_note *note)
{
	switch (note->record.kind) {
	case SUP_RECORD_KIND_OWNER_LOST:
		put_u32(place, SUP_A_RECORD_PID, note->pid);
		put_u32(place, SUP_A_RECORD_OWNER_LOSS, note->cause);
		put_u32(place, SUP_A_RECORD_COUNT, note->count);
		break;
	case SUP_RECORD_KIND_OVERFLOW:
		put_u32(place, SUP_A_RECORD_CAUSE, note->cause);
		put_u32(place, SUP_A_RECORD_KILLED, note->killed);
		put_u32(place, SUP_A_RECORD_UNTRACKED, note->untracked);
		break;
	default:
		put_u32(place, SUP_A_RECORD_COUNT, note->count);
	}
}

static void put_body(struct place *place, const struct sup_record *r)
{
	switch (r->kind) {
	case SUP_RECORD_KIND_EXIT:
		put_exit(place, container_of(r, struct sup_exit, record));
		break;
	case SUP_RECORD_KIND_LINEAGE_EMPTY:
		put_u64(place, SUP_A_RECORD_LINEAGE,
			container_of(r, struct sup_lineage, empty)->id);
		break;
	default:
		put_note(place, container_of(r, struct sup_note, record));
	}
}

/* False, and nothing was put, if there is no room for the largest. */
bool sup_record_put_locked(struct sk_buff *skb, const struct sup_group *group,
			   const struct sup_record *r)
{
	char *start = skb_tail_pointer(skb);
	struct place place = { .at = start, .users = group->cred->user_ns };
	struct nlattr *nest;

	if (skb_tailroom(skb) < SUP_RECORD_ROOM)
		return false;
	nest = (struct nlattr *)start;
	put_attr(&place, SUP_A_BATCH_RECORD | NLA_F_NESTED, 0);
	put_u32(&place, SUP_A_RECORD_KIND, r->kind);
	put_u64(&place, SUP_A_RECORD_SEQ, r->seq);
	put_u64(&place, SUP_A_RECORD_TIME, r->time);
	put_body(&place, r);
	nest->nla_len = place.at - start;
	__skb_put(skb, place.at - start);
	return true;
}

/*
 * What comes before the records of a batch; NULL if there is no room for it.
 * Returns where the number of records that do not fit is to be written.
 */
u32 *sup_batch_begin(struct sk_buff *skb, u64 group)
{
	char *start = skb_tail_pointer(skb);
	struct place place = { .at = start };
	u32 *pending;

	if (skb_tailroom(skb) < SUP_BATCH_ROOM)
		return NULL;
	/* The number of padding is the same in every set of attributes. */
	BUILD_BUG_ON((int)SUP_A_BATCH_PAD != (int)SUP_A_RECORD_PAD);
	put_u64(&place, SUP_A_BATCH_GROUP, group);
	pending = put_attr(&place, SUP_A_BATCH_PENDING, sizeof(*pending));
	*pending = 0;
	__skb_put(skb, place.at - start);
	return pending;
}

/*
 * Puts the records that follow seq, as many as there is room for, and returns
 * the seq of the last, which is the hint then: the next call, by the sender or
 * a dump, goes on there.
 */
u64 sup_records_put_locked(struct sk_buff *skb, struct sup_group *group,
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
		if (!sup_record_put_locked(skb, group, record))
			break;
		seq = record->seq;
		group->hint = record;
	}
	return seq;
}
