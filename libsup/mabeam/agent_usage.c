/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPU time is that of the kernel's own clocks of threads and processes, to the
 * nanosecond; memory is told by /proc. Who has ended meanwhile is not confused
 * with another that has got its number: it is asked last whether it lives.
 */
#include "mabeam/agent_usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <mabeam/agent_process.h>
#include <sup/sup.h>

#include "mabeam/agent_table.h"

/* The clock of a thread of ours, as clock_gettime(2) has it. */
static clockid_t clock_of_thread(pid_t tid)
{
	return (clockid_t)(~(unsigned int)tid << 3 | 6);
}

static int read_clock(clockid_t clock, int64_t *ret_ns)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		return -ESRCH;
	*ret_ns = t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
	return 0;
}

/* The two times are read together: a share is of both. */
static int cpu_of(struct sup_pid task, struct mab__usage *u)
{
	clockid_t clock;
	pid_t pid, tid;
	int ret;

	ret = sup_os_pid(task, &pid, &tid);
	if (ret)
		return ret;
	clock = clock_of_thread(tid);
	if (u->is_program && clock_getcpuclockid(pid, &clock))
		return -ESRCH;
	u->time_ns = sup_deadline_ms(0);
	return read_clock(clock, &u->cpu_ns);
}

/* The second number of statm: pages in RAM. */
static int memory_of(struct sup_pid process, uint64_t *ret_bytes)
{
	char path[32], text[64];
	unsigned long pages;
	ssize_t n;
	pid_t pid;
	int fd, ret;

	ret = sup_os_pid(process, &pid, NULL);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n < 0)
		return -ESRCH;
	text[n] = '\0';
	if (sscanf(text, "%*u %lu", &pages) != 1)
		return -EPROTO;
	*ret_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

static int find(const char *id, struct mab__usage *u,
		struct sup_pid *ret_process)
{
	struct mab__agent *a;

	pthread_mutex_lock(&mab__agents.lock);
	a = mab__agent_find_locked(id);
	if (a) {
		u->pid = a->state == MAB_RUNNING ? a->pid : SUP_PID_NONE;
		u->is_program = a->config->spec.ops == mab_agent_process();
		u->taken = a->taken;
		*ret_process = a->process;
	}
	pthread_mutex_unlock(&mab__agents.lock);
	return a ? 0 : mab__agent_unknown(id);
}

static int look(struct mab__usage *u, struct sup_pid process)
{
	struct sup_pid measured = u->is_program ? process : u->pid;
	int ret;

	ret = sup_mailbox_count(u->pid, &u->mailbox);
	if (!ret)
		ret = cpu_of(measured, u);
	if (!ret && u->is_program)
		ret = memory_of(process, &u->memory);
	if (!ret && !sup_is_alive(measured))
		ret = -ESRCH;
	return ret;
}

int mab__usage_of(const char *id, struct mab__usage *ret_usage)
{
	struct mab__usage u = { .memory = 0 };
	struct sup_pid process = SUP_PID_NONE;
	int ret;

	ret = find(id, &u, &process);
	if (!ret)
		ret = look(&u, process);
	if (ret == -ESRCH)
		ret = sup_set_error(-ENOTCONN, "id: the agent \"%s\" does not "
				    "run", id);
	if (!ret)
		*ret_usage = u;
	return ret;
}
