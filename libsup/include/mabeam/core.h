/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Core: variables that agents share (<mabeam/variable.h>,
 * <mabeam/variable_look.h>), orchestrations (<mabeam/orchestration.h>), and
 * what the system is like. The service tells subscribers, ends runs that are
 * too late, and sets limits. Any thread.
 */
#ifndef MABEAM_CORE_H
#define MABEAM_CORE_H

#include <foundation/service_health.h>
#include <mabeam/agent.h>
#include <mabeam/orchestration.h>
#include <mabeam/variable.h>
#include <mabeam/variable_look.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits of what is made from now on. */
struct mab_core_options {
	size_t size;
	size_t max_variables;	/* and orchestrations; default 1000 */
	size_t max_value;	/* bytes; default, and most: MAB_VALUE_MAX */
	size_t max_history;	/* versions of a variable; default 100 */
	size_t max_subscribers;	/* of a variable; default 1000 */
};

/*
 * Starts the service: a child's start function, as sup_server_start(). options
 * is a struct mab_core_options, or NULL. -EEXIST it runs; -EINVAL; as
 * sup_server_start() otherwise.
 */
SUP_API int mab_core_start(const void *options, struct sup_pid *ret_pid);

struct mab_core_status {
	/*
	 * UNHEALTHY: Core does not run, or less than half of the runs in the
	 * history are DONE; DEGRADED: less than 0.8, or one is overdue, or
	 * there is no room for one more variable.
	 */
	enum fnd_health health;
	bool runs;			/* Core does */
	int64_t uptime_ns;		/* of it, or 0 */
	size_t agents[MAB_STATES];	/* in each state */
	size_t variables;
	uint64_t updates;		/* of variables, ever */
	size_t orchestrations;
	size_t running, overdue;	/* runs; who is overdue runs, too */
	uint64_t ended, failed;		/* runs, ever; all but DONE */
	double success;			/* of those in the history; none: 1 */
	int64_t average_ns;		/* of all runs that have ended */
};

/* What there is at this moment. A safe point. -ENOMEM. */
SUP_API int mab_core_status(struct mab_core_status *ret_status);

#ifdef __cplusplus
}
#endif

#endif
