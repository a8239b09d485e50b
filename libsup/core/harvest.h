/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies of what a directory has, for those who ask a registry. */
#ifndef SUP_CORE_HARVEST_H
#define SUP_CORE_HARVEST_H

#include <sup/registry.h>

struct sup__directory;

/* What is gathered: how much there is, and as much of it as there is room. */
struct sup__harvest {
	struct sup_registry_entry *entries;	/* in one block, to be freed */
	size_t n, bytes, room_n, room_bytes;
	unsigned char *at;
};

/*
 * The entries that q asks for, n of them; entries is NULL if there is nothing.
 * q's function runs with no lock held. Any thread. -ENOMEM: n is 0.
 */
int sup__harvest(struct sup__directory *dir,
		 const struct sup_registry_query *q,
		 struct sup__harvest *ret_harvest);

#endif
