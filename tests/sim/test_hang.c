/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers that do not come back to their loop: some cases, then random ones
 * beside a model, as many as STEPS=n says, or one life of a supervisor for
 * SEED=n. The model knows when each child began its turn, and no looks.
 */
#include "checks.h"
#include "random.h"

static struct sup_node row(struct sup_pid sup, size_t i)
{
	struct sup_node *nodes, node;
	size_t n;

	assert_int_equal(sup_tree(sup, &nodes, &n), 0);
	assert_in_range(i + 1, 1, n - 1);
	node = nodes[i + 1];
	free(nodes);
	return node;
}

static struct sup_pid start(struct fake *const *f)
{
	struct sup_pid sup;

	sup = world_supervisor(SUP_ONE_FOR_ONE, 1000, 1, f);
	world_see_all();
	world_keep_time();
	world_events();
	return sup;
}

static void told_of_when_it_is_so(void **state)
{
	struct fake c = { .id = "c", .hang_ms = 100 };
	struct sup_explanation e;
	struct sup_event ev;
	struct sup_pid sup;
	struct sup_node node;
	char text[400];
	int64_t since;

	(void)state;
	sup = start(FAKES(&c));
	world_advance(1030 * MS);
	world_turn(&c, "call", 7);
	since = sup_deadline_ms(0);
	world_advance(100 * MS - 1);
	assert_false(row(sup, 0).hung);
	assert_string_equal(world_events(), "");
	world_advance(1);
	assert_string_equal(world_events(), "hung:c");
	node = row(sup, 0);
	assert_true(node.hung);
	assert_int_equal(node.state, SUP_CHILD_RUNNING);
	assert_string_equal(node.turn.what, "call");
	assert_int_equal(node.turn.tag, 7);
	assert_int_equal(node.turn.since_ns, since);
	ev = world_event(SUP_EVENT_HUNG);
	assert_int_equal(ev.time_ns, since + 100 * MS);
	assert_int_equal(ev.turn.since_ns, since);
	assert_string_equal(ev.turn.what, "call");
	assert_int_equal(ev.pid.v, c.pid.v);

	/* Once, for as long as it goes on. */
	world_advance(5 * S);
	assert_string_equal(world_events(), "");
	assert_int_equal(sup_explain(sup, "c", &e), 0);
	sup_explain_format(&e, text, sizeof(text));
	assert_non_null(strstr(text, "; it is hung, at call 7 for 5100 ms"));
	assert_null(strstr(text, "nothing is wrong"));
	world_turn(&c, NULL, 0);
	world_advance(100 * MS);
	assert_string_equal(world_events(), "came_back:c");
	assert_int_equal(world_event(SUP_EVENT_CAME_BACK).turn.tag, 7);
	assert_false(row(sup, 0).hung);
	world_close();
}

static void each_turn_is_one(void **state)
{
	struct fake c = { .id = "c", .hang_ms = 100 };
	struct sup_pid sup;
	int i;

	(void)state;
	sup = start(FAKES(&c));
	/* Busy for long, but not with one thing. */
	for (i = 0; i < 50; i++) {
		world_turn(&c, "cast", (uint64_t)i);
		world_advance(99 * MS);
	}
	assert_string_equal(world_events(), "");
	world_advance(MS);
	assert_string_equal(world_events(), "hung:c");
	/* From one that was hung to the next, without a look between. */
	world_turn(&c, "cast", 51);
	world_advance(100 * MS);
	assert_string_equal(world_events(), "came_back:c hung:c");
	assert_int_equal(row(sup, 0).turn.tag, 51);
	world_close();
}

