/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The application: its phases, its health, restarts, and its end. */
#include "fail_memory.h"
#include "foundation.h"

#include <stdio.h>

#include "foundation/application_in.h"

#define UP(n) sup_deadline_ms(n)

static int start_app(void **state)
{
	sup_set_log_level(-1);
	return set_up(state) || fnd_application_start(NULL) ||
		sup_application_top(FND_APPLICATION, &foundation);
}

#define APP_CASE(f) cmocka_unit_test_setup_teardown(f, start_app, tear_down)

static struct fnd_application_status status(void)
{
	struct fnd_application_status s;

	assert_int_equal(fnd_application_status(&s), 0);
	return s;
}

static struct fnd_application_health *health(void)
{
	struct fnd_application_health *h;

	assert_int_equal(fnd_application_health(&h, LONG), 0);
	return h;
}

static const struct fnd_application_service *
find(const struct fnd_application_health *h, const char *name)
{
	size_t i;

	for (i = 0; i < h->total; i++)
		if (!strcmp(h->services[i].name, name))
			return &h->services[i];
	return NULL;
}

static void phases_follow_the_table(void **state)
{
	enum fnd_phase phase, last = FND_PHASE_INFRASTRUCTURE;
	size_t i, of[FND_PHASES] = { 0 };
	const char *id;

	(void)state;
	for (i = 0; fnd__part(i, &id, &phase); i++) {
		assert_true(phase >= last && phase < FND_PHASE_APPLICATION);
		assert_int_equal(fnd__phase_of(id), phase);
		last = phase;
		of[phase]++;
	}
	for (i = 0; i < FND_PHASE_APPLICATION; i++)
		assert_true(of[i] > 0);
	assert_int_equal(fnd__phase_of("other"), FND_PHASE_APPLICATION);
	assert_string_equal(fnd_phase_name(FND_PHASE_COORDINATION),
			    "coordination");
	assert_string_equal(fnd_phase_name(FND_PHASES), "unknown");
}

/* Upstream: 42.9 % and unhealthy, just after a clean start. */
static void healthy_from_the_first_second(void **state)
{
	struct fnd_application_status s = status();
	struct fnd_application_health *h = health();
	size_t i;

	(void)state;
	assert_int_equal(s.state, FND_APPLICATION_RUNNING);
	assert_true(s.uptime_ns > 0);
	assert_int_equal(s.up, s.total);
	for (i = 0; i < FND_PHASE_APPLICATION; i++)
		assert_int_equal(s.phases[i].up, s.phases[i].total);
	assert_int_equal(s.phases[FND_PHASE_APPLICATION].total, 0);
	assert_int_equal(h->overall, FND_HEALTHY);
	assert_int_equal(h->total, s.total);
	assert_int_equal(h->healthy, s.total);
	assert_true(h->percentage == 100);
	for (i = 0; i < h->total; i++) {
		assert_null(h->services[i].advice);
		assert_null(h->services[i].missing);
		assert_true(h->services[i].report.took_ns >= 0);
	}
	free(h);
}

static int is_so_so(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	return 7;
}

static int hangs(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	return stays(NULL);
}

static int crashes(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	sup_kill(sup_self(), LONG);
	sup_checkpoint();
	return 0;
}

static const char *const needs_down[] = { "down", NULL };

static void serve(const char *name, struct sup_pid pid,
		  int (*fn)(void *arg, struct sup_msg *ret_result),
		  const char *const *depends_on)
{
	const struct fnd_service_spec spec = {
		.size = sizeof(spec), .health = fn, .timeout_ms = 50,
		.depends_on = depends_on,
	};

	assert_int_equal(fnd_service_register(FND_PRODUCTION, name, pid, &spec,
					      NULL), 0);
}

static void is(const struct fnd_application_health *h, const char *name,
	       enum fnd_health health, enum fnd_health_outcome outcome,
	       const char *missing)
{
	const struct fnd_application_service *s = find(h, name);

	assert_non_null(s);
	assert_int_equal(s->phase, FND_PHASE_APPLICATION);
	assert_int_equal(s->health, health);
	assert_int_equal(s->report.outcome, outcome);
	assert_int_equal(!s->advice, health == FND_HEALTHY);
	if (missing)
		assert_string_equal(s->missing, missing);
	else
		assert_null(s->missing);
}

