/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <string.h>

#include "base/alloc.h"

static void nth_allocation_fails_once(void **state)
{
	void *p, *q, *r;

	(void)state;
	sup__alloc_fail_nth(2);
	p = sup__alloc(8);
	assert_false(sup__alloc_has_failed());
	q = sup__zalloc(8);
	r = sup__strdup("abc");
	assert_true(sup__alloc_has_failed());
	assert_non_null(p);
	assert_null(q);
	assert_string_equal(r, "abc");
	sup__free(p);
	sup__free(r);
}

static void each_kind_can_fail(void **state)
{
	char *p = sup__strdup("kept");

	(void)state;
	sup__alloc_fail_nth(1);
	assert_null(sup__calloc(2, 4));
	sup__alloc_fail_nth(1);
	assert_null(sup__memdup("x", 1));
	sup__alloc_fail_nth(1);
	assert_null(sup__realloc(p, 100));
	assert_string_equal(p, "kept");
	sup__alloc_fail_nth(0);
	p = sup__realloc(p, 100);
	assert_string_equal(p, "kept");
	sup__free(p);
}

static void zalloc_is_zeroed(void **state)
{
	static const char zero[64];
	void *p = sup__zalloc(sizeof(zero));

	(void)state;
	assert_memory_equal(p, zero, sizeof(zero));
	sup__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nth_allocation_fails_once),
		cmocka_unit_test(each_kind_can_fail),
		cmocka_unit_test(zalloc_is_zeroed),
	};

	return RUN_TESTS(tests);
}
