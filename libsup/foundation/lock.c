/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks of this process. Who has one is the task under its name in a registry
 * of libsup, with the token as the value: that is the truth, which neither a
 * task nor the server can take into its grave. A holder that ends loses its
 * entry before anyone hears of its end; a server that begins finds the entries
 * there, and goes on from them.
 *
 * The server knows who waits, in order, and watches those who wait and those
 * who hold. It alone puts entries, so that nobody comes out of turn, and at the
 * deadline of a waiter it is the server that says so: a caller never has to
 * guess whether it got the lock while it gave up. If the server ends, callers
 * do have to: they take their own entry away, and tell the next server, which
 * may have found it, to look again.
 *
 * Tokens count from the time of day in microseconds, for who remembers one
 * from an earlier life of the program.
 */
#include <foundation/coordination.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include <sup/sup.h>

#include "foundation/coord.h"
#include "foundation/service.h"
#include "foundation/waiters.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(size) sup_alloc(size)
#define uthash_free(p, size) sup_free(p)
#include <uthash.h>

#define LOCKS "fnd_locks"

enum tag {
	ACQUIRE,	/* a call: struct request; the reply's tag: a token */
	RELEASE,	/* a call: struct request */
	WAITING,	/* a call: struct request; the reply's tag: how many */
	LOOK,		/* a cast: struct request; the holder may have gone */
};

struct request {
	int64_t deadline;
	uint64_t token;
	char name[FND_NAME_MAX + 1];
};

/* One that somebody has. */
struct held {
	UT_hash_handle hh;
	uint64_t token;
	struct fnd__waiter *holder;	/* it waits for nothing */
	struct fnd__waiter *queue;
	char name[];
};

struct state {
	struct held *locks;
	struct fnd__waiters waiters;
};

static _Atomic uint64_t registry_id, last_token;

static struct sup_registry registry(void)
{
	return (struct sup_registry){ atomic_load(&registry_id) };
}

static struct sup_bytes key_of(const char *name)
{
	return (struct sup_bytes){ name, strlen(name) };
}

static int open_registry(void)
{
	struct sup_registry_spec spec = { .size = sizeof(spec) };
	struct sup_registry r;
	struct timespec ts;
	uint64_t none = 0;
	int ret;

	if (atomic_load(&registry_id))
		return 0;
	clock_gettime(CLOCK_REALTIME, &ts);
	atomic_compare_exchange_strong(&last_token, &none, ts.tv_sec *
				       UINT64_C(1000000) + ts.tv_nsec / 1000);
	none = 0;
	ret = sup_registry_open(&spec, &r);
	if (!ret && !atomic_compare_exchange_strong(&registry_id, &none, r.v))
		sup_registry_close(r);
	return ret;
}

/* -ENOENT nobody has it. */
int fnd__lock_holder(const char *name, struct sup_pid *ret_pid,
		     uint64_t *ret_token)
{
	struct sup_bytes key = key_of(name);
	struct sup_registry_query q = { .key = &key };
	struct sup_registry_entry *e = NULL;
	size_t n;
	int ret = 0;

	if (registry().v)
		ret = sup_registry_select(registry(), &q, &e, &n);
	if (ret)
		return ret;
	if (!e)
		return sup_set_error(-ENOENT, "name: nobody has the lock "
				     "\"%s\"", name);
	*ret_pid = e->pid;
	memcpy(ret_token, e->value.data, sizeof(*ret_token));
	free(e);
	return 0;
}

static int take_away(const char *name, struct sup_pid pid)
{
	struct sup_bytes key = key_of(name);
	struct sup_registry_query q = { .key = &key, .pid = pid };

	return sup_registry_remove(registry(), &q);
}

static struct held *find(struct state *s, const char *name)
{
	struct held *h;

	HASH_FIND_STR(s->locks, name, h);
	return h;
}

static struct held *new_held(struct state *s, const char *name)
{
	size_t len = strlen(name);
	struct held *h = sup_alloc(sizeof(*h) + len + 1);

	if (!h)
		return NULL;
	memcpy(h->name, name, len);
	HASH_ADD_STR(s->locks, name, h);
	if (!h->hh.tbl) {
		sup_free(h);
		return NULL;
	}
	return h;
}

static void forget(struct state *s, struct held *h)
{
	HASH_DEL(s->locks, h);
	sup_free(h);
}

