/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pools: leases, and what callers and jobs do (pool_slots.c). */
#include "foundation/pool_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <foundation/telemetry.h>
#include <sup/sup.h>

#include "foundation/service.h"
#include "foundation/token.h"

#define CONNECTIONS 5
#define OVERFLOW 10
#define CHECK_MS 1000
#define YEAR_MS (INT64_C(365) * 24 * 3600 * 1000)

static _Atomic uint64_t registry_id;

static struct sup_registry registry(void)
{
	return (struct sup_registry){ atomic_load(&registry_id) };
}

int fnd__leases_open(void)
{
	if (atomic_load(&registry_id))
		return 0;
	fnd__tokens_begin();
	return fnd__registry_open(&registry_id, false);
}

static struct sup_bytes key_of(const uint64_t *token)
{
	return (struct sup_bytes){ token, sizeof(*token) };
}

int fnd__lease_put(struct sup_pid pid, uint64_t token)
{
	return sup_registry_put(registry(), pid, key_of(&token),
				(struct sup_bytes){ NULL, 0 }, NULL);
}

int fnd__lease_remove(struct sup_pid pid, uint64_t token)
{
	struct sup_bytes key = key_of(&token);
	struct sup_registry_query q = { .key = &key, .pid = pid };

	return registry().v ? sup_registry_remove(registry(), &q) : 0;
}

static bool is_marked(const struct sup_registry_entry *e, void *arg)
{
	(void)arg;
	return e->value.len;
}

enum fnd__lease_state fnd__lease_look(struct sup_pid pid, uint64_t token)
{
	struct sup_bytes key = key_of(&token);
	struct sup_registry_query q = {
		.key = &key, .pid = pid, .match = is_marked,
	};
	size_t n = 0;

	if (sup_registry_whereis(registry(), key).v != pid.v)
		return FND__LEASE_LOST;
	/* Without memory it is kept: its holder says so again, or ends. */
	sup_registry_select(registry(), &q, NULL, &n);
	return n ? FND__LEASE_DISCARDED : FND__LEASE_KEPT;
}

void fnd__pool_tell(const char *event, const char *name)
{
	const struct fnd_pair pair = { "pool", name };

	fnd_telemetry_count(event, 1, &(struct fnd_metadata){ &pair, 1 });
}

static int do_work(const struct fnd__pool_work *w)
{
	void *connection = NULL;
	int ret = 0;

	if (w->make) {
		ret = w->make(w->arg, &connection);
		w->report->connection = connection;
	} else if (w->check) {
		ret = w->check(w->arg, w->connection) < 0 ? -EIO : 0;
	} else {
		w->close(w->arg, w->connection);
	}
	return ret > 0 ? -EPROTO : ret;
}

int fnd__pool_job(void *arg, struct sup_msg *ret_result)
{
	struct fnd__pool_request req = { .deadline = SUP_FOREVER };
	struct sup_msg msg = {
		.tag = FND__POOL_WORK, .data = &req, .len = sizeof(req),
	};
	struct fnd__pool_work w;
	struct sup_msg reply;

	(void)arg;
	(void)ret_result;
	/* What is not begun is begun by another one. */
	if (fnd__call(FND__POOLS, &msg, &reply, SUP_FOREVER))
		return 0;
	memcpy(&w, reply.data, sizeof(w));
	sup_msg_free(&reply);
	atomic_store(&w.report->progress, FND__BEGUN);
	w.report->result = do_work(&w);
	atomic_store(&w.report->progress, FND__DONE);
	return 0;
}

/* ret_reply may be NULL. */
static int request(enum fnd__pool_tag tag, const char *name,
		   struct fnd__pool_request *req, struct sup_msg *ret_reply)
{
	struct fnd__pool_request none = { .deadline = SUP_FOREVER };
	struct sup_msg msg = { .tag = tag, .len = sizeof(*req) };
	struct sup_msg reply;
	int ret;

