/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cases of Elixir's Registry.lock/3. */
#include "tasks.h"
#include "turns.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "base/alloc.h"
#include "core/registry.h"

static struct sup_registry reg, another;
static _Atomic int inside, entered;

static struct sup_bytes bytes(const char *text)
{
	return (struct sup_bytes){ text, strlen(text) };
}

static int set_up_registries(void **state)
{
	struct sup_registry_spec spec = { .size = sizeof(spec) };
	int ret = set_up(state);

	atomic_store(&step, 0);
	atomic_store(&inside, 0);
	atomic_store(&entered, 0);
	if (!ret)
		ret = sup_registry_open(&spec, &reg);
	return ret ? ret : sup_registry_open(&spec, &another);
}

static int tear_down_registries(void **state)
{
	int ret = sup_registry_close(another);

	ret = ret ? ret : sup_registry_close(reg);
	return ret ? ret : tear_down(state);
}

#define LOCKS(f) cmocka_unit_test_setup_teardown(f, set_up_registries, \
						 tear_down_registries)

static void nothing(void *arg)
{
	(void)arg;
}

static int lock(const char *key, void (*fn)(void *arg), void *arg)
{
	return sup_registry_lock(reg, bytes(key), LONG, fn, arg);
}

static int try_it(struct sup_registry r, const char *key)
{
	return sup_registry_lock(r, bytes(key), SUP_TRY, nothing, NULL);
}

/* Has it until step is what arg says. */
static void stay(void *arg)
{
	atomic_fetch_add(&inside, 1);
	reach((int)(intptr_t)arg);
	atomic_fetch_sub(&inside, 1);
}

static int stay_in_a(void *arg)
{
	EXPECT(!lock("a", stay, arg));
	return 0;
}

static int stay_in_b(void *arg)
{
	EXPECT(!lock("b", stay, arg));
	return 0;
}

static int stay_in_another(void *arg)
{
	EXPECT(!sup_registry_lock(another, bytes("a"), LONG, stay, arg));
	return 0;
}

static void until_inside(int n)
{
	while (atomic_load(&inside) != n)
		sched_yield();
}

static void REGL_01_different_keys_do_not_wait(void **state)
{
	struct sup_pid pids[3];
	int i;

	(void)state;
	pids[0] = start(stay_in_a, (void *)1);
	pids[1] = start(stay_in_b, (void *)1);
	pids[2] = start(stay_in_another, (void *)1);
	until_inside(3);
	assert_int_equal(sup__registry_count_locks(), 3);
	/* A key of an entry is something else. */
	assert_int_equal(sup_registry_put(reg, pids[1], bytes("a"),
					  bytes("1"), NULL), 0);
	atomic_store(&step, 1);
	for (i = 0; i < 3; i++)
		assert_int_equal(end_of(pids[i]).code, 0);
	assert_int_equal(try_it(reg, "a"), 0);
	assert_int_equal(try_it(reg, "b"), 0);
	assert_int_equal(try_it(another, "a"), 0);
	assert_int_equal(sup__registry_count_locks(), 0);
}

/* In turn: arg says which it is. */
static void enter(void *arg)
{
	if (atomic_load(&entered) == (int)(intptr_t)arg &&
	    !atomic_fetch_add(&inside, 1))
		atomic_fetch_add(&entered, 1);
	atomic_fetch_sub(&inside, 1);
}

static int enter_a(void *arg)
{
	EXPECT(!lock("a", enter, arg));
	return 0;
}

