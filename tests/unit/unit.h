/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every unit test begins with. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* cmocka counts failures in the exit status; runners want 0 or 1. */
#define RUN_TESTS(tests) (!!cmocka_run_group_tests(tests, NULL, NULL))

#endif
