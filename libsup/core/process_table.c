/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which process tasks there are, and how they end. Whatever is in the table is
 * found by an event's pid or lineage.
 */
#include "core/process_in.h"

#include <errno.h>
#include <signal.h>
#include <utlist.h>

#include "base/error.h"
#include "base/futex.h"
#include "base/log.h"
#include "core/process_function.h"
#include "core/task.h"

#define N_BUCKETS 256

struct sup__lock sup__processes = SUP__LOCK_INIT;	/* the next two */
static struct sup__process *table[N_BUCKETS];
static unsigned int n_untracked;	/* records that told of such */

static struct sup__process **bucket_of(pid_t pid)
{
	return &table[(unsigned int)pid % N_BUCKETS];
}

void sup__process_add_locked(struct sup__process *p, pid_t pid)
{
	p->pid = pid;
	DL_APPEND(*bucket_of(pid), p);
}

void sup__process_del_locked(struct sup__process *p)
{
	DL_DELETE(*bucket_of(p->pid), p);
}

/*
 * A number may be used again as soon as its process was reaped: that of a
 * descendant is no child's, and ends of adopted processes, which their real
 * parents reap, are told in their order: the first is it.
 */
static struct sup__process *find_alive_locked(const struct sup__exit_event *ev)
	SUP__REQUIRES(sup__processes)
{
	struct sup__process *p;

	DL_FOREACH(*bucket_of(ev->pid), p)
		if (p->pid == ev->pid && p->alive && !ev->descendant &&
		    (!p->lineage || ev->unrecorded ||
		     p->lineage == ev->lineage))
			break;
	return p;
}

static bool is_drained_by(const struct sup__process *p,
			  const struct sup__exit_event *ev)
{
	if (!p->draining)
		return false;
	return ev->lineage ? p->lineage == ev->lineage :
	       p->pid == ev->pid;
}

static struct sup__process *
find_draining_locked(const struct sup__exit_event *ev)
	SUP__REQUIRES(sup__processes)
{
	struct sup__process *p;
	int i;

	for (i = 0; i < N_BUCKETS; i++)
		DL_FOREACH(table[i], p)
			if (is_drained_by(p, ev))
				return p;
	return NULL;
}

bool sup__process_knows(uint64_t lineage, pid_t first)
{
	struct sup__process *p = NULL;
	int i;

	sup__lock(&sup__processes);
	if (first)
		DL_FOREACH(*bucket_of(first), p)
			if (p->pid == first && p->alive &&
			    (!p->lineage || p->lineage == lineage))
				break;
	for (i = 0; i < N_BUCKETS && !p; i++)
		DL_FOREACH(table[i], p)
			if (p->lineage == lineage)
				break;
	sup__unlock(&sup__processes);
	return p;
}

static int64_t due_at(const struct sup__process *p)
{
	int64_t at = INT64_MAX;

	if (p->alive && p->stop_at)
		at = p->stop_at;
	if (p->alive && p->watchdog_at && p->watchdog_at < at)
		at = p->watchdog_at;
	return at;
}

struct sup__process *sup__process_due_locked(int64_t now, int64_t *ret_next)
{
	struct sup__process *p, *due = NULL;
	int i;

	sup__assert_held(&sup__processes);
	*ret_next = INT64_MAX;
	for (i = 0; i < N_BUCKETS && !due; i++)
		DL_FOREACH(table[i], p) {
			if (due_at(p) <= now) {
				due = p;
				break;
			}
			if (due_at(p) < *ret_next)
				*ret_next = due_at(p);
		}
	return due;
}

int sup__process_kill_locked(struct sup__process *p)
{
	int ret = -ESRCH;

	if (p->alive || p->draining)
		ret = p->src->ops->kill(p->src, &p->proc, p->lineage, SIGKILL,
					true);
	return ret;
}

void sup__process_kill(struct sup__process *p)
{
	int ret;

	sup__lock(&sup__processes);
	ret = sup__process_kill_locked(p);
	sup__unlock(&sup__processes);
	if (ret && ret != -ESRCH)
		sup__log(LOG_ERR, "pid %d: its lineage is not killed: %s",
			 (int)p->pid, sup_error());
}

int sup__process_wait_done(struct sup__process *p, int64_t deadline)
{
	while (!atomic_load(&p->done))
		if (sup__futex_wait(&p->done, 0, deadline) == -ETIMEDOUT)
			return -ETIMEDOUT;
	/* Whoever set it has let go of p once the lock is free. */
	sup__lock(&sup__processes);
	sup__unlock(&sup__processes);
	return 0;
}

/* What it has sent is why it was killed, or would have been. */
static void amend_broken(struct sup__process *p)
{
	if (p->broken && (p->reason.kind == SUP_REASON_NORMAL ||
			  (p->reason.kind == SUP_REASON_SIGNAL &&
			   p->reason.signo == SIGKILL)))
		p->reason = (struct sup_reason){
			.kind = SUP_REASON_EXIT, .code = -EPROTO,
			.exit_ns = p->reason.exit_ns,
		};
}

