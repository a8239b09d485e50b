/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parser of the protocol: what it takes, and what it refuses. */
#include "json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct json j;

static void takes_a_request(void **state)
{
	const char *text = " {\"v\":1, \"op\" : \"kill\",\"tree\":true,"
		"\"n\":-42,\"no\":false,\"x\":null} \n";
	const char *why;
	size_t at;

	(void)state;
	assert_int_equal(json_parse(&j, text, strlen(text), &why, &at), 0);
	assert_int_equal(j.n, 6);
	assert_int_equal(json_int(&j, "v", 0), 1);
	assert_string_equal(json_string(&j, "op", ""), "kill");
	assert_true(json_bool(&j, "tree"));
	assert_false(json_bool(&j, "no"));
	assert_int_equal(json_int(&j, "n", 0), -42);
	assert_int_equal(json_find(&j, "x")->type, JSON_NULL);
	assert_null(json_find(&j, "y"));
}

static void another_type_is_the_default(void **state)
{
	const char *text = "{\"a\":\"1\",\"b\":1}", *why;
	size_t at;

	(void)state;
	assert_int_equal(json_parse(&j, text, strlen(text), &why, &at), 0);
	assert_int_equal(json_int(&j, "a", 7), 7);
	assert_string_equal(json_string(&j, "b", "none"), "none");
	assert_false(json_bool(&j, "b"));
}

static void numbers_to_the_limits(void **state)
{
	const char *text = "{\"min\":-9223372036854775808,"
		"\"max\":9223372036854775807}", *why;
	size_t at;

	(void)state;
	assert_int_equal(json_parse(&j, text, strlen(text), &why, &at), 0);
	assert_true(json_int(&j, "min", 0) == INT64_MIN);
	assert_true(json_int(&j, "max", 0) == INT64_MAX);
}

static void escapes(void **state)
{
	const char *text = "{\"s\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9"
		"\\u20ac\"}", *why;
	size_t at;

	(void)state;
	assert_int_equal(json_parse(&j, text, strlen(text), &why, &at), 0);
	assert_string_equal(json_string(&j, "s", ""),
			    "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac");
}

static void refuses(void **state)
{
	static const struct {
		const char *text;
		const char *why;
		size_t at;
	} cases[] = {
		{ "", "'{' expected", 0 },
		{ "hello", "'{' expected", 0 },
		{ "[1]", "'{' expected", 0 },
		{ "{", "a string expected", 1 },
		{ "{\"a\"}", "':' expected after a key", 4 },
		{ "{\"a\":}", "a string, whole number, true, false or null "
		  "expected", 5 },
		{ "{\"a\":1", "',' or '}' expected", 6 },
		{ "{\"a\":1,}", "a string expected", 7 },
		{ "{\"a\":1}x", "text after the object", 7 },
		{ "{\"a\":{}}", "nesting is not known here", 5 },
		{ "{\"a\":[]}", "nesting is not known here", 5 },
		{ "{\"a\":1.5}", "only whole numbers are known", 6 },
		{ "{\"a\":1e5}", "only whole numbers are known", 6 },
		{ "{\"a\":9223372036854775808}", "a number out of range", 24 },
		{ "{\"a\":99999999999999999999}", "a number out of range",
		  23 },
		{ "{\"a\":\"x", "the text ends inside a string", 7 },
		{ "{\"a\":\"\\", "the text ends inside a string", 7 },
		{ "{\"a\":\"\\q\"}", "unknown escape in a string", 8 },
		{ "{\"a\":\"\\u12g4\"}", "four hexadecimal digits expected",
		  10 },
		{ "{\"a\":\"\\u0000\"}", "a character that is not allowed",
		  12 },
		{ "{\"a\":\"\\ud800\"}", "a character that is not allowed",
		  12 },
		{ "{\"a\":\"\n\"}", "a control character in a string", 6 },
		{ "{\"a\":1,\"a\":2}", "a key stands twice", 10 },
	};
	const char *why;
	size_t i, at;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].text);
		assert_int_equal(json_parse(&j, cases[i].text,
					    strlen(cases[i].text), &why, &at),
				 -EINVAL);
		assert_string_equal(why, cases[i].why);
		assert_int_equal(at, cases[i].at);
		assert_int_equal(j.n, 0);
	}
}

