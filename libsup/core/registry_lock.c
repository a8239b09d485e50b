/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks by key: a record for each key that somebody has or waits for, with a
 * mutex. The records count no references, which who is killed would not give
 * back: one is idle if its mutex has neither owner nor waiters, and the mutex
 * knows that of the dead, too. It is taken out by whoever walks the list next.
 *
 * Lock order: the list's, then a mutex's. Who wants a mutex is in its queue
 * before the list is given up, so that nobody finds it idle meanwhile. A mutex
 * is passed on without the list, and not looked at after that.
 */
#include "core/registry.h"

#include <errno.h>
#include <string.h>

#include <sup/registry_lock.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/lock.h"
#include "core/mutex.h"
#include "core/task.h"

struct record {
	struct record *next;
	struct sup_mutex mutex;
	struct sup_registry registry;
	size_t key_len;
	unsigned char key[];
};

static struct sup__lock lock = SUP__LOCK_INIT;
static struct record *records;	/* as few as threads that have or wait */

static struct record *new_record(struct sup_registry r, struct sup_bytes key)
{
	struct record *rec = sup__zalloc(sizeof(*rec) + key.len);

	if (!rec)
		return NULL;
	rec->registry = r;
	rec->key_len = key.len;
	memcpy(rec->key, key.data, key.len);
	return rec;
}

static void free_records(struct record *rec)
{
	struct record *next;

	for (; rec; rec = next) {
		next = rec->next;
		sup__free(rec);
	}
}

/* Out of the list, to be freed without its lock. */
static struct record *take_idle_locked(void)
{
	struct record *rec, *idle = NULL, **at = &records;

	sup__assert_held(&lock);
	while ((rec = *at)) {
		if (sup__mutex_in_use(&rec->mutex)) {
			at = &rec->next;
			continue;
		}
		*at = rec->next;
		rec->next = idle;
		idle = rec;
	}
	return idle;
}

static struct record *find_locked(const struct record *like)
{
	struct record *rec;

	sup__assert_held(&lock);
	for (rec = records; rec; rec = rec->next)
		if (rec->registry.v == like->registry.v &&
		    rec->key_len == like->key_len &&
		    !memcmp(rec->key, like->key, like->key_len))
			break;
	return rec;
}

/* Queues up for the key of a new record, which it takes, or frees. */
static int ask(struct record *new, struct sup__mutex_waiter *w,
	       int64_t deadline, struct record **ret_record)
{
	struct record *idle, *rec;
	int ret;

	sup__lock(&lock);
	idle = take_idle_locked();
	rec = find_locked(new);
	if (rec) {
		new->next = idle;
		idle = new;
	} else {
		new->next = records;
		records = new;
		rec = new;
	}
	ret = sup__mutex_ask(&rec->mutex, w, deadline);
	sup__unlock(&lock);
	free_records(idle);
	if (!ret)
		*ret_record = rec;
	return ret;
}

static int lock_key(struct sup_registry r, struct sup_bytes key,
		    int64_t deadline, struct record **ret_record)
{
	struct sup__mutex_waiter w;
	struct record *rec;
	int ret;

	ret = sup__mutex_waiter_init(&w);
	if (ret)
		return ret;
	rec = new_record(r, key);
	if (!rec)
		return sup__error_nomem("the lock of a key");
	ret = ask(rec, &w, deadline, &rec);
	if (!ret)
		ret = sup__mutex_wait(&rec->mutex, &w, deadline);
	/* What the dead one did is over: the key stands for nothing else. */
	if (ret == -EOWNERDEAD)
		ret = sup_mutex_consistent(&rec->mutex);
	if (ret)
		return sup__error(ret, "the lock of a key: %s", sup_error());
	*ret_record = rec;
	return 0;
}

int sup_registry_lock(struct sup_registry r, struct sup_bytes key,
		      int64_t deadline, void (*fn)(void *arg), void *arg)
{
	struct record *rec = NULL;
	int ret;

	sup__task_checkpoint();
	if (!key.len || !fn)
		return sup__error(-EINVAL, fn ? "key: it is empty" :
						"fn: NULL");
	ret = sup__registry_check(r);
	if (!ret)
		ret = lock_key(r, key, deadline, &rec);
	if (ret == -ECANCELED)
		sup__task_checkpoint();
	if (ret)
		return ret;
	fn(arg);
	sup_mutex_unlock(&rec->mutex);
	sup__registry_forget_locks();
	return 0;
}

void sup__registry_forget_locks(void)
{
	struct record *idle;

	sup__lock(&lock);
	idle = take_idle_locked();
	sup__unlock(&lock);
	free_records(idle);
}

size_t sup__registry_count_locks(void)
{
	const struct record *rec;
	size_t n = 0;

	sup__lock(&lock);
	for (rec = records; rec; rec = rec->next)
		n++;
	sup__unlock(&lock);
	return n;
}
