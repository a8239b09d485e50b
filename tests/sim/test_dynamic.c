/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dynamic supervisors. Cases are those of Elixir's DynamicSupervisor. */
#include "checks.h"

#include "core/supervisor.h"

static struct sup_pid supervisor(int intensity, int64_t max_children)
{
	struct sup_dynamic_spec spec = {
		.size = sizeof(spec), .name = "top", .intensity = intensity,
		.max_children = max_children,
	};
	struct sup_pid pid;

	assert_int_equal(sup_dynamic_start(&spec, &pid), 0);
	return pid;
}

static struct sup_pid start(struct sup_pid sup, struct fake *f)
{
	struct sup_pid pid = { 99 };

	assert_int_equal(start_child(sup, f, &pid), 0);
	assert_int_equal(pid.v, f->pid.v);
	return pid;
}

static void check_workers(struct sup_pid sup, size_t workers, size_t active)
{
	check_counts(sup, workers, active, 0, workers);
}

static void DYN_01_can_be_supervised_directly(void **state)
{
	struct sup_dynamic_spec inner = { .size = sizeof(inner),
					  .name = "inner", .reg = true };
	struct sup_child_spec outer = {
		.size = sizeof(outer), .id = "inner", .arg = &inner,
		.start = sup_dynamic_start, .type = SUP_SUPERVISOR,
	};
	struct sup_supervisor_spec top = {
		.size = sizeof(top), .children = &outer, .n_children = 1,
	};
	struct sup_child child, *rows;
	struct sup_pid sup;
	size_t n;

	(void)state;
	assert_int_equal(sup_supervisor_start(&top, &sup), 0);
	assert_int_equal(sup_which_child(sup, "inner", &child), 0);
	assert_int_equal(sup_which_children(child.pid, &rows, &n), 0);
	assert_int_equal(n, 0);

	world_close();
}

static void DYN_02_several_under_one_supervisor(void **state)
{
	struct sup_dynamic_spec one = { .size = sizeof(one), .name = "one" };
	struct sup_dynamic_spec two = { .size = sizeof(two) };
	struct sup_child_spec children[2] = {
		{ .size = sizeof(*children), .id = "one", .arg = &one,
		  .start = sup_dynamic_start, .type = SUP_SUPERVISOR },
		{ .size = sizeof(*children), .id = "two", .arg = &two,
		  .start = sup_dynamic_start, .type = SUP_SUPERVISOR },
	};
	struct sup_supervisor_spec top = {
		.size = sizeof(top), .children = children, .n_children = 2,
	};
	struct sup_child child;
	struct sup_pid sup, pid;

	(void)state;
	assert_int_equal(sup_supervisor_start(&top, &sup), 0);
	assert_int_equal(sup_which_child(sup, "two", &child), 0);
	check_workers(child.pid, 0, 0);
	assert_int_equal(sup_start_child(sup, &children[1], &pid), -EEXIST);
	assert_int_equal(pid.v, child.pid.v);

	world_close();
}

