/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/thread.h"

#define ROUNDS 20000

static struct sup__lock lock = SUP__LOCK_INIT;
static unsigned int shared;

static void *count(void *arg)
{
	int i;

	(void)arg;
	for (i = 0; i < ROUNDS; i++) {
		sup__lock(&lock);
		sup__assert_held(&lock);
		shared++;
		sup__unlock(&lock);
	}
	return NULL;
}

static void it_excludes(void **state)
{
	struct sup__thread threads[3];
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(sup__thread_start("count", 0, count, NULL,
						   &threads[i]), 0);
	for (i = 0; i < 3; i++)
		sup__thread_join(threads[i]);
	assert_int_equal(shared, 3 * ROUNDS);
}

static void held_locks_are_counted(void **state)
{
	struct sup__lock other;

	(void)state;
	sup__lock_init(&other);
	assert_int_equal(sup__locks_held, 0);
	sup__lock(&lock);
	sup__lock(&other);
	assert_int_equal(sup__locks_held, 2);
	sup__unlock(&other);
	sup__unlock(&lock);
	assert_int_equal(sup__locks_held, 0);
	sup__lock_fini(&other);
}

static void ignore(int level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
}

static void not_holding_it_is_fatal(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		signal(SIGABRT, SIG_DFL);
		sup_set_log_sink(ignore, NULL);
		sup__assert_held(&lock);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_excludes),
		cmocka_unit_test(held_locks_are_counted),
		cmocka_unit_test(not_holding_it_is_fatal),
	};

	return RUN_TESTS(tests);
}
