/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Partition supervisors from within. */
#ifndef SUP_CORE_PARTITION_H
#define SUP_CORE_PARTITION_H

#include <sup/partition.h>

struct sup__board;

/* On the supervisor's own thread: sup_partition_resize(), called by a task. */
int sup__partition_resize(struct sup__board *b, size_t n, struct sup_pid by,
			  size_t *ret_old);

#endif
