/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Restarts of single services.
 *
 * A restart is a stop and a start, between which nobody must be lost: it is a
 * job, so that it goes on if who asked for it ends. Its argument is the pid of
 * that one, who sends it the name: so nothing is held that a kill could leave
 * behind. A job is under the task supervisor, which therefore cannot be stopped
 * by one: it is told to end, and its supervisor starts it again.
 *
 * If that is killed so are its jobs, maybe between the stop and the start. So
 * the table of services has the job that restarts one, and a child that it has
 * stopped, and nobody started, is one that it was to start: the next task
 * supervisor begins with a job that does, and the ServiceMonitor looks, too.
 */
#include <foundation/application.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <foundation/foundation.h>
#include <sup/sup.h>

#include "foundation/application_in.h"
#include "foundation/service.h"
#include "foundation/services.h"

#define NAMED_IN_MS 30000

/* What a restart needs to know. */
struct target {
	char name[FND_NAME_MAX + 1];
	char supervisor[SUP_NAME_MAX + 1], child[SUP_NAME_MAX + 1];
	struct sup_pid pid;
};

static int fill(struct target *t, const struct fnd_service *s)
{
	const char *missing = fnd__missing_of(s);

	if (!s->supervisor || !s->child)
		return sup_set_error(-EOPNOTSUPP, "%s: it is nobody's child",
				     s->name);
	if (missing)
		return sup_set_error(-EAGAIN, "%s: it needs \"%s\", which is "
				     "down", s->name, missing);
	*t = (struct target){ .pid = s->pid };
	strcpy(t->name, s->name);
	strncat(t->supervisor, s->supervisor, SUP_NAME_MAX);
	strncat(t->child, s->child, SUP_NAME_MAX);
	return 0;
}

static int find(struct target *t, const char *name)
{
	struct fnd_service *s;
	int ret;

	ret = fnd_service_get(FND_PRODUCTION, name, &s);
	if (ret)
		return ret;
	ret = fill(t, s);
	free(s);
	return ret;
}

/*
 * What a job asks of a supervisor that is at the start, or the end, of the task
 * supervisor it runs under is refused. The one is over soon, and of the other
 * it is told here, and ends.
 */
static bool is_refused_yet(int ret)
{
	struct sup_info info;

	if (ret != -EDEADLK)
		return false;
	if (!sup_receive(&info, sup_deadline_ms(1)))
		sup_msg_free(&info.msg);
	return true;
}

/* In a job. */
static int start_child(struct sup_pid sup, const char *child)
{
	struct sup_pid pid;
	int ret;

	do
		ret = sup_restart_child(sup, child, &pid);
	while (is_refused_yet(ret));
	return ret;
}

/* In the job. ORDER: noted, then stopped. */
static int stop_and_start(const struct target *t)
{
	struct sup_pid sup = sup_whereis(t->supervisor);
	int ret;

	fnd__service_restart_begins(FND_PRODUCTION, t->name, sup_self());
	do
		ret = sup_terminate_child(sup, t->child);
	while (is_refused_yet(ret));
	if (!ret)
		ret = start_child(sup, t->child);
	fnd__service_restart_is_over(FND_PRODUCTION, t->name, sup_self());
	/* Another has asked for it, too, and was first. */
	return ret == -EBUSY ? 0 : ret;
}

/* The name comes from who has asked, unless that has ended before. */
static int run_restart(void *arg, struct sup_msg *ret_result)
{
	struct sup_pid asker = { (uintptr_t)arg };
	int64_t deadline = sup_deadline_ms(NAMED_IN_MS);
	struct target t;
	struct sup_info info;
	struct sup_ref ref;
	bool named;

	ret_result->tag = EPIPE;
	if (asker.v && sup_monitor(asker, &ref))
		return 0;
	if (sup_receive(&info, deadline))
		return 0;
	named = info.kind == SUP_INFO_MSG && info.msg.len == sizeof(t);
	if (named)
		memcpy(&t, info.msg.data, sizeof(t));
	sup_msg_free(&info.msg);
	if (named)
		ret_result->tag = -stop_and_start(&t);
	return 0;
}

