/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures, which need no service. What is opened stays: names are used once. */
#include "foundation.h"

#include <math.h>
#include <stdio.h>

#include "fail_memory.h"
#include "foundation/figure.h"

void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails_now() ? NULL : __real_aligned_alloc(alignment, size);
}

#define THREADS 16

static struct fnd_figure *figures;
static size_t n_figures;

static const struct fnd_figure *look(const char *name)
{
	free(figures);
	assert_int_equal(fnd_metric_list(name, &figures, &n_figures), 0);
	return n_figures ? figures : NULL;
}

static int clean(void **state)
{
	(void)state;
	free(figures);
	figures = NULL;
	fnd_telemetry_reset();
	return 0;
}

static struct fnd_metric *open_as(const char *name, enum fnd_metric_kind kind)
{
	const struct fnd_metric_spec spec = {
		.size = sizeof(spec), .name = name, .kind = kind,
	};
	struct fnd_metric *m = NULL;

	assert_int_equal(fnd_metric_open(&spec, &m), 0);
	assert_non_null(m);
	return m;
}

static int opens(const char *name, enum fnd_metric_kind kind)
{
	const struct fnd_metric_spec spec = {
		.size = sizeof(spec), .name = name, .kind = kind,
	};
	struct fnd_metric *m;

	return fnd_metric_open(&spec, &m);
}

struct busy {
	struct fnd_metric *counter, *gauge, *histogram, *summary;
	int n;
};

static int is_busy(int nth, void *arg)
{
	struct busy *b = arg;
	int i;

	for (i = 0; i < b->n; i++) {
		EXPECT(!fnd_metric_count(b->counter, nth + 1));
		EXPECT(!fnd_metric_add(b->gauge, nth & 1 ? 1 : 2));
		EXPECT(!fnd_metric_observe(b->histogram, nth));
		EXPECT(!fnd_metric_duration(b->summary, nth));
		EXPECT(!fnd_telemetry_count("busy.event", 2, NULL));
	}
	return 0;
}

/* Who reads meanwhile never sees less than before. */
static int reads(int nth, void *arg)
{
	struct busy *b = arg;
	struct fnd_figure *f;
	uint64_t last = 0;
	size_t n;
	int i;

	if (nth < THREADS)
		return is_busy(nth, arg);
	for (i = 0; i < b->n / 100; i++) {
		EXPECT(!fnd_metric_list("busy.counter", &f, &n));
		EXPECT(n == 1 && f->count >= last);
		last = f->count;
		free(f);
	}
	return 0;
}

static void all_are_exact_under_sixteen_threads(void **state)
{
	struct busy b = {
		open_as("busy.counter", FND_METRIC_COUNTER),
		open_as("busy.gauge", FND_METRIC_GAUGE),
		open_as("busy.histogram", FND_METRIC_HISTOGRAM),
		open_as("busy.summary", FND_METRIC_SUMMARY),
		SLOWLY(20000),
	};
	const uint64_t n = b.n;
	const struct fnd_figure *f;

	(void)state;
	assert_int_equal(crowd(THREADS + 1, reads, &b), THREADS + 1);
	assert_int_equal(look("busy.counter")->count, n * 136);
	assert_int_equal(look("busy.event")->count, n * 32);
	assert_true(look("busy.gauge")->value == n * 24);
	f = look("busy.histogram");
	assert_int_equal(f->count, n * 16);
	assert_true(f->value == n * 120);
	assert_int_equal(f->buckets[f->n_bounds], n * 5);
	f = look("busy.summary");
	assert_int_equal(f->count, n * 16);
	assert_true(fabs(f->value - n * 120e-9) < 1e-15);
}

static void a_gauge_has_the_last_value(void **state)
{
	struct fnd_metric *m = open_as("gauge", FND_METRIC_GAUGE);

	(void)state;
	assert_int_equal(fnd_metric_set(m, 7), 0);
	assert_int_equal(fnd_metric_set(m, -9.5), 0);
	assert_true(look("gauge")->value == -9.5);
	assert_int_equal(fnd_metric_add(m, 0.5), 0);
	assert_true(look("gauge")->value == -9);
}

