/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The service is a server that now and again forgets figures, and its child, a
 * plain thread that reads what supervisors report; one does not outlive the
 * other. They have no state of their own: figures (metric.c) and handlers
 * (handler.c) are the process's, and so is the stream of reports, so that those
 * who are started again go on where the last ones were: a report is taken at a
 * safe point, and counted before the next.
 */
#include <foundation/telemetry.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <foundation/foundation.h>
#include <sup/sup.h>

#include "foundation/handler.h"
#include "foundation/figure.h"
#include "foundation/service.h"

#define RETENTION_MS 300000
#define CLEANUP_MS 60000
#define NS_PER_MS INT64_C(1000000)
#define REPORTS 4096
#define CLEAN_UP 1

#define REPORTED (SUP_EVENT_BIT(SUP_EVENT_STARTED) | \
		  SUP_EVENT_BIT(SUP_EVENT_START_ERROR) | \
		  SUP_EVENT_BIT(SUP_EVENT_CHILD_TERMINATED) | \
		  SUP_EVENT_BIT(SUP_EVENT_STOPPED) | \
		  SUP_EVENT_BIT(SUP_EVENT_SHUTDOWN_ERROR) | \
		  SUP_EVENT_BIT(SUP_EVENT_GIVE_UP) | \
		  SUP_EVENT_BIT(SUP_EVENT_TASK_EXIT) | \
		  SUP_EVENT_BIT(SUP_EVENT_HELD) | \
		  SUP_EVENT_BIT(SUP_EVENT_BUDGET_SPENT) | \
		  SUP_EVENT_BIT(SUP_EVENT_RESTARTING) | \
		  SUP_EVENT_BIT(SUP_EVENT_FLAPPING) | \
		  SUP_EVENT_BIT(SUP_EVENT_HUNG))

static _Atomic(struct sup_events *) events;

static int open_events(void)
{
	const struct sup_events_spec spec = {
		.size = sizeof(spec), .capacity = REPORTS, .kinds = REPORTED,
	};
	struct sup_events *e, *none = NULL;
	int ret;

	if (atomic_load(&events))
		return 0;
	ret = sup_events_open(&spec, &e);
	if (!ret && !atomic_compare_exchange_strong(&events, &none, e))
		sup_events_close(e);
	return ret;
}

static const char *reason_name(enum sup_reason_kind kind)
{
	static const char *const names[] = {
		[SUP_REASON_NORMAL] = "normal",
		[SUP_REASON_SHUTDOWN] = "shutdown",
		[SUP_REASON_KILLED] = "killed", [SUP_REASON_EXIT] = "exit",
		[SUP_REASON_SIGNAL] = "signal", [SUP_REASON_NOPROC] = "noproc",
		[SUP_REASON_LOST] = "lost", [SUP_REASON_WATCHDOG] = "watchdog",
	};

	return names[kind];
}

static bool is_end(const struct sup_event *ev)
{
	return ev->kind == SUP_EVENT_CHILD_TERMINATED ||
		ev->kind == SUP_EVENT_STOPPED ||
		ev->kind == SUP_EVENT_SHUTDOWN_ERROR ||
		ev->kind == SUP_EVENT_TASK_EXIT;
}

static void report_failed(const char *id, enum sup_reason_kind reason)
{
	const struct fnd_pair pairs[] = {
		{ "handler", id }, { "reason", reason_name(reason) },
	};

	fnd_telemetry_count("foundation.telemetry.handler_detached", 1,
			    &(struct fnd_metadata){ pairs, 2 });
}

static const char *sender_name(const struct sup_reason *reason)
{
	static const char *const names[] = {
		[SUP_SENT_BY_UNKNOWN] = "unknown",
		[SUP_SENT_BY_PROCESS] = "process",
		[SUP_SENT_BY_KERNEL] = "kernel",
		[SUP_SENT_BY_OOM_KILLER] = "oom_killer",
		[SUP_SENT_BY_GROUP] = "group",
	};

	return names[reason->oom ? SUP_SENT_BY_OOM_KILLER : reason->sent_by];
}

/* What the record of an exit says of it, but whose it was. */
static void count_signal(const struct sup_reason *reason)
{
	const char *name = sigabbrev_np(reason->signo);
	char number[16];
	const struct fnd_pair pairs[] = {
		{ "signal", name ? name : number },
		{ "sent_by", sender_name(reason) },
		{ "core", reason->core ? "yes" : "no" },
	};

	snprintf(number, sizeof(number), "%d", reason->signo);
	fnd_telemetry_count("foundation.supervisor.signal", 1,
			    &(struct fnd_metadata){ pairs, 3 });
}

