/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Supervisors over real threads, as far as they are more than in the
 * simulation (tests/sim): exit signals, and what meets a backoff.
 */
#include "tasks.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

/* Longer than any test may take. */
#define FOR_EVER_MS 600000

static int waits(void *arg)
{
	struct sup_info info;

	(void)arg;
	sup_receive(&info, SUP_FOREVER);
	return 0;
}

static const struct sup_thread_spec waiter = {
	.size = sizeof(waiter), .name = "waiter", .run = waits,
};

static struct sup_child_spec child(const char *id, uint32_t backoff_ms)
{
	return (struct sup_child_spec){
		.size = sizeof(struct sup_child_spec), .id = id,
		.start = sup_thread_start, .arg = &waiter,
		.backoff = { .min_ms = backoff_ms, .factor = 100,
			     .max_ms = backoff_ms },
	};
}

static struct sup_pid limited(enum sup_strategy strategy, int intensity,
			      const struct sup_child_spec *children, size_t n)
{
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "top", .strategy = strategy,
		.intensity = intensity, .children = children, .n_children = n,
		.hold_ms = FOR_EVER_MS,
	};
	struct sup_pid pid;

	assert_int_equal(sup_supervisor_start(&spec, &pid), 0);
	return pid;
}

static struct sup_pid supervisor(enum sup_strategy strategy,
				 const struct sup_child_spec *children,
				 size_t n)
{
	return limited(strategy, 1000000, children, n);
}

static void stop(struct sup_pid sup)
{
	struct sup_reason why;

	assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, &why, LONG), 0);
}

static struct sup_child look(struct sup_pid sup, const char *id)
{
	struct sup_child c;

	assert_int_equal(sup_which_child(sup, id, &c), 0);
	return c;
}

/* Another task of a child than pid. */
static void await_next(struct sup_pid sup, const char *id, struct sup_pid pid)
{
	int64_t limit = LONG;
	struct sup_child c = look(sup, id);

	for (; !c.pid.v || c.pid.v == pid.v; c = look(sup, id)) {
		assert_true(sup_deadline_ms(0) < limit);
		sched_yield();
	}
}

/* Its child is killed, and waits for its restart: seen, or again. */
static void fall(struct sup_pid sup, const char *id)
{
	struct sup_child c = look(sup, id);
	struct sup_pid pid = SUP_PID_NONE;
	int64_t limit = LONG;

	for (; c.state != SUP_CHILD_RESTARTING; c = look(sup, id)) {
		assert_true(sup_deadline_ms(0) < limit);
		if (c.pid.v && c.pid.v != pid.v)
			kill_and_wait(c.pid);
		pid = c.pid;
	}
}

static int sends_exits(void *arg)
{
	const struct sup_pid *to = arg;
	struct sup_reason why = { .kind = SUP_REASON_EXIT, .code = 5 };

	EXPECT(!sup_exit(*to, &SUP_SHUTDOWN));
	EXPECT(!sup_exit(*to, &SUP_NORMAL));
	EXPECT(!sup_exit(*to, &why));
	return 0;
}

static void strangers_do_not_end_it_and_a_kill_does(void **state)
{
	struct sup_child_spec c = child("c", 0);
	struct sup_pid sup, pid;

	(void)state;
	sup = supervisor(SUP_ONE_FOR_ONE, &c, 1);
	pid = look(sup, "c").pid;
	run_with(sends_exits, &sup);
	/* Foreign threads are strangers, too. */
	assert_int_equal(sup_exit(sup, &SUP_SHUTDOWN), 0);
	assert_int_equal(look(sup, "c").pid.v, pid.v);
	assert_int_equal(sup_kill(sup, LONG), 0);
	assert_int_equal(end_of(sup).kind, SUP_REASON_KILLED);
	assert_int_equal(end_of(pid).kind, SUP_REASON_SHUTDOWN);
}

