/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starting and stopping servers. How a start is waited for: core/start.c. */
#include "core/server.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/spec.h"
#include "core/later.h"
#include "core/link.h"
#include "core/monitor.h"
#include "core/start.h"
#include "core/table.h"
#include "core/task.h"
#include "core/thread.h"

static int check_spec(const struct sup_server_spec *spec)
{
	int ret = sup__server_check_ops(spec->ops);

	if (ret)
		return ret;
	if (!spec->ops->init)
		return sup__error(-EINVAL, "ops: there must be an init");
	if (spec->init_timeout_ms < 0)
		return sup__error(-EINVAL, "init_timeout_ms: %lld is negative",
				  (long long)spec->init_timeout_ms);
	if (spec->reg && !spec->name)
		return sup__error(-EINVAL, "name: NULL cannot be registered");
	return sup__start_check(spec->ready_timeout_ms);
}

/* What is made for a start before it begins, so that it cannot fail later. */
struct extras {
	struct sup__bond *bond;		/* NULL: it is not to be linked */
	struct sup__monitor *monitor;	/* NULL: not to be monitored */
};

static int make_extras(struct extras *x, bool link, bool monitor)
{
	*x = (struct extras){ .bond = NULL };
	if (!link && !monitor)
		return 0;
	if (!sup__self)
		return sup__error(-EPERM, "a foreign thread is neither linked "
				  "nor does it monitor");
	if (link) {
		x->bond = sup__link_new();
		if (!x->bond)
			return sup__error_nomem("a link");
	}
	if (monitor) {
		x->monitor = sup__monitor_new();
		if (!x->monitor) {
			sup__link_free(x->bond);
			return sup__error_nomem("a monitor");
		}
	}
	return 0;
}

static void drop_extras(struct extras *x)
{
	sup__link_free(x->bond);
	sup__monitor_free(x->monitor);
}

/* With a reference to t: if it has ended since, its reason is known. */
static void use_extras(struct extras *x, struct sup__task *t,
		       struct sup_ref *ret_ref)
{
	if (x->monitor)
		*ret_ref = sup__monitor_begin(x->monitor, sup__task_pid(t));
	if (x->bond)
		sup__link_begin(x->bond, t);
}

static struct sup__thread_make make_of(const struct sup_server_spec *spec,
				       struct sup__seat *starter)
{
	return (struct sup__thread_make){
		.name = spec->name ? spec->name : "server", .reg = spec->reg,
		.is_server = true, .awaits_ready = spec->awaits_ready,
		.containment = spec->containment,
		.mailbox = spec->mailbox, .body = sup__server_run,
		.body_arg = spec, .via = spec->via, .starter = starter,
	};
}

static struct sup__start_limits limits_of(const struct sup_server_spec *spec)
{
	return sup__start_limits(spec->init_timeout_ms, spec->awaits_ready,
				 spec->ready_timeout_ms);
}

/* Waits for the start of t, whose reference it drops. */
static int finish(struct sup__task *t, struct sup__seat *seat,
		  const struct sup__start_limits *limits, struct extras *x,
		  struct sup_ref *ret_ref)
{
	int ret = sup__start_finish(t, seat, limits);

	if (ret)
		drop_extras(x);
	else
		use_extras(x, t, ret_ref);
	sup__task_put(t);
	return ret;
}

static int run_start(const struct sup_server_spec *spec, struct extras *x,
		     struct sup_pid *ret_pid, struct sup_ref *ret_ref)
{
	struct sup__seat *seat = sup__seat_self();
	struct sup__thread_make m = make_of(spec, seat);
	struct sup__start_limits limits = limits_of(spec);
	struct sup__task *t;
	int ret;

	ret = seat ? sup__thread_begin(&m, &t, ret_pid) : -ENOMEM;
	if (ret) {
		drop_extras(x);
		return ret;
	}
	return finish(t, seat, &limits, x, ret_ref);
}

/* One that its starter does not wait for here, core/later.h. */
struct left {
	struct sup__later later;	/* first */
	struct sup_server_spec spec;	/* its thread looks at that */
	struct extras extras;
	struct sup__start_limits limits;
};

static bool left_is_over(const struct sup__later *l)
{
	return sup__start_is_over(l->task);
}

static int64_t left_deadline(const struct sup__later *l)
{
	return sup__start_deadline(l->task, &((const struct left *)l)->limits);
}

