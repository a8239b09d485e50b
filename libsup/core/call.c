/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call is an exchange in the caller's seat, and a letter that names the seat.
 * (A request, core/request.c, has an exchange of its own.) Its word is
 * generation << 32 | state. Whoever moves it from PENDING to
 * COMPLETING, by a compare-and-swap that includes the generation, owns it:
 *
 *	caller			FREE -> PENDING, and PENDING -> FREE when it
 *				gives up: a later reply finds another word
 *	who replies, or the	PENDING -> COMPLETING, writes the result,
 *	ending server		-> DONE, wakes
 *	caller			DONE -> FREE
 *
 * No call to a dying server is forgotten. The caller makes its slot PENDING,
 * then counts itself in t->callers, then pushes its letter; the server closes
 * its mailbox, then looks at the count, then at all slots. If the push came
 * before the close, count and slot are seen; if not, it fails, and the caller
 * reads the reason, which was stored before the close.
 *
 * The edge "waits for" is cleared by who completes the call, before the server
 * goes on, or the server could not call its client back after a reply.
 */
#include "core/call.h"

#include <errno.h>

#include "base/alloc.h"
#include "base/error.h"
#include "core/mailbox.h"
#include "core/request.h"
#include "core/table.h"
#include "core/task.h"

static uint64_t word(uint32_t generation, enum sup__exchange_state state)
{
	return (uint64_t)generation << 32 | state;
}

uint32_t sup__exchange_begin(struct sup__exchange *x, uint64_t callee)
{
	uint32_t generation = (atomic_load(&x->call) >> 32) + 1;

	/* 0 is no generation, so that a zeroed sup_from names no call. */
	if (!generation)
		generation = 1;
	x->reply = (struct sup_msg){ 0 };
	x->ended = false;
	x->error = 0;
	atomic_store(&x->callee, callee);
	atomic_store(&x->call, word(generation, SUP__EXCHANGE_PENDING));
	return generation;
}

bool sup__exchange_give_up(struct sup__exchange *x, uint32_t generation)
{
	uint64_t pending = word(generation, SUP__EXCHANGE_PENDING);

	return atomic_compare_exchange_strong(&x->call, &pending,
			word(generation, SUP__EXCHANGE_FREE));
}

static bool claim(struct sup__exchange *x, uint32_t generation)
{
	uint64_t pending = word(generation, SUP__EXCHANGE_PENDING);

	return atomic_compare_exchange_strong(&x->call, &pending,
			word(generation, SUP__EXCHANGE_COMPLETING));
}

/*
 * ORDER: the edge goes first, for the server may call its client back at once.
 * Who waits names its seat before it looks whether it is done.
 */
static void complete(struct sup__exchange *x, uint32_t generation)
{
	struct sup__seat *seat = atomic_load(&x->seat);

	if (x == &seat->x)
		atomic_store(&seat->waits_for, 0);
	if (x->completed)
		x->completed(x);
	atomic_store(&x->call, word(generation, SUP__EXCHANGE_DONE));
	sup__seat_wake(atomic_load(&x->seat));
}

bool sup__exchange_end(struct sup__exchange *x, uint32_t generation,
		       const struct sup_reason *reason)
{
	if (!claim(x, generation))
		return false;
	x->ended = true;
	x->reason = *reason;
	complete(x, generation);
	return true;
}

/* Somebody is writing the result: it will not be long. */
static void await_completion(struct sup__seat *seat)
{
	while (!sup__exchange_is_done(&seat->x))
		sup__seat_wait(seat, SUP_FOREVER);
}

static int wait_for_reply(struct sup__seat *seat, uint32_t generation,
			  int64_t deadline)
{
	int ret = 0;

	while (!sup__exchange_is_done(&seat->x)) {
		if (!ret && sup__task_must_end())
			ret = -ECANCELED;
		if (ret) {
			if (sup__exchange_give_up(&seat->x, generation))
				return ret;
			await_completion(seat);
			break;
		}
		ret = sup__seat_wait(seat, deadline);
	}
	return 0;
}

static int ended_error(const struct sup_reason *reason,
		       struct sup_reason *ret_reason)
{
	char text[128];