static void a_value_at_a_bound_is_not_above_it(void **state)
{
	const double bounds[] = { -1, 0, 2.5 };
	const struct fnd_metric_spec spec = {
		.size = sizeof(spec), .name = "bounds",
		.kind = FND_METRIC_HISTOGRAM, .bounds = bounds, .n_bounds = 3,
		.help = "what it is",
	};
	const double values[] = { -2, -1, -0.5, 0, 1, 2.5, 2.6, INFINITY };
	const uint64_t buckets[] = { 2, 2, 2, 2 };
	const struct fnd_figure *f;
	struct fnd_metric *m;
	size_t i;

	(void)state;
	assert_int_equal(fnd_metric_open(&spec, &m), 0);
	for (i = 0; i < N_OF(values); i++)
		assert_int_equal(fnd_metric_observe(m, values[i]), 0);
	f = look("bounds");
	assert_int_equal(f->kind, FND_METRIC_HISTOGRAM);
	assert_string_equal(f->help, "what it is");
	assert_int_equal(f->n_bounds, 3);
	assert_memory_equal(f->bounds, bounds, sizeof(bounds));
	assert_memory_equal(f->buckets, buckets, sizeof(buckets));
	assert_int_equal(f->count, 8);
	assert_true(isinf(f->value));
	assert_int_equal(fnd_metric_observe(m, NAN), -EINVAL);
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void quantiles_are_within_what_is_said(void **state)
{
	static const double q[] = FND_METRIC_QUANTILE_LIST;
	static int64_t values[10000];
	struct fnd_metric *m;
	const struct fnd_figure *f;
	unsigned int seed = 7;
	char name[16];
	double exact;
	int round;
	size_t i;

	(void)state;
	for (round = 0; round < 12; round++) {
		snprintf(name, sizeof(name), "quantiles%d", round);
		m = open_as(name, FND_METRIC_SUMMARY);
		for (i = 0; i < N_OF(values); i++) {
			values[i] = rand_r(&seed) % (1 + (5L << (round * 2)));
			assert_int_equal(fnd_metric_duration(m, values[i]), 0);
		}
		qsort(values, N_OF(values), sizeof(values[0]), by_size);
		f = look(name);
		assert_int_equal(f->count, N_OF(values));
		for (i = 0; i < N_OF(q); i++) {
			exact = values[(size_t)(q[i] * N_OF(values)) - 1] / 1e9;
			assert_true(fabs(f->quantiles[i] - exact) <=
				    exact * 0.032);
		}
	}
}

static void the_longest_and_the_shortest_duration(void **state)
{
	struct fnd_metric *m = open_as("longest", FND_METRIC_SUMMARY);
	const struct fnd_figure *f;

	(void)state;
	assert_true(look("longest")->quantiles[0] == 0);
	assert_int_equal(fnd_metric_duration(m, 0), 0);
	assert_int_equal(fnd_metric_duration(m, -1), -EINVAL);
	assert_int_equal(fnd_metric_observe(m, -1), -EINVAL);
	assert_int_equal(fnd_metric_observe(m, NAN), -EINVAL);
	assert_int_equal(fnd_metric_duration(m, INT64_MAX), 0);
	f = look("longest");
	assert_int_equal(f->count, 2);
	assert_true(f->quantiles[0] == 0);
	assert_true(fabs(f->quantiles[3] / (INT64_MAX / 1e9) - 1) < 0.032);
	/* In seconds, and longer than there is. */
	assert_int_equal(fnd_metric_observe(m, 0.25), 0);
	assert_int_equal(fnd_metric_observe(m, INFINITY), 0);
	f = look("longest");
	assert_int_equal(f->count, 4);
	assert_true(fabs(f->quantiles[0] / 0.25 - 1) < 0.032);
}

static void a_duration_of_a_histogram_is_in_seconds(void **state)
{
	struct fnd_metric *m = open_as("seconds", FND_METRIC_HISTOGRAM);
	const struct fnd_figure *f;

	(void)state;
	assert_int_equal(fnd_metric_duration(m, 250000000), 0);
	f = look("seconds");
	assert_true(f->value == 0.25);
	assert_int_equal(f->n_bounds, 11);
	assert_true(f->bounds[5] == 0.25);
	assert_int_equal(f->buckets[5], 1);
}

static void names_that_are_none(void **state)
{
	static const char *const bad[] = {
		"", "a.", ".a", "a..b", "1a", "a.1", "a b", "a-b", "\xc3\xa4",
	};
	char name[300];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(bad); i++)
		assert_int_equal(opens(bad[i], FND_METRIC_COUNTER), -EINVAL);
	assert_int_equal(opens(NULL, FND_METRIC_COUNTER), -EINVAL);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(opens(name, FND_METRIC_COUNTER), -ENAMETOOLONG);
	assert_int_equal(opens("names", 4), -EINVAL);
	assert_int_equal(fnd_metric_open(NULL, NULL), -EINVAL);
	assert_int_equal(opens("Names._a1", FND_METRIC_COUNTER), 0);
	assert_null(look("names"));
}

