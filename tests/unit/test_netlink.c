/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module source against a made-up kernel that loses and repeats things. */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "lib/fake_module.h"

static struct sup__exit_source *src;

static int open_source(void **state)
{
	(void)state;
	return fake_module_open(0, 0, &src);
}

static int close_source(void **state)
{
	(void)state;
	fake_module_close(src);
	return 0;
}

static uint64_t told, told_n;

static void expect_next(const struct sup__exit_event *ev, void *arg)
{
	(void)arg;
	assert_int_equal(ev->kind, SUP__EXIT_PROCESS);
	assert_int_equal(ev->pid, 1000 + told + 1);
	told++;
	told_n++;
}

static void dispatch(void)
{
	told = kernel.acked;
	told_n = 0;
	assert_int_equal(src->ops->dispatch(src, expect_next, NULL), 0);
}

static void told_in_order_and_acknowledged(void **state)
{
	(void)state;
	dispatch();
	assert_int_equal(told_n, 0);
	assert_int_equal(kernel.n_acks, 0);
	fake_module_deliver(1, 3);
	fake_module_deliver(4, 2);
	kernel.n_asked = 0;
	dispatch();
	assert_int_equal(told_n, 5);
	assert_int_equal(kernel.acked, 5);
	assert_int_equal(kernel.n_acks, 2);
	assert_int_equal(kernel.n_asked, 0);
	dispatch();
	assert_int_equal(told_n, 0);
}

static void repeated_ones_are_told_once(void **state)
{
	(void)state;
	fake_module_deliver(1, 3);
	fake_module_deliver(1, 3);
	fake_module_deliver(2, 4);
	dispatch();
	assert_int_equal(told_n, 5);
}

static void after_a_gap_it_asks(void **state)
{
	(void)state;
	dispatch();
	kernel.n_asked = 0;
	fake_module_deliver(1, 2);
	fake_module_deliver(12, 3);
	dispatch();
	assert_int_equal(told_n, 14);
	assert_int_equal(kernel.acked, 14);
	assert_true(kernel.n_asked >= 4);
	/* What was on its way meanwhile comes late, and is known. */
	fake_module_deliver(3, 9);
	dispatch();
	assert_int_equal(told_n, 0);
}

static void after_lost_messages_it_asks(void **state)
{
	(void)state;
	dispatch();
	fake_module_deliver(1, 2);
	kernel.batches[kernel.n_batches++] = (struct fake_batch){
		.overrun = true,
	};
	kernel.last = 9;
	kernel.n_asked = 0;
	dispatch();
	assert_int_equal(told_n, 9);
	assert_int_equal(kernel.acked, 9);
	kernel.n_asked = 0;
	dispatch();
	assert_int_equal(kernel.n_asked, 0);
}

/* An adopted group starts where its dead owner had stopped. */
static void adopted_records_are_asked_for(void **state)
{
	(void)state;
	src->ops->close(src);
	assert_int_equal(fake_module_open(40, 47, &src), 0);
	dispatch();
	assert_int_equal(told_n, 7);
	assert_int_equal(kernel.acked, 47);
}

static void refusal_leaves_nothing_open(void **state)
{
	struct sup__exit_source *other = src;

	(void)state;
	kernel.group_says = -EPERM;
	assert_int_equal(fake_module_open(0, 0, &src), -EPERM);
	kernel.group_says = 0;
	src = other;
}

static void *catch_up(void *arg)
{
	int *ret = arg;

	*ret = src->ops->catch_up(src, sup_deadline_ms(30000));
	return NULL;
}

static void who_waits_for_news_gets_up_when_they_are_told(void **state)
{
	pthread_t thread;
	int ret = 1;

	(void)state;
	dispatch();
	assert_int_equal(src->ops->catch_up(src, SUP_TRY), 0);
	fake_module_deliver(1, 3);
	assert_int_equal(src->ops->catch_up(src, sup_deadline_ms(1)),
			 -ETIMEDOUT);
	assert_int_equal(pthread_create(&thread, NULL, catch_up, &ret), 0);
	dispatch();
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(ret, 0);
	assert_int_equal(src->ops->catch_up(src, SUP_TRY), 0);
}

static void token_is_that_of_the_group(void **state)
{
	unsigned char token[SUP_TOKEN_SIZE];
	uint64_t group;

	(void)state;
	assert_int_equal(src->ops->token(src, &group, token), 0);
	assert_int_equal(group, FAKE_GROUP);
	assert_int_equal(token[0], 5);
	assert_int_equal(token[SUP_TOKEN_SIZE - 1], 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_source, close_source)
		T(told_in_order_and_acknowledged),
		T(repeated_ones_are_told_once),
		T(after_a_gap_it_asks),
		T(after_lost_messages_it_asks),
		T(adopted_records_are_asked_for),
		T(refusal_leaves_nothing_open),
		T(who_waits_for_news_gets_up_when_they_are_told),
		T(token_is_that_of_the_group),
	};

	return RUN_TESTS(tests);
}