static void killed_if_the_spec_says_so(void **state)
{
	struct fake c = { .id = "c", .hang_ms = 100, .hang_kill = true,
			  .restart = SUP_TRANSIENT };
	struct sup_pid sup, old;
	struct sup_node node;
	char text[100];

	(void)state;
	sup = start(FAKES(&c));
	old = c.pid;
	world_turn(&c, "continuation", 3);
	world_advance(100 * MS);
	assert_string_equal(world_events(), "hung:c child_terminated:c "
			    "restarting:c started:c");
	assert_int_not_equal(c.pid.v, old.v);
	assert_false(row(sup, 0).hung);
	node = row(sup, 0);
	assert_int_equal(node.last_reason.kind, SUP_REASON_WATCHDOG);
	sup_reason_format(&node.last_reason, text, sizeof(text));
	assert_string_equal(text, "watchdog, then signal 9 (KILL)");
	/* The next life is watched, too. */
	world_turn(&c, "info", 3);
	world_advance(100 * MS);
	assert_string_equal(world_events(), "hung:c child_terminated:c "
			    "restarting:c started:c");
	world_close();
}

/* One that is asked to end has shutdown_ms. */
static void not_while_it_is_stopped(void **state)
{
	struct fake c = { .id = "c", .hang_ms = 100, .hang_kill = true,
			  .stop_ns = 2 * S };
	struct sup_pid sup;

	(void)state;
	sup = start(FAKES(&c));
	world_turn(&c, "terminate", 0);
	assert_int_equal(sup_terminate_child(sup, "c"), 0);
	assert_string_equal(world_events(), "stopping:c stopped:c");
	world_advance(S);
	assert_string_equal(world_events(), "");
	world_close();
}

static void no_look_without_a_cause(void **state)
{
	struct fake c = { .id = "c" }, d = { .id = "d", .hang_ms = 250 };
	struct sup_pid sup;

	(void)state;
	sup = start(FAKES(&c));
	world_turn(&c, "call", 1);
	world_advance(1000 * S);
	assert_int_equal(world_wakes(sup), 0);
	assert_string_equal(world_events(), "");

	/* Four in a second, whoever else is there. */
	assert_int_equal(start_child(sup, &d, NULL), 0);
	world_advance(10 * S);
	assert_int_equal(world_wakes(sup), 40);
	/* One at most after the last of them has gone. */
	assert_int_equal(sup_terminate_child(sup, "d"), 0);
	world_advance(1000 * S);
	assert_in_range(world_wakes(sup), 0, 1);
	world_close();
}

/* Both end as the look is due, and the other's end is heard of first. */
static void not_if_it_has_ended(void **state)
{
	struct fake c = { .id = "c", .hang_ms = 100, .restart = SUP_TEMPORARY },
		    d = { .id = "d", .restart = SUP_TEMPORARY };

	(void)state;
	start(FAKES(&c, &d));
	world_turn(&c, "call", 1);
	world_end_later(d.pid, normal, 100 * MS);
	world_end_later(c.pid, normal, 100 * MS);
	world_advance(S);
	assert_string_equal(world_events(), "child_terminated:d removed:d "
			    "child_terminated:c removed:c");
	world_close();
}

static int check(const struct fake *f)
{
	struct sup_child_spec spec = world_spec((struct fake *)f);

	return sup_check_childspecs(&spec, 1, SUP_AUTO_SHUTDOWN_NEVER);
}

static void what_is_refused(void **state)
{
	struct fake c = { .id = "c", .hang_kill = true };
	struct sup_child_spec spec = world_spec(&c);

	(void)state;
	assert_int_equal(check(&c), -EINVAL);
	assert_string_equal(sup_error(), "child \"c\": hang_kill is set and "
			    "hang_ms is missing");
	c.hang_ms = 1;
	assert_int_equal(check(&c), 0);
	c.type = SUP_SUPERVISOR;
	assert_int_equal(check(&c), -EINVAL);
	assert_string_equal(sup_error(), "child \"c\": hang_ms is not for "
			    "supervisors");
	spec.hang_ms = 1;
	spec.start = sup_process_start;
	assert_int_equal(sup_check_childspecs(&spec, 1,
					      SUP_AUTO_SHUTDOWN_NEVER),
			 -EINVAL);
	assert_string_equal(sup_error(), "child \"c\": hang_ms is not for "
			    "processes, which have watchdog_ms");
	world_close();
}

/* The model: who began what when, and what was seen of it. */
#define KIDS 5

