/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starts that are over when the task says that it is ready. */
#include "tasks.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { READY = 1, END, ASK };

/* What a child does before it waits for messages. */
struct part {
	bool ready_in_init;
	int init_ret;
	bool never_returns;	/* from init */
	_Atomic bool init_is_over;
};

static int init(void *arg, void **ret_state)
{
	struct part *p = arg;

	*ret_state = p;
	if (p->ready_in_init)
		sup_ready();
	while (p->never_returns) {
		sup_checkpoint();
		sched_yield();
	}
	atomic_store(&p->init_is_over, true);
	return p->init_ret;
}

static int call(void *state, struct sup_from from, struct sup_msg *msg)
{
	(void)state;
	return sup_reply(from, msg);
}

static int cast(void *state, struct sup_msg *msg)
{
	(void)state;
	if (msg->tag == READY)
		return sup_ready();
	sup_server_stop_with(&SUP_NORMAL);
	return SUP_STOP;
}

static const struct sup_server_ops ops = {
	.size = sizeof(ops), .init = init, .call = call, .cast = cast,
};

static struct sup_server_spec server(struct part *p)
{
	return (struct sup_server_spec){
		.size = sizeof(struct sup_server_spec), .name = "it",
		.reg = true, .ops = &ops, .arg = p, .awaits_ready = true,
	};
}

/* A start, on a thread of its own, and what it returned. */
struct starter {
	int (*start)(const void *spec, struct sup_pid *ret_pid);
	const void *spec;
	struct sup_pid task, child;
	int ret;
	bool told;		/* of an end */
	_Atomic bool is_over;
};

static int runs_start(void *arg)
{
	struct starter *s = arg;
	struct sup_info info;

	s->ret = s->start(s->spec, &s->child);
	atomic_store(&s->is_over, true);
	s->told = !sup_receive(&info, SUP_TRY);
	return 0;
}

static void begin(struct starter *s)
{
	s->task = start(runs_start, s);
}

/* The task that is being started, when it may be found. */
static struct sup_pid it(void)
{
	int64_t limit = LONG;
	struct sup_pid pid;

	while (!(pid = sup_whereis("it")).v) {
		assert_true(sup_deadline_ms(0) < limit);
		sched_yield();
	}
	return pid;
}

static void say(struct sup_pid pid, uint64_t tag)
{
	struct sup_msg msg = { .tag = tag };

	assert_int_equal(sup_send(pid, &msg, LONG), 0);
}

static void tell(struct sup_pid pid, uint64_t tag)
{
	struct sup_msg msg = { .tag = tag };

	assert_int_equal(sup_cast(pid, &msg, LONG), 0);
}

static void ask(struct sup_pid pid)
{
	struct sup_msg msg = { .tag = ASK }, reply;

	assert_int_equal(sup_call(pid, &msg, &reply, NULL, LONG), 0);
	assert_int_equal(reply.tag, ASK);
	sup_msg_free(&reply);
}

static void check_failed(struct starter *s, int error)
{
	assert_int_equal(end_of(s->task).kind, SUP_REASON_NORMAL);
	assert_int_equal(s->ret, error);
	assert_int_equal(sup_whereis("it").v, 0);
	assert_false(s->told);
}

static void a_server_answers_before_it_is_ready(void **state)
{
	struct part p = { .init_ret = 0 };
	const struct sup_server_spec spec = server(&p);
	struct starter s = { .start = sup_server_start, .spec = &spec };

	(void)state;
	begin(&s);
	ask(it());
	assert_false(atomic_load(&s.is_over));
	tell(it(), READY);
	assert_int_equal(end_of(s.task).kind, SUP_REASON_NORMAL);
	assert_int_equal(s.ret, 0);
	assert_false(s.told);
}

/* Its starter is not told that it is ready before init has returned. */
static void ready_in_init_counts_at_its_end(void **state)
{
	struct part p = { .ready_in_init = true };
	struct sup_server_spec spec = server(&p);
	struct sup_pid pid;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		atomic_store(&p.init_is_over, false);
		spec.awaits_ready = !i;
		assert_int_equal(sup_server_start(&spec, &pid), 0);
		assert_true(atomic_load(&p.init_is_over));
		/* Once more is nothing. */
		tell(pid, READY);
		ask(pid);
		kill_and_wait(pid);
	}
	p.init_ret = -EIO;
	spec.awaits_ready = true;
	assert_int_equal(sup_server_start(&spec, &pid), -EIO);
}

static void servers_that_end_before(void **state)
{
	struct part p = { .init_ret = 0 };
	const struct sup_server_spec spec = server(&p);
	struct starter s = { .start = sup_server_start, .spec = &spec };

	(void)state;
	begin(&s);
	tell(it(), END);
	check_failed(&s, -ECHILD);
	begin(&s);
	kill_and_wait(it());
	check_failed(&s, -ECHILD);
	p.init_ret = -EIO;
	begin(&s);
	check_failed(&s, -EIO);
	p.init_ret = SUP_IGNORE;
	begin(&s);
	check_failed(&s, SUP_IGNORE);
}

