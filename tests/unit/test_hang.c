/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers that do not come back to their loop, with threads; that it is told of
 * at the right moment is tests/sim/test_hang.c's to see.
 */
#include "tasks.h"

#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#define HANG_MS 50

enum { STAY = 100, LOOP, ASK, STOP };

/* What a server is made for, and what keeps it busy. */
struct part {
	bool stays_first;	/* in its first turn */
	bool enters;		/* it is a plain task before */
	struct sup_pid asks;
	sem_t gate;		/* who stays waits for it */
	_Atomic int lives;
};

static struct sup_events *events;

static void stay(struct part *p)
{
	while (sem_wait(&p->gate))
		;
}

static int init(void *arg, void **ret_state)
{
	struct part *p = arg;

	*ret_state = p;
	if (atomic_fetch_add(&p->lives, 1) == 0 && p->stays_first)
		sup_server_continue(STAY);
	return 0;
}

static int be_at(struct part *p, uint64_t tag)
{
	struct sup_msg msg = { .tag = STAY }, reply;

	switch (tag) {
	case STAY:
		stay(p);
		break;
	case LOOP:
		for (;;) {
			sup_checkpoint();
			sched_yield();
		}
	case ASK:
		sup_call(p->asks, &msg, &reply, NULL, SUP_FOREVER);
		break;
	case STOP:
		sup_server_stop_with(&SUP_NORMAL);
		return SUP_STOP;
	}
	return SUP_CONTINUE;
}

static int call(void *state, struct sup_from from, struct sup_msg *msg)
{
	(void)state;
	(void)from;
	(void)msg;
	/* There will be no reply. */
	return SUP_CONTINUE;
}

static int cast(void *state, struct sup_msg *msg)
{
	return be_at(state, msg->tag);
}

static int info(void *state, struct sup_info *info)
{
	return info->kind == SUP_INFO_MSG ? be_at(state, info->msg.tag) :
					    SUP_CONTINUE;
}

static int go_on(void *state, uint64_t what)
{
	return be_at(state, what);
}

static void terminate(void *state, const struct sup_reason *reason)
{
	if (reason->kind == SUP_REASON_NORMAL)
		stay(state);
}

static const struct sup_server_ops ops = {
	.size = sizeof(ops), .init = init, .call = call, .cast = cast,
	.info = info, .go_on = go_on, .terminate = terminate,
};

static int run(void *arg)
{
	return sup_server_enter(&ops, arg, NULL);
}

static int start_part(const void *arg, struct sup_pid *ret_pid)
{
	const struct part *p = arg;
	struct sup_thread_spec thread = {
		.size = sizeof(thread), .name = "it", .run = run,
		.arg = (void *)arg,
	};
	struct sup_server_spec server = {
		.size = sizeof(server), .name = "it", .ops = &ops,
		.arg = (void *)arg,
	};

	return p->enters ? sup_thread_start(&thread, ret_pid) :
			   sup_server_start(&server, ret_pid);
}

static struct sup_child_spec child(const char *id, struct part *p,
				   uint32_t hang_ms, bool hang_kill)
{
	assert_int_equal(sem_init(&p->gate, 0, 0), 0);
	return (struct sup_child_spec){
		.size = sizeof(struct sup_child_spec), .id = id,
		.start = start_part, .arg = p, .hang_ms = hang_ms,
		.hang_kill = hang_kill, .restart = SUP_TRANSIENT,
	};
}

static struct sup_pid start_all(const struct sup_child_spec *children,
				size_t n)
{
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "top", .children = children,
		.n_children = n,
	};
	struct sup_events_spec wanted = {
		.size = sizeof(wanted),
		.kinds = SUP_EVENT_BIT(SUP_EVENT_HUNG) |
			 SUP_EVENT_BIT(SUP_EVENT_CAME_BACK) |
			 SUP_EVENT_BIT(SUP_EVENT_CHILD_TERMINATED),
	};
	struct sup_pid top;

	assert_int_equal(sup_events_open(&wanted, &events), 0);
	assert_int_equal(sup_supervisor_start(&spec, &top), 0);
	return top;
}

static void stop_all(struct sup_pid top)
{
	assert_int_equal(sup_server_stop(top, &SUP_SHUTDOWN, NULL, LONG), 0);
	sup_events_close(events);
}

static struct sup_event next(enum sup_event_kind kind, const char *id)
{
	struct sup_event ev;

	assert_int_equal(sup_events_next(events, &ev, LONG), 0);
	assert_string_equal(sup_event_name(ev.kind), sup_event_name(kind));
	assert_string_equal(ev.child_id, id);
	return ev;
}

static struct sup_pid pid_of(struct sup_pid top, const char *id)
{
	struct sup_child c;

	assert_int_equal(sup_which_child(top, id, &c), 0);
	return c.pid;
}

static void tell(struct sup_pid pid, uint64_t tag)
{
	struct sup_msg msg = { .tag = tag };

	assert_int_equal(sup_cast(pid, &msg, LONG), 0);
}

