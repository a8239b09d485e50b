/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The HealthMonitor: a server that keeps time, and the last picture. A round is
 * a job (rounds.c), so that whatever it waits for, the server answers; it asks
 * the server for its options, and makes the picture.
 *
 * How often in a row a check has failed is known with the service, not here:
 * so the thresholds hold over a restart of this server.
 */
#include <foundation/health_monitor.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <foundation/telemetry.h>
#include <sup/sup.h>

#include "foundation/rounds.h"
#include "foundation/service.h"

#define NS_PER_MS INT64_C(1000000)
#define INTERVAL_MS 30000
#define TIMEOUT_MS 10000
#define DEGRADED_THRESHOLD 1
#define UNHEALTHY_THRESHOLD 3

enum tag {
	OPTIONS,	/* a call of a round */
	GET,		/* calls; the reply: struct fnd_health_picture */
	CHECK,
};

/* All of it is memory of the server's task. */
struct state {
	struct fnd_health_monitor_options options;
	struct fnd__rounds rounds;
	struct sup_msg last;		/* the picture, or empty */
};

/* One service, as the round looks at it. */
struct view {
	const struct fnd_service *s;
	const char *lacks;		/* or NULL */
	bool explained;
	struct sup_explanation e;
};

/* It has never answered, and had the time to. */
static bool is_unanswered(const struct view *v,
			  const struct fnd_service_status *out)
{
	return !v->s->last.at_ns && out->outcome == FND_HEALTH_TIMEOUT;
}

static void advise_of_down(const struct view *v, char *buf, size_t len)
{
	char why[128];

	if (v->explained)
		snprintf(buf, len, "it is down: %s",
			 sup_explain_format(&v->e, why, sizeof(why)));
	else if (v->s->supervisor)
		snprintf(buf, len, "it is down, and so is its supervisor "
			 "\"%s\": start that", v->s->supervisor);
	else
		snprintf(buf, len, "it is down, and has no supervisor: start "
			 "it, and register it");
}

static void advise_of_failure(const struct fnd_health_report *r, char *buf,
			      size_t len)
{
	char why[128];

	switch (r->outcome) {
	case FND_HEALTH_FAILED:
		snprintf(buf, len, "it does not work: %s", strerror(-r->code));
		break;
	case FND_HEALTH_TIMEOUT:
		snprintf(buf, len, "its check does not end: look what it is "
			 "at, or kill it");
		break;
	case FND_HEALTH_DEGRADED:
		snprintf(buf, len, "it does not work well: its check says %d",
			 r->code);
		break;
	default:
		snprintf(buf, len, "its check ended: %s; mend that",
			 sup_reason_format(&r->reason, why, sizeof(why)));
	}
}

static void advise(const struct view *v, struct fnd_service_status *out)
{
	const size_t len = sizeof(out->advice);

	if (out->outcome == FND_HEALTH_DOWN)
		advise_of_down(v, out->advice, len);
	else if (out->hung)
		snprintf(out->advice, len, "it does not come back from a "
			 "%s: look what that waits for", v->e.node.turn.what);
	else if (is_unanswered(v, out))
		snprintf(out->advice, len, "it has not answered yet");
	else if (out->outcome >= FND_HEALTH_DEGRADED)
		advise_of_failure(&v->s->last, out->advice, len);
	else if (v->lacks)
		snprintf(out->advice, len, "it needs \"%.128s\", which is not "
			 "up: start that", v->lacks);
}

static enum fnd_health judge(const struct view *v,
				    const struct fnd_service_status *out,
				    const struct fnd_health_monitor_options *o)
{
	if (out->outcome == FND_HEALTH_DOWN ||
	    out->failures >= o->unhealthy_threshold)
		return FND_UNHEALTHY;
	if (out->failures >= o->degraded_threshold || out->hung || v->lacks ||
	    out->outcome == FND_HEALTH_DEGRADED || is_unanswered(v, out))
		return FND_DEGRADED;
	return FND_HEALTHY;
}

/* It may have come after all were asked. */
static bool is_new(const struct fnd_service *s,
		   const struct fnd_health_monitor_options *o)
{
	return s->uptime_ns < o->timeout_ms * NS_PER_MS;
}

static void look_at(struct view *v, const struct fnd_health_monitor_options *o,
		    struct fnd_service_status *out)
{
	const struct fnd_service *s = v->s;

	strcpy(out->name, s->name);
	out->pid = s->pid;
	out->failures = s->failures;
	out->outcome = FND_HEALTH_DOWN;
	if (s->pid.v)
		out->outcome = s->last.at_ns ? s->last.outcome :
			       is_new(s, o) ? FND_HEALTH_ALIVE :
			       FND_HEALTH_TIMEOUT;
	v->explained = s->supervisor &&
		!sup_explain(sup_whereis(s->supervisor), s->child, &v->e);
	out->hung = s->pid.v && v->explained && v->e.node.hung;
	out->status = judge(v, out, o);
	if (out->status != FND_HEALTHY)
		advise(v, out);
}

static void count(struct fnd_health_picture *h)
{
	size_t of[] = { 0, 0, 0 }, i;

	for (i = 0; i < h->n; i++) {
		of[h->services[i].status]++;
		if (h->services[i].status > h->overall)
			h->overall = h->services[i].status;
	}
	h->healthy = of[FND_HEALTHY];
	h->degraded = of[FND_DEGRADED];
	h->unhealthy = of[FND_UNHEALTHY];
	h->permille = h->n ? (h->healthy * 1000 + h->degraded * 500) / h->n :
		      1000;
	h->at_ns = sup_deadline_ms(0);
}

