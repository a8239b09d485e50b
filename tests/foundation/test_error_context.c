/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Contexts of errors: what they hold, what they add, what is executed. */
#include "contexts.h"

#include "fail_memory.h"

static void is_uuid(const char *s)
{
	size_t i;

	assert_int_equal(strlen(s), 36);
	for (i = 0; i < 36; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23)
			assert_int_equal(s[i], '-');
		else
			assert_non_null(strchr("0123456789abcdef", s[i]));
	assert_int_equal(s[14], '4');
	assert_non_null(strchr("89ab", s[19]));
}

static void what_a_context_begins_with(void **state)
{
	struct fnd_context a, b;

	(void)state;
	assert_int_equal(fnd_context_init(&a, SPEC_OF("shop", "order")), 0);
	assert_int_equal(fnd_context_init(&b, SPEC_OF("shop", "order")), 0);
	is_uuid(a.correlation);
	assert_string_not_equal(a.correlation, b.correlation);
	assert_true(a.operation_id && b.operation_id > a.operation_id);
	assert_int_equal(a.parent_id, 0);
	assert_string_equal(a.module, "shop");
	assert_string_equal(a.operation, "order");
	assert_int_equal(a.n_crumbs, 1);
	assert_string_equal(a.crumbs[0].module, "shop");
	assert_string_equal(a.crumbs[0].operation, "order");
	assert_int_equal(a.crumbs[0].time, a.began);
	assert_int_equal(a.n_pairs, 0);
	assert_true(fnd_context_duration(&a) >= 0);
	assert_true(fnd_context_duration(&a) >= fnd_context_duration(&b));
	/* To make one does not make it the current one. */
	assert_null(fnd_context_current());
}

static void a_correlation_and_pairs_of_the_callers(void **state)
{
	const struct fnd_pair pairs[] = { { "user", "7" }, { "user", "8" } };
	const struct fnd_metadata metadata = { pairs, 2 };
	struct fnd_context c;

	(void)state;
	assert_int_equal(fnd_context_init(&c, SPEC_OF("m", "o",
			.correlation = "mine", .metadata = metadata)), 0);
	assert_string_equal(c.correlation, "mine");
	assert_int_equal(c.n_pairs, 1);
	assert_string_equal(c.pairs[0].value, "8");
	assert_int_equal(fnd_context_add(&c, "n", "1"), 0);
	assert_int_equal(fnd_context_add(&c, "n", "2"), 0);
	assert_string_equal(c.pairs[1].value, "2");
}

