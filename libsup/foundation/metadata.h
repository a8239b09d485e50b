/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Metadata as bytes: "key\0value\0" for each pair, in their order. */
#ifndef SUP_FOUNDATION_METADATA_H
#define SUP_FOUNDATION_METADATA_H

#include <foundation/process_registry.h>
#include <sup/registry.h>

/* 0, or -EINVAL. */
int fnd__metadata_check(const struct fnd_metadata *m);

/* ret_packed->data is the caller's, to fnd__free(). -ENOMEM. */
int fnd__metadata_pack(const struct fnd_metadata *m,
		       struct sup_bytes *ret_packed);

/* The pair at *at, which moves on; false: there is none any more. */
bool fnd__pair_next(const struct sup_bytes *packed, size_t *at,
			struct fnd_pair *ret_pair);

size_t fnd__metadata_count(const struct sup_bytes *packed);

/* Whether a pair is among those that begin before end. */
bool fnd__pair_is_in(const struct sup_bytes *packed, size_t end,
		       const struct fnd_pair *wanted);

#endif