	if (ret_reason)
		*ret_reason = *reason;
	return sup__error(-EPIPE, "the server has ended: %s",
			  sup_reason_format(reason, text, sizeof(text)));
}

/* The result of a completed call; a reply nobody wants is freed. */
static int take_result(struct sup__seat *seat, uint32_t generation,
		       struct sup_msg *ret_reply,
		       struct sup_reason *ret_reason)
{
	struct sup__exchange *x = &seat->x;
	int error = x->error;

	if (x->ended)
		error = ended_error(&x->reason, ret_reason);
	else if (error)
		sup__error_sys(error, "the server's answer");
	if (!error && ret_reply)
		*ret_reply = x->reply;
	else
		sup_msg_free(&x->reply);
	atomic_store(&x->call, word(generation, SUP__EXCHANGE_FREE));
	return error;
}

static int put_error(struct sup__task *t, int error,
		     struct sup_reason *ret_reason)
{
	switch (error) {
	case -ESRCH:
		/* Stored before the mailbox was closed. */
		return ended_error(&t->reason, ret_reason);
	case -EAGAIN:
	case -ETIMEDOUT:
		return sup__error(-EAGAIN, "no room in the mailbox of \"%s\"",
				  t->name);
	default:
		return error;
	}
}

/* The letter is taken in any case. */
static int call_with(struct sup__task *t, struct sup__seat *seat,
		     uint32_t generation, struct sup__letter *letter,
		     int64_t deadline, struct sup_msg *ret_reply,
		     struct sup_reason *ret_reason)
{
	uint64_t pid = atomic_load(&t->pid);
	int ret;

	ret = sup__table_may_wait_for(seat, pid);
	if (!ret)
		ret = sup__mailbox_put(&t->mailbox, pid, letter, deadline);
	if (ret) {
		sup__letter_drop(letter);
		if (sup__exchange_give_up(&seat->x, generation))
			return put_error(t, ret, ret_reason);
		await_completion(seat);
	} else {
		ret = wait_for_reply(seat, generation, deadline);
		if (ret == -ETIMEDOUT)
			return sup__error(ret, "no answer from \"%s\" in time",
					  t->name);
		if (ret)
			return ret;
	}
	return take_result(seat, generation, ret_reply, ret_reason);
}

/* There is, or was, no such task: *ret_reason says which. */
static int call_nobody(struct sup_pid to, struct sup_reason *ret_reason)
{
	struct sup_reason reason = { .kind = SUP_REASON_NOPROC };

	sup__table_recall(to, &reason);
	return ended_error(&reason, ret_reason);
}

static int call_task(struct sup__task *t, struct sup__letter *letter,
		     int64_t deadline, struct sup_msg *ret_reply,
		     struct sup_reason *ret_reason)
{
	struct sup__seat *seat = sup__seat_self();
	uint32_t generation;
	int ret;

	if (!seat) {
		sup__letter_drop(letter);
		return -ENOMEM;
	}
	generation = sup__exchange_begin(&seat->x, atomic_load(&t->pid));
	letter->from.pid = sup_self();
	letter->from.slot = seat->index;
	letter->from.generation = generation;
	atomic_fetch_add(&t->callers, 1);
	ret = call_with(t, seat, generation, letter, deadline, ret_reply,
			ret_reason);
	atomic_fetch_sub(&t->callers, 1);
	atomic_store(&seat->waits_for, 0);
	return ret;
}

int sup_call(struct sup_pid to, const struct sup_msg *req,
	     struct sup_msg *ret_reply, struct sup_reason *ret_reason,
	     int64_t deadline)
{
	struct sup_msg msg = *req;
	struct sup__letter *letter;
	struct sup__task *t;
	int ret;

	sup__task_gave(req);
	/* One look: who is killed after it finds that out where it waits. */
	if (sup__task_must_end()) {
		sup_msg_free(&msg);
		sup__task_checkpoint();
	}
	t = sup__task_get(to);
	if (!t) {
		ret = call_nobody(to, ret_reason);
		sup_msg_free(&msg);
		return ret;
	}
	letter = t->ops ? NULL :
		 sup__letter_make(&t->mailbox, SUP__LETTER_CALL, &msg);
	if (letter) {
		ret = call_task(t, letter, deadline, ret_reply, ret_reason);
	} else {
		ret = t->ops ?
			sup__error(-EINVAL, "to: \"%s\" is a process", t->name) :
			sup__error_nomem("a call");
		sup_msg_free(&msg);
	}
	sup__task_put(t);
	if (ret == -ECANCELED)
		sup__task_checkpoint();
	return ret;
}