static void health_says_who_and_why(void **state)
{
	static const char *const names[] = {
		"well", "so-so", "hangs", "crashes", "down", "needs",
	};
	struct sup_pid pid = start(stays, NULL), dead = start(stays, NULL);
	struct fnd_application_health *h;
	size_t own, i;

	(void)state;
	own = status().total;
	serve("well", pid, NULL, NULL);
	serve("so-so", pid, is_so_so, NULL);
	h = health();
	assert_int_equal(h->overall, FND_DEGRADED);
	assert_int_equal(h->degraded, 1);
	free(h);
	serve("hangs", pid, hangs, NULL);
	serve("crashes", pid, crashes, NULL);
	serve("down", dead, NULL, NULL);
	serve("needs", pid, NULL, needs_down);
	kill_and_wait(dead);
	h = health();
	assert_int_equal(h->overall, FND_UNHEALTHY);
	assert_int_equal(h->total, own + 6);
	assert_int_equal(h->healthy, own + 1);
	assert_int_equal(h->degraded, 3);
	assert_int_equal(h->unhealthy, 2);
	/* One decimal. */
	assert_int_equal((int)(h->percentage * 10 + 0.5),
			 (int)(1000.0 * (own + 2.5) / (own + 6) + 0.5));
	is(h, "well", FND_HEALTHY, FND_HEALTH_ALIVE, NULL);
	is(h, "so-so", FND_DEGRADED, FND_HEALTH_DEGRADED, NULL);
	assert_int_equal(find(h, "so-so")->report.code, 7);
	is(h, "hangs", FND_DEGRADED, FND_HEALTH_TIMEOUT, NULL);
	is(h, "crashes", FND_UNHEALTHY, FND_HEALTH_CRASHED, NULL);
	is(h, "down", FND_UNHEALTHY, FND_HEALTH_DOWN, NULL);
	is(h, "needs", FND_DEGRADED, FND_HEALTH_ALIVE, "down");
	free(h);
	assert_int_equal(status().phases[FND_PHASE_APPLICATION].total, 6);
	assert_int_equal(status().phases[FND_PHASE_APPLICATION].up, 5);
	for (i = 0; i < N_OF(names); i++)
		assert_int_equal(fnd_service_unregister(FND_PRODUCTION,
							names[i]), 0);
}

static void health_has_a_deadline(void **state)
{
	struct fnd_application_health *h;

	(void)state;
	assert_int_equal(fnd_application_health(&h, SUP_TRY), 0);
	assert_int_equal(h->total, status().total);
	/* Who was not asked is no worse than that. */
	assert_int_equal(h->unhealthy, 0);
	free(h);
}

static struct sup_pid task_of(const char *name)
{
	return fnd_service_whereis(FND_PRODUCTION, name);
}

/* Upstream: {:error, :running}. */
static void a_running_service_is_restarted(void **state)
{
	struct sup_pid before, after, other;
	enum fnd_phase phase;
	struct sup_node *n;
	const char *id;
	size_t i, count;

	(void)state;
	other = task_of("event_store");
	before = task_of("config_server");
	assert_int_equal(fnd_application_restart("config_server", &after, LONG),
			 0);
	assert_int_not_equal(after.v, before.v);
	assert_false(sup_is_alive(before));
	assert_int_equal(task_of("config_server").v, after.v);
	assert_int_equal(task_of("event_store").v, other.v);
	/* Each of them; the one that runs the restarts, too. */
	for (i = 0; fnd__part(i, &id, &phase); i++) {
		before = task_of(id);
		assert_int_equal(fnd_application_restart(id, &after, LONG), 0);
		assert_int_not_equal(after.v, before.v);
		assert_true(sup_is_alive(after));
	}
	/* What is asked for does not count as a fault; but that one. */
	assert_int_equal(sup_tree(foundation, &n, &count), 0);
	assert_true(n[0].budget_used <= 1);
	free(n);
}