/* Who waits no more is in no list of ours. */
static void refuse(struct state *s, struct fnd__waiter *w, int error)
{
	sup_reply_error(w->from, error);
	fnd__waiter_del(&s->waiters, w);
}

/* -ESRCH: it has ended, nobody need be told. */
static int grant(struct held *h, struct fnd__waiter *w)
{
	uint64_t token = atomic_fetch_add(&last_token, 1) + 1;
	int ret;

	ret = sup_registry_put(registry(), w->from.pid, key_of(h->name),
			       (struct sup_bytes){ &token, sizeof(token) },
			       NULL);
	if (ret)
		return ret;
	h->holder = w;
	h->token = token;
	w->deadline = SUP_FOREVER;
	return sup_reply(w->from, &(struct sup_msg){ .tag = token });
}

/* Nobody has it: the next one, if there is one. */
static void pass_on(struct state *s, struct held *h)
{
	struct fnd__waiter *w;
	int ret;

	h->holder = NULL;
	while ((w = h->queue)) {
		DL_DELETE(h->queue, w);
		ret = grant(h, w);
		if (!ret)
			return;
		if (h->holder)
			take_away(h->name, w->from.pid);
		h->holder = NULL;
		refuse(s, w, ret);
	}
	forget(s, h);
}

static void let_go(struct state *s, struct held *h)
{
	fnd__waiter_del(&s->waiters, h->holder);
	pass_on(s, h);
}

static int acquire(struct state *s, struct sup_from from,
		   const struct request *req)
{
	struct held *h = find(s, req->name);
	struct fnd__waiter *w;
	bool is_free = !h;
	int ret;

	if (h && h->holder->from.pid.v == from.pid.v)
		return -EDEADLK;
	if (h && req->deadline == SUP_TRY)
		return -EAGAIN;
	if (!h)
		h = new_held(s, req->name);
	if (!h)
		return -ENOMEM;
	ret = fnd__waiter_add(&s->waiters, from, is_free ? SUP_FOREVER :
			      req->deadline, h, &w);
	if (ret) {
		if (is_free)
			forget(s, h);
		return ret;
	}
	DL_APPEND(h->queue, w);
	if (is_free)
		pass_on(s, h);
	return 0;
}

static int release(struct state *s, struct sup_from from,
		   const struct request *req)
{
	struct held *h = find(s, req->name);
	int ret;

	if (!h || h->holder->from.pid.v != from.pid.v ||
	    h->token != req->token)
		return -EPERM;
	ret = take_away(h->name, from.pid);
	if (ret)
		return ret;
	let_go(s, h);
	return sup_reply(from, &(struct sup_msg){ .tag = 0 });
}

static int waiting(struct state *s, struct sup_from from,
		   const struct request *req)
{
	struct held *h = find(s, req->name);
	struct fnd__waiter *w;
	unsigned int n = 0;

	if (h)
		DL_COUNT(h->queue, w, n);
	return sup_reply(from, &(struct sup_msg){ .tag = n });
}

static int call(void *state, struct sup_from from, struct sup_msg *msg)
{
	const struct request *req = msg->data;
	int ret = -EINVAL;

	if (msg->len == sizeof(*req) && msg->tag == ACQUIRE)
		ret = acquire(state, from, req);
	else if (msg->len == sizeof(*req) && msg->tag == RELEASE)
		ret = release(state, from, req);
	else if (msg->len == sizeof(*req) && msg->tag == WAITING)
		ret = waiting(state, from, req);
	if (ret)
		sup_reply_error(from, ret);
	return SUP_CONTINUE;
}

static int cast(void *state, struct sup_msg *msg)
{
	const struct request *req = msg->data;
	struct sup_pid pid = SUP_PID_NONE;
	struct state *s = state;
	struct held *h;

	if (msg->tag != LOOK || msg->len != sizeof(*req))
		return SUP_CONTINUE;
	h = find(s, req->name);
	if (h)
		pid = sup_registry_whereis(registry(), key_of(h->name));
	if (h && pid.v != h->holder->from.pid.v)
		let_go(s, h);
	return SUP_CONTINUE;
}

/* A holder, or one who waits, has ended. */
static void ended(struct state *s, struct fnd__waiter *w)
{
	struct held *h = w->place;

	if (h->holder == w) {
		let_go(s, h);
		return;
	}
	DL_DELETE(h->queue, w);
	fnd__waiter_del(&s->waiters, w);
}