static void what_would_be_written_alike_is_refused(void **state)
{
	static const struct {
		const char *first;
		enum fnd_metric_kind kind;
		const char *second;
		enum fnd_metric_kind other;
	} alike[] = {
		{ "alike.a.b", FND_METRIC_COUNTER, "alike.a_b",
		  FND_METRIC_COUNTER },
		{ "alike.c", FND_METRIC_COUNTER, "alike.c.total",
		  FND_METRIC_GAUGE },
		{ "alike.d.count", FND_METRIC_GAUGE, "alike.d",
		  FND_METRIC_HISTOGRAM },
		{ "alike.e", FND_METRIC_HISTOGRAM, "alike.e_bucket",
		  FND_METRIC_GAUGE },
		{ "alike.f", FND_METRIC_SUMMARY, "alike.f.sum",
		  FND_METRIC_COUNTER },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(alike); i++) {
		assert_int_equal(opens(alike[i].first, alike[i].kind), 0);
		assert_int_equal(opens(alike[i].first, alike[i].kind), 0);
		assert_int_equal(opens(alike[i].second, alike[i].other),
				 -EEXIST);
	}
	/* None of these has that suffix. */
	assert_int_equal(opens("alike.g", FND_METRIC_GAUGE), 0);
	assert_int_equal(opens("alike.g.count", FND_METRIC_COUNTER), 0);
	assert_int_equal(opens("alike.f.bucket", FND_METRIC_COUNTER), 0);
	assert_int_equal(opens("alike.c", FND_METRIC_GAUGE), -EEXIST);
	assert_non_null(strstr(sup_error(), "is a counter"));
	assert_int_equal(fnd_telemetry_gauge("alike.c", 1, NULL), -EEXIST);
}

static void bounds_that_are_none(void **state)
{
	double bounds[FND_METRIC_BOUNDS_MAX + 1] = { 1, 1 };
	struct fnd_metric_spec spec = {
		.size = sizeof(spec), .name = "no_bounds",
		.kind = FND_METRIC_HISTOGRAM, .bounds = bounds, .n_bounds = 2,
	};
	struct fnd_metric *m;
	size_t i;

	(void)state;
	assert_int_equal(fnd_metric_open(&spec, &m), -EINVAL);
	bounds[1] = INFINITY;
	assert_int_equal(fnd_metric_open(&spec, &m), -EINVAL);
	bounds[1] = 2;
	spec.kind = FND_METRIC_SUMMARY;
	assert_int_equal(fnd_metric_open(&spec, &m), -EINVAL);
	spec.kind = FND_METRIC_HISTOGRAM;
	for (i = 0; i < N_OF(bounds); i++)
		bounds[i] = i;
	spec.n_bounds = N_OF(bounds);
	assert_int_equal(fnd_metric_open(&spec, &m), -EINVAL);
	spec.n_bounds--;
	assert_int_equal(fnd_metric_open(&spec, &m), 0);
	spec.n_bounds--;
	assert_int_equal(fnd_metric_open(&spec, &m), -EEXIST);
	spec.n_bounds = 0;
	assert_int_equal(fnd_metric_open(&spec, &m), 0);
	spec.size++;
	assert_int_equal(fnd_metric_open(&spec, &m), -EINVAL);
}

