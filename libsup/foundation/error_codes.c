/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Numbers of errors in a table, by number, and which of them an errno is, in
 * another. Names that have several numbers are those of upstream's general
 * table, and of services that have numbers of their own.
 */
#include <foundation/error_codes.h>

#include <errno.h>
#include <string.h>

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

#define DELAY_MS 1000
#define DELAY_MAX_MS 30000

#define ROW(number, name, severity, category, subcategory, retry, text) { \
	FND_ERROR_##number, name, category, subcategory, \
	FND_SEVERITY_##severity, FND_RETRY_##retry, text }

static const struct fnd_error_code codes[] = {
	ROW(CONFIG_PATH_REFUSED, "security_violation", HIGH, "config",
	    "security", NONE, "a path of the configuration is not acceptable"),
	ROW(CONFIG_VALIDATION_FAILED, "validation_failed", MEDIUM, "config",
	    "validation", NONE, "a setting has failed its validation"),
	ROW(CONFIG_INVALID_VALUE, "invalid_config_value", MEDIUM, "config",
	    "validation", NONE, "a setting cannot have such a value"),
	ROW(CONFIG_CONSTRAINT_VIOLATION, "constraint_violation", HIGH,
	    "config", "validation", NONE, "a setting violates a constraint"),
	ROW(CONFIG_RANGE_ERROR, "range_error", HIGH, "config", "validation",
	    NONE, "a setting is out of its bounds"),
	ROW(CONFIG_VALUE_REFUSED, "security_violation", HIGH, "config",
	    "security", NONE, "a value of the configuration is not acceptable"),
	ROW(INVALID_CONFIG_STRUCTURE, "invalid_config_structure", HIGH,
	    "config", "structure", NONE,
	    "the configuration has not the form it should have"),
	ROW(MISSING_REQUIRED_FIELD, "missing_required_field", HIGH, "config",
	    "structure", NONE, "the configuration lacks what it must have"),
	ROW(INVALID_CONFIG_VALUE, "invalid_config_value", MEDIUM, "config",
	    "validation", NONE, "a configured value is not valid"),
	ROW(CONSTRAINT_VIOLATION, "constraint_violation", MEDIUM, "config",
	    "validation", NONE, "a configured value violates a constraint"),
	ROW(RANGE_ERROR, "range_error", LOW, "config", "validation", NONE,
	    "a configured value is out of its bounds"),
	ROW(CONFIG_NOT_FOUND, "config_not_found", HIGH, "config", "access",
	    NONE, "there is no such setting"),
	ROW(CONFIG_UPDATE_FORBIDDEN, "config_update_forbidden", MEDIUM,
	    "config", "runtime", NONE, "a setting may not be updated"),

	ROW(EVENT_VALIDATION_FAILED, "validation_failed", HIGH, "data",
	    "validation", NONE, "an event has failed its validation"),
	ROW(EVENT_TYPE_MISMATCH, "type_mismatch", MEDIUM, "data",
	    "validation", NONE, "a member of an event is of another type"),
	ROW(DATA_TOO_LARGE, "data_too_large", HIGH, "data", "validation",
	    NONE, "there are more data than are taken"),
	ROW(INVALID_EVENT_TYPE, "invalid_event_type", MEDIUM, "data",
	    "validation", NONE, "that is no type of an event"),
	ROW(EVENT_INVALID_ARGUMENT, "invalid_argument", HIGH, "data",
	    "validation", NONE, "a call about events has a wrong argument"),
	ROW(INITIALIZATION_FAILED, "initialization_failed", CRITICAL,
	    "system", "initialization", NONE, "the system could not start"),
	ROW(SERVICE_UNAVAILABLE, "service_unavailable", HIGH, "system",
	    "initialization", IMMEDIATE, "a service that is needed is away"),
	ROW(RESOURCE_EXHAUSTED, "resource_exhausted", HIGH, "system",
	    "resources", IMMEDIATE, "nothing is left of a resource"),
	ROW(DEPENDENCY_FAILED, "dependency_failed", HIGH, "system",
	    "dependencies", IMMEDIATE, "what is depended on has failed"),
	ROW(INTERNAL_ERROR, "internal_error", CRITICAL, "system", "runtime",
	    NONE, "something has failed within"),

	ROW(EVENTS_UNAVAILABLE, "service_unavailable", HIGH, "system",
	    "availability", IMMEDIATE, "the store of events is away"),
	ROW(NOT_FOUND, "not_found", LOW, "data", "retrieval", NONE,
	    "there is no such event"),
	ROW(EVENTS_FORBIDDEN, "operation_forbidden", HIGH, "security",
	    "authorization", NONE, "that may not be done with events"),
	ROW(SERIALIZATION_FAILED, "serialization_failed", MEDIUM, "data",
	    "serialization", NONE, "data could not be written"),
	ROW(DESERIALIZATION_FAILED, "deserialization_failed", MEDIUM, "data",
	    "serialization", NONE, "data could not be read"),
	ROW(TYPE_MISMATCH, "type_mismatch", LOW, "data", "validation", NONE,
	    "data are of another type"),
	ROW(FORMAT_ERROR, "format_error", LOW, "data", "validation", NONE,
	    "data have not the form they should have"),
	ROW(VALIDATION_FAILED, "validation_failed", MEDIUM, "data",
	    "validation", NONE, "data have failed their validation"),
	ROW(INVALID_INPUT, "invalid_input", LOW, "data", "validation", NONE,
	    "what was given is not valid"),
	ROW(DATA_CORRUPTION, "data_corruption", CRITICAL, "data",
	    "corruption", NONE, "data are damaged"),
	ROW(DATA_NOT_FOUND, "data_not_found", LOW, "data", "not_found", NONE,
	    "there are no such data"),

	ROW(NOT_SUPPORTED, "operation_not_supported", MEDIUM, "security",
	    "access_control", NONE, "that cannot be done here"),
	ROW(NETWORK_ERROR, "network_error", MEDIUM, "external", "network",
	    EXPONENTIAL, "the network has failed"),
	ROW(EXTERNAL_SERVICE_ERROR, "external_service_error", MEDIUM,
	    "external", "service", FIXED, "a service elsewhere has failed"),
	ROW(TIMEOUT, "timeout", MEDIUM, "external", "timeout", EXPONENTIAL,
	    "it was not done in time"),
	ROW(AUTHENTICATION_FAILED, "authentication_failed", HIGH, "external",
	    "auth", NONE, "it is not proven who asks"),

	ROW(CONFIG_UNAVAILABLE, "service_unavailable", HIGH, "system",
	    "initialization", IMMEDIATE, "the configuration is away"),
	ROW(SERVICE_NOT_FOUND, "service_not_found", MEDIUM, "system",
	    "discovery", FIXED, "there is no such service"),
	ROW(FORBIDDEN, "operation_forbidden", HIGH, "security",
	    "authorization", NONE, "that may not be done"),
	ROW(OPERATION_FAILED, "protected_operation_failed", MEDIUM, "service",
	    "runtime", FIXED, "what a breaker guards has failed"),
	ROW(BREAKER_BLOWN, "circuit_breaker_blown", MEDIUM, "service",
	    "availability", FIXED, "a breaker is open"),
	ROW(BREAKER_NOT_FOUND, "circuit_breaker_not_found", HIGH, "service",
	    "registration", NONE, "there is no such breaker"),
	ROW(BREAKER_EXCEPTION, "circuit_breaker_exception", CRITICAL,
	    "service", "runtime", NONE, "a breaker has failed itself"),
	ROW(BREAKER_STATUS_NOT_FOUND, "circuit_breaker_not_found", MEDIUM,
	    "service", "registration", NONE,
	    "there is no breaker to have the status of"),
	ROW(BREAKER_STATUS_EXCEPTION, "circuit_breaker_exception", MEDIUM,
	    "service", "runtime", NONE, "a breaker has failed at its status"),
	ROW(BREAKER_INVALID_INPUT, "invalid_input", MEDIUM, "service",
	    "validation", NONE, "that is no name of a breaker"),
	ROW(BREAKER_RUN_INVALID_INPUT, "invalid_input", MEDIUM, "service",
	    "validation", NONE, "there is nothing that a breaker could run"),
	ROW(BREAKER_STATUS_INVALID_INPUT, "invalid_input", MEDIUM, "service",
	    "validation", NONE, "that is no breaker to have the status of"),
	ROW(OPERATION_CRASHED, "protected_operation_failed", MEDIUM,
	    "service", "runtime", FIXED, "what a breaker guards has crashed"),
	ROW(BREAKER_RESET_NOT_FOUND, "circuit_breaker_not_found", MEDIUM,
	    "service", "registration", NONE, "there is no breaker to reset"),
	ROW(BREAKER_RESET_EXCEPTION, "circuit_breaker_exception", MEDIUM,
	    "service", "runtime", NONE, "a breaker has failed at its reset"),

	ROW(RATE_LIMIT_EXCEEDED, "rate_limit_exceeded", MEDIUM, "rate",
	    "limit", FIXED, "it is done too often"),
	ROW(RATE_LIMITER_EXCEPTION, "rate_limiter_exception", CRITICAL,
	    "rate", "runtime", NONE, "a rate could not be looked at"),
	ROW(RATE_RESET_EXCEPTION, "rate_limiter_exception", MEDIUM, "rate",
	    "runtime", FIXED, "a rate could not be reset"),
	ROW(RATE_OPERATION_FAILED, "rate_limited_operation_failed", MEDIUM,
	    "rate", "runtime", FIXED, "what a rate allows has failed"),

	ROW(TELEMETRY_FORBIDDEN, "operation_forbidden", HIGH, "security",
	    "authorization", NONE, "that may not be done with figures"),
	ROW(UNKNOWN, "unknown", MEDIUM, "unknown", "unknown", FIXED,
	    "what has failed is not known"),
};

