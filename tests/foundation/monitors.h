/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of monitors begin with: a tree whose rounds they ask for. */
#ifndef TESTS_FOUNDATION_MONITORS_H
#define TESTS_FOUNDATION_MONITORS_H

#include "services.h"

#define NEVER_MS 3600000

static const struct fnd_health_monitor_options health_when_asked = {
	.size = sizeof(health_when_asked), .interval_ms = NEVER_MS,
	.ns = { 1 },
};

static const struct fnd_service_monitor_options services_when_asked = {
	.size = sizeof(services_when_asked), .interval_ms = NEVER_MS,
	.ns = { 1 },
};

/* When the rounds that begin with them are over. */
static inline int start_foundation(
		const struct fnd_health_monitor_options *health,
		const struct fnd_service_monitor_options *services)
{
	const struct fnd_foundation_options o = {
		.size = sizeof(o), .health_monitor = health,
		.service_monitor = services,
	};

	struct fnd_service_round round;
	struct fnd_health_picture *h;
	int ret;

	sup_set_log_level(-1);
	ret = fnd_foundation_start(&o, &foundation);
	if (!ret)
		ret = fnd_health_get(&h, LONG);
	if (ret)
		return ret;
	free(h);
	return fnd_service_monitor_get(&round, LONG);
}

static inline int set_up_monitors(void **state)
{
	return set_up(state) || start_foundation(&health_when_asked,
						 &services_when_asked);
}

/* What a test has left goes with its namespace. */
static inline int tear_down_monitors(void **state)
{
	return fnd_service_cleanup(N, NULL, LONG) || tear_down(state);
}

#define MONITOR_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_monitors, tear_down_monitors)

/* Under a supervisor of its own, which restarts it as often as a test likes. */
static inline struct sup_pid start_alone(
		int (*start)(const void *arg, struct sup_pid *ret_pid))
{
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "monitor", .start = start,
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = &child, .n_children = 1,
		.intensity = 1000,
	};
	struct sup_pid sup;

	assert_int_equal(sup_supervisor_start(&spec, &sup), 0);
	return sup;
}

/* The guide's own test of a monitor. */
static inline void starts_and_stops_cleanly(
		int (*start)(const void *arg, struct sup_pid *ret_pid),
		const char *name)
{
	struct sup_reason reason;
	struct sup_pid pid, other;

	assert_int_equal(start(NULL, &pid), 0);
	assert_true(sup_is_alive(pid));
	assert_int_equal(sup_whereis(name).v, pid.v);
	assert_int_equal(start(NULL, &other), -EEXIST);
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, &reason, LONG), 0);
	assert_false(sup_is_alive(pid));
	assert_int_equal(sup_whereis(name).v, 0);
}

/* The next event of that kind about a child. */
static inline struct sup_event await_event(struct sup_events *events,
					   enum sup_event_kind kind,
					   const char *child)
{
	struct sup_event e;

	do
		assert_int_equal(sup_events_next(events, &e, LONG), 0);
	while (e.kind != kind || strcmp(e.child_id, child));
	return e;
}

/*
 * The other one: killed, it has a new pid within 100 ms. That is measured by
 * the events, of which the best of five counts: others use the machine, too.
 */
static inline void has_a_new_pid_within_100_ms(
		int (*start)(const void *arg, struct sup_pid *ret_pid),
		const char *name)
{
	struct sup_pid sup, pid;
	struct sup_events *events;
	int64_t best = INT64_MAX, killed;
	struct sup_event e;
	int i;

	assert_int_equal(sup_events_open(NULL, &events), 0);
	sup = start_alone(start);
	e = await_event(events, SUP_EVENT_STARTED, "monitor");
	for (i = 0; i < 5; i++) {
		pid = e.pid;
		killed = sup_deadline_ms(0);
		assert_int_equal(sup_kill(pid, LONG), 0);
		e = await_event(events, SUP_EVENT_STARTED, "monitor");
		assert_int_not_equal(e.pid.v, pid.v);
		assert_true(sup_is_alive(e.pid));
		assert_int_equal(sup_whereis(name).v, e.pid.v);
		if (e.time_ns - killed < best)
			best = e.time_ns - killed;
	}
	assert_true(best < 100 * INT64_C(1000000));
	sup_events_close(events);
	assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, NULL, LONG), 0);
}

#endif
