// SPDX-License-Identifier: GPL-2.0
/* What tests ask the system about processes, and how they wait for it. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sup_proc.h"

#define DEADLINE_S 60

uint64_t start_ticks(pid_t pid)
{
	char path[64], line[1024], *p;
	unsigned long long ticks = 0;
	FILE *f;
	int i;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	p = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	/* Behind the name is the space before field 3. */
	for (i = 2; p && i < 22; i++)
		p = strchr(p + 1, ' ');
	if (p)
		ticks = strtoull(p, NULL, 10);
	fclose(f);
	return ticks;
}

char task_state(pid_t pid)
{
	char path[64], line[1024], *p, ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return 0;
	p = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (p)
		ret = p[2];
	fclose(f);
	return ret;
}

bool alive(pid_t pid)
{
	char state = task_state(pid);

	return state && state != 'Z' && state != 'X';
}

bool eventually(bool (*cond)(void *arg), void *arg)
{
	time_t end = time(NULL) + DEADLINE_S;

	while (!cond(arg)) {
		if (time(NULL) > end)
			return false;
		sched_yield();
	}
	return true;
}

static bool is_gone(void *arg)
{
	return !alive(*(pid_t *)arg);
}

bool wait_gone(pid_t pid)
{
	return eventually(is_gone, &pid);
}

int param_set(const char *name, const char *value)
{
	char path[128];
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "/sys/module/sup/parameters/%s", name);
	f = fopen(path, "w");
	if (!f)
		return -errno;
	ret = fputs(value, f) < 0 ? -EIO : 0;
	return fclose(f) ? -errno : ret;
}

int pidfd_of(pid_t pid)
{
	return syscall(SYS_pidfd_open, pid, 0);
}

const char *helper_path(void)
{
	static char path[256];
	const size_t room = sizeof(path) - sizeof("sup_helper");
	ssize_t n = readlink("/proc/self/exe", path, room);
	char *base;

	if (n < 0)
		return "";
	path[n] = 0;
	base = strrchr(path, '/');
	strcpy(base ? base + 1 : path, "sup_helper");
	return path;
}

bool nobody_is_left(void *unused)
{
	pid_t pid;

	do {
		pid = waitpid(-1, NULL, WNOHANG);
	} while (pid > 0);
	return pid < 0 && errno == ECHILD;
}

void fork_bomb(int *births, int limit)
{
	for (;;) {
		if (__atomic_load_n(births, __ATOMIC_RELAXED) < limit &&
		    fork() >= 0)
			__atomic_fetch_add(births, 1, __ATOMIC_RELAXED);
		else
			sched_yield();
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}
