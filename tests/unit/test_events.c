/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streams of events: what is kept, lost and waited for. */
#include "tasks.h"

#include <poll.h>
#include <pthread.h>

#include "base/alloc.h"
#include "core/event.h"

static struct sup_events *open_stream(size_t capacity)
{
	struct sup_events_spec spec = {
		.size = sizeof(spec), .capacity = capacity,
	};
	struct sup_events *e;

	assert_int_equal(sup_events_open(&spec, &e), 0);
	return e;
}

static void emit(enum sup_event_kind kind, uint64_t supervisor)
{
	struct sup_event ev = { .kind = kind, .supervisor = { supervisor } };

	sup__event_emit(&ev);
}

static struct sup_event next(struct sup_events *e)
{
	struct sup_event ev;

	assert_int_equal(sup_events_next(e, &ev, SUP_TRY), 0);
	return ev;
}

static void check_empty(struct sup_events *e)
{
	struct sup_event ev;

	assert_int_equal(sup_events_next(e, &ev, SUP_TRY), -ETIMEDOUT);
}

static void what_is_not_read_in_time_is_counted(void **state)
{
	struct sup_events *e = open_stream(2), *all = open_stream(0);
	struct sup_event first, ev;
	int i;

	(void)state;
	check_empty(e);
	for (i = 0; i < 5; i++)
		emit(SUP_EVENT_STARTED, 1);
	first = next(e);
	assert_int_equal(first.lost, 0);
	assert_true(first.time_ns > 0);
	emit(SUP_EVENT_STOPPED, 1);
	emit(SUP_EVENT_HELD, 1);
	assert_int_equal(next(e).seq, first.seq + 1);
	/* Three were lost for want of room, and none of them is this one. */
	ev = next(e);
	assert_int_equal(ev.kind, SUP_EVENT_STOPPED);
	assert_int_equal(ev.lost, 3);
	assert_int_equal(ev.seq, first.seq + 5);
	check_empty(e);
	emit(SUP_EVENT_UP, 1);
	ev = next(e);
	assert_int_equal(ev.kind, SUP_EVENT_UP);
	assert_int_equal(ev.lost, 1);
	sup_events_close(e);
	for (i = 0; i < 8; i++) {
		ev = next(all);
		assert_int_equal(ev.seq, first.seq + (uint64_t)i);
		assert_int_equal(ev.lost, 0);
	}
	check_empty(all);
	sup_events_close(all);
	sup_events_close(NULL);
}

static void what_nobody_is_told_of_has_no_number(void **state)
{
	struct sup_events *e = open_stream(0);
	uint64_t seq;

	(void)state;
	emit(SUP_EVENT_STARTED, 1);
	seq = next(e).seq;
	sup_events_close(e);
	emit(SUP_EVENT_STOPPED, 1);
	e = open_stream(0);
	emit(SUP_EVENT_STARTED, 1);
	assert_int_equal(next(e).seq, seq + 1);
	sup_events_close(e);
}

