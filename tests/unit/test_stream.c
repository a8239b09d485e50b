/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Streams. Cases are those of Elixir's Task.Supervisor.async_stream. */
#include "jobs.h"

#include <sup/stream.h>

/* Items 1 to n, of the heap, each freed once; the next fails after that. */
struct source {
	uint64_t next, n;
	int fail;
	uint64_t (*what)(uint64_t i);	/* NULL: i itself */
};

static _Atomic int items;

struct item {
	uint64_t i, what;
};

static int next_item(void *source, void **ret_item)
{
	struct source *s = source;
	struct item *item;

	if (s->next == s->n)
		return s->fail ? s->fail : SUP_STREAM_END;
	item = malloc(sizeof(*item));
	item->i = ++s->next;
	item->what = s->what ? s->what(item->i) : item->i;
	atomic_fetch_add(&items, 1);
	*ret_item = item;
	return 0;
}

static void free_item(void *item)
{
	atomic_fetch_sub(&items, 1);
	free(item);
}

static int work(void *item, struct sup_msg *ret_result)
{
	return job((void *)(uintptr_t)((struct item *)item)->what, ret_result);
}

static struct sup_stream_spec stream_spec(struct sup_pid sup, struct source *s)
{
	return (struct sup_stream_spec){
		.size = sizeof(struct sup_stream_spec), .sup = sup,
		.next = next_item, .source = s, .run = work,
		.free_item = free_item, .max_concurrency = 4,
		.timeout_ms = -1,
	};
}

/* What is left over: no item, no job, no message. */
static int leaves_nothing(struct sup_pid sup)
{
	struct sup_pid none = SUP_PID_NONE;

	while (n_children(sup))
		sup_wait(none, NULL, SUP_TRY);
	EXPECT(!atomic_load(&items));
	EXPECT(!has_message());
	return 0;
}

static int in_order(void *arg, bool is_nolink)
{
	struct sup_pid sup = *(struct sup_pid *)arg;
	struct source source = { .n = 20 };
	struct sup_stream_spec spec = stream_spec(sup, &source);
	struct sup_stream_result r;
	struct sup_stream *stream;
	uint64_t i;

	spec.nolink = is_nolink;
	EXPECT(!sup_trap_exits(true, NULL));
	EXPECT(!sup_stream_open(&spec, &stream));
	for (i = 1; i <= 20; i++) {
		EXPECT(!sup_stream_next(stream, &r));
		EXPECT(r.outcome.kind == SUP_OUTCOME_OK && r.index == i - 1);
		EXPECT(((struct item *)r.item)->i == i);
		EXPECT(take(&r.outcome.result) == i);
		/* Taken when there was a job free for it, no sooner. */
		EXPECT(source.next <= i + 20);
	}
	EXPECT(sup_stream_next(stream, &r) == SUP_STREAM_END);
	EXPECT(sup_stream_next(stream, &r) == SUP_STREAM_END);
	EXPECT(!sup_stream_close(stream));
	return leaves_nothing(sup);
}

static int in_order_linked(void *arg)
{
	return in_order(arg, false);
}

static int in_order_nolink(void *arg)
{
	return in_order(arg, true);
}

static void TSK_24_to_26_37_to_39_with_fun(void **state)
{
	struct sup_pid sup = jobs(0);

	(void)state;
	run_with(in_order_linked, &sup);
	run_with(in_order_nolink, &sup);
}

static uint64_t all_fail(uint64_t i)
{
	(void)i;
	return FAIL;
}

/* The first four of n; there may be more that nobody wants. */
static int exits_of(struct sup_pid sup, uint64_t n, bool is_nolink)
{
	struct source source = { .n = n, .what = all_fail };
	struct sup_stream_spec spec = stream_spec(sup, &source);
	struct sup_stream_result r;
	struct sup_stream *stream;
	uint64_t i;

	spec.nolink = is_nolink;
	if (!is_nolink)
		EXPECT(!sup_trap_exits(true, NULL));
	EXPECT(!sup_stream_open(&spec, &stream));
	for (i = 0; i < 4; i++) {
		EXPECT(!sup_stream_next(stream, &r));
		EXPECT(r.outcome.kind == SUP_OUTCOME_EXIT && r.index == i);
		EXPECT(r.outcome.reason.code == 7 && !r.timed_out);
		/* What it was about. */
		EXPECT(((struct item *)r.item)->i == i + 1);
	}
	if (n == 4)
		EXPECT(sup_stream_next(stream, &r) == SUP_STREAM_END);
	EXPECT(!sup_stream_close(stream));
	return leaves_nothing(sup);
}

