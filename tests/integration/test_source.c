/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An exit source alone, without the runtime, with real processes and threads:
 * the one that SOURCE names, module or pidfd. What a source lacks is skipped.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench.h"

#include "base/error.h"
#include "exit/exit.h"
#include "exit/proc.h"

#define N_BURST 300
#define LIMIT_MS 60000

static struct sup_options opts = { .size = sizeof(opts) };
static struct sup__exit_source *src;

static int open_source(void **state)
{
	(void)state;
	opts.policy = SUP_OWNER_KILL;
	opts.adopt_token = NULL;
	if (!sup__exit_open(&opts, &src))
		return 0;
	fprintf(stderr, "%s\n", sup_error());
	return -1;
}

static int close_source(void **state)
{
	(void)state;
	if (src)
		src->ops->close(src);
	src = NULL;
	return 0;
}

static void skip_if_lacks(uint32_t bit)
{
	if (!(src->info.lacks & bit))
		return;
	print_message("skip: %s\n", sup_lacks_text(bit));
	skip();
}

static struct sup__exit_event events[4 * N_BURST];
static int n_events;

static void keep(const struct sup__exit_event *ev, void *arg)
{
	(void)arg;
	assert_true(n_events < 4 * N_BURST);
	events[n_events++] = *ev;
}

/* The first event of a kind, about a process or a lineage; waits for it. */
static const struct sup__exit_event *wait_for(enum sup__exit_kind kind,
					      pid_t pid, uint64_t lineage)
{
	struct pollfd fd = { .fd = src->ops->fd(src), .events = POLLIN };
	int i;

	for (i = 0;; i++) {
		while (i == n_events) {
			assert_int_equal(poll(&fd, 1, LIMIT_MS), 1);
			assert_int_equal(src->ops->dispatch(src, keep, NULL),
					 0);
		}
		if (events[i].kind == kind &&
		    (kind == SUP__EXIT_THREAD ? events[i].tid == pid :
		     lineage ? events[i].lineage == lineage :
		     events[i].pid == pid))
			return &events[i];
	}
}

static void spawn_argv(const char *const *argv, struct sup__proc *ret_p)
{
	struct sup_process_spec spec = { .size = sizeof(spec), .argv = argv };
	struct sup__proc_start start = { .spec = &spec, .src = src };

	*ret_p = (struct sup__proc)SUP__PROC_INIT;
	if (!sup__proc_spawn(&start, ret_p))
		return;
	print_error("%s\n", sup_error());
	fail();
}

static void spawn_sh(const char *script, struct sup__proc *ret_p)
{
	spawn_argv((const char *const[]){ "sh", "-c", script, NULL }, ret_p);
}

static void reap(struct sup__proc *p)
{
	struct sup_reason reason;

	assert_int_equal(sup__proc_reap(p, &reason, NULL), 0);
	sup__proc_close(p);
}

static void exit_status_is_told(void **state)
{
	const struct sup__exit_event *ev;
	struct sup__proc p;

	(void)state;
	n_events = 0;
	spawn_sh("exit 9", &p);
	ev = wait_for(SUP__EXIT_PROCESS, p.pid, 0);
	assert_int_equal(ev->reason.kind, SUP_REASON_EXIT);
	assert_int_equal(ev->reason.code, 9);
	assert_true(ev->exit_ns > 0);
	assert_true(ev->max_rss > 0);
	reap(&p);
	spawn_sh("exit 0", &p);
	ev = wait_for(SUP__EXIT_PROCESS, p.pid, 0);
	assert_int_equal(ev->reason.kind, SUP_REASON_NORMAL);
	reap(&p);
}

static void signal_and_sender_are_told(void **state)
{
	const struct sup__exit_event *ev;
	struct sup__proc p;

	(void)state;
	n_events = 0;
	spawn_argv((const char *const[]){ "sleep", "1000", NULL }, &p);
	assert_int_equal(src->ops->kill(src, &p, 0, SIGTERM, false), 0);
	ev = wait_for(SUP__EXIT_PROCESS, p.pid, 0);
	assert_int_equal(ev->reason.kind, SUP_REASON_SIGNAL);
	assert_int_equal(ev->reason.signo, SIGTERM);
	reap(&p);
	if (src->info.lacks & SUP_LACKS_SENDER)
		return;
	assert_int_equal(ev->reason.sent_by, SUP_SENT_BY_PROCESS);
	assert_string_equal(ev->reason.sender_comm, "test_source");
	assert_int_equal(ev->reason.sender_pid, getpid());
	assert_int_equal(ev->reason.sender_uid, getuid());
}

