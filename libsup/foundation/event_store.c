/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server of the EventStore, and its calls. It adds what it is asked to
 * store to a transaction, and answers when that is committed: as soon as no
 * message waits, or when enough has come together. So a lone event is committed
 * at once, and the more come, the more share a commit; nobody waits for a time
 * to pass.
 *
 * Everything else is done after a commit, so that nobody sees an event that may
 * yet be lost. What the server holds is memory of its task, and the file is
 * closed with its thread: a kill leaves nothing behind, and those who were not
 * answered are told by their calls.
 */
#include <foundation/event_store.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sup/sup.h>

#include "foundation/event.h"
#include "foundation/event_db.h"
#include "foundation/event_store_in.h"
#include "foundation/service.h"

#define MAX_PENDING 256			/* requests in a commit */
#define MAX_PENDING_BYTES (16u << 20)
#define MAX_PENDING_NS 5000000
#define MIN_TICK_MS 1000
#define MAX_TICK_MS 60000

/* All are calls. */
enum tag {
	STORE,	/* events as bytes; the reply: their ids */
	GET,	/* uint64_t; events as bytes */
	QUERY,	/* struct fnd__event_query; events as bytes */
	PRUNE,	/* int64_t; uint64_t */
	STATS,	/* nothing; struct fnd_event_stats */
	TRIM,	/* nothing; uint64_t */
};

enum { TICK };

struct pending {
	struct sup_from from;
	struct sup_msg ids;
};

struct state {
	struct fnd__event_db *db;
	int64_t began;
	int64_t tick_ms;		/* < 0: none */
	struct pending pending[MAX_PENDING];
	size_t n, bytes;
	int64_t first;			/* when the first came */
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int complete(const struct fnd_event_store_options *from,
		    struct fnd_event_store_options *options)
{
	int ret;

