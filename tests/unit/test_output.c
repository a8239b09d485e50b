/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ring and the lines by themselves. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "core/output.h"

static struct sup__output o;

static void begin(size_t size, unsigned int lines)
{
	sup__output_fini(&o);
	assert_int_equal(sup__output_init(&o, size, lines), 0);
}

static void add(const char *text)
{
	sup__output_add(&o, text, strlen(text));
}

static void expect(size_t size, const char *text)
{
	char buf[64];

	memset(buf, 'x', sizeof(buf));
	assert_int_equal(sup__output_copy(&o, buf, size), strlen(text));
	assert_string_equal(buf, text);
	assert_int_equal(buf[size], 'x');
}

static int end(void **state)
{
	(void)state;
	sup__output_fini(&o);
	sup__output_fini(&o);
	return 0;
}

static void all_is_kept_that_fits(void **state)
{
	(void)state;
	begin(16, 10);
	expect(8, "");
	add("one\ntwo\n");
	add("thr");
	expect(32, "one\ntwo\nthr");
	add("ee\nfo");
	/* Now it is full. */
	expect(32, "one\ntwo\nthree\nfo");
}

static void oldest_goes_first_and_lines_are_whole(void **state)
{
	(void)state;
	begin(8, 10);
	add("one\ntwo\nthree\n");
	expect(32, "three\n");
	add("4\n");
	expect(32, "three\n4\n");
	add("5");
	expect(32, "4\n5");
	/* More at once than it holds. */
	add("0123456789\nab\n");
	expect(32, "ab\n");
	/* One line alone is better than none. */
	add("0123456789");
	expect(32, "23456789");
}

static void ring_goes_round_and_round(void **state)
{
	char text[3] = "a\n";
	int i;

	(void)state;
	begin(7, 10);
	for (i = 0; i < 26; i++) {
		text[0] = 'a' + i;
		add(text);
	}
	expect(32, "x\ny\nz\n");
}

static void lines_are_counted(void **state)
{
	(void)state;
	begin(64, 2);
	add("1\n2\n3\n");
	expect(32, "2\n3\n");
	add("4");
	expect(32, "3\n4");
	add("\n\n");
	expect(32, "4\n\n");
}

static void little_room_gets_the_last_lines(void **state)
{
	(void)state;
	begin(64, 10);
	add("one\ntwo\nthree\n");
	expect(15, "one\ntwo\nthree\n");
	expect(14, "two\nthree\n");
	expect(11, "two\nthree\n");
	expect(10, "three\n");
	expect(7, "three\n");
	expect(6, "hree\n");
	expect(1, "");
}

static void it_is_printable(void **state)
{
	(void)state;
	begin(64, 10);
	sup__output_add(&o, "a\0\033[1m\tb\r\n\303\244\177", 13);
	expect(32, "a??[1m\tb?\n\303\244?");
}

static void lines_come_out_one_by_one(void **state)
{
	struct sup__line l = { .len = 0 };
	const char *at = "on";
	size_t n = 2;

	(void)state;
	assert_false(sup__line_next(&l, &at, &n));
	at = "e\n\ntwo\007\nthr";
	n = 11;
	assert_true(sup__line_next(&l, &at, &n));
	assert_string_equal(l.text, "one");
	assert_true(sup__line_next(&l, &at, &n));
	assert_string_equal(l.text, "");
	assert_true(sup__line_next(&l, &at, &n));
	assert_string_equal(l.text, "two?");
	assert_false(sup__line_next(&l, &at, &n));
	assert_true(sup__line_last(&l));
	assert_string_equal(l.text, "thr");
	assert_false(sup__line_last(&l));
}

static void long_line_comes_in_pieces(void **state)
{
	static char text[2 * SUP__LINE_MAX];
	struct sup__line l = { .len = 0 };
	const char *at = text;
	size_t n = sizeof(text);

	(void)state;
	memset(text, 'l', sizeof(text));
	text[SUP__LINE_MAX - 1] = '\n';
	assert_true(sup__line_next(&l, &at, &n));
	assert_int_equal(strlen(l.text), SUP__LINE_MAX - 1);
	/* Its newline ended it, and is no line of its own. */
	assert_true(sup__line_next(&l, &at, &n));
	assert_int_equal(strlen(l.text), SUP__LINE_MAX - 1);
	assert_false(sup__line_next(&l, &at, &n));
	assert_true(sup__line_last(&l));
	assert_string_equal(l.text, "l");
}

static void want_of_memory_is_told(void **state)
{
	struct sup__output other;

	(void)state;
	sup__alloc_fail_nth(1);
	assert_int_equal(sup__output_init(&other, 8, 1), -ENOMEM);
	sup__alloc_fail_nth(0);
	sup__output_fini(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_teardown(f, end)
		T(all_is_kept_that_fits),
		T(oldest_goes_first_and_lines_are_whole),
		T(ring_goes_round_and_round),
		T(lines_are_counted),
		T(little_room_gets_the_last_lines),
		T(it_is_printable),
		T(lines_come_out_one_by_one),
		T(long_line_comes_in_pieces),
		T(want_of_memory_is_told),
	};

	return RUN_TESTS(tests);
}