const struct fnd_error_code *fnd_error_codes(size_t *ret_n)
{
	*ret_n = N_OF(codes);
	return codes;
}

const struct fnd_error_code *fnd_error_find(unsigned int code)
{
	size_t i = 0;

	while (i < N_OF(codes) - 1 && codes[i].code != code)
		i++;
	return &codes[i];
}

/* Those of the general table are not within the first hundred of theirs. */
static bool is_general(const struct fnd_error_code *c)
{
	return c->code % 1000 >= 100;
}

const struct fnd_error_code *fnd_error_find_named(const char *name)
{
	const struct fnd_error_code *found = NULL, *c;

	for (c = codes; name && c < codes + N_OF(codes); c++)
		if (!strcmp(c->name, name) &&
		    (!found || (is_general(c) && !is_general(found))))
			found = c;
	return found ? found : fnd_error_find(FND_ERROR_UNKNOWN);
}

const char *fnd_severity_name(enum fnd_severity severity)
{
	static const char *const names[] = {
		[FND_SEVERITY_LOW] = "low", [FND_SEVERITY_MEDIUM] = "medium",
		[FND_SEVERITY_HIGH] = "high",
		[FND_SEVERITY_CRITICAL] = "critical",
	};

	return (size_t)severity < N_OF(names) ? names[severity] : NULL;
}

