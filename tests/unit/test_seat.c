/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long a thread spins before it sleeps. */
#include "unit.h"

#include <errno.h>
#include <sched.h>

#include <sup/sup.h>

#include "core/seat.h"

static bool has_one_cpu(void)
{
	cpu_set_t cpus;

	return !sched_getaffinity(0, sizeof(cpus), &cpus) &&
	       CPU_COUNT(&cpus) == 1;
}

/* A wake that has come already is a spin that pays. */
static void wait_once(struct sup__seat *seat)
{
	sup__seat_wake(seat);
	assert_int_equal(sup__seat_wait(seat, SUP_FOREVER), 0);
}

static void the_budget_follows_what_pays(void **state)
{
	struct sup__seat *seat = sup__seat_self();
	uint32_t least, most, i;

	(void)state;
	if (has_one_cpu()) {
		print_message("skip: spinning is for two CPUs\n");
		skip();
	}
	least = seat->spins;
	wait_once(seat);
	assert_int_equal(seat->spins, 2 * least);
	for (i = 0; i < 40; i++)
		wait_once(seat);
	most = seat->spins;
	assert_true(most > 2 * least && most < 100000);
	/* Longer than any spin. */
	assert_int_equal(sup__seat_wait(seat, sup_deadline_ms(5)), -ETIMEDOUT);
	assert_int_equal(seat->spins, most / 2);
	for (i = 0; i < 40; i++)
		sup__seat_wait(seat, sup_deadline_ms(1));
	assert_int_equal(seat->spins, least);
}

static void sleeping_at_once_changes_nothing(void **state)
{
	struct sup__seat *seat = sup__seat_self();
	uint32_t spins = seat->spins;

	(void)state;
	assert_int_equal(sup__seat_sleep(seat, sup_deadline_ms(2)), -ETIMEDOUT);
	sup__seat_wake(seat);
	assert_int_equal(sup__seat_sleep(seat, SUP_FOREVER), 0);
	assert_int_equal(seat->spins, spins);
}

/* What is announced wakes, and makes one wait spin. */
static void expecting_is_for_once(void **state)
{
	struct sup__seat *seat = sup__seat_self();

	(void)state;
	if (has_one_cpu()) {
		print_message("skip: spinning is for two CPUs\n");
		skip();
	}
	sup__seat_expect(seat);
	assert_true(atomic_load(&seat->expects));
	assert_int_equal(sup__seat_wait(seat, SUP_FOREVER), 0);
	assert_false(atomic_load(&seat->expects));
	assert_int_equal(sup__seat_wait(seat, sup_deadline_ms(2)), -ETIMEDOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_budget_follows_what_pays),
		cmocka_unit_test(sleeping_at_once_changes_nothing),
		cmocka_unit_test(expecting_is_for_once),
	};

	return RUN_TESTS(tests);
}
