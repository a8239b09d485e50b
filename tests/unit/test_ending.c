/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What ends the process although the task has opted in to containment, or by
 * its not having done so: the table of Documentation/containment.md. Each runs
 * in a process of its own: this program, started anew with its name.
 */
#include "unit.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sup/sup.h>

#include "base/lock.h"

#define LONG sup_deadline_ms(30000)

/* Faults; not to be looked through by the compiler. */
static volatile uintptr_t bad_address = 0x10;
static volatile int zero;
static size_t (*volatile length)(const char *) = strlen;

static int __attribute__((noinline)) write_badly(void *arg)
{
	(void)arg;
	*(volatile int *)bad_address = 1;
	return 0;
}

static volatile int depth;

static int __attribute__((noinline)) overflow(void *arg)
{
	volatile char frame[4096];

	frame[0] = (char)(uintptr_t)arg;
	if (depth >= 0)
		return overflow((void *)(uintptr_t)(frame[0] + 1)) + frame[0];
	return 0;
}

static int in_libc(void *arg)
{
	(void)arg;
	return length((const char *)bad_address) > 0;
}

static int compare_badly(const void *a, const void *b)
{
	(void)a;
	return write_badly((void *)b);
}

static int below_libc(void *arg)
{
	int v[3] = { 3, 1, 2 };

	qsort(v, 3, sizeof(v[0]), compare_badly);
	return arg != NULL;
}

/* cmocka has not opted in. */
static int in_library(void *arg)
{
	(void)arg;
	_assert_memory_equal((void *)bad_address, "x", 1, "", 0);
	return 0;
}

static int with_lock(void *arg)
{
	static struct sup__lock lock = SUP__LOCK_INIT;
	int ret;

	sup__lock(&lock);
	ret = write_badly(arg);
	sup__unlock(&lock);
	return ret;
}

static void fault_in_sink(int level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	write_badly(arg);
}

/* It would be contained, but when that is logged there is another one. */
static int twice(void *arg)
{
	sup_set_log_sink(fault_in_sink, arg);
	return write_badly(arg);
}

static int start_well(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static int end_badly(void *state, struct sup_info *info)
{
	(void)info;
	return state ? 0 : -EIO;
}

/* libsup logs that the server failed, and is called back by that. */
static int in_log_sink(void *arg)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = start_well, .info = end_badly,
	};
	struct sup_server_spec spec = {
		.size = sizeof(spec), .ops = &ops, .containment = SUP_CONTAIN,
	};
	struct sup_msg msg = { .tag = 1 };
	struct sup_pid pid;

	sup_set_log_sink(fault_in_sink, arg);
	if (sup_server_start(&spec, &pid) || sup_send(pid, &msg, LONG))
		return 1;
	return sup_wait(pid, NULL, LONG);
}

static int in_libsup(void *arg)
{
	(void)arg;
	/* Its memory is not there. */
	return sup_mutex_lock((struct sup_mutex *)bad_address, LONG);
}

static int from_libsup(struct sup_info *info, void *arg)
{
	(void)info;
	return write_badly(arg);
}

/* The program called libsup, which calls the program. */
static int below_libsup(void *arg)
{
	struct sup_msg msg = { .tag = 1 };

	sup_send(sup_self(), &msg, SUP_TRY);
	return sup_dispatch(from_libsup, arg);
}

static int heap_abort(void *arg)
{
	char *volatile p = malloc(2000);

	/* libc finds out, and aborts for a reason of its own. */
	free(p);
	free(p);
	return arg != NULL;
}

/* With the lock of the heap held: its last chunk claims to be huge. */
static int heap_lock(void *arg)
{
	size_t *volatile p = malloc(24);

	memset(p, 0xff, malloc_usable_size(p) + sizeof(size_t));
	p = malloc(500000 / 8);
	return arg || !p;
}

extern void __stack_chk_fail(void);

static int smashed(void *arg)
{
	__stack_chk_fail();
	return arg != NULL;
}

static int damaged_block(void *arg)
{
	char *volatile p = sup_alloc(10);

	memset(p - 8, 0, 8);
	sup_free(p);
	return arg != NULL;
}

/* Found at its end only. */
static int damaged_and_left(void *arg)
{
	char *volatile p = sup_alloc(10);

	memset(p - 8, 0, 8);
	return arg != NULL;
}

static int free_it(void *arg)
{
	sup_free(arg);
	return 0;
}

static int free_of_another(void *arg)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = free_it, .arg = sup_alloc(10),
		.containment = SUP_CONTAIN,
	};
	struct sup_pid pid;

	if (sup_thread_start(&spec, &pid))
		return 1;
	sup_wait(pid, NULL, LONG);
	return arg != NULL;
}

static int free_of_none(void *arg)
{
	char *volatile p = calloc(2, 64);

	sup_free(p + 64);
	return arg != NULL;
}

static int sent(void *arg)
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

static int in_handler(void *arg)
{
	sigset_t set;

	(void)arg;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGUSR1, fault_again);
	raise(SIGUSR1);
	return 0;
}

/* The frames cannot be followed without a fault in the handler. */
static int __attribute__((noinline)) nested(void *arg)
{
	(void)arg;
#if defined(__x86_64__)
	__asm__ volatile("movq $8, %%rbp\n\tmovl $1, (%%rbp)" ::: "memory");
#elif defined(__aarch64__)
	__asm__ volatile("mov x29, #8\n\tstr wzr, [x29]" ::: "memory");
#endif
	return 0;
}

static int bad_jump(void *arg)
{
	int (*volatile go)(void *) = (int (*)(void *))bad_address;

	return go(arg);
}

