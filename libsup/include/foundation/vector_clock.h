/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Vector clocks: what happened before what, between nodes that count their own
 * events. A clock is the caller's, and for one thread at a time.
 */
#ifndef FOUNDATION_VECTOR_CLOCK_H
#define FOUNDATION_VECTOR_CLOCK_H

#include <foundation/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fnd_clock;

/* One in which all nodes are at 0. -ENOMEM. */
SUP_API int fnd_clock_new(struct fnd_clock **ret_clock);

/* NULL is fine. */
SUP_API void fnd_clock_free(struct fnd_clock *clock);

/*
 * One event more at a node. -EINVAL an empty name; -ENAMETOOLONG; -EOVERFLOW;
 * -ENOMEM.
 */
SUP_API int fnd_clock_increment(struct fnd_clock *clock, const char *node);

/* Of each node the later of the two. -ENOMEM: clock is as it was. */
SUP_API int fnd_clock_merge(struct fnd_clock *clock,
			    const struct fnd_clock *other);

/* How far a node is; 0 for one that is not in it, and for NULL. */
SUP_API uint64_t fnd_clock_get(const struct fnd_clock *clock,
			       const char *node);

enum fnd_order {
	FND_EQUAL,
	FND_BEFORE,		/* a of b */
	FND_AFTER,
	FND_CONCURRENT,		/* neither knows of the other */
};

SUP_API enum fnd_order fnd_clock_compare(const struct fnd_clock *a,
					 const struct fnd_clock *b);

#ifdef __cplusplus
}
#endif

#endif