static void bounds(void **state)
{
	char text[JSON_TEXT_MAX + 100];
	const char *why;
	size_t at, len = 1;
	int i;

	(void)state;
	memset(text, ' ', sizeof(text));
	assert_int_equal(json_parse(&j, text, JSON_TEXT_MAX + 1, &why, &at),
			 -EINVAL);
	assert_string_equal(why, "too long");
	text[0] = '{';
	for (i = 0; i <= JSON_FIELDS_MAX; i++)
		len += (size_t)sprintf(text + len, "\"%d\":1,", i);
	assert_int_equal(json_parse(&j, text, len, &why, &at), -EINVAL);
	assert_string_equal(why, "too many fields");
}

/* Every text that is cut off is refused, and none is read beyond its end. */
static void cut_off_anywhere(void **state)
{
	static const char whole[] =
		"{\"v\":1,\"id\":\"a\\u00e9\",\"tree\":true,\"n\":-7}";
	const char *why;
	size_t len, at;
	char *copy;

	(void)state;
	for (len = 0; len < sizeof(whole) - 1; len++) {
		copy = malloc(len > 0 ? len : 1);
		assert_non_null(copy);
		memcpy(copy, whole, len);
		assert_int_equal(json_parse(&j, copy, len, &why, &at),
				 -EINVAL);
		assert_true(at <= len);
		free(copy);
	}
}

/* Bytes from a printed seed: nothing but 0 or -EINVAL, and no crash. */
static void random_bytes(void **state)
{
	static const char likely[] = "{}\":,\\u0129tfn-[] ";
	unsigned int seed = 20240229;
	const char *why;
	char text[64];
	size_t i, len, at;
	int n;

	(void)state;
	print_message("seed %u\n", seed);
	for (n = 0; n < 200000; n++) {
		len = (size_t)rand_r(&seed) % sizeof(text);
		for (i = 0; i < len; i++)
			text[i] = rand_r(&seed) % 8 == 0 ?
				(char)rand_r(&seed) :
				likely[(size_t)rand_r(&seed) %
				       (sizeof(likely) - 1)];
		if (json_parse(&j, text, len, &why, &at) < 0)
			assert_true(at <= len);
	}
}

static void what_is_written_is_read(void **state)
{
	struct json_writer w;
	const char *why;
	char buf[256];
	size_t at;
	int len;

	(void)state;
	json_open(&w, buf, sizeof(buf));
	json_put_string(&w, "s", "a\"\\\n\x01z\xc3\xa9");
	json_put_int(&w, "i", INT64_MIN);
	json_put_bool(&w, "b", true);
	len = json_close(&w);
	assert_true(len > 0);
	assert_int_equal(json_parse(&j, buf, (size_t)len, &why, &at), 0);
	assert_string_equal(json_string(&j, "s", ""), "a\"\\\n\x01z\xc3\xa9");
	assert_true(json_int(&j, "i", 0) == INT64_MIN);
	assert_true(json_bool(&j, "b"));
}

static void a_full_buffer_is_told(void **state)
{
	struct json_writer w;
	char buf[64];
	size_t size;

	(void)state;
	for (size = 2; size < sizeof(buf); size++) {
		json_open(&w, buf, size);
		json_put_string(&w, "key", "value");
		json_put_int(&w, "n", 12);
		/* {"key":"value","n":12} and its NUL */
		assert_int_equal(json_close(&w), size < 23 ? -ENOSPC : 22);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_request),
		cmocka_unit_test(another_type_is_the_default),
		cmocka_unit_test(numbers_to_the_limits),
		cmocka_unit_test(escapes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(bounds),
		cmocka_unit_test(cut_off_anywhere),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_full_buffer_is_told),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