	if (!req)
		req = &none;
	strcpy(req->name, name);
	msg.data = req;
	ret = fnd__call(FND__POOLS, &msg, ret_reply ? ret_reply : &reply,
			SUP_FOREVER);
	switch (ret) {
	case -ENOENT:
		return sup_set_error(ret, "name: there is no pool \"%s\"",
				     name);
	case -ESHUTDOWN:
		return sup_set_error(ret, "the pool \"%s\" is closed", name);
	case -EPIPE:
		return sup_set_error(ret, "the service has ended meanwhile");
	case -ENOMEM:
		return fnd__nomem("a pool");
	}
	return ret;
}

static int check_numbers(struct fnd_pool_options *o)
{
	if (!o->connections)
		o->connections = CONNECTIONS;
	if (o->overflow == FND_POOL_NONE)
		o->overflow = 0;
	else if (!o->overflow)
		o->overflow = OVERFLOW;
	if (o->connections > FND_POOL_MAX ||
	    o->overflow > FND_POOL_MAX - o->connections)
		return sup_set_error(-EINVAL, "connections, overflow: more "
				     "than %d", FND_POOL_MAX);
	if (o->check_ms == FND_POOL_ALWAYS)
		o->check_ms = 0;
	else if (!o->check_ms)
		o->check_ms = CHECK_MS;
	if (o->check_ms < 0 || o->check_ms > YEAR_MS)
		return sup_set_error(-EINVAL, "check_ms: it is not from 1 to a "
				     "year");
	return 0;
}

int fnd_pool_open(const char *name, const struct fnd_pool_options *options)
{
	struct fnd__pool_request req = { .deadline = SUP_FOREVER };
	struct fnd_pool_options *o = &req.options;
	int ret;

	ret = fnd__check_name("name", name);
	if (!ret)
		ret = fnd__copy_options(o, sizeof(*o), options);
	if (!ret && !o->make)
		ret = sup_set_error(-EINVAL, "make: it is NULL");
	if (!ret && !o->close)
		ret = sup_set_error(-EINVAL, "close: it is NULL");
	if (!ret)
		ret = check_numbers(o);
	if (!ret)
		ret = request(FND__POOL_OPEN, name, &req, NULL);
	if (!ret)
		fnd__pool_tell(FND__POOL_EVENT("pool_started"), name);
	return ret == -EEXIST ? sup_set_error(ret, "name: there is a pool "
					      "\"%s\"", name) : ret;
}

int fnd_pool_close(const char *name, int64_t deadline)
{
	struct fnd__pool_request req = { .deadline = deadline };
	int ret;

	ret = fnd__check_name("name", name);
	if (!ret)
		ret = request(FND__POOL_CLOSE, name, &req, NULL);
	if (ret == -EAGAIN || ret == -ETIMEDOUT)
		return sup_set_error(ret, "not all connections of \"%s\" are "
				     "closed yet", name);
	return ret;
}

static void look_again(const char *name, uint64_t token)
{
	struct fnd__pool_request req = { .token = token };

	strcpy(req.name, name);
	fnd__tell(FND__POOLS, &(struct sup_msg){
		.tag = FND__POOL_LOOK, .data = &req, .len = sizeof(req),
	});
}

static int in_vain(const char *name, uint64_t token, int error)
{
	switch (error) {
	case -EPIPE:
	case -ENOMEM:
		/* Whether it had put our entry is not known. */
		while (fnd__lease_remove(sup_self(), token) == -ENOMEM)
			;
		look_again(name, token);
		if (error == -EPIPE)
			return sup_set_error(error, "the service has ended "
					     "meanwhile");
		return fnd__nomem("a lease");
	case -EAGAIN:
	case -ETIMEDOUT:
		return sup_set_error(error, "no connection of \"%s\" is free",
				     name);
	}
	return error;
}

int fnd_pool_checkout(const char *name, int64_t deadline,
		      struct fnd_lease *ret_lease)
{
	struct fnd__pool_request req = { .deadline = deadline };
	struct sup_msg reply;
	int ret;

