/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The coordinator of an ecosystem, its workers, and tasks that add and remove
 * some are killed at random: it is whole again each time, and ends with all
 * that is in it. So are tasks that have work done in isolation, and the
 * supervisor of that: whoever is not killed is told what has become of it, and
 * nothing of it is left. There are 1,000 kills in all.
 *
 * usage: test_ecosystem_survival [SEED]
 */
#include "survival.h"

#define COORDINATOR "coordinator"
#define WORKERS 3
#define MOST 8

static int init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static const struct sup_server_ops ops = {
	.size = sizeof(ops), .init = init,
};

static const struct sup_server_spec coordinator = {
	.size = sizeof(coordinator), .name = COORDINATOR, .reg = true,
	.ops = &ops,
};

static const struct sup_server_spec worker = {
	.size = sizeof(worker), .ops = &ops,
};

static const struct sup_child_spec coordinator_spec = {
	.size = sizeof(coordinator_spec), .start = sup_server_start,
	.arg = &coordinator,
};

static const struct sup_child_spec worker_spec = {
	.size = sizeof(worker_spec), .start = sup_server_start, .arg = &worker,
};

/* One that was killed meanwhile has another pid, and stays. */
static int adds_and_removes(void *nth)
{
	struct sup_pid pid;
	int ret;

	(void)nth;
	while (!atomic_load(&survival.stop)) {
		wrong(fnd_ecosystem_add_worker(foundation, &worker_spec, &pid));
		ret = fnd_ecosystem_remove_worker(foundation, pid);
		wrong(ret && ret != -ENOENT);
		atomic_fetch_add(&survival.rounds, 1);
	}
	return 0;
}

/* Kills a worker, or removes those of whose pid nobody knows any more. */
static void kill_worker(struct victims *v)
{
	struct fnd_ecosystem *e;
	size_t i;
	int ret;

	assert_int_equal(fnd_ecosystem_info(foundation, &e), 0);
	assert_true(e->n > 0);
	kill_and_wait(e->workers[rand_r(&seed) % e->n]);
	v->kills++;
	for (i = MOST; i < e->n; i++) {
		ret = fnd_ecosystem_remove_worker(foundation, e->workers[i]);
		assert_true(!ret || ret == -ENOENT);
	}
	free(e);
}

static void remove_workers(void)
{
	struct fnd_ecosystem *e;
	size_t i, n;

	assert_int_equal(fnd_ecosystem_info(foundation, &e), 0);
	n = e->n;
	for (i = 0; i < n; i++)
		assert_int_equal(fnd_ecosystem_remove_worker(foundation,
							     e->workers[i]), 0);
	free(e);
	assert_int_equal(fnd_ecosystem_info(foundation, &e), 0);
	assert_int_equal(e->n, 0);
	assert_int_equal(e->total, 1);
	assert_int_equal(e->coordinator.v, sup_whereis(COORDINATOR).v);
	free(e);
}

static void an_ecosystem_is_whole_again(void **state)
{
	const struct fnd_ecosystem_spec spec = {
		.size = sizeof(spec), .coordinator = &coordinator_spec,
		.worker = &worker_spec, .workers = WORKERS, .intensity = OFTEN,
	};
	struct victims v = {
		.run = adds_and_removes, .n = 1,
		.services = { COORDINATOR }, .n_services = 1,
	};
	struct sup_pid pid;

	(void)state;
	memset(&survival, 0, sizeof(survival));
	assert_int_equal(fnd_ecosystem_start(&spec, &foundation), 0);
	begin_victims(&v);
	while (v.kills < SLOWLY(500)) {
		kill_one(&v);
		kill_worker(&v);
		await_round();
	}
	assert_int_not_equal(v.of_services, 0);
	end_victims(&v);
	pid = await_service(COORDINATOR);
	remove_workers();
	assert_int_equal(fnd_ecosystem_stop(foundation, LONG), 0);
	assert_false(sup_is_alive(pid));
}

static int sums_up(void *arg, struct sup_msg *ret_result)
{
	uint64_t i, sum = 0;

	(void)arg;
	for (i = 1; i <= 10000; i++) {
		sum += i;
		if (i % 1000 == 0)
			sup_checkpoint();
	}
	*ret_result = (struct sup_msg){ .tag = sum };
	return 0;
}

static int has_it_done(void *nth)
{
	const struct sup_job_spec work = {
		.size = sizeof(work), .run = sums_up,
	};
	struct fnd_work w;
	int ret;

	(void)nth;
	while (!atomic_load(&survival.stop)) {
		ret = fnd_isolated_run(&work, &w, LONG);
		wrong(ret && !is_away(ret));
		if (ret || w.outcome == FND_WORK_CRASHED)
			continue;
		wrong(w.outcome != FND_WORK_COMPLETE ||
		      w.result.tag != 50005000);
		atomic_fetch_add(&survival.rounds, 1);
	}
	return 0;
}

static void what_becomes_of_work_is_told(void **state)
{
	const struct sup_child_spec child = SURVIVAL_TASKS;
	struct victims v = {
		.run = has_it_done, .n = 2,
		.services = { "fnd_tasks" }, .n_services = 1,
	};

	(void)state;
	survival_start(&child, 1);
	begin_victims(&v);
	kill_often(&v, SLOWLY(500));
	end_victims(&v);
	await_no_jobs();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(an_ecosystem_is_whole_again),
		CASE(what_becomes_of_work_is_told),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
