/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server of the EventStore, and its calls. It commits as soon as no message
 * waits, or when enough has come together. So a lone event is committed at
 * once, and the more come, the more share a commit; nobody waits for a time to
 * pass. What is done with a request is event_work.c; a store whose file is a
 * process's of its own, which does the same there, is event_front.c.
 *
 * What the server holds is memory of its task, and the file is closed with its
 * thread: a kill leaves nothing behind, and those who were not answered are
 * told by their calls.
 */
#include <foundation/event_store.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <foundation/telemetry.h>
#include <sup/sup.h>

#include "foundation/event.h"
#include "foundation/event_db.h"
#include "foundation/event_front.h"
#include "foundation/event_store_in.h"
#include "foundation/event_work.h"
#include "foundation/service.h"

enum { TICK };

/* Ids are memory of the task, which gives it away. */
static void answer(struct sup_from from, int error, struct sup_msg *msg)
{
	if (!error && msg->free == sup_free)
		sup_give(msg->data);
	if (!error && !sup_reply(from, msg))
		return;
	sup_msg_free(msg);
	sup_reply_error(from, error ? error : -ENOMEM);
}

static int init(void *arg, void **ret_state)
{
	struct fnd_event_store_options options;
	struct fnd__event_work *work;
	int ret;

	ret = fnd__event_options(arg, &options);
	if (!ret)
		ret = fnd__event_work_open(&options, answer, &work);
	if (ret)
		return ret;
	*ret_state = work;
	return sup_server_timer(TICK, fnd__event_work_tick_ms(work));
}

/*
 * Any message, be it nonsense, takes back the time-out that is to commit; and
 * while more of it comes there is none.
 */
static int go_on(struct fnd__event_work *work)
{
	if (fnd__event_work_is_due(work))
		fnd__event_work_commit(work);
	else if (fnd__event_work_waits(work))
		sup_server_timeout(0);
	return SUP_CONTINUE;
}

static int call(void *work, struct sup_from from, struct sup_msg *req)
{
	fnd__event_work_do(work, from, req);
	return go_on(work);
}

static int cast(void *work, struct sup_msg *msg)
{
	(void)msg;
	return go_on(work);
}

static int info(void *work, struct sup_info *info)
{
	switch (info->kind) {
	case SUP_INFO_TIMER:
		sup_server_timer(TICK, fnd__event_work_tick_ms(work));
		fnd__event_work_commit(work);
		break;
	case SUP_INFO_TIMEOUT:
		fnd__event_work_commit(work);
		break;
	default:
		return go_on(work);
	}
	return SUP_CONTINUE;
}

static void terminate(void *work, const struct sup_reason *reason)
{
	(void)reason;
	fnd__event_work_close(work);
}

static const struct sup_server_ops in_thread = {
	.size = sizeof(in_thread), .init = init, .call = call, .cast = cast,
	.info = info, .terminate = terminate,
};

int fnd_event_store_start(const void *options, struct sup_pid *ret_pid)
{
	struct sup_server_spec spec = {
		.size = sizeof(spec), .name = FND__EVENT_STORE, .reg = true,
		.ops = &in_thread, .arg = (void *)options,
	};
	struct fnd_event_store_options o;
	int ret;

	ret = fnd__event_options(options, &o);
	if (ret)
		return ret;
	if (o.in_process)
		spec.ops = &fnd__event_front;
	return sup_server_start(&spec, ret_pid);
}

static int call_store(uint64_t tag, void *data, size_t len,
		      struct sup_msg *ret_reply, int64_t deadline)
{
	const struct sup_msg req = { .tag = tag, .data = data, .len = len };

	return fnd__call(FND__EVENT_STORE, &req, ret_reply, deadline);
}

static int check_all(const struct fnd_event *events, size_t n)
{
	char where[32] = "event";
	size_t i;
	int ret = 0;

	if (n > FND_EVENT_BATCH_MAX)
		return sup_set_error(-E2BIG, "n: %zu, of %d at most", n,
				     FND_EVENT_BATCH_MAX);
	for (i = 0; !ret && i < n; i++) {
		if (n > 1)
			snprintf(where, sizeof(where), "events[%zu]", i);
		ret = fnd__event_check(where, &events[i]);
	}
	return ret;
}

static int pack(const struct fnd_event *events, size_t n,
		struct fnd__events *packed)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!fnd__events_add(packed, &events[i])) {
			free(packed->bytes);
			return fnd__nomem("events");
		}
	}
	return 0;
}

