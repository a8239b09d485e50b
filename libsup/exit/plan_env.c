/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exit/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sup/process.h>

#include "base/alloc.h"
#include "base/error.h"

#define NOTIFY_NAME "NOTIFY_SOCKET"

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static bool is_named(const char *entry, const char *name, size_t len)
{
	return !strncmp(entry, name, len) && entry[len] == '=';
}

static int check(const struct sup_process_spec *spec)
{
	size_t i, n = count(spec->env_set);

	for (i = 0; i < n; i++)
		if (strcspn(spec->env_set[i], "=") == 0 ||
		    !strchr(spec->env_set[i], '='))
			return sup__error(-EINVAL, "env_set[%zu]: \"%.99s\" is "
					  "not NAME=value", i,
					  spec->env_set[i]);
	n = count(spec->env_unset);
	for (i = 0; i < n; i++)
		if (!spec->env_unset[i][0] || strchr(spec->env_unset[i], '='))
			return sup__error(-EINVAL, "env_unset[%zu]: \"%.99s\" is "
					  "no name", i, spec->env_unset[i]);
	return 0;
}

static size_t drop(char **envp, size_t n, const char *name)
{
	size_t i, kept = 0, len = strcspn(name, "=");

	for (i = 0; i < n; i++)
		if (!is_named(envp[i], name, len))
			envp[kept++] = envp[i];
	return kept;
}

static size_t put(char **envp, size_t n, const char *entry)
{
	n = drop(envp, n, entry);
	envp[n] = (char *)entry;
	return n + 1;
}

static int make_notify(struct sup__plan *plan, const char *name)
{
	size_t size = sizeof(NOTIFY_NAME "=") + strlen(name);

	plan->notify_env = sup__alloc(size);
	if (!plan->notify_env)
		return sup__error_nomem("envp");
	snprintf(plan->notify_env, size, NOTIFY_NAME "=%s", name);
	return 0;
}

static size_t put_watchdog(struct sup__plan *plan, size_t n)
{
	snprintf(plan->watchdog_env, sizeof(plan->watchdog_env),
		 "WATCHDOG_USEC=%" PRId64, plan->spec->watchdog_ms * 1000);
	snprintf(plan->watchdog_pid, sizeof(plan->watchdog_pid),
		 SUP__WATCHDOG_PID);
	n = put(plan->envp, n, plan->watchdog_env);
	return put(plan->envp, n, plan->watchdog_pid);
}

static size_t put_function(struct sup__plan *plan, size_t n)
{
	snprintf(plan->function_env, sizeof(plan->function_env),
		 SUP__FUNCTION_ENV "=%d", plan->function_to);
	return put(plan->envp, n, plan->function_env);
}

/*
 * A NOTIFY_SOCKET of ours is whoever started us waiting for us: a child must
 * not answer there, so it is taken out of what is inherited.
 */
int sup__plan_env(struct sup__plan *plan, const char *notify_name)
{
	const struct sup_process_spec *spec = plan->spec;
	const char *const *from = spec->envp;
	size_t n, i, n_set = count(spec->env_set);
	int ret;

	ret = check(spec);
	if (ret)
		return ret;
	if (!from)
		from = (const char *const *)environ;
	n = count(from);
	plan->envp = sup__calloc(n + n_set + 5, sizeof(char *));
	if (!plan->envp)
		return sup__error_nomem("envp");
	for (i = 0; i < n; i++)
		plan->envp[i] = (char *)from[i];
	if (!spec->envp) {
		n = drop(plan->envp, n, NOTIFY_NAME);
		n = drop(plan->envp, n, "WATCHDOG_USEC");
		n = drop(plan->envp, n, "WATCHDOG_PID");
		n = drop(plan->envp, n, SUP__FUNCTION_ENV);
	}
	for (i = 0; i < count(spec->env_unset); i++)
		n = drop(plan->envp, n, spec->env_unset[i]);
	for (i = 0; i < n_set; i++)
		n = put(plan->envp, n, spec->env_set[i]);
	if (notify_name) {
		ret = make_notify(plan, notify_name);
		if (ret)
			return ret;
		n = put(plan->envp, n, plan->notify_env);
	}
	if (spec->watchdog_ms)
		n = put_watchdog(plan, n);
	if (plan->function_to)
		n = put_function(plan, n);
	plan->envp[n] = NULL;
	return 0;
}
