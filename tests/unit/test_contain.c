/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Contained faults, and, each in a process of its own, those that are not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include <sup/sup.h>

#include "base/lock.h"

#define LONG sup_deadline_ms(30000)
#define N(a) (sizeof(a) / sizeof((a)[0]))

static struct sup_options pidfd = {
	.size = sizeof(pidfd), .source = SUP_SOURCE_PIDFD,
};

#ifdef __SANITIZE_THREAD__
static const bool sanitized_threads = true;
#else
static const bool sanitized_threads;
#endif

static _Atomic int log_lines;

static void count_log(int level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
	atomic_fetch_add(&log_lines, 1);
}

/* In the test itself: cmocka puts handlers of its own round each function. */
static void open_runtime(void)
{
	sup_set_log_sink(count_log, NULL);
	assert_int_equal(sup_open(&pidfd), 0);
}

static void close_runtime(void)
{
	assert_int_equal(sup_close(), 0);
}

static struct sup_pid start(int (*run)(void *), void *arg)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = "crash", .run = run, .arg = arg,
		.containment = SUP_CONTAIN,
	};
	struct sup_pid pid = SUP_PID_NONE;

	if (sup_thread_start(&spec, &pid))
		abort();
	return pid;
}

static struct sup_reason end_of(struct sup_pid pid)
{
	struct sup_reason reason;

	if (sup_wait(pid, &reason, LONG))
		abort();
	return reason;
}

/* Faults; not to be looked through by the compiler. */
static volatile uintptr_t bad_address = 0x10;
static volatile int seven = 7, zero;
static size_t (*volatile length)(const char *) = strlen;

static int __attribute__((noinline)) write_badly(void *arg)
{
	(void)arg;
	*(volatile int *)bad_address = 1;
	return 0;
}

static int __attribute__((noinline, no_sanitize("undefined")))
divide(void *arg)
{
	(void)arg;
	return seven / zero;
}

static int __attribute__((noinline)) no_instruction(void *arg)
{
	(void)arg;
	__builtin_trap();
}

static int __attribute__((noinline)) fail_assertion(void *arg)
{
	assert(arg && "shown");
	return 0;
}

static int __attribute__((noinline)) call_abort(void *arg)
{
	(void)arg;
	abort();
}

static int __attribute__((noinline)) raise_abort(void *arg)
{
	(void)arg;
	raise(SIGABRT);
	return 0;
}

static int bus_error(void *arg)
{
	char path[] = "/tmp/sup-test-XXXXXX";
	int fd = mkstemp(path);
	volatile char *p;

	(void)arg;
	if (fd < 0 || unlink(path))
		return 1;
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return *p;
}

static void each_fault_is_contained(void **state)
{
	static const struct {
		int (*run)(void *arg);
		int signo;
	} faults[] = {
		{ write_badly, SIGSEGV }, { divide, SIGFPE },
		{ no_instruction, SIGILL }, { bus_error, SIGBUS },
		{ fail_assertion, SIGABRT }, { call_abort, SIGABRT },
		{ raise_abort, SIGABRT },
	};
	/* TSan's raise() and abort() are of an object of its own. */
	const size_t n = sanitized_threads ? 4 : N(faults);
	struct sup_reason r;
	size_t i;

	(void)state;
	open_runtime();
	for (i = 0; i < n; i++) {
		atomic_store(&log_lines, 0);
		r = end_of(start(faults[i].run, NULL));
		assert_int_equal(r.kind, SUP_REASON_SIGNAL);
		assert_int_equal(r.signo, faults[i].signo);
		assert_false(sup_reason_is_clean(&r));
		/* The report, and a line for each frame. */
		assert_true(atomic_load(&log_lines) > 3);
	}
	r = end_of(start(write_badly, NULL));
	assert_true(r.has_fault);
	assert_int_equal(r.fault_code, SEGV_MAPERR);
	assert_int_equal(r.fault_addr, 0x10);
	close_runtime();
}

static pthread_key_t key;
static _Atomic int destroyed;

static void destroy(void *arg)
{
	free(arg);
	atomic_fetch_add(&destroyed, 1);
}

static int crash_with_key(void *arg)
{
	pthread_setspecific(key, malloc(100));
	return write_badly(arg);
}

