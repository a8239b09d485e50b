/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CircuitBreaker: what fails again and again is not tried for a while. Breakers
 * are kept by the process, by name, and need no service. Any thread.
 */
#ifndef FOUNDATION_CIRCUIT_BREAKER_H
#define FOUNDATION_CIRCUIT_BREAKER_H

#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fnd_breaker_options {
	size_t size;
	/* It opens at one failure more than that within the window. */
	unsigned int tolerance;	/* default 5; FND_BREAKER_NONE: 0 */
	int64_t window_ms;	/* default 60,000 */
	int64_t refresh_ms;	/* how long it stays open; default 60,000 */
};

#define FND_BREAKER_NONE UINT32_MAX
#define FND_BREAKER_TOLERANCE_MAX 1000

/*
 * Makes a breaker, closed. options may be NULL. -EEXIST there is one of that
 * name; -EINVAL names the field, or an empty name; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int fnd_breaker_open(const char *name,
			     const struct fnd_breaker_options *options);

/*
 * Removes it. Who is in a call of fnd_breaker_run() goes on, and what that
 * returns counts for nobody. -ENOENT; -EINVAL; -ENAMETOOLONG.
 */
SUP_API int fnd_breaker_close(const char *name);

/*
 * Calls fn on the calling thread, unless the breaker is open; *ret_result is
 * what fn has returned: negative is a failure. When it has been open for
 * refresh_ms it is half-open: one caller may try, while the others are still
 * refused. If that goes well it is closed, else it is open for another
 * refresh_ms. A task that ends in fn has failed if it was that one, and else
 * counts for nothing. An opening, a closing and a refusal are events
 * (<foundation/telemetry.h>): foundation.infra.circuit_breaker.state_change,
 * .call_rejected. Errors, and fn has not been called: -ECONNREFUSED it is open;
 * -ENOENT; -EINVAL; -ENAMETOOLONG.
 */
SUP_API int fnd_breaker_run(const char *name, int (*fn)(void *arg), void *arg,
			    int *ret_result);

enum fnd_breaker_state {
	FND_BREAKER_CLOSED,
	FND_BREAKER_OPEN,
	FND_BREAKER_HALF_OPEN,
};

struct fnd_breaker_status {
	enum fnd_breaker_state state;
	unsigned int failures;	/* within the window */
	int64_t left_ns;	/* OPEN: until it is half-open */
	uint64_t calls, refused;	/* since it was made */
};

/* -ENOENT; -EINVAL; -ENAMETOOLONG. */
SUP_API int fnd_breaker_status(const char *name,
			       struct fnd_breaker_status *ret_status);

/* Closed, without a failure. -ENOENT; -EINVAL; -ENAMETOOLONG. */
SUP_API int fnd_breaker_reset(const char *name);

#ifdef __cplusplus
}
#endif

#endif
