/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exit/plan.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sup/process.h>

#include "base/alloc.h"
#include "base/error.h"

#define NOTIFY_VAR "NOTIFY_SOCKET="

static int check_spec(const struct sup_process_spec *spec)
{
	if (!spec->argv || !spec->argv[0] || !spec->argv[0][0])
		return sup__error(-EINVAL, "argv[0] is missing");
	if (spec->readiness != SUP_READY_EXEC &&
	    spec->readiness != SUP_READY_NOTIFY)
		return sup__error(-EINVAL, "readiness %d is unknown",
				  (int)spec->readiness);
	if (spec->stop_signal < 0 || spec->stop_signal > SIGRTMAX)
		return sup__error(-EINVAL, "stop_signal %d is no signal",
				  spec->stop_signal);
	if (spec->ready_timeout_ms < 0)
		return sup__error(-EINVAL, "ready_timeout_ms is negative");
	if (spec->reg && (!spec->name || !spec->name[0]))
		return sup__error(-EINVAL, "reg is set and name is missing");
	return 0;
}

/* "dir/name"; an empty dir in PATH is the current one, execvp(3). */
static char *join(const char *dir, size_t len, const char *name)
{
	size_t size = len + strlen(name) + 3;
	char *path = sup__alloc(size);

	if (path && len)
		snprintf(path, size, "%.*s/%s", (int)len, dir, name);
	else if (path)
		snprintf(path, size, "./%s", name);
	return path;
}

static size_t count_dirs(const char *search)
{
	size_t n = 1;

	for (; *search; search++)
		n += *search == ':';
	return n;
}

static int make_paths(struct sup__plan *plan, const char *name)
{
	const char *search = getenv("PATH");
	size_t n = 0, len;

	if (!search)
		search = "/bin:/usr/bin";
	plan->paths = sup__calloc(count_dirs(search) + 1, sizeof(char *));
	if (!plan->paths)
		goto no_memory;
	if (strchr(name, '/')) {
		plan->paths[0] = sup__strdup(name);
		return plan->paths[0] ? 0 : sup__error_nomem("argv[0]");
	}
	for (;; search += len + 1) {
		len = strcspn(search, ":");
		plan->paths[n] = join(search, len, name);
		if (!plan->paths[n++])
			goto no_memory;
		if (!search[len])
			return 0;
	}

no_memory:
	return sup__error_nomem("PATH");
}

/*
 * A NOTIFY_SOCKET of ours is whoever started us waiting for us: a child must
 * not answer there, so it is taken out of what is inherited.
 */
static int make_env(struct sup__plan *plan, const char *notify_name)
{
	const char *const *from = plan->spec->envp;
	size_t n = 0, i, size;
	bool drop = notify_name || !from;

	if (!from)
		from = (const char *const *)environ;
	while (from && from[n])
		n++;
	plan->envp = sup__calloc(n + 2, sizeof(char *));
	if (!plan->envp)
		return sup__error_nomem("envp");
	for (i = 0, n = 0; from && from[i]; i++)
		if (!drop || strncmp(from[i], NOTIFY_VAR, strlen(NOTIFY_VAR)))
			plan->envp[n++] = (char *)from[i];
	if (!notify_name)
		return 0;
	size = strlen(NOTIFY_VAR) + strlen(notify_name) + 1;
	plan->notify_env = sup__alloc(size);
	if (!plan->notify_env)
		return sup__error_nomem("envp");
	snprintf(plan->notify_env, size, "%s%s", NOTIFY_VAR, notify_name);
	plan->envp[n] = plan->notify_env;
	return 0;
}

int sup__plan_init(struct sup__plan *plan, const struct sup_process_spec *spec,
		   const char *notify_name)
{
	int ret;

	memset(plan, 0, sizeof(*plan));
	ret = check_spec(spec);
	if (ret)
		return ret;
	plan->spec = spec;
	ret = make_paths(plan, spec->argv[0]);
	if (!ret)
		ret = make_env(plan, notify_name);
	if (ret)
		sup__plan_fini(plan);
	return ret;
}

void sup__plan_fini(struct sup__plan *plan)
{
	size_t i;

	for (i = 0; plan->paths && plan->paths[i]; i++)
		sup__free(plan->paths[i]);
	sup__free(plan->paths);
	sup__free(plan->envp);
	sup__free(plan->notify_env);
	memset(plan, 0, sizeof(*plan));
}

static int exec_error(const struct sup__plan *plan, int err)
{
	const char *name = plan->spec->argv[0];
	size_t i;

	/* The file is there: then what is not is what its #! or ELF names. */
	for (i = 0; err == -ENOENT && plan->paths[i]; i++)
		if (plan->paths[i][0] == '/' && !access(plan->paths[i], F_OK))
			return sup__error(err, "argv[0]: the interpreter of "
					  "\"%s\" is missing", plan->paths[i]);
	if (err == -ENOENT && !strchr(name, '/'))
		return sup__error(err, "argv[0]: no such program \"%s\" in "
				  "PATH", name);
	return sup__error_sys(err, "argv[0]: \"%s\"", name);
}

int sup__plan_error(const struct sup__plan *plan, enum sup__step step, int err)
{
	switch (step) {
	case SUP__STEP_DESCRIPTORS:
		return sup__error_sys(err, "closing descriptors");
	case SUP__STEP_SESSION:
		return sup__error_sys(err, "a session of its own");
	case SUP__STEP_STDIN:
		return sup__error_sys(err, "stdin from /dev/null");
	case SUP__STEP_OUTPUT:
		return sup__error_sys(err, "output \"%s\"", plan->spec->output);
	case SUP__STEP_CWD:
		return sup__error_sys(err, "cwd \"%s\"", plan->spec->cwd);
	case SUP__STEP_EXEC:
		break;
	}
	return exec_error(plan, err);
}