const char *fnd_retry_name(enum fnd_retry retry)
{
	static const char *const names[] = {
		[FND_RETRY_NONE] = "none",
		[FND_RETRY_IMMEDIATE] = "immediate",
		[FND_RETRY_FIXED] = "fixed",
		[FND_RETRY_EXPONENTIAL] = "exponential",
	};

	return (size_t)retry < N_OF(names) ? names[retry] : NULL;
}

int64_t fnd_retry_ms(enum fnd_retry retry, unsigned int nth)
{
	int64_t ms = DELAY_MS;

	switch (retry) {
	case FND_RETRY_IMMEDIATE:
		return 0;
	case FND_RETRY_FIXED:
		return DELAY_MS;
	case FND_RETRY_EXPONENTIAL:
		while (nth-- && ms < DELAY_MAX_MS)
			ms *= 2;
		return ms < DELAY_MAX_MS ? ms : DELAY_MAX_MS;
	default:
		return -1;
	}
}

/* What an area has no row for is looked up among those of any. */
static const struct {
	enum fnd_error_area area;
	int error;
	unsigned int code;
} numbers[] = {
	{ FND_AREA_CONFIG, EINVAL, FND_ERROR_CONFIG_INVALID_VALUE },
	{ FND_AREA_CONFIG, ERANGE, FND_ERROR_CONFIG_RANGE_ERROR },
	{ FND_AREA_CONFIG, EILSEQ, FND_ERROR_CONFIG_VALIDATION_FAILED },
	{ FND_AREA_CONFIG, EMSGSIZE, FND_ERROR_CONFIG_VALUE_REFUSED },
	{ FND_AREA_CONFIG, E2BIG, FND_ERROR_CONFIG_VALUE_REFUSED },
	{ FND_AREA_CONFIG, ENAMETOOLONG, FND_ERROR_CONFIG_PATH_REFUSED },
	{ FND_AREA_CONFIG, ENOENT, FND_ERROR_CONFIG_NOT_FOUND },
	{ FND_AREA_CONFIG, EPERM, FND_ERROR_CONFIG_UPDATE_FORBIDDEN },
	{ FND_AREA_CONFIG, EPIPE, FND_ERROR_CONFIG_UNAVAILABLE },
	{ FND_AREA_CONFIG, ENOTCONN, FND_ERROR_CONFIG_UNAVAILABLE },

	{ FND_AREA_EVENTS, EINVAL, FND_ERROR_EVENT_VALIDATION_FAILED },
	{ FND_AREA_EVENTS, EEXIST, FND_ERROR_EVENT_VALIDATION_FAILED },
	{ FND_AREA_EVENTS, ENAMETOOLONG, FND_ERROR_EVENT_VALIDATION_FAILED },
	{ FND_AREA_EVENTS, E2BIG, FND_ERROR_EVENT_INVALID_ARGUMENT },
	{ FND_AREA_EVENTS, ENOENT, FND_ERROR_NOT_FOUND },
	{ FND_AREA_EVENTS, EBADMSG, FND_ERROR_DATA_CORRUPTION },
	{ FND_AREA_EVENTS, EPIPE, FND_ERROR_EVENTS_UNAVAILABLE },
	{ FND_AREA_EVENTS, ENOTCONN, FND_ERROR_EVENTS_UNAVAILABLE },

	{ FND_AREA_SERVICES, ENOENT, FND_ERROR_SERVICE_NOT_FOUND },
	{ FND_AREA_SERVICES, EAGAIN, FND_ERROR_SERVICE_UNAVAILABLE },

	{ FND_AREA_PROTECTION, EDQUOT, FND_ERROR_RATE_LIMIT_EXCEEDED },
	{ FND_AREA_PROTECTION, ECONNREFUSED, FND_ERROR_BREAKER_BLOWN },
	{ FND_AREA_PROTECTION, ENOENT, FND_ERROR_BREAKER_NOT_FOUND },
	{ FND_AREA_PROTECTION, EINVAL, FND_ERROR_BREAKER_INVALID_INPUT },
	{ FND_AREA_PROTECTION, ENAMETOOLONG, FND_ERROR_BREAKER_INVALID_INPUT },

	{ FND_AREA_ANY, EINVAL, FND_ERROR_INVALID_INPUT },
	{ FND_AREA_ANY, ENAMETOOLONG, FND_ERROR_INVALID_INPUT },
	{ FND_AREA_ANY, ERANGE, FND_ERROR_INVALID_INPUT },
	{ FND_AREA_ANY, EDOM, FND_ERROR_INVALID_INPUT },
	{ FND_AREA_ANY, EOVERFLOW, FND_ERROR_INVALID_INPUT },
	{ FND_AREA_ANY, EBADF, FND_ERROR_INVALID_INPUT },
	{ FND_AREA_ANY, EFAULT, FND_ERROR_INVALID_INPUT },
	{ FND_AREA_ANY, EEXIST, FND_ERROR_VALIDATION_FAILED },
	{ FND_AREA_ANY, EALREADY, FND_ERROR_VALIDATION_FAILED },
	{ FND_AREA_ANY, EILSEQ, FND_ERROR_FORMAT_ERROR },
	{ FND_AREA_ANY, EBADMSG, FND_ERROR_FORMAT_ERROR },
	{ FND_AREA_ANY, EPROTO, FND_ERROR_FORMAT_ERROR },
	{ FND_AREA_ANY, ENOEXEC, FND_ERROR_FORMAT_ERROR },
	{ FND_AREA_ANY, EMSGSIZE, FND_ERROR_DATA_TOO_LARGE },
	{ FND_AREA_ANY, E2BIG, FND_ERROR_DATA_TOO_LARGE },
	{ FND_AREA_ANY, EFBIG, FND_ERROR_DATA_TOO_LARGE },
	{ FND_AREA_ANY, ENOENT, FND_ERROR_DATA_NOT_FOUND },
	{ FND_AREA_ANY, ENODATA, FND_ERROR_DATA_NOT_FOUND },
	{ FND_AREA_ANY, ESTALE, FND_ERROR_DATA_NOT_FOUND },
	{ FND_AREA_ANY, ENOTRECOVERABLE, FND_ERROR_DATA_CORRUPTION },
	{ FND_AREA_ANY, ESRCH, FND_ERROR_SERVICE_NOT_FOUND },
	{ FND_AREA_ANY, EPERM, FND_ERROR_FORBIDDEN },
	{ FND_AREA_ANY, EACCES, FND_ERROR_FORBIDDEN },
	{ FND_AREA_ANY, EROFS, FND_ERROR_FORBIDDEN },
	{ FND_AREA_ANY, ENOKEY, FND_ERROR_AUTHENTICATION_FAILED },
	{ FND_AREA_ANY, EKEYREJECTED, FND_ERROR_AUTHENTICATION_FAILED },
	{ FND_AREA_ANY, EKEYEXPIRED, FND_ERROR_AUTHENTICATION_FAILED },
	{ FND_AREA_ANY, EOPNOTSUPP, FND_ERROR_NOT_SUPPORTED },
	{ FND_AREA_ANY, ENOSYS, FND_ERROR_NOT_SUPPORTED },
	{ FND_AREA_ANY, EPROTONOSUPPORT, FND_ERROR_NOT_SUPPORTED },
	{ FND_AREA_ANY, ETIMEDOUT, FND_ERROR_TIMEOUT },
	{ FND_AREA_ANY, ETIME, FND_ERROR_TIMEOUT },
	{ FND_AREA_ANY, ENOMEM, FND_ERROR_RESOURCE_EXHAUSTED },
	{ FND_AREA_ANY, EAGAIN, FND_ERROR_RESOURCE_EXHAUSTED },
	{ FND_AREA_ANY, EBUSY, FND_ERROR_RESOURCE_EXHAUSTED },
	{ FND_AREA_ANY, ENOSPC, FND_ERROR_RESOURCE_EXHAUSTED },
	{ FND_AREA_ANY, EDQUOT, FND_ERROR_RESOURCE_EXHAUSTED },
	{ FND_AREA_ANY, EMFILE, FND_ERROR_RESOURCE_EXHAUSTED },
	{ FND_AREA_ANY, ENFILE, FND_ERROR_RESOURCE_EXHAUSTED },
	{ FND_AREA_ANY, EUSERS, FND_ERROR_RESOURCE_EXHAUSTED },
	{ FND_AREA_ANY, ENOBUFS, FND_ERROR_RESOURCE_EXHAUSTED },
	{ FND_AREA_ANY, EPIPE, FND_ERROR_SERVICE_UNAVAILABLE },
	{ FND_AREA_ANY, ENOTCONN, FND_ERROR_SERVICE_UNAVAILABLE },
	{ FND_AREA_ANY, ESHUTDOWN, FND_ERROR_SERVICE_UNAVAILABLE },
	{ FND_AREA_ANY, EOWNERDEAD, FND_ERROR_SERVICE_UNAVAILABLE },
	{ FND_AREA_ANY, ECHILD, FND_ERROR_DEPENDENCY_FAILED },
	{ FND_AREA_ANY, EIO, FND_ERROR_DEPENDENCY_FAILED },
	{ FND_AREA_ANY, EDEADLK, FND_ERROR_INTERNAL_ERROR },
	{ FND_AREA_ANY, ECONNREFUSED, FND_ERROR_NETWORK_ERROR },
	{ FND_AREA_ANY, ECONNRESET, FND_ERROR_NETWORK_ERROR },
	{ FND_AREA_ANY, ECONNABORTED, FND_ERROR_NETWORK_ERROR },
	{ FND_AREA_ANY, ENETDOWN, FND_ERROR_NETWORK_ERROR },
	{ FND_AREA_ANY, ENETUNREACH, FND_ERROR_NETWORK_ERROR },
	{ FND_AREA_ANY, EHOSTDOWN, FND_ERROR_NETWORK_ERROR },
	{ FND_AREA_ANY, EHOSTUNREACH, FND_ERROR_NETWORK_ERROR },
	{ FND_AREA_ANY, EADDRINUSE, FND_ERROR_NETWORK_ERROR },
	{ FND_AREA_ANY, EADDRNOTAVAIL, FND_ERROR_NETWORK_ERROR },
	{ FND_AREA_ANY, EREMOTEIO, FND_ERROR_EXTERNAL_SERVICE_ERROR },
};

static unsigned int number_in(enum fnd_error_area area, int error)
{
	size_t i;

	for (i = 0; i < N_OF(numbers); i++)
		if (numbers[i].area == area && numbers[i].error == -error)
			return numbers[i].code;
	return 0;
}

unsigned int fnd_error_number(enum fnd_error_area area, int error)
{
	unsigned int code = 0;

	if (error < -4095)
		return FND_ERROR_UNKNOWN;
	if (area != FND_AREA_ANY)
		code = number_in(area, error);
	if (!code)
		code = number_in(FND_AREA_ANY, error);
	return code ? code : FND_ERROR_UNKNOWN;
}
