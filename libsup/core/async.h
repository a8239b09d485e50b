/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asyncs from within: what a stream does with its own. */
#ifndef SUP_CORE_ASYNC_H
#define SUP_CORE_ASYNC_H

#include <sup/job.h>

/*
 * What a thread owns and is to be let go when the thread ends, by whatever way.
 * drop runs once, on that thread, unless it has been disowned.
 */
struct sup__owned {
	struct sup__owned *next, **at;
	void (*drop)(struct sup__owned *owned);
	const void *owner;
};

/* The calling thread's from here on. -ENOMEM. */
int sup__own(struct sup__owned *owned, void (*drop)(struct sup__owned *owned));
void sup__disown(struct sup__owned *owned);

/* Whether it is the calling thread's: 0, or -EPERM with a sentence. */
int sup__check_owner(const struct sup__owned *owned);

/*
 * As sup_async_start() with a checked spec; but its arg is consumed, whatever
 * is returned, and also if the calling task is ended in it. Linked or not.
 */
int sup__async_start(struct sup_pid sup, const struct sup_job_spec *spec,
		     bool link, struct sup_async **ret_async);

int sup__async_check_owner(const struct sup_async *async);

/* Its task has ended, or it has none; and without a result. */
bool sup__async_is_over(const struct sup_async *async);
bool sup__async_has_failed(const struct sup_async *async);

/*
 * Sleeps until one of the calling thread's asyncs may be over: 0, -ETIMEDOUT,
 * or -ECANCELED: sup__task_checkpoint() will not return.
 */
int sup__async_sleep(int64_t deadline);

/* Takes what became of one that is over, and frees it. */
void sup__async_finish(struct sup_async *async,
		       struct sup_outcome *ret_outcome);

/* Frees it; its task goes on, and so does the link. */
void sup__async_let_go(struct sup_async *async);

/* Its job, without a reference; and its task is killed if its owner ends. */
struct sup__job *sup__async_job(struct sup_async *async);
void sup__async_kill_with_owner(struct sup_async *async);

#endif