/* The second is in its first turn, which none was watched before. */
static void told_of_until_it_is_back(void **state)
{
	struct part idle = { 0 }, first = { .stays_first = true }, free = { 0 };
	struct sup_child_spec children[] = {
		child("idle", &idle, 1, true),
		child("first", &first, HANG_MS, false),
		child("free", &free, 0, false),
	};
	struct sup_explanation e;
	struct sup_event ev;
	struct sup_pid top;
	int64_t now;
	int i;

	(void)state;
	top = start_all(children, 3);
	tell(pid_of(top, "free"), STAY);
	ev = next(SUP_EVENT_HUNG, "first");
	now = sup_deadline_ms(0);
	assert_string_equal(ev.turn.what, "continuation");
	assert_int_equal(ev.turn.tag, STAY);
	assert_int_equal(ev.turn.from.v, 0);
	assert_true(ev.time_ns - ev.turn.since_ns >= HANG_MS * 1000000);
	assert_in_range(ev.turn.since_ns, 1, now);
	assert_int_equal(ev.pid.v, pid_of(top, "first").v);
	assert_int_not_equal(ev.os_tid, 0);
	assert_int_equal(sup_explain(top, "first", &e), 0);
	assert_true(e.node.hung);
	assert_int_equal(e.node.turn.since_ns, ev.turn.since_ns);
	assert_int_equal(e.node.state, SUP_CHILD_RUNNING);
	/* Who is not watched has been there as long, and is not told of. */
	sem_post(&free.gate);
	sem_post(&first.gate);
	next(SUP_EVENT_CAME_BACK, "first");
	for (i = 0; i < 3; i++) {
		tell(pid_of(top, "first"), STAY);
		ev = next(SUP_EVENT_HUNG, "first");
		assert_string_equal(ev.turn.what, "cast");
		sem_post(&first.gate);
		next(SUP_EVENT_CAME_BACK, "first");
	}
	assert_int_equal(atomic_load(&idle.lives), 1);
	stop_all(top);
}

static void check_killed(struct sup_pid top, struct part *p, uint64_t tag)
{
	struct sup_pid pid = pid_of(top, "c");
	struct sup_event ev;
	struct sup_reason reason;

	tell(pid, tag);
	ev = next(SUP_EVENT_HUNG, "c");
	assert_int_equal(ev.turn.tag, tag);
	ev = next(SUP_EVENT_CHILD_TERMINATED, "c");
	assert_int_equal(ev.reason.kind, SUP_REASON_WATCHDOG);
	assert_int_equal(ev.reason.signo, SIGKILL);
	assert_int_equal(ev.pid.v, pid.v);
	assert_int_equal(sup_wait(pid, &reason, LONG), 0);
	assert_int_equal(reason.kind, SUP_REASON_WATCHDOG);
	/* It is transient, and that was no clean end. */
	assert_int_not_equal(pid_of(top, "c").v, pid.v);
	assert_int_equal(atomic_load(&p->lives), 2);
}

static void killed_at_a_safe_point(void **state)
{
	struct part p = { 0 };
	struct sup_child_spec spec = child("c", &p, HANG_MS, true);
	struct sup_pid top;

	(void)state;
	top = start_all(&spec, 1);
	check_killed(top, &p, LOOP);
	stop_all(top);
}

static void killed_in_a_call(void **state)
{
	struct part silent = { 0 }, p = { 0 };
	struct sup_child_spec children[] = {
		child("silent", &silent, 0, false),
		child("c", &p, HANG_MS, true),
	};
	struct sup_pid top;

	(void)state;
	top = start_all(children, 2);
	p.asks = pid_of(top, "silent");
	check_killed(top, &p, ASK);
	stop_all(top);
}

/* Its supervisor has not asked it to end, and does not wait for it. */
static void its_terminate_is_watched(void **state)
{
	struct part p = { 0 };
	struct sup_child_spec spec = child("c", &p, HANG_MS, false);
	struct sup_event ev;
	struct sup_pid top;

	(void)state;
	top = start_all(&spec, 1);
	tell(pid_of(top, "c"), STOP);
	ev = next(SUP_EVENT_HUNG, "c");
	/* If its thread was kept waiting just there. */
	if (!strcmp(ev.turn.what, "cast")) {
		next(SUP_EVENT_CAME_BACK, "c");
		ev = next(SUP_EVENT_HUNG, "c");
	}
	assert_string_equal(ev.turn.what, "terminate");
	sem_post(&p.gate);
	ev = next(SUP_EVENT_CHILD_TERMINATED, "c");
	assert_int_equal(ev.reason.kind, SUP_REASON_NORMAL);
	stop_all(top);
}

static void one_that_becomes_a_server(void **state)
{
	struct part p = { .enters = true };
	struct sup_child_spec spec = child("c", &p, HANG_MS, false);
	struct sup_msg msg = { .tag = STAY };
	struct sup_event ev;
	struct sup_pid top;

	(void)state;
	top = start_all(&spec, 1);
	assert_int_equal(sup_send(pid_of(top, "c"), &msg, LONG), 0);
	ev = next(SUP_EVENT_HUNG, "c");
	assert_string_equal(ev.turn.what, "message");
	assert_int_equal(ev.turn.tag, STAY);
	sem_post(&p.gate);
	next(SUP_EVENT_CAME_BACK, "c");
	stop_all(top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(told_of_until_it_is_back),
		CASE(killed_at_a_safe_point),
		CASE(killed_in_a_call),
		CASE(its_terminate_is_watched),
		CASE(one_that_becomes_a_server),
	};

	return RUN_TESTS(tests);
}
