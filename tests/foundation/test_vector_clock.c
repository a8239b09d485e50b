/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "foundation.h"

#include "fail_memory.h"

/* "aab": a is at 2, b at 1. */
static struct fnd_clock *clock_of(const char *events)
{
	struct fnd_clock *c;

	assert_int_equal(fnd_clock_new(&c), 0);
	for (; *events; events++)
		assert_int_equal(fnd_clock_increment(c, (char[]){
				*events, '\0' }), 0);
	return c;
}

static enum fnd_order order(const char *x, const char *y)
{
	struct fnd_clock *a = clock_of(x), *b = clock_of(y);
	enum fnd_order o = fnd_clock_compare(a, b);

	fnd_clock_free(a);
	fnd_clock_free(b);
	return o;
}

static void check_7_clocks(void **state)
{
	struct fnd_clock *a = clock_of("aab"), *b = clock_of("abbbdd");

	(void)state;
	assert_int_equal(fnd_clock_merge(a, b), 0);
	assert_int_equal(fnd_clock_get(a, "a"), 2);
	assert_int_equal(fnd_clock_get(a, "b"), 3);
	assert_int_equal(fnd_clock_get(a, "c"), 0);
	assert_int_equal(fnd_clock_get(a, "d"), 2);
	assert_int_equal(fnd_clock_get(b, "a"), 1);
	fnd_clock_free(a);
	fnd_clock_free(b);
	assert_int_equal(order("a", "aa"), FND_BEFORE);
	assert_int_equal(order("aa", "a"), FND_AFTER);
	assert_int_equal(order("abb", "aab"), FND_CONCURRENT);
	assert_int_equal(order("ab", "ba"), FND_EQUAL);
	assert_int_equal(order("", ""), FND_EQUAL);
	assert_int_equal(order("", "z"), FND_BEFORE);
	assert_int_equal(order("a", "b"), FND_CONCURRENT);
}

/* What is received is after what was sent, whoever sent it. */
static void a_message_makes_an_order(void **state)
{
	struct fnd_clock *a = clock_of(""), *b = clock_of(""), *sent;

	(void)state;
	assert_int_equal(fnd_clock_increment(a, "a"), 0);
	sent = clock_of("a");
	assert_int_equal(fnd_clock_increment(b, "b"), 0);
	assert_int_equal(fnd_clock_compare(a, b), FND_CONCURRENT);
	assert_int_equal(fnd_clock_merge(b, sent), 0);
	assert_int_equal(fnd_clock_increment(b, "b"), 0);
	assert_int_equal(fnd_clock_compare(sent, b), FND_BEFORE);
	fnd_clock_free(a);
	fnd_clock_free(b);
	fnd_clock_free(sent);
	fnd_clock_free(NULL);
}

static void bad_names(void **state)
{
	struct fnd_clock *c = clock_of("");
	char name[FND_NAME_MAX + 2];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(fnd_clock_increment(c, name), -ENAMETOOLONG);
	assert_int_equal(fnd_clock_increment(c, ""), -EINVAL);
	assert_int_equal(fnd_clock_increment(c, NULL), -EINVAL);
	assert_int_equal(fnd_clock_get(c, NULL), 0);
	fnd_clock_free(c);
}

static void without_memory_a_clock_is_as_it_was(void **state)
{
	struct fnd_clock *a, *b = clock_of("bc"), *old = clock_of("aa");
	bool failed = true;
	unsigned int n;
	int ret;

	(void)state;
	for (n = 1; failed; n++) {
		a = clock_of("aa");
		fail_nth(n);
		ret = fnd_clock_merge(a, b);
		failed = fail_no_more();
		assert_int_equal(ret, failed ? -ENOMEM : 0);
		assert_int_equal(fnd_clock_compare(a, old),
				 failed ? FND_EQUAL : FND_AFTER);
		fnd_clock_free(a);
	}
	fnd_clock_free(b);
	fnd_clock_free(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_7_clocks),
		cmocka_unit_test(a_message_makes_an_order),
		cmocka_unit_test(bad_names),
		cmocka_unit_test(without_memory_a_clock_is_as_it_was),
	};

	return RUN_TESTS(tests);
}
