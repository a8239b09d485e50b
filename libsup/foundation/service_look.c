/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looking at services. What is handed out is one block of structs, the
 * pointers to what they depend on, and bytes, in this order.
 */
#include "foundation/service_table.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/sup.h>

#include "foundation/handler.h"
#include "foundation/service.h"

static struct sup_pid look_up(const struct fnd__service_id *id)
{
	struct sup_pid pid = SUP_PID_NONE;
	struct fnd__service *s;

	pthread_mutex_lock(&fnd__services.lock);
	s = fnd__service_find_locked(id);
	if (s && fnd__service_is_up_locked(s))
		pid = s->life->health.pid;
	pthread_mutex_unlock(&fnd__services.lock);
	return pid;
}

static struct sup_pid look_up_and_notify(const struct fnd__service_id *id,
					 const char *name)
{
	int64_t began = sup_deadline_ms(0);
	struct sup_pid pid = look_up(id);
	const struct fnd_pair pairs[] = {
		{ "service", name }, { "result", pid.v ? "ok" : "error" },
	};

	fnd__notify_duration("foundation.registry.lookup",
			     sup_deadline_ms(0) - began, pairs, 2);
	return pid;
}

struct sup_pid fnd_service_whereis(struct fnd_namespace ns, const char *name)
{
	struct fnd__service_id id;

	if (fnd__service_id(ns, name, &id))
		return SUP_PID_NONE;
	return fnd__handlers_any() ? look_up_and_notify(&id, name) :
		look_up(&id);
}

/* Which services are meant: of a namespace, or that of a name in it. */
struct selection {
	struct fnd_namespace ns;
	const struct fnd__service_id *id;	/* or NULL: all */
	size_t n, pointers, bytes;
};

/* Where the next one is written. */
struct place {
	struct fnd_service *service;
	const char **pointers;
	char *bytes;
};

static bool is_meant(const struct selection *sel, const struct fnd__service *s)
{
	if (sel->id)
		return !memcmp(sel->id, &s->id, sizeof(s->id));
	return s->id.ns.v == sel->ns.v;
}

