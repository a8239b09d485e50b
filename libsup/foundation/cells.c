/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A figure's cells are 64-bit numbers, one block of them for each CPU that has
 * counted (CPUs are taken modulo 16). All changes are atomic, so that whoever
 * is moved to another CPU in between is counted as well: where somebody counts
 * is a matter of speed alone. No order is needed among cells: each is a sum.
 *
 *  counter	n
 *  gauge	the bits of a double, in the first block alone
 *  histogram	a bucket for each bound, one for what is above, and the sum, of
 *		which the bits are a double's
 *  summary	buckets, 16 for each power of two of nanoseconds, and the sum
 */
#include "foundation/cells.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define LINE 64
#define NS_PER_S 1e9

/* Of summaries. What is below 16 ns has a bucket for each. */
#define SUB_BITS 4
#define SUB (1 << SUB_BITS)
#define N_BUCKETS ((63 - SUB_BITS + 1) * SUB)

static size_t n_buckets(const struct fnd__cells *c)
{
	return c->kind == FND_METRIC_SUMMARY ? N_BUCKETS : c->n_bounds + 1;
}

static size_t n_cells(const struct fnd__cells *c)
{
	if (c->kind == FND_METRIC_COUNTER || c->kind == FND_METRIC_GAUGE)
		return 1;
	return n_buckets(c) + 1;
}

static _Atomic uint64_t *new_block(const struct fnd__cells *c)
{
	size_t size = n_cells(c) * sizeof(_Atomic uint64_t);
	void *block;

	size = (size + LINE - 1) / LINE * LINE;
	block = aligned_alloc(LINE, size);
	if (block)
		memset(block, 0, size);
	return block;
}

/* The first block is there from the beginning, for want of memory later. */
int fnd__cells_init(struct fnd__cells *c, enum fnd_metric_kind kind,
		    const double *bounds, size_t n_bounds)
{
	_Atomic uint64_t *block;

	*c = (struct fnd__cells){
		.kind = kind, .bounds = bounds, .n_bounds = n_bounds,
	};
	block = new_block(c);
	if (!block)
		return -ENOMEM;
	atomic_init(&c->of[0], block);
	return 0;
}

void fnd__cells_fini(struct fnd__cells *c)
{
	int i;

	for (i = 0; i < FND__STRIPES; i++)
		free((void *)atomic_load(&c->of[i]));
}

static _Atomic uint64_t *add_block(struct fnd__cells *c, unsigned int nth)
{
	_Atomic uint64_t *block = new_block(c), *other = NULL;

	if (!block)
		return atomic_load(&c->of[0]);
	if (atomic_compare_exchange_strong(&c->of[nth], &other, block))
		return block;
	free((void *)block);
	return other;
}

static _Atomic uint64_t *own_block(struct fnd__cells *c)
{
	unsigned int nth = (unsigned int)sched_getcpu() % FND__STRIPES;
	_Atomic uint64_t *block;

	/* Pairs with the exchange above: it is zeroed before it is seen. */
	block = atomic_load_explicit(&c->of[nth], memory_order_acquire);
	return block ? block : add_block(c, nth);
}

static void add_to(_Atomic uint64_t *cell, uint64_t n)
{
	atomic_fetch_add_explicit(cell, n, memory_order_relaxed);
}

