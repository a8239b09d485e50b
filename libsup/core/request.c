/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A request is an exchange of its own, where a call has that of its caller's
 * seat. They are never given back (base/chunks.h), so a late reply can look at
 * one that is over: its generation is another one.
 *
 * Only its owner's thread touches a request, but for the exchange, which who
 * completes it fills in, and the signal, which that one puts into the owner's
 * mailbox if it is to come as info. The owner's end waits for those who are
 * just completing, so the mailbox is still the owner's then. A response that is
 * taken while its signal is under way leaves the request behind, spent, until
 * the signal has come.
 *
 * Lock: of the free ones, a leaf.
 */
#include "core/request.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

#include "base/alloc.h"
#include "base/chunks.h"
#include "base/error.h"
#include "core/call.h"
#include "core/table.h"
#include "core/task.h"

struct sup__request {
	struct sup__exchange x;		/* first */
	struct sup__signal signal;
	uint32_t index;
	uint32_t generation;
	struct sup__request *next_free;
	struct sup__task *owner;	/* NULL: foreign threads */
	struct sup__task *target;	/* with a reference; NULL: none */
	struct sup__request *next, **at;	/* of the owner */
	bool queued;			/* the signal is under way */
	bool spent;			/* over, but for the signal */
};

static struct sup__lock lock = SUP__LOCK_INIT;
static struct sup__request *unused;
static struct sup__chunks requests;

static struct sup__request *request_at(uint32_t index)
{
	return sup__chunks_at(&requests, sizeof(struct sup__request), index);
}

struct sup__exchange *sup__request_exchange(uint32_t index)
{
	struct sup__request *r = request_at(index);

	return r ? &r->x : NULL;
}

uint32_t sup__request_count(void)
{
	/* Sequentially consistent, as in sup__seat_count(). */
	return atomic_load(&requests.n);
}

static void init_request(void *request, uint32_t index)
{
	struct sup__request *r = request;

	r->index = index;
	r->next_free = unused;
	unused = r;
}

static struct sup__request *new_request(void)
{
	struct sup__request *r;

	sup__lock(&lock);
	if (!unused)
		sup__chunks_grow(&requests, sizeof(*r), init_request);
	r = unused;
	if (r)
		unused = r->next_free;
	sup__unlock(&lock);
	return r;
}

static void free_request(struct sup__request *r)
{
	sup__lock(&lock);
	r->next_free = unused;
	unused = r;
	sup__unlock(&lock);
}

/* It is not PENDING, and what came of it has been taken. */
static void release(struct sup__request *r)
{
	atomic_store(&r->x.call, (uint64_t)r->generation << 32 |
				 SUP__EXCHANGE_FREE);
	if (r->target) {
		atomic_fetch_sub(&r->target->callers, 1);
		sup__task_put(r->target);
		r->target = NULL;
	}
	if (r->at) {
		*r->at = r->next;
		if (r->next)
			r->next->at = r->at;
		r->at = NULL;
	}
	r->spent = r->queued;
	if (!r->queued)
		free_request(r);
}

static void abandon(struct sup__request *r)
{
	if (!sup__exchange_give_up(&r->x, r->generation)) {
		while (!sup__exchange_is_done(&r->x))
			sched_yield();
		sup_msg_free(&r->x.reply);
	}
	release(r);
}

static void take(struct sup__request *r, struct sup_response *ret_response)
{
	const struct sup__exchange *x = &r->x;

	*ret_response = (struct sup_response){
		.request.v = (uint64_t)r->generation << 32 | r->index,
		.error = x->ended ? -EPIPE : x->error,
		.reply = x->reply,
	};
	if (x->ended)
		ret_response->reason = x->reason;
	release(r);
}

/* By who completes it, before it is DONE. */
static void send_signal(struct sup__exchange *x)
{
	struct sup__request *r = (struct sup__request *)x;

	r->queued = sup__mailbox_signal(&r->owner->mailbox, &r->signal);
}

static int begin(bool as_info, uint64_t callee, struct sup__request **ret_r)
{
	struct sup__seat *seat = sup__seat_self();
	struct sup__request *r;

	if (!seat)
		return -ENOMEM;
	r = new_request();
	if (!r)
		return sup__error_nomem("a request");
	r->owner = sup__self;
	r->queued = r->spent = false;
	r->signal.kind = SUP__SIGNAL_RESPONSE;
	r->x.completed = as_info ? send_signal : NULL;
	atomic_store(&r->x.seat, seat);
	if (r->owner) {
		r->next = r->owner->requests;
		if (r->next)
			r->next->at = &r->next;
		r->at = &r->owner->requests;
		r->owner->requests = r;
	}
	r->generation = sup__exchange_begin(&r->x, callee);
	*ret_r = r;
	return 0;
}

/* The letter is taken if this is 0. */
static int post(struct sup__request *r, struct sup__task *t,
		struct sup__letter *letter, int64_t deadline)
{
	int ret;

	letter->from.pid = sup_self();
	letter->from.slot = r->index | SUP__REQUEST_SLOT;
	letter->from.generation = r->generation;
	sup__task_ref(t);
	r->target = t;
	/* ORDER: PENDING, counted, pushed; see core/call.c. */
	atomic_fetch_add(&t->callers, 1);
	ret = sup__mailbox_put(&t->mailbox, atomic_load(&t->pid), letter,
			       deadline);
	if (ret != -ESRCH)
		return ret;
	/* Its reason was stored before it closed. */
	sup__exchange_end(&r->x, r->generation, &t->reason);
	sup__letter_drop(letter);
	return 0;
}

