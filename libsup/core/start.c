/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whoever starts a server, or a plain thread that says when it is ready, waits
 * on its own seat until t->start has left NEW:
 *
 *	init returned 0		the server moves it to DONE; if it says later
 *				that it is ready, sup_ready() does
 *	init failed		the server stores the error and ends; the end
 *				moves it to FAILED
 *	it ended before that	so it does here
 *	it took too long	the starter moves it to FAILED and kills it
 *
 * and, if it is FAILED, until the task has ended.
 */
#include "core/start.h"

#include <errno.h>

#include <sup/task.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "core/later.h"
#include "core/monitor.h"
#include "core/seat.h"
#include "core/slot.h"
#include "core/table.h"
#include "core/task.h"
#include "core/thread.h"

#define DEFAULT_READY_MS 30000

int sup__start_check(int64_t ready_timeout_ms)
{
	if (ready_timeout_ms >= 0)
		return 0;
	return sup__error(-EINVAL, "ready_timeout_ms: %lld is negative",
			  (long long)ready_timeout_ms);
}

struct sup__start_limits sup__start_limits(int64_t init_timeout_ms,
					   bool awaits_ready,
					   int64_t ready_timeout_ms)
{
	struct sup__start_limits limits = { SUP_FOREVER, SUP_FOREVER };

	if (init_timeout_ms)
		limits.init = sup_deadline_ms(init_timeout_ms);
	if (awaits_ready)
		limits.ready = sup_deadline_ms(ready_timeout_ms ?
					       ready_timeout_ms :
					       DEFAULT_READY_MS);
	return limits;
}

bool sup__start_is_over(const struct sup__task *t)
{
	return atomic_load(&t->start) != SUP__START_NEW;
}

/* The one that counts at the moment. */
int64_t sup__start_deadline(const struct sup__task *t,
			    const struct sup__start_limits *limits)
{
	if (limits->init == SUP_FOREVER || atomic_load(&t->init_is_over))
		return limits->ready;
	if (limits->ready == SUP_FOREVER || limits->init < limits->ready)
		return limits->init;
	return limits->ready;
}

/* Waits until the start is over. -ETIMEDOUT, -ECANCELED: we gave it up. */
static int await_start(struct sup__task *t, struct sup__seat *seat,
		       const struct sup__start_limits *limits)
{
	int64_t deadline = sup__start_deadline(t, limits);
	int ret = 0;

	while (!sup__start_is_over(t)) {
		if (sup__task_must_end())
			ret = -ECANCELED;
		if (ret && sup__task_give_up_start(t))
			return ret;
		ret = sup__seat_sleep(seat, deadline);
		/* Init may have returned just in time. */
		if (deadline != sup__start_deadline(t, limits)) {
			deadline = sup__start_deadline(t, limits);
			ret = 0;
		}
	}
	return 0;
}

static int start_error(struct sup__task *t, int given_up,
		       const struct sup__start_limits *limits)
{
	bool over = atomic_load(&t->init_is_over);
	char text[128];

	if (given_up == -ETIMEDOUT)
		return sup__error(-ETIMEDOUT, "\"%s\": %s", t->name,
				  sup__start_deadline(t, limits) ==
				  limits->ready ?
				  "it was not ready within ready_timeout_ms" :
				  "init took longer than init_timeout_ms");
	if (given_up)
		return given_up;
	if (t->start_error < 0)
		return t->start_text ?
			sup__error(t->start_error, "%s", t->start_text) :
			sup__error_sys(t->start_error, "\"%s\": init",
				       t->name);
	if (t->start_error)
		return t->start_error;
	return sup__error(-ECHILD, "\"%s\" ended %s: %s", t->name,
			  over ? "before it was ready" : "in init",
			  sup_reason_format(&t->reason, text, sizeof(text)));
}

int sup__start_finish(struct sup__task *t, struct sup__seat *seat,
		      const struct sup__start_limits *limits)
{
	int given_up, ret = 0;

	given_up = await_start(t, seat, limits);
	if (given_up)
		sup_kill(sup__task_pid(t), SUP_TRY);
	if (atomic_load(&t->start) == SUP__START_FAILED) {
		sup__monitor_await_end(t);
		ret = start_error(t, given_up, limits);
	}
	atomic_store(&seat->waits_for, 0);
	return ret;
}

/* One that its starter does not wait for here, core/later.h. */
struct left {
	struct sup__later later;	/* first */
	struct sup__start_limits limits;
};

static bool left_is_over(const struct sup__later *l)
{
	return sup__start_is_over(l->task);
}

static int64_t left_deadline(const struct sup__later *l)
{
	return sup__start_deadline(l->task, &((const struct left *)l)->limits);
}

static int left_finish(struct sup__later *l)
{
	int ret = sup__start_finish(l->task, sup__seat_self(),
				    &((struct left *)l)->limits);

	sup__task_put(l->task);
	sup__free(l);
	return ret;
}

int sup__start_leave(const struct sup__thread_make *m,
		     const struct sup__start_limits *limits,
		     struct sup_pid *ret_pid)
{
	struct left *left = sup__zalloc(sizeof(*left));
	int ret;

	if (!left)
		return sup__error_nomem("a start");
	left->later.is_over = left_is_over;
	left->later.deadline = left_deadline;
	left->later.finish = left_finish;
	left->limits = *limits;
	ret = sup__thread_begin(m, &left->later.task, ret_pid);
	if (ret) {
		sup__free(left);
		return ret;
	}
	left->later.pid = *ret_pid;
	sup__later_leave(&left->later);
	return 0;
}

int sup__start_wait(const struct sup__thread_make *m,
		    const struct sup__start_limits *limits,
		    struct sup_pid *ret_pid)
{
	struct sup__task *t;
	int ret = sup__thread_begin(m, &t, ret_pid);

	if (ret)
		return ret;
	ret = sup__start_finish(t, m->starter, limits);
	sup__task_put(t);
	/* It may be that the caller is to end. */
	sup__task_checkpoint();
	return ret;
}

int sup_ready(void)
{
	sup__task_checkpoint();
	if (!sup__self)
		return sup__error(-EPERM, "a foreign thread has no start");
	sup__self->is_ready = true;
	/* In init it counts when that has returned. */
	if (sup__self->awaits_ready && atomic_load(&sup__self->init_is_over))
		sup__task_started(sup__self);
	return 0;
}
