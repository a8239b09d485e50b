/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telemetry without any values, and a clock that the test sets. */
#ifndef TESTS_MABEAM_TELEMETRY_H
#define TESTS_MABEAM_TELEMETRY_H

#include "mabeam.h"

#include "mabeam/telemetry_in.h"

#define OPTIONS(...) (&(struct mab_telemetry_options){ \
	.size = sizeof(struct mab_telemetry_options), __VA_ARGS__ })
#define QUERY(...) (&(struct mab_metric_query){ __VA_ARGS__ })
#define RULE(...) (&(struct mab_alert_rule){ \
	.size = sizeof(struct mab_alert_rule), __VA_ARGS__ })

#define S INT64_C(1000000000)
#define BEGIN (INT64_C(1000000) * S)

static _Atomic int64_t now_is;

static inline int64_t set_clock_now(void)
{
	return atomic_load(&now_is);
}

static inline int set_up_telemetry(void **state)
{
	fnd_telemetry_reset();
	atomic_store(&now_is, BEGIN);
	mab__telemetry_set_clock(set_clock_now);
	return set_up_mabeam(state);
}

static inline int tear_down_telemetry(void **state)
{
	const struct mab__rule *r = mab__telemetry.rules;
	int ret = tear_down_mabeam(state);

	mab_telemetry_clear();
	for (; r < mab__telemetry.rules + MAB_ALERT_RULES_MAX; r++)
		if (r->used)
			ret |= mab_telemetry_rule_remove(r->id);
	mab__telemetry_set_clock(NULL);
	return ret || mab_telemetry_configure(NULL);
}

#define TELEMETRY_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_telemetry, \
					tear_down_telemetry)

static inline void record_of(const char *of, const char *name, double value)
{
	assert_int_equal(mab_telemetry_record(MAB_OF_AGENT, of, name, value,
					      0), 0);
}

/* The values that a query finds, in its order. */
static inline void assert_found(const struct mab_metric_query *q, size_t limit,
				const double *values, size_t n)
{
	struct mab_metric *m;
	size_t i, got;

	assert_int_equal(mab_telemetry_query(q, limit, &m, &got), 0);
	assert_int_equal(got, n);
	for (i = 0; i < n; i++)
		assert_true(m[i].value == values[i]);
	assert_true(n || !m);
	free(m);
}

#define FINDS(q, limit, ...) do { \
	const double values_[] = { 0, ##__VA_ARGS__ }; \
	assert_found(q, limit, values_ + 1, N_OF(values_) - 1); \
} while (0)

static inline struct mab_telemetry_status telemetry(void)
{
	struct mab_telemetry_status s;

	mab_telemetry_status(&s);
	return s;
}

static inline void clean_up(void)
{
	assert_int_equal(mab_telemetry_clean_up(LONG), 0);
}

#endif
