/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"
#include "keep.h"
#include "service.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const struct config_child *cfg;
	char *path;		/* ids from the root, with slashes */
	struct sup_child_spec spec;

	/* a program */
	struct sup_process_spec process;
	char **env;

	const char **depends_on;	/* up to a NULL */

	struct service *service;

	/* a supervisor */
	struct sup_supervisor_spec supervisor;
	struct unit *children;
	struct sup_child_spec *specs;
};

static atomic_bool stopping;

void unit_stop_starting(void)
{
	atomic_store(&stopping, true);
}

static int start_program(const void *arg, struct sup_pid *ret_pid)
{
	const struct unit *u = arg;
	int ret;

	if (atomic_load(&stopping))
		return -ECANCELED;
	ret = keep_adopt(u->path, &u->process, ret_pid);
	if (ret == -ENOENT) {
		/* What is noted here is known as soon as it runs. */
		sup_start_async();
		ret = sup_process_start(&u->process, ret_pid);
	}
	if (ret == 0)
		keep_note(u->path, *ret_pid);
	return ret;
}

static int start_service(const void *arg, struct sup_pid *ret_pid)
{
	const struct unit *u = arg;

	if (atomic_load(&stopping))
		return -ECANCELED;
	return service_start(u->service, ret_pid);
}

static int init_program(struct unit *u)
{
	const struct config_child *cfg = u->cfg;
	char **argv;

	argv = calloc(cfg->n_argv + 1, sizeof(*argv));
	if (argv == NULL)
		return -ENOMEM;
	memcpy(argv, cfg->argv, cfg->n_argv * sizeof(*argv));
	u->process = (struct sup_process_spec){
		.size = sizeof(u->process),
		.name = cfg->id,
		.argv = (const char *const *)argv,
		.cwd = cfg->cwd,
		.output = cfg->output,
		.capture = cfg->capture,
		.readiness = cfg->ready,
		.ready_fd = cfg->ready_fd != NULL ? *cfg->ready_fd : 0,
		.ready_timeout_ms = cfg->ready_timeout_ms,
		.stop_signal = cfg->stop_signo,
		.watchdog_ms = cfg->watchdog_ms,
	};
	u->spec.start = start_program;
	u->env = calloc(cfg->n_env + 1, sizeof(*u->env));
	if (u->env == NULL)
		return -ENOMEM;
	if (cfg->n_env > 0)
		memcpy(u->env, cfg->env, cfg->n_env * sizeof(*u->env));
	u->process.env_set = (const char *const *)u->env;
	return 0;
}

static int init_unit(struct unit *u, const struct config_child *cfg,
		     const struct unit *parent);

static int init_supervisor(struct unit *u)
{
	const struct config_child *cfg = u->cfg;
	unsigned int i;

	u->children = calloc(cfg->n_children + 1, sizeof(*u->children));
	u->specs = calloc(cfg->n_children + 1, sizeof(*u->specs));
	if (u->children == NULL || u->specs == NULL)
		return -ENOMEM;
	for (i = 0; i < cfg->n_children; i++) {
		if (init_unit(&u->children[i], &cfg->children[i], u) < 0)
			return -ENOMEM;
		u->specs[i] = u->children[i].spec;
	}
	u->supervisor = (struct sup_supervisor_spec){
		.size = sizeof(u->supervisor),
		.name = cfg->id,
		.strategy = cfg->strategy,
		.intensity = SUP_INTENSITY_DEFAULT,
		.period_s = cfg->period_s,
		.children = u->specs,
		.n_children = cfg->n_children,
		.hold_ms = (uint32_t)cfg->hold_ms,
		.auto_shutdown = cfg->auto_shutdown,
	};
	if (cfg->intensity != NULL)
		u->supervisor.intensity = *cfg->intensity == 0 ?
			SUP_INTENSITY_NONE : (int)*cfg->intensity;
	u->spec.start = sup_supervisor_start;
	u->spec.arg = &u->supervisor;
	u->spec.type = SUP_SUPERVISOR;
	return 0;
}

static int init_restarts(struct unit *u)
{
	const struct config_child *cfg = u->cfg;

	u->spec.backoff = (struct sup_backoff){
		.min_ms = (uint32_t)cfg->backoff_ms,
		.max_ms = (uint32_t)cfg->backoff_max_ms,
		.stable_ms = (uint32_t)cfg->backoff_stable_ms,
	};
	if (cfg->backoff_factor != NULL)
		u->spec.backoff.factor = *cfg->backoff_factor;
	if (cfg->backoff_jitter != NULL)
		u->spec.backoff.jitter = *cfg->backoff_jitter;
	if (cfg->budget != NULL)
		u->spec.budget = (struct sup_budget){
			.intensity = *cfg->budget == 0 ? SUP_INTENSITY_NONE :
				     (int)*cfg->budget,
			.period_s = (uint32_t)(cfg->budget_period_ms / 1000),
			.spent = cfg->budget_spent,
		};
	if (cfg->flapping != NULL)
		u->spec.flapping = (struct sup_flapping){
			.restarts = *cfg->flapping,
			.period_s = (uint32_t)(cfg->flapping_period_ms / 1000),
			.stable_ms = (uint32_t)cfg->flapping_stable_ms,
		};
	if (cfg->n_depends_on == 0)
		return 0;
	u->depends_on = calloc(cfg->n_depends_on + 1, sizeof(*u->depends_on));
	if (u->depends_on == NULL)
		return -ENOMEM;
	memcpy(u->depends_on, cfg->depends_on,
	       cfg->n_depends_on * sizeof(*u->depends_on));
	u->spec.depends_on = u->depends_on;
	return 0;
}

static int init_unit(struct unit *u, const struct config_child *cfg,
		     const struct unit *parent)
{
	u->cfg = cfg;
	if (asprintf(&u->path, "%s%s%s", parent != NULL ? parent->path : "",
		     parent != NULL ? "/" : "", cfg->id) < 0) {
		u->path = NULL;
		return -ENOMEM;
	}
	u->spec = (struct sup_child_spec){
		.size = sizeof(u->spec),
		.id = cfg->id,
		.arg = u,
		.restart = cfg->restart,
		.significant = cfg->significant == CONFIG_YES,
		.shutdown_ms = cfg->shutdown_ms,
		.type = SUP_WORKER,
	};
	if (init_restarts(u) < 0)
		return -ENOMEM;
	if (cfg->n_argv > 0)
		return init_program(u);
	if (cfg->service != CONFIG_SERVICE_NONE) {
		u->spec.start = start_service;
		return service_new(cfg, &u->service);
	}
	return init_supervisor(u);
}

static void fini_unit(struct unit *u)
{
	unsigned int i;

	for (i = 0; u->children != NULL && i < u->cfg->n_children; i++)
		fini_unit(&u->children[i]);
	free(u->children);
	free(u->specs);
	free(u->depends_on);
	service_free(u->service);
	free((void *)u->process.argv);
	free(u->env);
	free(u->path);
}

int unit_new(const struct config_child *root, struct unit **ret_root)
{
	struct unit *u = calloc(1, sizeof(*u));
	int ret;

	if (u == NULL)
		return -ENOMEM;
	ret = init_unit(u, root, NULL);
	if (ret < 0) {
		unit_free(u);
		return ret;
	}
	*ret_root = u;
	return 0;
}

const struct sup_child_spec *unit_spec(const struct unit *root)
{
	return &root->spec;
}

void unit_free(struct unit *root)
{
	if (root == NULL)
		return;
	fini_unit(root);
	free(root);
}
