/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events, their handlers, and the service. Figures: test_metric.c. */
#include "foundation.h"

#include <semaphore.h>
#include <stdio.h>

#include "fail_memory.h"
#include "foundation/figure.h"

#define SERVICE "fnd_telemetry"
#define TASKS "fnd_tasks"
#define DETACHED "foundation.telemetry.handler_detached"
#define UNTIL(x) do { \
	int64_t limit_ = LONG; \
	while (!(x)) \
		assert_true(sup_deadline_ms(0) < limit_); \
} while (0)

/* What a handler has seen; it holds the last event until it is let go. */
struct seen {
	_Atomic int n, at;
	bool holds;
	sem_t go;
	struct fnd_telemetry_event last;
	struct fnd_pair pairs[4];
	struct fnd_measurement measurements[4];
	char text[512];
	_Atomic uint64_t pid;
	_Atomic uint64_t sum;
};

static char *keep(char **at, const char *from)
{
	char *to = *at;

	*at = from ? stpcpy(to, from) + 1 : to;
	return from ? to : NULL;
}

static int sees(const struct fnd_telemetry_event *e, void *arg)
{
	struct seen *s = arg;
	char *at = s->text;
	size_t i;

	atomic_store(&s->pid, sup_self().v);
	atomic_fetch_add(&s->at, 1);
	while (s->holds && sem_wait(&s->go))
		sup_checkpoint();
	s->last = *e;
	s->last.name = keep(&at, e->name);
	for (i = 0; i < e->metadata.n && i < N_OF(s->pairs); i++) {
		s->pairs[i].key = keep(&at, e->metadata.pairs[i].key);
		s->pairs[i].value = keep(&at, e->metadata.pairs[i].value);
	}
	for (i = 0; i < e->n && i < N_OF(s->measurements); i++) {
		s->measurements[i] = e->measurements[i];
		s->measurements[i].name = keep(&at, e->measurements[i].name);
		atomic_fetch_add(&s->sum, e->measurements[i].value);
	}
	atomic_fetch_add(&s->n, 1);
	return 0;
}

static int attach(const char *id, const char *prefix,
		  int (*handle)(const struct fnd_telemetry_event *, void *),
		  void *arg)
{
	const struct fnd_handler_spec spec = {
		.size = sizeof(spec), .id = id, .prefix = prefix,
		.handle = handle, .arg = arg, .capacity = 4,
	};

	return fnd_telemetry_attach(&spec);
}

static struct fnd_telemetry_status status(void)
{
	struct fnd_telemetry_status s;

	fnd_telemetry_status(&s);
	return s;
}

/* The sum of the counters of that name, with that value of any label. */
static uint64_t counted(const char *name, const char *value)
{
	struct fnd_figure *f;
	uint64_t sum = 0;
	size_t i, j, n;

	assert_int_equal(fnd_metric_list(name, &f, &n), 0);
	for (i = 0; i < n; i++)
		for (j = 0; j < f[i].labels.n; j++)
			if (!strcmp(f[i].labels.pairs[j].value, value))
				sum += f[i].count;
	free(f);
	return sum;
}

static bool is_there(const char *name)
{
	struct fnd_figure *f;
	size_t n;

	assert_int_equal(fnd_metric_list(name, &f, &n), 0);
	free(f);
	return n;
}

