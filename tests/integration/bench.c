/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bench.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/leftovers.h"

#define MAX_EVENTS 20000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more;
static struct sup_event events[MAX_EVENTS];
static int n_events;

static int fifo = -1;
static char fifo_path[64];
static struct leftovers before;

enum sup_source bench_source(void)
{
	const char *name = getenv("SOURCE");

	return name && !strcmp(name, "module") ? SUP_SOURCE_MODULE :
						 SUP_SOURCE_PIDFD;
}

static void note(const struct sup_event *ev, void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	if (n_events < MAX_EVENTS)
		events[n_events++] = *ev;
	pthread_cond_broadcast(&more);
	pthread_mutex_unlock(&lock);
}

int bench_open(void **state)
{
	struct sup_options opts = { .size = sizeof(opts),
				    .source = bench_source() };
	pthread_condattr_t attr;

	(void)state;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&more, &attr);
	pthread_condattr_destroy(&attr);
	n_events = 0;
	before = leftovers_note();
	/* With it no task is left over either, or the process ends. */
	if (opts.source == SUP_SOURCE_MODULE)
		setenv("SUP_AUDIT", "1", 1);
	sup_set_event_sink(note, NULL);
	if (!sup_open(&opts))
		return 0;
	print_error("sup_open: %s\n", sup_error());
	return -1;
}

int bench_close(void **state)
{
	int ret;

	(void)state;
	if (fifo >= 0) {
		close(fifo);
		unlink(fifo_path);
		fifo = -1;
	}
	ret = sup_close();
	if (ret)
		print_error("sup_close: %d, %s\n", ret, sup_error());
	sup_set_event_sink(NULL, NULL);
	pthread_cond_destroy(&more);
	if (leftovers_check(&before))
		return -1;
	return ret;
}

void bench_need(uint32_t lacks_bit)
{
	struct sup_source_info info;

	assert_int_equal(sup_exit_source(&info), 0);
	if (!(info.lacks & lacks_bit))
		return;
	print_message("skip: with %s: %s\n", info.name,
		      sup_lacks_text(lacks_bit));
	skip();
}

void bench_parameter(const char *name, const char *value, char old[16])
{
	char path[80];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/sup/parameters/%s", name);
	f = fopen(path, "r+");
	assert_non_null(f);
	if (old)
		assert_non_null(fgets(old, 16, f));
	rewind(f);
	assert_true(fputs(value, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static struct sup_event *find_locked(enum sup_event_kind kind, const char *id,
				     int n)
{
	int i;

	for (i = 0; i < n_events; i++)
		if (events[i].kind == kind &&
		    (!id || !strcmp(events[i].child_id, id)) && !--n)
			return &events[i];
	return NULL;
}

struct sup_event bench_event(enum sup_event_kind kind, const char *id, int n)
{
	int64_t limit = LIMIT;
	struct timespec ts = {
		.tv_sec = limit / 1000000000, .tv_nsec = limit % 1000000000,
	};
	struct sup_event *found, ev = { 0 };
	int ret = 0;

	pthread_mutex_lock(&lock);
	while (!(found = find_locked(kind, id, n)) && !ret)
		ret = pthread_cond_timedwait(&more, &lock, &ts);
	if (found)
		ev = *found;
	pthread_mutex_unlock(&lock);
	if (!found)
		fail_msg("no %s of %s, no. %d: %s", sup_event_name(kind),
			 id ? id : "any", n, bench_history());
	return ev;
}

int bench_count(enum sup_event_kind kind, const char *id)
{
	int n = 0;

	pthread_mutex_lock(&lock);
	while (find_locked(kind, id, n + 1))
		n++;
	pthread_mutex_unlock(&lock);
	return n;
}

const char *bench_history(void)
{
	static char text[8192];
	size_t len = 0;
	int i;

	text[0] = '\0';
	pthread_mutex_lock(&lock);
	for (i = 0; i < n_events && len < sizeof(text) - 128; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%s:%s", i ? " " : "",
					sup_event_name(events[i].kind),
					events[i].child_id);
	pthread_mutex_unlock(&lock);
	return text;
}

static void wait_for_ever(void)
{
	for (;;)
		pause();
}

/* As sd_notify(3) does it. */
static void say_ready(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const char *name = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (!name || fd < 0 || strlen(name) >= sizeof(addr.sun_path))
		_exit(2);
	memcpy(addr.sun_path + 1, name + 1, strlen(name) - 1);
	if (sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&addr,
		   offsetof(struct sockaddr_un, sun_path) + strlen(name)) < 0)
		_exit(3);
	close(fd);
}

/*
 * True in a grandchild, in a session of its own; false here, when its parent
 * is gone.
 */
static bool start_orphan(void)
{
	pid_t pid = fork();

	if (pid > 0) {
		waitpid(pid, NULL, 0);
		return false;
	}
	if (fork())
		_exit(0);
	setsid();
	return true;
}

/* Who says it has another parent, and another session, and lives. */
static void start_spokesman(void)
{
	if (!start_orphan())
		return;
	say_ready();
	wait_for_ever();
}

static void start_stray(void)
{
	if (!start_orphan())
		return;
	printf("%d\n", (int)getpid());
	fflush(stdout);
	wait_for_ever();
}

static void start_family(void)
{
	pid_t pid = fork();

	if (!pid)
		wait_for_ever();
	printf("%d\n", (int)pid);
	fflush(stdout);
}

static void *nothing(void *arg)
{
	return arg;
}

/* The first thread of all makes a sanitizer start one of its own. */
static void start_first_thread(void)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, nothing, NULL))
		pthread_join(thread, NULL);
}