/* A signal that is none of those of faults. */
static int trap(void *arg)
{
	raise(SIGTRAP);
	return arg != NULL;
}

static void *fault_as_foreign(void *arg)
{
	write_badly(arg);
	return NULL;
}

static int run_as_foreign(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, arg))
		return 1;
	pthread_join(thread, NULL);
	return 0;
}

static int foreign(void *arg)
{
	return run_as_foreign(fault_as_foreign, arg);
}

static void *end_as_foreign(void *arg)
{
	(void)arg;
	sup_exit_self(&SUP_SHUTDOWN);
}

static int exit_as_foreign(void *arg)
{
	return run_as_foreign(end_as_foreign, arg);
}

static int blocked(void *arg)
{
	sigset_t set;

	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	return write_badly(arg);
}

static int spin(void *arg)
{
	while (!arg && !zero)
		;
	return 0;
}

static int spin_in_order(const void *a, const void *b)
{
	spin(NULL);
	return a < b;
}

static int spin_below_libc(void *arg)
{
	int v[3] = { 3, 1, 2 };

	(void)arg;
	qsort(v, 3, sizeof(v[0]), spin_in_order);
	return 0;
}

static int kill_in_vain(int (*run)(void *arg), enum sup_containment c)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = run, .containment = c,
	};
	struct sup_pid pid;

	if (sup_thread_start(&spec, &pid))
		return 1;
	sup_kill(pid, sup_deadline_ms(50));
	sup_wait(pid, NULL, LONG);
	return 0;
}

static int kill_opted_out(void *arg)
{
	return arg || kill_in_vain(spin, SUP_CONTAIN_NEVER);
}

static int kill_below_libc(void *arg)
{
	return arg || kill_in_vain(spin_below_libc, SUP_CONTAIN);
}

static const struct {
	const char *name;
	int (*run)(void *arg);
	int signo;
	const char *why;	/* the report says so; "": there is none */
} endings[] = {
	{ "opted_out", write_badly, SIGSEGV, "the task has not opted" },
	{ "overflow", overflow, SIGSEGV, "overflowed" },
	{ "in_libc", in_libc, SIGSEGV, "a frame is libc's" },
	{ "below_libc", below_libc, SIGSEGV, "a frame is libc's" },
	{ "in_library", in_library, SIGSEGV, "has not opted in" },
	{ "with_lock", with_lock, SIGSEGV, "in the middle of something" },
	{ "twice", twice, SIGSEGV, "has faulted before" },
	{ "in_log_sink", in_log_sink, SIGSEGV, "in the middle of something" },
	{ "in_libsup", in_libsup, SIGSEGV, "in the middle of something" },
	{ "below_libsup", below_libsup, SIGSEGV, "in the middle of a call" },
	{ "heap_abort", heap_abort, SIGABRT, "of its own" },
	{ "heap_lock", heap_lock, SIGABRT, "of its own" },
	{ "smashed", smashed, SIGABRT, "of its own" },
	{ "damaged_block", damaged_block, SIGABRT, "written over" },
	{ "damaged_and_left", damaged_and_left, SIGABRT, "written over" },
	{ "free_of_another", free_of_another, SIGABRT, "not the calling" },
	{ "free_of_none", free_of_none, SIGABRT, "none of sup_alloc()" },
	{ "sent", sent, SIGSEGV, "sent by somebody" },
	{ "in_handler", in_handler, SIGSEGV, "libc" },
	{ "nested", nested, SIGSEGV, "" },
	{ "bad_jump", bad_jump, SIGSEGV, "where no code is" },
	{ "trap", trap, SIGTRAP, "" },
	{ "foreign", foreign, SIGSEGV, "" },
	{ "exit_as_foreign", exit_as_foreign, SIGABRT, "foreign thread" },
	{ "blocked", blocked, SIGSEGV, "" },
	{ "kill_opted_out", kill_opted_out, SIGABRT, "no safe point" },
	{ "kill_below_libc", kill_below_libc, SIGABRT, "no safe point" },
};

static int end_process(const char *name)
{
	static const struct sup_options pidfd = {
		.size = sizeof(pidfd), .source = SUP_SOURCE_PIDFD,
	};
	struct sup_thread_spec spec = { .size = sizeof(spec), .name = name };
	struct rlimit no_core = { 0, 0 };
	struct sup_pid pid;
	size_t i;

	setrlimit(RLIMIT_CORE, &no_core);
	for (i = 0; i < N_OF(endings) && strcmp(endings[i].name, name); i++)
		;
	if (i == N_OF(endings) || sup_open(&pidfd))
		return 2;
	spec.run = endings[i].run;
	spec.containment = spec.run == write_badly ? SUP_CONTAIN_NEVER :
			   SUP_CONTAIN;
	if (sup_thread_start(&spec, &pid))
		return 3;
	sup_wait(pid, NULL, LONG);
	return 4;
}

static int run_ending(const char *name, char *text, size_t size)
{
	char *argv[] = { "test_ending", (char *)name, NULL };
	int fds[2], status;
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
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void each_ends_the_process_and_says_why(void **state)
{
	char text[16384];
	int status;
	size_t i;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	print_message("skip: sanitizers end processes in ways of their own\n");
	skip();
#endif
	for (i = 0; i < N_OF(endings); i++) {
		status = run_ending(endings[i].name, text, sizeof(text));
		print_message("%s:\n%s", endings[i].name, text);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), endings[i].signo);
		assert_non_null(strstr(text, endings[i].why));
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_ends_the_process_and_says_why),
	};

	if (argc > 1)
		return end_process(argv[1]);
	return RUN_TESTS(tests);
}
