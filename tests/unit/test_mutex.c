/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mutexes whose owners end, wait for each other, are killed. */
#include "tasks.h"
#include "turns.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <syslog.h>

static struct sup_mutex mutex, other;
static int counter;

static void reset(void)
{
	memset(&mutex, 0, sizeof(mutex));
	memset(&other, 0, sizeof(other));
	atomic_store(&step, 0);
	counter = 0;
}

static int count_up(void *arg)
{
	int i;

	for (i = 0; i < (int)(intptr_t)arg; i++) {
		EXPECT(!sup_mutex_lock(&mutex, LONG));
		counter++;
		EXPECT(!sup_mutex_unlock(&mutex));
	}
	return 0;
}

static void one_at_a_time_has_it(void **state)
{
	enum { TASKS = 4, TIMES = SLOWLY(20000) };
	struct sup_pid pids[TASKS];
	int i;

	(void)state;
	reset();
	for (i = 0; i < TASKS; i++)
		pids[i] = start(count_up, (void *)(intptr_t)TIMES);
	/* A thread that is no task, too. */
	assert_int_equal(count_up((void *)(intptr_t)TIMES), 0);
	for (i = 0; i < TASKS; i++)
		assert_int_equal(end_of(pids[i]).kind, SUP_REASON_NORMAL);
	assert_int_equal(counter, (TASKS + 1) * TIMES);
}

static int misuse(void *arg)
{
	(void)arg;
	EXPECT(sup_mutex_unlock(&mutex) == -EPERM);
	EXPECT(sup_mutex_consistent(&mutex) == -EPERM);
	EXPECT(!sup_mutex_lock(&mutex, SUP_TRY));
	EXPECT(sup_mutex_lock(&mutex, LONG) == -EDEADLK);
	EXPECT(sup_mutex_consistent(&mutex) == -EINVAL);
	atomic_store(&step, 1);
	reach(2);
	EXPECT(!sup_mutex_unlock(&mutex));
	return 0;
}

static void it_is_its_owners(void **state)
{
	struct sup_pid pid;

	(void)state;
	reset();
	pid = start(misuse, NULL);
	reach(1);
	assert_int_equal(sup_mutex_unlock(&mutex), -EPERM);
	assert_int_equal(sup_mutex_lock(&mutex, SUP_TRY), -EAGAIN);
	assert_int_equal(sup_mutex_lock(&mutex, sup_deadline_ms(1)),
			 -ETIMEDOUT);
	atomic_store(&step, 2);
	assert_int_equal(end_of(pid).code, 0);
	assert_int_equal(sup_mutex_lock(&mutex, SUP_TRY), 0);
	assert_int_equal(sup_mutex_unlock(&mutex), 0);
}

static int end_with_it(void *arg)
{
	(void)arg;
	EXPECT(!sup_mutex_lock(&other, SUP_TRY));
	EXPECT(!sup_mutex_lock(&mutex, SUP_TRY));
	return 0;
}

static int repair(void *arg)
{
	struct sup_pid *owner = arg;
	int ret = sup_mutex_lock(&mutex, LONG);

	EXPECT(ret == -EOWNERDEAD);
	EXPECT(strstr(sup_error(), "its last owner ended"));
	/* It has ended as far as anyone can see: its reason stands. */
	EXPECT(!sup_wait(*owner, NULL, LONG));
	EXPECT(!sup_mutex_consistent(&mutex));
	EXPECT(sup_mutex_consistent(&mutex) == -EINVAL);
	EXPECT(!sup_mutex_unlock(&mutex));
	EXPECT(!sup_mutex_lock(&mutex, LONG));
	EXPECT(!sup_mutex_unlock(&mutex));
	return 0;
}

static void the_next_is_told_and_repairs(void **state)
{
	struct sup_pid pid;

	(void)state;
	reset();
	pid = start(end_with_it, NULL);
	assert_int_equal(end_of(pid).code, 0);
	run_with(repair, &pid);
	/* Both of what it held. */
	assert_int_equal(sup_mutex_lock(&other, LONG), -EOWNERDEAD);
	assert_int_equal(sup_mutex_unlock(&other), 0);
	assert_int_equal(sup_mutex_lock(&other, LONG), -ENOTRECOVERABLE);
	reset();
	assert_int_equal(sup_mutex_lock(&other, LONG), 0);
	assert_int_equal(sup_mutex_unlock(&other), 0);
}

