/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Jobs and asyncs. Cases are those of Elixir's Task.Supervisor. */
#include "jobs.h"

#include <pthread.h>

static struct sup_child_spec dynamic(const struct sup_dynamic_spec *spec)
{
	return (struct sup_child_spec){
		.size = sizeof(struct sup_child_spec), .id = spec->name,
		.start = sup_dynamic_start, .arg = spec,
		.type = SUP_SUPERVISOR,
	};
}

static void TSK_01_03_04_supervised_directly(void **state)
{
	struct sup_dynamic_spec named = { .size = sizeof(named),
					  .name = "named", .reg = true };
	struct sup_dynamic_spec other = { .size = sizeof(other),
					  .name = "other" };
	struct sup_child_spec children[] = { dynamic(&named),
					     dynamic(&other) };
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = children, .n_children = 2,
	};
	struct sup_child_counts counts;
	struct sup_child child;
	struct sup_msg result;
	struct sup_pid top;
	size_t i;

	(void)state;
	assert_int_equal(sup_supervisor_start(&spec, &top), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(sup_which_child(top, children[i].id, &child),
				 0);
		assert_int_equal(sup_whereis(children[i].id).v,
				 i ? 0 : child.pid.v);
		assert_int_equal(sup_count_children(child.pid, &counts), 0);
		assert_int_equal(counts.specs + counts.active +
				 counts.supervisors + counts.workers, 0);
		assert_int_equal(sup_async_await(nolink(child.pid, 3), &result,
						 NULL, LONG), 0);
		assert_int_equal(take(&result), 3);
	}
}

/* The result is the size of its stack. */
static int measures(void *arg, struct sup_msg *ret_result)
{
	pthread_attr_t attr;
	size_t size;
	int ret;

	(void)arg;
	ret = pthread_getattr_np(pthread_self(), &attr);
	if (ret)
		return ret;
	pthread_attr_getstacksize(&attr, &size);
	pthread_attr_destroy(&attr);
	*ret_result = (struct sup_msg){ .tag = size };
	return 0;
}

static size_t stack_of_a_job(struct sup_pid sup, size_t stack_size)
{
	struct sup_job_spec spec = job_spec(0);
	struct sup_msg result;
	struct sup_async *a;

	spec.run = measures;
	spec.stack_size = stack_size;
	assert_int_equal(sup_async_nolink(sup, &spec, &a), 0);
	assert_int_equal(sup_async_await(a, &result, NULL, LONG), 0);
	return take(&result);
}

/* What was asked for, and what libc needs of it, which is always as much. */
static void TSK_02_a_job_has_the_stack_that_its_spec_says(void **state)
{
	const size_t small = 128 << 10, big = 4 << 20;
	struct sup_pid sup = jobs(0);
	size_t least = stack_of_a_job(sup, small);

	(void)state;
	assert_true(least >= small);
	assert_int_equal(stack_of_a_job(sup, big) - least, big - small);
}

static int is_linked(void *arg)
{
	struct sup_pid sup = *(struct sup_pid *)arg;
	struct sup_async *a = async(sup, FOREVER);
	struct sup_child *rows;
	struct sup_msg result;
	struct sup_info info;
	struct sup_pid pid;
	size_t n;

	EXPECT(a);
	pid = sup_async_pid(a);
	EXPECT(!sup_which_children(sup, &rows, &n) && n == 1);
	EXPECT(rows[0].pid.v == pid.v);
	free(rows);
	EXPECT(!sup_trap_exits(true, NULL));
	EXPECT(!sup_terminate_child_pid(sup, pid));
	EXPECT(!sup_receive(&info, LONG) && info.kind == SUP_INFO_EXIT);
	EXPECT(info.pid.v == pid.v);
	EXPECT(sup_async_await(a, &result, NULL, LONG) == -EPIPE);
	a = async(sup, 5);
	EXPECT(!sup_async_await(a, &result, NULL, LONG));
	EXPECT(take(&result) == 5);
	/* It has ended, and that was normal. */
	EXPECT(!sup_receive(&info, LONG) && info.kind == SUP_INFO_EXIT);
	EXPECT(info.reason.kind == SUP_REASON_NORMAL);
	return 0;
}

static void TSK_05_09_async_is_linked_and_a_child(void **state)
{
	struct sup_pid sup = jobs(0);

	(void)state;
	run_with(is_linked, &sup);
}

static int dies_of_its_job(void *arg)
{
	struct sup_async *a = async(*(struct sup_pid *)arg, FAIL);
	struct sup_msg result;

	sup_async_await(a, &result, NULL, LONG);
	return __LINE__;
}

