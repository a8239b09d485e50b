/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pools of connections. The table of pools, and what each slot of a pool has,
 * is memory of the process, which the server alone touches: it is whole at each
 * of the server's safe points, and the next server goes on with it. Who waits,
 * and the monitors, are memory of the server's task.
 *
 *	EMPTY --> MAKING --> IDLE <--> HELD
 *	  ^                  | ^         |
 *	  '-- CLOSING <------' '- CHECKING
 *
 * What makes, checks or closes a connection is a job under the task supervisor.
 * It asks what it is to do, for which it is known by its pid, writes what came
 * of it into its slot, and ends; its end, as the exit source tells it, is what
 * the server acts on. A job that was started by a server which did not live to
 * note its pid is told that there is nothing to do.
 *
 * A connection that somebody has is a lease: an entry of the task in a registry
 * of libsup, put by the server under a token that the task has drawn. If the
 * server ends before its answer the task takes that entry away, and so it does
 * to give the connection back when no server runs; the next server looks which
 * entries are there.
 */
#include "foundation/pool_slots.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "foundation/service.h"

#define AGAIN_MS 5

#define NS_PER_MS INT64_C(1000000)

static struct fnd__pool *pools;

struct fnd__pool *fnd__pool_find(const char *name)
{
	struct fnd__pool *p;

	HASH_FIND_STR(pools, name, p);
	return p;
}

struct fnd__pool *fnd__pool_first(void)
{
	return pools;
}

int fnd__pool_add(const char *name, const struct fnd_pool_options *options)
{
	unsigned int i, n = options->connections + options->overflow;
	struct fnd__pool *p;

	p = calloc(1, sizeof(*p) + n * sizeof(p->slots[0]));
	if (!p)
		return -ENOMEM;
	p->options = *options;
	p->n_slots = p->n[FND__EMPTY] = n;
	strcpy(p->name, name);
	for (i = 0; i < n; i++)
		p->slots[i].pool = p;
	HASH_ADD_STR(pools, name, p);
	if (!p->hh.tbl) {
		free(p);
		return -ENOMEM;
	}
	return 0;
}

int fnd__pool_join(struct fnd__pools *s, struct sup_from from,
		   int64_t deadline, const struct fnd__pool_party *as,
		   struct fnd__waiter **ret_waiter)
{
	struct fnd__pool_party *p = sup_alloc(sizeof(*p));
	int ret;

	if (!p)
		return -ENOMEM;
	*p = *as;
	ret = fnd__waiter_add(&s->waiters, from, deadline, p, ret_waiter);
	if (ret)
		sup_free(p);
	return ret;
}

/* It is in no list any more. */
static void drop(struct fnd__pools *s, struct fnd__waiter *w)
{
	sup_free(w->place);
	fnd__waiter_del(&s->waiters, w);
}

void fnd__pool_leave(struct fnd__pools *s, struct fnd__waiter *w)
{
	struct fnd__pool *p = fnd__party_of(w)->pool;

	if (fnd__party_of(w)->role == FND__CLIENT) {
		DL_DELETE(p->queue, w);
		p->waiting--;
	} else {
		DL_DELETE(p->closers, w);
	}
	drop(s, w);
}

static void set_state(struct fnd__slot *sl, enum fnd__slot_state state)
{
	struct fnd__pool *p = sl->pool;

	if (sl->state == FND__IDLE)
		DL_DELETE(p->idle, sl);
	p->n[sl->state]--;
	sl->state = state;
	p->n[state]++;
	if (state == FND__IDLE)
		DL_PREPEND(p->idle, sl);
}

int fnd__slot_watch(struct fnd__pools *s, struct fnd__slot *sl)
{
	const struct fnd__pool_party as = {
		.role = FND__WATCHED, .pool = sl->pool, .slot = sl,
	};

	return fnd__pool_join(s, (struct sup_from){ .pid = sl->who },
			      SUP_FOREVER, &as, &sl->watch);
}

