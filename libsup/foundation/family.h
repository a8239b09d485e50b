/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all figures of a name have in common. */
#ifndef SUP_FOUNDATION_FAMILY_H
#define SUP_FOUNDATION_FAMILY_H

#include <foundation/metric.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct fnd__family {
	UT_hash_handle hh;
	size_t refs;
	enum fnd_metric_kind kind;
	size_t n_bounds;
	const double *bounds;
	const char *name, *help;
	const char *text;	/* the name with '_' for dots; the key */
};

/*
 * The family of a figure; it is made if there is none. A reference, to put.
 * -EEXIST it does not fit; -ENOMEM.
 */
int fnd__family_get(const struct fnd_metric_spec *spec,
		    struct fnd__family **ret_family);
void fnd__family_put(struct fnd__family *family);

/* 0, or -EEXIST: the spec has the same name. */
int fnd__family_fits(const struct fnd__family *family,
		     const struct fnd_metric_spec *spec);

/* As OpenMetrics has them: "counter". */
const char *fnd__kind_name(enum fnd_metric_kind kind);

/* How its figures are written: dots become '_'; to has room for the name. */
void fnd__write_name(const char *name, char *to);

#endif
