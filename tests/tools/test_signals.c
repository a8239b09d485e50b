/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "signals.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void names_and_numbers(void **state)
{
	(void)state;
	assert_int_equal(signal_number("TERM"), SIGTERM);
	assert_int_equal(signal_number("SIGTERM"), SIGTERM);
	assert_int_equal(signal_number("sigusr1"), SIGUSR1);
	assert_int_equal(signal_number("9"), SIGKILL);
}

static void what_is_none(void **state)
{
	(void)state;
	assert_int_equal(signal_number(""), -1);
	assert_int_equal(signal_number("SIG"), -1);
	assert_int_equal(signal_number("TERMINATE"), -1);
	assert_int_equal(signal_number("0"), -1);
	assert_int_equal(signal_number("9x"), -1);
	assert_int_equal(signal_number("1000"), -1);
	assert_int_equal(signal_number("-1"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_numbers),
		cmocka_unit_test(what_is_none),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
