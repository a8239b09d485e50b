/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Strategies, retries, and when a supervisor gives up. */
#include "checks.h"

#include "core/supervisor.h"

static void SUP_43_multiple_restarts(void **state)
{
	struct fake c = { .id = "c", .shutdown_ms = SUP_SHUTDOWN_KILL };
	struct sup_pid sup;
	int i;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 1, 1, FAKES(&c));
	for (i = 0; i < 4; i++) {
		crash(&c, abnormal);
		assert_false(world_has_ended(sup, NULL));
		world_advance(2100 * MS);
	}

	world_close();
}

static void SUP_44_one_for_one(void **state)
{
	struct fake c1 = { .id = "c1" }, c2 = { .id = "c2" };
	struct sup_pid sup, before;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&c1, &c2));
	before = c2.pid;
	crash(&c1, abnormal);
	assert_int_equal(c2.pid.v, before.v);
	check_counts(sup, 2, 2, 0, 2);
	crash(&c2, abnormal);
	check_counts(sup, 2, 2, 0, 2);
	world_trace();
	world_events();
	crash(&c2, abnormal);
	check_ended(sup, shutdown);
	assert_string_equal(world_trace(), "-c2:exit status 3 -c1");
	assert_string_equal(world_events(), "child_terminated:c2 give_up:c2 "
			    "stopped:c1");
	assert_int_equal(c1.frees, 1);
	assert_int_equal(c2.frees, 1);

	world_close();
}

static void SUP_45_one_for_one_escalation(void **state)
{
	struct fake c1 = { .id = "c1", .script = "of" }, c2 = { .id = "c2" };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 4, 3600, FAKES(&c1, &c2));
	world_trace();
	crash(&c1, abnormal);
	check_ended(sup, shutdown);
	/* As many attempts as the intensity allows, then it gives up. */
	assert_string_equal(world_trace(), "-c1:exit status 3 "
			    "?c1 ?c1 ?c1 ?c1 -c2");

	world_close();
}

static void SUP_46_one_for_all(void **state)
{
	struct fake c1 = { .id = "c1" }, c2 = { .id = "c2" };
	struct sup_pid sup, before[2];

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ALL, 2, 3600, FAKES(&c1, &c2));
	before[0] = c1.pid;
	before[1] = c2.pid;
	world_trace();
	crash(&c1, abnormal);
	assert_string_equal(world_trace(), "-c1:exit status 3 -c2 +c1 +c2");
	assert_int_not_equal(c1.pid.v, before[0].v);
	assert_int_not_equal(c2.pid.v, before[1].v);
	check_counts(sup, 2, 2, 0, 2);
	crash(&c2, abnormal);
	assert_false(world_has_ended(sup, NULL));
	crash(&c1, abnormal);
	check_ended(sup, shutdown);

	world_close();
}

static void SUP_47_one_for_all_escalation(void **state)
{
	struct fake c1 = { .id = "c1" }, c2 = { .id = "c2", .script = "of" };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ALL, 4, 3600, FAKES(&c1, &c2));
	world_trace();
	crash(&c1, abnormal);
	check_ended(sup, shutdown);
	assert_string_equal(world_trace(), "-c1:exit status 3 -c2 +c1 ?c2 "
			    "-c1 +c1 ?c2 -c1 +c1 ?c2 -c1 +c1 ?c2 -c1");

	world_close();
}

static void SUP_48_one_for_all_other_child_fails(void **state)
{
	struct fake c1 = { .id = "c1" }, c2 = { .id = "c2", .script = "ofo" };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ALL, 3, 3600, FAKES(&c1, &c2));
	world_trace();
	crash(&c1, abnormal);
	assert_string_equal(world_trace(), "-c1:exit status 3 -c2 +c1 ?c2 "
			    "-c1 +c1 +c2");
	check_counts(sup, 2, 2, 0, 2);

	world_close();
}

static void SUP_55_rest_for_one(void **state)
{
	struct fake c1 = { .id = "c1" }, c2 = { .id = "c2" };
	struct fake c3 = { .id = "c3" };
	struct sup_pid sup, before;

	(void)state;
	sup = world_supervisor(SUP_REST_FOR_ONE, 2, 3600,
			       FAKES(&c1, &c2, &c3));
	before = c1.pid;
	world_trace();
	crash(&c2, abnormal);
	assert_string_equal(world_trace(), "-c2:exit status 3 -c3 +c2 +c3");
	assert_int_equal(c1.pid.v, before.v);
	check_counts(sup, 3, 3, 0, 3);
	crash(&c3, abnormal);
	assert_string_equal(world_trace(), "-c3:exit status 3 +c3");
	crash(&c2, abnormal);
	check_ended(sup, shutdown);
	assert_string_equal(world_trace(), "-c2:exit status 3 -c3 -c1");

	world_close();
}

