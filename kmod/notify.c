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
 * counts the requests, and who raises it from 0 serves all of them. What
 * informs (inform.c) goes the same way, before the records that came after it.
 */
#include "sup.h"

#include <net/sock.h>

#include "trace.h"

#define RETRY		(HZ / 20 ?: 1)

/*
 * Room for that many records, in memory that the credit allows: a page, half
 * of it, or a quarter, which is what one record takes.
 */
static size_t room_for(u64 records, u32 credit)
{
	size_t memory = 4096;

	while (memory > 1024 && memory + sizeof(struct sk_buff) > credit)
		memory /= 2;
	return min_t(u64, SUP_BATCH_ROOM + records * SUP_RECORD_ROOM,
		     SKB_WITH_OVERHEAD(memory) - NLMSG_HDRLEN - GENL_HDRLEN);
}

/*
 * The socket, with a reference, if something may be sent to it now. With
 * nothing outstanding, one message may be, whatever the credit.
 */
static struct sock *may_send(struct sup_group *group, size_t *ret_room)
{
	struct sock *sk = NULL;
	u32 credit = 0;

	spin_lock_bh(&group->lock);
	if (group->credit > group->outstanding)
		credit = group->credit - group->outstanding;
	if (group->owner && group->seq > group->sent &&
	    (!group->outstanding || credit)) {
		sk = group->owner->sk;
		sock_hold(sk);
		*ret_room = room_for(group->seq - group->sent, credit);
	}
	spin_unlock_bh(&group->lock);
	return sk;
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
static bool fill(struct sup_group *group, struct sk_buff *skb,
		 struct sock *sk, u64 *ret_first, u64 *ret_last)
{
	struct nlattr *pending;
	void *header;
	u64 last;

	header = genlmsg_put(skb, 0, 0, &sup_family, 0, SUP_CMD_RECORD_NTF);
	if (!header ||
	    nla_put_u64_64bit(skb, SUP_A_BATCH_GROUP, group->id,
			      SUP_A_BATCH_PAD))
		return false;
	pending = nla_reserve(skb, SUP_A_BATCH_PENDING, sizeof(u32));
	if (!pending)
		return false;
	spin_lock_bh(&group->lock);
	*ret_first = group->sent + 1;
	last = group->sent;
	if (is_owner_locked(group, sk) && skb_queue_empty(&group->outbox))
		last = sup_record_put_locked(skb, group, last);
	*ret_last = last;
	if (last > group->sent) {
		*(u32 *)nla_data(pending) = min_t(u64, group->seq - last,
						  U32_MAX);
		group->hint->charge = skb->truesize;
		group->outstanding += skb->truesize;
		group->sent = last;
	}
	spin_unlock_bh(&group->lock);
	genlmsg_end(skb, header);
	return last >= *ret_first;
}

/* The message was not taken: its records are not sent, unless acknowledged. */
static void unsend(struct sup_group *group, struct sock *sk, u64 first,
		   u64 last)
{
	struct sup_record *record;

	spin_lock_bh(&group->lock);
	list_for_each_entry(record, &group->records, node) {
		if (record->seq != last)
			continue;
		group->outstanding -= record->charge;
		record->charge = 0;
		break;
	}
	if (is_owner_locked(group, sk) && group->sent == last)
		group->sent = max(first - 1, group->acked);
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

/* 1 if a message was sent, 0 if there is nothing to send, or an error. */
static int send_one(struct sup_group *group, gfp_t gfp)
{
	struct sk_buff *skb;
	struct sock *sk;
	u64 first, last;
	size_t room;
	int ret = 0;

	sk = may_send(group, &room);
	if (!sk)
		return 0;
	skb = genlmsg_new(room, gfp | __GFP_NOWARN);
	if (!skb) {
		ret = -ENOMEM;
		goto put_sock;
	}
	if (!fill(group, skb, sk, &first, &last)) {
		nlmsg_free(skb);
		goto put_sock;
	}
	trace_sup_deliver(group, first, last, skb->truesize);
	ret = sup_send(sk, skb, 0) ?: 1;
	if (ret < 0) {
		unsend(group, sk, first, last);
		nlmsg_free(skb);
	}
put_sock:
	sock_put(sk);
	return ret;
}

/*
 * Without memory, later. Without room in the socket, when the owner
 * acknowledges; but if no acknowledgement is due, it is others' messages that
 * fill the socket, and nobody tells when they are read.
 */
static void retry(struct sup_group *group, int error)
{
	bool due;

	spin_lock_bh(&group->lock);
	due = group->outstanding;
	spin_unlock_bh(&group->lock);
	if (due && error != -ENOMEM)
		return;
	sup_group_later(group, &group->retry, RETRY);
}

/* Sends what may be sent. Any context but a hard interrupt; no locks held. */
void sup_deliver(struct sup_group *group, gfp_t gfp)
{
	int requests, ret;

	/* Full barriers: who adds a request sees it served with its records. */
	if (atomic_inc_return(&group->drain) != 1)
		return;
	do {
		requests = atomic_read(&group->drain);
		do {
			ret = sup_inform_send(group) ? 1 :
			      send_one(group, gfp);
		} while (ret > 0);
		if (ret < 0)
			retry(group, ret);
	} while (atomic_sub_return(requests, &group->drain));
}
