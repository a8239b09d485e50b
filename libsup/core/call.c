/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call is a slot in the caller's seat, and a letter that names the slot. The
 * slot's word is generation << 32 | state. Whoever moves it from PENDING to
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
#include "core/table.h"
#include "core/task.h"

enum {
	FREE,
	PENDING,
	COMPLETING,
	DONE,
};

#define GENERATION (UINT64_C(1) << 32)

static uint64_t word(uint32_t generation, uint32_t state)
{
	return (uint64_t)generation << 32 | state;
}

static uint32_t begin(struct sup__seat *seat, uint64_t callee)
{
	uint32_t generation = (atomic_load(&seat->call) >> 32) + 1;

	/* 0 is no generation, so that a zeroed sup_from names no call. */
	if (!generation)
		generation = 1;
	seat->reply = (struct sup_msg){ 0 };
	seat->ended = false;
	atomic_store(&seat->callee, callee);
	atomic_store(&seat->call, word(generation, PENDING));
	return generation;
}

/* True: nobody will complete it any more. */
static bool give_up(struct sup__seat *seat, uint32_t generation)
{
	uint64_t pending = word(generation, PENDING);

	return atomic_compare_exchange_strong(&seat->call, &pending,
					      word(generation, FREE));
}

static bool claim(struct sup__seat *seat, uint32_t generation)
{
	uint64_t pending = word(generation, PENDING);

	return atomic_compare_exchange_strong(&seat->call, &pending,
					      word(generation, COMPLETING));
}

static void complete(struct sup__seat *seat, uint32_t generation)
{
	atomic_store(&seat->waits_for, 0);
	atomic_store(&seat->call, word(generation, DONE));
	sup__seat_wake(seat);
}

static bool is_done(struct sup__seat *seat)
{
	return (uint32_t)atomic_load(&seat->call) == DONE;
}

/* Somebody is writing the result: it will not be long. */
static void await_completion(struct sup__seat *seat)
{
	while (!is_done(seat))
		sup__seat_wait(seat, SUP_FOREVER);
}

static int wait_for_reply(struct sup__seat *seat, uint32_t generation,
			  int64_t deadline)
{
	int ret = 0;

	while (!is_done(seat)) {
		if (!ret && sup__task_must_end())
			ret = -ECANCELED;
		if (ret) {
			if (give_up(seat, generation))
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
	int error = seat->error;

	if (seat->ended)
		error = ended_error(&seat->reason, ret_reason);
	else if (error)
		sup__error_sys(error, "the server's answer");
	if (!error && ret_reply)
		*ret_reply = seat->reply;
	else
		sup_msg_free(&seat->reply);
	atomic_store(&seat->call, word(generation, FREE));
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
		if (give_up(seat, generation))
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
	generation = begin(seat, atomic_load(&t->pid));
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
	if (sup__task_must_end())
		sup_msg_free(&msg);
	sup__task_checkpoint();
	t = sup__task_get(to);
	if (!t) {
		ret = call_nobody(to, ret_reason);
		sup_msg_free(&msg);
		return ret;
	}
	letter = t->ops ? NULL : sup__letter_make(SUP__LETTER_CALL, &msg);
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

/* The seat that a reply would go to, or NULL: nobody waits. */
static struct sup__seat *waiting(struct sup_from from)
{
	struct sup__seat *seat = sup__seat_at(from.slot);

	if (!seat || !from.generation)
		return NULL;
	return atomic_load(&seat->call) == word(from.generation, PENDING) ?
		seat : NULL;
}

int sup_reply(struct sup_from from, const struct sup_msg *msg)
{
	struct sup__seat *seat = waiting(from);
	struct sup_msg own = { .tag = 0 };

	if (seat && sup__msg_own(msg, &own))
		return sup__error_nomem("a reply");
	if (!seat && msg->free)
		own = *msg;
	sup__task_gave(msg);
	if (!seat || !claim(seat, from.generation)) {
		sup_msg_free(&own);
		return 0;
	}
	seat->error = 0;
	seat->reply = own;
	complete(seat, from.generation);
	return 0;
}

int sup_reply_error(struct sup_from from, int error)
{
	struct sup__seat *seat = waiting(from);

	if (error >= 0)
		return sup__error(-EINVAL, "error: %d is not negative", error);
	if (!seat || !claim(seat, from.generation))
		return 0;
	seat->error = error;
	complete(seat, from.generation);
	return 0;
}

bool sup__call_refuse(uint64_t pid)
{
	struct sup__task *t = sup__task_get((struct sup_pid){ pid });
	struct sup__seat *seat;
	bool refused = false;
	uint64_t call;

	/* It has ended: it does not wait. */
	if (!t)
		return true;
	seat = atomic_load(&t->seat);
	call = atomic_load(&seat->call);
	if ((uint32_t)call == PENDING &&
	    atomic_load(&seat->callee) == sup_self().v &&
	    claim(seat, call >> 32)) {
		seat->error = -EDEADLK;
		atomic_store(&seat->refused, call >> 32);
		complete(seat, call >> 32);
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
	return atomic_load(&sup__seat_at(from.slot)->refused) ==
	       from.generation;
}

static void complete_ended(struct sup__seat *seat, struct sup__task *t)
{
	uint64_t call = atomic_load(&seat->call);

	if ((uint32_t)call != PENDING ||
	    atomic_load(&seat->callee) != atomic_load(&t->pid) ||
	    !claim(seat, call >> 32))
		return;
	seat->ended = true;
	seat->reason = t->reason;
	complete(seat, call >> 32);
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
		complete_ended(sup__seat_at(i), t);
}
