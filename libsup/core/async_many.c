/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls on several asyncs at a time: one deadline for all. Nothing is taken, so
 * nothing has to be given back, before the wait is over.
 */
#include <errno.h>

#include <sup/job.h>

#include "base/error.h"
#include "core/async.h"
#include "core/task.h"

static int check_all(struct sup_async *const *asyncs, size_t n)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < n && !ret; i++)
		if (asyncs[i])
			ret = sup__async_check_owner(asyncs[i]);
	return ret;
}

static size_t count_over(struct sup_async *const *asyncs, size_t n)
{
	size_t i, over = 0;

	for (i = 0; i < n; i++)
		over += asyncs[i] && sup__async_is_over(asyncs[i]);
	return over;
}

/* The first that has ended without a result, or n. */
static size_t find_failed(struct sup_async *const *asyncs, size_t n)
{
	size_t i = 0;

	while (i < n && !sup__async_has_failed(asyncs[i]))
		i++;
	return i;
}

/* 0, -ETIMEDOUT; *ret_failed: as find_failed(). */
static int await_all(struct sup_async *const *asyncs, size_t n,
		     int64_t deadline, size_t *ret_failed)
{
	int ret = 0;

	for (;;) {
		/* A link ends us before the wait for the job is over. */
		sup__task_checkpoint();
		*ret_failed = find_failed(asyncs, n);
		if (*ret_failed < n || count_over(asyncs, n) == n)
			return 0;
		if (ret)
			return ret;
		ret = sup__async_sleep(deadline);
	}
}

int sup_async_await_many(struct sup_async *const *asyncs, size_t n,
			 struct sup_msg *ret_results,
			 struct sup_reason *ret_reason, size_t *ret_failed,
			 int64_t deadline)
{
	struct sup_outcome outcome, failure = { 0 };
	size_t failed = n, i;
	char text[128];
	int ret;

	sup__task_checkpoint();
	ret = check_all(asyncs, n);
	if (ret)
		return ret;
	ret = await_all(asyncs, n, deadline, &failed);
	for (i = 0; i < n; i++) {
		if (!ret && failed == n) {
			sup__async_finish(asyncs[i], &outcome);
			ret_results[i] = outcome.result;
		} else if (i == failed) {
			sup__async_finish(asyncs[i], &failure);
		} else {
			sup__async_let_go(asyncs[i]);
		}
	}
	if (ret)
		return sup__error(ret, "not all jobs have ended in time");
	if (failed == n)
		return 0;
	if (ret_failed)
		*ret_failed = failed;
	if (ret_reason)
		*ret_reason = failure.reason;
	return sup__error(-EPIPE, "job %zu has ended without a result: %s",
			  failed, sup_reason_format(&failure.reason, text,
						    sizeof(text)));
}

/* True: the deadline has passed before as many as that were over. */
static bool await_some(struct sup_async *const *asyncs, size_t n,
		       size_t limit, int64_t deadline)
{
	int ret = 0;

	while (count_over(asyncs, n) < limit) {
		if (ret)
			return true;
		ret = sup__async_sleep(deadline);
		sup__task_checkpoint();
	}
	return false;
}

static int give_up(struct sup_async *async, enum sup_on_timeout on_timeout,
		   struct sup_outcome *ret_outcome)
{
	if (on_timeout == SUP_TIMEOUT_IGNORE)
		return sup_async_ignore(async, ret_outcome);
	return sup_async_shutdown(async, SUP_SHUTDOWN_KILL, ret_outcome);
}

int sup_async_yield_many(struct sup_async **asyncs, size_t n,
			 struct sup_outcome *ret_outcomes, size_t limit,
			 enum sup_on_timeout on_timeout, int64_t deadline)
{
	size_t there = 0, taken = 0, i;
	bool late;
	int ret;

	sup__task_checkpoint();
	if ((unsigned int)on_timeout > SUP_TIMEOUT_KILL)
		return sup__error(-EINVAL, "on_timeout %d is none of nothing, "
				  "ignore, kill", (int)on_timeout);
	ret = check_all(asyncs, n);
	if (ret)
		return ret;
	for (i = 0; i < n; i++)
		there += asyncs[i] != NULL;
	if (!limit || limit > there)
		limit = there;
	late = await_some(asyncs, n, limit, deadline);
	for (i = 0; i < n; i++) {
		ret_outcomes[i] = (struct sup_outcome){ 0 };
		if (!asyncs[i])
			continue;
		if (taken < limit && sup__async_is_over(asyncs[i])) {
			sup__async_finish(asyncs[i], &ret_outcomes[i]);
			taken++;
		} else if (!late || on_timeout == SUP_TIMEOUT_NOTHING ||
			   give_up(asyncs[i], on_timeout, &ret_outcomes[i])) {
			continue;
		}
		asyncs[i] = NULL;
	}
	return 0;
}
