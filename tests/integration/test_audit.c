/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is not supervised, by what the module tracks. */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

static struct sup_stray strays[16];
static int n_strays;

static int keep(const struct sup_stray *stray, void *arg)
{
	(void)arg;
	assert_true(n_strays < 16);
	strays[n_strays++] = *stray;
	return 0;
}

static void audit(void)
{
	n_strays = 0;
	if (!sup_audit(keep, NULL, LIMIT))
		return;
	print_error("%s\n", sup_error());
	fail();
}

/*
 * Who was joined or waited for may be on the way out of the group for a moment
 * more; there is no event for the end of that.
 */
static void audit_until(int n)
{
	int64_t limit = LIMIT;

	do {
		audit();
		assert_true(sup_deadline_ms(0) < limit);
	} while (n_strays != n);
}

static void without_the_module_it_is_refused(void **state)
{
	struct sup_source_info info;

	(void)state;
	assert_int_equal(sup_exit_source(&info), 0);
	if (!(info.lacks & SUP_LACKS_AUDIT)) {
		print_message("skip: the module is there\n");
		skip();
	}
	assert_int_equal(sup_audit(keep, NULL, LIMIT), -EOPNOTSUPP);
	assert_non_null(strstr(sup_error(), "needs the module"));
}

/* Says its number, and waits until the other end is closed. */
static void *wait_for_close(void *arg)
{
	const int *fds = arg;
	pid_t tid = gettid();
	char byte;

	if (write(fds[1], &tid, sizeof(tid)) != sizeof(tid) ||
	    read(fds[2], &byte, 1))
		abort();
	return NULL;
}

static void thread_of_its_own_is_a_stray(void **state)
{
	pthread_t thread;
	int fds[4];
	pid_t tid;

	(void)state;
	bench_need(SUP_LACKS_AUDIT);
	audit();
	assert_int_equal(n_strays, 0);
	assert_int_equal(pipe(fds) || pipe(fds + 2), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_close, fds),
			 0);
	assert_int_equal(read(fds[0], &tid, sizeof(tid)), sizeof(tid));
	audit();
	assert_int_equal(n_strays, 1);
	assert_int_equal(strays[0].pid, getpid());
	assert_int_equal(strays[0].tid, tid);
	assert_true(strays[0].start_ns > 0);
	assert_string_equal(strays[0].comm, "test_audit");
	close(fds[3]);
	pthread_join(thread, NULL);
	audit_until(0);
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
}

static int is_it(const struct sup_foreign *f, void *arg)
{
	assert_int_equal(f->tid, *(pid_t *)arg);
	assert_int_equal(f->owner.v, 0);
	assert_true(f->start_ns > 0);
	assert_string_equal(f->name, "a library");
	assert_string_equal(f->comm, "test_audit");
	*(pid_t *)arg = 0;
	return 0;
}

static void thread_of_a_library_is_declared(void **state)
{
	pthread_t thread;
	int fds[4];
	pid_t tid;

	(void)state;
	bench_need(SUP_LACKS_AUDIT);
	assert_int_equal(pipe(fds) || pipe(fds + 2), 0);
	assert_int_equal(sup_foreign_begin("a library"), 0);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_close, fds),
			 0);
	assert_int_equal(sup_foreign_end(), 0);
	assert_int_equal(read(fds[0], &tid, sizeof(tid)), sizeof(tid));
	audit();
	assert_int_equal(n_strays, 0);
	assert_int_equal(sup_foreign_threads(is_it, &tid), 0);
	assert_int_equal(tid, 0);
	close(fds[3]);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
}

static int on_init(void *arg, void **ret_state)
{
	(void)arg;
	*ret_state = NULL;
	return 0;
}

static const struct sup_server_ops server_ops = {
	.size = sizeof(server_ops), .init = on_init,
};

static const struct sup_server_spec server = {
	.size = sizeof(server), .name = "server", .ops = &server_ops,
};

/* The thread that a supervisor keeps for the next restart, and uses then. */
static void spare_of_a_supervisor_is_none(void **state)
{
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "child",
		.start = sup_server_start, .arg = &server,
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "spares", .intensity = 1000,
		.children = &child, .n_children = 1,
	};
	struct sup_event started;
	struct sup_pid sup;
	int i;

	(void)state;
	bench_need(SUP_LACKS_AUDIT);
	assert_int_equal(sup_supervisor_start(&spec, &sup), 0);
	for (i = 1; i <= 20; i++) {
		started = bench_event(SUP_EVENT_STARTED, "child", i);
		audit();
		assert_int_equal(n_strays, 0);
		assert_int_equal(sup_kill(started.pid, SUP_TRY), 0);
		audit();
		assert_int_equal(n_strays, 0);
	}
	bench_event(SUP_EVENT_STARTED, "child", i);
	assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, NULL, LIMIT), 0);
	audit();
	assert_int_equal(n_strays, 0);
	/* Nor was any of these ends nobody's. */
	assert_int_equal(bench_count(SUP_EVENT_TASK_EXIT, NULL), 0);
}

