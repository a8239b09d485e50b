/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks of this process. Who has one is the task under its name in a registry
 * of libsup, with the token as the value: that is the truth, which neither a
 * task nor the server can take into its grave. A holder that ends loses its
 * entry before anyone hears of its end.
 *
 * Where nobody waits, tasks put and remove their entries themselves. The server
 * is for those who have to wait: it knows them, in order, watches them and the
 * holder, and puts the entry of the first when there is none. It says when a
 * deadline has come, so that a caller never has to guess whether it got the
 * lock while it gave up; only if the server ends does it have to, and takes its
 * own entry away.
 *
 * How many wait is counted by the hash of the name. Where that is not 0 nobody
 * comes by himself, and who releases tells the server. The server counts a
 * waiter before it tries for it, the releaser removes its entry before it looks
 * at the count: one of the two sees the other.
 *
 * A token must be drawn after the lock's last holder drew his: so one is drawn
 * again if others were since.
 */
#include <foundation/coordination.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "foundation/coord.h"
#include "foundation/service.h"
#include "foundation/token.h"
#include "foundation/waiters.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(size) sup_alloc(size)
#define uthash_free(p, size) sup_free(p)
#include <uthash.h>

#define COUNTS 256

enum tag {
	ACQUIRE,	/* a call: struct request; the reply's tag: a token */
	WAITING,	/* a call: struct request; the reply's tag: how many */
	LOOK,		/* a cast: struct request; the holder has gone */
};

struct request {
	int64_t deadline;
	char name[FND_NAME_MAX + 1];
};

/* One for which somebody waits. */
struct wanted {
	UT_hash_handle hh;
	struct fnd__waiter *holder;	/* watched; it waits for nothing */
	struct fnd__waiter *queue;
	_Atomic unsigned int *count;
	char name[];
};

struct state {
	struct wanted *locks;
	struct fnd__waiters waiters;
};

static _Atomic uint64_t registry_id;
static _Atomic unsigned int counts[COUNTS];

static _Atomic unsigned int *count_of(const char *name)
{
	unsigned int hash;

	HASH_VALUE(name, strlen(name), hash);
	return &counts[hash % COUNTS];
}

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
	if (atomic_load(&registry_id))
		return 0;
	fnd__tokens_begin();
	return fnd__registry_open(&registry_id, false);
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

/*
 * Puts the entry of a task. -EEXIST *ret_holder has the lock; -ESRCH the task
 * has ended; -ENOMEM.
 */
static int take(const char *name, struct sup_pid pid, uint64_t *ret_token,
		struct sup_pid *ret_holder)
{
	uint64_t token = fnd__draw_token();
	const struct sup_bytes value = { &token, sizeof(token) };
	int ret;

	ret = sup_registry_put(registry(), pid, key_of(name), value,
			       ret_holder);
	if (ret)
		return ret;
	if (atomic_load(&fnd__last_token) != token) {
		token = fnd__draw_token();
		ret = sup_registry_update(registry(), pid, key_of(name),
					  value);
		if (ret == -ENOMEM)
			take_away(name, pid);
	}
	*ret_token = token;
	/* It has ended in between: the entry has gone. */
	return ret == -ENOKEY ? -ESRCH : ret;
}

static struct wanted *find(struct state *s, const char *name)
{
	struct wanted *l;

	HASH_FIND_STR(s->locks, name, l);
	return l;
}

static struct wanted *new_wanted(struct state *s, const char *name)
{
	size_t len = strlen(name);
	struct wanted *l = sup_alloc(sizeof(*l) + len + 1);

	if (!l)
		return NULL;
	memcpy(l->name, name, len);
	l->count = count_of(name);
	HASH_ADD_STR(s->locks, name, l);
	if (!l->hh.tbl) {
		sup_free(l);
		return NULL;
	}
	return l;
}

static void watch_no_more(struct state *s, struct wanted *l)
{
	if (l->holder)
		fnd__waiter_del(&s->waiters, l->holder);
	l->holder = NULL;
}

static void forget(struct state *s, struct wanted *l)
{
	watch_no_more(s, l);
	HASH_DEL(s->locks, l);
	sup_free(l);
}

