/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks that use a pool, its server and the supervisor of its jobs are killed
 * at random, 1,000 times in all, and the server, which crashes in its callbacks
 * too, ends 1,000 times: no connection is ever used by two, or closed twice,
 * there never are more than allowed, connections are had after each kill, and
 * at the end all that was made is closed.
 *
 * usage: test_pool_survival [SEED]
 */
#include "crash.h"
#include "pool.h"

#include <stdio.h>

#define SERVER "fnd_pools"
#define TASKS 6
#define CONNECTIONS 2
#define OVERFLOW 2

static _Atomic bool stop;
static _Atomic uint64_t uses;
static struct sup_pid top;

static bool uses_alone(const struct fnd_lease *lease)
{
	struct connection *c = lease->connection;

	if (!atomic_load(&c->open) || atomic_fetch_add(&c->users, 1))
		return false;
	/* Here it may be killed, with the connection. */
	sup_checkpoint();
	atomic_fetch_add(&uses, 1);
	return atomic_fetch_sub(&c->users, 1) == 1;
}

static int uses_them(void *arg)
{
	struct fnd_lease lease;
	unsigned int nth;
	int ret;

	(void)arg;
	for (nth = 0; !atomic_load(&stop); nth++) {
		ret = fnd_pool_checkout("p", LONG, &lease);
		if (ret == -EPIPE || ret == -ENOTCONN || ret == -ECONNABORTED)
			continue;
		if (ret || !uses_alone(&lease))
			atomic_fetch_add(&side.faults, 1);
		if (nth % 8)
			ret = fnd_pool_checkin("p", &lease);
		else
			ret = fnd_pool_discard("p", &lease);
		if (ret)
			atomic_fetch_add(&side.faults, 1);
	}
	return 0;
}

/* A supervisor that does not mind how often. */
static void start_services(void)
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
			.size = sizeof(children[0]), .id = "pools",
			.start = fnd_pools_start,
		},
	};
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = children,
		.n_children = N_OF(children), .intensity = 1000000,
	};

	assert_int_equal(sup_supervisor_start(&spec, &top), 0);
}

static void await_use(void)
{
	uint64_t before = atomic_load(&uses);

	AWAIT(atomic_load(&uses) > before || atomic_load(&side.faults));
	assert_int_equal(atomic_load(&side.faults), 0);
}

static unsigned int server_kills;

static void kill_one(struct sup_pid *pids)
{
	static const char *const services[] = { SERVER, "fnd_tasks" };
	unsigned int who = rand_r(&seed) % (2 * TASKS);
	struct sup_pid pid;

	if (who < TASKS) {
		kill_and_wait(pids[who]);
		pids[who] = start(uses_them, NULL);
		return;
	}
	pid = sup_whereis(services[who % 2]);
	if (!pid.v)
		return;
	kill_and_wait(pid);
	server_kills += !(who % 2);
}

static void a_thousand_kills(void **state)
{
	struct sup_pid pids[TASKS];
	struct fnd_pool_status st;
	int i;

	(void)state;
	start_services();
	open_one("p", &side, CONNECTIONS, OVERFLOW, true);
	for (i = 0; i < TASKS; i++)
		pids[i] = start(uses_them, NULL);
	crash_at_random(32);
	for (i = 0; i < SLOWLY(1000) || server_kills + crashes_of(SERVER) <
	     SLOWLY(1000); i++) {
		await_use();
		kill_one(pids);
		if (!fnd_pool_status("p", &st))
			assert_true(st.idle + st.held + st.checking +
				    st.making + st.closing <=
				    CONNECTIONS + OVERFLOW);
	}
	crash_no_more();
	assert_int_not_equal(server_kills, 0);
	assert_int_not_equal(crashes_of(SERVER), 0);
	await_use();
	atomic_store(&stop, true);
	for (i = 0; i < TASKS; i++)
		assert_int_equal(end_of(pids[i]).kind, SUP_REASON_NORMAL);
	AWAIT(fnd_pool_close("p", LONG) == -ENOENT);
	assert_int_equal(side.faults, 0);
	assert_int_equal(side.closed, side.made);
	assert_true(sup_is_alive(top));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(a_thousand_kills),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