	ret = fnd__check_name("name", name);
	if (ret)
		return ret;
	if (!sup_self().v)
		return sup_set_error(-EPERM, "not in a task, whose connection "
				     "it would be");
	ret = fnd__leases_open();
	if (ret)
		return ret;
	req.token = fnd__draw_token();
	ret = request(FND__POOL_CHECKOUT, name, &req, &reply);
	if (ret == -ETIMEDOUT)
		fnd__pool_tell(FND__POOL_EVENT("timeout"), name);
	if (ret)
		return in_vain(name, req.token, ret);
	if (!reply.len)
		return sup_set_error(-ECONNABORTED, "make of \"%s\": %s", name,
				     strerrordesc_np((int)reply.tag));
	ret_lease->token = req.token;
	memcpy(&ret_lease->connection, reply.data,
	       sizeof(ret_lease->connection));
	sup_msg_free(&reply);
	fnd__pool_tell(FND__POOL_EVENT("checkout"), name);
	return 0;
}

/* No server has done it, or says that it has. */
static int give_back_unserved(const char *name, uint64_t token,
			      enum fnd__pool_tag tag)
{
	struct sup_bytes key = key_of(&token);
	int ret;

	if (tag == FND__POOL_DISCARD)
		ret = sup_registry_update(registry(), sup_self(), key,
					  (struct sup_bytes){ "", 1 });
	else
		ret = fnd__lease_remove(sup_self(), token);
	if (!ret)
		look_again(name, token);
	/* A server that has ended had removed it. */
	return ret == -ENOKEY ? 0 : ret;
}

static int give_back(const char *name, const struct fnd_lease *lease,
		     enum fnd__pool_tag tag)
{
	struct fnd__pool_request req = { .token = lease->token };
	int ret;

	ret = fnd__check_name("name", name);
	if (ret)
		return ret;
	sup_checkpoint();
	if (!sup_self().v ||
	    sup_registry_whereis(registry(), key_of(&lease->token)).v !=
	    sup_self().v)
		return sup_set_error(-EPERM, "the caller does not have this "
				     "connection");
	ret = request(tag, name, &req, NULL);
	if (ret == -EPIPE || ret == -ENOTCONN)
		return give_back_unserved(name, lease->token, tag);
	if (ret == -EPERM)
		return sup_set_error(ret, "it is not of the pool \"%s\"", name);
	return ret;
}

int fnd_pool_checkin(const char *name, const struct fnd_lease *lease)
{
	int ret = give_back(name, lease, FND__POOL_CHECKIN);

	if (!ret)
		fnd__pool_tell(FND__POOL_EVENT("checkin"), name);
	return ret;
}

int fnd_pool_discard(const char *name, const struct fnd_lease *lease)
{
	int ret = give_back(name, lease, FND__POOL_DISCARD);

	if (!ret)
		fnd__pool_tell(FND__POOL_EVENT("discard"), name);
	return ret;
}

int fnd_pool_run(const char *name,
		 int (*fn)(const struct fnd_lease *lease, void *arg),
		 void *arg, int64_t deadline, int *ret_result)
{
	struct fnd_lease lease;
	int ret;

	ret = fnd_pool_checkout(name, deadline, &lease);
	if (ret)
		return ret;
	*ret_result = fn(&lease, arg);
	while (fnd_pool_checkin(name, &lease) == -ENOMEM)
		;
	return 0;
}

int fnd_pool_status(const char *name, struct fnd_pool_status *ret_status)
{
	struct sup_msg reply;
	int ret;

	ret = fnd__check_name("name", name);
	if (!ret)
		ret = request(FND__POOL_STATUS, name, NULL, &reply);
	if (ret)
		return ret;
	memcpy(ret_status, reply.data, sizeof(*ret_status));
	sup_msg_free(&reply);
	return 0;
}

int fnd_pool_list(const char ***ret_names, size_t *ret_n)
{
	const char **names = NULL;
	struct sup_msg reply;
	size_t i, n;
	char *at;
	int ret;

	ret = request(FND__POOL_LIST, "", NULL, &reply);
	if (ret)
		return ret;
	n = reply.tag;
	if (n)
		names = malloc(n * sizeof(*names) + reply.len);
	if (names) {
		at = memcpy(names + n, reply.data, reply.len);
		for (i = 0; i < n; i++, at += strlen(at) + 1)
			names[i] = at;
	}
	sup_msg_free(&reply);
	if (n && !names)
		return fnd__nomem("names");
	*ret_names = names;
	*ret_n = n;
	return 0;
}
