/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Servers: start, callbacks, stop, timeout, and what becomes of their calls. */
#include "unit.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <sup/sup.h>

#include "base/alloc.h"
#include "base/futex.h"

#include "runtime.h"

#define LONG sup_deadline_ms(30000)

/* At the end of a test, as long as what its servers point to is there. */
static void finish(void)
{
	assert_int_equal(sup_close(), 0);
}

enum {
	ADD,		/* call: the sum so far */
	GET,
	KEEP,		/* call: is answered by the next RELEASE */
	RELEASE,
	FAIL,		/* a callback returns -EIO */
	FINISH,		/* stops with term 5 */
	QUIET,		/* answers nothing */
	TIMEOUT_SOON,
	BACK,		/* calls the pid that the message holds */
};

/* What a server does, and what a test sees of it afterwards. */
struct probe {
	int init_result;
	struct sup_pid init_calls;	/* calls this in init */
	int init_call_result;
	_Atomic uint32_t init_go;	/* 1: init may go on */
	bool init_waits;

	int64_t sum;
	struct sup_from kept;
	_Atomic uint32_t terminated;
	struct sup_reason reason;
	int timeouts, infos;
	int back_result;
};

static int probe_init(void *arg, void **ret_state)
{
	struct probe *p = arg;
	struct sup_msg get = { .tag = GET };

	while (p->init_waits && !atomic_load(&p->init_go)) {
		sup_checkpoint();
		sup__futex_wait(&p->init_go, 0, sup_deadline_ms(1));
	}
	if (p->init_calls.v)
		p->init_call_result = sup_call(p->init_calls, &get, NULL, NULL,
					       LONG);
	*ret_state = p;
	return p->init_result;
}

static int answer_sum(struct probe *p, struct sup_from from)
{
	struct sup_msg reply = {
		.tag = GET, .data = &p->sum, .len = sizeof(p->sum),
	};

	return sup_reply(from, &reply);
}

static int probe_call(void *state, struct sup_from from, struct sup_msg *req)
{
	static const struct sup_reason five = {
		.kind = SUP_REASON_SHUTDOWN, .term = 5,
	};
	struct sup_msg get = { .tag = GET };
	struct probe *p = state;

	switch (req->tag) {
	case ADD:
		p->sum += *(int64_t *)req->data;
		return answer_sum(p, from);
	case GET:
		return answer_sum(p, from);
	case KEEP:
		p->kept = from;
		return SUP_CONTINUE;
	case RELEASE:
		answer_sum(p, p->kept);
		return answer_sum(p, from);
	case FAIL:
		return -EIO;
	case FINISH:
		sup_server_stop_with(&five);
		return SUP_STOP;
	case TIMEOUT_SOON:
		answer_sum(p, from);
		return sup_server_timeout(1);
	case BACK:
		p->back_result = sup_call(*(struct sup_pid *)req->data, &get,
					  NULL, NULL, LONG);
		return answer_sum(p, from);
	}
	return SUP_CONTINUE;
}

static int probe_cast(void *state, struct sup_msg *msg)
{
	struct probe *p = state;

	p->sum += *(int64_t *)msg->data;
	return SUP_CONTINUE;
}

static int probe_info(void *state, struct sup_info *info)
{
	struct probe *p = state;

	if (info->kind == SUP_INFO_TIMEOUT)
		p->timeouts++;
	else
		p->infos++;
	return SUP_CONTINUE;
}

static void probe_terminate(void *state, const struct sup_reason *reason)
{
	struct probe *p = state;

	p->reason = *reason;
	atomic_fetch_add(&p->terminated, 1);
}

static const struct sup_server_ops probe_ops = {
	.size = sizeof(probe_ops), .init = probe_init, .call = probe_call,
	.cast = probe_cast, .info = probe_info, .terminate = probe_terminate,
};

static struct sup_server_spec spec_of(struct probe *p)
{
	return (struct sup_server_spec){
		.size = sizeof(struct sup_server_spec), .name = "probe",
		.ops = &probe_ops, .arg = p,
	};
}

