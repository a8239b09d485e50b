/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rules, and the alerts that they raise: of each series that a rule is for one
 * at most. A rule is known by its slot, which nobody else gets before all of
 * its alerts have been cleared.
 */
#include "mabeam/telemetry_in.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <foundation/telemetry.h>
#include <sup/sup.h>

#include "mabeam/service.h"

#define NS_PER_MS INT64_C(1000000)
#define RAISED "foundation.mabeam.telemetry.alert_raised"
#define CLEARED "foundation.mabeam.telemetry.alert_cleared"

static bool is_for(const struct mab__rule *r, const struct mab__series *s)
{
	if (!r->used || strcmp(r->name, s->key.name))
		return false;
	if (r->spec.of && strcmp(r->of, s->key.of))
		return false;
	return !r->spec.sources ||
		r->spec.sources & MAB_SOURCE_BIT(s->key.source);
}

static bool is_bad(const struct mab__rule *r, double value)
{
	switch (r->spec.comparison) {
	case MAB_ABOVE:
		return value > r->spec.threshold;
	case MAB_AT_LEAST:
		return value >= r->spec.threshold;
	case MAB_BELOW:
		return value < r->spec.threshold;
	case MAB_AT_MOST:
		return value <= r->spec.threshold;
	case MAB_EQUAL:
		break;
	}
	return value == r->spec.threshold;
}

/* Of the values in the window. False: there is none. */
static bool mean_locked(const struct mab__rule *r, const struct mab__series *s,
			double *ret_mean)
{
	int64_t from = mab__telemetry_now() - r->spec.window_ms * NS_PER_MS;
	int64_t oldest = mab__telemetry_oldest_locked();
	const struct mab__point *p;
	double mean = 0;
	size_t n = 0;

	if (from < oldest)
		from = oldest;
	DL_FOREACH(s->points, p)
		if (p->time_ns >= from)
			mean += (p->value - mean) / ++n;
	*ret_mean = mean;
	return n;
}

static void fill_alert(const struct mab__series *s, const struct mab__raised *a,
		       struct mab_rule_alert *to)
{
	const struct mab__rule *r = &mab__telemetry.rules[a->slot];

	memset(to, 0, sizeof(*to));
	strcpy(to->rule, r->id);
	to->metric.source = s->key.source;
	strcpy(to->metric.of, s->key.of);
	strcpy(to->metric.name, s->key.name);
	to->metric.value = a->value;
	to->metric.time_ns = a->time_ns;
	to->threshold = r->spec.threshold;
}

static void note(struct mab__tidings *t, const struct mab__series *s,
		 const struct mab__raised *a, bool raised)
{
	t->of[t->n].raised = raised;
	fill_alert(s, a, &t->of[t->n++].alert);
}

static struct mab__raised *find_locked(const struct mab__series *s,
				       unsigned int slot)
{
	struct mab__raised *a;

	LL_FOREACH(s->raised, a)
		if (a->slot == slot)
			break;
	return a;
}

static void clear_locked(struct mab__series *s, struct mab__raised *a,
			 struct mab__tidings *t)
{
	note(t, s, a, false);
	LL_DELETE(s->raised, a);
	free(a);
}

/* For which there is no memory now, the next value will raise. */
static void raise_locked(struct mab__series *s, unsigned int slot, double value,
			 struct mab__tidings *t)
{
	struct mab__raised *a = malloc(sizeof(*a));

	if (!a)
		return;
	*a = (struct mab__raised){
		.slot = slot, .nr = ++mab__telemetry.alert_nr, .value = value,
		.time_ns = s->newest_ns,
	};
	LL_PREPEND(s->raised, a);
	note(t, s, a, true);
}

static void change_locked(struct mab__series *s, unsigned int slot, bool bad,
			  double value, struct mab__tidings *t)
{
	struct mab__raised *a = find_locked(s, slot);

	if (bad && !a)
		raise_locked(s, slot, value, t);
	else if (a && !bad)
		clear_locked(s, a, t);
}

