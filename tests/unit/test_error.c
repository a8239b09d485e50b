/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sup/error.h>

#include "base/error.h"
#include "base/thread.h"

static void no_error_is_an_empty_sentence(void **state)
{
	(void)state;
	assert_string_equal(sup_error(), "");
}

static void sentence_is_set_and_error_returned(void **state)
{
	(void)state;
	assert_int_equal(sup__error(-EINVAL, "field %s", "x"), -EINVAL);
	assert_string_equal(sup_error(), "field x");
	assert_int_equal(sup__error_sys(-ENOENT, "cwd \"%s\"", "/x"), -ENOENT);
	assert_string_equal(sup_error(), "cwd \"/x\": No such file or "
			    "directory");
	assert_int_equal(sup__error_nomem("a table"), -ENOMEM);
	assert_string_equal(sup_error(), "no memory for a table");
}

static void old_sentence_may_be_part_of_the_new(void **state)
{
	(void)state;
	sup__error(-EINVAL, "deep");
	sup__error(-EINVAL, "child \"%s\": %s", "a", sup_error());
	assert_string_equal(sup_error(), "child \"a\": deep");
}

static void other_libraries_may_set_it(void **state)
{
	(void)state;
	sup__error(-EINVAL, "below");
	assert_int_equal(sup_set_error(-EIO, "%s: %s", "above", sup_error()),
			 -EIO);
	assert_string_equal(sup_error(), "above: below");
}

static void long_sentence_is_cut(void **state)
{
	char text[2 * SUP__ERROR_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	sup__error(-EIO, "%s", text);
	assert_int_equal(strlen(sup_error()), SUP__ERROR_MAX - 1);
	assert_string_equal(sup_error() + SUP__ERROR_MAX - 1 - 4, "x...");
	text[SUP__ERROR_MAX - 1] = '\0';
	sup__error(-EIO, "%s", text);
	assert_string_equal(sup_error(), text);
}

/* Of a long name, say: why it failed is not what has to go. */
static void reason_is_not_cut(void **state)
{
	const int room = SUP__ERROR_MAX - 1 - (int)strlen(": Input/output "
							  "error");
	char text[2 * SUP__ERROR_MAX], expected[2 * SUP__ERROR_MAX];
	int n;

	(void)state;
	memset(text, 'x', sizeof(text));
	for (n = room - 5; n < room + 5; n++) {
		sup__error_sys(-EIO, "%.*s", n, text);
		snprintf(expected, sizeof(expected), "%.*s%s: Input/output "
			 "error", n > room ? room - 3 : n, text,
			 n > room ? "..." : "");
		assert_string_equal(sup_error(), expected);
	}
}

static void *set_own(void *arg)
{
	const char **seen = arg;

	*seen = *sup_error() ? "not empty" : "empty";
	sup__error(-EIO, "of the other thread");
	return NULL;
}

static void each_thread_has_its_own(void **state)
{
	const char *seen = NULL;
	struct sup__thread thread;

	(void)state;
	sup__error(-EINVAL, "mine");
	assert_int_equal(sup__thread_start("t", 0, set_own, &seen, &thread), 0);
	sup__thread_join(thread);
	assert_string_equal(seen, "empty");
	assert_string_equal(sup_error(), "mine");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_error_is_an_empty_sentence),
		cmocka_unit_test(sentence_is_set_and_error_returned),
		cmocka_unit_test(old_sentence_may_be_part_of_the_new),
		cmocka_unit_test(other_libraries_may_set_it),
		cmocka_unit_test(long_sentence_is_cut),
		cmocka_unit_test(reason_is_not_cut),
		cmocka_unit_test(each_thread_has_its_own),
	};

	return RUN_TESTS(tests);
}
