/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What has been decided (consensus_log.c), for who counts the votes. */
#ifndef SUP_FOUNDATION_CONSENSUS_IN_H
#define SUP_FOUNDATION_CONSENSUS_IN_H

#include <foundation/consensus.h>

/* The number of the next value under a name. */
uint64_t fnd__decisions_next(const char *name);

/*
 * In one step: the value is decided, if its number still is the next one.
 * -ESTALE; -ENOMEM.
 */
int fnd__decisions_add(const char *name, uint64_t number, const void *value,
		       size_t len);

#endif