static void async_failure_ends_an_owner_that_does_not_trap(void **state)
{
	struct sup_pid sup = jobs(0);
	struct sup_reason reason = end_of(start(dies_of_its_job, &sup));

	(void)state;
	assert_int_equal(reason.kind, SUP_REASON_EXIT);
	assert_int_equal(reason.code, 7);
}

static int leaves_its_job(void *arg)
{
	struct sup_pid *pids = arg;
	struct sup_async *a = async(pids[0], FOREVER);

	pids[1] = sup_async_pid(a);
	return 3;
}

static void an_owner_that_fails_ends_its_job(void **state)
{
	struct sup_pid pids[2] = { jobs(0) };

	(void)state;
	assert_int_equal(end_of(start(leaves_its_job, pids)).code, 3);
	assert_int_equal(end_of(pids[1]).code, 3);
}

static int nolink_survives(void *arg)
{
	struct sup_pid sup = *(struct sup_pid *)arg;
	struct sup_reason reason;
	struct sup_msg result;
	struct sup_async *a;

	a = nolink(sup, FOREVER);
	EXPECT(n_children(sup) == 1);
	kill_and_wait(sup_async_pid(a));
	EXPECT(sup_async_await(a, &result, &reason, LONG) == -EPIPE);
	EXPECT(reason.kind == SUP_REASON_KILLED);
	a = nolink(sup, FAIL);
	EXPECT(sup_async_await(a, &result, &reason, LONG) == -EPIPE);
	EXPECT(reason.code == 7);
	a = nolink(sup, 6);
	EXPECT(!sup_async_await(a, &result, NULL, LONG));
	EXPECT(take(&result) == 6);
	EXPECT(!has_message());
	return 0;
}

static void TSK_10_13_async_nolink_is_not_linked(void **state)
{
	struct sup_pid sup = jobs(0);

	(void)state;
	run_with(nolink_survives, &sup);
}

static void TSK_06_11_16_custom_shutdown(void **state)
{
	struct sup_job_spec spec = job_spec(FOREVER);
	struct sup_pid sup = jobs(0), pid;
	struct sup_async *a[2];
	size_t i;

	(void)state;
	spec.shutdown_ms = SUP_SHUTDOWN_KILL;
	assert_int_equal(sup_async_start(sup, &spec, &a[0]), 0);
	assert_int_equal(sup_async_nolink(sup, &spec, &a[1]), 0);
	assert_int_equal(sup_start_job(sup, &spec, &pid), 0);
	assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, NULL, LONG), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	for (i = 0; i < 2; i++) {
		assert_int_equal(end_of(sup_async_pid(a[i])).kind,
				 SUP_REASON_KILLED);
		sup_async_shutdown(a[i], 0, &(struct sup_outcome){ 0 });
	}
}

static void TSK_07_12_max_children(void **state)
{
	struct sup_job_spec spec = job_spec(FOREVER);
	struct sup_pid sup = jobs(1), pid;
	struct sup_outcome outcome;
	struct sup_async *a, *b;

	(void)state;
	a = async(sup, FOREVER);
	assert_non_null(a);
	assert_int_equal(sup_async_start(sup, &spec, &b), -ENOSPC);
	assert_int_equal(sup_async_nolink(sup, &spec, &b), -ENOSPC);
	assert_int_equal(sup_start_job(sup, &spec, &pid), -ENOSPC);
	assert_int_equal(sup_async_shutdown(a, 0, &outcome), 0);
}

static _Atomic int runs, frees;

static int run_and_end(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	if (atomic_fetch_add(&runs, 1) == 0)
		sup_exit_self(&SUP_SHUTDOWN);
	return job((void *)FOREVER, ret_result);
}

static void count_free(void *arg)
{
	(void)arg;
	atomic_fetch_add(&frees, 1);
}

static void wait_for(_Atomic int *count, int n)
{
	while (atomic_load(count) < n)
		sup_wait(SUP_PID_NONE, NULL, SUP_TRY);
}

