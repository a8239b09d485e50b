/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is done once. Comms' task asks for its callers, and never waits: an
 * answer comes to it as a message, also when nobody waits for it any more. What
 * there is of each key is the process's, and changed by that task alone, of
 * which there is one after another: so no lock, and between two safe points all
 * of it is true.
 *
 *	asked ----> answered	kept until the window ends, or there is too much
 *	  |  \----> (free)	the agent has ended, or its host has refused
 *	  v
 *	lost		Comms was killed meanwhile: the agent may have done it,
 *			so its key is free when that life of it, or the window,
 *			ends
 *
 * Who waits is known to the task alone: when that ends their calls do.
 */
#include "mabeam/comms_in.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "mabeam/agent_wire.h"
#include "mabeam/service.h"
#include "mabeam/transport_in.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define NS_PER_MS 1000000

#define ONCE UINT64_C(0x6d61622d6f6e6365)	/* a struct ask; the wire */
#define ENDED UINT64_C(0x6d61622d656e6465)	/* of a reply: a sup_reason */
#define SWEEP UINT64_C(0x6d61622d73776565)	/* a timer's name, and a cast */

struct name {
	char to[MAB_ADDRESS_MAX + 1];
	char key[MAB_NAME_MAX + 1];	/* zeroes behind both */
};

struct ask {
	struct name name;
	int64_t deadline;
	struct sup_pid pid;	/* whom to ask */
	int error;		/* or why there is nobody */
};

/* Memory of Comms' task. */
struct waiter {
	struct waiter *next;
	struct sup_from from;
	int64_t deadline;
};

struct once {
	UT_hash_handle hh;
	struct once *prev, *next;	/* by age */
	struct once *asked_prev, *asked_next;	/* ASKED */
	struct name name;
	enum { ASKED, ANSWERED, LOST } state;
	struct sup_pid pid;		/* who was asked: a life of the agent */
	int64_t begun;
	struct sup_request request;	/* ASKED */
	struct waiter *waiters;		/* ASKED */
	uint64_t tag;			/* ANSWERED, as the next 2 */
	void *answer;
	size_t len;
};

static struct {
	struct once *by_name, *by_age, *asked;
	size_t n, bytes;
} table;

static pthread_mutex_t bounds_lock = PTHREAD_MUTEX_INITIALIZER;
static struct mab_comms_bounds bounds = MAB_COMMS_BOUNDS;

static struct mab_comms_bounds get_bounds(void)
{
	struct mab_comms_bounds b;

	pthread_mutex_lock(&bounds_lock);
	b = bounds;
	pthread_mutex_unlock(&bounds_lock);
	return b;
}

static int64_t window_ns(void)
{
	return get_bounds().window_ms * NS_PER_MS;
}

/* Nothing comes any more, or it has come. */
static void is_not_asked(struct once *e, int state)
{
	DL_DELETE2(table.asked, e, asked_prev, asked_next);
	e->state = state;
}

static void forget(struct once *e)
{
	if (e->state == ASKED)
		is_not_asked(e, LOST);
	HASH_DEL(table.by_name, e);
	DL_DELETE(table.by_age, e);
	table.n--;
	table.bytes -= e->len;
	free(e->answer);
	free(e);
}

/* Nobody could be asked again whom it was lost with. */
static bool is_free(const struct once *e)
{
	return e->state == LOST && !sup_is_alive(e->pid);
}

/* The oldest answer, but not that of this one. */
static bool forget_answer(const struct once *but)
{
	struct once *e;

	DL_FOREACH(table.by_age, e)
		if (e != but && (e->state == ANSWERED || is_free(e)))
			break;
	if (e)
		forget(e);
	return e;
}