static void bad_contexts(void **state)
{
	char word[FND_ERROR_WORD_MAX + 2], name[FND_NAME_MAX + 2];
	const struct fnd_pair pair = { "", "v" };
	struct fnd_context c = { .operation_id = 4711 };
	struct fnd_error e = { .code = 0 };

	(void)state;
	memset(word, 'w', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(fnd_context_init(&c, SPEC_OF("", "o")), -EINVAL);
	assert_int_equal(fnd_context_init(&c, SPEC_OF("m", NULL)), -EINVAL);
	assert_int_equal(fnd_context_init(&c, SPEC_OF("m", word)),
			 -ENAMETOOLONG);
	assert_int_equal(fnd_context_init(&c, SPEC_OF("m", "o",
			.correlation = "")), -EINVAL);
	assert_int_equal(fnd_context_init(&c, SPEC_OF("m", "o",
			.correlation = name)), -ENAMETOOLONG);
	assert_int_equal(fnd_context_init(&c, SPEC_OF("m", "o",
			.metadata = { &pair, 1 })), -EINVAL);
	assert_int_equal(fnd_context_init(&c, &(struct fnd_context_spec){
			.size = 1 }), -EINVAL);
	assert_int_equal(c.operation_id, 4711);
	assert_int_equal(fnd_context_init(&c, SPEC_OF(word + 1, word + 1,
			.correlation = name + 1)), 0);
	assert_int_equal(fnd_context_step(&c, "m", ""), -EINVAL);
	assert_int_equal(fnd_context_step(&c, word, "o"), -ENAMETOOLONG);
	assert_int_equal(c.n_crumbs, 1);
	/* Without a current one. */
	assert_int_equal(fnd_context_step(NULL, "m", "o"), -ENOENT);
	assert_int_equal(fnd_context_add(NULL, "k", "v"), -ENOENT);
	assert_int_equal(fnd_context_enrich(NULL, &e), -ENOENT);
}

static void steps_are_bounded(void **state)
{
	struct fnd_context c;
	char word[16];
	int i;

	(void)state;
	assert_int_equal(fnd_context_init(&c, SPEC_OF("m", "0")), 0);
	for (i = 1; i < 100; i++) {
		snprintf(word, sizeof(word), "%d", i);
		assert_int_equal(fnd_context_step(&c, "m", word), 0);
	}
	assert_int_equal(c.n_crumbs, FND_BREADCRUMBS_MAX);
	assert_int_equal(c.crumbs_lost, 100 - FND_BREADCRUMBS_MAX);
	for (i = 0; i < FND_BREADCRUMBS_MAX; i++) {
		snprintf(word, sizeof(word), "%d",
			 100 - FND_BREADCRUMBS_MAX + i);
		assert_string_equal(c.crumbs[i].operation, word);
	}
}

static void steps_in_one_line(void **state)
{
	struct fnd_context c;
	char buf[256], tight[256];
	double a, b;
	char unit_a[8], unit_b[8];
	size_t len;

	(void)state;
	assert_int_equal(fnd_context_init(&c, SPEC_OF("shop", "order")), 0);
	assert_int_equal(fnd_context_step(&c, "db", "insert"), 0);
	assert_ptr_equal(fnd_context_format(&c, buf, sizeof(buf)), buf);
	assert_int_equal(sscanf(buf, "shop.order (%lf %7s ago) -> db.insert "
				"(%lf %7s ago)", &a, unit_a, &b, unit_b), 4);
	assert_true(a >= 0 && b >= 0);
	/* An hour, to the tenth of a second. */
	c.crumbs[0].time = sup_deadline_ms(0) - INT64_C(3600000000000);
	fnd_context_format(&c, buf, sizeof(buf));
	assert_int_equal(sscanf(buf, "shop.order (%lf %7s ago)", &a, unit_a),
			 2);
	assert_string_equal(unit_a, "s");
	assert_true(a >= 3600 && a < 3700);
	for (len = 1; len < 20; len++) {
		memset(tight, '#', sizeof(tight));
		fnd_context_format(&c, tight, len);
		assert_int_equal(strlen(tight), len - 1);
		assert_int_equal(tight[len], '#');
	}
	c.n_crumbs = 0;
	assert_string_equal(fnd_context_format(&c, buf, sizeof(buf)), "");
}

static void what_goes_well_is_passed_on(void **state)
{
	struct fnd_error e = { .code = 4711 };
	struct fnd_context c;
	int result = 42;

	(void)state;
	assert_int_equal(fnd_context_init(&c, SPEC_OF("m", "o")), 0);
	assert_int_equal(fnd_context_run(&c, returns, &result, &e), 42);
	result = 0;
	assert_int_equal(fnd_context_run(&c, returns, &result, NULL), 0);
	assert_int_equal(e.code, 4711);
	assert_null(fnd_context_current());
}

static int reads_a_setting(struct fnd_error *error, void *arg)
{
	struct fnd_clock *c = arg;

	(void)error;
	fnd_context_step(NULL, "config", "get");
	fnd_context_add(NULL, "path", "a.b");
	return fnd_clock_increment(c, "");
}

static void what_fails_says_where(void **state)
{
	struct fnd_context c;
	struct fnd_clock *clock;
	struct fnd_error e;
	char line[1024];

	(void)state;
	assert_int_equal(fnd_clock_new(&clock), 0);
	assert_int_equal(fnd_context_init(&c, SPEC_OF("shop", "order",
			.correlation = "c-1", .area = FND_AREA_CONFIG)), 0);
	assert_int_equal(fnd_context_run(&c, reads_a_setting, clock, &e),
			 -EINVAL);
	fnd_clock_free(clock);
	assert_string_equal(sup_error(), "node: it is empty");
	assert_string_equal(e.message, "node: it is empty");
	assert_int_equal(e.code, FND_ERROR_CONFIG_INVALID_VALUE);
	assert_int_equal(e.error, -EINVAL);
	assert_string_equal(e.correlation, "c-1");
	assert_int_equal(e.operation_id, c.operation_id);
	assert_string_equal(e.module, "shop");
	assert_string_equal(e.operation, "order");
	assert_in_range(e.duration_ns, 0, fnd_context_duration(&c));
	assert_string_equal(fnd_error_get(&e, "path"), "a.b");
	assert_int_equal(e.n_crumbs, 2);
	assert_string_equal(e.crumbs[1].operation, "get");
	assert_true(e.emitted);
	fnd_error_format(&e, line, sizeof(line));
	assert_non_null(strstr(line, "shop.order -> config.get"));
}

/* A sentence of before is none of this error's. */
static void an_old_sentence_is_not_told(void **state)
{
	struct fnd_context c;
	struct fnd_error e;
	int result = -EIO;

	(void)state;
	assert_int_equal(fnd_context_init(&c, SPEC_OF("m", "o")), 0);
	sup_set_error(-EINVAL, "of something else");
	assert_int_equal(fnd_context_run(&c, returns, &result, &e), -EIO);
	assert_string_equal(e.message, "Input/output error");
	assert_string_equal(sup_error(), "Input/output error");
}

static int sets_an_error(struct fnd_error *error, void *arg)
{
	(void)arg;
	fnd_error_set(error, FND_ERROR_DATA_CORRUPTION, "block 7");
	fnd_error_add(error, "block", "7");
	strcpy(error->correlation, "its own");
	return -EBADMSG;
}

static void its_own_error_is_kept(void **state)
{
	const struct fnd_pair pairs[] = { { "block", "?" }, { "file", "f" } };
	struct fnd_context c;
	struct fnd_error e;

	(void)state;
	assert_int_equal(fnd_context_init(&c, SPEC_OF("m", "o",
			.metadata = { pairs, 2 })), 0);
	assert_int_equal(fnd_context_run(&c, sets_an_error, NULL, &e),
			 -EBADMSG);
	assert_int_equal(e.code, FND_ERROR_DATA_CORRUPTION);
	assert_int_equal(e.error, -EBADMSG);
	assert_string_equal(e.message, "block 7");
	assert_string_equal(e.correlation, "its own");
	assert_string_equal(fnd_error_get(&e, "block"), "7");
	assert_string_equal(fnd_error_get(&e, "file"), "f");
	assert_string_equal(sup_error(), "block 7");
}

static void what_is_executed(void **state)
{
	int good = 1, bad = -ETIMEDOUT;
	struct fnd_context c;
	struct seen s = { .n = 0 };

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(attach("h", DURATION, sees, &s), 0);
	assert_int_equal(fnd_context_init(&c, SPEC_OF("shop", "order")), 0);
	fnd_context_run(&c, returns, &good, NULL);
	AWAIT(atomic_load(&s.n) == 1);
	assert_string_equal(s.last.name, DURATION);
	assert_string_equal(s.pairs[0].key, "function");
	assert_string_equal(s.pairs[0].value, "order");
	assert_string_equal(s.pairs[1].key, "module");
	assert_string_equal(s.pairs[1].value, "shop");
	assert_string_equal(s.pairs[2].key, "result");
	assert_string_equal(s.pairs[2].value, "ok");
	assert_true(s.measurements[0].value > 0);
	assert_true(s.measurements[0].value < 60);
	fnd_context_run(&c, returns, &bad, NULL);
	AWAIT(atomic_load(&s.n) == 2);
	assert_string_equal(s.pairs[2].value, "error");
	assert_int_equal(counted("foundation.errors.external.timeout", "4301"),
			 1);
	assert_int_equal(counted(DURATION, "ok"), 1);
	assert_int_equal(counted(DURATION, "error"), 1);
	assert_int_equal(fnd_telemetry_detach("h", LONG), 0);
	fnd_telemetry_reset();
}

/* All but the events: they are figures, which are made when first counted. */
static void nothing_is_allocated(void **state)
{
	struct fnd_context outer, inner;
	struct fnd_error e;
	char buf[64];

	(void)state;
	fail_nth(1);
	fnd_context_init(&outer, SPEC_OF("m", "outer"));
	fnd_context_init(&inner, SPEC_OF("m", "inner", .parent = &outer));
	fnd_context_step(&inner, "m", "o");
	fnd_context_add(&inner, "k", "v");
	fnd_error_of_errno(FND_AREA_ANY, -EIO, &e);
	fnd_context_enrich(&inner, &e);
	fnd_error_add(&e, "k2", "v");
	fnd_error_format(&e, buf, sizeof(buf));
	fnd_context_format(&inner, buf, sizeof(buf));
	assert_false(fail_no_more());
	assert_int_equal(e.n_pairs, 2);
}

static void without_memory_the_result_is_the_same(void **state)
{
	bool failed = true;
	struct fnd_context c;
	struct fnd_error e;
	int result = -EIO;
	unsigned int n;

	(void)state;
	assert_int_equal(fnd_context_init(&c, SPEC_OF("m", "o")), 0);
	for (n = 1; failed; n++) {
		fnd_telemetry_reset();
		fail_nth(n);
		assert_int_equal(fnd_context_run(&c, returns, &result, &e),
				 -EIO);
		failed = fail_no_more();
		assert_int_equal(e.code, FND_ERROR_DEPENDENCY_FAILED);
		assert_string_equal(sup_error(), "Input/output error");
		assert_true(e.emitted || failed);
	}
	assert_true(n > 2);
	fnd_telemetry_reset();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_context_begins_with),
		cmocka_unit_test(a_correlation_and_pairs_of_the_callers),
		cmocka_unit_test(bad_contexts),
		cmocka_unit_test(steps_are_bounded),
		cmocka_unit_test(steps_in_one_line),
		cmocka_unit_test(what_goes_well_is_passed_on),
		cmocka_unit_test(what_fails_says_where),
		cmocka_unit_test(an_old_sentence_is_not_told),
		cmocka_unit_test(its_own_error_is_kept),
		FEW_CASE(what_is_executed),
		cmocka_unit_test(nothing_is_allocated),
		cmocka_unit_test(without_memory_the_result_is_the_same),
	};

	return RUN_TESTS(tests);
}
