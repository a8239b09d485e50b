/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Timers: to tasks, to names, and those of a server. */
#include "tasks.h"

#include "base/alloc.h"
#include "base/clock.h"

#define MS INT64_C(1000000)

static const struct sup_msg none = { .tag = 0 };

static _Atomic int freed;

static void count_free(void *data)
{
	(void)data;
	atomic_fetch_add(&freed, 1);
}

static struct sup_msg counted(uint64_t tag)
{
	static char byte;

	return (struct sup_msg){
		.tag = tag, .data = &byte, .len = 1, .free = count_free,
	};
}

static int comes_in_order(void *arg)
{
	int64_t now = sup__now_ns(), at[5], text = 77;
	static const int ms[] = { 3, 1, 2, 1, 0 };
	static const uint64_t order[] = { 4, 1, 3, 2, 0 };
	struct sup_ref refs[5];
	struct sup_info info;
	int i;

	(void)arg;
	for (i = 0; i < 5; i++) {
		struct sup_msg msg = {
			.tag = i, .data = &text, .len = sizeof(text),
		};

		at[i] = now + ms[i] * MS;
		EXPECT(!sup_timer_start(sup_self(), &msg, at[i], &refs[i]));
	}
	text = 0;
	for (i = 0; i < 5; i++) {
		EXPECT(!sup_receive(&info, LONG));
		EXPECT(info.kind == SUP_INFO_TIMER);
		EXPECT(info.msg.tag == order[i]);
		EXPECT(info.ref.v == refs[order[i]].v);
		EXPECT(sup__now_ns() >= at[order[i]]);
		EXPECT(*(int64_t *)info.msg.data == 77);
		sup_msg_free(&info.msg);
	}
	EXPECT(sup_receive(&info, sup_deadline_ms(5)) == -ETIMEDOUT);
	return 0;
}

static void TIMER_never_early_and_in_order(void **state)
{
	(void)state;
	run_with(comes_in_order, NULL);
}

/* A12: cancel_timer of a live one, twice, of one that has fired. */
static int cancels(void *arg)
{
	struct sup_msg msg = counted(1);
	int64_t left = -1;
	struct sup_info info;
	struct sup_ref ref;

	(void)arg;
	EXPECT(!sup_timer_start(sup_self(), &msg, sup_deadline_ms(60000),
				&ref));
	EXPECT(!sup_timer_read(ref, &left));
	EXPECT(left > 50000 * MS && left <= 60000 * MS);
	EXPECT(!sup_timer_cancel(ref, &left));
	EXPECT(left > 50000 * MS && left <= 60000 * MS);
	EXPECT(atomic_load(&freed) == 1);
	EXPECT(sup_timer_cancel(ref, &left) == -ENOENT);
	EXPECT(sup_timer_read(ref, &left) == -ENOENT);
	EXPECT(!sup_timer_start(sup_self(), &msg, sup_deadline_ms(1), &ref));
	EXPECT(!sup_receive(&info, LONG) && info.ref.v == ref.v);
	sup_msg_free(&info.msg);
	EXPECT(sup_timer_cancel(ref, &left) == -ENOENT);
	/* Its time has come, but nobody has received it: it can still go. */
	EXPECT(!sup_timer_start(sup_self(), &msg, SUP_TRY, &ref));
	EXPECT(!sup_timer_cancel(ref, &left) && !left);
	EXPECT(sup_receive(&info, SUP_TRY) == -ETIMEDOUT);
	EXPECT(atomic_load(&freed) == 3);
	EXPECT(sup_timer_start(sup_self(), &msg, SUP_FOREVER, &ref) == -EINVAL);
	ref.v = 12345;
	EXPECT(sup_timer_cancel(ref, NULL) == -ENOENT);
	return 0;
}

static void TIMER_cancel_and_read(void **state)
{
	(void)state;
	atomic_store(&freed, 0);
	run_with(cancels, NULL);
}

