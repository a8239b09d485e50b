/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Barriers of this process: a server that knows who waits at which. A barrier
 * is there while somebody waits; the last one who comes lets all go, and the
 * next who comes makes another one. If the server ends, all callers are told
 * by their calls, and have to come again: nobody has passed alone, for all
 * answers go out before the next safe point.
 */
#include <foundation/coordination.h>

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "foundation/coord.h"
#include "foundation/service.h"
#include "foundation/waiters.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(size) sup_alloc(size)
#define uthash_free(p, size) sup_free(p)
#include <uthash.h>

enum tag {
	ARRIVE,		/* the reply's tag: 0, or how many came in vain */
	WAITING,	/* the reply's tag: how many are there */
};

struct request {
	int64_t deadline;
	unsigned int n;
	char name[FND_NAME_MAX + 1];
};

struct barrier {
	UT_hash_handle hh;
	unsigned int n, arrived;
	struct fnd__waiter *arrivals;
	char name[];
};

struct state {
	struct barrier *barriers;
	struct fnd__waiters waiters;
};

static struct barrier *new_barrier(struct state *s, const struct request *req)
{
	size_t len = strlen(req->name);
	struct barrier *b = sup_alloc(sizeof(*b) + len + 1);

	if (!b)
		return NULL;
	b->n = req->n;
	memcpy(b->name, req->name, len);
	HASH_ADD_STR(s->barriers, name, b);
	if (!b->hh.tbl) {
		sup_free(b);
		return NULL;
	}
	return b;
}

static void forget_if_empty(struct state *s, struct barrier *b)
{
	if (b->arrived)
		return;
	HASH_DEL(s->barriers, b);
	sup_free(b);
}

/* Who is told, or has ended. The barrier stays, perhaps empty. */
static void remove_one(struct state *s, struct fnd__waiter *w)
{
	struct barrier *b = w->place;

	DL_DELETE(b->arrivals, w);
	b->arrived--;
	fnd__waiter_del(&s->waiters, w);
}

static void all_are_there(struct state *s, struct barrier *b)
{
	struct fnd__waiter *w, *next;

	/* ORDER: removing one is a safe point. */
	DL_FOREACH(b->arrivals, w)
		sup_reply(w->from, &(struct sup_msg){ .tag = 0 });
	DL_FOREACH_SAFE(b->arrivals, w, next)
		remove_one(s, w);
	forget_if_empty(s, b);
}

static int arrive(struct state *s, struct sup_from from,
		  const struct request *req)
{
	struct fnd__waiter *w;
	struct barrier *b;
	int ret;

	HASH_FIND_STR(s->barriers, req->name, b);
	if (b && b->n != req->n)
		return -EINVAL;
	if (!b)
		b = new_barrier(s, req);
	if (!b)
		return -ENOMEM;
	ret = fnd__waiter_add(&s->waiters, from, req->deadline, b, &w);
	if (ret) {
		forget_if_empty(s, b);
		return ret;
	}
	DL_APPEND(b->arrivals, w);
	b->arrived++;
	if (b->arrived == b->n)
		all_are_there(s, b);
	return 0;
}

static int waiting(struct state *s, struct sup_from from,
		   const struct request *req)
{
	struct barrier *b;

	HASH_FIND_STR(s->barriers, req->name, b);
	return sup_reply(from, &(struct sup_msg){
			 .tag = b ? b->arrived : 0 });
}

static int call(void *state, struct sup_from from, struct sup_msg *msg)
{
	int ret = -EINVAL;

	if (msg->len == sizeof(struct request) && msg->tag == ARRIVE)
		ret = arrive(state, from, msg->data);
	else if (msg->len == sizeof(struct request) && msg->tag == WAITING)
		ret = waiting(state, from, msg->data);
	if (ret)
		sup_reply_error(from, ret);
	return SUP_CONTINUE;
}

static void late(void *state, struct fnd__waiter *w)
{
	struct barrier *b = w->place;
	struct state *s = state;

	sup_reply(w->from, &(struct sup_msg){ .tag = b->arrived });
	remove_one(s, w);
	forget_if_empty(s, b);
}

static void ended(void *state, struct fnd__waiter *w)
{
	struct barrier *b = w->place;
	struct state *s = state;

	remove_one(s, w);
	forget_if_empty(s, b);
}

static int info(void *state, struct sup_info *info)
{
	struct state *s = state;

	fnd__waiters_info(&s->waiters, info, ended, late, s);
	return SUP_CONTINUE;
}

static int init(void *arg, void **ret_state)
{
	(void)arg;
	*ret_state = sup_alloc(sizeof(struct state));
	return *ret_state ? 0 : -ENOMEM;
}

int fnd_barriers_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = call, .info = info,
	};
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = FND__BARRIERS, .reg = true,
		.ops = &ops,
	};

	(void)options;
	return sup_server_start(&spec, ret_pid);
}

static int request(enum tag tag, struct request *req, const char *name,
		   uint64_t *ret_tag)
{
	strcpy(req->name, name);
	return fnd__ask(FND__BARRIERS, tag, req, sizeof(*req), ret_tag);
}

int fnd__barrier_waiting(const char *name, unsigned int *ret_n)
{
	struct request req = { .n = 0 };
	uint64_t n = 0;
	int ret;

	ret = request(WAITING, &req, name, &n);
	if (!ret)
		*ret_n = n;
	return ret;
}

int fnd__barrier_wait(const char *name, unsigned int n, int64_t deadline,
		      unsigned int *ret_arrived)
{
	struct request req = { .deadline = deadline, .n = n };
	uint64_t in_vain = 0;
	int ret;

	ret = request(ARRIVE, &req, name, &in_vain);
	if (ret == -EINVAL)
		return sup_set_error(ret, "n: others wait at \"%s\" for "
				     "another number", name);
	if (ret)
		return ret;
	*ret_arrived = in_vain;
	return in_vain ? sup_set_error(-ETIMEDOUT, "%u of %u have come to "
					 "\"%s\"", *ret_arrived, n, name) : 0;
}