/* To drop: a safe point, for when the slot is what it is to be. */
static struct fnd__waiter *watch_no_more(struct fnd__slot *sl)
{
	struct fnd__waiter *w = sl->watch;

	sl->watch = NULL;
	sl->who = SUP_PID_NONE;
	return w;
}

static void come_again(struct fnd__pools *s)
{
	if (!s->comes_again)
		s->comes_again = !sup_server_timer(FND__POOL_AGAIN, AGAIN_MS);
}

void fnd__slot_tend(struct fnd__pools *s, struct fnd__slot *sl)
{
	struct sup_job_spec spec = {
		.size = sizeof(spec), .name = "fnd_pool", .run = fnd__pool_job,
	};
	int ret = 0;

	if (!sl->who.v) {
		atomic_store(&sl->report.progress, FND__NOT_BEGUN);
		ret = sup_start_job(sup_whereis(FND__TASKS), &spec, &sl->who);
	}
	if (!ret && !sl->watch)
		ret = fnd__slot_watch(s, sl);
	if (ret)
		come_again(s);
}

static void begin(struct fnd__pools *s, struct fnd__slot *sl,
		  enum fnd__slot_state work)
{
	set_state(sl, work);
	fnd__slot_tend(s, sl);
}

static void put_idle(struct fnd__slot *sl)
{
	sl->since = sup_deadline_ms(0);
	set_state(sl, FND__IDLE);
}

/* The first client gets it, or an error, and waits no more. */
static int give(struct fnd__pools *s, struct fnd__slot *sl,
		struct fnd__waiter *w)
{
	struct fnd__pool *p = sl->pool;
	struct sup_msg reply = {
		.data = &sl->connection, .len = sizeof(sl->connection),
	};
	int ret;

	DL_DELETE(p->queue, w);
	p->waiting--;
	w->deadline = SUP_FOREVER;
	fnd__party_of(w)->role = FND__WATCHED;
	fnd__party_of(w)->slot = sl;
	set_state(sl, FND__HELD);
	sl->who = w->from.pid;
	sl->token = fnd__party_of(w)->token;
	sl->watch = w;
	ret = fnd__lease_put(sl->who, sl->token);
	if (!ret) {
		ret = sup_reply(w->from, &reply);
		if (ret)
			fnd__lease_remove(sl->who, sl->token);
	}
	if (!ret)
		return 0;
	sup_reply_error(w->from, ret);
	watch_no_more(sl);
	put_idle(sl);
	drop(s, w);
	return ret;
}

/* An idle one, which is good, is somebody's if anybody waits. */
static void offer(struct fnd__pools *s, struct fnd__slot *sl)
{
	while (sl->pool->queue && give(s, sl, sl->pool->queue))
		;
}

bool fnd__slot_is_good(const struct fnd__slot *sl)
{
	const struct fnd_pool_options *o = &sl->pool->options;

	return !o->check || sup_deadline_ms(0) - sl->since <
		o->check_ms * NS_PER_MS;
}

static struct fnd__slot *empty_slot(struct fnd__pool *p)
{
	unsigned int i;

	for (i = 0; i < p->n_slots; i++)
		if (p->slots[i].state == FND__EMPTY)
			return &p->slots[i];
	return NULL;
}

static unsigned int n_open(const struct fnd__pool *p)
{
	return p->n_slots - p->n[FND__EMPTY] - p->n[FND__CLOSING];
}

/* For each who waits there is, or comes, a connection, if there may be one. */
static void serve(struct fnd__pools *s, struct fnd__pool *p)
{
	struct fnd__slot *sl;

	while (p->waiting) {
		sl = p->idle;
		if (sl && fnd__slot_is_good(sl)) {
			offer(s, sl);
			continue;
		}
		if (p->n[FND__MAKING] + p->n[FND__CHECKING] >= p->waiting)
			return;
		if (sl) {
			begin(s, sl, FND__CHECKING);
			continue;
		}
		sl = empty_slot(p);
		if (!sl)
			return;
		if (n_open(p) >= p->options.connections)
			fnd__pool_tell(FND__POOL_EVENT("overflow"), p->name);
		begin(s, sl, FND__MAKING);
	}
}

