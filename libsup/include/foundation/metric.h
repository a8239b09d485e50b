/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Figures: counters, gauges, histograms, and summaries of durations. They are
 * the process's, by name and labels, whether the TelemetryService runs or not.
 * Who counts adds to a part of the figure that is the CPU's, with no lock; who
 * reads adds up the parts. No call here is a safe point. Any thread.
 */
#ifndef FOUNDATION_METRIC_H
#define FOUNDATION_METRIC_H

#include <foundation/process_registry.h>
#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum fnd_metric_kind {
	FND_METRIC_COUNTER,	/* a sum, that only grows */
	FND_METRIC_GAUGE,	/* the last value */
	FND_METRIC_HISTOGRAM,	/* how many values up to each of some bounds */
	FND_METRIC_SUMMARY,	/* of durations: quantiles */
};

#define FND_METRICS_MAX 65536	/* figures in a process */
#define FND_METRIC_LABELS_MAX 8
#define FND_METRIC_BOUNDS_MAX 64

struct fnd_metric_spec {
	size_t size;
	/*
	 * Words of letters, digits and '_', the first no digit, with dots
	 * between them: "shop.orders". In text for others the dots are '_'.
	 */
	const char *name;
	enum fnd_metric_kind kind;
	/* Each key once, a word of its own; none is "le" or "quantile". */
	struct fnd_metadata labels;
	const char *help;	/* of all of that name; default: the name */
	/* HISTOGRAM, ascending; default: 0.005 to 10, for seconds. */
	const double *bounds;
	size_t n_bounds;
};

struct fnd_metric;

/*
 * Finds a figure, or makes it. From then on it is there as long as the process.
 * Errors: -EINVAL names the field; -ENAMETOOLONG; -EEXIST figures of that name
 * are of another kind, or have other bounds, or it would be mistaken for
 * another one in text: "a.b" for "a_b", "a.count" for that of a histogram "a";
 * -ENOSPC; -ENOMEM.
 */
SUP_API int fnd_metric_open(const struct fnd_metric_spec *spec,
			    struct fnd_metric **ret_metric);

/* A COUNTER: adds n. -EINVAL it is none. */
SUP_API int fnd_metric_count(struct fnd_metric *metric, uint64_t n);

/* A GAUGE: its value; or adds to it. -EINVAL it is none. */
SUP_API int fnd_metric_set(struct fnd_metric *metric, double value);
SUP_API int fnd_metric_add(struct fnd_metric *metric, double value);

/* A HISTOGRAM, or a SUMMARY, in seconds then. -EINVAL; a NaN, or below 0. */
SUP_API int fnd_metric_observe(struct fnd_metric *metric, double value);

/* The same, of a duration in nanoseconds. */
SUP_API int fnd_metric_duration(struct fnd_metric *metric, int64_t ns);

/* The quantiles of a summary: within 3.2 %. */
#define FND_METRIC_QUANTILES 4
#define FND_METRIC_QUANTILE_LIST { 0.5, 0.9, 0.99, 1.0 }

struct fnd_figure {
	const char *name, *help;
	enum fnd_metric_kind kind;
	struct fnd_metadata labels;	/* by key */
	uint64_t count;		/* COUNTER: its value; of observations */
	double value;		/* GAUGE: its value; of observations the sum */
	/* HISTOGRAM: buckets has one more than bounds, not added up. */
	size_t n_bounds;
	const double *bounds;
	const uint64_t *buckets;
	/* SUMMARY, in seconds; 0 without an observation. */
	double quantiles[FND_METRIC_QUANTILES];
};

/*
 * All figures whose names begin with the words of prefix; "" or NULL: all; by
 * name, then by labels. *ret_figures is one block, to free(3); NULL if there
 * are none. What is counted meanwhile is in there, or not. -ENOMEM.
 */
SUP_API int fnd_metric_list(const char *prefix, struct fnd_figure **ret_figures,
			    size_t *ret_n);

enum fnd_metric_text {
	FND_METRIC_PROMETHEUS,	/* text/plain; version=0.0.4 */
	FND_METRIC_OPENMETRICS,	/* application/openmetrics-text; 1.0.0 */
};

/*
 * All figures, and those of the process and of the tasks of the foundation, as
 * text for who collects them. *ret_text is the caller's, to free(3), and has a
 * terminator that *ret_len does not count. -ENOMEM.
 */
SUP_API int fnd_metric_write(enum fnd_metric_text format, char **ret_text,
			     size_t *ret_len);

#ifdef __cplusplus
}
#endif

#endif
