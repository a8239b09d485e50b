/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A bucket for each pair of entity and operation, in a table of stripes, each
 * with a lock of its own, which is held for a look and a few assignments:
 * callers decide on their own thread, and exactly. Nothing in there is a safe
 * point, so that nobody who is ended holds a lock; no task owns a bucket.
 *
 *  - fixed window: how many have been allowed in it;
 *  - sliding window: a ring of the times of the last that were allowed, as many
 *    as the limit: one more is allowed when the oldest is a window ago;
 *  - token bucket: the time at which it is full again (GCRA): one more moves
 *    that by a step, a window / limit, and is allowed if it is not more than
 *    limit steps ahead then.
 *
 * A bucket that is as if it were new is forgotten by the service, now and
 * again; nobody can tell.
 */
#include <foundation/rate_limiter.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Without memory a bucket is not added, that is all. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <sup/sup.h>

#include "foundation/handler.h"
#include "foundation/rate.h"
#include "foundation/service.h"

#define CLEAN_UP 1
#define CLEANUP_MS 60000
#define NS_PER_MS INT64_C(1000000)
#define YEAR_MS (INT64_C(365) * 24 * 3600 * 1000)
#define STRIPES 64
#define KEY_MAX (2 * FND_NAME_MAX + 1)

struct bucket {
	UT_hash_handle hh;
	struct fnd_rate rate;
	int64_t at;		/* last seen; of tokens: when all are back */
	uint32_t used;		/* fixed window; sliding: in the ring */
	uint32_t oldest;
	int64_t *ring;
	char key[];
};

static struct stripe {
	pthread_mutex_t lock;
	struct bucket *buckets;
} __attribute__((aligned(64))) stripes[STRIPES] = {
	[0 ... STRIPES - 1] = {
		.lock = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP,
	},
};

struct key {
	size_t len;
	unsigned int hash;
	struct stripe *stripe;
	char bytes[KEY_MAX];
};

static int make_key(const char *entity, const char *operation, struct key *key)
{
	size_t n;
	int ret;

	ret = fnd__check_name("entity", entity);
	if (!ret)
		ret = fnd__check_name("operation", operation);
	if (ret)
		return ret;
	n = strlen(entity) + 1;
	memcpy(key->bytes, entity, n);
	key->len = strlen(operation);
	memcpy(key->bytes + n, operation, key->len);
	key->len += n;
	HASH_VALUE(key->bytes, key->len, key->hash);
	key->stripe = &stripes[key->hash / 64 % STRIPES];
	return 0;
}

static int check_rate(const struct fnd_rate *rate)
{
	if (rate->window_ms < 1 || rate->window_ms > YEAR_MS)
		return sup_set_error(-EINVAL, "window_ms: %lld is not from 1 "
				     "to a year", (long long)rate->window_ms);
	if ((unsigned int)rate->kind > FND_RATE_TOKEN_BUCKET)
		return sup_set_error(-EINVAL, "kind: %d is none", rate->kind);
	if (rate->kind == FND_RATE_SLIDING_WINDOW &&
	    rate->limit > FND_RATE_SLIDING_MAX)
		return sup_set_error(-EINVAL, "limit: that of a sliding "
				     "window is at most %d",
				     FND_RATE_SLIDING_MAX);
	return 0;
}

static int64_t window_of(const struct bucket *b)
{
	return b->rate.window_ms * NS_PER_MS;
}

/* Of a token bucket: how long it takes one to come back; never 0. */
static int64_t step_of(const struct bucket *b)
{
	int64_t step = window_of(b) / b->rate.limit;

	return step ? step : 1;
}

static int64_t *ring_at(const struct bucket *b, uint32_t nth)
{
	return &b->ring[(b->oldest + nth) % b->rate.limit];
}

static struct bucket *find_locked(const struct key *key)
{
	struct bucket *b;

	HASH_FIND_BYHASHVALUE(hh, key->stripe->buckets, key->bytes, key->len,
			      key->hash, b);
	return b;
}

static void remove_locked(struct stripe *stripe, struct bucket *b)
{
	HASH_DEL(stripe->buckets, b);
	free(b->ring);
	free(b);
}