/* Only descendants that left the session differ between the sources. */
static void lineage_is_killed_and_waited_for(void **state)
{
	const struct sup__exit_event *ev;
	bool group_only = src->info.lacks & SUP_LACKS_LINEAGE_KILL;
	struct sup__proc p;
	uint64_t lineage;

	(void)state;
	n_events = 0;
	spawn_sh(group_only ? "sleep 1000 & sleep 1000 & exit 1" :
		 "setsid sh -c 'sleep 1000 & sleep 1000' & "
		 "sleep 1000 & sleep 1000 & exit 1", &p);
	ev = wait_for(SUP__EXIT_PROCESS, p.pid, 0);
	lineage = ev->lineage;
	assert_int_equal(ev->reason.code, 1);
	assert_int_equal(src->ops->kill(src, &p, lineage, SIGKILL, true), 0);
	if (src->ops->lineage_alive(src, &p, lineage))
		wait_for(SUP__EXIT_LINEAGE, p.pid, lineage);
	reap(&p);
	assert_int_equal(src->ops->kill(src, &p, lineage, 0, true), -ESRCH);
}

static void double_forked_grandchild_is_told(void **state)
{
	const struct sup__exit_event *ev;
	struct sup__proc p;
	uint64_t lineage;

	(void)state;
	skip_if_lacks(SUP_LACKS_DESCENDANTS);
	n_events = 0;
	spawn_sh("(setsid sh -c 'exit 23' &) ; exit 0", &p);
	ev = wait_for(SUP__EXIT_PROCESS, p.pid, 0);
	lineage = ev->lineage;
	wait_for(SUP__EXIT_LINEAGE, 0, lineage);
	reap(&p);
	for (ev = events; ev->reason.code != 23; ev++)
		assert_true(ev < events + n_events);
	assert_int_equal(ev->lineage, lineage);
	assert_true(ev->pid != p.pid);
}

static void burst_loses_nothing(void **state)
{
	static struct sup__proc procs[N_BURST];
	int i, j, found;

	(void)state;
	n_events = 0;
	/* Nobody reads meanwhile. */
	for (i = 0; i < N_BURST; i++)
		spawn_argv((const char *const[]){ "true", NULL }, &procs[i]);
	for (i = 0; i < N_BURST; i++)
		wait_for(SUP__EXIT_PROCESS, procs[i].pid, 0);
	for (i = 0; i < N_BURST; i++) {
		for (j = 0, found = 0; j < n_events; j++)
			found += events[j].kind == SUP__EXIT_PROCESS &&
				 events[j].pid == procs[i].pid;
		assert_int_equal(found, 1);
		reap(&procs[i]);
	}
}

static void *leave_raw(void *arg)
{
	*(pid_t *)arg = gettid();
	syscall(SYS_exit, 0);
	return NULL;
}

static void thread_without_a_report_is_told(void **state)
{
	const struct sup__exit_event *ev;
	pthread_t thread;
	pid_t tid = 0;

	(void)state;
	skip_if_lacks(SUP_LACKS_THREADS);
	n_events = 0;
	assert_int_equal(pthread_create(&thread, NULL, leave_raw, &tid), 0);
	pthread_join(thread, NULL);
	ev = wait_for(SUP__EXIT_THREAD, tid, 0);
	assert_int_equal(ev->pid, getpid());
}

/* A process that owns a group, has a child, and says how to take it over. */
struct owner_says {
	uint64_t group;
	unsigned char token[SUP_TOKEN_SIZE];
	pid_t child;
};

static void be_owner(enum sup_owner_policy policy, int fd)
{
	struct owner_says says;
	struct sup__proc p = SUP__PROC_INIT;
	struct sup_process_spec spec = {
		.size = sizeof(spec),
		.argv = (const char *const[]){ "sh", "-c", "sleep 1000 & wait",
					       NULL },
	};
	struct sup__proc_start start = { .spec = &spec };

	opts.policy = policy;
	if (sup__exit_open(&opts, &src))
		_exit(1);
	start.src = src;
	if (sup__proc_spawn(&start, &p) ||
	    src->ops->token(src, &says.group, says.token))
		_exit(2);
	says.child = p.pid;
	if (write(fd, &says, sizeof(says)) != sizeof(says))
		_exit(3);
	pause();
	_exit(4);
}

