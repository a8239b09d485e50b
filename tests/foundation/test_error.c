/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors: what they hold, when to try again, and those of the services. */
#include "config.h"

#include <limits.h>

#include "handlers.h"

#define NS_PER_MS INT64_C(1000000)

static void check_retry(const struct fnd_error *e, unsigned int nth,
			int64_t delay)
{
	int64_t before = sup_deadline_ms(0), after, at = 0;

	assert_int_equal(fnd_error_retry_at(e, nth, SUP_FOREVER, &at), 0);
	after = sup_deadline_ms(0);
	assert_true(at - delay >= before && at - delay <= after);
}

static void whether_and_when_to_try_again(void **state)
{
	struct fnd_error e;
	int64_t at = 5;

	(void)state;
	fnd_error_set(&e, FND_ERROR_TIMEOUT, NULL);
	check_retry(&e, 0, 1000 * NS_PER_MS);
	check_retry(&e, 3, 8000 * NS_PER_MS);
	check_retry(&e, UINT_MAX, 30000 * NS_PER_MS);
	e.retry_ns = 2500 * NS_PER_MS;
	check_retry(&e, 0, 2500 * NS_PER_MS);
	check_retry(&e, 3, 8000 * NS_PER_MS);
	fnd_error_set(&e, FND_ERROR_RESOURCE_EXHAUSTED, NULL);
	check_retry(&e, 9, 0);
	fnd_error_set(&e, FND_ERROR_RATE_LIMIT_EXCEEDED, NULL);
	check_retry(&e, 9, 1000 * NS_PER_MS);
	assert_int_equal(fnd_error_retry_at(&e, 0, sup_deadline_ms(999), &at),
			 -ETIMEDOUT);
	assert_int_equal(fnd_error_retry_at(&e, 0, SUP_TRY, &at), -ETIMEDOUT);
	e.retry_ns = INT64_MAX;
	assert_int_equal(fnd_error_retry_at(&e, 0, SUP_FOREVER, &at),
			 -ETIMEDOUT);
	e.retry_ns = -1;
	assert_int_equal(fnd_error_retry_at(&e, 0, SUP_FOREVER, &at),
			 -ECANCELED);
	fnd_error_set(&e, FND_ERROR_RANGE_ERROR, NULL);
	assert_int_equal(fnd_error_retry_at(&e, 0, SUP_FOREVER, &at),
			 -ECANCELED);
	assert_int_equal(at, 5);
	e.retry_ns = 0;
	fnd_error_set(&e, FND_ERROR_TIMEOUT, NULL);
	assert_int_equal(fnd_error_retry_at(&e, 0, LONG, &at), 0);
}

static void what_an_error_holds(void **state)
{
	struct fnd_error e;
	struct timespec now;
	char text[600];

	(void)state;
	clock_gettime(CLOCK_REALTIME, &now);
	fnd_error_set(&e, FND_ERROR_NETWORK_ERROR, "no route");
	assert_int_equal(e.code, 4101);
	assert_string_equal(e.message, "no route");
	assert_in_range(e.time / 1000000000, now.tv_sec, now.tv_sec + 60);
	assert_int_equal(e.pid.v, 0);
	assert_int_equal(e.error, 0);
	assert_int_equal(e.n_pairs + e.operation_id + e.emitted, 0);
	fnd_error_set(&e, 4444, NULL);
	assert_int_equal(e.code, FND_ERROR_UNKNOWN);
	assert_string_equal(e.message, fnd_error_find(4444)->text);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	fnd_error_set(&e, 4101, text);
	assert_int_equal(strlen(e.message), FND_ERROR_MESSAGE_MAX);
	assert_string_equal(e.message + FND_ERROR_MESSAGE_MAX - 4, "x...");
	text[FND_ERROR_MESSAGE_MAX] = '\0';
	fnd_error_set(&e, 4101, text);
	assert_string_equal(e.message, text);
}

