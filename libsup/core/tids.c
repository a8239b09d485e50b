/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "core/tids.h"

#include "base/clock.h"
#include "base/lock.h"
#include "core/slot.h"
#include "core/task.h"

#define TIDS 1024u

static struct sup__lock lock = SUP__LOCK_INIT;	/* protects tids; a leaf */
static struct sup__task *tids[TIDS];

static struct sup__task **bucket_of(pid_t tid)
{
	return &tids[(uint32_t)tid % TIDS];
}

static bool is_of(struct sup__task *t, pid_t tid)
{
	return (pid_t)atomic_load(&t->os_tid) == tid;
}

static struct sup__task *take_locked(pid_t tid, int64_t begun_by)
	SUP__REQUIRES(lock)
{
	struct sup__task **at = bucket_of(tid), *t;

	while (*at && (!is_of(*at, tid) || (*at)->begun_ns > begun_by))
		at = &(*at)->tid_next;
	t = *at;
	if (t)
		*at = t->tid_next;
	return t;
}

void sup__tids_add(struct sup__task *t)
{
	pid_t tid = atomic_load(&t->os_tid);
	struct sup__task *before;

	sup__task_ref(t);
	sup__lock(&lock);
	t->begun_ns = sup__now_ns();
	before = take_locked(tid, INT64_MAX);
	t->tid_next = *bucket_of(tid);
	*bucket_of(tid) = t;
	sup__unlock(&lock);
	if (before)
		sup__task_put(before);
}

struct sup__task *sup__tids_take(pid_t tid, int64_t begun_by)
{
	struct sup__task *t;

	sup__lock(&lock);
	t = take_locked(tid, begun_by);
	sup__unlock(&lock);
	return t;
}

bool sup__tids_has(pid_t tid)
{
	struct sup__task *t;

	sup__lock(&lock);
	for (t = *bucket_of(tid); t && !is_of(t, tid); t = t->tid_next)
		;
	sup__unlock(&lock);
	return t;
}

static struct sup__task *take_any(void)
{
	struct sup__task *t = NULL;
	uint32_t i;

	sup__lock(&lock);
	for (i = 0; i < TIDS && !t; i++) {
		t = tids[i];
		if (t)
			tids[i] = t->tid_next;
	}
	sup__unlock(&lock);
	return t;
}

void sup__tids_clear(void)
{
	struct sup__task *t;

	while ((t = take_any()))
		sup__task_put(t);
}