static int receives(void *arg)
{
	struct sup_info info;

	(void)arg;
	while (!sup_receive(&info, LONG))
		sup_msg_free(&info.msg);
	return 1;
}

/* A12: a timer to a dead pid is gone; one to a pid that dies goes with it. */
static void TIMER_goes_with_its_task(void **state)
{
	struct sup_msg msg = counted(1);
	struct sup_pid pid = start(receives, NULL);
	struct sup_ref ref, later;

	(void)state;
	atomic_store(&freed, 0);
	assert_int_equal(sup_timer_start(pid, &msg, sup_deadline_ms(60000),
					 &ref), 0);
	assert_int_equal(sup_timer_read(ref, NULL), 0);
	kill_and_wait(pid);
	assert_int_equal(sup_timer_read(ref, NULL), -ENOENT);
	assert_int_equal(atomic_load(&freed), 1);
	assert_int_equal(sup_timer_start(pid, &msg, sup_deadline_ms(60000),
					 &later), 0);
	assert_int_equal(sup_timer_read(later, NULL), -ENOENT);
	assert_int_equal(atomic_load(&freed), 2);
	assert_int_not_equal(ref.v, later.v);
}

static int waits_for_one(void *arg)
{
	struct sup_info info;

	EXPECT(!sup_register("sleeper", sup_self()));
	EXPECT(!sup_receive(&info, arg ? LONG : SUP_FOREVER));
	EXPECT(info.kind == SUP_INFO_TIMER && info.msg.tag == 5);
	return 0;
}

static void await_name(const char *name, struct sup_pid pid)
{
	while (!sup_whereis(name).v && sup_is_alive(pid))
		sup_wait(pid, NULL, sup_deadline_ms(1));
}

/* One who sleeps already, and for ever or for long, hears of it. */
static void TIMER_wakes_who_sleeps(void **state)
{
	struct sup_msg msg = { .tag = 5 };
	struct sup_pid pid;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		pid = start(waits_for_one, (void *)(intptr_t)i);
		await_name("sleeper", pid);
		assert_int_equal(sup_timer_start(pid, &none,
						 sup_deadline_ms(60000),
						 NULL), 0);
		assert_int_equal(sup_timer_start(pid, &msg,
						 sup_deadline_ms(2), NULL), 0);
		assert_int_equal(end_of(pid).code, 0);
	}
}

/* A full mailbox takes it, and what is in there waits. */
static int data_waits(void *arg)
{
	struct sup_msg data = { .tag = 1 };
	struct sup_info info;

	(void)arg;
	while (!sup_send(sup_self(), &data, SUP_TRY))
		;
	EXPECT(!sup_timer_start(sup_self(), &data, SUP_TRY, NULL));
	EXPECT(!sup_receive(&info, SUP_TRY) && info.kind == SUP_INFO_TIMER);
	EXPECT(!sup_receive(&info, SUP_TRY) && info.kind == SUP_INFO_MSG);
	return 0;
}

static void TIMER_comes_before_data(void **state)
{
	(void)state;
	run_with(data_waits, NULL);
}