/* It waits no more: it has been answered, or has ended. */
static void leave(struct state *s, struct wanted *l, struct fnd__waiter *w)
{
	DL_DELETE(l->queue, w);
	atomic_fetch_sub(l->count, 1);
	fnd__waiter_del(&s->waiters, w);
}

static int watch(struct state *s, struct wanted *l, struct sup_pid holder)
{
	if (l->holder && l->holder->from.pid.v == holder.v)
		return 0;
	watch_no_more(s, l);
	return fnd__waiter_add(&s->waiters, (struct sup_from){ .pid = holder },
			       SUP_FOREVER, l, &l->holder);
}

/* Those in the queue get the lock, or its holder is watched. */
static void advance(struct state *s, struct wanted *l)
{
	struct sup_pid holder;
	struct fnd__waiter *w;
	uint64_t token;
	int ret;

	while ((w = l->queue)) {
		ret = take(l->name, w->from.pid, &token, &holder);
		if (ret == -EEXIST && !watch(s, l, holder))
			return;
		if (!ret) {
			ret = sup_reply(w->from, &(struct sup_msg){
					.tag = token });
			if (ret)
				take_away(l->name, w->from.pid);
		}
		if (ret)
			sup_reply_error(w->from, ret == -EEXIST ? -ENOMEM :
					ret);
		leave(s, l, w);
	}
	forget(s, l);
}

static int acquire(struct state *s, struct sup_from from,
		   const struct request *req)
{
	struct wanted *l = find(s, req->name);
	struct fnd__waiter *w;
	int ret;

	if (l && req->deadline == SUP_TRY)
		return -EAGAIN;
	if (!l)
		l = new_wanted(s, req->name);
	if (!l)
		return -ENOMEM;
	ret = fnd__waiter_add(&s->waiters, from, req->deadline, l, &w);
	if (ret) {
		if (!l->queue)
			forget(s, l);
		return ret;
	}
	/* ORDER: counted, then tried. */
	atomic_fetch_add(l->count, 1);
	DL_APPEND(l->queue, w);
	if (l->queue == w)
		advance(s, l);
	return 0;
}

static int waiting(struct state *s, struct sup_from from,
		   const struct request *req)
{
	struct wanted *l = find(s, req->name);
	struct fnd__waiter *w;
	unsigned int n = 0;

	if (l)
		DL_COUNT(l->queue, w, n);
	return sup_reply(from, &(struct sup_msg){ .tag = n });
}

static int call(void *state, struct sup_from from, struct sup_msg *msg)
{
	const struct request *req = msg->data;
	int ret = -EINVAL;

	if (msg->len == sizeof(*req) && msg->tag == ACQUIRE)
		ret = acquire(state, from, req);
	else if (msg->len == sizeof(*req) && msg->tag == WAITING)
		ret = waiting(state, from, req);
	if (ret)
		sup_reply_error(from, ret);
	return SUP_CONTINUE;
}

static int cast(void *state, struct sup_msg *msg)
{
	const struct request *req = msg->data;
	struct state *s = state;
	struct wanted *l;

	if (msg->tag != LOOK || msg->len != sizeof(*req))
		return SUP_CONTINUE;
	l = find(s, req->name);
	if (l)
		advance(s, l);
	return SUP_CONTINUE;
}

/* The holder of a lock that somebody waits for, or who waits, has ended. */
static void ended(void *state, struct fnd__waiter *w)
{
	struct wanted *l = w->place;
	struct state *s = state;

	if (l->holder == w)
		watch_no_more(s, l);
	else
		leave(s, l, w);
	advance(s, l);
}

static void late(void *state, struct fnd__waiter *w)
{
	struct wanted *l = w->place;
	struct state *s = state;

	fnd__waiter_refuse(w);
	leave(s, l, w);
	if (!l->queue)
		forget(s, l);
}

static int info(void *state, struct sup_info *info)
{
	struct state *s = state;

	fnd__waiters_info(&s->waiters, info, ended, late, s);
	return SUP_CONTINUE;
}