static struct kid {
	int64_t since;		/* 0: it waits */
	int64_t back;		/* when it came back from a hang; or 0 */
	unsigned int starts, told;
} kids[KIDS];
static struct fake fakes[KIDS];
static unsigned int told[KIDS];
static struct sup_pid top;

static void count_hung(const char *events)
{
	const char *p = events;

	while ((p = strstr(p, "hung:"))) {
		p += strlen("hung:");
		told[*p - 'a']++;
	}
}

/* What must have happened by now. */
static void model(int i)
{
	struct fake *f = &fakes[i];
	struct kid *k = &kids[i];

	if (!f->hang_ms || !k->since ||
	    sup_deadline_ms(0) - k->since < f->hang_ms * MS)
		return;
	if (k->told == k->starts)
		return;
	k->told = k->starts;
	told[i]--;
	if (f->hang_kill)
		*k = (struct kid){ 0 };
}

static void compare(void)
{
	struct sup_node node;
	bool hung;
	int i;

	count_hung(world_events());
	for (i = 0; i < KIDS; i++) {
		model(i);
		hung = kids[i].since && kids[i].told == kids[i].starts;
		node = row(top, (size_t)i);
		assert_int_equal(told[i], 0);
		if (hung)
			assert_int_equal(node.turn.since_ns, kids[i].since);
		/* That it is back may be seen later, by one look. */
		if (node.hung && !hung)
			assert_in_range(sup_deadline_ms(0) - kids[i].back, 0,
					fakes[i].hang_ms * MS - 1);
		else
			assert_int_equal(node.hung, hung);
	}
}

static void leave(int i)
{
	struct kid *k = &kids[i];

	if (k->since && k->told == k->starts)
		k->back = sup_deadline_ms(0);
	k->since = 0;
	world_turn(&fakes[i], NULL, 0);
}

static void op_begin(int i)
{
	leave(i);
	kids[i].since = sup_deadline_ms(0);
	kids[i].starts++;
	world_turn(&fakes[i], "call", kids[i].starts);
}

static void op_crash(int i)
{
	world_end(fakes[i].pid, abnormal);
	world_advance(0);
	kids[i] = (struct kid){ 0 };
}

static void op_restart(int i)
{
	assert_int_equal(sup_terminate_child(top, fakes[i].id), 0);
	assert_int_equal(sup_restart_child(top, fakes[i].id, NULL), 0);
	kids[i] = (struct kid){ 0 };
}

/* Shorter than any hang_ms: the model sees each of them by itself. */
static void op_time(int i)
{
	(void)i;
	world_advance(random() % 5 * MS);
}

static void (*const ops[])(int i) = {
	op_begin, op_begin, leave, op_time, op_time, op_time, op_time, op_time,
	op_time, op_time, op_time, op_crash, op_restart,
};

static void one_round(void)
{
	static const char *const ids[KIDS] = { "a", "b", "c", "d", "e" };
	struct fake *list[KIDS + 1] = { NULL };
	int i;

	world_open(seed);
	memset(kids, 0, sizeof(kids));
	memset(told, 0, sizeof(told));
	for (i = 0; i < KIDS; i++) {
		fakes[i] = (struct fake){ .id = ids[i] };
		if (random() % 4)
			fakes[i].hang_ms = 10 + (uint32_t)(random() % 40);
		fakes[i].hang_kill = fakes[i].hang_ms && random() % 2;
		list[i] = &fakes[i];
	}
	top = start(list);
	for (i = 0; i < 200; i++, steps++) {
		ops[random() % (long)N_OF(ops)]((int)(random() % KIDS));
		compare();
	}
	world_close();
}

static void agrees_with_the_model(void **state)
{
	(void)state;
	run_rounds(one_round, 200000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(told_of_when_it_is_so),
		CASE(each_turn_is_one),
		CASE(killed_if_the_spec_says_so),
		CASE(not_while_it_is_stopped),
		CASE(not_if_it_has_ended),
		CASE(no_look_without_a_cause),
		CASE(what_is_refused),
		RANDOM_CASE(agrees_with_the_model),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
