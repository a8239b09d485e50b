/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text of figures, as it grows. Without memory it has failed, at the end. */
#ifndef SUP_FOUNDATION_METRIC_TEXT_H
#define SUP_FOUNDATION_METRIC_TEXT_H

#include <foundation/metric.h>

struct fnd__text {
	enum fnd_metric_text format;
	char *data;
	size_t len, size;
	bool failed;
};

void fnd__text_bytes(struct fnd__text *t, const char *bytes, size_t len);

/* Once, before all lines of that name, which is without a suffix. */
void fnd__text_family(struct fnd__text *t, const char *name, const char *help,
		      enum fnd_metric_kind kind);

/* A line each. labels may be NULL. */
void fnd__text_count(struct fnd__text *t, const char *name, const char *suffix,
		     const struct fnd_metadata *labels, uint64_t n);
void fnd__text_value(struct fnd__text *t, const char *name, const char *suffix,
		     const struct fnd_metadata *labels, double value);

/* Figures of the process, and of the tasks of the foundation. */
void fnd__text_own(struct fnd__text *t);

/* Whether a figure of that name would be mistaken for one of those. */
bool fnd__text_is_own(const char *name);

#endif