static void an_errno_brings_its_sentence(void **state)
{
	struct fnd_error e;
	struct fnd_clock *c;

	(void)state;
	assert_int_equal(fnd_clock_new(&c), 0);
	fnd_error_of_errno(FND_AREA_ANY, fnd_clock_increment(c, ""), &e);
	fnd_clock_free(c);
	assert_int_equal(e.code, 3204);
	assert_int_equal(e.error, -EINVAL);
	assert_string_equal(e.message, "node: it is empty");
	sup_set_error(0, "%s", "");
	fnd_error_of_errno(FND_AREA_CONFIG, -ENOENT, &e);
	assert_int_equal(e.code, 1301);
	assert_string_equal(e.message, "No such file or directory");
	fnd_error_of_errno(FND_AREA_ANY, INT_MIN, &e);
	assert_int_equal(e.code, FND_ERROR_UNKNOWN);
	assert_string_equal(e.message, fnd_error_find(9999)->text);
}

static void pairs_are_bounded(void **state)
{
	char key[FND_ERROR_KEY_MAX + 2], value[200];
	struct fnd_error e;
	int i;

	(void)state;
	fnd_error_set(&e, 2001, NULL);
	assert_int_equal(fnd_error_add(&e, "limit", "5"), 0);
	assert_int_equal(fnd_error_add(&e, "limit", "6"), 0);
	assert_int_equal(e.n_pairs, 1);
	assert_string_equal(fnd_error_get(&e, "limit"), "6");
	assert_null(fnd_error_get(&e, "other"));
	assert_int_equal(fnd_error_add(&e, "", "5"), -EINVAL);
	assert_int_equal(fnd_error_add(&e, NULL, "5"), -EINVAL);
	assert_int_equal(fnd_error_add(&e, "k", NULL), -EINVAL);
	memset(key, 'k', sizeof(key));
	key[sizeof(key) - 1] = '\0';
	assert_int_equal(fnd_error_add(&e, key, "v"), -ENAMETOOLONG);
	assert_int_equal(fnd_error_add(&e, key + 1, "v"), 0);
	/* The 92nd byte is the second one of a character. */
	memset(value, 'v', sizeof(value));
	strcpy(value + 91, "\xc3\xa4\xc3\xa4\xc3\xa4");
	assert_int_equal(fnd_error_add(&e, "long", value), 0);
	value[91] = '\0';
	assert_memory_equal(fnd_error_get(&e, "long"), value, 91);
	assert_string_equal(fnd_error_get(&e, "long") + 91, "...");
	for (i = e.n_pairs; i < FND_ERROR_PAIRS_MAX; i++)
		assert_int_equal(fnd_error_add(&e, (char[]){ 'a' + i, 0 }, ""),
				 0);
	assert_int_equal(fnd_error_add(&e, "more", "v"), -ENOSPC);
	assert_int_equal(fnd_error_add(&e, "limit", "7"), 0);
	assert_string_equal(fnd_error_get(&e, "limit"), "7");
	assert_int_equal(fnd_error_wrap(&e, 4201, NULL), -ENOSPC);
}

static void a_wrapped_error_stays_what_it_is(void **state)
{
	struct fnd_error e;

	(void)state;
	fnd_error_set(&e, FND_ERROR_TIMEOUT, "no answer");
	assert_int_equal(fnd_error_wrap(&e, FND_ERROR_DEPENDENCY_FAILED, NULL),
			 0);
	assert_null(fnd_error_get(&e, "wrapper_message"));
	assert_int_equal(fnd_error_wrap(&e, FND_ERROR_EXTERNAL_SERVICE_ERROR,
					"the bank"), 0);
	assert_int_equal(e.code, FND_ERROR_TIMEOUT);
	assert_string_equal(e.message, "no answer");
	assert_string_equal(fnd_error_get(&e, "wrapped_by"),
			    "external_service_error");
	assert_string_equal(fnd_error_get(&e, "wrapper_message"), "the bank");
}

#define LINE "[1004:range_error] it is? 2 | path=a.b, by=us | severity high, " \
	"config/validation, retry none | correlation c-1 | shop.order after " \
	"1.5 ms: shop.order -> db.insert"