static void start_and_kill_owner(enum sup_owner_policy policy,
				 struct owner_says *ret_says)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid)
		be_owner(policy, fds[1]);
	close(fds[1]);
	assert_int_equal(read(fds[0], ret_says, sizeof(*ret_says)),
			 sizeof(*ret_says));
	close(fds[0]);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void children_die_with_their_owner(void **state)
{
	struct pollfd fd = { .events = POLLIN };
	struct owner_says says;
	struct sup__proc p;

	(void)state;
	skip_if_lacks(SUP_LACKS_OWNER_DEATH);
	close_source(NULL);
	start_and_kill_owner(SUP_OWNER_KILL, &says);
	if (!sup__proc_open(says.child, &p)) {
		fd.fd = p.pidfd;
		assert_int_equal(poll(&fd, 1, LIMIT_MS), 1);
		sup__proc_close(&p);
	}
}

static pid_t orphan_pids[8];
static bool orphan_first[8];
static int n_orphans;
static uint64_t orphan_lineage;

static int note_orphan(const struct sup_orphan *o, void *arg)
{
	const struct owner_says *says = arg;

	assert_true(n_orphans < 8);
	if (!orphan_lineage)
		orphan_lineage = o->lineage;
	assert_int_equal(o->lineage, orphan_lineage);
	assert_int_equal(o->lineage_first, o->pid == says->child);
	assert_true(o->start_ns > 0);
	orphan_first[n_orphans] = o->lineage_first;
	orphan_pids[n_orphans++] = o->pid;
	return 0;
}

static void children_can_be_taken_over(void **state)
{
	const struct sup__exit_event *ev;
	struct owner_says says;
	struct sup__proc p;
	int i, first = -1;

	(void)state;
	skip_if_lacks(SUP_LACKS_ADOPTION);
	close_source(NULL);
	start_and_kill_owner(SUP_OWNER_RETAIN, &says);
	opts.adopt_group = says.group;
	says.token[0] ^= 1;
	opts.adopt_token = says.token;
	assert_int_equal(sup__exit_open(&opts, &src), -EACCES);
	says.token[0] ^= 1;
	opts.adopt_group = says.group + 1000;
	assert_int_equal(sup__exit_open(&opts, &src), -ESRCH);
	opts.adopt_group = says.group;
	n_events = 0;
	assert_int_equal(sup__exit_open(&opts, &src), 0);
	opts.adopt_token = NULL;
	n_orphans = orphan_lineage = 0;
	assert_int_equal(src->ops->orphans(src, note_orphan, &says), 0);
	for (i = 0; i < n_orphans; i++)
		if (orphan_first[i])
			first = i;
	assert_true(first >= 0);
	assert_int_equal(orphan_pids[first], says.child);
	assert_int_equal(src->ops->find(src, orphan_lineage, &p), 0);
	assert_int_equal(p.pid, says.child);
	assert_int_equal(src->ops->kill(src, &p, 0, SIGKILL, true), 0);
	ev = wait_for(SUP__EXIT_PROCESS, says.child, 0);
	assert_int_equal(ev->reason.signo, SIGKILL);
	wait_for(SUP__EXIT_LINEAGE, 0, orphan_lineage);
	sup__proc_close(&p);
	assert_int_equal(src->ops->find(src, orphan_lineage, &p), -ESRCH);
	n_orphans = 0;
	assert_int_equal(src->ops->orphans(src, note_orphan, &says), 0);
	assert_int_equal(n_orphans, 0);
}

static void source_can_be_opened_again(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		close_source(NULL);
		assert_int_equal(open_source(NULL), 0);
	}
}

static void need_module_as_root(void)
{
	if (src->info.source != SUP_SOURCE_MODULE || geteuid()) {
		print_message("skip: needs the module, and root\n");
		skip();
	}
}

static void child_without_room_never_runs(void **state)
{
	struct sup_process_spec spec = {
		.size = sizeof(spec),
		.argv = (const char *const[]){ "true", NULL },
	};
	struct sup__proc_start start = { .spec = &spec, .src = src };
	struct sup__proc p = SUP__PROC_INIT;
	const struct sup__exit_event *ev;
	char old[16];
	int ret;

	(void)state;
	need_module_as_root();
	bench_parameter("max_members", "1", old);
	n_events = 0;
	ret = sup__proc_spawn(&start, &p);
	bench_parameter("max_members", old, NULL);
	assert_int_equal(ret, -ECHILD);
	wait_for(SUP__EXIT_OVERFLOW, 0, 0);
	assert_int_equal(src->ops->doubt(src, &p), 0);
	ev = wait_for(SUP__EXIT_PROCESS, p.pid, 0);
	assert_true(ev->unrecorded);
	assert_int_equal(ev->reason.signo, SIGKILL);
	reap(&p);
	/* Doubt of one that has its record changes nothing. */
	n_events = 0;
	spawn_argv(spec.argv, &p);
	assert_int_equal(src->ops->doubt(src, &p), 0);
	ev = wait_for(SUP__EXIT_PROCESS, p.pid, 0);
	assert_false(ev->unrecorded);
	wait_for(SUP__EXIT_LINEAGE, 0, ev->lineage);
	assert_int_equal(n_events, 2);
	reap(&p);
}

