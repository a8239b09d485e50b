/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs and asyncs. Cases are those of Elixir's Task.Supervisor (TSK) and Task;
 * the latter have no ids but names.
 */
#include "jobs.h"

static void TSK_01_a_dynamic_supervisor_has_none_at_first(void **state)
{
	struct sup_pid sup = jobs(0);
	struct sup_child_counts counts;

	(void)state;
	assert_int_equal(sup_count_children(sup, &counts), 0);
	/* TSK-04 */
	assert_int_equal(counts.specs + counts.active + counts.supervisors +
			 counts.workers, 0);
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
	/* TSK-09, 21 to 23: a failure has its reason. */
	a = async(sup, FAIL);
	EXPECT(!sup_receive(&info, LONG) && info.kind == SUP_INFO_EXIT);
	EXPECT(!sup_receive(&info, LONG) && info.kind == SUP_INFO_EXIT);
	EXPECT(sup_async_await(a, &result, &info.reason, LONG) == -EPIPE);
	EXPECT(info.reason.kind == SUP_REASON_EXIT && info.reason.code == 7);
	return 0;
}

static void TSK_05_async_is_linked_and_a_child(void **state)
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

	a = nolink(sup, FAIL);
	EXPECT(sup_async_await(a, &result, &reason, LONG) == -EPIPE);
	EXPECT(reason.code == 7);
	a = nolink(sup, 6);
	EXPECT(!sup_async_await(a, &result, NULL, LONG));
	EXPECT(take(&result) == 6);
	EXPECT(!has_message());
	return 0;
}

static void TSK_10_async_nolink_is_not_linked(void **state)
{
	struct sup_pid sup = jobs(0);

	(void)state;
	run_with(nolink_survives, &sup);
}

static void TSK_06_custom_shutdown(void **state)
{
	struct sup_job_spec spec = job_spec(FOREVER);
	struct sup_pid sup = jobs(0), pid;
	struct sup_async *a;

	(void)state;
	spec.shutdown_ms = SUP_SHUTDOWN_KILL;
	/* TSK-11, 16 */
	assert_int_equal(sup_async_nolink(sup, &spec, &a), 0);
	assert_int_equal(sup_start_job(sup, &spec, &pid), 0);
	assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, NULL, LONG), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	assert_int_equal(end_of(sup_async_pid(a)).kind, SUP_REASON_KILLED);
	sup_async_shutdown(a, 0, &(struct sup_outcome){ 0 });
}

