/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ecosystems are supervisors of libsup, and all that is known of one its
 * supervisor knows: there is no other state. Children are told apart by their
 * ids, so that what is done to a worker is done to it whatever its pid is when
 * the supervisor comes to it.
 */
#include <foundation/ecosystem.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sup/sup.h>

#include "foundation/service.h"

#define COORDINATOR "coordinator"
#define WORKER "worker-"
#define INTENSITY 3

/* Of the last worker: no two of the process have one number. */
static _Atomic uint64_t last_number;

struct id {
	char text[sizeof(WORKER) + 20];
};

static void draw_id(struct id *id)
{
	uint64_t number = atomic_fetch_add(&last_number, 1) + 1;

	snprintf(id->text, sizeof(id->text), WORKER "%llu",
		 (unsigned long long)number);
}

/* As many of a spec as it has; what is not there is zero. */
static int copy_spec(const char *field, const struct sup_child_spec *from,
		     struct sup_child_spec *to)
{
	if (!from)
		return sup_set_error(-EINVAL, "%s: it is NULL", field);
	return fnd__copy_options(to, sizeof(*to), from);
}

static int check(struct fnd_ecosystem_spec *s, const void *from)
{
	int ret;

	ret = fnd__copy_options(s, sizeof(*s), from);
	if (ret)
		return ret;
	if (s->workers == FND_ECOSYSTEM_NONE)
		s->workers = 0;
	else if (!s->workers)
		s->workers = 1;
	if (s->workers > FND_ECOSYSTEM_MAX)
		return sup_set_error(-EINVAL, "workers: %zu is more than %d",
				     s->workers, FND_ECOSYSTEM_MAX);
	if (!s->intensity)
		s->intensity = INTENSITY;
	return 0;
}

static int start_with(const struct fnd_ecosystem_spec *s,
		      struct sup_child_spec *children, struct id *ids,
		      struct sup_pid *ret_pid)
{
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = s->name ? s->name : "ecosystem",
		.children = children, .n_children = s->workers + 1,
		.intensity = s->intensity, .period_s = s->period_s,
	};
	struct sup_child_spec *c;
	size_t i;
	int ret;

	ret = copy_spec("coordinator", s->coordinator, &children[0]);
	for (i = 0; !ret && i < s->workers; i++) {
		c = &children[i + 1];
		ret = copy_spec("worker", s->worker, c);
		draw_id(&ids[i]);
		c->id = ids[i].text;
		c->size = sizeof(*c);
	}
	if (ret)
		return ret;
	children[0].id = COORDINATOR;
	children[0].size = sizeof(children[0]);
	return sup_supervisor_start(&spec, ret_pid);
}

int fnd_ecosystem_start(const void *ecosystem_spec, struct sup_pid *ret_pid)
{
	struct fnd_ecosystem_spec s = { .size = sizeof(s) };
	struct sup_child_spec *children;
	struct id *ids;
	int ret;

	ret = check(&s, ecosystem_spec);
	if (ret)
		return ret;
	children = fnd__alloc((s.workers + 1) *
			      (sizeof(*children) + sizeof(*ids)));
	if (!children)
		return fnd__nomem("children");
	ids = (struct id *)(children + s.workers + 1);
	ret = start_with(&s, children, ids, ret_pid);
	fnd__free(children);
	return ret;
}

int fnd_ecosystem_stop(struct sup_pid ecosystem, int64_t deadline)
{
	return sup_server_stop(ecosystem, &SUP_SHUTDOWN, NULL, deadline);
}

int fnd_ecosystem_add_worker(struct sup_pid ecosystem,
			     const struct sup_child_spec *worker,
			     struct sup_pid *ret_pid)
{
	struct sup_child_spec spec;
	struct sup_pid pid;
	struct id id;
	int ret;

