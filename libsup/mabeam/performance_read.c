/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who looks at what is known of agents' performance. */
#include "mabeam/performance_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sup/sup.h>

#include "mabeam/service.h"
#include "mabeam/statistics.h"

const char *mab_figure_name(enum mab_figure figure)
{
	static const char *const names[] = {
		[MAB_CPU_USAGE] = "cpu_usage",
		[MAB_MEMORY_USAGE] = "memory_usage",
		[MAB_THROUGHPUT] = "throughput",
		[MAB_MAILBOX_LENGTH] = "mailbox_length",
		[MAB_ERROR_RATE] = "error_rate",
	};

	return (unsigned int)figure < MAB_FIGURES ? names[figure] : "unknown";
}

static int unknown(const char *id)
{
	return sup_set_error(-ENOENT, "id: of \"%s\" nothing is known", id);
}

int mab_performance_get(const char *id, struct mab_figures *ret_figures)
{
	struct mab__record *r;

	pthread_mutex_lock(&mab__performance.lock);
	r = id ? mab__record_find_locked(id) : NULL;
	if (r && r->n)
		*ret_figures = r->now;
	else
		r = NULL;
	pthread_mutex_unlock(&mab__performance.lock);
	return r ? 0 : unknown(id ? id : "");
}

static int copy_locked(const char *id, size_t limit,
		       struct mab_figures **ret_figures, size_t *ret_n)
{
	struct mab__record *r = id ? mab__record_find_locked(id) : NULL;
	struct mab_figures *copy = NULL;
	size_t i, n;

	if (!r)
		return unknown(id ? id : "");
	n = limit && limit < r->n ? limit : r->n;
	if (n) {
		copy = malloc(n * sizeof(*copy));
		if (!copy)
			return mab__nomem("a history");
	}
	for (i = 0; i < n; i++)
		copy[i] = *mab__history_at_locked(r, i);
	*ret_figures = copy;
	*ret_n = n;
	return 0;
}

int mab_performance_history(const char *id, size_t limit,
			    struct mab_figures **ret_figures, size_t *ret_n)
{
	int ret;

	pthread_mutex_lock(&mab__performance.lock);
	ret = copy_locked(id, limit, ret_figures, ret_n);
	pthread_mutex_unlock(&mab__performance.lock);
	return ret;
}

/* As many as there are of all agents, for which there is room. */
static size_t last_values_locked(enum mab_figure figure, double *values)
{
	struct mab__record *r;
	size_t n = 0;

	for (r = mab__performance.records; r; r = r->hh.next)
		if (!r->gone && r->now.has & MAB_FIGURE_BIT(figure))
			values[n++] = r->now.values[figure];
	return n;
}

static size_t values_locked(const struct mab__record *r, enum mab_figure figure,
			    double *values)
{
	size_t i, n = 0;

	for (i = 0; i < r->n; i++)
		if (r->history[i].has & MAB_FIGURE_BIT(figure))
			values[n++] = r->history[i].values[figure];
	return n;
}

static int statistics_locked(const char *id, enum mab_figure figure,
			     struct mab_statistics *ret_statistics)
{
	struct mab__record *r = id ? mab__record_find_locked(id) : NULL;
	size_t n;
	double *values;

	if (id && !r)
		return unknown(id);
	n = r ? r->n : HASH_COUNT(mab__performance.records);
	values = malloc((n + 1) * sizeof(*values));
	if (!values)
		return mab__nomem("values");
	n = r ? values_locked(r, figure, values) :
		last_values_locked(figure, values);
	mab__statistics(values, n, ret_statistics);
	free(values);
	return 0;
}

int mab_performance_statistics(const char *id, enum mab_figure figure,
			       struct mab_statistics *ret_statistics)
{
	int ret;

	if ((unsigned int)figure >= MAB_FIGURES)
		return sup_set_error(-EINVAL, "figure: %d is unknown",
				     (int)figure);
	pthread_mutex_lock(&mab__performance.lock);
	ret = statistics_locked(id, figure, ret_statistics);
	pthread_mutex_unlock(&mab__performance.lock);
	return ret;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(a, b);
}

int mab__performance_ids(char (**ret_ids)[MAB_NAME_MAX + 1], size_t *ret_n)
{
	char (*ids)[MAB_NAME_MAX + 1];
	struct mab__record *r;
	size_t n = 0;

	pthread_mutex_lock(&mab__performance.lock);
	ids = malloc((HASH_COUNT(mab__performance.records) + 1) * sizeof(*ids));
	for (r = mab__performance.records; ids && r; r = r->hh.next)
		strcpy(ids[n++], r->id);
	pthread_mutex_unlock(&mab__performance.lock);
	if (!ids)
		return mab__nomem("ids");
	qsort(ids, n, sizeof(*ids), by_id);
	*ret_ids = ids;
	*ret_n = n;
	return 0;
}

void mab_performance_status(struct mab_performance_status *ret_status)
{
	struct mab_performance_status s = { .agents = 0 };
	struct mab__record *r;

	pthread_mutex_lock(&mab__performance.lock);
	s.options = mab__performance.options;
	s.rounds = mab__performance.rounds;
	s.sampled = mab__performance.sampled;
	s.pushed = mab__performance.pushed;
	for (r = mab__performance.records; r; r = r->hh.next) {
		s.agents++;
		s.unwatched += r->off;
		s.ended += r->gone;
		s.figures += r->n;
		s.alerts += __builtin_popcount(r->raised);
	}
	pthread_mutex_unlock(&mab__performance.lock);
	*ret_status = s;
}