static void TSK_07_max_children(void **state)
{
	struct sup_job_spec spec = job_spec(FOREVER);
	struct sup_pid sup = jobs(1), pid;
	struct sup_outcome outcome;
	struct sup_async *a, *b;

	(void)state;
	a = async(sup, FOREVER);
	assert_non_null(a);
	assert_int_equal(sup_async_start(sup, &spec, &b), -ENOSPC);
	/* TSK-12 */
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

static void TSK_14_start_child(void **state)
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

static void await_tells_how_a_job_ended(void **state)
{
	struct sup_pid sup = jobs(0);
	struct sup_reason reason;
	struct sup_msg result;
	struct sup_async *a;

	(void)state;
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

/* More ends than are remembered of those whom nobody holds. */
static void a_reason_is_kept_as_long_as_its_async(void **state)
{
	struct sup_pid sup = jobs(0);
	struct sup_async *a = nolink(sup, FAIL), *b;
	struct sup_reason reason;
	struct sup_msg result;
	int i;

	(void)state;
	for (i = 0; i < 1100; i++) {
		b = nolink(sup, 1);
		assert_int_equal(sup_async_await(b, &result, NULL, LONG), 0);
		sup_msg_free(&result);
	}
	assert_int_equal(sup_async_await(a, &result, &reason, LONG), -EPIPE);
	assert_int_equal(reason.code, 7);
}

static void completed(void **state)
{
	struct sup_msg msg = { .tag = 8, .data = "x", .len = 1 }, result;
	struct sup_outcome outcome;
	struct sup_async *a;

	(void)state;
	assert_int_equal(sup_async_completed(&msg, &a), 0);
	assert_int_equal(sup_async_pid(a).v, 0);
	assert_int_equal(sup_async_await(a, &result, NULL, SUP_TRY), 0);
	assert_memory_equal(result.data, "x", 1);
	assert_int_equal(take(&result), 8);
	assert_int_equal(sup_async_completed(&msg, &a), 0);
	assert_int_equal(sup_async_ignore(a, &outcome), 0);
	assert_int_equal(outcome.kind, SUP_OUTCOME_OK);
	assert_int_equal(take(&outcome.result), 8);
	assert_int_equal(sup_async_completed(&msg, &a), 0);
	assert_int_equal(sup_async_shutdown(a, 0, &outcome), 0);
	assert_int_equal(outcome.kind, SUP_OUTCOME_OK);
	assert_int_equal(take(&outcome.result), 8);
}

static int not_the_owner(void *arg)
{
	struct sup_async *a = arg;
	struct sup_outcome outcome;
	struct sup_msg result;

	EXPECT(sup_async_await(a, &result, NULL, SUP_TRY) == -EPERM);
	EXPECT(sup_async_yield(a, &result, NULL, SUP_TRY) == -EPERM);
	EXPECT(sup_async_await_many(&a, 1, &result, NULL, NULL, SUP_TRY) ==
	       -EPERM);
	EXPECT(sup_async_yield_many(&a, 1, &outcome, 0, SUP_TIMEOUT_KILL,
				    SUP_TRY) == -EPERM);
	EXPECT(sup_async_shutdown(a, 0, &outcome) == -EPERM);
	EXPECT(sup_async_ignore(a, &outcome) == -EPERM);
	return 0;
}

static void others_are_refused(void **state)
{
	struct sup_pid sup = jobs(0);
	struct sup_async *a = nolink(sup, 4);
	struct sup_msg result;

	(void)state;
	run_with(not_the_owner, a);
	assert_int_equal(sup_async_await(a, &result, NULL, LONG), 0);
	assert_int_equal(take(&result), 4);
}

static void yield_can_be_repeated(void **state)
{
	struct sup_pid sup = jobs(0);
	struct sup_async *a = nolink(sup, FOREVER);
	struct sup_reason reason;
	struct sup_msg result;

	(void)state;
	assert_int_equal(sup_async_yield(a, &result, NULL, SUP_TRY),
			 -ETIMEDOUT);
	assert_int_equal(sup_async_yield(a, &result, NULL, ms(2)),
			 -ETIMEDOUT);
	sup_exit(sup_async_pid(a), &SUP_SHUTDOWN);
	assert_int_equal(sup_async_yield(a, &result, &reason, LONG), -EPIPE);
	assert_int_equal(reason.kind, SUP_REASON_SHUTDOWN);
}

static void await_many(void **state)
{
	struct sup_pid sup = jobs(0);
	struct sup_async *a[3];
	struct sup_reason reason;
	struct sup_msg results[3];
	size_t failed = 99, i;

	(void)state;
	assert_int_equal(sup_async_await_many(a, 0, results, NULL, NULL,
					      SUP_TRY), 0);
	for (i = 0; i < 3; i++)
		a[i] = nolink(sup, 10 + i);
	assert_int_equal(sup_async_await_many(a, 3, results, NULL, NULL, LONG),
			 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(take(&results[i]), 10 + i);
	/* At once, whoever else goes on. */
	a[0] = nolink(sup, FOREVER);
	a[1] = nolink(sup, FAIL);
	a[2] = nolink(sup, 1);
	assert_int_equal(sup_async_await_many(a, 3, results, &reason, &failed,
					      SUP_FOREVER), -EPIPE);
	assert_int_equal(failed, 1);
	assert_int_equal(reason.code, 7);
	a[0] = nolink(sup, 1);
	a[1] = nolink(sup, FOREVER);
	assert_int_equal(sup_async_await_many(a, 2, results, NULL, NULL,
					      ms(5)), -ETIMEDOUT);
}

static void yield_many(void **state)
{
	struct sup_pid sup = jobs(0), pid;
	struct sup_outcome out[4];
	struct sup_async *a[4];
	size_t i, n = 0;

	(void)state;
	a[0] = nolink(sup, 1);
	a[1] = nolink(sup, FAIL);
	a[2] = nolink(sup, FOREVER);
	a[3] = NULL;
	pid = sup_async_pid(a[2]);
	/* A limit that is met is no timeout. */
	assert_int_equal(sup_async_yield_many(a, 4, out, 2, SUP_TIMEOUT_KILL,
					      LONG), 0);
	assert_int_equal(out[0].kind, SUP_OUTCOME_OK);
	assert_int_equal(take(&out[0].result), 1);
	assert_int_equal(out[1].kind, SUP_OUTCOME_EXIT);
	assert_int_equal(out[1].reason.code, 7);
	assert_int_equal(out[2].kind, SUP_OUTCOME_NONE);
	assert_null(a[0]);
	assert_null(a[1]);
	assert_non_null(a[2]);
	assert_int_equal(sup_async_yield_many(a, 4, out, 0,
					      SUP_TIMEOUT_NOTHING, ms(1)), 0);
	assert_non_null(a[2]);
	assert_int_equal(sup_async_yield_many(a, 4, out, 9, SUP_TIMEOUT_IGNORE,
					      ms(1)), 0);
	assert_null(a[2]);
	assert_int_equal(out[2].kind, SUP_OUTCOME_NONE);
	assert_true(sup_is_alive(pid));
	a[2] = nolink(sup, FOREVER);
	pid = sup_async_pid(a[2]);
	assert_int_equal(sup_async_yield_many(a, 4, out, 0, SUP_TIMEOUT_KILL,
					      ms(1)), 0);
	assert_null(a[2]);
	assert_false(sup_is_alive(pid));
	assert_int_equal(out[2].kind, SUP_OUTCOME_NONE);
	assert_int_equal(sup_async_yield_many(a, 4, out, 0, 3, SUP_TRY),
			 -EINVAL);
	/* No more than the limit are taken. */
	for (i = 0; i < 4; i++)
		a[i] = nolink(sup, 1 + i);
	for (i = 0; i < 4; i++)
		assert_int_equal(end_of(sup_async_pid(a[i])).code, 0);
	assert_int_equal(sup_async_yield_many(a, 4, out, 3, SUP_TIMEOUT_KILL,
					      SUP_FOREVER), 0);
	for (i = 0; i < 4; i++) {
		n += out[i].kind == SUP_OUTCOME_OK;
		sup_msg_free(&out[i].result);
	}
	assert_int_equal(n, 3);
	assert_int_equal(sup_async_yield_many(a, 4, out, 0, SUP_TIMEOUT_KILL,
					      SUP_FOREVER), 0);
	assert_int_equal(take(&out[3].result), 4);
}

static struct sup_outcome shut(struct sup_async *a, int64_t how)
{
	struct sup_outcome outcome = { .kind = 99 };

	assert_int_equal(sup_async_shutdown(a, how, &outcome), 0);
	return outcome;
}

static struct sup_async *over(struct sup_async *a)
{
	sup_wait(sup_async_pid(a), NULL, LONG);
	return a;
}

static void shutdown_says_what_became_of_it(void **state)
{
	struct sup_pid sup = jobs(0);
	struct sup_outcome out;
	struct sup_async *a;

	(void)state;
	out = shut(over(nolink(sup, 9)), 0);
	assert_int_equal(out.kind, SUP_OUTCOME_OK);
	assert_int_equal(take(&out.result), 9);
	out = shut(nolink(sup, FOREVER), 0);
	assert_int_equal(out.kind, SUP_OUTCOME_NONE);
	out = shut(over(nolink(sup, FAIL)), 0);
	assert_int_equal(out.kind, SUP_OUTCOME_EXIT);
	assert_int_equal(out.reason.code, 7);
	out = shut(over(nolink(sup, EXIT_NORMAL)), 0);
	assert_int_equal(out.kind, SUP_OUTCOME_EXIT);
	assert_int_equal(out.reason.kind, SUP_REASON_NORMAL);
	out = shut(over(nolink(sup, EXIT_SHUTDOWN)), 0);
	assert_int_equal(out.kind, SUP_OUTCOME_NONE);
	out = shut(over(nolink(sup, EXIT_SHUTDOWN)), SUP_SHUTDOWN_KILL);
	assert_int_equal(out.kind, SUP_OUTCOME_EXIT);
	out = shut(nolink(sup, FOREVER), SUP_SHUTDOWN_KILL);
	assert_int_equal(out.kind, SUP_OUTCOME_NONE);
	a = nolink(sup, DEAF);
	assert_int_equal(sup_async_shutdown(a, -3, &out), -EINVAL);
	out = shut(a, 300);
	/* If it had not come to trap it yet, it ended as asked. */
	if (out.kind == SUP_OUTCOME_EXIT)
		assert_int_equal(out.reason.kind, SUP_REASON_KILLED);
	else
		assert_int_equal(out.kind, SUP_OUTCOME_NONE);
}

static int shuts_and_ignores_linked_ones(void *arg)
{
	struct sup_pid sup = *(struct sup_pid *)arg, pid;
	struct sup_outcome out;
	struct sup_async *a;

	EXPECT(!sup_trap_exits(true, NULL));
	a = async(sup, FOREVER);
	EXPECT(!sup_async_shutdown(a, 0, &out));
	EXPECT(out.kind == SUP_OUTCOME_NONE);
	a = over(async(sup, FAIL));
	EXPECT(!sup_async_ignore(a, &out));
	EXPECT(out.kind == SUP_OUTCOME_EXIT && out.reason.code == 7);
	a = async(sup, FOREVER);
	pid = sup_async_pid(a);
	EXPECT(!sup_async_ignore(a, &out));
	EXPECT(out.kind == SUP_OUTCOME_NONE);
	kill_and_wait(pid);
	EXPECT(!has_message());
	return 0;
}

static void neither_shutdown_nor_ignore_leaves_a_message(void **state)
{
	struct sup_pid sup = jobs(0);

	(void)state;
	run_with(shuts_and_ignores_linked_ones, &sup);
}

/* Killed over and over at every moment: nothing is left of its asyncs. */
static int starts_many(void *arg)
{
	struct sup_pid sup = *(struct sup_pid *)arg;
	struct sup_msg result;
	struct sup_async *a;

	for (;;) {
		async(sup, FOREVER);
		a = nolink(sup, 3);
		if (a && !sup_async_await(a, &result, NULL, LONG))
			sup_msg_free(&result);
		sup_checkpoint();
	}
	return 0;
}

static void owners_that_are_killed_leave_nothing(void **state)
{
	struct sup_pid sup = jobs(0), pid;
	int i;

	(void)state;
	for (i = 0; i < SLOWLY(50); i++) {
		pid = start(starts_many, &sup);
		sup_wait(pid, NULL, ms(i % 4));
		kill_and_wait(pid);
	}
	while (n_children(sup))
		sup_wait(SUP_PID_NONE, NULL, SUP_TRY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(TSK_01_a_dynamic_supervisor_has_none_at_first),
		CASE(TSK_05_async_is_linked_and_a_child),
		CASE(async_failure_ends_an_owner_that_does_not_trap),
		CASE(an_owner_that_fails_ends_its_job),
		CASE(TSK_10_async_nolink_is_not_linked),
		CASE(TSK_06_custom_shutdown),
		CASE(TSK_07_max_children),
		CASE(TSK_14_start_child),
		CASE(TSK_17_custom_restart),
		CASE(TSK_19_terminate_child),
		CASE(TSK_20_await_times_out_and_nothing_comes),
		CASE(await_tells_how_a_job_ended),
		CASE(a_reason_is_kept_as_long_as_its_async),
		CASE(completed),
		CASE(others_are_refused),
		CASE(yield_can_be_repeated),
		CASE(await_many),
		CASE(yield_many),
		CASE(shutdown_says_what_became_of_it),
		CASE(neither_shutdown_nor_ignore_leaves_a_message),
		CASE(owners_that_are_killed_leave_nothing),
	};

	return RUN_TESTS(tests);
}