static struct sup_pid start(struct probe *p)
{
	struct sup_server_spec spec = spec_of(p);
	struct sup_pid pid = SUP_PID_NONE;

	assert_int_equal(sup_server_start(&spec, &pid), 0);
	return pid;
}

static int call(struct sup_pid pid, uint64_t tag, int64_t arg,
		int64_t *ret_sum)
{
	struct sup_msg req = { .tag = tag, .data = &arg, .len = sizeof(arg) };
	struct sup_msg reply;
	int ret;

	ret = sup_call(pid, &req, &reply, NULL, LONG);
	if (ret)
		return ret;
	if (ret_sum)
		*ret_sum = *(int64_t *)reply.data;
	sup_msg_free(&reply);
	return 0;
}

static struct sup_reason end_of(struct sup_pid pid)
{
	struct sup_reason reason;

	assert_int_equal(sup_wait(pid, &reason, LONG), 0);
	return reason;
}

static void calls_casts_and_infos(void **state)
{
	struct sup_msg msg = { .tag = 77 };
	struct probe p = { .sum = 0 };
	int64_t five = 5, sum;
	struct sup_pid pid;

	(void)state;
	pid = start(&p);
	assert_int_equal(call(pid, ADD, 2, &sum), 0);
	assert_int_equal(sum, 2);
	assert_int_equal(sup_send(pid, &msg, LONG), 0);
	msg.data = &five;
	msg.len = sizeof(five);
	assert_int_equal(sup_cast(pid, &msg, LONG), 0);
	assert_int_equal(call(pid, GET, 0, &sum), 0);
	assert_int_equal(sum, 7);
	assert_int_equal(p.infos, 1);
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, NULL, LONG), 0);
	assert_int_equal(p.terminated, 1);
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, NULL, LONG),
			 -ESRCH);
	finish();
}

static void ways_to_end(void **state)
{
	struct probe fails = { .sum = 0 }, stops = { .sum = 0 };
	struct probe killed = { .sum = 0 };
	struct sup_reason r;
	struct sup_pid pid;

	(void)state;
	pid = start(&fails);
	assert_int_equal(call(pid, FAIL, 0, NULL), -EPIPE);
	r = end_of(pid);
	assert_int_equal(r.kind, SUP_REASON_EXIT);
	assert_int_equal(r.code, -EIO);
	assert_int_equal(fails.reason.code, -EIO);

	pid = start(&stops);
	assert_int_equal(call(pid, FINISH, 0, NULL), -EPIPE);
	assert_int_equal(end_of(pid).term, 5);
	assert_int_equal(stops.reason.term, 5);

	pid = start(&killed);
	assert_int_equal(sup_kill(pid, LONG), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	assert_int_equal(killed.terminated, 0);
	finish();
}

static void starts_that_fail(void **state)
{
	struct probe p = { .init_result = -EIO };
	struct sup_server_spec spec = spec_of(&p);
	struct sup_pid pid, other;

	(void)state;
	spec.reg = true;
	assert_int_equal(sup_server_start(&spec, &pid), -EIO);
	assert_int_equal(sup_whereis("probe").v, 0);
	p.init_result = SUP_IGNORE;
	assert_int_equal(sup_server_start(&spec, &pid), SUP_IGNORE);
	assert_int_equal(sup_whereis("probe").v, 0);
	p.init_waits = true;
	spec.init_timeout_ms = 20;
	assert_int_equal(sup_server_start(&spec, &pid), -ETIMEDOUT);
	assert_int_equal(sup_whereis("probe").v, 0);
	p = (struct probe){ .sum = 0 };
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(sup_whereis("probe").v, pid.v);
	assert_int_equal(sup_server_start(&spec, &other), -EEXIST);
	assert_int_equal(other.v, pid.v);
	spec.ops = NULL;
	assert_int_equal(sup_server_start(&spec, &other), -EINVAL);
	finish();
}

static void call_errors(void **state)
{
	struct sup_msg quiet = { .tag = QUIET }, reply;
	struct sup_reason r = SUP_NORMAL;
	struct probe p = { .sum = 0 };
	struct sup_pid pid, never = { UINT64_C(77) << 32 | 5 };

	(void)state;
	pid = start(&p);
	assert_int_equal(sup_call(pid, &quiet, &reply, NULL,
				  sup_deadline_ms(5)), -ETIMEDOUT);
	assert_int_equal(sup_call(never, &quiet, &reply, &r, LONG), -EPIPE);
	assert_int_equal(r.kind, SUP_REASON_NOPROC);
	assert_int_equal(sup_server_stop(pid, &SUP_SHUTDOWN, NULL, LONG), 0);
	assert_int_equal(sup_call(pid, &quiet, &reply, &r, LONG), -EPIPE);
	assert_int_equal(r.kind, SUP_REASON_SHUTDOWN);
	assert_non_null(strstr(sup_error(), "shutdown"));
	finish();
}

struct caller {
	struct sup_pid to;
	uint64_t tag;
	int result;
	int64_t sum;
};

static int run_caller(void *arg)
{
	struct caller *c = arg;

	c->result = call(c->to, c->tag, 0, &c->sum);
	return 0;
}

static struct sup_pid start_caller(struct caller *c)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = run_caller, .arg = c,
	};
	struct sup_pid pid = SUP_PID_NONE;

	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	return pid;
}

