/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The EventStore from within. */
#ifndef SUP_FOUNDATION_EVENT_STORE_IN_H
#define SUP_FOUNDATION_EVENT_STORE_IN_H

#include <stdint.h>

/*
 * Frees what it keeps only to be faster: how many bytes. Errors as those of
 * fnd_event_stats().
 */
int fnd__event_store_trim(uint64_t *ret_bytes, int64_t deadline);

#endif