static volatile uintptr_t bad_address = 0x10;

static int __attribute__((noinline)) fault_with_it(void *arg)
{
	(void)arg;
	EXPECT(!sup_mutex_lock(&mutex, LONG));
	atomic_store(&step, 1);
	reach(2);
	*(volatile int *)bad_address = 1;
	return 0;
}

static int lose(void *arg)
{
	int ret = sup_mutex_lock(&mutex, LONG);

	(void)arg;
	if (ret == -EOWNERDEAD) {
		atomic_fetch_add(&step, 10);
		/* No repair. */
		EXPECT(!sup_mutex_unlock(&mutex));
		return 0;
	}
	EXPECT(ret == -ENOTRECOVERABLE);
	return 0;
}

/* The runtime here: cmocka has handlers of its own round each function. */
static void without_repair_all_who_wait_are_turned_away(void **state)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = fault_with_it,
		.containment = SUP_CONTAIN,
	};
	struct sup_pid pids[5], pid;
	int i;

	reset();
	set_up(state);
	sup_set_log_level(-1);
	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	reach(1);
	for (i = 0; i < 5; i++) {
		pids[i] = start(lose, NULL);
		until_it_waits(pids[i]);
	}
	atomic_store(&step, 2);
	assert_int_equal(end_of(pid).signo, SIGSEGV);
	for (i = 0; i < 5; i++)
		assert_int_equal(end_of(pids[i]).code, 0);
	/* The first was told, the others turned away. */
	assert_int_equal(atomic_load(&step), 12);
	sup_set_log_level(LOG_WARNING);
	tear_down(state);
}

static int wait_in_turn(void *arg)
{
	EXPECT(!sup_mutex_lock(&mutex, LONG));
	EXPECT(counter == (int)(intptr_t)arg);
	counter++;
	EXPECT(!sup_mutex_unlock(&mutex));
	return 0;
}

static int wait_for_ever(void *arg)
{
	(void)arg;
	sup_mutex_lock(&mutex, SUP_FOREVER);
	return 0;
}

static int hold_first(void *arg)
{
	struct sup_pid pids[4], victim;
	int i;

	(void)arg;
	EXPECT(!sup_mutex_lock(&mutex, LONG));
	for (i = 0; i < 4; i++) {
		if (i == 2) {
			victim = start(wait_for_ever, NULL);
			until_it_waits(victim);
		}
		pids[i] = start(wait_in_turn, (void *)(intptr_t)i);
		until_it_waits(pids[i]);
	}
	/* One that waits can be killed, and leaves the queue. */
	EXPECT(!sup_kill(victim, LONG));
	atomic_store(&step, 1);
	while (sup_is_alive(victim))
		sched_yield();
	EXPECT(!sup_mutex_unlock(&mutex));
	for (i = 0; i < 4; i++)
		EXPECT(!end_of(pids[i]).code);
	return 0;
}

static void they_get_it_in_turn(void **state)
{
	(void)state;
	reset();
	run_with(hold_first, NULL);
	assert_int_equal(counter, 4);
}

static int take_both(void *arg)
{
	EXPECT(!sup_mutex_lock(&mutex, LONG));
	atomic_store(&step, 1);
	/* Whoever comes second sees the circle; it gives way. */
	EXPECT(!sup_mutex_lock(&other, LONG));
	EXPECT(!sup_mutex_unlock(&other));
	EXPECT(!sup_mutex_unlock(&mutex));
	return arg != NULL;
}

static int take_both_the_other_way(void *arg)
{
	struct sup_pid rival = *(struct sup_pid *)arg;

	EXPECT(!sup_mutex_lock(&other, LONG));
	atomic_store(&step, 2);
	until_it_waits(rival);
	EXPECT(sup_mutex_lock(&mutex, LONG) == -EDEADLK);
	/* Nor may it wait for its end. */
	EXPECT(sup_wait(rival, NULL, LONG) == -EDEADLK);
	EXPECT(!sup_mutex_unlock(&other));
	EXPECT(!sup_mutex_lock(&mutex, LONG));
	EXPECT(!sup_mutex_unlock(&mutex));
	return 0;
}