static int exits(void *arg, bool is_nolink)
{
	struct sup_pid sup = *(struct sup_pid *)arg;
	int ret = exits_of(sup, 4, is_nolink);

	return ret ? ret : exits_of(sup, 8, is_nolink);
}

static int exits_linked(void *arg)
{
	return exits(arg, false);
}

static int exits_nolink(void *arg)
{
	return exits(arg, true);
}

static void TSK_28_35_41_with_exits(void **state)
{
	struct sup_pid sup = jobs(0);

	(void)state;
	run_with(exits_linked, &sup);
	/* Its owner does not even trap. */
	run_with(exits_nolink, &sup);
}

static int dies_of_an_item(void *arg)
{
	struct source source = { .n = 4, .what = all_fail };
	struct sup_stream_spec spec = stream_spec(*(struct sup_pid *)arg,
						  &source);
	struct sup_stream_result r;
	struct sup_stream *stream;

	EXPECT(!sup_stream_open(&spec, &stream));
	while (!sup_stream_next(stream, &r))
		;
	return __LINE__;
}

static void a_linked_failure_ends_an_owner_that_does_not_trap(void **state)
{
	struct sup_pid sup = jobs(0);
	struct sup_reason reason = end_of(start(dies_of_an_item, &sup));

	(void)state;
	assert_int_equal(reason.kind, SUP_REASON_EXIT);
	assert_int_equal(reason.code, 7);
	while (n_children(sup) || atomic_load(&items))
		sup_wait(SUP_PID_NONE, NULL, SUP_TRY);
}

static uint64_t first_ends(uint64_t i)
{
	return i == 1 ? 1 : FOREVER;
}

static int take_one(void *arg, bool is_nolink)
{
	struct sup_pid sup = *(struct sup_pid *)arg;
	struct source source = { .n = 4, .what = first_ends };
	struct sup_stream_spec spec = stream_spec(sup, &source);
	struct sup_stream_result r;
	struct sup_stream *stream;

	spec.nolink = is_nolink;
	EXPECT(!sup_stream_open(&spec, &stream));
	EXPECT(!sup_stream_next(stream, &r));
	EXPECT(take(&r.outcome.result) == 1);
	EXPECT(!sup_stream_close(stream));
	return leaves_nothing(sup);
}

static int take_one_linked(void *arg)
{
	return take_one(arg, false);
}

static int take_one_nolink(void *arg)
{
	return take_one(arg, true);
}

static void TSK_29_30_42_43_shuts_down_unused_tasks(void **state)
{
	struct sup_pid sup = jobs(0);

	(void)state;
	run_with(take_one_linked, &sup);
	run_with(take_one_nolink, &sup);
}

static uint64_t never_ends(uint64_t i)
{
	(void)i;
	return FOREVER;
}

static int runs_out(void *arg, bool is_nolink)
{
	struct sup_pid sup = *(struct sup_pid *)arg;
	struct source source = { .n = 4, .what = never_ends };
	struct sup_stream_spec spec = stream_spec(sup, &source);
	struct sup_stream_result r;
	struct sup_stream *stream;

	spec.nolink = is_nolink;
	EXPECT(!sup_stream_open(&spec, &stream));
	EXPECT(sup_stream_next(stream, &r) == -ENOSPC);
	EXPECT(sup_stream_next(stream, &r) == -ENOSPC);
	EXPECT(!sup_stream_close(stream));
	return leaves_nothing(sup);
}

static int runs_out_linked(void *arg)
{
	return runs_out(arg, false);
}

static int runs_out_nolink(void *arg)
{
	return runs_out(arg, true);
}

static void TSK_31_44_max_children_is_reached(void **state)
{
	struct sup_pid sup = jobs(1);

	(void)state;
	run_with(runs_out_linked, &sup);
	run_with(runs_out_nolink, &sup);
}