static int new_once(const struct ask *ask, struct once **ret_once)
{
	const struct mab_comms_bounds b = get_bounds();
	struct once *e;

	while (table.n >= b.keys)
		if (!forget_answer(NULL))
			return -ENOSPC;
	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->name = ask->name;
	e->pid = ask->pid;
	e->begun = sup_deadline_ms(0);
	HASH_ADD(hh, table.by_name, name, sizeof(e->name), e);
	if (!e->hh.tbl) {
		free(e);
		return -ENOMEM;
	}
	DL_APPEND(table.by_age, e);
	DL_APPEND2(table.asked, e, asked_prev, asked_next);
	table.n++;
	*ret_once = e;
	return 0;
}

/* Also takes out those who wait no more. */
static int add_waiter(struct once *e, struct sup_from from, int64_t deadline)
{
	const int64_t now = sup_deadline_ms(0);
	struct waiter *w, *next;

	LL_FOREACH_SAFE(e->waiters, w, next) {
		if (w->deadline < 0 || w->deadline > now)
			continue;
		LL_DELETE(e->waiters, w);
		sup_free(w);
	}
	w = sup_alloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->from = from;
	w->deadline = deadline;
	LL_PREPEND(e->waiters, w);
	return 0;
}

struct outcome {
	int error;
	const struct sup_msg *reply;		/* error 0 */
	const struct sup_reason *reason;	/* error -EPIPE */
};

static void answer(struct sup_from from, const struct outcome *o)
{
	struct sup_msg msg = { .tag = ENDED };
	int ret = o->error;

	if (!o->error) {
		msg.tag = o->reply->tag;
		msg.data = o->reply->data;
		msg.len = o->reply->len;
		ret = sup_reply(from, &msg);
	} else if (o->error == -EPIPE) {
		msg.data = (void *)o->reason;
		msg.len = sizeof(*o->reason);
		ret = sup_reply(from, &msg);
	}
	if (ret)
		sup_reply_error(from, ret);
}

static void tell_waiters(struct once *e, const struct outcome *o)
{
	struct waiter *w, *next;

	LL_FOREACH_SAFE(e->waiters, w, next) {
		answer(w->from, o);
		sup_free(w);
	}
	e->waiters = NULL;
}

/* Those whose window is over; asked ones are given up. */
static void expire(void)
{
	static const struct outcome late = { .error = -ETIMEDOUT };
	const int64_t end = sup_deadline_ms(0) - window_ns();
	struct sup_request request;
	struct once *e;

	while ((e = table.by_age) && e->begun <= end) {
		request = e->state == ASKED ? e->request :
			(struct sup_request){ 0 };
		tell_waiters(e, &late);
		forget(e);
		/* ORDER: a safe point. */
		if (request.v)
			sup_request_abandon(request);
	}
}

/* As long as there is anything the timer comes. */
static void arm(void)
{
	int64_t left;

	if (!table.by_age)
		return;
	left = table.by_age->begun + window_ns() - sup_deadline_ms(0);
	sup_server_timer(SWEEP, left > 0 ? left / NS_PER_MS + 1 : 0);
}

/* From the insertion on it counts as asked: to send is a safe point. */
static int ask_agent(struct sup_from from, const struct ask *ask, size_t len)
{
	struct mab__wire *wire = (void *)(ask + 1);
	struct outcome o = { .error = 0 };
	struct once *e;
	int ret;

	ret = new_once(ask, &e);
	if (ret)
		return ret;
	o.error = add_waiter(e, from, ask->deadline);
	if (table.n == 1)
		arm();
	/* Its answer is of use to whoever comes until then. */
	wire->deadline = e->begun + window_ns();
	if (!o.error)
		o.error = sup_request_send(ask->pid, &(struct sup_msg){
				.tag = MAB__REQUEST, .data = wire,
				.len = len - sizeof(*ask),
			}, true, SUP_TRY, &e->request);
	if (!o.error)
		return 0;
	ret = e->waiters ? 0 : o.error;
	tell_waiters(e, &o);
	forget(e);
	return ret;
}