static void servers_that_take_too_long(void **state)
{
	struct part p = { .init_ret = 0 };
	struct sup_server_spec spec = server(&p);
	struct sup_pid pid;

	(void)state;
	spec.ready_timeout_ms = 5;
	assert_int_equal(sup_server_start(&spec, &pid), -ETIMEDOUT);
	assert_non_null(strstr(sup_error(), "ready_timeout_ms"));
	assert_int_equal(sup_whereis("it").v, 0);
	p.never_returns = true;
	assert_int_equal(sup_server_start(&spec, &pid), -ETIMEDOUT);
	spec.ready_timeout_ms = 0;
	spec.init_timeout_ms = 5;
	assert_int_equal(sup_server_start(&spec, &pid), -ETIMEDOUT);
	assert_non_null(strstr(sup_error(), "init_timeout_ms"));
	/* Init in time, the rest not. */
	p.never_returns = false;
	spec.init_timeout_ms = 20000;
	spec.ready_timeout_ms = 20;
	assert_int_equal(sup_server_start(&spec, &pid), -ETIMEDOUT);
	assert_non_null(strstr(sup_error(), "ready_timeout_ms"));
	spec.ready_timeout_ms = -1;
	assert_int_equal(sup_server_start(&spec, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "ready_timeout_ms"));
}

static int does_as_told(void *arg)
{
	struct sup_info info;

	(void)arg;
	while (!sup_receive(&info, SUP_FOREVER)) {
		if (info.msg.tag == READY)
			sup_ready();
		else
			return 5;
	}
	return 0;
}

static const struct sup_thread_spec thread = {
	.size = sizeof(thread), .name = "it", .reg = true,
	.run = does_as_told, .awaits_ready = true,
};

static void plain_threads(void **state)
{
	struct starter s = { .start = sup_thread_start, .spec = &thread };
	struct sup_thread_spec spec = thread;
	struct sup_pid pid;

	(void)state;
	begin(&s);
	say(it(), READY);
	assert_int_equal(end_of(s.task).kind, SUP_REASON_NORMAL);
	assert_int_equal(s.ret, 0);
	sup_wait(s.child, NULL, LONG);
	begin(&s);
	say(it(), END);
	check_failed(&s, -ECHILD);
	begin(&s);
	kill_and_wait(it());
	check_failed(&s, -ECHILD);
	spec.ready_timeout_ms = 5;
	assert_int_equal(sup_thread_start(&spec, &pid), -ETIMEDOUT);
	assert_non_null(strstr(sup_error(), "ready_timeout_ms"));
	assert_int_equal(sup_whereis("it").v, 0);
	spec.ready_timeout_ms = -1;
	assert_int_equal(sup_thread_start(&spec, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "ready_timeout_ms"));
}

static int says_ready(void *arg)
{
	(void)arg;
	EXPECT(!sup_ready());
	EXPECT(!sup_ready());
	return 0;
}

static void those_whom_nobody_awaits(void **state)
{
	(void)state;
	assert_int_equal(sup_ready(), -EPERM);
	run_with(says_ready, NULL);
}

static void a_starter_that_is_told_to_end(void **state)
{
	struct starter s = { .start = sup_thread_start, .spec = &thread };
	struct sup_pid pid;

	(void)state;
	begin(&s);
	pid = it();
	assert_int_equal(sup_exit(s.task, &SUP_SHUTDOWN), 0);
	assert_int_equal(end_of(s.task).kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	assert_false(atomic_load(&s.is_over));
}

static void await_it_is(struct sup_pid sup, enum sup_child_state state)
{
	int64_t limit = LONG;
	struct sup_node *nodes;
	size_t n;
	bool is;

	do {
		assert_true(sup_deadline_ms(0) < limit);
		assert_int_equal(sup_tree(sup, &nodes, &n), 0);
		is = n == 2 && nodes[1].state == state;
		free(nodes);
	} while (!is);
}

static void *starts_a_supervisor(void *arg)
{
	struct starter *s = arg;

	s->ret = sup_supervisor_start(s->spec, &s->child);
	return NULL;
}

/* At first and after a restart; others see it starting meanwhile. */
static void a_supervisor_waits_for_it(void **state)
{
	struct sup_child_spec c = {
		.size = sizeof(c), .id = "c", .start = sup_thread_start,
		.arg = &thread,
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "top", .reg = true,
		.children = &c, .n_children = 1, .intensity = 9,
	};
	struct starter s = { .spec = &spec };
	struct sup_pid sup, old;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, starts_a_supervisor,
					&s), 0);
	old = it();
	sup = sup_whereis("top");
	await_it_is(sup, SUP_CHILD_STARTING);
	say(old, READY);
	pthread_join(thread, NULL);
	assert_int_equal(s.ret, 0);
	assert_int_equal(s.child.v, sup.v);
	await_it_is(sup, SUP_CHILD_RUNNING);
	say(old, END);
	assert_int_equal(end_of(old).code, 5);
	await_it_is(sup, SUP_CHILD_STARTING);
	/* A try that fails is one more restart. */
	old = it();
	say(old, END);
	sup_wait(old, NULL, LONG);
	old = it();
	say(old, READY);
	await_it_is(sup, SUP_CHILD_RUNNING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_server_answers_before_it_is_ready),
		CASE(ready_in_init_counts_at_its_end),
		CASE(servers_that_end_before),
		CASE(servers_that_take_too_long),
		CASE(plain_threads),
		CASE(those_whom_nobody_awaits),
		CASE(a_starter_that_is_told_to_end),
		CASE(a_supervisor_waits_for_it),
	};

	return RUN_TESTS(tests);
}
