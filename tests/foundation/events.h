/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of the EventStore begin with: a file, and a store that has it. */
#ifndef TESTS_FOUNDATION_EVENTS_H
#define TESTS_FOUNDATION_EVENTS_H

#include "foundation.h"

#include <stdio.h>
#include <unistd.h>

static char folder[] = "/tmp/sup-events-XXXXXX";
static char file[64];

static const struct fnd_event_store_options in_file = {
	.size = sizeof(in_file), .file = file, .max_age_ms = -1,
};

/* Under a supervisor that restarts it as often as a test likes. */
static struct sup_pid supervisor;

static inline void start_store(const struct fnd_event_store_options *options)
{
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "store",
		.start = fnd_event_store_start, .arg = options,
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = &child, .n_children = 1,
		.intensity = 100000, .period_s = 1,
	};

	sup_set_log_level(-1);
	assert_int_equal(sup_supervisor_start(&spec, &supervisor), 0);
}

static inline void stop_store(void)
{
	assert_int_equal(sup_server_stop(supervisor, &SUP_SHUTDOWN, NULL, LONG),
			 0);
}

static inline void remove_files(void)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-lock" };
	char path[80];
	size_t i;

	for (i = 0; i < N_OF(ends); i++) {
		snprintf(path, sizeof(path), "%s%s", file, ends[i]);
		unlink(path);
	}
}

static inline int new_file(void **state)
{
	remove_files();
	return set_up(state);
}

#define FILE_CASE(f) cmocka_unit_test_setup_teardown(f, new_file, tear_down)

#define RUN_EVENT_TESTS(tests) \
	(!!cmocka_run_group_tests(tests, new_folder, old_folder))

static inline int new_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof(file), "%s/events", folder);
	return 0;
}

static inline int old_folder(void **state)
{
	(void)state;
	remove_files();
	return rmdir(folder);
}

static inline size_t count(const struct fnd_event_query *q)
{
	struct fnd_event *events;
	size_t n = 0;

	assert_int_equal(fnd_event_query(q, &events, &n, LONG), 0);
	free(events);
	return n;
}

#endif
