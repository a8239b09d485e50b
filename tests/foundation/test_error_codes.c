/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of errors: every row, which an errno and a reason are, delays. */
#include "handlers.h"

#include <limits.h>

#define LOW FND_SEVERITY_LOW
#define MEDIUM FND_SEVERITY_MEDIUM
#define HIGH FND_SEVERITY_HIGH
#define CRITICAL FND_SEVERITY_CRITICAL
#define NONE FND_RETRY_NONE
#define AT_ONCE FND_RETRY_IMMEDIATE
#define FIXED FND_RETRY_FIXED
#define GROWING FND_RETRY_EXPONENTIAL

static const struct fnd_error_code expected[] = {
	{ 1000, "security_violation", "config", "security", HIGH, NONE, 0 },
	{ 1001, "validation_failed", "config", "validation", MEDIUM, NONE, 0 },
	{ 1002, "invalid_config_value", "config", "validation", MEDIUM, NONE,
	  0 },
	{ 1003, "constraint_violation", "config", "validation", HIGH, NONE, 0 },
	{ 1004, "range_error", "config", "validation", HIGH, NONE, 0 },
	{ 1005, "security_violation", "config", "security", HIGH, NONE, 0 },
	{ 1101, "invalid_config_structure", "config", "structure", HIGH, NONE,
	  0 },
	{ 1102, "missing_required_field", "config", "structure", HIGH, NONE,
	  0 },
	{ 1201, "invalid_config_value", "config", "validation", MEDIUM, NONE,
	  0 },
	{ 1202, "constraint_violation", "config", "validation", MEDIUM, NONE,
	  0 },
	{ 1203, "range_error", "config", "validation", LOW, NONE, 0 },
	{ 1301, "config_not_found", "config", "access", HIGH, NONE, 0 },
	{ 1401, "config_update_forbidden", "config", "runtime", MEDIUM, NONE,
	  0 },
	{ 2001, "validation_failed", "data", "validation", HIGH, NONE, 0 },
	{ 2002, "type_mismatch", "data", "validation", MEDIUM, NONE, 0 },
	{ 2003, "data_too_large", "data", "validation", HIGH, NONE, 0 },
	{ 2004, "invalid_event_type", "data", "validation", MEDIUM, NONE, 0 },
	{ 2005, "invalid_argument", "data", "validation", HIGH, NONE, 0 },
	{ 2101, "initialization_failed", "system", "initialization", CRITICAL,
	  NONE, 0 },
	{ 2102, "service_unavailable", "system", "initialization", HIGH,
	  AT_ONCE, 0 },
	{ 2201, "resource_exhausted", "system", "resources", HIGH, AT_ONCE,
	  0 },
	{ 2301, "dependency_failed", "system", "dependencies", HIGH, AT_ONCE,
	  0 },
	{ 2401, "internal_error", "system", "runtime", CRITICAL, NONE, 0 },
	{ 3000, "service_unavailable", "system", "availability", HIGH, AT_ONCE,
	  0 },
	{ 3001, "not_found", "data", "retrieval", LOW, NONE, 0 },
	{ 3002, "operation_forbidden", "security", "authorization", HIGH, NONE,
	  0 },
	{ 3101, "serialization_failed", "data", "serialization", MEDIUM, NONE,
	  0 },
	{ 3102, "deserialization_failed", "data", "serialization", MEDIUM,
	  NONE, 0 },
	{ 3201, "type_mismatch", "data", "validation", LOW, NONE, 0 },
	{ 3202, "format_error", "data", "validation", LOW, NONE, 0 },
	{ 3203, "validation_failed", "data", "validation", MEDIUM, NONE, 0 },
	{ 3204, "invalid_input", "data", "validation", LOW, NONE, 0 },
	{ 3301, "data_corruption", "data", "corruption", CRITICAL, NONE, 0 },
	{ 3401, "data_not_found", "data", "not_found", LOW, NONE, 0 },
	{ 4001, "operation_not_supported", "security", "access_control",
	  MEDIUM, NONE, 0 },
	{ 4101, "network_error", "external", "network", MEDIUM, GROWING, 0 },
	{ 4201, "external_service_error", "external", "service", MEDIUM, FIXED,
	  0 },
	{ 4301, "timeout", "external", "timeout", MEDIUM, GROWING, 0 },
	{ 4401, "authentication_failed", "external", "auth", HIGH, NONE, 0 },
	{ 5000, "service_unavailable", "system", "initialization", HIGH,
	  AT_ONCE, 0 },
	{ 5001, "service_not_found", "system", "discovery", MEDIUM, FIXED, 0 },
	{ 5002, "operation_forbidden", "security", "authorization", HIGH, NONE,
	  0 },
	{ 5003, "protected_operation_failed", "service", "runtime", MEDIUM,
	  FIXED, 0 },
	{ 5004, "circuit_breaker_blown", "service", "availability", MEDIUM,
	  FIXED, 0 },
	{ 5005, "circuit_breaker_not_found", "service", "registration", HIGH,
	  NONE, 0 },
	{ 5006, "circuit_breaker_exception", "service", "runtime", CRITICAL,
	  NONE, 0 },
	{ 5007, "circuit_breaker_not_found", "service", "registration", MEDIUM,
	  NONE, 0 },
	{ 5008, "circuit_breaker_exception", "service", "runtime", MEDIUM,
	  NONE, 0 },
	{ 5009, "invalid_input", "service", "validation", MEDIUM, NONE, 0 },
	{ 5010, "invalid_input", "service", "validation", MEDIUM, NONE, 0 },
	{ 5011, "invalid_input", "service", "validation", MEDIUM, NONE, 0 },
	{ 5012, "protected_operation_failed", "service", "runtime", MEDIUM,
	  FIXED, 0 },
	{ 5013, "circuit_breaker_not_found", "service", "registration", MEDIUM,
	  NONE, 0 },
	{ 5014, "circuit_breaker_exception", "service", "runtime", MEDIUM,
	  NONE, 0 },
	{ 6001, "rate_limit_exceeded", "rate", "limit", MEDIUM, FIXED, 0 },
	{ 6003, "rate_limiter_exception", "rate", "runtime", CRITICAL, NONE,
	  0 },
	{ 6007, "rate_limiter_exception", "rate", "runtime", MEDIUM, FIXED,
	  0 },
	{ 6008, "rate_limited_operation_failed", "rate", "runtime", MEDIUM,
	  FIXED, 0 },
	{ 7002, "operation_forbidden", "security", "authorization", HIGH, NONE,
	  0 },
	{ 9999, "unknown", "unknown", "unknown", MEDIUM, FIXED, 0 },
};

