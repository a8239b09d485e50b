/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"

struct seen {
	int level, n;
	char text[4096];
};

static void keep(int level, const char *text, void *arg)
{
	struct seen *seen = arg;

	seen->level = level;
	seen->n++;
	snprintf(seen->text, sizeof(seen->text), "%s", text);
}

static void sink_gets_level_and_text(void **state)
{
	struct seen seen = { 0 };

	(void)state;
	sup_set_log_sink(keep, &seen);
	sup__log(LOG_ERR, "%d and %s", 1, "two");
	sup_set_log_sink(NULL, NULL);
	assert_int_equal(seen.level, LOG_ERR);
	assert_string_equal(seen.text, "1 and two");
}

static void less_urgent_is_dropped(void **state)
{
	struct seen seen = { 0 };

	(void)state;
	sup_set_log_sink(keep, &seen);
	sup__log(LOG_INFO, "dropped by default");
	assert_int_equal(seen.n, 0);
	sup_set_log_level(LOG_INFO);
	sup__log(LOG_INFO, "now heard");
	assert_int_equal(seen.n, 1);
	sup_set_log_level(LOG_WARNING);
	sup_set_log_sink(NULL, NULL);
}

static void default_is_a_line_on_stderr(void **state)
{
	int fds[2], saved = dup(STDERR_FILENO);
	char line[64];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	sup__log(LOG_WARNING, "to whom it may concern");
	dup2(saved, STDERR_FILENO);
	n = read(fds[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_string_equal(line, "<4>to whom it may concern\n");
	close(fds[0]);
	close(fds[1]);
	close(saved);
}

/* A callback must never run with the argument of the other. */
static _Atomic int mixed, stop;

static void expect_one(int level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	if ((uintptr_t)arg != 1)
		atomic_fetch_add(&mixed, 1);
}

static void expect_two(int level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	if ((uintptr_t)arg != 2)
		atomic_fetch_add(&mixed, 1);
}

static void *swap_sinks(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		sup_set_log_sink(expect_one, (void *)1);
		sup_set_log_sink(expect_two, (void *)2);
	}
	return NULL;
}

static void sink_and_argument_belong_together(void **state)
{
	struct sup__thread thread;
	int i;

	(void)state;
	sup_set_log_sink(expect_one, (void *)1);
	assert_int_equal(sup__thread_start("swap", 0, swap_sinks, NULL,
					   &thread), 0);
	for (i = 0; i < 20000; i++)
		sup__log(LOG_ERR, "x");
	atomic_store(&stop, 1);
	sup__thread_join(thread);
	sup_set_log_sink(NULL, NULL);
	assert_int_equal(mixed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sink_gets_level_and_text),
		cmocka_unit_test(less_urgent_is_dropped),
		cmocka_unit_test(default_is_a_line_on_stderr),
		cmocka_unit_test(sink_and_argument_belong_together),
	};

	return RUN_TESTS(tests);
}