static int init(void *arg, void **ret_state)
{
	size_t i;

	(void)arg;
	*ret_state = sup_alloc(sizeof(struct state));
	if (!*ret_state)
		return -ENOMEM;
	/* Who waited for the last server waits no more. */
	for (i = 0; i < COUNTS; i++)
		atomic_store(&counts[i], 0);
	return open_registry();
}

int fnd_locks_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = call,
		.cast = cast, .info = info,
	};
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = FND__LOCKS, .reg = true,
		.ops = &ops,
	};

	(void)options;
	return sup_server_start(&spec, ret_pid);
}

static int request(enum tag tag, const char *name, int64_t deadline,
		   uint64_t *ret_tag)
{
	struct request req = { .deadline = deadline };

	strcpy(req.name, name);
	return fnd__ask(FND__LOCKS, tag, &req, sizeof(req), ret_tag);
}

int fnd__lock_waiting(const char *name, unsigned int *ret_n)
{
	uint64_t n = 0;
	int ret;

	ret = request(WAITING, name, 0, &n);
	if (!ret)
		*ret_n = n;
	return ret;
}

/* The caller has removed its entry; somebody who waits must hear of that. */
static void tell_who_waits(const char *name)
{
	struct request req = { .deadline = 0 };

	strcpy(req.name, name);
	if (atomic_load(count_of(name)))
		fnd__tell(FND__LOCKS, &(struct sup_msg){
			.tag = LOOK, .data = &req, .len = sizeof(req),
		});
}

static int in_vain(const char *name, int error)
{
	switch (error) {
	case -EDEADLK:
		return sup_set_error(error, "name: the caller has the lock "
				     "\"%s\"", name);
	case -EPIPE:
	case -ENOMEM:
		/* Whether our entry had been put is not known. */
		while (take_away(name, sup_self()) == -ENOMEM)
			;
		tell_who_waits(name);
		if (error == -EPIPE)
			return sup_set_error(error, "the service has ended "
					     "meanwhile");
		return fnd__nomem("a lock");
	case -EAGAIN:
	case -ETIMEDOUT:
		return sup_set_error(error, "the lock \"%s\" is taken", name);
	}
	return error;
}

/*
 * The server does not run, so nobody waits: who is still counted was told when
 * it ended.
 */
static int take_unserved(const char *name, int64_t deadline,
			 uint64_t *ret_token)
{
	struct sup_pid holder;
	int ret;

	ret = take(name, sup_self(), ret_token, &holder);
	if (ret != -EEXIST)
		return ret;
	return deadline == SUP_TRY ? -EAGAIN :
		sup_set_error(-ENOTCONN, "the lock \"%s\" is taken, and %s does "
			      "not run", name, FND__LOCKS);
}

int fnd__lock_acquire(const char *name, int64_t deadline, uint64_t *ret_token)
{
	struct sup_pid self = sup_self(), holder;
	int ret;

	sup_checkpoint();
	ret = open_registry();
	if (ret)
		return ret;
	if (atomic_load(count_of(name))) {
		holder = sup_registry_whereis(registry(), key_of(name));
		ret = -EEXIST;
	} else {
		ret = take(name, self, ret_token, &holder);
		if (ret == -EEXIST && deadline == SUP_TRY &&
		    holder.v != self.v)
			return in_vain(name, -EAGAIN);
	}
	if (ret == -EEXIST && holder.v == self.v)
		return in_vain(name, -EDEADLK);
	if (ret == -EEXIST)
		ret = request(ACQUIRE, name, deadline, ret_token);
	if (ret == -ENOTCONN)
		ret = take_unserved(name, deadline, ret_token);
	return ret ? in_vain(name, ret) : 0;
}

int fnd__lock_release(const char *name, uint64_t token)
{
	struct sup_pid pid = SUP_PID_NONE;
	uint64_t has = 0;
	int ret;

	sup_checkpoint();
	ret = fnd__lock_holder(name, &pid, &has);
	if (ret && ret != -ENOENT)
		return ret;
	if (pid.v != sup_self().v || has != token)
		return sup_set_error(-EPERM, "the caller does not have the "
				     "lock \"%s\" by this token", name);
	/* ORDER: removed, then looked at the count. */
	ret = take_away(name, pid);
	if (!ret)
		tell_who_waits(name);
	return ret;
}
