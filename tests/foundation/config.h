/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of the ConfigServer begin with: a schema, a file, a service. */
#ifndef TESTS_FOUNDATION_CONFIG_H
#define TESTS_FOUNDATION_CONFIG_H

#include "foundation.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG "fnd_config"

static const char *const providers[] = { "mock", "other", NULL };

/* Of upstream's. */
static const struct fnd_config_entry schema[] = {
	{ .path = "ai.provider", .value = FND_STRING("mock"),
	  .choices = providers },
	{ .path = "ai.planning.sampling_rate", .value = FND_REAL(0.5),
	  .min = FND_REAL(0), .max = FND_REAL(1), .updatable = true },
	{ .path = "capture.batch_size", .value = FND_INTEGER(100),
	  .min = FND_INTEGER(1), .max = FND_INTEGER(1000), .updatable = true },
	{ .path = "dev.debug_mode", .value = FND_BOOLEAN(false),
	  .updatable = true },
	{ .path = "dev.name", .value = FND_STRING("none"),
	  .updatable = true },
	{ .path = "dev.level", .value = FND_STRING("mock"),
	  .choices = providers, .updatable = true },
	{ .path = "any", .value = FND_INTEGER(0), .updatable = true },
};

static char folder[] = "/tmp/sup-config-XXXXXX";
static char file[64];

/* The process keeps what it has begun with: each test has a file of its own. */
static struct fnd_config_options in_file = {
	.size = sizeof(in_file), .schema = schema, .n = N_OF(schema),
	.file = file,
};

/* Under a supervisor that restarts it as often as a test likes. */
static struct sup_pid supervisor;

static inline int start_config(const struct fnd_config_options *options)
{
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "config",
		.start = fnd_config_server_start, .arg = options,
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = &child, .n_children = 1,
		.intensity = 100000, .period_s = 1,
	};
	int ret;

	sup_set_log_level(-1);
	ret = sup_supervisor_start(&spec, &supervisor);
	/* For await_service(). */
	foundation = supervisor;
	return ret;
}

static inline void stop_config(void)
{
	assert_int_equal(sup_server_stop(supervisor, &SUP_SHUTDOWN, NULL, LONG),
			 0);
}

static inline void next_file(void)
{
	static int n;

	snprintf(file, sizeof(file), "%s/config%d", folder, n++);
}

static inline int new_file(void **state)
{
	next_file();
	return set_up(state);
}

static inline int with_config(void **state)
{
	return new_file(state) || start_config(&in_file);
}

#define FILE_CASE(f) cmocka_unit_test_setup_teardown(f, new_file, tear_down)
#define CONFIG_CASE(f) \
	cmocka_unit_test_setup_teardown(f, with_config, tear_down)

static inline int new_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

/* Nothing else stands there. */
static inline int old_folder(void **state)
{
	static const char *const ends[] = { "", "-lock", "-new" };
	char path[80];
	size_t i;

	(void)state;
	do {
		for (i = 0; i < N_OF(ends); i++) {
			snprintf(path, sizeof(path), "%s%s", file, ends[i]);
			unlink(path);
		}
	} while (sscanf(file + strlen(folder), "/config%zu", &i) == 1 && i &&
		 snprintf(file, sizeof(file), "%s/config%zu", folder, i - 1));
	return rmdir(folder);
}

#define RUN_CONFIG_TESTS(tests) \
	(!!cmocka_run_group_tests(tests, new_folder, old_folder))

static inline int set(const char *path, struct fnd_config_value value)
{
	return fnd_config_update(&(struct fnd_config_setting){ path, value },
				 LONG);
}

#define SET(path, value) set(path, (struct fnd_config_value)value)

static inline const char *string_of(const char *path)
{
	static char buf[FND_CONFIG_STRING_MAX + 1];
	struct fnd_config_value v;

	return fnd_config_get(path, &v, buf, sizeof(buf)) ? NULL : v.string;
}

static inline uint64_t version(void)
{
	struct fnd_config_stats stats;

	assert_int_equal(fnd_config_stats(&stats, LONG), 0);
	return stats.version;
}

static inline void write_file(const char *text)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

#endif
