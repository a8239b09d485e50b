/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All services, and tasks that look at the application and restart services of
 * it, are killed at random, 1,000 times: the application runs on, each of its
 * services is up again, all are healthy in the end, and it stops in order.
 *
 * usage: test_application_survival [SEED]
 */
#include "survival.h"

#include "foundation/application_in.h"

#define PARTS_MAX 32

static const char *parts[PARTS_MAX];
static size_t n_parts;

static bool is_up(void)
{
	struct fnd_application_status s;

	if (fnd_application_status(&s))
		return false;
	wrong(s.state != FND_APPLICATION_RUNNING || s.uptime_ns <= 0);
	wrong(s.total != n_parts || s.up > s.total);
	return s.up == s.total;
}

static bool is_healthy(int64_t deadline)
{
	struct fnd_application_health *h;
	bool healthy;

	if (fnd_application_health(&h, deadline))
		return false;
	wrong(h->total > n_parts || h->percentage > 100);
	wrong(h->healthy + h->degraded + h->unhealthy != h->total);
	healthy = h->overall == FND_HEALTHY && h->total == n_parts;
	wrong(healthy && h->percentage < 100);
	free(h);
	return healthy;
}

/* Others come between: so what was asked for may not be, but is told. */
static void restarts(const char *name)
{
	struct sup_pid pid = SUP_PID_NONE;
	int ret;

	ret = fnd_application_restart(name, &pid, LONG);
	wrong(ret && !is_away(ret) && ret != -EAGAIN);
	wrong(!ret && !pid.v);
}

static int uses_all(void *nth)
{
	size_t i = (uintptr_t)nth;

	for (; !atomic_load(&survival.stop); i++) {
		is_up();
		if (nth)
			restarts(parts[i % n_parts]);
		else
			is_healthy(sup_deadline_ms(100));
		atomic_fetch_add(&survival.rounds, 1);
		sched_yield();
	}
	return 0;
}

static void kill_a_part(void)
{
	const char *name = parts[rand_r(&seed) % n_parts];
	struct sup_pid pid = fnd_service_whereis(FND_PRODUCTION, name);

	if (pid.v)
		kill_and_wait(pid);
}

static void kill_some(struct victims *v, unsigned int times)
{
	unsigned int who;

	while (v->kills < times) {
		who = rand_r(&seed) % (2 * v->n);
		if (who < v->n) {
			kill_and_wait(v->pids[who]);
			begin_victim(v, who);
		} else {
			kill_a_part();
		}
		v->kills++;
		await_round();
		if (!(v->kills % 50))
			AWAIT(is_up());
	}
}

static void take_parts(void)
{
	enum fnd_phase phase;

	n_parts = 0;
	while (fnd__part(n_parts, &parts[n_parts], &phase))
		assert_true(++n_parts < PARTS_MAX);
	assert_in_range(n_parts, 8, PARTS_MAX);
}

static void it_runs_on(void **state)
{
	const struct fnd_service_monitor_options monitor = {
		.size = sizeof(monitor), .interval_ms = 20,
	};
	const struct fnd_foundation_options services = {
		.size = sizeof(services), .intensity = OFTEN,
		.service_monitor = &monitor,
	};
	const struct fnd_application_options options = {
		.size = sizeof(options), .foundation = &services,
	};
	struct victims v = { .run = uses_all, .n = 3 };
	bool drained = false;

	(void)state;
	memset(&survival, 0, sizeof(survival));
	assert_int_equal(fnd_application_start(&options), 0);
	assert_int_equal(sup_application_top(FND_APPLICATION, &foundation), 0);
	take_parts();
	begin_victims(&v);
	kill_some(&v, SLOWLY(1000));
	end_victims(&v);
	AWAIT(is_up());
	AWAIT(is_healthy(LONG));
	assert_int_equal(atomic_load(&survival.faults), 0);
	assert_true(sup_is_alive(foundation));
	assert_int_equal(fnd_application_stop(LONG, &drained), 0);
	assert_true(drained);
	assert_false(sup_is_alive(foundation));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(it_runs_on),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
