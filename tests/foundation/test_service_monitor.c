/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ServiceMonitor: what is down is started again, what hangs is ended. */
#include "foundation.h"

#include "monitors.h"

#define MONITOR "fnd_service_monitor"

static void guide_starts_and_stops_cleanly(void **state)
{
	struct fnd_service_round r;
	struct sup_pid pid;

	(void)state;
	starts_and_stops_cleanly(fnd_service_monitor_start, MONITOR);
	assert_int_equal(fnd_service_monitor_get(&r, LONG), -ENOTCONN);
	/* It runs, but its rounds need a task supervisor. */
	assert_int_equal(fnd_service_monitor_start(NULL, &pid), 0);
	assert_int_equal(fnd_service_monitor_run(&r, LONG), -ENOTCONN);
}

static void guide_killed_it_has_a_new_pid_within_100_ms(void **state)
{
	(void)state;
	has_a_new_pid_within_100_ms(fnd_service_monitor_start, MONITOR);
}

static struct fnd_service_round run_round(void)
{
	struct fnd_service_round r = { .round = 0 };

	assert_int_equal(fnd_service_monitor_run(&r, LONG), 0);
	return r;
}

/* No start goes well any more. */
static _Atomic bool starts_fail;

/* A child that is a service, as its start makes it. */
struct part {
	const char *name;
	struct fnd_service_spec spec;
};

static int start_part(const void *arg, struct sup_pid *ret_pid)
{
	const struct sup_thread_spec thread = {
		.size = sizeof(thread), .run = stays,
	};
	const struct part *p = arg;
	int ret;

	if (atomic_load(&starts_fail))
		return -EIO;
	ret = sup_thread_start(&thread, ret_pid);
	return ret ? ret : fnd_service_register(N, p->name, *ret_pid, &p->spec,
						NULL);
}

static struct part part(const char *name)
{
	return (struct part){
		.name = name, .spec = {
			.size = sizeof(struct fnd_service_spec),
			.supervisor = "top", .child = name,
		},
	};
}

/* Which no child may restart, but one by one. */
static struct sup_pid start_parts(const struct part *parts, size_t n,
				  bool restarts)
{
	struct sup_child_spec children[4] = { { .size = 0 } };
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "top", .reg = true,
		.children = children, .n_children = n, .intensity = 1000,
	};
	struct sup_pid sup;
	size_t i;

	for (i = 0; i < n; i++) {
		children[i] = (struct sup_child_spec){
			.size = sizeof(children[i]), .id = parts[i].name,
			.start = start_part, .arg = &parts[i],
		};
		if (!restarts)
			children[i].budget = (struct sup_budget){
				.intensity = SUP_INTENSITY_NONE,
				.spent = SUP_SPENT_STOP,
			};
	}
	assert_int_equal(sup_supervisor_start(&spec, &sup), 0);
	return sup;
}

/* Its supervisor has heard of it, and does nothing. */
static void kill_for_good(struct sup_pid sup, const char *name)
{
	struct sup_explanation e;
	int64_t limit = LONG;

	kill_and_wait(fnd_service_whereis(N, name));
	do {
		assert_int_equal(sup_explain(sup, name, &e), 0);
		assert_true(sup_deadline_ms(0) < limit);
	} while (e.node.state != SUP_CHILD_STOPPED || e.why != SUP_WHY_SPENT);
}

static void stop_parts(struct sup_pid sup)
{
	assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, NULL, LONG), 0);
}

static void what_is_down_is_started_again(void **state)
{
	const struct part p = part("s");
	struct sup_pid sup = start_parts(&p, 1, false);
	struct fnd_service_round r = run_round(), again;

	(void)state;
	assert_int_equal(r.services, 1);
	assert_int_equal(r.down, 0);
	kill_for_good(sup, "s");
	again = run_round();
	assert_true(again.round > r.round && again.at_ns > r.at_ns);
	assert_int_equal(again.down, 1);
	assert_int_equal(again.restarted, 1);
	assert_int_not_equal(fnd_service_whereis(N, "s").v, 0);
	r = run_round();
	assert_int_equal(r.down, 0);
	assert_int_equal(r.restarted, 0);
	stop_parts(sup);
}

static void a_start_that_fails_is_tried_again(void **state)
{
	const struct part p = part("s");
	struct sup_pid sup = start_parts(&p, 1, false);
	struct fnd_service_round r;
	int i;

	(void)state;
	kill_for_good(sup, "s");
	atomic_store(&starts_fail, true);
	for (i = 0; i < 3; i++) {
		r = run_round();
		assert_int_equal(r.not_restarted, 1);
		assert_int_equal(r.restarted, 0);
	}
	atomic_store(&starts_fail, false);
	r = run_round();
	assert_int_equal(r.restarted, 1);
	assert_int_not_equal(fnd_service_whereis(N, "s").v, 0);
	stop_parts(sup);
}

static void who_was_stopped_on_purpose_stays_so(void **state)
{
	const struct part p = part("s");
	struct sup_pid sup = start_parts(&p, 1, true);
	struct fnd_service_round r;

	(void)state;
	assert_int_equal(sup_terminate_child(sup, "s"), 0);
	r = run_round();
	assert_int_equal(r.down, 1);
	assert_int_equal(r.restarted + r.not_restarted, 0);
	assert_int_equal(fnd_service_whereis(N, "s").v, 0);
	stop_parts(sup);
	/* Nor is there anybody any more who could start it. */
	r = run_round();
	assert_int_equal(r.down, 1);
	assert_int_equal(r.restarted + r.not_restarted, 0);
}

