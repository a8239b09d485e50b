/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long to wait before a restart. Pure. */
#ifndef SUP_CORE_BACKOFF_H
#define SUP_CORE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct sup_backoff;

/* 0, or -EINVAL and a sentence that names the child and the field. */
int sup__backoff_check(const struct sup_backoff *b, const char *id);

/* Nanoseconds before the nth restart in a row, from 1; 0: at once. */
int64_t sup__backoff_delay(const struct sup_backoff *b, unsigned int n,
			   uint64_t random);

/* Whether one that ran so long begins to count anew. */
bool sup__backoff_is_stable(const struct sup_backoff *b, int64_t ran_ns);

#endif