static struct bucket *add_locked(const struct key *key,
				 const struct fnd_rate *rate)
{
	struct bucket *b = calloc(1, sizeof(*b) + key->len);

	if (!b)
		return NULL;
	b->rate = *rate;
	if (rate->kind == FND_RATE_SLIDING_WINDOW && rate->limit) {
		b->ring = malloc(rate->limit * sizeof(*b->ring));
		if (!b->ring)
			goto err_bucket;
	}
	memcpy(b->key, key->bytes, key->len);
	HASH_ADD_KEYPTR_BYHASHVALUE(hh, key->stripe->buckets, b->key, key->len,
				    key->hash, b);
	if (!b->hh.tbl)
		goto err_ring;
	return b;

err_ring:
	free(b->ring);
err_bucket:
	free(b);
	return NULL;
}

static bool is_same(const struct fnd_rate *a, const struct fnd_rate *b)
{
	return a->kind == b->kind && a->limit == b->limit &&
		a->window_ms == b->window_ms;
}

/*
 * What has gone by counts no more. Returns the time for this bucket, which
 * never goes back: callers read the clock before they get the lock.
 */
static int64_t age(struct bucket *b, int64_t now)
{
	if (b->rate.kind == FND_RATE_TOKEN_BUCKET) {
		if (b->at < now)
			b->at = now;
		return now;
	}
	if (now < b->at)
		now = b->at;
	if (b->rate.kind == FND_RATE_FIXED_WINDOW) {
		if (now / window_of(b) != b->at / window_of(b))
			b->used = 0;
	} else while (b->used && now - *ring_at(b, 0) >= window_of(b)) {
		b->oldest = (b->oldest + 1) % b->rate.limit;
		b->used--;
	}
	b->at = now;
	return now;
}

/* After age(). 0: it is allowed, and counts; else how long to wait. */
static int64_t take(struct bucket *b, int64_t now)
{
	int64_t ahead;

	if (b->rate.kind == FND_RATE_TOKEN_BUCKET) {
		/* Not a window: where that is no multiple more would fit. */
		ahead = b->at + step_of(b) - now - b->rate.limit * step_of(b);
		if (ahead > 0)
			return ahead;
		b->at += step_of(b);
		return 0;
	}
	if (b->used == b->rate.limit)
		return b->rate.kind == FND_RATE_FIXED_WINDOW ?
			window_of(b) - now % window_of(b) :
			*ring_at(b, 0) + window_of(b) - now;
	if (b->ring)
		*ring_at(b, b->used) = now;
	b->used++;
	return 0;
}

int fnd__rate_check(const char *entity, const char *operation,
		    const struct fnd_rate *rate, int64_t now,
		    int64_t *ret_retry_ns)
{
	int64_t retry = -1;
	struct bucket *b;
	struct key key;
	int ret;

	ret = make_key(entity, operation, &key);
	if (!ret)
		ret = check_rate(rate);
	if (ret)
		return ret;
	if (!rate->limit)
		goto denied;
	pthread_mutex_lock(&key.stripe->lock);
	b = find_locked(&key);
	if (b && !is_same(&b->rate, rate)) {
		remove_locked(key.stripe, b);
		b = NULL;
	}
	if (!b)
		b = add_locked(&key, rate);
	if (b) {
		now = age(b, now);
		retry = take(b, now);
	}
	pthread_mutex_unlock(&key.stripe->lock);
	if (!b)
		return fnd__nomem("a bucket");
	if (!retry)
		return 0;
denied:
	if (ret_retry_ns)
		*ret_retry_ns = retry;
	return sup_set_error(-EDQUOT, "\"%s\" may do \"%s\" %u times in "
			     "%lld ms", entity, operation, rate->limit,
			     (long long)rate->window_ms);
}

#define EVENT(what) "foundation.infra.rate_limiter." what

static void notify(const char *event, const char *entity, const char *operation)
{
	const struct fnd_pair pairs[] = {
		{ "entity", entity }, { "operation", operation },
	};

	fnd__notify(event, pairs, 2);
}

/* What was wrong with the arguments is no event. */
static void notify_checked(const char *entity, const char *operation, int ret)
{
	if (!ret)
		notify(EVENT("request_allowed"), entity, operation);
	else if (ret == -EDQUOT)
		notify(EVENT("request_denied"), entity, operation);
	else if (ret == -ENOMEM)
		notify(EVENT("rate_limiter_exception"), entity, operation);
}

int fnd_rate_check(const char *entity, const char *operation,
		   const struct fnd_rate *rate, int64_t *ret_retry_ns)
{
	int ret;

	ret = fnd__rate_check(entity, operation, rate, sup_deadline_ms(0),
			      ret_retry_ns);
	if (fnd__handlers_any())
		notify_checked(entity, operation, ret);
	return ret;
}

