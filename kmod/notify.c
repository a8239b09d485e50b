// SPDX-License-Identifier: GPL-2.0-only
/*
 * Delivery, clocked by credit: at most so many bytes of records that are sent
 * and not acknowledged are in the owner's socket, so that its buffer never
 * overflows, nothing here waits for a reader, and who does not read costs no
 * one but himself. What was not sent is sent when the owner acknowledges, in
 * its own call.
 *
 * The message goes to the pinned socket itself and not to a port id, which may
 * be another's by the time. No lock of ours is held then: queueing wakes the
 * reader and may send it SIGIO, which comes back to us in the signal probe.
 * The order of messages comes from there being one sender at a time: drain
 * counts the requests, and who raises it from 0 serves all of them, or leaves
 * the rest to a work. What informs (inform.c) goes the same way, before the
 * records that came after it.
 *
 * Messages are parts of a page that the group keeps: as long as its readers
 * keep up, a record costs no memory but the head of its message, and none is
 * cleared for it.
 */
#include "sup.h"

#include <linux/mm.h>
#include <net/sock.h>

#include "trace.h"

/* The first time; then twice as long each time, up to the last. */
#define RETRY		(HZ / 20 ?: 1)
#define MAX_RETRY	HZ

/*
 * What is done in one go: others go on making what is to be sent, and who
 * sends may be in the fork probe or a softirq.
 */
#define MAX_ROUNDS	64

/* As much of a page as is used: also where pages are larger. */
#define PAGE_MEMORY	4096

/* What a message of so much memory has room for. */
#define ROOM(memory)	(SKB_WITH_OVERHEAD(memory) - NLMSG_HDRLEN - \
			 GENL_HDRLEN)

/* A message that is being made. */
struct batch {
	struct sock *sk;	/* to whom; a reference */
	struct sk_buff *skb;
	size_t memory;
	u64 first, last;	/* seq of the records in it */
	bool more;		/* than fit */
};

/*
 * Memory for that many records, as the credit allows: a page, half of it, or a
 * quarter, which is what one record takes.
 */
static size_t memory_for(u64 records, u32 credit)
{
	size_t memory = PAGE_MEMORY;

	while (memory > PAGE_MEMORY / 4 &&
	       (memory + sizeof(struct sk_buff) > credit ||
		ROOM(memory / 2) >= SUP_BATCH_ROOM + records * SUP_RECORD_ROOM))
		memory /= 2;
	return memory;
}

/*
 * True if something may be sent to the owner now; to whom then, and how much.
 * With nothing outstanding, one message may be, whatever the credit.
 */
static bool may_send(struct sup_group *group, struct batch *batch)
{
	u32 credit = 0;
	bool ret;

	spin_lock_bh(&group->lock);
	if (group->credit > group->outstanding)
		credit = group->credit - group->outstanding;
	ret = group->owner && group->seq > group->sent &&
	      (!group->outstanding || credit);
	if (ret) {
		batch->sk = group->owner->sk;
		sock_hold(batch->sk);
		batch->memory = memory_for(group->seq - group->sent, credit);
	}
	spin_unlock_bh(&group->lock);
	return ret;
}

/*
 * The part of the page that is to be used next. Who has read the last message
 * in it has given back all references but the group's: it is used from its
 * beginning again. By the one who sends.
 */
static void *take_memory(struct sup_group *group, size_t size, gfp_t gfp)
{
	struct page *page = group->page;
	void *ret;

	if (page && page_ref_count(page) == 1)
		group->page_used = 0;
	if (!page || group->page_used + size > PAGE_MEMORY) {
		page = alloc_page(gfp | __GFP_NOWARN);
		if (!page)
			return NULL;
		if (group->page)
			put_page(group->page);
		group->page = page;
		group->page_used = 0;
	}
	ret = page_address(page) + group->page_used;
	group->page_used += size;
	get_page(page);
	return ret;
}

static struct sk_buff *message_new(struct sup_group *group, size_t size,
				   gfp_t gfp)
{
	void *memory = take_memory(group, size, gfp);
	struct sk_buff *skb;

	if (!memory)
		return NULL;
	skb = build_skb(memory, size);
	if (!skb)
		put_page(group->page);
	return skb;
}

static bool is_owner_locked(const struct sup_group *group,
			    const struct sock *sk)
{
	return group->owner && group->owner->sk == sk;
}

/*
 * Fills the message and takes the records in it as sent; false if none are.
 * What informs was there before some of them, so that is to go first.
 */
