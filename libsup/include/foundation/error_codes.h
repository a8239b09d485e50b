/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors by number: what each is called, how bad it is, and whether to try
 * again. Calls return a negative errno all the same; here is what that means to
 * whom it is reported to. No call here is a safe point, or fails. Any thread.
 */
#ifndef FOUNDATION_ERROR_CODES_H
#define FOUNDATION_ERROR_CODES_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Upstream's numbers: a name there may have several. */
enum fnd_error_number {
	FND_ERROR_CONFIG_PATH_REFUSED = 1000,
	FND_ERROR_CONFIG_VALIDATION_FAILED = 1001,
	FND_ERROR_CONFIG_INVALID_VALUE = 1002,
	FND_ERROR_CONFIG_CONSTRAINT_VIOLATION = 1003,
	FND_ERROR_CONFIG_RANGE_ERROR = 1004,
	FND_ERROR_CONFIG_VALUE_REFUSED = 1005,
	FND_ERROR_INVALID_CONFIG_STRUCTURE = 1101,
	FND_ERROR_MISSING_REQUIRED_FIELD = 1102,
	FND_ERROR_INVALID_CONFIG_VALUE = 1201,
	FND_ERROR_CONSTRAINT_VIOLATION = 1202,
	FND_ERROR_RANGE_ERROR = 1203,
	FND_ERROR_CONFIG_NOT_FOUND = 1301,
	FND_ERROR_CONFIG_UPDATE_FORBIDDEN = 1401,
	FND_ERROR_EVENT_VALIDATION_FAILED = 2001,
	FND_ERROR_EVENT_TYPE_MISMATCH = 2002,
	FND_ERROR_DATA_TOO_LARGE = 2003,
	FND_ERROR_INVALID_EVENT_TYPE = 2004,
	FND_ERROR_EVENT_INVALID_ARGUMENT = 2005,
	FND_ERROR_INITIALIZATION_FAILED = 2101,
	FND_ERROR_SERVICE_UNAVAILABLE = 2102,
	FND_ERROR_RESOURCE_EXHAUSTED = 2201,
	FND_ERROR_DEPENDENCY_FAILED = 2301,
	FND_ERROR_INTERNAL_ERROR = 2401,
	FND_ERROR_EVENTS_UNAVAILABLE = 3000,
	FND_ERROR_NOT_FOUND = 3001,
	FND_ERROR_EVENTS_FORBIDDEN = 3002,
	FND_ERROR_SERIALIZATION_FAILED = 3101,
	FND_ERROR_DESERIALIZATION_FAILED = 3102,
	FND_ERROR_TYPE_MISMATCH = 3201,
	FND_ERROR_FORMAT_ERROR = 3202,
	FND_ERROR_VALIDATION_FAILED = 3203,
	FND_ERROR_INVALID_INPUT = 3204,
	FND_ERROR_DATA_CORRUPTION = 3301,
	FND_ERROR_DATA_NOT_FOUND = 3401,
	FND_ERROR_NOT_SUPPORTED = 4001,
	FND_ERROR_NETWORK_ERROR = 4101,
	FND_ERROR_EXTERNAL_SERVICE_ERROR = 4201,
	FND_ERROR_TIMEOUT = 4301,
	FND_ERROR_AUTHENTICATION_FAILED = 4401,
	FND_ERROR_CONFIG_UNAVAILABLE = 5000,
	FND_ERROR_SERVICE_NOT_FOUND = 5001,
	FND_ERROR_FORBIDDEN = 5002,
	FND_ERROR_OPERATION_FAILED = 5003,
	FND_ERROR_BREAKER_BLOWN = 5004,
	FND_ERROR_BREAKER_NOT_FOUND = 5005,
	FND_ERROR_BREAKER_EXCEPTION = 5006,
	FND_ERROR_BREAKER_STATUS_NOT_FOUND = 5007,
	FND_ERROR_BREAKER_STATUS_EXCEPTION = 5008,
	FND_ERROR_BREAKER_INVALID_INPUT = 5009,
	FND_ERROR_BREAKER_RUN_INVALID_INPUT = 5010,
	FND_ERROR_BREAKER_STATUS_INVALID_INPUT = 5011,
	FND_ERROR_OPERATION_CRASHED = 5012,
	FND_ERROR_BREAKER_RESET_NOT_FOUND = 5013,
	FND_ERROR_BREAKER_RESET_EXCEPTION = 5014,
	FND_ERROR_RATE_LIMIT_EXCEEDED = 6001,
	FND_ERROR_RATE_LIMITER_EXCEPTION = 6003,
	FND_ERROR_RATE_RESET_EXCEPTION = 6007,
	FND_ERROR_RATE_OPERATION_FAILED = 6008,
	FND_ERROR_TELEMETRY_FORBIDDEN = 7002,
	FND_ERROR_UNKNOWN = 9999,
};

enum fnd_severity {
	FND_SEVERITY_LOW,
	FND_SEVERITY_MEDIUM,
	FND_SEVERITY_HIGH,	/* from here on somebody should be told */
	FND_SEVERITY_CRITICAL,
};

enum fnd_retry {
	FND_RETRY_NONE,		/* it will not go better */
	FND_RETRY_IMMEDIATE,
	FND_RETRY_FIXED,	/* after 1 s */
	FND_RETRY_EXPONENTIAL,	/* after 1, 2, 4, 8, 16 s, then each 30 s */
};

struct fnd_error_code {
	unsigned int code;
	const char *name, *category, *subcategory;
	enum fnd_severity severity;
	enum fnd_retry retry;
	const char *text;	/* what it means, for people */
};

/* The row of a number; that of FND_ERROR_UNKNOWN if it has none. */
SUP_API const struct fnd_error_code *fnd_error_find(unsigned int code);

/*
 * The row of a name: of several the one that upstream makes of the name alone,
 * or else the lowest; that of FND_ERROR_UNKNOWN if nothing is called so.
 */
SUP_API const struct fnd_error_code *fnd_error_find_named(const char *name);

/* All of them, by number. */
SUP_API const struct fnd_error_code *fnd_error_codes(size_t *ret_n);

/* "low", "medium"…; "none", "immediate"…; NULL if it is none. */
SUP_API const char *fnd_severity_name(enum fnd_severity severity);
SUP_API const char *fnd_retry_name(enum fnd_retry retry);

/* How long to wait before a retry, the first is 0: ms, or -1 for ever. */
SUP_API int64_t fnd_retry_ms(enum fnd_retry retry, unsigned int nth);

/* Whose errno it is: -ENOENT says something else of each. */
enum fnd_error_area {
	FND_AREA_ANY,
	FND_AREA_CONFIG,	/* <foundation/config_server.h> */
	FND_AREA_EVENTS,	/* <foundation/event_store.h> */
	FND_AREA_SERVICES,	/* <foundation/service_registry.h> */
	FND_AREA_PROTECTION,	/* rates, breakers, <foundation/protected.h> */
};

/* The number of a negative errno. An area that is none: as FND_AREA_ANY. */
SUP_API unsigned int fnd_error_number(enum fnd_error_area area, int error);

#ifdef __cplusplus
}
#endif

#endif