static void restarts_that_cannot_be(void **state)
{
	struct sup_pid pid = start(stays, NULL);

	(void)state;
	assert_int_equal(fnd_application_restart("nope", NULL, LONG), -ENOENT);
	assert_int_equal(fnd_application_restart("", NULL, LONG), -EINVAL);
	serve("alone", pid, NULL, NULL);
	assert_int_equal(fnd_application_restart("alone", NULL, LONG),
			 -EOPNOTSUPP);
	assert_string_equal(sup_error(), "alone: it is nobody's child");
	assert_int_equal(fnd_service_unregister(FND_PRODUCTION, "alone"), 0);
	/* What process_registry needs is down. */
	assert_int_equal(sup_terminate_child(foundation, "task_supervisor"), 0);
	assert_int_equal(fnd_application_restart("process_registry", NULL,
						 LONG), -EAGAIN);
	assert_string_equal(sup_error(), "process_registry: it needs "
			    "\"task_supervisor\", which is down");
	assert_int_equal(fnd_application_restart("locks", NULL, LONG),
			 -ENOTCONN);
	assert_int_equal(sup_restart_child(foundation, "task_supervisor",
					   &pid), 0);
	/* One that is down can be, too. */
	assert_int_equal(sup_terminate_child(foundation, "locks"), 0);
	assert_int_equal(fnd_application_restart("locks", &pid, LONG), 0);
	assert_true(sup_is_alive(pid));
}

static int restarts(void *arg)
{
	return fnd_application_restart(arg, NULL, LONG);
}

/* Whenever who asks is killed, the service is there in the end. */
static void who_asks_may_be_killed(void **state)
{
	struct sup_pid pid;
	int i, turns;
	volatile int j;

	(void)state;
	srand(1);
	for (i = 0; i < SLOWLY(200); i++) {
		pid = start(restarts, "rate_limiter");
		turns = rand() % 20000;
		for (j = 0; j < turns; j++)
			;
		kill_and_wait(pid);
		assert_int_equal(fnd_application_restart("barriers", NULL,
							 LONG), 0);
	}
	assert_int_equal(fnd_service_wait(FND_PRODUCTION, "rate_limiter", NULL,
					  LONG), 0);
}

static int restarts_all(int nth, void *arg)
{
	static char *const names[] = { "locks", "barriers", "rate_limiter" };
	int i;

	(void)arg;
	for (i = 0; i < 5; i++)
		EXPECT(!fnd_application_restart(names[(nth + i) % 3], NULL,
						LONG));
	return 0;
}

static void many_ask_at_once(void **state)
{
	struct fnd_application_health *h;

	(void)state;
	assert_int_equal(crowd(8, restarts_all, NULL), 8);
	h = health();
	assert_int_equal(h->overall, FND_HEALTHY);
	free(h);
}

static struct drain {
	enum fnd_application_state state;
	bool services_ran;
	int64_t left_ms;
	_Atomic bool goes_on;	/* jobs */
	struct sup_pid job;
	bool job_ended;
} drained;

static void drain(void *arg, int64_t deadline)
{
	struct drain *d = arg;

	d->state = status().state;
	d->services_ran = status().up == status().total;
	d->left_ms = (deadline - sup_deadline_ms(0)) / 1000000;
	atomic_store(&d->goes_on, false);
}

static int job(void *arg, struct sup_msg *ret_result)
{
	(void)ret_result;
	while (atomic_load((_Atomic bool *)arg))
		sup_checkpoint();
	return 0;
}

static void start_job(int (*run)(void *arg, struct sup_msg *ret_result))
{
	const struct sup_job_spec spec = {
		.size = sizeof(spec), .run = run, .arg = &drained.goes_on,
	};

	atomic_store(&drained.goes_on, true);
	assert_int_equal(sup_start_job(fnd_task_supervisor(), &spec,
				       &drained.job), 0);
}

static const struct fnd_application_options draining = {
	.size = sizeof(draining), .drain = drain, .arg = &drained,
	.drain_ms = 20000,
};

