/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events that the services execute themselves, and what is counted of them. */
#include "monitors.h"

#include "told.h"

#include "foundation/service.h"

#define APPLICATION "foundation.application."
#define WARNINGS APPLICATION "dependency_warnings"
#define REGISTRY "foundation.registry."
#define CHECK "foundation.service.health_check."
#define STORE "foundation.event_store."
#define UPDATES "foundation.config_updates"
#define RESETS "foundation.config_resets"

/* Of the gauge of that name; -1: there is none. */
static double gauge(const char *name)
{
	struct fnd_figure *f;
	double value;
	size_t n;

	assert_int_equal(fnd_metric_list(name, &f, &n), 0);
	value = n ? f->value : -1;
	free(f);
	return value;
}

static void check_health(void)
{
	struct fnd_health_picture *h;

	assert_int_equal(fnd_health_check(&h, LONG), 0);
	free(h);
}

static void run_services(void)
{
	struct fnd_service_round round;

	assert_int_equal(fnd_service_monitor_run(&round, LONG), 0);
}

static void a_round_of_health_sets_gauges(void **state)
{
	struct sup_pid db = start(stays, NULL);
	static const char *const needs[] = { "db", NULL };

	(void)state;
	fnd_telemetry_reset();
	check_health();
	assert_true(gauge(APPLICATION "health_percentage") == 100);
	assert_int_equal(serve(N, "web", start(stays, NULL),
			       SPEC(.depends_on = needs)), 0);
	assert_int_equal(serve(N, "db", db, NULL), 0);
	check_health();
	assert_true(gauge(APPLICATION "health_percentage") == 100);
	kill_and_wait(db);
	check_health();
	assert_true(gauge(APPLICATION "health_percentage") == 25);
	assert_true(gauge(APPLICATION "degraded_services") == 1);
	assert_true(gauge(APPLICATION "failed_services") == 1);
}

static void what_a_service_lacks_is_counted(void **state)
{
	static const char *const needs[] = { "db", NULL };
	struct sup_pid db = start(stays, NULL);
	uint64_t n;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(serve(N, "web", start(stays, NULL),
			       SPEC(.depends_on = needs)), 0);
	/* There may be more rounds than are asked for. */
	run_services();
	n = counted(WARNINGS, "web");
	assert_true(n >= 1);
	run_services();
	assert_true(counted(WARNINGS, "db") > n);
	assert_int_equal(serve(N, "db", db, NULL), 0);
	run_services();
	n = counted(WARNINGS, "db");
	run_services();
	assert_int_equal(counted(WARNINGS, "db"), n);
}

static void a_registration_and_a_look_up(void **state)
{
	struct sup_pid web = start(stays, NULL);

	(void)state;
	listen_to_events();
	assert_int_equal(serve(N, "web", web, NULL), 0);
	assert_int_equal(heard(REGISTRY "register", "result=ok"), 1);
	assert_int_equal(serve(N, "web", start(stays, NULL), NULL), -EEXIST);
	assert_non_null(strstr(sup_error(), "web"));
	assert_int_equal(heard(REGISTRY "register", "result=error"), 1);
	assert_int_equal(fnd_service_whereis(N, "web").v, web.v);
	assert_int_equal(heard(REGISTRY "lookup", "service=web"), 1);
	assert_int_equal(heard(REGISTRY "lookup", "result=ok"), 1);
	assert_true(heard_sum(REGISTRY "lookup") >= 0);
	assert_int_equal(fnd_service_whereis(N, "db").v, 0);
	assert_int_equal(heard(REGISTRY "lookup", "result=error"), 1);
	listen_no_more();
	/* They are for handlers alone. */
	assert_false(is_there(REGISTRY "register"));
	assert_false(is_there(REGISTRY "lookup"));
}

