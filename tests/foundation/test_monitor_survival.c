/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A service is down for good, and meanwhile a monitor, who asks it, the server
 * that knows services, or the supervisor of the rounds is killed, at random,
 * 1,000 times in all, and each of the servers, which crash in their callbacks
 * too, ends 1,000 times: the service comes up each time, a failure that was
 * told of is not forgotten, and nothing of a round is left.
 *
 * usage: test_monitor_survival [SEED]
 */
#include "crash.h"
#include "monitors.h"

#define TASKS "fnd_tasks"

static struct shared {
	_Atomic unsigned int failures;
	_Atomic int faults;
	_Atomic bool stop;
} shared;

/* What there may be while a server, or a round, is killed. */
static bool is_fault(int ret)
{
	return ret && ret != -EPIPE && ret != -ENOTCONN && ret != -ECHILD;
}

static int fails(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	return -EIO;
}

static const struct fnd_service_status *status_of(
		const struct fnd_health_picture *h, const char *name)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (!strcmp(h->services[i].name, name))
			return &h->services[i];
	return NULL;
}

static void keep_most(unsigned int n)
{
	unsigned int most = atomic_load(&shared.failures);

	while (most < n &&
	       !atomic_compare_exchange_weak(&shared.failures, &most, n))
		;
}

/* In a picture made now is all that one before it has told. */
static int looks(void)
{
	unsigned int told = atomic_load(&shared.failures);
	const struct fnd_service_status *bad;
	struct fnd_health_picture *h;
	int ret;

	ret = fnd_health_check(&h, LONG);
	if (ret)
		return ret;
	bad = status_of(h, "bad");
	if (!bad || bad->failures < told || h->overall == FND_HEALTHY ||
	    (told >= 3 && bad->status != FND_UNHEALTHY))
		ret = -EBADMSG;
	else
		keep_most(bad->failures);
	free(h);
	return ret;
}

static int asks(void *arg)
{
	struct fnd_service_round round;

	(void)arg;
	while (!atomic_load(&shared.stop)) {
		if (is_fault(looks()) ||
		    is_fault(fnd_service_monitor_run(&round, LONG)))
			atomic_fetch_add(&shared.faults, 1);
		sup_checkpoint();
	}
	return 0;
}

/* Supervisors that do not mind how often. */
static int set_up_services(void **state)
{
	static const struct sup_dynamic_spec tasks = {
		.size = sizeof(tasks), .name = TASKS, .reg = true,
		.intensity = 1000000,
	};
	const struct sup_child_spec children[] = {
		{
			.size = sizeof(children[0]), .id = "registry",
			.start = fnd_service_registry_start,
		}, {
			.size = sizeof(children[0]), .id = "tasks",
			.start = sup_dynamic_start, .arg = &tasks,
			.type = SUP_SUPERVISOR,
		}, {
			.size = sizeof(children[0]), .id = "health",
			.start = fnd_health_monitor_start,
			.arg = &health_when_asked,
		}, {
			.size = sizeof(children[0]), .id = "services",
			.start = fnd_service_monitor_start,
			.arg = &services_when_asked,
		},
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = children, .n_children = 4,
		.intensity = 1000000,
	};

	sup_set_log_level(-1);
	return set_up(state) || sup_supervisor_start(&spec, &foundation);
}

static int start_s(const void *arg, struct sup_pid *ret_pid)
{
	const struct sup_thread_spec thread = {
		.size = sizeof(thread), .run = stays,
	};
	const struct fnd_service_spec s = {
		.size = sizeof(s), .supervisor = "top", .child = "s",
	};
	int ret;

	(void)arg;
	ret = sup_thread_start(&thread, ret_pid);
	return ret ? ret : fnd_service_register(N, "s", *ret_pid, &s, NULL);
}