/* The name is looked up when the time has come. */
static void TIMER_to_a_name(void **state)
{
	static const char *const argv[] = { "sleep", "1000", NULL };
	struct sup_process_spec process = {
		.size = sizeof(process), .argv = argv, .name = "process",
		.reg = true,
	};
	struct sup_msg msg = { .tag = 5 }, owned = counted(2);
	struct sup_pid pid;
	struct sup_ref ref;

	(void)state;
	atomic_store(&freed, 0);
	assert_int_equal(sup_timer_start_name("sleeper", &msg,
					      sup_deadline_ms(20), &ref), 0);
	assert_int_equal(sup_timer_read(ref, NULL), 0);
	pid = start(waits_for_one, NULL);
	assert_int_equal(end_of(pid).code, 0);
	assert_int_equal(sup_timer_cancel(ref, NULL), -ENOENT);
	/* Nobody, a process, and one that is cancelled. */
	assert_int_equal(sup_process_start(&process, &pid), 0);
	assert_int_equal(sup_timer_start_name("nobody", &owned, SUP_TRY,
					      NULL), 0);
	assert_int_equal(sup_timer_start_name("process", &owned, SUP_TRY,
					      NULL), 0);
	while (atomic_load(&freed) < 2)
		sup_wait(pid, NULL, sup_deadline_ms(1));
	assert_int_equal(sup_timer_start_name("nobody", &owned,
					      sup_deadline_ms(60000), &ref),
			 0);
	assert_int_equal(sup_timer_cancel(ref, NULL), 0);
	assert_int_equal(atomic_load(&freed), 3);
	assert_int_equal(sup_timer_start(pid, &msg, SUP_TRY, &ref), -EINVAL);
	assert_int_equal(sup_timer_start_name("", &msg, SUP_TRY, NULL),
			 -EINVAL);
	/* The end of the runtime drops it. */
	assert_int_equal(sup_timer_start_name("nobody", &owned,
					      sup_deadline_ms(60000), &ref),
			 0);
	assert_int_equal(sup_close(), 0);
	assert_int_equal(atomic_load(&freed), 4);
	assert_int_equal(sup_timer_start_name("nobody", &owned, SUP_TRY,
					      NULL), -ENOTCONN);
	assert_int_equal(atomic_load(&freed), 4);
}

enum {
	SET,		/* timer 1 in 1 ms, timer 2 at once, then in a minute */
	SPEND,		/* timer 3 at once, its time passes, then it goes */
	COUNT,		/* reply: how many have come */
};

struct clockwork {
	int came[4], timeouts;
};

static int clock_init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static int clock_call(void *state, struct sup_from from, struct sup_msg *req)
{
	struct clockwork *c = state;
	struct sup_msg reply = { .tag = c->came[1] + c->came[2] + c->came[3] };

	switch (req->tag) {
	case SET:
		if (sup_server_timer(1, 1) || sup_server_timer(2, 0) ||
		    sup_server_timer(2, 60000))
			return -EIO;
		sup_server_timeout(0);
		break;
	case SPEND:
		if (sup_server_timer(3, 0) || sup_server_timer(3, -1) ||
		    sup_server_timer(3, -1))
			return -EIO;
		break;
	}
	return sup_reply(from, &reply);
}

static int clock_info(void *state, struct sup_info *info)
{
	struct clockwork *c = state;

	if (info->kind == SUP_INFO_TIMER)
		c->came[info->msg.tag]++;
	else if (info->kind == SUP_INFO_TIMEOUT)
		c->timeouts++;
	return SUP_CONTINUE;
}

static void TIMER_of_a_server_by_name(void **state)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = clock_init, .call = clock_call,
		.info = clock_info,
	};
	struct clockwork c = { .timeouts = 0 };
	struct sup_server_spec spec = {
		.size = sizeof(spec), .ops = &ops, .arg = &c,
	};
	struct sup_msg set = { .tag = SET }, spend = { .tag = SPEND };
	struct sup_msg count = { .tag = COUNT }, reply = { .tag = 0 };
	struct sup_pid pid;

	(void)state;
	assert_int_equal(sup_server_timer(1, 1), -EPERM);
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(sup_call(pid, &set, NULL, NULL, LONG), 0);
	assert_int_equal(sup_call(pid, &spend, NULL, NULL, LONG), 0);
	/* Messages do not put it off, as they do the receive timeout. */
	while (!reply.tag)
		assert_int_equal(sup_call(pid, &count, &reply, NULL, LONG), 0);
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, NULL, LONG), 0);
	assert_int_equal(c.came[1], 1);
	assert_int_equal(c.came[2], 0);
	assert_int_equal(c.came[3], 0);
	assert_true(c.timeouts <= 1);
	assert_int_equal(sup_close(), 0);
}

