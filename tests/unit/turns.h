/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How tasks of a test wait for each other's turns, without a sleep. */
#ifndef TESTS_UNIT_TURNS_H
#define TESTS_UNIT_TURNS_H

#include "unit.h"

#include <sched.h>
#include <stdatomic.h>

#include "core/seat.h"
#include "core/slot.h"
#include "core/table.h"

/* How far the test has come. */
static _Atomic int step;

static inline void reach(int n)
{
	while (atomic_load(&step) < n)
		sched_yield();
}

/* Until the task waits for somebody: it is in the queue. */
static inline void until_it_waits(struct sup_pid pid)
{
	struct sup__task *t = sup__task_get(pid);

	assert_non_null(t);
	while (!atomic_load(&atomic_load(&t->seat)->waits_for))
		sched_yield();
	sup__task_put(t);
}

#endif