static int its_parent(void *arg)
{
	struct sup_pid sup;
	struct sup_reason why = { .kind = SUP_REASON_EXIT, .code = 5 }, end;

	(void)arg;
	sup = supervisor(SUP_ONE_FOR_ONE, NULL, 0);
	EXPECT(!sup_exit(sup, &why) && !sup_wait(sup, &end, LONG));
	EXPECT(end.kind == SUP_REASON_EXIT && end.code == 5);
	/* As OTP: even by NORMAL. */
	sup = supervisor(SUP_ONE_FOR_ONE, NULL, 0);
	EXPECT(!sup_exit(sup, &SUP_NORMAL) && !sup_wait(sup, &end, LONG));
	EXPECT(end.kind == SUP_REASON_NORMAL);
	return 0;
}

static void its_parent_ends_it_with_any_reason(void **state)
{
	(void)state;
	run_with(its_parent, NULL);
}

static int sends_to_its_supervisor(void *arg)
{
	struct sup_pid *sup = arg;

	sends_exits(sup);
	return waits(NULL);
}

/* OTP takes it for the child's end, and starts a second one beside it. */
static void what_a_child_sends_is_not_its_end(void **state)
{
	struct sup_pid sup = supervisor(SUP_ONE_FOR_ONE, NULL, 0), pid;
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = sends_to_its_supervisor,
		.arg = &sup,
	};
	struct sup_child_spec c = child("c", FOR_EVER_MS);

	(void)state;
	c.arg = &spec;
	assert_int_equal(sup_start_child(sup, &c, &pid), 0);
	fall(sup, "c");
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	stop(sup);
}

/* What it is a child of it cannot leave: OTP would not hear of its end. */
static int unlinks(void *arg)
{
	struct sup_info info;

	EXPECT(!sup_unlink(*(struct sup_pid *)arg, true));
	EXPECT(!sup_ready());
	sup_receive(&info, SUP_FOREVER);
	return 0;
}

static void SUP_72_child_unlink(void **state)
{
	struct sup_pid sup = supervisor(SUP_ONE_FOR_ONE, NULL, 0), pid, next;
	const struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = unlinks, .arg = &sup,
		.awaits_ready = true,
	};
	struct sup_child_spec c = child("c", 0);
	struct sup_msg stray = { .tag = 1 };

	(void)state;
	c.arg = &spec;
	assert_int_equal(sup_start_child(sup, &c, &pid), 0);
	assert_int_equal(sup_terminate_child(sup, "c"), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_SHUTDOWN);
	sup_set_log_level(-1);
	assert_int_equal(sup_send(sup, &stray, LONG), 0);
	assert_int_equal(sup_restart_child(sup, "c", &next), 0);
	sup_set_log_level(LOG_WARNING);
	kill_and_wait(next);
	await_next(sup, "c", next);
	stop(sup);
}

static int no_init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static int returns_9(void *state, struct sup_msg *msg)
{
	struct sup_reason why = { .kind = SUP_REASON_EXIT, .code = 9 };

	(void)state;
	(void)msg;
	sup_server_stop_with(&why);
	return SUP_STOP;
}

