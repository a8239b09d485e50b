/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of running tasks begin with: a runtime, threads, expectations. */
#ifndef TESTS_UNIT_TASKS_H
#define TESTS_UNIT_TASKS_H

#include "unit.h"

#include <errno.h>
#include <stdatomic.h>

#include <sup/sup.h>

#include "runtime.h"

#define LONG sup_deadline_ms(30000)

/* Whether it would not be over soon. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOWLY(n) ((n) / 10)
#else
#define SLOWLY(n) (n)
#endif

/* Task threads say what they see by the line they return, or 0. */
#define EXPECT(x) do { if (!(x)) return __LINE__; } while (0)

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static inline struct sup_pid start(int (*run)(void *), void *arg)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = run, .arg = arg,
	};
	struct sup_pid pid = SUP_PID_NONE;

	sup_thread_start(&spec, &pid);
	return pid;
}

static inline struct sup_reason end_of(struct sup_pid pid)
{
	struct sup_reason reason = { .kind = SUP_REASON_LOST };

	sup_wait(pid, &reason, LONG);
	return reason;
}

/* Runs f as a task; it must return 0. */
static inline void run_with(int (*f)(void *), void *arg)
{
	struct sup_reason reason = end_of(start(f, arg));

	assert_int_equal(reason.code, 0);
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
}

static inline struct sup_reason shutdown_of(int64_t term)
{
	return (struct sup_reason){
		.kind = SUP_REASON_SHUTDOWN, .term = term,
	};
}

static inline void kill_and_wait(struct sup_pid pid)
{
	sup_kill(pid, LONG);
	sup_wait(pid, NULL, LONG);
}

#endif
