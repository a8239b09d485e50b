// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the netlink interface of sup.ko, as its spec describes it.
 *
 * usage: sup_fuzz [-s SEED] [-t SECONDS] [-n MESSAGES] [-a ACTORS]
 *
 *   -s SEED      the choices are those of this seed (default: by chance). What
 *                they lead to depends on the scheduler, too.
 *   -t SECONDS   how long (default 20); up to ten times as long, as long as
 *                some command was not accepted: machines differ in speed
 *   -n MESSAGES  sent in that time, evenly, and time passes between them; with
 *                0 it is as many as possible (default)
 *   -a ACTORS    processes that send at once (default 8)
 *
 * Needs root, the module, and a cgroup v2 hierarchy at /sys/fs/cgroup. This
 * process only watches, and turns the knobs of the module. Below it, in pid
 * and mount namespaces of their own, is a keeper that starts the actors, for
 * some seconds: then, or when someone manages to kill it, all that is there
 * dies, and another keeper starts.
 *
 * Speaks TAP. Fails when it got nowhere: when a command was never accepted,
 * say, or when a group outlives everyone. What the kernel's log says is for
 * others to judge.
 */
#define _GNU_SOURCE
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CGROUP		"/sys/fs/cgroup/sup-fuzz"
#define MAX_PROCESSES	"200"
#define MAX_MEMORY	"500M"
#define NSEC		1000000000LL
#define SKIP		4

static struct {
	uint64_t seed, messages;
	unsigned int seconds, actors;
} options = { .seconds = 20, .actors = 8 };

static void usage(void)
{
	fputs("usage: sup_fuzz [-s SEED] [-t SECONDS] [-n MESSAGES] [-a ACTORS]\n",
	      stderr);
	exit(100);
}

static uint64_t number(const char *text, uint64_t max)
{
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || n > max)
		usage();
	return n;
}

static void parse_options(int argc, char **argv)
{
	int opt;

	if (getrandom(&options.seed, sizeof(options.seed), 0) < 0)
		options.seed = now_ns();
	while ((opt = getopt(argc, argv, "s:t:n:a:")) != -1) {
		if (opt == 's')
			options.seed = number(optarg, UINT64_MAX);
		else if (opt == 't')
			options.seconds = number(optarg, 1000000);
		else if (opt == 'n')
			options.messages = number(optarg, UINT32_MAX);
		else if (opt == 'a')
			options.actors = number(optarg, MAX_ACTORS);
		else
			usage();
	}
	if (optind < argc || !options.seconds || !options.actors)
		usage();
}

static bool map_shared(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED, FD_SHARED, 0);
	return shared != MAP_FAILED;
}

static bool move_fd(int from, int to)
{
	bool ok = from >= 0 && dup2(from, to) == to;

	close(from);
	return ok;
}

static bool set_up_shared(void)
{
	int mail[2];

	return move_fd(memfd_create("fuzz", 0), FD_SHARED) &&
	       !ftruncate(FD_SHARED, sizeof(*shared)) && map_shared() &&
	       move_fd(open("/proc/self/exe", O_RDONLY), FD_EXE) &&
	       !socketpair(AF_UNIX, SOCK_DGRAM, 0, mail) &&
	       move_fd(mail[0], FD_MAIL_IN) && move_fd(mail[1], FD_MAIL_OUT);
}

/* A bound on processes, so on memory; both hold whatever actors do. */
static bool set_up_cgroup(void)
{
	write_file("/sys/fs/cgroup/cgroup.subtree_control", "+pids +memory");
	if (mkdir(CGROUP, 0755) < 0 && errno != EEXIST)
		return false;
	write_file(CGROUP "/pids.max", MAX_PROCESSES);
	write_file(CGROUP "/memory.max", MAX_MEMORY);
	return !access(CGROUP "/pids.max", F_OK) &&
	       !access(CGROUP "/memory.max", F_OK);
}

static pid_t start_actor(int slot)
{
	static uint64_t lives;
	pid_t pid;

	lives++;
	pid = fork();
	if (!pid) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		actor_start(slot, shared->epochs << 32 | lives);
	}
	if (pid > 0)
		add(&shared->lives);
	return pid;
}

/* Who has gone is replaced; who was stopped goes on. */
static void keep_actors(int64_t end)
{
	const struct timespec tick = { .tv_nsec = 100000000 };
	pid_t actors[MAX_ACTORS] = {}, pid;
	unsigned int i;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	while (now_ns() < end && !shared->failure[0]) {
		while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
			for (i = 0; i < options.actors; i++)
				if (actors[i] == pid)
					actors[i] = 0;
		for (i = 0; i < options.actors; i++)
			if (actors[i] <= 0)
				actors[i] = start_actor(i);
		sigtimedwait(&set, NULL, &tick);
		kill(-1, SIGCONT);
	}
}

static void keeper(int64_t end)
{
	write_file(CGROUP "/cgroup.procs", "0");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", 0, "size=8m") < 0)
		fail("keeper: mount: %s", strerror(errno));
	keep_actors(end);
	_exit(0);
}

