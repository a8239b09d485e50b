/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools of connections: the server (pool_slots.c has the theory). */
#include "foundation/pool_slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "foundation/service.h"

static int open_pool(struct fnd__pools *s, struct sup_from from,
		     const struct fnd__pool_request *req)
{
	int ret;

	(void)s;
	if (fnd__pool_find(req->name))
		return -EEXIST;
	ret = fnd__pool_add(req->name, &req->options);
	return ret ? ret : sup_reply(from, &(struct sup_msg){ .tag = 0 });
}

static int close_pool(struct fnd__pools *s, struct sup_from from,
		      const struct fnd__pool_request *req)
{
	struct fnd__pool *p = fnd__pool_find(req->name);
	const struct fnd__pool_party as = { .role = FND__CLOSER, .pool = p };
	struct fnd__waiter *w;
	int ret;

	if (!p)
		return -ENOENT;
	ret = fnd__pool_join(s, from, req->deadline, &as, &w);
	if (ret)
		return ret;
	DL_APPEND(p->closers, w);
	p->closing = true;
	while (p->queue) {
		sup_reply_error(p->queue->from, -ESHUTDOWN);
		fnd__pool_leave(s, p->queue);
	}
	fnd__pool_settle(s, p);
	return 0;
}

static int check_out(struct fnd__pools *s, struct sup_from from,
		     const struct fnd__pool_request *req)
{
	struct fnd__pool *p = fnd__pool_find(req->name);
	const struct fnd__pool_party as = {
		.role = FND__CLIENT, .pool = p, .token = req->token,
	};
	struct fnd__waiter *w;
	int ret;

	if (!p)
		return -ENOENT;
	if (p->closing)
		return -ESHUTDOWN;
	if (req->deadline == SUP_TRY &&
	    (!p->idle || !fnd__slot_is_good(p->idle)))
		return -EAGAIN;
	ret = fnd__pool_join(s, from, req->deadline, &as, &w);
	if (ret)
		return ret;
	DL_APPEND(p->queue, w);
	p->waiting++;
	fnd__pool_settle(s, p);
	return 0;
}

/* Which slot is leased by that token: each lease has one of its own. */
static struct fnd__slot *leased(const struct fnd__pool_request *req)
{
	struct fnd__pool *p = fnd__pool_find(req->name);
	struct fnd__slot *sl;
	unsigned int i;

	for (i = 0; p && i < p->n_slots; i++) {
		sl = &p->slots[i];
		if (sl->state == FND__HELD && sl->token == req->token)
			return sl;
	}
	return NULL;
}

static int give_back(struct fnd__pools *s, struct sup_from from,
		     const struct fnd__pool_request *req,
		     enum fnd__lease_state how)
{
	struct fnd__slot *sl = leased(req);
	int ret;

	if (!sl || sl->who.v != from.pid.v)
		return -EPERM;
	ret = fnd__lease_remove(from.pid, req->token);
	if (ret)
		return ret;
	sup_reply(from, &(struct sup_msg){ .tag = 0 });
	fnd__slot_returned(s, sl, how);
	fnd__pool_settle(s, sl->pool);
	return 0;
}

static int check_in(struct fnd__pools *s, struct sup_from from,
		    const struct fnd__pool_request *req)
{
	return give_back(s, from, req, FND__LEASE_RETURNED);
}

static int discard(struct fnd__pools *s, struct sup_from from,
		   const struct fnd__pool_request *req)
{
	return give_back(s, from, req, FND__LEASE_DISCARDED);
}

static int status(struct fnd__pools *s, struct sup_from from,
		  const struct fnd__pool_request *req)
{
	struct fnd__pool *p = fnd__pool_find(req->name);
	struct fnd_pool_status st;

	(void)s;
	if (!p)
		return -ENOENT;
	st = (struct fnd_pool_status){
		.connections = p->options.connections,
		.overflow = p->options.overflow, .idle = p->n[FND__IDLE],
		.held = p->n[FND__HELD], .making = p->n[FND__MAKING],
		.checking = p->n[FND__CHECKING], .closing = p->n[FND__CLOSING],
		.waiting = p->waiting, .made = p->made, .closed = p->closed,
		.failed = p->failed, .late = p->late,
	};
	return sup_reply(from, &(struct sup_msg){
			 .data = &st, .len = sizeof(st) });
}

static int list(struct fnd__pools *s, struct sup_from from,
		const struct fnd__pool_request *req)
{
	struct sup_msg reply = { .tag = HASH_COUNT(fnd__pool_first()) };
	struct fnd__pool *p;
	char *at;
	int ret;

	(void)s;
	(void)req;
	for (p = fnd__pool_first(); p; p = p->hh.next)
		reply.len += strlen(p->name) + 1;
	at = reply.data = sup_alloc(reply.len + 1);
	if (!at)
		return -ENOMEM;
	for (p = fnd__pool_first(); p; p = p->hh.next)
		at = stpcpy(at, p->name) + 1;
	ret = sup_reply(from, &reply);
	sup_free(reply.data);
	return ret;
}

/* The slot whose job it is. There are few pools, and jobs are rare. */
static struct fnd__slot *slot_of_job(struct sup_pid pid)
{
	struct fnd__pool *p;
	struct fnd__slot *sl;
	unsigned int i;

	for (p = fnd__pool_first(); p; p = p->hh.next)
		for (i = 0; i < p->n_slots; i++) {
			sl = &p->slots[i];
			if (fnd__slot_is_at_work(sl) && sl->who.v == pid.v)
				return sl;
		}
	return NULL;
}