static void many_leave_nothing_behind(void **state)
{
#if defined(__SANITIZE_THREAD__)
	enum { TIMES = 200, WARM = 1100 };
#else
	enum { TIMES = 2000, WARM = 1100 };
#endif
	size_t before, after;
	int i;

	(void)state;
	open_runtime();
	assert_int_equal(pthread_key_create(&key, destroy), 0);
	sup_set_log_level(LOG_CRIT);
	/* As many as are remembered: from here on slots are used again. */
	for (i = 0; i < WARM; i++)
		end_of(start(crash_with_key, NULL));
	before = mallinfo2().uordblks;
	for (i = 0; i < TIMES; i++)
		end_of(start(crash_with_key, NULL));
	assert_int_equal(sup_close(), 0);
	after = mallinfo2().uordblks;
	assert_int_equal(atomic_load(&destroyed), TIMES + WARM);
	printf("%d contained faults: %ld bytes of heap more\n", TIMES,
	       (long)after - (long)before);
	assert_true(after < before + 16384);
	assert_int_equal(pthread_key_delete(key), 0);
	sup_set_log_level(LOG_WARNING);
}

static int crash_init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static int crash_call(void *state, struct sup_from from, struct sup_msg *req)
{
	(void)from;
	(void)req;
	return write_badly(state);
}

static void callers_of_a_crashed_server_get_the_signal(void **state)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = crash_init, .call = crash_call,
	};
	struct sup_server_spec spec = {
		.size = sizeof(spec), .name = "crash", .reg = true,
		.ops = &ops, .containment = SUP_CONTAIN,
	};
	char *data = strdup("freed by the runtime");
	struct sup_msg req = { .tag = 1, .data = data, .free = free };
	struct sup_reason r;
	struct sup_pid pid;

	(void)state;
	open_runtime();
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(sup_call(pid, &req, NULL, &r, LONG), -EPIPE);
	assert_int_equal(r.signo, SIGSEGV);
	assert_int_equal(sup_whereis("crash").v, 0);
	close_runtime();
}

/* What ends the process: run in a child, by this program started anew. */

static volatile int depth;

static int __attribute__((noinline)) overflow(void *arg)
{
	volatile char frame[4096];

	frame[0] = (char)(uintptr_t)arg;
	if (depth >= 0)
		return overflow((void *)(uintptr_t)(frame[0] + 1)) + frame[0];
	return 0;
}

static int fault_in_libc(void *arg)
{
	(void)arg;
	return length((const char *)bad_address) > 0;
}

static int compare_badly(const void *a, const void *b)
{
	(void)a;
	return write_badly((void *)b);
}

static int fault_below_libc(void *arg)
{
	int v[3] = { 3, 1, 2 };

	qsort(v, 3, sizeof(v[0]), compare_badly);
	return arg != NULL;
}

static int fault_with_lock(void *arg)
{
	static struct sup__lock lock = SUP__LOCK_INIT;
	int ret;

	sup__lock(&lock);
	ret = write_badly(arg);
	sup__unlock(&lock);
	return ret;
}

static int heap_abort(void *arg)
{
	char *volatile p = malloc(2000);

	/* libc finds out, and aborts for a reason of its own. */
	free(p);
	free(p);
	return arg != NULL;
}

static int sent_signal(void *arg)
{
	(void)arg;
	syscall(SYS_tgkill, getpid(), gettid(), SIGSEGV);
	return 0;
}

static void fault_again(int signo)
{
	(void)signo;
	write_badly(NULL);
}

static int fault_in_handler(void *arg)
{
	(void)arg;
	signal(SIGUSR1, fault_again);
	pthread_kill(pthread_self(), SIGUSR1);
	raise(SIGUSR1);
	return 0;
}

static int unblock_and_fault_in_handler(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return fault_in_handler(arg);
}

static int never_a_safe_point(void *arg)
{
	while (!arg)
		if (zero)
			break;
	return 0;
}

