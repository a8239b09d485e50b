/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Budgets of one child's own, and what is done instead of giving up. */
#include "checks.h"

static struct sup_pid holding(enum sup_strategy strategy, int intensity,
			      unsigned int period_s, uint32_t hold_ms,
			      struct fake *const *f)
{
	struct sup_child_spec children[8];
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "top", .strategy = strategy,
		.intensity = intensity, .period_s = period_s,
		.hold_ms = hold_ms, .children = children,
	};
	struct sup_pid pid;

	for (; f[spec.n_children]; spec.n_children++)
		children[spec.n_children] = world_spec(f[spec.n_children]);
	assert_int_equal(sup_supervisor_start(&spec, &pid), 0);
	return pid;
}

/* The nth row of its tree; 0 is itself. */
static struct sup_node row(struct sup_pid sup, size_t i)
{
	struct sup_node *nodes, node;
	size_t n;

	assert_int_equal(sup_tree(sup, &nodes, &n), 0);
	assert_true(i < n);
	node = nodes[i];
	free(nodes);
	return node;
}

static void its_own_budget_is_counted_apart(void **state)
{
	struct fake a = { .id = "a" }, c = {
		.id = "c", .budget = { .intensity = 2, .period_s = 60,
				       .spent = SUP_SPENT_STOP },
	};
	struct sup_pid sup, pid;
	struct sup_node node;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, SUP_INTENSITY_NONE, 3600,
			       FAKES(&a, &c));
	crash(&c, abnormal);
	crash(&c, abnormal);
	assert_string_equal(world_listing(sup), "a+ c+");
	assert_int_equal(row(sup, 0).budget_used, 0);
	node = row(sup, 2);
	assert_true(node.has_own_budget);
	assert_int_equal(node.own_used, 2);
	assert_int_equal(node.own_intensity, 2);
	assert_int_equal(node.own_period_s, 60);
	assert_false(row(sup, 1).has_own_budget);
	world_events();
	crash(&c, abnormal);
	assert_string_equal(world_events(),
			    "child_terminated:c budget_spent:c");
	assert_int_equal(world_event(SUP_EVENT_BUDGET_SPENT).budget_used, 2);
	assert_int_equal(world_event(SUP_EVENT_BUDGET_SPENT).intensity, 2);
	assert_string_equal(world_listing(sup), "a+ c-");
	/* Asked for, it begins anew; and in time it forgets. */
	assert_int_equal(sup_restart_child(sup, "c", &pid), 0);
	assert_int_equal(row(sup, 2).own_used, 0);
	crash(&c, abnormal);
	crash(&c, abnormal);
	world_advance(61 * S);
	crash(&c, abnormal);
	assert_string_equal(world_listing(sup), "a+ c+");
	assert_int_equal(row(sup, 2).own_used, 1);
	crash(&a, abnormal);
	check_ended(sup, shutdown);

	world_close();
}

static void without_more_it_ends_the_supervisor(void **state)
{
	struct fake c = { .id = "c", .budget = { .intensity = 1 } };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 100, 3600, FAKES(&c));
	assert_int_equal(row(sup, 1).own_period_s, 5);
	crash(&c, abnormal);
	world_advance(4 * S);
	crash(&c, abnormal);
	check_ended(sup, shutdown);
	assert_int_equal(world_event(SUP_EVENT_GIVE_UP).intensity, 1);

	world_close();
}

static void tries_that_fail_count_in_it(void **state)
{
	struct fake a = { .id = "a" }, c = {
		.id = "c", .script = "of",
		.budget = { .intensity = 3, .spent = SUP_SPENT_STOP },
	};
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_REST_FOR_ONE, 1, 3600, FAKES(&c, &a));
	crash(&c, abnormal);
	assert_int_equal(c.starts, 4);
	assert_string_equal(world_listing(sup), "c- a-");
	assert_int_equal(row(sup, 0).budget_used, 0);

	world_close();
}