static void an_error_in_one_line(void **state)
{
	struct fnd_error e;
	char buf[512];
	size_t len;

	(void)state;
	fnd_error_set(&e, FND_ERROR_CONFIG_RANGE_ERROR, "it is\n 2");
	fnd_error_add(&e, "path", "a.b");
	fnd_error_add(&e, "by", "us");
	strcpy(e.correlation, "c-1");
	e.operation_id = 3;
	strcpy(e.module, "shop");
	strcpy(e.operation, "order");
	e.duration_ns = 1500000;
	e.n_crumbs = 2;
	e.crumbs[0] = (struct fnd_breadcrumb){ "shop", "order", 1 };
	e.crumbs[1] = (struct fnd_breadcrumb){ "db", "insert", 2 };
	assert_ptr_equal(fnd_error_format(&e, buf, sizeof(buf)), buf);
	assert_string_equal(buf, LINE);
	for (len = 1; len <= sizeof(LINE); len++) {
		memset(buf, '#', sizeof(buf));
		fnd_error_format(&e, buf, len);
		assert_int_equal(strlen(buf), len - 1);
		assert_memory_equal(buf, LINE, len - 1);
		assert_int_equal(buf[len], '#');
	}
	buf[0] = '#';
	fnd_error_format(&e, buf, 0);
	assert_int_equal(buf[0], '#');
	fnd_error_set(&e, FND_ERROR_TIMEOUT, "late");
	assert_string_equal(fnd_error_format(&e, buf, sizeof(buf)),
			    "[4301:timeout] late | severity medium, "
			    "external/timeout, retry exponential");
}

#define RATE "ai.planning.sampling_rate"
#define OF_CONFIG(...) fnd_error_number(FND_AREA_CONFIG, fnd_config_update( \
	&(struct fnd_config_setting){ __VA_ARGS__ }, LONG))

/* Check 3: the numbers that upstream answers with. */
static void check_3_errors_of_the_configuration(void **state)
{
	const struct fnd_config_options options = {
		.size = sizeof(options), .schema = schema, .n = N_OF(schema),
	};

	(void)state;
	assert_int_equal(start_config(&options), 0);
	assert_int_equal(OF_CONFIG(RATE, FND_REAL(2)), 1004);
	assert_int_equal(OF_CONFIG(RATE, FND_BOOLEAN(true)), 1002);
	assert_int_equal(OF_CONFIG("ai.provider", FND_STRING("other")), 1401);
	assert_int_equal(OF_CONFIG("ai.nothing", FND_REAL(0)), 1301);
	stop_config();
	assert_int_equal(OF_CONFIG(RATE, FND_REAL(1)), 5000);
}

/* Check 4, and its store that does not run. */
static void check_4_errors_of_events(void **state)
{
	struct fnd_event *event;
	uint64_t id;

	(void)state;
	assert_int_equal(fnd_error_number(FND_AREA_EVENTS, fnd_event_store(
			&(struct fnd_event){ .type = "" }, &id, LONG)), 2001);
	assert_int_equal(fnd_error_number(FND_AREA_EVENTS, fnd_event_get(
			4711, &event, LONG)), 3001);
}

static int returns_io(void *arg)
{
	(void)arg;
	return -EIO;
}

