/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The services, in a table of the process: what is known of one outlives its
 * task. That it is up says the ProcessRegistry: its last task has the name.
 *
 * Who registers one holds its key (sup_registry_lock()), gives the task the
 * name, and then, in one go with putting it into the table, takes out those who
 * wait for it and answers them. Between the two there is no safe point, so that
 * nobody is ended who alone knows whom to tell. The server only adds who waits,
 * and looks at the table in the same step: one of the two sees the other.
 */
#include "foundation/service_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <sup/registry_lock.h>
#include <sup/sup.h>

#include "foundation/handler.h"
#include "foundation/names.h"
#include "foundation/service.h"

struct fnd__service_table fnd__services = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

static pthread_mutex_t *const lock = &fnd__services.lock;

int fnd__service_id(struct fnd_namespace ns, const char *name,
		    struct fnd__service_id *ret_id)
{
	int ret;

	ret = fnd__check_name("name", name);
	if (ret)
		return ret;
	memset(ret_id, 0, sizeof(*ret_id));
	ret_id->ns = ns;
	strcpy(ret_id->name, name);
	return 0;
}

int fnd__service_unknown(const struct fnd__service_id *id)
{
	return sup_set_error(-ENOENT, "name: there is no service \"%s\"",
			     id->name);
}

struct fnd__service *fnd__service_find_locked(const struct fnd__service_id *id)
{
	struct fnd__service *s;

	HASH_FIND(hh, fnd__services.services, id, sizeof(*id), s);
	return s;
}

bool fnd__service_is_up_locked(const struct fnd__service *s)
{
	return fnd_process_whereis(s->id.ns, s->id.name).v ==
		s->life->health.pid.v;
}

static struct sup_pid whereis_locked(const struct fnd__service_id *id)
{
	const struct fnd__service *s = fnd__service_find_locked(id);

	return s && fnd__service_is_up_locked(s) ? s->life->health.pid :
		SUP_PID_NONE;
}

/* One who changes a service, with its key locked. */
struct change {
	struct fnd__service_id id;
	struct fnd_service_spec spec;
	size_t n_depends, depends_len;
	struct sup_pid pid, holder;
	int ret;
};

static int check_depends(struct change *c)
{
	const char *const *d = c->spec.depends_on;
	int ret = 0;

	for (; d && *d && !ret; d++) {
		ret = fnd__check_name("depends_on", *d);
		if (!ret && !strcmp(*d, c->id.name))
			ret = sup_set_error(-EINVAL, "depends_on: \"%s\" is "
					    "itself", *d);
		if (!ret && ++c->n_depends > FND_DEPENDS_MAX)
			ret = sup_set_error(-EINVAL, "depends_on: more than "
					    "%d", FND_DEPENDS_MAX);
		if (!ret)
			c->depends_len += strlen(*d) + 1;
	}
	return ret;
}

static int check_place(const struct fnd_service_spec *s)
{
	if (!s->supervisor && !s->child)
		return 0;
	if (!s->supervisor || !s->child || !s->supervisor[0] || !s->child[0])
		return sup_set_error(-EINVAL, "%s: it is missing",
				     s->supervisor && s->supervisor[0] ?
				     "child" : "supervisor");
	if (strlen(s->supervisor) > SUP_NAME_MAX ||
	    strlen(s->child) > SUP_NAME_MAX)
		return sup_set_error(-ENAMETOOLONG, "supervisor, child: more "
				     "than %d bytes", SUP_NAME_MAX);
	return 0;
}

static int check_spec(struct change *c, const struct fnd_service_spec *given)
{
	struct fnd_service_spec *s = &c->spec;
	int ret;

	ret = fnd__copy_options(s, sizeof(*s), given);
	if (ret)
		return ret;
	ret = fnd__check_ms("timeout_ms", &s->timeout_ms,
			    FND_HEALTH_TIMEOUT_MS);
	if (ret)
		return ret;
	if ((unsigned int)s->containment > SUP_CONTAIN)
		return sup_set_error(-EINVAL, "containment: %d is none",
				     (int)s->containment);
	ret = check_depends(c);
	return ret ? ret : check_place(s);
}

static const char *add_text(char **at, const char *text)
{
	const char *begin = *at;

	if (!text)
		return NULL;
	*at = stpcpy(*at, text) + 1;
	return begin;
}

static struct fnd__life *new_life(const struct change *c)
{
	const struct fnd_service_spec *s = &c->spec;
	size_t i, size = c->depends_len;
	struct fnd__life *l;
	char *at;