static void the_end_is_a_drain_first(void **state)
{
	struct sup_reason reason;
	bool all = false;

	(void)state;
	assert_int_equal(fnd_application_start(&draining), 0);
	assert_int_equal(fnd_application_start(&draining), -EEXIST);
	start_job(job);
	assert_int_equal(fnd_application_stop(LONG, &all), 0);
	assert_true(all);
	assert_int_equal(drained.state, FND_APPLICATION_DRAINING);
	assert_true(drained.services_ran);
	assert_in_range(drained.left_ms, 1, 20000);
	/* The job came to its own end. */
	assert_int_equal(sup_wait(drained.job, &reason, LONG), 0);
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
	assert_int_equal(status().state, FND_APPLICATION_STOPPED);
	assert_int_equal(status().uptime_ns, 0);
	assert_int_equal(status().up, 0);
	assert_true(status().total > 0);
	assert_int_equal(fnd_application_stop(LONG, &all), -ENOENT);
}

static void a_drain_has_an_end(void **state)
{
	struct fnd_application_options o = {
		.size = sizeof(o), .drain_ms = 20,
	};
	bool all = true;

	(void)state;
	assert_int_equal(fnd_application_start(&o), 0);
	start_job(hangs);
	assert_int_equal(fnd_application_stop(LONG, &all), 0);
	assert_false(all);
	assert_false(sup_is_alive(drained.job));
	/* A deadline leaves a quarter for the services. */
	assert_int_equal(fnd_application_start(&draining), 0);
	assert_int_equal(fnd_application_stop(UP(8000), &all), 0);
	assert_true(all);
	assert_in_range(drained.left_ms, 1, 6000);
}

static int hears_nothing(void *arg)
{
	while (!atomic_load((_Atomic bool *)arg))
		;
	return 0;
}

/* It does not come to a safe point until the test says so. */
static void the_deadline_kills(void **state)
{
	static _Atomic bool over;
	struct sup_thread_spec deaf = {
		.size = sizeof(deaf), .run = hears_nothing, .arg = &over,
	};
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "deaf", .start = sup_thread_start,
		.arg = &deaf, .shutdown_ms = SUP_SHUTDOWN_INFINITY,
		.restart = SUP_TEMPORARY,
	};
	struct sup_pid pid;

	(void)state;
	atomic_store(&over, false);
	assert_int_equal(fnd_application_start(NULL), 0);
	assert_int_equal(sup_application_top(FND_APPLICATION, &foundation), 0);
	assert_int_equal(sup_start_child(foundation, &child, &pid), 0);
	assert_int_equal(fnd_application_stop(UP(100), NULL), -ETIMEDOUT);
	assert_int_equal(status().state, FND_APPLICATION_STOPPED);
	atomic_store(&over, true);
	assert_int_equal(sup_wait(pid, NULL, LONG), 0);
}

static struct sup_pid other_top;

static int start_other(void *arg, struct sup_pid *ret_top)
{
	(void)arg;
	other_top = *ret_top = start(stays, NULL);
	return 0;
}

static void others_that_need_it_end_first(void **state)
{
	static const char *const needs[] = { FND_APPLICATION, NULL };
	const struct sup_application_spec other = {
		.size = sizeof(other), .name = "other", .needs = needs,
		.start = start_other,
	};

	(void)state;
	assert_int_equal(sup_application_start(&other), -ENOENT);
	assert_int_equal(fnd_application_start(&draining), 0);
	assert_int_equal(sup_application_start(&other), 0);
	assert_int_equal(fnd_application_stop(LONG, NULL), -EBUSY);
	assert_int_equal(status().state, FND_APPLICATION_RUNNING);
	drained.services_ran = false;
	assert_int_equal(sup_application_stop_all(LONG), 0);
	assert_true(drained.services_ran);
	assert_false(sup_is_alive(other_top));
	assert_int_equal(status().state, FND_APPLICATION_STOPPED);
}

