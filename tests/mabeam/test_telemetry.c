/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Telemetry: who asks gets what matches; age and number are bounded. */
#include "telemetry.h"

#include <math.h>

static void record_at(enum mab_source source, const char *of, const char *name,
		      double value, int64_t at)
{
	assert_int_equal(mab_telemetry_record(source, of, name, value,
					      BEGIN + at * S), 0);
}

static void record_all(void)
{
	record_at(MAB_OF_AGENT, "a", "latency", 1, 1);
	record_at(MAB_OF_AGENT, "a", "latency", 3, 3);
	record_at(MAB_OF_AGENT, "a", "latency", 2, 2);
	record_at(MAB_OF_AGENT, "a", "errors", 10, 1);
	record_at(MAB_OF_AGENT, "b", "latency", 20, 4);
	record_at(MAB_OF_COORDINATION, "majority", "latency", 30, 5);
	record_at(MAB_OF_SYSTEM, NULL, "load", 40, 6);
}

/* Upstream hands out all, whatever one asks for. */
static void a_query_filters(void **state)
{
	(void)state;
	FINDS(NULL, 0);
	record_all();
	FINDS(NULL, 0, 40, 30, 20, 3, 2, 10, 1);
	FINDS(NULL, 2, 40, 30);
	FINDS(QUERY(.of = "a"), 0, 3, 2, 10, 1);
	FINDS(QUERY(.name = "latency"), 0, 30, 20, 3, 2, 1);
	FINDS(QUERY(.of = "a", .name = "latency"), 0, 3, 2, 1);
	FINDS(QUERY(.of = "a", .name = "latency"), 1, 3);
	FINDS(QUERY(.sources = MAB_SOURCE_BIT(MAB_OF_COORDINATION)), 0, 30);
	FINDS(QUERY(.sources = MAB_SOURCE_BIT(MAB_OF_COORDINATION) |
		    MAB_SOURCE_BIT(MAB_OF_SYSTEM)), 0, 40, 30);
	FINDS(QUERY(.from_ns = BEGIN + 4 * S), 0, 40, 30, 20);
	FINDS(QUERY(.until_ns = BEGIN + 2 * S), 0, 10, 1);
	FINDS(QUERY(.from_ns = BEGIN + 2 * S, .until_ns = BEGIN + 4 * S), 0,
	      3, 2);
	FINDS(QUERY(.of = "c"), 0);
	FINDS(QUERY(.of = "a", .name = "load"), 0);
	FINDS(QUERY(.sources = MAB_SOURCE_BIT(MAB_OF_SYSTEM), .of = ""), 0,
	      40);
}

