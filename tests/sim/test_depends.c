/* SPDX-License-Identifier: GPL-2.0-or-later */
/* depends_on: who starts and stops when, and what a failure leads to. */
#include "checks.h"

#define ON(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* Time that passes while f runs. */
static int64_t begun;

static void begin_time(void)
{
	begun = sup_deadline_ms(0);
}

static int64_t passed_ms(void)
{
	return (sup_deadline_ms(0) - begun) / MS;
}

static int try_start(struct fake *const *f, struct sup_pid *ret_sup)
{
	return world_try_supervisor(SUP_ONE_FOR_ONE, 5, 5,
				    SUP_AUTO_SHUTDOWN_NEVER, f, ret_sup);
}

/* The list has dependents first: it is not what counts. */
static void independent_ones_go_at_the_same_time(void **state)
{
	struct fake d = { .id = "d", .depends_on = ON("b", "c"),
			  .start_ns = 10 * MS, .stop_ns = 10 * MS };
	struct fake b = { .id = "b", .depends_on = ON("a"),
			  .start_ns = 10 * MS, .stop_ns = 20 * MS };
	struct fake c = { .id = "c", .depends_on = ON("a"),
			  .start_ns = 30 * MS, .stop_ns = 10 * MS };
	struct fake a = { .id = "a", .start_ns = 10 * MS,
			  .stop_ns = 10 * MS };
	struct sup_pid sup;

	(void)state;
	begin_time();
	sup = world_supervisor(SUP_ONE_FOR_ONE, 5, 5, FAKES(&d, &b, &c, &a));
	assert_string_equal(world_trace(), "(a +a (b (c +b +c (d +d");
	assert_int_equal(passed_ms(), 50);
	assert_string_equal(world_listing(sup), "d+ b+ c+ a+");
	begin_time();
	world_stop(sup);
	assert_string_equal(world_trace(), "-d -c -b -a");
	assert_int_equal(passed_ms(), 40);
	world_close();
}

static void without_it_nothing_is_different(void **state)
{
	struct fake a = { .id = "a", .start_ns = 10 * MS, .stop_ns = 10 * MS };
	struct fake b = { .id = "b", .start_ns = 10 * MS, .stop_ns = 10 * MS };
	struct sup_pid sup;

	(void)state;
	begin_time();
	sup = world_supervisor(SUP_ONE_FOR_ONE, 5, 5, FAKES(&a, &b));
	assert_int_equal(passed_ms(), 20);
	world_stop(sup);
	assert_int_equal(passed_ms(), 40);
	assert_string_equal(world_trace(), "+a +b -b -a");
	world_close();
}

static void refused(struct fake *const *f, const char *why)
{
	struct sup_pid sup;

	assert_int_equal(try_start(f, &sup), -EINVAL);
	assert_string_equal(sup_error(), why);
	assert_string_equal(world_trace(), "");
}

static void what_it_may_not_name(void **state)
{
	struct fake a = { .id = "a" };
	struct fake temporary = { .id = "t", .restart = SUP_TEMPORARY };
	struct fake unknown = { .id = "b", .depends_on = ON("a", "x") };
	struct fake self = { .id = "b", .depends_on = ON("b") };
	struct fake twice = { .id = "b", .depends_on = ON("a", "a") };
	struct fake on_t = { .id = "b", .depends_on = ON("t") };
	struct fake r1 = { .id = "1", .depends_on = ON("3", "a") };
	struct fake r2 = { .id = "2", .depends_on = ON("1") };
	struct fake r3 = { .id = "3", .depends_on = ON("2") };

	(void)state;
	refused(FAKES(&a, &unknown),
		"child \"b\": depends_on: there is no child \"x\"");
	refused(FAKES(&a, &self),
		"child \"b\": depends_on names the child itself");
	refused(FAKES(&a, &twice), "child \"b\": depends_on names \"a\" twice");
	refused(FAKES(&temporary, &on_t), "child \"b\": depends_on: \"t\" is "
		"temporary, and goes when it ends");
	refused(FAKES(&a, &r1, &r2, &r3),
		"child \"3\": depends_on leads in a circle");
	assert_int_equal(world_alive(), 0);
	world_close();
}