/* After age(). When it is as if it were new. */
static int64_t full_at(const struct bucket *b, int64_t now)
{
	if (b->rate.kind == FND_RATE_TOKEN_BUCKET)
		return b->at;
	if (!b->used)
		return now;
	if (b->rate.kind == FND_RATE_FIXED_WINDOW)
		return now - now % window_of(b) + window_of(b);
	return *ring_at(b, b->used - 1) + window_of(b);
}

static uint32_t used_of(const struct bucket *b, int64_t now)
{
	int64_t used;

	if (b->rate.kind != FND_RATE_TOKEN_BUCKET)
		return b->used;
	/* A token that is not all back is not there. */
	used = (b->at - now + step_of(b) - 1) / step_of(b);
	/* More, if another has taken one at a later time than now. */
	return used < b->rate.limit ? used : b->rate.limit;
}

int fnd__rate_status(const char *entity, const char *operation, int64_t now,
		     struct fnd_rate_status *ret_status)
{
	struct fnd_rate_status status;
	struct bucket *b;
	struct key key;
	bool counts;
	int ret;

	ret = make_key(entity, operation, &key);
	if (ret)
		return ret;
	pthread_mutex_lock(&key.stripe->lock);
	b = find_locked(&key);
	if (b)
		now = age(b, now);
	counts = b && full_at(b, now) > now;
	if (counts) {
		status.rate = b->rate;
		status.used = used_of(b, now);
		status.left = b->rate.limit - status.used;
		status.reset_ns = full_at(b, now) - now;
	}
	pthread_mutex_unlock(&key.stripe->lock);
	if (!counts)
		return sup_set_error(-ENOENT, "nothing counts for \"%s\" and "
				     "\"%s\"", entity, operation);
	*ret_status = status;
	return 0;
}

int fnd_rate_status(const char *entity, const char *operation,
		    struct fnd_rate_status *ret_status)
{
	return fnd__rate_status(entity, operation, sup_deadline_ms(0),
				ret_status);
}

int fnd_rate_reset(const char *entity, const char *operation)
{
	struct bucket *b;
	struct key key;
	int ret;

	ret = make_key(entity, operation, &key);
	if (ret)
		return ret;
	pthread_mutex_lock(&key.stripe->lock);
	b = find_locked(&key);
	if (b)
		remove_locked(key.stripe, b);
	pthread_mutex_unlock(&key.stripe->lock);
	if (fnd__handlers_any())
		notify(EVENT("bucket_reset"), entity, operation);
	return 0;
}

void fnd__rate_clean_up(int64_t now)
{
	struct bucket *b, *next;
	size_t i;

	for (i = 0; i < STRIPES; i++) {
		pthread_mutex_lock(&stripes[i].lock);
		HASH_ITER(hh, stripes[i].buckets, b, next) {
			if (full_at(b, age(b, now)) <= now)
				remove_locked(&stripes[i], b);
		}
		pthread_mutex_unlock(&stripes[i].lock);
	}
}

size_t fnd__rate_count(void)
{
	size_t i, n = 0;

	for (i = 0; i < STRIPES; i++) {
		pthread_mutex_lock(&stripes[i].lock);
		n += HASH_COUNT(stripes[i].buckets);
		pthread_mutex_unlock(&stripes[i].lock);
	}
	return n;
}

struct state {
	int64_t cleanup_ms;
};

static int init(void *arg, void **ret_state)
{
	struct state *s = sup_alloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->cleanup_ms = *(const int64_t *)arg;
	*ret_state = s;
	return sup_server_timer(CLEAN_UP, s->cleanup_ms);
}

static int info(void *state, struct sup_info *info)
{
	struct state *s = state;

	if (info->kind != SUP_INFO_TIMER || info->msg.tag != CLEAN_UP)
		return SUP_CONTINUE;
	fnd__rate_clean_up(sup_deadline_ms(0));
	return sup_server_timer(CLEAN_UP, s->cleanup_ms);
}

int fnd_rate_limiter_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .info = info,
	};
	struct fnd_rate_limiter_options o = { .size = sizeof(o) };
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = FND__RATE_LIMITER, .reg = true,
		.ops = &ops, .arg = &o.cleanup_ms,
	};

	int ret;

	ret = fnd__copy_options(&o, sizeof(o), options);
	if (ret)
		return ret;
	if (o.cleanup_ms < 0)
		return sup_set_error(-EINVAL, "cleanup_ms: %lld",
				     (long long)o.cleanup_ms);
	if (!o.cleanup_ms)
		o.cleanup_ms = CLEANUP_MS;
	return sup_server_start(&spec, ret_pid);
}
