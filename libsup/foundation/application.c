/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The services as an application of libsup: there is one of it in a process,
 * whose state is the process's. It is started and stopped on foreign threads;
 * anybody may look.
 *
 * Its prep_stop is the drain: at that moment everything still runs. First the
 * program's own function keeps new work out, then jobs end. What is left ends
 * by the supervisor's own order, the last phase first, and by the deadline.
 */
#include <foundation/application.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <foundation/foundation.h>
#include <sup/sup.h>

#include "foundation/application_in.h"
#include "foundation/service.h"

#define DRAIN_MS 5000

static struct {
	_Atomic int state;		/* enum fnd_application_state */
	_Atomic int64_t up;		/* when it was */
	_Atomic uint64_t top;
	struct fnd_application_options options;	/* of who starts or stops it */
} app;

/* Of fnd_application_stop(), whose thread calls prep_stop; 0: there is none. */
static _Thread_local int64_t stop_deadline;
static _Thread_local bool drained;

const char *fnd_phase_name(enum fnd_phase phase)
{
	static const char *const names[FND_PHASES] = {
		"infrastructure", "services", "coordination", "application",
	};

	return (unsigned int)phase < FND_PHASES ? names[phase] : "unknown";
}

enum fnd_phase fnd__phase_of(const char *name)
{
	enum fnd_phase phase;
	const char *id;
	size_t i;

	for (i = 0; fnd__part(i, &id, &phase); i++)
		if (!strcmp(id, name))
			return phase;
	return FND_PHASE_APPLICATION;
}

static int start(void *arg, struct sup_pid *ret_top)
{
	int ret;

	(void)arg;
	ret = fnd_foundation_start(app.options.foundation, ret_top);
	if (!ret)
		atomic_store(&app.top, ret_top->v);
	return ret;
}

/* Whether none is left of those that come to an end by themselves. */
static bool await_jobs(int64_t deadline)
{
	struct sup_child *jobs;
	bool some = true;
	size_t i, n;
	int ret = 0;

	/* Others may have been started meanwhile. */
	while (some && !ret) {
		some = false;
		ret = sup_which_children(fnd_task_supervisor(), &jobs, &n);
		if (ret)
			return ret == -ESRCH;
		for (i = 0; i < n && !ret; i++) {
			if (jobs[i].spec.restart != SUP_TEMPORARY ||
			    !jobs[i].pid.v || !sup_is_alive(jobs[i].pid))
				continue;
			some = true;
			ret = sup_wait(jobs[i].pid, NULL, deadline);
		}
		free(jobs);
	}
	return !ret;
}

static int64_t drain_until(void)
{
	int64_t now = sup_deadline_ms(0), until, most;

	until = sup_deadline_ms(app.options.drain_ms);
	if (!stop_deadline || stop_deadline == SUP_FOREVER)
		return until;
	most = stop_deadline > now ? now + (stop_deadline - now) / 4 * 3 : now;
	return until < most ? until : most;
}

static void prep_stop(void *arg, struct sup_pid top)
{
	int64_t until = drain_until();

	(void)arg;
	(void)top;
	atomic_store(&app.state, FND_APPLICATION_DRAINING);
	if (app.options.drain)
		app.options.drain(app.options.arg, until);
	drained = await_jobs(until);
	atomic_store(&app.state, FND_APPLICATION_STOPPING);
}

static void stop(void *arg)
{
	(void)arg;
	atomic_store(&app.state, FND_APPLICATION_STOPPED);
}

static int check(struct fnd_application_options *o)
{
	if (o->drain_ms < 0)
		return sup_set_error(-EINVAL, "drain_ms: %lld",
				     (long long)o->drain_ms);
	if (!o->drain_ms)
		o->drain_ms = DRAIN_MS;
	return 0;
}

int fnd_application_start(const struct fnd_application_options *given)
{
	static const struct sup_application_spec spec = {
		.size = sizeof(spec), .name = FND_APPLICATION, .start = start,
		.prep_stop = prep_stop, .stop = stop,
	};
	struct fnd_application_options o;
	int stopped = FND_APPLICATION_STOPPED;
	int ret;

	ret = fnd__copy_options(&o, sizeof(o), given);
	if (!ret)
		ret = check(&o);
	if (ret)
		return ret;
	if (!atomic_compare_exchange_strong(&app.state, &stopped,
					    FND_APPLICATION_STARTING))
		return sup_set_error(-EEXIST, "it runs");
	app.options = o;
	ret = sup_application_start(&spec);
	if (!ret)
		atomic_store(&app.up, sup_deadline_ms(0));
	atomic_store(&app.state, ret ? FND_APPLICATION_STOPPED :
		     FND_APPLICATION_RUNNING);
	return ret;
}

int fnd_application_stop(int64_t deadline, bool *ret_drained)
{
	int ret;

	/* SUP_TRY is a deadline that has come. */
	stop_deadline = deadline ? deadline : 1;
	drained = false;
	ret = sup_application_stop(FND_APPLICATION, deadline);
	stop_deadline = 0;
	if ((!ret || ret == -ETIMEDOUT) && ret_drained)
		*ret_drained = drained;
	return ret;
}

static enum fnd_application_state state_now(void)
{
	enum fnd_application_state state = atomic_load(&app.state);
	struct sup_pid top = { atomic_load(&app.top) };

	if (state == FND_APPLICATION_RUNNING && !sup_is_alive(top))
		return FND_APPLICATION_FAILED;
	return state;
}

/* Those of the table are counted before they have been there. */
static void count(struct fnd_application_status *s,
		  const struct fnd_service *services, size_t n)
{
	enum fnd_phase phase;
	const char *id;
	size_t i;

	for (i = 0; fnd__part(i, &id, &phase); i++)
		s->phases[phase].total++;
	for (i = 0; i < n; i++) {
		phase = fnd__phase_of(services[i].name);
		if (phase == FND_PHASE_APPLICATION)
			s->phases[phase].total++;
		s->phases[phase].up += services[i].pid.v != 0;
	}
	for (i = 0; i < FND_PHASES; i++) {
		s->total += s->phases[i].total;
		s->up += s->phases[i].up;
	}
}

int fnd_application_status(struct fnd_application_status *ret_status)
{
	struct fnd_application_status s = { .state = state_now() };
	struct fnd_service *services;
	size_t n;
	int ret;

	ret = fnd_service_list(FND_PRODUCTION, &services, &n);
	if (ret)
		return ret;
	count(&s, services, n);
	free(services);
	if (s.state == FND_APPLICATION_RUNNING)
		s.uptime_ns = sup_deadline_ms(0) - atomic_load(&app.up);
	*ret_status = s;
	return 0;
}
