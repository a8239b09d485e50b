/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who owns a message that a callback gives away as it got it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdatomic.h>
#include <stdlib.h>

#include <sup/sup.h>

#include "base/futex.h"

#define LONG sup_deadline_ms(30000)

static _Atomic uint32_t n_freed;

static void count_free(void *data)
{
	free(data);
	atomic_fetch_add(&n_freed, 1);
	sup__futex_wake_all(&n_freed);
}

static int init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static int reply_with_request(void *state, struct sup_from from,
			      struct sup_msg *req)
{
	(void)state;
	return sup_reply(from, req);
}

/* The state is the pid of who is to get it; of nobody: it stays here. */
static int pass_on(void *state, struct sup_msg *msg)
{
	struct sup_pid *to = state;

	return to->v ? sup_cast(*to, msg, LONG) : SUP_CONTINUE;
}

static const struct sup_server_ops ops = {
	.size = sizeof(ops), .init = init, .call = reply_with_request,
	.cast = pass_on,
};

static struct sup_pid start(struct sup_pid *to)
{
	struct sup_server_spec spec = {
		.size = sizeof(spec), .name = "giver", .ops = &ops, .arg = to,
	};
	struct sup_pid pid;

	assert_int_equal(sup_server_start(&spec, &pid), 0);
	return pid;
}

static struct sup_msg counted(void)
{
	return (struct sup_msg){
		.data = calloc(1, 8), .len = 8, .free = count_free,
	};
}

static int set_up(void **state)
{
	static struct sup_options pidfd = {
		.size = sizeof(pidfd), .source = SUP_SOURCE_PIDFD,
	};

	(void)state;
	atomic_store(&n_freed, 0);
	return sup_open(&pidfd);
}

static int tear_down(void **state)
{
	(void)state;
	return sup_close();
}

static void request_is_its_own_reply(void **state)
{
	struct sup_pid nobody = SUP_PID_NONE;
	struct sup_msg msg = counted(), reply;

	(void)state;
	assert_int_equal(sup_call(start(&nobody), &msg, &reply, NULL, LONG), 0);
	assert_ptr_equal(reply.data, msg.data);
	assert_int_equal(n_freed, 0);
	sup_msg_free(&reply);
	assert_int_equal(sup_close(), 0);
	assert_int_equal(n_freed, 1);
}

static void message_is_passed_on(void **state)
{
	struct sup_pid nobody = SUP_PID_NONE, last = start(&nobody);
	struct sup_msg msg = counted();

	(void)state;
	assert_int_equal(sup_cast(start(&last), &msg, LONG), 0);
	while (!atomic_load(&n_freed))
		sup__futex_wait(&n_freed, 0, LONG);
	assert_int_equal(sup_close(), 0);
	assert_int_equal(n_freed, 1);
}

/* Passed on to the dead it stays with the callback, and is freed after it. */
static void message_for_the_dead_is_freed(void **state)
{
	struct sup_pid nobody = SUP_PID_NONE, last = start(&nobody);
	struct sup_pid pid = start(&last);
	struct sup_msg msg = counted();

	(void)state;
	assert_int_equal(sup_server_stop(last, &SUP_NORMAL, NULL, LONG), 0);
	assert_int_equal(sup_cast(pid, &msg, LONG), 0);
	assert_int_equal(sup_wait(pid, &(struct sup_reason){ 0 }, LONG), 0);
	assert_int_equal(sup_close(), 0);
	assert_int_equal(n_freed, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(request_is_its_own_reply),
		CASE(message_is_passed_on),
		CASE(message_for_the_dead_is_freed),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
