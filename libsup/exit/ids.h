/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The user and the groups that a child becomes, as numbers. */
#ifndef SUP_EXIT_IDS_H
#define SUP_EXIT_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sup_process_spec;

struct sup__ids {
	bool set_groups, set_gid, set_uid;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	size_t n_groups;
};

/*
 * Looks up user, group and groups of the spec; may wait for whoever keeps the
 * names. -ESRCH there is no such one; -EINVAL a number without an entry does
 * not say which group; -ENOMEM, -EIO, ... of getpwnam_r(3).
 */
int sup__ids_init(struct sup__ids *ids, const struct sup_process_spec *spec);

/* Safe on zeroed memory, and twice. */
void sup__ids_fini(struct sup__ids *ids);

#endif
