/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libsup-mabeam: agents, and what works with them. Includes the lot. */
#ifndef MABEAM_MABEAM_H
#define MABEAM_MABEAM_H

#include <mabeam/agent.h>
#include <mabeam/agent_ask.h>
#include <mabeam/agent_metrics.h>
#include <mabeam/agent_process.h>
#include <mabeam/agent_supervisor.h>
#include <mabeam/agent_update.h>
#include <mabeam/comms.h>
#include <mabeam/coordination.h>
#include <mabeam/core.h>
#include <mabeam/load_balancer.h>
#include <mabeam/orchestration.h>
#include <mabeam/performance.h>
#include <mabeam/protocol.h>
#include <mabeam/telemetry.h>
#include <mabeam/telemetry_rule.h>
#include <mabeam/transport.h>
#include <mabeam/variable.h>
#include <mabeam/variable_look.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the options point to is read again when a service is restarted. */
struct mab_mabeam_options {
	size_t size;
	/* Of its supervisor: SUP_INTENSITY_NONE is 0; default 3 within 5 s. */
	int intensity;
	unsigned int period_s;
	const struct mab_core_options *core;
};

/*
 * Starts a supervisor with all services as its children: one_for_one. There is
 * one in a process. A start function, for a child or an application, as
 * sup_supervisor_start(); options is a struct mab_mabeam_options, or NULL.
 * Services that use those of libsup-foundation say so: start it before
 * (fnd_foundation_start()). Errors: -EEXIST it runs; -EINVAL; as
 * sup_supervisor_start(), and the start of each service, otherwise.
 */
SUP_API int mab_mabeam_start(const void *options, struct sup_pid *ret_pid);

#ifdef __cplusplus
}
#endif

#endif
