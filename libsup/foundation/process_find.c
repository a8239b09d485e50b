/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking at names of the ProcessRegistry and what they have. What is handed
 * out is one block of structs, pairs and bytes, in this order.
 */
#include <foundation/process_registry.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sup/sup.h>

#include "foundation/metadata.h"
#include "foundation/names.h"
#include "foundation/service.h"

/* Entries of names, each a block of its own, until they are one. */
struct found {
	struct sup_registry_entry **entries;
	size_t n;
};

static void found_free(struct found *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		fnd__free(f->entries[i]);
	fnd__free(f->entries);
}

/* Writes one at *p, with pairs and bytes where those go. */
static void lay_out(const struct sup_registry_entry *e, struct fnd_process *p,
		    struct fnd_pair **at_pairs, char **at_bytes)
{
	struct sup_bytes packed = { *at_bytes, e->value.len };
	size_t at = 0, len = e->key.len - sizeof(p->ns);

	memcpy(*at_bytes, e->value.data, e->value.len);
	*at_bytes += e->value.len;
	memcpy(&p->ns, e->key.data, sizeof(p->ns));
	p->name = *at_bytes;
	memcpy(*at_bytes, (const char *)e->key.data + sizeof(p->ns), len);
	(*at_bytes)[len] = '\0';
	*at_bytes += len + 1;
	p->pid = e->pid;
	p->metadata = (struct fnd_metadata){ *at_pairs, 0 };
	while (fnd__pair_next(&packed, &at, *at_pairs)) {
		(*at_pairs)++;
		p->metadata.n++;
	}
}

/* One block of all. */
static int found_join(const struct found *f, void *(*alloc)(size_t size),
		      struct fnd_process **ret)
{
	size_t i, n_pairs = 0, n_bytes = 0;
	struct fnd_pair *at_pairs;
	struct fnd_process *block;
	char *at_bytes;

	for (i = 0; i < f->n; i++) {
		n_pairs += fnd__metadata_count(&f->entries[i]->value);
		n_bytes += f->entries[i]->value.len + f->entries[i]->key.len;
	}
	block = alloc(f->n * sizeof(*block) + n_pairs * sizeof(*at_pairs) +
		      n_bytes);
	if (!block)
		return fnd__nomem("what is found");
	at_pairs = (struct fnd_pair *)(block + f->n);
	at_bytes = (char *)(at_pairs + n_pairs);
	for (i = 0; i < f->n; i++)
		lay_out(f->entries[i], &block[i], &at_pairs, &at_bytes);
	*ret = block;
	return 0;
}

int fnd_process_get(struct fnd_namespace ns, const char *name,
		    struct fnd_process **ret_process)
{
	struct sup_registry_entry *e = NULL;
	struct found f = { &e, 1 };
	unsigned char buf[FND__KEY_MAX];
	int ret;

	ret = fnd__check_name("name", name);
	if (!ret)
		ret = fnd__names_open();
	if (!ret)
		ret = fnd__name_entry(fnd__name_key(ns, name, buf),
				      SUP_PID_NONE, &e);
	if (ret)
		return ret;
	if (!e)
		return fnd__names_nobody(name);
	ret = found_join(&f, malloc, ret_process);
	fnd__free(e);
	return ret;
}

/* 1: it does. */
static int matches(struct sup_registry_entry *e,
		   const struct fnd_process_query *q)
{
	struct found f = { &e, 1 };
	struct fnd_process *p;
	bool match;
	size_t i;
	int ret;

	for (i = 0; i < q->has.n; i++)
		if (!fnd__pair_is_in(&e->value, e->value.len,
				       &q->has.pairs[i]))
			return 0;
	if (!q->match)
		return 1;
	ret = found_join(&f, fnd__alloc, &p);
	if (ret)
		return ret;
	match = q->match(p, q->arg);
	fnd__free(p);
	return match;
}

/* What the index has led to, if the name bears it out. */
static int look_at(struct fnd_namespace ns,
		   const struct sup_registry_entry *hint,
		   const struct fnd_process_query *q, struct found *f)
{
	struct sup_registry_entry *e;
	unsigned char buf[FND__KEY_MAX];
	struct sup_bytes key = { buf, sizeof(ns) + hint->value.len };
	int ret;

	memcpy(buf, &ns, sizeof(ns));
	memcpy(buf + sizeof(ns), hint->value.data, hint->value.len);
	ret = fnd__name_entry(key, hint->pid, &e);
	if (ret || !e)
		return ret;
	ret = matches(e, q);
	if (ret > 0) {
		f->entries[f->n++] = e;
		return 0;
	}
	fnd__free(e);
	return ret;
}

