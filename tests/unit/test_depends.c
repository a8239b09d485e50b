/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * depends_on over real threads and processes: that starts and stops really go
 * on together, and what happens to who calls, fails or is killed meanwhile.
 */
#include "tasks.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sup/server.h>
#include <sup/supervisor.h>

#include "core/tree.h"

#define ON(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* A place where n meet: nobody goes on before all are there. */
struct meeting {
	_Atomic int missing;
};

static bool meet(struct meeting *m)
{
	int64_t limit = LONG;

	if (!m)
		return true;
	atomic_fetch_sub(&m->missing, 1);
	while (atomic_load(&m->missing) > 0) {
		sup_checkpoint();
		if (sup_deadline_ms(0) > limit)
			return false;
		sched_yield();
	}
	return true;
}

/* A server: whom it meets in init and at its end, and what it is told there. */
struct part {
	struct meeting *in_init, *at_end;
	const char *calls;
	_Atomic int answer_in_init, answer_at_end;
	int ret;
	_Atomic bool met;
};

static int init(void *arg, void **ret_state)
{
	struct part *p = arg;

	*ret_state = p;
	p->met = meet(p->in_init);
	return p->ret;
}

static void terminate(void *state, const struct sup_reason *reason)
{
	struct part *p = state;

	(void)reason;
	p->met = meet(p->at_end) && p->met;
}

static const struct sup_server_ops ops = {
	.size = sizeof(ops),
	.init = init, .terminate = terminate,
};

static struct sup_server_spec server(const char *name, struct part *p)
{
	return (struct sup_server_spec){
		.size = sizeof(struct sup_server_spec), .name = name,
		.reg = true, .ops = &ops, .arg = p,
	};
}

static struct sup_child_spec child(const struct sup_server_spec *spec,
				   const char *const *depends_on)
{
	return (struct sup_child_spec){
		.size = sizeof(struct sup_child_spec), .id = spec->name,
		.start = sup_server_start, .arg = spec,
		.depends_on = depends_on, .shutdown_ms = 30000,
	};
}

static int try_supervisor(const struct sup_child_spec *children, size_t n,
			  struct sup_pid *ret_pid)
{
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "top", .reg = true,
		.children = children, .n_children = n,
	};

	return sup_supervisor_start(&spec, ret_pid);
}

static void stop(struct sup_pid sup)
{
	struct sup_reason why;

	assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, &why, LONG), 0);
}

static void they_meet(void **state)
{
	struct meeting in_init = { 3 }, at_end = { 3 };
	struct part base = { 0 }, parts[3];
	struct sup_server_spec base_spec = server("base", &base), specs[3];
	static const char *const names[] = { "x", "y", "z" };
	const char *const on_base[] = { "base", NULL };
	struct sup_child_spec children[4];
	struct sup_pid sup;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		parts[i] = (struct part){
			.in_init = &in_init, .at_end = &at_end,
		};
		specs[i] = server(names[i], &parts[i]);
		children[i] = child(&specs[i], on_base);
	}
	children[3] = child(&base_spec, NULL);
	assert_int_equal(try_supervisor(children, 4, &sup), 0);
	for (i = 0; i < 3; i++)
		assert_true(parts[i].met);
	stop(sup);
	for (i = 0; i < 3; i++)
		assert_true(parts[i].met);
}

static int meets_and_is_ready(void *arg)
{
	struct sup_info info;

	EXPECT(meet(arg));
	sup_ready();
	sup_receive(&info, SUP_FOREVER);
	return 0;
}

/* Starts the spec behind arg, and need not wait. */
static int starts_async(const void *arg, struct sup_pid *ret_pid)
{
	sup_start_async();
	return sup_thread_start(arg, ret_pid);
}

static int starts_and_fails(const void *arg, struct sup_pid *ret_pid)
{
	int ret;

	sup_start_async();
	ret = sup_thread_start(arg, ret_pid);
	return ret ? ret : -EPROTO;
}

