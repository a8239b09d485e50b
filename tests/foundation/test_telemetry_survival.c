/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who executes events and attaches handlers is killed, at random, and so are
 * the service, its reader, and the supervisor of the handlers, 1,000 times in
 * all, and the service, which crashes in its callbacks too, ends 1,000 times:
 * every event of which somebody was told that it is counted is, once; a handler
 * that nobody has ended goes on, and one that was killed is reported, whatever
 * was killed with it.
 *
 * usage: test_telemetry_survival [SEED]
 */
#include "crash.h"
#include "handlers.h"

#include <sched.h>

#define REPORTS "foundation.supervisor"

static struct sup_pid top;

static struct shared {
	_Atomic uint64_t counted, rounds;
	_Atomic uint64_t reader;
	_Atomic int faults, seen;
	_Atomic bool stop;
} shared;

/* Supervisors that do not mind how often, and a service that looks often. */
static int set_up_services(void **state)
{
	static const struct sup_dynamic_spec tasks = {
		.size = sizeof(tasks), .name = TASKS, .reg = true,
		.intensity = 1000000,
	};
	static const struct fnd_telemetry_options options = {
		.size = sizeof(options), .cleanup_ms = 1,
	};
	const struct sup_child_spec children[] = {
		{
			.size = sizeof(children[0]), .id = "tasks",
			.start = sup_dynamic_start, .arg = &tasks,
			.type = SUP_SUPERVISOR,
		}, {
			.size = sizeof(children[0]), .id = "service",
			.start = fnd_telemetry_start, .arg = &options,
		},
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = children, .n_children = 2,
		.intensity = 1000000,
	};
	int ret;

	sup_set_log_level(-1);
	ret = set_up(state) || sup_supervisor_start(&spec, &top);
	foundation = top;
	fnd_telemetry_reset();
	return ret;
}

#define SURVIVAL_CASE(f) \
	cmocka_unit_test_setup_teardown(f, set_up_services, tear_down)

static int counts(const struct fnd_telemetry_event *e, void *arg)
{
	(void)e;
	atomic_fetch_add((_Atomic int *)arg, 1);
	return 0;
}

/* Who executes reports is the reader. */
static int meets_reader(const struct fnd_telemetry_event *e, void *arg)
{
	(void)arg;
	atomic_store(&shared.reader, e->pid.v);
	return 0;
}

static uint64_t total(const char *name)
{
	struct fnd_figure *f;
	uint64_t sum = 0;
	size_t i, n;

	assert_int_equal(fnd_metric_list(name, &f, &n), 0);
	for (i = 0; i < n; i++)
		sum += f[i].count;
	free(f);
	return sum;
}

/* What there may be while the supervisor of handlers is killed. */
static bool is_fault(int ret)
{
	return ret && ret != -ENOTCONN && ret != -EPIPE && ret != -ESRCH &&
		ret != -ECANCELED;
}

/* To count is no safe point: it is killed before that, or after both. */
static int does_all(void *arg)
{
	static _Atomic int ignored;
	int ret;

	while (!atomic_load(&shared.stop)) {
		ret = fnd_telemetry_detach(arg, LONG);
		if (ret && ret != -ENOENT)
			atomic_fetch_add(&shared.faults, 1);
		if (is_fault(attach(arg, "work", counts, &ignored)))
			atomic_fetch_add(&shared.faults, 1);
		if (fnd_telemetry_count("work", 1, NULL))
			atomic_fetch_add(&shared.faults, 1);
		else
			atomic_fetch_add(&shared.counted, 1);
		sup_checkpoint();
		atomic_fetch_add(&shared.rounds, 1);
	}
	return 0;
}

static const char *const names[] = { "a", "b" };

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

enum { SERVICE_TASK = N_OF(names), READER, SUPERVISOR, VICTIMS };

static struct sup_pid victim(unsigned int who)
{
	if (who == SERVICE_TASK)
		return sup_whereis(SERVICE);
	if (who == READER)
		return (struct sup_pid){ atomic_load(&shared.reader) };
	return sup_whereis(TASKS);
}