static void none_at_all_is_a_budget(void **state)
{
	struct fake a = { .id = "a" }, c = {
		.id = "c", .budget = { .intensity = SUP_INTENSITY_NONE,
				       .spent = SUP_SPENT_STOP },
	};
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ALL, 1, 3600, FAKES(&a, &c));
	crash(&c, abnormal);
	assert_string_equal(world_listing(sup), "a+ c-");
	/* Its siblings take it along, as before. */
	crash(&a, abnormal);
	assert_string_equal(world_listing(sup), "a+ c+");

	world_close();
}

static void a_significant_one_that_is_left_counts(void **state)
{
	struct fake c = {
		.id = "c", .restart = SUP_TRANSIENT, .significant = true,
		.budget = { .intensity = 1, .spent = SUP_SPENT_STOP },
	};
	struct sup_child_spec child = world_spec(&c);
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = &child, .n_children = 1,
		.auto_shutdown = SUP_AUTO_SHUTDOWN_ANY,
	};
	struct sup_pid sup;

	(void)state;
	assert_int_equal(sup_supervisor_start(&spec, &sup), 0);
	crash(&c, abnormal);
	assert_false(world_has_ended(sup, NULL));
	crash(&c, abnormal);
	check_ended(sup, shutdown);

	world_close();
}

static void one_without_an_id_goes(void **state)
{
	const struct sup_dynamic_spec spec = {
		.size = sizeof(spec), .intensity = 1, .hold_ms = 1000,
	};
	struct fake c = { .budget = { .intensity = 1,
				      .spent = SUP_SPENT_STOP } }, d = { 0 };
	struct sup_pid sup, pid;
	int64_t begin;

	(void)state;
	assert_int_equal(sup_dynamic_start(&spec, &sup), 0);
	assert_int_equal(start_child(sup, &c, &pid), 0);
	crash(&c, abnormal);
	crash(&c, abnormal);
	assert_int_equal(c.frees, 1);
	check_counts(sup, 0, 0, 0, 0);
	/* Those of such supervisors are held as well. */
	assert_int_equal(start_child(sup, &d, &pid), 0);
	crash(&d, abnormal);
	world_advance(6 * S);
	begin = sup_deadline_ms(0);
	crash(&d, abnormal);
	world_end(d.pid, abnormal);
	assert_true(world_step());
	check_counts(sup, 1, 0, 0, 1);
	world_run();
	assert_int_equal(sup_deadline_ms(0) - begin, 1 * S);
	check_counts(sup, 1, 1, 0, 1);

	world_close();
}

static void one_too_many_is_held(void **state)
{
	struct fake a = { .id = "a" }, c = { .id = "c" };
	struct sup_pid sup, pid;
	struct sup_node node;
	int64_t begin;

	(void)state;
	sup = holding(SUP_ONE_FOR_ONE, 1, 5, 30000, FAKES(&a, &c));
	assert_int_equal(row(sup, 0).hold_ms, 30000);
	crash(&c, abnormal);
	begin = sup_deadline_ms(0);
	world_events();
	world_end(c.pid, abnormal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "a+ c*");
	assert_string_equal(world_events(), "child_terminated:c held:c");
	assert_int_equal(world_event(SUP_EVENT_HELD).due_ns, begin + 30 * S);
	node = row(sup, 2);
	assert_true(node.held);
	assert_int_equal(node.due_ns, begin + 30 * S);
	assert_int_equal(world_event(SUP_EVENT_HELD).reason.code, 3);
	world_run();
	assert_string_equal(world_listing(sup), "a+ c+");
	assert_int_equal(sup_deadline_ms(0), begin + 30 * S);
	assert_false(row(sup, 2).held);
	assert_int_equal(row(sup, 0).budget_used, 0);
	assert_int_equal(sup_restart_child(sup, "c", &pid), -EBUSY);

	world_close();
}

