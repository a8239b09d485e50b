/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How supervisors start and stop. */
#include "checks.h"

static void SUP_01_start_normal(void **state)
{
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, NULL);
	check_counts(sup, 0, 0, 0, 0);
	world_stop(sup);
	check_ended(sup, shutdown);
	world_close();
}

static void SUP_03_child_that_ignores_keeps_its_spec(void **state)
{
	struct fake c1 = { .id = "c1", .script = "i" }, c2 = { .id = "c2" };
	struct sup_pid sup, pid = { 99 };

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, NULL);
	assert_int_equal(start_child(sup, &c1, &pid), SUP_IGNORE);
	assert_int_equal(pid.v, 0);
	assert_int_equal(start_child(sup, &c2, &pid), 0);
	assert_int_equal(pid.v, c2.pid.v);
	assert_string_equal(world_listing(sup), "c1- c2+");
	check_counts(sup, 2, 1, 0, 2);
	world_stop(sup);
	assert_int_equal(c1.frees, 1);
	assert_int_equal(c2.frees, 1);
	world_close();
}

static void SUP_04_temporary_that_ignores_is_dropped(void **state)
{
	struct fake c1 = { .id = "c1", .script = "i",
			   .restart = SUP_TEMPORARY };
	struct fake c2 = { .id = "c2", .restart = SUP_TEMPORARY };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&c1, &c2));
	assert_string_equal(world_listing(sup), "c2+");
	check_counts(sup, 1, 1, 0, 1);
	assert_int_equal(c1.frees, 1);
	assert_int_equal(c2.frees, 0);
	world_close();
}

static void SUP_05_temporary_that_ignores_by_start_child(void **state)
{
	struct fake c1 = { .id = "c1", .script = "i",
			   .restart = SUP_TEMPORARY };
	struct fake c2 = { .id = "c2", .restart = SUP_TEMPORARY };
	struct sup_pid sup, pid = { 99 };

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, NULL);
	assert_int_equal(start_child(sup, &c1, &pid), SUP_IGNORE);
	assert_int_equal(pid.v, 0);
	assert_int_equal(c1.frees, 1);
	assert_int_equal(start_child(sup, &c2, &pid), 0);
	assert_string_equal(world_listing(sup), "c2+");
	check_counts(sup, 1, 1, 0, 1);
	world_close();
}

static void SUP_10_start_that_fails_leaves_nothing(void **state)
{
	struct fake bad[] = {
		{ .id = "f", .script = "f" }, { .id = "F", .script = "F" },
		{ .id = "j", .script = "j" }, { .id = "n", .script = "n" },
	};
	const int errors[] = { -EIO, -EIO, -EPROTO, -EPROTO };
	const char *const words[] = { "f is out of order", "nput/output",
				      "returned 7", "no task" };
	struct sup_pid sup, pid = { 99 };
	size_t i;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, NULL);
	for (i = 0; i < N_OF(bad); i++) {
		assert_int_equal(start_child(sup, &bad[i], &pid), errors[i]);
		assert_int_equal(pid.v, 99);
		assert_non_null(strstr(sup_error(), words[i]));
		assert_non_null(strstr(sup_error(), bad[i].id));
		/* On an error the arg stays the caller's. */
		assert_int_equal(bad[i].frees, 0);
	}
	assert_string_equal(world_listing(sup), "");
	check_counts(sup, 0, 0, 0, 0);
	assert_string_equal(world_events(), "");
	world_close();
}

static void SUP_11_restart_child_that_fails_keeps_the_spec(void **state)
{
	struct fake c1 = { .id = "c1", .script = "off" };
	struct sup_pid sup, pid = { 99 };

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&c1));
	assert_int_equal(sup_terminate_child(sup, "c1"), 0);
	assert_int_equal(sup_restart_child(sup, "c1", &pid), -EIO);
	assert_int_equal(pid.v, 99);
	assert_string_equal(world_listing(sup), "c1-");
	check_counts(sup, 1, 0, 0, 1);
	world_close();
}

static void SUP_15_faulty_specs(void **state)
{
	struct fake good = { .id = "c1" };
	struct sup_child_spec spec = world_spec(&good);
	struct sup_pid sup, pid;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, NULL);
	spec.id = NULL;
	assert_int_equal(sup_start_child(sup, &spec, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "id is missing"));
	spec = world_spec(&good);
	spec.start = NULL;
	assert_int_equal(sup_start_child(sup, &spec, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "start is missing"));
	assert_int_equal(sup_start_child(sup, NULL, &pid), -EINVAL);
	assert_string_equal(world_trace(), "");
	world_close();
}