static int kill_in_vain(void *arg)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = never_a_safe_point,
	};
	struct sup_pid pid;

	(void)arg;
	if (sup_thread_start(&spec, &pid))
		return 1;
	sup_kill(pid, sup_deadline_ms(20));
	sup_wait(pid, NULL, LONG);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(void *arg);
	enum sup_containment containment;
	int signo;
	const char *why;
} endings[] = {
	{ "opted_out", write_badly, SUP_CONTAIN_NEVER, SIGSEGV,
	  "has not opted in" },
	{ "overflow", overflow, SUP_CONTAIN, SIGSEGV, "overflowed" },
	{ "in_libc", fault_in_libc, SUP_CONTAIN, SIGSEGV, "libc" },
	{ "below_libc", fault_below_libc, SUP_CONTAIN, SIGSEGV, "libc" },
	{ "with_lock", fault_with_lock, SUP_CONTAIN, SIGSEGV, "a lock" },
	{ "heap_abort", heap_abort, SUP_CONTAIN, SIGABRT, "of its own" },
	{ "sent", sent_signal, SUP_CONTAIN, SIGSEGV, "sent by somebody" },
	{ "in_handler", unblock_and_fault_in_handler, SUP_CONTAIN, SIGSEGV,
	  "libc" },
	{ "no_safe_point", kill_in_vain, SUP_CONTAIN_NEVER, SIGABRT,
	  "no safe point" },
};

static int end_process(const char *name)
{
	struct sup_thread_spec spec = { .size = sizeof(spec), .name = name };
	struct rlimit no_core = { 0, 0 };
	struct sup_pid pid;
	size_t i;

	setrlimit(RLIMIT_CORE, &no_core);
	for (i = 0; i < N(endings) && strcmp(endings[i].name, name); i++)
		;
	if (i == N(endings) || sup_open(&pidfd))
		return 2;
	spec.run = endings[i].run;
	spec.containment = endings[i].containment;
	if (sup_thread_start(&spec, &pid))
		return 3;
	sup_wait(pid, NULL, LONG);
	return 4;
}

static inline void run_ending(size_t i, char *text, size_t size,
			      int *ret_status)
{
	char *argv[] = { "test_contain", (char *)endings[i].name, NULL };
	int fds[2];
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		execv("/proc/self/exe", argv);
		_exit(5);
	}
	close(fds[1]);
	while (used < size - 1 &&
	       (n = read(fds[0], text + used, size - 1 - used)) > 0)
		used += n;
	text[used] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, ret_status, 0), pid);
}

static inline void the_rest_ends_the_process(void **state)
{
	char text[8192];
	int status;
	size_t i;

	(void)state;
	for (i = 0; i < N(endings); i++) {
		run_ending(i, text, sizeof(text), &status);
		printf("%s: %s", endings[i].name, text);
		assert_non_null(strstr(text, endings[i].why));
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), endings[i].signo);
	}
}

static _Atomic int chained;

static void *fault_on_foreign_thread(void *arg)
{
	raise(SIGFPE);
	return arg;
}

static void chained_handler(int signo)
{
	atomic_store(&chained, signo);
}

static void earlier_handlers_are_chained(void **state)
{
	struct sigaction action = { .sa_handler = chained_handler };
	struct sigaction old, now;
	pthread_t thread;

	(void)state;
	assert_int_equal(sigaction(SIGFPE, &action, &old), 0);
	assert_int_equal(sup_open(&pidfd), 0);
	assert_int_equal(pthread_create(&thread, NULL,
					fault_on_foreign_thread, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(atomic_load(&chained), SIGFPE);
	assert_int_equal(sup_close(), 0);
	assert_int_equal(sigaction(SIGFPE, &old, &now), 0);
	assert_ptr_equal(now.sa_handler, chained_handler);
}

static void objects_opt_in_by_an_address(void **state)
{
	(void)state;
	assert_int_equal(sup_contain_object(_cmocka_run_group_tests), 0);
	assert_int_equal(sup_contain_object((void *)8), -ENOENT);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_is_contained),
		cmocka_unit_test(many_leave_nothing_behind),
		cmocka_unit_test(callers_of_a_crashed_server_get_the_signal),
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
		/* Sanitizers end the process in a way of their own. */
		cmocka_unit_test(the_rest_ends_the_process),
#endif
		cmocka_unit_test(earlier_handlers_are_chained),
		cmocka_unit_test(objects_opt_in_by_an_address),
	};

	if (argc > 1)
		return end_process(argv[1]);
	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
