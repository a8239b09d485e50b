/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A list of those that run, last started first. One that is being started or
 * stopped is in the list, too, and marked, so that no lock is held in a
 * callback or a wait; only its starter or stopper touches it then.
 *
 * Lock order: the list's lock is a leaf.
 */
#include <sup/application.h>

#include <errno.h>
#include <string.h>

#include <sup/monitor.h>
#include <sup/registry.h>
#include <sup/task.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/lock.h"
#include "base/spec.h"
#include "core/link.h"
#include "core/registry.h"
#include "core/seat.h"
#include "core/task.h"

struct application {
	struct application *next;
	struct sup_application_spec spec;
	struct sup_pid top;
	bool runs;			/* nobody starts or stops it */
};

static struct sup__lock lock = SUP__LOCK_INIT;	/* the next, and what runs */
static struct application *applications;

static struct application *find_locked(const char *name)
{
	struct application *a;

	sup__assert_held(&lock);
	for (a = applications; a; a = a->next)
		if (!strcmp(a->spec.name, name))
			return a;
	return NULL;
}

/* The first of what it needs that does not run, or NULL. */
static const char *missing_locked(const struct sup_application_spec *spec)
{
	const char *const *name;
	struct application *a;

	sup__assert_held(&lock);
	for (name = spec->needs; name && *name; name++) {
		a = find_locked(*name);
		if (!a || !a->runs)
			return *name;
	}
	return NULL;
}

static bool is_needed_locked(const char *name)
{
	const char *const *need;
	struct application *a;

	sup__assert_held(&lock);
	for (a = applications; a; a = a->next)
		for (need = a->spec.needs; need && *need; need++)
			if (!strcmp(*need, name))
				return true;
	return false;
}

static int not_in_a_task(void)
{
	return sup_self().v ? sup__error(-EPERM, "applications are for "
					 "foreign threads") : 0;
}

static int check_spec(const struct sup_application_spec *from,
		      struct sup_application_spec *spec)
{
	int ret;

	ret = sup__spec_copy(spec, sizeof(*spec), from,
			     "sup_application_spec");
	if (!ret)
		ret = sup__registry_check_name(spec->name);
	if (!ret && !spec->start)
		ret = sup__error(-EINVAL, "start: NULL");
	return ret;
}

static int enter(struct application *a)
{
	const char *missing;
	int ret = 0;

	sup__lock(&lock);
	missing = missing_locked(&a->spec);
	if (find_locked(a->spec.name)) {
		ret = sup__error(-EEXIST, "application \"%s\" runs",
				 a->spec.name);
	} else if (missing) {
		ret = sup__error(-ENOENT, "application \"%s\" needs \"%s\", "
				 "which does not run", a->spec.name, missing);
	} else {
		a->next = applications;
		applications = a;
	}
	sup__unlock(&lock);
	return ret;
}

static void leave(struct application *a)
{
	struct application **at;

	sup__lock(&lock);
	for (at = &applications; *at != a; )
		at = &(*at)->next;
	*at = a->next;
	sup__unlock(&lock);
	sup__free(a);
}

static int call_start(struct application *a)
{
	int ret;

	sup__error_clear();
	ret = a->spec.start(a->spec.arg, &a->top);
	if (ret > 0 || (!ret && !a->top.v))
		return sup__error(-EPROTO, "application \"%s\": start returned "
				  "%d, and no task", a->spec.name, ret);
	if (ret && !sup_error()[0])
		sup__error_sys(ret, "application \"%s\"", a->spec.name);
	return ret;
}

int sup_application_start(const struct sup_application_spec *spec)
{
	struct application *a;
	int ret;

	ret = not_in_a_task();
	if (ret)
		return ret;
	a = sup__zalloc(sizeof(*a));
	if (!a)
		return sup__error_nomem("an application");
	ret = check_spec(spec, &a->spec);
	if (!ret)
		ret = enter(a);
	if (ret) {
		sup__free(a);
		return ret;
	}
	ret = call_start(a);
	if (ret) {
		leave(a);
		return ret;
	}
	sup__lock(&lock);
	a->runs = true;
	sup__unlock(&lock);
	return 0;
}

/* As if by its parent, which it has none of: a supervisor traps all others. */
static void shut(struct sup_pid top)
{
	struct sup__task *t = sup__task_get(top);

	if (!t)
		return;
	sup__link_shut(t, SUP_PID_NONE, &SUP_SHUTDOWN);
	sup__task_put(t);
}

/* With what it takes to wait, no wait fails but by its deadline. */
static int may_stop(void)
{
	int ret = not_in_a_task();

	if (ret)
		return ret;
	return sup__seat_self() ? 0 : -ENOMEM;
}

