/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each lane is a stack that writers push on with a compare-and-swap and that
 * the reader takes as a whole and turns round. A writer that finds the stack
 * empty wakes the reader; one that does not need not, for whoever made it
 * non-empty will. A closed stack holds CLOSED for ever.
 *
 * ORDER, full data lane: a writer puts itself in the list of those who wait,
 * then tries again, then sleeps; the reader takes a letter out, then looks at
 * the list. Both with sequential consistency, so one of them sees the other.
 * The reader wakes one writer for each letter, but gives their room back
 * together, when it has read an eighth of what the box holds, or all that it
 * has taken in: else it and a fast writer would take turns letter by letter.
 * If somebody waits and it has not done so for a while, it does so at once. A
 * woken writer that goes away without using the room wakes the next. The room
 * is counted by a compare-and-swap that never goes above max, not even for a
 * moment, or a writer might sleep because of another's failed attempt.
 *
 * Lock order: the mailbox's lock is a leaf.
 */
#include "core/mailbox.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "core/table.h"
#include "core/task.h"

/* Who waits for room waits for no more of a slow reader's letters than one. */
#define RETURN_NS INT64_C(100000)

static struct sup__link closed;
#define CLOSED (&closed)

void sup__mailbox_init(struct sup__mailbox *mb, struct sup__seat *reader,
		       size_t max)
{
	memset(mb, 0, sizeof(*mb));
	sup__lock_init(&mb->lock);
	mb->reader = reader;
	mb->max = max < UINT32_MAX ? max : UINT32_MAX;
	mb->batch = mb->max / 8;
	mb->last = &mb->first;
}

enum push {
	PUSH_CLOSED,
	PUSH_BEHIND,
	PUSH_FIRST,
};

static enum push push(_Atomic(struct sup__link *) *lane, struct sup__link *l)
{
	struct sup__link *top = atomic_load(lane);

	do {
		if (top == CLOSED)
			return PUSH_CLOSED;
		l->next = top;
		/* Release: the reader sees what is behind l. */
	} while (!atomic_compare_exchange_weak_explicit(lane, &top, l,
			memory_order_seq_cst, memory_order_acquire));
	return top ? PUSH_BEHIND : PUSH_FIRST;
}

static struct sup__link *reverse(struct sup__link *l)
{
	struct sup__link *out = NULL, *next;

	for (; l; l = next) {
		next = l->next;
		l->next = out;
		out = l;
	}
	return out;
}

static struct sup__link *next(_Atomic(struct sup__link *) *lane,
			      struct sup__link **taken)
{
	struct sup__link *l;

	if (!*taken) {
		l = atomic_load_explicit(lane, memory_order_relaxed);
		if (!l || l == CLOSED)
			return NULL;
		/* Only the reader ever makes it empty or closed. */
		*taken = reverse(atomic_exchange(lane, NULL));
	}
	l = *taken;
	*taken = l->next;
	return l;
}

bool sup__mailbox_signal(struct sup__mailbox *mb, struct sup__signal *s)
{
	switch (push(&mb->signals_in, &s->link)) {
	case PUSH_CLOSED:
		return false;
	case PUSH_FIRST:
		sup__seat_wake(mb->reader);
		return true;
	default:
		return true;
	}
}

_Static_assert(sizeof(struct sup__letter) == SUP__CACHE_LINE,
	       "a letter is a cache line");

void sup__letters_free(struct sup__link *letters)
{
	struct sup__link *next;

	for (; letters; letters = next) {
		next = letters->next;
		sup__free(letters);
	}
}

/*
 * Letters go from the reader back to a writer, many at a time: else each would
 * be freed on another CPU than the one that allocates the next.
 */
static struct sup__letter *bare_letter(struct sup__mailbox *mb)
{
	struct sup__seat *seat = sup__seat_peek();
	struct sup__link *l;

	if (!seat)
		return sup__alloc_lines(1);
	/* The look alone does not take the line away from the reader. */
	if (!seat->letters &&
	    atomic_load_explicit(&mb->spare, memory_order_relaxed))
		seat->letters = atomic_exchange(&mb->spare, NULL);
	l = seat->letters;
	if (!l)
		return sup__alloc_lines(1);
	seat->letters = l->next;
	return (struct sup__letter *)l;
}

/* If nobody has taken those that were there, these are too many. */
static void return_letters(struct sup__mailbox *mb)
{
	struct sup__link *none = NULL;

	if (mb->used && !atomic_compare_exchange_strong(&mb->spare, &none,
							mb->used))
		sup__letters_free(mb->used);
	mb->used = NULL;
}

/*
 * Copied data and its letter are one block, data first, so that free() of the
 * data frees both and a receiver can keep the data without another copy.
 */
