/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What has been counted of events, and a handler that keeps what it is told. */
#ifndef TESTS_FOUNDATION_TOLD_H
#define TESTS_FOUNDATION_TOLD_H

#include "foundation.h"

#include <stdio.h>

#include "foundation/figure.h"

/* The sum of the counters of that name, with that value of any label. */
static inline uint64_t counted(const char *name, const char *value)
{
	struct fnd_figure *f;
	uint64_t sum = 0;
	size_t i, j, n;

	assert_int_equal(fnd_metric_list(name, &f, &n), 0);
	for (i = 0; i < n; i++)
		for (j = 0; j < f[i].labels.n; j++)
			if (!strcmp(f[i].labels.pairs[j].value, value))
				sum += f[i].count;
	free(f);
	return sum;
}

static inline bool is_there(const char *name)
{
	struct fnd_figure *f;
	size_t n;

	assert_int_equal(fnd_metric_list(name, &f, &n), 0);
	free(f);
	return n;
}

#define FENCE "foundation.fence"

/* Nothing of it is a task's, so that what was told outlives the handler's. */
static struct {
	_Atomic size_t n;
	struct {
		char name[96];
		double value;		/* of the first measurement */
		char pairs[2][64];	/* "key=value" */
	} events[256];
} told;

static inline int keeps(const struct fnd_telemetry_event *e, void *arg)
{
	size_t i, n = atomic_load(&told.n);

	(void)arg;
	if (n == N_OF(told.events))
		return -ENOSPC;
	snprintf(told.events[n].name, sizeof(told.events[n].name), "%s",
		 e->name);
	memset(told.events[n].pairs, 0, sizeof(told.events[n].pairs));
	for (i = 0; i < e->metadata.n && i < N_OF(told.events[n].pairs); i++)
		snprintf(told.events[n].pairs[i],
			 sizeof(told.events[n].pairs[i]), "%s=%s",
			 e->metadata.pairs[i].key, e->metadata.pairs[i].value);
	told.events[n].value = e->n ? e->measurements[0].value : 0;
	atomic_store(&told.n, n + 1);
	return 0;
}

/* From now on, of all that services execute. */
static inline void listen_to_events(void)
{
	const struct fnd_handler_spec spec = {
		.size = sizeof(spec), .id = "told", .prefix = "foundation",
		.handle = keeps,
	};

	atomic_store(&told.n, 0);
	assert_int_equal(fnd_telemetry_attach(&spec), 0);
}

static inline void listen_no_more(void)
{
	assert_int_equal(fnd_telemetry_detach("told", LONG), 0);
}

/* Of all that has been told; pair may be NULL. */
static inline unsigned int told_times(const char *event, const char *pair,
				      double *ret_sum)
{
	size_t i, n = atomic_load(&told.n);
	unsigned int times = 0;

	*ret_sum = 0;
	for (i = 0; i < n; i++) {
		if (strcmp(told.events[i].name, event))
			continue;
		if (pair && strcmp(told.events[i].pairs[0], pair) &&
		    strcmp(told.events[i].pairs[1], pair))
			continue;
		times++;
		*ret_sum += told.events[i].value;
	}
	return times;
}

/* They come in their order: when this one has come, all before it have. */
static inline void hear_all(void)
{
	double sum;
	unsigned int before = told_times(FENCE, NULL, &sum);

	assert_int_equal(fnd_telemetry_count(FENCE, 1, NULL), 0);
	AWAIT(told_times(FENCE, NULL, &sum) > before);
}

/* How often that has been executed. */
static inline unsigned int heard(const char *event, const char *pair)
{
	double sum;

	hear_all();
	return told_times(event, pair, &sum);
}

/* What its measurements come to. */
static inline double heard_sum(const char *event)
{
	double sum;

	hear_all();
	told_times(event, NULL, &sum);
	return sum;
}

#endif
