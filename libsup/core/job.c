/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread of a job may be ended at any of its safe points, and then nothing
 * of it runs but key destructors: so all it has is in its job, of which the
 * supervisor's child holds a reference until it has gone.
 *
 * Who asks the supervisor for a job may be ended in the middle of it, before
 * or after the request is sent. So what is sent is a number that holds
 * nothing: the start looks it up, and fails if the job is no more.
 *
 * A job whose owner is to be linked with it waits at its gate until it is. An
 * owner that ends before that leaves it at NEVER.
 */
#include "core/job.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include <sup/registry.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/lock.h"
#include "base/spec.h"
#include "core/task.h"

struct sup__job {
	/* Under jobs_lock. */
	struct sup__job *next;
	uintptr_t id;
	unsigned int refs;
	bool has_child;			/* one of them is the child's */

	_Atomic uint32_t gate;		/* a futex: enum sup__gate */
	struct sup_job_spec spec;
	char name[SUP_NAME_MAX + 1];
	bool owns_arg;
	bool keeps_result;
	/* Its task's, then of who has seen the end of that. */
	struct sup_msg result, unfinished;
	bool has_result;
};

#define BUCKETS 256

static struct sup__lock jobs_lock = SUP__LOCK_INIT;	/* the next two */
static struct sup__job *jobs[BUCKETS];
static uintptr_t last_id;

static struct sup__job **find_locked(uintptr_t id)
{
	struct sup__job **at = &jobs[id % BUCKETS];

	sup__assert_held(&jobs_lock);
	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

int sup__job_check(const struct sup_job_spec *from,
		   struct sup_job_spec *ret_spec)
{
	const size_t least = offsetof(struct sup_job_spec, free_arg);
	struct sup_job_spec spec;
	int ret;

	ret = sup__spec_copy_least(&spec, sizeof(spec), from, least,
				   "sup_job_spec");
	if (ret)
		return ret;
	if (!spec.run)
		return sup__error(-EINVAL, "run is missing");
	if ((unsigned int)spec.restart > SUP_JOB_PERMANENT)
		return sup__error(-EINVAL, "restart %d is none of temporary, "
				  "transient, permanent", (int)spec.restart);
	if (spec.shutdown_ms < SUP_SHUTDOWN_KILL)
		return sup__error(-EINVAL, "shutdown_ms %lld is neither a "
				  "time nor one of its names",
				  (long long)spec.shutdown_ms);
	*ret_spec = spec;
	return 0;
}

struct sup__job *sup__job_new(const struct sup_job_spec *spec,
			      enum sup__gate gate)
{
	struct sup__job *job = sup__zalloc(sizeof(*job));

	if (!job) {
		sup__error_nomem("a job");
		return NULL;
	}
	job->refs = 1;
	atomic_init(&job->gate, gate);
	job->keeps_result = gate == SUP__GATE_SHUT;
	job->spec = *spec;
	snprintf(job->name, sizeof(job->name), "%s",
		 spec->name ? spec->name : "job");
	sup__lock(&jobs_lock);
	job->id = ++last_id;
	job->next = jobs[job->id % BUCKETS];
	jobs[job->id % BUCKETS] = job;
	sup__unlock(&jobs_lock);
	return job;
}

void sup__job_own_arg(struct sup__job *job, bool own)
{
	job->owns_arg = own;
}

void sup__job_ref(struct sup__job *job)
{
	sup__lock(&jobs_lock);
	job->refs++;
	sup__unlock(&jobs_lock);
}

void sup__job_put(struct sup__job *job)
{
	bool last;

	sup__lock(&jobs_lock);
	last = !--job->refs;
	if (last)
		*find_locked(job->id) = job->next;
	sup__unlock(&jobs_lock);
	if (!last)
		return;
	sup_msg_free(&job->unfinished);
	sup_msg_free(&job->result);
	if (job->owns_arg && job->spec.free_arg)
		job->spec.free_arg(job->spec.arg);
	sup__free(job);
}

/* For a start: the job of that number with the child's reference, or NULL. */
static struct sup__job *take_for_child(uintptr_t id, bool *ret_first)
{
	struct sup__job *job;

	sup__lock(&jobs_lock);
	job = *find_locked(id);
	if (job) {
		*ret_first = !job->has_child;
		job->refs += *ret_first;
		job->has_child = true;
	}
	sup__unlock(&jobs_lock);
	return job;
}

/* The child has gone, or could not be started at all. */
static void put_for_child(void *arg)
{
	struct sup__job *job;

	sup__lock(&jobs_lock);
	job = *find_locked((uintptr_t)arg);
	job->has_child = false;
	sup__unlock(&jobs_lock);
	sup__job_put(job);
}

void sup__job_set_gate(struct sup__job *job, enum sup__gate gate)
{
	uint32_t shut = SUP__GATE_SHUT;

	if (atomic_compare_exchange_strong(&job->gate, &shut, gate))
		sup__futex_wake_all(&job->gate);
}

static void pass_gate(struct sup__job *job)
{
	/* Who tells us to end interrupts the wait. */
	while (atomic_load(&job->gate) == SUP__GATE_SHUT) {
		sup__task_checkpoint();
		sup__futex_wait(&job->gate, SUP__GATE_SHUT, SUP_FOREVER);
	}
	if (atomic_load(&job->gate) == SUP__GATE_NEVER)
		sup_exit_self(&SUP_SHUTDOWN);
}

static int run_job(void *arg)
{
	struct sup__job *job = arg;
	int ret;

	/* Left by an earlier life that was ended half-way. */
	sup_msg_free(&job->unfinished);
	pass_gate(job);
	ret = job->spec.run(job->spec.arg, &job->unfinished);
	if (ret || !job->keeps_result) {
		sup_msg_free(&job->unfinished);
		return ret;
	}
	job->result = job->unfinished;
	job->unfinished = (struct sup_msg){ 0 };
	job->has_result = true;
	return 0;
}

static int start_job(const void *arg, struct sup_pid *ret_pid)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = run_job,
	};
	struct sup__job *job;
	bool first = false;
	int ret;

	job = take_for_child((uintptr_t)arg, &first);
	if (!job)
		return sup__error(-ECANCELED, "who asked for the job has "
				  "ended");
	spec.name = job->name;
	spec.arg = job;
	spec.containment = job->spec.containment;
	spec.mailbox = job->spec.mailbox;
	spec.stack_size = job->spec.stack_size;
	ret = sup_thread_start(&spec, ret_pid);
	if (ret && first)
		put_for_child((void *)arg);
	return ret;
}

int sup__job_start(struct sup_pid sup, struct sup__job *job,
		   struct sup_pid *ret_pid)
{
	static const enum sup_restart restarts[] = {
		[SUP_JOB_TEMPORARY] = SUP_TEMPORARY,
		[SUP_JOB_TRANSIENT] = SUP_TRANSIENT,
		[SUP_JOB_PERMANENT] = SUP_PERMANENT,
	};
	struct sup_child_spec child = {
		.size = sizeof(child), .id = job->name,
		.start = start_job, .arg = (void *)job->id,
		.free_arg = put_for_child,
		.restart = restarts[job->spec.restart],
		.shutdown_ms = job->spec.shutdown_ms,
	};

	return sup_start_child(sup, &child, ret_pid);
}

bool sup__job_has_result(const struct sup__job *job)
{
	return job->has_result;
}

bool sup__job_take_result(struct sup__job *job, struct sup_msg *ret_result)
{
	if (!job->has_result)
		return false;
	job->has_result = false;
	*ret_result = job->result;
	job->result = (struct sup_msg){ 0 };
	return true;
}
