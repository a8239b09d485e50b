/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One lock guards the table and what changes in every process; ends are rare
 * beside what they cost. Requests to the exit source are made with it held: the
 * source takes only locks of its own, and calls nobody back from a request.
 */
#include "core/process.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <utlist.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/lock.h"
#include "base/log.h"
#include "core/audit.h"
#include "core/runtime.h"
#include "core/task.h"
#include "exit/exit.h"
#include "exit/proc.h"

#define READY_TIMEOUT_MS 30000
#define N_BUCKETS 256

struct process {
	struct sup__task *task;
	struct sup__exit_source *src;
	int stop_signal;
	struct sup__proc proc;		/* pid and pidfd are fixed once born */
	_Atomic uint32_t done;		/* futex, set with the lock held */
	bool is_starting;		/* its starter's: in start_era */
	unsigned int start_era;

	/* table_lock protects all below */
	struct process *prev, *next;	/* in table[] */
	pid_t pid;			/* its place there */
	uint64_t lineage;		/* 0: not known yet */
	bool alive;			/* born, and not ended */
	bool draining;			/* ended, its lineage has not */
	bool reaped;
	bool start_over;		/* its start has returned well */
	bool never_ran;			/* it ended before it could */
	bool no_room;			/* and had no room in the source */
	struct sup_reason reason;	/* of the end */
};

static struct sup__lock table_lock = SUP__LOCK_INIT;	/* the next two */
static struct process *table[N_BUCKETS];
static unsigned int n_untracked;	/* records that told of such */

static struct process **bucket_of(pid_t pid)
{
	return &table[(unsigned int)pid % N_BUCKETS];
}

static void table_add_locked(struct process *p, pid_t pid)
	SUP__REQUIRES(table_lock)
{
	p->pid = pid;
	DL_APPEND(*bucket_of(pid), p);
}

static void table_del_locked(struct process *p) SUP__REQUIRES(table_lock)
{
	DL_DELETE(*bucket_of(p->pid), p);
}

/*
 * A number may be used again as soon as its process was reaped: that of a
 * descendant is no child's, and ends of adopted processes, which their real
 * parents reap, are told in their order: the first is it.
 */
static struct process *find_alive_locked(const struct sup__exit_event *ev)
	SUP__REQUIRES(table_lock)
{
	struct process *p;

	DL_FOREACH(*bucket_of(ev->pid), p)
		if (p->pid == ev->pid && p->alive && !ev->descendant &&
		    (!p->lineage || ev->unrecorded ||
		     p->lineage == ev->lineage))
			break;
	return p;
}

static bool is_drained_by(const struct process *p,
			  const struct sup__exit_event *ev)
{
	if (!p->draining)
		return false;
	return ev->lineage ? p->lineage == ev->lineage :
	       p->pid == ev->pid;
}

static struct process *find_draining_locked(const struct sup__exit_event *ev)
	SUP__REQUIRES(table_lock)
{
	struct process *p;
	int i;

	for (i = 0; i < N_BUCKETS; i++)
		DL_FOREACH(table[i], p)
			if (is_drained_by(p, ev))
				return p;
	return NULL;
}

bool sup__process_knows(uint64_t lineage, pid_t first)
{
	struct process *p = NULL;
	int i;

	sup__lock(&table_lock);
	if (first)
		DL_FOREACH(*bucket_of(first), p)
			if (p->pid == first && p->alive &&
			    (!p->lineage || p->lineage == lineage))
				break;
	for (i = 0; i < N_BUCKETS && !p; i++)
		DL_FOREACH(table[i], p)
			if (p->lineage == lineage)
				break;
	sup__unlock(&table_lock);
	return p;
}

static int kill_lineage_locked(struct process *p) SUP__REQUIRES(table_lock)
{
	int ret = -ESRCH;

	if (p->alive || p->draining)
		ret = p->src->ops->kill(p->src, &p->proc, p->lineage, SIGKILL,
					true);
	return ret;
}

