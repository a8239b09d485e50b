/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Orchestrations and their runs. Whoever is killed leaves a run in the table,
 * and with it all that its end needs: Core looks who has ended, and how late it
 * is, at each deadline and at least once a second.
 */
#include "mabeam/core_runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sup/sup.h>

#include "mabeam/core_table.h"
#include "mabeam/service.h"

#define NS_PER_MS INT64_C(1000000)

struct orchestration {
	UT_hash_handle hh;
	struct mab__work *work;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Of all below. */
static struct orchestration *orchestrations;
static struct mab__run *runs;
static uint64_t last_nr, n_over, n_failed;
static int64_t total_ns;
static struct mab_run history[MAB_ORCHESTRATION_HISTORY];

static struct orchestration *find_locked(const char *id)
{
	struct orchestration *o;

	HASH_FIND_STR(orchestrations, id, o);
	return o;
}

static struct mab__run *run_locked(uint64_t nr)
{
	struct mab__run *r;

	HASH_FIND(hh, runs, &nr, sizeof(nr), r);
	return r;
}

static int unknown(const char *id)
{
	return sup_set_error(-ENOENT, "id: there is no orchestration \"%s\"",
			     id);
}

static size_t max_orchestrations(void)
{
	size_t max;

	pthread_mutex_lock(&mab__core.lock);
	max = mab__core.limits.max_variables;
	pthread_mutex_unlock(&mab__core.lock);
	return max;
}

static int add_locked(struct orchestration *o, size_t max)
{
	const char *id = o->work->spec.id;

	if (find_locked(id))
		return sup_set_error(-EEXIST, "id: there is an orchestration "
				     "\"%s\"", id);
	if (HASH_COUNT(orchestrations) >= max)
		return sup_set_error(-ENOSPC, "there are %zu orchestrations",
				     max);
	HASH_ADD_KEYPTR(hh, orchestrations, id, strlen(id), o);
	return o->hh.tbl ? 0 : mab__nomem("an orchestration");
}

int mab_orchestration_register(const struct mab_orchestration_spec *given)
{
	struct mab_orchestration_spec spec;
	struct orchestration *o;
	size_t max;
	int ret;

	ret = mab__copy_options(&spec, sizeof(spec), given);
	if (ret)
		return ret;
	o = calloc(1, sizeof(*o));
	if (!o)
		return mab__nomem("an orchestration");
	ret = mab__work_new(&spec, &o->work);
	if (ret)
		goto err;
	max = max_orchestrations();
	pthread_mutex_lock(&lock);
	ret = add_locked(o, max);
	pthread_mutex_unlock(&lock);
	if (!ret)
		return 0;
	free(o->work);
err:
	free(o);
	return ret;
}

int mab_orchestration_unregister(const char *id)
{
	struct orchestration *o;
	int ret;

	ret = mab__check_name("id", id);
	if (ret)
		return ret;
	pthread_mutex_lock(&lock);
	o = find_locked(id);
	if (o)
		HASH_DEL(orchestrations, o);
	pthread_mutex_unlock(&lock);
	if (!o)
		return unknown(id);
	free(o->work);
	free(o);
	return 0;
}

static const char **ids_locked(size_t n, void *(*alloc)(size_t size))
{
	struct orchestration *o;
	const char **ids;
	size_t size = 0;
	char *at;

	for (o = orchestrations; o; o = o->hh.next)
		size += strlen(o->work->spec.id) + 1;
	ids = alloc(n * sizeof(*ids) + size);
	if (!ids)
		return NULL;
	at = (char *)(ids + n);
	for (o = orchestrations, n = 0; o; o = o->hh.next) {
		ids[n++] = at;
		at = stpcpy(at, o->work->spec.id) + 1;
	}
	return ids;
}

int mab__orchestration_ids(void *(*alloc)(size_t size), const char ***ret_ids,
			   size_t *ret_n)
{
	const char **ids = NULL;
	size_t n;

	pthread_mutex_lock(&lock);
	n = HASH_COUNT(orchestrations);
	if (n)
		ids = ids_locked(n, alloc);
	pthread_mutex_unlock(&lock);
	if (n && !ids)
		return mab__nomem("ids");
	*ret_ids = ids;
	*ret_n = n;
	return 0;
}

int mab_orchestration_list(const char ***ret_ids, size_t *ret_n)
{
	return mab__orchestration_ids(malloc, ret_ids, ret_n);
}

static bool is_overdue_locked(const char *id)
{
	const struct mab__run *r;

	for (r = runs; r; r = r->hh.next)
		if (r->noted && sup_is_alive(r->pid) &&
		    !strcmp(r->work->spec.id, id))
			return true;
	return false;
}

static int64_t earlier(int64_t deadline, int64_t ms)
{
	int64_t own = sup_deadline_ms(ms);

	return deadline < 0 || deadline > own ? own : deadline;
}

static int64_t time_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int draw_locked(const char *id, int64_t deadline, struct mab__run *r)
{
	struct orchestration *o = find_locked(id);
	const struct mab_orchestration_spec *spec;
	int ret;

	if (!o)
		return unknown(id);
	spec = &o->work->spec;
	if (is_overdue_locked(id))
		return sup_set_error(-EBUSY, "id: a run of \"%s\" is overdue",
				     id);
	ret = mab__work_new(spec, &r->work);
	if (ret)
		return ret;
	r->nr = ++last_nr;
	r->owner = sup_self();
	r->began = sup_deadline_ms(0);
	r->time = time_now();
	r->deadline = earlier(deadline, spec->timeout_ms);
	HASH_ADD(hh, runs, nr, sizeof(r->nr), r);
	return r->hh.tbl ? 0 : mab__nomem("a run");
}

static void free_run(struct mab__run *r)
{
	if (r)
		free(r->work);
	free(r);
}

int mab__orchestration_draw(const char *id, int64_t deadline, uint64_t *ret_nr,
		  int64_t *ret_deadline, enum sup_containment *ret_containment)
{
	struct mab__run *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return mab__nomem("a run");
	pthread_mutex_lock(&lock);
	ret = draw_locked(id, deadline, r);
	if (!ret) {
		*ret_nr = r->nr;
		*ret_deadline = r->deadline;
		*ret_containment = r->work->spec.containment;
	}
	pthread_mutex_unlock(&lock);
	if (ret)
		free_run(r);
	return ret;
}

const struct mab__run *mab__orchestration_begin(uint64_t nr)
{
	struct mab__run *r;

	pthread_mutex_lock(&lock);
	r = run_locked(nr);
	if (r)
		r->pid = sup_self();
	pthread_mutex_unlock(&lock);
	/* It stays while this task lives. */
	return r;
}

void mab__orchestration_adapts(uint64_t nr)
{
	struct mab__run *r;

	pthread_mutex_lock(&lock);
	r = run_locked(nr);
	if (r)
		r->adapts = true;
	pthread_mutex_unlock(&lock);
}

static enum mab_run_end end_of_locked(const struct mab__run *r,
				      const struct sup_reason *reason)
{
	if (!reason)
		return MAB_RUN_TIMED_OUT;
	switch (reason->kind) {
	case SUP_REASON_NORMAL:
		return MAB_RUN_DONE;
	case SUP_REASON_EXIT:
		return r->adapts ? MAB_RUN_NOT_ADAPTED : MAB_RUN_FAILED;
	case SUP_REASON_SHUTDOWN:
		/* As it was told to, by Core. */
		if (sup_deadline_ms(0) >= r->deadline)
			return MAB_RUN_TIMED_OUT;
		return MAB_RUN_CRASHED;
	default:
		return MAB_RUN_CRASHED;
	}
}

static void note_locked(struct mab__run *r, const struct sup_reason *reason,
			struct mab_run *run)
{
	*run = (struct mab_run){
		.end = end_of_locked(r, reason), .time = r->time,
		.duration_ns = sup_deadline_ms(0) - r->began,
	};
	strcpy(run->id, r->work->spec.id);
	if (reason)
		run->reason = *reason;
	if (run->end == MAB_RUN_FAILED || run->end == MAB_RUN_NOT_ADAPTED)
		run->error = reason->code;
	r->noted = true;
	history[n_over++ % MAB_ORCHESTRATION_HISTORY] = *run;
	n_failed += run->end != MAB_RUN_DONE;
	total_ns += run->duration_ns;
}

void mab__orchestration_over(uint64_t nr, const struct sup_reason *reason,
		   struct mab_run *run)
{
	struct mab__run *r, *over = NULL;

