/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Figures as text, to the byte; and those of the process, from /proc. */
#include "foundation.h"

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "fail_memory.h"

static bool has_no_proc;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	int mode;

	va_start(args, flags);
	mode = va_arg(args, int);
	va_end(args);
	if (!has_no_proc || strncmp(path, "/proc/", 6))
		return __real_open(path, flags, mode);
	errno = EACCES;
	return -1;
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);

DIR *__wrap_opendir(const char *path)
{
	if (!has_no_proc || strncmp(path, "/proc/", 6))
		return __real_opendir(path);
	errno = EACCES;
	return NULL;
}

static char *text;

static const char *write_as(enum fnd_metric_text format)
{
	size_t len;

	free(text);
	assert_int_equal(fnd_metric_write(format, &text, &len), 0);
	assert_int_equal(len, strlen(text));
	return text;
}

static int clean(void **state)
{
	(void)state;
	has_no_proc = false;
	free(text);
	text = NULL;
	fnd_telemetry_reset();
	return 0;
}

/* Whether these lines are in there, one after the other. */
static void has_lines(const char *lines)
{
	const char *at = strstr(text, lines);

	if (!at || (at > text && at[-1] != '\n'))
		fail_msg("not there:\n%s\nin:\n%s", lines, text);
}

/* What follows the name of a figure without labels; or -1. */
static double value_of(const char *name)
{
	char begin[80];
	const char *at;

	snprintf(begin, sizeof(begin), "\n%s ", name);
	at = strstr(write_as(FND_METRIC_PROMETHEUS), begin);
	return at ? strtod(at + strlen(begin), NULL) : -1;
}

static struct fnd_metric *
open_of(const char *name, enum fnd_metric_kind kind, const char *help,
	const struct fnd_pair *label)
{
	static const double bounds[] = { 0.1, 1, 2.5 };
	const struct fnd_metric_spec spec = {
		.size = sizeof(spec), .name = name, .kind = kind, .help = help,
		.labels = { label, label ? 1 : 0 },
		.bounds = kind == FND_METRIC_HISTOGRAM ? bounds : NULL,
		.n_bounds = kind == FND_METRIC_HISTOGRAM ? 3 : 0,
	};
	struct fnd_metric *m = NULL;

	assert_int_equal(fnd_metric_open(&spec, &m), 0);
	return m;
}

static void make_one_of_each(void)
{
	const struct fnd_pair a = { "till", "a" }, b = { "till", "b" };
	struct fnd_metric *m;

	m = open_of("shop.orders", FND_METRIC_COUNTER, "Orders", &b);
	assert_int_equal(fnd_metric_count(m, 2), 0);
	m = open_of("shop.orders", FND_METRIC_COUNTER, NULL, &a);
	assert_int_equal(fnd_metric_count(m, 1ULL << 53), 0);
	assert_int_equal(fnd_metric_count(m, 1), 0);
	m = open_of("shop.stock", FND_METRIC_GAUGE, NULL, NULL);
	assert_int_equal(fnd_metric_set(m, -0.5), 0);
	m = open_of("shop.time", FND_METRIC_HISTOGRAM, NULL, NULL);
	assert_int_equal(fnd_metric_observe(m, 0.1), 0);
	assert_int_equal(fnd_metric_observe(m, 2), 0);
	assert_int_equal(fnd_metric_observe(m, 99), 0);
	open_of("shop.wait", FND_METRIC_SUMMARY, NULL, NULL);
}

#define GAUGE_TO_SUMMARY \
	"# HELP shop_stock shop.stock\n" \
	"# TYPE shop_stock gauge\n" \
	"shop_stock -0.5\n" \
	"# HELP shop_time shop.time\n" \
	"# TYPE shop_time histogram\n" \
	"shop_time_bucket{le=\"0.1\"} 1\n" \
	"shop_time_bucket{le=\"1.0\"} 1\n" \
	"shop_time_bucket{le=\"2.5\"} 2\n" \
	"shop_time_bucket{le=\"+Inf\"} 3\n" \
	"shop_time_sum 101.1\n" \
	"shop_time_count 3\n" \
	"# HELP shop_wait shop.wait\n" \
	"# TYPE shop_wait summary\n" \
	"shop_wait{quantile=\"0.5\"} NaN\n" \
	"shop_wait{quantile=\"0.9\"} NaN\n" \
	"shop_wait{quantile=\"0.99\"} NaN\n" \
	"shop_wait{quantile=\"1.0\"} NaN\n" \
	"shop_wait_sum 0.0\n" \
	"shop_wait_count 0\n"

