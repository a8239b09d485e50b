/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contained faults. Those that are not: test_ending.c. */
#include "unit.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>
#include <unistd.h>

#include <sup/sup.h>

#include "core/table.h"

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

/* The log of one task at a time, and written before its end is told. */
static char log_text[16384];
static size_t log_len;
static _Atomic int log_lines;

static void keep_log(int level, const char *text, void *arg)
{
	size_t room = sizeof(log_text) - log_len;
	int n = snprintf(log_text + log_len, room, "%d %s\n", level, text);

	(void)arg;
	if (n > 0)
		log_len += (size_t)n < room ? (size_t)n : room - 1;
	atomic_fetch_add(&log_lines, 1);
}

static void clear_log(void)
{
	log_len = 0;
	log_text[0] = '\0';
	atomic_store(&log_lines, 0);
}

/* In the test itself: cmocka puts handlers of its own round each function. */
static void open_runtime(void)
{
	clear_log();
	sup_set_log_sink(keep_log, NULL);
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

/* Several at once: no race, as nothing is there to be written. */
static int __attribute__((noinline, no_sanitize("thread")))
write_badly(void *arg)
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
		clear_log();
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

/* Who and what, then the frames from the fault down to the top. */
static void the_log_says_what_and_where(void **state)
{
	char line[256], *frame;
	struct sup_reason r;

	(void)state;
	open_runtime();
	r = end_of(start(write_badly, NULL));
	assert_int_equal(r.signo, SIGSEGV);
	assert_non_null(strstr(log_text, "3 thread \"crash\" ("));
	assert_non_null(strstr(log_text, "signal 11 (SEGV), at 0x10 "
			       "(SEGV_MAPERR): contained"));
	frame = strstr(log_text, "\n3   #0 0x");
	assert_non_null(frame);
	/* The function is static: the object, and where in it. */
	snprintf(line, sizeof(line), " (%s+0x", program_invocation_name);
	assert_non_null(strstr(frame, line));
	assert_non_null(strstr(frame, "\n3   #1 0x"));
	close_runtime();
}

static pthread_key_t key;
static _Atomic int destroyed;
static FILE *shared;

static void destroy(void *arg)
{
	free(arg);
	atomic_fetch_add(&destroyed, 1);
}

static int crash_with_much(void *arg)
{
	if (!arg && (pthread_setspecific(key, malloc(100)) ||
		     !sup_alloc(500) || fputs("x\n", shared) < 0))
		return 1;
	return write_badly(arg);
}

/* Its end is told before its thread has gone, and been joined. */
static void until_it_is_joined(struct sup_pid pid)
{
	int64_t limit = LONG;
	struct sup_reason reason;

	while (!sup__table_recall(pid, &reason)) {
		assert_true(sup_deadline_ms(0) < limit);
		sched_yield();
	}
}

/* No more than these at once, so that what is used does not hang on luck. */
static void crash_times(int n)
{
	struct sup_pid pids[32];
	int i, j;

	for (i = 0; i < n; i += N(pids)) {
		for (j = 0; j < (int)N(pids); j++)
			pids[j] = start(crash_with_much, NULL);
		for (j = 0; j < (int)N(pids); j++)
			assert_int_equal(end_of(pids[j]).signo, SIGSEGV);
		for (j = 0; j < (int)N(pids); j++)
			until_it_is_joined(pids[j]);
	}
}

struct footprint {
	long heap, resident, maps;
};

static struct footprint measure(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	FILE *statm = fopen("/proc/self/statm", "re");
	struct footprint f = { .heap = mallinfo2().uordblks };
	int c;

	assert_non_null(maps);
	assert_non_null(statm);
	while ((c = getc(maps)) != EOF)
		f.maps += c == '\n';
	assert_int_equal(fscanf(statm, "%*d %ld", &f.resident), 1);
	f.resident *= sysconf(_SC_PAGESIZE);
	fclose(maps);
	fclose(statm);
	return f;
}

/* Sanitizers keep what was freed, and threads, in memory for a while. */
static void check_growth(const struct footprint *before, int n)
{
	struct footprint now = measure();

	printf("%d contained faults: %ld bytes of heap, %ld resident, %ld "
	       "mappings more\n", n, now.heap - before->heap,
	       now.resident - before->resident, now.maps - before->maps);
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
	/* A single block lost by each would be at least 32 bytes. */
	assert_true(now.heap - before->heap < 4 * n);
	assert_true(now.resident - before->resident < 16 * n);
	assert_true(now.maps - before->maps < 64);
#endif
}

static void *count_lines(void *arg)
{
	long *ret_n = arg;
	int c;

	rewind(shared);
	while ((c = getc(shared)) != EOF)
		*ret_n += c == '\n';
	return NULL;
}

static void many_leave_nothing_behind(void **state)
{
	/* For a thread TSan takes some ms of a CPU. */
#if defined(__SANITIZE_THREAD__)
	enum { TIMES = 416, WARM = 1120 };
#else
	enum { TIMES = 20000, WARM = 1120 };
#endif
	struct footprint before;
	pthread_t thread;
	long n = 0;

	(void)state;
	open_runtime();
	sup_set_log_level(LOG_CRIT);
	assert_int_equal(pthread_key_create(&key, destroy), 0);
	shared = tmpfile();
	assert_non_null(shared);
	/* As many as are remembered: from here on slots are used again. */
	crash_times(WARM);
	before = measure();
	crash_times(TIMES);
	check_growth(&before, TIMES);
	assert_int_equal(sup_close(), 0);
	assert_int_equal(atomic_load(&destroyed), TIMES + WARM);
	/* stdio works, for others, too. */
	assert_int_equal(pthread_create(&thread, NULL, count_lines, &n), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(n, TIMES + WARM);
	assert_int_equal(fclose(shared), 0);
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

static int fault_in_library(void *arg)
{
	_assert_memory_equal((void *)bad_address, "x", 1, "", 0);
	return arg != NULL;
}

/* It has not in test_ending.c, where the same ends the process. */
static void objects_opt_in_by_an_address(void **state)
{
	struct sup_reason r;

	(void)state;
	assert_int_equal(sup_contain_object(_assert_memory_equal), 0);
	assert_int_equal(sup_contain_object((void *)8), -ENOENT);
	open_runtime();
	r = end_of(start(fault_in_library, NULL));
	assert_int_equal(r.signo, SIGSEGV);
	assert_int_equal(r.fault_addr, 0x10);
	close_runtime();
}

/* What it does is seen with a shared library: tests/lib/try-install.sh. */
static void a_range_of_nothing_is_refused(void **state)
{
	const char *text = "ab";

	(void)state;
	assert_int_equal(sup_contain_below(text, text), -EINVAL);
	assert_non_null(strstr(sup_error(), "end:"));
	assert_int_equal(sup_contain_below(text + 1, text), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fault_is_contained),
		cmocka_unit_test(the_log_says_what_and_where),
		cmocka_unit_test(many_leave_nothing_behind),
		cmocka_unit_test(callers_of_a_crashed_server_get_the_signal),
		cmocka_unit_test(earlier_handlers_are_chained),
		cmocka_unit_test(objects_opt_in_by_an_address),
		cmocka_unit_test(a_range_of_nothing_is_refused),
	};

	return RUN_TESTS(tests);
}