static bool fill(struct sup_group *group, struct batch *batch)
{
	struct sk_buff *skb = batch->skb;
	u32 *pending = NULL;
	void *header;
	u64 last;

	header = genlmsg_put(skb, 0, 0, &sup_family, 0, SUP_CMD_RECORD_NTF);
	if (header)
		pending = sup_batch_begin(skb, group->id);
	if (!pending)
		return false;
	spin_lock_bh(&group->lock);
	last = group->sent;
	batch->first = last + 1;
	if (is_owner_locked(group, batch->sk) &&
	    skb_queue_empty(&group->outbox))
		last = sup_records_put_locked(skb, group, last);
	batch->last = last;
	batch->more = group->seq > last;
	if (last > group->sent) {
		*pending = min_t(u64, group->seq - last, U32_MAX);
		group->hint->charge = skb->truesize;
		group->outstanding += skb->truesize;
		group->sent = last;
	}
	spin_unlock_bh(&group->lock);
	genlmsg_end(skb, header);
	return last >= batch->first;
}

/* The message was not taken: its records are not sent, unless acknowledged. */
static void unsend(struct sup_group *group, const struct batch *batch)
{
	struct sup_record *record;

	spin_lock_bh(&group->lock);
	list_for_each_entry(record, &group->records, node) {
		if (record->seq != batch->last)
			continue;
		group->outstanding -= record->charge;
		record->charge = 0;
		break;
	}
	if (is_owner_locked(group, batch->sk) && group->sent == batch->last)
		group->sent = max(batch->first - 1, group->acked);
	spin_unlock_bh(&group->lock);
}

/*
 * Gives the message to the socket if there is room for it and for spare bytes
 * more; asked first, so that the reader's count of drops stays at 0. On error
 * the message is the caller's still.
 */
int sup_send(struct sock *sk, struct sk_buff *skb, u32 spare)
{
	u64 used = atomic_read(&sk->sk_rmem_alloc) + (u64)spare;

	if (used && used + skb->truesize > READ_ONCE(sk->sk_rcvbuf))
		return -ENOBUFS;
	return __sock_queue_rcv_skb(sk, skb);
}

/* 1 if there may be more to send, 0 if there is not, or an error. */
static int send_one(struct sup_group *group, gfp_t gfp)
{
	struct batch batch;
	int ret = 0;

	if (!may_send(group, &batch))
		return 0;
	batch.skb = message_new(group, batch.memory, gfp);
	if (!batch.skb) {
		ret = -ENOMEM;
		goto put_sock;
	}
	if (!fill(group, &batch)) {
		nlmsg_free(batch.skb);
		goto put_sock;
	}
	trace_sup_deliver(group, batch.first, batch.last, batch.skb->truesize);
	ret = sup_send(batch.sk, batch.skb, 0) ?: batch.more;
	if (ret >= 0) {
		group->backoff = 0;
	} else {
		unsend(group, &batch);
		nlmsg_free(batch.skb);
	}
put_sock:
	sock_put(batch.sk);
	return ret;
}

/*
 * Without memory, later. Without room in the socket, when the owner
 * acknowledges; but if no acknowledgement is due, it is others' messages that
 * fill the socket, and nobody tells when they are read. By the one who sends.
 */
static void retry(struct sup_group *group, int error)
{
	bool due;

	spin_lock_bh(&group->lock);
	due = group->outstanding;
	spin_unlock_bh(&group->lock);
	if (due && error != -ENOMEM)
		return;
	if (delayed_work_pending(&group->retry))
		return;
	group->backoff = clamp_t(unsigned long, 2 * group->backoff, RETRY,
				 MAX_RETRY);
	sup_group_later(group, &group->retry, group->backoff);
}

/* By the one who has raised drain from 0. */
static void serve(struct sup_group *group, gfp_t gfp)
{
	int requests, rounds = 0, ret;

	/* Full barriers: who adds a request sees it served with its records. */
	do {
		requests = atomic_read(&group->drain);
		do {
			ret = sup_inform_send(group) ? 1 :
			      send_one(group, gfp);
		} while (++rounds < MAX_ROUNDS && ret > 0);
		if (ret < 0)
			retry(group, ret);
		if (rounds >= MAX_ROUNDS) {
			/* ORDER: who asks after this is not in the way. */
			atomic_xchg(&group->drain, 0);
			sup_group_sooner(group, &group->retry, 0);
			return;
		}
	} while (atomic_sub_return(requests, &group->drain));
}

/* Sends what may be sent. Any context but a hard interrupt; no locks held. */
void sup_deliver(struct sup_group *group, gfp_t gfp)
{
	if (atomic_inc_return(&group->drain) == 1)
		serve(group, gfp);
}

/*
 * Sends what informs and is there by now, after who is sending has finished:
 * when it returns nothing of it is under way. May sleep.
 */
void sup_deliver_outbox(struct sup_group *group)
{
	u32 n;

	while (atomic_cmpxchg(&group->drain, 0, 1))
		schedule_timeout_uninterruptible(1);
	for (n = skb_queue_len(&group->outbox); n; n--)
		sup_inform_send(group);
	serve(group, GFP_KERNEL);
}
