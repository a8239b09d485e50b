/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A function applied to each item of a source, by a bounded number of jobs at a
 * time (Elixir's Task.Supervisor.async_stream).
 */
#ifndef SUP_STREAM_H
#define SUP_STREAM_H

#include <sup/job.h>
#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Returned by next, and by sup_stream_next(): there are no more. */
#define SUP_STREAM_END 1

struct sup_stream_spec {
	size_t size;
	struct sup_pid sup;	/* a task supervisor */
	/*
	 * The next item, on the owner's thread, only when a job is free for
	 * it: 0, SUP_STREAM_END, or a negative errno, which ends the stream.
	 */
	int (*next)(void *source, void **ret_item);
	void *source;
	int (*run)(void *item, struct sup_msg *ret_result);
	void (*free_item)(void *item);	/* may be NULL */
	bool nolink;		/* a job that fails does not end the owner */
	bool unordered;		/* results as they come, not as their items */
	bool kill_late;		/* a late job is a result, not the end of it */
	size_t max_concurrency;	/* default: CPUs online */
	int64_t timeout_ms;	/* for each job; default 5 s; -1: none */
	int64_t shutdown_ms;	/* of the jobs, as of a child; default 5 s */
	enum sup_containment containment;
};

struct sup_stream_result {
	struct sup_outcome outcome;	/* never NONE; its result is yours */
	bool timed_out;		/* it was late, and has been killed */
	size_t index;		/* of its item, from 0 */
	void *item;		/* until the next call on the stream */
};

struct sup_stream;

/*
 * Checks everything, starts nothing. Any thread, which becomes its owner.
 * -EINVAL names the field; -ENOMEM.
 */
SUP_API int sup_stream_open(const struct sup_stream_spec *spec,
			    struct sup_stream **ret_stream);

/*
 * The next result. The owner, who opened it, alone (-EPERM). SUP_STREAM_END
 * after the last. An error ends the stream: its jobs are killed and waited for
 * before it returns, and so does every further call. Errors: -ETIMEDOUT a job
 * was late, and kill_late is not set; what next returned; what starting a job
 * did: -ENOSPC max_children, -ESRCH, ...
 */
SUP_API int sup_stream_next(struct sup_stream *stream,
			    struct sup_stream_result *ret_result);

/*
 * Kills the jobs that still run, waits for them, and frees the stream. The
 * owner alone: -EPERM.
 */
SUP_API int sup_stream_close(struct sup_stream *stream);

#ifdef __cplusplus
}
#endif

#endif
