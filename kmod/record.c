// SPDX-License-Identifier: GPL-2.0-only
/*
 * Records: what an owner has to be told, kept until it says that it knows.
 *
 * The memory of a record is there before what it tells of can happen: that of
 * an exit is made with the member, that of an empty lineage is in the lineage.
 * What can happen to a group again and again (empty, overflow, owner lost) has
 * one record in the group and a count: while the record waits for its
 * acknowledgement, more of the kind is counted, and told by the same record
 * once that has come. So the list has every seq from acked + 1 to seq, always.
 */
#include "sup.h"

static struct kmem_cache *cache;

struct sup_record *sup_record_new(gfp_t gfp)
{
	return kmem_cache_zalloc(cache, gfp);
}

void sup_record_free(struct sup_record *record)
{
	kmem_cache_free(cache, record);
}

void sup_record_queue_locked(struct sup_group *group,
			     struct sup_record *record)
{
	lockdep_assert_held(&group->lock);
	record->seq = ++group->seq;
	list_add_tail(&record->node, &group->records);
	if (record->kind == SUP_RECORD_KIND_EXIT)
		group->exits++;
}

static bool queue_own_locked(struct sup_group *group,
			     struct sup_record *record, u8 kind)
{
	if (record->seq)
		return false;
	record->kind = kind;
	record->time = ktime_get_ns();
	sup_record_queue_locked(group, record);
	return true;
}

/* Queues the group's own records, if they are free and there is something. */
void sup_record_tell_locked(struct sup_group *group)
{
	lockdep_assert_held(&group->lock);
	if (group->killed_count + group->untracked_count &&
	    queue_own_locked(group, &group->overflow,
			     SUP_RECORD_KIND_OVERFLOW)) {
		group->overflow.cause = group->overflow_cause;
		group->overflow.killed = group->killed_count;
		group->overflow.untracked = group->untracked_count;
		group->killed_count = 0;
		group->untracked_count = 0;
	}
	if (group->lost_count &&
	    queue_own_locked(group, &group->lost, SUP_RECORD_KIND_OWNER_LOST)) {
		group->lost.pid = group->owner_pid;
		group->lost.count = group->lost_count;
		group->lost_count = 0;
	}
	if (group->empty_count && !atomic_read(&group->live) &&
	    queue_own_locked(group, &group->empty,
			     SUP_RECORD_KIND_GROUP_EMPTY)) {
		group->empty.count = group->empty_count;
		group->empty_count = 0;
	}
}

/* Takes records up to seq off the list; the lineages' are left to the caller */
static void take_locked(struct sup_group *group, u64 seq,
			struct list_head *taken)
{
	struct sup_record *record, *next;
	u32 exits = 0;

	lockdep_assert_held(&group->lock);
	if (group->hint && group->hint->seq <= seq)
		group->hint = NULL;
	list_for_each_entry_safe(record, next, &group->records, node) {
		if (record->seq > seq)
			break;
		group->outstanding -= record->charge;
		record->charge = 0;
		if (record->kind == SUP_RECORD_KIND_EXIT ||
		    record->kind == SUP_RECORD_KIND_LINEAGE_EMPTY) {
			exits += record->kind == SUP_RECORD_KIND_EXIT;
			list_move_tail(&record->node, taken);
		} else {
			list_del(&record->node);
			record->seq = 0;
		}
	}
	group->exits -= exits;
	atomic_sub(exits, &group->user->records);
	group->acked = seq;
	if (group->sent < seq)
		group->sent = seq;
}

static void dispose(struct list_head *taken)
{
	struct sup_record *record, *next;

	list_for_each_entry_safe(record, next, taken, node) {
		if (record->kind == SUP_RECORD_KIND_EXIT)
			sup_record_free(record);
		else
			sup_lineage_put(container_of(record,
						     struct sup_lineage,
						     empty));
		cond_resched();
	}
}

/* -ERANGE if there is no record of that seq yet. */
int sup_record_ack(struct sup_group *group, u64 seq)
{
	LIST_HEAD(taken);
	int ret = 0;

	spin_lock_bh(&group->lock);
	if (seq > group->seq)
		ret = -ERANGE;
	else if (seq > group->acked)
		take_locked(group, seq, &taken);
	if (!group->ended)
		sup_record_tell_locked(group);
	spin_unlock_bh(&group->lock);
	dispose(&taken);
	return ret;
}

