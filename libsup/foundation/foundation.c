/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tree of the services: one table, in the order of the guide. */
#include <foundation/foundation.h>

#include <sup/sup.h>

#include "foundation/service.h"

#define SHUTDOWN_MS 10000

static const struct sup_dynamic_spec tasks = {
	.size = sizeof(tasks), .name = FND__TASKS, .reg = true,
};

#define SERVICE(name, fn, options) { \
	.size = sizeof(struct sup_child_spec), .id = name, \
	.start = fn, .arg = options, .shutdown_ms = SHUTDOWN_MS, \
}

static int start(const struct fnd_foundation_options *o,
		 struct sup_pid *ret_pid)
{
	const struct sup_child_spec children[] = {
		SERVICE("process_registry", fnd_process_registry_start, NULL),
		SERVICE("event_store", fnd_event_store_start, o->event_store),
		{
			.size = sizeof(struct sup_child_spec),
			.id = "task_supervisor", .start = sup_dynamic_start,
			.arg = &tasks, .type = SUP_SUPERVISOR,
		},
		SERVICE("locks", fnd_locks_start, NULL),
		SERVICE("barriers", fnd_barriers_start, NULL),
		SERVICE("elections", fnd_elections_start, NULL),
		SERVICE("rate_limiter", fnd_rate_limiter_start, NULL),
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "foundation", .reg = true,
		.children = children,
		.n_children = sizeof(children) / sizeof(children[0]),
		.intensity = 10, .period_s = 60,
	};

	return sup_supervisor_start(&spec, ret_pid);
}

int fnd_foundation_start(const void *options, struct sup_pid *ret_pid)
{
	struct fnd_foundation_options o = { .size = sizeof(o) };
	int ret;

	ret = fnd__copy_options(&o, sizeof(o), options);
	return ret ? ret : start(&o, ret_pid);
}

struct sup_pid fnd_task_supervisor(void)
{
	return sup_whereis(FND__TASKS);
}