static void SUP_16_stop_infinity(void **state)
{
	struct fake c1 = { .id = "c1", .type = SUP_SUPERVISOR,
			   .shutdown_ms = SUP_SHUTDOWN_INFINITY,
			   .stop_ns = 86400 * S };
	struct fake c2 = { .id = "c2", .stop_ns = 86400 * S,
			   .shutdown_ms = SUP_SHUTDOWN_INFINITY };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&c1, &c2));
	world_stop(sup);
	check_ended(sup, shutdown);
	assert_string_equal(world_trace(), "+c1 +c2 -c2 -c1");
	world_close();
}

static void SUP_17_stop_timeout(void **state)
{
	struct fake c1 = { .id = "c1", .shutdown_ms = 1000 };
	struct fake c2 = { .id = "c2", .shutdown_ms = 1000,
			   .stop_ns = 200 * S };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&c1, &c2));
	world_stop(sup);
	check_ended(c1.pid, shutdown);
	check_ended(c2.pid, killed);
	check_ended(sup, shutdown);
	assert_string_equal(world_events(), "started:c1 started:c2 "
			    "shutdown_error:c2 stopped:c1");
	world_close();
}

/* A moment before the limit is in time. */
static void stop_within_the_timeout(void **state)
{
	struct fake c1 = { .id = "c1", .shutdown_ms = 1000,
			   .stop_ns = 1000 * MS };
	struct fake c2 = { .id = "c2", .shutdown_ms = 1000,
			   .stop_ns = 1000 * MS + 1 };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&c1, &c2));
	world_stop(sup);
	check_ended(c1.pid, shutdown);
	check_ended(c2.pid, killed);
	world_close();
}

static void SUP_19_stop_brutal_kill(void **state)
{
	struct fake c1 = { .id = "c1", .shutdown_ms = 1000 };
	struct fake c2 = { .id = "c2", .shutdown_ms = SUP_SHUTDOWN_KILL };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, FAKES(&c1, &c2));
	world_stop(sup);
	check_ended(c1.pid, shutdown);
	check_ended(c2.pid, killed);
	check_ended(sup, shutdown);
	assert_string_equal(world_events(), "started:c1 started:c2 "
			    "stopped:c2 stopped:c1");
	world_close();
}

static void SUP_21_ends_during_a_stop(void **state)
{
	static const enum sup_restart kinds[] = {
		SUP_TEMPORARY, SUP_TRANSIENT, SUP_PERMANENT,
	};
	const struct sup_reason reasons[] = {
		normal, shutdown, shutdown7, abnormal,
	};
	struct fake first = { .id = "A" };
	struct fake last = { .id = "Z", .stop_ns = 1000 * MS,
			     .shutdown_ms = 2000 };
	struct fake f[12], *list[15];
	struct sup_pid sup;
	char ids[12][4];
	size_t i;

	(void)state;
	list[0] = &first;
	list[13] = &last;
	list[14] = NULL;
	for (i = 0; i < 12; i++) {
		snprintf(ids[i], sizeof(ids[i]), "%zu", i);
		f[i] = (struct fake){ .id = ids[i], .restart = kinds[i / 4] };
		list[i + 1] = &f[i];
	}
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600, list);
	for (i = 0; i < 12; i++)
		world_end_later(f[i].pid, reasons[i % 4], 200 * MS);
	world_stop(sup);
	check_ended(sup, shutdown);
	check_ended(last.pid, shutdown);
	check_ended(first.pid, shutdown);
	for (i = 0; i < 12; i++) {
		check_ended(f[i].pid, reasons[i % 4]);
		assert_int_equal(f[i].starts, 1);
	}
	world_close();
}

/* What counts as an end as asked depends on the kind: SUP-22's other half. */
static void reports_of_ends_that_were_asked_for(void **state)
{
	struct fake p = { .id = "p", .stop_reason = shutdown7 };
	struct fake q = { .id = "q", .stop_normally = true };
	struct fake t = { .id = "t", .restart = SUP_TRANSIENT,
			  .stop_reason = shutdown7 };
	struct fake x = { .id = "x", .restart = SUP_TEMPORARY,
			  .stop_normally = true };
	struct fake y = { .id = "y", .restart = SUP_TEMPORARY,
			  .stop_reason = abnormal };
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ONE, 2, 3600,
			       FAKES(&p, &q, &t, &x, &y));
	world_events();
	world_stop(sup);
	assert_string_equal(world_events(), "shutdown_error:y stopped:x "
			    "stopped:t shutdown_error:q shutdown_error:p");
	world_close();
}

