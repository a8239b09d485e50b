/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fencing tokens: numbers that only grow, for whatever they are drawn. They
 * count from the time of day in nanoseconds, for who remembers one from an
 * earlier life of the program: none can have drawn them faster than that.
 */
#ifndef SUP_FOUNDATION_TOKEN_H
#define SUP_FOUNDATION_TOKEN_H

#include <stdatomic.h>
#include <stdint.h>

extern _Atomic uint64_t fnd__last_token;

/* Before any is drawn; again does nothing. */
void fnd__tokens_begin(void);

static inline uint64_t fnd__draw_token(void)
{
	return atomic_fetch_add(&fnd__last_token, 1) + 1;
}

#endif