static void SUP_56_rest_for_one_escalation(void **state)
{
	struct fake c1 = { .id = "c1" }, c2 = { .id = "c2", .script = "of" };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_REST_FOR_ONE, 4, 3600, FAKES(&c1, &c2));
	world_trace();
	crash(&c1, abnormal);
	check_ended(sup, shutdown);
	assert_string_equal(world_trace(), "-c1:exit status 3 -c2 "
			    "+c1 ?c2 ?c2 ?c2 ?c2 -c1");

	world_close();
}

static void SUP_57_rest_for_one_other_child_fails(void **state)
{
	struct fake c1 = { .id = "c1" }, c2 = { .id = "c2", .script = "ofo" };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_REST_FOR_ONE, 3, 3600, FAKES(&c1, &c2));
	world_trace();
	crash(&c1, abnormal);
	assert_string_equal(world_trace(), "-c1:exit status 3 -c2 "
			    "+c1 ?c2 +c2");
	check_counts(sup, 2, 2, 0, 2);

	world_close();
}

/* Sends what sup_terminate_child() and its like would, without waiting. */
static int ask_child(struct sup_pid sup, int op, const char *id)
{
	struct sup__supervisor_request req = { .op = op };
	struct sup_msg msg = {
		.tag = SUP__SUPERVISOR_REQUEST, .data = &req,
		.len = sizeof(req),
	};

	snprintf(req.id, sizeof(req.id), "%s", id);
	return world_ask(sup, &msg);
}

static int result_of(int ask)
{
	struct sup_msg reply;
	int ret;

	assert_int_equal(world_answer(ask, &reply), 0);
	memcpy(&ret, reply.data, sizeof(ret));
	sup_msg_free(&reply);
	return ret;
}

/* What is asked while restarts fail comes before the next attempt. */
static void SUP_81_hanging_restart_loop(void **state)
{
	struct fake c = { .id = "c", .script = "offffo",
			  .shutdown_ms = SUP_SHUTDOWN_KILL };
	struct sup_pid sup, pid = { 99 };
	int ask[4];

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 8, 10, FAKES(&c));
	world_end(c.pid, abnormal);
	ask[0] = ask_child(sup, SUP__OP_START_CHILD, "c");
	ask[1] = ask_child(sup, SUP__OP_RESTART_CHILD, "c");
	ask[2] = ask_child(sup, SUP__OP_DELETE_CHILD, "c");
	assert_true(world_step());	/* the end, and a failed restart */
	assert_string_equal(world_listing(sup), "c*");
	assert_true(world_step() && world_step() && world_step());
	assert_int_equal(result_of(ask[0]), -EEXIST);
	assert_int_equal(result_of(ask[1]), -EAGAIN);
	assert_int_equal(result_of(ask[2]), -EAGAIN);
	assert_int_equal(c.starts, 2);
	ask[3] = ask_child(sup, SUP__OP_TERMINATE_CHILD, "c");
	assert_true(world_step());	/* the retry was queued before */
	assert_int_equal(c.starts, 3);
	assert_true(world_step());
	assert_int_equal(result_of(ask[3]), 0);
	assert_string_equal(world_listing(sup), "c-");
	world_run();
	assert_int_equal(c.starts, 3);	/* its retry was cancelled */
	assert_int_equal(sup_restart_child(sup, "c", &pid), -EIO);
	assert_int_equal(sup_restart_child(sup, "c", &pid), -EIO);
	assert_int_equal(sup_restart_child(sup, "c", &pid), 0);
	world_stop(sup);
	check_ended(sup, shutdown);

	world_close();
}

static void SUP_82_hanging_restart_loop_rest_for_one(void **state)
{
	struct fake c1 = { .id = "c1" }, c2 = { .id = "c2", .script = "of" };
	struct fake c3 = { .id = "c3" };
	struct sup_pid sup, before;

	(void)state;
	sup = world_supervisor(SUP_REST_FOR_ONE, 8, 10,
			       FAKES(&c1, &c2, &c3));
	before = c1.pid;
	world_end(c2.pid, abnormal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "c1+ c2* c3-");
	assert_int_equal(c1.pid.v, before.v);
	world_refuse_casts(1000);
	assert_true(world_step());
	assert_int_equal(sup_terminate_child(sup, "c2"), 0);
	assert_string_equal(world_listing(sup), "c1+ c2- c3-");
	check_counts(sup, 3, 1, 0, 3);
	world_stop(sup);
	check_ended(sup, shutdown);

	world_close();
}