/* Until it is taken away: somebody may have just been killed in attaching. */
static void nobody_is_left(struct sup_pid *pids)
{
	size_t i;
	int ret;

	atomic_store(&shared.stop, true);
	for (i = 0; i < N_OF(names); i++) {
		assert_int_equal(end_of(pids[i]).kind, SUP_REASON_NORMAL);
		ret = fnd_telemetry_detach(names[i], LONG);
		assert_true(!ret || ret == -ENOENT);
	}
	assert_int_equal(fnd_telemetry_detach("stays", LONG), 0);
	assert_int_equal(fnd_telemetry_detach("reader", LONG), 0);
	assert_int_equal(status().handlers, 0);
	await_no_jobs();
}

static bool was_each(const unsigned int *kills)
{
	size_t i;

	for (i = 0; i < VICTIMS && kills[i]; i++)
		;
	return i == VICTIMS;
}

static void everybody_is_killed(void **state)
{
	struct sup_pid pids[N_OF(names)], pid;
	unsigned int who, kills[VICTIMS] = { 0 };
	size_t i;
	int seen;

	(void)state;
	assert_int_equal(attach("stays", "work", counts, &shared.seen), 0);
	assert_int_equal(attach("reader", REPORTS, meets_reader, NULL), 0);
	for (i = 0; i < N_OF(names); i++)
		pids[i] = begin(i);
	crash_at_random(4);
	for (i = 0; i < SLOWLY(500) || !was_each(kills) ||
	     kills[SERVICE_TASK] + crashes_of(SERVICE) < SLOWLY(1000); i++) {
		who = rand_r(&seed) % VICTIMS;
		pid = who < N_OF(names) ? pids[who] : victim(who);
		if (pid.v && sup_is_alive(pid)) {
			kill_and_wait(pid);
			kills[who]++;
		}
		if (who < N_OF(names))
			pids[who] = begin(who);
		await_rounds(atomic_load(&shared.rounds) + 1);
	}
	crash_no_more();
	assert_int_not_equal(crashes_of(SERVICE), 0);
	seen = atomic_load(&shared.seen);
	AWAIT(atomic_load(&shared.seen) > seen);
	nobody_is_left(pids);
	assert_int_equal(atomic_load(&shared.faults), 0);
	assert_int_equal(total("work"), atomic_load(&shared.counted));
	assert_true(sup_is_alive(top));
	print_message("%ju events\n", (uintmax_t)total("work"));
}

static int meets_itself(const struct fnd_telemetry_event *e, void *arg)
{
	(void)e;
	atomic_store((_Atomic uint64_t *)arg, sup_self().v);
	return 0;
}

/* Its end is told while nobody may be there to take that. */
static void a_killed_handler_is_reported(void **state)
{
	_Atomic uint64_t handler;
	struct sup_pid pid;
	uint64_t before;
	size_t i;

	(void)state;
	for (i = 0; i < SLOWLY(250); i++) {
		before = counted(DETACHED, "killed");
		atomic_store(&handler, 0);
		assert_int_equal(attach("killed", "x", meets_itself,
					&handler), 0);
		assert_int_equal(fnd_telemetry_count("x", 1, NULL), 0);
		AWAIT(atomic_load(&handler));
		pid.v = atomic_load(&handler);
		if (rand_r(&seed) % 2) {
			kill_and_wait(await_service(SERVICE));
			kill_and_wait(pid);
		} else {
			kill_and_wait(pid);
			kill_and_wait(await_service(SERVICE));
		}
		AWAIT(counted(DETACHED, "killed") > before);
		assert_int_equal(fnd_telemetry_detach("killed", LONG), -ENOENT);
	}
	assert_int_equal(status().handlers, 0);
	await_no_jobs();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		SURVIVAL_CASE(everybody_is_killed),
		SURVIVAL_CASE(a_killed_handler_is_reported),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