struct sup__letter *sup__letter_make(struct sup__mailbox *mb,
				     enum sup__letter_kind kind,
				     const struct sup_msg *msg)
{
	const size_t align = alignof(max_align_t);
	struct sup__letter *letter;
	size_t len = 0;
	char *block;

	if (!msg->free && msg->data)
		len = msg->len;
	if (len > SIZE_MAX / 2)
		return NULL;
	len = (len + align - 1) / align * align;
	block = len ? sup__alloc(len + sizeof(*letter)) :
		(void *)bare_letter(mb);
	if (!block)
		return NULL;
	letter = (struct sup__letter *)(block + len);
	memset(letter, 0, sizeof(*letter));
	letter->kind = kind;
	letter->one_block = len;
	letter->msg.tag = msg->tag;
	if (len) {
		memcpy(block, msg->data, msg->len);
		letter->msg.data = block;
		letter->msg.len = msg->len;
		letter->msg.free = sup__free;
	} else if (msg->free) {
		letter->msg = *msg;
	}
	return letter;
}

void sup__letter_unmake(struct sup__letter *letter)
{
	sup__free(letter->one_block ? letter->msg.data : letter);
}

void sup__letter_drop(struct sup__letter *letter)
{
	struct sup_msg msg = letter->msg;

	if (!letter->one_block)
		sup__free(letter);
	sup_msg_free(&msg);
}

int sup__msg_own(const struct sup_msg *msg, struct sup_msg *ret_own)
{
	struct sup_msg own = *msg;

	if (!own.free && own.data && own.len) {
		own.data = sup__memdup(own.data, own.len);
		if (!own.data)
			return -ENOMEM;
		own.free = sup__free;
	} else if (!own.free) {
		own.data = NULL;
		own.len = 0;
	}
	*ret_own = own;
	return 0;
}

static bool take_room(struct sup__mailbox *mb)
{
	uint32_t n = atomic_load(&mb->count);

	do {
		if (n >= mb->max)
			return false;
	} while (!atomic_compare_exchange_weak(&mb->count, &n, n + 1));
	return true;
}

static int try_put(struct sup__mailbox *mb, struct sup__letter *letter)
{
	if (!take_room(mb))
		return atomic_load(&mb->data_in) == CLOSED ? -ESRCH : -EAGAIN;
	switch (push(&mb->data_in, &letter->link)) {
	case PUSH_CLOSED:
		return -ESRCH;
	case PUSH_FIRST:
		sup__seat_wake(mb->reader);
		return 0;
	default:
		return 0;
	}
}

static void room_join(struct sup__mailbox *mb, struct sup__room *room)
{
	sup__lock(&mb->lock);
	if (!room->linked) {
		room->linked = true;
		room->next = NULL;
		*mb->last = room;
		mb->last = &room->next;
		atomic_fetch_add(&mb->n_waiting, 1);
	}
	sup__unlock(&mb->lock);
}

static void room_unlink_locked(struct sup__mailbox *mb,
			       struct sup__room **at)
{
	struct sup__room *room = *at;

	sup__assert_held(&mb->lock);
	*at = room->next;
	if (mb->last == &room->next)
		mb->last = at;
	room->linked = false;
	atomic_fetch_sub(&mb->n_waiting, 1);
}

static void room_wake_first(struct sup__mailbox *mb)
{
	struct sup__seat *seat = NULL;

	sup__lock(&mb->lock);
	if (mb->first) {
		seat = mb->first->seat;
		sup__seat_clear(seat, mb->first->owner);
		room_unlink_locked(mb, &mb->first);
	}
	sup__unlock(&mb->lock);
	if (seat)
		sup__seat_wake(seat);
}

/* A wake that it does not use is handed on. */
static void room_leave(struct sup__mailbox *mb, struct sup__room *room,
		       bool used)
{
	struct sup__room **at;
	bool woken;

	sup__lock(&mb->lock);
	woken = !room->linked;
	if (room->linked) {
		for (at = &mb->first; *at != room; )
			at = &(*at)->next;
		room_unlink_locked(mb, at);
	}
	sup__unlock(&mb->lock);
	sup__seat_clear(room->seat, room->owner);
	if (woken && !used)
		room_wake_first(mb);
}

static int wait_for_room(struct sup__mailbox *mb, struct sup__room *room,
			 struct sup__letter *letter, int64_t deadline)
{
	int ret = 0;

	do {
		room_join(mb, room);
		/* A call has said so before, and still waits afterwards. */
		if (room->owner)
			ret = sup__table_may_wait_for(room->seat, room->owner);
		if (ret)
			return ret;
		ret = try_put(mb, letter);
		if (ret != -EAGAIN)
			return ret;
		if (sup__task_must_end())
			return -ECANCELED;
		/* Who calls waits for an answer, too, whatever is to come. */
		if (letter->kind != SUP__LETTER_CALL &&
		    sup__task_is_interrupted())
			return sup__error(-EINTR, "the caller has been told to "
					  "end");
		ret = sup__seat_wait(room->seat, deadline);
	} while (!ret);
	return ret;
}

