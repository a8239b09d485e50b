/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory and descriptors that go with a task. */
#ifndef SUP_CORE_RESOURCE_H
#define SUP_CORE_RESOURCE_H

#include <stddef.h>

#include <sup/resource.h>

struct sup__task;
struct sup__block;

/* In the task's slot. Its own thread's, then of who ends it. */
struct sup__resources {
	struct sup__block *blocks;	/* the last one first */
	int *fds;			/* the first one first */
	size_t n_fds, max_fds;
};

/* The task is about to end; its thread has gone, or is the caller. */
void sup__resource_task_ending(struct sup__task *t);

#endif
