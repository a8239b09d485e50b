/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why children are in the states that they are in. */
#include "checks.h"

#define ON(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct sup_explanation why(struct sup_pid sup, const char *id)
{
	struct sup_explanation e;

	assert_int_equal(sup_explain(sup, id, &e), 0);
	assert_string_equal(e.node.id, id);
	return e;
}

static const char *text(struct sup_pid sup, const char *id)
{
	static char buf[512];
	struct sup_explanation e = why(sup, id);

	return sup_explain_format(&e, buf, sizeof(buf));
}

static void of_each_state(void **state)
{
	struct fake a = { .id = "a" }, gone = { .id = "g", .script = "i" };
	struct fake done = { .id = "d", .restart = SUP_TRANSIENT };
	struct fake slow = { .id = "s", .backoff = { .min_ms = 5000 } };
	struct fake once = { .id = "o", .budget = {
		.intensity = SUP_INTENSITY_NONE, .spent = SUP_SPENT_STOP } };
	struct sup_pid sup, pid;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 4, 10,
			       FAKES(&a, &gone, &done, &slow, &once));
	world_advance(2 * S);
	assert_int_equal(why(sup, "a").why, SUP_WHY_RUNS);
	assert_string_equal(text(sup, "a"), "\"a\" is running for 2000 ms: "
			    "nothing is wrong; it has not ended before; "
			    "0 restarts, 0 of 4 in the last 10 s");
	assert_int_equal(why(sup, "g").why, SUP_WHY_DECLINED);
	crash(&done, normal);
	assert_int_equal(why(sup, "d").why, SUP_WHY_DONE);
	crash(&once, abnormal);
	assert_int_equal(why(sup, "o").why, SUP_WHY_SPENT);
	assert_int_equal(why(sup, "o").intensity, 0);
	world_end(slow.pid, segv);
	world_step();
	world_advance(0);
	assert_int_equal(slow.starts, 2);
	world_end(slow.pid, segv);
	world_step();
	assert_int_equal(why(sup, "s").why, SUP_WHY_BACKOFF);
	assert_int_equal(why(sup, "s").in_a_row, 2);
	assert_string_equal(text(sup, "s"), "\"s\" is restarting for 0 ms: its "
			    "restart is due in 10 s; its last life ended, "
			    "signal 11 (SEGV); 1 restart, 2 of 4 in the last "
			    "10 s, 2 in a row");
	assert_int_equal(sup_terminate_child(sup, "s"), 0);
	assert_int_equal(why(sup, "s").why, SUP_WHY_TERMINATED);
	assert_int_equal(why(sup, "s").by.v, 0);
	assert_int_equal(sup_restart_child(sup, "s", &pid), 0);
	assert_int_equal(why(sup, "s").why, SUP_WHY_RUNS);
	world_close();
}

static void of_starts_that_fail(void **state)
{
	struct fake a = { .id = "a", .script = "offo" };
	struct fake b = { .id = "b", .script = "of" };
	struct sup_explanation e;
	struct sup_pid sup, pid;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 9, 10, FAKES(&a, &b));
	world_end(a.pid, abnormal);
	world_step();
	e = why(sup, "a");
	assert_int_equal(e.why, SUP_WHY_RETRY);
	assert_int_equal(e.start_error, -EIO);
	assert_string_equal(e.start_text, "child \"a\": a is out of order");
	world_run();
	assert_int_equal(why(sup, "a").start_error, 0);
	assert_int_equal(why(sup, "a").node.restarts, 3);
	assert_int_equal(sup_terminate_child(sup, "b"), 0);
	assert_int_equal(sup_restart_child(sup, "b", &pid), -EIO);
	assert_string_equal(text(sup, "b"), "\"b\" is stopped for 0 ms: its "
			    "start failed, and is not tried again; its start "
			    "failed: child \"b\": b is out of order; "
			    "0 restarts, 3 of 9 in the last 10 s");
	world_close();
}