static void where_children_have_no_ids(void **state)
{
	struct fake b = { .id = "b", .depends_on = ON("a") };
	struct sup_child_spec child = world_spec(&b);
	struct sup_supervisor_spec simple = {
		.size = sizeof(simple), .strategy = SUP_SIMPLE_ONE_FOR_ONE,
		.children = &child, .n_children = 1,
	};
	struct sup_dynamic_spec dynamic = { .size = sizeof(dynamic) };
	struct sup_partition_spec partition = {
		.size = sizeof(partition), .name = "p", .child = &child,
	};
	static const char why[] = "child \"b\": depends_on: the children of "
		"this supervisor have no ids";
	struct sup_pid sup, pid;

	(void)state;
	assert_int_equal(sup_supervisor_start(&simple, &sup), -EINVAL);
	assert_string_equal(sup_error(), why);
	assert_int_equal(sup_partition_start(&partition, &sup), -EINVAL);
	assert_string_equal(sup_error(), why);
	assert_int_equal(sup_dynamic_start(&dynamic, &sup), 0);
	assert_int_equal(sup_start_child(sup, &child, &pid), -EINVAL);
	assert_string_equal(sup_error(), why);
	world_close();
}

/* c is under way when b fails; d never starts. */
static void a_failure_ends_what_has_begun(void **state)
{
	struct fake a = { .id = "a", .start_ns = 10 * MS };
	struct fake b = { .id = "b", .depends_on = ON("a"), .script = "f",
			  .start_ns = 10 * MS };
	struct fake c = { .id = "c", .depends_on = ON("a"),
			  .start_ns = 100 * MS, .stop_ns = 5 * MS };
	struct fake d = { .id = "d", .depends_on = ON("b", "c") };
	struct fake e = { .id = "e", .stop_ns = 5 * MS };
	struct sup_pid sup;

	(void)state;
	begin_time();
	assert_int_equal(try_start(FAKES(&a, &b, &c, &d, &e), &sup), -EIO);
	assert_string_equal(sup_error(), "child \"b\": b is out of order");
	assert_string_equal(world_trace(), "(a +e +a (b (c ?b ?c -a -e");
	assert_string_equal(world_events(), "started:e started:a start_error:b "
			    "stopped:a stopped:e");
	assert_int_equal(passed_ms(), 30);
	assert_int_equal(world_alive(), 0);
	world_close();
}

/* One that takes no notice is killed when its time is over. */
static void a_start_that_is_deaf(void **state)
{
	struct fake a = { .id = "a", .script = "f", .start_ns = 10 * MS };
	struct fake b = { .id = "b", .start_ns = 100 * S, .deaf = true,
			  .shutdown_ms = 50 };
	struct fake c = { .id = "c", .depends_on = ON("a") };
	struct sup_pid sup;

	(void)state;
	begin_time();
	assert_int_equal(try_start(FAKES(&a, &b, &c), &sup), -EIO);
	assert_string_equal(sup_error(), "child \"a\": a is out of order");
	assert_int_equal(passed_ms(), 60);
	assert_int_equal(world_alive(), 0);
	world_close();
}

static void who_declines_keeps_nobody_waiting(void **state)
{
	struct fake a = { .id = "a", .script = "io", .start_ns = 10 * MS };
	struct fake b = { .id = "b", .depends_on = ON("a") };
	struct sup_pid sup, pid;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 5, 5, FAKES(&b, &a));
	assert_string_equal(world_trace(), "(a !a +b");
	assert_int_equal(sup_restart_child(sup, "a", &pid), 0);
	assert_string_equal(world_listing(sup), "b+ a+");
	world_close();
}

static void who_is_done_keeps_nobody_waiting(void **state)
{
	struct fake a = { .id = "a", .restart = SUP_TRANSIENT };
	struct fake b = { .id = "b", .depends_on = ON("a") };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 5, 5, FAKES(&a, &b));
	crash(&a, normal);
	crash(&b, abnormal);
	assert_string_equal(world_trace(), "+a +b -a:normal -b:exit status 3 +b");
	assert_string_equal(world_listing(sup), "a- b+");
	world_close();
}

/* It is started again with those that depend on it: then they do wait. */
static void who_is_done_and_starts_again(void **state)
{
	struct fake a = { .id = "a", .restart = SUP_TRANSIENT,
			  .start_ns = 10 * MS };
	struct fake b = { .id = "b", .depends_on = ON("a") };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ALL, 5, 5, FAKES(&b, &a));
	crash(&a, normal);
	crash(&b, abnormal);
	assert_string_equal(world_trace(), "(a +a +b -a:normal "
			    "-b:exit status 3 (a +a +b");
	assert_string_equal(world_listing(sup), "b+ a+");
	world_close();
}

