/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree of the services: one table, in the order of the guide. Each start
 * also makes its task a service of production, by the id of its child, so that
 * it can be looked up, checked and waited for.
 */
#include <foundation/foundation.h>

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include <sup/sup.h>

#include "foundation/application_in.h"
#include "foundation/service.h"

#define INTENSITY 10
#define PERIOD_S 60
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
	/*
	 * It is there if it has options. What keeps it from starting again is
	 * not within this process, and no reason to end the others.
	 */
	bool optional;
};

static const struct part parts[] = {
	{
		.id = "process_registry", .name = FND__PROCESS_REGISTRY,
		.start = fnd_process_registry_start,
		.depends_on = DEPENDS(FND__TASKS_SERVICE),
	}, {
		.id = "service_registry", .name = FND__SERVICES,
		.start = fnd_service_registry_start,
		.depends_on = DEPENDS(FND__TASKS_SERVICE),
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
		.id = "metrics_endpoint", .name = FND__METRICS,
		.start = fnd_metrics_start, .option = OPTION(metrics),
		.depends_on = DEPENDS("telemetry_service"), .optional = true,
	}, {
		.id = "health_monitor", .name = FND__HEALTH_MONITOR,
		.start = fnd_health_monitor_start,
		.option = OPTION(health_monitor),
		.depends_on = DEPENDS("service_registry", FND__TASKS_SERVICE),
	}, {
		.id = "service_monitor", .name = FND__SERVICE_MONITOR,
		.start = fnd_service_monitor_start,
		.option = OPTION(service_monitor),
		.depends_on = DEPENDS("service_registry", FND__TASKS_SERVICE),
	}, {
		.id = FND__TASKS_SERVICE, .name = FND__TASKS,
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
		.depends_on = DEPENDS(FND__TASKS_SERVICE),
	}, {
		.id = "rate_limiter", .name = FND__RATE_LIMITER,
		.start = fnd_rate_limiter_start,
	},
};

#define N_PARTS (sizeof(parts) / sizeof(parts[0]))

/* Of those that are optional: whether the last start had them. */
static _Atomic bool is_planted[N_PARTS];

static bool is_there(size_t i)
{
	return !parts[i].optional || atomic_load(&is_planted[i]);
}

static enum fnd_phase phase_of(size_t i)
{
	while (i && !parts[i].phase)
		i--;
	return parts[i].phase;
}

bool fnd__part(size_t i, const char **ret_id, enum fnd_phase *ret_phase)
{
	size_t nth;

	for (nth = 0; nth < N_PARTS; nth++)
		if (is_there(nth) && !i--)
			break;
	if (nth == N_PARTS)
		return false;
	*ret_id = parts[nth].id;
	*ret_phase = phase_of(nth);
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
	if (!ret && p->start == sup_dynamic_start)
		fnd__restarts_go_on(*ret_pid);
	/* It has ended already: as a child, of which its supervisor hears. */
	if (ret == -ESRCH)
		return 0;
	if (ret && !sup_exit(*ret_pid, &SUP_SHUTDOWN))
		sup_wait(*ret_pid, NULL, SUP_FOREVER);
	return ret;
}

static const void *arg_of(const struct part *p,
			  const struct fnd_foundation_options *o)
{
	if (!p->option)
		return p->arg;
	return *(const void *const *)((const char *)o + p->option);
}

static struct sup_child_spec child_of(const struct part *p)
{
	const bool is_supervisor = p->type == SUP_SUPERVISOR;
	struct sup_child_spec c = {
		.size = sizeof(c), .id = p->id, .start = start_part, .arg = p,
		.type = p->type, .hang_ms = is_supervisor ? 0 : HANG_MS,
		.shutdown_ms = is_supervisor ? SUP_SHUTDOWN_DEFAULT :
			       SHUTDOWN_MS,
	};

	if (p->optional)
		c.budget = (struct sup_budget){ INTENSITY, PERIOD_S,
						SUP_SPENT_STOP };
	return c;
}

/* One that an earlier start had is not a service that is down. */
static void forget(const char *id)
{
	struct fnd_service *s;
	bool is_down;

	if (fnd_service_get(FND_PRODUCTION, id, &s))
		return;
	is_down = !s->pid.v;
	free(s);
	if (is_down)
		fnd_service_unregister(FND_PRODUCTION, id);
}

static size_t plant(struct tree *t, const struct fnd_foundation_options *o)
{
	size_t i, n = 0;

	for (i = 0; i < N_PARTS; i++) {
		t->parts[n] = parts[i];
		t->parts[n].arg = arg_of(&parts[i], o);
		atomic_store(&is_planted[i], t->parts[n].arg);
		if (parts[i].optional && !t->parts[n].arg) {
			forget(parts[i].id);
			continue;
		}
		t->children[n] = child_of(&t->parts[n]);
		n++;
	}
	return n;
}

static int init(void *options, struct sup_supervisor_spec *spec)
{
	const struct fnd_foundation_options *o = options;
	struct tree *t = sup_alloc(sizeof(*t));

	if (!t)
		return -ENOMEM;
	spec->n_children = plant(t, o);
	spec->children = t->children;
	spec->intensity = o->intensity ? o->intensity : INTENSITY;
	spec->period_s = o->period_s ? o->period_s : PERIOD_S;
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
