/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who waits for room in a mailbox and is told to end, or whose reader ends; and
 * what becomes of the others who wait there.
 */
#include "sends.h"

#include <unistd.h>

#define ROUNDS SLOWLY(200)

/* A task that reads its mailbox, which has room for one, when it is told to. */
struct reader {
	int gate[2];
	struct sup_pid pid;
	uint64_t last;		/* it ends with this tag */
	uint64_t seen;		/* a bit for each tag */
};

static int run_reader(void *arg)
{
	struct reader *r = arg;
	struct sup_info info;
	uint64_t before = 0;
	char c;

	while (read(r->gate[0], &c, 1) != 1)
		sup_checkpoint();
	do {
		EXPECT(!sup_receive(&info, LONG));
		EXPECT(info.kind == SUP_INFO_MSG);
		EXPECT(info.msg.tag > before || !info.msg.tag);
		before = info.msg.tag;
		r->seen |= UINT64_C(1) << before;
		sup_msg_free(&info.msg);
	} while (before != r->last);
	EXPECT(sup_receive(&info, SUP_TRY) == -ETIMEDOUT);
	return 0;
}

/* Tag 0 is in it, and there is no room. */
static void start_reader(struct reader *r, uint64_t last)
{
	struct sup_msg msg = { .tag = 0 };

	*r = (struct reader){ .last = last };
	assert_int_equal(pipe(r->gate), 0);
	r->pid = start_with(run_reader, r, 1);
	assert_int_equal(sup_send(r->pid, &msg, SUP_TRY), 0);
	assert_int_equal(sup_send(r->pid, &msg, SUP_TRY), -EAGAIN);
}

static void let_read(struct reader *r)
{
	assert_int_equal(write(r->gate[1], "", 1), 1);
}

static void end_reader(struct reader *r)
{
	struct sup_reason reason = end_of(r->pid);

	assert_int_equal(reason.code, 0);
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
	close(r->gate[0]);
	close(r->gate[1]);
}

/* Who sends one message to it, and waits for as long as it takes. */
struct sender {
	struct sup_pid to;
	uint64_t tag;
	bool traps;
	int result;
	struct sup_info after;
};

static int run_sender(void *arg)
{
	struct sender *s = arg;
	struct sup_msg msg = {
		.tag = s->tag, .data = s, .len = sizeof(*s),
	};

	if (s->traps)
		EXPECT(!sup_trap_exits(true, NULL));
	s->result = sup_send(s->to, &msg, SUP_FOREVER);
	if (s->traps)
		EXPECT(!sup_receive(&s->after, LONG));
	return 0;
}

static struct sup_pid start_sender(struct sender *s, struct reader *r,
				   uint64_t tag)
{
	struct sup_pid pid;

	s->to = r->pid;
	s->tag = tag;
	s->result = 1;
	pid = start_with(run_sender, s, 0);
	await_sender(pid, r->pid);
	return pid;
}

/* Whoever queues up behind it gets the room. */
static void a_sender_that_waits_ends_when_told_to(void **state)
{
	struct sender first, second;
	struct sup_pid pid, other;
	struct reader r;
	enum how how;

	(void)state;
	for (how = KILL; how <= SHUTDOWN; how++) {
		first = second = (struct sender){ .traps = false };
		start_reader(&r, 2);
		pid = start_sender(&first, &r, 1);
		other = start_sender(&second, &r, 2);
		assert_int_equal(n_waiting(r.pid), 2);
		end_sender(pid, how);
		assert_int_equal(n_waiting(r.pid), 1);
		let_read(&r);
		assert_int_equal(end_of(other).code, 0);
		assert_int_equal(second.result, 0);
		end_reader(&r);
		/* It did not return, nor was anything sent. */
		assert_int_equal(first.result, 1);
		assert_int_equal(r.seen, 1 << 0 | 1 << 2);
	}
}

struct parent {
	struct sender sender;
	_Atomic uint64_t child;
	int gate[2];
};

static int run_parent(void *arg)
{
	struct parent *p = arg;
	char c;

	atomic_store(&p->child, start(run_sender, &p->sender).v);
	return read(p->gate[0], &c, 1) == 1 ? 0 : __LINE__;
}

static void a_sender_that_waits_ends_with_its_parent(void **state)
{
	struct parent p = { .sender = { .tag = 1, .result = 1 } };
	struct sup_pid parent, child;
	struct reader r;

	(void)state;
	start_reader(&r, 0);
	p.sender.to = r.pid;
	assert_int_equal(pipe(p.gate), 0);
	parent = start_with(run_parent, &p, 0);
	await_caller(r.pid);
	assert_int_equal(write(p.gate[1], "", 1), 1);
	assert_int_equal(end_of(parent).code, 0);
	child.v = atomic_load(&p.child);
	assert_int_equal(end_of(child).kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(p.sender.result, 1);
	let_read(&r);
	end_reader(&r);
	close(p.gate[0]);
	close(p.gate[1]);
}

static void who_traps_exits_waits_on(void **state)
{
	struct sender s = { .traps = true };
	struct sup_pid pid;
	struct reader r;

	(void)state;
	start_reader(&r, 1);
	pid = start_sender(&s, &r, 1);
	assert_int_equal(sup_exit(pid, &SUP_SHUTDOWN), 0);
	let_read(&r);
	assert_int_equal(end_of(pid).code, 0);
	assert_int_equal(s.result, 0);
	assert_int_equal(s.after.kind, SUP_INFO_EXIT);
	assert_int_equal(s.after.reason.kind, SUP_REASON_SHUTDOWN);
	end_reader(&r);
}

enum { FORWARD = 5, LAST };

/* It sends what it gets on to the reader, and perhaps a last word. */
struct server {
	struct sup_pid pid;
	struct reader *reader;
	int result;
	bool tries_twice;	/* in the callback */
	bool says_last;		/* in terminate, with the tag LAST */
	int last_result;
};

static int init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static int on_cast(void *state, struct sup_msg *msg)
{
	struct server *s = state;

	s->result = sup_send(s->reader->pid, msg, SUP_FOREVER);
	if (s->result == -EINTR && s->tries_twice)
		s->result = sup_send(s->reader->pid, msg, SUP_FOREVER);
	return SUP_CONTINUE;
}

static void on_end(void *state, const struct sup_reason *reason)
{
	const struct sup_msg msg = { .tag = LAST };
	struct server *s = state;

	(void)reason;
	if (s->says_last)
		s->last_result = sup_send(s->reader->pid, &msg, SUP_FOREVER);
}

static void start_server(struct server *s)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .cast = on_cast,
		.terminate = on_end,
	};
	struct sup_server_spec spec = {
		.size = sizeof(spec), .ops = &ops, .arg = s,
	};

	assert_int_equal(sup_server_start(&spec, &s->pid), 0);
}

