/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a call to something that may fail is protected by, all at once. */
#ifndef FOUNDATION_PROTECTED_H
#define FOUNDATION_PROTECTED_H

#include <foundation/pool.h>
#include <foundation/rate_limiter.h>
#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is NULL does not protect. */
struct fnd_protection {
	size_t size;
	/* How often the entity may do the operation. */
	const struct fnd_rate *rate;
	const char *entity, *operation;	/* needed with rate */
	const char *breaker;	/* that has been opened */
	const char *pool;	/* whose connection fn gets */
	int64_t pool_deadline;	/* until when to wait for one */
};

/*
 * Calls fn on the calling thread, if the rate allows it, then if the breaker
 * does, with a connection of the pool, or NULL. *ret_result is what fn has
 * returned; negative is a failure to the breaker, and so is that there was no
 * connection. A lease that fn has discarded is not given back. What the rate
 * has allowed counts, even if the breaker then refuses. Errors, which are
 * executed as by fnd_error_emit(), and fn has not been called: -EDQUOT the rate
 * does not allow it; -ECONNREFUSED the breaker is open; those of
 * fnd_pool_checkout(), of which -ENOENT may mean the breaker, too; -EINVAL
 * names the field; -ENAMETOOLONG; -ENOMEM. A safe point with a pool.
 */
SUP_API int fnd_protected_run(const struct fnd_protection *protection,
			      int (*fn)(const struct fnd_lease *lease,
					void *arg),
			      void *arg, int *ret_result);

#ifdef __cplusplus
}
#endif

#endif
