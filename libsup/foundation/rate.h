/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The RateLimiter with the time as an argument, for its tests. */
#ifndef SUP_FOUNDATION_RATE_H
#define SUP_FOUNDATION_RATE_H

#include <foundation/rate_limiter.h>

int fnd__rate_check(const char *entity, const char *operation,
		    const struct fnd_rate *rate, int64_t now,
		    int64_t *ret_retry_ns);
int fnd__rate_status(const char *entity, const char *operation, int64_t now,
		     struct fnd_rate_status *ret_status);

/* Forgets what does not count any more. */
void fnd__rate_clean_up(int64_t now);

/* How many pairs are kept. */
size_t fnd__rate_count(void);

#endif
