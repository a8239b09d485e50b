/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What tests of services begin with: a runtime with all of them in it. */
#ifndef TESTS_FOUNDATION_FOUNDATION_H
#define TESTS_FOUNDATION_FOUNDATION_H

#include "tasks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <foundation/foundation.h>

static struct sup_pid foundation;

static inline int set_up_foundation(void **state)
{
	/* Supervisors say of each restart that it was; tests restart much. */
	sup_set_log_level(-1);
	return set_up(state) || fnd_foundation_start(NULL, &foundation);
}

/* A few services, for who counts jobs or reports: monitors have some, too. */
static inline int set_up_few(void **state)
{
	static const struct sup_dynamic_spec tasks = {
		.size = sizeof(tasks), .name = "fnd_tasks", .reg = true,
	};
	const struct sup_child_spec children[] = {
		{
			.size = sizeof(children[0]), .id = "tasks",
			.start = sup_dynamic_start, .arg = &tasks,
			.type = SUP_SUPERVISOR,
		}, {
			.size = sizeof(children[0]), .id = "telemetry_service",
			.start = fnd_telemetry_start,
		}, {
			.size = sizeof(children[0]), .id = "locks",
			.start = fnd_locks_start,
		},
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = children, .n_children = 3,
		.intensity = 10,
	};

	sup_set_log_level(-1);
	return set_up(state) || sup_supervisor_start(&spec, &foundation);
}

#define FEW_CASE(f) cmocka_unit_test_setup_teardown(f, set_up_few, tear_down)

#define SERVICE_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_foundation, tear_down)

/* Until it is so: what leads to it has been begun. */
#define AWAIT(x) do { \
	int64_t limit = LONG; \
	while (!(x)) \
		assert_true(sup_deadline_ms(0) < limit); \
} while (0)

/* A task that is there until it is told to end. */
static inline int stays(void *arg)
{
	struct sup_info info;

	(void)arg;
	while (!sup_receive(&info, SUP_FOREVER))
		sup_msg_free(&info.msg);
	return 1;
}

/*
 * Waits for a service that was killed. The supervisor hears of that first, and
 * answers when it has acted.
 */
static inline struct sup_pid await_service(const char *name)
{
	struct sup_child_counts counts;
	struct sup_pid pid;

	while (!(pid = sup_whereis(name)).v)
		assert_int_equal(sup_count_children(foundation, &counts), 0);
	return pid;
}

static inline void restart_by_kill(const char *name)
{
	struct sup_pid old = await_service(name);

	kill_and_wait(old);
	assert_int_not_equal(await_service(name).v, old.v);
}

/* Nothing is left that the task supervisor runs. */
static inline void await_no_jobs(void)
{
	struct sup_pid tasks = await_service("fnd_tasks");
	struct sup_child_counts jobs;
	int64_t limit = LONG;

	do {
		assert_int_equal(sup_count_children(tasks, &jobs), 0);
		assert_true(sup_deadline_ms(0) < limit);
	} while (jobs.active);
}

/* Threads that begin at once, each with its number; how many return 0. */
struct crowd {
	int (*f)(int nth, void *arg);
	void *arg;
	_Atomic int next, good;
	pthread_barrier_t all;	/* who spins keeps others from coming */
};

static inline int crowd_member(void *arg)
{
	struct crowd *c = arg;
	int nth = atomic_fetch_add(&c->next, 1), ret;

	pthread_barrier_wait(&c->all);
	ret = c->f(nth, c->arg);
	if (!ret)
		atomic_fetch_add(&c->good, 1);
	else
		print_message("one of the crowd: line %d\n", ret);
	return ret;
}

static inline int crowd(int n, int (*f)(int nth, void *arg), void *arg)
{
	struct crowd c = { .f = f, .arg = arg };
	struct sup_pid pids[64];
	int i;

	assert_in_range(n, 1, N_OF(pids));
	assert_int_equal(pthread_barrier_init(&c.all, NULL, n), 0);
	for (i = 0; i < n; i++) {
		pids[i] = start(crowd_member, &c);
		assert_int_not_equal(pids[i].v, 0);
	}
	/* As long as it takes: c is theirs. */
	for (i = 0; i < n; i++)
		sup_wait(pids[i], NULL, SUP_FOREVER);
	pthread_barrier_destroy(&c.all);
	return c.good;
}

#endif