static int ask_again(struct once *e, struct sup_from from,
		     const struct ask *ask)
{
	const struct sup_msg kept = {
		.tag = e->tag, .data = e->answer, .len = e->len,
	};
	const struct outcome o = { .reply = &kept };

	if (e->state == LOST)
		return -EOWNERDEAD;
	mab__comms_duplicate();
	if (e->state == ASKED)
		return add_waiter(e, from, ask->deadline);
	answer(from, &o);
	return 0;
}

static int once(struct sup_from from, const struct ask *ask, size_t len)
{
	struct once *e;

	expire();
	HASH_FIND(hh, table.by_name, &ask->name, sizeof(ask->name), e);
	if (e && is_free(e)) {
		forget(e);
		e = NULL;
	}
	if (e)
		return ask_again(e, from, ask);
	return ask->error ? ask->error : ask_agent(from, ask, len);
}

static int call(void *state, struct sup_from from, struct sup_msg *msg)
{
	int ret = -EINVAL;

	(void)state;
	if (msg->tag == ONCE &&
	    msg->len > sizeof(struct ask) + sizeof(struct mab__wire))
		ret = once(from, msg->data, msg->len);
	if (ret)
		sup_reply_error(from, ret);
	return SUP_CONTINUE;
}

/* If there is no memory for it, it is lost. */
static void keep(struct once *e, const struct sup_msg *reply)
{
	const size_t most = get_bounds().bytes;

	e->answer = malloc(reply->len + 1);
	is_not_asked(e, e->answer ? ANSWERED : LOST);
	if (!e->answer)
		return;
	if (reply->len)
		memcpy(e->answer, reply->data, reply->len);
	e->tag = reply->tag;
	e->len = reply->len;
	table.bytes += e->len;
	while (table.bytes > most && forget_answer(e))
		;
}

static void came(const struct sup_info *info)
{
	const struct outcome o = {
		.error = info->error, .reply = &info->msg,
		.reason = &info->reason,
	};
	struct once *e;

	DL_FOREACH2(table.asked, e, asked_next)
		if (e->request.v == info->request.v)
			break;
	if (!e)
		return;
	if (!o.error)
		keep(e, &info->msg);
	tell_waiters(e, &o);
	if (o.error)
		forget(e);
}

static int info(void *state, struct sup_info *info)
{
	(void)state;
	if (info->kind == SUP_INFO_RESPONSE)
		came(info);
	if (info->kind == SUP_INFO_TIMER) {
		expire();
		arm();
	}
	return SUP_CONTINUE;
}

/* The bounds are others. */
static int cast(void *state, struct sup_msg *msg)
{
	(void)state;
	(void)msg;
	expire();
	arm();
	return SUP_CONTINUE;
}

/* Whom the one before has asked answers nobody. */
static int init(void *arg, void **ret_state)
{
	while (table.asked) {
		table.asked->waiters = NULL;
		is_not_asked(table.asked, LOST);
	}
	arm();
	*ret_state = arg;
	return 0;
}

int mab_comms_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = call, .cast = cast,
		.info = info,
	};
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = MAB__COMMS, .reg = true,
		.ops = &ops,
	};

	(void)options;
	return sup_server_start(&spec, ret_pid);
}

int mab_comms_bounds(const struct mab_comms_bounds *given)
{
	static const struct mab_comms_bounds defaults = MAB_COMMS_BOUNDS;
	const struct mab_comms_bounds *b = given ? given : &defaults;
	struct sup_pid comms = sup_whereis(MAB__COMMS);

	if (b->window_ms <= 0 || b->window_ms > INT64_MAX / NS_PER_MS / 2)
		return sup_set_error(-EINVAL, "window_ms: %jd",
				     (intmax_t)b->window_ms);
	if (!b->keys)
		return sup_set_error(-EINVAL, "keys: there must be one");
	pthread_mutex_lock(&bounds_lock);
	bounds = *b;
	pthread_mutex_unlock(&bounds_lock);
	if (comms.v)
		sup_cast(comms, &(struct sup_msg){ .tag = SWEEP }, SUP_TRY);
	return 0;
}

