/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "keep_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN "000102030405060708090a0b0c0d0eff"

static int read_text(const char *text, struct keep_file *k)
{
	FILE *f = fmemopen((void *)text, strlen(text), "r");
	int ret;

	assert_non_null(f);
	ret = keep_file_read(f, k);
	fclose(f);
	return ret;
}

static void reads_what_it_writes(void **state)
{
	static const char text[] = "supd 1\ngroup 18446744073709551615 " TOKEN
		"\nchild 12 3456 shop/redis\nchild 7 8 shop/web/nginx\n";
	struct keep_file k;
	size_t size;
	char *out;
	FILE *f;

	(void)state;
	assert_int_equal(read_text(text, &k), 0);
	assert_true(k.has_token);
	assert_true(k.group == UINT64_MAX);
	assert_int_equal(k.token[14], 0x0e);
	assert_int_equal(k.token[15], 0xff);
	assert_int_equal(keep_file_child(&k, "shop/redis")->pid, 12);
	assert_true(keep_file_child(&k, "shop/redis")->start == 3456);
	assert_int_equal(keep_file_child(&k, "shop/web/nginx")->pid, 7);
	f = open_memstream(&out, &size);
	keep_file_write(f, &k);
	fclose(f);
	assert_string_equal(out, text);
	free(out);
	keep_file_fini(&k);
}

static void refuses_what_is_damaged(void **state)
{
	static const char *const texts[] = {
		"x",
		"supd 2\n",
		"supd 1\n",
		"supd 1\nchild 1 2 a\n",
		"supd 1\ngroup 1 00\n",
		"supd 1\ngroup x " TOKEN "\n",
		"supd 1\ngroup 1 " TOKEN "\nchild -1 2 a\n",
		"supd 1\ngroup 1 " TOKEN "\nchild 1 2\n",
		"supd 1\ngroup 1 " TOKEN "\nsomething else\n",
		"supd 1\ngroup 1 zz0102030405060708090a0b0c0d0e0f\n",
	};
	struct keep_file k;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		print_message("%s", texts[i]);
		assert_int_equal(read_text(texts[i], &k), -EINVAL);
		assert_null(k.children);
		assert_false(k.has_token);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(refuses_what_is_damaged),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