static struct sup__exchange *exchange_at(uint32_t slot)
{
	struct sup__seat *seat;

	if (slot & SUP__REQUEST_SLOT)
		return sup__request_exchange(slot & ~SUP__REQUEST_SLOT);
	seat = sup__seat_at(slot);
	return seat ? &seat->x : NULL;
}

/* Where a reply would go, or NULL: nobody waits. */
static struct sup__exchange *waiting(struct sup_from from)
{
	struct sup__exchange *x = exchange_at(from.slot);

	if (!x || !from.generation)
		return NULL;
	return atomic_load(&x->call) == word(from.generation,
			SUP__EXCHANGE_PENDING) ? x : NULL;
}

int sup_reply(struct sup_from from, const struct sup_msg *msg)
{
	struct sup__exchange *x = waiting(from);
	struct sup_msg own = { .tag = 0 };

	if (x && sup__msg_own(msg, &own))
		return sup__error_nomem("a reply");
	if (!x && msg->free)
		own = *msg;
	sup__task_gave(msg);
	if (!x || !claim(x, from.generation)) {
		sup_msg_free(&own);
		return 0;
	}
	x->error = 0;
	x->reply = own;
	complete(x, from.generation);
	return 0;
}

int sup_reply_error(struct sup_from from, int error)
{
	struct sup__exchange *x = waiting(from);

	if (error >= 0)
		return sup__error(-EINVAL, "error: %d is not negative", error);
	if (!x || !claim(x, from.generation))
		return 0;
	x->error = error;
	complete(x, from.generation);
	return 0;
}

bool sup__call_refuse(uint64_t pid)
{
	struct sup__task *t = sup__task_get((struct sup_pid){ pid });
	struct sup__exchange *x;
	struct sup__seat *seat;
	bool refused = false;
	uint64_t call;

	/* It has ended: it does not wait. */
	if (!t)
		return true;
	seat = atomic_load(&t->seat);
	x = &seat->x;
	call = atomic_load(&x->call);
	if ((uint32_t)call == SUP__EXCHANGE_PENDING &&
	    atomic_load(&x->callee) == sup_self().v &&
	    claim(x, call >> 32)) {
		x->error = -EDEADLK;
		atomic_store(&x->refused, call >> 32);
		complete(x, call >> 32);
		refused = true;
	}
	/* It may just have been answered, or have given up. */
	if (atomic_load(&seat->waits_for) != sup_self().v)
		refused = true;
	sup__task_put(t);
	return refused;
}

bool sup__call_is_refused(struct sup_from from)
{
	return atomic_load(&exchange_at(from.slot)->refused) ==
	       from.generation;
}

static void end_exchange(struct sup__exchange *x, struct sup__task *t)
{
	uint64_t call = atomic_load(&x->call);

	if ((uint32_t)call == SUP__EXCHANGE_PENDING &&
	    atomic_load(&x->callee) == atomic_load(&t->pid))
		sup__exchange_end(x, call >> 32, &t->reason);
}

void sup__call_send_last(struct sup__task *t)
{
	struct sup_msg msg = t->last_reply;

	if (!t->last_from.generation)
		return;
	/* It is our own already: it cannot fail. */
	sup_reply(t->last_from, &msg);
	t->last_from.generation = 0;
}

void sup__call_task_ended(struct sup__task *t)
{
	uint32_t i, n;

	if (!atomic_load(&t->callers))
		return;
	n = sup__seat_count();
	for (i = 0; i < n; i++)
		end_exchange(&sup__seat_at(i)->x, t);
	n = sup__request_count();
	for (i = 0; i < n; i++)
		end_exchange(sup__request_exchange(i), t);
}