/*
 * One thread has more rights than the group, whose limit is reached: its child
 * is beyond the group's power, and runs unrecorded.
 */
static void be_beyond_power(void)
{
	struct sup_process_spec spec = {
		.size = sizeof(spec),
		.argv = (const char *const[]){ "sleep", "1000", NULL },
	};
	struct sup__proc_start start = { .spec = &spec };
	struct sup__proc p = SUP__PROC_INIT;
	const struct sup__exit_event *ev;

	if (setresuid(65534, 65534, 0) || sup__exit_open(&opts, &src))
		_exit(1);
	start.src = src;
	n_events = 0;
	if (setresuid(0, 0, 0) || sup__proc_spawn(&start, &p) ||
	    setresuid(65534, 65534, 0))
		_exit(2);
	if (!wait_for(SUP__EXIT_OVERFLOW, 0, 0)->untracked ||
	    src->ops->doubt(src, &p))
		_exit(3);
	if (setresuid(0, 0, 0) || sup__proc_signal(&p, SIGTERM) ||
	    setresuid(65534, 65534, 0))
		_exit(4);
	ev = wait_for(SUP__EXIT_PROCESS, p.pid, 0);
	_exit(ev->unrecorded && ev->reason.signo == SIGTERM ? 0 : 5);
}

static void child_beyond_power_is_told(void **state)
{
	char old[16];
	int status;
	pid_t pid;

	(void)state;
	need_module_as_root();
	close_source(NULL);
	bench_parameter("max_members", "1", old);
	pid = fork();
	if (!pid)
		be_beyond_power();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	bench_parameter("max_members", old, NULL);
	assert_int_equal(status, 0);
}

static void open_as_nobody(void)
{
	struct sup_options mine = {
		.size = sizeof(mine), .source = SUP_SOURCE_MODULE,
	};

	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		_exit(1);
	if (sup__exit_open(&mine, &src) != -EPERM)
		_exit(2);
	if (!strstr(sup_error(), "not permitted"))
		_exit(3);
	mine.source = SUP_SOURCE_AUTO;
	if (sup__exit_open(&mine, &src))
		_exit(4);
	_exit(src->info.source == SUP_SOURCE_PIDFD &&
	      strstr(src->info.why, "not permitted") ? 0 : 5);
}

static void refused_user_gets_the_kernels_sentence(void **state)
{
	char old[16];
	int status;
	pid_t pid;

	(void)state;
	need_module_as_root();
	bench_parameter("unprivileged", "0", old);
	pid = fork();
	if (!pid)
		open_as_nobody();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	bench_parameter("unprivileged", old, NULL);
	assert_int_equal(status, 0);
}

static void absent_module_is_named(void **state)
{
	struct sup_options mine = {
		.size = sizeof(mine), .source = SUP_SOURCE_MODULE,
	};
	struct sup__exit_source *other;

	(void)state;
	if (!access("/sys/module/sup", F_OK)) {
		print_message("skip: the module is loaded\n");
		skip();
	}
	assert_int_equal(sup__exit_open(&mine, &other), -ENOENT);
	assert_non_null(strstr(sup_error(), "module sup is not loaded"));
	mine.source = SUP_SOURCE_AUTO;
	assert_int_equal(sup__exit_open(&mine, &other), 0);
	assert_int_equal(other->info.source, SUP_SOURCE_PIDFD);
	assert_non_null(strstr(other->info.why, "not loaded"));
	other->ops->close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_source, close_source)
		T(exit_status_is_told),
		T(signal_and_sender_are_told),
		T(lineage_is_killed_and_waited_for),
		T(double_forked_grandchild_is_told),
		T(burst_loses_nothing),
		T(thread_without_a_report_is_told),
		T(children_die_with_their_owner),
		T(children_can_be_taken_over),
		T(source_can_be_opened_again),
		T(child_without_room_never_runs),
		T(child_beyond_power_is_told),
		T(refused_user_gets_the_kernels_sentence),
		T(absent_module_is_named),
	};
	const char *name = getenv("SOURCE");

	opts.source = name && !strcmp(name, "module") ? SUP_SOURCE_MODULE :
							SUP_SOURCE_PIDFD;
	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