static void a_reply_may_come_later(void **state)
{
	struct probe p = { .sum = 11 };
	struct caller c = { .tag = KEEP };
	struct sup_pid pid, caller;
	int ret;

	(void)state;
	c.to = pid = start(&p);
	caller = start_caller(&c);
	do {
		ret = call(pid, RELEASE, 0, NULL);
	} while (!ret && sup_is_alive(caller));
	assert_int_equal(end_of(caller).kind, SUP_REASON_NORMAL);
	assert_int_equal(c.result, 0);
	assert_int_equal(c.sum, 11);
	finish();
}

static void only_cycles_are_refused(void **state)
{
	struct probe a = { .sum = 0 }, b = { .sum = 0 }, in_init;
	struct sup_server_spec spec;
	struct sup_pid pa, pb;
	struct sup_msg req = {
		.tag = BACK, .data = &pa, .len = sizeof(pa),
	};

	(void)state;
	pa = start(&a);
	pb = start(&b);
	assert_int_equal(sup_call(pa, &req, NULL, NULL, LONG), 0);
	assert_int_equal(a.back_result, -EDEADLK);
	assert_int_equal(sup_call(pb, &req, NULL, NULL, LONG), 0);
	assert_int_equal(b.back_result, 0);
	in_init = (struct probe){ .init_calls = pa };
	spec = spec_of(&in_init);
	assert_int_equal(sup_server_start(&spec, &pb), 0);
	assert_int_equal(in_init.init_call_result, 0);
	finish();
}

struct two {
	struct sup_pid pid, other;
	int result;
};

static int two_init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

/* Tag 1: call the other with tag 2, which calls back with tag 3. */
static int two_call(void *state, struct sup_from from, struct sup_msg *req)
{
	struct sup_msg msg = { .tag = req->tag + 1 };
	struct two *t = state;

	if (req->tag < 3)
		t->result = sup_call(t->other, &msg, NULL, NULL, LONG);
	msg.tag = 0;
	return sup_reply(from, &msg);
}

static const struct sup_server_ops two_ops = {
	.size = sizeof(two_ops), .init = two_init, .call = two_call,
};

static void a_cycle_of_two_is_refused_to_its_last(void **state)
{
	struct two a = { .result = 1 }, b = { .result = 1 };
	struct sup_server_spec spec = {
		.size = sizeof(spec), .ops = &two_ops,
	};
	struct sup_msg msg = { .tag = 1 };

	(void)state;
	spec.arg = &a;
	assert_int_equal(sup_server_start(&spec, &a.pid), 0);
	spec.arg = &b;
	assert_int_equal(sup_server_start(&spec, &b.pid), 0);
	a.other = b.pid;
	b.other = a.pid;
	assert_int_equal(sup_call(a.pid, &msg, NULL, NULL, LONG), 0);
	assert_int_equal(a.result, 0);
	assert_int_equal(b.result, -EDEADLK);
	finish();
}