static void fork_twice(int fd)
{
	pid_t grandchild = fork();

	if (grandchild && write(fd, &grandchild, sizeof(grandchild)) < 0)
		_exit(1);
	for (;;)
		pause();
}

static void child_of_its_own_is_a_stray(void **state)
{
	pid_t pid, grandchild;
	int fds[2];

	(void)state;
	bench_need(SUP_LACKS_AUDIT);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid)
		fork_twice(fds[1]);
	assert_int_equal(read(fds[0], &grandchild, sizeof(grandchild)),
			 sizeof(grandchild));
	audit();
	assert_int_equal(n_strays, 2);
	assert_int_equal(strays[0].pid, pid);
	assert_int_equal(strays[0].tid, 0);
	assert_true(strays[0].lineage_first);
	assert_false(strays[0].adopted);
	assert_int_equal(strays[1].pid, grandchild);
	assert_false(strays[1].lineage_first);
	assert_int_equal(strays[1].lineage, strays[0].lineage);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	audit_until(1);
	assert_int_equal(strays[0].pid, grandchild);
	assert_int_equal(kill(grandchild, SIGKILL), 0);
	bench_event(SUP_EVENT_TASK_EXIT, NULL, 2);
	audit();
	assert_int_equal(n_strays, 0);
	close(fds[0]);
	close(fds[1]);
}

static void family_of_a_child_is_its_own(void **state)
{
	struct sup_process_spec *p = bench_process("stray", NULL, bench_fifo());
	struct sup_pid pid;
	int fd;

	(void)state;
	bench_need(SUP_LACKS_AUDIT);
	assert_int_equal(sup_process_start(p, &pid), 0);
	fd = bench_watch((pid_t)bench_number());
	audit();
	assert_int_equal(n_strays, 0);
	assert_int_equal(sup_kill(pid, LIMIT), 0);
	assert_int_equal(sup_wait(pid, NULL, LIMIT), 0);
	bench_watch_end(fd);
	audit();
	assert_int_equal(n_strays, 0);
}

static _Atomic int stop;

static int return_0(void *arg)
{
	(void)arg;
	return 0;
}

/* Starts and ends threads and processes until it is told to stop. */
static int churn(void *arg)
{
	static const char *const argv[] = { "true", NULL };
	struct sup_thread_spec t = { .size = sizeof(t), .run = return_0 };
	struct sup_process_spec p = { .size = sizeof(p), .argv = argv };
	_Atomic int *n = arg;
	struct sup_pid pid;

	while (!atomic_load(&stop)) {
		if (sup_thread_start(&t, &pid) || sup_wait(pid, NULL, LIMIT))
			return 1;
		if (sup_process_start(&p, &pid) || sup_wait(pid, NULL, LIMIT))
			return 2;
		atomic_fetch_add(n, 1);
	}
	return 0;
}

#define ROUNDS 20

/* What begins or ends meanwhile is none. */
static void who_comes_and_goes_is_no_stray(void **state)
{
	static _Atomic int n[2];
	struct sup_thread_spec spec = { .size = sizeof(spec), .run = churn };
	struct sup_reason reason;
	struct sup_pid pids[2];
	int i, total = 0;

	(void)state;
	bench_need(SUP_LACKS_AUDIT);
	atomic_store(&stop, 0);
	for (i = 0; i < 2; i++) {
		spec.arg = &n[i];
		assert_int_equal(sup_thread_start(&spec, &pids[i]), 0);
	}
	do {
		audit();
		total += n_strays;
	} while (n[0] < ROUNDS || n[1] < ROUNDS);
	atomic_store(&stop, 1);
	for (i = 0; i < 2; i++) {
		assert_int_equal(sup_wait(pids[i], &reason, LIMIT), 0);
		assert_int_equal(reason.kind, SUP_REASON_NORMAL);
	}
	assert_int_equal(total, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(without_the_module_it_is_refused),
		CASE(thread_of_its_own_is_a_stray),
		CASE(thread_of_a_library_is_declared),
		CASE(spare_of_a_supervisor_is_none),
		CASE(child_of_its_own_is_a_stray),
		CASE(family_of_a_child_is_its_own),
		CASE(who_comes_and_goes_is_no_stray),
	};

	bench_role(argc, argv);
	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
