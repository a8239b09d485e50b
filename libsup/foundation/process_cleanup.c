/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server of the ProcessRegistry: it ends what is in a namespace of tests.
 * There is at most one run for each namespace: a job under the task supervisor,
 * which has a job there for each task. The server waits for word from the run,
 * or for its end, and answers all who have asked; it never waits itself.
 *
 * If the server ends meanwhile its askers are told by their calls; the run goes
 * on, and its word is lost.
 */
#include <foundation/process_registry.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "foundation/names.h"
#include "foundation/service.h"

#define AT_A_TIME 10
#define ASKED_MS 100
#define TOLD_MS 50

enum tag {
	CLEAN_UP,	/* a call: struct fnd_namespace; the reply: size_t */
	CLEANED_UP,	/* a cast: struct word */
};

/* What a run has done: the last thing that its job says. */
struct word {
	struct sup_pid job;
	size_t n;
};

struct asker {
	struct asker *next;
	struct sup_from from;
};

struct run {
	struct run *next;
	struct fnd_namespace ns;
	struct sup_pid job;
	struct sup_ref monitor;
	struct asker *askers;
};

/* All of it is memory of the server's task, and goes with it. */
struct state {
	struct run *runs;
};

/*
 * Numbers as jobs' arguments: the memory of who starts a job goes with that,
 * which may be killed before the job has begun, or while it starts it.
 */
_Static_assert(sizeof(void *) >= sizeof(uint64_t), "a number in a pointer");

/* On the thread of a job; item is a task. */
static int end_one(void *item, struct sup_msg *ret_result)
{
	struct sup_pid pid = { (uintptr_t)item };

	(void)ret_result;
	if (!sup_server_stop(pid, &SUP_NORMAL, NULL,
			     sup_deadline_ms(ASKED_MS)))
		return 0;
	sup_exit(pid, &SUP_SHUTDOWN);
	if (!sup_wait(pid, NULL, sup_deadline_ms(TOLD_MS)))
		return 0;
	sup_kill(pid, SUP_TRY);
	return -sup_wait(pid, NULL, SUP_FOREVER);
}

struct source {
	struct fnd_process *processes;
	size_t n, at;
};

static int next_one(void *source, void **ret_item)
{
	struct source *s = source;

	if (s->at == s->n)
		return SUP_STREAM_END;
	*ret_item = (void *)(uintptr_t)s->processes[s->at++].pid.v;
	return 0;
}

static int end_all(struct source *s)
{
	struct sup_stream_spec spec = {
		.size = sizeof(spec), .sup = sup_whereis(FND__TASKS),
		.next = next_one, .source = s, .run = end_one,
		.nolink = true, .unordered = true,
		.max_concurrency = AT_A_TIME, .timeout_ms = -1,
	};
	struct sup_stream_result result;
	struct sup_stream *stream;
	int ret;

	ret = sup_stream_open(&spec, &stream);
	if (ret)
		return ret;
	while (!ret) {
		ret = sup_stream_next(stream, &result);
		if (!ret && result.outcome.kind != SUP_OUTCOME_OK)
			ret = -ECHILD;
	}
	sup_stream_close(stream);
	return ret == SUP_STREAM_END ? 0 : ret;
}

/* The job that is a run; arg is its namespace. */
static int run_all(void *arg, struct sup_msg *ret_result)
{
	struct word word = { .job = sup_self() };
	struct sup_msg msg = {
		.tag = CLEANED_UP, .data = &word, .len = sizeof(word),
	};
	struct fnd_process *found;
	struct source s;
	int ret;

	(void)ret_result;
	ret = fnd_process_find((struct fnd_namespace){ (uintptr_t)arg }, NULL,
			       &found, &word.n);
	if (ret)
		return -ret;
	/* Goes with the job, should that be killed. */
	s = (struct source){ sup_alloc(word.n * sizeof(*found) + 1), word.n,
			     0 };
	if (s.processes && word.n)
		memcpy(s.processes, found, word.n * sizeof(*found));
	free(found);
	if (!s.processes)
		return ENOMEM;
	ret = end_all(&s);
	if (!ret)
		ret = sup_cast(sup_whereis(FND__PROCESS_REGISTRY), &msg,
			       SUP_FOREVER);
	return -ret;
}

static struct run *find_run(struct state *s, struct fnd_namespace ns)
{
	struct run *r;

	LL_FOREACH(s->runs, r)
		if (r->ns.v == ns.v)
			break;
	return r;
}

static void answer(struct asker *a, const struct sup_msg *reply, int error)
{
	if (!error)
		error = sup_reply(a->from, reply);
	if (error)
		sup_reply_error(a->from, error);
}

