/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree of the services: one table, in the order of the guide. */
#include <foundation/foundation.h>

#include <sup/sup.h>

#include "foundation/service.h"

#define SHUTDOWN_MS 10000

static const struct sup_dynamic_spec tasks = {
	.size = sizeof(tasks), .name = FND__TASKS, .reg = true,
};

static const struct sup_child_spec children[] = {
	{
		.size = sizeof(children[0]), .id = "process_registry",
		.start = fnd_process_registry_start,
		.shutdown_ms = SHUTDOWN_MS,
	},
	{
		.size = sizeof(children[0]), .id = "task_supervisor",
		.start = sup_dynamic_start, .arg = &tasks,
		.type = SUP_SUPERVISOR,
	},
	{
		.size = sizeof(children[0]), .id = "locks",
		.start = fnd_locks_start, .shutdown_ms = SHUTDOWN_MS,
	},
	{
		.size = sizeof(children[0]), .id = "barriers",
		.start = fnd_barriers_start, .shutdown_ms = SHUTDOWN_MS,
	},
};

int fnd_foundation_start(const void *options, struct sup_pid *ret_pid)
{
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "foundation", .reg = true,
		.children = children,
		.n_children = sizeof(children) / sizeof(children[0]),
		.intensity = 10, .period_s = 60,
	};

	(void)options;
	return sup_supervisor_start(&spec, ret_pid);
}

struct sup_pid fnd_task_supervisor(void)
{
	return sup_whereis(FND__TASKS);
}
