/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Children that restart often. */
#include "checks.h"

static struct sup_node row(struct sup_pid sup)
{
	struct sup_node *nodes, node;
	size_t n;

	assert_int_equal(sup_tree(sup, &nodes, &n), 0);
	assert_int_equal(n, 2);
	node = nodes[1];
	free(nodes);
	return node;
}

static struct sup_pid start(struct fake *f)
{
	struct sup_pid sup;

	sup = world_supervisor(SUP_ONE_FOR_ONE, 1000, 1, FAKES(f));
	world_see_all();
	world_events();
	return sup;
}

static void from_the_nth_until_it_is_steady(void **state)
{
	struct fake c = { .id = "c", .flapping = {
		.restarts = 3, .period_s = 10, .stable_ms = 2000 } };
	struct sup_pid sup;
	struct sup_node node;

	(void)state;
	sup = start(&c);
	crash(&c, abnormal);
	crash(&c, abnormal);
	assert_false(row(sup).flapping);
	world_events();
	crash(&c, abnormal);
	assert_string_equal(world_events(), "child_terminated:c flapping:c "
			    "restarting:c started:c steady:c");
	/* Nothing else came: two seconds have passed. */
	assert_false(row(sup).flapping);
	assert_int_equal(row(sup).steady_ns, 0);

	/* It begins anew, and is told of once, however long it goes on. */
	crash(&c, abnormal);
	crash(&c, abnormal);
	world_events();
	world_end(c.pid, abnormal);
	world_step();
	node = row(sup);
	assert_true(node.flapping);
	assert_int_equal(node.steady_ns, sup_deadline_ms(2000));
	world_end(c.pid, abnormal);
	world_step();
	assert_true(row(sup).flapping);
	assert_string_equal(world_events(), "child_terminated:c flapping:c "
			    "restarting:c started:c child_terminated:c "
			    "restarting:c started:c");
	world_run();
	assert_string_equal(world_events(), "steady:c");
	world_close();
}

static void slowly_is_not_often(void **state)
{
	struct fake c = { .id = "c", .flapping = {
		.restarts = 2, .period_s = 10 } };
	struct sup_pid sup;
	int i;

	(void)state;
	sup = start(&c);
	for (i = 0; i < 5; i++) {
		crash(&c, abnormal);
		world_advance(10 * S + 1);
		assert_false(row(sup).flapping);
	}
	crash(&c, abnormal);
	world_end(c.pid, abnormal);
	world_step();
	/* The period is what it takes by default. */
	assert_int_equal(row(sup).steady_ns, sup_deadline_ms(10000));
	/* One that is stopped keeps it, and costs no wake-up. */
	assert_int_equal(sup_terminate_child(sup, "c"), 0);
	world_run();
	assert_true(row(sup).flapping);
	assert_int_equal(row(sup).steady_ns, 0);
	assert_int_equal(sup_delete_child(sup, "c"), 0);
	world_close();
}

static void retries_count_too(void **state)
{
	struct fake c = { .id = "c", .script = "offo", .flapping = {
		.restarts = 3 } };
	struct sup_pid sup;

	(void)state;
	sup = start(&c);
	world_end(c.pid, abnormal);
	while (c.starts < 4)
		assert_true(world_step());
	assert_true(row(sup).flapping);
	world_close();
}

static void one_is_enough_if_so(void **state)
{
	struct fake c = { .id = "c", .flapping = { .restarts = 1 } };
	struct sup_explanation e;
	struct sup_pid sup;
	char text[256];

	(void)state;
	sup = start(&c);
	world_end(c.pid, abnormal);
	world_step();
	assert_true(row(sup).flapping);
	assert_int_equal(sup_explain(sup, "c", &e), 0);
	sup_explain_format(&e, text, sizeof(text));
	assert_non_null(strstr(text, ": it is up; "));
	assert_non_null(strstr(text, "; it is flapping"));
	world_close();
}

static int check(const struct sup_child_spec *spec)
{
	return sup_check_childspecs(spec, 1, SUP_AUTO_SHUTDOWN_NEVER);
}

static void what_is_refused(void **state)
{
	struct fake c = { .id = "c", .flapping = { .period_s = 1 } };
	struct sup_child_spec spec = world_spec(&c);

	(void)state;
	assert_int_equal(check(&spec), -EINVAL);
	assert_string_equal(sup_error(), "child \"c\": flapping.restarts is "
			    "missing");
	spec.flapping.restarts = 1000001;
	assert_int_equal(check(&spec), -EINVAL);
	assert_string_equal(sup_error(), "child \"c\": flapping.restarts "
			    "1000001 is more than 1000000");
	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(from_the_nth_until_it_is_steady),
		CASE(slowly_is_not_often),
		CASE(retries_count_too),
		CASE(one_is_enough_if_so),
		CASE(what_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
