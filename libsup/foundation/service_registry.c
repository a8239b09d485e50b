/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server of the ServiceRegistry: it asks services whether they are well,
 * and says in the table who waits for one (service_table.c). It never waits.
 *
 * A health function runs as a job under the task supervisor, one at a time for
 * each service; who asks meanwhile gets its answer. The job is linked with the
 * server, so that it ends with it, and its end is an exit signal, which the
 * server traps. A timer kills it, without a deadline: a thread that comes to no
 * safe point must not end the process for being asked. It stays a run that has
 * been answered until its task has ended.
 */
#include "foundation/services.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include <foundation/telemetry.h>
#include <sup/sup.h>

#include "foundation/service.h"

enum tag {
	CHECK,	/* a call: struct request; the reply: fnd_health_report */
	AWAIT,	/* a call: struct request; the reply's tag: a pid */
};

struct request {
	struct fnd__service_id id;
	int64_t deadline;		/* AWAIT */
};

struct asker {
	struct asker *next;
	struct sup_from from;
};

struct run {
	struct run *next;
	struct fnd__service_id id;
	struct fnd_health_report report; /* as far as it is known */
	uint64_t nr;			/* of its timer */
	int64_t begun_ns;
	struct sup_async *job;
	struct asker *askers;
	bool late;			/* it has been killed, and answered */
};

/* All of it is memory of the server's task, and goes with it. */
struct state {
	struct run *runs;
	uint64_t last_nr;
};

static void answer(struct sup_from from, const struct fnd_health_report *r)
{
	const struct sup_msg reply = {
		.tag = CHECK, .data = (void *)r, .len = sizeof(*r),
	};

	if (sup_reply(from, &reply))
		sup_reply_error(from, -ENOMEM);
}

#define EVENT(what) "foundation.service.health_check." what

/* A check has come to something: it is noted. */
static void note(const struct fnd__service_id *id,
		 const struct fnd_health_report *report)
{
	const struct fnd_pair pairs[] = {
		{ "service", id->name },
		{ "outcome", fnd_health_outcome_name(report->outcome) },
	};

	fnd__service_checked(id, report);
	fnd_telemetry_duration(EVENT("duration"), report->took_ns,
			       &(struct fnd_metadata){ pairs, 1 });
	if (report->outcome > FND_HEALTH_ALIVE)
		fnd_telemetry_count(EVENT("failures"), 1,
				    &(struct fnd_metadata){ pairs, 2 });
}

/* Its outcome is known: it is told to all who have asked. */
static void tell(struct run *r)
{
	struct asker *a, *next;

	r->report.at_ns = sup_deadline_ms(0);
	r->report.took_ns = r->report.at_ns - r->begun_ns;
	note(&r->id, &r->report);
	LL_FOREACH_SAFE(r->askers, a, next) {
		answer(a->from, &r->report);
		sup_free(a);
	}
	r->askers = NULL;
}

static struct run *find_run(const struct state *s,
			    const struct fnd__service_id *id)
{
	struct run *r;

	LL_FOREACH(s->runs, r)
		if (!memcmp(&r->id, id, sizeof(*id)))
			break;
	return r;
}

/* One that needs no function, or a function that is still late. */
static int answer_at_once(const struct fnd__service_id *id,
			  struct sup_from from, struct sup_pid pid,
			  enum fnd_health_outcome outcome)
{
	const struct fnd_health_report report = {
		.outcome = outcome, .pid = pid, .at_ns = sup_deadline_ms(0),
	};

	note(id, &report);
	answer(from, &report);
	return 0;
}

static int start_job(struct run *r, const struct fnd__health *h)
{
	const struct sup_job_spec spec = {
		.size = sizeof(spec), .name = "fnd_health", .run = h->fn,
		.arg = h->arg, .containment = h->containment,
	};
	int ret;

	ret = sup_async_start(sup_whereis(FND__TASKS), &spec, &r->job);
	return ret == -ESRCH ? -ENOTCONN : ret;
}

static int start_run(struct state *s, const struct fnd__service_id *id,
		     const struct fnd__health *h, struct run **ret_run)
{
	struct run *r = sup_alloc(sizeof(*r));
	int ret;

	if (!r)
		return -ENOMEM;
	r->id = *id;
	r->report.pid = h->pid;
	r->nr = ++s->last_nr;
	r->begun_ns = sup_deadline_ms(0);
	ret = sup_server_timer(r->nr, h->timeout_ms);
	if (!ret)
		ret = start_job(r, h);
	if (ret) {
		sup_server_timer(r->nr, -1);
		sup_free(r);
		return ret;
	}
	LL_PREPEND(s->runs, r);
	*ret_run = r;
	return 0;
}

