/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cases of OTP's gen_server_SUITE: requests, many servers, long queues. */
#include "tasks.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "lib/gs.h"

static void stop(struct sup_pid pid)
{
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, NULL, LONG), 0);
}

static struct sup_request send(struct sup_pid pid, enum gs_tag tag,
			       int64_t arg)
{
	struct sup_msg msg = gs_msg(tag, &arg);
	struct sup_request r = { 0 };

	sup_request_send(pid, &msg, false, LONG, &r);
	return r;
}

static void GS_12_send_request(void **state)
{
	struct sup_pid never = { UINT64_C(77) << 32 | 5 }, pid;
	struct gs g = { .init_ms = 0 };
	struct sup_response res;
	struct sup_request r;

	(void)state;
	pid = gs_start(&g);
	r = send(pid, GS_PING, 0);
	assert_int_equal(sup_request_wait(r, &res, LONG), 0);
	assert_int_equal(res.error, 0);
	assert_int_equal(res.request.v, r.v);
	assert_int_equal(res.reply.tag, GS_PING);
	assert_int_equal(sup_request_wait(r, &res, LONG), -ENOENT);
	/* Not in time, and later all the same. */
	r = send(pid, GS_DELAYED, 2);
	assert_int_equal(sup_request_wait(r, &res, SUP_TRY), -ETIMEDOUT);
	assert_int_equal(sup_request_wait(r, &res, LONG), 0);
	assert_int_equal(res.reply.tag, GS_DELAYED);
	/* Not in time, and never. */
	r = send(pid, GS_DELAYED, 2);
	assert_int_equal(sup_request_receive(r, &res, SUP_TRY), -ETIMEDOUT);
	assert_int_equal(sup_request_receive(r, &res, LONG), -ENOENT);
	assert_int_equal(gs_ask(pid, GS_SLEEP, 5), GS_SLEEP);
	r = send(pid, GS_PING, 0);
	assert_int_equal(sup_request_abandon(r), 0);
	assert_int_equal(sup_request_abandon(r), -ENOENT);
	/* Ends that answer: of a callback's junk, and of before. */
	sup_set_log_level(2);
	r = send(pid, GS_BAD, 0);
	assert_int_equal(sup_request_wait(r, &res, LONG), 0);
	assert_int_equal(res.error, -EPIPE);
	assert_int_equal(res.reason.code, -EPROTO);
	r = send(pid, GS_PING, 0);
	assert_int_equal(sup_request_wait(r, &res, LONG), 0);
	assert_int_equal(res.error, -EPIPE);
	assert_int_equal(res.reason.code, -EPROTO);
	r = send(never, GS_PING, 0);
	assert_int_equal(sup_request_wait(r, &res, SUP_TRY), 0);
	assert_int_equal(res.reason.kind, SUP_REASON_NOPROC);
	sup_set_log_level(4);
}

/* Three that answer when they are told to. */
struct three {
	struct gs g[3];
	struct sup_pid pids[3];
	struct sup_requests *set;
};

static void ask_three(struct three *t)
{
	size_t i;

	assert_int_equal(sup_requests_new(&t->set), 0);
	for (i = 0; i < 3; i++) {
		if (!t->pids[i].v)
			t->pids[i] = gs_start(&t->g[i]);
		assert_int_equal(sup_requests_add(t->set,
				send(t->pids[i], GS_DELAYED, -1), i + 1), 0);
	}
	assert_int_equal(sup_requests_count(t->set), 3);
}

static void release(struct sup_pid pid)
{
	struct sup_msg msg = { .tag = GS_RELEASE };

	sup_cast(pid, &msg, LONG);
}

static void expect_all(struct three *t)
{
	static const uint64_t order[] = { 2, 3, 1 };
	struct sup_response res;
	size_t i;

	for (i = 0; i < 3; i++) {
		release(t->pids[order[i] - 1]);
		assert_int_equal(sup_requests_wait(t->set, &res, LONG), 0);
		assert_int_equal(res.label, order[i]);
		assert_int_equal(res.reply.tag, GS_DELAYED);
		assert_int_equal(sup_requests_count(t->set), 2 - i);
	}
	assert_int_equal(sup_requests_wait(t->set, &res, LONG), -ENOENT);
	sup_requests_free(t->set);
}

