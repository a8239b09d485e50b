/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/roster.h"

#include <string.h>

#include "base/alloc.h"

/* FNV-1a. */
static uint64_t hash_id(const char *id)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	while (*id)
		h = (h ^ (unsigned char)*id++) * UINT64_C(0x100000001b3);
	return h ^ h >> 32;
}

/* Its index and its generation are small numbers: mix all of it. */
static uint64_t hash_pid(struct sup_pid pid)
{
	uint64_t h = pid.v * UINT64_C(0x9e3779b97f4a7c15);

	return h ^ h >> 32;
}

static struct sup__child **id_slot(const struct sup__roster *r, const char *id)
{
	return &r->by_id[hash_id(id) & (r->size - 1)];
}

static struct sup__child **pid_slot(const struct sup__roster *r,
				    struct sup_pid pid)
{
	return &r->by_pid[hash_pid(pid) & (r->size - 1)];
}

/* By which pid it is found, or none. */
static struct sup_pid key(const struct sup__roster *r,
			  const struct sup__child *c)
{
	return r->by_pid_only ? c->last_pid : c->pid;
}

static void link_id(struct sup__roster *r, struct sup__child *c)
{
	struct sup__child **slot = id_slot(r, c->id);

	if (r->by_pid_only)
		return;
	c->next_id = *slot;
	*slot = c;
}

static void link_pid(struct sup__roster *r, struct sup__child *c)
{
	struct sup__child **slot = pid_slot(r, key(r, c));

	if (!key(r, c).v)
		return;
	c->next_pid = *slot;
	*slot = c;
}

static void unlink_id(struct sup__roster *r, struct sup__child *c)
{
	struct sup__child **slot = id_slot(r, c->id);

	if (r->by_pid_only)
		return;
	while (*slot != c)
		slot = &(*slot)->next_id;
	*slot = c->next_id;
}

static void unlink_pid(struct sup__roster *r, struct sup__child *c)
{
	struct sup__child **slot = pid_slot(r, key(r, c));

	if (!key(r, c).v)
		return;
	while (*slot != c)
		slot = &(*slot)->next_pid;
	*slot = c->next_pid;
}

static void free_tables(struct sup__roster *r)
{
	if (r->by_id != r->few_id) {
		sup__free(r->by_id);
		sup__free(r->by_pid);
	}
}

static void grow(struct sup__roster *r)
{
	size_t size = r->size * 4;
	struct sup__child **by_id = sup__calloc(size, sizeof(*by_id));
	struct sup__child **by_pid = sup__calloc(size, sizeof(*by_pid));
	struct sup__child *c;

	if (!by_id || !by_pid) {
		sup__free(by_id);
		sup__free(by_pid);
		return;
	}
	free_tables(r);
	r->by_id = by_id;
	r->by_pid = by_pid;
	r->size = size;
	for (c = r->first; c; c = c->next) {
		link_id(r, c);
		link_pid(r, c);
	}
}

void sup__roster_init(struct sup__roster *r)
{
	memset(r, 0, sizeof(*r));
	r->by_id = r->few_id;
	r->by_pid = r->few_pid;
	r->size = SUP__ROSTER_FEW;
}

void sup__roster_fini(struct sup__roster *r)
{
	if (r->by_id)
		free_tables(r);
	sup__roster_init(r);
}

void sup__roster_add(struct sup__roster *r, struct sup__child *c)
{
	c->prev = r->last;
	c->next = NULL;
	if (r->last)
		r->last->next = c;
	else
		r->first = c;
	r->last = c;
	link_id(r, c);
	r->has_dependent |= c->n_deps != 0;
	if (++r->n > r->size)
		grow(r);
}

void sup__roster_del(struct sup__roster *r, struct sup__child *c)
{
	unlink_id(r, c);
	unlink_pid(r, c);
	*(c->prev ? &c->prev->next : &r->first) = c->next;
	*(c->next ? &c->next->prev : &r->last) = c->prev;
	r->n--;
}

int sup__roster_move(struct sup__roster *r, struct sup__child *c,
		     enum sup__child_event event,
		     const struct sup__child_news *news)
{
	int ret;

	unlink_pid(r, c);
	ret = sup__child_move(c, event, news);
	link_pid(r, c);
	return ret;
}

struct sup__child *sup__roster_by_id(const struct sup__roster *r,
				     const char *id)
{
	struct sup__child *c = *id_slot(r, id);

	while (c && strcmp(c->id, id))
		c = c->next_id;
	return c;
}

struct sup__child *sup__roster_by_pid(const struct sup__roster *r,
				      struct sup_pid pid)
{
	struct sup__child *c = *pid_slot(r, pid);

	while (c && key(r, c).v != pid.v)
		c = c->next_pid;
	return c;
}