static int take_first(void *arg)
{
	(void)arg;
	EXPECT(!sup_mutex_lock(&mutex, LONG));
	atomic_store(&step, 1);
	reach(2);
	EXPECT(!sup_mutex_lock(&other, LONG));
	EXPECT(!sup_mutex_unlock(&other));
	EXPECT(!sup_mutex_unlock(&mutex));
	return 0;
}

static void a_circle_is_refused(void **state)
{
	struct sup_pid one, two;

	(void)state;
	reset();
	one = start(take_first, NULL);
	reach(1);
	two = start(take_both_the_other_way, &one);
	assert_int_equal(end_of(two).code, 0);
	assert_int_equal(end_of(one).code, 0);
	/* Nobody is thought to wait for anybody any more. */
	run_with(take_both, NULL);
}

static int owner_with_two(void *arg)
{
	struct sup_pid *pids = arg;

	EXPECT(!sup_mutex_lock(&mutex, LONG));
	atomic_store(&step, 1);
	reach(2);
	EXPECT(!sup_mutex_unlock(&mutex));
	/* The second waits for the first now, not for us. */
	EXPECT(!sup_wait(pids[1], NULL, LONG));
	return 0;
}

static int wait_behind(void *arg)
{
	int ret;

	(void)arg;
	ret = sup_mutex_lock(&mutex, LONG);
	EXPECT(!ret);
	EXPECT(!sup_mutex_unlock(&mutex));
	return 0;
}

static void edges_turn_to_the_new_owner(void **state)
{
	struct sup_pid pids[2], owner;

	(void)state;
	reset();
	owner = start(owner_with_two, pids);
	reach(1);
	pids[0] = start(wait_behind, NULL);
	until_it_waits(pids[0]);
	pids[1] = start(wait_behind, NULL);
	until_it_waits(pids[1]);
	atomic_store(&step, 2);
	assert_int_equal(end_of(owner).code, 0);
	assert_int_equal(end_of(pids[0]).code, 0);
	assert_int_equal(end_of(pids[1]).code, 0);
}

static void *end_as_foreign(void *arg)
{
	return sup_mutex_lock(&mutex, LONG) ? arg : NULL;
}

static void a_foreign_thread_that_ends_is_told_of_too(void **state)
{
	pthread_t thread;
	void *ret;

	(void)state;
	reset();
	assert_int_equal(pthread_create(&thread, NULL, end_as_foreign,
					&mutex), 0);
	assert_int_equal(pthread_join(thread, &ret), 0);
	assert_null(ret);
	assert_int_equal(sup_mutex_lock(&mutex, LONG), -EOWNERDEAD);
	assert_int_equal(sup_mutex_consistent(&mutex), 0);
	assert_int_equal(sup_mutex_unlock(&mutex), 0);
}

static int lock_what_the_thread_has(void *arg)
{
	(void)arg;
	EXPECT(sup_mutex_lock(&mutex, LONG) == -EDEADLK);
	EXPECT(!sup_mutex_lock(&other, LONG));
	return 0;
}

static void what_an_adopted_thread_had_is_still_its_own(void **state)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = lock_what_the_thread_has,
	};
	struct sup_reason reason;

	(void)state;
	reset();
	assert_int_equal(sup_mutex_lock(&mutex, LONG), 0);
	assert_int_equal(sup_thread_run(&spec, &reason), 0);
	assert_int_equal(reason.code, 0);
	assert_int_equal(sup_mutex_unlock(&mutex), 0);
	assert_int_equal(sup_mutex_lock(&other, LONG), -EOWNERDEAD);
	assert_int_equal(sup_mutex_unlock(&other), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_at_a_time_has_it),
		CASE(it_is_its_owners),
		CASE(the_next_is_told_and_repairs),
		cmocka_unit_test(without_repair_all_who_wait_are_turned_away),
		CASE(they_get_it_in_turn),
		CASE(a_circle_is_refused),
		CASE(edges_turn_to_the_new_owner),
		CASE(a_foreign_thread_that_ends_is_told_of_too),
		CASE(what_an_adopted_thread_had_is_still_its_own),
	};

	return RUN_TESTS(tests);
}