static void one_of_each_kind(void **state)
{
	(void)state;
	make_one_of_each();
	write_as(FND_METRIC_PROMETHEUS);
	has_lines("# HELP shop_orders_total Orders\n"
		  "# TYPE shop_orders_total counter\n"
		  "shop_orders_total{till=\"a\"} 9007199254740993\n"
		  "shop_orders_total{till=\"b\"} 2\n"
		  GAUGE_TO_SUMMARY);
	assert_null(strstr(text, "# EOF"));
	write_as(FND_METRIC_OPENMETRICS);
	has_lines("# HELP shop_orders Orders\n"
		  "# TYPE shop_orders counter\n"
		  "shop_orders_total{till=\"a\"} 9007199254740993\n"
		  "shop_orders_total{till=\"b\"} 2\n"
		  GAUGE_TO_SUMMARY);
	assert_string_equal(strstr(text, "# EOF"), "# EOF\n");
}

/* A label that ends its line, or its quotes, would be another figure. */
static void what_is_no_plain_text_is_escaped(void **state)
{
	static const struct { const char *value, *written; } values[] = {
		{ "a\"b", "a\\\"b" },
		{ "\"} 1\nevil 2", "\\\"} 1\\nevil 2" },
		{ "\\", "\\\\" }, { "\\n", "\\\\n" }, { "", "" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		  "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		/* A byte of a character that is not whole. */
		{ "\xff", "\\\\xff" }, { "\x80", "\\\\x80" },
		{ "\xc3", "\\\\xc3" }, { "\xc3(", "\\\\xc3(" },
		{ "\xe2\x82", "\\\\xe2\\\\x82" },
		/* Longer than needed, a half of a pair, above the last. */
		{ "\xc0\xaf", "\\\\xc0\\\\xaf" },
		{ "\xe0\x9f\xbf", "\\\\xe0\\\\x9f\\\\xbf" },
		{ "\xed\xa0\x80", "\\\\xed\\\\xa0\\\\x80" },
		{ "\xf0\x8f\xbf\xbf", "\\\\xf0\\\\x8f\\\\xbf\\\\xbf" },
		{ "\xf4\x90\x80\x80", "\\\\xf4\\\\x90\\\\x80\\\\x80" },
		{ "\xf5\x80\x80\x80", "\\\\xf5\\\\x80\\\\x80\\\\x80" },
	};
	struct fnd_pair pair = { "label", NULL };
	char line[200];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(values); i++) {
		pair.value = values[i].value;
		fnd_telemetry_reset();
		assert_int_equal(fnd_telemetry_gauge("escaped", 7,
				&(struct fnd_metadata){ &pair, 1 }), 0);
		write_as(FND_METRIC_PROMETHEUS);
		snprintf(line, sizeof(line), "escaped{label=\"%s\"} 7.0\n",
			 values[i].written);
		has_lines(line);
		write_as(FND_METRIC_OPENMETRICS);
		has_lines(line);
	}
	open_of("help.escaped", FND_METRIC_GAUGE, "a \"b\"\n\\", NULL);
	write_as(FND_METRIC_PROMETHEUS);
	has_lines("# HELP help_escaped a \"b\"\\n\\\\\n");
	write_as(FND_METRIC_OPENMETRICS);
	has_lines("# HELP help_escaped a \\\"b\\\"\\n\\\\\n");
}

/* What is read is what was written, and no digit more than it needs. */
static void numbers_are_the_same_when_read(void **state)
{
	static const struct { double value; const char *written; } numbers[] = {
		{ 0.1, "0.1" }, { 1.0 / 3, "0.33333333333333331" },
		{ 1e300, "1e+300" }, { 5e-324, "4.94065645841247e-324" },
		{ 9007199254740992.0, "9007199254740992.0" },
		{ 1e15, "1e+15" }, { 0, "0.0" }, { 3, "3.0" },
		{ NAN, "NaN" }, { INFINITY, "+Inf" }, { -INFINITY, "-Inf" },
	};
	struct fnd_metric *m = open_of("number", FND_METRIC_GAUGE, NULL, NULL);
	char line[80];
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(numbers); i++) {
		assert_int_equal(fnd_metric_set(m, numbers[i].value), 0);
		snprintf(line, sizeof(line), "number %s\n", numbers[i].written);
		write_as(FND_METRIC_PROMETHEUS);
		has_lines(line);
	}
}