/* Linked with its starter: one end is told once, and does not spread. */
static void a_child_that_is_linked_is_restarted(void **state)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = no_init, .cast = returns_9,
	};
	const struct sup_server_spec spec = {
		.size = sizeof(spec), .ops = &ops, .link = true,
	};
	struct sup_child_spec c = child("c", 0);
	struct sup_msg msg = { .tag = 1 };
	struct sup_node *nodes;
	struct sup_pid sup, pid;
	size_t n;

	(void)state;
	c.start = sup_server_start;
	c.arg = &spec;
	sup = supervisor(SUP_ONE_FOR_ONE, &c, 1);
	pid = look(sup, "c").pid;
	assert_int_equal(sup_cast(pid, &msg, LONG), 0);
	await_next(sup, "c", pid);
	assert_int_equal(sup_tree(sup, &nodes, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(nodes[1].restarts, 1);
	assert_int_equal(nodes[1].last_reason.code, 9);
	free(nodes);
	stop(sup);
}

static void calls_by_id_during_a_backoff(void **state)
{
	struct sup_child_spec c = child("c", FOR_EVER_MS);
	struct sup_pid sup, pid;

	(void)state;
	sup = supervisor(SUP_ONE_FOR_ONE, &c, 1);
	fall(sup, "c");
	assert_int_equal(sup_delete_child(sup, "c"), -EAGAIN);
	assert_int_equal(sup_restart_child(sup, "c", &pid), -EAGAIN);
	assert_int_equal(sup_start_child(sup, &c, &pid), -EEXIST);
	assert_int_equal(sup_terminate_child(sup, "c"), 0);
	assert_int_equal(look(sup, "c").state, SUP_CHILD_STOPPED);
	assert_int_equal(sup_restart_child(sup, "c", &pid), 0);
	fall(sup, "c");
	assert_int_equal(sup_terminate_child(sup, "c"), 0);
	assert_int_equal(sup_delete_child(sup, "c"), 0);
	assert_int_equal(sup_start_child(sup, &c, &pid), 0);
	stop(sup);
}

/* The restart of one that waits longer shows that the other's time is over. */
static void who_is_terminated_or_deleted_does_not_come_back(void **state)
{
	struct sup_child_spec c[] = {
		child("kept", 100), child("deleted", 100), child("late", 101),
	};
	struct sup_pid sup, pid;

	(void)state;
	sup = supervisor(SUP_ONE_FOR_ONE, c, 3);
	fall(sup, "kept");
	assert_int_equal(sup_terminate_child(sup, "kept"), 0);
	fall(sup, "deleted");
	assert_int_equal(sup_terminate_child(sup, "deleted"), 0);
	assert_int_equal(sup_delete_child(sup, "deleted"), 0);
	pid = look(sup, "late").pid;
	kill_and_wait(pid);
	await_next(sup, "late", pid);
	assert_int_equal(look(sup, "kept").state, SUP_CHILD_STOPPED);
	stop(sup);
}

static void a_stop_does_not_wait_for_a_backoff(void **state)
{
	static const enum sup_strategy all[] = {
		SUP_ONE_FOR_ONE, SUP_ONE_FOR_ALL, SUP_REST_FOR_ONE,
	};
	struct sup_child_spec c[] = {
		child("a", FOR_EVER_MS), child("b", FOR_EVER_MS),
	};
	struct sup_pid sup;
	size_t i;

	(void)state;
	for (i = 0; i < N_OF(all); i++) {
		sup = supervisor(all[i], c, 2);
		fall(sup, "a");
		stop(sup);
		sup = supervisor(all[i], c, 2);
		fall(sup, "b");
		assert_int_equal(sup_kill(sup, LONG), 0);
		assert_int_equal(end_of(sup).kind, SUP_REASON_KILLED);
	}
	/* sup_close() stops this one. */
	sup = supervisor(SUP_REST_FOR_ONE, c, 2);
	fall(sup, "a");
}

static void nor_does_that_of_the_supervisor_above(void **state)
{
	struct sup_child_spec c = child("c", FOR_EVER_MS);
	const struct sup_supervisor_spec below = {
		.size = sizeof(below), .name = "below", .reg = true,
		.children = &c, .n_children = 1,
	};
	struct sup_child_spec sub = child("below", 0);
	struct sup_pid sup, old;

	(void)state;
	sub.start = sup_supervisor_start;
	sub.arg = &below;
	sub.type = SUP_SUPERVISOR;
	sup = supervisor(SUP_ONE_FOR_ONE, &sub, 1);
	fall(sup_whereis("below"), "c");
	assert_int_equal(sup_terminate_child(sup, "below"), 0);
	assert_int_equal(sup_restart_child(sup, "below", NULL), 0);
	old = sup_whereis("below");
	fall(old, "c");
	/* Killed in it, it comes back with a child that runs. */
	kill_and_wait(old);
	await_next(sup, "below", old);
	assert_int_equal(look(sup_whereis("below"), "c").state,
			 SUP_CHILD_RUNNING);
	fall(sup_whereis("below"), "c");
	stop(sup);
}

static void children_without_ids_too(void **state)
{
	const struct sup_dynamic_spec spec = { .size = sizeof(spec) };
	struct sup_child_spec c = child(NULL, FOR_EVER_MS);
	struct sup_pid sup, pid;
	struct sup_child row;
	int64_t limit = LONG;

	(void)state;
	assert_int_equal(sup_dynamic_start(&spec, &sup), 0);
	assert_int_equal(sup_start_child(sup, &c, &pid), 0);
	kill_and_wait(pid);
	do {
		assert_int_equal(sup_which_child_pid(sup, pid, &row), 0);
		assert_true(sup_deadline_ms(0) < limit);
	} while (row.state != SUP_CHILD_RESTARTING);
	assert_int_equal(sup_terminate_child_pid(sup, pid), 0);
	assert_int_equal(sup_terminate_child_pid(sup, pid), -ENOENT);
	stop(sup);
}

static void what_is_held_is_stopped_at_once(void **state)
{
	struct sup_child_spec c[] = { child("a", 0), child("b", 0) };
	struct sup_pid sup;

	(void)state;
	sup = limited(SUP_ONE_FOR_ALL, SUP_INTENSITY_NONE, c, 2);
	fall(sup, "a");
	assert_int_equal(look(sup, "b").state, SUP_CHILD_STOPPED);
	assert_int_equal(sup_delete_child(sup, "a"), -EAGAIN);
	assert_int_equal(sup_terminate_child(sup, "a"), 0);
	assert_int_equal(sup_restart_child(sup, "a", NULL), 0);
	fall(sup, "a");
	stop(sup);
}

struct storm {
	struct sup_pid sup;
	const struct sup_child_spec *spec;
	_Atomic bool over;
};

static void *kills(void *arg)
{
	struct storm *s = arg;
	struct sup_child c;

	while (!atomic_load(&s->over))
		if (!sup_which_child(s->sup, "c", &c) && c.pid.v)
			sup_kill(c.pid, LONG);
	return NULL;
}

static void *changes(void *arg)
{
	struct storm *s = arg;
	struct sup_pid pid;
	int i;

	for (i = 0; i < SLOWLY(2000); i++) {
		sup_terminate_child(s->sup, "c");
		if (i % 2)
			sup_restart_child(s->sup, "c", &pid);
		else if (!sup_delete_child(s->sup, "c"))
			sup_start_child(s->sup, s->spec, &pid);
	}
	return NULL;
}

static void all_at_the_same_time(void **state)
{
	struct sup_child_spec c = child("c", 1);
	struct storm s = { .spec = &c };
	pthread_t threads[3];
	struct sup_child row;
	int i;

	(void)state;
	s.sup = supervisor(SUP_ONE_FOR_ONE, &c, 1);
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						i ? changes : kills, &s), 0);
	for (i = 2; i > 0; i--)
		pthread_join(threads[i], NULL);
	atomic_store(&s.over, true);
	pthread_join(threads[0], NULL);
	if (!sup_which_child(s.sup, "c", &row)) {
		sup_terminate_child(s.sup, "c");
		assert_int_equal(sup_delete_child(s.sup, "c"), 0);
	}
	assert_int_equal(sup_which_child(s.sup, "c", &row), -ENOENT);
	stop(s.sup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(strangers_do_not_end_it_and_a_kill_does),
		CASE(its_parent_ends_it_with_any_reason),
		CASE(what_a_child_sends_is_not_its_end),
		CASE(SUP_72_child_unlink),
		CASE(a_child_that_is_linked_is_restarted),
		CASE(calls_by_id_during_a_backoff),
		CASE(who_is_terminated_or_deleted_does_not_come_back),
		CASE(a_stop_does_not_wait_for_a_backoff),
		CASE(nor_does_that_of_the_supervisor_above),
		CASE(children_without_ids_too),
		CASE(what_is_held_is_stopped_at_once),
		CASE(all_at_the_same_time),
	};

	return RUN_TESTS(tests);
}