static int work(struct fnd__pools *s, struct sup_from from,
		const struct fnd__pool_request *req)
{
	struct fnd__slot *sl = slot_of_job(from.pid);
	struct fnd__pool_work w;

	(void)s;
	(void)req;
	if (!sl)
		return -ENOENT;
	w = (struct fnd__pool_work){
		.arg = sl->pool->options.arg, .connection = sl->connection,
		.report = &sl->report,
	};
	if (sl->state == FND__MAKING)
		w.make = sl->pool->options.make;
	else if (sl->state == FND__CHECKING)
		w.check = sl->pool->options.check;
	else
		w.close = sl->pool->options.close;
	return sup_reply(from, &(struct sup_msg){
			 .data = &w, .len = sizeof(w) });
}

static int call(void *state, struct sup_from from, struct sup_msg *msg)
{
	static int (*const calls[])(struct fnd__pools *s, struct sup_from from,
				    const struct fnd__pool_request *req) = {
		[FND__POOL_OPEN] = open_pool, [FND__POOL_CLOSE] = close_pool,
		[FND__POOL_CHECKOUT] = check_out,
		[FND__POOL_CHECKIN] = check_in,
		[FND__POOL_DISCARD] = discard, [FND__POOL_STATUS] = status,
		[FND__POOL_LIST] = list, [FND__POOL_WORK] = work,
	};
	int ret = -EINVAL;

	if (msg->len == sizeof(struct fnd__pool_request) &&
	    msg->tag < sizeof(calls) / sizeof(calls[0]))
		ret = calls[msg->tag](state, from, msg->data);
	if (ret)
		sup_reply_error(from, ret);
	return SUP_CONTINUE;
}

/* A lease that may have been given back while no server saw it. */
static void look(struct fnd__pools *s, struct fnd__slot *sl)
{
	enum fnd__lease_state how = fnd__lease_look(sl->who, sl->token);

	if (how == FND__LEASE_DISCARDED)
		fnd__lease_remove(sl->who, sl->token);
	if (how != FND__LEASE_KEPT)
		fnd__slot_returned(s, sl, how);
}

static int cast(void *state, struct sup_msg *msg)
{
	const struct fnd__pool_request *req = msg->data;
	struct fnd__slot *sl = NULL;

	if (msg->tag == FND__POOL_LOOK && msg->len == sizeof(*req))
		sl = leased(req);
	if (sl) {
		look(state, sl);
		fnd__pool_settle(state, sl->pool);
	}
	return SUP_CONTINUE;
}

static void ended(void *state, struct fnd__waiter *w)
{
	const struct fnd__pool_party *party = fnd__party_of(w);
	struct fnd__pool *p = party->pool;
	struct fnd__pools *s = state;

	if (party->role == FND__WATCHED)
		fnd__slot_ended(s, party->slot);
	else
		fnd__pool_leave(s, w);
	fnd__pool_settle(s, p);
}

static void late(void *state, struct fnd__waiter *w)
{
	if (fnd__party_of(w)->role == FND__CLIENT)
		fnd__party_of(w)->pool->late++;
	fnd__waiter_refuse(w);
	fnd__pool_leave(state, w);
}

/* Jobs that could not be started, or have not come to their work. */
static void tend_all(struct fnd__pools *s)
{
	struct fnd__pool *p;
	struct fnd__slot *sl;
	unsigned int i;

	s->comes_again = false;
	for (p = fnd__pool_first(); p; p = p->hh.next)
		for (i = 0; i < p->n_slots; i++) {
			sl = &p->slots[i];
			if (fnd__slot_is_at_work(sl) && !sl->watch)
				fnd__slot_tend(s, sl);
		}
}

static int info(void *state, struct sup_info *info)
{
	struct fnd__pools *s = state;

	fnd__waiters_info(&s->waiters, info, ended, late, s);
	if (info->kind == SUP_INFO_TIMER && info->msg.tag == FND__POOL_AGAIN)
		tend_all(s);
	return SUP_CONTINUE;
}

/* What another server has left. It may be gone then. */
static int take_over(struct fnd__pools *s, struct fnd__pool *p)
{
	struct fnd__slot *sl;
	unsigned int i;
	int ret = 0;

	p->queue = p->closers = NULL;
	p->waiting = 0;
	for (i = 0; i < p->n_slots; i++)
		p->slots[i].watch = NULL;
	for (i = 0; !ret && i < p->n_slots; i++) {
		sl = &p->slots[i];
		if (sl->state == FND__HELD)
			look(s, sl);
		else if (fnd__slot_is_at_work(sl))
			fnd__slot_tend(s, sl);
		if (sl->state == FND__HELD)
			ret = fnd__slot_watch(s, sl);
	}
	if (!ret)
		fnd__pool_settle(s, p);
	return ret;
}

static int init(void *arg, void **ret_state)
{
	struct fnd__pools *s = sup_alloc(sizeof(*s));
	struct fnd__pool *p, *next;
	int ret;

	(void)arg;
	if (!s)
		return -ENOMEM;
	ret = fnd__leases_open();
	for (p = fnd__pool_first(); !ret && p; p = next) {
		next = p->hh.next;
		ret = take_over(s, p);
	}
	*ret_state = s;
	return ret;
}

/* Nobody waits for this thread any more, so it may close what is idle. */
static void terminate(void *state, const struct sup_reason *reason)
{
	struct fnd__pool *p;
	void *connection;

	(void)state;
	(void)reason;
	for (p = fnd__pool_first(); p; p = p->hh.next)
		while (p->idle) {
			connection = fnd__slot_take(p->idle);
			p->options.close(p->options.arg, connection);
		}
}

int fnd_pools_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = call,
		.cast = cast, .info = info, .terminate = terminate,
	};
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = FND__POOLS, .reg = true,
		.ops = &ops,
	};

	(void)options;
	return sup_server_start(&spec, ret_pid);
}
