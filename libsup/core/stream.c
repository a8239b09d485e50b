/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A stream has an entry for each item between its taking from the source and
 * its result: in the order of items, with an async as long as it runs. An item
 * is its job's arg, so it lives as long as anybody may look at it.
 *
 * The owner's thread does everything. Should it end with the stream open, its
 * asyncs, which are dropped one by one as all its others are, have their jobs
 * killed.
 */
#include <sup/stream.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <sup/link.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/spec.h"
#include "core/async.h"
#include "core/job.h"
#include "core/task.h"

#define DEFAULT_TIMEOUT_MS 5000

struct entry {
	struct entry *next;
	struct sup_async *async;	/* NULL: its outcome is there */
	struct sup__job *job;
	int64_t deadline;
	struct sup_stream_result result;
};

struct sup_stream {
	struct sup__owned owned;	/* first */
	struct sup_stream_spec spec;
	struct entry *first, **last;
	struct entry *shown;		/* its item was given out last */
	struct entry *starting;		/* not on the list yet */
	size_t n_running, n_items;
	bool source_over;
	int error;
};

static int check(const struct sup_stream_spec *spec)
{
	if (!spec->next || !spec->run)
		return sup__error(-EINVAL, "%s is missing",
				  spec->next ? "run" : "next");
	if (spec->timeout_ms < -1)
		return sup__error(-EINVAL, "timeout_ms %lld is no time",
				  (long long)spec->timeout_ms);
	if (spec->shutdown_ms < SUP_SHUTDOWN_KILL)
		return sup__error(-EINVAL, "shutdown_ms %lld is neither a "
				  "time nor one of its names",
				  (long long)spec->shutdown_ms);
	return 0;
}

static void free_entry(struct entry *e)
{
	if (!e)
		return;
	if (e->job)
		sup__job_put(e->job);
	sup__free(e);
}

/* All but the asyncs, which are somebody else's here. */
static void free_stream(struct sup_stream *s)
{
	struct entry *e;

	while ((e = s->first)) {
		s->first = e->next;
		if (!e->async)
			sup_msg_free(&e->result.outcome.result);
		free_entry(e);
	}
	free_entry(s->shown);
	free_entry(s->starting);
	sup__free(s);
}

static void drop_stream(struct sup__owned *owned)
{
	free_stream((struct sup_stream *)owned);
}

int sup_stream_open(const struct sup_stream_spec *from,
		    struct sup_stream **ret_stream)
{
	const size_t least = offsetof(struct sup_stream_spec, free_item);
	struct sup_stream *s = sup__zalloc(sizeof(*s));
	int ret;

	if (!s)
		return sup__error_nomem("a stream");
	ret = sup__spec_copy_least(&s->spec, sizeof(s->spec), from, least,
				   "sup_stream_spec");
	if (!ret)
		ret = check(&s->spec);
	if (!ret)
		ret = sup__own(&s->owned, drop_stream);
	if (ret) {
		sup__free(s);
		return ret;
	}
	if (!s->spec.max_concurrency)
		s->spec.max_concurrency =
			(size_t)sysconf(_SC_NPROCESSORS_ONLN);
	if (!s->spec.timeout_ms)
		s->spec.timeout_ms = DEFAULT_TIMEOUT_MS;
	s->last = &s->first;
	*ret_stream = s;
	return 0;
}

/* Starts a job for an item, which is consumed, whatever happens. */
static int start_job(struct sup_stream *s, struct entry *e, void *item)
{
	struct sup_job_spec job = {
		.size = sizeof(job), .run = s->spec.run, .arg = item,
		.free_arg = s->spec.free_item,
		.shutdown_ms = s->spec.shutdown_ms,
		.containment = s->spec.containment,
	};
	int ret;

	ret = sup__async_start(s->spec.sup, &job, !s->spec.nolink, &e->async);
	if (ret)
		return ret;
	sup__async_kill_with_owner(e->async);
	e->job = sup__async_job(e->async);
	sup__job_ref(e->job);
	e->deadline = sup_deadline_ms(s->spec.timeout_ms);
	e->result.item = item;
	e->result.index = s->n_items++;
	*s->last = e;
	s->last = &e->next;
	s->n_running++;
	return 0;
}

/* One more item. SUP_STREAM_END: there is none. */
static int take_item(struct sup_stream *s)
{
	struct entry *e;
	void *item;
	int ret;

	if (!s->starting)
		s->starting = sup__zalloc(sizeof(*e));
	e = s->starting;
	if (!e)
		return sup__error_nomem("an item of a stream");
	ret = s->spec.next(s->spec.source, &item);
	if (ret > SUP_STREAM_END)
		return sup__error(-EPROTO, "next returned %d", ret);
	if (ret)
		return ret;
	ret = start_job(s, e, item);
	if (!ret)
		s->starting = NULL;
	return ret;
}