/* Inits a, b, c; stops b, a; d never: A5.3. */
static void failed_start_unwinds(void **state)
{
	struct fake a = { .id = "a" }, b = { .id = "b" };
	struct fake c = { .id = "c", .script = "f" }, d = { .id = "d" };
	struct sup_pid sup = { 99 };

	(void)state;
	assert_int_equal(world_try_supervisor(SUP_ONE_FOR_ONE, 5, 5,
					      SUP_AUTO_SHUTDOWN_NEVER,
					      FAKES(&a, &b, &c, &d), &sup),
			 -EIO);
	assert_int_equal(sup.v, 99);
	assert_string_equal(sup_error(), "child \"c\": c is out of order");
	assert_string_equal(world_trace(), "+a +b ?c -b -a");
	assert_string_equal(world_events(), "started:a started:b "
			    "start_error:c stopped:b stopped:a");
	assert_int_equal(world_alive(), 0);
	assert_int_equal(a.frees + b.frees + c.frees + d.frees, 0);
	world_close();
}

/* SUP-42: the words of the innermost child reach who started it all. */
static void SUP_42_nested_start_error(void **state)
{
	struct fake w = { .id = "w", .script = "f" };
	struct sup_child_spec inner = world_spec(&w);
	struct sup_supervisor_spec mid = {
		.size = sizeof(mid), .children = &inner, .n_children = 1,
	};
	struct sup_child_spec outer = {
		.size = sizeof(outer), .id = "mid", .arg = &mid,
		.start = sup_supervisor_start, .type = SUP_SUPERVISOR,
	};
	struct sup_supervisor_spec top = {
		.size = sizeof(top), .children = &outer, .n_children = 1,
	};
	struct sup_pid pid;

	(void)state;
	assert_int_equal(sup_supervisor_start(&top, &pid), -EIO);
	assert_string_equal(sup_error(), "child \"mid\": child \"w\": "
			    "w is out of order");
	assert_int_equal(world_alive(), 0);
	world_close();
}

static void SUP_28_bad_flags(void **state)
{
	struct sup_supervisor_spec s, good = { .size = sizeof(good) };
	static const char *const words[] = {
		"size", "strategy", "intensity", "intensity", "name",
		"children", "auto_shutdown",
	};
	struct sup_pid pid;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(words); i++) {
		s = good;
		s.size = i == 0 ? 8 : s.size;
		s.strategy = i == 1 ? 4 : 0;
		s.intensity = i == 2 ? -2 : i == 3 ? 1000001 : 0;
		s.reg = i == 4;
		s.n_children = i == 5;
		s.auto_shutdown = i == 6 ? 3 : 0;
		assert_int_equal(sup_supervisor_start(&s, &pid), -EINVAL);
		assert_non_null(strstr(sup_error(), words[i]));
	}
	assert_int_equal(sup_supervisor_start(NULL, &pid), -EINVAL);
	assert_int_equal(world_alive(), 0);
	world_close();
}

static void SUP_26_equal_ids(void **state)
{
	struct fake a = { .id = "a" }, b = { .id = "a" };
	struct sup_pid sup;

	(void)state;
	assert_int_equal(world_try_supervisor(SUP_ONE_FOR_ONE, 1, 5,
					      SUP_AUTO_SHUTDOWN_NEVER,
					      FAKES(&a, &b), &sup), -EEXIST);
	assert_non_null(strstr(sup_error(), "\"a\""));
	assert_string_equal(world_trace(), "");
	world_close();
}

/* Strictly one after the other: the times add up. */
static void stops_are_sequential(void **state)
{
	struct fake f[3] = {
		{ .id = "a", .stop_ns = 100 * MS },
		{ .id = "b", .stop_ns = 100 * MS },
		{ .id = "c", .stop_ns = 100 * MS },
	};
	int64_t before = sup_deadline_ms(0);
	struct sup_pid sup;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ALL, 1, 5,
			       FAKES(&f[0], &f[1], &f[2]));
	world_trace();
	world_stop(sup);
	assert_string_equal(world_trace(), "-c -b -a");
	assert_int_equal(sup_deadline_ms(0) - before, 300 * MS);
	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(SUP_01_start_normal),
		CASE(SUP_03_child_that_ignores_keeps_its_spec),
		CASE(SUP_04_temporary_that_ignores_is_dropped),
		CASE(SUP_05_temporary_that_ignores_by_start_child),
		CASE(SUP_10_start_that_fails_leaves_nothing),
		CASE(SUP_11_restart_child_that_fails_keeps_the_spec),
		CASE(SUP_15_faulty_specs),
		CASE(SUP_16_stop_infinity),
		CASE(SUP_17_stop_timeout),
		CASE(stop_within_the_timeout),
		CASE(SUP_19_stop_brutal_kill),
		CASE(SUP_21_ends_during_a_stop),
		CASE(reports_of_ends_that_were_asked_for),
		CASE(failed_start_unwinds),
		CASE(SUP_42_nested_start_error),
		CASE(SUP_28_bad_flags),
		CASE(SUP_26_equal_ids),
		CASE(stops_are_sequential),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
