/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PerformanceMonitor: how agents do, and did. A server looks at all that run,
 * at an interval; figures that it cannot see are pushed. What is known is the
 * process's: it outlives the server. Any thread; of these calls configure,
 * start and sample alone are safe points.
 */
#ifndef MABEAM_PERFORMANCE_H
#define MABEAM_PERFORMANCE_H

#include <mabeam/agent.h>
#include <mabeam/figures.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mab_performance_options {
	size_t size;
	int64_t interval_ms;	/* between two looks; default 1000; < 0: none */
				/* but those of mab_performance_sample() */
	size_t history;		/* kept of an agent; default 1000 */
	size_t ended;		/* agents kept that are registered no more; */
				/* default 100 */
};

#define MAB_HISTORY_MAX 100000

/*
 * From now on; what is beyond the bounds is forgotten, oldest first. NULL: the
 * defaults. -EINVAL names the field.
 */
SUP_API int mab_performance_configure(const struct mab_performance_options *o);

/*
 * Starts the server: a child's start function, as sup_server_start(). options
 * are those of mab_performance_configure(), or NULL: as they are. -EEXIST it
 * runs; -EINVAL.
 */
SUP_API int mab_performance_start(const void *options, struct sup_pid *ret_pid);

/* Has it look now, and waits. -ENOTCONN; -EPIPE; -ETIMEDOUT; -EDEADLK. */
SUP_API int mab_performance_sample(int64_t deadline);

/*
 * All agents are monitored, but those that are not to be: of these nothing is
 * sampled, nor taken, and what is known stays. -ENOENT no such agent; -ENOMEM.
 */
SUP_API int mab_performance_watch(const char *id);
SUP_API int mab_performance_unwatch(const char *id);

/*
 * Adds figures to what is known; time_ns 0: of now. Errors: -EINVAL names what
 * is none; -ENOENT no such agent; -EPERM it is not monitored; -ENOMEM.
 */
SUP_API int mab_performance_push(const char *id,
				 const struct mab_figures *figures);

/*
 * The last value of each figure; what was sampled of this life alone, and rates
 * from its second look on. -ENOENT nothing is known.
 */
SUP_API int mab_performance_get(const char *id,
				struct mab_figures *ret_figures);

/*
 * The last ones, newest first, limit at most (0: all). *ret_figures is to
 * free(3), NULL if there are none. -ENOENT; -ENOMEM.
 */
SUP_API int mab_performance_history(const char *id, size_t limit,
				    struct mab_figures **ret_figures,
				    size_t *ret_n);

/*
 * One figure in the history of an agent; NULL: the last values of all agents
 * that are registered. -ENOENT nothing is known; -EINVAL; -ENOMEM.
 */
SUP_API int mab_performance_statistics(const char *id, enum mab_figure figure,
				       struct mab_statistics *ret_statistics);

enum mab_alert_kind {
	MAB_HIGH_CPU_USAGE,	/* beyond 0.9 */
	MAB_HIGH_MEMORY_USAGE,	/* beyond 2 GiB */
	MAB_HIGH_ERROR_RATE,	/* beyond 0.1 */
	MAB_LOW_THROUGHPUT,	/* below 1, while messages wait or if pushed */
	MAB_LONG_MAILBOX,	/* default: never */
	MAB_ALERTS
};

SUP_API const char *mab_alert_name(enum mab_alert_kind kind);

/* At its bound a figure is well. INFINITY, or 0 if it is low: never. */
struct mab_threshold {
	enum mab_alert_kind kind;
	double bound;
};

/*
 * Sets some, of what comes from now on; the others stay. NULL: those above.
 * -EINVAL: none is set.
 */
SUP_API int mab_performance_thresholds(const struct mab_threshold *thresholds,
				       size_t n);

/*
 * It is raised once, and cleared by the next figure that is well, or if its
 * agent has ended or is not monitored any more. Both are events of telemetry,
 * foundation.mabeam.performance.alert_raised, and alert_cleared.
 */
struct mab_alert {
	char id[MAB_NAME_MAX + 1];
	enum mab_alert_kind kind;
	double value, bound;	/* by which it was raised */
	int64_t raised_ns;	/* since 1970, UTC */
};

/* Those that are raised, by id: to free(3), NULL if there are none. -ENOMEM. */
SUP_API int mab_performance_alerts(struct mab_alert **ret_alerts,
				   size_t *ret_n);

struct mab_performance_status {
	struct mab_performance_options options;
	size_t agents, unwatched, ended; /* of which something is known */
	size_t figures, alerts;
	uint64_t rounds, sampled, pushed;
};

SUP_API void mab_performance_status(struct mab_performance_status *ret_status);

enum mab_export {
	MAB_JSON,	/* {"agents": {ID: [FIGURES, ...]}, "alerts": [...]} */
	MAB_CSV,	/* RFC 4180, a line of names first */
};

/*
 * The last figures of all agents as text, limit of each (0: all), newest first.
 * *ret_text is to free(3); its terminator is not in *ret_len. -EINVAL; -ENOMEM.
 */
SUP_API int mab_performance_export(enum mab_export format, size_t limit,
				   char **ret_text, size_t *ret_len);

/* Forgets all figures and alerts, without an event. */
SUP_API void mab_performance_clear(void);

#ifdef __cplusplus
}
#endif

#endif