static void threads_and_own_starts_meet(void **state)
{
	struct meeting meeting = { 2 };
	struct sup_thread_spec thread = {
		.size = sizeof(thread), .run = meets_and_is_ready,
		.arg = &meeting, .awaits_ready = true,
	};
	struct sup_child_spec children[] = {
		{ .size = sizeof(children[0]), .id = "b", .arg = &thread,
		  .start = starts_async },
		{ .size = sizeof(children[0]), .id = "c", .arg = &thread,
		  .start = sup_thread_start },
		{ .size = sizeof(children[0]), .id = "d", .arg = &thread,
		  .start = sup_thread_start, .depends_on = ON("b", "c") },
	};
	struct sup_pid sup;

	(void)state;
	assert_int_equal(try_supervisor(children, 3, &sup), 0);
	stop(sup);
	/* Elsewhere it is an ordinary start. */
	sup_start_async();
	children[0].start = starts_and_fails;
	meeting.missing = 2;
	assert_int_equal(try_supervisor(children, 3, &sup), -EPROTO);
}

/* The shell's side of a meeting: opening a fifo takes two. */
#define MEETS(first, then) "p=$(dirname $0); " first "; " then \
	"; echo ready >&3; exec sleep 1000"

static void processes_meet(void **state)
{
	char dir[] = "/tmp/sup-depends-XXXXXX", f1[64], f2[64], self[64];
	const char *one[] = { "sh", "-c", MEETS(": >$p/1", ": <$p/2"), self,
			      NULL };
	const char *two[] = { "sh", "-c", MEETS(": <$p/1", ": >$p/2"), self,
			      NULL };
	const char *three[] = { "sleep", "1000", NULL };
	struct sup_process_spec specs[] = {
		{ .size = sizeof(specs[0]), .argv = one,
		  .readiness = SUP_READY_FD },
		{ .size = sizeof(specs[0]), .argv = two,
		  .readiness = SUP_READY_FD },
		{ .size = sizeof(specs[0]), .argv = three },
	};
	struct sup_child_spec children[] = {
		{ .size = sizeof(children[0]), .id = "1", .arg = &specs[0],
		  .start = sup_process_start },
		{ .size = sizeof(children[0]), .id = "3", .arg = &specs[2],
		  .start = sup_process_start, .depends_on = ON("1") },
		{ .size = sizeof(children[0]), .id = "2", .arg = &specs[1],
		  .start = sup_process_start },
	};
	struct sup_pid sup;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(f1, sizeof(f1), "%s/1", dir);
	snprintf(f2, sizeof(f2), "%s/2", dir);
	snprintf(self, sizeof(self), "%s/sh", dir);
	assert_int_equal(mkfifo(f1, 0600) | mkfifo(f2, 0600), 0);
	assert_int_equal(try_supervisor(children, 3, &sup), 0);
	stop(sup);
	/* It meets nobody: it is not ready in its time. */
	specs[0].ready_timeout_ms = 50;
	assert_int_equal(try_supervisor(children, 2, &sup), -ETIMEDOUT);
	assert_non_null(strstr(sup_error(), "child \"1\": pid"));
	unlink(f1);
	unlink(f2);
	rmdir(dir);
}

static int call_by_name(const char *name)
{
	struct sup_msg msg = { .tag = 1 }, reply;
	int ret = sup_call(sup_whereis(name), &msg, &reply, NULL, LONG);

	if (!ret)
		sup_msg_free(&reply);
	return ret;
}

static int calls_in_init(void *arg, void **ret_state)
{
	struct part *p = arg;

	*ret_state = p;
	p->answer_in_init = call_by_name(p->calls);
	p->met = meet(p->in_init);
	return 0;
}

static void calls_at_end(void *state, const struct sup_reason *reason)
{
	struct part *p = state;

	(void)reason;
	/* Both have been asked by then. */
	p->met = meet(p->at_end);
	p->answer_at_end = call_by_name(p->calls);
}

static int relays(void *state, struct sup_from from, struct sup_msg *msg)
{
	int ret = call_by_name("top");

	(void)state;
	return ret ? sup_reply_error(from, ret) : sup_reply(from, msg);
}

static const struct sup_server_ops calling_ops = {
	.size = sizeof(calling_ops), .init = calls_in_init,
	.terminate = calls_at_end,
};

static const struct sup_server_ops relay_ops = {
	.size = sizeof(relay_ops), .init = init, .call = relays,
};

/*
 * To the supervisor, which waits for two: from who is being started, or is
 * ending, and from there by way of one that is up.
 */