static void REGL_02_the_same_key_waits(void **state)
{
	struct sup_pid holder, pids[3];
	int i;

	(void)state;
	holder = start(stay_in_a, (void *)1);
	until_inside(1);
	for (i = 0; i < 3; i++) {
		pids[i] = start(enter_a, (void *)(intptr_t)i);
		until_it_waits(pids[i]);
	}
	assert_int_equal(try_it(reg, "a"), -EAGAIN);
	assert_non_null(strstr(sup_error(), "key"));
	assert_int_equal(sup_registry_lock(reg, bytes("a"), sup_deadline_ms(1),
					   nothing, NULL), -ETIMEDOUT);
	assert_int_equal(atomic_load(&entered), 0);
	assert_int_equal(sup__registry_count_locks(), 1);
	atomic_store(&step, 1);
	assert_int_equal(end_of(holder).code, 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(end_of(pids[i]).code, 0);
	assert_int_equal(atomic_load(&entered), 3);
	assert_int_equal(try_it(reg, "a"), 0);
	assert_int_equal(sup__registry_count_locks(), 0);
}

static void end_itself(void *arg)
{
	stay(arg);
	sup_exit_self(&(struct sup_reason){
		.kind = SUP_REASON_EXIT, .code = 3 });
}

static void end_thread(void *arg)
{
	stay(arg);
	pthread_exit(NULL);
}

static int run_in_a(void *arg)
{
	EXPECT(!lock("a", *(void (**)(void *))arg, (void *)1));
	return 0;
}

static void *run_as_foreign(void *arg)
{
	return lock("a", *(void (**)(void *))arg, (void *)1) ? arg : NULL;
}

/* Somebody is inside, and will not return: the next one enters. */
static void the_next_enters(void)
{
	struct sup_pid next = start(enter_a, (void *)0);

	atomic_store(&step, 1);
	assert_int_equal(end_of(next).code, 0);
	/* Nobody counted the dead one out. */
	assert_int_equal(atomic_load(&entered), 1);
	atomic_store(&entered, 0);
	atomic_store(&step, 0);
	assert_int_equal(try_it(reg, "a"), 0);
	assert_int_equal(sup__registry_count_locks(), 0);
}

static void REGL_03_the_holder_ends_itself(void **state)
{
	void (*end)(void *) = end_itself, (*leave)(void *) = end_thread;
	struct sup_pid holder;
	pthread_t thread;

	(void)state;
	holder = start(run_in_a, &end);
	until_inside(1);
	the_next_enters();
	assert_int_equal(end_of(holder).code, 3);
	assert_int_equal(pthread_create(&thread, NULL, run_as_foreign,
					&leave), 0);
	until_inside(1);
	the_next_enters();
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void stay_for_ever(void *arg)
{
	struct sup_info info;

	atomic_fetch_add((_Atomic int *)arg, 1);
	sup_receive(&info, SUP_FOREVER);
}

static int stay_in_a_for_ever(void *arg)
{
	lock("a", stay_for_ever, arg);
	return 0;
}

static void REGL_04_the_holder_is_killed(void **state)
{
	struct sup_pid holder, next;

	(void)state;
	holder = start(stay_in_a_for_ever, &step);
	reach(1);
	next = start(enter_a, (void *)0);
	until_it_waits(next);
	assert_int_equal(sup_kill(holder, LONG), 0);
	assert_int_equal(end_of(next).code, 0);
	assert_int_equal(atomic_load(&entered), 1);
	assert_int_equal(end_of(holder).kind, SUP_REASON_KILLED);
	assert_int_equal(sup__registry_count_locks(), 0);
	/* And with nobody behind it: who comes next puts it out of the way. */
	holder = start(stay_in_a_for_ever, &step);
	reach(2);
	kill_and_wait(holder);
	assert_int_equal(sup__registry_count_locks(), 1);
	assert_int_equal(try_it(reg, "b"), 0);
	assert_int_equal(sup__registry_count_locks(), 0);
	holder = start(stay_in_a_for_ever, &step);
	reach(3);
	kill_and_wait(holder);
	assert_int_equal(try_it(reg, "a"), 0);
	assert_int_equal(sup__registry_count_locks(), 0);
}

static void REGL_05_the_waiter_is_killed(void **state)
{
	struct sup_pid holder, waiter, next;

	(void)state;
	holder = start(stay_in_a, (void *)1);
	until_inside(1);
	waiter = start(stay_in_a_for_ever, &entered);
	until_it_waits(waiter);
	next = start(stay_in_a, (void *)1);
	until_it_waits(next);
	kill_and_wait(waiter);
	assert_int_equal(atomic_load(&inside), 1);
	atomic_store(&step, 1);
	assert_int_equal(end_of(holder).code, 0);
	assert_int_equal(end_of(next).code, 0);
	/* It never was inside. */
	assert_int_equal(atomic_load(&entered), 0);
	assert_int_equal(try_it(reg, "a"), 0);
	assert_int_equal(sup__registry_count_locks(), 0);
}

static void take_others(void *arg)
{
	int *ret = arg;

	ret[0] = lock("a", nothing, NULL);
	ret[1] = lock("b", nothing, NULL);
	ret[2] = try_it(another, "a");
}

static void REGL_misuse(void **state)
{
	static const struct sup_bytes none;
	struct sup_registry unknown = { 0 };
	int ret[3];

	(void)state;
	assert_int_equal(lock("a", take_others, ret), 0);
	assert_int_equal(ret[0], -EDEADLK);
	assert_int_equal(ret[1], 0);
	assert_int_equal(ret[2], 0);
	assert_int_equal(sup_registry_lock(reg, none, SUP_TRY, nothing, NULL),
			 -EINVAL);
	assert_int_equal(lock("a", NULL, NULL), -EINVAL);
	assert_int_equal(try_it(unknown, "a"), -ENOENT);
	assert_int_equal(sup__registry_count_locks(), 0);
}

static void take_a(void *arg)
{
	struct sup_pid *rival = arg;

	atomic_store(&step, 1);
	until_it_waits(*rival);
	*rival = SUP_PID_NONE;
	atomic_store(&entered, lock("a", nothing, NULL));
}

static void take_b(void *arg)
{
	reach(1);
	*(int *)arg = lock("b", nothing, NULL);
}

static int a_then_b(void *arg)
{
	int ret = -1;

	(void)arg;
	EXPECT(!lock("a", take_b, &ret));
	EXPECT(!ret);
	return 0;
}

static int b_then_a(void *arg)
{
	EXPECT(!lock("b", take_a, arg));
	return 0;
}

static void REGL_a_circle_is_refused(void **state)
{
	struct sup_pid one, two, rival;

	(void)state;
	rival = one = start(a_then_b, NULL);
	two = start(b_then_a, &rival);
	assert_int_equal(end_of(two).code, 0);
	assert_int_equal(end_of(one).code, 0);
	assert_int_equal(atomic_load(&entered), -EDEADLK);
}

static void REGL_closing_takes_it_from_nobody(void **state)
{
	struct sup_registry_spec spec = { .size = sizeof(spec) };
	struct sup_registry old = reg;
	struct sup_pid holder, next;

	(void)state;
	holder = start(stay_in_a, (void *)1);
	until_inside(1);
	next = start(enter_a, (void *)0);
	until_it_waits(next);
	assert_int_equal(sup_registry_close(reg), 0);
	assert_int_equal(sup_registry_open(&spec, &reg), 0);
	assert_int_equal(try_it(old, "a"), -ENOENT);
	/* In the same place, but not the same key. */
	assert_int_equal(try_it(reg, "a"), 0);
	assert_int_equal(atomic_load(&entered), 0);
	atomic_store(&step, 1);
	assert_int_equal(end_of(holder).code, 0);
	assert_int_equal(end_of(next).code, 0);
	assert_int_equal(atomic_load(&entered), 1);
	assert_int_equal(sup__registry_count_locks(), 0);
}

static void REGL_no_memory(void **state)
{
	unsigned int n;
	int ret;

	(void)state;
	for (n = 1; ; n++) {
		sup__alloc_fail_nth(n);
		ret = lock("a", nothing, NULL);
		if (!sup__alloc_has_failed())
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_int_equal(sup__registry_count_locks(), 0);
	}
	sup__alloc_fail_nth(0);
	assert_int_equal(ret, 0);
	assert_true(n > 1);
}

/* Plain numbers: what a lock does not guard, a sanitizer and the sum show. */
#define KEYS 3
#define TIMES SLOWLY(20000)

static long sums[KEYS];

static void count_up(void *arg)
{
	++*(long *)arg;
}

static int count_all_up(void *arg)
{
	static const char *const keys[KEYS] = { "x", "y", "z" };
	int i;

	(void)arg;
	for (i = 0; i < TIMES; i++)
		EXPECT(!lock(keys[i % KEYS], count_up, &sums[i % KEYS]));
	return 0;
}

static int come_and_go(void *arg)
{
	for (;;) {
		lock("x", nothing, arg);
		lock("y", nothing, arg);
	}
	return 0;
}

static void REGL_many_come_and_are_killed(void **state)
{
	enum { TASKS = 3 };
	struct sup_pid pids[TASKS], victim;
	int i;

	(void)state;
	memset(sums, 0, sizeof(sums));
	for (i = 0; i < TASKS; i++)
		pids[i] = start(count_all_up, NULL);
	for (i = 0; i < SLOWLY(100); i++) {
		victim = start(come_and_go, NULL);
		assert_int_equal(lock("x", nothing, NULL), 0);
		kill_and_wait(victim);
	}
	for (i = 0; i < TASKS; i++)
		assert_int_equal(end_of(pids[i]).code, 0);
	for (i = 0; i < KEYS; i++)
		assert_int_equal(sums[i], TASKS * (TIMES / KEYS +
						   (i < TIMES % KEYS)));
	assert_int_equal(try_it(reg, "x"), 0);
	assert_int_equal(sup__registry_count_locks(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOCKS(REGL_01_different_keys_do_not_wait),
		LOCKS(REGL_02_the_same_key_waits),
		LOCKS(REGL_03_the_holder_ends_itself),
		LOCKS(REGL_04_the_holder_is_killed),
		LOCKS(REGL_05_the_waiter_is_killed),
		LOCKS(REGL_misuse),
		LOCKS(REGL_a_circle_is_refused),
		LOCKS(REGL_closing_takes_it_from_nobody),
		LOCKS(REGL_no_memory),
		LOCKS(REGL_many_come_and_are_killed),
	};

	return RUN_TESTS(tests);
}
