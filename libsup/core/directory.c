/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A hash of keys, each with a list of entries. Who changes it holds the lock
 * and publishes each change by one store, so who looks, without a lock, finds
 * what was before or what is after. What has been taken out keeps its own
 * links, and is freed when nobody who might have found it still looks.
 *
 * Who looks writes the era into its seat, and 0 when it has done. A block that
 * is retired opens a new era, and is freed once no seat holds an older one.
 * ORDER: all of these are sequentially consistent. If the seat was seen empty,
 * the look begins afterwards, and finds the block not any more. A seat that is
 * given back, because its thread has ended, holds no era.
 *
 * The hash grows by a copy of all keys; the entries are the same.
 *
 * Lock order: sup__directory_lock is a leaf.
 */
#include "core/directory.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "core/seat.h"
#include "core/table.h"
#include "core/task.h"

#define SIZE_MIN 16u
#define RETIRED_MAX 64u

struct sup__buckets {
	struct sup__retired retired;		/* first */
	size_t size;				/* a power of 2 */
	_Atomic(struct sup__key *) first[];
};

struct sup__lock sup__directory_lock = SUP__LOCK_INIT;
static _Atomic uint64_t era = 1;
static struct sup__retired *retired;	/* under the lock, newest first */
static unsigned int n_retired;

void sup__directory_enter(struct sup__seat *seat)
{
	atomic_store(&seat->looks, atomic_load(&era));
}

void sup__directory_leave(struct sup__seat *seat)
{
	/* Release: what was read was read before. */
	atomic_store_explicit(&seat->looks, 0, memory_order_release);
}

static uint64_t oldest_look(void)
{
	uint64_t oldest = UINT64_MAX, looks;
	uint32_t i, n = sup__seat_count();

	for (i = 0; i < n; i++) {
		looks = atomic_load(&sup__seat_at(i)->looks);
		if (looks && looks < oldest)
			oldest = looks;
	}
	return oldest;
}

static void free_retired_locked(void)
{
	uint64_t oldest = oldest_look();
	struct sup__retired **at = &retired, *block, *next;

	sup__assert_held(&sup__directory_lock);
	while (*at && (*at)->era > oldest)
		at = &(*at)->next;
	block = *at;
	*at = NULL;
	for (; block; block = next) {
		next = block->next;
		sup__free(block);
		n_retired--;
	}
}

void sup__directory_retire(struct sup__retired *block)
{
	sup__assert_held(&sup__directory_lock);
	block->era = atomic_fetch_add(&era, 1) + 1;
	block->next = retired;
	retired = block;
	/* Amortised: each look at all seats is paid for by many blocks. */
	if (++n_retired % RETIRED_MAX == 0)
		free_retired_locked();
}

/* FNV-1a. */
static uint64_t hash_of(const void *key, size_t len)
{
	const unsigned char *p = key;
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	while (len--)
		h = (h ^ *p++) * UINT64_C(0x100000001b3);
	return h;
}

static struct sup__key *find(struct sup__buckets *b, uint64_t hash,
			     const void *key, size_t len)
{
	struct sup__key *k;

	if (!b)
		return NULL;
	k = atomic_load(&b->first[hash & (b->size - 1)]);
	while (k && (k->hash != hash || k->len != len ||
		     memcmp(k->bytes, key, len)))
		k = atomic_load(&k->next);
	return k;
}

struct sup__key *sup__directory_find(struct sup__directory *dir,
				     const void *key, size_t len)
{
	return find(atomic_load(&dir->buckets), hash_of(key, len), key, len);
}

static struct sup__key *new_key(const void *key, size_t len, uint64_t hash)
{
	struct sup__key *k = sup__zalloc(sizeof(*k) + len);

	if (!k)
		return NULL;
	k->hash = hash;
	k->len = len;
	memcpy(k->bytes, key, len);
	return k;
}

struct sup__entry *sup__directory_new_entry(const void *value, size_t len)
{
	struct sup__entry *e = sup__zalloc(sizeof(*e) + len);

	if (!e)
		return NULL;
	e->value = e + 1;
	e->value_len = len;
	if (len)
		memcpy(e + 1, value, len);
	return e;
}

static void push_key(struct sup__buckets *b, struct sup__key *k)
{
	_Atomic(struct sup__key *) *first = &b->first[k->hash & (b->size - 1)];

	atomic_store(&k->next, atomic_load(first));
	atomic_store(first, k);
}