static void one_that_has_given_up(void **state)
{
	int64_t limit = LONG;

	(void)state;
	while (sup_is_alive(foundation)) {
		assert_true(sup_deadline_ms(0) < limit);
		kill_and_wait(sup_whereis("fnd_locks"));
	}
	assert_int_equal(status().state, FND_APPLICATION_FAILED);
	assert_int_equal(status().uptime_ns, 0);
	assert_int_equal(fnd_application_stop(LONG, NULL), 0);
	assert_int_equal(status().state, FND_APPLICATION_STOPPED);
	assert_int_equal(fnd_application_start(NULL), 0);
	assert_int_equal(status().state, FND_APPLICATION_RUNNING);
}

static int start_in_a_task(void *arg)
{
	(void)arg;
	EXPECT(fnd_application_start(NULL) == -EPERM);
	EXPECT(fnd_application_stop(LONG, NULL) == -EPERM);
	return 0;
}

static void bad_options(void **state)
{
	struct fnd_application_options o = { .size = sizeof(o) };
	const struct fnd_event_store_options events = {
		.size = sizeof(events), .file = "/nonexistent/events",
	};
	struct fnd_foundation_options f = {
		.size = sizeof(f), .event_store = &events,
	};

	(void)state;
	o.drain_ms = -1;
	assert_int_equal(fnd_application_start(&o), -EINVAL);
	o.drain_ms = 0;
	o.size = 1 << 20;
	assert_int_equal(fnd_application_start(&o), -EINVAL);
	o.size = sizeof(o);
	o.foundation = &f;
	assert_int_equal(fnd_application_start(&o), -ENOENT);
	assert_int_equal(status().state, FND_APPLICATION_STOPPED);
	run_with(start_in_a_task, NULL);
	assert_int_equal(status().state, FND_APPLICATION_STOPPED);
}

static void without_memory(void **state)
{
	struct fnd_application_health *h;
	struct fnd_application_status s;
	bool failed = true;
	unsigned int nth;
	int ret;

	(void)state;
	for (nth = 1; failed; nth++) {
		fail_nth(nth);
		ret = fnd_application_status(&s);
		failed = fail_no_more();
		assert_int_equal(ret, failed ? -ENOMEM : 0);
	}
	for (nth = 1, failed = true; failed; nth++) {
		fail_nth(nth);
		ret = fnd_application_health(&h, LONG);
		failed = fail_no_more();
		assert_true(!ret || (ret == -ENOMEM && failed));
		if (!ret)
			free(h);
	}
	for (nth = 1, failed = true; failed; nth++) {
		fail_nth(nth);
		ret = fnd_application_restart("locks", NULL, LONG);
		failed = fail_no_more();
		assert_true(!ret || (ret == -ENOMEM && failed));
	}
}

/* This program has not said which functions a process may be. */
static void a_store_in_a_process_needs_its_function(void **state)
{
	const struct fnd_event_store_options options = {
		.size = sizeof(options), .in_process = true,
	};
	struct sup_pid pid;

	(void)state;
	assert_int_equal(fnd_event_store_start(&options, &pid), -EPERM);
}

static void its_budget_is_that_of_the_options(void **state)
{
	const struct fnd_foundation_options options = {
		.size = sizeof(options), .intensity = SUP_INTENSITY_NONE,
	};

	(void)state;
	assert_int_equal(fnd_foundation_start(&options, &foundation), 0);
	kill_and_wait(sup_whereis("fnd_locks"));
	assert_int_equal(end_of(foundation).kind, SUP_REASON_SHUTDOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phases_follow_the_table),
		APP_CASE(healthy_from_the_first_second),
		APP_CASE(health_says_who_and_why),
		APP_CASE(health_has_a_deadline),
		APP_CASE(a_running_service_is_restarted),
		APP_CASE(restarts_that_cannot_be),
		APP_CASE(who_asks_may_be_killed),
		APP_CASE(many_ask_at_once),
		CASE(the_end_is_a_drain_first),
		CASE(a_drain_has_an_end),
		CASE(the_deadline_kills),
		CASE(others_that_need_it_end_first),
		APP_CASE(one_that_has_given_up),
		CASE(bad_options),
		APP_CASE(without_memory),
		CASE(a_store_in_a_process_needs_its_function),
		CASE(its_budget_is_that_of_the_options),
	};

	return RUN_TESTS(tests);
}