int sup__mailbox_put(struct sup__mailbox *mb, uint64_t owner,
		     struct sup__letter *letter, int64_t deadline)
{
	struct sup__room room = {
		.owner = letter->kind == SUP__LETTER_CALL ? 0 : owner,
	};
	int ret;

	ret = try_put(mb, letter);
	if (ret != -EAGAIN)
		return ret;
	if (sup_self().v == owner)
		return sup__error(-EDEADLK, "the caller's own mailbox is full");
	if (deadline == SUP_TRY)
		return -EAGAIN;
	room.seat = sup__seat_self();
	if (!room.seat)
		return -ENOMEM;
	ret = wait_for_room(mb, &room, letter, deadline);
	room_leave(mb, &room, !ret);
	return ret;
}

int sup__mailbox_put_or_join(struct sup__mailbox *mb,
			     struct sup__letter *letter, struct sup__room *room)
{
	int ret = try_put(mb, letter);

	if (ret == -EAGAIN) {
		room->joined = true;
		room_join(mb, room);
		ret = try_put(mb, letter);
	}
	if (ret != -EAGAIN && room->joined) {
		room->joined = false;
		room_leave(mb, room, !ret);
	}
	return ret;
}

void sup__mailbox_leave(struct sup__mailbox *mb, struct sup__room *room)
{
	if (room->joined)
		room_leave(mb, room, false);
	room->joined = false;
}

struct sup__signal *sup__mailbox_next_signal(struct sup__mailbox *mb)
{
	/* The link is the first member. */
	return (struct sup__signal *)next(&mb->signals_in, &mb->signals);
}

struct sup__signal *sup__mailbox_pick_signal(struct sup__mailbox *mb,
		bool (*match)(const struct sup__signal *s, const void *arg),
		const void *arg)
{
	struct sup__link **at, *l;

	for (at = &mb->signals; *at; )
		at = &(*at)->next;
	l = atomic_load_explicit(&mb->signals_in, memory_order_relaxed);
	if (l && l != CLOSED)
		*at = reverse(atomic_exchange(&mb->signals_in, NULL));
	for (at = &mb->signals; (l = *at); at = &l->next) {
		if (match((struct sup__signal *)l, arg)) {
			*at = l->next;
			return (struct sup__signal *)l;
		}
	}
	return NULL;
}

static bool must_return_room(const struct sup__mailbox *mb)
{
	if (!mb->data || mb->handed >= mb->batch)
		return true;
	return atomic_load(&mb->n_waiting) &&
	       sup__now_ns() - mb->returned_ns >= RETURN_NS;
}

static void return_room(struct sup__mailbox *mb)
{
	uint32_t n = mb->handed;

	mb->handed = 0;
	return_letters(mb);
	atomic_fetch_sub(&mb->count, n);
	if (!atomic_load(&mb->n_waiting))
		return;
	mb->returned_ns = sup__now_ns();
	while (n-- && atomic_load(&mb->n_waiting))
		room_wake_first(mb);
}

bool sup__mailbox_next_letter(struct sup__mailbox *mb,
			      struct sup__letter *ret_letter)
{
	struct sup__letter *letter;

	letter = (struct sup__letter *)next(&mb->data_in, &mb->data);
	if (!letter)
		return false;
	*ret_letter = *letter;
	if (!letter->one_block) {
		letter->link.next = mb->used;
		mb->used = &letter->link;
	}
	mb->handed++;
	if (must_return_room(mb))
		return_room(mb);
	return true;
}

/* Puts what the closed lane still held behind what had been taken. */
static void close_lane(_Atomic(struct sup__link *) *lane,
		       struct sup__link **taken)
{
	struct sup__link *rest = atomic_exchange(lane, CLOSED);

	if (rest == CLOSED)
		return;
	while (*taken)
		taken = &(*taken)->next;
	*taken = reverse(rest);
}

void sup__mailbox_close(struct sup__mailbox *mb)
{
	close_lane(&mb->data_in, &mb->data);
	close_lane(&mb->signals_in, &mb->signals);
	while (atomic_load(&mb->n_waiting))
		room_wake_first(mb);
}

void sup__mailbox_fini(struct sup__mailbox *mb)
{
	struct sup__link *l, *after;

	for (l = mb->data; l; l = after) {
		after = l->next;
		sup__letter_drop((struct sup__letter *)l);
	}
	mb->data = NULL;
	sup__letters_free(mb->used);
	sup__letters_free(atomic_load(&mb->spare));
	sup__lock_fini(&mb->lock);
}