static void judge_window_locked(struct mab__series *s, unsigned int slot,
				struct mab__tidings *t)
{
	const struct mab__rule *r = &mab__telemetry.rules[slot];
	double mean;
	bool some = mean_locked(r, s, &mean);

	change_locked(s, slot, some && is_bad(r, mean), mean, t);
}

void mab__rules_judge_locked(struct mab__series *s, const struct mab__point *p,
			     struct mab__tidings *t)
{
	const struct mab__rule *r;
	unsigned int slot;

	for (slot = 0; slot < MAB_ALERT_RULES_MAX; slot++) {
		r = &mab__telemetry.rules[slot];
		if (!is_for(r, s))
			continue;
		if (r->spec.window_ms)
			judge_window_locked(s, slot, t);
		else
			change_locked(s, slot, is_bad(r, p->value), p->value,
				      t);
	}
}

void mab__rules_look_locked(struct mab__series *s, struct mab__tidings *t)
{
	unsigned int slot;

	for (slot = 0; slot < MAB_ALERT_RULES_MAX; slot++)
		if (is_for(&mab__telemetry.rules[slot], s) &&
		    mab__telemetry.rules[slot].spec.window_ms)
			judge_window_locked(s, slot, t);
}

void mab__rules_clear_locked(struct mab__series *s, struct mab__tidings *t)
{
	while (s->raised)
		clear_locked(s, s->raised, t);
}

static void tell(const struct mab__tiding *t)
{
	const struct fnd_measurement one = {
		.kind = FND_METRIC_COUNTER, .value = 1,
	};
	const struct mab_metric *m = &t->alert.metric;
	const struct fnd_pair pairs[] = {
		{ "rule", t->alert.rule }, { "metric", m->name },
		{ "of", m->of }, { "source", mab_source_name(m->source) },
	};

	fnd_telemetry_execute(t->raised ? RAISED : CLEARED, &one, 1,
			      &(struct fnd_metadata){ pairs, 4 });
}

/* What cannot be counted is in the list of alerts all the same. */
void mab__tidings_tell(const struct mab__tidings *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		tell(&t->of[i]);
}

static int check_rule(const struct mab_alert_rule *r)
{
	int ret;

	ret = mab__check_name("id", r->id);
	if (!ret)
		ret = mab__check_name("name", r->name);
	if (!ret && r->of)
		ret = mab__check_name("of", r->of);
	if (ret)
		return ret;
	if (r->sources >= MAB_SOURCE_BIT(MAB_SOURCES))
		return sup_set_error(-EINVAL, "sources: %#x are none",
				     r->sources);
	if (r->comparison < MAB_ABOVE || r->comparison > MAB_EQUAL)
		return sup_set_error(-EINVAL, "comparison: %d is none",
				     (int)r->comparison);
	if (isnan(r->threshold))
		return sup_set_error(-EINVAL, "threshold: it is none");
	if (r->window_ms < 0 || r->window_ms > INT64_MAX / NS_PER_MS / 2)
		return sup_set_error(-EINVAL, "window_ms: %lld is none",
				     (long long)r->window_ms);
	return 0;
}

static struct mab__rule *find_rule_locked(const char *id)
{
	size_t i;

	for (i = 0; i < MAB_ALERT_RULES_MAX; i++)
		if (mab__telemetry.rules[i].used &&
		    !strcmp(mab__telemetry.rules[i].id, id))
			return &mab__telemetry.rules[i];
	return NULL;
}

static int add_locked(const struct mab_alert_rule *rule)
{
	struct mab__rule *r = mab__telemetry.rules;
	const struct mab__rule *end = r + MAB_ALERT_RULES_MAX;

	if (find_rule_locked(rule->id))
		return sup_set_error(-EEXIST, "id: there is a rule \"%s\"",
				     rule->id);
	while (r < end && r->used)
		r++;
	if (r == end)
		return sup_set_error(-ENOSPC, "there are %d rules",
				     MAB_ALERT_RULES_MAX);
	r->spec = *rule;
	strcpy(r->id, rule->id);
	strcpy(r->name, rule->name);
	strcpy(r->of, rule->of ? rule->of : "");
	r->used = true;
	return 0;
}

