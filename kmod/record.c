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

struct sup_exit *sup_exit_new(gfp_t gfp)
{
	struct sup_exit *exit = kmem_cache_zalloc(cache, gfp);

	if (exit)
		exit->record.kind = SUP_RECORD_KIND_EXIT;
	return exit;
}

void sup_exit_free(struct sup_exit *exit)
{
	kmem_cache_free(cache, exit);
}

void sup_record_queue_locked(struct sup_group *group,
			     struct sup_record *record)
{
	lockdep_assert_held(&group->lock);
	record->seq = ++group->seq;
	list_add_tail(&record->node, &group->records);
	if (record->kind == SUP_RECORD_KIND_EXIT)
		group->exits++;
	if (group->n_observers)
		sup_inform_copy_locked(group, record);
}

static void queue_note_locked(struct sup_group *group, struct sup_note *note,
			      u8 kind)
{
	note->record.kind = kind;
	note->record.time = ktime_get_ns();
	sup_record_queue_locked(group, &note->record);
}

/* Queues the group's own records, if they are free and there is something. */
void sup_record_tell_locked(struct sup_group *group)
{
	struct sup_note *note = &group->overflow;

	lockdep_assert_held(&group->lock);
	if (group->killed_count + group->untracked_count && !note->record.seq) {
		note->cause = group->overflow_cause;
		note->killed = group->killed_count;
		note->untracked = group->untracked_count;
		group->killed_count = 0;
		group->untracked_count = 0;
		queue_note_locked(group, note, SUP_RECORD_KIND_OVERFLOW);
	}
	note = &group->owner_lost;
	if (group->lost_count && !note->record.seq) {
		note->pid = group->owner_pid;
		note->cause = group->lost_cause;
		note->count = group->lost_count;
		group->lost_count = 0;
		queue_note_locked(group, note, SUP_RECORD_KIND_OWNER_LOST);
	}
	note = &group->empty;
	if (group->empty_count && !note->record.seq &&
	    !atomic_read(&group->live)) {
		note->count = group->empty_count;
		group->empty_count = 0;
		queue_note_locked(group, note, SUP_RECORD_KIND_GROUP_EMPTY);
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
			sup_exit_free(container_of(record, struct sup_exit,
						   record));
		else
			sup_lineage_put(container_of(record,
						     struct sup_lineage,
						     empty));
		cond_resched();
	}
}

/* By the owner: -ENOENT if it is that no more, -ERANGE without such a seq. */
int sup_record_ack(struct sup_group *group, u64 seq)
{
	LIST_HEAD(taken);
	int ret = 0;

	spin_lock_bh(&group->lock);
	if (!sup_owner_is_caller_locked(group))
		ret = -ENOENT;
	else if (seq > group->seq)
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

int sup_record_init(void)
{
	cache = kmem_cache_create("sup_record", sizeof(struct sup_exit), 0,
				  SLAB_ACCOUNT, NULL);
	return cache ? 0 : -ENOMEM;
}

void sup_record_exit(void)
{
	kmem_cache_destroy(cache);
}
