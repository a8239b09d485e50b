/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library does not say which threads it starts, and a thread not by whom it
 * was started. But the source knows when each began; so what is kept is the
 * span of time in which the threads that began are a library's. Spans without
 * a living thread are forgotten whenever one is added, so that there are never
 * more than threads, and one.
 *
 * A span that has not ended is its thread's own, in thread-local storage: so it
 * is gone with the thread, and of no task but the one that has begun it.
 */
#include "core/foreign.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <sup/foreign.h>
#include <sup/task.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/lock.h"
#include "core/runtime.h"
#include "core/task.h"
#include "exit/exit.h"
#include "exit/members.h"

struct span {
	struct span *next;
	uint64_t begin_ns, end_ns;	/* CLOCK_BOOTTIME; begin 0: none */
	struct sup_pid owner;
	char name[SUP_FOREIGN_NAME_MAX + 1];
};

static struct sup__lock lock = SUP__LOCK_INIT;	/* protects spans; a leaf */
static struct span *spans;
static _Thread_local struct span mine;

static uint64_t boottime_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool is_begun(void)
{
	return mine.begin_ns && mine.owner.v == sup_self().v;
}

int sup_foreign_begin(const char *name)
{
	sup__task_checkpoint();
	if (!name || !*name)
		return sup__error(-EINVAL, "name: it is %s",
				  name ? "empty" : "NULL");
	if (strlen(name) > SUP_FOREIGN_NAME_MAX)
		return sup__error(-EINVAL, "name: longer than %d",
				  SUP_FOREIGN_NAME_MAX);
	if (is_begun())
		return sup__error(-EALREADY, "\"%s\" has begun and not ended",
				  mine.name);
	mine.owner = sup_self();
	strcpy(mine.name, name);
	mine.begin_ns = boottime_ns();
	return 0;
}

static bool began_in(const struct sup__member *m, const struct span *s)
{
	return m->tid && m->start_ns >= s->begin_ns && m->start_ns <= s->end_ns;
}

static bool has_any(const struct span *s, const struct sup__members *all)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		if (began_in(&all->at[i], s))
			return true;
	return false;
}

/*
 * Takes out those without a living thread, for the caller to free; of those
 * that ended by then, before all were listed.
 */
static struct span *take_empty_locked(const struct sup__members *all,
				      uint64_t then)
	SUP__REQUIRES(lock)
{
	struct span **at = &spans, *s, *empty = NULL;

	while ((s = *at)) {
		if (s->end_ns > then || has_any(s, all)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		s->next = empty;
		empty = s;
	}
	return empty;
}

static void free_all(struct span *s)
{
	struct span *next;

	for (; s; s = next) {
		next = s->next;
		sup__free(s);
	}
}

static int add(const struct span *from)
{
	struct span *s = sup__memdup(from, sizeof(*s));

	if (!s)
		return sup__error(-ENOMEM, "no memory for \"%s\"", from->name);
	sup__lock(&lock);
	s->next = spans;
	spans = s;
	sup__unlock(&lock);
	return 0;
}

static void forget_empty(const struct sup__members *all, uint64_t then)
{
	struct span *empty;

	sup__lock(&lock);
	empty = take_empty_locked(all, then);
	sup__unlock(&lock);
	free_all(empty);
}

int sup_foreign_end(void)
{
	struct sup__exit_source *src = sup__runtime_source();
	struct sup__members all = { 0 };
	struct span s = mine;
	bool begun = is_begun();
	int ret;

	mine.begin_ns = 0;
	if (!begun)
		return sup__error(-EINVAL, "nothing has begun here");
	s.end_ns = boottime_ns();
	ret = src ? src->ops->members(src, &all) : 0;
	if (!ret)
		ret = add(&s);
	if (!ret && src)
		forget_empty(&all, s.end_ns);
	sup__members_fini(&all);
	sup__task_checkpoint();
	return ret == -EOPNOTSUPP ? 0 : ret;
}

/* The one that a thread began in is copied, but for its place. */
static bool find(const struct sup__member *m, struct span *ret_span)
{
	struct span *s;

	sup__lock(&lock);
	for (s = spans; s && !began_in(m, s); s = s->next)
		;
	if (s)
		*ret_span = *s;
	sup__unlock(&lock);
	return s;
}

bool sup__foreign_has(const struct sup__member *m)
{
	struct span s;

	return find(m, &s);
}

static int tell(const struct sup__member *m, const struct span *s,
		int (*cb)(const struct sup_foreign *f, void *arg), void *arg)
{
	struct sup_foreign f = {
		.tid = m->tid, .owner = s->owner, .start_ns = m->start_ns,
	};

	memcpy(f.name, s->name, sizeof(f.name));
	memcpy(f.comm, m->comm, sizeof(f.comm));
	return cb(&f, arg);
}

int sup_foreign_threads(int (*cb)(const struct sup_foreign *f, void *arg),
			void *arg)
{
	struct sup__members all = { 0 };
	struct sup__exit_source *src;
	struct span s;
	size_t i;
	int ret;

	sup__task_checkpoint();
	src = sup__runtime_source();
	if (!src)
		return sup__error(-ENOTCONN, "the runtime is not open");
	ret = src->ops->members(src, &all);
	for (i = 0; i < all.n && !ret; i++)
		if (!sup__runtime_knows_thread(all.at[i].tid) &&
		    find(&all.at[i], &s))
			ret = tell(&all.at[i], &s, cb, arg);
	sup__members_fini(&all);
	return ret;
}