/* The run is over, and gone. */
static void over(struct state *s, struct run *r, const struct sup_msg *reply,
		 int error)
{
	struct asker *a, *next;

	LL_DELETE(s->runs, r);
	sup_demonitor(r->monitor, true);
	LL_FOREACH_SAFE(r->askers, a, next) {
		answer(a, reply, error);
		sup_free(a);
	}
	sup_free(r);
}

static int start_job(struct fnd_namespace ns, struct run *r)
{
	struct sup_job_spec spec = {
		.size = sizeof(spec), .name = "fnd_cleanup", .run = run_all,
		.arg = (void *)(uintptr_t)ns.v,
	};
	int ret;

	ret = sup_start_job(sup_whereis(FND__TASKS), &spec, &r->job);
	if (!ret)
		ret = sup_monitor(r->job, &r->monitor);
	return ret == -ESRCH ? -ENOTCONN : ret;
}

static int start_run(struct state *s, struct fnd_namespace ns,
		     struct run **ret_run)
{
	struct run *r = sup_alloc(sizeof(*r));
	int ret;

	if (!r)
		return -ENOMEM;
	r->ns = ns;
	ret = start_job(ns, r);
	if (ret) {
		sup_free(r);
		return ret;
	}
	LL_PREPEND(s->runs, r);
	*ret_run = r;
	return 0;
}

static int call(void *state, struct sup_from from, struct sup_msg *req)
{
	struct state *s = state;
	struct fnd_namespace ns;
	struct asker *a;
	struct run *r;
	int ret = 0;

	if (req->tag != CLEAN_UP || req->len != sizeof(ns))
		return sup_reply_error(from, -EINVAL);
	memcpy(&ns, req->data, sizeof(ns));
	a = sup_alloc(sizeof(*a));
	if (!a)
		return sup_reply_error(from, -ENOMEM);
	a->from = from;
	r = find_run(s, ns);
	if (!r)
		ret = start_run(s, ns, &r);
	if (ret) {
		sup_free(a);
		return sup_reply_error(from, ret);
	}
	LL_PREPEND(r->askers, a);
	return SUP_CONTINUE;
}

static int cast(void *state, struct sup_msg *msg)
{
	struct state *s = state;
	struct word word;
	struct run *r;

	if (msg->tag != CLEANED_UP || msg->len != sizeof(word))
		return SUP_CONTINUE;
	memcpy(&word, msg->data, sizeof(word));
	LL_FOREACH(s->runs, r)
		if (r->job.v == word.job.v)
			break;
	if (r)
		over(s, r, &(struct sup_msg){ .data = &word.n,
			.len = sizeof(word.n) }, 0);
	return SUP_CONTINUE;
}

/* A job that has ended well has said so, though its end may be seen first. */
static int info(void *state, struct sup_info *info)
{
	struct state *s = state;
	struct run *r;

	if (info->kind != SUP_INFO_DOWN ||
	    info->reason.kind == SUP_REASON_NORMAL)
		return SUP_CONTINUE;
	LL_FOREACH(s->runs, r)
		if (r->monitor.v == info->ref.v)
			break;
	if (r)
		over(s, r, NULL, -ECHILD);
	return SUP_CONTINUE;
}

static void terminate(void *state, const struct sup_reason *reason)
{
	struct state *s = state;
	struct run *r, *next;

	(void)reason;
	LL_FOREACH_SAFE(s->runs, r, next)
		over(s, r, NULL, -EPIPE);
}

static int init(void *arg, void **ret_state)
{
	int ret;

	(void)arg;
	ret = fnd__names_open();
	if (ret)
		return ret;
	*ret_state = sup_alloc(sizeof(struct state));
	return *ret_state ? 0 : -ENOMEM;
}

int fnd_process_registry_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = call,
		.cast = cast, .info = info, .terminate = terminate,
	};
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = FND__PROCESS_REGISTRY,
		.reg = true, .ops = &ops,
	};

	(void)options;
	return sup_server_start(&spec, ret_pid);
}

int fnd_process_cleanup(struct fnd_namespace ns, size_t *ret_ended,
			int64_t deadline)
{
	struct sup_msg req = {
		.tag = CLEAN_UP, .data = &ns, .len = sizeof(ns),
	};
	struct sup_msg reply;
	int ret;

	if (ns.v == FND_PRODUCTION.v)
		return sup_set_error(-EPERM, "ns: it is that of production");
	ret = fnd__call(FND__PROCESS_REGISTRY, &req, &reply, deadline);
	if (ret)
		return ret;
	if (ret_ended)
		memcpy(ret_ended, reply.data, sizeof(*ret_ended));
	sup_msg_free(&reply);
	return 0;
}