static void each_has_its_labels_by_key(void **state)
{
	struct fnd_pair pairs[] = { { "b", "2" }, { "a", "x" } };
	struct fnd_metadata labels = { pairs, 2 };
	const struct fnd_figure *f;

	(void)state;
	assert_int_equal(fnd_telemetry_count("labels", 1, &labels), 0);
	pairs[0] = (struct fnd_pair){ "a", "x" };
	pairs[1] = (struct fnd_pair){ "b", "2" };
	assert_int_equal(fnd_telemetry_count("labels", 4, &labels), 0);
	pairs[1].value = "1";
	assert_int_equal(fnd_telemetry_count("labels", 7, &labels), 0);
	assert_int_equal(fnd_telemetry_count("labels", 9, NULL), 0);
	f = look("labels");
	assert_int_equal(n_figures, 3);
	assert_int_equal(f[0].count, 9);
	assert_int_equal(f[0].labels.n, 0);
	assert_int_equal(f[1].count, 7);
	assert_int_equal(f[2].count, 5);
	assert_int_equal(f[2].labels.n, 2);
	assert_string_equal(f[2].labels.pairs[0].key, "a");
	assert_string_equal(f[2].labels.pairs[0].value, "x");
	assert_string_equal(f[2].labels.pairs[1].key, "b");
	assert_string_equal(f[2].labels.pairs[1].value, "2");
}

static void labels_that_are_none(void **state)
{
	static const char *const bad[] = { "", "le", "quantile", "a.b", "1" };
	struct fnd_pair pairs[FND_METRIC_LABELS_MAX + 1] = {
		{ "a", "1" }, { "a", "2" },
	};
	struct fnd_metadata labels = { pairs, 2 };
	char value[300] = "";
	size_t i;

	(void)state;
	assert_int_equal(fnd_telemetry_count("l", 1, &labels), -EINVAL);
	labels.n = 1;
	pairs[0].value = NULL;
	assert_int_equal(fnd_telemetry_count("l", 1, &labels), -EINVAL);
	memset(value, 'v', sizeof(value) - 1);
	pairs[0].value = value;
	assert_int_equal(fnd_telemetry_count("l", 1, &labels), -ENAMETOOLONG);
	value[FND_NAME_MAX] = '\0';
	assert_int_equal(fnd_telemetry_count("l", 1, &labels), 0);
	for (i = 0; i < N_OF(bad); i++) {
		pairs[0].key = bad[i];
		assert_int_equal(fnd_telemetry_count("l", 1, &labels),
				 -EINVAL);
	}
	labels.n = N_OF(pairs);
	assert_int_equal(fnd_telemetry_count("l", 1, &labels), -EINVAL);
}

static void a_list_is_sorted_and_has_its_prefix(void **state)
{
	static const char *const names[] = {
		"list.b", "list", "list.a.x", "listing", "list.a",
	};
	static const char *const sorted[] = {
		"list", "list.a", "list.a.x", "list.b", "listing",
	};
	struct fnd_figure *all;
	size_t i, n;

	(void)state;
	for (i = 0; i < N_OF(names); i++)
		assert_int_equal(fnd_telemetry_count(names[i], i, NULL), 0);
	look("list");
	assert_int_equal(n_figures, 4);
	for (i = 0; i < 4; i++)
		assert_string_equal(figures[i].name, sorted[i]);
	look("list.a");
	assert_int_equal(n_figures, 2);
	assert_null(look("li"));
	assert_int_equal(fnd_metric_list(NULL, &all, &n), 0);
	assert_true(n >= 5);
	for (i = 1; i < n; i++)
		assert_true(strcmp(all[i - 1].name, all[i].name) <= 0);
	free(all);
}