static void TSK_14_15_start_child(void **state)
{
	struct sup_job_spec spec = job_spec(3), bad = spec;
	struct sup_pid sup = jobs(0), pid;

	(void)state;
	atomic_store(&frees, 0);
	spec.free_arg = count_free;
	assert_int_equal(sup_start_job(sup, &spec, &pid), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	wait_for(&frees, 1);
	assert_int_equal(n_children(sup), 0);
	bad.run = NULL;
	assert_int_equal(sup_start_job(sup, &bad, &pid), -EINVAL);
	bad = spec; bad.restart = 3;
	assert_int_equal(sup_start_job(sup, &bad, &pid), -EINVAL);
	bad = spec; bad.shutdown_ms = -3;
	assert_int_equal(sup_start_job(sup, &bad, &pid), -EINVAL);
	bad = spec; bad.size = 0;
	assert_int_equal(sup_start_job(sup, &bad, &pid), -EINVAL);
	assert_int_equal(sup_start_job(SUP_PID_NONE, &spec, &pid), -ESRCH);
	assert_int_equal(atomic_load(&frees), 1);
}

static void TSK_17_custom_restart(void **state)
{
	struct sup_job_spec spec = job_spec(0);
	struct sup_pid sup = jobs(0), pid;

	(void)state;
	atomic_store(&runs, 0);
	spec.run = run_and_end;
	spec.restart = SUP_JOB_PERMANENT;
	assert_int_equal(sup_start_job(sup, &spec, &pid), 0);
	wait_for(&runs, 2);
	assert_int_equal(n_children(sup), 1);
	atomic_store(&runs, 0);
	spec.restart = SUP_JOB_TRANSIENT;
	assert_int_equal(sup_start_job(sup, &spec, &pid), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_SHUTDOWN);
	/* Its supervisor is told after us. */
	while (n_children(sup) > 1)
		sup_wait(SUP_PID_NONE, NULL, SUP_TRY);
}

static void TSK_19_terminate_child(void **state)
{
	struct sup_job_spec spec = job_spec(FOREVER);
	struct sup_pid sup = jobs(0), pid;

	(void)state;
	assert_int_equal(sup_start_job(sup, &spec, &pid), 0);
	assert_int_equal(sup_terminate_child_pid(sup, pid), 0);
	assert_int_equal(n_children(sup), 0);
	assert_int_equal(sup_terminate_child_pid(sup, pid), -ENOENT);
}

static int await_times_out(void *arg)
{
	struct sup_async *a = nolink(*(struct sup_pid *)arg, FOREVER);
	struct sup_pid pid = sup_async_pid(a);
	struct sup_msg result;

	EXPECT(sup_async_await(a, &result, NULL, SUP_TRY) == -ETIMEDOUT);
	EXPECT(sup_is_alive(pid));
	kill_and_wait(pid);
	EXPECT(!has_message());
	return 0;
}

static void TSK_20_await_times_out_and_nothing_comes(void **state)
{
	struct sup_pid sup = jobs(0);

	(void)state;
	run_with(await_times_out, &sup);
}

static int fails_for_one_that_traps(void *arg)
{
	struct sup_pid sup = *(struct sup_pid *)arg;
	struct sup_reason reason;
	struct sup_msg result;
	struct sup_info info;
	struct sup_async *a;

	EXPECT(!sup_trap_exits(true, NULL));
	a = async(sup, FAIL);
	EXPECT(!sup_receive(&info, LONG) && info.kind == SUP_INFO_EXIT);
	EXPECT(info.reason.kind == SUP_REASON_EXIT && info.reason.code == 7);
	EXPECT(sup_async_await(a, &result, &reason, LONG) == -EPIPE);
	EXPECT(reason.kind == SUP_REASON_EXIT && reason.code == 7);
	return 0;
}

static void TSK_21_to_23_await_tells_how_a_job_ended(void **state)
{
	struct sup_pid sup = jobs(0);
	struct sup_reason reason;
	struct sup_msg result;
	struct sup_async *a;

	(void)state;
	run_with(fails_for_one_that_traps, &sup);
	a = nolink(sup, EXIT_NORMAL);
	assert_int_equal(sup_async_await(a, &result, &reason, LONG), -EPIPE);
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
	a = nolink(sup, EXIT_SHUTDOWN);
	assert_int_equal(sup_async_await(a, &result, &reason, LONG), -EPIPE);
	assert_int_equal(reason.kind, SUP_REASON_SHUTDOWN);
	a = nolink(sup, FOREVER);
	sup_kill(sup_async_pid(a), LONG);
	assert_int_equal(sup_async_await(a, &result, &reason, LONG), -EPIPE);
	assert_int_equal(reason.kind, SUP_REASON_KILLED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(TSK_01_03_04_supervised_directly),
		CASE(TSK_02_a_job_has_the_stack_that_its_spec_says),
		CASE(TSK_05_09_async_is_linked_and_a_child),
		CASE(async_failure_ends_an_owner_that_does_not_trap),
		CASE(an_owner_that_fails_ends_its_job),
		CASE(TSK_10_13_async_nolink_is_not_linked),
		CASE(TSK_06_11_16_custom_shutdown),
		CASE(TSK_07_12_max_children),
		CASE(TSK_14_15_start_child),
		CASE(TSK_17_custom_restart),
		CASE(TSK_19_terminate_child),
		CASE(TSK_20_await_times_out_and_nothing_comes),
		CASE(TSK_21_to_23_await_tells_how_a_job_ended),
	};

	return RUN_TESTS(tests);
}