void bench_role(int argc, char **argv)
{
	if (argc < 3 || strcmp(argv[1], "--role")) {
		start_first_thread();
		return;
	}
	if (!strcmp(argv[2], "crash"))
		*(volatile int *volatile)BENCH_FAULT = 1;
	if (!strcmp(argv[2], "exit"))
		_exit(argc > 3 ? atoi(argv[3]) : 0);
	if (!strcmp(argv[2], "family"))
		start_family();
	if (!strcmp(argv[2], "stray"))
		start_stray();
	if (!strcmp(argv[2], "spokesman"))
		start_spokesman();
	if (!strcmp(argv[2], "talk") && printf("it ends\n") > 0)
		exit(9);
	wait_for_ever();
}

struct sup_process_spec *bench_process(const char *role, const char *arg,
				       const char *output)
{
	static struct sup_process_spec specs[16];
	static const char *argvs[16][5];
	static unsigned int n;
	unsigned int i = n++ % 16;

	argvs[i][0] = "/proc/self/exe";
	argvs[i][1] = "--role";
	argvs[i][2] = role;
	argvs[i][3] = arg;
	specs[i] = (struct sup_process_spec){
		.size = sizeof(specs[i]), .argv = argvs[i], .output = output,
	};
	return &specs[i];
}

/* Open for both ends, so that neither end waits for the other. */
const char *bench_fifo(void)
{
	snprintf(fifo_path, sizeof(fifo_path), "/tmp/libsup-test-%d",
		 (int)getpid());
	unlink(fifo_path);
	assert_int_equal(mkfifo(fifo_path, 0600), 0);
	fifo = open(fifo_path, O_RDWR | O_CLOEXEC);
	assert_true(fifo >= 0);
	return fifo_path;
}

long bench_number(void)
{
	struct pollfd p = { .fd = fifo, .events = POLLIN };
	char line[32];
	size_t len = 0;

	do {
		assert_int_equal(poll(&p, 1, 60000), 1);
		assert_int_equal(read(fifo, &line[len], 1), 1);
	} while (line[len++] != '\n' && len < sizeof(line) - 1);
	line[len] = '\0';
	return strtol(line, NULL, 10);
}

int bench_watch(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	assert_true(fd >= 0);
	return fd;
}

void bench_watch_end(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 60000), 1);
	close(fd);
}

struct sup_pid bench_supervisor(enum sup_strategy strategy, int intensity,
				const struct sup_child_spec *children,
				size_t n)
{
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "top", .strategy = strategy,
		.intensity = intensity, .period_s = 3600,
		.children = children, .n_children = n,
	};
	struct sup_pid pid;
	int ret;

	ret = sup_supervisor_start(&spec, &pid);
	if (ret)
		fail_msg("supervisor: %d, %s", ret, sup_error());
	return pid;
}

struct sup_node bench_child(struct sup_pid sup, const char *id)
{
	struct sup_node *nodes, found = { .depth = 0 };
	size_t n, i;

	assert_int_equal(sup_tree(sup, &nodes, &n), 0);
	for (i = 1; i < n; i++)
		if (!strcmp(nodes[i].id, id))
			found = nodes[i];
	free(nodes);
	if (!found.depth)
		fail_msg("no child \"%s\"", id);
	return found;
}

void bench_stop(struct sup_pid sup)
{
	struct sup_reason reason;

	assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, &reason, LIMIT),
			 0);
	assert_int_equal(reason.kind, SUP_REASON_SHUTDOWN);
}
