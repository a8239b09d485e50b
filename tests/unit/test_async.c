/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asyncs. Cases are those of Elixir's Task, which have no ids but names. */
#include "jobs.h"

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
