/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All spares are in one list, by which the audit and the source's records know
 * them. One that is used stays in it until its thread is known as the task's;
 * one that was not, until the source has told of its end, or, with sources that
 * do not, until it has been joined.
 */
#include "core/spare.h"

#include <utlist.h>

#include <sup/dynamic.h>
#include <sup/server.h>
#include <sup/supervisor.h>
#include <sup/task.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/thread.h"
#include "core/audit.h"
#include "core/runtime.h"
#include "core/slot.h"
#include "core/table.h"

struct sup__spare {
	struct sup__spare *prev, *next;
	struct sup__thread thread;
	size_t stack_size;
	pid_t tid;
	int64_t made_ns;
};

static struct sup__lock lock = SUP__LOCK_INIT;	/* protects spares; a leaf */
static struct sup__spare *spares;

void sup__spare_allow(int (*start)(const void *arg, struct sup_pid *ret_pid),
		      bool restart)
{
	struct sup__task *owner = sup__self;

	owner->uses_spare = start == sup_server_start ||
			    start == sup_thread_start ||
			    start == sup_supervisor_start ||
			    start == sup_dynamic_start;
	owner->is_restart = restart;
}

void sup__spare_deny(void)
{
	sup__self->uses_spare = false;
}

void sup__spare_make(void)
{
	struct sup__task *owner = sup__self;
	struct sup__spare *s;
	unsigned int era;

	if (owner->spare || !owner->wants_spare)
		return;
	owner->wants_spare = false;
	s = sup__zalloc(sizeof(*s));
	if (!s)
		return;
	s->stack_size = owner->spare_size;
	era = sup__start_begin();
	if (sup__thread_spare(s->stack_size, &s->thread)) {
		sup__free(s);
	} else {
		s->tid = sup__thread_tid(s->thread);
		s->made_ns = sup__now_ns();
		sup__lock(&lock);
		DL_APPEND(spares, s);
		sup__unlock(&lock);
		owner->spare = s;
	}
	sup__start_end(era);
}

struct sup__spare *sup__spare_take(size_t stack_size)
{
	struct sup__task *owner = sup__self;
	struct sup__spare *s;

	if (!owner || !owner->uses_spare)
		return NULL;
	owner->wants_spare |= owner->is_restart;
	owner->spare_size = stack_size;
	s = owner->spare;
	if (!s || s->stack_size != stack_size)
		return NULL;
	owner->spare = NULL;
	return s;
}

pid_t sup__spare_tid(const struct sup__spare *s)
{
	return s->tid;
}

/* Its thread frees it. */
void sup__spare_use(struct sup__spare *s, const char *name,
		    void *(*run)(void *arg), void *arg)
{
	sup__thread_use(s->thread, name, run, arg);
}

static void forget(struct sup__spare *s)
{
	sup__lock(&lock);
	DL_DELETE(spares, s);
	sup__unlock(&lock);
	sup__free(s);
}

void sup__spare_begun(struct sup__spare *s)
{
	forget(s);
}

static void *end(void *arg)
{
	return arg;
}

void sup__spare_drop(struct sup__task *owner)
{
	bool will_be_told = sup__runtime_tells_threads();
	struct sup__spare *s = owner->spare;
	struct sup__thread thread;

	owner->spare = NULL;
	if (!s)
		return;
	/* ORDER: when its end is told it is freed. */
	sup__lock(&lock);
	thread = s->thread;
	sup__unlock(&lock);
	sup__thread_use(thread, NULL, end, NULL);
	sup__thread_join(thread);
	if (!will_be_told)
		forget(s);
}

static struct sup__spare *find_locked(pid_t tid)
	SUP__REQUIRES(lock)
{
	struct sup__spare *s = spares;

	while (s && s->tid != tid)
		s = s->next;
	return s;
}

bool sup__spare_has(pid_t tid)
{
	bool has;

	sup__lock(&lock);
	has = find_locked(tid);
	sup__unlock(&lock);
	return has;
}

/* A thread that had its id before it was made had ended by then. */
bool sup__spare_told(pid_t tid, int64_t exit_ns)
{
	struct sup__spare *s;

	sup__lock(&lock);
	s = find_locked(tid);
	if (s && s->made_ns > exit_ns)
		s = NULL;
	if (s)
		DL_DELETE(spares, s);
	sup__unlock(&lock);
	sup__free(s);
	return s;
}

void sup__spare_clear(void)
{
	struct sup__spare *s;

	do {
		sup__lock(&lock);
		s = spares;
		if (s)
			DL_DELETE(spares, s);
		sup__unlock(&lock);
		sup__free(s);
	} while (s);
}
