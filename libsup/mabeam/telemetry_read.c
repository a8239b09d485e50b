/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who looks for values: those that match, newest first, and what they are. */
#include "mabeam/telemetry_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "mabeam/service.h"
#include "mabeam/statistics.h"

const char *mab_source_name(enum mab_source source)
{
	static const char *const names[] = {
		[MAB_OF_AGENT] = "agent",
		[MAB_OF_COORDINATION] = "coordination",
		[MAB_OF_SYSTEM] = "system",
	};

	return (unsigned int)source < MAB_SOURCES ? names[source] : "unknown";
}

static bool matches(const struct mab__point *p,
		    const struct mab_metric_query *q, int64_t oldest)
{
	const struct mab__series_key *key = &p->series->key;

	if (q->sources && !(q->sources & MAB_SOURCE_BIT(key->source)))
		return false;
	if ((q->of && strcmp(q->of, key->of)) ||
	    (q->name && strcmp(q->name, key->name)))
		return false;
	return p->time_ns >= oldest && p->time_ns >= q->from_ns &&
		(!q->until_ns || p->time_ns < q->until_ns);
}

/* One that was found: the later it came the greater nr is. */
struct found {
	struct mab_metric metric;
	size_t nr;
};

static int newest_first(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->metric.time_ns != y->metric.time_ns)
		return x->metric.time_ns < y->metric.time_ns ? 1 : -1;
	return x->nr < y->nr ? 1 : -1;
}

static void fill(const struct mab__point *p, struct mab_metric *to)
{
	const struct mab__series_key *key = &p->series->key;

	memset(to, 0, sizeof(*to));
	to->source = key->source;
	strcpy(to->of, key->of);
	strcpy(to->name, key->name);
	to->value = p->value;
	to->time_ns = p->time_ns;
}

static int find_locked(const struct mab_metric_query *q,
		       struct found **ret_found, size_t *ret_n)
{
	int64_t oldest = mab__telemetry_oldest_locked();
	struct mab__point *p;
	struct found *found;
	size_t n = 0;

	for (p = mab__telemetry.all; p; p = p->all_next)
		n += matches(p, q, oldest);
	found = malloc((n + 1) * sizeof(*found));
	if (!found)
		return mab__nomem("metrics");
	n = 0;
	for (p = mab__telemetry.all; p; p = p->all_next) {
		if (!matches(p, q, oldest))
			continue;
		fill(p, &found[n].metric);
		found[n].nr = n;
		n++;
	}
	*ret_found = found;
	*ret_n = n;
	return 0;
}

/* To free(3), in order; one element is there even if there is none. */
static int find(const struct mab_metric_query *q, struct found **ret_found,
		size_t *ret_n)
{
	static const struct mab_metric_query all;
	int ret;

	pthread_mutex_lock(&mab__telemetry.lock);
	ret = find_locked(q ? q : &all, ret_found, ret_n);
	pthread_mutex_unlock(&mab__telemetry.lock);
	if (!ret)
		qsort(*ret_found, *ret_n, sizeof(**ret_found), newest_first);
	return ret;
}

int mab_telemetry_query(const struct mab_metric_query *query, size_t limit,
			struct mab_metric **ret_metrics, size_t *ret_n)
{
	struct mab_metric *metrics = NULL;
	struct found *found;
	size_t i, n;
	int ret;

	ret = find(query, &found, &n);
	if (ret)
		return ret;
	if (limit && n > limit)
		n = limit;
	if (n)
		metrics = malloc(n * sizeof(*metrics));
	for (i = 0; metrics && i < n; i++)
		metrics[i] = found[i].metric;
	free(found);
	if (n && !metrics)
		return mab__nomem("metrics");
	*ret_metrics = metrics;
	*ret_n = n;
	return 0;
}

int mab_telemetry_aggregate(const struct mab_metric_query *query,
			    struct mab_aggregate *ret_aggregate)
{
	struct mab_aggregate a = { .sum = 0 };
	struct found *found;
	double *values;
	size_t i, n;
	int ret;

	ret = find(query, &found, &n);
	if (ret)
		return ret;
	values = malloc((n + 1) * sizeof(*values));
	for (i = 0; values && i < n; i++) {
		values[i] = found[i].metric.value;
		a.sum += values[i];
	}
	if (values && n) {
		a.last = found[0].metric.value;
		a.last_ns = found[0].metric.time_ns;
		a.first_ns = found[n - 1].metric.time_ns;
	}
	if (values)
		mab__statistics(values, n, &a.statistics);
	free(found);
	free(values);
	if (!values)
		return mab__nomem("values");
	*ret_aggregate = a;
	return 0;
}

void mab_telemetry_status(struct mab_telemetry_status *ret_status)
{
	struct mab_telemetry_status st = { .metrics = 0 };
	const struct mab__raised *a;
	const struct mab__series *s;
	size_t i;

	pthread_mutex_lock(&mab__telemetry.lock);
	st.options = mab__telemetry.options;
	st.metrics = mab__telemetry.n;
	st.recorded = mab__telemetry.recorded;
	st.forgotten = mab__telemetry.forgotten;
	st.cleanups = mab__telemetry.rounds;
	for (i = 0; i < MAB_ALERT_RULES_MAX; i++)
		st.rules += mab__telemetry.rules[i].used;
	DL_FOREACH(mab__telemetry.list, s) {
		st.series++;
		LL_FOREACH(s->raised, a)
			st.alerts++;
	}
	pthread_mutex_unlock(&mab__telemetry.lock);
	*ret_status = st;
}
