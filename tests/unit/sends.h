/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of full mailboxes share: who waits for room, and where. */
#ifndef TESTS_UNIT_SENDS_H
#define TESTS_UNIT_SENDS_H

#include "tasks.h"

#include <sched.h>

#include "base/clock.h"
#include "core/mailbox.h"
#include "core/slot.h"
#include "core/task.h"

static _Atomic int n_freed;

static inline void count_free(void *data)
{
	(void)data;
	atomic_fetch_add(&n_freed, 1);
}

/* One that owns something. */
static inline struct sup_msg owner_msg(uint64_t tag)
{
	return (struct sup_msg){
		.tag = tag, .data = &n_freed, .free = count_free,
	};
}

/* Whether who has told others that it waits for whom. */
static inline bool waits_for(struct sup_pid who, struct sup_pid whom)
{
	struct sup__task *t = sup__task_get(who);
	struct sup__seat *seat = t ? atomic_load(&t->seat) : NULL;
	bool yes = seat && atomic_load(&seat->waits_for) == whom.v;

	if (t)
		sup__task_put(t);
	return yes;
}

static inline unsigned int n_waiting(struct sup_pid pid)
{
	struct sup__task *t = sup__task_get(pid);
	unsigned int n = t ? atomic_load(&t->mailbox.n_waiting) : 0;

	if (t)
		sup__task_put(t);
	return n;
}

static inline void look_again(int64_t deadline)
{
	assert_true(sup__now_ns() < deadline);
	sched_yield();
}

/* A sender says so after it has queued up. */
static inline void await_sender(struct sup_pid who, struct sup_pid whom)
{
	int64_t deadline = LONG;

	while (!waits_for(who, whom))
		look_again(deadline);
}

/* Somebody has queued up there; a caller says for whom it waits before. */
static inline void await_caller(struct sup_pid whom)
{
	int64_t deadline = LONG;

	while (!n_waiting(whom))
		look_again(deadline);
}

static inline struct sup_pid start_with(int (*run)(void *), void *arg,
					size_t mailbox)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = run, .arg = arg,
		.mailbox = mailbox,
	};
	struct sup_pid pid = SUP_PID_NONE;

	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	return pid;
}

enum how { KILL, SHUTDOWN };

static inline void end_sender(struct sup_pid pid, enum how how)
{
	struct sup_reason reason;

	assert_int_equal(how == KILL ? sup_kill(pid, LONG) :
			 sup_exit(pid, &SUP_SHUTDOWN), 0);
	reason = end_of(pid);
	assert_int_equal(reason.kind, how == KILL ? SUP_REASON_KILLED :
			 SUP_REASON_SHUTDOWN);
}

#endif
