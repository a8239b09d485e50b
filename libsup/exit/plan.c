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

#define WATCHDOG_MAX_MS 1000000000
#define READY_FD 3	/* as s6 has it in its examples */

static int check_fds(const struct sup_process_spec *spec)
{
	const char *const files[] = { spec->input, spec->output, spec->errors };
	static const char *const names[] = { "input", "output", "errors" };
	const struct sup_fd *fd;
	size_t i;

	if (spec->n_fds && !spec->fds)
		return sup__error(-EINVAL, "fds is missing");
	for (i = 0; i < spec->n_fds; i++) {
		fd = &spec->fds[i];
		if (fd->from < 0)
			return sup__error(-EINVAL, "fds[%zu]: from is %d", i,
					  fd->from);
		if (fd->to < 0 || fd->to > SUP_FD_MAX)
			return sup__error(-EINVAL, "fds[%zu]: to is %d, of at "
					  "most %d", i, fd->to, SUP_FD_MAX);
		if (fd->to <= 2 && files[fd->to])
			return sup__error(-EINVAL, "fds[%zu]: %s says what "
					  "descriptor %d is", i,
					  names[fd->to], fd->to);
	}
	/* 0 is none: it stands for the default. */
	if (spec->ready_fd == 1 || spec->ready_fd == 2)
		if (files[spec->ready_fd])
			return sup__error(-EINVAL, "ready_fd: %s says what "
					  "descriptor %d is",
					  names[spec->ready_fd],
					  spec->ready_fd);
	return 0;
}

static int check_capture(const struct sup_process_spec *spec)
{
	if ((unsigned int)spec->capture > SUP_CAPTURE_ERRORS)
		return sup__error(-EINVAL, "capture %d is unknown",
				  (int)spec->capture);
	if (spec->capture == SUP_CAPTURE_OUTPUT && spec->output)
		return sup__error(-EINVAL, "capture: output says where stdout "
				  "goes");
	if (spec->capture == SUP_CAPTURE_ERRORS && spec->errors)
		return sup__error(-EINVAL, "capture: errors says where stderr "
				  "goes");
	if (!spec->capture && (spec->capture_bytes || spec->capture_lines ||
			       spec->capture_log))
		return sup__error(-EINVAL, "capture is missing, of which "
				  "capture_bytes, capture_lines and "
				  "capture_log speak");
	if (spec->capture_bytes > SUP_CAPTURE_MAX)
		return sup__error(-EINVAL, "capture_bytes is %zu, of at most "
				  "%d", spec->capture_bytes, SUP_CAPTURE_MAX);
	return 0;
}

static int check_rlimits(const struct sup_process_spec *spec)
{
	size_t i;

	if (spec->n_rlimits && !spec->rlimits)
		return sup__error(-EINVAL, "rlimits is missing");
	for (i = 0; i < spec->n_rlimits; i++)
		if (spec->rlimits[i].soft > spec->rlimits[i].hard)
			return sup__error(-EINVAL, "rlimits[%zu]: soft is "
					  "above hard", i);
	return 0;
}