static void a_check_of_a_service(void **state)
{
	struct sup_pid web = start(stays, NULL);
	struct fnd_health_report r;

	(void)state;
	fnd_telemetry_reset();
	listen_to_events();
	assert_int_equal(serve(N, "web", web, NULL), 0);
	assert_int_equal(fnd_service_check(N, "web", &r, LONG), 0);
	/* Monitors may have checked it, too. */
	assert_true(heard(CHECK "duration", "service=web") >= 1);
	assert_int_equal(heard(CHECK "failures", "service=web"), 0);
	assert_true(counted(CHECK "duration", "web") >= 1);
	kill_and_wait(web);
	assert_int_equal(fnd_service_check(N, "web", &r, LONG), 0);
	assert_int_equal(r.outcome, FND_HEALTH_DOWN);
	assert_true(heard(CHECK "failures", "outcome=down") >= 1);
	assert_true(heard(CHECK "failures", "service=web") >= 1);
	assert_true(counted(CHECK "failures", "web") >= 1);
	listen_no_more();
}

static struct fnd_event event_of_time(int64_t time)
{
	return (struct fnd_event){
		.type = "t", .source = "s", .time = time,
	};
}

static void events_that_are_stored_and_pruned(void **state)
{
	int64_t now = fnd__real_now();
	struct fnd_event events[2] = {
		event_of_time(now), event_of_time(now + 2),
	};

	(void)state;
	fnd_telemetry_reset();
	listen_to_events();
	assert_int_equal(fnd_event_store_batch(events, 2, NULL, LONG), 0);
	assert_int_equal(fnd_event_store(events, NULL, LONG), 0);
	assert_int_equal(heard(STORE "events_stored", NULL), 2);
	assert_true(heard_sum(STORE "events_stored") == 3);
	assert_int_equal(fnd_event_store_batch(events, 0, NULL, LONG), 0);
	events[0].type = "";
	assert_int_equal(fnd_event_store(events, NULL, LONG), -EINVAL);
	assert_int_equal(heard(STORE "events_stored", NULL), 2);
	assert_int_equal(fnd_event_prune(now + 1, NULL, LONG), 0);
	assert_int_equal(heard(STORE "events_pruned", NULL), 1);
	assert_true(heard_sum(STORE "events_pruned") == 2);
	listen_no_more();
	assert_true(is_there(STORE "events_stored"));
	assert_true(is_there(STORE "events_pruned"));
}

static const struct fnd_config_entry schema[] = {
	{ .path = "on", .value = FND_BOOLEAN(false), .updatable = true },
};

static const struct fnd_config_options config = {
	.size = sizeof(config), .schema = schema, .n = N_OF(schema),
};

static int turn(bool on)
{
	const struct fnd_config_setting s = { "on", FND_BOOLEAN(on) };

	return fnd_config_update(&s, LONG);
}

static void settings_that_change(void **state)
{
	struct sup_pid pid;

	(void)state;
	assert_int_equal(fnd_config_server_start(&config, &pid), 0);
	listen_to_events();
	assert_int_equal(turn(true), 0);
	assert_int_equal(heard(UPDATES, NULL), 1);
	/* It was so before. */
	assert_int_equal(turn(true), 0);
	assert_int_equal(heard(UPDATES, NULL), 1);
	assert_int_equal(fnd_config_reset(LONG), 0);
	assert_int_equal(heard(RESETS, NULL), 1);
	assert_int_equal(heard(UPDATES, NULL), 1);
	listen_no_more();
	assert_true(is_there(UPDATES));
	assert_true(is_there(RESETS));
	assert_int_equal(sup_server_stop(pid, &SUP_SHUTDOWN, NULL, LONG), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MONITOR_CASE(a_round_of_health_sets_gauges),
		MONITOR_CASE(what_a_service_lacks_is_counted),
		MONITOR_CASE(a_registration_and_a_look_up),
		MONITOR_CASE(a_check_of_a_service),
		MONITOR_CASE(events_that_are_stored_and_pruned),
		FEW_CASE(settings_that_change),
	};

	return RUN_TESTS(tests);
}
