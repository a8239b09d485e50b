/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exit/pgroup.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "exit/proc.h"

/* The comm before them may hold anything, so fields count from its end. */
static bool is_alive_in(pid_t pid, pid_t pgid)
{
	char path[32], stat[512], *p, state;
	int fd, ppid, pgrp;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, stat, sizeof(stat) - 1);
	close(fd);
	if (n <= 0)
		return false;
	stat[n] = '\0';
	p = strrchr(stat, ')');
	if (!p || sscanf(p + 1, " %c %d %d", &state, &ppid, &pgrp) != 3)
		return false;
	return pgrp == pgid && state != 'Z' && state != 'X';
}

/* What the pidfd refers to is looked at again: the number may have moved on. */
static int open_member(pid_t pid, pid_t pgid, int *ret_pidfd)
{
	struct sup__proc p = SUP__PROC_INIT;
	int ret;

	ret = sup__proc_open(pid, &p);
	if (ret)
		return ret;
	ret = sup__proc_signal(&p, 0);
	if (!ret && !is_alive_in(pid, pgid))
		ret = -ESRCH;
	if (ret)
		sup__proc_close(&p);
	else
		*ret_pidfd = p.pidfd;
	return ret;
}

int sup__pgroup_members(pid_t pgid, int (*cb)(pid_t pid, int pidfd, void *arg),
			void *arg)
{
	struct dirent *entry;
	int ret = 0, pidfd;
	pid_t pid;
	DIR *dir;

	dir = opendir("/proc");
	if (!dir)
		return sup__error_sys(-errno, "/proc");
	while (!ret && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		pid = atoi(entry->d_name);
		if (pid == pgid || !is_alive_in(pid, pgid))
			continue;
		ret = open_member(pid, pgid, &pidfd);
		if (!ret)
			ret = cb(pid, pidfd, arg);
		else if (ret == -ESRCH || ret == -EPERM)
			ret = 0;
	}
	closedir(dir);
	return ret;
}