static void only_what_is_wanted_comes(void **state)
{
	struct sup_events_spec spec = {
		.size = sizeof(spec), .supervisor = { 7 },
		.kinds = SUP_EVENT_BIT(SUP_EVENT_HELD) |
			 SUP_EVENT_BIT(SUP_EVENT_DOWN),
	};
	struct sup_events *e;

	(void)state;
	assert_int_equal(sup_events_open(&spec, &e), 0);
	emit(SUP_EVENT_HELD, 8);
	emit(SUP_EVENT_STARTED, 7);
	emit(SUP_EVENT_DOWN, 7);
	assert_int_equal(next(e).kind, SUP_EVENT_DOWN);
	check_empty(e);
	sup_events_close(e);
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void its_descriptor_is_readable_while_there_are_any(void **state)
{
	struct sup_events *e = open_stream(4);
	int fd, again;

	(void)state;
	emit(SUP_EVENT_STARTED, 1);
	assert_int_equal(sup_events_fd(e, &fd), 0);
	assert_int_equal(sup_events_fd(e, &again), 0);
	assert_int_equal(fd, again);
	emit(SUP_EVENT_STARTED, 1);
	assert_true(is_readable(fd));
	next(e);
	assert_true(is_readable(fd));
	next(e);
	assert_false(is_readable(fd));
	emit(SUP_EVENT_STARTED, 1);
	assert_true(is_readable(fd));
	next(e);
	assert_false(is_readable(fd));
	sup_events_close(e);
}

static void bad_specs_and_no_memory(void **state)
{
	struct sup_events_spec spec = {
		.size = sizeof(spec), .capacity = SUP_EVENTS_MAX + 1,
	};
	struct sup_events *e;

	(void)state;
	assert_int_equal(sup_events_open(&spec, &e), -EINVAL);
	spec.size = 0;
	assert_int_equal(sup_events_open(&spec, &e), -EINVAL);
	sup__alloc_fail_nth(1);
	assert_int_equal(sup_events_open(NULL, &e), -ENOMEM);
	sup__alloc_fail_nth(0);
	assert_int_equal(sup_events_open(NULL, &e), 0);
	sup_events_close(e);
}

static int reads_for_ever(void *arg)
{
	struct sup_event ev;

	while (!sup_events_next(arg, &ev, SUP_FOREVER))
		if (ev.kind == SUP_EVENT_DOWN)
			return 0;
	return 1;
}

static void who_waits_is_woken_or_told_to_end(void **state)
{
	struct sup_events *e = open_stream(4);
	struct sup_event ev;
	struct sup_pid pid;

	(void)state;
	pid = start(reads_for_ever, e);
	emit(SUP_EVENT_UP, 1);
	emit(SUP_EVENT_DOWN, 1);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	pid = start(reads_for_ever, e);
	assert_int_equal(sup_exit(pid, &SUP_SHUTDOWN), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_SHUTDOWN);
	pid = start(reads_for_ever, e);
	kill_and_wait(pid);
	assert_int_equal(sup_events_next(e, &ev, sup_deadline_ms(5)),
			 -ETIMEDOUT);
	sup_events_close(e);
}

#define EMITTERS 3
#define EACH SLOWLY(20000)

static void *emits_many(void *done)
{
	int i;

	for (i = 0; i < EACH; i++)
		emit(SUP_EVENT_STARTED, 1);
	atomic_fetch_add((_Atomic int *)done, 1);
	return NULL;
}

/* All are read or counted, each once, in one order. */
static void many_at_once_are_read_or_counted(void **state)
{
	struct sup_events *e = open_stream(16);
	uint64_t seq = 0, n = 0;
	pthread_t threads[EMITTERS];
	_Atomic int done = 0;
	struct sup_event ev;
	bool all, got;
	int i;

	(void)state;
	for (i = 0; i < EMITTERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, emits_many,
						&done), 0);
	do {
		all = atomic_load(&done) == EMITTERS;
		got = !sup_events_next(e, &ev, sup_deadline_ms(10));
		if (got) {
			assert_true(ev.seq > seq + ev.lost);
			seq = ev.seq;
			n += 1 + ev.lost;
		}
	} while (got || !all);
	for (i = 0; i < EMITTERS; i++)
		pthread_join(threads[i], NULL);
	/* Those that were lost in the end are told by the next one. */
	emit(SUP_EVENT_UP, 1);
	n += next(e).lost;
	assert_int_equal(n, EMITTERS * (uint64_t)EACH);
	sup_events_close(e);
}

static int ends(void *arg)
{
	(void)arg;
	return 3;
}

/* A supervisor goes on, though nobody reads. */
static void a_supervisor_does_not_wait_for_a_reader(void **state)
{
	struct sup_thread_spec thread = { .size = sizeof(thread), .run = ends };
	struct sup_child_spec c = {
		.size = sizeof(c), .id = "c", .start = sup_thread_start,
		.arg = &thread,
	};
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .intensity = 200, .period_s = 3600,
		.children = &c, .n_children = 1,
	};
	struct sup_events *e = open_stream(1), *rest;
	struct sup_pid sup;

	(void)state;
	assert_int_equal(sup_supervisor_start(&spec, &sup), 0);
	assert_int_equal(end_of(sup).kind, SUP_REASON_SHUTDOWN);
	rest = open_stream(1);
	assert_int_equal(next(e).kind, SUP_EVENT_STARTED);
	emit(SUP_EVENT_HELD, 1);
	/* Ended, restarting, started; and up, ended, give up, down. */
	assert_int_equal(next(e).lost, 3 * 200 + 4);
	assert_int_equal(next(rest).kind, SUP_EVENT_HELD);
	sup_events_close(e);
	sup_events_close(rest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_read_in_time_is_counted),
		cmocka_unit_test(what_nobody_is_told_of_has_no_number),
		cmocka_unit_test(only_what_is_wanted_comes),
		cmocka_unit_test(
			its_descriptor_is_readable_while_there_are_any),
		cmocka_unit_test(bad_specs_and_no_memory),
		cmocka_unit_test(many_at_once_are_read_or_counted),
		CASE(who_waits_is_woken_or_told_to_end),
		CASE(a_supervisor_does_not_wait_for_a_reader),
	};

	return RUN_TESTS(tests);
}
