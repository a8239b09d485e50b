/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An async holds its task, so that the reason of its end is known for as long
 * as anyone may ask, and is on the list of those who wait for that end from the
 * beginning: so there is no moment at which an end could be missed, and no
 * message of it in anybody's mailbox.
 *
 * A thread that ends with asyncs, because it was killed or forgot them, has
 * them let go by the destructor of a thread key, which runs after every way to
 * end that libsup knows.
 */
#include "core/async.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include <sup/link.h>
#include <sup/monitor.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "core/job.h"
#include "core/monitor.h"
#include "core/seat.h"
#include "core/table.h"

#define DEFAULT_SHUTDOWN_MS 5000

struct sup_async {
	struct sup__owned owned;	/* first */
	struct sup__job *job;		/* NULL: completed */
	struct sup_pid pid;
	struct sup__task *task;		/* NULL: none, or gone at once */
	struct sup__waiter waiter;	/* on its list, unless told */
	bool linked;
	enum { LET_GO, SHUT, KILL } when_dropped;
	struct sup_msg completed;
};

/* What the calling thread owns. Its address is the thread's name. */
static _Thread_local struct sup__owned *mine;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int key_error;

static void drop_all(void *unused)
{
	struct sup__owned *owned;

	(void)unused;
	while ((owned = mine)) {
		sup__disown(owned);
		owned->drop(owned);
	}
}

static void make_key(void)
{
	key_error = pthread_key_create(&key, drop_all);
}

int sup__own(struct sup__owned *owned, void (*drop)(struct sup__owned *owned))
{
	pthread_once(&once, make_key);
	if (key_error || pthread_setspecific(key, &mine))
		return sup__error_nomem("what a thread owns");
	owned->drop = drop;
	owned->owner = &mine;
	owned->next = mine;
	owned->at = &mine;
	if (mine)
		mine->at = &owned->next;
	mine = owned;
	return 0;
}

void sup__disown(struct sup__owned *owned)
{
	*owned->at = owned->next;
	if (owned->next)
		owned->next->at = owned->at;
}

int sup__check_owner(const struct sup__owned *owned)
{
	if (owned->owner == &mine)
		return 0;
	return sup__error(-EPERM, "it belongs to another thread");
}

int sup__async_check_owner(const struct sup_async *a)
{
	return sup__check_owner(&a->owned);
}

static void leave_task(struct sup_async *a)
{
	if (!a->task)
		return;
	/* Whoever tells us is at it: a few instructions. */
	if (!atomic_load(&a->waiter.told) &&
	    !sup__waiter_leave(a->task, &a->waiter))
		while (!atomic_load(&a->waiter.told))
			sched_yield();
	sup__task_put(a->task);
	a->task = NULL;
}

/* Its task, if it has one, goes on without it. */
static void let_go(struct sup_async *a)
{
	leave_task(a);
	if (a->job) {
		sup__job_set_gate(a->job, SUP__GATE_NEVER);
		sup__job_put(a->job);
	}
	sup_msg_free(&a->completed);
	sup__free(a);
}

static void drop_async(struct sup__owned *owned)
{
	struct sup_async *a = (struct sup_async *)owned;

	if (a->when_dropped == KILL && a->pid.v)
		sup_kill(a->pid, SUP_TRY);
	else if (a->when_dropped == SHUT)
		sup_exit(a->pid, &SUP_SHUTDOWN);
	let_go(a);
}

void sup__async_let_go(struct sup_async *a)
{
	sup__disown(&a->owned);
	let_go(a);
}

static struct sup_async *new_async(void)
{
	struct sup_async *a = sup__zalloc(sizeof(*a));

	if (!a) {
		sup__error_nomem("an async");
		return NULL;
	}
	a->waiter.seat = sup__seat_self();
	if (!a->waiter.seat || sup__own(&a->owned, drop_async)) {
		sup__free(a);
		return NULL;
	}
	return a;
}

/* The job waits at its gate; so nobody but others' kills can end it yet. */
static int attach(struct sup_async *a, bool link)
{
	int ret;

	a->task = sup__task_get(a->pid);
	if (a->task) {
		a->waiter.pid = a->pid.v;
		if (!sup__waiter_join(a->task, &a->waiter))
			atomic_store(&a->waiter.told, true);
	}
	if (!link || !sup__self)
		return 0;
	ret = sup_link(a->pid);
	/* One that has been killed already is met by who waits for it. */
	if (ret == -ESRCH)
		return 0;
	a->linked = !ret;
	return ret;
}

static int start_job(struct sup_pid sup, struct sup_async *a, bool link)
{
	int ret = sup__job_start(sup, a->job, &a->pid);

	if (!ret)
		ret = attach(a, link);
	return ret;
}