static void calls_that_lead_back(void **state)
{
	struct meeting in_init = { 2 }, at_end = { 2 };
	struct part r = { 0 };
	struct part x = { .in_init = &in_init, .at_end = &at_end,
			  .calls = "top" };
	struct part y = { .in_init = &in_init, .at_end = &at_end,
			  .calls = "relay" };
	struct sup_server_spec specs[] = {
		server("relay", &r), server("x", &x), server("y", &y),
	};
	struct sup_child_spec children[] = {
		child(&specs[0], NULL), child(&specs[1], ON("relay")),
		child(&specs[2], ON("relay")),
	};
	struct sup_pid sup;

	(void)state;
	specs[0].ops = &relay_ops;
	specs[1].ops = specs[2].ops = &calling_ops;
	assert_int_equal(try_supervisor(children, 3, &sup), 0);
	assert_int_equal(x.answer_in_init, -EDEADLK);
	assert_int_equal(y.answer_in_init, -EDEADLK);
	stop(sup);
	assert_int_equal(x.answer_at_end, -EDEADLK);
	assert_int_equal(y.answer_at_end, -EDEADLK);
	assert_true(x.met && y.met);
}

/* The other one is told to end, and its init is waited for. */
static void one_fails(void **state)
{
	struct meeting meeting = { 2 };
	struct part base = { 0 };
	struct part x = { .in_init = &meeting };
	struct part y = { .in_init = &meeting, .ret = -EIO };
	struct sup_server_spec specs[] = {
		server("base", &base), server("x", &x), server("y", &y),
	};
	struct sup_child_spec children[] = {
		child(&specs[0], NULL), child(&specs[1], ON("base")),
		child(&specs[2], ON("base")),
	};
	struct sup_pid sup;

	(void)state;
	assert_int_equal(try_supervisor(children, 3, &sup), -EIO);
	assert_non_null(strstr(sup_error(), "child \"y\": "));
	assert_int_equal(sup_whereis("x").v | sup_whereis("y").v |
			 sup_whereis("base").v | sup_whereis("top").v, 0);
}

static void one_is_out_of_time(void **state)
{
	struct meeting never = { 2 };
	struct part base = { 0 };
	struct part x = { .in_init = &never };
	struct sup_server_spec specs[] = {
		server("base", &base), server("x", &x),
	};
	struct sup_child_spec children[] = {
		child(&specs[0], NULL), child(&specs[1], ON("base")),
	};
	struct sup_pid sup;

	(void)state;
	specs[1].init_timeout_ms = 20;
	assert_int_equal(try_supervisor(children, 2, &sup), -ETIMEDOUT);
	assert_non_null(strstr(sup_error(), "child \"x\": "));
}

/* It was up, and looks at what the test has on its stack. */
static void await_gone(const char *name)
{
	int64_t limit = LONG;

	while (sup_whereis(name).v && sup_deadline_ms(0) < limit)
		sched_yield();
	assert_int_equal(sup_whereis(name).v, 0);
}

static int starts_top(void *arg)
{
	struct sup_pid unused;

	return try_supervisor(arg, 3, &unused);
}

/* Another start is under way: its thread is killed, and does not return. */
static int ends_its_supervisor(const void *arg, struct sup_pid *ret_pid)
{
	const struct meeting *m = arg;

	(void)ret_pid;
	while (atomic_load(&m->missing) > 1)
		sched_yield();
	sup_kill(sup_self(), LONG);
	sup_checkpoint();
	return -EPROTO;
}

static void killed_in_a_start(void **state)
{
	struct meeting never = { 2 };
	struct part base = { 0 }, x = { .in_init = &never };
	struct sup_server_spec specs[] = {
		server("base", &base), server("x", &x),
	};
	struct sup_child_spec children[] = {
		child(&specs[0], NULL), child(&specs[1], ON("base")),
		{ .size = sizeof(children[0]), .id = "y", .arg = &never,
		  .start = ends_its_supervisor, .depends_on = ON("base") },
	};
	struct sup_pid unused;

	(void)state;
	assert_int_equal(try_supervisor(children, 3, &unused), -ECHILD);
	assert_int_equal(sup_whereis("x").v, 0);
	await_gone("base");
}

/* Who is being started goes with it, wherever it is. */
static void the_supervisor_is_killed(void **state)
{
	struct meeting never = { 3 };
	struct part base = { 0 };
	struct part x = { .in_init = &never }, y = { .in_init = &never };
	struct sup_server_spec specs[] = {
		server("base", &base), server("x", &x), server("y", &y),
	};
	struct sup_child_spec children[] = {
		child(&specs[0], NULL), child(&specs[1], ON("base")),
		child(&specs[2], ON("base")),
	};
	int64_t limit = LONG;
	struct sup_pid pid;

	(void)state;
	pid = start(starts_top, children);
	while (atomic_load(&never.missing) > 1 && sup_deadline_ms(0) < limit)
		sched_yield();
	assert_int_equal(sup_kill(sup_whereis("top"), LONG), 0);
	assert_int_equal(end_of(pid).code, -ECHILD);
	assert_int_equal(sup_whereis("x").v | sup_whereis("y").v, 0);
	await_gone("base");
}