static void forward(struct server *s, struct reader *r)
{
	struct sup_msg msg = owner_msg(FORWARD);

	atomic_store(&n_freed, 0);
	s->reader = r;
	s->result = 1;
	start_server(s);
	start_reader(r, FORWARD);
	assert_int_equal(sup_cast(s->pid, &msg, LONG), 0);
	await_sender(s->pid, r->pid);
}

/* What it had in its hand goes with its thread, once that has been joined. */
static void a_server_that_waits_ends_when_killed(void **state)
{
	struct server s = { .says_last = false };
	int64_t deadline = LONG;
	struct reader r;

	(void)state;
	forward(&s, &r);
	end_sender(s.pid, KILL);
	assert_int_equal(s.result, 1);
	while (!atomic_load(&n_freed))
		look_again(deadline);
	kill_and_wait(r.pid);
	close(r.gate[0]);
	close(r.gate[1]);
}

/* The message still is its own, and goes when the callback returns. */
static void a_server_told_to_end_waits_no_more(void **state)
{
	struct server s = { .says_last = false };
	struct reader r;

	(void)state;
	forward(&s, &r);
	end_sender(s.pid, SHUTDOWN);
	assert_int_equal(s.result, -EINTR);
	assert_int_equal(atomic_load(&n_freed), 1);
	assert_int_equal(n_waiting(r.pid), 0);
	kill_and_wait(r.pid);
	close(r.gate[0]);
	close(r.gate[1]);
}

/* It knows then, and if it insists it waits. */
static void a_server_is_told_once(void **state)
{
	struct server s = { .tries_twice = true };
	struct reader r;

	(void)state;
	forward(&s, &r);
	assert_int_equal(sup_exit(s.pid, &SUP_SHUTDOWN), 0);
	let_read(&r);
	assert_int_equal(end_of(s.pid).kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(s.result, 0);
	end_reader(&r);
	assert_int_equal(r.seen, 1 << 0 | 1 << FORWARD);
	assert_int_equal(atomic_load(&n_freed), 1);
}

/* It has begun to end, which is no reason to end its last words. */
static void in_terminate_a_server_waits(void **state)
{
	struct server s = { .says_last = true };
	struct reader r;

	(void)state;
	s.reader = &r;
	start_server(&s);
	start_reader(&r, LAST);
	assert_int_equal(sup_exit(s.pid, &SUP_SHUTDOWN), 0);
	await_sender(s.pid, r.pid);
	let_read(&r);
	assert_int_equal(end_of(s.pid).kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(s.last_result, 0);
	end_reader(&r);
}

static void a_sender_hears_of_the_readers_end(void **state)
{
	struct sender s = { .traps = false };
	struct sup_pid pid;
	struct reader r;

	(void)state;
	start_reader(&r, 1);
	pid = start_sender(&s, &r, 1);
	kill_and_wait(r.pid);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	assert_int_equal(s.result, -ESRCH);
	close(r.gate[0]);
	close(r.gate[1]);
}

/* Room and a kill come at the same moment: room is not lost. */
static void room_given_to_a_killed_sender_is_handed_on(void **state)
{
	struct sender first, second;
	struct sup_pid pid, other;
	struct reader r;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		first = second = (struct sender){ .traps = false };
		start_reader(&r, 2);
		pid = start_sender(&first, &r, 1);
		other = start_sender(&second, &r, 2);
		if (i % 2)
			let_read(&r);
		sup_kill(pid, LONG);
		if (!(i % 2))
			let_read(&r);
		assert_int_equal(end_of(other).code, 0);
		assert_int_equal(second.result, 0);
		end_reader(&r);
		if (end_of(pid).kind == SUP_REASON_NORMAL)
			assert_int_equal(first.result, 0);
		if (!first.result)
			assert_int_equal(r.seen, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_sender_that_waits_ends_when_told_to),
		CASE(a_sender_that_waits_ends_with_its_parent),
		CASE(who_traps_exits_waits_on),
		CASE(a_server_that_waits_ends_when_killed),
		CASE(a_server_told_to_end_waits_no_more),
		CASE(a_server_is_told_once),
		CASE(in_terminate_a_server_waits),
		CASE(a_sender_hears_of_the_readers_end),
		CASE(room_given_to_a_killed_sender_is_handed_on),
	};

	return RUN_TESTS(tests);
}
