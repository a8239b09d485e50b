/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree of the services: one table, in the order of the guide. */
#include <mabeam/mabeam.h>

#include <errno.h>
#include <string.h>

#include <sup/sup.h>

#include "mabeam/service.h"

#define INTENSITY 3
#define PERIOD_S 5

/* Those of the table that have options. */
enum { CORE };

static const struct sup_child_spec children[] = {
	[CORE] = {
		.size = sizeof(children[0]), .id = "core",
		.start = mab_core_start,
	}, {
		.size = sizeof(children[0]), .id = "agent_supervisor",
		.start = mab_agent_supervisor_start, .type = SUP_SUPERVISOR,
	}, {
		.size = sizeof(children[0]), .id = "coordination",
		.start = mab_coordination_start,
	}, {
		.size = sizeof(children[0]), .id = "coordination_supervisor",
		.start = mab_coordination_supervisor_start,
		.type = SUP_SUPERVISOR,
	}, {
		.size = sizeof(children[0]), .id = "performance_monitor",
		.start = mab_performance_start,
	}, {
		.size = sizeof(children[0]), .id = "comms",
		.start = mab_comms_start,
	}, {
		.size = sizeof(children[0]), .id = "telemetry",
		.start = mab_telemetry_start,
	},
};

#define N (sizeof(children) / sizeof(children[0]))

int mab_mabeam_start(const void *options, struct sup_pid *ret_pid)
{
	struct sup_child_spec with_options[N];
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = MAB__MABEAM, .reg = true,
		.children = with_options, .n_children = N,
	};
	struct mab_mabeam_options o;
	int ret;

	ret = mab__copy_options(&o, sizeof(o), options);
	if (ret)
		return ret;
	spec.intensity = o.intensity ? o.intensity : INTENSITY;
	spec.period_s = o.period_s ? o.period_s : PERIOD_S;
	memcpy(with_options, children, sizeof(children));
	with_options[CORE].arg = o.core;
	return sup_supervisor_start(&spec, ret_pid);
}