/* With nobody else touching it, by a thread that may_stop(). */
static int end(struct application *a, int64_t deadline)
{
	int ret;

	if (a->spec.prep_stop)
		a->spec.prep_stop(a->spec.arg, a->top);
	shut(a->top);
	ret = sup_wait(a->top, NULL, deadline);
	if (ret == -ETIMEDOUT) {
		sup_kill(a->top, SUP_TRY);
		sup_wait(a->top, NULL, SUP_FOREVER);
	}
	if (a->spec.stop)
		a->spec.stop(a->spec.arg);
	leave(a);
	return ret;
}

int sup_application_stop(const char *name, int64_t deadline)
{
	struct application *a = NULL;
	int ret;

	ret = may_stop();
	if (ret)
		return ret;
	sup__lock(&lock);
	if (name)
		a = find_locked(name);
	if (!a || !a->runs)
		ret = sup__error(-ENOENT, "application \"%s\" does not run",
				 name ? name : "");
	else if (is_needed_locked(name))
		ret = sup__error(-EBUSY, "application \"%s\" is needed by "
				 "another one", name);
	else
		a->runs = false;
	sup__unlock(&lock);
	return ret ? ret : end(a, deadline);
}

int sup_application_stop_all(int64_t deadline)
{
	struct application *a;
	int one, ret;

	ret = may_stop();
	if (ret)
		return ret;
	for (;;) {
		sup__lock(&lock);
		for (a = applications; a && !a->runs; )
			a = a->next;
		if (a)
			a->runs = false;
		sup__unlock(&lock);
		if (!a)
			return ret;
		one = end(a, deadline);
		if (one)
			ret = one;
	}
}

int sup_application_top(const char *name, struct sup_pid *ret_top)
{
	struct application *a = NULL;

	sup__lock(&lock);
	if (name)
		a = find_locked(name);
	if (a && a->runs)
		*ret_top = a->top;
	else
		a = NULL;
	sup__unlock(&lock);
	return a ? 0 : sup__error(-ENOENT, "application \"%s\" does not run",
				  name ? name : "");
}

/* One that is there, and all it needs is, too, is not started again. */
static bool is_there(const struct sup_application_spec *spec, bool *ret_ready)
{
	bool there;

	sup__lock(&lock);
	there = find_locked(spec->name);
	*ret_ready = !missing_locked(spec);
	sup__unlock(&lock);
	return there;
}

/* One round: starts those that can be; how many goes to *started. */
static int start_ready(const struct sup_application_spec *specs, size_t n,
		       bool *started, size_t *ret_more, size_t *ret_left)
{
	bool ready;
	size_t i;
	int ret;

	*ret_more = *ret_left = 0;
	for (i = 0; i < n; i++) {
		if (is_there(&specs[i], &ready))
			continue;
		if (!ready) {
			++*ret_left;
			continue;
		}
		ret = sup_application_start(&specs[i]);
		if (ret)
			return ret;
		started[i] = true;
		++*ret_more;
	}
	return 0;
}

/* What this call has started, last first: those that nobody needs, again. */
static void stop_started(const struct sup_application_spec *specs, size_t n,
			 bool *started, int64_t deadline)
{
	bool more = true;
	size_t i;

	while (more) {
		more = false;
		for (i = n; i-- > 0; ) {
			if (!started[i])
				continue;
			if (sup_application_stop(specs[i].name, deadline) ==
			    -EBUSY)
				continue;
			started[i] = false;
			more = true;
		}
	}
}

int sup_application_start_all(const struct sup_application_spec *specs,
			      size_t n, int64_t deadline)
{
	char why[SUP__ERROR_MAX];
	struct sup_application_spec checked;
	size_t i, more = 1, left = 0;
	bool *started;
	int ret;

	ret = not_in_a_task();
	for (i = 0; i < n && !ret; i++)
		ret = check_spec(&specs[i], &checked);
	if (ret)
		return ret;
	started = sup__calloc(n + 1, sizeof(*started));
	if (!started)
		return sup__error_nomem("the start of applications");
	while (!ret && more)
		ret = start_ready(specs, n, started, &more, &left);
	if (!ret && left)
		ret = sup__error(-ENOENT, "%zu applications need what does "
				 "not run, or each other", left);
	if (ret) {
		/* Stopping the others may put other words there. */
		strncpy(why, sup_error(), sizeof(why) - 1);
		why[sizeof(why) - 1] = '\0';
		stop_started(specs, n, started, deadline);
		sup__error(ret, "%s", why);
	}
	sup__free(started);
	return ret;
}
