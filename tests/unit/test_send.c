/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends, casts and calls to full mailboxes are refused where the wait would be
 * for the sender itself, or for too long.
 */
#include "sends.h"

#include <string.h>
#include <unistd.h>

#define RING 3

static int fill_own(void *arg)
{
	struct sup_msg msg = { .tag = 1 }, owned = owner_msg(2);
	struct sup_request request;
	struct sup_info info;
	int i;

	(void)arg;
	for (i = 0; i < 2; i++)
		EXPECT(!sup_send(sup_self(), &msg, LONG));
	EXPECT(sup_send(sup_self(), &owned, SUP_FOREVER) == -EDEADLK);
	EXPECT(strstr(sup_error(), "own mailbox"));
	EXPECT(sup_send(sup_self(), &owned, SUP_TRY) == -EDEADLK);
	EXPECT(sup_cast(sup_self(), &owned, SUP_FOREVER) == -EDEADLK);
	EXPECT(sup_request_send(sup_self(), &owned, false, SUP_FOREVER,
				&request) == -EDEADLK);
	EXPECT(!atomic_load(&n_freed));
	for (i = 0; i < 2; i++)
		EXPECT(!sup_receive(&info, SUP_TRY) && info.msg.tag == 1);
	/* There is room again. */
	EXPECT(!sup_send(sup_self(), &owned, SUP_FOREVER));
	EXPECT(!sup_receive(&info, SUP_TRY) && info.msg.tag == 2);
	sup_msg_free(&info.msg);
	EXPECT(atomic_load(&n_freed) == 1);
	return 0;
}

static void a_task_does_not_wait_for_room_at_itself(void **state)
{
	struct sup_reason reason;

	(void)state;
	atomic_store(&n_freed, 0);
	reason = end_of(start_with(fill_own, NULL, 2));
	assert_int_equal(reason.code, 0);
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
}

enum { FLOOD = 1, DROP, COUNT, HOLD, SEND_BACK };

/* A server with room for one. */
struct server {
	struct sup_pid pid;
	int n, result;
	int gate[2];			/* HOLD */
	_Atomic bool holds;
};

static int init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static int on_cast(void *state, struct sup_msg *msg)
{
	struct sup_msg drop = { .tag = DROP };
	struct server *s = state;
	char c;

	switch (msg->tag) {
	case FLOOD:
		while (!(s->result = sup_cast(sup_self(), &drop, SUP_FOREVER)))
			s->n++;
		break;
	case DROP:
		s->n--;
		break;
	case HOLD:
		atomic_store(&s->holds, true);
		while (read(s->gate[0], &c, 1) != 1)
			;
		break;
	}
	return SUP_CONTINUE;
}

/* COUNT; or SEND_BACK, with what came of it. */
static int on_call(void *state, struct sup_from from, struct sup_msg *req)
{
	struct sup_msg owned = owner_msg(3), reply = { .tag = 0 };
	struct server *s = state;
	int ret[2];

	reply.tag = s->n;
	if (req->tag == SEND_BACK) {
		ret[0] = sup_send(from.pid, &owned, SUP_TRY);
		ret[1] = sup_send(from.pid, &owned, SUP_FOREVER);
		reply.data = ret;
		reply.len = sizeof(ret);
	}
	return sup_reply(from, &reply);
}

static void start_server(struct server *s)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .cast = on_cast,
		.call = on_call,
	};
	struct sup_server_spec spec = {
		.size = sizeof(spec), .ops = &ops, .arg = s, .mailbox = 1,
	};

	assert_int_equal(sup_server_start(&spec, &s->pid), 0);
}

static void a_server_does_not_wait_for_room_at_itself(void **state)
{
	struct sup_msg flood = { .tag = FLOOD }, count = { .tag = COUNT };
	struct server s = { .n = 0 };
	struct sup_msg reply = { .tag = 1 };

	(void)state;
	start_server(&s);
	assert_int_equal(sup_cast(s.pid, &flood, LONG), 0);
	/* Behind what it has sent to itself. */
	assert_int_equal(sup_call(s.pid, &count, &reply, NULL, LONG), 0);
	assert_int_equal(reply.tag, 0);
	assert_int_equal(s.result, -EDEADLK);
	kill_and_wait(s.pid);
}