struct boss {
	struct probe child;
	struct sup_pid self, pid;
	int start_result;
};

static int boss_init(void *arg, void **ret_state)
{
	struct boss *b = arg;
	struct sup_server_spec spec;

	b->self = sup_self();
	b->child.init_calls = b->self;
	spec = spec_of(&b->child);
	b->start_result = sup_server_start(&spec, &b->pid);
	*ret_state = b;
	return 0;
}

static void init_may_not_call_who_starts_it(void **state)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = boss_init,
	};
	struct boss b = { .start_result = 1 };
	struct sup_server_spec spec = {
		.size = sizeof(spec), .ops = &ops, .arg = &b,
	};
	struct sup_pid pid;

	(void)state;
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(b.start_result, 0);
	assert_int_equal(b.child.init_call_result, -EDEADLK);
	assert_int_equal(call(pid, GET, 0, NULL), -ENOSYS);
	assert_int_equal(sup_server_stop(pid, &SUP_SHUTDOWN, NULL, LONG), 0);
	assert_int_equal(end_of(b.pid).kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(b.child.terminated, 1);
	finish();
}

static void a_receive_timeout_comes_once(void **state)
{
	struct probe p = { .sum = 0 };
	struct sup_pid pid;

	(void)state;
	pid = start(&p);
	assert_int_equal(call(pid, TIMEOUT_SOON, 0, NULL), 0);
	assert_int_equal(sup_wait(pid, NULL, sup_deadline_ms(20)), -ETIMEDOUT);
	assert_int_equal(sup_server_stop(pid, &SUP_SHUTDOWN, NULL, LONG), 0);
	assert_int_equal(p.timeouts, 1);
	finish();
}

static void late_replies_are_dropped_and_freed(void **state)
{
	struct sup_msg keep = { .tag = KEEP }, reply;
	struct probe p = { .sum = 3 };
	struct sup_pid pid;
	int64_t sum;
	int i;

	(void)state;
	pid = start(&p);
	for (i = 0; i < 100; i++) {
		assert_int_equal(sup_call(pid, &keep, &reply, NULL, SUP_TRY),
				 -ETIMEDOUT);
		/* RELEASE answers the old one first: nobody waits. */
		assert_int_equal(call(pid, RELEASE, 0, &sum), 0);
		assert_int_equal(sum, 3);
	}
	finish();
}

static void every_allocation_may_fail(void **state)
{
	struct probe p = { .sum = 0 };
	struct sup_server_spec spec = spec_of(&p);
	struct sup_pid pid;
	unsigned int n;
	int ret;

	(void)state;
	spec.reg = true;
	for (n = 1; ; n++) {
		sup__alloc_fail_nth(n);
		ret = sup_server_start(&spec, &pid);
		sup__alloc_fail_nth(0);
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_int_equal(sup_whereis("probe").v, 0);
	}
	assert_true(n > 1);
	for (n = 1; ; n++) {
		int64_t sum = -1;

		sup__alloc_fail_nth(n);
		ret = call(pid, GET, 0, &sum);
		if (!sup__alloc_has_failed())
			break;
		sup__alloc_fail_nth(0);
		/* The server's own reply may be what failed: it then ends. */
		assert_true(ret == -ENOMEM || ret == -EPIPE);
		if (!sup_is_alive(pid))
			break;
	}
	sup__alloc_fail_nth(0);
	finish();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(calls_casts_and_infos),
		CASE(ways_to_end),
		CASE(starts_that_fail),
		CASE(call_errors),
		CASE(a_reply_may_come_later),
		CASE(only_cycles_are_refused),
		CASE(a_cycle_of_two_is_refused_to_its_last),
		CASE(init_may_not_call_who_starts_it),
		CASE(a_receive_timeout_comes_once),
		CASE(late_replies_are_dropped_and_freed),
		CASE(every_allocation_may_fail),
	};

	return RUN_TESTS(tests);
}
