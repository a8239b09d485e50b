/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who owns a message that a callback gives away as it got it. */
#include "unit.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <sup/sup.h>

#include "base/futex.h"

#define LONG sup_deadline_ms(30000)

static _Atomic uint32_t n_made, n_freed;

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
	atomic_fetch_add(&n_made, 1);
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
	atomic_store(&n_made, 0);
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

struct caller {
	struct sup_pid server;
	_Atomic bool runs;
	_Atomic uint32_t may_call;	/* futex */
};

static int call_for_ever(void *arg)
{
	struct caller *c = arg;
	struct sup_msg msg, reply;

	atomic_store(&c->runs, true);
	while (!atomic_load(&c->may_call))
		sup__futex_wait(&c->may_call, 0, LONG);
	for (;;) {
		msg = counted();
		if (!sup_call(c->server, &msg, &reply, NULL, LONG))
			sup_msg_free(&reply);
	}
	return 0;
}

static struct sup_pid start_caller(struct caller *c)
{
	const struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = call_for_ever, .arg = c,
	};
	struct sup_pid pid;

	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	return pid;
}

static void let_call(struct caller *c)
{
	atomic_store(&c->may_call, 1);
	sup__futex_wake_all(&c->may_call);
}

/* Its first call does not return, and has taken the request by then. */
static void killed_caller_has_given_its_request(void **state)
{
	struct sup_pid nobody = SUP_PID_NONE, pid;
	struct caller c = { .server = start(&nobody) };
	struct sup_reason reason;

	(void)state;
	pid = start_caller(&c);
	/* It ends at its first safe point, which is to be that call. */
	while (!atomic_load(&c.runs))
		sched_yield();
	assert_int_equal(sup_kill(pid, SUP_FOREVER), 0);
	let_call(&c);
	assert_int_equal(sup_wait(pid, &reason, LONG), 0);
	assert_int_equal(reason.kind, SUP_REASON_KILLED);
	assert_int_equal(n_made, 1);
	assert_int_equal(n_freed, 1);
}

/* Wherever in a call it comes, the request, or the reply, is somebody's. */
static void kill_in_a_call_loses_no_message(void **state)
{
	struct sup_pid nobody = SUP_PID_NONE, pid;
	struct caller c = { .server = start(&nobody) };
	uint32_t before;
	int i;

	(void)state;
	let_call(&c);
	for (i = 0; i < 200; i++) {
		before = atomic_load(&n_freed);
		pid = start_caller(&c);
		while (atomic_load(&n_freed) < before + 1 + i % 7)
			sched_yield();
		assert_int_equal(sup_kill(pid, SUP_FOREVER), 0);
		assert_int_equal(sup_wait(pid, NULL, LONG), 0);
	}
	assert_int_equal(sup_close(), 0);
	assert_int_equal(n_freed, n_made);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(request_is_its_own_reply),
		CASE(message_is_passed_on),
		CASE(message_for_the_dead_is_freed),
		CASE(killed_caller_has_given_its_request),
		CASE(kill_in_a_call_loses_no_message),
	};

	return RUN_TESTS(tests);
}