static uint64_t read_cell(const _Atomic uint64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

static double to_double(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static uint64_t to_bits(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

static void add_double(_Atomic uint64_t *cell, double value)
{
	uint64_t old = read_cell(cell);

	while (!atomic_compare_exchange_weak_explicit(cell, &old,
			to_bits(to_double(old) + value),
			memory_order_relaxed, memory_order_relaxed))
		;
}

void fnd__cells_count(struct fnd__cells *c, uint64_t n)
{
	add_to(own_block(c), n);
}

void fnd__cells_set(struct fnd__cells *c, double value)
{
	atomic_store_explicit(atomic_load(&c->of[0]), to_bits(value),
			      memory_order_relaxed);
}

void fnd__cells_add(struct fnd__cells *c, double value)
{
	add_double(atomic_load(&c->of[0]), value);
}

/* The first bound that the value is not above. */
static size_t bucket_of(const struct fnd__cells *c, double value)
{
	size_t low = 0, high = c->n_bounds, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (value <= c->bounds[mid])
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static void observe(struct fnd__cells *c, double value)
{
	_Atomic uint64_t *block = own_block(c);

	add_to(&block[bucket_of(c, value)], 1);
	add_double(&block[c->n_bounds + 1], value);
}

static size_t slot_of(uint64_t ns)
{
	int power;

	if (ns < SUB)
		return ns;
	power = 63 - __builtin_clzll(ns);
	return (size_t)(power - SUB_BITS + 1) * SUB +
		((ns >> (power - SUB_BITS)) & (SUB - 1));
}

/* The middle of what goes to a slot, in nanoseconds. */
static double middle_of(size_t slot)
{
	uint64_t low, width;

	if (slot < SUB)
		return slot;
	width = UINT64_C(1) << (slot / SUB - 1);
	low = (SUB + slot % SUB) * width;
	return low + (width - 1) / 2.0;
}

static void summarize(struct fnd__cells *c, int64_t ns)
{
	_Atomic uint64_t *block = own_block(c);

	add_to(&block[slot_of(ns)], 1);
	add_to(&block[N_BUCKETS], ns);
}

void fnd__cells_observe(struct fnd__cells *c, double value)
{
	if (c->kind == FND_METRIC_HISTOGRAM)
		observe(c, value);
	else if (value * NS_PER_S < (double)INT64_MAX)
		summarize(c, (int64_t)(value * NS_PER_S + 0.5));
	else
		summarize(c, INT64_MAX);
}

void fnd__cells_duration(struct fnd__cells *c, int64_t ns)
{
	if (c->kind == FND_METRIC_HISTOGRAM)
		observe(c, ns / NS_PER_S);
	else
		summarize(c, ns);
}

static uint64_t sum_up(const struct fnd__cells *c, size_t nth)
{
	const _Atomic uint64_t *block;
	uint64_t sum = 0;
	int i;

	for (i = 0; i < FND__STRIPES; i++) {
		block = atomic_load(&c->of[i]);
		sum += block ? read_cell(&block[nth]) : 0;
	}
	return sum;
}

static double sum_up_doubles(const struct fnd__cells *c, size_t nth)
{
	const _Atomic uint64_t *block;
	double sum = 0;
	int i;

	for (i = 0; i < FND__STRIPES; i++) {
		block = atomic_load(&c->of[i]);
		sum += block ? to_double(read_cell(&block[nth])) : 0;
	}
	return sum;
}

static void read_histogram(const struct fnd__cells *c, struct fnd_figure *f,
			   uint64_t *buckets)
{
	size_t i;

	for (i = 0; i <= c->n_bounds; i++)
		f->count += buckets[i] = sum_up(c, i);
	f->value = sum_up_doubles(c, c->n_bounds + 1);
}

static void read_summary(const struct fnd__cells *c, struct fnd_figure *f)
{
	static const double q[] = FND_METRIC_QUANTILE_LIST;
	uint64_t buckets[N_BUCKETS], n = 0;
	size_t i, nth = 0;

	for (i = 0; i < N_BUCKETS; i++)
		f->count += buckets[i] = sum_up(c, i);
	f->value = sum_up(c, N_BUCKETS) / NS_PER_S;
	for (i = 0; i < N_BUCKETS; i++) {
		n += buckets[i];
		while (buckets[i] && nth < FND_METRIC_QUANTILES &&
		       n >= q[nth] * f->count)
			f->quantiles[nth++] = middle_of(i) / NS_PER_S;
	}
}

void fnd__cells_read(const struct fnd__cells *c, struct fnd_figure *f,
		     uint64_t *buckets)
{
	f->count = 0;
	f->value = 0;
	memset(f->quantiles, 0, sizeof(f->quantiles));
	switch (c->kind) {
	case FND_METRIC_COUNTER:
		f->count = sum_up(c, 0);
		break;
	case FND_METRIC_GAUGE:
		f->value = sum_up_doubles(c, 0);
		break;
	case FND_METRIC_HISTOGRAM:
		read_histogram(c, f, buckets);
		break;
	case FND_METRIC_SUMMARY:
		read_summary(c, f);
		break;
	}
}

void fnd__cells_clear(struct fnd__cells *c)
{
	_Atomic uint64_t *block;
	size_t n = n_cells(c), i;
	int s;

	for (s = 0; s < FND__STRIPES; s++) {
		block = atomic_load(&c->of[s]);
		for (i = 0; block && i < n; i++)
			atomic_store_explicit(&block[i], 0,
					      memory_order_relaxed);
	}
}
