/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree of the services: one table, in the order of the guide. Each start
 * also makes its task a service of production, by the id of its child, so that
 * it can be looked up, checked and waited for.
 */
#include <foundation/foundation.h>

#include <errno.h>
#include <stddef.h>

#include <sup/sup.h>

#include "foundation/application_in.h"
#include "foundation/service.h"

#define SHUTDOWN_MS 10000
#define HANG_MS 10000	/* none of them waits for others in its loop */

#define DEPENDS(...) (const char *const[]){ __VA_ARGS__, NULL }
#define OPTION(name) offsetof(struct fnd_foundation_options, name)

static const struct sup_dynamic_spec tasks = {
	.size = sizeof(tasks), .name = FND__TASKS, .reg = true,
};

/* One of the table. */
struct part {
	const char *id;
	const char *name;		/* under which its task is registered */
	int (*start)(const void *arg, struct sup_pid *ret_pid);
	const void *arg;		/* of start; or */
	size_t option;			/* where it is in the options, or 0 */
	const char *const *depends_on;
	enum sup_child_type type;
	enum fnd_phase phase;		/* of the first of each */
};

static const struct part parts[] = {
	{
		.id = "process_registry", .name = FND__PROCESS_REGISTRY,
		.start = fnd_process_registry_start,
		.depends_on = DEPENDS("task_supervisor"),
	}, {
		.id = "service_registry", .name = FND__SERVICES,
		.start = fnd_service_registry_start,
		.depends_on = DEPENDS("task_supervisor"),
		.phase = FND_PHASE_SERVICES,
	}, {
		.id = "config_server", .name = FND__CONFIG_SERVER,
		.start = fnd_config_server_start,
		.option = OPTION(config_server),
	}, {
		.id = "event_store", .name = FND__EVENT_STORE,
		.start = fnd_event_store_start, .option = OPTION(event_store),
	}, {
		.id = "telemetry_service", .name = FND__TELEMETRY,
		.start = fnd_telemetry_start, .option = OPTION(telemetry),
	}, {
		.id = "health_monitor", .name = FND__HEALTH_MONITOR,
		.start = fnd_health_monitor_start,
		.option = OPTION(health_monitor),
		.depends_on = DEPENDS("service_registry", "task_supervisor"),
	}, {
		.id = "service_monitor", .name = FND__SERVICE_MONITOR,
		.start = fnd_service_monitor_start,
		.option = OPTION(service_monitor),
		.depends_on = DEPENDS("service_registry", "task_supervisor"),
	}, {
		.id = "task_supervisor", .name = FND__TASKS,
		.start = sup_dynamic_start, .arg = &tasks,
		.type = SUP_SUPERVISOR,
	}, {
		.id = "locks", .name = FND__LOCKS, .start = fnd_locks_start,
		.phase = FND_PHASE_COORDINATION,
	}, {
		.id = "barriers", .name = FND__BARRIERS,
		.start = fnd_barriers_start,
	}, {
		.id = "elections", .name = FND__ELECTIONS,
		.start = fnd_elections_start,
	}, {
		.id = "connection_manager", .name = FND__POOLS,
		.start = fnd_pools_start,
		.depends_on = DEPENDS("task_supervisor"),
	}, {
		.id = "rate_limiter", .name = FND__RATE_LIMITER,
		.start = fnd_rate_limiter_start,
	},
};

#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

bool fnd__part(size_t i, const char **ret_id, enum fnd_phase *ret_phase)
{
	size_t first = i;

	if (i >= N_PARTS)
		return false;
	while (first && !parts[first].phase)
		first--;
	*ret_id = parts[i].id;
	*ret_phase = parts[first].phase;
	return true;
}

/* What the supervisor has of it: memory of its task. */
struct tree {
	struct sup_child_spec children[N_PARTS];
	struct part parts[N_PARTS];
};

static int start_part(const void *arg, struct sup_pid *ret_pid)
{
	const struct part *p = arg;
	const struct fnd_service_spec spec = {
		.size = sizeof(spec), .depends_on = p->depends_on,
		.health = p->type == SUP_SUPERVISOR ? fnd__ping_supervisor :
			  fnd__ping, .health_arg = (void *)p->name,
		.supervisor = FND_APPLICATION, .child = p->id,
	};
	int ret;

	ret = p->start(p->arg, ret_pid);
	if (ret)
		return ret;
	ret = fnd_service_register(FND_PRODUCTION, p->id, *ret_pid, &spec,
				   NULL);
	/* It has ended already: as a child, of which its supervisor hears. */
	if (ret == -ESRCH)
		return 0;
	if (ret && !sup_exit(*ret_pid, &SUP_SHUTDOWN))
		sup_wait(*ret_pid, NULL, SUP_FOREVER);
	return ret;
}

static void plant(struct tree *t, const struct fnd_foundation_options *o)
{
	const void *const *option;
	size_t i;

	for (i = 0; i < N_PARTS; i++) {
		t->parts[i] = parts[i];
		option = (const void *)((const char *)o + parts[i].option);
		if (parts[i].option)
			t->parts[i].arg = *option;
		t->children[i] = (struct sup_child_spec){
			.size = sizeof(t->children[i]), .id = parts[i].id,
			.start = start_part, .arg = &t->parts[i],
			.type = parts[i].type,
			.hang_ms = parts[i].type == SUP_SUPERVISOR ? 0 :
				   HANG_MS,
			.shutdown_ms = parts[i].type == SUP_SUPERVISOR ?
				       SUP_SHUTDOWN_DEFAULT : SHUTDOWN_MS,
		};
	}
}

static int init(void *options, struct sup_supervisor_spec *spec)
{
	struct tree *t = sup_alloc(sizeof(*t));

	if (!t)
		return -ENOMEM;
	plant(t, options);
	spec->children = t->children;
	spec->n_children = N_PARTS;
	spec->intensity = 10;
	spec->period_s = 60;
	return 0;
}

int fnd_foundation_start(const void *options, struct sup_pid *ret_pid)
{
	struct fnd_foundation_options o = { .size = sizeof(o) };
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = FND_APPLICATION, .reg = true,
		.init = init, .init_arg = &o,
	};
	int ret;

	ret = fnd__copy_options(&o, sizeof(o), options);
	return ret ? ret : sup_supervisor_start(&spec, ret_pid);
}

struct sup_pid fnd_task_supervisor(void)
{
	return sup_whereis(FND__TASKS);
}
