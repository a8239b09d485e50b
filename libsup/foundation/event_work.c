/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events to store are added to a transaction, and answered when that is
 * committed: by whoever calls this, when nothing more is there to be done, or
 * here, when enough has come together. Everything else is done after a commit,
 * so that nobody sees an event that may yet be lost.
 */
#include "foundation/event_work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sup/sup.h>

#include "foundation/event.h"
#include "foundation/event_db.h"
#include "foundation/service.h"

#define COMMIT_NS 5000000
#define MIN_TICK_MS 1000
#define MAX_TICK_MS 60000

struct pending {
	struct sup_from from;
	struct sup_msg ids;
};

struct fnd__event_work {
	struct fnd__event_db *db;
	void (*answer)(struct sup_from from, int error, struct sup_msg *msg);
	int64_t began;
	int64_t tick_ms;		/* < 0: none */
	struct pending pending[FND__COMMIT_REQUESTS];
	size_t n, bytes;
	int64_t first;			/* when the first came */
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int fnd__event_options(const struct fnd_event_store_options *from,
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

int fnd__event_work_open(const struct fnd_event_store_options *options,
			 void (*answer)(struct sup_from from, int error,
					struct sup_msg *msg),
			 struct fnd__event_work **ret_work)
{
	struct fnd__event_work *w = fnd__alloc(sizeof(*w));
	int ret;

	if (!w)
		return fnd__nomem("a store");
	memset(w, 0, sizeof(*w));
	ret = fnd__event_db_open(options, &w->db);
	if (ret)
		goto free_work;
	/* What is too much or too old goes before anyone sees it. */
	ret = fnd__event_db_commit(w->db);
	if (ret)
		goto close_db;
	w->answer = answer;
	w->began = now_ns();
	w->tick_ms = tick_of(options->max_age_ms);
	*ret_work = w;
	return 0;

close_db:
	fnd__event_db_close(w->db);
free_work:
	fnd__free(w);
	return ret;
}

void fnd__event_work_close(struct fnd__event_work *w)
{
	fnd__event_work_commit(w);
	fnd__event_db_close(w->db);
	fnd__free(w);
}

bool fnd__event_work_waits(const struct fnd__event_work *w)
{
	return w->n;
}

int64_t fnd__event_work_tick_ms(const struct fnd__event_work *w)
{
	return w->tick_ms;
}

int fnd__event_work_commit(struct fnd__event_work *w)
{
	struct pending *p;
	int ret;

	ret = fnd__event_db_commit(w->db);
	for (p = w->pending; p < w->pending + w->n; p++) {
		if (ret)
			sup_msg_free(&p->ids);
		w->answer(p->from, ret, &p->ids);
	}
	w->n = w->bytes = 0;
	return ret;
}

bool fnd__event_work_is_due(const struct fnd__event_work *w)
{
	return w->n && (w->n == FND__COMMIT_REQUESTS ||
			w->bytes > FND__COMMIT_BYTES ||
			now_ns() - w->first > COMMIT_NS);
}

static void refuse(struct fnd__event_work *w, struct sup_from from, int error)
{
	struct sup_msg none = { .len = 0 };

	w->answer(from, error, &none);
}

static void store(struct fnd__event_work *w, struct sup_from from,
		  const struct sup_msg *req)
{
	struct pending *p = &w->pending[w->n];
	int ret;

	ret = fnd__event_db_add(w->db, req, &p->ids);
	if (ret) {
		refuse(w, from, ret);
		if (fnd__event_db_has_begun(w->db))
			fnd__event_work_commit(w);
		return;
	}
	p->from = from;
	if (!w->n++)
		w->first = now_ns();
	w->bytes += req->len;
	if (fnd__event_work_is_due(w))
		fnd__event_work_commit(w);
}

static void answer_copy(struct fnd__event_work *w, struct sup_from from,
			int error, void *data, size_t len)
{
	struct sup_msg msg = { .data = data, .len = len };

	w->answer(from, error, &msg);
}

static void look(struct fnd__event_work *w, struct sup_from from,
		 const struct sup_msg *req)
{
	struct fnd__events events = { .bytes = NULL };
	struct fnd__event_query q;
	struct sup_msg msg;
	uint64_t id;
	int ret;

	if (req->tag == FND__GET) {
		memcpy(&id, req->data, sizeof(id));
		ret = fnd__event_db_get(w->db, id, &events);
	} else {
		memcpy(&q, req->data, sizeof(q));
		ret = fnd__event_db_query(w->db, &q, &events);
	}
	if (ret) {
		free(events.bytes);
		refuse(w, from, ret);
		return;
	}
	msg = (struct sup_msg){
		.data = events.bytes, .len = events.len, .free = free,
	};
	w->answer(from, 0, &msg);
}

static void prune(struct fnd__event_work *w, struct sup_from from,
		  const struct sup_msg *req)
{
	uint64_t n = 0;
	int64_t before;
	int ret;

	memcpy(&before, req->data, sizeof(before));
	ret = fnd__event_db_prune(w->db, before, &n);
	answer_copy(w, from, ret, &n, sizeof(n));
}

static void tell_stats(struct fnd__event_work *w, struct sup_from from)
{
	struct fnd_event_stats stats = { .events = 0 };
	int ret;

	ret = fnd__event_db_stats(w->db, &stats);
	stats.uptime_ms = (now_ns() - w->began) / 1000000;
	answer_copy(w, from, ret, &stats, sizeof(stats));
}

/* Whoever has the pid may call, with anything. */
static bool is_request(const struct sup_msg *req)
{
	static const size_t sizes[] = {
		[FND__GET] = sizeof(uint64_t),
		[FND__QUERY] = sizeof(struct fnd__event_query),
		[FND__PRUNE] = sizeof(int64_t),
		[FND__STATS] = 0, [FND__TRIM] = 0,
	};

	return req->tag == FND__STORE ||
	       (req->tag < FND__EVENT_REQUESTS && req->len == sizes[req->tag]);
}

void fnd__event_work_do(struct fnd__event_work *w, struct sup_from from,
			const struct sup_msg *req)
{
	uint64_t n;

	if (!is_request(req)) {
		refuse(w, from, -EINVAL);
		return;
	}
	if (req->tag == FND__STORE) {
		store(w, from, req);
		return;
	}
	if (w->n)
		fnd__event_work_commit(w);
	switch (req->tag) {
	case FND__GET:
	case FND__QUERY:
		look(w, from, req);
		break;
	case FND__PRUNE:
		prune(w, from, req);
		break;
	case FND__STATS:
		tell_stats(w, from);
		break;
	case FND__TRIM:
		n = fnd__event_db_trim(w->db);
		answer_copy(w, from, 0, &n, sizeof(n));
		break;
	}
}
