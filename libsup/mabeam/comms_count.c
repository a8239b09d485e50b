/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdatomic.h>

#include "mabeam/comms_in.h"

static struct {
	_Atomic uint64_t sent, answered, failed, timed_out, duplicates;
	_Atomic uint64_t bytes_sent, bytes_received;
} counts[MAB_COMMS_KINDS];

void mab__comms_sent(enum mab_comms_kind kind, size_t n, size_t bytes)
{
	atomic_fetch_add(&counts[kind].sent, n);
	atomic_fetch_add(&counts[kind].bytes_sent, n * bytes);
}

void mab__comms_over(enum mab_comms_kind kind, int error, size_t bytes)
{
	if (!error || error == -EREMOTEIO)
		atomic_fetch_add(&counts[kind].answered, 1);
	else if (error == -ETIMEDOUT)
		atomic_fetch_add(&counts[kind].timed_out, 1);
	else
		atomic_fetch_add(&counts[kind].failed, 1);
	atomic_fetch_add(&counts[kind].bytes_received, bytes);
}

void mab__comms_duplicate(void)
{
	atomic_fetch_add(&counts[MAB_COMMS_ONCE].duplicates, 1);
}

void mab_comms_stats(struct mab_comms_count *ret_counts)
{
	int i;

	for (i = 0; i < MAB_COMMS_KINDS; i++)
		ret_counts[i] = (struct mab_comms_count){
			.sent = atomic_load(&counts[i].sent),
			.answered = atomic_load(&counts[i].answered),
			.failed = atomic_load(&counts[i].failed),
			.timed_out = atomic_load(&counts[i].timed_out),
			.duplicates = atomic_load(&counts[i].duplicates),
			.bytes_sent = atomic_load(&counts[i].bytes_sent),
			.bytes_received =
				atomic_load(&counts[i].bytes_received),
		};
}