/* A copy of k into b; its entries are under it when it is published. */
static struct sup__key *copy_key(struct sup__buckets *b, struct sup__key *k)
{
	struct sup__key *copy = new_key(k->bytes, k->len, k->hash);

	if (copy) {
		atomic_store(&copy->first, atomic_load(&k->first));
		copy->last = k->last;
		push_key(b, copy);
	}
	return copy;
}

static void free_buckets(struct sup__buckets *b)
{
	struct sup__key *k, *next;
	size_t i;

	for (i = 0; i < b->size; i++) {
		for (k = atomic_load(&b->first[i]); k; k = next) {
			next = atomic_load(&k->next);
			sup__free(k);
		}
	}
	sup__free(b);
}

static struct sup__buckets *new_buckets(size_t size)
{
	struct sup__buckets *b;

	b = sup__zalloc(sizeof(*b) + size * sizeof(b->first[0]));
	if (b)
		b->size = size;
	return b;
}

/* The keys of old, which may be NULL, copied into more buckets; or NULL. */
static struct sup__buckets *copy_buckets(struct sup__buckets *old, size_t size)
{
	struct sup__buckets *b = new_buckets(size);
	struct sup__key *k;
	size_t i;

	for (i = 0; b && old && i < old->size; i++) {
		for (k = atomic_load(&old->first[i]); k;
		     k = atomic_load(&k->next)) {
			if (copy_key(b, k))
				continue;
			free_buckets(b);
			return NULL;
		}
	}
	return b;
}

/* From here on the copies are the keys; the old ones stay as they are. */
static void publish_locked(struct sup__directory *dir, struct sup__buckets *b)
{
	struct sup__buckets *old = atomic_load(&dir->buckets);
	struct sup__key *k, *next;
	struct sup__entry *e;
	size_t i;

	sup__assert_held(&sup__directory_lock);
	for (i = 0; i < b->size; i++)
		for (k = atomic_load(&b->first[i]); k;
		     k = atomic_load(&k->next))
			for (e = atomic_load(&k->first); e;
			     e = atomic_load(&e->next))
				e->key = k;
	atomic_store(&dir->buckets, b);
	if (!old)
		return;
	for (i = 0; i < old->size; i++) {
		for (k = atomic_load(&old->first[i]); k; k = next) {
			next = atomic_load(&k->next);
			sup__directory_retire(&k->retired);
		}
	}
	sup__directory_retire(&old->retired);
}

/* Want of memory only makes chains longer, unless there is no bucket yet. */
static int make_room_locked(struct sup__directory *dir)
{
	struct sup__buckets *b = atomic_load(&dir->buckets);
	size_t size = b ? b->size : 0;

	sup__assert_held(&sup__directory_lock);
	if (dir->n_keys < size)
		return 0;
	b = copy_buckets(b, size ? 2 * size : SIZE_MIN);
	if (!b)
		return size ? 0 : -ENOMEM;
	publish_locked(dir, b);
	return 0;
}

static void join_task_locked(struct sup__entry *e, struct sup__task *t)
{
	sup__assert_held(&sup__directory_lock);
	e->task = t;
	e->pid.v = atomic_load(&t->pid);
	e->task_next = t->entries;
	if (e->task_next)
		e->task_next->task_at = &e->task_next;
	e->task_at = &t->entries;
	t->entries = e;
}

static void leave_task_locked(struct sup__entry *e)
{
	sup__assert_held(&sup__directory_lock);
	*e->task_at = e->task_next;
	if (e->task_next)
		e->task_next->task_at = e->task_at;
}

/* k is in no bucket yet if it has no entry. */
static void add_locked(struct sup__directory *dir, struct sup__key *k,
		       struct sup__entry *e, struct sup__task *t)
{
	sup__assert_held(&sup__directory_lock);
	join_task_locked(e, t);
	e->dir = dir;
	e->key = k;
	e->prev = k->last;
	if (k->last)
		atomic_store(&k->last->next, e);
	else
		atomic_store(&k->first, e);
	k->last = e;
	dir->n_entries++;
	if (e->prev)
		return;
	dir->n_keys++;
	push_key(atomic_load(&dir->buckets), k);
}

static int try_add_locked(struct sup__directory *dir, struct sup__task *t,
			  struct sup__key **k, struct sup__entry *e,
			  struct sup_pid *ret_holder)
{
	struct sup__key *there;
	int ret;

