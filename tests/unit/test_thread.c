/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/thread.h"

struct seen {
	char name[16];
	size_t stack;
	sigset_t mask;
	pid_t tid;
};

static void *look(void *arg)
{
	struct seen *seen = arg;
	pthread_attr_t attr;

	pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstacksize(&attr, &seen->stack);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_BLOCK, NULL, &seen->mask);
	seen->tid = sup__gettid();
	return NULL;
}

static void run_look(const char *name, size_t stack, struct seen *seen)
{
	pthread_t thread;

	memset(seen, 0, sizeof(*seen));
	assert_int_equal(sup__thread_start(name, stack, look, seen, &thread),
			 0);
	sup__thread_join(thread);
}

static void it_has_its_name_and_stack(void **state)
{
	struct seen seen;

	(void)state;
	run_look("a-name-that-is-too-long", 1000001, &seen);
	assert_string_equal(seen.name, "a-name-that-is-");
	assert_true(seen.stack >= 1000001);
	assert_true(seen.stack < 1200000);
	assert_true(seen.tid > 0 && seen.tid != sup__gettid());
	run_look(NULL, 1, &seen);
	assert_true(seen.stack >= 16384);
}

static void only_faults_reach_it(void **state)
{
	struct seen seen;

	(void)state;
	run_look("mask", 0, &seen);
	assert_true(sigismember(&seen.mask, SIGTERM));
	assert_true(sigismember(&seen.mask, SIGCHLD));
	assert_true(sigismember(&seen.mask, SIGRTMIN + 3));
	assert_false(sigismember(&seen.mask, SIGSEGV));
	assert_false(sigismember(&seen.mask, SIGABRT));
}

static void refusals_say_why(void **state)
{
	struct seen seen;
	pthread_t thread;

	(void)state;
	assert_int_equal(sup__thread_start("x", SIZE_MAX, look, &seen, &thread),
			 -EINVAL);
	assert_non_null(strstr(sup_error(), "stack_size"));
	sup__alloc_fail_nth(1);
	assert_int_equal(sup__thread_start("x", 0, look, &seen, &thread),
			 -ENOMEM);
	assert_true(sup__alloc_has_failed());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_has_its_name_and_stack),
		cmocka_unit_test(only_faults_reach_it),
		cmocka_unit_test(refusals_say_why),
	};

	return RUN_TESTS(tests);
}