static void process_exit(void *priv, const struct sup_reason *reason)
{
	struct process *p = priv;

	(void)reason;
	sup__lock(&table_lock);
	if (p->alive)
		sup__proc_signal(&p->proc, p->stop_signal);
	sup__unlock(&table_lock);
}

static void process_kill(void *priv)
{
	struct process *p = priv;
	int ret;

	sup__lock(&table_lock);
	ret = kill_lineage_locked(p);
	sup__unlock(&table_lock);
	if (ret && ret != -ESRCH)
		sup__log(LOG_ERR, "pid %d: its lineage is not killed: %s",
			 (int)p->pid, sup_error());
}

static void process_free(void *priv)
{
	struct process *p = priv;

	sup__proc_close(&p->proc);
	sup__free(p);
}

static const struct sup__task_ops process_ops = {
	.exit = process_exit,
	.kill = process_kill,
	.free = process_free,
};

/* Ended as it was asked to: that is the reason it was asked with. */
static void amend_reason(struct process *p)
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

/* Nothing of it is left. Who starts it, if still at it, ends the task. */
static void finish(struct process *p)
{
	struct sup_reason reason;
	bool start_over;

	sup__lock(&table_lock);
	table_del_locked(p);
	if (!p->reaped)
		sup__proc_reap(&p->proc, &reason, NULL);
	p->reaped = true;
	p->alive = false;
	p->draining = false;
	amend_reason(p);
	reason = p->reason;
	start_over = p->start_over;
	atomic_store(&p->done, 1);
	sup__futex_wake_all(&p->done);
	sup__unlock(&table_lock);
	if (start_over)
		sup__task_end(p->task, &reason);
}

static void process_ended(struct process *p)
{
	process_kill(p);
	if (!p->src->ops->lineage_alive(p->src, &p->proc, p->lineage))
		finish(p);
}

bool sup__process_event(const struct sup__exit_event *ev)
{
	struct process *p = NULL;

	sup__lock(&table_lock);
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
		p->alive = false;
		p->draining = true;
	}
	sup__unlock(&table_lock);
	/* Only this thread takes it further: p stays. */
	if (p && ev->kind == SUP__EXIT_PROCESS)
		process_ended(p);
	else if (p)
		finish(p);
	return p;
}

static void start_is_known(struct process *p)
{
	if (p->is_starting)
		sup__start_end(p->start_era);
	p->is_starting = false;
}

static void born(const struct sup__proc *proc, void *arg)
{
	struct sup_reason reason;
	struct process *p = arg;

	sup__lock(&table_lock);
	p->alive = true;
	table_add_locked(p, proc->pid);
	sup__unlock(&table_lock);
	start_is_known(p);
	sup__task_set_os(p->task, proc->pid, 0);
	if (sup__task_killed(p->task))
		process_kill(p);
	else if (sup__task_asked(p->task, &reason))
		process_exit(p, &reason);
}

/* The source is to make sure that its end will be told, if it was not. */
static int doubt_locked(struct process *p) SUP__REQUIRES(table_lock)
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
	struct process *p;
	int i, err = 0;

	sup__lock(&table_lock);
	n_untracked++;
	for (i = 0; i < N_BUCKETS; i++)
		DL_FOREACH(table[i], p)
			if (with_lineage || !p->lineage)
				err = doubt_locked(p) ?: err;
	sup__unlock(&table_lock);
	log_doubt(err);
}

void sup__process_untracked(void)
{
	doubt_all(false);
}

static struct process *any_draining(void)
{
	struct process *p = NULL;
	int i;

	sup__lock(&table_lock);
	for (i = 0; i < N_BUCKETS && !p; i++)
		DL_FOREACH(table[i], p)
			if (p->draining)
				break;
	sup__unlock(&table_lock);
	return p;
}

/* Nobody will tell of the end of a lineage. */
void sup__process_source_ended(void)
{
	struct process *p;

	doubt_all(true);
	while ((p = any_draining()))
		finish(p);
}

