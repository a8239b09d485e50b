/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A cgroup is a folder, and its limits are files in it. Nobody can be put into
 * one before there is a process, so a shell goes there and becomes the program:
 * what that starts is in it from the first on.
 */
#include "mabeam/agent_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <sup/sup.h>

#include "mabeam/agent_table.h"
#include "mabeam/service.h"

#define PERIOD_US 100000	/* of cpu.max */

/* Who was built before there were cgroups has none. */
static const char *parent_of(const struct mab_program *program)
{
	return program->size >= offsetof(struct mab_program, group_pids) +
				sizeof(program->group_pids) ?
	       program->cgroup : NULL;
}

/* The path of its cgroup, or of a file there. */
static int path_of(char path[PATH_MAX], const struct mab_program *program,
		   const char *id, const char *file)
{
	int n = snprintf(path, PATH_MAX, "%s/mab-%d-%s%s", parent_of(program),
			 (int)getpid(), id, file);

	return n < PATH_MAX ? 0 : sup_set_error(-EINVAL, "cgroup: \"%.32s...\" "
						"is too long",
						parent_of(program));
}

static int check(const char *parent, const char *id)
{
	struct statfs fs;

	if (parent[0] != '/')
		return sup_set_error(-EINVAL, "cgroup: \"%s\" is no absolute "
				     "path", parent);
	if (strchr(id, '/'))
		return sup_set_error(-EINVAL, "cgroup: \"%s\" is no name of a "
				     "file", id);
	if (statfs(parent, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)
		return sup_set_error(-EOPNOTSUPP, "cgroup: \"%s\" is no cgroup "
				     "v2", parent);
	return 0;
}

static int write_limit(const struct mab_program *program, const char *id,
		       const char *file, const char *value)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd, ret;

	ret = path_of(path, program, id, file);
	if (ret)
		return ret;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return sup_set_error(-EOPNOTSUPP, "cgroup: \"%s\" has no "
				     "%s: its controller is not on",
				     parent_of(program), file + 1);
	n = write(fd, value, strlen(value));
	ret = n < 0 ? -errno : 0;
	close(fd);
	return ret ? sup_set_error(ret, "cgroup: %s does not take \"%s\"",
				   file + 1, value) : 0;
}

static int set_limits(const struct mab_program *p, const char *id)
{
	char text[48];
	int ret = 0;

	if (p->group_memory_bytes) {
		snprintf(text, sizeof(text), "%llu",
			 (unsigned long long)p->group_memory_bytes);
		ret = write_limit(p, id, "/memory.max", text);
	}
	if (!ret && p->group_cpu_percent) {
		snprintf(text, sizeof(text), "%llu %d", p->group_cpu_percent *
			 (unsigned long long)PERIOD_US / 100, PERIOD_US);
		ret = write_limit(p, id, "/cpu.max", text);
	}
	if (!ret && p->group_pids) {
		snprintf(text, sizeof(text), "%u", p->group_pids);
		ret = write_limit(p, id, "/pids.max", text);
	}
	return ret;
}

/* Where it is, for whoever removes it: the program may have gone by then. */
static int remember(const char *id, const char *path)
{
	char *copy = strdup(path), *old = NULL;
	struct mab__agent *a;

	if (!copy)
		return mab__nomem("a path");
	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	if (a) {
		old = a->cgroup;
		a->cgroup = copy;
	}
	pthread_mutex_unlock(&mab__agents.lock);
	free(a ? old : copy);
	return 0;
}

int mab__cgroup_make(const struct mab_program *program, const char *id)
{
	const char *parent = parent_of(program);
	char path[PATH_MAX];
	int ret;

	if (!parent)
		return 0;
	ret = check(parent, id);
	if (!ret)
		ret = path_of(path, program, id, "");
	if (!ret)
		ret = remember(id, path);
	if (ret)
		return ret;
	/* One that was killed has left its own, with limits; all has ended. */
	rmdir(path);
	if (mkdir(path, 0755) && errno != EEXIST)
		return sup_set_error(-EOPNOTSUPP, "cgroup: \"%s\" cannot be "
				     "written: %s", parent,
				     strerrordesc_np(errno));
	ret = set_limits(program, id);
	if (ret)
		rmdir(path);
	return ret;
}

const char *const *mab__cgroup_argv(const struct mab_program *program,
				    const char *id)
{
	static const char *const enter[] = {
		"/bin/sh", "-c", "echo $$ >\"$0\" && exec \"$@\"",
	};
	const size_t k = sizeof(enter) / sizeof(enter[0]);
	const char **argv;
	char *path;
	size_t n;

	if (!parent_of(program))
		return program->argv;
	for (n = 0; program->argv[n]; n++)
		;
	argv = sup_alloc((k + n + 2) * sizeof(*argv) + PATH_MAX);
	if (!argv)
		return NULL;
	path = (char *)(argv + k + n + 2);
	path_of(path, program, id, "/cgroup.procs");
	memcpy(argv, enter, sizeof(enter));
	argv[k] = path;
	memcpy(argv + k + 1, program->argv, (n + 1) * sizeof(*argv));
	return argv;
}

void mab__cgroup_remove(const char *id)
{
	char path[PATH_MAX] = "";
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	if (a && a->cgroup)
		strcpy(path, a->cgroup);
	pthread_mutex_unlock(&mab__agents.lock);
	if (path[0])
		rmdir(path);
}
