/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A job: a function, what it is given, and what it leaves. Its child, its owner
 * and a stream that shows its item hold a reference each.
 */
#ifndef SUP_CORE_JOB_H
#define SUP_CORE_JOB_H

#include <sup/job.h>

struct sup__job;

/* What a job waits for before it runs. */
enum sup__gate {
	SUP__GATE_SHUT,
	SUP__GATE_OPEN,
	SUP__GATE_NEVER,	/* it ends, as shutdown, without having run */
};

/* A copy of a checked spec: 0, -EINVAL. */
int sup__job_check(const struct sup_job_spec *from,
		   struct sup_job_spec *ret_spec);

/*
 * A job of a checked spec, with one reference; arg stays the caller's. One
 * with a gate keeps its result. NULL: no memory.
 */
struct sup__job *sup__job_new(const struct sup_job_spec *spec,
			      enum sup__gate gate);

/* From here on the last put frees arg, or does not any more. */
void sup__job_own_arg(struct sup__job *job, bool own);

void sup__job_ref(struct sup__job *job);
void sup__job_put(struct sup__job *job);

/* Any thread. The first call counts. */
void sup__job_set_gate(struct sup__job *job, enum sup__gate gate);

/* As sup_start_child(). */
int sup__job_start(struct sup_pid sup, struct sup__job *job,
		   struct sup_pid *ret_pid);

/* After its task has ended: whether it has left a result. */
bool sup__job_has_result(const struct sup__job *job);

/* The same, and moves it out. */
bool sup__job_take_result(struct sup__job *job, struct sup_msg *ret_result);

#endif