/* The wrong kind for a figure. */
static void a_figure_is_of_one_kind(void **state)
{
	struct fnd_metric *counter = open_as("kind.c", FND_METRIC_COUNTER);
	struct fnd_metric *summary = open_as("kind.s", FND_METRIC_SUMMARY);

	(void)state;
	assert_int_equal(fnd_metric_set(counter, 1), -EINVAL);
	assert_int_equal(fnd_metric_add(counter, 1), -EINVAL);
	assert_int_equal(fnd_metric_observe(counter, 1), -EINVAL);
	assert_int_equal(fnd_metric_duration(counter, 1), -EINVAL);
	assert_int_equal(fnd_metric_count(summary, 1), -EINVAL);
	assert_int_equal(look("kind.c")->count, 0);
	assert_int_equal(look("kind.s")->count, 0);
}

static void what_is_live_is_not_forgotten(void **state)
{
	struct fnd_metric *m = open_as("live.opened", FND_METRIC_COUNTER);
	int64_t now = fnd__coarse_now();

	(void)state;
	assert_int_equal(fnd_telemetry_count("live.event", 1, NULL), 0);
	assert_int_equal(fnd_telemetry_count("live.opened", 1, NULL), 0);
	fnd__metrics_forget(now);
	assert_int_equal(look("live.event")->count, 1);
	fnd__metrics_forget(fnd__coarse_now() + 1);
	assert_null(look("live.event"));
	assert_int_equal(look("live.opened")->count, 1);
	assert_int_equal(fnd_metric_count(m, 1), 0);
	assert_int_equal(look("live.opened")->count, 2);
	/* It may be of another kind now. */
	assert_int_equal(fnd_telemetry_gauge("live.event", 3, NULL), 0);
	assert_true(look("live.event")->value == 3);
}

static void a_reset_begins_anew(void **state)
{
	struct fnd_metric *m = open_as("anew.opened", FND_METRIC_HISTOGRAM);
	const struct fnd_figure *f;

	(void)state;
	assert_int_equal(fnd_metric_observe(m, 3), 0);
	assert_int_equal(fnd_telemetry_count("anew.event", 1, NULL), 0);
	fnd_telemetry_reset();
	assert_null(look("anew.event"));
	f = look("anew.opened");
	assert_int_equal(f->count, 0);
	assert_true(f->value == 0);
	assert_int_equal(fnd_metric_observe(m, 4), 0);
	assert_true(look("anew.opened")->value == 4);
}

static void a_count_is_exact_where_a_double_is_not(void **state)
{
	struct fnd_figure *f;
	size_t n;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(fnd_telemetry_count("big", UINT64_MAX - 1, NULL), 0);
	assert_int_equal(fnd_telemetry_count("big", 1, NULL), 0);
	assert_int_equal(fnd_telemetry_duration("long", (INT64_C(1) << 53) + 1,
						NULL), 0);
	assert_int_equal(fnd_metric_list("big", &f, &n), 0);
	assert_true(f->count == UINT64_MAX);
	free(f);
}

