/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The members that the source tracks, less those that libsup knows. Both change
 * meanwhile, so the order is: list the members; let starts under way come to
 * where their tasks are known; let ends under way be told; look who is known;
 * list the members again. Who is listed first, not known, and listed again, was
 * neither just being started nor just ending.
 */
#include "core/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sup/audit.h>

#include "base/error.h"
#include "base/grace.h"
#include "base/log.h"
#include "core/foreign.h"
#include "core/process.h"
#include "core/runtime.h"
#include "core/task.h"
#include "exit/members.h"

static struct sup__grace starts = SUP__GRACE_INIT;

unsigned int sup__start_begin(void)
{
	return sup__grace_enter(&starts);
}

void sup__start_end(unsigned int era)
{
	sup__grace_leave(&starts, era);
}

static int wait_starts(int64_t deadline)
{
	int ret = sup__grace_wait(&starts, deadline);

	return ret ? sup__error(ret, "a start is still under way") : 0;
}

static bool is_known(const struct sup__members *all,
		     const struct sup__member *m)
{
	const struct sup__member *first;

	if (m->tid)
		return m->tid == getpid() ||
		       sup__runtime_knows_thread(m->tid) || sup__foreign_has(m);
	first = sup__members_find(all, m->lineage);
	return sup__process_knows(m->lineage, first ? first->pid : 0);
}

/* Keeps those that are not known. */
static int find_strays(const struct sup__members *all,
		       struct sup__members *ret_strays)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < all->n && !ret; i++)
		if (!is_known(all, &all->at[i]))
			ret = sup__members_add(ret_strays, &all->at[i]);
	return ret;
}

static int tell_strays(struct sup__exit_source *src,
		       const struct sup__members *strays,
		       const struct sup__members *now,
		       int (*cb)(const struct sup_stray *stray, void *arg),
		       void *arg)
{
	const struct sup__member *m;
	size_t i;
	int ret = 0;

	for (i = 0; i < strays->n && !ret; i++) {
		m = sup__members_find(now, strays->at[i].id);
		if (m) {
			struct sup_stray stray = {
				.pid = m->pid, .tid = m->tid,
				.lineage = m->lineage,
				.lineage_first = m->id == m->lineage,
				.adopted = src->ops->is_adopted(src, m),
				.start_ns = m->start_ns,
			};

			memcpy(stray.comm, m->comm, sizeof(stray.comm));
			ret = cb(&stray, arg);
		}
	}
	return ret;
}

int sup_audit(int (*cb)(const struct sup_stray *stray, void *arg), void *arg,
	      int64_t deadline)
{
	struct sup__members all = { 0 }, strays = { 0 }, now = { 0 };
	struct sup__exit_source *src;
	int ret;

	sup__task_checkpoint();
	src = sup__runtime_source();
	if (!src)
		return sup__error(-ENOTCONN, "the runtime is not open");
	ret = src->ops->members(src, &all);
	if (!ret)
		ret = wait_starts(deadline);
	if (!ret)
		ret = src->ops->catch_up(src, deadline);
	if (!ret)
		ret = find_strays(&all, &strays);
	if (!ret && strays.n)
		ret = src->ops->members(src, &now);
	if (!ret)
		ret = tell_strays(src, &strays, &now, cb, arg);
	sup__members_fini(&all);
	sup__members_fini(&strays);
	sup__members_fini(&now);
	return ret;
}

static int complain(const struct sup_stray *s, void *n)
{
	sup__log(LOG_CRIT, "%s \"%s\" (%d): nobody supervises it",
		 s->tid ? "thread" : "process", s->comm,
		 (int)(s->tid ? s->tid : s->pid));
	++*(int *)n;
	return 0;
}

void sup__audit_at_close(void)
{
	const char *wanted = secure_getenv("SUP_AUDIT");
	int n = 0;

	if (!wanted || !*wanted)
		return;
	if (sup_audit(complain, &n, sup_deadline_ms(10000)))
		sup__log(LOG_WARNING, "SUP_AUDIT: %s", sup_error());
	if (!n)
		return;
	sup__log(LOG_CRIT, "SUP_AUDIT: %d left over: the process ends", n);
	abort();
}