int mab_telemetry_rule_add(const struct mab_alert_rule *given)
{
	struct mab_alert_rule rule;
	int ret;

	ret = mab__copy_options(&rule, sizeof(rule), given);
	if (!ret)
		ret = check_rule(&rule);
	if (ret)
		return ret;
	pthread_mutex_lock(&mab__telemetry.lock);
	ret = add_locked(&rule);
	pthread_mutex_unlock(&mab__telemetry.lock);
	return ret;
}

/* Some of its alerts, as many as can be told at once; false: there are none. */
static bool clear_some_locked(unsigned int slot, struct mab__tidings *t)
{
	struct mab__raised *a;
	struct mab__series *s;

	DL_FOREACH(mab__telemetry.list, s) {
		a = find_locked(s, slot);
		if (a)
			clear_locked(s, a, t);
		if (t->n == MAB_ALERT_RULES_MAX)
			return true;
	}
	return false;
}

/* Its slot is free when there is none of its alerts any more. */
int mab_telemetry_rule_remove(const char *id)
{
	struct mab__tidings tidings;
	struct mab__rule *r;
	bool more = false;

	do {
		tidings.n = 0;
		pthread_mutex_lock(&mab__telemetry.lock);
		r = id ? find_rule_locked(id) : NULL;
		if (r)
			more = clear_some_locked(r - mab__telemetry.rules,
						 &tidings);
		if (r && !more)
			r->used = false;
		pthread_mutex_unlock(&mab__telemetry.lock);
		mab__tidings_tell(&tidings);
	} while (r && more);
	return r ? 0 : sup_set_error(-ENOENT, "id: there is no rule \"%.63s\"",
				     id ? id : "");
}

struct by_nr {
	uint64_t nr;
	struct mab_rule_alert alert;
};

static int oldest_first(const void *a, const void *b)
{
	uint64_t x = ((const struct by_nr *)a)->nr;
	uint64_t y = ((const struct by_nr *)b)->nr;

	return (x > y) - (x < y);
}

static int collect_locked(struct by_nr **ret_alerts, size_t *ret_n)
{
	struct mab__raised *a;
	struct mab__series *s;
	struct by_nr *all;
	size_t n = 0;

	DL_FOREACH(mab__telemetry.list, s)
		LL_FOREACH(s->raised, a)
			n++;
	all = malloc((n + 1) * sizeof(*all));
	if (!all)
		return mab__nomem("alerts");
	*ret_n = 0;
	DL_FOREACH(mab__telemetry.list, s)
		LL_FOREACH(s->raised, a) {
			all[*ret_n].nr = a->nr;
			fill_alert(s, a, &all[(*ret_n)++].alert);
		}
	*ret_alerts = all;
	return 0;
}

int mab_telemetry_alerts(struct mab_rule_alert **ret_alerts, size_t *ret_n)
{
	struct mab_rule_alert *alerts = NULL;
	struct by_nr *all = NULL;
	size_t i, n = 0;
	int ret;

	pthread_mutex_lock(&mab__telemetry.lock);
	ret = collect_locked(&all, &n);
	pthread_mutex_unlock(&mab__telemetry.lock);
	if (ret)
		return ret;
	qsort(all, n, sizeof(*all), oldest_first);
	if (n)
		alerts = malloc(n * sizeof(*alerts));
	for (i = 0; alerts && i < n; i++)
		alerts[i] = all[i].alert;
	free(all);
	if (n && !alerts)
		return mab__nomem("alerts");
	*ret_alerts = alerts;
	*ret_n = n;
	return 0;
}
