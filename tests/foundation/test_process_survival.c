/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks are killed in their calls of the ProcessRegistry, 1,000 times. So are
 * those who have a namespace cleaned up, at random, the server that does it,
 * which crashes in its callbacks, too, and the supervisor of its jobs: when
 * somebody is told that it is clean it is, and nothing of a clean-up is left.
 *
 * usage: test_process_survival [SEED]
 */
#include "survival.h"

#include <stdio.h>

#include "names.h"

static bool any(const struct fnd_process *p, void *arg)
{
	(void)p;
	(void)arg;
	sup_checkpoint();
	return true;
}

struct rounds {
	struct sup_pid who;
	_Atomic unsigned int n;
};

static int changes_a_name(void *arg)
{
	struct fnd_process_query q = { .match = any };
	struct rounds *r = arg;
	struct fnd_process *p;
	size_t n;

	for (;; atomic_fetch_add(&r->n, 1)) {
		EXPECT(!fnd_process_register(N, "x", r->who,
					     META({ "color", "red" }), NULL));
		EXPECT(!fnd_process_set_metadata(N, "x",
						 META({ "color", "blue" })));
		EXPECT(!fnd_process_find(N, &q, &p, &n) && n == 1);
		free(p);
		EXPECT(!fnd_process_unregister(N, "x"));
	}
}

/* Wherever it is: all of a change is done, or nothing; and no memory stays. */
static void who_changes_a_name_is_killed(void **state)
{
	struct rounds r = { .who = start(stays, NULL) };
	const struct fnd_metadata *red = META({ "color", "red" }),
				  *blue = META({ "color", "blue" });
	struct sup_pid pid;
	size_t i, begun, n;

	(void)state;
	for (i = 0; i < SLOWLY(1000); i++) {
		begun = atomic_load(&r.n);
		pid = start(changes_a_name, &r);
		while (atomic_load(&r.n) < begun + 1 + i % 3) {
			assert_true(sup_is_alive(pid));
			sched_yield();
		}
		kill_and_wait(pid);
		n = count(N, NULL);
		assert_in_range(n, 0, 1);
		assert_int_equal(count(N, red) + count(N, blue), n);
		assert_false(fnd_process_register(N, "x", r.who, red, NULL));
		assert_int_equal(count(N, NULL), 1);
		assert_int_equal(count(N, red), 1);
		assert_int_equal(count(N, blue), 0);
	}
}

static int init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

/* It ends as soon as it is asked to. */
static struct sup_pid start_server(void)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init,
	};
	static const struct sup_server_spec spec = {
		.size = sizeof(spec), .ops = &ops,
	};
	struct sup_pid pid = SUP_PID_NONE;

	wrong(sup_server_start(&spec, &pid));
	return pid;
}

static void clean_up(struct fnd_namespace ns)
{
	struct sup_pid pid = start_server();
	char name[24];
	int ret;

	snprintf(name, sizeof(name), "%ju", (uintmax_t)pid.v);
	wrong(fnd_process_register(ns, name, pid, NULL, NULL));
	ret = fnd_process_cleanup(ns, NULL, LONG);
	if (is_away(ret) || ret == -ECHILD)
		return;
	wrong(ret || sup_is_alive(pid));
	wrong(fnd_process_whereis(ns, name).v);
	atomic_fetch_add(&survival.rounds, 1);
}

/*
 * In a namespace of its own: a clean-up that another one, who was killed, has
 * asked for might have begun before this name was there.
 */
static _Atomic uint64_t last_ns = 2;

static int cleans_up(void *nth)
{
	uint64_t ns = atomic_fetch_add(&last_ns, 1) + 1;

	(void)nth;
	while (!atomic_load(&survival.stop))
		clean_up(FND_TEST(ns));
	return 0;
}

static void who_cleans_up_is_killed(void **state)
{
	const struct sup_child_spec children[] = {
		SURVIVAL_SERVICE(fnd_process_registry_start), SURVIVAL_TASKS,
	};
	struct victims v = {
		.run = cleans_up, .n = 2,
		.services = { "fnd_processes", "fnd_tasks" },
		.n_services = 2, .n_servers = 1,
	};
	uint64_t ns;

	(void)state;
	survival_start(children, N_OF(children));
	begin_victims(&v);
	kill_often(&v, SLOWLY(1000));
	end_victims(&v);
	await_no_jobs();
	/* Who was killed has left something. */
	for (ns = 3; ns <= last_ns; ns++)
		if (count(FND_TEST(ns), NULL))
			assert_int_equal(fnd_process_cleanup(FND_TEST(ns), NULL,
							     LONG), 0);
	assert_int_equal(count(FND_TEST(last_ns), NULL), 0);
	await_no_jobs();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(who_changes_a_name_is_killed),
		CASE(who_cleans_up_is_killed),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
