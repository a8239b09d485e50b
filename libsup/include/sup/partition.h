/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Partition supervisors (Elixir's PartitionSupervisor): as many children of one
 * spec as there are CPUs, of which a key finds always the same one, without
 * asking the supervisor.
 */
#ifndef SUP_PARTITION_H
#define SUP_PARTITION_H

#include <sup/supervisor.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SUP_PARTITIONS_MAX 65536

struct sup_partition_spec {
	size_t size;
	const char *name;	/* of the thread, registered: mandatory */
	size_t partitions;	/* default: the CPUs that are online */
	/*
	 * What each partition is; its id is not looked at, they are "0", "1",
	 * and so on. start_with gets a const size_t *, its number. The arg
	 * stays the caller's, and must last as long as the supervisor.
	 */
	const struct sup_child_spec *child;
	enum sup_strategy strategy;	/* default one_for_one; not SIMPLE */
	int intensity;		/* restarts within the period; default 3 */
	unsigned int period_s;	/* default 5 */
	uint32_t hold_ms;	/* as sup_supervisor_spec's */
};

/*
 * Starts a partition supervisor and its partitions, in order. As
 * sup_supervisor_start() otherwise; -EINVAL also for a missing name or child,
 * for more than SUP_PARTITIONS_MAX, and for a significant child.
 */
SUP_API int sup_partition_start(const void *partition_spec,
				struct sup_pid *ret_pid);

/*
 * The partition that a key belongs to: a number, by its absolute value modulo
 * how many there are, or bytes, by their hash. Waits for nobody. Any thread.
 * -ESRCH no such partition supervisor; -ENOENT that partition does not run at
 * the moment, or there are 0.
 */
SUP_API int sup_partition_by_number(struct sup_pid sup, int64_t key,
				    struct sup_pid *ret_pid);
SUP_API int sup_partition_by_bytes(struct sup_pid sup, const void *key,
				   size_t len, struct sup_pid *ret_pid);

/* How many keys are spread over at the moment. -ESRCH. Any thread. */
SUP_API int sup_partition_count(struct sup_pid sup, size_t *ret_n);

/*
 * Changes how many, from 0 to as many as it was started with: the last ones are
 * stopped, after no key finds them any more, or started again, before one
 * does. *ret_old, which may be NULL, is how many there were. Answered in turn.
 * -EINVAL more than at first, or it is no partition supervisor; -ESRCH;
 * -EDEADLK; -ENOMEM; what a start returned: then those before it are there.
 */
SUP_API int sup_partition_resize(struct sup_pid sup, size_t n,
				 size_t *ret_old);

#ifdef __cplusplus
}
#endif

#endif