	pthread_mutex_lock(&lock);
	r = run_locked(nr);
	if (r) {
		note_locked(r, reason, run);
		/* One that goes on all the same needs it: it is overdue. */
		if (reason || !r->pid.v || !sup_is_alive(r->pid)) {
			HASH_DEL(runs, r);
			over = r;
		}
	}
	pthread_mutex_unlock(&lock);
	free_run(over);
}

void mab__orchestration_forget(uint64_t nr)
{
	struct mab__run *r;

	pthread_mutex_lock(&lock);
	r = run_locked(nr);
	if (r)
		HASH_DEL(runs, r);
	pthread_mutex_unlock(&lock);
	free_run(r);
}

enum what { NOTHING, TELL, ENDED };

/* What is to be done about the first run after that one. */
static enum what next_locked(uint64_t *nr, struct sup_pid *ret_pid)
{
	int64_t now = sup_deadline_ms(0);
	bool goes_on, unwanted;
	struct mab__run *r;

	for (r = runs; r; r = r->hh.next) {
		if (r->nr <= *nr)
			continue;
		unwanted = r->noted ||
			   (r->owner.v && !sup_is_alive(r->owner));
		goes_on = r->pid.v && sup_is_alive(r->pid);
		if (!unwanted && !(goes_on && now >= r->deadline))
			continue;
		*nr = r->nr;
		*ret_pid = r->pid;
		return goes_on ? TELL : ENDED;
	}
	return NOTHING;
}

static enum what next(uint64_t *nr, struct sup_pid *ret_pid)
{
	enum what what;