static int send_to_task(struct sup__task *t, const struct sup_msg *req,
			bool as_info, int64_t deadline,
			struct sup_request *ret_request)
{
	struct sup__letter *letter;
	struct sup__request *r;
	int ret;

	if (t->ops)
		return sup__error(-EINVAL, "to: \"%s\" is a process", t->name);
	letter = sup__letter_make(&t->mailbox, SUP__LETTER_CALL, req);
	if (!letter)
		return sup__error_nomem("a request");
	ret = begin(as_info, atomic_load(&t->pid), &r);
	if (ret) {
		sup__letter_unmake(letter);
		return ret;
	}
	ret = post(r, t, letter, deadline);
	if (ret) {
		sup__letter_unmake(letter);
		abandon(r);
		return ret == -ECANCELED ? ret :
			sup__error_sys(ret, "mailbox of \"%s\"", t->name);
	}
	sup__task_gave(req);
	ret_request->v = (uint64_t)r->generation << 32 | r->index;
	return 0;
}

static int send_to_nobody(struct sup_pid to, const struct sup_msg *req,
			  bool as_info, struct sup_request *ret_request)
{
	struct sup_reason reason = { .kind = SUP_REASON_NOPROC };
	struct sup_msg gone = *req;
	struct sup__request *r;
	int ret;

	ret = begin(as_info, to.v, &r);
	if (ret)
		return ret;
	sup__task_gave(req);
	if (gone.free)
		sup_msg_free(&gone);
	ret_request->v = (uint64_t)r->generation << 32 | r->index;
	sup__table_recall(to, &reason);
	sup__exchange_end(&r->x, r->generation, &reason);
	return 0;
}

int sup_request_send(struct sup_pid to, const struct sup_msg *req,
		     bool as_info, int64_t deadline,
		     struct sup_request *ret_request)
{
	struct sup__task *t;
	int ret;

	sup__task_checkpoint();
	if (as_info && !sup__self)
		return sup__error(-EPERM, "a foreign thread gets no infos");
	t = sup__task_get(to);
	if (!t)
		return send_to_nobody(to, req, as_info, ret_request);
	ret = send_to_task(t, req, as_info, deadline, ret_request);
	sup__task_put(t);
	if (ret == -ECANCELED)
		sup__task_checkpoint();
	return ret;
}

static struct sup__request *lookup(struct sup_request request)
{
	struct sup__request *r = request_at((uint32_t)request.v);
	uint64_t call;

	if (!r || !(request.v >> 32))
		return NULL;
	call = atomic_load(&r->x.call);
	if (call >> 32 != request.v >> 32 ||
	    (uint32_t)call == SUP__EXCHANGE_FREE || r->owner != sup__self)
		return NULL;
	return r;
}

bool sup__request_is_pending(struct sup_request request)
{
	return lookup(request);
}

static int over(void)
{
	return sup__error(-ENOENT, "request: it is over, or not the caller's");
}

static int wait_for(struct sup_request request,
		    struct sup_response *ret_response, int64_t deadline)
{
	struct sup__seat *seat = sup__seat_self();
	struct sup__request *r;
	int ret = 0;

	sup__task_checkpoint();
	r = lookup(request);
	if (!r)
		return over();
	if (!seat)
		return -ENOMEM;
	/* ORDER: before it is looked at. */
	atomic_store(&r->x.seat, seat);
	while (!sup__exchange_is_done(&r->x)) {
		sup__task_checkpoint();
		/* A look must not take a wake that is another one's. */
		if (deadline == SUP_TRY)
			ret = -ETIMEDOUT;
		if (ret)
			return sup__error(ret, "no response in time");
		ret = sup__seat_wait(seat, deadline);
	}
	take(r, ret_response);
	return 0;
}

int sup_request_wait(struct sup_request request,
		     struct sup_response *ret_response, int64_t deadline)
{
	return wait_for(request, ret_response, deadline);
}

int sup_request_receive(struct sup_request request,
			struct sup_response *ret_response, int64_t deadline)
{
	int ret = wait_for(request, ret_response, deadline);

	if (ret == -ETIMEDOUT)
		sup_request_abandon(request);
	return ret;
}

int sup_request_abandon(struct sup_request request)
{
	struct sup__request *r;

	sup__task_checkpoint();
	r = lookup(request);
	if (!r)
		return over();
	abandon(r);
	return 0;
}

void sup__request_task_ended(struct sup__task *t)
{
	while (t->requests)
		abandon(t->requests);
}

/* Whoever puts the signal there has not got far to DONE. */
bool sup__request_take(struct sup__signal *signal, struct sup_info *ret_info)
{
	struct sup__request *r = (struct sup__request *)
		((char *)signal - offsetof(struct sup__request, signal));
	struct sup_response response;

	while (!r->spent && !sup__exchange_is_done(&r->x))
		sched_yield();
	r->queued = false;
	if (r->spent) {
		free_request(r);
		return false;
	}
	take(r, &response);
	ret_info->kind = SUP_INFO_RESPONSE;
	ret_info->request = response.request;
	ret_info->error = response.error;
	ret_info->reason = response.reason;
	ret_info->msg = response.reply;
	return true;
}

/* The task's requests have been abandoned before: it is spent. */
void sup__request_drop(struct sup__signal *signal)
{
	struct sup_info info;

	if (sup__request_take(signal, &info))
		sup_msg_free(&info.msg);
}