static void check_row(const struct fnd_error_code *got,
		      const struct fnd_error_code *want)
{
	assert_int_equal(got->code, want->code);
	assert_string_equal(got->name, want->name);
	assert_string_equal(got->category, want->category);
	assert_string_equal(got->subcategory, want->subcategory);
	assert_int_equal(got->severity, want->severity);
	assert_int_equal(got->retry, want->retry);
	assert_true(got->text && *got->text);
	assert_ptr_equal(fnd_error_find(want->code), got);
	assert_string_equal(fnd_error_find_named(want->name)->name,
			    want->name);
}

static void every_number_has_its_row(void **state)
{
	const struct fnd_error_code *rows;
	size_t i, n;

	(void)state;
	rows = fnd_error_codes(&n);
	assert_int_equal(n, N_OF(expected));
	for (i = 0; i < n; i++)
		check_row(&rows[i], &expected[i]);
	assert_int_equal(fnd_error_find(0)->code, FND_ERROR_UNKNOWN);
	assert_int_equal(fnd_error_find(1006)->code, FND_ERROR_UNKNOWN);
	assert_int_equal(fnd_error_find(UINT_MAX)->code, FND_ERROR_UNKNOWN);
}

/* What upstream makes of a name alone; the lowest of services' own. */
static void a_name_has_one_number(void **state)
{
	static const struct {
		const char *name;
		unsigned int code;
	} names[] = {
		{ "range_error", 1203 }, { "invalid_config_value", 1201 },
		{ "constraint_violation", 1202 }, { "validation_failed", 3203 },
		{ "type_mismatch", 3201 }, { "invalid_input", 3204 },
		{ "service_unavailable", 2102 }, { "security_violation", 1000 },
		{ "operation_forbidden", 3002 }, { "not_found", 3001 },
		{ "circuit_breaker_not_found", 5005 }, { "timeout", 4301 },
		{ "nothing_like_that", 9999 }, { "", 9999 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(names); i++)
		assert_int_equal(fnd_error_find_named(names[i].name)->code,
				 names[i].code);
	assert_int_equal(fnd_error_find_named(NULL)->code, 9999);
	assert_string_equal(fnd_severity_name(LOW), "low");
	assert_string_equal(fnd_severity_name(CRITICAL), "critical");
	assert_null(fnd_severity_name(CRITICAL + 1));
	assert_string_equal(fnd_retry_name(NONE), "none");
	assert_string_equal(fnd_retry_name(GROWING), "exponential");
	assert_null(fnd_retry_name(-1));
}

static void an_errno_has_a_number_in_each_area(void **state)
{
	static const struct {
		enum fnd_error_area area;
		int error;
		unsigned int code;
	} rows[] = {
		{ FND_AREA_CONFIG, -EINVAL, 1002 },
		{ FND_AREA_CONFIG, -ERANGE, 1004 },
		{ FND_AREA_CONFIG, -EILSEQ, 1001 },
		{ FND_AREA_CONFIG, -EMSGSIZE, 1005 },
		{ FND_AREA_CONFIG, -ENAMETOOLONG, 1000 },
		{ FND_AREA_CONFIG, -ENOENT, 1301 },
		{ FND_AREA_CONFIG, -EPERM, 1401 },
		{ FND_AREA_CONFIG, -EPIPE, 5000 },
		{ FND_AREA_CONFIG, -ENOTCONN, 5000 },
		{ FND_AREA_CONFIG, -ETIMEDOUT, 4301 },
		{ FND_AREA_EVENTS, -EINVAL, 2001 },
		{ FND_AREA_EVENTS, -EMSGSIZE, 2003 },
		{ FND_AREA_EVENTS, -E2BIG, 2005 },
		{ FND_AREA_EVENTS, -ENOENT, 3001 },
		{ FND_AREA_EVENTS, -EBADMSG, 3301 },
		{ FND_AREA_EVENTS, -ENOTCONN, 3000 },
		{ FND_AREA_EVENTS, -EOPNOTSUPP, 4001 },
		{ FND_AREA_SERVICES, -ENOENT, 5001 },
		{ FND_AREA_SERVICES, -ESRCH, 5001 },
		{ FND_AREA_SERVICES, -EAGAIN, 2102 },
		{ FND_AREA_PROTECTION, -EDQUOT, 6001 },
		{ FND_AREA_PROTECTION, -ECONNREFUSED, 5004 },
		{ FND_AREA_PROTECTION, -ENOENT, 5005 },
		{ FND_AREA_PROTECTION, -EINVAL, 5009 },
		{ FND_AREA_ANY, -EINVAL, 3204 },
		{ FND_AREA_ANY, -ENOMEM, 2201 },
		{ FND_AREA_ANY, -EIO, 2301 }, { FND_AREA_ANY, -EDEADLK, 2401 },
		{ FND_AREA_ANY, -ENOENT, 3401 }, { FND_AREA_ANY, -EPERM, 5002 },
		{ FND_AREA_ANY, -ENOKEY, 4401 }, { FND_AREA_ANY, -EPIPE, 2102 },
		{ FND_AREA_ANY, -EDQUOT, 2201 },
		{ FND_AREA_ANY, -ECONNREFUSED, 4101 },
		{ FND_AREA_ANY, -EREMOTEIO, 4201 },
		{ FND_AREA_ANY, -ENOSYS, 4001 }, { FND_AREA_ANY, 0, 9999 },
		{ FND_AREA_ANY, EINVAL, 9999 }, { FND_AREA_ANY, -4000, 9999 },
		{ FND_AREA_ANY, INT_MIN, 9999 }, { 99, -ENOENT, 3401 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(rows); i++)
		assert_int_equal(fnd_error_number(rows[i].area, rows[i].error),
				 rows[i].code);
}

static void check_reason(struct sup_reason reason, unsigned int code)
{
	struct fnd_error e;
	char text[256];

	assert_true(fnd_error_of_reason(&reason, &e));
	assert_int_equal(e.code, code);
	assert_string_equal(e.message, sup_reason_format(&reason, text,
							 sizeof(text)));
	assert_int_equal(e.error, reason.code < 0 ? reason.code : 0);
}

#define REASON(...) ((struct sup_reason){ __VA_ARGS__ })

static void a_reason_has_a_number(void **state)
{
	struct fnd_error e = { .code = 7 };

	(void)state;
	assert_false(fnd_error_of_reason(&SUP_NORMAL, &e));
	assert_false(fnd_error_of_reason(&SUP_SHUTDOWN, &e));
	assert_int_equal(e.code, 7);
	check_reason(REASON(.kind = SUP_REASON_KILLED), 2102);
	check_reason(REASON(.kind = SUP_REASON_EXIT, .code = 3), 4201);
	check_reason(REASON(.kind = SUP_REASON_EXIT, .code = -ENOSPC), 2201);
	check_reason(REASON(.kind = SUP_REASON_SIGNAL, .signo = SIGSEGV), 2401);
	check_reason(REASON(.kind = SUP_REASON_SIGNAL, .signo = SIGKILL,
			    .oom = true), 2201);
	check_reason(REASON(.kind = SUP_REASON_NOPROC), 5001);
	check_reason(REASON(.kind = SUP_REASON_LOST), 2301);
	check_reason(REASON(.kind = SUP_REASON_WATCHDOG, .signo = SIGABRT),
		     4301);
}

static void delays_are_exact(void **state)
{
	static const int64_t ms[] = {
		1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000,
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < N_OF(ms); i++)
		assert_int_equal(fnd_retry_ms(GROWING, i), ms[i]);
	for (i = 8; i; i <<= 1)
		assert_int_equal(fnd_retry_ms(GROWING, i), 30000);
	assert_int_equal(fnd_retry_ms(GROWING, UINT_MAX), 30000);
	assert_int_equal(fnd_retry_ms(FIXED, 0), 1000);
	assert_int_equal(fnd_retry_ms(FIXED, UINT_MAX), 1000);
	assert_int_equal(fnd_retry_ms(AT_ONCE, 5), 0);
	assert_int_equal(fnd_retry_ms(NONE, 0), -1);
	assert_int_equal(fnd_retry_ms(77, 0), -1);
}

/* The time is that of the call, and the delay to the nanosecond. */
static void each_number_can_be_executed(void **state)
{
	const struct fnd_error_code *rows;
	char name[128], code[16];
	struct fnd_error e;
	size_t i, n;

	(void)state;
	fnd_telemetry_reset();
	rows = fnd_error_codes(&n);
	for (i = 0; i < n; i++) {
		fnd_error_set(&e, rows[i].code, NULL);
		assert_int_equal(fnd_error_emit(&e), 0);
		assert_int_equal(fnd_error_emit(&e), 0);
		snprintf(name, sizeof(name), "foundation.errors.%s.%s",
			 rows[i].category, rows[i].subcategory);
		snprintf(code, sizeof(code), "%u", rows[i].code);
		assert_int_equal(counted(name, code), 1);
		assert_int_equal(counted("foundation.errors", code), 1);
		assert_true(counted(name, rows[i].name) >= 1);
		assert_true(counted(name, fnd_severity_name(rows[i].severity))
			    >= 1);
	}
	fnd_telemetry_reset();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_has_its_row),
		cmocka_unit_test(a_name_has_one_number),
		cmocka_unit_test(an_errno_has_a_number_in_each_area),
		cmocka_unit_test(a_reason_has_a_number),
		cmocka_unit_test(delays_are_exact),
		cmocka_unit_test(each_number_can_be_executed),
	};

	return RUN_TESTS(tests);
}
