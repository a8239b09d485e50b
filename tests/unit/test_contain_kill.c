/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kills of tasks that have opted in to containment: at once in their own code,
 * and never in the middle of something of libsup or libc.
 */
#include "tasks.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

/* Under TSan kills have safe points only: there, code is made of them. */
#ifdef __SANITIZE_THREAD__
#define PASS() sup_checkpoint()
#else
#define PASS() do { } while (0)
#endif

static volatile int zero;
static _Atomic int running;
static struct sup_mutex mutex;
static pthread_key_t key;
static _Atomic int destroyed;

static struct sup_pid start_contained(int (*run)(void *), void *arg)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = run, .arg = arg,
		.containment = SUP_CONTAIN,
	};
	struct sup_pid pid = SUP_PID_NONE;

	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	return pid;
}

static void destroy(void *arg)
{
	free(arg);
	atomic_fetch_add(&destroyed, 1);
}

static int spin(void *arg)
{
	EXPECT(!pthread_setspecific(key, malloc(1)));
	EXPECT(sup_alloc(1000));
	EXPECT(!sup_mutex_lock(&mutex, LONG));
	atomic_store(&running, 1);
	while (!arg && !zero)
		PASS();
	return 0;
}

static void it_ends_where_it_is(void **state)
{
	enum { TIMES = 100 };
	struct sup_reason reason;
	struct sup_pid pid;
	int i;

	(void)state;
	assert_int_equal(pthread_key_create(&key, destroy), 0);
	for (i = 0; i < TIMES; i++) {
		atomic_store(&running, 0);
		pid = start_contained(spin, NULL);
		while (!atomic_load(&running))
			sched_yield();
		assert_int_equal(sup_kill(pid, LONG), 0);
		assert_int_equal(sup_wait(pid, &reason, LONG), 0);
		assert_int_equal(reason.kind, SUP_REASON_KILLED);
		assert_int_equal(sup_mutex_lock(&mutex, LONG), -EOWNERDEAD);
		assert_int_equal(sup_mutex_consistent(&mutex), 0);
		assert_int_equal(sup_mutex_unlock(&mutex), 0);
	}
	/* The thread of the last one may still be on its way out. */
	assert_int_equal(sup_close(), 0);
	assert_int_equal(atomic_load(&destroyed), TIMES);
	assert_int_equal(pthread_key_delete(key), 0);
}

static int compare(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

/* All that must not be left half done, of libsup and of libc. */
static int be_busy(void *arg)
{
	struct sup_pid sink = *(struct sup_pid *)arg;
	struct sup_msg msg;
	unsigned int i;
	char buf[64];
	void *p, *q;

	for (i = 0; ; i++) {
		p = sup_alloc(i % 2000);
		q = sup_realloc(p, i % 3000);
		if (!p || !q)
			return 1;
		snprintf(buf, sizeof(buf), "%u", i);
		qsort(buf, sizeof(buf), 1, compare);
		if (sup_mutex_lock(&mutex, SUP_FOREVER) == -EOWNERDEAD)
			sup_mutex_consistent(&mutex);
		sup_mutex_unlock(&mutex);
		msg = (struct sup_msg){
			.tag = i, .data = buf, .len = sizeof(buf),
		};
		if (sup_send(sink, &msg, SUP_FOREVER))
			return 2;
		sup_free(q);
		atomic_store(&running, 1);
	}
}

static int swallow(void *arg)
{
	struct sup_info info;

	(void)arg;
	while (!sup_receive(&info, SUP_FOREVER)) {
		if (info.kind == SUP_INFO_MSG && info.msg.tag == UINT64_MAX)
			return 0;
		sup_msg_free(&info.msg);
	}
	return 1;
}

/* Somewhere else each time. */
static void wait_a_bit(unsigned int *seed)
{
	volatile unsigned int n = rand_r(seed) % 20000;

	while (n)
		n--;
}

static void nothing_is_left_half_done(void **state)
{
	enum { TIMES = SLOWLY(2000) };
	struct sup_msg last = { .tag = UINT64_MAX };
	struct sup_pid sink = start(swallow, NULL), pids[4];
	unsigned int seed = 1;
	size_t i, j;

	(void)state;
	for (i = 0; i < TIMES; i += N_OF(pids)) {
		atomic_store(&running, 0);
		for (j = 0; j < N_OF(pids); j++)
			pids[j] = start_contained(be_busy, &sink);
		while (!atomic_load(&running))
			sched_yield();
		for (j = 0; j < N_OF(pids); j++) {
			wait_a_bit(&seed);
			assert_int_equal(sup_kill(pids[j], LONG), 0);
		}
		for (j = 0; j < N_OF(pids); j++)
			assert_int_equal(end_of(pids[j]).kind,
					 SUP_REASON_KILLED);
	}
	assert_int_equal(sup_send(sink, &last, LONG), 0);
	assert_int_equal(end_of(sink).kind, SUP_REASON_NORMAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(it_ends_where_it_is),
		CASE(nothing_is_left_half_done),
	};

	return RUN_TESTS(tests);
}
