/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include "base/clock.h"

static void real_clock_advances(void **state)
{
	int64_t before = sup__now_ns(), after;

	(void)state;
	assert_true(before > 0);
	do {
		after = sup__now_ns();
		assert_true(after >= before);
	} while (after == before);
}

static void fake_clock_stands_still(void **state)
{
	(void)state;
	sup__clock_fake(42);
	assert_int_equal(sup__now_ns(), 42);
	assert_int_equal(sup__now_ns(), 42);
	sup__clock_fake(43);
	assert_int_equal(sup__now_ns(), 43);
	sup__clock_fake(0);
	assert_true(sup__now_ns() > 43);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_clock_advances),
		cmocka_unit_test(fake_clock_stands_still),
	};

	return RUN_TESTS(tests);
}
