/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "base/clock.h"
#include "base/futex.h"
#include "base/thread.h"

static void other_value_returns_at_once(void **state)
{
	_Atomic uint32_t word = 1;

	(void)state;
	assert_int_equal(sup__futex_wait(&word, 0, SUP_FOREVER), -EAGAIN);
	assert_int_equal(sup__futex_wait(&word, 0, SUP_TRY), -EAGAIN);
	assert_int_equal(sup__futex_wait(&word, 1, SUP_TRY), -ETIMEDOUT);
}

static void deadline_is_absolute(void **state)
{
	int64_t start = sup__now_ns(), deadline = start + 20000000;
	_Atomic uint32_t word = 0;
	int ret;

	(void)state;
	do {
		ret = sup__futex_wait(&word, 0, deadline);
	} while (!ret || ret == -EINTR);
	assert_int_equal(ret, -ETIMEDOUT);
	assert_true(sup__now_ns() >= deadline);
	/* One that has passed does not sleep at all. */
	assert_int_equal(sup__futex_wait(&word, 0, start), -ETIMEDOUT);
}

static _Atomic uint32_t ping, pong;

static void *answer(void *arg)
{
	uint32_t i;

	(void)arg;
	for (i = 1; i <= 1000; i++) {
		while (atomic_load(&ping) != i)
			sup__futex_wait(&ping, i - 1, SUP_FOREVER);
		atomic_store(&pong, i);
		sup__futex_wake(&pong, 1);
	}
	return NULL;
}

static void no_wake_is_lost(void **state)
{
	struct sup__thread thread;
	uint32_t i;

	(void)state;
	assert_int_equal(sup__thread_start("pong", 0, answer, NULL, &thread),
			 0);
	for (i = 1; i <= 1000; i++) {
		atomic_store(&ping, i);
		sup__futex_wake_all(&ping);
		while (atomic_load(&pong) != i)
			sup__futex_wait(&pong, i - 1, SUP_FOREVER);
	}
	sup__thread_join(thread);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(other_value_returns_at_once),
		cmocka_unit_test(deadline_is_absolute),
		cmocka_unit_test(no_wake_is_lost),
	};

	return RUN_TESTS(tests);
}