static int every_allocation(void *arg)
{
	struct sup_msg owned = counted(1), copied;
	const struct sup_msg *msgs[] = { &owned, &copied };
	int64_t data = 3;
	unsigned int n, i, k;
	int ret;

	(void)arg;
	copied = (struct sup_msg){ .data = &data, .len = sizeof(data) };
	for (i = 0; i < 40; i++) {
		for (n = 1; ; n++) {
			sup__alloc_fail_nth(n);
			ret = i & 2 ? sup_timer_start_name("nobody",
					msgs[i & 1], LONG, NULL) :
				sup_timer_start(sup_self(), msgs[i & 1],
						LONG, NULL);
			sup__alloc_fail_nth(0);
			if (!ret)
				break;
			EXPECT(ret == -ENOMEM);
			EXPECT(!atomic_load(&freed));
		}
		k = i & 1 ? 3 : 2;
		EXPECT(n == k || n == k + 2);
	}
	return 0;
}

static void TIMER_allocations(void **state)
{
	(void)state;
	atomic_store(&freed, 0);
	run_with(every_allocation, NULL);
	assert_int_equal(sup_close(), 0);
	assert_int_equal(atomic_load(&freed), 20);
}

/* Each is received once or cancelled once, and all are freed. */
struct storm {
	struct sup_pid to;
	_Atomic int cancelled, received, started;
};

static int starts_and_cancels(void *arg)
{
	struct sup_msg msg = counted(1);
	struct storm *s = arg;
	struct sup_ref refs[8];
	int i, k;

	for (i = 0; i < SLOWLY(3000); i++) {
		for (k = 0; k < 8; k++)
			EXPECT(!sup_timer_start(s->to, &msg, sup__now_ns() +
						(i * k % 7) * 10000,
						&refs[k]));
		for (k = 0; k < 8; k += 1 + i % 3)
			if (!sup_timer_cancel(refs[k], NULL))
				atomic_fetch_add(&s->cancelled, 1);
		atomic_fetch_add(&s->started, 8);
	}
	return 0;
}

static int counts_timers(void *arg)
{
	struct storm *s = arg;
	struct sup_info info;

	while (!sup_receive(&info, LONG)) {
		if (info.kind == SUP_INFO_MSG)
			return 0;
		EXPECT(info.kind == SUP_INFO_TIMER);
		atomic_fetch_add(&s->received, 1);
		sup_msg_free(&info.msg);
	}
	return __LINE__;
}

static void TIMER_started_and_cancelled_by_many(void **state)
{
	struct storm s = { .started = 0 };
	struct sup_pid a, b;

	(void)state;
	atomic_store(&freed, 0);
	s.to = start(counts_timers, &s);
	a = start(starts_and_cancels, &s);
	b = start(starts_and_cancels, &s);
	assert_int_equal(end_of(a).code, 0);
	assert_int_equal(end_of(b).code, 0);
	while (atomic_load(&s.received) + atomic_load(&s.cancelled) <
	       atomic_load(&s.started))
		sup_wait(s.to, NULL, sup_deadline_ms(1));
	assert_int_equal(sup_send(s.to, &none, LONG), 0);
	assert_int_equal(end_of(s.to).code, 0);
	assert_int_equal(atomic_load(&s.received) + atomic_load(&s.cancelled),
			 atomic_load(&s.started));
	assert_int_equal(atomic_load(&freed), atomic_load(&s.started));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(TIMER_never_early_and_in_order),
		CASE(TIMER_cancel_and_read),
		CASE(TIMER_goes_with_its_task),
		CASE(TIMER_wakes_who_sleeps),
		CASE(TIMER_comes_before_data),
		CASE(TIMER_to_a_name),
		CASE(TIMER_of_a_server_by_name),
		CASE(TIMER_allocations),
		CASE(TIMER_started_and_cancelled_by_many),
	};

	return RUN_TESTS(tests);
}
