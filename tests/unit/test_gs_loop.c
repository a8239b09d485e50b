/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cases of OTP's gen_server_SUITE: callbacks. */
#include "tasks.h"

#include <string.h>

#include "lib/gs.h"

static struct sup_pid start_named(struct gs *g, const char *name)
{
	struct sup_server_spec spec = gs_spec(g, name);
	struct sup_pid pid = SUP_PID_NONE;

	sup_server_start(&spec, &pid);
	return pid;
}

/* What has happened so far, asked behind all that was sent. */
static const char *log_of(struct sup_pid pid)
{
	static char text[64];
	struct sup_msg msg = { .tag = GS_LOG }, reply;

	if (sup_call(pid, &msg, &reply, NULL, LONG))
		return "no answer";
	memcpy(text, reply.data, sizeof(text));
	sup_msg_free(&reply);
	return text;
}

static void stop(struct sup_pid pid)
{
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, NULL, LONG), 0);
}

static void GS_11_call(void **state)
{
	struct gs g = { .init_ms = 0 };
	struct sup_reason reason = SUP_NORMAL;
	struct sup_msg bad = { .tag = GS_BAD };
	struct sup_pid pid = start_named(&g, "gs");

	(void)state;
	assert_int_equal(gs_ask(sup_whereis("gs"), GS_PING, 0), GS_PING);
	assert_int_equal(gs_ask(pid, GS_DELAYED, 1), GS_DELAYED);
	assert_int_equal(gs_ask(pid, GS_CALL_WITHIN, 30000), GS_CALL_WITHIN);
	assert_int_equal(gs_ask(pid, GS_NEXT, 0), 1);
	assert_int_equal(gs_ask(pid, GS_CALL_WITHIN, 1), GS_CALL_WITHIN);
	assert_int_equal(gs_ask(pid, GS_SLEEP, 2), GS_SLEEP);
	assert_int_equal(gs_ask(pid, GS_NEXT, 0), 0);
	assert_int_equal(gs_ask_by(pid, GS_DELAYED, 1, LONG), GS_DELAYED);
	assert_int_equal(gs_ask_by(pid, GS_DELAYED, 30, sup_deadline_ms(1)),
			 -ETIMEDOUT);
	assert_int_equal(sup_call(pid, &bad, NULL, &reason, LONG), -EPIPE);
	assert_int_equal(reason.kind, SUP_REASON_EXIT);
	assert_int_equal(reason.code, -EPROTO);
	assert_int_equal(g.end.code, -EPROTO);
	assert_int_equal(gs_ask(SUP_PID_NONE, GS_PING, 0), -EPIPE);
}

/* A12: after a call that was given up no stray reply comes. */
static int late_reply(void *arg)
{
	struct gs g = { .init_ms = 0 };
	struct sup_pid pid = gs_start(&g);
	struct sup_info info;

	(void)arg;
	EXPECT(gs_ask_by(pid, GS_DELAYED, 5, sup_deadline_ms(1)) ==
	       -ETIMEDOUT);
	EXPECT(sup_receive(&info, sup_deadline_ms(20)) == -ETIMEDOUT);
	EXPECT(gs_ask(pid, GS_PING, 0) == GS_PING);
	EXPECT(!sup_server_stop(pid, &SUP_NORMAL, NULL, LONG));
	return 0;
}

static void GS_11_late_replies_vanish(void **state)
{
	(void)state;
	run_with(late_reply, NULL);
}

