/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Alerts: thresholds, what is beyond them, and what is told of it. */
#include "mabeam/performance_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <foundation/telemetry.h>
#include <sup/sup.h>

#include "mabeam/service.h"

#define RAISED "foundation.mabeam.performance.alert_raised"
#define CLEARED "foundation.mabeam.performance.alert_cleared"

static const struct {
	const char *name;
	enum mab_figure figure;
} alerts[] = {
	[MAB_HIGH_CPU_USAGE] = { "high_cpu_usage", MAB_CPU_USAGE },
	[MAB_HIGH_MEMORY_USAGE] = { "high_memory_usage", MAB_MEMORY_USAGE },
	[MAB_HIGH_ERROR_RATE] = { "high_error_rate", MAB_ERROR_RATE },
	[MAB_LOW_THROUGHPUT] = { "low_throughput", MAB_THROUGHPUT },
	[MAB_LONG_MAILBOX] = { "long_mailbox", MAB_MAILBOX_LENGTH },
};

const char *mab_alert_name(enum mab_alert_kind kind)
{
	return (unsigned int)kind < MAB_ALERTS ? alerts[kind].name : "unknown";
}

/* Who has nothing to do does little, and is well. */
static bool is_idle(const struct mab_figures *f)
{
	return f->has & MAB_FIGURE_BIT(MAB_MAILBOX_LENGTH) &&
		!f->values[MAB_MAILBOX_LENGTH];
}

static bool is_bad(const struct mab_figures *f, enum mab_alert_kind kind)
{
	double value = f->values[alerts[kind].figure];
	double bound = mab__performance.bounds[kind];

	if (kind == MAB_LOW_THROUGHPUT)
		return value < bound && !is_idle(f);
	return value > bound;
}

static void note(struct mab__news *news, const struct mab_alert *a, bool raised)
{
	news->raised[news->n] = raised;
	news->alerts[news->n++] = *a;
}

static void raise_locked(struct mab__record *r, enum mab_alert_kind kind,
			 const struct mab_figures *f, struct mab__news *news)
{
	struct mab_alert *a = &r->alerts[kind];

	r->raised |= 1u << kind;
	strcpy(a->id, r->id);
	a->kind = kind;
	a->value = f->values[alerts[kind].figure];
	a->bound = mab__performance.bounds[kind];
	a->raised_ns = f->time_ns;
	note(news, a, true);
}

static void clear_locked(struct mab__record *r, enum mab_alert_kind kind,
			 struct mab__news *news)
{
	r->raised &= ~(1u << kind);
	note(news, &r->alerts[kind], false);
}

void mab__alerts_judge_locked(struct mab__record *r,
			      const struct mab_figures *f,
			      struct mab__news *news)
{
	enum mab_alert_kind kind;
	bool bad, was;

	for (kind = 0; kind < MAB_ALERTS; kind++) {
		if (!(f->has & MAB_FIGURE_BIT(alerts[kind].figure)))
			continue;
		bad = is_bad(f, kind);
		was = r->raised & 1u << kind;
		if (bad && !was)
			raise_locked(r, kind, f, news);
		else if (was && !bad)
			clear_locked(r, kind, news);
	}
}

void mab__alerts_clear_locked(struct mab__record *r, struct mab__news *news)
{
	enum mab_alert_kind kind;

	for (kind = 0; kind < MAB_ALERTS; kind++)
		if (r->raised & 1u << kind)
			clear_locked(r, kind, news);
}

/* An event that cannot be counted is in the list of alerts all the same. */
void mab__alerts_tell(const struct mab__news *news)
{
	const struct fnd_measurement one = {
		.kind = FND_METRIC_COUNTER, .value = 1,
	};
	size_t i;

	for (i = 0; i < news->n; i++) {
		const struct fnd_pair pairs[] = {
			{ "agent", news->alerts[i].id },
			{ "alert", alerts[news->alerts[i].kind].name },
		};

		fnd_telemetry_execute(news->raised[i] ? RAISED : CLEARED, &one,
				      1, &(struct fnd_metadata){ pairs, 2 });
	}
}

static int check_thresholds(const struct mab_threshold *t, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if ((unsigned int)t[i].kind >= MAB_ALERTS)
			return sup_set_error(-EINVAL, "kind: %d is unknown",
					     (int)t[i].kind);
		if (!(t[i].bound >= 0))
			return sup_set_error(-EINVAL, "bound: %g of %s is none",
					     t[i].bound,
					     alerts[t[i].kind].name);
	}
	return 0;
}

int mab_performance_thresholds(const struct mab_threshold *t, size_t n)
{
	static const double standard[MAB_ALERTS] = MAB__BOUNDS;
	size_t i;
	int ret;

	ret = t ? check_thresholds(t, n) : 0;
	if (ret)
		return ret;
	pthread_mutex_lock(&mab__performance.lock);
	if (!t)
		memcpy(mab__performance.bounds, standard, sizeof(standard));
	for (i = 0; t && i < n; i++)
		mab__performance.bounds[t[i].kind] = t[i].bound;
	pthread_mutex_unlock(&mab__performance.lock);
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const struct mab_alert *x = a, *y = b;
	int order = strcmp(x->id, y->id);

	return order ? order : (int)x->kind - (int)y->kind;
}

static int collect_locked(struct mab_alert **ret_alerts, size_t *ret_n)
{
	struct mab__record *r;
	struct mab_alert *all;
	size_t i, n = 0;

	for (r = mab__performance.records; r; r = r->hh.next)
		n += __builtin_popcount(r->raised);
	*ret_alerts = NULL;
	*ret_n = 0;
	if (!n)
		return 0;
	all = malloc(n * sizeof(*all));
	if (!all)
		return mab__nomem("alerts");
	for (r = mab__performance.records; r; r = r->hh.next)
		for (i = 0; i < MAB_ALERTS; i++)
			if (r->raised & 1u << i)
				all[(*ret_n)++] = r->alerts[i];
	*ret_alerts = all;
	return 0;
}

int mab_performance_alerts(struct mab_alert **ret_alerts, size_t *ret_n)
{
	struct mab_alert *all;
	size_t n;
	int ret;

	pthread_mutex_lock(&mab__performance.lock);
	ret = collect_locked(&all, &n);
	pthread_mutex_unlock(&mab__performance.lock);
	if (ret)
		return ret;
	if (n)
		qsort(all, n, sizeof(*all), by_id);
	*ret_alerts = all;
	*ret_n = n;
	return 0;
}