/* Its starter: nothing of what it began is left, no memory either. */
static void the_starter_is_killed(void **state)
{
	struct meeting never = { 3 };
	struct part base = { 0 };
	struct part x = { .in_init = &never }, y = { .in_init = &never };
	struct sup_server_spec specs[] = {
		server("base", &base), server("x", &x), server("y", &y),
	};
	struct sup_child_spec children[] = {
		child(&specs[0], NULL), child(&specs[1], ON("base")),
		child(&specs[2], ON("base")),
	};
	struct sup_pid pid, top;
	int64_t limit = LONG;
	struct sup__board *b;

	(void)state;
	pid = start(starts_top, children);
	while (atomic_load(&never.missing) > 1 && sup_deadline_ms(0) < limit)
		sched_yield();
	top = sup_whereis("top");
	assert_int_equal(sup_kill(pid, LONG), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	await_gone("base");
	assert_int_equal(sup_whereis("x").v | sup_whereis("y").v, 0);
	/* What it showed is held by who finds it, and here. */
	b = sup__board_get(top);
	assert_non_null(b);
	assert_int_equal(b->refs, 2);
	sup__board_put(b);
}

struct addition {
	struct sup_pid sup;
	const struct sup_child_spec *child;
};

static int adds(void *arg)
{
	const struct addition *a = arg;
	struct sup_pid unused;

	return sup_start_child(a->sup, a->child, &unused);
}

/* What it has sent on its way is not its own any more; x comes up. */
static void who_adds_one_is_killed(void **state)
{
	struct meeting m = { 2 };
	struct part base = { 0 }, x = { .in_init = &m };
	struct sup_server_spec specs[] = {
		server("base", &base), server("x", &x),
	};
	struct sup_child_spec children[] = {
		child(&specs[0], NULL), child(&specs[1], ON("base")),
	};
	struct addition a = { .child = &children[1] };
	int64_t limit = LONG;
	struct sup_child c;
	struct sup_pid pid;

	(void)state;
	assert_int_equal(try_supervisor(children, 1, &a.sup), 0);
	pid = start(adds, &a);
	while (atomic_load(&m.missing) > 1 && sup_deadline_ms(0) < limit)
		sched_yield();
	assert_int_equal(sup_kill(pid, LONG), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	assert_true(meet(&m));
	assert_int_equal(sup_which_child(a.sup, "x", &c), 0);
	assert_int_equal(c.state, SUP_CHILD_RUNNING);
	stop(a.sup);
}

/* A spec that is added lives in the caller: its ids are copied. */
static void one_is_added(void **state)
{
	struct part base = { 0 }, x = { 0 };
	struct sup_server_spec specs[] = {
		server("base", &base), server("x", &x),
	};
	struct sup_child_spec children[] = {
		child(&specs[0], NULL), child(&specs[1], NULL),
	};
	char *name = strdup("base");
	const char **ids = malloc(2 * sizeof(*ids));
	struct sup_pid sup, pid;
	struct sup_child c;

	(void)state;
	ids[0] = name;
	ids[1] = NULL;
	assert_int_equal(try_supervisor(children, 1, &sup), 0);
	children[1].depends_on = ids;
	assert_int_equal(sup_start_child(sup, &children[1], &pid), 0);
	memset(name, 'x', 4);
	free(name);
	free(ids);
	assert_int_equal(sup_which_child(sup, "x", &c), 0);
	assert_null(c.spec.depends_on);
	assert_int_equal(sup_terminate_child(sup, "base"), 0);
	assert_int_equal(sup_delete_child(sup, "base"), -EBUSY);
	assert_string_equal(sup_error(), "child \"base\": \"x\" depends on it");
	stop(sup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(they_meet),
		CASE(threads_and_own_starts_meet),
		CASE(processes_meet),
		CASE(calls_that_lead_back),
		CASE(one_fails),
		CASE(one_is_out_of_time),
		CASE(the_supervisor_is_killed),
		CASE(killed_in_a_start),
		CASE(the_starter_is_killed),
		CASE(who_adds_one_is_killed),
		CASE(one_is_added),
	};

	return RUN_TESTS(tests);
}