/* What cannot be counted is in the picture all the same. */
static void show(const struct fnd_health_picture *h)
{
	const struct fnd_measurement m[] = {
		{ "health_percentage", FND_METRIC_GAUGE, h->permille / 10.0 },
		{ "degraded_services", FND_METRIC_GAUGE, h->degraded },
		{ "failed_services", FND_METRIC_GAUGE, h->unhealthy },
	};

	fnd_telemetry_execute("foundation.application", m, 3, NULL);
}

/* The job that is a round. */
static int run(void *arg, struct sup_msg *ret_result)
{
	struct fnd_health_monitor_options o;
	struct fnd_service *s;
	struct fnd_health_picture *h;
	struct view v;
	size_t i, n, len;
	int ret;

	(void)arg;
	ret = fnd__rounds_options(FND__HEALTH_MONITOR, OPTIONS, &o, sizeof(o));
	if (!ret)
		ret = fnd__services_check(o.ns, o.timeout_ms, &s, &n);
	if (ret)
		return ret;
	len = sizeof(*h) + n * sizeof(h->services[0]);
	h = sup_alloc(len);
	if (!h)
		return -ENOMEM;
	h->n = n;
	for (i = 0; i < n; i++) {
		v.s = &s[i];
		v.lacks = fnd__service_lacks(v.s, s, n);
		look_at(&v, &o, &h->services[i]);
	}
	count(h);
	show(h);
	sup_give(h);
	*ret_result = (struct sup_msg){
		.data = h, .len = len, .free = sup_free,
	};
	return 0;
}

static int call(void *state, struct sup_from from, struct sup_msg *req)
{
	struct state *s = state;
	const struct sup_msg options = {
		.data = &s->options, .len = sizeof(s->options),
	};
	int ret = -EINVAL;

	if (req->tag == OPTIONS)
		ret = sup_reply(from, &options);
	else if (req->tag == GET && s->last.len)
		ret = sup_reply(from, &s->last);
	else if (req->tag == GET || req->tag == CHECK)
		ret = fnd__rounds_ask(&s->rounds, from, req->tag == GET);
	if (ret)
		sup_reply_error(from, ret);
	return SUP_CONTINUE;
}

/* Takes a picture over into memory of the task. */
static int keep(struct state *s, struct sup_msg *result)
{
	struct fnd_health_picture *h = sup_alloc(result->len);

	if (!h)
		return -ENOMEM;
	memcpy(h, result->data, result->len);
	h->round = s->rounds.over;
	sup_free(s->last.data);
	s->last = (struct sup_msg){ .data = h, .len = result->len };
	return 0;
}

static int info(void *state, struct sup_info *info)
{
	struct sup_msg result = { .tag = 0 };
	struct state *s = state;
	int error;

	if (!fnd__rounds_info(&s->rounds, info, &result, &error))
		return SUP_CONTINUE;
	if (!error) {
		error = keep(s, &result);
		sup_msg_free(&result);
	}
	fnd__rounds_tell(&s->rounds, &s->last, error);
	return SUP_CONTINUE;
}

static int init(void *options, void **ret_state)
{
	struct state *s = sup_alloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->options = *(struct fnd_health_monitor_options *)options;
	s->rounds.interval_ms = s->options.interval_ms;
	s->rounds.run = run;
	*ret_state = s;
	return fnd__rounds_begin();
}

static int check_options(struct fnd_health_monitor_options *o)
{
	int ret;

	ret = fnd__check_ms("interval_ms", &o->interval_ms, INTERVAL_MS);
	if (!ret)
		ret = fnd__check_ms("timeout_ms", &o->timeout_ms, TIMEOUT_MS);
	if (ret)
		return ret;
	if (!o->degraded_threshold)
		o->degraded_threshold = DEGRADED_THRESHOLD;
	if (!o->unhealthy_threshold)
		o->unhealthy_threshold = UNHEALTHY_THRESHOLD;
	if (o->degraded_threshold > o->unhealthy_threshold)
		return sup_set_error(-EINVAL, "degraded_threshold: %u is more "
				     "than unhealthy_threshold, %u",
				     o->degraded_threshold,
				     o->unhealthy_threshold);
	return 0;
}

int fnd_health_monitor_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = call, .info = info,
	};
	struct fnd_health_monitor_options o = { .size = sizeof(o) };
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = FND__HEALTH_MONITOR,
		.reg = true, .ops = &ops, .arg = &o,
	};
	int ret;

	ret = fnd__copy_options(&o, sizeof(o), options);
	if (!ret)
		ret = check_options(&o);
	return ret ? ret : sup_server_start(&spec, ret_pid);
}

static int ask(enum tag tag, struct fnd_health_picture **ret_health,
	       int64_t deadline)
{
	const struct sup_msg req = { .tag = tag };
	struct fnd_health_picture *h;
	struct sup_msg reply;
	int ret;

	ret = fnd__call(FND__HEALTH_MONITOR, &req, &reply, deadline);
	if (ret)
		return ret;
	h = malloc(reply.len);
	if (h)
		memcpy(h, reply.data, reply.len);
	sup_msg_free(&reply);
	if (!h)
		return fnd__nomem("what is known");
	*ret_health = h;
	return 0;
}

int fnd_health_get(struct fnd_health_picture **ret_health, int64_t deadline)
{
	return ask(GET, ret_health, deadline);
}

int fnd_health_check(struct fnd_health_picture **ret_health, int64_t deadline)
{
	return ask(CHECK, ret_health, deadline);
}

const char *fnd_health_name(enum fnd_health status)
{
	switch (status) {
	case FND_HEALTHY:
		return "healthy";
	case FND_DEGRADED:
		return "degraded";
	case FND_UNHEALTHY:
		return "unhealthy";
	}
	return "unknown";
}