static void of_those_who_wait_for_others(void **state)
{
	struct fake a = { .id = "a", .backoff = { .min_ms = 1000 } };
	struct fake b = { .id = "b", .depends_on = ON("a") };
	struct fake c = { .id = "c", .depends_on = ON("b") };
	struct sup_explanation e;
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_REST_FOR_ONE, 9, 10, FAKES(&a, &b, &c));
	world_end(a.pid, abnormal);
	world_step();
	e = why(sup, "c");
	assert_int_equal(e.why, SUP_WHY_GROUP);
	assert_string_equal(e.other, "a");
	world_run();
	world_close();

	world_open(1);
	sup = world_supervisor(SUP_ONE_FOR_ONE, 9, 10, FAKES(&a, &b, &c));
	assert_int_equal(sup_terminate_child(sup, "a"), 0);
	crash(&b, abnormal);
	e = why(sup, "b");
	assert_int_equal(e.why, SUP_WHY_DEPENDS);
	assert_string_equal(e.other, "a");
	assert_non_null(strstr(text(sup, "b"), "it depends on \"a\", which is "
			       "not up"));
	world_close();
}

/* That others start, and it does not, begins nothing new for it. */
static void of_how_long_it_has_been_so(void **state)
{
	struct fake a = { .id = "a" }, z = { .id = "z" };
	struct fake b = { .id = "b", .depends_on = ON("a") };
	struct fake c = { .id = "c", .depends_on = ON("b") };
	struct fake y = { .id = "y", .depends_on = ON("z") };
	struct sup_explanation e;
	struct sup_pid sup, pid;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 9, 10,
			       FAKES(&a, &b, &c, &z, &y));
	assert_int_equal(sup_terminate_child(sup, "a"), 0);
	assert_int_equal(sup_terminate_child(sup, "z"), 0);
	crash(&b, abnormal);
	crash(&c, abnormal);
	crash(&y, abnormal);
	world_advance(3 * S);
	assert_int_equal(sup_terminate_child(sup, "a"), 0);
	assert_int_equal(sup_restart_child(sup, "z", &pid), 0);
	assert_int_equal(why(sup, "y").why, SUP_WHY_RUNS);
	e = why(sup, "c");
	assert_int_equal(e.why, SUP_WHY_DEPENDS);
	assert_int_equal(e.now_ns - e.since_ns, 3 * S);
	e = why(sup, "a");
	assert_int_equal(e.why, SUP_WHY_TERMINATED);
	assert_int_equal(e.now_ns - e.since_ns, 3 * S);
	world_close();
}

/* a is up again: b is started, and c is about to be. */
static void look_at_c(struct fake *f)
{
	struct sup_explanation e;

	if (f->starts < 2)
		return;
	e = why(sup_self(), "c");
	assert_int_equal(e.why, SUP_WHY_DEPENDS);
	assert_string_equal(e.other, "");
	assert_non_null(strstr(text(sup_self(), "c"), "are up by now"));
	f->result = 1;
}

static void of_one_that_waits_no_longer(void **state)
{
	struct fake a = { .id = "a" };
	struct fake b = { .id = "b", .depends_on = ON("a"),
			  .in_start = look_at_c };
	struct fake c = { .id = "c", .depends_on = ON("a") };
	struct sup_pid sup, pid;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 9, 10, FAKES(&a, &b, &c));
	assert_int_equal(sup_terminate_child(sup, "a"), 0);
	crash(&b, abnormal);
	crash(&c, abnormal);
	assert_int_equal(sup_restart_child(sup, "a", &pid), 0);
	assert_int_equal(b.result, 1);
	assert_int_equal(why(sup, "c").why, SUP_WHY_RUNS);
	world_close();
}

/* Looked at while the supervisor is busy with another. */
static struct sup_pid busy;

static void look_around(struct fake *f)
{
	char buf[8];
	struct sup_explanation e;

	(void)f;
	busy = sup_self();
	assert_int_equal(sup_explain(busy, "a", &e), 0);
	assert_int_equal(e.why, SUP_WHY_STARTS);
	assert_int_equal(sup_explain(busy, "b", &e), 0);
	assert_int_equal(e.why, SUP_WHY_NOT_YET);
	assert_int_equal(e.since_ns, e.now_ns);
	/* What does not fit is left out. */
	assert_string_equal(sup_explain_format(&e, buf, sizeof(buf)),
			    "\"b\" is ");
}

static void of_one_that_has_not_started(void **state)
{
	struct fake a = { .id = "a", .in_start = look_around };
	struct fake b = { .id = "b" };

	(void)state;
	world_supervisor(SUP_ONE_FOR_ONE, 9, 10, FAKES(&a, &b));
	world_close();
}