/* It starts its child again when somebody tells it to, only. */
static struct sup_pid start_top(void)
{
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "s", .start = start_s,
		.budget = {
			.intensity = SUP_INTENSITY_NONE,
			.spent = SUP_SPENT_STOP,
		},
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "top", .reg = true,
		.children = &child, .n_children = 1,
	};
	struct sup_pid sup;

	assert_int_equal(sup_supervisor_start(&spec, &sup), 0);
	return sup;
}

/* Whoever is killed: rounds that nobody has ended come to their end. */
static void await_s(void)
{
	struct fnd_service_round r;
	int64_t limit = LONG;

	while (!fnd_service_whereis(N, "s").v) {
		assert_false(is_fault(fnd_service_monitor_run(&r, LONG)));
		assert_true(sup_deadline_ms(0) < limit);
	}
}

static const char *const servers[] = {
	"fnd_health_monitor", "fnd_service_monitor", "fnd_services", TASKS,
};

#define ASKERS 1

static void kill_somebody(struct sup_pid *askers, unsigned int *kills)
{
	unsigned int who = rand_r(&seed) % (ASKERS + N_OF(servers));

	kills[who]++;
	if (who < ASKERS) {
		kill_and_wait(askers[who]);
		askers[who] = start(asks, NULL);
	} else {
		kill_and_wait(await_service(servers[who - ASKERS]));
	}
}

/* All of it is there, and works. */
static void all_is_well(void)
{
	struct fnd_health_picture *h;
	struct fnd_service_round r;
	size_t i;

	for (i = 0; i < N_OF(servers); i++)
		await_service(servers[i]);
	await_no_jobs();
	assert_int_equal(fnd_health_check(&h, LONG), 0);
	assert_int_equal(h->n, 2);
	assert_int_equal(status_of(h, "s")->status, FND_HEALTHY);
	assert_int_equal(status_of(h, "bad")->status, FND_UNHEALTHY);
	free(h);
	assert_int_equal(fnd_service_monitor_run(&r, LONG), 0);
	assert_int_equal(r.services, 2);
	assert_int_equal(r.down, 0);
	await_no_jobs();
}

/* Of the servers; a supervisor has no callbacks. */
static bool was_each_often(const unsigned int *kills)
{
	size_t i;

	for (i = 0; i + 1 < N_OF(servers); i++)
		if (kills[ASKERS + i] + crashes_of(servers[i]) < SLOWLY(1000))
			return false;
	return true;
}

static void everybody_is_killed(void **state)
{
	const struct fnd_service_spec spec = {
		.size = sizeof(spec), .health = fails,
	};
	unsigned int kills[ASKERS + N_OF(servers)] = { 0 };
	struct sup_pid top = start_top(), askers[ASKERS];
	size_t i;

	(void)state;
	assert_int_equal(fnd_service_register(N, "bad", start(stays, NULL),
					      &spec, NULL), 0);
	for (i = 0; i < ASKERS; i++)
		askers[i] = start(asks, NULL);
	crash_at_random(4);
	for (i = 0; i < SLOWLY(1000) || !was_each_often(kills); i++) {
		kill_and_wait(fnd_service_whereis(N, "s"));
		kill_somebody(askers, kills);
		await_s();
		assert_int_equal(atomic_load(&shared.faults), 0);
	}
	crash_no_more();
	for (i = 0; i < N_OF(kills); i++)
		assert_int_not_equal(kills[i], 0);
	atomic_store(&shared.stop, true);
	for (i = 0; i < ASKERS; i++)
		assert_int_equal(end_of(askers[i]).kind, SUP_REASON_NORMAL);
	assert_int_equal(atomic_load(&shared.faults), 0);
	assert_true(atomic_load(&shared.failures) >= 3);
	all_is_well();
	assert_true(sup_is_alive(foundation));
	assert_true(sup_is_alive(top));
	assert_int_equal(sup_server_stop(top, &SUP_SHUTDOWN, NULL, LONG), 0);
	assert_int_equal(fnd_service_unregister(N, "s"), 0);
	assert_int_equal(fnd_service_unregister(N, "bad"), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(everybody_is_killed,
						set_up_services, tear_down),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