static int restart_by_job(const struct target *t, int64_t deadline)
{
	const struct sup_job_spec job = {
		.size = sizeof(job), .name = "fnd_restart", .run = run_restart,
		.arg = (void *)(uintptr_t)sup_self().v,
		.shutdown_ms = SUP_SHUTDOWN_INFINITY,
	};
	const struct sup_msg msg = { .data = (void *)t, .len = sizeof(*t) };
	struct sup_outcome outcome;
	struct sup_async *async;
	struct sup_msg result;
	int ret;

	ret = sup_async_nolink(fnd_task_supervisor(), &job, &async);
	if (ret)
		return ret == -ESRCH ? sup_set_error(-ENOTCONN, "the task "
				"supervisor does not run") : ret;
	ret = sup_send(sup_async_pid(async), &msg, deadline);
	/* One that has ended says below how. */
	if (ret && ret != -ESRCH) {
		sup_async_shutdown(async, SUP_SHUTDOWN_KILL, &outcome);
		return ret;
	}
	ret = sup_async_await(async, &result, NULL, deadline);
	if (ret)
		return ret;
	ret = -(int)result.tag;
	sup_msg_free(&result);
	return ret;
}

/*
 * The task supervisor runs jobs: it ends, and its supervisor starts it again,
 * unless somebody has stopped it.
 */
static int restart_by_end(const struct target *t, int64_t deadline)
{
	struct sup_pid pid;
	int ret;

	if (!t->pid.v) {
		ret = sup_restart_child(sup_whereis(t->supervisor), t->child,
					&pid);
		return ret == -EBUSY ? 0 : ret;
	}
	ret = sup_server_stop(t->pid, &SUP_SHUTDOWN, NULL, deadline);
	return ret == -ESRCH || ret == -EPIPE ? 0 : ret;
}

int fnd_application_restart(const char *name, struct sup_pid *ret_pid,
			    int64_t deadline)
{
	struct target t;
	int ret;

	ret = find(&t, name);
	if (ret)
		return ret;
	/* By its name: between two lives it has no pid. */
	if (!strcmp(t.name, FND__TASKS_SERVICE))
		ret = restart_by_end(&t, deadline);
	else
		ret = restart_by_job(&t, deadline);
	if (ret)
		return ret;
	return fnd_service_wait(FND_PRODUCTION, t.name, ret_pid, deadline);
}

bool fnd__restart_is_broken_off(const struct fnd_service *s,
				const struct sup_explanation *e)
{
	struct sup_pid by = fnd__service_restarted_by(s->ns, s->name);

	/* Of several that were at it the last may not have come to the stop. */
	return by.v && !sup_is_alive(by) && e->by.v && !sup_is_alive(e->by) &&
		e->node.state == SUP_CHILD_STOPPED &&
		e->why == SUP_WHY_TERMINATED;
}

static void go_on_with(const struct fnd_service *s)
{
	struct sup_pid by = fnd__service_restarted_by(s->ns, s->name);
	struct sup_pid sup = sup_whereis(s->supervisor);
	struct sup_explanation e;
	struct sup_child c;

	if (!by.v)
		return;
	/* One that was killed with its supervisor may be about to end. */
	sup_wait(by, NULL, SUP_FOREVER);
	/* ORDER: what it has asked for is done before this is answered. */
	while (is_refused_yet(sup_which_child(sup, s->child, &c)))
		;
	if (!sup_explain(sup, s->child, &e) &&
	    fnd__restart_is_broken_off(s, &e))
		start_child(sup, s->child);
	fnd__service_restart_is_over(s->ns, s->name, by);
}

/* A job. The list is memory of its task. */
static int go_on(void *arg, struct sup_msg *ret_result)
{
	struct fnd_service *s;
	size_t i, n;
	int ret;

	(void)arg;
	(void)ret_result;
	ret = fnd__service_list(FND_PRODUCTION, fnd__alloc, &s, &n);
	for (i = 0; !ret && i < n; i++)
		if (s[i].supervisor)
			go_on_with(&s[i]);
	return -ret;
}

void fnd__restarts_go_on(struct sup_pid tasks)
{
	const struct sup_job_spec job = {
		.size = sizeof(job), .name = "fnd_restarts", .run = go_on,
	};
	struct sup_pid pid;

	if (fnd__service_any_restart())
		sup_start_job(tasks, &job, &pid);
}
