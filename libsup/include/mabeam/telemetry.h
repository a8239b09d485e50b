/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telemetry of agents: values that were measured, by whom they are of and what
 * they are; who asks for some gets those; rules say which are bad. All of it is
 * the process's: it outlives the server, which forgets what is too old. Any
 * thread; of these calls configure, start and clean_up alone are safe points.
 */
#ifndef MABEAM_TELEMETRY_H
#define MABEAM_TELEMETRY_H

#include <mabeam/agent.h>
#include <mabeam/figures.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mab_telemetry_options {
	size_t size;
	int64_t retention_ms;	/* what is older is not there any more; */
				/* default an hour; < 0: never */
	int64_t cleanup_ms;	/* between two clean-ups; default 30,000 */
	size_t each;		/* kept of one name of one; default 100 */
	size_t total;		/* of all; default 10,000 */
};

#define MAB_METRICS_MAX 1000000

/* From now on; NULL: the defaults. -EINVAL names the field. */
SUP_API int mab_telemetry_configure(const struct mab_telemetry_options *o);

/*
 * Starts the server: a child's start function, as sup_server_start(). options
 * are those of mab_telemetry_configure(), or NULL: as they are. -EEXIST it
 * runs; -EINVAL.
 */
SUP_API int mab_telemetry_start(const void *options, struct sup_pid *ret_pid);

/*
 * Has it clean up now, and waits: what is too old is forgotten, and what is in
 * the windows of rules is judged. -ENOTCONN; -EPIPE; -ETIMEDOUT; -EDEADLK.
 */
SUP_API int mab_telemetry_clean_up(int64_t deadline);

enum mab_source {
	MAB_OF_AGENT,		/* of: its id; it need not be registered */
	MAB_OF_COORDINATION,	/* of: a protocol */
	MAB_OF_SYSTEM,		/* of: NULL, or "" */
	MAB_SOURCES
};

#define MAB_SOURCE_BIT(source) (1u << (source))

/* As "agent"; "unknown" for what is none. */
SUP_API const char *mab_source_name(enum mab_source source);

/*
 * Notes a value; time_ns is in ns since 1970, UTC; 0: now. Beyond the bounds
 * the one that came first is forgotten. -EINVAL; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int mab_telemetry_record(enum mab_source source, const char *of,
				 const char *name, double value,
				 int64_t time_ns);

struct mab_metric {
	enum mab_source source;
	char of[MAB_NAME_MAX + 1];
	char name[MAB_NAME_MAX + 1];
	double value;
	int64_t time_ns;
};

/* What is looked for; zero members match all. */
struct mab_metric_query {
	uint32_t sources;	/* MAB_SOURCE_BIT()s */
	const char *of, *name;
	int64_t from_ns;	/* not before that */
	int64_t until_ns;	/* before that */
};

/*
 * Those that match, newest first, limit at most (0: all); query may be NULL.
 * *ret_metrics is to free(3), NULL if there are none. -ENOMEM.
 */
SUP_API int mab_telemetry_query(const struct mab_metric_query *query,
				size_t limit, struct mab_metric **ret_metrics,
				size_t *ret_n);

struct mab_aggregate {
	struct mab_statistics statistics;
	double sum;
	double last;		/* the newest; 0: there is none */
	int64_t first_ns, last_ns;	/* the times of the oldest and newest */
};

/* What those that match come to. -ENOMEM. */
SUP_API int mab_telemetry_aggregate(const struct mab_metric_query *query,
				    struct mab_aggregate *ret_aggregate);

struct mab_telemetry_status {
	struct mab_telemetry_options options;
	size_t metrics, series, rules, alerts;
	uint64_t recorded, forgotten, cleanups;
};

SUP_API void mab_telemetry_status(struct mab_telemetry_status *ret_status);

/* Forgets all values and alerts, without an event; rules stay. */
SUP_API void mab_telemetry_clear(void);

#ifdef __cplusplus
}
#endif

#endif