	ret = fnd__copy_options(options, sizeof(*options), from);
	if (ret)
		return ret;
	if (options->durability > FND_EVENT_SYSTEM)
		return sup_set_error(-EINVAL, "durability: %d is none",
				     (int)options->durability);
	if (options->max_age_ms > INT64_MAX / 1000000)
		return sup_set_error(-EINVAL, "max_age_ms: it is too large");
	if (!options->max_events)
		options->max_events = 100000;
	if (!options->max_age_ms)
		options->max_age_ms = 3600000;
	return 0;
}

static int64_t tick_of(int64_t max_age_ms)
{
	int64_t tick = max_age_ms / 10;

	if (max_age_ms < 0)
		return -1;
	if (tick < MIN_TICK_MS)
		return MIN_TICK_MS;
	return tick < MAX_TICK_MS ? tick : MAX_TICK_MS;
}

static int init(void *arg, void **ret_state)
{
	struct fnd_event_store_options options;
	struct state *s = sup_alloc(sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	ret = complete(arg, &options);
	if (!ret)
		ret = fnd__event_db_open(&options, &s->db);
	if (ret)
		return ret;
	s->began = now_ns();
	s->tick_ms = tick_of(options.max_age_ms);
	*ret_state = s;
	/* What is too much or too old goes before anyone sees it. */
	ret = fnd__event_db_commit(s->db);
	return ret ? ret : sup_server_timer(TICK, s->tick_ms);
}

static void answer(struct sup_from from, struct sup_msg *msg)
{
	if (msg->free == sup_free)
		sup_give(msg->data);
	if (sup_reply(from, msg)) {
		sup_msg_free(msg);
		sup_reply_error(from, -ENOMEM);
	}
}

static int commit(struct state *s)
{
	struct pending *p;
	int ret;

	ret = fnd__event_db_commit(s->db);
	for (p = s->pending; p < s->pending + s->n; p++) {
		if (!ret) {
			answer(p->from, &p->ids);
			continue;
		}
		sup_reply_error(p->from, ret);
		sup_msg_free(&p->ids);
	}
	s->n = s->bytes = 0;
	return ret;
}

static bool is_enough(const struct state *s)
{
	return s->n == MAX_PENDING || s->bytes > MAX_PENDING_BYTES ||
	       now_ns() - s->first > MAX_PENDING_NS;
}

static void store(struct state *s, struct sup_from from,
		  const struct sup_msg *req)
{
	struct pending *p = &s->pending[s->n];
	int ret;

	ret = fnd__event_db_add(s->db, req, &p->ids);
	if (ret) {
		sup_reply_error(from, ret);
		if (fnd__event_db_has_begun(s->db))
			commit(s);
		return;
	}
	p->from = from;
	if (!s->n++)
		s->first = now_ns();
	s->bytes += req->len;
	if (is_enough(s))
		commit(s);
	else
		sup_server_timeout(0);
}

static void answer_bytes(struct sup_from from, int ret, void *data, size_t len)
{
	struct sup_msg msg = { .data = data, .len = len, .free = free };

	if (!ret) {
		answer(from, &msg);
	} else {
		free(data);
		sup_reply_error(from, ret);
	}
}

static void answer_copy(struct sup_from from, int ret, void *data, size_t len)
{
	struct sup_msg msg = { .data = data, .len = len };

	if (ret || sup_reply(from, &msg))
		sup_reply_error(from, ret ? ret : -ENOMEM);
}

static void look(struct state *s, struct sup_from from,
		 const struct sup_msg *req)
{
	struct fnd__events events = { .bytes = NULL };
	struct fnd__event_query q;
	int ret;

	if (req->tag == GET) {
		ret = fnd__event_db_get(s->db, *(uint64_t *)req->data, &events);
	} else {
		memcpy(&q, req->data, sizeof(q));
		ret = fnd__event_db_query(s->db, &q, &events);
	}
	answer_bytes(from, ret, events.bytes, events.len);
}

static void tell_stats(struct state *s, struct sup_from from)
{
	struct fnd_event_stats stats;
	int ret;

	ret = fnd__event_db_stats(s->db, &stats);
	stats.uptime_ms = (now_ns() - s->began) / 1000000;
	answer_copy(from, ret, &stats, sizeof(stats));
}

/*
 * Any message, be it nonsense, takes back the time-out that was to commit, and
 * there may be none after it.
 */
static void commit_pending(struct state *s)
{
	if (s->n)
		commit(s);
}

/* Whoever has the pid may call, with anything. */
static bool is_request(const struct sup_msg *req)
{
	static const size_t sizes[] = {
		[GET] = sizeof(uint64_t),
		[QUERY] = sizeof(struct fnd__event_query),
		[PRUNE] = sizeof(int64_t), [STATS] = 0, [TRIM] = 0,
	};

	return req->tag == STORE ||
	       (req->tag <= TRIM && req->len == sizes[req->tag]);
}

static int call(void *state, struct sup_from from, struct sup_msg *req)
{
	struct state *s = state;
	uint64_t n = 0;
	int ret;

	if (req->tag == STORE) {
		store(s, from, req);
		return SUP_CONTINUE;
	}
	commit_pending(s);
	if (!is_request(req)) {
		sup_reply_error(from, -EINVAL);
		return SUP_CONTINUE;
	}
	switch (req->tag) {
	case GET:
	case QUERY:
		look(s, from, req);
		break;
	case PRUNE:
		ret = fnd__event_db_prune(s->db, *(int64_t *)req->data, &n);
		answer_copy(from, ret, &n, sizeof(n));
		break;
	case STATS:
		tell_stats(s, from);
		break;
	case TRIM:
		n = fnd__event_db_trim(s->db);
		answer_copy(from, 0, &n, sizeof(n));
		break;
	}
	return SUP_CONTINUE;
}

static int info(void *state, struct sup_info *info)
{
	struct state *s = state;

	switch (info->kind) {
	case SUP_INFO_TIMER:
		sup_server_timer(TICK, s->tick_ms);
		commit(s);
		break;
	case SUP_INFO_TIMEOUT:
		commit(s);
		break;
	default:
		commit_pending(s);
	}
	return SUP_CONTINUE;
}

static int cast(void *state, struct sup_msg *msg)
{
	(void)msg;
	commit_pending(state);
	return SUP_CONTINUE;
}

static void terminate(void *state, const struct sup_reason *reason)
{
	struct state *s = state;

	(void)reason;
	commit(s);
	fnd__event_db_close(s->db);
}

static const struct sup_server_ops ops = {
	.size = sizeof(ops), .init = init, .call = call, .cast = cast,
	.info = info, .terminate = terminate,
};

int fnd_event_store_start(const void *options, struct sup_pid *ret_pid)
{
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = FND__EVENT_STORE, .reg = true,
		.ops = &ops, .arg = (void *)options,
	};

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
	struct sup_msg req = { .tag = STORE, .free = free }, reply;
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

	ret = call_store(GET, &id, sizeof(id), &reply, deadline);
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
		ret = call_store(QUERY, &req, sizeof(req), &reply, deadline);
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
	return ask(PRUNE, &before, ret_n, sizeof(*ret_n), deadline);
}

int fnd_event_stats(struct fnd_event_stats *ret_stats, int64_t deadline)
{
	return ask(STATS, NULL, ret_stats, sizeof(*ret_stats), deadline);
}

int fnd__event_store_trim(uint64_t *ret_bytes, int64_t deadline)
{
	return ask(TRIM, NULL, ret_bytes, sizeof(*ret_bytes), deadline);
}