static unsigned int count_untracked(void)
{
	unsigned int n;

	sup__lock(&table_lock);
	n = n_untracked;
	sup__unlock(&table_lock);
	return n;
}

/* One that did not run may have had no room; so may one that did. */
static void look_at_start(struct process *p, bool never_ran,
			  unsigned int untracked_before)
{
	int err = 0;

	sup__lock(&table_lock);
	p->never_ran = never_ran;
	if (never_ran || n_untracked != untracked_before)
		err = doubt_locked(p);
	sup__unlock(&table_lock);
	log_doubt(err);
}

static int spawn(struct process *p, const struct sup_process_spec *spec)
{
	struct sup__proc_start start = {
		.spec = spec, .src = p->src, .born = born, .arg = p,
	};
	unsigned int untracked = count_untracked();
	int64_t deadline;
	int ret;

	p->is_starting = true;
	p->start_era = sup__start_begin();
	ret = sup__proc_spawn(&start, &p->proc);
	start_is_known(p);
	if (p->proc.pid)
		look_at_start(p, ret == -ECHILD, untracked);
	if (ret || spec->readiness != SUP_READY_NOTIFY)
		return ret;
	deadline = sup_deadline_ms(spec->ready_timeout_ms ?
				   spec->ready_timeout_ms : READY_TIMEOUT_MS);
	do {
		ret = sup__proc_wait_ready(&p->proc, deadline);
	} while (ret == -EINTR && !sup__task_must_end());
	return ret;
}

static int wait_done(struct process *p, int64_t deadline)
{
	while (!atomic_load(&p->done))
		if (sup__futex_wait(&p->done, 0, deadline) == -ETIMEDOUT)
			return -ETIMEDOUT;
	/* Whoever set it has let go of p once the lock is free. */
	sup__lock(&table_lock);
	sup__unlock(&table_lock);
	return 0;
}

/*
 * With the table locked an end that is told meanwhile waits until p is in it;
 * one that was told before has taken the member away.
 */
static int take_over(struct process *p, uint64_t lineage)
{
	int ret;

	sup__lock(&table_lock);
	ret = p->src->ops->find(p->src, lineage, &p->proc);
	if (!ret) {
		p->lineage = lineage;
		p->alive = true;
		p->reaped = true;	/* not ours to reap */
		table_add_locked(p, p->proc.pid);
	}
	sup__unlock(&table_lock);
	if (!ret)
		sup__task_set_os(p->task, p->proc.pid, 0);
	return ret;
}

/* Kills what a dead process has left behind, and waits until it is gone. */
static int clear_lineage(struct process *p, uint64_t lineage)
{
	int ret;

	sup__lock(&table_lock);
	p->lineage = lineage;
	p->draining = true;
	table_add_locked(p, 0);
	ret = kill_lineage_locked(p);
	if (ret == -ESRCH) {
		table_del_locked(p);
		ret = 0;
	} else {
		ret = -EINPROGRESS;
	}
	sup__unlock(&table_lock);
	if (ret == -EINPROGRESS)
		ret = wait_done(p, sup_deadline_ms(READY_TIMEOUT_MS));
	sup__lock(&table_lock);
	if (ret && !atomic_load(&p->done))
		table_del_locked(p);
	else
		ret = 0;
	p->lineage = 0;
	p->draining = false;
	p->reaped = false;
	atomic_store(&p->done, 0);
	sup__unlock(&table_lock);
	if (ret)
		sup__error(ret, "adopt_lineage %llu: its processes do not end",
			   (unsigned long long)lineage);
	return ret;
}

static int adopt_or_spawn(struct process *p,
			  const struct sup_process_spec *spec)
{
	int ret;

	if (!spec->adopt_lineage)
		return spawn(p, spec);
	ret = take_over(p, spec->adopt_lineage);
	if (ret == -EOPNOTSUPP)
		return spawn(p, spec);
	if (ret != -ESRCH)
		return ret;
	ret = clear_lineage(p, spec->adopt_lineage);
	return ret ? ret : spawn(p, spec);
}

