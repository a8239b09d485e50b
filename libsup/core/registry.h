/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registry from within. */
#ifndef SUP_CORE_REGISTRY_H
#define SUP_CORE_REGISTRY_H

#include <sup/registry.h>

struct sup__task;

/* As sup_register(); after -EEXIST *ret_holder has the name. */
int sup__registry_add(const char *name, struct sup__task *t,
		      struct sup_pid *ret_holder);

/* 0, or -EINVAL, -ENAMETOOLONG. */
int sup__registry_check_name(const char *name);

/* All names of t go. It is ENDING: it gets no new ones. */
void sup__registry_task_ending(struct sup__task *t);

#endif