/* Ended as it was asked to: that is the reason it was asked with. */
static void amend_reason(struct sup__process *p)
{
	struct sup_reason asked;

	if (!sup__task_asked(p->task, &asked))
		return;
	asked.exit_ns = p->reason.exit_ns;
	if (p->reason.kind == SUP_REASON_NORMAL ||
	    (p->reason.kind == SUP_REASON_SIGNAL &&
	     p->reason.signo == p->stop_signal))
		p->reason = asked;
}

static void reap(struct sup__process *p)
{
	struct sup_reason reason;

	sup__lock(&sup__processes);
	sup__process_del_locked(p);
	sup__process_unwatch_locked(p);
	if (!p->reaped)
		sup__proc_reap(&p->proc, &reason, NULL);
	p->reaped = true;
	p->alive = false;
	p->draining = false;
	amend_broken(p);
	amend_reason(p);
	sup__unlock(&sup__processes);
}

/*
 * Nothing of it is left. Who starts it, if still at it, ends the task. What it
 * wrote is told before its end is, by which p may go.
 */
static void finish(struct sup__process *p)
{
	struct sup_reason reason;
	bool start_over;

	sup__process_hear_rest(p);
	sup__process_function_rest(p);
	reap(p);
	sup__process_output_ended(p, &p->reason);
	sup__lock(&sup__processes);
	reason = p->reason;
	start_over = p->start_over;
	atomic_store(&p->done, 1);
	sup__futex_wake_all(&p->done);
	sup__unlock(&sup__processes);
	if (start_over)
		sup__task_end(p->task, &reason);
}

void sup__process_never_ready(struct sup__process *p)
{
	sup__lock(&sup__processes);
	sup__process_ready_locked(p, SUP__READY_NEVER);
	sup__unlock(&sup__processes);
}

/* What it said last was said before it ended. */
static void process_ended(struct sup__process *p)
{
	sup__process_hear(p);
	sup__process_never_ready(p);
	sup__process_kill(p);
	if (!p->src->ops->lineage_alive(p->src, &p->proc, p->lineage))
		finish(p);
}

bool sup__process_event(const struct sup__exit_event *ev)
{
	struct sup__process *p = NULL;

	sup__lock(&sup__processes);
	if (ev->kind == SUP__EXIT_LINEAGE)
		p = find_draining_locked(ev);
	else if (ev->kind == SUP__EXIT_PROCESS)
		p = find_alive_locked(ev);
	if (p && p->alive) {
		p->reason = ev->reason;
		p->reason.exit_ns = ev->exit_ns;
		p->lineage = ev->lineage;
		p->reaped = p->reaped || ev->reaped;
		p->no_room = ev->unrecorded && p->never_ran;
		if (p->no_room)
			p->reason = (struct sup_reason){
				.kind = SUP_REASON_EXIT, .code = -EAGAIN,
				.exit_ns = ev->exit_ns,
			};
		if (p->missed)
			p->reason.kind = SUP_REASON_WATCHDOG;
		p->alive = false;
		p->draining = true;
	}
	sup__unlock(&sup__processes);
	/* Only this thread takes it further: p stays. */
	if (p && ev->kind == SUP__EXIT_PROCESS)
		process_ended(p);
	else if (p)
		finish(p);
	return p;
}

/* The source is to make sure that its end will be told, if it was not. */
static int doubt_locked(struct sup__process *p) SUP__REQUIRES(sup__processes)
{
	return p->alive ? p->src->ops->doubt(p->src, &p->proc) : 0;
}

static void log_doubt(int err)
{
	if (err)
		sup__log(LOG_ERR, "the end of a process may be told late: %s",
			 sup_error());
}

/*
 * Whatever is in the table by now is looked at; what is not, but was born, has
 * looked at the count before.
 */
static void doubt_all(bool with_lineage)
{
	struct sup__process *p;
	int i, err = 0;

	sup__lock(&sup__processes);
	n_untracked++;
	for (i = 0; i < N_BUCKETS; i++)
		DL_FOREACH(table[i], p)
			if (with_lineage || !p->lineage)
				err = doubt_locked(p) ?: err;
	sup__unlock(&sup__processes);
	log_doubt(err);
}

void sup__process_untracked(void)
{
	doubt_all(false);
}

static struct sup__process *any_draining(void)
{
	struct sup__process *p = NULL;
	int i;

	sup__lock(&sup__processes);
	for (i = 0; i < N_BUCKETS && !p; i++)
		DL_FOREACH(table[i], p)
			if (p->draining)
				break;
	sup__unlock(&sup__processes);
	return p;
}

/* Nobody will tell of the end of a lineage. */
void sup__process_source_ended(void)
{
	struct sup__process *p;

	doubt_all(true);
	while ((p = any_draining()))
		finish(p);
}

unsigned int sup__process_untracked_count(void)
{
	unsigned int n;

	sup__lock(&sup__processes);
	n = n_untracked;
	sup__unlock(&sup__processes);
	return n;
}

/* One that did not run may have had no room; so may one that did. */
void sup__process_look_at_start(struct sup__process *p, bool never_ran,
			  unsigned int untracked_before)
{
	int err = 0;

	sup__lock(&sup__processes);
	p->never_ran = never_ran;
	if (never_ran || n_untracked != untracked_before)
		err = doubt_locked(p);
	sup__unlock(&sup__processes);
	log_doubt(err);
}