/*
 * ORDER: the job has its arg before it is started, for there we may be ended;
 * then whoever is the last to hold it frees both.
 */
static int start(struct sup_pid sup, const struct sup_job_spec *spec,
		 bool link, bool consume, struct sup_async **ret_async)
{
	struct sup__job *job = sup__job_new(spec, SUP__GATE_SHUT);
	struct sup_async *a = job ? new_async() : NULL;
	int ret = -ENOMEM;

	if (a) {
		a->job = job;
		sup__job_own_arg(job, true);
		ret = start_job(sup, a, link);
		if (ret)
			sup__job_own_arg(job, false);
	}
	if (ret) {
		if (consume && spec->free_arg)
			spec->free_arg(spec->arg);
		if (a)
			sup__async_let_go(a);
		else if (job)
			sup__job_put(job);
		return ret;
	}
	sup__job_set_gate(a->job, SUP__GATE_OPEN);
	*ret_async = a;
	return 0;
}

int sup__async_start(struct sup_pid sup, const struct sup_job_spec *spec,
		     bool link, struct sup_async **ret_async)
{
	return start(sup, spec, link, true, ret_async);
}

static int check_and_start(struct sup_pid sup, const struct sup_job_spec *from,
			   bool link, struct sup_async **ret_async)
{
	struct sup_job_spec spec;
	int ret;

	sup__task_checkpoint();
	ret = sup__job_check(from, &spec);
	if (ret)
		return ret;
	spec.restart = SUP_JOB_TEMPORARY;
	return start(sup, &spec, link, false, ret_async);
}

int sup_async_start(struct sup_pid sup, const struct sup_job_spec *spec,
		    struct sup_async **ret_async)
{
	return check_and_start(sup, spec, true, ret_async);
}

int sup_async_nolink(struct sup_pid sup, const struct sup_job_spec *spec,
		     struct sup_async **ret_async)
{
	return check_and_start(sup, spec, false, ret_async);
}

/* Its async is gone as soon as it is started. */
int sup_start_job(struct sup_pid sup, const struct sup_job_spec *from,
		  struct sup_pid *ret_pid)
{
	struct sup_job_spec spec;
	struct sup__job *job;
	struct sup_async *a;
	int ret;

	sup__task_checkpoint();
	ret = sup__job_check(from, &spec);
	if (ret)
		return ret;
	job = sup__job_new(&spec, SUP__GATE_OPEN);
	if (!job)
		return -ENOMEM;
	a = new_async();
	if (!a) {
		sup__job_put(job);
		return -ENOMEM;
	}
	a->job = job;
	/* ORDER: it may be over when the start returns. */
	sup__job_own_arg(job, true);
	ret = sup__job_start(sup, job, ret_pid);
	if (ret)
		sup__job_own_arg(job, false);
	sup__async_let_go(a);
	return ret;
}

int sup_async_completed(const struct sup_msg *result,
			struct sup_async **ret_async)
{
	struct sup_msg copy = *result;
	struct sup_async *a;

	if (!copy.free && copy.len) {
		copy.data = sup__memdup(result->data, result->len);
		if (!copy.data)
			return sup__error_nomem("a result");
		copy.free = sup__free;
	}
	a = new_async();
	if (!a) {
		if (!result->free)
			sup_msg_free(&copy);
		return -ENOMEM;
	}
	a->completed = copy;
	*ret_async = a;
	return 0;
}

struct sup_pid sup_async_pid(const struct sup_async *async)
{
	return async->pid;
}

bool sup__async_is_over(const struct sup_async *a)
{
	/* Who else waits may have been told before us. */
	return !a->task || sup__task_has_ended(a->task);
}

bool sup__async_has_failed(const struct sup_async *a)
{
	return a->job && sup__async_is_over(a) && !sup__job_has_result(a->job);
}

struct sup__job *sup__async_job(struct sup_async *a)
{
	return a->job;
}

void sup__async_kill_with_owner(struct sup_async *a)
{
	a->when_dropped = KILL;
}

int sup__async_sleep(int64_t deadline)
{
	if (sup__task_must_end())
		return -ECANCELED;
	return sup__seat_wait(sup__seat_self(), deadline);
}

