/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The PerformanceMonitor and Telemetry without memory: each call does what it
 * says, or says that there is none, and leaves what was known as it was.
 */
#include "fail_memory.h"
#include "performance.h"

/* The first allocation of a call fails, then the second, until none does. */
static void has_little_memory(int (*call)(void))
{
	bool failed = true;
	unsigned int n;
	int ret;

	for (n = 1; failed; n++) {
		fail_nth(n);
		ret = call();
		failed = fail_no_more();
		assert_true(!ret || (ret == -ENOMEM && failed));
	}
	assert_int_equal(ret, 0);
	assert_true(n > 2);
}

static size_t n_figures(void)
{
	struct mab_performance_status s;

	mab_performance_status(&s);
	return s.figures;
}

static int pushes_first(void)
{
	int ret;

	mab_performance_clear();
	ret = push("a", MAB_CPU_USAGE, 0.95);
	assert_int_equal(n_figures(), !ret);
	assert_int_equal(n_alerts(), !ret);
	return ret;
}

/* As many as make the history grow. */
static int pushes_many(void)
{
	size_t i;
	int ret = 0;

	mab_performance_clear();
	for (i = 0; i < 20 && !ret; i++)
		ret = push("a", MAB_CPU_USAGE, 0.95);
	assert_int_equal(n_figures(), i - !!ret);
	return ret;
}

static int reads_history(void)
{
	struct mab_figures *f;
	size_t n;
	int ret;

	ret = mab_performance_history("a", 0, &f, &n);
	if (!ret)
		free(f);
	return ret;
}

static int reads_statistics(void)
{
	struct mab_statistics s;

	return mab_performance_statistics("a", MAB_CPU_USAGE, &s) ?:
		mab_performance_statistics(NULL, MAB_CPU_USAGE, &s);
}

static int reads_alerts(void)
{
	struct mab_alert *alerts;
	size_t n;
	int ret;

	ret = mab_performance_alerts(&alerts, &n);
	if (!ret)
		free(alerts);
	return ret;
}

static int exports(enum mab_export format)
{
	char *text;
	size_t len;
	int ret;

	ret = mab_performance_export(format, 0, &text, &len);
	if (!ret)
		free(text);
	return ret;
}

static int exports_json(void)
{
	return exports(MAB_JSON);
}

static int exports_csv(void)
{
	return exports(MAB_CSV);
}

static void performance(void **state)
{
	(void)state;
	assert_int_equal(mab_agent_register(AGENT(.id = "a")), 0);
	has_little_memory(pushes_first);
	has_little_memory(pushes_many);
	has_little_memory(reads_history);
	has_little_memory(reads_statistics);
	has_little_memory(reads_alerts);
	has_little_memory(exports_json);
	has_little_memory(exports_csv);
	assert_int_equal(n_figures(), 20);
	assert_int_equal(n_alerts(), 1);
}

static struct mab_telemetry_status telemetry(void)
{
	struct mab_telemetry_status s;

	mab_telemetry_status(&s);
	return s;
}

/* An alert for which there was none is raised by the next value. */
static int records(void)
{
	int ret;

	mab_telemetry_clear();
	ret = mab_telemetry_record(MAB_OF_AGENT, "a", "x", 1, 0);
	assert_int_equal(telemetry().metrics, !ret);
	assert_int_equal(telemetry().series, !ret);
	fails_in = 0;
	assert_int_equal(mab_telemetry_record(MAB_OF_AGENT, "a", "x", 1, 0),
			 0);
	assert_int_equal(telemetry().alerts, 1);
	return ret;
}

static int queries(void)
{
	struct mab_metric *metrics;
	size_t n;
	int ret;

	ret = mab_telemetry_query(NULL, 0, &metrics, &n);
	if (!ret)
		free(metrics);
	return ret;
}

static int aggregates(void)
{
	struct mab_aggregate a;

	return mab_telemetry_aggregate(NULL, &a);
}

static int reads_rule_alerts(void)
{
	struct mab_rule_alert *alerts;
	size_t n;
	int ret;

	ret = mab_telemetry_alerts(&alerts, &n);
	if (!ret)
		free(alerts);
	return ret;
}

static void telemetry_of_agents(void **state)
{
	const struct mab_alert_rule rule = {
		.size = sizeof(rule), .id = "r", .name = "x",
		.comparison = MAB_ABOVE,
	};

	(void)state;
	assert_int_equal(mab_telemetry_rule_add(&rule), 0);
	has_little_memory(records);
	has_little_memory(queries);
	has_little_memory(aggregates);
	has_little_memory(reads_rule_alerts);
	assert_int_equal(telemetry().metrics, 2);
	assert_int_equal(mab_telemetry_rule_remove("r"), 0);
	mab_telemetry_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PERFORMANCE_CASE(performance),
		PERFORMANCE_CASE(telemetry_of_agents),
	};

	return RUN_TESTS(tests);
}
