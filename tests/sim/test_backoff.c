/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting before restarts. */
#include "checks.h"

#include "core/backoff.h"

static void delays(void **state)
{
	struct sup_backoff b = { .min_ms = 100, .max_ms = 1000 };
	int64_t delay, least = INT64_MAX, most = 0;
	uint64_t r;

	(void)state;
	assert_int_equal(sup__backoff_delay(&b, 1, 0), 100 * MS);
	assert_int_equal(sup__backoff_delay(&b, 2, 0), 200 * MS);
	assert_int_equal(sup__backoff_delay(&b, 4, 0), 800 * MS);
	assert_int_equal(sup__backoff_delay(&b, 5, 0), 1000 * MS);
	assert_int_equal(sup__backoff_delay(&b, ~0u, 0), 1000 * MS);
	b.factor = 100;
	assert_int_equal(sup__backoff_delay(&b, ~0u, 0), 100 * MS);
	b.jitter = 20;
	for (r = 0; r < 1000; r++) {
		delay = sup__backoff_delay(&b, 1, r * 7919 * 50021);
		assert_in_range(delay, 80 * MS, 120 * MS);
		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
	}
	/* All of that range, not some of it. */
	assert_true(least < 81 * MS && most > 119 * MS);
	b = (struct sup_backoff){ .min_ms = UINT32_MAX, .factor = UINT32_MAX };
	assert_int_equal(sup__backoff_delay(&b, 9, 0), UINT32_MAX * MS);
	b = (struct sup_backoff){ 0 };
	assert_int_equal(sup__backoff_delay(&b, 9, 5), 0);
}

static void each_restart_waits_longer(void **state)
{
	struct fake c = { .id = "c", .backoff = { .min_ms = 100 } };
	struct fake a = { .id = "a" };
	struct sup_pid sup;
	int64_t begin;
	int i;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 9, 3600, FAKES(&a, &c));
	for (i = 0; i < 4; i++) {
		begin = sup_deadline_ms(0);
		world_end(c.pid, abnormal);
		assert_true(world_step());
		assert_string_equal(world_listing(sup), "a+ c*");
		world_run();
		assert_string_equal(world_listing(sup), "a+ c+");
		assert_int_equal(sup_deadline_ms(0) - begin,
				 (100 << i) * MS);
	}
	/* Long enough up, it begins anew. */
	world_advance(30 * S);
	begin = sup_deadline_ms(0);
	crash(&c, abnormal);
	assert_int_equal(sup_deadline_ms(0) - begin, 100 * MS);
	assert_int_equal(a.starts, 1);

	world_close();
}

/* How long its restart takes when it has run so long. */
static int64_t delay_after(struct fake *c, int64_t ran_ns)
{
	int64_t begin;

	world_advance(ran_ns);
	begin = sup_deadline_ms(0);
	crash(c, abnormal);
	return sup_deadline_ms(0) - begin;
}

static void what_ran_long_enough_begins_anew(void **state)
{
	struct fake c = { .id = "c", .backoff = { .min_ms = 100,
						  .stable_ms = 1000 } };

	(void)state;
	world_supervisor(SUP_ONE_FOR_ONE, 9, 3600, FAKES(&c));
	assert_int_equal(delay_after(&c, 0), 100 * MS);
	assert_int_equal(delay_after(&c, S - 1), 200 * MS);
	assert_int_equal(delay_after(&c, 0), 400 * MS);
	assert_int_equal(delay_after(&c, S), 100 * MS);
	assert_int_equal(delay_after(&c, 0), 200 * MS);

	world_close();
}

/* It would burn its intensity at once otherwise. */
static void failed_attempts_wait_too(void **state)
{
	struct fake c = { .id = "c", .script = "offfo",
			  .backoff = { .min_ms = 6000, .factor = 100 } };
	struct sup_pid sup;
	int64_t begin;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 1, 5, FAKES(&c));
	begin = sup_deadline_ms(0);
	crash(&c, abnormal);
	assert_string_equal(world_listing(sup), "c+");
	assert_int_equal(sup_deadline_ms(0) - begin, 24 * S);

	world_close();
}

static void too_many_still_give_up(void **state)
{
	struct fake c = { .id = "c", .script = "of",
			  .backoff = { .min_ms = 10, .factor = 100 } };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 3, 3600, FAKES(&c));
	crash(&c, abnormal);
	check_ended(sup, shutdown);
	assert_int_equal(c.starts, 4);

	world_close();
}

static void terminate_while_it_waits(void **state)
{
	struct fake c = { .id = "c", .backoff = { .min_ms = 5000 } };
	struct sup_node *nodes;
	struct sup_pid sup, pid;
	int64_t begin;
	size_t n;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 3, 3600, FAKES(&c));
	begin = sup_deadline_ms(0);
	world_end(c.pid, abnormal);
	assert_true(world_step());
	assert_int_equal(sup_tree(sup, &nodes, &n), 0);
	assert_int_equal(nodes[1].due_ns, begin + 5 * S);
	free(nodes);
	assert_int_equal(sup_terminate_child(sup, "c"), 0);
	world_advance(60 * S);
	assert_string_equal(world_listing(sup), "c-");
	assert_int_equal(c.starts, 1);
	assert_int_equal(sup_restart_child(sup, "c", &pid), 0);
	world_end(c.pid, abnormal);
	assert_true(world_step());
	/* Nor does a stop wait for it. */
	begin = sup_deadline_ms(0);
	world_stop(sup);
	assert_int_equal(sup_deadline_ms(0), begin);
	check_ended(sup, shutdown);
	assert_int_equal(c.frees, 1);

	world_close();
}

static void a_group_stops_at_once_and_waits(void **state)
{
	struct fake a = { .id = "a" }, c = { .id = "c" };
	struct fake b = { .id = "b", .backoff = { .min_ms = 500 } };
	struct sup_pid sup;
	int64_t begin;

	(void)state;
	sup = world_supervisor(SUP_REST_FOR_ONE, 3, 3600, FAKES(&a, &b, &c));
	world_trace();
	begin = sup_deadline_ms(0);
	world_end(b.pid, abnormal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "a+ b* c-");
	assert_string_equal(world_trace(), "-b:exit status 3 -c");
	world_run();
	assert_string_equal(world_trace(), "+b +c");
	assert_int_equal(sup_deadline_ms(0) - begin, 500 * MS);
	/* The attempt has not made it forget how many there were. */
	begin = sup_deadline_ms(0);
	crash(&b, abnormal);
	assert_int_equal(sup_deadline_ms(0) - begin, 1000 * MS);

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays),
		CASE(each_restart_waits_longer),
		CASE(what_ran_long_enough_begins_anew),
		CASE(failed_attempts_wait_too),
		CASE(too_many_still_give_up),
		CASE(terminate_while_it_waits),
		CASE(a_group_stops_at_once_and_waits),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