static void while_the_period_lasts_it_is_held_each_time(void **state)
{
	struct fake c = { .id = "c" };
	struct sup_pid sup;
	int64_t begin;
	int i;

	(void)state;
	sup = holding(SUP_ONE_FOR_ONE, 1, 10, 4000, FAKES(&c));
	begin = sup_deadline_ms(0);
	crash(&c, abnormal);
	for (i = 1; i <= 3; i++) {
		crash(&c, abnormal);
		assert_int_equal(sup_deadline_ms(0) - begin, 4 * i * S);
	}
	/* It is over: this one is at once, and counts. */
	crash(&c, abnormal);
	assert_int_equal(sup_deadline_ms(0) - begin, 12 * S);
	assert_int_equal(row(sup, 0).budget_used, 1);

	world_close();
}

/* Nobody ever gives up; each failing start is one try. */
static void a_start_that_fails_for_ever_is_tried_for_ever(void **state)
{
	struct fake c = { .id = "c", .script = "offfffffffo" };
	struct sup_pid sup;
	int64_t begin;

	(void)state;
	sup = holding(SUP_ONE_FOR_ONE, 2, 5, 60000, FAKES(&c));
	begin = sup_deadline_ms(0);
	crash(&c, abnormal);
	assert_string_equal(world_listing(sup), "c+");
	assert_int_equal(c.starts, 11);
	/* Two tries; a hold, the one that does not count, two tries ... */
	assert_int_equal(sup_deadline_ms(0) - begin, 3 * 60 * S);

	world_close();
}

static void an_own_budget_can_be_held_too(void **state)
{
	struct fake c = { .id = "c", .budget = { .intensity = 1 } };
	struct sup_pid sup;
	int64_t begin;

	(void)state;
	sup = holding(SUP_ONE_FOR_ONE, 1, 5, 7000, FAKES(&c));
	crash(&c, abnormal);
	begin = sup_deadline_ms(0);
	crash(&c, abnormal);
	assert_string_equal(world_listing(sup), "c+");
	assert_int_equal(sup_deadline_ms(0) - begin, 7 * S);

	world_close();
}

static void a_group_stops_at_once_and_is_held(void **state)
{
	struct fake a = { .id = "a" }, b = { .id = "b" }, c = { .id = "c" };
	struct sup_pid sup;

	(void)state;
	sup = holding(SUP_REST_FOR_ONE, SUP_INTENSITY_NONE, 5, 1000,
		      FAKES(&a, &b, &c));
	world_end(b.pid, abnormal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "a+ b* c-");
	world_trace();
	world_run();
	assert_string_equal(world_trace(), "+b +c");
	assert_string_equal(world_listing(sup), "a+ b+ c+");
	assert_int_equal(a.starts, 1);

	world_close();
}

static void calls_and_stops_do_not_wait_for_a_hold(void **state)
{
	struct fake c = { .id = "c" };
	struct sup_pid sup, pid;
	int64_t begin;

	(void)state;
	sup = holding(SUP_ONE_FOR_ONE, 1, 3600, 60000, FAKES(&c));
	crash(&c, abnormal);
	begin = sup_deadline_ms(0);
	world_end(c.pid, abnormal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "c*");
	assert_int_equal(sup_terminate_child(sup, "c"), 0);
	assert_string_equal(world_listing(sup), "c-");
	assert_int_equal(sup_restart_child(sup, "c", &pid), 0);
	world_end(c.pid, abnormal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "c*");
	world_stop(sup);
	check_ended(sup, shutdown);
	assert_int_equal(sup_deadline_ms(0), begin);
	assert_int_equal(c.frees, 1);

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(its_own_budget_is_counted_apart),
		CASE(without_more_it_ends_the_supervisor),
		CASE(tries_that_fail_count_in_it),
		CASE(none_at_all_is_a_budget),
		CASE(a_significant_one_that_is_left_counts),
		CASE(one_without_an_id_goes),
		CASE(one_too_many_is_held),
		CASE(while_the_period_lasts_it_is_held_each_time),
		CASE(a_start_that_fails_for_ever_is_tried_for_ever),
		CASE(an_own_budget_can_be_held_too),
		CASE(a_group_stops_at_once_and_is_held),
		CASE(calls_and_stops_do_not_wait_for_a_hold),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
