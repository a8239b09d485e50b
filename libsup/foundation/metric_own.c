/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Figures of the process, under the names that all who collect such figures
 * know, and of the tasks of the foundation: from /proc, and from what their
 * supervisor knows of them. They are looked up when text is written, and kept
 * nowhere.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <foundation/foundation.h>
#include <sup/sup.h>

#include "foundation/metric_text.h"

#define NS_PER_S 1e9
#define SUPERVISOR "foundation"

enum own {
	CPU, RESIDENT, VIRTUAL, OPEN_FDS, MAX_FDS, THREADS, START_TIME,
	TASK_UP, TASK_RESTARTS, TASK_UPTIME, TASK_CPU,
	FIGURES, HANDLERS, DROPPED,
};

static const struct {
	const char *name, *help;
	enum fnd_metric_kind kind;
} own[] = {
	[CPU] = { "process_cpu_seconds", "CPU time of the process",
		  FND_METRIC_COUNTER },
	[RESIDENT] = { "process_resident_memory_bytes",
		       "Memory of the process that is resident",
		       FND_METRIC_GAUGE },
	[VIRTUAL] = { "process_virtual_memory_bytes",
		      "Memory of the process, mapped", FND_METRIC_GAUGE },
	[OPEN_FDS] = { "process_open_fds", "Open descriptors",
		       FND_METRIC_GAUGE },
	[MAX_FDS] = { "process_max_fds", "Descriptors that may be open",
		      FND_METRIC_GAUGE },
	[THREADS] = { "process_threads", "Threads of the process",
		      FND_METRIC_GAUGE },
	[START_TIME] = { "process_start_time_seconds",
			 "When the process began, since 1970",
			 FND_METRIC_GAUGE },
	[TASK_UP] = { "task_up", "Whether a task of the foundation runs",
		      FND_METRIC_GAUGE },
	[TASK_RESTARTS] = { "task_restarts", "How often it was started again",
			    FND_METRIC_COUNTER },
	[TASK_UPTIME] = { "task_uptime_seconds", "How long it has run",
			  FND_METRIC_GAUGE },
	[TASK_CPU] = { "task_cpu_seconds", "CPU time of its thread",
		       FND_METRIC_COUNTER },
	[FIGURES] = { "foundation_telemetry_figures", "Figures, without these",
		      FND_METRIC_GAUGE },
	[HANDLERS] = { "foundation_telemetry_handlers",
		       "Handlers that are attached", FND_METRIC_GAUGE },
	[DROPPED] = { "foundation_telemetry_events_dropped",
		      "Events for which a handler had no room",
		      FND_METRIC_COUNTER },
};
#define N_OWN (sizeof(own) / sizeof(own[0]))

bool fnd__text_is_own(const char *name)
{
	size_t i, n;

	for (i = 0; i < N_OWN; i++) {
		n = strlen(own[i].name);
		if (!strncmp(name, own[i].name, n) &&
		    (!name[n] || (own[i].kind == FND_METRIC_COUNTER &&
				  !strcmp(name + n, "_total"))))
			return true;
	}
	return false;
}

static void put_family(struct fnd__text *t, enum own o)
{
	fnd__text_family(t, own[o].name, own[o].help, own[o].kind);
}

static void put_value(struct fnd__text *t, enum own o,
		      const struct fnd_metadata *labels, double value)
{
	const char *suffix = own[o].kind == FND_METRIC_COUNTER ? "_total" : "";

	fnd__text_value(t, own[o].name, suffix, labels, value);
}

static void put_one(struct fnd__text *t, enum own o, double value)
{
	put_family(t, o);
	put_value(t, o, NULL, value);
}

/* What is left of a file of /proc; false: there is none. */
static bool read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

struct stat_of {
	unsigned long long cpu, threads, start, virtual, resident;
};