/* Checks 5 and 6: when to ask again is what the limiter has said. */
static void checks_5_and_6_errors_of_protection(void **state)
{
	const struct fnd_rate never = { FND_RATE_FIXED_WINDOW, 0, 1000 };
	const struct fnd_rate one = { FND_RATE_SLIDING_WINDOW, 1, 60000 };
	const struct fnd_breaker_options o = {
		.size = sizeof(o), .tolerance = FND_BREAKER_NONE,
	};
	int64_t retry_ns, at;
	struct fnd_error e;
	int result;

	(void)state;
	fnd_error_of_errno(FND_AREA_PROTECTION,
			   fnd_rate_check("e", "op", &never, &retry_ns), &e);
	assert_int_equal(e.code, 6001);
	e.retry_ns = retry_ns;
	assert_int_equal(fnd_error_retry_at(&e, 0, SUP_FOREVER, &at),
			 -ECANCELED);
	assert_int_equal(fnd_rate_check("e", "one", &one, NULL), 0);
	fnd_error_of_errno(FND_AREA_PROTECTION,
			   fnd_rate_check("e", "one", &one, &retry_ns), &e);
	e.retry_ns = retry_ns;
	assert_in_range(retry_ns, 1, 60000 * NS_PER_MS);
	check_retry(&e, 0, retry_ns);
	assert_int_equal(fnd_rate_reset("e", "one"), 0);
	assert_int_equal(fnd_breaker_run("b", returns_io, NULL, &result),
			 -ENOENT);
	assert_int_equal(fnd_error_number(FND_AREA_PROTECTION, -ENOENT), 5005);
	assert_int_equal(fnd_breaker_open("b", &o), 0);
	assert_int_equal(fnd_breaker_run("b", returns_io, NULL, &result), 0);
	fnd_error_of_errno(FND_AREA_PROTECTION,
			   fnd_breaker_run("b", returns_io, NULL, &result), &e);
	assert_int_equal(e.code, 5004);
	assert_string_equal(e.message, "the breaker \"b\" is open");
	assert_int_equal(fnd_breaker_close("b"), 0);
}

/* What is refused before it is called is counted by its number. */
static int is_not_called(const struct fnd_lease *lease, void *arg)
{
	(void)lease;
	(void)arg;
	return 0;
}

static void what_is_refused_is_counted(void **state)
{
	const struct fnd_rate never = { FND_RATE_SLIDING_WINDOW, 0, 1000 };
	const struct fnd_breaker_options o = {
		.size = sizeof(o), .tolerance = FND_BREAKER_NONE,
	};
	struct fnd_protection p = {
		.size = sizeof(p), .rate = &never, .entity = "e",
		.operation = "op",
	};
	int result;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(fnd_protected_run(&p, is_not_called, NULL, &result),
			 -EDQUOT);
	assert_non_null(strstr(sup_error(), "op"));
	assert_int_equal(counted("foundation.errors.rate.limit", "6001"), 1);
	p.rate = NULL;
	p.breaker = "b";
	assert_int_equal(fnd_protected_run(&p, is_not_called, NULL, &result),
			 -ENOENT);
	assert_int_equal(counted("foundation.errors", "5005"), 1);
	assert_int_equal(fnd_breaker_open("b", &o), 0);
	assert_int_equal(fnd_protected_run(&p, is_not_called, NULL, &result),
			 0);
	assert_int_equal(fnd_breaker_run("b", returns_io, NULL, &result), 0);
	assert_int_equal(fnd_protected_run(&p, is_not_called, NULL, &result),
			 -ECONNREFUSED);
	assert_string_equal(sup_error(), "the breaker \"b\" is open");
	assert_int_equal(counted("foundation.errors.service", "5004"), 1);
	p.breaker = NULL;
	p.pool = "nowhere";
	assert_int_equal(fnd_protected_run(&p, is_not_called, NULL, &result),
			 -EPERM);
	assert_int_equal(counted("foundation.errors", "5002"), 1);
	assert_int_equal(fnd_breaker_close("b"), 0);
	fnd_telemetry_reset();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whether_and_when_to_try_again),
		cmocka_unit_test(what_an_error_holds),
		cmocka_unit_test(an_errno_brings_its_sentence),
		cmocka_unit_test(pairs_are_bounded),
		cmocka_unit_test(a_wrapped_error_stays_what_it_is),
		cmocka_unit_test(an_error_in_one_line),
		CASE(check_3_errors_of_the_configuration),
		SERVICE_CASE(check_4_errors_of_events),
		cmocka_unit_test(checks_5_and_6_errors_of_protection),
		cmocka_unit_test(what_is_refused_is_counted),
	};

	return RUN_TESTS(tests);
}