static int fill(struct sup_stream *s)
{
	int ret = 0;

	while (!ret && !s->source_over &&
	       s->n_running < s->spec.max_concurrency) {
		ret = take_item(s);
		if (ret == SUP_STREAM_END) {
			s->source_over = true;
			ret = 0;
		}
	}
	return ret;
}

/* What a link tells of it is not for the owner's mailbox. */
static void silence(struct sup_stream *s, const struct entry *e)
{
	if (!s->spec.nolink && sup_self().v)
		sup_unlink(sup_async_pid(e->async), true);
}

/* Kills and awaits its job, which nobody asked for its outcome. */
static void end_entry(struct sup_stream *s, struct entry *e)
{
	struct sup_outcome *outcome = &e->result.outcome;

	silence(s, e);
	if (sup_async_shutdown(e->async, SUP_SHUTDOWN_KILL, outcome))
		sup__async_let_go(e->async);
	e->async = NULL;
	s->n_running--;
	if (outcome->kind == SUP_OUTCOME_NONE)
		outcome->kind = SUP_OUTCOME_EXIT;
}

/* Collects what is over, and ends what is late. */
static void reap(struct sup_stream *s)
{
	int64_t now = sup__now_ns();
	struct entry *e;

	for (e = s->first; e; e = e->next) {
		if (!e->async)
			continue;
		if (sup__async_is_over(e->async)) {
			silence(s, e);
			sup__async_finish(e->async, &e->result.outcome);
			e->async = NULL;
			s->n_running--;
		} else if (e->deadline != SUP_FOREVER && now >= e->deadline) {
			end_entry(s, e);
			e->result.timed_out =
				e->result.outcome.kind == SUP_OUTCOME_EXIT;
			if (e->result.timed_out && !s->spec.kill_late)
				s->error = sup__error(-ETIMEDOUT, "a job of "
						      "the stream was late");
		}
	}
}

/* The entry whose result is next, off the list; or NULL. */
static struct entry *take_entry(struct sup_stream *s)
{
	struct entry **link = &s->first, *e;

	while (s->spec.unordered && *link && (*link)->async)
		link = &(*link)->next;
	e = *link;
	if (!e || e->async)
		return NULL;
	*link = e->next;
	if (!e->next)
		s->last = link;
	return e;
}

static int64_t first_deadline(const struct sup_stream *s)
{
	int64_t first = SUP_FOREVER;
	const struct entry *e;

	for (e = s->first; e; e = e->next)
		if (e->async && e->deadline != SUP_FOREVER &&
		    (first == SUP_FOREVER || e->deadline < first))
			first = e->deadline;
	return first;
}

static void end_all(struct sup_stream *s)
{
	struct entry *e;

	/* All at once; but no link may tell us of it. */
	for (e = s->first; e; e = e->next) {
		if (!e->async)
			continue;
		silence(s, e);
		sup_kill(sup_async_pid(e->async), SUP_TRY);
	}
	for (e = s->first; e; e = e->next)
		if (e->async)
			end_entry(s, e);
}

static bool any_is_over(const struct sup_stream *s)
{
	const struct entry *e = s->first;

	while (e && !(e->async && sup__async_is_over(e->async)))
		e = e->next;
	return e;
}

static int find_next(struct sup_stream *s, struct entry **ret_entry)
{
	for (;;) {
		/* A link ends us before the wait for the job is over. */
		sup__task_checkpoint();
		reap(s);
		if (!s->error)
			s->error = fill(s);
		if (s->error)
			return s->error;
		*ret_entry = take_entry(s);
		if (*ret_entry)
			return 0;
		if (!s->n_running && s->source_over)
			return SUP_STREAM_END;
		/*
		 * ORDER: the look, then the sleep. Starting and ending jobs
		 * have slept, too, and may have had the wake of another one.
		 */
		if (!any_is_over(s))
			sup__async_sleep(first_deadline(s));
	}
}

int sup_stream_next(struct sup_stream *s, struct sup_stream_result *ret_result)
{
	char why[SUP__ERROR_MAX];
	struct entry *e = NULL;
	int ret = sup__check_owner(&s->owned);

	if (ret)
		return ret;
	sup__task_checkpoint();
	free_entry(s->shown);
	s->shown = NULL;
	if (s->error)
		return sup__error(s->error, "the stream has ended by an "
				  "error");
	ret = find_next(s, &e);
	if (ret < 0) {
		/* Ending the others may put other words there. */
		snprintf(why, sizeof(why), "%s", sup_error());
		end_all(s);
		return sup__error(ret, "%s", why);
	}
	if (ret)
		return ret;
	s->shown = e;
	*ret_result = e->result;
	return 0;
}

int sup_stream_close(struct sup_stream *s)
{
	int ret = sup__check_owner(&s->owned);

	if (ret)
		return ret;
	end_all(s);
	sup__disown(&s->owned);
	free_stream(s);
	return 0;
}
