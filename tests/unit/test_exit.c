/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which source is chosen, with the sources' ways to fail made up. */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "exit/exit.h"

static int module_says;

/* In place of netlink.c, which the linker then leaves out. */
static struct sup__exit_source module = {
	.info = { .source = SUP_SOURCE_MODULE, .name = "module", .why = "" },
};

static int module_open(const struct sup_options *opts,
		       struct sup__exit_source **ret_src)
{
	(void)opts;
	if (module_says)
		return sup__error(module_says, "the module said so");
	*ret_src = &module;
	return 0;
}

const struct sup__exit_ops sup__exit_netlink = { .open = module_open };

static int open_as(enum sup_source source, const unsigned char *token,
		   struct sup__exit_source **ret_src)
{
	struct sup_options opts = {
		.size = sizeof(opts), .source = source, .adopt_token = token,
	};

	return sup__exit_open(&opts, ret_src);
}

static void best_source_first(void **state)
{
	struct sup__exit_source *src;

	(void)state;
	module_says = 0;
	assert_int_equal(open_as(SUP_SOURCE_AUTO, NULL, &src), 0);
	assert_ptr_equal(src, &module);
	assert_int_equal(open_as(SUP_SOURCE_PIDFD, NULL, &src), 0);
	assert_int_equal(src->info.source, SUP_SOURCE_PIDFD);
	assert_string_equal(src->info.why, "pidfds were asked for");
	src->ops->close(src);
}

static void next_source_says_why(void **state)
{
	static const int cannot[] = { -ENOENT, -EPERM, -EOPNOTSUPP,
					-ESHUTDOWN };
	struct sup__exit_source *src;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(cannot); i++) {
		module_says = cannot[i];
		assert_int_equal(open_as(SUP_SOURCE_AUTO, NULL, &src), 0);
		assert_int_equal(src->info.source, SUP_SOURCE_PIDFD);
		assert_string_equal(src->info.why, "the module said so");
		src->ops->close(src);
	}
}

static void what_was_demanded_fails(void **state)
{
	static const unsigned char token[SUP_TOKEN_SIZE];
	struct sup__exit_source *src;

	(void)state;
	module_says = -ENOENT;
	assert_int_equal(open_as(SUP_SOURCE_MODULE, NULL, &src), -ENOENT);
	assert_int_equal(open_as(SUP_SOURCE_AUTO, token, &src), -EOPNOTSUPP);
	assert_non_null(strstr(sup_error(), "adopt_token"));
	module_says = -EACCES;
	assert_int_equal(open_as(SUP_SOURCE_AUTO, token, &src), -EACCES);
	module_says = -ENOMEM;
	assert_int_equal(open_as(SUP_SOURCE_AUTO, NULL, &src), -ENOMEM);
	assert_int_equal(open_as(9, NULL, &src), -EINVAL);
	assert_string_equal(sup_error(), "source 9 is unknown");
}

static void each_lack_has_words(void **state)
{
	uint32_t bit;

	(void)state;
	for (bit = 1; bit <= SUP_LACKS_ADOPTION; bit <<= 1)
		assert_string_not_equal(sup_lacks_text(bit),
					sup_lacks_text(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(best_source_first),
		cmocka_unit_test(next_source_says_why),
		cmocka_unit_test(what_was_demanded_fails),
		cmocka_unit_test(each_lack_has_words),
	};

	return RUN_TESTS(tests);
}