static int check(struct state *s, struct sup_from from,
		 const struct fnd__service_id *id)
{
	struct run *r = find_run(s, id);
	struct fnd__health h;
	struct asker *a;
	int ret;

	ret = fnd__service_health(id, &h);
	if (ret)
		return ret;
	if (!h.up && (!r || r->late))
		return answer_at_once(id, from, h.pid, FND_HEALTH_DOWN);
	if (!h.fn && !r)
		return answer_at_once(id, from, h.pid, FND_HEALTH_ALIVE);
	/* Of the life that it was called for, which may not be this one. */
	if (r && r->late)
		return answer_at_once(id, from, r->report.pid,
				      FND_HEALTH_TIMEOUT);
	a = sup_alloc(sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->from = from;
	if (!r)
		ret = start_run(s, id, &h, &r);
	if (ret)
		sup_free(a);
	else
		LL_PREPEND(r->askers, a);
	return ret;
}

static int await(struct sup_from from, const struct request *req)
{
	struct sup_pid pid;
	int ret;

	ret = fnd__service_await(&req->id, from, req->deadline, &pid);
	if (ret == -EAGAIN)
		return 0;
	return ret ? ret : sup_reply(from, &(struct sup_msg){ .tag = pid.v });
}

static int call(void *state, struct sup_from from, struct sup_msg *msg)
{
	const struct request *req = msg->data;
	int ret = -EINVAL;

	if (msg->len == sizeof(*req) && msg->tag == CHECK)
		ret = check(state, from, &req->id);
	else if (msg->len == sizeof(*req) && msg->tag == AWAIT)
		ret = await(from, req);
	if (ret)
		sup_reply_error(from, ret);
	return SUP_CONTINUE;
}

static void judge(struct fnd_health_report *report,
		  const struct sup_reason *why)
{
	if (why->kind == SUP_REASON_EXIT) {
		report->code = why->code;
		report->outcome = why->code > 0 ? FND_HEALTH_DEGRADED :
				  FND_HEALTH_FAILED;
		return;
	}
	report->reason = *why;
	report->outcome = why->kind == SUP_REASON_SIGNAL ? FND_HEALTH_ERROR :
			  FND_HEALTH_CRASHED;
}

/* The job of a run has ended, which its async knows then, too. */
static void over(struct state *s, struct run *r)
{
	struct sup_reason reason = { .kind = SUP_REASON_LOST };
	struct sup_msg result = { .tag = 0 };
	int ret;

	LL_DELETE(s->runs, r);
	sup_server_timer(r->nr, -1);
	ret = sup_async_await(r->job, &result, &reason, SUP_FOREVER);
	if (ret) {
		judge(&r->report, &reason);
	} else {
		r->report.value = result.tag;
		r->report.outcome = result.tag ? FND_HEALTH_VALUE :
				    FND_HEALTH_OK;
		sup_msg_free(&result);
	}
	if (!r->late)
		tell(r);
	sup_free(r);
}

/* Its time is over. That it is killed takes effect at its next safe point. */
static void late(struct run *r)
{
	r->late = true;
	sup_kill(sup_async_pid(r->job), SUP_FOREVER);
	r->report.outcome = FND_HEALTH_TIMEOUT;
	tell(r);
}

static int info(void *state, struct sup_info *info)
{
	struct state *s = state;
	struct run *r;

	LL_FOREACH(s->runs, r) {
		if (info->kind == SUP_INFO_EXIT &&
		    info->pid.v == sup_async_pid(r->job).v) {
			over(s, r);
			break;
		}
		if (info->kind == SUP_INFO_TIMER && info->msg.tag == r->nr) {
			late(r);
			break;
		}
	}
	return SUP_CONTINUE;
}

static int init(void *arg, void **ret_state)
{
	(void)arg;
	*ret_state = sup_alloc(sizeof(struct state));
	if (!*ret_state)
		return -ENOMEM;
	fnd__service_await_none();
	return sup_trap_exits(true, NULL);
}

static void terminate(void *state, const struct sup_reason *reason)
{
	(void)state;
	(void)reason;
	fnd__service_await_none();
}

int fnd_service_registry_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = call, .info = info,
		.terminate = terminate,
	};
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = FND__SERVICES, .reg = true,
		.ops = &ops,
	};

	(void)options;
	return sup_server_start(&spec, ret_pid);
}