static void measurements_that_are_none(void **state)
{
	struct fnd_measurement m[FND_MEASUREMENTS_MAX + 1] = {
		{ "a", FND_METRIC_COUNTER, -1 },
	};
	char name[FND_NAME_MAX + 1];

	(void)state;
	assert_int_equal(fnd_telemetry_execute("e", m, 1, NULL), -EINVAL);
	m[0].value = 0.5;
	assert_int_equal(fnd_telemetry_execute("e", m, 1, NULL), -EINVAL);
	m[0] = (struct fnd_measurement){ "a b", FND_METRIC_COUNTER, 1 };
	assert_int_equal(fnd_telemetry_execute("e", m, 1, NULL), -EINVAL);
	m[0] = (struct fnd_measurement){ "a", 4, 1 };
	assert_int_equal(fnd_telemetry_execute("e", m, 1, NULL), -EINVAL);
	m[0].kind = FND_METRIC_COUNTER;
	assert_int_equal(fnd_telemetry_execute("e", m, N_OF(m), NULL),
			 -EINVAL);
	memset(name, 'a', FND_NAME_MAX);
	name[FND_NAME_MAX] = '\0';
	m[0].name = name;
	assert_int_equal(fnd_telemetry_execute("e", m, 1, NULL),
			 -ENAMETOOLONG);
	assert_int_equal(fnd_telemetry_execute("e", NULL, 0, NULL), 0);
}

static void there_are_only_so_many(void **state)
{
	struct fnd_pair pair = { "n", NULL };
	struct fnd_telemetry_status s;
	char value[16];
	int i, ret = 0;

	(void)state;
	for (i = 0; !ret; i++) {
		snprintf(value, sizeof(value), "%d", i);
		pair.value = value;
		ret = fnd_telemetry_gauge("many", i,
					  &(struct fnd_metadata){ &pair, 1 });
	}
	assert_int_equal(ret, -ENOSPC);
	fnd_telemetry_status(&s);
	assert_int_equal(s.figures, FND_METRICS_MAX);
	fnd_telemetry_reset();
	fnd_telemetry_status(&s);
	assert_true(s.figures < FND_METRICS_MAX);
	assert_int_equal(fnd_telemetry_gauge("many", 1, NULL), 0);
}

static void without_memory_nothing_is_there(void **state)
{
	struct fnd_telemetry_status before, after;
	struct fnd_figure *f;
	bool failed = true;
	unsigned int n;
	size_t n_f;
	int ret;

	(void)state;
	fnd_telemetry_status(&before);
	for (n = 1; failed; n++) {
		fail_nth(n);
		ret = fnd_telemetry_histogram("no.memory", 1, NULL);
		failed = fail_no_more();
		/* Without a block for this CPU it counts in the first. */
		assert_true(ret == -ENOMEM ? failed : !ret);
		fnd_telemetry_status(&after);
		assert_int_equal(after.figures, before.figures + !ret);
	}
	assert_true(n > 3);
	for (failed = true, n = 1; failed; n++) {
		fail_nth(n);
		ret = fnd_metric_list("no.memory", &f, &n_f);
		failed = fail_no_more();
		assert_int_equal(ret, failed ? -ENOMEM : 0);
	}
	assert_true(n > 3);
	assert_int_equal(n_f, 1);
	free(f);
}

#define METRIC_CASE(f) cmocka_unit_test_teardown(f, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(all_are_exact_under_sixteen_threads),
		METRIC_CASE(a_gauge_has_the_last_value),
		METRIC_CASE(a_value_at_a_bound_is_not_above_it),
		METRIC_CASE(quantiles_are_within_what_is_said),
		METRIC_CASE(the_longest_and_the_shortest_duration),
		METRIC_CASE(a_duration_of_a_histogram_is_in_seconds),
		METRIC_CASE(names_that_are_none),
		METRIC_CASE(what_would_be_written_alike_is_refused),
		METRIC_CASE(bounds_that_are_none),
		METRIC_CASE(each_has_its_labels_by_key),
		METRIC_CASE(labels_that_are_none),
		METRIC_CASE(a_list_is_sorted_and_has_its_prefix),
		METRIC_CASE(a_figure_is_of_one_kind),
		METRIC_CASE(what_is_live_is_not_forgotten),
		METRIC_CASE(a_reset_begins_anew),
		METRIC_CASE(a_count_is_exact_where_a_double_is_not),
		METRIC_CASE(measurements_that_are_none),
		METRIC_CASE(there_are_only_so_many),
		METRIC_CASE(without_memory_nothing_is_there),
	};

	return RUN_TESTS(tests);
}