/* One before the one that is tried again fails: both begin anew with that. */
static void SUP_48_who_is_not_reached_is_not_restarting(void **state)
{
	struct fake c1 = { .id = "c1", .script = "oof" };
	struct fake c2 = { .id = "c2", .script = "of" };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ALL, 9, 10, FAKES(&c1, &c2));
	world_end(c1.pid, abnormal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "c1+ c2*");
	while (c1.starts < 3)
		assert_true(world_step());
	assert_string_equal(world_listing(sup), "c1* c2-");
	world_refuse_casts(1000);
	assert_int_equal(sup_delete_child(sup, "c2"), 0);

	world_close();
}

/* The supervisor is told to end between two attempts: no further one. */
static void shutdown_gets_through_a_restart_loop(void **state)
{
	struct fake c = { .id = "c", .script = "of" };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 1000, 10, FAKES(&c));
	world_end(c.pid, abnormal);
	assert_true(world_step() && world_step());
	world_ask_to_end(sup);
	assert_true(world_step());
	check_ended(sup, shutdown);
	assert_int_equal(c.starts, 3);

	world_close();
}

static void exit_signals_of_strangers_are_ignored(void **state)
{
	struct fake c = { .id = "c" };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 1, 10, FAKES(&c));
	assert_int_equal(sup_exit(sup, &shutdown), 0);
	assert_int_equal(sup_exit(sup, &normal), 0);
	assert_int_equal(sup_exit(sup, &abnormal), 0);
	world_run();
	assert_string_equal(world_listing(sup), "c+");
	/* Its own child's says nothing of the child. */
	world_exit_from(c.pid, sup, abnormal);
	world_run();
	assert_string_equal(world_listing(sup), "c+");
	/* Nor is the reason that it gave the one that it then ended with. */
	world_exit_from(c.pid, sup, normal);
	crash(&c, abnormal);
	assert_int_equal(world_event(SUP_EVENT_CHILD_TERMINATED).reason.code,
			 3);
	assert_int_equal(c.starts, 2);
	world_run();
	assert_string_equal(world_listing(sup), "c+");
	assert_int_equal(sup_kill(sup, SUP_TRY), 0);
	check_ended(sup, killed);
	world_run();

	world_close();
}

/* A full mailbox may put a retry off, but not lose it. */
static void a_retry_without_room_is_not_lost(void **state)
{
	struct fake c = { .id = "c", .script = "offo" };
	struct sup_pid sup;
	int64_t before;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 5, 10, FAKES(&c));
	before = sup_deadline_ms(0);
	world_refuse_casts(3);
	crash(&c, abnormal);
	assert_string_equal(world_listing(sup), "c+");
	assert_int_equal(c.starts, 4);
	assert_int_equal(sup_deadline_ms(0) - before, 3 * MS);

	world_close();
}

static void SUP_85_order_of_children(void **state)
{
	struct fake f[] = {
		{ .id = "ch7" }, { .id = "ch3" }, { .id = "ch10" },
		{ .id = "ch2" }, { .id = "ch5" },
	};
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_REST_FOR_ONE, 2, 3600,
			       FAKES(&f[0], &f[1], &f[2], &f[3], &f[4]));
	assert_string_equal(world_trace(), "+ch7 +ch3 +ch10 +ch2 +ch5");
	crash(&f[2], abnormal);
	assert_string_equal(world_trace(), "-ch10:exit status 3 -ch5 -ch2 "
			    "+ch10 +ch2 +ch5");
	world_stop(sup);
	assert_string_equal(world_trace(), "-ch5 -ch2 -ch10 -ch3 -ch7");

	world_close();
}

/* A5.6: three ends at one moment, intensity 1. */
static void ends_at_one_moment_cost_a_group_one_restart(void **state)
{
	struct fake f[3] = { { .id = "a" }, { .id = "b" }, { .id = "c" } };
	struct sup_pid all, one;
	int i;

	(void)state;
	all = world_supervisor(SUP_ONE_FOR_ALL, 1, 3600,
			       FAKES(&f[0], &f[1], &f[2]));
	for (i = 0; i < 3; i++)
		world_end(f[i].pid, abnormal);
	world_run();
	assert_string_equal(world_listing(all), "a+ b+ c+");
	world_stop(all);
	one = world_supervisor(SUP_ONE_FOR_ONE, 1, 3600,
			       FAKES(&f[0], &f[1], &f[2]));
	for (i = 0; i < 3; i++)
		world_end(f[i].pid, abnormal);
	world_run();
	check_ended(one, shutdown);

	world_close();
}

