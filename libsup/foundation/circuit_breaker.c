/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Breakers in a table under one lock, which is held for a look and a few
 * assignments, before and after what is guarded, never while that runs. No
 * task owns one, and nothing under the lock is a safe point.
 *
 * The times of the last failures are a ring of tolerance + 1: the breaker
 * opens when the ring is full and its oldest is within the window. Each opening
 * and closing begins another period; what was begun in an earlier one counts no
 * more when it comes back, so that what was slow does not spoil what is new.
 *
 * Half-open is not stored: it is open, and its time has passed. Who tries is
 * stored; if it is a task that has ended meanwhile, the try has failed.
 */
#include <foundation/circuit_breaker.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include <foundation/telemetry.h>
#include <sup/sup.h>

#include "foundation/breaker.h"
#include "foundation/handler.h"
#include "foundation/service.h"

#define TOLERANCE 5
#define WINDOW_MS 60000
#define REFRESH_MS 60000
#define NS_PER_MS INT64_C(1000000)
#define YEAR_MS (INT64_C(365) * 24 * 3600 * 1000)

struct breaker {
	UT_hash_handle hh;
	struct fnd_breaker_options options;
	bool open;
	uint64_t period;
	int64_t opened;
	bool trying;
	struct sup_pid who_tries;	/* SUP_PID_NONE: a foreign thread */
	unsigned int failures, oldest;	/* in the ring */
	int64_t *ring;
	uint64_t calls, refused;
	char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct breaker *breakers;
/* Periods of all: a breaker that was removed and made again has another one. */
static uint64_t periods;

static int64_t (*other_clock)(void);

void fnd__breaker_set_clock(int64_t (*now)(void))
{
	other_clock = now;
}

static int64_t now_ns(void)
{
	return other_clock ? other_clock() : sup_deadline_ms(0);
}

static struct breaker *find_locked(const char *name)
{
	struct breaker *b;