/* proc(5): from the third field on, behind a name that may have anything. */
static bool read_stat(const char *path, struct stat_of *s)
{
	unsigned long long user, system;
	char buf[1024], *fields;

	if (!read_file(path, buf, sizeof(buf)))
		return false;
	fields = strrchr(buf, ')');
	if (!fields || sscanf(fields + 1, " %*c %*d %*d %*d %*d %*d %*u %*u "
			      "%*u %*u %*u %llu %llu %*d %*d %*d %*d %llu %*d "
			      "%llu %llu %llu", &user, &system, &s->threads,
			      &s->start, &s->virtual, &s->resident) != 6)
		return false;
	s->cpu = user + system;
	return true;
}

/* When the system began, since 1970; as CLOCK_REALTIME has it now. */
static double boot_time(void)
{
	struct timespec real, boot;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return real.tv_sec - boot.tv_sec +
		(real.tv_nsec - boot.tv_nsec) / NS_PER_S;
}

static long count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	long n = 0;

	if (!dir)
		return -1;
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	closedir(dir);
	/* That of the folder is gone. */
	return n - 1;
}

static void put_process(struct fnd__text *t)
{
	const double hz = sysconf(_SC_CLK_TCK);
	struct stat_of s;
	struct rlimit max;
	long n;

	if (read_stat("/proc/self/stat", &s)) {
		put_one(t, CPU, s.cpu / hz);
		put_one(t, RESIDENT, s.resident * sysconf(_SC_PAGESIZE));
		put_one(t, VIRTUAL, s.virtual);
		put_one(t, THREADS, s.threads);
		put_one(t, START_TIME, boot_time() + s.start / hz);
	}
	n = count_fds();
	if (n >= 0)
		put_one(t, OPEN_FDS, n);
	if (!getrlimit(RLIMIT_NOFILE, &max))
		put_one(t, MAX_FDS, max.rlim_cur);
}

static bool cpu_of(const struct sup_node *node, double *ret_cpu)
{
	struct stat_of s;
	char path[64];

	if (!node->os_pid)
		return false;
	if (node->os_tid)
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat",
			 (int)node->os_tid);
	else
		snprintf(path, sizeof(path), "/proc/%d/stat",
			 (int)node->os_pid);
	if (!read_stat(path, &s))
		return false;
	*ret_cpu = s.cpu / (double)sysconf(_SC_CLK_TCK);
	return true;
}

static bool task_value(const struct sup_node *node, enum own o,
		       double *ret_value)
{
	bool up = node->state == SUP_CHILD_RUNNING;

	switch (o) {
	case TASK_UP:
		*ret_value = up;
		return true;
	case TASK_RESTARTS:
		*ret_value = node->restarts;
		return true;
	case TASK_UPTIME:
		*ret_value = (sup_deadline_ms(0) - node->started_ns) /
			NS_PER_S;
		return up;
	default:
		return up && cpu_of(node, ret_value);
	}
}

/* Ids of those below a dynamic supervisor may be there many times. */
static void put_tasks(struct fnd__text *t)
{
	struct fnd_pair pair = { "task", NULL };
	const struct fnd_metadata labels = { &pair, 1 };
	struct sup_node *nodes;
	double value;
	size_t i, n;
	int o;

	if (sup_tree(sup_whereis(SUPERVISOR), &nodes, &n))
		return;
	for (o = TASK_UP; o <= TASK_CPU; o++) {
		put_family(t, o);
		for (i = 0; i < n; i++) {
			if (nodes[i].depth != 1 ||
			    !task_value(&nodes[i], o, &value))
				continue;
			pair.value = nodes[i].id;
			put_value(t, o, &labels, value);
		}
	}
	free(nodes);
}

void fnd__text_own(struct fnd__text *t)
{
	struct fnd_telemetry_status s;

	fnd_telemetry_status(&s);
	put_one(t, FIGURES, s.figures);
	put_one(t, HANDLERS, s.handlers);
	put_one(t, DROPPED, s.dropped);
	put_process(t);
	put_tasks(t);
}