static void of_those_without_ids(void **state)
{
	struct fake template = { .id = "t" }, x = { .id = "x" };
	struct sup_explanation e;
	struct sup_pid sup, pid;

	(void)state;
	sup = world_simple(3, 5, &template);
	assert_int_equal(world_start_extra(sup, &x, &pid), 0);
	assert_int_equal(sup_explain(sup, "t", &e), -EOPNOTSUPP);
	assert_int_equal(sup_explain_pid(sup, pid, &e), 0);
	assert_int_equal(e.why, SUP_WHY_RUNS);
	assert_int_equal(sup_explain_pid(sup, sup, &e), -ENOENT);
	assert_int_equal(sup_explain_pid(sup, SUP_PID_NONE, &e), -ENOENT);
	assert_int_equal(sup_explain_pid(pid, pid, &e), -ESRCH);
	world_close();
}

/* What is said of the child shown, or of the event's, at that event. */
static struct sup_explanation when_told;
static enum sup_event_kind told_kind;
static const char *told_of, *shown;

static void explain_when_told(const struct sup_event *ev, void *arg)
{
	(void)arg;
	if (ev->kind == told_kind &&
	    (!told_of || !strcmp(ev->child_id, told_of)))
		when_told = why(ev->supervisor, shown ? shown : ev->child_id);
}

static void explain_at(enum sup_event_kind kind, const char *id,
		       const char *of)
{
	told_kind = kind;
	told_of = id;
	shown = of;
	when_told = (struct sup_explanation){ .why = SUP_WHY_NOT_YET };
	assert_int_equal(sup_set_event_sink(explain_when_told, NULL), 0);
}

/* Who hears that it has ended is told at once why it is not up. */
static void of_one_that_has_just_ended(void **state)
{
	struct fake a = { .id = "a", .restart = SUP_TRANSIENT };
	struct fake t = { .id = "t", .restart = SUP_TEMPORARY };
	struct sup_pid sup, pid;
	char buf[512];

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 9, 10, FAKES(&a, &t));
	explain_at(SUP_EVENT_CHILD_TERMINATED, NULL, NULL);
	crash(&a, normal);
	assert_int_equal(when_told.node.state, SUP_CHILD_STOPPED);
	assert_int_equal(when_told.why, SUP_WHY_DONE);
	assert_int_equal(why(sup, "a").why, SUP_WHY_DONE);
	crash(&t, abnormal);
	assert_int_equal(when_told.why, SUP_WHY_DONE);
	assert_int_equal(sup_restart_child(sup, "a", &pid), 0);
	assert_int_equal(sup_terminate_child(sup, "a"), 0);
	assert_int_equal(sup_restart_child(sup, "a", &pid), 0);
	crash(&a, abnormal);
	assert_int_equal(when_told.node.state, SUP_CHILD_STOPPED);
	assert_int_equal(when_told.why, SUP_WHY_ENDED);
	assert_string_equal(sup_explain_format(&when_told, buf, sizeof(buf)),
			    "\"a\" is stopped for 0 ms: its restart is next; "
			    "its last life ended, exit status 3; "
			    "0 restarts, 0 of 9 in the last 10 s");
	assert_int_equal(why(sup, "a").why, SUP_WHY_RUNS);
	world_close();
}

/* Others end first, which may take long. */
static void of_one_whose_group_ends_first(void **state)
{
	struct fake a = { .id = "a" }, z = { .id = "z" };
	struct fake b = { .id = "b", .script = "ofo" };

	(void)state;
	world_supervisor(SUP_ONE_FOR_ALL, 9, 10, FAKES(&a, &b, &z));
	explain_at(SUP_EVENT_STOPPING, "z", "a");
	crash(&a, abnormal);
	assert_int_equal(when_told.why, SUP_WHY_ENDED);
	/* b was tried again, and its failure is not the last word. */
	explain_at(SUP_EVENT_STOPPING, "a", "b");
	crash(&b, abnormal);
	assert_int_equal(when_told.why, SUP_WHY_ENDED);
	world_close();
}