int fnd_event_store_batch(const struct fnd_event *events, size_t n,
			  uint64_t *ret_ids, int64_t deadline)
{
	struct fnd__events packed = { .bytes = NULL };
	struct sup_msg req = { .tag = FND__STORE, .free = free }, reply;
	int ret;

	ret = check_all(events, n);
	if (ret || !n)
		return ret;
	ret = pack(events, n, &packed);
	if (ret)
		return ret;
	req.data = packed.bytes;
	req.len = packed.len;
	ret = fnd__call(FND__EVENT_STORE, &req, &reply, deadline);
	if (ret == -EEXIST)
		return sup_set_error(ret, "id: there is such an event");
	if (ret)
		return ret;
	if (ret_ids)
		memcpy(ret_ids, reply.data, n * sizeof(*ret_ids));
	sup_msg_free(&reply);
	fnd_telemetry_count("foundation.event_store.events_stored", n, NULL);
	return 0;
}

int fnd_event_store(const struct fnd_event *event, uint64_t *ret_id,
		    int64_t deadline)
{
	return fnd_event_store_batch(event, 1, ret_id, deadline);
}

static int unpack(struct sup_msg *reply, struct fnd_event **ret_events,
		  size_t *ret_n)
{
	int ret;

	ret = fnd__events_unpack(reply->data, reply->len, ret_events, ret_n);
	sup_msg_free(reply);
	return ret;
}

int fnd_event_get(uint64_t id, struct fnd_event **ret_event, int64_t deadline)
{
	struct sup_msg reply;
	size_t n;
	int ret;

	ret = call_store(FND__GET, &id, sizeof(id), &reply, deadline);
	if (ret == -ENOENT)
		return sup_set_error(ret, "id: there is no event %llu",
				     (unsigned long long)id);
	return ret ? ret : unpack(&reply, ret_event, &n);
}

static int take_field(const char *field, const char *from, char *to, bool *has)
{
	int ret;

	*has = from;
	if (!from)
		return 0;
	ret = fnd__check_name(field, from);
	if (!ret)
		memcpy(to, from, strlen(from) + 1);
	return ret;
}

int fnd_event_query(const struct fnd_event_query *q,
		    struct fnd_event **ret_events, size_t *ret_n,
		    int64_t deadline)
{
	static const struct fnd_event_query all;
	struct fnd__event_query req = { .type = "" };
	struct sup_msg reply;
	int ret;

	q = q ? q : &all;
	req.by_time = q->by_time;
	req.newest_first = q->newest_first;
	req.from = q->from;
	req.to = q->to;
	req.offset = q->offset;
	req.limit = q->limit;
	ret = take_field("type", q->type, req.type, &req.has_type);
	if (!ret)
		ret = take_field("source", q->source, req.source,
				 &req.has_source);
	if (!ret)
		ret = take_field("correlation", q->correlation,
				 req.correlation, &req.has_correlation);
	if (!ret)
		ret = call_store(FND__QUERY, &req, sizeof(req), &reply,
				 deadline);
	if (ret == -EFBIG)
		return sup_set_error(ret, "limit: there are too many events");
	return ret ? ret : unpack(&reply, ret_events, ret_n);
}

int fnd_event_recent(size_t n, struct fnd_event **ret_events, size_t *ret_n,
		     int64_t deadline)
{
	const struct fnd_event_query q = { .newest_first = true, .limit = n };

	if (n)
		return fnd_event_query(&q, ret_events, ret_n, deadline);
	*ret_events = NULL;
	*ret_n = 0;
	return 0;
}

int fnd_event_chain(const char *correlation, struct fnd_event **ret_events,
		    size_t *ret_n, int64_t deadline)
{
	const struct fnd_event_query q = {
		.correlation = correlation, .by_time = true,
	};

	if (!correlation)
		return sup_set_error(-EINVAL, "correlation: it is NULL");
	return fnd_event_query(&q, ret_events, ret_n, deadline);
}

/* A call whose answer is of that size; ret_answer may be NULL. */
static int ask(uint64_t tag, int64_t *with, void *ret_answer, size_t size,
	       int64_t deadline)
{
	struct sup_msg reply;
	int ret;

	ret = call_store(tag, with, with ? sizeof(*with) : 0, &reply, deadline);
	if (ret)
		return ret;
	if (ret_answer)
		memcpy(ret_answer, reply.data, size);
	sup_msg_free(&reply);
	return 0;
}

int fnd_event_prune(int64_t before, uint64_t *ret_n, int64_t deadline)
{
	uint64_t n;
	int ret;

	ret = ask(FND__PRUNE, &before, &n, sizeof(n), deadline);
	if (ret)
		return ret;
	fnd_telemetry_count("foundation.event_store.events_pruned", n, NULL);
	if (ret_n)
		*ret_n = n;
	return 0;
}

int fnd_event_stats(struct fnd_event_stats *ret_stats, int64_t deadline)
{
	return ask(FND__STATS, NULL, ret_stats, sizeof(*ret_stats), deadline);
}

int fnd__event_store_trim(uint64_t *ret_bytes, int64_t deadline)
{
	return ask(FND__TRIM, NULL, ret_bytes, sizeof(*ret_bytes), deadline);
}