	HASH_FIND_STR(breakers, name, b);
	return b;
}

static unsigned int ring_size(const struct breaker *b)
{
	return b->options.tolerance + 1;
}

static void free_breaker(struct breaker *b)
{
	if (b)
		free(b->ring);
	free(b);
}

static void begin_locked(struct breaker *b, bool open, int64_t now)
{
	b->open = open;
	b->opened = now;
	b->trying = false;
	b->failures = 0;
	b->period = ++periods;
}

/* Whether who has tried has ended: then that has failed. */
static bool age_locked(struct breaker *b, int64_t now)
{
	while (b->failures && now - b->ring[b->oldest] >=
	       b->options.window_ms * NS_PER_MS) {
		b->oldest = (b->oldest + 1) % ring_size(b);
		b->failures--;
	}
	if (!b->trying || !b->who_tries.v || sup_is_alive(b->who_tries))
		return false;
	begin_locked(b, true, now);
	return true;
}

static int64_t left_locked(const struct breaker *b, int64_t now)
{
	int64_t left = b->opened + b->options.refresh_ms * NS_PER_MS - now;

	return left > 0 ? left : 0;
}

static int check_options(struct fnd_breaker_options *o,
			 const struct fnd_breaker_options *given)
{
	int ret;

	*o = (struct fnd_breaker_options){ .size = sizeof(*o) };
	ret = fnd__copy_options(o, sizeof(*o), given);
	if (ret)
		return ret;
	if (o->tolerance == FND_BREAKER_NONE)
		o->tolerance = 0;
	else if (!o->tolerance)
		o->tolerance = TOLERANCE;
	if (o->tolerance > FND_BREAKER_TOLERANCE_MAX)
		return sup_set_error(-EINVAL, "tolerance: %u is more than %d",
				     o->tolerance, FND_BREAKER_TOLERANCE_MAX);
	if (!o->window_ms)
		o->window_ms = WINDOW_MS;
	if (!o->refresh_ms)
		o->refresh_ms = REFRESH_MS;
	if (o->window_ms < 0 || o->window_ms > YEAR_MS)
		return sup_set_error(-EINVAL, "window_ms: it is not from 1 to "
				     "a year");
	if (o->refresh_ms < 0 || o->refresh_ms > YEAR_MS)
		return sup_set_error(-EINVAL, "refresh_ms: it is not from 1 "
				     "to a year");
	return 0;
}

static struct breaker *new_breaker(const char *name,
				   const struct fnd_breaker_options *o)
{
	size_t len = strlen(name);
	struct breaker *b = calloc(1, sizeof(*b) + len + 1);

	if (!b)
		return NULL;
	b->options = *o;
	memcpy(b->name, name, len);
	b->ring = calloc(ring_size(b), sizeof(*b->ring));
	if (!b->ring) {
		free(b);
		return NULL;
	}
	return b;
}

static int add_locked(struct breaker *b)
{
	if (find_locked(b->name))
		return sup_set_error(-EEXIST, "name: there is a breaker "
				     "\"%s\"", b->name);
	HASH_ADD_STR(breakers, name, b);
	if (!b->hh.tbl)
		return fnd__nomem("a breaker");
	begin_locked(b, false, 0);
	return 0;
}

#define EVENT(what) "foundation.infra.circuit_breaker." what

static void tell(const char *event, const char *name)
{
	const struct fnd_pair pair = { "breaker", name };

	fnd_telemetry_count(event, 1, &(struct fnd_metadata){ &pair, 1 });
}

static void tell_state(const char *name, bool is_open)
{
	const struct fnd_pair pairs[] = {
		{ "breaker", name }, { "state", is_open ? "open" : "closed" },
	};

	fnd_telemetry_count(EVENT("state_change"), 1,
			    &(struct fnd_metadata){ pairs, 2 });
}

static void tell_executed(const char *name, bool failed)
{
	const struct fnd_pair pairs[] = {
		{ "breaker", name }, { "result", failed ? "error" : "ok" },
	};

	if (fnd__handlers_any())
		fnd__notify(EVENT("call_executed"), pairs, 2);
}

int fnd_breaker_open(const char *name,
		     const struct fnd_breaker_options *options)
{
	struct fnd_breaker_options o;
	struct breaker *b;
	int ret;

	ret = fnd__check_name("name", name);
	if (!ret)
		ret = check_options(&o, options);
	if (ret)
		return ret;
	b = new_breaker(name, &o);
	if (!b)
		return fnd__nomem("a breaker");
	pthread_mutex_lock(&lock);
	ret = add_locked(b);
	pthread_mutex_unlock(&lock);
	if (ret)
		free_breaker(b);
	else
		tell(EVENT("fuse_installed"), name);
	return ret;
}

/*
 * Calls f with the breaker of that name, as it is now, under the lock; what f
 * returns. What has changed with time is told of when the lock is free.
 */
static int with_breaker(const char *name,
			int (*f)(struct breaker *b, int64_t now, void *arg),
			void *arg)
{
	bool reopened = false;
	struct breaker *b;
	int64_t now;
	int ret;

	ret = fnd__check_name("name", name);
	if (ret)
		return ret;
	pthread_mutex_lock(&lock);
	b = find_locked(name);
	ret = -ENOENT;
	if (b) {
		now = now_ns();
		reopened = age_locked(b, now);
		ret = f(b, now, arg);
	}
	pthread_mutex_unlock(&lock);
	if (reopened)
		tell_state(name, true);
	if (ret == -ENOENT)
		return sup_set_error(ret, "name: there is no breaker \"%s\"",
				     name);
	return ret;
}

static int take_out_locked(struct breaker *b, int64_t now, void *ret_breaker)
{
	(void)now;
	HASH_DEL(breakers, b);
	*(struct breaker **)ret_breaker = b;
	return 0;
}

int fnd_breaker_close(const char *name)
{
	struct breaker *b = NULL;
	int ret;

	ret = with_breaker(name, take_out_locked, &b);
	free_breaker(b);
	if (!ret)
		tell(EVENT("fuse_removed"), name);
	return ret;
}

/* -ECONNREFUSED; or 0, and the period in which the call begins. */
static int enter_locked(struct breaker *b, int64_t now, void *ret_period)
{
	if (b->open && (b->trying || left_locked(b, now))) {
		b->refused++;
		return -ECONNREFUSED;
	}
	if (b->open) {
		b->trying = true;
		b->who_tries = sup_self();
	}
	b->calls++;
	*(uint64_t *)ret_period = b->period;
	return 0;
}

static void leave_locked(struct breaker *b, bool failed)
{
	int64_t now = now_ns();

	if (b->open) {
		begin_locked(b, failed, now);
		return;
	}
	if (!failed)
		return;
	age_locked(b, now);
	b->ring[(b->oldest + b->failures) % ring_size(b)] = now;
	if (++b->failures == ring_size(b))
		begin_locked(b, true, now);
}

/* Whether it has opened or closed; it is told of when the lock is free. */
static bool leave(const char *name, uint64_t period, bool failed,
		  bool *ret_open)
{
	bool changed = false;
	struct breaker *b;

	pthread_mutex_lock(&lock);
	b = find_locked(name);
	if (b && b->period == period) {
		leave_locked(b, failed);
		changed = b->period != period;
		*ret_open = b->open;
	}
	pthread_mutex_unlock(&lock);
	return changed;
}

int fnd_breaker_run(const char *name, int (*fn)(void *arg), void *arg,
		    int *ret_result)
{
	uint64_t period = 0;
	int ret, result;
	bool is_open;

	ret = with_breaker(name, enter_locked, &period);
	if (ret == -ECONNREFUSED) {
		tell(EVENT("call_rejected"), name);
		sup_set_error(ret, "the breaker \"%s\" is open", name);
	}
	if (ret)
		return ret;
	result = fn(arg);
	tell_executed(name, result < 0);
	if (leave(name, period, result < 0, &is_open))
		tell_state(name, is_open);
	*ret_result = result;
	return 0;
}

static int status_locked(struct breaker *b, int64_t now, void *ret_status)
{
	struct fnd_breaker_status *s = ret_status;

	*s = (struct fnd_breaker_status){
		.state = FND_BREAKER_CLOSED, .failures = b->failures,
		.calls = b->calls, .refused = b->refused,
	};
	if (b->open) {
		s->left_ns = left_locked(b, now);
		s->state = s->left_ns ? FND_BREAKER_OPEN :
			FND_BREAKER_HALF_OPEN;
	}
	return 0;
}

int fnd_breaker_status(const char *name, struct fnd_breaker_status *ret_status)
{
	return with_breaker(name, status_locked, ret_status);
}

static int reset_locked(struct breaker *b, int64_t now, void *ret_was_open)
{
	(void)now;
	*(bool *)ret_was_open = b->open;
	begin_locked(b, false, 0);
	return 0;
}

int fnd_breaker_reset(const char *name)
{
	bool was_open = false;
	int ret;

	ret = with_breaker(name, reset_locked, &was_open);
	if (was_open)
		tell_state(name, false);
	return ret;
}