int fnd_service_check(struct fnd_namespace ns, const char *name,
		      struct fnd_health_report *ret_report, int64_t deadline)
{
	struct request req = { .deadline = 0 };
	struct sup_msg msg = {
		.tag = CHECK, .data = &req, .len = sizeof(req),
	};
	struct sup_msg reply;
	int ret;

	ret = fnd__service_id(ns, name, &req.id);
	if (!ret)
		ret = fnd__call(FND__SERVICES, &msg, &reply, deadline);
	if (ret)
		return ret == -ENOENT ? fnd__service_unknown(&req.id) : ret;
	memcpy(ret_report, reply.data, sizeof(*ret_report));
	sup_msg_free(&reply);
	return 0;
}

static int send(enum tag tag, const struct fnd__service_id *id, bool as_info,
		struct sup_request *ret_request)
{
	struct request req = { .id = *id, .deadline = SUP_FOREVER };
	const struct sup_msg msg = {
		.tag = tag, .data = &req, .len = sizeof(req),
	};
	struct sup_pid pid = sup_whereis(FND__SERVICES);

	if (!pid.v)
		return sup_set_error(-ENOTCONN, "%s does not run",
				     FND__SERVICES);
	return sup_request_send(pid, &msg, as_info,
				as_info ? SUP_TRY : SUP_FOREVER, ret_request);
}

int fnd__service_check_send(const struct fnd__service_id *id, bool as_info,
			    struct sup_request *ret_request)
{
	return send(CHECK, id, as_info, ret_request);
}

int fnd__service_await_send(const struct fnd__service_id *id,
			    struct sup_request *ret_request)
{
	return send(AWAIT, id, true, ret_request);
}

static int not_up(const char *name, int error)
{
	return sup_set_error(error, "name: the service \"%s\" is not up",
			     name);
}

int fnd_service_wait(struct fnd_namespace ns, const char *name,
		     struct sup_pid *ret_pid, int64_t deadline)
{
	struct request req = { .deadline = deadline };
	struct sup_msg msg = {
		.tag = AWAIT, .data = &req, .len = sizeof(req),
	};
	struct sup_msg reply = { .tag = 0 };
	int ret;

	sup_checkpoint();
	ret = fnd__service_id(ns, name, &req.id);
	if (ret)
		return ret;
	reply.tag = fnd_service_whereis(ns, name).v;
	if (!reply.tag && deadline == SUP_TRY)
		return not_up(name, -EAGAIN);
	if (!reply.tag)
		ret = fnd__call(FND__SERVICES, &msg, &reply, deadline);
	if (ret == -ETIMEDOUT)
		return not_up(name, ret);
	if (!ret && ret_pid)
		*ret_pid = (struct sup_pid){ reply.tag };
	return ret;
}

static int forget_those_down(struct fnd_namespace ns)
{
	struct fnd_service *services;
	size_t i, n;
	int ret;

	ret = fnd__service_list(ns, fnd__alloc, &services, &n);
	for (i = 0; i < n && !ret; i++) {
		if (services[i].pid.v)
			continue;
		ret = fnd_service_unregister(ns, services[i].name);
		if (ret == -ENOENT)
			ret = 0;
	}
	fnd__free(services);
	return ret;
}

int fnd_service_cleanup(struct fnd_namespace ns, size_t *ret_ended,
			int64_t deadline)
{
	int ret;

	ret = fnd_process_cleanup(ns, ret_ended, deadline);
	return ret ? ret : forget_those_down(ns);
}

const char *fnd_health_outcome_name(enum fnd_health_outcome outcome)
{
	static const char *const names[] = {
		[FND_HEALTH_OK] = "ok",
		[FND_HEALTH_VALUE] = "value",
		[FND_HEALTH_ALIVE] = "alive",
		[FND_HEALTH_DEGRADED] = "degraded",
		[FND_HEALTH_FAILED] = "failed",
		[FND_HEALTH_TIMEOUT] = "timeout",
		[FND_HEALTH_ERROR] = "error",
		[FND_HEALTH_CRASHED] = "crashed",
		[FND_HEALTH_DOWN] = "down",
	};

	return (unsigned int)outcome < FND_HEALTH_OUTCOMES ? names[outcome] :
		"unknown";
}
