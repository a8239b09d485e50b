/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PerformanceMonitor with nothing known, that looks when it is asked to. */
#ifndef TESTS_MABEAM_PERFORMANCE_H
#define TESTS_MABEAM_PERFORMANCE_H

#include "programs.h"

#define OPTIONS(...) (&(struct mab_performance_options){ \
	.size = sizeof(struct mab_performance_options), __VA_ARGS__ })

static inline int set_up_performance(void **state)
{
	/* Behind the look with which it begins. */
	return mab_performance_configure(OPTIONS(.interval_ms = -1)) ||
		set_up_mabeam(state) || mab_performance_sample(LONG);
}

static inline int tear_down_performance(void **state)
{
	int ret = tear_down_mabeam(state);

	mab_performance_clear();
	return ret || mab_performance_configure(NULL) ||
		mab_performance_thresholds(NULL, 0);
}

#define PERFORMANCE_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_performance, \
					tear_down_performance)

static inline void look(void)
{
	assert_int_equal(mab_performance_sample(LONG), 0);
}

static inline int push(const char *id, enum mab_figure figure, double value)
{
	struct mab_figures f = { .has = MAB_FIGURE_BIT(figure) };

	f.values[figure] = value;
	return mab_performance_push(id, &f);
}

static inline struct mab_figures known_of(const char *id)
{
	struct mab_figures f;

	assert_int_equal(mab_performance_get(id, &f), 0);
	return f;
}

static inline bool is_known(const char *id, enum mab_figure figure)
{
	return known_of(id).has & MAB_FIGURE_BIT(figure);
}

static inline double value_of(const char *id, enum mab_figure figure)
{
	struct mab_figures f = known_of(id);

	assert_true(f.has & MAB_FIGURE_BIT(figure));
	return f.values[figure];
}

static inline size_t n_alerts(void)
{
	struct mab_performance_status s;

	mab_performance_status(&s);
	return s.alerts;
}

/* How often an event of alerts was counted of an agent. */
static inline uint64_t n_told(const char *event, const char *id)
{
	struct fnd_figure *f;
	uint64_t sum = 0;
	size_t i, j, n;

	assert_int_equal(fnd_metric_list(event, &f, &n), 0);
	for (i = 0; i < n; i++)
		for (j = 0; j < f[i].labels.n; j++)
			if (!strcmp(f[i].labels.pairs[j].key, "agent") &&
			    !strcmp(f[i].labels.pairs[j].value, id))
				sum += f[i].count;
	free(f);
	return sum;
}

#endif