static int check_spec(const struct sup_process_spec *spec)
{
	if (!spec->argv || !spec->argv[0] || !spec->argv[0][0])
		return sup__error(-EINVAL, "argv[0] is missing");
	if ((unsigned int)spec->readiness > SUP_READY_MESSAGE)
		return sup__error(-EINVAL, "readiness %d is unknown",
				  (int)spec->readiness);
	if (spec->readiness == SUP_READY_MESSAGE && !spec->function)
		return sup__error(-EINVAL, "readiness SUP_READY_MESSAGE needs "
				  "a function");
	if (spec->ready_fd < 0 || spec->ready_fd > SUP_FD_MAX)
		return sup__error(-EINVAL, "ready_fd is %d, of at most %d",
				  spec->ready_fd, SUP_FD_MAX);
	if (spec->ready_fd && spec->readiness != SUP_READY_FD)
		return sup__error(-EINVAL, "ready_fd needs readiness "
				  "SUP_READY_FD");
	if (spec->stop_signal < 0 || spec->stop_signal > SIGRTMAX)
		return sup__error(-EINVAL, "stop_signal %d is no signal",
				  spec->stop_signal);
	if (spec->ready_timeout_ms < 0)
		return sup__error(-EINVAL, "ready_timeout_ms is negative");
	if (spec->watchdog_ms < 0 || spec->watchdog_ms > WATCHDOG_MAX_MS)
		return sup__error(-EINVAL, "watchdog_ms is not from 0 to "
				  "%d", WATCHDOG_MAX_MS);
	if (spec->watchdog_signal < 0 || spec->watchdog_signal > SIGRTMAX ||
	    (spec->watchdog_signal && !spec->watchdog_ms))
		return sup__error(-EINVAL, "watchdog_signal %d is no signal, "
				  "or watchdog_ms is missing",
				  spec->watchdog_signal);
	if (spec->stop_timeout_ms < 0)
		return sup__error(-EINVAL, "stop_timeout_ms is negative");
	if (spec->reg && (!spec->name || !spec->name[0]))
		return sup__error(-EINVAL, "reg is set and name is missing");
	if (spec->umask & ~0777)
		return sup__error(-EINVAL, "umask 0%o is none",
				  (unsigned int)spec->umask);
	return check_fds(spec) ?: check_rlimits(spec) ?: check_capture(spec);
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

	/* A descriptor has no name that is looked up. */
	if (plan->program_fd >= 0)
		search = name = "";

	if (!search)
		search = "/bin:/usr/bin";
	plan->paths = sup__calloc(count_dirs(search) + 1, sizeof(char *));
	if (!plan->paths)
		goto no_memory;
	if (strchr(name, '/') || !name[0]) {
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

static int by_rising_to(const void *a, const void *b)
{
	return ((const struct sup_fd *)a)->to - ((const struct sup_fd *)b)->to;
}

int sup__plan_ready_fd(const struct sup_process_spec *spec)
{
	return spec->ready_fd ? spec->ready_fd : READY_FD;
}

static void add_fd(struct sup__plan *plan, int from, int to)
{
	plan->fds[plan->n_fds++] = (struct sup_fd){ from, to };
}

static bool is_given(const struct sup__plan *plan, int to)
{
	size_t i;

	for (i = 0; i < plan->n_fds; i++)
		if (plan->fds[i].to == to)
			return true;
	return false;
}

/* stderr goes with stdout, unless something says where else. */
static void add_extra(struct sup__plan *plan,
		      const struct sup__plan_extra *extra)
{
	const struct sup_process_spec *spec = plan->spec;

	if (spec->readiness == SUP_READY_FD)
		add_fd(plan, extra->ready_fd, sup__plan_ready_fd(spec));
	if (spec->capture == SUP_CAPTURE_OUTPUT)
		add_fd(plan, extra->output_fd, 1);
	if (spec->capture == SUP_CAPTURE_ERRORS ||
	    (spec->capture && !spec->errors && !is_given(plan, 2)))
		add_fd(plan, extra->output_fd, 2);
}

/* The lowest that nothing else has. */
static void add_function(struct sup__plan *plan, int from)
{
	int to = 3;

	while (is_given(plan, to))
		to++;
	plan->function_to = to;
	add_fd(plan, from, to);
}

/* What else than fds may have given it this one. */
static const char *giver_of(const struct sup_process_spec *spec, int to)
{
	if (spec->readiness == SUP_READY_FD && sup__plan_ready_fd(spec) == to)
		return "ready_fd";
	if (spec->capture && to == (spec->capture == SUP_CAPTURE_OUTPUT ? 1 :
				    2))
		return "capture";
	return "fds";
}

static int make_fds(struct sup__plan *plan, const struct sup__plan_extra *extra)
{
	const struct sup_process_spec *spec = plan->spec;
	size_t i, room = spec->n_fds + 4;

	plan->fds = sup__calloc(room, sizeof(*plan->fds));
	plan->fd_scratch = sup__calloc(room, sizeof(int));
	if (!plan->fds || !plan->fd_scratch)
		return sup__error_nomem("fds");
	for (i = 0; i < spec->n_fds; i++)
		add_fd(plan, spec->fds[i].from, spec->fds[i].to);
	if (extra)
		add_extra(plan, extra);
	if (extra && spec->function)
		add_function(plan, extra->function_fd);
	qsort(plan->fds, plan->n_fds, sizeof(*plan->fds), by_rising_to);
	for (i = 1; i < plan->n_fds; i++)
		if (plan->fds[i].to == plan->fds[i - 1].to)
			return sup__error(-EINVAL, "%s: descriptor %d is "
					  "given twice",
					  giver_of(spec, plan->fds[i].to),
					  plan->fds[i].to);
	return 0;
}

int sup__plan_init(struct sup__plan *plan, const struct sup_process_spec *spec,
		   const struct sup__plan_extra *extra)
{
	int ret;

	memset(plan, 0, sizeof(*plan));
	ret = check_spec(spec);
	if (ret)
		return ret;
	plan->spec = spec;
	plan->program_fd = extra && spec->function ? extra->program_fd : -1;
	ret = make_paths(plan, spec->argv[0]);
	if (!ret)
		ret = make_fds(plan, extra);
	if (!ret)
		ret = sup__plan_env(plan, extra ? extra->notify_name : NULL);
	if (!ret)
		ret = sup__ids_init(&plan->ids, spec);
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
	sup__free(plan->fds);
	sup__free(plan->fd_scratch);
	sup__ids_fini(&plan->ids);
	memset(plan, 0, sizeof(*plan));
}

/* The first that is longer than execve(2) takes, or NULL. */
static const char *const *find_long(const char *const *list, size_t most,
				    size_t *ret_all)
{
	*ret_all = 0;
	for (; *list; list++) {
		if (strlen(*list) > most)
			return list;
		*ret_all += strlen(*list) + 1;
	}
	return NULL;
}

static int too_big(const struct sup__plan *plan)
{
	const char *const *envp = (const char *const *)plan->envp, *const *bad;
	const size_t most = 32 * sysconf(_SC_PAGESIZE) - 1;
	size_t argv_all, env_all;

	bad = find_long(plan->spec->argv, most, &argv_all);
	if (bad)
		return sup__error(-E2BIG, "argv[%td] has %zu bytes, of at most "
				  "%zu", bad - plan->spec->argv, strlen(*bad),
				  most);
	bad = find_long(envp, most, &env_all);
	if (bad)
		return sup__error(-E2BIG, "environment: \"%.64s\"... has %zu "
				  "bytes, of at most %zu", *bad, strlen(*bad),
				  most);
	return sup__error(-E2BIG, "argv of %zu bytes and an environment of "
			  "%zu are too long together", argv_all, env_all);
}

static int exec_error(const struct sup__plan *plan, int err)
{
	const char *name = plan->spec->argv[0];
	size_t i;

	if (plan->spec->function)
		return sup__error_sys(err, "function \"%s\": the program",
				      plan->spec->argv[1]);
	if (err == -E2BIG)
		return too_big(plan);
	if (err == -EAGAIN)
		return sup__error(err, "argv[0]: \"%.99s\": its user has more "
				  "processes than RLIMIT_NPROC allows", name);
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

int sup__plan_error(const struct sup__plan *plan,
		    const struct sup__failure *failure)
{
	const struct sup_process_spec *spec = plan->spec;
	int err = failure->err, n = failure->n;

	switch ((enum sup__step)failure->step) {
	case SUP__STEP_DESCRIPTORS:
		return sup__error_sys(err, "closing descriptors");
	case SUP__STEP_SESSION:
		return sup__error_sys(err, "a session of its own");
	case SUP__STEP_FD:
		return sup__error_sys(err, "fds: %d as %d", plan->fds[n].from,
				      plan->fds[n].to);
	case SUP__STEP_INPUT:
		return sup__error_sys(err, "input \"%s\"",
				      spec->input ?: "/dev/null");
	case SUP__STEP_OUTPUT:
		return sup__error_sys(err, "output \"%s\"", spec->output);
	case SUP__STEP_ERRORS:
		return sup__error_sys(err, "errors \"%s\"", spec->errors);
	case SUP__STEP_RLIMIT:
		return sup__error_sys(err, "rlimits[%d], resource %d", n,
				      spec->rlimits[n].resource);
	case SUP__STEP_GROUPS:
		return spec->groups ? sup__error_sys(err, "groups") :
		       sup__error_sys(err, "user \"%s\": its groups",
				      spec->user);
	case SUP__STEP_GROUP:
		return spec->group ? sup__error_sys(err, "group \"%s\"",
						    spec->group) :
		       sup__error_sys(err, "user \"%s\": its group %u",
				      spec->user, plan->ids.gid);
	case SUP__STEP_USER:
		return sup__error_sys(err, "user \"%s\"", spec->user);
	case SUP__STEP_CWD:
		return sup__error_sys(err, "cwd \"%s\"", spec->cwd);
	case SUP__STEP_EXEC:
		break;
	}
	return exec_error(plan, err);
}