/* A5.6: what had been stopped comes back with its group. */
static void a_group_restart_brings_back_the_stopped(void **state)
{
	struct fake a = { .id = "a" }, b = { .id = "b" };
	struct fake t = { .id = "t", .restart = SUP_TRANSIENT };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ALL, 3, 3600, FAKES(&a, &b, &t));
	assert_int_equal(sup_terminate_child(sup, "b"), 0);
	crash(&t, normal);
	assert_string_equal(world_listing(sup), "a+ b- t-");
	crash(&a, abnormal);
	assert_string_equal(world_listing(sup), "a+ b+ t+");

	world_close();
}

/* A5.4: what counts as a restart and what does not. */
static void only_restarts_of_our_own_accord_count(void **state)
{
	struct fake p = { .id = "p" };
	struct fake t = { .id = "t", .restart = SUP_TRANSIENT };
	struct fake x = { .id = "x", .restart = SUP_TEMPORARY };
	struct sup_pid sup, pid;
	int i;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 1, 3600, FAKES(&p, &t));
	for (i = 0; i < 5; i++) {
		assert_int_equal(start_child(sup, &x, &pid), 0);
		crash(&x, segv);
		crash(&t, normal);
		assert_int_equal(sup_restart_child(sup, "t", &pid), 0);
		assert_int_equal(sup_terminate_child(sup, "p"), 0);
		assert_int_equal(sup_restart_child(sup, "p", &pid), 0);
	}
	crash(&p, normal);	/* this one does */
	assert_false(world_has_ended(sup, NULL));
	crash(&p, normal);
	check_ended(sup, shutdown);

	world_close();
}

static void intensity_0_never_restarts(void **state)
{
	struct fake c = { .id = "c" };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, SUP_INTENSITY_NONE, 5,
			       FAKES(&c));
	crash(&c, abnormal);
	check_ended(sup, shutdown);
	assert_int_equal(c.starts, 1);

	world_close();
}

/* To the nanosecond: no second is cut off as in OTP. */
static void the_period_ends_when_it_ends(void **state)
{
	struct fake c = { .id = "c" };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 1, 5, FAKES(&c));
	crash(&c, abnormal);
	world_advance(5 * S + 1);
	crash(&c, abnormal);
	assert_false(world_has_ended(sup, NULL));
	world_advance(5 * S);
	crash(&c, abnormal);
	check_ended(sup, shutdown);

	world_close();
}

/* An end of a task that is no child any more changes nothing. */
static void a_late_end_is_ignored(void **state)
{
	struct fake c = { .id = "c" };
	struct sup_pid sup, pid;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 1, 5, FAKES(&c));
	assert_int_equal(sup_terminate_child(sup, "c"), 0);
	assert_int_equal(sup_restart_child(sup, "c", &pid), 0);
	assert_int_equal(c.starts, 2);
	assert_string_equal(world_listing(sup), "c+");

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(SUP_43_multiple_restarts),
		CASE(SUP_44_one_for_one),
		CASE(SUP_45_one_for_one_escalation),
		CASE(SUP_46_one_for_all),
		CASE(SUP_47_one_for_all_escalation),
		CASE(SUP_48_one_for_all_other_child_fails),
		CASE(SUP_48_who_is_not_reached_is_not_restarting),
		CASE(SUP_55_rest_for_one),
		CASE(SUP_56_rest_for_one_escalation),
		CASE(SUP_57_rest_for_one_other_child_fails),
		CASE(SUP_81_hanging_restart_loop),
		CASE(SUP_82_hanging_restart_loop_rest_for_one),
		CASE(SUP_85_order_of_children),
		CASE(shutdown_gets_through_a_restart_loop),
		CASE(exit_signals_of_strangers_are_ignored),
		CASE(a_retry_without_room_is_not_lost),
		CASE(ends_at_one_moment_cost_a_group_one_restart),
		CASE(a_group_restart_brings_back_the_stopped),
		CASE(only_restarts_of_our_own_accord_count),
		CASE(intensity_0_never_restarts),
		CASE(the_period_ends_when_it_ends),
		CASE(a_late_end_is_ignored),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
