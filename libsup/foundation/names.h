/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ProcessRegistry from within: its two registries, and their keys. */
#ifndef SUP_FOUNDATION_NAMES_H
#define SUP_FOUNDATION_NAMES_H

#include <foundation/process_registry.h>
#include <sup/registry.h>

#define FND__KEY_MAX (sizeof(struct fnd_namespace) + FND_NAME_MAX)

/* Both are open when this has returned 0. -ENOSPC; -ENOMEM. */
int fnd__names_open(void);

struct sup_registry fnd__names(void);
struct sup_registry fnd__pairs(void);

/* The name was checked; buf has room for FND__KEY_MAX. */
struct sup_bytes fnd__name_key(struct fnd_namespace ns,
				       const char *name, unsigned char *buf);

/* data is the caller's, to fnd__free(), or NULL. p NULL: the namespace. */
struct sup_bytes fnd__pair_key(struct fnd_namespace ns,
				       const struct fnd_pair *p);

/*
 * The entry of a name: one block, to fnd__free(), or NULL if it is nobody's,
 * or not that of pid, if there is one. -ENOMEM.
 */
int fnd__name_entry(struct sup_bytes key, struct sup_pid pid,
		       struct sup_registry_entry **ret_entry);

/*
 * As fnd_process_unregister(), if it is that of pid: else -ENOENT. The name was
 * checked.
 */
int fnd__name_remove(struct fnd_namespace ns, const char *name,
		     struct sup_pid pid);

/* -ENOENT, with a sentence. */
int fnd__names_nobody(const char *name);

#endif