static void GS_13_receive_of_a_set(void **state)
{
	struct three t = { .set = NULL };
	struct sup_response res;
	struct sup_request r;

	(void)state;
	ask_three(&t);
	expect_all(&t);
	/* The deadline comes first: the others never come. */
	ask_three(&t);
	release(t.pids[1]);
	assert_int_equal(sup_requests_receive(t.set, &res, LONG), 0);
	assert_int_equal(res.label, 2);
	assert_int_equal(sup_requests_receive(t.set, &res,
					      sup_deadline_ms(1)),
			 -ETIMEDOUT);
	assert_int_equal(sup_requests_count(t.set), 0);
	assert_int_equal(sup_requests_receive(t.set, &res, LONG), -ENOENT);
	/* The same twice; and one that ends. */
	r = send(t.pids[0], GS_DELAYED, 60000);
	assert_int_equal(sup_requests_add(t.set, r, 7), 0);
	assert_int_equal(sup_requests_add(t.set, r, 8), -EEXIST);
	assert_int_equal(sup_server_stop(t.pids[0], &SUP_SHUTDOWN, NULL, LONG),
			 0);
	assert_int_equal(sup_requests_receive(t.set, &res, LONG), 0);
	assert_int_equal(res.label, 7);
	assert_int_equal(res.error, -EPIPE);
	assert_int_equal(res.reason.kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(sup_requests_add(t.set, r, 7), -ENOENT);
	sup_requests_free(t.set);
	stop(t.pids[1]);
	stop(t.pids[2]);
}

static void GS_14_wait_of_a_set(void **state)
{
	struct three t = { .set = NULL };
	struct sup_response res;

	(void)state;
	ask_three(&t);
	assert_int_equal(sup_requests_wait(t.set, &res, SUP_TRY), -ETIMEDOUT);
	assert_int_equal(sup_requests_count(t.set), 3);
	expect_all(&t);
	/* What is left in a set that is freed is abandoned. */
	ask_three(&t);
	sup_requests_free(t.set);
	stop(t.pids[0]);
	stop(t.pids[1]);
	stop(t.pids[2]);
}

/* Responses as infos, among other things (OTP check_response). */
static int as_infos(void *arg)
{
	int64_t hold = -1;
	static const int order[] = { 1, 2, 0 };
	struct three t = { .set = NULL };
	struct sup_msg stray = { .tag = 3 }, msg;
	struct sup_request r[3], dead;
	struct sup_response res;
	struct sup_info info;
	int i;

	(void)arg;
	for (i = 0; i < 3; i++) {
		t.pids[i] = gs_start(&t.g[i]);
		msg = gs_msg(GS_DELAYED, &hold);
		EXPECT(!sup_request_send(t.pids[i], &msg, true, LONG, &r[i]));
	}
	EXPECT(!sup_send(sup_self(), &stray, LONG));
	EXPECT(!sup_receive(&info, LONG) && info.kind == SUP_INFO_MSG);
	for (i = 0; i < 3; i++) {
		release(t.pids[order[i]]);
		EXPECT(!sup_receive(&info, LONG));
		EXPECT(info.kind == SUP_INFO_RESPONSE && !info.error);
		EXPECT(info.request.v == r[order[i]].v);
		EXPECT(info.msg.tag == GS_DELAYED);
		EXPECT(sup_request_wait(info.request, &res, SUP_TRY) ==
		       -ENOENT);
	}
	/* Taken before its info: then there is none. */
	msg.tag = GS_PING;
	EXPECT(!sup_request_send(t.pids[0], &msg, true, LONG, &r[0]));
	EXPECT(!sup_request_wait(r[0], &res, LONG));
	EXPECT(sup_receive(&info, sup_deadline_ms(2)) == -ETIMEDOUT);
	/* An end is a response. */
	msg = gs_msg(GS_DELAYED, &hold);
	EXPECT(!sup_request_send(t.pids[0], &msg, true, LONG, &r[0]));
	for (i = 0; i < 3; i++)
		EXPECT(!sup_server_stop(t.pids[i], &SUP_SHUTDOWN, NULL, LONG));
	EXPECT(!sup_request_send(t.pids[0], &msg, true, LONG, &dead));
	for (i = 0; i < 5; i++) {
		EXPECT(!sup_receive(&info, LONG));
		if (info.kind == SUP_INFO_EXIT)
			continue;
		EXPECT(info.kind == SUP_INFO_RESPONSE);
		EXPECT(info.error == -EPIPE);
		EXPECT(info.reason.kind == SUP_REASON_SHUTDOWN);
	}
	EXPECT(sup_receive(&info, SUP_TRY) == -ETIMEDOUT);
	return 0;
}

static void GS_15_responses_as_infos(void **state)
{
	struct sup_msg msg = { .tag = 1 };
	struct sup_request r;

	(void)state;
	run_with(as_infos, NULL);
	assert_int_equal(sup_request_send(SUP_PID_NONE, &msg, true, LONG, &r),
			 -EPERM);
}

static void GS_19_abcast(void **state)
{
	struct gs g[3] = { { .init_ms = 0 } };
	struct sup_pid pids[4] = { { 0 } };
	struct sup_msg stop_it = { .tag = GS_STOP };
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		pids[i] = gs_start(&g[i]);
	assert_int_equal(sup_multi_cast(pids, 4, &stop_it), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(end_of(pids[i]).kind, SUP_REASON_SHUTDOWN);
}

static void GS_21_GS_23_multi_call(void **state)
{
	struct gs g[5] = { { .init_ms = 0 } };
	struct sup_response res[5];
	struct sup_pid pids[5];
	int64_t ms = 300, hold = -1, begun, one = 1;
	struct sup_msg msg = { .tag = GS_PING };
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		pids[i] = gs_start(&g[i]);
	pids[4] = (struct sup_pid){ UINT64_C(9) << 32 | 9 };
	/* All but the one that never was. */
	assert_int_equal(sup_multi_call(pids, 5, &msg, res, LONG), 0);
	for (i = 0; i < 4; i++) {
		assert_int_equal(res[i].error, 0);
		assert_int_equal(res[i].reply.tag, GS_PING);
	}
	assert_int_equal(res[4].error, -EPIPE);
	assert_int_equal(res[4].reason.kind, SUP_REASON_NOPROC);
	/* All too late, which takes as long as the deadline, not n times. */
	msg = gs_msg(GS_DELAYED, &hold);
	begun = sup__now_ns();
	assert_int_equal(sup_multi_call(pids, 4, &msg, res,
					begun + 20 * INT64_C(1000000)), 0);
	assert_true(sup__now_ns() - begun >= 20 * INT64_C(1000000));
	for (i = 0; i < 4; i++)
		assert_int_equal(res[i].error, -ETIMEDOUT);
	/* One stopped, one that does not listen: the others are heard. */
	stop(pids[0]);
	msg = gs_msg(GS_SLEEP, &ms);
	assert_int_equal(sup_cast(pids[1], &msg, LONG), 0);
	msg = gs_msg(GS_DELAYED, &one);
	assert_int_equal(sup_multi_call(pids, 4, &msg, res,
					sup_deadline_ms(100)), 0);
	assert_int_equal(res[0].error, -EPIPE);
	assert_int_equal(res[0].reason.kind, SUP_REASON_NORMAL);
	assert_int_equal(res[1].error, -ETIMEDOUT);
	assert_int_equal(res[2].error, 0);
	assert_int_equal(res[3].error, 0);
	msg.free = free;
	assert_int_equal(sup_multi_call(pids, 4, &msg, res, LONG), -EINVAL);
	for (i = 1; i < 4; i++)
		stop(pids[i]);
}

/* Of this thread's CPU: others' work is not what a long queue would cost. */
static int64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static int64_t time_of_calls(struct sup_pid *pids, int n, bool many)
{
	struct sup_msg ping = { .tag = GS_PING };
	struct sup_response res[2];
	int64_t begun = cpu_ns();

	while (n--) {
		if (many)
			sup_multi_call(pids, 2, &ping, res, LONG);
		else
			sup_call(pids[0], &ping, NULL, NULL, LONG);
	}
	return cpu_ns() - begun;
}

/*
 * Of a few rounds the shortest: what is not ours only makes them longer. And
 * 10 us a call: one that sleeps is dearer than one that spins by about that.
 */
static int64_t best_of_calls(struct sup_pid *pids, bool many)
{
	int64_t best = INT64_MAX, ns;
	int i;

	for (i = 0; i < 5; i++) {
		ns = time_of_calls(pids, SLOWLY(1000), many);
		if (ns < best)
			best = ns;
	}
	return best + SLOWLY(1000) * INT64_C(10000);
}

/* With a long queue at the caller, calls take what they take without. */
static int long_queue(void *arg)
{
	/* Not on the stack: if this fails, the servers are stopped later. */
	static struct gs g[2];
	struct sup_pid pids[2] = { gs_start(&g[0]), gs_start(&g[1]) };
	struct sup_msg stray = { .tag = 3 };
	int64_t before[2];
	int many, i;

	(void)arg;
	for (many = 0; many < 2; many++)
		before[many] = best_of_calls(pids, many);
	for (i = 0; i < SLOWLY(500000); i++)
		EXPECT(!sup_send(sup_self(), &stray, SUP_TRY));
	for (many = 0; many < 2; many++)
		EXPECT(best_of_calls(pids, many) < 10 * before[many]);
	for (i = 0; i < 2; i++)
		EXPECT(!sup_server_stop(pids[i], &SUP_NORMAL, NULL, LONG));
	return 0;
}

static void GS_24_GS_34_calls_with_a_long_queue(void **state)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = long_queue, .mailbox = 1000000,
	};
	struct sup_pid pid;

	(void)state;
	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	assert_int_equal(end_of(pid).code, 0);
}