/* -ETIMEDOUT; -EDEADLK: it waits for us. Does not return if we are to end. */
static int await_end(struct sup_async *a, int64_t deadline)
{
	struct sup__seat *seat = a->waiter.seat;
	int ret = 0;

	sup__task_checkpoint();
	if (sup__async_is_over(a))
		return 0;
	ret = sup__table_may_wait_for(seat, a->pid.v);
	while (!ret && !sup__async_is_over(a)) {
		ret = sup__async_sleep(deadline);
		if (ret == -ETIMEDOUT && sup__async_is_over(a))
			ret = 0;
	}
	atomic_store(&seat->waits_for, 0);
	/* A link ends us before the wait for the job is over. */
	sup__task_checkpoint();
	if (ret == -ETIMEDOUT)
		sup__error(ret, "the job has not ended in time");
	return ret;
}

void sup__async_finish(struct sup_async *a, struct sup_outcome *ret_outcome)
{
	struct sup_outcome outcome = { .kind = SUP_OUTCOME_OK };

	if (!a->job) {
		outcome.result = a->completed;
		a->completed = (struct sup_msg){ 0 };
	} else if (!sup__job_take_result(a->job, &outcome.result)) {
		outcome.kind = SUP_OUTCOME_EXIT;
		outcome.reason.kind = SUP_REASON_NOPROC;
		if (a->task)
			outcome.reason = a->task->reason;
		else
			sup__table_recall(a->pid, &outcome.reason);
	}
	sup__async_let_go(a);
	*ret_outcome = outcome;
}

static int to_error(const struct sup_outcome *outcome,
		    struct sup_msg *ret_result, struct sup_reason *ret_reason)
{
	char text[128];

	if (outcome->kind == SUP_OUTCOME_OK) {
		*ret_result = outcome->result;
		return 0;
	}
	if (ret_reason)
		*ret_reason = outcome->reason;
	return sup__error(-EPIPE, "the job has ended without a result: %s",
			  sup_reason_format(&outcome->reason, text,
					    sizeof(text)));
}

int sup_async_yield(struct sup_async *a, struct sup_msg *ret_result,
		    struct sup_reason *ret_reason, int64_t deadline)
{
	struct sup_outcome outcome;
	int ret = sup__async_check_owner(a);

	if (!ret)
		ret = await_end(a, deadline);
	if (ret)
		return ret;
	sup__async_finish(a, &outcome);
	return to_error(&outcome, ret_result, ret_reason);
}

int sup_async_await(struct sup_async *a, struct sup_msg *ret_result,
		    struct sup_reason *ret_reason, int64_t deadline)
{
	int ret = sup_async_yield(a, ret_result, ret_reason, deadline);

	if (ret == -ETIMEDOUT)
		sup__async_let_go(a);
	return ret;
}

int sup_async_ignore(struct sup_async *a, struct sup_outcome *ret_outcome)
{
	int ret = sup__async_check_owner(a);

	if (ret)
		return ret;
	if (a->linked)
		sup_unlink(a->pid, true);
	if (sup__async_is_over(a)) {
		sup__async_finish(a, ret_outcome);
		return 0;
	}
	sup__async_let_go(a);
	*ret_outcome = (struct sup_outcome){ .kind = SUP_OUTCOME_NONE };
	return 0;
}

static bool ended_as_asked(const struct sup_reason *reason, bool brutal)
{
	return brutal ? reason->kind == SUP_REASON_KILLED :
	       reason->kind == SUP_REASON_SHUTDOWN && !reason->term;
}

int sup_async_shutdown(struct sup_async *a, int64_t shutdown_ms,
		       struct sup_outcome *ret_outcome)
{
	bool brutal = shutdown_ms == SUP_SHUTDOWN_KILL;
	int64_t ms = shutdown_ms ? shutdown_ms : DEFAULT_SHUTDOWN_MS;
	int ret = sup__async_check_owner(a);

	if (!ret && shutdown_ms < SUP_SHUTDOWN_KILL)
		ret = sup__error(-EINVAL, "shutdown_ms %lld is neither a time "
				 "nor one of its names",
				 (long long)shutdown_ms);
	if (ret)
		return ret;
	/* ORDER: should we end between these two, it is told all the same. */
	a->when_dropped = brutal ? KILL : SHUT;
	if (a->linked)
		sup_unlink(a->pid, true);
	if (!sup__async_is_over(a) && !brutal) {
		sup_exit(a->pid, &SUP_SHUTDOWN);
		ret = await_end(a, sup_deadline_ms(ms));
		if (ret && ret != -ETIMEDOUT)
			return ret;
	}
	if (!sup__async_is_over(a)) {
		sup_kill(a->pid, SUP_TRY);
		ret = await_end(a, SUP_FOREVER);
		if (ret)
			return ret;
	}
	sup__async_finish(a, ret_outcome);
	if (ret_outcome->kind == SUP_OUTCOME_EXIT &&
	    ended_as_asked(&ret_outcome->reason, brutal))
		ret_outcome->kind = SUP_OUTCOME_NONE;
	return 0;
}
