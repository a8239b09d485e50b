/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registry from within. */
#ifndef SUP_CORE_REGISTRY_H
#define SUP_CORE_REGISTRY_H

#include <sup/registry.h>

struct sup__directory;
struct sup__task;

/* As sup_register(); after -EEXIST *ret_holder has the name. */
int sup__registry_add(const char *name, struct sup__task *t,
		      struct sup_pid *ret_holder);

/* 0, or -EINVAL, -ENAMETOOLONG. */
int sup__registry_check_name(const char *name);

/* For a task that is being made. Also -EPERM it has duplicates. */
int sup__registry_put_via(struct sup__task *t, const struct sup_via *via,
			  struct sup_pid *ret_holder);

/* 0, or -ENOENT: there is no such registry. Takes no lock. Any thread. */
int sup__registry_check(struct sup_registry r);

/*
 * Forgets the keys that nobody locks any more: those whose last holder ended
 * while it had them. Any thread, no lock held.
 */
void sup__registry_forget_locks(void);

/* Tests: how many keys are not forgotten. */
size_t sup__registry_count_locks(void);

/* The first task under a key, or SUP_PID_NONE. Takes no lock. Any thread. */
struct sup_pid sup__registry_whereis(struct sup__directory *dir,
				     const void *key, size_t len);

#endif