/* 0: both lead to the same. */
static int by_value(const void *a, const void *b)
{
	const struct sup_registry_entry *x = a, *y = b;
	size_t len = x->value.len < y->value.len ? x->value.len : y->value.len;
	int order = memcmp(x->value.data, y->value.data, len);

	if (!order)
		order = (x->value.len > y->value.len) -
			(x->value.len < y->value.len);
	return order ? order : (x->pid.v > y->pid.v) - (x->pid.v < y->pid.v);
}

static int look_at_all(struct fnd_namespace ns,
		       struct sup_registry_entry *hints, size_t n,
		       const struct fnd_process_query *q, struct found *f)
{
	size_t i;
	int ret = 0;

	f->entries = fnd__alloc(n * sizeof(struct sup_registry_entry *));
	if (!f->entries)
		return fnd__nomem("what is found");
	qsort(hints, n, sizeof(*hints), by_value);
	for (i = 0; i < n && !ret; i++)
		if (!i || by_value(&hints[i - 1], &hints[i]))
			ret = look_at(ns, &hints[i], q, f);
	return ret;
}

static int find_all(struct fnd_namespace ns, const struct fnd_process_query *q,
		    struct found *f)
{
	const struct fnd_pair *first = q->has.n ? q->has.pairs : NULL;
	struct sup_bytes key = fnd__pair_key(ns, first);
	struct sup_registry_query hints = { .key = &key };
	struct sup_registry_entry *e = NULL;
	size_t n = 0;
	int ret;

	if (!key.data)
		return fnd__nomem("a key");
	ret = fnd__select(fnd__pairs(), &hints, &e, &n);
	if (!ret && n)
		ret = look_at_all(ns, e, n, q, f);
	fnd__free(e);
	fnd__free((void *)key.data);
	return ret;
}

int fnd_process_find(struct fnd_namespace ns,
		     const struct fnd_process_query *q,
		     struct fnd_process **ret_processes, size_t *ret_n)
{
	const struct fnd_process_query all = { .match = NULL };
	struct fnd_process *block = NULL;
	struct found f = { NULL, 0 };
	int ret;

	if (!q)
		q = &all;
	ret = fnd__metadata_check(&q->has);
	if (!ret)
		ret = fnd__names_open();
	if (!ret)
		ret = find_all(ns, q, &f);
	if (!ret && f.n && ret_processes)
		ret = found_join(&f, malloc, &block);
	if (!ret && ret_processes)
		*ret_processes = block;
	if (!ret)
		*ret_n = f.n;
	found_free(&f);
	return ret;
}

static int by_namespace(const void *a, const void *b)
{
	struct fnd_namespace x, y;

	memcpy(&x, ((const struct sup_registry_entry *)a)->key.data, sizeof(x));
	memcpy(&y, ((const struct sup_registry_entry *)b)->key.data, sizeof(y));
	return (x.v > y.v) - (x.v < y.v);
}

int fnd_process_stats(struct fnd_process_stats *ret_stats)
{
	const struct sup_registry_query all = { .key = NULL };
	struct fnd_process_stats s = { .total = 0 };
	struct fnd_namespace ns, last = FND_PRODUCTION;
	struct sup_registry_entry *e;
	size_t i;
	int ret;

	ret = fnd__names_open();
	if (!ret)
		ret = sup_registry_select(fnd__names(), &all, &e, &s.total);
	if (ret)
		return ret;
	if (s.total)
		qsort(e, s.total, sizeof(*e), by_namespace);
	for (i = 0; i < s.total; i++) {
		memcpy(&ns, e[i].key.data, sizeof(ns));
		s.production += ns.v == FND_PRODUCTION.v;
		s.test_namespaces += ns.v != last.v;
		s.bytes += e[i].key.len - sizeof(ns) + e[i].value.len;
		last = ns;
	}
	s.test = s.total - s.production;
	free(e);
	*ret_stats = s;
	return 0;
}
