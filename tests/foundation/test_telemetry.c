/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events and their handlers. The service: test_telemetry_service.c. */
#include "foundation.h"

#include "fail_memory.h"
#include "handlers.h"

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
	AWAIT(atomic_load(&order.n) && atomic_load(&all.n) >= 2);
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
	AWAIT(atomic_load(&s.n) == 16 * n);
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
	AWAIT(atomic_load(&s.at));
	/* It is at the first; four more wait. */
	for (i = 0; i < 10; i++)
		assert_int_equal(fnd_telemetry_count("slow", 1, NULL), 0);
	assert_int_equal(status().dropped, dropped + 6);
	for (i = 0; i < 5; i++)
		sem_post(&s.go);
	AWAIT(atomic_load(&s.n) == 5);
	assert_int_equal(fnd_telemetry_detach("slow", LONG), 0);
	assert_int_equal(atomic_load(&s.n), 5);
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
	AWAIT(atomic_load(&watcher.n));
	assert_string_equal(watcher.last.name, DETACHED);
	assert_string_equal(watcher.pairs[0].value, "bad");
	assert_string_equal(watcher.pairs[1].value, "exit");
	assert_int_equal(status().failed, failed + 1);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	AWAIT(atomic_load(&good.n) == 2);
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
	AWAIT(atomic_load(&s.at));
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
	AWAIT(atomic_load(&s.pid));
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
	AWAIT(atomic_load(&s.at));
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
	AWAIT(atomic_load(&s.at));
	first = atomic_load(&s.pid);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	restart_by_kill(TASKS);
	end_of((struct sup_pid){ first });
	AWAIT(atomic_load(&s.at) == 2);
	assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
	for (i = 0; i < 2; i++)
		sem_post(&s.go);
	AWAIT(atomic_load(&s.n) == 2);
	assert_int_not_equal(atomic_load(&s.pid), first);
	assert_int_equal(status().failed, failed);
	assert_int_equal(fnd_telemetry_detach("goes on", LONG), 0);
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
	AWAIT(atomic_load(&s.n) == 1);
	fail_nth(1);
	fnd_telemetry_count("m", 1, NULL);
	assert_true(fail_no_more());
	fnd_telemetry_count("m", 1, NULL);
	AWAIT(atomic_load(&s.n) == 2);
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
		CASE(bad_arguments),
		SERVICE_CASE(without_memory_it_is_not_attached),
	};

	return RUN_TESTS(tests);
}
