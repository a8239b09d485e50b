/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ServiceMonitor: a server that keeps time, and what the last round came
 * to. A round is a job (rounds.c), so that whatever it waits for, the server
 * answers; it asks the server what it is to do.
 *
 * Most that ends is started again by its supervisor, at once. What is left for
 * a round are children that their supervisor has given up (their start failed,
 * or their budget is spent) or that were stopped by a restart that did not come
 * to its end, and servers that do not come back to their loop. Who was stopped
 * on purpose stays so.
 */
#include <foundation/service_monitor.h>

#include <errno.h>
#include <string.h>

#include <foundation/telemetry.h>
#include <sup/sup.h>

#include "foundation/application_in.h"
#include "foundation/rounds.h"
#include "foundation/service.h"

#define INTERVAL_MS 10000
#define TIMEOUT_MS 10000
#define HANG_CHECKS 3

enum tag {
	OPTIONS,	/* a call of a round */
	GET,		/* calls; the reply: struct fnd_service_round */
	RUN,
};

/* All of it is memory of the server's task. */
struct state {
	struct fnd_service_monitor_options options;
	struct fnd__rounds rounds;
	struct fnd_service_round last;
};

static void restart(const struct fnd_service *s, struct fnd_service_round *r)
{
	struct sup_pid sup = sup_whereis(s->supervisor), pid;
	struct sup_explanation e;

	if (sup_explain(sup, s->child, &e) ||
	    e.node.state != SUP_CHILD_STOPPED ||
	    (e.why != SUP_WHY_FAILED && e.why != SUP_WHY_SPENT &&
	     !fnd__restart_is_broken_off(s, &e)))
		return;
	if (sup_restart_child(sup, s->child, &pid))
		r->not_restarted++;
	else
		r->restarted++;
}

static bool is_hung(const struct fnd_service *s)
{
	struct sup_explanation e;

	if (s->last.at_ns && s->last.outcome == FND_HEALTH_TIMEOUT)
		return true;
	return s->supervisor && s->pid.v &&
		!sup_explain(sup_whereis(s->supervisor), s->child, &e) &&
		e.node.hung;
}

static void warn_of(const struct fnd_service *s, const char *lacks)
{
	const struct fnd_pair pairs[] = {
		{ "service", s->name }, { "lacks", lacks },
	};

	fnd_telemetry_count("foundation.application.dependency_warnings", 1,
			    &(struct fnd_metadata){ pairs, 2 });
}

static void look_at(const struct fnd_service *s, const char *lacks,
		    const struct fnd_service_monitor_options *o,
		    struct fnd_service_round *r)
{
	if (lacks)
		warn_of(s, lacks);
	if (!s->pid.v) {
		r->down++;
		/* What it needs goes first; then it, in a later round. */
		if (s->supervisor && !lacks)
			restart(s, r);
		return;
	}
	r->lacking += !!lacks;
	r->failing += s->failures > 0;
	if (!is_hung(s))
		return;
	r->hung++;
	if (s->supervisor && s->last.outcome == FND_HEALTH_TIMEOUT &&
	    s->failures >= o->hang_checks &&
	    !sup_kill(s->pid, SUP_FOREVER))
		r->killed++;
}

/* The job that is a round. */
static int run(void *arg, struct sup_msg *ret_result)
{
	struct fnd_service_round *r = sup_alloc(sizeof(*r));
	struct fnd_service_monitor_options o;
	struct fnd_service *s;
	size_t i;
	int ret;

	(void)arg;
	if (!r)
		return -ENOMEM;
	ret = fnd__rounds_options(FND__SERVICE_MONITOR, OPTIONS, &o, sizeof(o));
	if (!ret)
		ret = fnd__services_check(o.ns, o.timeout_ms, &s, &r->services);
	if (ret)
		return ret;
	for (i = 0; i < r->services; i++)
		look_at(&s[i], fnd__service_lacks(&s[i], s, r->services), &o,
			r);
	r->at_ns = sup_deadline_ms(0);
	sup_give(r);
	*ret_result = (struct sup_msg){
		.data = r, .len = sizeof(*r), .free = sup_free,
	};
	return 0;
}

static struct sup_msg last_of(struct state *s)
{
	return (struct sup_msg){ .data = &s->last, .len = sizeof(s->last) };
}

static int call(void *state, struct sup_from from, struct sup_msg *req)
{
	struct state *s = state;
	struct sup_msg reply = last_of(s);
	int ret = -EINVAL;

	if (req->tag == OPTIONS) {
		reply.data = &s->options;
		reply.len = sizeof(s->options);
	}
	if (req->tag == OPTIONS || (req->tag == GET && s->last.round))
		ret = sup_reply(from, &reply);
	else if (req->tag == GET || req->tag == RUN)
		ret = fnd__rounds_ask(&s->rounds, from, req->tag == GET);
	if (ret)
		sup_reply_error(from, ret);
	return SUP_CONTINUE;
}

static int info(void *state, struct sup_info *info)
{
	struct state *s = state;
	struct sup_msg result = { .tag = 0 }, reply = last_of(s);
	int error;

	if (!fnd__rounds_info(&s->rounds, info, &result, &error))
		return SUP_CONTINUE;
	if (!error) {
		memcpy(&s->last, result.data, sizeof(s->last));
		s->last.round = s->rounds.over;
		sup_msg_free(&result);
	}
	fnd__rounds_tell(&s->rounds, &reply, error);
	return SUP_CONTINUE;
}

static int init(void *options, void **ret_state)
{
	struct state *s = sup_alloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->options = *(struct fnd_service_monitor_options *)options;
	s->rounds.interval_ms = s->options.interval_ms;
	s->rounds.run = run;
	*ret_state = s;
	return fnd__rounds_begin();
}

int fnd_service_monitor_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = call, .info = info,
	};
	struct fnd_service_monitor_options o = { .size = sizeof(o) };
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = FND__SERVICE_MONITOR,
		.reg = true, .ops = &ops, .arg = &o,
	};
	int ret;

	ret = fnd__copy_options(&o, sizeof(o), options);
	if (!ret)
		ret = fnd__check_ms("interval_ms", &o.interval_ms, INTERVAL_MS);
	if (!ret)
		ret = fnd__check_ms("timeout_ms", &o.timeout_ms, TIMEOUT_MS);
	if (!o.hang_checks)
		o.hang_checks = HANG_CHECKS;
	return ret ? ret : sup_server_start(&spec, ret_pid);
}

static int ask(enum tag tag, struct fnd_service_round *ret_round,
	       int64_t deadline)
{
	const struct sup_msg req = { .tag = tag };
	struct sup_msg reply;
	int ret;

	ret = fnd__call(FND__SERVICE_MONITOR, &req, &reply, deadline);
	if (ret)
		return ret;
	memcpy(ret_round, reply.data, sizeof(*ret_round));
	sup_msg_free(&reply);
	return 0;
}

int fnd_service_monitor_get(struct fnd_service_round *ret_round,
			    int64_t deadline)
{
	return ask(GET, ret_round, deadline);
}

int fnd_service_monitor_run(struct fnd_service_round *ret_round,
			    int64_t deadline)
{
	return ask(RUN, ret_round, deadline);
}