/* b's restart fails, then a's: the next attempt is for a's sake. */
static void of_one_that_its_group_does_not_come_to(void **state)
{
	struct fake a = { .id = "a", .script = "oofo" };
	struct fake b = { .id = "b", .script = "ofo" };
	struct fake c = { .id = "c" };

	(void)state;
	world_supervisor(SUP_ONE_FOR_ALL, 9, 10, FAKES(&a, &b, &c));
	explain_at(SUP_EVENT_START_ERROR, "b", "c");
	world_end(b.pid, abnormal);
	world_step();
	assert_int_equal(when_told.why, SUP_WHY_GROUP);
	assert_string_equal(when_told.other, "b");
	explain_at(SUP_EVENT_STARTED, "a", "b");
	world_step();
	assert_int_equal(b.starts, 2);
	explain_at(SUP_EVENT_STARTED, "a", "b");
	world_run();
	assert_int_equal(when_told.why, SUP_WHY_GROUP);
	assert_string_equal(when_told.other, "a");
	assert_int_equal(b.starts, 3);
	world_close();
}

/* Its second restart is not due yet. */
static void wait_for_its_time(struct fake *f)
{
	world_end(f->pid, abnormal);
	world_step();
	world_advance(0);
	world_end(f->pid, abnormal);
	world_step();
}

/* Nobody is restarted by a supervisor that ends. */
static void of_one_whose_supervisor_ends(void **state)
{
	struct fake a = { .id = "a" }, z = { .id = "z" };
	struct fake w = { .id = "w", .backoff = { .min_ms = 5000 } };
	struct sup_pid sup;
	char buf[512];

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 10, FAKES(&z, &a, &w));
	wait_for_its_time(&w);
	assert_int_equal(why(sup, "w").why, SUP_WHY_BACKOFF);
	explain_at(SUP_EVENT_GIVE_UP, "a", "a");
	crash(&a, abnormal);
	assert_true(world_has_ended(sup, NULL));
	assert_int_equal(when_told.node.state, SUP_CHILD_STOPPED);
	assert_int_equal(when_told.why, SUP_WHY_SUPERVISOR);
	assert_string_equal(sup_explain_format(&when_told, buf, sizeof(buf)),
			    "\"a\" is stopped for 0 ms: its supervisor ends; "
			    "its last life ended, exit status 3; "
			    "0 restarts, 2 of 2 in the last 10 s");
	world_close();

	world_open(1);
	sup = world_supervisor(SUP_ONE_FOR_ONE, 9, 10, FAKES(&z, &w, &a));
	wait_for_its_time(&w);
	explain_at(SUP_EVENT_STOPPED, "a", "a");
	world_stop(sup);
	assert_int_equal(when_told.why, SUP_WHY_SUPERVISOR);
	world_close();

	world_open(1);
	sup = world_supervisor(SUP_ONE_FOR_ONE, 9, 10, FAKES(&z, &w, &a));
	wait_for_its_time(&w);
	explain_at(SUP_EVENT_STOPPED, "a", "w");
	world_stop(sup);
	assert_int_equal(when_told.node.state, SUP_CHILD_RESTARTING);
	assert_int_equal(when_told.why, SUP_WHY_SUPERVISOR);
	world_close();
}

static void what_there_is_not(void **state)
{
	struct fake a = { .id = "a" };
	struct sup_explanation e;
	struct sup_pid sup;
	int i;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 9, 10, FAKES(&a));
	assert_int_equal(sup_explain(sup, "b", &e), -ENOENT);
	assert_int_equal(sup_explain(sup, NULL, &e), -ENOENT);
	assert_int_equal(sup_explain(SUP_PID_NONE, "a", &e), -ESRCH);
	for (i = SUP_WHY_RUNS; i <= SUP_WHY_SUPERVISOR; i++)
		assert_string_not_equal(sup_why_name((enum sup_why)i),
					"unknown");
	assert_string_equal(sup_why_name((enum sup_why)99), "unknown");
	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(of_each_state),
		CASE(of_starts_that_fail),
		CASE(of_those_who_wait_for_others),
		CASE(of_how_long_it_has_been_so),
		CASE(of_one_that_waits_no_longer),
		CASE(of_one_that_has_not_started),
		CASE(of_those_without_ids),
		CASE(of_one_that_has_just_ended),
		CASE(of_one_whose_group_ends_first),
		CASE(of_one_that_its_group_does_not_come_to),
		CASE(of_one_whose_supervisor_ends),
		CASE(what_there_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
