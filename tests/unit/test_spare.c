/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Spare threads of supervisors, on real threads. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sup/children.h>
#include <sup/server.h>
#include <sup/supervisor.h>
#include <sup/task.h>

#include "core/spare.h"
#include "runtime.h"

#define LIMIT_MS 60000

static int on_init(void *arg, void **ret_state)
{
	(void)arg;
	*ret_state = NULL;
	return 0;
}

static const struct sup_server_ops ops = {
	.size = sizeof(ops), .init = on_init,
};

static const struct sup_server_spec server = {
	.size = sizeof(server), .name = "served", .ops = &ops,
};

static int run_for_ever(void *arg)
{
	struct sup_info info;

	(void)arg;
	return sup_receive(&info, SUP_FOREVER);
}

/* One of the program's own. */
static int start_by_hand(const void *arg, struct sup_pid *ret_pid)
{
	return sup_server_start(arg, ret_pid);
}

static struct sup_pid supervise(int (*start)(const void *arg,
					     struct sup_pid *ret_pid),
				const void *arg)
{
	const struct sup_child_spec child = {
		.size = sizeof(child), .id = "child", .start = start,
		.arg = arg, .shutdown_ms = SUP_SHUTDOWN_KILL,
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "spares", .intensity = 1000,
		.children = &child, .n_children = 1,
	};
	struct sup_pid sup;

	assert_int_equal(sup_supervisor_start(&spec, &sup), 0);
	return sup;
}

static struct sup_child child_of(struct sup_pid sup)
{
	struct sup_child child;

	/* What it does after a restart is over before it answers. */
	assert_int_equal(sup_which_child(sup, "child", &child), 0);
	return child;
}

static pid_t tid_of(struct sup_pid sup)
{
	pid_t pid, tid;

	assert_int_equal(sup_os_pid(child_of(sup).pid, &pid, &tid), 0);
	return tid;
}

/* Kills the child; returns when the next one runs: its thread. */
static pid_t restart(struct sup_pid sup)
{
	int64_t limit = sup_deadline_ms(LIMIT_MS);
	struct sup_pid before = child_of(sup).pid;
	struct sup_child child;

	assert_int_equal(sup_kill(before, SUP_TRY), 0);
	do {
		child = child_of(sup);
		assert_true(sup_deadline_ms(0) < limit);
	} while (!child.pid.v || child.pid.v == before.v);
	return tid_of(sup);
}

static int count_spares(pid_t *ret_last)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (!sup__spare_has(atoi(entry->d_name)))
			continue;
		*ret_last = atoi(entry->d_name);
		n++;
	}
	closedir(dir);
	return n;
}

/*
 * One that is used is known as a spare until its thread says otherwise, and one
 * that is not until it has been joined.
 */
static pid_t await_spares(int n)
{
	int64_t limit = sup_deadline_ms(LIMIT_MS);
	pid_t tid = 0;

	while (count_spares(&tid) != n)
		assert_true(sup_deadline_ms(0) < limit);
	return tid;
}

static pid_t the_spare(void)
{
	return await_spares(1);
}

static void check_none(void)
{
	await_spares(0);
}

static void check_gone(pid_t tid)
{
	int64_t limit = sup_deadline_ms(LIMIT_MS);

	while (!tgkill(getpid(), tid, 0))
		assert_true(sup_deadline_ms(0) < limit);
	assert_int_equal(errno, ESRCH);
}

static void stop(struct sup_pid sup)
{
	assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, NULL,
					 sup_deadline_ms(LIMIT_MS)), 0);
}

static void check_next_life(int (*start)(const void *arg,
					 struct sup_pid *ret_pid),
			    const void *arg)
{
	struct sup_pid sup = supervise(start, arg);
	pid_t spare;

	check_none();
	restart(sup);
	spare = the_spare();
	assert_int_equal(restart(sup), spare);
	assert_int_not_equal(the_spare(), spare);
	stop(sup);
}

static void a_restart_uses_the_spare_of_the_one_before(void **state)
{
	const struct sup_thread_spec thread = {
		.size = sizeof(thread), .name = "plain", .run = run_for_ever,
		.stack_size = 300000,
	};

	(void)state;
	check_next_life(sup_server_start, &server);
	check_next_life(sup_thread_start, &thread);
}

/* So each end is the end of a thread, which the kernel tells. */
static void each_life_has_a_thread_of_its_own(void **state)
{
	struct sup_pid sup = supervise(sup_server_start, &server);
	pid_t before = tid_of(sup), tid;
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		tid = restart(sup);
		assert_int_not_equal(tid, before);
		check_gone(before);
		before = tid;
	}
	stop(sup);
}

/* It may change what a thread inherits, as its next call may not. */
static void a_start_of_the_program_gets_none(void **state)
{
	struct sup_pid sup = supervise(start_by_hand, &server);

	(void)state;
	restart(sup);
	check_none();
	restart(sup);
	check_none();
	stop(sup);
}

static int first_cpu(const cpu_set_t *set)
{
	int cpu = 0;

	while (!CPU_ISSET(cpu, set))
		cpu++;
	return cpu;
}

static void it_inherits_from_the_supervisors_thread(void **state)
{
	cpu_set_t all, one, seen;
	struct sup_pid sup;
	int i;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	CPU_SET(first_cpu(&all), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	sup = supervise(sup_server_start, &server);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(sched_getaffinity(restart(sup), sizeof(seen),
						   &seen), 0);
		assert_true(CPU_EQUAL(&seen, &one));
	}
	stop(sup);
}

static void it_ends_with_its_supervisor(void **state)
{
	struct sup_pid sup = supervise(sup_server_start, &server);
	pid_t spare;

	(void)state;
	restart(sup);
	spare = the_spare();
	stop(sup);
	check_gone(spare);
	/* Or when it is killed. */
	sup = supervise(sup_server_start, &server);
	restart(sup);
	spare = the_spare();
	assert_int_equal(sup_kill(sup, SUP_TRY), 0);
	check_gone(spare);
}

static void many_restarts_leave_one(void **state)
{
	struct sup_pid sup = supervise(sup_server_start, &server);
	int i;

	(void)state;
	for (i = 0; i < 300; i++)
		restart(sup);
	the_spare();
	stop(sup);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_restart_uses_the_spare_of_the_one_before),
		TEST(each_life_has_a_thread_of_its_own),
		TEST(a_start_of_the_program_gets_none),
		TEST(it_inherits_from_the_supervisors_thread),
		TEST(it_ends_with_its_supervisor),
		TEST(many_restarts_leave_one),
	};

	return RUN_TESTS(tests);
}