	pthread_mutex_lock(&lock);
	what = next_locked(nr, ret_pid);
	pthread_mutex_unlock(&lock);
	return what;
}

/*
 * Its owner has noted it, or else will not. It may have begun since it was
 * looked at: then it needs it, and is told to end at the next look.
 */
static void end(uint64_t nr, struct sup_pid pid)
{
	struct sup_reason reason = { .kind = SUP_REASON_LOST };
	struct mab__run *r, *over = NULL;
	struct mab_run run;

	if (pid.v)
		sup_wait(pid, &reason, SUP_TRY);
	pthread_mutex_lock(&lock);
	r = run_locked(nr);
	if (r && !(r->pid.v && sup_is_alive(r->pid))) {
		if (pid.v && !r->noted)
			note_locked(r, &reason, &run);
		HASH_DEL(runs, r);
		over = r;
	}
	pthread_mutex_unlock(&lock);
	free_run(over);
}

static int64_t ms_until_next(void)
{
	int64_t now = sup_deadline_ms(0), first = -1, left;
	const struct mab__run *r;

	pthread_mutex_lock(&lock);
	for (r = runs; r; r = r->hh.next) {
		left = (r->deadline - now) / NS_PER_MS + 1;
		if (r->deadline > now && (first < 0 || left < first))
			first = left;
	}
	pthread_mutex_unlock(&lock);
	return first;
}

int64_t mab__runs_look(void)
{
	struct sup_pid pid;
	enum what what;
	uint64_t nr = 0;

	while ((what = next(&nr, &pid))) {
		if (what == TELL)
			sup_exit(pid, &SUP_SHUTDOWN);
		else
			end(nr, pid);
	}
	return ms_until_next();
}

void mab__runs_count(struct mab__run_counts *ret)
{
	const struct mab__run *r;
	size_t i;

	*ret = (struct mab__run_counts){ .running = 0 };
	pthread_mutex_lock(&lock);
	ret->orchestrations = HASH_COUNT(orchestrations);
	for (r = runs; r; r = r->hh.next) {
		if (!r->pid.v || !sup_is_alive(r->pid))
			continue;
		ret->running++;
		ret->overdue += r->noted;
	}
	ret->runs = n_over;
	ret->failed = n_failed;
	ret->average_ns = n_over ? total_ns / (int64_t)n_over : 0;
	ret->recent = n_over < MAB_ORCHESTRATION_HISTORY ? n_over :
		      MAB_ORCHESTRATION_HISTORY;
	for (i = 0; i < ret->recent; i++)
		ret->recent_failed += history[i].end != MAB_RUN_DONE;
	pthread_mutex_unlock(&lock);
}

int mab_orchestration_history(struct mab_run **ret_runs, size_t *ret_n)
{
	struct mab_run *copies;
	size_t i, n;

	copies = malloc(sizeof(history));
	if (!copies)
		return mab__nomem("a history");
	pthread_mutex_lock(&lock);
	n = n_over < MAB_ORCHESTRATION_HISTORY ? n_over :
	    MAB_ORCHESTRATION_HISTORY;
	for (i = 0; i < n; i++)
		copies[i] = history[(n_over - 1 - i) %
				    MAB_ORCHESTRATION_HISTORY];
	pthread_mutex_unlock(&lock);
	if (!n) {
		free(copies);
		copies = NULL;
	}
	*ret_runs = copies;
	*ret_n = n;
	return 0;
}
