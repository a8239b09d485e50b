/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What programs have in common that kill at random: services that crash, too,
 * under supervisors that do not mind how often, tasks that use them over and
 * over, and who is killed next. After each kill something must go on.
 */
#ifndef TESTS_FOUNDATION_SURVIVAL_H
#define TESTS_FOUNDATION_SURVIVAL_H

#include "crash.h"

#include <sched.h>

#define OFTEN 1000000

static struct {
	_Atomic uint64_t rounds;	/* that some task has ended well */
	_Atomic int faults;
	_Atomic bool stop;
} survival;

static const struct sup_dynamic_spec survival_tasks = {
	.size = sizeof(survival_tasks), .name = "fnd_tasks", .reg = true,
	.intensity = OFTEN,
};

#define SURVIVAL_TASKS { \
	.size = sizeof(struct sup_child_spec), .id = "tasks", \
	.start = sup_dynamic_start, .arg = &survival_tasks, \
	.type = SUP_SUPERVISOR, \
}

#define SURVIVAL_SERVICE(f) { \
	.size = sizeof(struct sup_child_spec), .id = #f, .start = f, \
}

/* What is wrong is counted: a task that asserted would be one more killed. */
static inline bool wrong(bool is_so)
{
	if (is_so)
		atomic_fetch_add(&survival.faults, 1);
	return is_so;
}

/* The service has been killed meanwhile, or is not there again yet. */
static inline bool is_away(int ret)
{
	return ret == -EPIPE || ret == -ENOTCONN;
}

static inline void survival_start(const struct sup_child_spec *children,
				  size_t n)
{
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = children, .n_children = n,
		.intensity = OFTEN,
	};

	memset(&survival, 0, sizeof(survival));
	assert_int_equal(sup_supervisor_start(&spec, &foundation), 0);
}

static inline void await_round(void)
{
	uint64_t before = atomic_load(&survival.rounds);
	int64_t limit = LONG;

	while (atomic_load(&survival.rounds) == before &&
	       !atomic_load(&survival.faults)) {
		assert_true(sup_deadline_ms(0) < limit);
		sched_yield();
	}
	assert_int_equal(atomic_load(&survival.faults), 0);
}

/* Tasks, of which each runs the same with its own number; and services. */
struct victims {
	int (*run)(void *nth);
	struct sup_pid pids[8];
	unsigned int n, kills;
	const char *services[4];
	unsigned int n_services, n_servers;	/* first those that crash */
	unsigned int of_services[4], one_in;	/* kills; crashes: 16 */
};

static inline void begin_victim(struct victims *v, unsigned int nth)
{
	v->pids[nth] = start(v->run, (void *)(uintptr_t)nth);
	assert_int_not_equal(v->pids[nth].v, 0);
}

static inline void begin_victims(struct victims *v)
{
	unsigned int i;

	assert_in_range(v->n, 1, N_OF(v->pids));
	for (i = 0; i < v->n; i++)
		begin_victim(v, i);
	await_round();
	if (v->n_servers)
		crash_at_random(v->one_in ? v->one_in : 16);
}

/* A task or, as often, a service, if there is any. */
static inline void kill_one(struct victims *v)
{
	unsigned int who = rand_r(&seed) % v->n;

	if (v->n_services && rand_r(&seed) % 2) {
		who = rand_r(&seed) % v->n_services;
		kill_and_wait(await_service(v->services[who]));
		v->of_services[who]++;
	} else {
		kill_and_wait(v->pids[who]);
		begin_victim(v, who);
	}
	v->kills++;
}

/* Each server has ended that often, some way or other; and there are others. */
static inline bool is_enough(const struct victims *v, unsigned int times)
{
	unsigned int i, crashes;

	for (i = 0; i < v->n_services; i++) {
		if (!v->of_services[i])
			return false;
		crashes = i < v->n_servers ? crashes_of(v->services[i]) : times;
		if (!crashes || v->of_services[i] + crashes < times)
			return false;
	}
	return v->kills >= times;
}

static inline void kill_often(struct victims *v, unsigned int times)
{
	while (!is_enough(v, times)) {
		kill_one(v);
		await_round();
	}
	crash_no_more();
	assert_true(sup_is_alive(foundation));
}

static inline void end_victims(struct victims *v)
{
	unsigned int i;

	atomic_store(&survival.stop, true);
	for (i = 0; i < v->n; i++)
		assert_int_equal(end_of(v->pids[i]).kind, SUP_REASON_NORMAL);
	assert_int_equal(atomic_load(&survival.faults), 0);
}

#endif
