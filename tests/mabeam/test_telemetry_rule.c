/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of Telemetry are evaluated: upstream stores them. */
#include "telemetry.h"

#include <math.h>

#define RAISED "foundation.mabeam.telemetry.alert_raised"
#define CLEARED "foundation.mabeam.telemetry.alert_cleared"

static uint64_t n_told(const char *event)
{
	struct fnd_figure *f;
	uint64_t sum = 0;
	size_t i, n;

	assert_int_equal(fnd_metric_list(event, &f, &n), 0);
	for (i = 0; i < n; i++)
		sum += f[i].count;
	free(f);
	return sum;
}

static void add(const struct mab_alert_rule *rule)
{
	assert_int_equal(mab_telemetry_rule_add(rule), 0);
}

/* How many are raised, and how many were told of in all. */
static void expect(size_t alerts, uint64_t raised, uint64_t cleared)
{
	assert_int_equal(telemetry().alerts, alerts);
	assert_int_equal(n_told(RAISED), raised);
	assert_int_equal(n_told(CLEARED), cleared);
}

static void it_is_raised_once_and_cleared(void **state)
{
	struct mab_rule_alert *alerts;
	size_t n;

	(void)state;
	assert_int_equal(mab_telemetry_alerts(&alerts, &n), 0);
	assert_null(alerts);
	assert_int_equal(n, 0);
	add(RULE(.id = "slow", .name = "latency", .comparison = MAB_ABOVE,
		 .threshold = 10));
	record_of("a", "latency", 10);
	record_of("a", "other", 11);
	expect(0, 0, 0);
	record_of("a", "latency", 11);
	record_of("a", "latency", 12);
	record_of("a", "other", 1);
	expect(1, 1, 0);
	assert_int_equal(mab_telemetry_alerts(&alerts, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(alerts->rule, "slow");
	assert_string_equal(alerts->metric.of, "a");
	assert_string_equal(alerts->metric.name, "latency");
	assert_int_equal(alerts->metric.source, MAB_OF_AGENT);
	assert_int_equal(alerts->metric.time_ns, BEGIN);
	assert_true(alerts->metric.value == 11 && alerts->threshold == 10);
	free(alerts);
	record_of("a", "latency", 10);
	expect(0, 1, 1);
	record_of("a", "latency", 10.5);
	expect(1, 2, 1);
}

static void each_comparison_is_what_it_says(void **state)
{
	static const struct {
		enum mab_comparison comparison;
		bool bad[3];		/* 4, 5 and 6, by 5 */
	} of[] = {
		{ MAB_ABOVE, { false, false, true } },
		{ MAB_AT_LEAST, { false, true, true } },
		{ MAB_BELOW, { true, false, false } },
		{ MAB_AT_MOST, { true, true, false } },
		{ MAB_EQUAL, { false, true, false } },
	};
	size_t i;
	int k;

	(void)state;
	for (i = 0; i < N_OF(of); i++) {
		add(RULE(.id = "r", .name = "x", .threshold = 5,
			 .comparison = of[i].comparison));
		for (k = 0; k < 3; k++) {
			record_of("a", "x", 4 + k);
			assert_int_equal(telemetry().alerts, of[i].bad[k]);
		}
		assert_int_equal(mab_telemetry_rule_remove("r"), 0);
		assert_int_equal(telemetry().alerts, 0);
	}
	assert_int_equal(n_told(RAISED), n_told(CLEARED));
}

static void a_rule_is_for_whom_it_names(void **state)
{
	(void)state;
	add(RULE(.id = "each", .name = "x", .comparison = MAB_ABOVE));
	add(RULE(.id = "one", .of = "b", .name = "x",
		 .comparison = MAB_ABOVE));
	add(RULE(.id = "system", .name = "x", .comparison = MAB_ABOVE,
		 .sources = MAB_SOURCE_BIT(MAB_OF_SYSTEM)));
	record_of("a", "x", 1);
	assert_int_equal(telemetry().alerts, 1);
	record_of("b", "x", 1);
	assert_int_equal(telemetry().alerts, 3);
	assert_int_equal(mab_telemetry_record(MAB_OF_SYSTEM, NULL, "x", 1, 0),
			 0);
	expect(5, 5, 0);
	record_of("a", "x", 0);
	expect(4, 5, 1);
	assert_int_equal(mab_telemetry_rule_remove("each"), 0);
	expect(2, 5, 3);
	assert_int_equal(mab_telemetry_rule_remove("each"), -ENOENT);
	assert_int_equal(mab_telemetry_rule_remove(NULL), -ENOENT);
}

static void alerts_are_listed_as_they_came(void **state)
{
	struct mab_rule_alert *alerts;
	size_t n;

	(void)state;
	add(RULE(.id = "r", .name = "x", .comparison = MAB_ABOVE));
	record_of("a", "x", 0);
	record_of("b", "x", 1);
	record_of("c", "x", 1);
	record_of("a", "x", 1);
	assert_int_equal(mab_telemetry_alerts(&alerts, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(alerts[0].metric.of, "b");
	assert_string_equal(alerts[1].metric.of, "c");
	assert_string_equal(alerts[2].metric.of, "a");
	free(alerts);
}

/* A value of before changes nothing of what is now. */
static void what_comes_late_does_not_count(void **state)
{
	(void)state;
	add(RULE(.id = "r", .name = "x", .comparison = MAB_ABOVE));
	record_of("a", "x", 0);
	assert_int_equal(mab_telemetry_record(MAB_OF_AGENT, "a", "x", 1,
					      BEGIN - 1), 0);
	expect(0, 0, 0);
	record_of("a", "x", 1);
	assert_int_equal(mab_telemetry_record(MAB_OF_AGENT, "a", "x", 0,
					      BEGIN - 1), 0);
	expect(1, 1, 0);
}

static void a_window_has_its_mean(void **state)
{
	(void)state;
	add(RULE(.id = "r", .name = "x", .comparison = MAB_AT_LEAST,
		 .threshold = 10, .window_ms = 60000));
	record_of("a", "x", 5);
	record_of("a", "x", 14);
	expect(0, 0, 0);
	record_of("a", "x", 11);
	expect(1, 1, 0);
	atomic_store(&now_is, BEGIN + 30 * S);
	record_of("a", "x", 2);
	expect(0, 1, 1);
	record_of("a", "x", 30);
	expect(1, 2, 1);
	/* Its first half has passed: 2 and 30 are left. */
	atomic_store(&now_is, BEGIN + 61 * S);
	clean_up();
	expect(1, 2, 1);
	record_of("a", "x", -26);
	expect(0, 2, 2);
	record_of("a", "x", 100);
	expect(1, 3, 2);
	/* Nothing is left in it. */
	atomic_store(&now_is, BEGIN + 122 * S);
	clean_up();
	expect(0, 3, 3);
	assert_int_equal(telemetry().metrics, 7);
}

static void without_values_there_is_no_alert(void **state)
{
	(void)state;
	add(RULE(.id = "r", .name = "x", .comparison = MAB_ABOVE));
	record_of("a", "x", 1);
	atomic_store(&now_is, BEGIN + 3601 * S);
	clean_up();
	expect(0, 1, 1);
	/* Its last value has made room for another's. */
	assert_int_equal(mab_telemetry_configure(OPTIONS(.total = 1)), 0);
	record_of("a", "x", 1);
	record_of("b", "x", 1);
	expect(1, 3, 2);
	record_of("b", "x", 1);
	expect(1, 3, 2);
	assert_int_equal(mab_telemetry_rule_remove("r"), 0);
	expect(0, 3, 3);
}

/* Of more series than are told of at once. */
static void a_rule_takes_all_its_alerts_along(void **state)
{
	char of[8];
	int i;

	(void)state;
	add(RULE(.id = "r", .name = "x", .comparison = MAB_ABOVE));
	for (i = 0; i < 5 * MAB_ALERT_RULES_MAX; i++) {
		snprintf(of, sizeof(of), "%d", i);
		record_of(of, "x", 1);
	}
	expect(5 * MAB_ALERT_RULES_MAX, 5 * MAB_ALERT_RULES_MAX, 0);
	assert_int_equal(mab_telemetry_rule_remove("r"), 0);
	expect(0, 5 * MAB_ALERT_RULES_MAX, 5 * MAB_ALERT_RULES_MAX);
}

static void what_is_no_rule_is_refused(void **state)
{
	char id[8];
	int i;

	(void)state;
	assert_int_equal(mab_telemetry_rule_add(
		RULE(.name = "x", .comparison = MAB_ABOVE)), -EINVAL);
	assert_non_null(strstr(sup_error(), "id"));
	assert_int_equal(mab_telemetry_rule_add(
		RULE(.id = "r", .comparison = MAB_ABOVE)), -EINVAL);
	assert_non_null(strstr(sup_error(), "name"));
	assert_int_equal(mab_telemetry_rule_add(
		RULE(.id = "r", .name = "x")), -EINVAL);
	assert_non_null(strstr(sup_error(), "comparison"));
	assert_int_equal(mab_telemetry_rule_add(
		RULE(.id = "r", .name = "x", .comparison = MAB_ABOVE,
		     .threshold = NAN)), -EINVAL);
	assert_int_equal(mab_telemetry_rule_add(
		RULE(.id = "r", .name = "x", .comparison = MAB_ABOVE,
		     .window_ms = -1)), -EINVAL);
	assert_int_equal(mab_telemetry_rule_add(
		RULE(.id = "r", .name = "x", .comparison = MAB_ABOVE,
		     .sources = MAB_SOURCE_BIT(MAB_SOURCES))), -EINVAL);
	assert_int_equal(telemetry().rules, 0);
	for (i = 0; i < MAB_ALERT_RULES_MAX; i++) {
		snprintf(id, sizeof(id), "%d", i);
		add(RULE(.id = id, .name = "x", .comparison = MAB_ABOVE));
	}
	assert_int_equal(mab_telemetry_rule_add(
		RULE(.id = "7", .name = "y", .comparison = MAB_ABOVE)),
		-EEXIST);
	assert_int_equal(mab_telemetry_rule_add(
		RULE(.id = "r", .name = "x", .comparison = MAB_ABOVE)),
		-ENOSPC);
	record_of("a", "x", 1);
	expect(MAB_ALERT_RULES_MAX, MAB_ALERT_RULES_MAX, 0);
	/* At once those of one that comes, and of one that goes. */
	assert_int_equal(mab_telemetry_configure(OPTIONS(.total = 1)), 0);
	record_of("b", "x", 1);
	expect(MAB_ALERT_RULES_MAX, 2 * MAB_ALERT_RULES_MAX,
	       MAB_ALERT_RULES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TELEMETRY_CASE(it_is_raised_once_and_cleared),
		TELEMETRY_CASE(each_comparison_is_what_it_says),
		TELEMETRY_CASE(a_rule_is_for_whom_it_names),
		TELEMETRY_CASE(alerts_are_listed_as_they_came),
		TELEMETRY_CASE(what_comes_late_does_not_count),
		TELEMETRY_CASE(a_window_has_its_mean),
		TELEMETRY_CASE(without_values_there_is_no_alert),
		TELEMETRY_CASE(a_rule_takes_all_its_alerts_along),
		TELEMETRY_CASE(what_is_no_rule_is_refused),
	};

	return RUN_TESTS(tests);
}