/* One restarts alone; its restart waits for whom it depends on. */
static void a_restart_waits(void **state)
{
	struct fake a = { .id = "a", .backoff = { .min_ms = 1000 } };
	struct fake b = { .id = "b", .depends_on = ON("a") };
	struct fake c = { .id = "c", .depends_on = ON("b") };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 5, 5, FAKES(&a, &b, &c));
	world_trace();
	world_end(a.pid, abnormal);
	world_step();
	world_end(b.pid, abnormal);
	world_end(c.pid, abnormal);
	while (a.starts == 1 && strcmp(world_listing(sup), "a* b* c*"))
		assert_true(world_step());
	assert_string_equal(world_listing(sup), "a* b* c*");
	assert_int_equal(sup_delete_child(sup, "c"), -EAGAIN);
	world_run();
	assert_string_equal(world_trace(), "-a:exit status 3 -b:exit status 3 "
			    "-c:exit status 3 +a +b +c");
	assert_string_equal(world_listing(sup), "a+ b+ c+");
	world_close();
}

static void it_waits_for_one_that_was_stopped(void **state)
{
	struct fake a = { .id = "a" };
	struct fake b = { .id = "b", .depends_on = ON("a") };
	struct fake d = { .id = "d", .depends_on = ON("a") };
	struct sup_pid sup, pid;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 5, 5, FAKES(&a, &b));
	/* That is what was asked for: it alone is stopped. */
	assert_int_equal(sup_terminate_child(sup, "a"), 0);
	assert_string_equal(world_listing(sup), "a- b+");
	crash(&b, abnormal);
	assert_string_equal(world_listing(sup), "a- b*");
	assert_int_equal(start_child(sup, &d, &pid), -EAGAIN);
	assert_string_equal(sup_error(), "child \"d\": it depends on \"a\", "
			    "which is stopped");
	assert_int_equal(sup_delete_child(sup, "a"), -EBUSY);
	assert_string_equal(sup_error(), "child \"a\": \"b\" depends on it");
	assert_int_equal(sup_restart_child(sup, "a", &pid), 0);
	world_run();
	assert_string_equal(world_listing(sup), "a+ b+");
	assert_int_equal(start_child(sup, &d, &pid), 0);
	/* Who waits can be told not to. */
	assert_int_equal(sup_terminate_child(sup, "a"), 0);
	crash(&b, abnormal);
	assert_int_equal(sup_terminate_child(sup, "b"), 0);
	assert_int_equal(sup_restart_child(sup, "b", &pid), -EAGAIN);
	assert_int_equal(sup_restart_child(sup, "a", &pid), 0);
	world_run();
	assert_string_equal(world_listing(sup), "a+ b- d+");
	assert_int_equal(sup_restart_child(sup, "b", &pid), 0);
	world_close();
}

/* rest_for_one: who depends on it, not who stands behind it. */
static void the_rest_is_who_depends(void **state)
{
	struct fake a = { .id = "a" }, e = { .id = "e" };
	struct fake b = { .id = "b", .depends_on = ON("a"), .stop_ns = 9 * MS };
	struct fake c = { .id = "c", .depends_on = ON("b") };
	struct fake d = { .id = "d", .depends_on = ON("a") };
	struct fake t = { .id = "t", .depends_on = ON("a"),
			  .restart = SUP_TEMPORARY };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_REST_FOR_ONE, 5, 5,
			       FAKES(&c, &d, &a, &b, &e, &t));
	world_trace();
	crash(&b, abnormal);
	assert_string_equal(world_trace(), "-b:exit status 3 -c +b +c");
	crash(&a, abnormal);
	assert_string_equal(world_trace(), "-a:exit status 3 -t -d -c -b "
			    "+a +b +c +d");
	assert_string_equal(world_listing(sup), "c+ d+ a+ b+ e+");
	world_close();
}

/* A restart that fails keeps back those alone that depend on it. */
static void a_restart_that_fails(void **state)
{
	struct fake a = { .id = "a" };
	struct fake b = { .id = "b", .depends_on = ON("a"), .script = "ofo" };
	struct fake c = { .id = "c", .depends_on = ON("b") };
	struct fake d = { .id = "d", .depends_on = ON("a") };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_REST_FOR_ONE, 5, 5, FAKES(&a, &b, &c, &d));
	world_trace();
	crash(&a, abnormal);
	assert_string_equal(world_trace(), "-a:exit status 3 -d -c -b "
			    "+a ?b +d +b +c");
	assert_string_equal(world_listing(sup), "a+ b+ c+ d+");
	world_close();

	world_open(1);
	b.starts = 0;
	sup = world_supervisor(SUP_ONE_FOR_ALL, 5, 5, FAKES(&a, &b, &c, &d));
	world_trace();
	crash(&d, abnormal);
	assert_string_equal(world_trace(), "-d:exit status 3 -c -b -a "
			    "+a ?b +d -d -a +a +b +c +d");
	assert_string_equal(world_listing(sup), "a+ b+ c+ d+");
	world_close();
}