	sup__assert_held(&sup__directory_lock);
	if (atomic_load(&t->state) != SUP__TASK_ALIVE)
		return -ESRCH;
	ret = make_room_locked(dir);
	if (ret)
		return ret;
	there = find(atomic_load(&dir->buckets), (*k)->hash, (*k)->bytes,
		     (*k)->len);
	if (there && !dir->duplicate) {
		*ret_holder = atomic_load(&there->first)->pid;
		return -EEXIST;
	}
	add_locked(dir, there ? there : *k, e, t);
	if (!there)
		*k = NULL;
	return 0;
}

int sup__directory_add(struct sup__directory *dir, struct sup__task *t,
		       const void *key, size_t len, const void *value,
		       size_t value_len, struct sup_pid *ret_holder)
{
	struct sup__key *k = new_key(key, len, hash_of(key, len));
	struct sup__entry *e = sup__directory_new_entry(value, value_len);
	int ret = -ENOMEM;

	if (k && e) {
		sup__lock(&sup__directory_lock);
		ret = try_add_locked(dir, t, &k, e, ret_holder);
		sup__unlock(&sup__directory_lock);
	}
	/* Not used, or the key was there. */
	sup__free(k);
	if (ret)
		sup__free(e);
	return ret;
}

static void del_key_locked(struct sup__directory *dir, struct sup__key *k)
{
	struct sup__buckets *b = atomic_load(&dir->buckets);
	_Atomic(struct sup__key *) *at = &b->first[k->hash & (b->size - 1)];

	sup__assert_held(&sup__directory_lock);
	while (atomic_load(at) != k)
		at = &atomic_load(at)->next;
	atomic_store(at, atomic_load(&k->next));
	dir->n_keys--;
	sup__directory_retire(&k->retired);
}

void sup__directory_del_locked(struct sup__entry *e)
{
	struct sup__entry *next = atomic_load(&e->next);
	struct sup__directory *dir = e->dir;
	struct sup__key *k = e->key;

	sup__assert_held(&sup__directory_lock);
	leave_task_locked(e);
	dir->n_entries--;
	if (!e->prev && !next) {
		/* Who has found the key still finds the entry under it. */
		del_key_locked(dir, k);
		sup__directory_retire(&e->retired);
		return;
	}
	if (e->prev)
		atomic_store(&e->prev->next, next);
	else
		atomic_store(&k->first, next);
	if (next)
		next->prev = e->prev;
	else
		k->last = e->prev;
	sup__directory_retire(&e->retired);
}

void sup__directory_replace_locked(struct sup__entry *e,
				   struct sup__entry *by)
{
	struct sup__entry *next = atomic_load(&e->next);

	sup__assert_held(&sup__directory_lock);
	leave_task_locked(e);
	join_task_locked(by, e->task);
	by->dir = e->dir;
	by->key = e->key;
	by->prev = e->prev;
	atomic_store(&by->next, next);
	if (next)
		next->prev = by;
	else
		e->key->last = by;
	if (e->prev)
		atomic_store(&e->prev->next, by);
	else
		atomic_store(&e->key->first, by);
	sup__directory_retire(&e->retired);
}

struct sup__key *sup__directory_walk_locked(struct sup__directory *dir,
					    struct sup__key *after)
{
	struct sup__buckets *b = atomic_load(&dir->buckets);
	struct sup__key *k = NULL;
	size_t i = 0;

	sup__assert_held(&sup__directory_lock);
	if (!b)
		return NULL;
	if (after) {
		k = atomic_load(&after->next);
		i = (after->hash & (b->size - 1)) + 1;
	}
	for (; !k && i < b->size; i++)
		k = atomic_load(&b->first[i]);
	return k;
}

void sup__directory_clear(struct sup__directory *dir)
{
	struct sup__buckets *b;
	struct sup__key *k;

	sup__lock(&sup__directory_lock);
	while ((k = sup__directory_walk_locked(dir, NULL)))
		sup__directory_del_locked(atomic_load(&k->first));
	b = atomic_exchange(&dir->buckets, NULL);
	if (b)
		sup__directory_retire(&b->retired);
	free_retired_locked();
	sup__unlock(&sup__directory_lock);
}

void sup__directory_task_ending(struct sup__task *t)
{
	sup__lock(&sup__directory_lock);
	while (t->entries)
		sup__directory_del_locked(t->entries);
	sup__unlock(&sup__directory_lock);
}