/* Where the run takes longer than it should, lives do. */
static pid_t start_keeper(struct fuzz *f)
{
	int64_t most = shared->messages ? 60 : 12;
	int64_t slow = (shared->end - shared->start) / NSEC / options.seconds;
	int64_t end = now_ns() + (4 + below(f, most)) * slow * NSEC;
	pid_t pid;

	if (end > shared->end)
		end = shared->end;
	/* What others knew is gone with them. */
	shared->nthings = 0;
	shared->epochs++;
	pid = syscall(SYS_clone, SIGCHLD | CLONE_NEWPID | CLONE_NEWNS, NULL,
		      NULL, NULL, 0);
	if (!pid)
		keeper(end);
	if (pid < 0)
		fail("keeper: %s", strerror(errno));
	return pid;
}

/*
 * What is changed meanwhile, and in the end is as it was before. The first is
 * the usual value. Nobody needs to know of each crash.
 */
#define PARAM	"/sys/module/sup/parameters/"
static struct {
	const char *path;
	const char *values[4];
	bool pulse;		/* back to the first at once */
	char before[32];
} knobs[] = {
	{ .path = "/proc/sys/debug/exception-trace",
	  .values = { "0", "0", "0", "0" } },
	{ .path = "/sys/kernel/tracing/events/sup/enable",
	  .values = { "0", "1", "1", "1" } },
	{ .path = PARAM "drain", .pulse = true,
	  .values = { "off", "refuse", "release", "kill" } },
	{ .path = PARAM "max_observers", .values = { "99", "9", "1", "0" } },
	{ .path = PARAM "max_group_records",
	  .values = { "65536", "999", "99", "9" } },
	{ .path = PARAM "unprivileged", .values = { "2", "2", "1", "0" } },
	{ .path = PARAM "max_groups", .values = { "1024", "1024", "12", "3" } },
	{ .path = PARAM "max_members", .values = { "16384", "900", "60", "9" } },
	{ .path = PARAM "max_records", .values = { "65536", "999", "99", "9" } },
	{ .path = PARAM "max_grace_ms", .values = { "3000", "999", "99", "1" } },
	{ .path = PARAM "unhook_delay", .values = { "60", "5", "1", "0" } },
};

static void knobs_first(void)
{
	FILE *file;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(knobs); i++) {
		file = fopen(knobs[i].path, "re");
		if (!file)
			continue;
		if (!fgets(knobs[i].before, sizeof(knobs[i].before), file))
			knobs[i].before[0] = '\0';
		fclose(file);
		write_file(knobs[i].path, knobs[i].values[0]);
	}
}

static void knobs_back(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(knobs); i++)
		if (knobs[i].before[0])
			write_file(knobs[i].path, knobs[i].before);
}

static void turn_some_knob(struct fuzz *f)
{
	int i = below(f, ARRAY_SIZE(knobs));

	write_file(knobs[i].path,
		   knobs[i].values[chance(f, 50) ? 0 : below(f, 4)]);
	if (knobs[i].pulse)
		write_file(knobs[i].path, knobs[i].values[0]);
}

/* The summary for people, while what it sums up changes. */
static void read_summary(void)
{
	int fd = open("/sys/kernel/debug/sup/groups", O_RDONLY | O_CLOEXEC);
	char buf[512];

	while (fd >= 0 && read(fd, buf, sizeof(buf)) > 0)
		;
	if (fd >= 0)
		close(fd);
}

/*
 * What was not seen yet gets more time, and more each time: on a slow machine
 * little happens in the life of one keeper.
 */
static bool is_over(void)
{
	int64_t now = now_ns();
	int64_t last = shared->start + 30 * options.seconds * NSEC;

	if (now < shared->end)
		return false;
	if (now >= last || all_seen())
		return true;
	shared->end = now + (now - shared->start) / 2 + 1;
	return false;
}

static void watch(void)
{
	static struct fuzz f;
	const struct timespec tick = { .tv_nsec = 300000000 };
	pid_t pid = 0;
	sigset_t set;

	f.rng = shared->seed;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	while (!shared->failure[0]) {
		if (!pid && is_over())
			break;
		if (!pid)
			pid = start_keeper(&f);
		if (pid > 0 && waitpid(pid, NULL, WNOHANG) == pid)
			pid = 0;
		else
			sigtimedwait(&set, NULL, &tick);
		turn_some_knob(&f);
		read_summary();
	}
	if (pid > 0) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	rmdir(CGROUP);
}

static int skip(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return SKIP;
}

int main(int argc, char **argv)
{
	int ret;

	if (argc == 2 && !strcmp(argv[1], "--wait")) {
		alarm(5);
		for (;;)
			pause();
	}
	if (argc == 5 && !strcmp(argv[1], "--actor") && map_shared())
		actor_continue(argv + 2);
	parse_options(argc, argv);
	if (geteuid())
		return skip("needs root");
	if (!set_up_shared()) {
		perror("sup_fuzz: set-up");
		return 111;
	}
	ret = family_find();
	if (ret == -ENOENT)
		return skip("sup.ko is not loaded");
	if (ret || !set_up_cgroup()) {
		fprintf(stderr, "sup_fuzz: no netlink or no cgroup v2: %s\n",
			strerror(ret ? -ret : errno));
		return 111;
	}
	shared->seed = options.seed;
	shared->messages = options.messages;
	shared->start = now_ns();
	shared->end = shared->start + options.seconds * NSEC;
	printf("# sup_fuzz -s %llu -t %u -n %llu -a %u\n",
	       (unsigned long long)options.seed, options.seconds,
	       (unsigned long long)options.messages, options.actors);
	fflush(stdout);
	knobs_first();
	watch();
	ret = report();
	knobs_back();
	return ret;
}