static void an_event_is_figures_and_is_handed_on(void **state)
{
	const struct fnd_pair pairs[] = { { "shop", "a" }, { "item", "b" } };
	const struct fnd_metadata metadata = { pairs, 2 };
	const struct fnd_measurement m[] = {
		{ "count", FND_METRIC_COUNTER, 2 },
		{ NULL, FND_METRIC_GAUGE, 7.5 },
	};
	static struct seen all, order, other;
	struct fnd_figure *f;
	size_t n;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(attach("all", "", sees, &all), 0);
	assert_int_equal(attach("order", "order", sees, &order), 0);
	assert_int_equal(attach("other", "order.placed.now", sees, &other), 0);
	assert_int_equal(attach("other", "", sees, &other), -EEXIST);
	assert_int_equal(status().handlers, 3);
	assert_int_equal(fnd_telemetry_execute("order.placed", m, 2, &metadata),
			 0);
	assert_int_equal(fnd_telemetry_count("orders", 1, NULL), 0);
	UNTIL(atomic_load(&order.n) && atomic_load(&all.n) >= 2);
	assert_string_equal(order.last.name, "order.placed");
	assert_int_equal(order.last.n, 2);
	assert_string_equal(order.measurements[0].name, "count");
	assert_true(order.measurements[0].value == 2);
	assert_null(order.measurements[1].name);
	assert_int_equal(order.last.metadata.n, 2);
	assert_string_equal(order.pairs[0].key, "item");
	assert_string_equal(order.pairs[1].value, "a");
	assert_int_equal(order.last.pid.v, 0);
	assert_true(order.last.time > INT64_C(1700000000000000000));
	assert_int_equal(fnd_metric_list("order", &f, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(f[0].name, "order.placed");
	assert_true(f[0].value == 7.5);
	assert_string_equal(f[1].name, "order.placed.count");
	assert_int_equal(f[1].count, 2);
	free(f);
	assert_int_equal(fnd_telemetry_detach("all", LONG), 0);
	assert_int_equal(fnd_telemetry_detach("order", LONG), 0);
	assert_int_equal(fnd_telemetry_detach("other", LONG), 0);
	assert_int_equal(atomic_load(&order.n), 1);
	assert_int_equal(atomic_load(&other.n), 0);
	assert_int_equal(status().handlers, 0);
}

static int executes(int nth, void *arg)
{
	int i;

	for (i = 0; i < *(int *)arg; i++)
		EXPECT(!fnd_telemetry_count("many.event", nth, NULL));
	return 0;
}

static void none_is_missed_where_there_is_room(void **state)
{
	static struct seen s;
	struct fnd_handler_spec spec = {
		.size = sizeof(spec), .id = "many", .prefix = "many.event",
		.handle = sees, .arg = &s,
		.capacity = FND_HANDLER_CAPACITY_MAX,
	};
	uint64_t dropped = status().dropped;
	int n = SLOWLY(2000);

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(fnd_telemetry_attach(&spec), 0);
	assert_int_equal(crowd(16, executes, &n), 16);
	UNTIL(atomic_load(&s.n) == 16 * n);
	assert_int_equal(atomic_load(&s.sum), 120 * n);
	assert_int_equal(status().dropped, dropped);
	assert_int_equal(fnd_telemetry_detach("many", LONG), 0);
}

static void who_has_no_room_misses_it(void **state)
{
	static struct seen s = { .holds = true };
	uint64_t dropped = status().dropped;
	int i;

	(void)state;
	sem_init(&s.go, 0, 0);
	assert_int_equal(attach("slow", "slow", sees, &s), 0);
	assert_int_equal(fnd_telemetry_count("slow", 1, NULL), 0);
	UNTIL(atomic_load(&s.at));
	/* It is at the first; four more wait. */
	for (i = 0; i < 10; i++)
		assert_int_equal(fnd_telemetry_count("slow", 1, NULL), 0);
	assert_int_equal(status().dropped, dropped + 6);
	for (i = 0; i < 5; i++)
		sem_post(&s.go);
	UNTIL(atomic_load(&s.n) == 5);
	assert_int_equal(fnd_telemetry_detach("slow", LONG), 0);
	assert_int_equal(atomic_load(&s.n), 5);
}

static int fails(const struct fnd_telemetry_event *e, void *arg)
{
	(void)e;
	atomic_fetch_add(&((struct seen *)arg)->n, 1);
	return -EBADMSG;
}

static void *volatile nowhere = (void *)64;

static int __attribute__((no_sanitize("thread")))
faults(const struct fnd_telemetry_event *e, void *arg)
{
	(void)e;
	atomic_fetch_add(&((struct seen *)arg)->n, 1);
	*(volatile int *)nowhere = 1;
	return 0;
}

static void is_detached(const char *id, const char *reason)
{
	UNTIL(counted(DETACHED, id) && counted(DETACHED, reason));
	assert_int_equal(fnd_telemetry_detach(id, LONG), -ENOENT);
}

static void one_that_fails_is_detached_and_reported(void **state)
{
	static struct seen bad, watcher, good;
	uint64_t failed = status().failed;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(attach("bad", "x", fails, &bad), 0);
	assert_int_equal(attach("good", "x", sees, &good), 0);
	assert_int_equal(attach("watcher", "foundation.telemetry", sees,
				&watcher), 0);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	is_detached("bad", "exit");
	UNTIL(atomic_load(&watcher.n));
	assert_string_equal(watcher.last.name, DETACHED);
	assert_string_equal(watcher.pairs[0].value, "bad");
	assert_string_equal(watcher.pairs[1].value, "exit");
	assert_int_equal(status().failed, failed + 1);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	UNTIL(atomic_load(&good.n) == 2);
	/* Its id is free. */
	assert_int_equal(attach("bad", "x", sees, &bad), 0);
	assert_int_equal(fnd_telemetry_detach("bad", LONG), 0);
	assert_int_equal(fnd_telemetry_detach("good", LONG), 0);
	assert_int_equal(fnd_telemetry_detach("watcher", LONG), 0);
}

/* Opened here, for cmocka has handlers of its own round each function. */
static void a_fault_ends_its_handler_alone(void **state)
{
	static struct seen bad;
	struct fnd_handler_spec spec = {
		.size = sizeof(spec), .id = "faulty", .prefix = "x",
		.handle = faults, .arg = &bad, .containment = SUP_CONTAIN,
	};

	assert_int_equal(set_up_foundation(state), 0);
	fnd_telemetry_reset();
	assert_int_equal(fnd_telemetry_attach(&spec), 0);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	is_detached("faulty", "signal");
	assert_int_equal(atomic_load(&bad.n), 1);
	assert_int_equal(tear_down(state), 0);
}

static void one_that_is_killed_is_detached(void **state)
{
	static struct seen s = { .holds = true };

	(void)state;
	fnd_telemetry_reset();
	sem_init(&s.go, 0, 0);
	assert_int_equal(attach("killed", "x", sees, &s), 0);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	UNTIL(atomic_load(&s.at));
	kill_and_wait((struct sup_pid){ atomic_load(&s.pid) });
	is_detached("killed", "killed");
}

static int detaches(const struct fnd_telemetry_event *e, void *arg)
{
	struct seen *s = arg;

	(void)e;
	if (!fnd_telemetry_detach("itself", LONG))
		atomic_fetch_add(&s->n, 1);
	atomic_store(&s->pid, sup_self().v);
	return 0;
}

static void one_may_detach_itself(void **state)
{
	static struct seen s;

	(void)state;
	assert_int_equal(attach("itself", "x", detaches, &s), 0);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	UNTIL(atomic_load(&s.pid));
	assert_int_equal(end_of((struct sup_pid){ atomic_load(&s.pid) }).kind,
			 SUP_REASON_NORMAL);
	assert_int_equal(atomic_load(&s.n), 1);
	assert_int_equal(status().handlers, 0);
}

static void who_detaches_waits_for_the_event_it_is_at(void **state)
{
	static struct seen s = { .holds = true };

	(void)state;
	sem_init(&s.go, 0, 0);
	assert_int_equal(attach("busy", "x", sees, &s), 0);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	UNTIL(atomic_load(&s.at));
	assert_int_equal(fnd_telemetry_detach("busy", SUP_TRY), -ETIMEDOUT);
	assert_int_equal(fnd_telemetry_detach("busy", SUP_TRY), -ENOENT);
	assert_int_equal(attach("busy", "x", fails, &s), 0);
	assert_int_equal(fnd_telemetry_detach("busy", LONG), 0);
	sem_post(&s.go);
	assert_int_equal(end_of((struct sup_pid){ atomic_load(&s.pid) }).kind,
			 SUP_REASON_NORMAL);
	assert_int_equal(atomic_load(&s.n), 1);
}

/* What waits for a handler waits for its next task. */
static void one_goes_on_under_the_next_task_supervisor(void **state)
{
	static struct seen s = { .holds = true };
	uint64_t failed = status().failed, first;
	int i;

	(void)state;
	sem_init(&s.go, 0, 0);
	assert_int_equal(attach("goes on", "x", sees, &s), 0);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	UNTIL(atomic_load(&s.at));
	first = atomic_load(&s.pid);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	restart_by_kill(TASKS);
	end_of((struct sup_pid){ first });
	UNTIL(atomic_load(&s.at) == 2);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	for (i = 0; i < 2; i++)
		sem_post(&s.go);
	UNTIL(atomic_load(&s.n) == 2);
	assert_int_not_equal(atomic_load(&s.pid), first);
	assert_int_equal(status().failed, failed);
	assert_int_equal(fnd_telemetry_detach("goes on", LONG), 0);
}

static void figures_and_handlers_survive_a_restart(void **state)
{
	static struct seen s;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(attach("stays", "x", sees, &s), 0);
	assert_int_equal(fnd_telemetry_count("x", 3, NULL), 0);
	restart_by_kill(SERVICE);
	assert_int_equal(fnd_telemetry_count("x", 4, NULL), 0);
	UNTIL(atomic_load(&s.n) == 2);
	assert_int_equal(atomic_load(&s.sum), 7);
	assert_int_equal(fnd_telemetry_detach("stays", LONG), 0);
}

/* The crashes of one child: the report of another's may come late. */
struct seen_of {
	const char *child;
	struct seen seen;
};

static int sees_child(const struct fnd_telemetry_event *e, void *arg)
{
	struct seen_of *s = arg;
	size_t i;

	for (i = 0; i < e->metadata.n; i++)
		if (!strcmp(e->metadata.pairs[i].key, "child") &&
		    !strcmp(e->metadata.pairs[i].value, s->child))
			return sees(e, &s->seen);
	return 0;
}

/* Who reads reports executes what it counts. */
static void it_does_not_outlive_its_reader(void **state)
{
	static const char terminated[] =
		"foundation.supervisor.child_terminated";
	struct sup_pid service = await_service(SERVICE);
	static struct seen_of locks = { .child = "locks" };
	static struct seen_of own = { .child = "telemetry_service" };

	(void)state;
	assert_int_equal(attach("locks", terminated, sees_child, &locks), 0);
	restart_by_kill("fnd_locks");
	UNTIL(atomic_load(&locks.seen.n) == 1);
	assert_int_not_equal(locks.seen.last.pid.v, 0);
	assert_int_equal(attach("own", terminated, sees_child, &own), 0);
	kill_and_wait(locks.seen.last.pid);
	end_of(service);
	assert_int_not_equal(await_service(SERVICE).v, service.v);
	UNTIL(atomic_load(&own.seen.n) == 1);
	assert_int_equal(atomic_load(&locks.seen.n), 1);
	assert_int_equal(fnd_telemetry_detach("own", LONG), 0);
	assert_int_equal(fnd_telemetry_detach("locks", LONG), 0);
}

/* Nobody restarts these. */
static void what_fails_meanwhile_is_reported_by_the_next(void **state)
{
	const struct sup_dynamic_spec tasks = {
		.size = sizeof(tasks), .name = TASKS, .reg = true,
	};
	static struct seen bad;
	struct sup_pid pid, sup;

	(void)state;
	sup_set_log_level(-1);
	fnd_telemetry_reset();
	assert_int_equal(attach("early", "x", fails, &bad), -ENOTCONN);
	assert_int_equal(status().handlers, 0);
	assert_int_equal(sup_dynamic_start(&tasks, &sup), 0);
	assert_int_equal(fnd_telemetry_start(NULL, &pid), 0);
	assert_int_equal(fnd_telemetry_start(NULL, &pid), -EEXIST);
	assert_int_equal(attach("bad", "x", fails, &bad), 0);
	kill_and_wait(pid);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	UNTIL(atomic_load(&bad.n));
	assert_int_equal(counted(DETACHED, "bad"), 0);
	assert_int_equal(fnd_telemetry_start(NULL, &pid), 0);
	is_detached("bad", "exit");
}

static int returns(void *arg)
{
	return *(int *)arg;
}

static int is_killed_in_it(void *arg)
{
	(void)arg;
	sup_exit_self(&SUP_SHUTDOWN);
}

static int measures(void *arg)
{
	return fnd_telemetry_measure("measured", NULL, is_killed_in_it, arg,
				     NULL);
}

static void what_is_measured_has_a_result(void **state)
{
	int result = 5, got = 0;
	struct fnd_figure *f;
	size_t n;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(fnd_telemetry_measure("measured", NULL, returns,
					       &result, &got), 0);
	assert_int_equal(got, 5);
	result = -EIO;
	assert_int_equal(fnd_telemetry_measure("measured", NULL, returns,
					       &result, NULL), 0);
	assert_int_equal(fnd_telemetry_measure("", NULL, returns,
					       &result, &got), -EINVAL);
	assert_int_equal(got, -EIO);
	assert_int_equal(end_of(start(measures, NULL)).kind,
			 SUP_REASON_SHUTDOWN);
	assert_int_equal(fnd_metric_list("measured", &f, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(f[0].name, "measured.exception.duration");
	assert_string_equal(f[1].name, "measured.stop.duration");
	assert_int_equal(f[0].kind, FND_METRIC_SUMMARY);
	assert_int_equal(f[0].count, 1);
	assert_int_equal(f[1].count, 1);
	assert_true(f[1].value > 0);
	free(f);
}

static int crashes(void *arg)
{
	(void)arg;
	return 3;
}

static void what_supervisors_report_is_counted(void **state)
{
	static const struct sup_thread_spec crash = {
		.size = sizeof(crash), .run = crashes,
	};
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "crasher",
		.start = sup_thread_start, .arg = &crash,
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "unlucky", .children = &child,
		.n_children = 1, .intensity = 4, .period_s = 60,
	};
	struct sup_pid pid;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(sup_supervisor_start(&spec, &pid), 0);
	end_of(pid);
	UNTIL(counted("foundation.supervisor.give_up", "unlucky"));
	assert_int_equal(counted("foundation.supervisor.child_terminated",
				 "crasher"), 5);
	assert_int_equal(counted("foundation.supervisor.child_terminated",
				 "exit"), 5);
	assert_int_equal(counted("foundation.supervisor.restarting",
				 "unlucky"), 4);
}

static void the_service_forgets_what_comes_no_more(void **state)
{
	struct fnd_telemetry_options o = { sizeof(o), 1, 1 };
	struct sup_pid pid;

	(void)state;
	fnd_telemetry_reset();
	assert_int_equal(fnd_telemetry_start(&o, &pid), 0);
	assert_int_equal(fnd_telemetry_count("short", 1, NULL), 0);
	UNTIL(!is_there("short"));
}

static void bad_arguments(void **state)
{
	static struct seen s;
	struct fnd_telemetry_options o = { .size = sizeof(o) + 1 };
	struct fnd_handler_spec spec = {
		.size = sizeof(spec), .id = "", .handle = sees, .arg = &s,
	};
	struct sup_pid pid;

	(void)state;
	assert_int_equal(fnd_telemetry_start(&o, &pid), -EINVAL);
	o = (struct fnd_telemetry_options){ sizeof(o), .cleanup_ms = -1 };
	assert_int_equal(fnd_telemetry_start(&o, &pid), -EINVAL);
	assert_int_equal(fnd_telemetry_attach(NULL), -EINVAL);
	assert_int_equal(fnd_telemetry_attach(&spec), -EINVAL);
	spec.id = "id";
	spec.prefix = "a.";
	assert_int_equal(fnd_telemetry_attach(&spec), -EINVAL);
	spec.prefix = NULL;
	spec.capacity = FND_HANDLER_CAPACITY_MAX + 1;
	assert_int_equal(fnd_telemetry_attach(&spec), -EINVAL);
	spec.capacity = 1;
	spec.handle = NULL;
	assert_int_equal(fnd_telemetry_attach(&spec), -EINVAL);
	spec.handle = sees;
	assert_int_equal(fnd_telemetry_detach("", LONG), -EINVAL);
}

static void without_memory_it_is_not_attached(void **state)
{
	static struct seen s;
	bool failed = true;
	unsigned int n;
	int ret;

	(void)state;
	for (n = 1; failed; n++) {
		fail_nth(n);
		ret = attach("m", "x", sees, &s);
		failed = fail_no_more();
		if (ret)
			assert_int_equal(ret, -ENOMEM);
		assert_int_equal(status().handlers, !ret);
		assert_int_equal(fnd_telemetry_detach("m", LONG),
				 ret ? -ENOENT : 0);
	}
	assert_true(n > 3);
	assert_int_equal(attach("m", "m", sees, &s), 0);
	fnd_telemetry_count("m", 1, NULL);
	UNTIL(atomic_load(&s.n) == 1);
	fail_nth(1);
	fnd_telemetry_count("m", 1, NULL);
	assert_true(fail_no_more());
	fnd_telemetry_count("m", 1, NULL);
	UNTIL(atomic_load(&s.n) == 2);
	assert_int_equal(fnd_telemetry_detach("m", LONG), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVICE_CASE(an_event_is_figures_and_is_handed_on),
		SERVICE_CASE(none_is_missed_where_there_is_room),
		SERVICE_CASE(who_has_no_room_misses_it),
		SERVICE_CASE(one_that_fails_is_detached_and_reported),
		cmocka_unit_test(a_fault_ends_its_handler_alone),
		SERVICE_CASE(one_that_is_killed_is_detached),
		SERVICE_CASE(one_may_detach_itself),
		SERVICE_CASE(who_detaches_waits_for_the_event_it_is_at),
		SERVICE_CASE(one_goes_on_under_the_next_task_supervisor),
		SERVICE_CASE(figures_and_handlers_survive_a_restart),
		SERVICE_CASE(it_does_not_outlive_its_reader),
		CASE(what_fails_meanwhile_is_reported_by_the_next),
		CASE(what_is_measured_has_a_result),
		SERVICE_CASE(what_supervisors_report_is_counted),
		CASE(the_service_forgets_what_comes_no_more),
		CASE(bad_arguments),
		SERVICE_CASE(without_memory_it_is_not_attached),
	};

	return RUN_TESTS(tests);
}