/* All of it is closed. */
static void gone(struct fnd__pools *s, struct fnd__pool *p)
{
	struct fnd__waiter *w, *next;

	fnd__pool_tell(FND__POOL_EVENT("pool_stopped"), p->name);
	DL_FOREACH(p->closers, w)
		sup_reply(w->from, &(struct sup_msg){ .tag = 0 });
	DL_FOREACH_SAFE(p->closers, w, next)
		fnd__pool_leave(s, w);
	HASH_DEL(pools, p);
	free(p);
}

void fnd__pool_settle(struct fnd__pools *s, struct fnd__pool *p)
{
	unsigned int kept = p->closing ? 0 : p->options.connections;

	serve(s, p);
	/* Who waits for one is served first: these are too many. */
	while (p->idle && n_open(p) > kept)
		begin(s, p->idle->prev, FND__CLOSING);
	if (p->closing && p->n[FND__EMPTY] == p->n_slots)
		gone(s, p);
}

static void set_after_lease(struct fnd__slot *sl, enum fnd__lease_state how)
{
	if (how == FND__LEASE_RETURNED)
		put_idle(sl);
	else if (how == FND__LEASE_LOST && sl->pool->options.check)
		set_state(sl, FND__CHECKING);
	else
		set_state(sl, FND__CLOSING);
}

void fnd__slot_returned(struct fnd__pools *s, struct fnd__slot *sl,
			enum fnd__lease_state how)
{
	struct fnd__waiter *w = watch_no_more(sl);

	set_after_lease(sl, how);
	if (w)
		drop(s, w);
	if (fnd__slot_is_at_work(sl))
		fnd__slot_tend(s, sl);
}

/* The first in the queue hears of it; the others have slots of their own. */
static void not_made(struct fnd__pools *s, struct fnd__pool *p, int error)
{
	struct fnd__waiter *w = p->queue;

	if (!w)
		return;
	sup_reply(w->from, &(struct sup_msg){ .tag = (uint64_t)-error });
	fnd__pool_leave(s, w);
}

static void set_after_work(struct fnd__slot *sl, int result)
{
	struct fnd__pool *p = sl->pool;

	switch (sl->state) {
	case FND__MAKING:
		p->made += !result;
		p->failed += !!result;
		sl->connection = sl->report.connection;
		if (result)
			set_state(sl, FND__EMPTY);
		else
			put_idle(sl);
		break;
	case FND__CHECKING:
		if (result)
			set_state(sl, FND__CLOSING);
		else
			put_idle(sl);
		break;
	default:
		p->closed++;
		set_state(sl, FND__EMPTY);
	}
}

static void job_ended(struct fnd__pools *s, struct fnd__slot *sl)
{
	enum fnd__pool_progress progress = atomic_load(&sl->report.progress);
	int result = progress == FND__DONE ? sl->report.result : -ECHILD;
	bool was_making = sl->state == FND__MAKING;
	struct fnd__waiter *w = watch_no_more(sl);

	/* ORDER: first the slot is what it is to be: then come safe points. */
	if (progress != FND__NOT_BEGUN)
		set_after_work(sl, result);
	drop(s, w);
	if (progress == FND__NOT_BEGUN)
		come_again(s);
	else if (fnd__slot_is_at_work(sl))
		fnd__slot_tend(s, sl);
	else if (sl->state == FND__IDLE)
		offer(s, sl);
	else if (was_making)
		not_made(s, sl->pool, result);
}

void fnd__slot_ended(struct fnd__pools *s, struct fnd__slot *sl)
{
	if (sl->state != FND__HELD) {
		job_ended(s, sl);
		return;
	}
	fnd__pool_tell(FND__POOL_EVENT("holder_ended"), sl->pool->name);
	fnd__slot_returned(s, sl, FND__LEASE_LOST);
}

void *fnd__slot_take(struct fnd__slot *sl)
{
	set_state(sl, FND__EMPTY);
	sl->pool->closed++;
	return sl->connection;
}
