/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of the EventStore begin with: a file, and a store that has it. */
#ifndef TESTS_FOUNDATION_EVENTS_H
#define TESTS_FOUNDATION_EVENTS_H

#include "foundation.h"

#include <stdio.h>
#include <unistd.h>

#include <sup/function.h>

#define SERVICE "fnd_events"
#define PROCESS "fnd_event_process"

static const struct sup_function event_functions[] = {
	{ FND_EVENT_STORE_FUNCTION, fnd_event_store_run, false },
};

static char folder[64];
static char file[80];

/* Which kind of store is tested. */
static bool in_process;

static const struct fnd_event_store_options in_file = {
	.size = sizeof(in_file), .file = file, .max_age_ms = -1,
};

/* Of one store at a time. */
static inline const struct fnd_event_store_options *of_kind(
		const struct fnd_event_store_options *options)
{
	static struct fnd_event_store_options o;

	o = options ? *options :
	    (struct fnd_event_store_options){ .size = sizeof(o) };
	o.in_process = in_process;
	return &o;
}

static inline int start_alone(const struct fnd_event_store_options *options,
			      struct sup_pid *ret_pid)
{
	return fnd_event_store_start(of_kind(options), ret_pid);
}

/* Under a supervisor that restarts it as often as a test likes. */
static struct sup_pid supervisor;

static inline void start_store(const struct fnd_event_store_options *options)
{
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "store",
		.start = fnd_event_store_start, .arg = of_kind(options),
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
	char path[sizeof(file) + 8];
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

/* Of both kinds. It stands for all of main(). */
#define RUN_EVENT_TESTS(tests) \
	(sup_functions(event_functions, N_OF(event_functions)) || \
	 !!cmocka_run_group_tests_name("a thread", tests, new_folder, \
				       old_folder) | \
	 !!cmocka_run_group_tests_name("a process", tests, to_process, \
				       old_folder))

static inline int new_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/sup-events-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(file, sizeof(file), "%s/events", folder);
	return 0;
}

static inline int to_process(void **state)
{
	in_process = true;
	return new_folder(state);
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