/* Each has its own patience, from when it was asked. */
static void the_deaf_are_killed_in_their_turn(void **state)
{
	struct fake a = { .id = "a", .deaf = true, .shutdown_ms = 100 };
	struct fake b = { .id = "b", .deaf = true, .shutdown_ms = 200 };
	struct fake c = { .id = "c", .depends_on = ON("a") , .deaf = true,
			  .shutdown_ms = SUP_SHUTDOWN_KILL };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 5, 5, FAKES(&a, &b, &c));
	world_trace();
	begin_time();
	world_stop(sup);
	assert_string_equal(world_trace(), "-c:killed -a:killed -b:killed");
	assert_int_equal(passed_ms(), 200);
	assert_string_equal(world_events(), "started:a started:b started:c "
			    "stopped:c shutdown_error:a shutdown_error:b");
	world_close();
}

static struct sup_supervisor_spec inner;
static struct sup_child_spec inner_specs[4];

/*
 * The children of a supervisor that was killed are all told so at that moment;
 * none is started again while one is left.
 */
static void those_of_one_that_was_killed(void **state)
{
	struct fake a = { .id = "a", .stop_ns = 10 * MS };
	struct fake b = { .id = "b", .depends_on = ON("a"),
			  .stop_ns = 10 * MS };
	struct fake c = { .id = "c", .stop_ns = 10 * MS };
	struct sup_child_spec child = {
		.size = sizeof(child), .id = "inner", .arg = &inner,
		.start = sup_supervisor_start, .type = SUP_SUPERVISOR,
	};
	struct sup_supervisor_spec outer = {
		.size = sizeof(outer), .name = "outer",
		.children = &child, .n_children = 1,
	};
	struct sup_node *nodes;
	struct sup_pid sup;
	size_t n;

	(void)state;
	inner_specs[0] = world_spec(&b);
	inner_specs[1] = world_spec(&a);
	inner_specs[2] = world_spec(&c);
	inner = (struct sup_supervisor_spec){
		.size = sizeof(inner), .name = "inner",
		.children = inner_specs, .n_children = 3,
	};
	assert_int_equal(sup_supervisor_start(&outer, &sup), 0);
	world_trace();
	assert_int_equal(sup_tree(sup, &nodes, &n), 0);
	assert_int_equal(n, 5);
	world_end(nodes[1].pid, killed);
	free(nodes);
	world_run();
	assert_string_equal(world_trace(), "-a -c -b +a +c +b");
	world_close();
}

/* A supervisor among the children is waited for like any other. */
static void supervisors_among_them(void **state)
{
	struct fake a = { .id = "a" };
	struct fake x = { .id = "x", .depends_on = ON("inner") };
	struct sup_child_spec specs[2];
	struct sup_supervisor_spec outer = {
		.size = sizeof(outer), .name = "outer",
		.children = specs, .n_children = 2,
	};
	struct sup_pid sup;

	(void)state;
	inner_specs[0] = world_spec(&a);
	inner = (struct sup_supervisor_spec){
		.size = sizeof(inner), .name = "inner",
		.children = inner_specs, .n_children = 1,
	};
	specs[0] = world_spec(&x);
	specs[1] = (struct sup_child_spec){
		.size = sizeof(specs[1]), .id = "inner", .arg = &inner,
		.start = sup_supervisor_start, .type = SUP_SUPERVISOR,
	};
	assert_int_equal(sup_supervisor_start(&outer, &sup), 0);
	assert_string_equal(world_trace(), "+a +x");
	world_stop(sup);
	assert_string_equal(world_trace(), "-x -a");
	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(independent_ones_go_at_the_same_time),
		CASE(without_it_nothing_is_different),
		CASE(what_it_may_not_name),
		CASE(where_children_have_no_ids),
		CASE(a_failure_ends_what_has_begun),
		CASE(a_start_that_is_deaf),
		CASE(who_declines_keeps_nobody_waiting),
		CASE(who_is_done_keeps_nobody_waiting),
		CASE(who_is_done_and_starts_again),
		CASE(a_restart_waits),
		CASE(it_waits_for_one_that_was_stopped),
		CASE(the_rest_is_who_depends),
		CASE(a_restart_that_fails),
		CASE(the_deaf_are_killed_in_their_turn),
		CASE(those_of_one_that_was_killed),
		CASE(supervisors_among_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
