/* SPDX-License-Identifier: 0BSD */
/*
 * latency SOURCE ROUNDS: how long after a process has ended its supervisor
 * knows, and its successor runs. SOURCE: module or pidfd (a supervisor of
 * libsup), or waitid (a bare loop of fork, execve and waitid, for comparison).
 * Prints "SOURCE ROUNDS NOTIFIED RESTARTED", medians in nanoseconds.
 *
 * The child writes the time to a shared file as the first thing it does and,
 * when SIGUSR1 comes, as the last thing before it ends: so the same two
 * moments are taken with every source.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sup/sup.h>

#define ROUNDS_MAX 1000

struct life {
	int64_t up_ns, end_ns;	/* by the child */
	int64_t told_ns;	/* by the supervisor */
};

struct shared {
	atomic_int up;		/* children that have come up: a futex */
	atomic_int told;	/* ends that were told */
	pid_t pid;		/* of the last child */
	struct life lives[ROUNDS_MAX + 2];
};

static struct shared *shared;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Waits until the counter is more than seen; false after ten seconds. */
static int wait_past(atomic_int *counter, int seen)
{
	const struct timespec limit = { 10, 0 };
	int v;

	while ((v = atomic_load(counter)) <= seen)
		if (syscall(SYS_futex, counter, FUTEX_WAIT, v, &limit, NULL,
			    0) < 0 && errno == ETIMEDOUT)
			return 0;
	return 1;
}

static void count(atomic_int *counter)
{
	atomic_fetch_add(counter, 1);
	syscall(SYS_futex, counter, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static int map(const char *file, int flags)
{
	int fd = open(file, O_RDWR | O_CLOEXEC | flags, 0600);

	if (fd < 0 || ((flags & O_CREAT) && ftruncate(fd, sizeof(*shared)) < 0))
		return -1;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	close(fd);
	return shared == MAP_FAILED ? -1 : 0;
}

static int be_child(const char *file)
{
	int64_t up_ns = now_ns();
	sigset_t set;
	int signo, n;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (map(file, 0) < 0)
		return 100;
	n = atomic_load(&shared->up);
	shared->lives[n].up_ns = up_ns;
	shared->pid = getpid();
	count(&shared->up);
	sigwait(&set, &signo);
	shared->lives[n].end_ns = now_ns();
	_exit(1);
}

static void note_told(const struct sup_event *ev, void *arg)
{
	(void)arg;
	if (ev->kind != SUP_EVENT_CHILD_TERMINATED)
		return;
	shared->lives[atomic_load(&shared->told)].told_ns = ev->time_ns;
	count(&shared->told);
}

/* Ends the child as often as there are rounds. */
static int play(int rounds)
{
	int i;

	for (i = 0; i < rounds; i++) {
		if (!wait_past(&shared->up, i))
			return -1;
		kill(shared->pid, SIGUSR1);
		if (!wait_past(&shared->told, i))
			return -1;
	}
	return wait_past(&shared->up, rounds) ? 0 : -1;
}

static int run_supervised(enum sup_source source, const char *self,
			  const char *file, int rounds)
{
	const struct sup_options opts = {
		.size = sizeof(opts), .source = source,
	};
	const char *argv[] = { self, "child", file, NULL };
	const struct sup_process_spec process = {
		.size = sizeof(process), .name = "child", .argv = argv,
	};
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "child",
		.start = sup_process_start, .arg = &process,
		.shutdown_ms = SUP_SHUTDOWN_KILL,
	};
	const struct sup_supervisor_spec top = {
		.size = sizeof(top), .name = "top", .children = &child,
		.n_children = 1, .intensity = 2 * ROUNDS_MAX,
	};
	struct sup_pid pid;
	int ret;

	sup_set_event_sink(note_told, NULL);
	if (sup_open(&opts) < 0 || sup_supervisor_start(&top, &pid) < 0) {
		fprintf(stderr, "latency: %s\n", sup_error());
		return -1;
	}
	ret = play(rounds);
	sup_close();
	return ret;
}

static pid_t start_child(const char *self, const char *file)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl(self, self, "child", file, NULL);
		_exit(100);
	}
	return pid;
}

static int run_bare(const char *self, const char *file, int rounds)
{
	pid_t pid = start_child(self, file);
	siginfo_t info;
	int i;

	for (i = 0; i < rounds; i++) {
		if (pid < 0 || !wait_past(&shared->up, i))
			return -1;
		kill(pid, SIGUSR1);
		if (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0)
			return -1;
		shared->lives[i].told_ns = now_ns();
		pid = start_child(self, file);
	}
	if (!wait_past(&shared->up, rounds))
		return -1;
	kill(pid, SIGKILL);
	return waitid(P_PID, (id_t)pid, &info, WEXITED);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void report(const char *source, int rounds)
{
	static int64_t told[ROUNDS_MAX], up[ROUNDS_MAX];
	int i;

	for (i = 0; i < rounds; i++) {
		const struct life *l = &shared->lives[i];

		told[i] = l->told_ns - l->end_ns;
		up[i] = l[1].up_ns - l->end_ns;
	}
	qsort(told, (size_t)rounds, sizeof(told[0]), by_value);
	qsort(up, (size_t)rounds, sizeof(up[0]), by_value);
	printf("%s %d %lld %lld\n", source, rounds, (long long)told[rounds / 2],
	       (long long)up[rounds / 2]);
}

int main(int argc, char **argv)
{
	char self[4096], file[] = "/tmp/latency.XXXXXX";
	int rounds, ret = -1, fd;
	ssize_t n;

	if (argc == 3 && strcmp(argv[1], "child") == 0)
		return be_child(argv[2]);
	rounds = argc == 3 ? atoi(argv[2]) : 0;
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (rounds < 1 || rounds > ROUNDS_MAX || n < 0) {
		fprintf(stderr, "usage: latency module|pidfd|waitid ROUNDS\n");
		return 100;
	}
	self[n] = '\0';
	fd = mkstemp(file);
	if (fd < 0 || close(fd) < 0 || map(file, O_CREAT) < 0) {
		perror("latency");
		return 111;
	}
	if (strcmp(argv[1], "module") == 0)
		ret = run_supervised(SUP_SOURCE_MODULE, self, file, rounds);
	else if (strcmp(argv[1], "pidfd") == 0)
		ret = run_supervised(SUP_SOURCE_PIDFD, self, file, rounds);
	else if (strcmp(argv[1], "waitid") == 0)
		ret = run_bare(self, file, rounds);
	unlink(file);
	if (ret < 0)
		return 1;
	report(argv[1], rounds);
	return 0;
}