	if (s->supervisor)
		size += strlen(s->supervisor) + strlen(s->child) + 2;
	l = calloc(1, sizeof(*l) + size);
	if (!l)
		return NULL;
	l->health = (struct fnd__health){
		.pid = c->pid, .fn = s->health, .arg = s->health_arg,
		.containment = s->containment, .timeout_ms = s->timeout_ms,
	};
	l->since_ns = sup_deadline_ms(0);
	at = l->bytes;
	l->supervisor = add_text(&at, s->supervisor);
	l->child = add_text(&at, s->child);
	l->n_depends = c->n_depends;
	l->depends_len = c->depends_len;
	l->depends = at;
	for (i = 0; i < c->n_depends; i++)
		add_text(&at, s->depends_on[i]);
	return l;
}

static struct fnd__service *add_locked(const struct fnd__service_id *id)
{
	struct fnd__service *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->id = *id;
	HASH_ADD(hh, fnd__services.services, id, sizeof(s->id), s);
	if (!s->hh.tbl) {
		free(s);
		return NULL;
	}
	return s;
}

/* It lives on with another spec, or is another task now. Returns the old. */
static struct fnd__life *replace_locked(struct fnd__service *s,
					struct fnd__life *l)
{
	struct fnd__life *old = s->life;

	if (old && old->health.pid.v == l->health.pid.v) {
		l->since_ns = old->since_ns;
		l->failures = old->failures;
		l->last = old->last;
	} else {
		s->lives++;
	}
	s->life = l;
	fnd__services.counts.registrations++;
	return old;
}

static struct fnd__service_waiter *take_waiters_locked(
		const struct fnd__service_id *id)
{
	struct fnd__service_waiter *w, *next, *taken = NULL;

	DL_FOREACH_SAFE(fnd__services.waiters, w, next) {
		if (memcmp(&w->id, id, sizeof(*id)))
			continue;
		DL_DELETE(fnd__services.waiters, w);
		DL_APPEND(taken, w);
	}
	return taken;
}

void fnd__service_free_waiters(struct fnd__service_waiter *list)
{
	struct fnd__service_waiter *w, *next;

	DL_FOREACH_SAFE(list, w, next)
		free(w);
}

static void answer(struct fnd__service_waiter *taken, struct sup_pid pid)
{
	const struct sup_msg reply = { .tag = pid.v };
	struct fnd__service_waiter *w;

	DL_FOREACH(taken, w)
		if (sup_reply(w->from, &reply))
			sup_reply_error(w->from, -ENOMEM);
	fnd__service_free_waiters(taken);
}

/* No safe point: see above. */
static int put(const struct change *c)
{
	struct fnd__service_waiter *taken = NULL;
	struct fnd__life *l = new_life(c);
	struct fnd__service *s;

	if (!l)
		return fnd__nomem("a service");
	pthread_mutex_lock(lock);
	s = fnd__service_find_locked(&c->id);
	if (!s)
		s = add_locked(&c->id);
	if (s) {
		l = replace_locked(s, l);
		taken = take_waiters_locked(&c->id);
	}
	pthread_mutex_unlock(lock);
	free(l);
	answer(taken, c->pid);
	return s ? 0 : fnd__nomem("a service");
}

static void register_locked(void *arg)
{
	struct change *c = arg;
	struct sup_pid before = fnd_process_whereis(c->id.ns, c->id.name);

	c->ret = fnd_process_register(c->id.ns, c->id.name, c->pid,
				      c->spec.metadata, &c->holder);
	if (c->ret)
		return;
	c->ret = put(c);
	if (c->ret && before.v != c->pid.v)
		fnd__name_remove(c->id.ns, c->id.name, c->pid);
}

/* Such keys are not those that the ProcessRegistry locks: no entries are. */
static int do_change(struct change *c, void (*fn)(void *change))
{
	unsigned char buf[FND__KEY_MAX];
	struct sup_bytes key;
	int ret;

	ret = fnd__names_open();
	if (ret)
		return ret;
	key = fnd__name_key(c->id.ns, c->id.name, buf);
	ret = sup_registry_lock(fnd__pairs(), key, SUP_FOREVER, fn, c);
	return ret ? ret : c->ret;
}

static void notify_registered(int ret)
{
	const struct fnd_pair pair = { "result", ret ? "error" : "ok" };

	if (fnd__handlers_any())
		fnd__notify("foundation.registry.register", &pair, 1);
}