static void DYN_04_default_options(void **state)
{
	struct sup_pid sup = supervisor(0, 0);
	struct sup_node *nodes;
	size_t n;

	(void)state;
	assert_int_equal(sup_tree(sup, &nodes, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(nodes[0].strategy, SUP_ONE_FOR_ONE);
	assert_int_equal(nodes[0].intensity, 3);
	assert_int_equal(nodes[0].period_s, 5);
	free(nodes);

	world_close();
}

static void DYN_05_bad_flags(void **state)
{
	struct sup_dynamic_spec s, good = { .size = sizeof(good) };
	struct sup_pid pid;

	(void)state;
	assert_int_equal(sup_dynamic_start(NULL, &pid), -EINVAL);
	s = good; s.size = 1;
	assert_int_equal(sup_dynamic_start(&s, &pid), -EINVAL);
	s = good; s.intensity = -2;
	assert_int_equal(sup_dynamic_start(&s, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "intensity"));
	s = good; s.max_children = -2;
	assert_int_equal(sup_dynamic_start(&s, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "max_children"));
	s = good; s.reg = true;
	assert_int_equal(sup_dynamic_start(&s, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "name"));
	assert_int_equal(world_alive(), 0);

	world_close();
}

static void DYN_11_to_13_ids_do_not_matter(void **state)
{
	struct sup_pid sup = supervisor(0, 0), pid;
	struct fake a = { .id = "a" }, b = { .id = "a" }, c = { .id = "c" };
	struct sup_child_spec spec = world_spec(&c);

	(void)state;
	start(sup, &a);
	start(sup, &b);
	spec.id = NULL;
	assert_int_equal(sup_start_child(sup, &spec, &pid), 0);
	check_workers(sup, 3, 3);
	assert_string_equal(world_listing(sup), "a+ a+ +");
	assert_int_equal(sup_terminate_child(sup, "a"), -EOPNOTSUPP);
	assert_int_equal(sup_restart_child(sup, "a", &pid), -EOPNOTSUPP);
	assert_int_equal(sup_delete_child(sup, "a"), -EOPNOTSUPP);
	assert_int_equal(sup_start_extra(sup, &a, NULL, &pid), -EOPNOTSUPP);

	world_close();
}

struct common { unsigned int seen; };

static int start_common(const void *arg, const void *extra,
			struct sup_pid *ret_pid)
{
	struct fake *f = (struct fake *)arg;
	struct sup_child_spec spec = world_spec(f);

	((struct common *)extra)->seen++;
	return spec.start(f, ret_pid);
}

static void DYN_14_25_extra_arguments(void **state)
{
	struct common common = { 0 };
	struct sup_dynamic_spec spec = {
		.size = sizeof(spec), .extra = &common,
	};
	struct fake a = { .id = "a", .restart = SUP_TRANSIENT };
	struct sup_child_spec child = world_spec(&a);
	struct sup_pid sup, pid;

	(void)state;
	child.start = NULL;
	child.start_with = start_common;
	assert_int_equal(sup_dynamic_start(&spec, &sup), 0);
	assert_int_equal(sup_start_child(sup, &child, &pid), 0);
	assert_int_equal(common.seen, 1);
	/* At a restart, too. */
	crash(&a, abnormal);
	assert_int_equal(common.seen, 2);
	check_workers(sup, 1, 1);

	world_close();
}

/* The supervisor is not asked: there is none. */
static void DYN_15_invalid_child_spec(void **state)
{
	struct fake f = { .id = "f" };
	struct sup_child_spec s, good = world_spec(&f);
	struct sup_pid pid;

	(void)state;
	s = good; s.start = NULL;
	assert_int_equal(sup_start_child(SUP_PID_NONE, &s, &pid), -EINVAL);
	s = good; s.shutdown_ms = -3;
	assert_int_equal(sup_start_child(SUP_PID_NONE, &s, &pid), -EINVAL);
	s = good; s.significant = true;
	assert_int_equal(sup_start_child(SUP_PID_NONE, &s, &pid), -EINVAL);
	s = good; s.size = 0;
	assert_int_equal(sup_start_child(SUP_PID_NONE, &s, &pid), -EINVAL);
	assert_int_equal(sup_start_child(SUP_PID_NONE, &good, &pid), -ESRCH);
	/* One that may be significant elsewhere it has to be asked about. */
	s = good; s.significant = true; s.restart = SUP_TEMPORARY;
	assert_int_equal(sup_start_child(supervisor(0, 0), &s, &pid),
			 -EINVAL);

	world_close();
}

static void DYN_16_17_different_returns(void **state)
{
	struct fake ok = { .id = "ok" };
	struct fake ignore = { .id = "ignore", .script = "i" };
	struct fake error = { .id = "error", .script = "f" };
	struct fake junk = { .id = "junk", .script = "j" };
	struct sup_pid sup = supervisor(0, 0), pid;

	(void)state;
	assert_int_equal(start_child(sup, &ok, &pid), 0);
	assert_int_equal(start_child(sup, &ignore, &pid), SUP_IGNORE);
	assert_int_equal(ignore.frees, 1);
	/* A raise is an error code. */
	assert_int_equal(start_child(sup, &error, &pid), -EIO);
	assert_string_equal(sup_error(), "child \"error\": error is out of "
			    "order");
	assert_int_equal(start_child(sup, &junk, &pid), -EPROTO);
	check_workers(sup, 1, 1);

	world_close();
}

static void DYN_18_max_children(void **state)
{
	struct fake a = { .id = "a" }, b = { .id = "b" };
	struct sup_pid sup = supervisor(0, SUP_CHILDREN_NONE), pid;

	(void)state;
	assert_int_equal(start_child(sup, &a, &pid), -ENOSPC);
	sup = supervisor(0, 1);
	start(sup, &a);
	assert_int_equal(start_child(sup, &b, &pid), -ENOSPC);
	assert_int_equal(b.starts, 0);
	assert_int_equal(sup_terminate_child_pid(sup, a.pid), 0);
	start(sup, &b);

	world_close();
}

static void DYN_19_temporary_is_never_restarted(void **state)
{
	struct fake a = { .id = "a", .restart = SUP_TEMPORARY };
	struct sup_pid sup = supervisor(0, 0);

	(void)state;
	start(sup, &a);
	crash(&a, shutdown);
	check_workers(sup, 0, 0);
	start(sup, &a);
	crash(&a, abnormal);
	check_workers(sup, 0, 0);
	assert_int_equal(a.frees, 2);

	world_close();
}

static void DYN_20_transient_is_restarted_unless_clean(void **state)
{
	struct fake a = { .id = "a", .restart = SUP_TRANSIENT };
	struct sup_pid sup = supervisor(0, 0);

	(void)state;
	start(sup, &a);
	crash(&a, shutdown);
	check_workers(sup, 0, 0);
	start(sup, &a);
	crash(&a, shutdown7);
	check_workers(sup, 0, 0);
	start(sup, &a);
	crash(&a, abnormal);
	check_workers(sup, 1, 1);

	world_close();
}

static void DYN_21_permanent_is_always_restarted(void **state)
{
	struct fake f[3] = { { .id = "0" }, { .id = "1" }, { .id = "2" } };
	struct sup_reason reasons[3] = { shutdown, shutdown7, abnormal };
	struct sup_pid sup = supervisor(100000, 0);
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		start(sup, &f[i]);
		crash(&f[i], reasons[i]);
		check_workers(sup, i + 1, i + 1);
	}

	world_close();
}

static void DYN_22_different_values_at_a_restart(void **state)
{
	struct fake ok = { .id = "ok" };
	struct fake ignore = { .id = "ignore", .script = "oi" };
	struct fake error = { .id = "error", .script = "offo" };
	struct fake junk = { .id = "junk", .script = "ojo" };
	struct sup_pid sup = supervisor(100000, 0), before;

	(void)state;
	before = start(sup, &ok);
	crash(&ok, abnormal);
	assert_int_not_equal(ok.pid.v, before.v);
	check_workers(sup, 1, 1);
	start(sup, &ignore);
	crash(&ignore, abnormal);
	check_workers(sup, 1, 1);
	assert_int_equal(ignore.frees, 1);
	start(sup, &error);
	world_end(error.pid, abnormal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "ok+ error*");
	world_run();
	assert_string_equal(world_listing(sup), "ok+ error+");
	start(sup, &junk);
	world_end(junk.pid, abnormal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "ok+ error+ junk*");
	world_run();
	check_workers(sup, 3, 3);

	world_close();
}

static void DYN_23_24_restarting_children_count(void **state)
{
	struct fake b = { .id = "b" };
	struct fake a = { .id = "a", .script = "offfo" };
	struct sup_child_spec spec = world_spec(&b);
	struct sup__supervisor_request req = {
		.op = SUP__OP_START_CHILD, .spec = spec,
	};
	struct sup_msg msg = {
		.tag = SUP__SUPERVISOR_REQUEST, .data = &req,
		.len = sizeof(req),
	}, reply;
	struct sup_pid sup = supervisor(100000, 1), pid;
	int ask, ret;

	(void)state;
	start(sup, &a);
	world_end(a.pid, abnormal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "a*");
	ask = world_ask(sup, &msg);
	world_run();
	assert_int_equal(world_answer(ask, &reply), 0);
	memcpy(&ret, reply.data, sizeof(ret));
	sup_msg_free(&reply);
	assert_int_equal(ret, -ENOSPC);
	/* One that is up again does, too. */
	check_workers(sup, 1, 1);
	assert_int_equal(start_child(sup, &b, &pid), -ENOSPC);
	assert_int_equal(b.starts, 0);

	world_close();
}

static void DYN_26_restarted_when_trying_again(void **state)
{
	struct fake a = { .id = "a", .script = "ofo" };
	struct sup_pid sup = supervisor(2, 0);

	(void)state;
	start(sup, &a);
	crash(&a, abnormal);
	check_workers(sup, 1, 1);
	assert_int_equal(a.starts, 3);

	world_close();
}

static void check_gives_up(int intensity)
{
	struct fake a = { .id = "a", .script = "of" };
	struct sup_pid sup = supervisor(intensity, 0);

	start(sup, &a);
	crash(&a, abnormal);
	check_ended(sup, shutdown);
	assert_int_equal(a.starts, 1 + intensity);
	assert_int_equal(a.frees, 1);
}

static void DYN_27_maximum_restarts(void **state)
{
	(void)state;
	check_gives_up(1);

	world_close();
}

static void DYN_28_maximum_intensity_when_trying_again(void **state)
{
	(void)state;
	check_gives_up(10);

	world_close();
}

static void DYN_29_30_shutdown_times(void **state)
{
	struct fake a = { .id = "a", .shutdown_ms = 1 };
	struct sup_pid sup = supervisor(0, 0), pid;

	(void)state;
	start(sup, &a);
	a.shutdown_ms = -3;
	assert_int_equal(start_child(sup, &a, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "shutdown_ms"));

	world_close();
}

/* Stops a supervisor of three that differ in how they take it. */
static void check_stop(struct fake *f, const struct sup_reason *expect)
{
	struct sup_pid sup = supervisor(0, 0);
	size_t i;

	for (i = 0; i < 3; i++)
		start(sup, &f[i]);
	world_stop(sup);
	check_ended(sup, shutdown);
	for (i = 0; i < 3; i++) {
		check_ended(f[i].pid, expect[i]);
		assert_int_equal(f[i].frees, 1);
	}
}

static void check_stop_alike(struct fake as, struct sup_reason expect)
{
	struct fake f[3] = { as, as, as };
	struct sup_reason expects[3] = { expect, expect, expect };

	check_stop(f, expects);
}

static void DYN_31_to_37_terminate(void **state)
{
	struct fake f = { .id = "f" };

	(void)state;
	f.shutdown_ms = SUP_SHUTDOWN_KILL;
	check_stop_alike(f, killed);
	f.shutdown_ms = SUP_SHUTDOWN_INFINITY;
	check_stop_alike(f, shutdown);
	f.stop_reason = shutdown7;
	check_stop_alike(f, shutdown7);
	f.shutdown_ms = 1000;
	check_stop_alike(f, shutdown7);
	f.stop_reason = (struct sup_reason){ 0 };
	check_stop_alike(f, shutdown);
	f.shutdown_ms = SUP_SHUTDOWN_INFINITY;
	f.stop_normally = true;
	check_stop_alike(f, normal);

	world_close();
}

static void DYN_36_expired_shutdown(void **state)
{
	struct fake f[3] = {
		{ .id = "0", .shutdown_ms = 1 },
		{ .id = "1", .shutdown_ms = 1, .deaf = true },
		{ .id = "2", .shutdown_ms = 1 },
	};
	struct sup_reason expect[3] = { shutdown, killed, shutdown };

	(void)state;
	check_stop(f, expect);

	world_close();
}

static void DYN_38_mixed_children(void **state)
{
	struct fake f[3] = {
		{ .id = "0", .shutdown_ms = SUP_SHUTDOWN_INFINITY },
		{ .id = "1", .shutdown_ms = SUP_SHUTDOWN_KILL },
		{ .id = "2" },
	};
	struct sup_reason expect[3] = { shutdown, killed, shutdown };

	(void)state;
	check_stop(f, expect);

	world_close();
}

/* Each group of one patience has its own end, counted from the beginning. */
static void patiences_run_side_by_side(void **state)
{
	struct fake f[4] = {
		{ .id = "0", .shutdown_ms = 3000, .deaf = true },
		{ .id = "1", .shutdown_ms = 1000, .deaf = true },
		{ .id = "2", .shutdown_ms = 2000, .stop_ns = 1500 * MS },
		{ .id = "3", .shutdown_ms = SUP_SHUTDOWN_INFINITY,
		  .stop_ns = 4 * S },
	};
	struct sup_pid sup = supervisor(0, 0);
	int64_t begin;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		start(sup, &f[i]);
	begin = sup_deadline_ms(0);
	world_trace();
	world_stop(sup);
	assert_int_equal(sup_deadline_ms(0) - begin, 4 * S);
	assert_string_equal(world_trace(), "-1:killed -2 -0:killed -3");

	world_close();
}

static void check_terminate(int64_t shutdown_ms, struct sup_reason expect)
{
	struct fake a = { .id = "a", .shutdown_ms = shutdown_ms };
	struct sup_pid sup = supervisor(0, 0), pid;

	pid = start(sup, &a);
	assert_int_equal(sup_terminate_child_pid(sup, pid), 0);
	check_ended(pid, expect);
	assert_int_equal(sup_terminate_child_pid(sup, pid), -ENOENT);
	check_workers(sup, 0, 0);
	assert_int_equal(sup_terminate_child_pid(sup, sup), -ENOENT);
	assert_int_equal(sup_terminate_child_pid(sup, SUP_PID_NONE), -ENOENT);
}

static void DYN_39_terminate_child_with_brutal_kill(void **state)
{
	(void)state;
	check_terminate(SUP_SHUTDOWN_KILL, killed);

	world_close();
}

static void DYN_40_terminate_child_with_a_time(void **state)
{
	(void)state;
	check_terminate(1000, shutdown);

	world_close();
}

static void DYN_41_terminates_restarting_child(void **state)
{
	struct fake a = { .id = "a", .script = "of" };
	struct sup_pid sup = supervisor(100000, 0), old;

	(void)state;
	old = start(sup, &a);
	world_end(old, abnormal);
	assert_true(world_step());
	assert_string_equal(world_listing(sup), "a*");
	assert_int_equal(sup_terminate_child_pid(sup, old), 0);
	assert_int_equal(sup_terminate_child_pid(sup, old), -ENOENT);
	check_workers(sup, 0, 0);

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(DYN_01_can_be_supervised_directly),
		CASE(DYN_02_several_under_one_supervisor),
		CASE(DYN_04_default_options),
		CASE(DYN_05_bad_flags),
		CASE(DYN_11_to_13_ids_do_not_matter),
		CASE(DYN_14_25_extra_arguments),
		CASE(DYN_15_invalid_child_spec),
		CASE(DYN_16_17_different_returns),
		CASE(DYN_18_max_children),
		CASE(DYN_19_temporary_is_never_restarted),
		CASE(DYN_20_transient_is_restarted_unless_clean),
		CASE(DYN_21_permanent_is_always_restarted),
		CASE(DYN_22_different_values_at_a_restart),
		CASE(DYN_23_24_restarting_children_count),
		CASE(DYN_26_restarted_when_trying_again),
		CASE(DYN_27_maximum_restarts),
		CASE(DYN_28_maximum_intensity_when_trying_again),
		CASE(DYN_29_30_shutdown_times),
		CASE(DYN_31_to_37_terminate),
		CASE(DYN_36_expired_shutdown),
		CASE(DYN_38_mixed_children),
		CASE(patiences_run_side_by_side),
		CASE(DYN_39_terminate_child_with_brutal_kill),
		CASE(DYN_40_terminate_child_with_a_time),
		CASE(DYN_41_terminates_restarting_child),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
