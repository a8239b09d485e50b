/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RateLimiter: how often an entity may do something. What has been allowed is
 * kept by the process, not by the service, which only forgets what does not
 * matter any more: limits hold while it restarts, or does not run. Any thread.
 */
#ifndef FOUNDATION_RATE_LIMITER_H
#define FOUNDATION_RATE_LIMITER_H

#include <foundation/types.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fnd_rate_limiter_options {
	size_t size;
	int64_t cleanup_ms;	/* between two looks; default 60,000 */
};

/*
 * Starts the service: a child's start function, as sup_server_start(). options
 * is a struct fnd_rate_limiter_options, or NULL. -EEXIST it runs; -EINVAL.
 */
SUP_API int fnd_rate_limiter_start(const void *options,
				   struct sup_pid *ret_pid);

enum fnd_rate_kind {
	/*
	 * Limit in each window, which begin at multiples of its length: twice
	 * that round a bound.
	 */
	FND_RATE_FIXED_WINDOW,
	/* Limit in any window, wherever it begins; 8 bytes for each of them. */
	FND_RATE_SLIDING_WINDOW,
	/* Limit at once; they come back one by one, all within a window. */
	FND_RATE_TOKEN_BUCKET,
};

/* What the limit of a sliding window is at most. */
#define FND_RATE_SLIDING_MAX 65536

struct fnd_rate {
	enum fnd_rate_kind kind;
	uint32_t limit;		/* 0: nothing is allowed */
	int64_t window_ms;	/* from 1 to a year */
};

/*
 * May an entity do an operation now? 0: yes, and it counts. Each pair of the
 * two is for itself; who asks by another rate than before begins anew.
 * *ret_retry_ns, which may be NULL, is how long to wait after -EDQUOT, -1 for
 * ever. Errors: -EDQUOT no, and it does not count; -EINVAL an empty name, or a
 * rate that is none; -ENAMETOOLONG; -ENOMEM.
 */
SUP_API int fnd_rate_check(const char *entity, const char *operation,
			   const struct fnd_rate *rate, int64_t *ret_retry_ns);

struct fnd_rate_status {
	struct fnd_rate rate;
	uint32_t used;		/* of the limit, now */
	uint32_t left;
	int64_t reset_ns;	/* until all of it is left, if nobody asks */
};

/* -ENOENT nothing of that pair counts any more; -EINVAL; -ENAMETOOLONG. */
SUP_API int fnd_rate_status(const char *entity, const char *operation,
			    struct fnd_rate_status *ret_status);

/*
 * Nothing of it counts any more; no error if that is so. -EINVAL;
 * -ENAMETOOLONG.
 */
SUP_API int fnd_rate_reset(const char *entity, const char *operation);

#ifdef __cplusplus
}
#endif

#endif