static void what_others_need_is_started_first(void **state)
{
	static const char *const needs[] = { "b", NULL };
	struct part parts[] = { part("a"), part("b") };
	struct fnd_service_round r;
	struct sup_pid sup;

	(void)state;
	parts[0].spec.depends_on = needs;
	sup = start_parts(parts, 2, false);
	assert_int_equal(run_round().lacking, 0);
	kill_for_good(sup, "b");
	r = run_round();
	assert_int_equal(r.lacking, 1);
	assert_int_equal(r.restarted, 1);
	kill_for_good(sup, "a");
	kill_for_good(sup, "b");
	r = run_round();
	assert_int_equal(r.down, 2);
	assert_int_equal(r.restarted, 1);
	assert_int_equal(fnd_service_whereis(N, "a").v, 0);
	assert_int_not_equal(fnd_service_whereis(N, "b").v, 0);
	assert_int_equal(run_round().restarted, 1);
	assert_int_equal(run_round().down, 0);
	stop_parts(sup);
}

static void await_another(const char *name, struct sup_pid old)
{
	int64_t limit = LONG;
	struct sup_pid pid;

	do {
		assert_int_equal(fnd_service_wait(N, name, &pid, LONG), 0);
		assert_true(sup_deadline_ms(0) < limit);
	} while (pid.v == old.v);
}

static void what_hangs_is_ended_and_started_again(void **state)
{
	struct part p = part("s");
	struct fnd_service_round r;
	struct sup_pid sup, pid;
	int i;

	(void)state;
	p.spec.health = is_late;
	p.spec.timeout_ms = 10;
	sup = start_parts(&p, 1, true);
	pid = fnd_service_whereis(N, "s");
	for (i = 1; i <= 3; i++) {
		r = run_round();
		assert_int_equal(r.hung, 1);
		assert_int_equal(r.failing, 1);
		assert_int_equal(r.killed, i == 3);
	}
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	await_another("s", pid);
	stop_parts(sup);
}

static int fails(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	return -EIO;
}

/* That it does not work may be none of its faults. */
static void what_fails_is_not_ended(void **state)
{
	struct part p = part("s");
	struct sup_pid sup, pid;
	int i;

	(void)state;
	p.spec.health = fails;
	sup = start_parts(&p, 1, true);
	pid = fnd_service_whereis(N, "s");
	for (i = 0; i < 5; i++) {
		assert_int_equal(run_round().failing, 1);
		assert_int_equal(run_round().killed, 0);
	}
	assert_true(sup_is_alive(pid));
	stop_parts(sup);
}

static const struct fnd_service_monitor_options lenient = {
	.size = sizeof(lenient), .interval_ms = NEVER_MS, .ns = { 1 },
	.hang_checks = FND_HANG_NEVER,
}, often = {
	.size = sizeof(often), .interval_ms = 10, .ns = { 1 },
};

static void what_hangs_is_left_alone_if_asked(void **state)
{
	struct part p = part("s");
	struct sup_pid sup, pid;
	int i;

	(void)state;
	assert_int_equal(start_foundation(&health_when_asked, &lenient), 0);
	p.spec.health = is_late;
	p.spec.timeout_ms = 1;
	sup = start_parts(&p, 1, true);
	pid = fnd_service_whereis(N, "s");
	for (i = 0; i < 5; i++)
		assert_int_equal(run_round().killed, 0);
	assert_true(sup_is_alive(pid));
	stop_parts(sup);
	assert_int_equal(fnd_service_cleanup(N, NULL, LONG), 0);
}

/* Nobody asks for a round. */
static void rounds_come_at_intervals(void **state)
{
	const struct part p = part("s");
	struct fnd_service_round r;
	struct sup_pid sup, pid;
	int i;

	(void)state;
	assert_int_equal(start_foundation(&health_when_asked, &often), 0);
	sup = start_parts(&p, 1, false);
	for (i = 0; i < 3; i++) {
		pid = fnd_service_whereis(N, "s");
		assert_int_not_equal(pid.v, 0);
		kill_and_wait(pid);
		await_another("s", pid);
	}
	assert_int_equal(fnd_service_monitor_get(&r, LONG), 0);
	assert_true(r.round >= 3);
	stop_parts(sup);
	assert_int_equal(fnd_service_cleanup(N, NULL, LONG), 0);
}

static void bad_options(void **state)
{
	struct fnd_service_monitor_options o = { .size = 4 };
	struct sup_pid pid;

	(void)state;
	assert_int_equal(fnd_service_monitor_start(&o, &pid), -EINVAL);
	o.size = sizeof(o);
	o.interval_ms = -1;
	assert_int_equal(fnd_service_monitor_start(&o, &pid), -EINVAL);
	o.interval_ms = 0;
	o.timeout_ms = INT64_MAX;
	assert_int_equal(fnd_service_monitor_start(&o, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "timeout_ms"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(guide_starts_and_stops_cleanly),
		CASE(guide_killed_it_has_a_new_pid_within_100_ms),
		MONITOR_CASE(what_is_down_is_started_again),
		MONITOR_CASE(a_start_that_fails_is_tried_again),
		MONITOR_CASE(who_was_stopped_on_purpose_stays_so),
		MONITOR_CASE(what_others_need_is_started_first),
		MONITOR_CASE(what_hangs_is_ended_and_started_again),
		MONITOR_CASE(what_fails_is_not_ended),
		CASE(what_hangs_is_left_alone_if_asked),
		CASE(rounds_come_at_intervals),
		CASE(bad_options),
	};

	return RUN_TESTS(tests);
}
