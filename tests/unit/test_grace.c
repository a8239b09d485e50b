/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/grace.h"

static void nobody_inside_is_not_waited_for(void **state)
{
	struct sup__grace g = SUP__GRACE_INIT;

	(void)state;
	assert_int_equal(sup__grace_wait(&g, SUP_TRY), 0);
	sup__grace_leave(&g, sup__grace_enter(&g));
	assert_int_equal(sup__grace_wait(&g, SUP_TRY), 0);
}

static void a_wait_that_gave_up_is_made_good(void **state)
{
	struct sup__grace g = SUP__GRACE_INIT;
	unsigned int first = sup__grace_enter(&g), second, third;

	(void)state;
	assert_int_equal(sup__grace_wait(&g, sup_deadline_ms(1)), -ETIMEDOUT);
	second = sup__grace_enter(&g);
	assert_int_not_equal(first, second);
	/* The first is still inside: so no era may be begun. */
	assert_int_equal(sup__grace_wait(&g, sup_deadline_ms(1)), -ETIMEDOUT);
	third = sup__grace_enter(&g);
	assert_int_equal(second, third);
	sup__grace_leave(&g, first);
	assert_int_equal(sup__grace_wait(&g, SUP_TRY), -ETIMEDOUT);
	sup__grace_leave(&g, second);
	sup__grace_leave(&g, third);
	assert_int_equal(sup__grace_wait(&g, SUP_TRY), 0);
}

static struct sup__grace grace = SUP__GRACE_INIT;
static _Atomic int stop, entered;
static _Atomic unsigned long inside_before[2];

/* Is inside most of the time, and says in which of two phases it entered. */
static void *go_in_and_out(void *arg)
{
	_Atomic int *phase = arg;
	unsigned int era;
	int mine;

	while (!atomic_load(&stop)) {
		era = sup__grace_enter(&grace);
		mine = atomic_load(phase);
		atomic_fetch_add(&inside_before[mine], 1);
		atomic_store(&entered, 1);
		atomic_fetch_sub(&inside_before[mine], 1);
		sup__grace_leave(&grace, era);
	}
	return NULL;
}

/* After the phase was changed and waited for, nobody is in the one before. */
static void who_was_inside_has_left(void **state)
{
	static _Atomic int phase;
	pthread_t threads[3];
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						go_in_and_out, &phase), 0);
	while (!atomic_load(&entered))
		;
	for (i = 0; i < 3000; i++) {
		atomic_store(&phase, !(i & 1));
		assert_int_equal(sup__grace_wait(&grace, SUP_FOREVER), 0);
		assert_int_equal(atomic_load(&inside_before[i & 1]), 0);
	}
	atomic_store(&stop, 1);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_inside_is_not_waited_for),
		cmocka_unit_test(a_wait_that_gave_up_is_made_good),
		cmocka_unit_test(who_was_inside_has_left),
	};

	return RUN_TESTS(tests);
}
