/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <sup/log.h>
#include <sup/loop.h>
#include <sup/runtime.h>
#include <sup/task.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/log.h"
#include "core/event.h"

static struct sup_event last;
static int n_seen;

static void keep(const struct sup_event *ev, void *arg)
{
	last = *ev;
	n_seen++;
	if (arg)
		*(int *)arg = sup_set_event_sink(NULL, NULL);
}

static void a_sink_gets_what_is_emitted(void **state)
{
	struct sup_event ev = { .kind = SUP_EVENT_STOPPED, .child_id = "x" };

	(void)state;
	n_seen = 0;
	sup__event_emit(&ev);
	assert_int_equal(sup_set_event_sink(keep, NULL), 0);
	sup__event_emit(&ev);
	assert_int_equal(n_seen, 1);
	assert_string_equal(last.child_id, "x");
	assert_true(last.time_ns > 0 && last.time_ns <= sup__now_ns());
	ev.time_ns = 42;
	sup__event_emit(&ev);
	assert_int_equal(last.time_ns, 42);
	assert_int_equal(sup_set_event_sink(NULL, NULL), 0);
	sup__event_emit(&ev);
	assert_int_equal(n_seen, 2);
}

static void a_sink_cannot_take_itself_away(void **state)
{
	struct sup_event ev = { .kind = SUP_EVENT_STARTED };
	int ret = 0;

	(void)state;
	assert_int_equal(sup_set_event_sink(keep, &ret), 0);
	sup__event_emit(&ev);
	assert_int_equal(ret, -EDEADLK);
	assert_int_equal(sup_set_event_sink(NULL, NULL), 0);
}

/* Each sink has a flag that is down when it may not run. */
struct gate {
	_Atomic int open;
	_Atomic long calls;
	_Atomic int wrong;
};

static void through_gate(const struct sup_event *ev, void *arg)
{
	struct gate *g = arg;

	(void)ev;
	if (!atomic_load(&g->open))
		atomic_store(&g->wrong, 1);
	atomic_fetch_add(&g->calls, 1);
}

static _Atomic int stop;

static void *emit_on_and_on(void *arg)
{
	struct sup_event ev = { .kind = SUP_EVENT_STARTED };

	(void)arg;
	while (!atomic_load(&stop))
		sup__event_emit(&ev);
	return NULL;
}

/* After sup_set_event_sink() has returned, the old sink does not run. */
static void a_sink_that_was_taken_away_is_silent(void **state)
{
	struct gate gates[2] = { 0 };
	pthread_t threads[3];
	unsigned int i;

	(void)state;
	atomic_store(&stop, 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						emit_on_and_on, NULL), 0);
	for (i = 0; i < 2000; i++) {
		atomic_store(&gates[i & 1].open, 1);
		assert_int_equal(sup_set_event_sink(through_gate,
						    &gates[i & 1]), 0);
		atomic_store(&gates[!(i & 1)].open, 0);
	}
	while (!atomic_load(&gates[1].calls))
		;
	assert_int_equal(sup_set_event_sink(NULL, NULL), 0);
	atomic_store(&gates[1].open, 0);
	atomic_store(&stop, 1);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_false(gates[0].wrong);
	assert_false(gates[1].wrong);
}

static void events_have_names(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < SUP_EVENT_KINDS; i++)
		assert_string_not_equal(sup_event_name(i), "unknown");
	assert_string_equal(sup_event_name(i), "unknown");
}

static void end_here(const struct sup_event *ev, void *arg)
{
	(void)ev;
	(void)arg;
	sup_exit_self(&SUP_SHUTDOWN);
}

static void end_here_too(int level, const char *text, void *arg)
{
	(void)level;
	(void)text;
	(void)arg;
	sup_exit_self(&SUP_SHUTDOWN);
}

static int emit_and_log(void *arg)
{
	struct sup_event ev = { .kind = SUP_EVENT_STARTED };

	if (*(bool *)arg)
		sup__event_emit(&ev);
	sup__log(LOG_CRIT, "something");
	return 0;
}

/* They must not, but it is not this thread's end. */
static void a_task_can_jump_out_of_a_sink(void **state)
{
	struct sup_options opts = { .size = sizeof(opts),
				    .source = SUP_SOURCE_PIDFD };
	bool emits = true;
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = emit_and_log, .arg = &emits,
	};
	struct sup_event ev = { .kind = SUP_EVENT_STARTED };
	struct sup_reason reason;

	(void)state;
	assert_int_equal(sup_open(&opts), 0);
	assert_int_equal(sup_set_event_sink(end_here, NULL), 0);
	assert_int_equal(sup_thread_run(&spec, &reason), 0);
	assert_int_equal(reason.kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(sup__locks_held, 0);
	/* The thread may be told again, and who takes the sink away waits. */
	n_seen = 0;
	assert_int_equal(sup_set_event_sink(keep, NULL), 0);
	sup__event_emit(&ev);
	assert_int_equal(n_seen, 1);
	assert_int_equal(sup_set_event_sink(NULL, NULL), 0);
	emits = false;
	sup_set_log_sink(end_here_too, NULL);
	assert_int_equal(sup_thread_run(&spec, &reason), 0);
	sup_set_log_sink(NULL, NULL);
	assert_int_equal(reason.kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(sup__locks_held, 0);
	assert_int_equal(sup_close(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sink_gets_what_is_emitted),
		cmocka_unit_test(a_sink_cannot_take_itself_away),
		cmocka_unit_test(a_sink_that_was_taken_away_is_silent),
		cmocka_unit_test(a_task_can_jump_out_of_a_sink),
		cmocka_unit_test(events_have_names),
	};

	return RUN_TESTS(tests);
}
