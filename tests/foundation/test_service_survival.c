/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who registers a service, waits for one or has one checked is killed, at
 * random, 1,000 times in all with the server, which crashes in its callbacks
 * too, and ends 1,000 times: who waits is told of each service that is there,
 * whoever has registered it and was killed for that; and nobody who has ended
 * is left waiting.
 *
 * usage: test_service_survival [SEED]
 */
#include "crash.h"
#include "names.h"

#include <sched.h>
#include <stdio.h>

#define SERVER "fnd_services"

static int waits(void *arg)
{
	struct sup_pid pid, *service = arg;

	EXPECT(!fnd_service_wait(N, "s", &pid, LONG));
	EXPECT(pid.v == service->v);
	return 0;
}

static void await_waiting(size_t n)
{
	struct fnd_service_stats s;
	int64_t limit = LONG;

	do {
		fnd_service_stats(&s);
		assert_true(sup_deadline_ms(0) < limit);
	} while (s.waiting != n);
}

static int registers(void *arg)
{
	const struct sup_pid *service = arg;

	EXPECT(!fnd_service_register(N, "s", *service, NULL, NULL));
	return stays(NULL);
}

/* Up to so many nanoseconds: where it is then is what is tried. */
static void give_it_time(unsigned int most)
{
	int64_t until = sup_deadline_ms(0) + rand_r(&seed) % most;

	while (sup_deadline_ms(0) < until)
		sched_yield();
}

/* Wherever it is: the service is there and the waiter knows, or it is not. */
static void who_registers_for_others_is_killed(void **state)
{
	struct sup_pid service = start(stays, NULL), waiter, pid;
	size_t i, there = 0;

	(void)state;
	for (i = 0; i < SLOWLY(500); i++) {
		waiter = start(waits, &service);
		await_waiting(1);
		pid = start(registers, &service);
		give_it_time(60000);
		kill_and_wait(pid);
		if (fnd_service_whereis(N, "s").v)
			there++;
		else
			assert_int_equal(fnd_service_register(N, "s", service,
							      NULL, NULL), 0);
		assert_int_equal(end_of(waiter).kind, SUP_REASON_NORMAL);
		assert_int_equal(fnd_service_unregister(N, "s"), 0);
	}
	print_message("%zu of %zu had done it\n", there, i);
}

static struct shared {
	_Atomic uint64_t rounds;
	_Atomic int faults;
	_Atomic bool stop;
} shared;

static int is_well(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	sup_checkpoint();
	return 0;
}

/* What there may be while the server is killed now and again. */
static bool is_fault(int ret)
{
	return ret && ret != -EPIPE && ret != -ENOTCONN && ret != -ENOENT;
}

static int does_all(void *arg)
{
	const struct fnd_service_spec spec = {
		.size = sizeof(spec), .health = is_well,
	};
	struct fnd_health_report report;
	struct fnd_service *list;
	struct sup_pid pid;
	size_t n;
	int ret;

	while (!atomic_load(&shared.stop)) {
		ret = fnd_service_register(N, arg, sup_self(), &spec, NULL);
		/* "b" may be who stands in for it at the end. */
		if (ret && !atomic_load(&shared.stop))
			atomic_fetch_add(&shared.faults, 1);
		if (ret)
			break;
		if (is_fault(fnd_service_check(N, "a", &report, LONG)) ||
		    is_fault(fnd_service_wait(N, "b", &pid, LONG)) ||
		    fnd_service_list(N, &list, &n))
			atomic_fetch_add(&shared.faults, 1);
		else
			free(list);
		if (fnd_service_whereis(N, arg).v != sup_self().v ||
		    is_fault(fnd_service_unregister(N, arg)))
			atomic_fetch_add(&shared.faults, 1);
		atomic_fetch_add(&shared.rounds, 1);
	}
	return 0;
}

static const char *const names[] = { "a", "b", "c", "d" };

static struct sup_pid begin(size_t i)
{
	return start(does_all, (void *)names[i]);
}

static void await_rounds(uint64_t n)
{
	int64_t limit = LONG;

	while (atomic_load(&shared.rounds) < n) {
		assert_int_equal(atomic_load(&shared.faults), 0);
		assert_true(sup_deadline_ms(0) < limit);
		sched_yield();
	}
}

static struct sup_pid top;

/* Supervisors that do not mind how often. */
static void start_services(void)
{
	static const struct sup_dynamic_spec tasks = {
		.size = sizeof(tasks), .name = "fnd_tasks", .reg = true,
		.intensity = 1000000,
	};
	const struct sup_child_spec children[] = {
		{
			.size = sizeof(children[0]), .id = "server",
			.start = fnd_service_registry_start,
		}, {
			.size = sizeof(children[0]), .id = "tasks",
			.start = sup_dynamic_start, .arg = &tasks,
			.type = SUP_SUPERVISOR,
		},
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = children, .n_children = 2,
		.intensity = 1000000,
	};

	assert_int_equal(sup_supervisor_start(&spec, &top), 0);
}

/* Who has begun to wait for one that has ended gets another. */
static void stop_all(const struct sup_pid *pids)
{
	struct sup_pid last = start(stays, NULL);
	size_t i;
	int ret;

	atomic_store(&shared.stop, true);
	for (i = 0; i < N_OF(names); i++) {
		while (sup_is_alive(pids[i])) {
			ret = fnd_service_register(N, "b", last, NULL, NULL);
			assert_true(!ret || ret == -EEXIST);
			sched_yield();
		}
		assert_int_equal(end_of(pids[i]).kind, SUP_REASON_NORMAL);
	}
}

static void everybody_is_killed(void **state)
{
	struct sup_pid pids[N_OF(names)];
	unsigned int who, server_kills = 0;
	size_t i;

	(void)state;
	start_services();
	for (i = 0; i < N_OF(names); i++)
		pids[i] = begin(i);
	crash_at_random(16);
	for (i = 0; i < SLOWLY(500) || server_kills + crashes_of(SERVER) <
	     SLOWLY(1000); i++) {
		who = rand_r(&seed) % (N_OF(names) + 1);
		if (who < N_OF(names)) {
			kill_and_wait(pids[who]);
			pids[who] = begin(who);
		} else if (sup_whereis(SERVER).v) {
			kill_and_wait(sup_whereis(SERVER));
			server_kills++;
		}
		await_rounds(atomic_load(&shared.rounds) + 1);
	}
	crash_no_more();
	assert_int_not_equal(server_kills, 0);
	assert_int_not_equal(crashes_of(SERVER), 0);
	stop_all(pids);
	assert_int_equal(atomic_load(&shared.faults), 0);
	await_no_jobs();
	await_waiting(0);
	assert_true(sup_is_alive(top));
	for (i = 0; i < N_OF(names); i++)
		assert_false(is_fault(fnd_service_unregister(N, names[i])));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SERVICE_CASE(who_registers_for_others_is_killed),
		CASE(everybody_is_killed),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