/* Full, and waiting for an answer. */
static int call_while_full(void *arg)
{
	struct sup_msg msg = { .tag = SEND_BACK }, reply;
	struct server *s = arg;
	struct sup_info info;
	int *ret;

	EXPECT(!sup_send(sup_self(), &msg, SUP_TRY));
	EXPECT(!sup_call(s->pid, &msg, &reply, NULL, LONG));
	ret = reply.data;
	EXPECT(reply.len == 2 * sizeof(*ret));
	EXPECT(ret[0] == -EAGAIN && ret[1] == -EDEADLK);
	sup_msg_free(&reply);
	EXPECT(!atomic_load(&n_freed));
	EXPECT(!sup_receive(&info, SUP_TRY));
	EXPECT(sup_receive(&info, SUP_TRY) == -ETIMEDOUT);
	return 0;
}

static void who_waits_for_the_sender_gets_no_room(void **state)
{
	struct server s = { .n = 0 };
	struct sup_reason reason;

	(void)state;
	atomic_store(&n_freed, 0);
	start_server(&s);
	reason = end_of(start_with(call_while_full, &s, 1));
	assert_int_equal(reason.code, 0);
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
	kill_and_wait(s.pid);
}

/* Each sends to the next one when it is told to; all are full. */
struct node {
	int gate[2];
	struct sup_pid pid, next;
	int result;
	int n;			/* messages that it got */
};

static int run_node(void *arg)
{
	struct node *node = arg;
	struct sup_msg msg = { .tag = 1 };
	struct sup_info info;
	char c;

	EXPECT(!sup_send(sup_self(), &msg, SUP_TRY));
	EXPECT(!sup_ready());
	EXPECT(read(node->gate[0], &c, 1) == 1);
	node->result = sup_send(node->next, &msg, SUP_FOREVER);
	/* Its own; another one, unless the one before has been refused. */
	EXPECT(!sup_receive(&info, LONG));
	EXPECT(read(node->gate[0], &c, 1) == 1);
	while (!sup_receive(&info, SUP_TRY))
		node->n++;
	return 0;
}

static void go(struct node *node)
{
	assert_int_equal(write(node->gate[1], "", 1), 1);
}

static void start_node(struct node *node)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = run_node, .arg = node,
		.mailbox = 1, .awaits_ready = true,
	};

	*node = (struct node){ .result = 1 };
	assert_int_equal(pipe(node->gate), 0);
	assert_int_equal(sup_thread_start(&spec, &node->pid), 0);
}

/* The last one closes the circle, is refused, and reads: so all go on. */
static void in_a_circle_of(int n)
{
	struct node nodes[RING];
	int i;

	for (i = 0; i < n; i++)
		start_node(&nodes[i]);
	for (i = 0; i < n; i++)
		nodes[i].next = nodes[(i + 1) % n].pid;
	for (i = 0; i < n - 1; i++) {
		go(&nodes[i]);
		await_sender(nodes[i].pid, nodes[i].next);
	}
	go(&nodes[n - 1]);
	/* In this order: when one ends, the one before has sent to it. */
	for (i = 0; i < n; i++) {
		go(&nodes[i]);
		assert_int_equal(end_of(nodes[i].pid).code, 0);
		assert_int_equal(nodes[i].result, i < n - 1 ? 0 : -EDEADLK);
		assert_int_equal(nodes[i].n, i ? 1 : 0);
		close(nodes[i].gate[0]);
		close(nodes[i].gate[1]);
	}
}

static void a_circle_of_sends_is_refused_to_its_last(void **state)
{
	(void)state;
	in_a_circle_of(2);
	in_a_circle_of(RING);
}

