/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Option structs of older and newer programs. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include <sup/types.h>

#include "base/spec.h"

struct ours {
	size_t size;
	int first;
	int second;
};

struct newer {
	struct ours ours;
	int third;
};

static void an_older_caller_gets_defaults(void **state)
{
	struct ours from = { .size = offsetof(struct ours, second),
			     .first = 1, .second = 2 }, to;

	(void)state;
	memset(&to, 0xff, sizeof(to));
	assert_int_equal(sup__spec_copy(&to, sizeof(to), &from, "x"), 0);
	assert_int_equal(to.size, sizeof(to));
	assert_int_equal(to.first, 1);
	assert_int_equal(to.second, 0);
}

static void a_newer_caller_is_cut_off(void **state)
{
	struct newer from = {
		.ours = { .size = sizeof(from), .first = 1, .second = 2 },
		.third = 3,
	};
	struct newer to = { .third = 77 };

	(void)state;
	assert_int_equal(sup__spec_copy(&to.ours, sizeof(to.ours), &from, "x"),
			 0);
	assert_int_equal(to.ours.size, sizeof(to.ours));
	assert_int_equal(to.ours.second, 2);
	assert_int_equal(to.third, 77);
}

static void what_is_too_small_is_refused(void **state)
{
	struct ours from = { .size = sizeof(size_t) - 1 }, to;

	(void)state;
	assert_int_equal(sup__spec_copy(&to, sizeof(to), NULL, "x"), -EINVAL);
	assert_int_equal(sup__spec_copy(&to, sizeof(to), &from, "x"),
			 -EINVAL);
	assert_string_equal(sup_error(), "size is not that of a x");
	from.size = offsetof(struct ours, second) - 1;
	assert_int_equal(sup__spec_copy_least(&to, sizeof(to), &from,
					      offsetof(struct ours, second),
					      "x"), -EINVAL);
	from.size++;
	assert_int_equal(sup__spec_copy_least(&to, sizeof(to), &from,
					      offsetof(struct ours, second),
					      "x"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_older_caller_gets_defaults),
		cmocka_unit_test(a_newer_caller_is_cut_off),
		cmocka_unit_test(what_is_too_small_is_refused),
	};

	return RUN_TESTS(tests);
}