static int open_here(void *arg)
{
	struct sup_stream_result r;

	EXPECT(sup_stream_next(arg, &r) == -EPERM);
	EXPECT(sup_stream_close(arg) == -EPERM);
	return 0;
}

/* Others are refused; and a foreign thread may have one. */
static void TSK_33_a_stream_has_one_owner(void **state)
{
	struct sup_pid sup = jobs(0);
	struct source source = { .n = 3 };
	struct sup_stream_spec spec = stream_spec(sup, &source);
	struct sup_stream_result r;
	struct sup_stream *stream;
	uint64_t n = 0;

	(void)state;
	assert_int_equal(sup_stream_open(&spec, &stream), 0);
	run_with(open_here, stream);
	while (!sup_stream_next(stream, &r))
		n += take(&r.outcome.result);
	assert_int_equal(n, 6);
	assert_int_equal(sup_stream_close(stream), 0);
}

static uint64_t every_other(uint64_t i)
{
	return i % 2 ? FOREVER : i;
}

static void TSK_34_timeout(void **state)
{
	struct sup_pid sup = jobs(0);
	struct source source = { .n = 4, .what = every_other };
	struct sup_stream_spec spec = stream_spec(sup, &source);
	struct sup_stream_result r;
	struct sup_stream *stream;
	uint64_t i;

	(void)state;
	spec.kill_late = true;
	spec.timeout_ms = 200;
	assert_int_equal(sup_stream_open(&spec, &stream), 0);
	for (i = 1; i <= 4; i++) {
		assert_int_equal(sup_stream_next(stream, &r), 0);
		assert_int_equal(((struct item *)r.item)->i, i);
		assert_int_equal(r.timed_out, i % 2);
		assert_int_equal(r.outcome.kind, i % 2 ? SUP_OUTCOME_EXIT :
				 SUP_OUTCOME_OK);
		sup_msg_free(&r.outcome.result);
	}
	assert_int_equal(sup_stream_close(stream), 0);
	source = (struct source){ .n = 4, .what = every_other };
	spec.kill_late = false;
	spec.timeout_ms = 1;
	assert_int_equal(sup_stream_open(&spec, &stream), 0);
	assert_int_equal(sup_stream_next(stream, &r), -ETIMEDOUT);
	assert_int_equal(sup_stream_next(stream, &r), -ETIMEDOUT);
	assert_int_equal(sup_stream_close(stream), 0);
	assert_int_equal(leaves_nothing(sup), 0);
}

static _Atomic int gate;

/* The later the item, the sooner it ends: each waits for the one after it. */
static int last_first(void *item, struct sup_msg *ret_result)
{
	int i = (int)((struct item *)item)->i;

	while (atomic_load(&gate) != i)
		sup_checkpoint();
	give(ret_result, (uint64_t)i);
	atomic_store(&gate, i - 1);
	return 0;
}

struct order {
	struct sup_pid sup;
	bool nolink, unordered;
};

static int check_order(void *arg)
{
	const struct order *order = arg;
	struct source source = { .n = 4 };
	struct sup_stream_spec spec = stream_spec(order->sup, &source);
	struct sup_stream_result r;
	struct sup_stream *stream;
	uint64_t i, tags = 0;

	spec.run = last_first;
	spec.nolink = order->nolink;
	spec.unordered = order->unordered;
	atomic_store(&gate, 4);
	EXPECT(!sup_stream_open(&spec, &stream));
	for (i = 0; i < 4; i++) {
		EXPECT(!sup_stream_next(stream, &r));
		EXPECT(order->unordered || r.index == i);
		EXPECT(r.outcome.result.tag == r.index + 1);
		tags = tags * 10 + take(&r.outcome.result);
	}
	EXPECT(order->unordered || tags == 1234);
	EXPECT(sup_stream_next(stream, &r) == SUP_STREAM_END);
	EXPECT(!sup_stream_close(stream));
	return leaves_nothing(order->sup);
}

static void TSK_27_40_slowest_first(void **state)
{
	struct order order = { .sup = jobs(0) };
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		order.nolink = i & 1;
		order.unordered = i & 2;
		run_with(check_order, &order);
	}
}