/* "local/ID" is ID. */
static void fill_name(struct name *name, const char *to, const char *key)
{
	const size_t len = strlen(MAB_LOCAL "/");

	if (!strncmp(to, MAB_LOCAL "/", len))
		to += len;
	memset(name, 0, sizeof(*name));
	strcpy(name->to, to);
	strcpy(name->key, key);
}

static int call_comms(struct ask *ask, const struct mab_message *what,
		      struct sup_msg *ret_reply, struct sup_reason *ret_reason)
{
	struct sup_msg wire, msg = { .tag = ONCE };
	int ret;

	ret = mab__wire_new(MAB__REQUEST, what, ask->deadline, &wire);
	if (ret)
		return ret;
	msg.len = sizeof(*ask) + wire.len;
	msg.data = mab__alloc(msg.len);
	if (msg.data) {
		memcpy(msg.data, ask, sizeof(*ask));
		memcpy((struct ask *)msg.data + 1, wire.data, wire.len);
	}
	mab__free(wire.data);
	if (!msg.data)
		return mab__nomem("a message");
	ret = sup_call(sup_whereis(MAB__COMMS), &msg, ret_reply, ret_reason,
		       ask->deadline);
	mab__free(msg.data);
	return ret;
}

/* What Comms has answered, as the agent would have. */
static int judge(int error, const char *to, struct sup_msg *reply,
		 struct sup_reason *reason)
{
	switch (error) {
	case 0:
		break;
	case -EPIPE:
		if (reason->kind == SUP_REASON_NOPROC)
			return sup_set_error(-ESRCH, "Comms does not run");
		return sup_set_error(-EOWNERDEAD, "Comms has ended meanwhile");
	case -EOWNERDEAD:
		return sup_set_error(error, "the answer has been lost");
	case -ENOSPC:
		return sup_set_error(error, "too many are not answered");
	case -ENOENT:
	case -ENOTCONN:
		return sup_set_error(error, "to: \"%s\" %s", to, error ==
				     -ENOENT ? "is not there" : "does not run");
	default:
		return error;
	}
	if (reply->tag != ENDED || reply->len != sizeof(*reason))
		return mab__wire_judge(reply);
	memcpy(reason, reply->data, sizeof(*reason));
	return sup_set_error(-EPIPE, "to: \"%s\" has ended", to);
}

int mab_comms_once(const char *to, const char *key,
		   const struct mab_message *what, struct sup_msg *ret_reply,
		   struct sup_reason *ret_reason, int64_t deadline)
{
	struct ask ask = { .deadline = deadline };
	struct sup_reason reason, why;
	struct sup_msg reply = { .tag = 0 };
	int ret;

	ret = mab__check_name("key", key);
	if (!ret)
		ret = mab__wire_check(what);
	if (!ret)
		ask.error = mab__address_find(to, &ask.pid, &why);
	if (ret || ask.error == -EINVAL || ask.error == -ENAMETOOLONG)
		return ret ? ret : ask.error;
	if (!ask.error && ask.pid.v == sup_self().v)
		return sup_set_error(-EDEADLK, "to: it is the caller");
	fill_name(&ask.name, to, key);
	mab__comms_sent(MAB_COMMS_ONCE, 1, what->len);
	ret = judge(call_comms(&ask, what, &reply, &reason), to, &reply,
		    &reason);
	mab__comms_over(MAB_COMMS_ONCE, ret, ret ? 0 : reply.len);
	if (ret)
		sup_msg_free(&reply);
	else
		*ret_reply = reply;
	if (ret_reason && (ret == -EPIPE || ret == -ENOTCONN))
		*ret_reason = ret == -EPIPE ? reason : why;
	return ret;
}