static void GS_requests_when_memory_is_short(void **state)
{
	struct gs g = { .init_ms = 0 };
	struct sup_pid pid = gs_start(&g), pids[3] = { pid, pid, pid };
	struct sup_msg msg = { .tag = GS_PING };
	struct sup_response res[3];
	unsigned int n;
	int ret, i;

	(void)state;
	for (n = 1; ; n++) {
		sup__alloc_fail_nth(n);
		ret = sup_multi_call(pids, 3, &msg, res, LONG);
		if (!sup__alloc_has_failed())
			break;
		for (i = 0; !ret && i < 3; i++)
			assert_true(!res[i].error || res[i].error == -EPIPE);
		assert_true(!ret || ret == -ENOMEM);
	}
	sup__alloc_fail_nth(0);
	assert_int_equal(ret, 0);
	assert_true(n > 1);
	assert_int_equal(gs_ask(pid, GS_PING, 0), GS_PING);
	stop(pid);
}

/* Whoever ends with requests under way leaves nothing, nor gets anything. */
struct crowd {
	struct sup_pid to;
};

static int asks_and_ends(void *arg)
{
	struct crowd *c = arg;
	struct sup_msg msg = { .tag = GS_PING };
	struct sup_response res;
	struct sup_request r;
	int i;

	for (i = 0; i < 20; i++) {
		if (sup_request_send(c->to, &msg, i & 1, LONG, &r))
			return 1;
		if (i % 3 == 0 && sup_request_wait(r, &res, LONG))
			return 2;
		if (i % 5 == 0)
			sup_request_abandon(r);
	}
	return 0;
}

static void GS_requests_of_those_that_end(void **state)
{
	struct gs g = { .init_ms = 0 };
	struct crowd c = { .to = gs_start(&g) };
	struct sup_pid pids[4];
	int i, k;

	(void)state;
	for (i = 0; i < SLOWLY(200); i++) {
		for (k = 0; k < 4; k++)
			pids[k] = start(asks_and_ends, &c);
		for (k = 0; k < 4; k++)
			assert_int_equal(end_of(pids[k]).code, 0);
	}
	stop(c.to);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(GS_12_send_request),
		CASE(GS_13_receive_of_a_set),
		CASE(GS_14_wait_of_a_set),
		CASE(GS_15_responses_as_infos),
		CASE(GS_19_abcast),
		CASE(GS_21_GS_23_multi_call),
		CASE(GS_24_GS_34_calls_with_a_long_queue),
		CASE(GS_requests_when_memory_is_short),
		CASE(GS_requests_of_those_that_end),
	};

	return RUN_TESTS(tests);
}