static void GS_16_cast(void **state)
{
	int64_t one = 1, nine = 9;
	struct sup_msg delayed = gs_msg(GS_DELAYED, &one);
	struct sup_msg ping = { .tag = GS_PING };
	struct sup_msg stop9 = gs_msg(GS_STOP, &nine);
	struct gs g = { .init_ms = 0 };
	struct sup_pid pid = gs_start(&g);

	(void)state;
	assert_int_equal(sup_cast(pid, &ping, LONG), 0);
	assert_string_equal(log_of(pid), "a");
	assert_int_equal(sup_cast(pid, &delayed, LONG), 0);
	while (!atomic_load(&g.timeouts))
		assert_int_equal(sup_wait(pid, NULL, sup_deadline_ms(2)),
				 -ETIMEDOUT);
	assert_string_equal(log_of(pid), "aat");
	assert_int_equal(sup_cast(pid, &stop9, LONG), 0);
	assert_int_equal(end_of(pid).term, 9);
	assert_int_equal(g.end.term, 9);
	assert_int_equal(sup_cast(pid, &ping, LONG), -ESRCH);
}

static void GS_18_info(void **state)
{
	int64_t nine = 9;
	struct sup_msg ping = { .tag = GS_PING };
	struct sup_msg stop9 = gs_msg(GS_STOP, &nine);
	struct gs g = { .init_ms = 0 };
	struct sup_pid pid = gs_start(&g);

	(void)state;
	assert_int_equal(sup_send(pid, &ping, LONG), 0);
	assert_string_equal(log_of(pid), "i");
	assert_int_equal(sup_send(pid, &stop9, LONG), 0);
	assert_int_equal(end_of(pid).term, 9);
	assert_int_equal(g.end.term, 9);
}

/* Whatever queues meanwhile, a continuation comes first. */
static void GS_20_continue(void **state)
{
	int64_t ms = 10, two = 2;
	struct sup_msg sleep = gs_msg(GS_SLEEP, &ms);
	struct sup_msg cont = gs_msg(GS_CONTINUE, &two);
	struct sup_msg ping = { .tag = GS_PING };
	struct gs g = { .init_ms = 0 };
	struct gs first = { .init_continues = 3 };
	struct sup_pid pid;

	(void)state;
	/* From init: the start has returned well by then, or before. */
	pid = gs_start(&first);
	assert_string_equal(log_of(pid), "321");
	stop(pid);
	/* From a call: the reply does not wait. */
	pid = gs_start(&g);
	assert_int_equal(sup_cast(pid, &sleep, LONG), 0);
	assert_int_equal(sup_cast(pid, &cont, LONG), 0);
	assert_int_equal(sup_cast(pid, &ping, LONG), 0);
	assert_int_equal(sup_send(pid, &cont, LONG), 0);
	assert_int_equal(sup_send(pid, &ping, LONG), 0);
	assert_string_equal(log_of(pid), "aa21ai21i");
	memset(g.log, 0, sizeof(g.log));
	assert_int_equal(gs_ask(pid, GS_CONTINUE, 2), GS_CONTINUE);
	assert_string_equal(log_of(pid), "c21");
	/* It may stop. */
	assert_int_equal(gs_ask(pid, GS_CONTINUE_STOP, 0), GS_CONTINUE_STOP);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	assert_int_equal(g.terminates, 1);
}

static int self_init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static int self_call(void *state, struct sup_from from, struct sup_msg *req)
{
	*(int *)state = sup_call(sup_self(), req, NULL, NULL, SUP_FOREVER);
	return gs_answer(from, 1);
}

static void GS_26_calling_itself(void **state)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = self_init, .call = self_call,
	};
	int result = 0;
	struct sup_server_spec spec = {
		.size = sizeof(spec), .ops = &ops, .arg = &result,
	};
	struct sup_pid pid;

	(void)state;
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(gs_ask(pid, GS_PING, 0), 1);
	assert_int_equal(result, -EDEADLK);
	stop(pid);
}

struct entry {
	struct gs g;
	const char *name, *claims;
	int result;
};

static int enters(void *arg)
{
	struct entry *e = arg;

	if (e->name && sup_register(e->name, sup_self()))
		return __LINE__;
	e->result = sup_server_enter(&gs_ops, &e->g, e->claims);
	return 5;
}

