/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libsup-foundation: services of an application. Includes the lot. */
#ifndef FOUNDATION_FOUNDATION_H
#define FOUNDATION_FOUNDATION_H

#include <foundation/application.h>
#include <foundation/circuit_breaker.h>
#include <foundation/config_server.h>
#include <foundation/consensus.h>
#include <foundation/coordination.h>
#include <foundation/ecosystem.h>
#include <foundation/election.h>
#include <foundation/error.h>
#include <foundation/error_codes.h>
#include <foundation/error_context.h>
#include <foundation/event_process.h>
#include <foundation/event_store.h>
#include <foundation/health_monitor.h>
#include <foundation/memory.h>
#include <foundation/metric.h>
#include <foundation/metrics_endpoint.h>
#include <foundation/pool.h>
#include <foundation/process_registry.h>
#include <foundation/protected.h>
#include <foundation/rate_limiter.h>
#include <foundation/service_monitor.h>
#include <foundation/service_registry.h>
#include <foundation/telemetry.h>
#include <foundation/types.h>
#include <foundation/vector_clock.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the options point to is read again when a service is restarted. */
struct fnd_foundation_options {
	size_t size;
	const struct fnd_event_store_options *event_store;
	const struct fnd_config_options *config_server;
	const struct fnd_telemetry_options *telemetry;
	const struct fnd_health_monitor_options *health_monitor;
	const struct fnd_service_monitor_options *service_monitor;
	const struct fnd_metrics_options *metrics; /* NULL: no endpoint */
	/* Of its supervisor: default 10; SUP_INTENSITY_NONE is none. */
	int intensity;
	unsigned int period_s;	/* default 60 */
};

/*
 * Starts a supervisor with all services as its children: one_for_one. Each is a
 * service of production, too, by the id of its child
 * (<foundation/service_registry.h>). There is one in a process. A start
 * function, for a child or an application, as sup_supervisor_start(); options
 * is a struct fnd_foundation_options, or NULL. Errors: -EEXIST it runs;
 * -EINVAL; as sup_supervisor_start(), and the start of each service, otherwise.
 */
SUP_API int fnd_foundation_start(const void *options, struct sup_pid *ret_pid);

/*
 * The task supervisor, which runs the jobs of the services, and those of the
 * application that it is given (<sup/job.h>). SUP_PID_NONE: it does not run.
 * Any thread.
 */
SUP_API struct sup_pid fnd_task_supervisor(void);

#ifdef __cplusplus
}
#endif

#endif