/* One job for two items: the second is taken when the first has ended. */
static void max_concurrency_1_is_one_after_the_other(void **state)
{
	struct sup_pid sup = jobs(0);
	struct source source = { .n = 50 };
	struct sup_stream_spec spec = stream_spec(sup, &source);
	struct sup_stream_result r;
	struct sup_stream *stream;
	uint64_t i;

	(void)state;
	spec.max_concurrency = 1;
	assert_int_equal(sup_stream_open(&spec, &stream), 0);
	for (i = 1; i <= 50; i++) {
		assert_int_equal(sup_stream_next(stream, &r), 0);
		assert_true(source.next <= i + 1);
		assert_int_equal(take(&r.outcome.result), i);
	}
	assert_int_equal(sup_stream_close(stream), 0);
}

static void a_source_that_fails(void **state)
{
	struct sup_pid sup = jobs(0);
	struct source source = { .n = 2, .fail = -EIO, .what = never_ends };
	struct sup_stream_spec spec = stream_spec(sup, &source);
	struct sup_stream_result r;
	struct sup_stream *stream;

	(void)state;
	assert_int_equal(sup_stream_open(&spec, &stream), 0);
	assert_int_equal(sup_stream_next(stream, &r), -EIO);
	assert_int_equal(sup_stream_close(stream), 0);
	source = (struct source){ .n = 0, .fail = 7 };
	assert_int_equal(sup_stream_open(&spec, &stream), 0);
	assert_int_equal(sup_stream_next(stream, &r), -EPROTO);
	assert_int_equal(sup_stream_close(stream), 0);
	assert_int_equal(leaves_nothing(sup), 0);
}

static void TSK_36_bad_options(void **state)
{
	struct source source = { .n = 1 };
	struct sup_stream_spec s, good = stream_spec(SUP_PID_NONE, &source);
	struct sup_stream *stream;

	(void)state;
	s = good; s.shutdown_ms = -3;
	assert_int_equal(sup_stream_open(&s, &stream), -EINVAL);
	s = good; s.timeout_ms = -2;
	assert_int_equal(sup_stream_open(&s, &stream), -EINVAL);
	s = good; s.run = NULL;
	assert_int_equal(sup_stream_open(&s, &stream), -EINVAL);
	s = good; s.next = NULL;
	assert_int_equal(sup_stream_open(&s, &stream), -EINVAL);
	s = good; s.size = 8;
	assert_int_equal(sup_stream_open(&s, &stream), -EINVAL);
	assert_int_equal(source.next, 0);
}

static int streams_for_ever(void *arg)
{
	struct sup_pid sup = *(struct sup_pid *)arg;
	struct source source = { .n = 1u << 30 };
	struct sup_stream_spec spec = stream_spec(sup, &source);
	struct sup_stream_result r;
	struct sup_stream *stream;

	EXPECT(!sup_stream_open(&spec, &stream));
	while (!sup_stream_next(stream, &r))
		sup_msg_free(&r.outcome.result);
	return __LINE__;
}

static void owners_that_are_killed_leave_nothing(void **state)
{
	struct sup_pid sup = jobs(0), pid;
	int i;

	(void)state;
	for (i = 0; i < SLOWLY(50); i++) {
		pid = start(streams_for_ever, &sup);
		sup_wait(pid, NULL, ms(i % 4));
		kill_and_wait(pid);
	}
	while (n_children(sup))
		sup_wait(SUP_PID_NONE, NULL, SUP_TRY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(TSK_24_to_26_37_to_39_with_fun),
		CASE(TSK_28_35_41_with_exits),
		CASE(a_linked_failure_ends_an_owner_that_does_not_trap),
		CASE(TSK_29_30_42_43_shuts_down_unused_tasks),
		CASE(TSK_31_44_max_children_is_reached),
		CASE(TSK_33_a_stream_has_one_owner),
		CASE(TSK_34_timeout),
		CASE(TSK_27_40_slowest_first),
		CASE(max_concurrency_1_is_one_after_the_other),
		CASE(a_source_that_fails),
		CASE(TSK_36_bad_options),
		CASE(owners_that_are_killed_leave_nothing),
	};

	return RUN_TESTS(tests);
}
