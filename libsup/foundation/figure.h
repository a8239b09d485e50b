/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Figures from within: names and labels, and who has made what. */
#ifndef SUP_FOUNDATION_FIGURE_H
#define SUP_FOUNDATION_FIGURE_H

#include <foundation/metric.h>

#include "foundation/cells.h"

/* Each label as "key\0value\0", by key. */
#define FND__LABELS_BYTES (FND_METRIC_LABELS_MAX * 2 * (FND_NAME_MAX + 1))

struct fnd__labels {
	size_t n, len;
	char bytes[FND__LABELS_BYTES];
};

/* 0, or -EINVAL, -ENAMETOOLONG; what: of the sentence. */
int fnd__check_words(const char *what, const char *words);

/* Whether name is prefix, or begins with it and a dot. "": always. */
bool fnd__has_prefix(const char *name, const char *prefix);

/* Checks and sorts them; metadata may be NULL. -EINVAL; -ENAMETOOLONG. */
int fnd__labels_pack(const struct fnd_metadata *metadata,
		     struct fnd__labels *ret_labels);

/*
 * One value for a figure that is made if it is not there: n of a counter, ns of
 * a summary if is_ns, else value. The name was checked. As fnd_metric_open().
 */
struct fnd__update {
	enum fnd_metric_kind kind;
	uint64_t n;
	double value;
	bool is_ns;
	int64_t ns;
};
int fnd__metric_update(const char *name, const struct fnd__labels *labels,
		       const struct fnd__update *update);

/* A figure as it is, with its table locked: what is in there is the table's. */
struct fnd__metric_view {
	const char *name, *help;
	const char *labels;		/* packed */
	size_t labels_len;
	const struct fnd__cells *cells;
};

/* Calls cb with each, in no order, until it returns not 0: that is returned. */
int fnd__metrics_each(int (*cb)(const struct fnd__metric_view *view, void *arg),
		      void *arg);

/* Forgets what only events have made, and none has since a time. */
void fnd__metrics_forget(int64_t since);

/* The same with all of them; those that were opened begin anew. */
void fnd__metrics_reset(void);

size_t fnd__metrics_n(void);

/* CLOCK_MONOTONIC to some milliseconds, as the times above. */
int64_t fnd__coarse_now(void);

#endif