static void what_is_found_says_what_it_is(void **state)
{
	struct mab_metric *m;
	size_t n;

	(void)state;
	record_all();
	assert_int_equal(mab_telemetry_query(QUERY(.of = "majority"), 0, &m,
					     &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(m->source, MAB_OF_COORDINATION);
	assert_string_equal(m->of, "majority");
	assert_string_equal(m->name, "latency");
	assert_int_equal(m->time_ns, BEGIN + 5 * S);
	free(m);
	assert_int_equal(telemetry().metrics, 7);
	assert_int_equal(telemetry().series, 5);
	assert_string_equal(mab_source_name(MAB_OF_AGENT), "agent");
	assert_string_equal(mab_source_name(MAB_OF_SYSTEM), "system");
	assert_string_equal(mab_source_name(MAB_SOURCES), "unknown");
}

static void an_aggregate_is_that_of_what_matches(void **state)
{
	struct mab_aggregate a;

	(void)state;
	assert_int_equal(mab_telemetry_aggregate(NULL, &a), 0);
	assert_int_equal(a.statistics.n, 0);
	assert_true(a.sum == 0 && a.last == 0 && !a.last_ns);
	record_all();
	assert_int_equal(mab_telemetry_aggregate(
			QUERY(.of = "a", .name = "latency"), &a), 0);
	assert_int_equal(a.statistics.n, 3);
	assert_true(a.sum == 6 && a.last == 3);
	assert_true(a.statistics.mean == 2);
	assert_true(a.statistics.min == 1 && a.statistics.max == 3);
	assert_true(a.statistics.p50 == 2 && a.statistics.p99 == 3);
	assert_int_equal(a.first_ns, BEGIN + S);
	assert_int_equal(a.last_ns, BEGIN + 3 * S);
}

static void what_is_none_is_refused(void **state)
{
	char longer[MAB_NAME_MAX + 2];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(mab_telemetry_record(MAB_SOURCES, "a", "x", 1, 0),
			 -EINVAL);
	assert_int_equal(mab_telemetry_record(MAB_OF_AGENT, NULL, "x", 1, 0),
			 -EINVAL);
	assert_int_equal(mab_telemetry_record(MAB_OF_AGENT, "", "x", 1, 0),
			 -EINVAL);
	assert_int_equal(mab_telemetry_record(MAB_OF_AGENT, "a", "", 1, 0),
			 -EINVAL);
	assert_int_equal(mab_telemetry_record(MAB_OF_AGENT, longer, "x", 1, 0),
			 -ENAMETOOLONG);
	assert_int_equal(mab_telemetry_record(MAB_OF_AGENT, "a", longer, 1, 0),
			 -ENAMETOOLONG);
	assert_int_equal(mab_telemetry_record(MAB_OF_SYSTEM, "a", "x", 1, 0),
			 -EINVAL);
	assert_int_equal(mab_telemetry_record(MAB_OF_AGENT, "a", "x", NAN, 0),
			 -EINVAL);
	assert_int_equal(mab_telemetry_record(MAB_OF_AGENT, "a", "x", 1, -1),
			 -EINVAL);
	assert_int_equal(telemetry().metrics, 0);
}

static void of_150_the_last_100_are_kept(void **state)
{
	uint64_t before = telemetry().forgotten;
	struct mab_aggregate a;
	int i;

	(void)state;
	for (i = 1; i <= 150; i++)
		record_of("a", "x", i);
	record_of("b", "x", 7);
	assert_int_equal(mab_telemetry_aggregate(QUERY(.of = "a"), &a), 0);
	assert_int_equal(a.statistics.n, 100);
	assert_true(a.statistics.min == 51 && a.last == 150);
	assert_int_equal(telemetry().metrics, 101);
	assert_int_equal(telemetry().forgotten - before, 50);
}

static void all_of_them_are_bounded(void **state)
{
	char of[8];
	int i;

	(void)state;
	assert_int_equal(mab_telemetry_configure(
			OPTIONS(.total = 5, .each = 3)), 0);
	for (i = 0; i < 8; i++) {
		snprintf(of, sizeof(of), "%d", i / 2);
		record_of(of, "x", i);
	}
	FINDS(NULL, 0, 7, 6, 5, 4, 3);
	assert_int_equal(telemetry().series, 3);
	assert_int_equal(mab_telemetry_configure(
			OPTIONS(.total = 5, .each = 1)), 0);
	FINDS(NULL, 0, 7, 5, 3);
	assert_int_equal(mab_telemetry_configure(OPTIONS(.total = 1)), 0);
	FINDS(NULL, 0, 7);
	assert_int_equal(telemetry().series, 1);
	assert_int_equal(mab_telemetry_configure(
			OPTIONS(.total = MAB_METRICS_MAX + 1)), -EINVAL);
	assert_int_equal(mab_telemetry_configure(
			OPTIONS(.each = MAB_METRICS_MAX + 1)), -EINVAL);
	assert_int_equal(mab_telemetry_configure(OPTIONS(.cleanup_ms = -1)),
			 -EINVAL);
	assert_int_equal(mab_telemetry_configure(
			OPTIONS(.retention_ms = INT64_MAX)), -EINVAL);
	assert_int_equal(telemetry().options.total, 1);
}

/* Whether somebody has cleaned up or not. */
static void what_is_too_old_is_not_there(void **state)
{
	(void)state;
	record_of("a", "x", 1);
	atomic_store(&now_is, BEGIN + 1800 * S);
	record_of("a", "x", 2);
	record_of("b", "x", 3);
	atomic_store(&now_is, BEGIN + 3600 * S);
	FINDS(NULL, 0, 3, 2, 1);
	atomic_store(&now_is, BEGIN + 3600 * S + 1);
	FINDS(NULL, 0, 3, 2);
	assert_int_equal(telemetry().metrics, 3);
	clean_up();
	assert_int_equal(telemetry().metrics, 2);
	atomic_store(&now_is, BEGIN + 5401 * S);
	FINDS(NULL, 0);
	clean_up();
	assert_int_equal(telemetry().metrics, 0);
	assert_int_equal(telemetry().series, 0);
	/* One that comes too late takes nobody's place. */
	assert_int_equal(mab_telemetry_configure(OPTIONS(.each = 1)), 0);
	record_of("a", "x", 4);
	record_at(MAB_OF_AGENT, "a", "x", 5, 1);
	FINDS(NULL, 0, 4);
	assert_int_equal(mab_telemetry_configure(OPTIONS(.retention_ms = -1)),
			 0);
	record_at(MAB_OF_AGENT, "a", "x", 6, 1);
	FINDS(NULL, 0, 4, 6);
}

static void it_cleans_up_by_itself(void **state)
{
	uint64_t before = telemetry().cleanups;

	(void)state;
	record_of("a", "x", 1);
	atomic_store(&now_is, BEGIN + 3601 * S);
	assert_int_equal(mab_telemetry_configure(OPTIONS(.cleanup_ms = 1)), 0);
	AWAIT(telemetry().cleanups >= before + 3);
	assert_int_equal(telemetry().metrics, 0);
	kill_and_wait(sup_whereis("mab_telemetry"));
	before = telemetry().cleanups;
	AWAIT(telemetry().cleanups >= before + 3);
}

static void it_runs_once_or_says_that_it_does_not(void **state)
{
	struct sup_pid pid;

	(void)state;
	assert_int_equal(mab_telemetry_start(NULL, &pid), -EEXIST);
	assert_int_equal(mab_telemetry_start(OPTIONS(.cleanup_ms = -1), &pid),
			 -EINVAL);
	kill_and_wait(mabeam);
	AWAIT(!sup_whereis("mab_telemetry").v);
	assert_int_equal(mab_telemetry_clean_up(LONG), -ENOTCONN);
	record_of("a", "x", 1);
	FINDS(NULL, 0, 1);
}

static int records(int nth, void *arg)
{
	char of[] = { 'a' + nth % 3, '\0' };
	int i, ret = 0;

	(void)arg;
	for (i = 0; i < 500 && !ret; i++)
		ret = mab_telemetry_record(MAB_OF_AGENT, of, "x", i, 0);
	return ret;
}

static void eight_at_once_lose_nothing(void **state)
{
	uint64_t before = telemetry().recorded;

	(void)state;
	assert_int_equal(mab_telemetry_configure(
			OPTIONS(.cleanup_ms = 1, .each = 10000)), 0);
	assert_int_equal(crowd(8, records, NULL), 8);
	assert_int_equal(telemetry().recorded - before, 4000);
	assert_int_equal(telemetry().metrics, 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TELEMETRY_CASE(a_query_filters),
		TELEMETRY_CASE(what_is_found_says_what_it_is),
		TELEMETRY_CASE(an_aggregate_is_that_of_what_matches),
		TELEMETRY_CASE(what_is_none_is_refused),
		TELEMETRY_CASE(of_150_the_last_100_are_kept),
		TELEMETRY_CASE(all_of_them_are_bounded),
		TELEMETRY_CASE(what_is_too_old_is_not_there),
		TELEMETRY_CASE(it_cleans_up_by_itself),
		TELEMETRY_CASE(it_runs_once_or_says_that_it_does_not),
		TELEMETRY_CASE(eight_at_once_lose_nothing),
	};

	return RUN_TESTS(tests);
}
