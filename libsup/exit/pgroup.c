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

#define GENERATIONS_MAX 64

/* The comm before them may hold anything, so fields count from its end. */
static bool read_stat(pid_t pid, char *ret_state, pid_t *ret_ppid,
		      pid_t *ret_pgrp)
{
	char path[32], stat[512], *p;
	ssize_t n;
	int fd;

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
	return p && sscanf(p + 1, " %c %d %d", ret_state, ret_ppid,
			   ret_pgrp) == 3;
}

static bool is_alive_in(pid_t pid, pid_t pgid)
{
	pid_t ppid, pgrp;
	char state;

	return read_stat(pid, &state, &ppid, &pgrp) && pgrp == pgid &&
	       state != 'Z' && state != 'X';
}

/* Who moves while it is looked at may make it longer, but not for ever. */
bool sup__pgroup_descends(pid_t pid, pid_t of)
{
	pid_t ppid, pgrp;
	char state;
	int i;

	for (i = 0; i < GENERATIONS_MAX && pid > 1; i++) {
		if (!read_stat(pid, &state, &ppid, &pgrp))
			return false;
		if (ppid == of)
			return true;
		pid = ppid;
	}
	return false;
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