	ret = copy_spec("worker", worker, &spec);
	if (ret)
		return ret;
	draw_id(&id);
	spec.size = sizeof(spec);
	spec.id = id.text;
	ret = sup_start_child(ecosystem, &spec, &pid);
	if (!ret && ret_pid)
		*ret_pid = pid;
	return ret;
}

static bool is_worker(const struct sup_child *c)
{
	return !strncmp(c->id, WORKER, strlen(WORKER));
}

int fnd_ecosystem_remove_worker(struct sup_pid ecosystem,
				struct sup_pid worker)
{
	struct sup_child child;
	int ret;

	ret = sup_which_child_pid(ecosystem, worker, &child);
	if (!ret && !is_worker(&child))
		ret = -ENOENT;
	if (!ret)
		ret = sup_terminate_child(ecosystem, child.id);
	if (ret == -ENOENT)
		return sup_set_error(ret, "worker: that is none");
	if (!ret)
		ret = sup_delete_child(ecosystem, child.id);
	/* One that is temporary has gone already. */
	return ret == -ENOENT ? 0 : ret;
}

static void fill_in(struct fnd_ecosystem *e, const struct sup_child *children,
		    size_t n)
{
	const struct sup_child *c;

	/* The newest comes first there. */
	for (c = children + n; c-- > children; ) {
		if (!c->pid.v)
			continue;
		e->total++;
		if (is_worker(c))
			e->workers[e->n++] = c->pid;
		else
			e->coordinator = c->pid;
	}
}

int fnd_ecosystem_info(struct sup_pid ecosystem,
		       struct fnd_ecosystem **ret_info)
{
	struct sup_child *children;
	struct fnd_ecosystem *e;
	size_t n;
	int ret;

	ret = sup_which_children(ecosystem, &children, &n);
	if (ret)
		return ret;
	e = calloc(1, sizeof(*e) + n * sizeof(e->workers[0]));
	if (e)
		fill_in(e, children, n);
	free(children);
	if (!e)
		return fnd__nomem("an ecosystem");
	*ret_info = e;
	return 0;
}

int fnd_isolated_start(const struct sup_job_spec *work,
		       struct sup_async **ret_async)
{
	struct sup_job_spec spec;
	int ret;

	ret = fnd__copy_options(&spec, sizeof(spec), work);
	if (ret)
		return ret;
	spec.containment = SUP_CONTAIN;
	spec.size = sizeof(spec);
	ret = sup_async_nolink(sup_whereis(FND__TASKS), &spec, ret_async);
	if (ret == -ESRCH)
		return sup_set_error(-ENOTCONN, "%s does not run", FND__TASKS);
	return ret;
}

int fnd_isolated_await(struct sup_async *async, struct fnd_work *ret_work,
		       int64_t deadline)
{
	struct fnd_work w = { .outcome = FND_WORK_COMPLETE };
	int ret;

	ret = sup_async_yield(async, &w.result, &w.reason, deadline);
	if (ret && ret != -EPIPE)
		return ret;
	if (ret && w.reason.kind == SUP_REASON_EXIT) {
		w.outcome = FND_WORK_ERROR;
		w.error = w.reason.code;
	} else if (ret) {
		w.outcome = FND_WORK_CRASHED;
	}
	*ret_work = w;
	return 0;
}

int fnd_isolated_run(const struct sup_job_spec *work,
		     struct fnd_work *ret_work, int64_t deadline)
{
	struct sup_outcome outcome;
	struct sup_async *async;
	struct sup_pid pid;
	int ret;

	ret = fnd_isolated_start(work, &async);
	if (ret)
		return ret;
	pid = sup_async_pid(async);
	ret = fnd_isolated_await(async, ret_work, deadline);
	if (ret != -ETIMEDOUT)
		return ret;
	sup_exit(pid, &SUP_SHUTDOWN);
	if (!sup_async_ignore(async, &outcome))
		sup_msg_free(&outcome.result);
	return sup_set_error(ret, "the work was not over in time");
}