static void GS_27_GS_28a_enter_loop(void **state)
{
	struct entry anonymous = { .name = NULL };
	struct entry named = { .name = "gs", .claims = "gs" };
	struct entry not_named = { .claims = "other" };
	struct sup_msg stop_it = { .tag = GS_STOP };
	struct sup_pid pid;

	(void)state;
	pid = start(enters, &anonymous);
	assert_int_equal(gs_ask(pid, GS_PING, 0), GS_PING);
	stop(pid);
	assert_int_equal(anonymous.g.terminates, 1);
	pid = start(enters, &named);
	assert_int_equal(gs_ask(pid, GS_PING, 0), GS_PING);
	assert_int_equal(sup_cast(sup_whereis("gs"), &stop_it, LONG), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(named.g.terminates, 1);
	pid = start(enters, &not_named);
	assert_int_equal(end_of(pid).code, 5);
	assert_int_equal(not_named.result, -ESRCH);
	assert_int_equal(sup_server_enter(&gs_ops, NULL, NULL), -EPERM);
	assert_int_equal(sup_server_enter(NULL, NULL, NULL), -EINVAL);
}

static void GS_38_GS_39_callbacks_that_are_not_there(void **state)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = gs_init,
	};
	struct sup_msg ping = { .tag = GS_PING };
	struct gs g = { .init_ms = 0 };
	struct sup_server_spec spec = gs_spec(&g, NULL);
	struct sup_pid pid;

	(void)state;
	sup_set_log_level(2);
	spec.ops = &ops;
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	/* The server goes on: one bad request should not end it. */
	assert_int_equal(gs_ask(pid, GS_PING, 0), -ENOSYS);
	assert_int_equal(sup_cast(pid, &ping, LONG), 0);
	assert_int_equal(sup_send(pid, &ping, LONG), 0);
	assert_int_equal(gs_ask(pid, GS_PING, 0), -ENOSYS);
	stop(pid);
	g.init_continues = 1;
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(end_of(pid).code, -ENOSYS);
	sup_set_log_level(4);
}

static void GS_40b_a_callback_that_fails(void **state)
{
	int64_t error = ENOSYS;
	struct sup_msg fail = gs_msg(GS_FAIL, &error);
	struct gs g = { .init_ms = 0 };
	struct sup_pid pid = gs_start(&g);

	(void)state;
	sup_set_log_level(2);
	assert_int_equal(sup_send(pid, &fail, LONG), 0);
	assert_int_equal(end_of(pid).code, -ENOSYS);
	sup_set_log_level(4);
}

/* A receive timeout of 0 comes only if there is nothing else. */
static void GS_a_timeout_of_0_waits_for_an_empty_mailbox(void **state)
{
	int64_t ms = 20, zero = 0;
	struct sup_msg sleep = gs_msg(GS_SLEEP, &ms);
	struct sup_msg delayed = gs_msg(GS_DELAYED, &zero);
	struct sup_msg ping = { .tag = GS_PING };
	struct gs g = { .init_ms = 0 };
	struct sup_pid pid = gs_start(&g);

	(void)state;
	assert_int_equal(sup_cast(pid, &sleep, LONG), 0);
	assert_int_equal(sup_cast(pid, &delayed, LONG), 0);
	assert_int_equal(sup_send(pid, &ping, LONG), 0);
	assert_string_equal(log_of(pid), "aai");
	assert_int_equal(sup_cast(pid, &delayed, LONG), 0);
	while (!atomic_load(&g.timeouts))
		assert_int_equal(sup_wait(pid, NULL, sup_deadline_ms(2)),
				 -ETIMEDOUT);
	assert_string_equal(log_of(pid), "aaiat");
	stop(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(GS_11_call),
		CASE(GS_11_late_replies_vanish),
		CASE(GS_16_cast),
		CASE(GS_18_info),
		CASE(GS_20_continue),
		CASE(GS_26_calling_itself),
		CASE(GS_27_GS_28a_enter_loop),
		CASE(GS_38_GS_39_callbacks_that_are_not_there),
		CASE(GS_40b_a_callback_that_fails),
		CASE(GS_a_timeout_of_0_waits_for_an_empty_mailbox),
	};

	return RUN_TESTS(tests);
}