/* Its start went well; if it has ended by now, that is told from here. */
static void start_is_over(struct process *p)
{
	struct sup_reason reason;
	bool done;

	sup__lock(&table_lock);
	p->start_over = true;
	reason = p->reason;
	done = atomic_load(&p->done);
	sup__unlock(&table_lock);
	if (done)
		sup__task_end(p->task, &reason);
}

/* Leaves nothing behind, and keeps the sentence that says why. */
static int start_failed(struct process *p, int err)
{
	struct sup_reason reason = { .kind = SUP_REASON_EXIT, .code = err };
	char why[SUP__ERROR_MAX], how[128];
	bool was_born;

	memcpy(why, sup_error(), strlen(sup_error()) + 1);
	sup__lock(&table_lock);
	/* No watch, no end: spawn has reaped it. */
	was_born = p->proc.pid;
	if (!was_born && p->alive)
		table_del_locked(p);
	p->alive = p->alive && was_born;
	sup__unlock(&table_lock);
	if (was_born) {
		process_kill(p);
		wait_done(p, SUP_FOREVER);
		reason = p->reason;
	}
	if (p->no_room)
		err = sup__error(-EAGAIN, "the module has no room for another "
				 "process");
	else if (err == -ECHILD)
		sup__error(err, "%s: %s", why,
			   sup_reason_format(&reason, how, sizeof(how)));
	else
		sup__error(err, "%s", why);
	sup__task_end(p->task, &reason);
	return err;
}

static int process_new(const struct sup_process_spec *spec,
		       struct process **ret_p, struct sup_pid *ret_holder)
{
	struct process *p;
	int ret;

	if (!spec || spec->size < sizeof(*spec))
		return sup__error(-EINVAL, "size is not that of a "
				  "sup_process_spec");
	p = sup__zalloc(sizeof(*p));
	if (!p)
		return sup__error_nomem("a process");
	p->proc = (struct sup__proc)SUP__PROC_INIT;
	p->stop_signal = spec->stop_signal ? spec->stop_signal : SIGTERM;
	p->src = sup__runtime_source();
	if (p->src)
		ret = sup__task_new(&process_ops, p, spec->name, spec->reg,
				    &p->task, ret_holder);
	else
		ret = sup__error(-ENOTCONN, "sup_open() was not called");
	if (ret)
		sup__free(p);
	else
		*ret_p = p;
	return ret;
}

int sup_process_start(const void *process_spec, struct sup_pid *ret_pid)
{
	const struct sup_process_spec *spec = process_spec;
	struct sup_pid holder = SUP_PID_NONE, pid;
	struct process *p = NULL;
	int ret;

	sup__task_checkpoint();
	ret = process_new(spec, &p, &holder);
	if (ret == -EEXIST)
		*ret_pid = holder;
	if (ret)
		return ret;
	pid = sup__task_pid(p->task);
	ret = adopt_or_spawn(p, spec);
	if (!ret && !sup__task_started(p->task))
		ret = sup__error(-ECHILD, "it was given up while it started");
	if (ret)
		return start_failed(p, ret);
	start_is_over(p);
	*ret_pid = pid;
	return 0;
}

int sup_process_signal(struct sup_pid pid, int signo)
{
	struct sup__task *t;
	struct process *p;
	int ret = -ESRCH;

	if (signo < 1 || signo > SIGRTMAX)
		return sup__error(-EINVAL, "signal %d is none", signo);
	t = sup__task_get(pid);
	p = t ? sup__task_priv(t, &process_ops) : NULL;
	if (p) {
		sup__lock(&table_lock);
		if (p->alive)
			ret = sup__proc_signal(&p->proc, signo);
		sup__unlock(&table_lock);
	}
	if (t)
		sup__task_put(t);
	if (ret == -ESRCH)
		sup__error(ret, "no such process");
	return ret;
}