/* It is in a callback, and its mailbox is full. */
static void hold(struct server *s)
{
	struct sup_msg hold = { .tag = HOLD }, drop = { .tag = DROP };
	int64_t deadline = LONG;

	assert_int_equal(pipe(s->gate), 0);
	start_server(s);
	assert_int_equal(sup_cast(s->pid, &hold, LONG), 0);
	while (!atomic_load(&s->holds))
		look_again(deadline);
	assert_int_equal(sup_cast(s->pid, &drop, LONG), 0);
	assert_int_equal(sup_cast(s->pid, &drop, SUP_TRY), -EAGAIN);
}

static int call_in_vain(void *arg)
{
	struct server *s = arg;
	struct sup_msg req = owner_msg(COUNT), reply = { .tag = 77 };
	struct sup_reason reason = { .term = 77 };
	int64_t soon = sup_deadline_ms(5);

	EXPECT(sup_call(s->pid, &req, &reply, &reason, SUP_TRY) == -EAGAIN);
	EXPECT(strstr(sup_error(), "no room"));
	EXPECT(sup_call(s->pid, &req, &reply, &reason, soon) == -EAGAIN);
	EXPECT(sup__now_ns() >= soon);
	EXPECT(reply.tag == 77 && reason.term == 77);
	return 0;
}

static int call_for_ever(void *arg)
{
	struct server *s = arg;
	struct sup_msg req = owner_msg(COUNT);

	return sup_call(s->pid, &req, NULL, NULL, SUP_FOREVER);
}

/* The request goes, whatever comes of the call. */
static void a_call_wants_room(void **state)
{
	struct sup_msg count = { .tag = COUNT }, reply;
	struct server s = { .n = 0 };
	struct sup_pid pid;

	(void)state;
	atomic_store(&n_freed, 0);
	hold(&s);
	assert_int_equal(call_in_vain(&s), 0);
	assert_int_equal(atomic_load(&n_freed), 2);
	run_with(call_in_vain, &s);
	assert_int_equal(atomic_load(&n_freed), 4);
	assert_int_equal(n_waiting(s.pid), 0);

	pid = start(call_for_ever, &s);
	await_caller(s.pid);
	end_sender(pid, KILL);
	assert_int_equal(n_waiting(s.pid), 0);
	assert_int_equal(atomic_load(&n_freed), 5);

	assert_int_equal(write(s.gate[1], "", 1), 1);
	assert_int_equal(sup_call(s.pid, &count, &reply, NULL, LONG), 0);
	assert_int_equal(reply.tag, -1);
	kill_and_wait(s.pid);
	close(s.gate[0]);
	close(s.gate[1]);
}

static void what_waits_is_counted(void **state)
{
	struct server s = { .n = 0 };
	struct sup_msg drop = { .tag = DROP };
	struct sup_msg count = { .tag = COUNT }, reply;
	struct sup_process_spec spec = {
		.size = sizeof(spec), .name = "sleep",
		.argv = (const char *const[]){ "/bin/sleep", "1000", NULL },
	};
	struct sup_pid pid;
	size_t n = 77;

	(void)state;
	hold(&s);
	assert_int_equal(sup_mailbox_count(s.pid, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(write(s.gate[1], "", 1), 1);
	assert_int_equal(sup_call(s.pid, &count, &reply, NULL, LONG), 0);
	assert_int_equal(sup_mailbox_count(s.pid, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(sup_cast(s.pid, &drop, LONG), 0);
	kill_and_wait(s.pid);
	n = 77;
	assert_int_equal(sup_mailbox_count(s.pid, &n), -ESRCH);
	assert_int_equal(sup_mailbox_count(SUP_PID_NONE, &n), -ESRCH);
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	assert_int_equal(sup_mailbox_count(pid, &n), -EINVAL);
	assert_int_equal(n, 77);
	kill_and_wait(pid);
	close(s.gate[0]);
	close(s.gate[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_task_does_not_wait_for_room_at_itself),
		CASE(a_server_does_not_wait_for_room_at_itself),
		CASE(who_waits_for_the_sender_gets_no_room),
		CASE(a_circle_of_sends_is_refused_to_its_last),
		CASE(a_call_wants_room),
		CASE(what_waits_is_counted),
	};

	return RUN_TESTS(tests);
}
