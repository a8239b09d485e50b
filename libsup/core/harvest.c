/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/harvest.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "core/directory.h"
#include "core/seat.h"
#include "core/table.h"
#include "core/task.h"

static const void *keep(struct sup__harvest *h, const void *data, size_t len)
{
	void *to = h->at + h->bytes;

	if (len)
		memcpy(to, data, len);
	h->bytes += len;
	return to;
}

static void gather(struct sup__harvest *h, const struct sup__key *k,
		   const struct sup__entry *e)
{
	size_t len = k->len + e->value_len;
	struct sup_registry_entry *to;

	if (h->n < h->room_n && h->bytes + len <= h->room_bytes) {
		to = &h->entries[h->n];
		to->pid = e->pid;
		to->key.len = k->len;
		to->key.data = keep(h, k->bytes, k->len);
		to->value.len = e->value_len;
		to->value.data = keep(h, e->value, e->value_len);
	} else {
		h->bytes += len;
	}
	h->n++;
}

static void gather_under(struct sup__harvest *h, const struct sup__key *k,
			 struct sup_pid pid)
{
	const struct sup__entry *e = k ? atomic_load(&k->first) : NULL;

	for (; e; e = atomic_load(&e->next))
		if (!pid.v || e->pid.v == pid.v)
			gather(h, k, e);
}

static void gather_key(struct sup__directory *dir, const struct sup_bytes *key,
		       struct sup_pid pid, struct sup__harvest *h)
{
	gather_under(h, sup__directory_find(dir, key->data, key->len), pid);
}

/* Those of one key without a lock; else with. */
static void gather_all(struct sup__directory *dir,
		       const struct sup_registry_query *q,
		       struct sup__harvest *h)
{
	struct sup__seat *seat = q->key ? sup__seat_self() : NULL;
	struct sup__key *k = NULL;

	if (seat) {
		sup__directory_enter(seat);
		gather_key(dir, q->key, q->pid, h);
		sup__directory_leave(seat);
		return;
	}
	sup__lock(&sup__directory_lock);
	if (q->key)
		gather_key(dir, q->key, q->pid, h);
	else
		while ((k = sup__directory_walk_locked(dir, k)))
			gather_under(h, k, q->pid);
	sup__unlock(&sup__directory_lock);
}

/* Those of a task, in all registries; it keeps them while t is held. */
static void gather_task(struct sup__directory *dir, struct sup__task *t,
			struct sup__harvest *h)
{
	const struct sup__entry *e;

	sup__lock(&sup__directory_lock);
	for (e = t->entries; e; e = e->task_next)
		if (e->dir == dir)
			gather(h, e->key, e);
	sup__unlock(&sup__directory_lock);
}

static void gather_query(struct sup__directory *dir,
			 const struct sup_registry_query *q,
			 struct sup__harvest *h)
{
	struct sup__task *t;

	h->n = h->bytes = 0;
	if (!q->pid.v || q->key) {
		gather_all(dir, q, h);
		return;
	}
	t = sup__task_get(q->pid);
	if (t) {
		gather_task(dir, t, h);
		sup__task_put(t);
	}
}

static void keep_matches(const struct sup_registry_query *q,
			 struct sup__harvest *h)
{
	size_t i, n = 0;

	for (i = 0; i < h->n; i++)
		if (!q->match || q->match(&h->entries[i], q->arg))
			h->entries[n++] = h->entries[i];
	h->n = n;
}

/* Until all that is there by then has room. */
int sup__harvest(struct sup__directory *dir,
		 const struct sup_registry_query *q, struct sup__harvest *h)
{
	*h = (struct sup__harvest){ .n = 0 };
	for (;;) {
		gather_query(dir, q, h);
		if (h->n <= h->room_n && h->bytes <= h->room_bytes)
			break;
		sup__free(h->entries);
		h->room_n = h->n;
		h->room_bytes = h->bytes;
		h->n = 0;
		h->entries = sup__alloc(h->room_n * sizeof(*h->entries) +
					h->room_bytes);
		if (!h->entries)
			return sup__error_nomem("entries of a registry");
		h->at = (unsigned char *)(h->entries + h->room_n);
	}
	keep_matches(q, h);
	return 0;
}
