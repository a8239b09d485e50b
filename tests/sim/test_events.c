/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that a supervisor does is told, in its order. */
#include "checks.h"

static void each_step_of_a_life_is_told(void **state)
{
	struct fake a = { .id = "a", .backoff = { .min_ms = 100 } };
	struct fake b = { .id = "b", .script = "i" };
	struct fake t = { .id = "t", .restart = SUP_TEMPORARY };
	struct sup_event ev;
	struct sup_pid sup;

	(void)state;
	world_see_all();
	sup = world_supervisor(SUP_ONE_FOR_ONE, 9, 3600, FAKES(&a, &b, &t));
	assert_string_equal(world_events(),
			    "started:a declined:b started:t up:");
	assert_int_equal(world_event(SUP_EVENT_UP).supervisor.v, sup.v);
	world_end(a.pid, abnormal);
	assert_true(world_step());
	assert_string_equal(world_events(), "child_terminated:a restarting:a");
	ev = world_event(SUP_EVENT_RESTARTING);
	assert_int_equal(ev.due_ns, sup_deadline_ms(100));
	assert_int_equal(ev.reason.code, 3);
	assert_int_equal(sup_terminate_child(sup, "a"), 0);
	assert_string_equal(world_events(), "stopping:a");
	assert_int_equal(sup_restart_child(sup, "a", NULL), 0);
	crash(&t, normal);
	assert_string_equal(world_events(),
			    "started:a child_terminated:t removed:t");
	assert_int_equal(sup_terminate_child(sup, "a"), 0);
	assert_int_equal(sup_delete_child(sup, "b"), 0);
	assert_string_equal(world_events(), "stopping:a stopped:a removed:b");
	assert_int_equal(sup_restart_child(sup, "a", NULL), 0);
	world_events();
	world_stop(sup);
	assert_string_equal(world_events(), "down: stopping:a stopped:a");
	assert_int_equal(world_event(SUP_EVENT_DOWN).reason.kind,
			 SUP_REASON_SHUTDOWN);

	world_close();
}

static void so_is_what_a_group_goes_through(void **state)
{
	struct fake a = { .id = "a" }, b = { .id = "b" }, c = {
		.id = "c", .script = "ofo",
	};
	struct sup_pid sup;

	(void)state;
	world_see_all();
	sup = world_supervisor(SUP_REST_FOR_ONE, 2, 3600, FAKES(&a, &b, &c));
	world_events();
	crash(&b, abnormal);
	/* A try that failed was decided by its start_error. */
	assert_string_equal(world_events(), "child_terminated:b restarting:b "
			    "stopping:c stopped:c started:b start_error:c "
			    "started:c");
	crash(&a, abnormal);
	check_ended(sup, shutdown);
	assert_string_equal(world_events(), "child_terminated:a give_up:a "
			    "down: stopping:c stopped:c stopping:b stopped:b");

	world_close();
}

/* They have one order, and what is lost is known. */
static void they_are_numbered(void **state)
{
	struct fake a = { .id = "a" };
	struct sup_event first, ev;
	struct sup_events *events;

	(void)state;
	assert_int_equal(sup_events_open(NULL, &events), 0);
	world_supervisor(SUP_ONE_FOR_ONE, 9, 3600, FAKES(&a));
	crash(&a, abnormal);
	assert_int_equal(sup_events_next(events, &first, SUP_TRY), 0);
	assert_int_equal(first.kind, SUP_EVENT_STARTED);
	while (!sup_events_next(events, &ev, SUP_TRY))
		assert_int_equal(ev.seq, ++first.seq);
	assert_int_equal(ev.kind, SUP_EVENT_STARTED);
	assert_int_equal(ev.seq, world_event(SUP_EVENT_STARTED).seq);
	sup_events_close(events);

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_step_of_a_life_is_told),
		CASE(so_is_what_a_group_goes_through),
		CASE(they_are_numbered),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