/* There is nobody to tell, and will not be. */
void sup_record_purge(struct sup_group *group)
{
	LIST_HEAD(taken);

	spin_lock_bh(&group->lock);
	take_locked(group, group->seq, &taken);
	group->empty_count = 0;
	group->lost_count = 0;
	group->killed_count = 0;
	group->untracked_count = 0;
	spin_unlock_bh(&group->lock);
	dispose(&taken);
}

static bool put_u64(struct sk_buff *skb, int type, u64 value)
{
	return !nla_put_u64_64bit(skb, type, value, SUP_A_RECORD_PAD);
}

static bool put_u32(struct sk_buff *skb, int type, u32 value)
{
	return !nla_put_u32(skb, type, value);
}

static bool put_exit(struct sk_buff *skb, const struct sup_record *r)
{
	int sig = r->status & 0x7f;

	return put_u64(skb, SUP_A_RECORD_MEMBER, r->member) &&
	       put_u32(skb, SUP_A_RECORD_MEMBER_KIND, r->member_kind) &&
	       put_u64(skb, SUP_A_RECORD_COOKIE, r->cookie) &&
	       put_u64(skb, SUP_A_RECORD_LINEAGE, r->lineage) &&
	       put_u32(skb, SUP_A_RECORD_PID, r->pid) &&
	       put_u32(skb, SUP_A_RECORD_TGID, r->tgid) &&
	       put_u32(skb, SUP_A_RECORD_CODE,
		       sig ? 0 : (r->status >> 8) & 0xff) &&
	       put_u32(skb, SUP_A_RECORD_SIGNAL, sig) &&
	       put_u32(skb, SUP_A_RECORD_FLAGS, r->flags) &&
	       put_u64(skb, SUP_A_RECORD_UTIME, r->utime) &&
	       put_u64(skb, SUP_A_RECORD_STIME, r->stime) &&
	       (r->member_kind == SUP_MEMBER_KIND_THREAD ||
		put_u64(skb, SUP_A_RECORD_MAX_RSS, r->max_rss)) &&
	       put_u64(skb, SUP_A_RECORD_START_TIME, r->start_time) &&
	       put_u64(skb, SUP_A_RECORD_START_BOOTTIME, r->start_boottime) &&
	       !nla_put_string(skb, SUP_A_RECORD_COMM, r->comm) &&
	       (!(r->flags & SUP_RECORD_FLAG_SENDER) ||
		(put_u32(skb, SUP_A_RECORD_SENDER_PID, r->sender_pid) &&
		 put_u32(skb, SUP_A_RECORD_SENDER_UID, r->sender_uid)));
}

static bool put_body(struct sk_buff *skb, const struct sup_record *r)
{
	switch (r->kind) {
	case SUP_RECORD_KIND_EXIT:
		return put_exit(skb, r);
	case SUP_RECORD_KIND_LINEAGE_EMPTY:
		return put_u64(skb, SUP_A_RECORD_LINEAGE, r->lineage);
	case SUP_RECORD_KIND_OWNER_LOST:
		return put_u32(skb, SUP_A_RECORD_PID, r->pid) &&
		       put_u32(skb, SUP_A_RECORD_COUNT, r->count);
	case SUP_RECORD_KIND_OVERFLOW:
		return put_u32(skb, SUP_A_RECORD_CAUSE, r->cause) &&
		       put_u32(skb, SUP_A_RECORD_KILLED, r->killed) &&
		       put_u32(skb, SUP_A_RECORD_UNTRACKED, r->untracked);
	default:
		return put_u32(skb, SUP_A_RECORD_COUNT, r->count);
	}
}

static bool put_record(struct sk_buff *skb, const struct sup_record *r)
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
		if (!put_record(skb, record))
			break;
		seq = record->seq;
		group->hint = record;
	}
	return seq;
}

int sup_record_init(void)
{
	cache = kmem_cache_create("sup_record", sizeof(struct sup_record), 0,
				  SLAB_ACCOUNT, NULL);
	return cache ? 0 : -ENOMEM;
}

void sup_record_exit(void)
{
	kmem_cache_destroy(cache);
}
