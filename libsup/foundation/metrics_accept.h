/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which text of figures a client wants, by the Accept headers that it sends. */
#ifndef SUP_FOUNDATION_METRICS_ACCEPT_H
#define SUP_FOUNDATION_METRICS_ACCEPT_H

#include <foundation/metric.h>

/* How much each is wanted, in thousandths. Zeroed before the first header. */
struct fnd__accept {
	int open, plain;
};

void fnd__accept_header(struct fnd__accept *a, const char *value);

/*
 * OpenMetrics for who names it, and wants it no less than plain text; else the
 * other, for those, too, who want neither, or say nothing.
 */
enum fnd_metric_text fnd__accept_text(const struct fnd__accept *a);

#endif