static int left_finish(struct sup__later *l)
{
	struct left *left = (struct left *)l;
	struct sup_ref unused;
	int ret;

	ret = finish(l->task, sup__seat_self(), &left->limits, &left->extras,
		     &unused);
	sup__free(left);
	return ret;
}

static int leave_start(const struct sup_server_spec *spec, struct extras *x,
		       struct sup_pid *ret_pid)
{
	struct left *left = sup__zalloc(sizeof(*left));
	struct sup__thread_make m;
	int ret;

	if (!left) {
		drop_extras(x);
		return sup__error_nomem("a start");
	}
	left->later.is_over = left_is_over;
	left->later.deadline = left_deadline;
	left->later.finish = left_finish;
	left->spec = *spec;
	left->extras = *x;
	left->limits = limits_of(spec);
	m = make_of(&left->spec, sup__seat_self());
	ret = sup__thread_begin(&m, &left->later.task, ret_pid);
	if (ret) {
		drop_extras(x);
		sup__free(left);
		return ret;
	}
	left->later.pid = *ret_pid;
	sup__later_leave(&left->later);
	return 0;
}

/* No safe point. */
static int start(const void *server_spec, bool monitor,
		 struct sup_pid *ret_pid, struct sup_ref *ret_ref)
{
	struct sup_server_spec spec;
	struct extras extras;
	struct sup_pid pid;
	bool leave;
	int ret;

	leave = !monitor && sup__later_is_wanted();
	ret = sup__spec_copy(&spec, sizeof(spec), server_spec,
			     "sup_server_spec");
	if (!ret)
		ret = check_spec(&spec);
	if (!ret)
		ret = make_extras(&extras, spec.link, monitor);
	if (ret)
		return ret;
	if (leave)
		ret = leave_start(&spec, &extras, &pid);
	else
		ret = run_start(&spec, &extras, &pid, ret_ref);
	if (ret_pid && (!ret || ret == -EEXIST))
		*ret_pid = pid;
	return ret;
}

int sup__server_start(const void *server_spec, struct sup_pid *ret_pid)
{
	struct sup_ref unused;

	return start(server_spec, false, ret_pid, &unused);
}

/* Safe points: told to end, or linked with what has ended already. */
int sup_server_start(const void *server_spec, struct sup_pid *ret_pid)
{
	int ret;

	sup__task_checkpoint();
	ret = sup__server_start(server_spec, ret_pid);
	sup__task_checkpoint();
	return ret;
}

int sup_server_start_monitor(const struct sup_server_spec *spec,
			     struct sup_pid *ret_pid, struct sup_ref *ret_ref)
{
	int ret;

	sup__task_checkpoint();
	ret = start(spec, true, ret_pid, ret_ref);
	sup__task_checkpoint();
	return ret;
}

static bool is_same(const struct sup_reason *a, const struct sup_reason *b)
{
	return a->kind == b->kind && a->code == b->code &&
	       a->term == b->term && a->signo == b->signo;
}

static int ask_to_stop(struct sup_pid pid, const struct sup_reason *reason)
{
	struct sup__task *t = sup__task_get(pid);
	int ret = 0;

	if (!t || sup__task_has_ended(t))
		ret = sup__error(-ESRCH, "pid: no such task");
	else if (!t->is_server)
		ret = sup__error(-EINVAL, "pid: \"%s\" is no server", t->name);
	else
		sup__link_stop(t, reason);
	if (t)
		sup__task_put(t);
	return ret;
}

int sup_server_stop(struct sup_pid pid, const struct sup_reason *reason,
		    struct sup_reason *ret_reason, int64_t deadline)
{
	struct sup_reason end;
	char text[128];
	int ret;

	if (deadline < SUP_FOREVER)
		return sup__error(-EINVAL, "deadline: %lld is none",
				  (long long)deadline);
	if (pid.v && pid.v == sup_self().v)
		return sup__error(-EDEADLK, "a server cannot wait for its own "
				  "end");
	ret = ask_to_stop(pid, reason);
	if (!ret)
		ret = sup_wait(pid, &end, deadline);
	if (ret)
		return ret;
	if (ret_reason)
		*ret_reason = end;
	if (is_same(&end, reason))
		return 0;
	return sup__error(-EPIPE, "it ended with another reason: %s",
			  sup_reason_format(&end, text, sizeof(text)));
}
