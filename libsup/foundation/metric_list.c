/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All figures as they are. They are copied stripe by stripe, into three areas
 * that grow (strings, numbers, and records that say where theirs begin), for
 * nothing of the table may be looked at without its lock. Then they are sorted,
 * and made one block.
 */
#include "foundation/figure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "foundation/service.h"

struct area {
	char *data;
	size_t len, size;
};

struct record {
	struct fnd_figure figure;
	size_t name, help, labels, numbers;	/* where they begin */
	size_t labels_len;
	const char *strings;			/* when it is sorted */
};

struct listing {
	const char *prefix;
	struct area records, strings, numbers;
	size_t n, n_pairs;
};

/* Where len bytes more begin; SIZE_MAX: no memory. */
static size_t extend(struct area *a, size_t len)
{
	size_t at = a->len, size = a->size ? a->size : 4096;
	char *data;

	while (size < at + len)
		size *= 2;
	if (size != a->size) {
		data = realloc(a->data, size);
		if (!data)
			return SIZE_MAX;
		a->data = data;
		a->size = size;
	}
	a->len += len;
	return at;
}

static size_t append(struct area *a, const void *data, size_t len)
{
	size_t at = extend(a, len);

	if (at != SIZE_MAX && len)
		memcpy(a->data + at, data, len);
	return at;
}

static size_t count_pairs(const char *labels, size_t len)
{
	size_t i, ends = 0;

	for (i = 0; i < len; i++)
		ends += !labels[i];
	return ends / 2;
}

static size_t read_numbers(struct listing *l, const struct fnd__cells *c,
			   struct fnd_figure *f)
{
	size_t at;

	if (c->kind != FND_METRIC_HISTOGRAM) {
		fnd__cells_read(c, f, NULL);
		return 0;
	}
	f->n_bounds = c->n_bounds;
	at = append(&l->numbers, c->bounds, c->n_bounds * sizeof(double));
	if (at == SIZE_MAX ||
	    extend(&l->numbers, (c->n_bounds + 1) * sizeof(uint64_t)) ==
	    SIZE_MAX)
		return SIZE_MAX;
	fnd__cells_read(c, f, (uint64_t *)(l->numbers.data + at) + c->n_bounds);
	return at;
}

static int take(const struct fnd__metric_view *v, void *arg)
{
	struct listing *l = arg;
	struct record r = { .figure.kind = v->cells->kind };

	if (!fnd__has_prefix(v->name, l->prefix))
		return 0;
	r.name = append(&l->strings, v->name, strlen(v->name) + 1);
	r.help = append(&l->strings, v->help, strlen(v->help) + 1);
	r.labels = append(&l->strings, v->labels, v->labels_len);
	r.labels_len = v->labels_len;
	r.numbers = read_numbers(l, v->cells, &r.figure);
	if (r.name == SIZE_MAX || r.help == SIZE_MAX || r.labels == SIZE_MAX ||
	    r.numbers == SIZE_MAX ||
	    append(&l->records, &r, sizeof(r)) == SIZE_MAX)
		return -ENOMEM;
	r.figure.labels.n = count_pairs(v->labels, v->labels_len);
	((struct record *)l->records.data)[l->n].figure = r.figure;
	l->n_pairs += r.figure.labels.n;
	l->n++;
	return 0;
}

static int compare(const void *one, const void *other)
{
	const struct record *a = one, *b = other;
	size_t n = a->labels_len < b->labels_len ? a->labels_len :
		b->labels_len;
	int order;

	order = strcmp(a->strings + a->name, b->strings + b->name);
	if (!order)
		order = memcmp(a->strings + a->labels, b->strings + b->labels,
			       n);
	if (!order)
		order = (a->labels_len > b->labels_len) -
			(a->labels_len < b->labels_len);
	return order;
}

static void sort(struct listing *l)
{
	struct record *records = (struct record *)l->records.data;
	size_t i;

	for (i = 0; i < l->n; i++)
		records[i].strings = l->strings.data;
	if (l->n)
		qsort(records, l->n, sizeof(*records), compare);
}

static void point_to_pairs(struct fnd_pair *pairs, size_t n, const char *at)
{
	size_t i;

	for (i = 0; i < n; i++) {
		pairs[i].key = at;
		at += strlen(at) + 1;
		pairs[i].value = at;
		at += strlen(at) + 1;
	}
}

/* Figures, pairs, numbers, strings. */
static struct fnd_figure *make_block(const struct listing *l)
{
	const struct record *r = (const struct record *)l->records.data;
	struct fnd_figure *figures, *f;
	struct fnd_pair *pairs;
	char *numbers, *strings;

	figures = malloc(l->n * sizeof(*figures) + l->n_pairs * sizeof(*pairs) +
			 l->numbers.len + l->strings.len);
	if (!figures)
		return NULL;
	pairs = (struct fnd_pair *)(figures + l->n);
	numbers = (char *)(pairs + l->n_pairs);
	strings = numbers + l->numbers.len;
	if (l->numbers.len)
		memcpy(numbers, l->numbers.data, l->numbers.len);
	memcpy(strings, l->strings.data, l->strings.len);
	for (f = figures; f < figures + l->n; f++, r++) {
		*f = r->figure;
		f->name = strings + r->name;
		f->help = strings + r->help;
		f->labels.pairs = pairs;
		point_to_pairs(pairs, f->labels.n, strings + r->labels);
		pairs += f->labels.n;
		if (!f->n_bounds)
			continue;
		f->bounds = (double *)(numbers + r->numbers);
		f->buckets = (uint64_t *)(f->bounds + f->n_bounds);
	}
	return figures;
}

int fnd_metric_list(const char *prefix, struct fnd_figure **ret_figures,
		    size_t *ret_n)
{
	struct listing l = { .prefix = prefix ? prefix : "" };
	struct fnd_figure *figures = NULL;
	int ret;

	ret = fnd__metrics_each(take, &l);
	if (!ret && l.n) {
		sort(&l);
		figures = make_block(&l);
		ret = figures ? 0 : -ENOMEM;
	}
	free(l.records.data);
	free(l.strings.data);
	free(l.numbers.data);
	if (ret)
		return fnd__nomem("figures");
	*ret_figures = figures;
	*ret_n = l.n;
	return 0;
}
