/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a figure counts in: cells for each CPU, made when it first counts. */
#ifndef SUP_FOUNDATION_CELLS_H
#define SUP_FOUNDATION_CELLS_H

#include <stdatomic.h>

#include <foundation/metric.h>

#define FND__STRIPES 16

struct fnd__cells {
	enum fnd_metric_kind kind;
	size_t n_bounds;
	const double *bounds;		/* the family's */
	_Atomic(_Atomic uint64_t *) of[FND__STRIPES];
};

/* Of a histogram it borrows the bounds. -ENOMEM. */
int fnd__cells_init(struct fnd__cells *cells, enum fnd_metric_kind kind,
		    const double *bounds, size_t n_bounds);
void fnd__cells_fini(struct fnd__cells *cells);

/* All are of the kind that the call is for, and the value is one. */
void fnd__cells_count(struct fnd__cells *cells, uint64_t n);
void fnd__cells_set(struct fnd__cells *cells, double value);
void fnd__cells_add(struct fnd__cells *cells, double value);
void fnd__cells_observe(struct fnd__cells *cells, double value);
void fnd__cells_duration(struct fnd__cells *cells, int64_t ns);

/*
 * Adds all up: count, value and quantiles of *figure; buckets, of a histogram,
 * has room for one more than there are bounds.
 */
void fnd__cells_read(const struct fnd__cells *cells, struct fnd_figure *figure,
		     uint64_t *buckets);

/* All begins anew; what is counted meanwhile is lost, or not. */
void fnd__cells_clear(struct fnd__cells *cells);

#endif