static int info(void *state, struct sup_info *info)
{
	struct fnd__waiter *w;
	struct state *s = state;
	struct held *h;

	if (info->kind == SUP_INFO_DOWN) {
		w = fnd__waiter_of(&s->waiters, info->ref);
		if (w)
			ended(s, w);
	} else if (info->kind == SUP_INFO_TIMER &&
		   info->msg.tag == FND__LATE) {
		while ((w = fnd__waiter_late(&s->waiters))) {
			h = w->place;
			DL_DELETE(h->queue, w);
			refuse(s, w, -ETIMEDOUT);
		}
	}
	return SUP_CONTINUE;
}

/* One that a task has had from an earlier server. */
static int find_held(struct state *s, const struct sup_registry_entry *e)
{
	char name[FND_NAME_MAX + 1] = "";
	struct held *h;

	memcpy(name, e->key.data, e->key.len);
	h = new_held(s, name);
	if (!h)
		return -ENOMEM;
	memcpy(&h->token, e->value.data, sizeof(h->token));
	return fnd__waiter_add(&s->waiters, (struct sup_from){ .pid = e->pid },
			       SUP_FOREVER, h, &h->holder);
}

static int init(void *arg, void **ret_state)
{
	const struct sup_registry_query all = { .key = NULL };
	struct sup_registry_entry *e = NULL;
	struct state *s = sup_alloc(sizeof(*s));
	size_t i, n = 0;
	int ret;

	(void)arg;
	if (!s)
		return -ENOMEM;
	ret = open_registry();
	if (!ret)
		ret = sup_registry_select(registry(), &all, &e, &n);
	for (i = 0; i < n && !ret; i++)
		ret = find_held(s, &e[i]);
	free(e);
	*ret_state = s;
	return ret;
}

int fnd_locks_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = call,
		.cast = cast, .info = info,
	};
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = LOCKS, .reg = true, .ops = &ops,
	};

	(void)options;
	return sup_server_start(&spec, ret_pid);
}

static int request(enum tag tag, const char *name, int64_t deadline,
		   uint64_t token, uint64_t *ret_tag)
{
	struct request req = { .deadline = deadline, .token = token };
	struct sup_msg msg = {
		.tag = tag, .data = &req, .len = sizeof(req),
	};
	struct sup_msg reply;
	int ret;

	strcpy(req.name, name);
	if (tag == LOOK)
		return sup_cast(sup_whereis(LOCKS), &msg, SUP_FOREVER);
	ret = fnd__call(LOCKS, &msg, &reply, SUP_FOREVER);
	if (!ret)
		*ret_tag = reply.tag;
	return ret;
}

int fnd__lock_waiting(const char *name, unsigned int *ret_n)
{
	uint64_t n = 0;
	int ret;

	ret = request(WAITING, name, 0, 0, &n);
	if (!ret)
		*ret_n = n;
	return ret;
}

/* The server has ended, and what it had done is not known: nothing, now. */
static int undo(const char *name, int error)
{
	take_away(name, sup_self());
	request(LOOK, name, 0, 0, NULL);
	return sup_set_error(error, "the service has ended meanwhile");
}

int fnd__lock_acquire(const char *name, int64_t deadline, uint64_t *ret_token)
{
	int ret;

	if (sup_registry_whereis(registry(), key_of(name)).v == sup_self().v)
		return sup_set_error(-EDEADLK, "name: the caller has the lock "
				     "\"%s\"", name);
	ret = request(ACQUIRE, name, deadline, 0, ret_token);
	return ret == -EPIPE ? undo(name, ret) : ret;
}

int fnd__lock_release(const char *name, uint64_t token)
{
	struct sup_pid pid = SUP_PID_NONE;
	uint64_t has = 0, unused;
	int ret;

	ret = fnd__lock_holder(name, &pid, &has);
	if (ret && ret != -ENOENT)
		return ret;
	if (pid.v != sup_self().v || has != token)
		return sup_set_error(-EPERM, "the caller does not have the "
				     "lock \"%s\" by this token", name);
	ret = request(RELEASE, name, 0, token, &unused);
	if (ret == -EPIPE || ret == -ENOTCONN) {
		undo(name, ret);
		ret = 0;
	}
	return ret;
}
