/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who runs orchestrations waits for their tasks, on its own thread; nobody
 * waits for others. All results come in one call, after which nothing is a safe
 * point: so none is lost with a caller that is killed.
 */
#include <mabeam/orchestration.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <foundation/foundation.h>
#include <sup/sup.h>

#include "mabeam/core_runs.h"
#include "mabeam/core_table.h"
#include "mabeam/service.h"

_Static_assert(sizeof(uintptr_t) >= sizeof(uint64_t), "a run in a pointer");

/* The task of a run. */
static int run_it(void *nr, struct sup_msg *ret_result)
{
	const struct mab__run *r = mab__orchestration_begin((uintptr_t)nr);
	const struct mab_orchestration_spec *spec;
	struct mab_orchestration o;
	int ret;

	if (!r)
		return -ECANCELED;
	spec = &r->work->spec;
	o = (struct mab_orchestration){
		.id = spec->id, .agents = spec->agents,
		.n_agents = r->work->n_agents, .deadline = r->deadline,
		.arg = spec->arg,
	};
	ret = spec->coordinate(&o, ret_result);
	if (ret || !spec->adapt)
		return ret;
	mab__orchestration_adapts(r->nr);
	return spec->adapt(&o, ret_result);
}

/* Those that one call runs; all of it is memory of the caller. */
struct batch {
	size_t n;
	int64_t deadline;		/* of the caller */
	uint64_t *nrs;			/* 0: it has not begun */
	int *errors;
	struct sup_async **asyncs;
	struct sup_outcome *outcomes;
};

static void free_batch(struct batch *b)
{
	mab__free(b->nrs);
	mab__free(b->errors);
	mab__free(b->asyncs);
	mab__free(b->outcomes);
}

static int new_batch(struct batch *b, size_t n, int64_t deadline)
{
	*b = (struct batch){ .n = n, .deadline = deadline };
	b->nrs = mab__alloc(n * sizeof(*b->nrs));
	b->errors = mab__alloc(n * sizeof(*b->errors));
	b->asyncs = mab__alloc(n * sizeof(*b->asyncs));
	b->outcomes = mab__alloc(n * sizeof(*b->outcomes));
	if (b->nrs && b->errors && b->asyncs && b->outcomes)
		return 0;
	free_batch(b);
	return mab__nomem("runs");
}

static int begin(struct batch *b, size_t i, const char *id, int64_t *ret_end)
{
	struct sup_job_spec job = {
		.size = sizeof(job), .name = "mab_run", .run = run_it,
	};
	int ret;

	b->nrs[i] = 0;
	b->asyncs[i] = NULL;
	ret = mab__orchestration_draw(id, b->deadline, &b->nrs[i], ret_end,
			    &job.containment);
	if (ret)
		return ret;
	job.arg = (void *)(uintptr_t)b->nrs[i];
	ret = sup_async_nolink(fnd_task_supervisor(), &job, &b->asyncs[i]);
	if (!ret)
		return 0;
	mab__orchestration_forget(b->nrs[i]);
	b->nrs[i] = 0;
	b->asyncs[i] = NULL;
	return ret == -ESRCH ? sup_set_error(-ENOTCONN, "the task supervisor "
					     "does not run") : ret;
}

static void wait_for_all(struct batch *b, int64_t last)
{
	mab__core_wake();
	sup_async_yield_many(b->asyncs, b->n, b->outcomes, 0,
			     SUP_TIMEOUT_IGNORE, last);
}

/* Not a safe point. */
static void fill(const struct batch *b, size_t i, const char *id,
		 struct mab_run *run)
{
	const struct sup_outcome *outcome = &b->outcomes[i];

	*run = (struct mab_run){ .end = MAB_RUN_NOT_STARTED };
	strcpy(run->id, id);
	if (!b->nrs[i]) {
		run->error = b->errors[i];
		return;
	}
	switch (outcome->kind) {
	case SUP_OUTCOME_OK:
		mab__orchestration_over(b->nrs[i], &SUP_NORMAL, run);
		run->result = outcome->result;
		break;
	case SUP_OUTCOME_EXIT:
		mab__orchestration_over(b->nrs[i], &outcome->reason, run);
		break;
	default:
		mab__orchestration_over(b->nrs[i], NULL, run);
		break;
	}
}

int mab_orchestrate(const char *id, struct mab_run *ret_run, int64_t deadline)
{
	struct batch b;
	int64_t last;
	int ret;

	ret = mab__check_name("id", id);
	if (!ret)
		ret = new_batch(&b, 1, deadline);
	if (ret)
		return ret;
	ret = begin(&b, 0, id, &last);
	if (!ret) {
		wait_for_all(&b, last);
		fill(&b, 0, id, ret_run);
	}
	free_batch(&b);
	return ret;
}

static int run_all(const char *const *ids, struct batch *b,
		   struct mab_run **ret_runs)
{
	struct mab_run *runs, lost;
	int64_t end, last = 0;
	size_t i;

	for (i = 0; i < b->n; i++) {
		b->errors[i] = begin(b, i, ids[i], &end);
		if (!b->errors[i] && end > last)
			last = end;
	}
	wait_for_all(b, last);
	runs = calloc(b->n, sizeof(*runs));
	for (i = 0; i < b->n; i++) {
		fill(b, i, ids[i], runs ? &runs[i] : &lost);
		if (!runs)
			sup_msg_free(&lost.result);
	}
	if (!runs)
		return mab__nomem("runs");
	*ret_runs = runs;
	return 0;
}

int mab_orchestrate_all(struct mab_run **ret_runs, size_t *ret_n,
			int64_t deadline)
{
	const char **ids;
	struct batch b;
	size_t n;
	int ret;

	ret = mab__orchestration_ids(mab__alloc, &ids, &n);
	if (ret)
		return ret;
	if (!n) {
		*ret_runs = NULL;
		*ret_n = 0;
		return 0;
	}
	ret = new_batch(&b, n, deadline);
	if (!ret) {
		ret = run_all(ids, &b, ret_runs);
		free_batch(&b);
	}
	mab__free(ids);
	if (!ret)
		*ret_n = n;
	return ret;
}

void mab_runs_free(struct mab_run *runs, size_t n)
{
	size_t i;

	for (i = 0; runs && i < n; i++)
		sup_msg_free(&runs[i].result);
	free(runs);
}