int fnd_service_register(struct fnd_namespace ns, const char *name,
			 struct sup_pid pid,
			 const struct fnd_service_spec *spec,
			 struct sup_pid *ret_holder)
{
	struct change c = { .pid = pid };
	int ret;

	ret = fnd__service_id(ns, name, &c.id);
	if (!ret)
		ret = check_spec(&c, spec);
	if (!ret)
		ret = do_change(&c, register_locked);
	if (ret == -EEXIST && ret_holder)
		*ret_holder = c.holder;
	notify_registered(ret);
	return ret;
}

static void forget(const struct fnd__service_id *id)
{
	struct fnd__service *s;

	pthread_mutex_lock(lock);
	s = fnd__service_find_locked(id);
	if (s)
		HASH_DEL(fnd__services.services, s);
	pthread_mutex_unlock(lock);
	if (s)
		free(s->life);
	free(s);
}

static void unregister_locked(void *arg)
{
	struct change *c = arg;
	struct fnd__service *s;

	pthread_mutex_lock(lock);
	s = fnd__service_find_locked(&c->id);
	if (s)
		c->pid = s->life->health.pid;
	pthread_mutex_unlock(lock);
	if (!s) {
		c->ret = -ENOENT;
		return;
	}
	c->ret = fnd__name_remove(c->id.ns, c->id.name, c->pid);
	if (c->ret && c->ret != -ENOENT)
		return;
	c->ret = 0;
	forget(&c->id);
}

int fnd_service_unregister(struct fnd_namespace ns, const char *name)
{
	struct change c = { .ret = 0 };
	int ret;

	ret = fnd__service_id(ns, name, &c.id);
	if (!ret)
		ret = do_change(&c, unregister_locked);
	return ret == -ENOENT ? fnd__service_unknown(&c.id) : ret;
}

int fnd__service_health(const struct fnd__service_id *id,
			struct fnd__health *ret_health)
{
	const struct fnd__service *s;

	pthread_mutex_lock(lock);
	s = fnd__service_find_locked(id);
	if (s) {
		*ret_health = s->life->health;
		ret_health->up = fnd__service_is_up_locked(s);
	}
	pthread_mutex_unlock(lock);
	return s ? 0 : fnd__service_unknown(id);
}

void fnd__service_checked(const struct fnd__service_id *id,
			  const struct fnd_health_report *report)
{
	struct fnd__service *s;

	pthread_mutex_lock(lock);
	fnd__services.counts.outcomes[report->outcome]++;
	s = fnd__service_find_locked(id);
	if (s && s->life->health.pid.v == report->pid.v) {
		s->checks++;
		s->life->last = *report;
		if (report->outcome < FND_HEALTH_FAILED)
			s->life->failures = 0;
		else
			s->life->failures++;
	}
	pthread_mutex_unlock(lock);
}

struct fnd__service_waiter *fnd__service_sweep_locked(void)
{
	struct fnd__service_waiter *w, *next, *swept = NULL;
	int64_t now = sup_deadline_ms(0);

	DL_FOREACH_SAFE(fnd__services.waiters, w, next) {
		if ((!w->from.pid.v || sup_is_alive(w->from.pid)) &&
		    (w->deadline == SUP_FOREVER || w->deadline > now))
			continue;
		DL_DELETE(fnd__services.waiters, w);
		DL_APPEND(swept, w);
	}
	return swept;
}

int fnd__service_await(const struct fnd__service_id *id, struct sup_from from,
		       int64_t deadline, struct sup_pid *ret_pid)
{
	struct fnd__service_waiter *w = calloc(1, sizeof(*w)), *swept;

	if (!w)
		return fnd__nomem("who waits");
	w->id = *id;
	w->from = from;
	w->deadline = deadline;
	pthread_mutex_lock(lock);
	swept = fnd__service_sweep_locked();
	*ret_pid = whereis_locked(id);
	if (!ret_pid->v)
		DL_APPEND(fnd__services.waiters, w);
	pthread_mutex_unlock(lock);
	fnd__service_free_waiters(swept);
	if (!ret_pid->v)
		return -EAGAIN;
	free(w);
	return 0;
}

void fnd__service_await_none(void)
{
	struct fnd__service_waiter *all;

	pthread_mutex_lock(lock);
	all = fnd__services.waiters;
	fnd__services.waiters = NULL;
	pthread_mutex_unlock(lock);
	fnd__service_free_waiters(all);
}