static size_t length(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static void measure_locked(struct selection *sel)
{
	const struct fnd__service *s;
	const struct fnd__life *l;

	for (s = fnd__services.services; s; s = s->hh.next) {
		if (!is_meant(sel, s))
			continue;
		l = s->life;
		sel->n++;
		sel->pointers += l->n_depends ? l->n_depends + 1 : 0;
		sel->bytes += length(s->id.name) + length(l->supervisor) +
			      length(l->child) + l->depends_len;
	}
}

static const char *copy(const char *text, struct place *at)
{
	const char *begin = at->bytes;

	if (!text)
		return NULL;
	at->bytes = stpcpy(at->bytes, text) + 1;
	return begin;
}

static const char *const *copy_depends(const struct fnd__life *l,
				       struct place *at)
{
	const char **begin = at->pointers;
	const char *from = l->depends;
	size_t i;

	if (!l->n_depends)
		return NULL;
	for (i = 0; i < l->n_depends; i++, from += length(from))
		*at->pointers++ = copy(from, at);
	*at->pointers++ = NULL;
	return begin;
}

static void write_locked(const struct fnd__service *s, struct place *at)
{
	const struct fnd__life *l = s->life;
	struct fnd_service out = {
		.ns = s->id.ns, .name = copy(s->id.name, at),
		.lives = s->lives, .depends_on = copy_depends(l, at),
		.supervisor = copy(l->supervisor, at),
		.child = copy(l->child, at), .checks = s->checks,
		.failures = l->failures, .last = l->last,
	};

	if (fnd__service_is_up_locked(s)) {
		out.pid = l->health.pid;
		out.uptime_ns = sup_deadline_ms(0) - l->since_ns;
	}
	*at->service++ = out;
}

static struct fnd_service *copy_locked(struct selection *sel,
				       void *(*alloc)(size_t size))
{
	const struct fnd__service *s;
	struct fnd_service *block;
	struct place at;

	block = alloc(sel->n * sizeof(*block) +
		      sel->pointers * sizeof(*at.pointers) + sel->bytes);
	if (!block)
		return NULL;
	at.service = block;
	at.pointers = (const char **)(block + sel->n);
	at.bytes = (char *)(at.pointers + sel->pointers);
	for (s = fnd__services.services; s; s = s->hh.next)
		if (is_meant(sel, s))
			write_locked(s, &at);
	return block;
}

static int select_services(struct selection *sel, void *(*alloc)(size_t size),
			   struct fnd_service **ret_services)
{
	struct fnd_service *block = NULL;

	pthread_mutex_lock(&fnd__services.lock);
	measure_locked(sel);
	if (sel->n)
		block = copy_locked(sel, alloc);
	pthread_mutex_unlock(&fnd__services.lock);
	if (sel->n && !block)
		return fnd__nomem("services");
	*ret_services = block;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct fnd_service *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int fnd__service_list(struct fnd_namespace ns, void *(*alloc)(size_t size),
		      struct fnd_service **ret_services, size_t *ret_n)
{
	struct selection sel = { .ns = ns };
	int ret;

	ret = select_services(&sel, alloc, ret_services);
	if (ret)
		return ret;
	if (sel.n)
		qsort(*ret_services, sel.n, sizeof(**ret_services), by_name);
	*ret_n = sel.n;
	return 0;
}

int fnd_service_list(struct fnd_namespace ns,
		     struct fnd_service **ret_services, size_t *ret_n)
{
	return fnd__service_list(ns, malloc, ret_services, ret_n);
}

int fnd_service_get(struct fnd_namespace ns, const char *name,
		    struct fnd_service **ret_service)
{
	struct fnd_service *found = NULL;
	struct fnd__service_id id;
	struct selection sel = { .ns = ns, .id = &id };
	int ret;

	ret = fnd__service_id(ns, name, &id);
	if (!ret)
		ret = select_services(&sel, malloc, &found);
	if (ret)
		return ret;
	if (!found)
		return fnd__service_unknown(&id);
	*ret_service = found;
	return 0;
}

void fnd_service_stats(struct fnd_service_stats *ret_stats)
{
	struct fnd__service_waiter *w, *swept;
	const struct fnd__service *s;

	pthread_mutex_lock(&fnd__services.lock);
	swept = fnd__service_sweep_locked();
	*ret_stats = fnd__services.counts;
	for (s = fnd__services.services; s; s = s->hh.next) {
		ret_stats->total++;
		ret_stats->up += fnd__service_is_up_locked(s);
	}
	DL_COUNT(fnd__services.waiters, w, ret_stats->waiting);
	pthread_mutex_unlock(&fnd__services.lock);
	fnd__service_free_waiters(swept);
}

/* Who restarts it: by if that is said, or none, if that was by. */
static void set_restart(struct fnd_namespace ns, const char *name,
			struct sup_pid by, bool is_over)
{
	struct fnd__service_id id;
	struct fnd__service *s;

	if (fnd__service_id(ns, name, &id))
		return;
	pthread_mutex_lock(&fnd__services.lock);
	s = fnd__service_find_locked(&id);
	if (s && !is_over)
		s->restarted_by = by;
	else if (s && s->restarted_by.v == by.v)
		s->restarted_by = SUP_PID_NONE;
	pthread_mutex_unlock(&fnd__services.lock);
}

void fnd__service_restart_begins(struct fnd_namespace ns, const char *name,
				 struct sup_pid by)
{
	set_restart(ns, name, by, false);
}

void fnd__service_restart_is_over(struct fnd_namespace ns, const char *name,
				  struct sup_pid by)
{
	set_restart(ns, name, by, true);
}

struct sup_pid fnd__service_restarted_by(struct fnd_namespace ns,
					 const char *name)
{
	struct sup_pid by = SUP_PID_NONE;
	struct fnd__service_id id;
	struct fnd__service *s;

	if (fnd__service_id(ns, name, &id))
		return by;
	pthread_mutex_lock(&fnd__services.lock);
	s = fnd__service_find_locked(&id);
	if (s)
		by = s->restarted_by;
	pthread_mutex_unlock(&fnd__services.lock);
	return by;
}

bool fnd__service_any_restart(void)
{
	struct fnd__service *s;
	bool any = false;

	pthread_mutex_lock(&fnd__services.lock);
	for (s = fnd__services.services; s && !any; s = s->hh.next)
		any = s->restarted_by.v;
	pthread_mutex_unlock(&fnd__services.lock);
	return any;
}
