/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every unit test begins with. */
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/leftovers.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct leftovers before_all;

static inline void note_all(void)
{
	before_all = leftovers_note();
}

/*
 * cmocka counts failures in the exit status; runners want 0 or 1. When all have
 * ended nothing is left of them, in this process.
 */
#define RUN_TESTS(tests) (note_all(), \
	cmocka_run_group_tests(tests, NULL, NULL) || \
	leftovers_check(&before_all))

#endif