/* Who it was is told of what has crashed alone: names of jobs may be many. */
static void count_report(const struct sup_event *ev)
{
	struct fnd_pair pairs[3] = {
		{ "supervisor", ev->supervisor_name },
		{ "reason", reason_name(ev->reason.kind) },
		{ "child", ev->child_id },
	};
	size_t n = 1 + is_end(ev);
	char name[FND_NAME_MAX + 1];

	if (is_end(ev) && !sup_reason_is_clean(&ev->reason))
		n = 3;
	snprintf(name, sizeof(name), "foundation.supervisor.%s",
		 sup_event_name(ev->kind));
	fnd_telemetry_count(name, 1, &(struct fnd_metadata){ pairs, n });
	if (is_end(ev) && ev->reason.kind == SUP_REASON_SIGNAL)
		count_signal(&ev->reason);
	if (is_end(ev) && ev->exit_ns && ev->time_ns >= ev->exit_ns)
		fnd_telemetry_duration("foundation.supervisor.exit_to_report",
				       ev->time_ns - ev->exit_ns, NULL);
}

/* What was lost may have been the end of a handler, or of their supervisor. */
static void make_up_for(uint64_t lost)
{
	char id[FND_NAME_MAX + 1];

	fnd_telemetry_count("foundation.telemetry.reports_lost", lost, NULL);
	while (fnd__handler_lost(id))
		report_failed(id, SUP_REASON_LOST);
	fnd__handlers_start();
}

/*
 * A handler that was stopped has not failed: that is its supervisor's end.
 * That something starts is no news, but that it is started again.
 */
static void take_report(const struct sup_event *ev)
{
	char id[FND_NAME_MAX + 1];

	if (ev->lost)
		make_up_for(ev->lost);
	if (ev->kind != SUP_EVENT_STARTED)
		count_report(ev);
	else if (ev->pid.v == fnd_task_supervisor().v)
		fnd__handlers_start();
	if (ev->kind == SUP_EVENT_CHILD_TERMINATED &&
	    fnd__handler_ended(ev->pid, id))
		report_failed(id, ev->reason.kind);
}

static void clean_up(const struct fnd_telemetry_options *o)
{
	if (o->retention_ms >= 0)
		fnd__metrics_forget(fnd__coarse_now() -
				    o->retention_ms * NS_PER_MS);
	fnd__handlers_start();
}

static int reads(void *arg)
{
	struct sup_event ev;

	(void)arg;
	while (!sup_events_next(atomic_load(&events), &ev, SUP_FOREVER))
		take_report(&ev);
	return 1;
}

struct state {
	struct fnd_telemetry_options options;
	struct sup_pid reader;
};

static int init(void *arg, void **ret_state)
{
	const struct sup_thread_spec reader = {
		.size = sizeof(reader), .name = "fnd_reports", .run = reads,
	};
	struct state *s = sup_alloc(sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	s->options = *(const struct fnd_telemetry_options *)arg;
	ret = open_events();
	if (!ret)
		ret = sup_thread_start(&reader, &s->reader);
	if (ret)
		return ret;
	*ret_state = s;
	fnd__handlers_start();
	return sup_server_timer(CLEAN_UP, s->options.cleanup_ms);
}

static int info(void *state, struct sup_info *info)
{
	struct state *s = state;

	if (info->kind == SUP_INFO_EXIT && info->pid.v == s->reader.v)
		return -EPIPE;
	if (info->kind != SUP_INFO_TIMER || info->msg.tag != CLEAN_UP)
		return SUP_CONTINUE;
	clean_up(&s->options);
	return sup_server_timer(CLEAN_UP, s->options.cleanup_ms);
}

static int complete(const struct fnd_telemetry_options *given,
		    struct fnd_telemetry_options *o)
{
	int ret;

	ret = fnd__copy_options(o, sizeof(*o), given);
	if (ret)
		return ret;
	if (!o->retention_ms)
		o->retention_ms = RETENTION_MS;
	if (!o->cleanup_ms)
		o->cleanup_ms = CLEANUP_MS;
	if (o->retention_ms > INT64_MAX / NS_PER_MS / 2)
		return sup_set_error(-EINVAL, "retention_ms: it is too large");
	if (o->cleanup_ms < 0 || o->cleanup_ms > INT64_MAX / NS_PER_MS / 2)
		return sup_set_error(-EINVAL, "cleanup_ms: %lld",
				     (long long)o->cleanup_ms);
	return 0;
}

int fnd_telemetry_start(const void *options, struct sup_pid *ret_pid)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .info = info,
	};
	struct fnd_telemetry_options o;
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .name = FND__TELEMETRY, .reg = true,
		.ops = &ops, .arg = &o,
	};
	int ret;

	ret = complete(options, &o);
	return ret ? ret : sup_server_start(&spec, ret_pid);
}

void fnd_telemetry_status(struct fnd_telemetry_status *ret_status)
{
	ret_status->figures = fnd__metrics_n();
	fnd__handlers_status(ret_status);
}

void fnd_telemetry_reset(void)
{
	fnd__metrics_reset();
}