static void the_process_is_described(void **state)
{
	struct rlimit old, less;
	double begun, fds, now;
	char name[16];
	int fd;

	(void)state;
	fds = value_of("process_open_fds");
	fd = dup(0);
	assert_true(fd >= 0);
	assert_true(value_of("process_open_fds") == fds + 1);
	close(fd);
	assert_true(value_of("process_open_fds") == fds);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	less = old;
	less.rlim_cur = 77;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
	assert_true(value_of("process_max_fds") == 77);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	now = time(NULL);
	begun = value_of("process_start_time_seconds");
	assert_true(begun > now - 3600 && begun < now + 2);
	assert_true(value_of("process_threads") >= 1);
	assert_true(value_of("process_cpu_seconds_total") >= 0);
	assert_true(value_of("process_resident_memory_bytes") > 0);
	assert_true(value_of("process_virtual_memory_bytes") >=
		    value_of("process_resident_memory_bytes"));
	/* The name of a process, before the figures, is what it likes. */
	assert_int_equal(prctl(PR_GET_NAME, name), 0);
	assert_int_equal(prctl(PR_SET_NAME, ") R 1 2 (3"), 0);
	assert_true(fabs(value_of("process_start_time_seconds") - begun) < 5);
	assert_int_equal(prctl(PR_SET_NAME, name), 0);
}

static void what_proc_does_not_tell_is_left_out(void **state)
{
	(void)state;
	has_no_proc = true;
	assert_true(value_of("process_open_fds") == -1);
	assert_true(value_of("process_threads") == -1);
	assert_null(strstr(text, "process_cpu_seconds"));
	assert_true(value_of("process_max_fds") > 0);
	has_no_proc = false;
	assert_true(value_of("process_threads") >= 1);
}

static void tasks_are_those_of_the_foundation(void **state)
{
	(void)state;
	write_as(FND_METRIC_PROMETHEUS);
	has_lines("# HELP task_up Whether a task of the foundation runs\n"
		  "# TYPE task_up gauge\n"
		  "task_up{task=\"process_registry\"} 1.0\n");
	has_lines("task_restarts_total{task=\"locks\"} 0.0\n");
	assert_non_null(strstr(text, "\ntask_cpu_seconds_total{task="));
	assert_int_equal(sup_terminate_child(foundation, "locks"), 0);
	write_as(FND_METRIC_OPENMETRICS);
	has_lines("task_up{task=\"locks\"} 0.0\n");
	assert_null(strstr(text, "\ntask_uptime_seconds{task=\"locks\"}"));
	assert_null(strstr(text, "\ntask_cpu_seconds_total{task=\"locks\"}"));
}

static void without_memory_there_is_no_text(void **state)
{
	bool failed = true;
	size_t len = 7;
	unsigned int n;
	int ret;

	(void)state;
	make_one_of_each();
	free(text);
	text = NULL;
	for (n = 1; failed; n++) {
		fail_nth(n);
		ret = fnd_metric_write(FND_METRIC_PROMETHEUS, &text, &len);
		failed = fail_no_more();
		assert_true(ret == -ENOMEM ? failed : !ret);
		if (ret) {
			assert_null(text);
			assert_int_equal(len, 7);
			continue;
		}
		assert_int_equal(len, strlen(text));
		free(text);
		text = NULL;
	}
	assert_true(n > 3);
}

#define TEXT_CASE(f) cmocka_unit_test_teardown(f, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEXT_CASE(one_of_each_kind),
		TEXT_CASE(what_is_no_plain_text_is_escaped),
		TEXT_CASE(numbers_are_the_same_when_read),
		TEXT_CASE(the_process_is_described),
		TEXT_CASE(what_proc_does_not_tell_is_left_out),
		SERVICE_CASE(tasks_are_those_of_the_foundation),
		TEXT_CASE(without_memory_there_is_no_text),
	};
	int ret = RUN_TESTS(tests);

	free(text);
	return ret;
}
