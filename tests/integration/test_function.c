/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions of this program as supervised processes, with messages. */
#include "bench.h"

#include <syslog.h>

enum tag {
	ECHO = 1,	/* it comes back, with the pid of who says so */
	LEAVE,		/* it ends with 5 */
	CRASH,
	GARBAGE,	/* it writes to descriptor 3 what is no message */
};

static int serve(const void *arg, size_t len)
{
	pid_t self = getpid();
	struct sup_msg msg, out = { .data = &self, .len = sizeof(self) };

	(void)arg;
	out.tag = len;
	while (!sup_function_send(&out, SUP_FOREVER) &&
	       !sup_function_receive(&msg, SUP_FOREVER)) {
		out.tag = msg.tag;
		sup_msg_free(&msg);
		switch ((enum tag)out.tag) {
		case ECHO:
			break;
		case LEAVE:
			return printf("it leaves\n") < 0 ? 99 : 5;
		case CRASH:
			*(volatile int *volatile)BENCH_FAULT = 1;
			break;
		case GARBAGE:
			if (write(3, "x", 1) != 1)
				return 98;
			while (pause())
				;
		}
	}
	return 97;
}

/* With a tree of its own, of which it tells; until it is told to leave. */
static int manage(const void *arg, size_t len)
{
	struct sup_options opts = {
		.size = sizeof(opts), .source = bench_source(),
	};
	struct sup_child_spec c = {
		.size = sizeof(c), .id = "grandchild",
		.start = sup_process_start,
		.arg = bench_process("wait", NULL, NULL),
	};
	struct sup_supervisor_spec top = {
		.size = sizeof(top), .children = &c, .n_children = 1,
	};
	struct sup_child info;
	struct sup_pid sup;
	struct sup_msg msg;
	pid_t os;

	(void)arg;
	(void)len;
	if (sup_open(&opts) || sup_supervisor_start(&top, &sup) ||
	    sup_which_child(sup, "grandchild", &info) ||
	    sup_os_pid(info.pid, &os, NULL))
		return 96;
	msg = (struct sup_msg){ .data = &os, .len = sizeof(os) };
	if (sup_function_send(&msg, SUP_FOREVER) ||
	    sup_function_receive(&msg, SUP_FOREVER))
		return 95;
	return -sup_close();
}

static const struct sup_function functions[] = {
	{ .name = "serve", .run = serve },
	{ .name = "manage", .run = manage },
};

/* What a life of it says first, and after each ECHO. */
static void expect(struct sup_pid from, uint64_t tag)
{
	struct sup_info info;
	pid_t said, os;

	assert_int_equal(sup_receive(&info, LIMIT), 0);
	assert_int_equal(info.kind, SUP_INFO_MSG);
	assert_int_equal(info.msg.tag, tag);
	assert_int_equal(info.msg.len, sizeof(said));
	memcpy(&said, info.msg.data, sizeof(said));
	sup_msg_free(&info.msg);
	assert_int_equal(info.pid.v, from.v);
	assert_int_equal(sup_os_pid(info.pid, &os, NULL), 0);
	assert_int_equal(os, said);
}

static void tell(struct sup_pid pid, uint64_t tag)
{
	const struct sup_msg msg = { .tag = tag };

	assert_int_equal(sup_send(pid, &msg, LIMIT), 0);
}

static struct sup_function_spec fn = {
	.size = sizeof(fn), .function = "serve", .arg = "abc", .arg_len = 3,
	.to = "receiver",
};
static struct sup_process_spec process = {
	.size = sizeof(process), .function = &fn, .reg = true, .name = "served",
	.readiness = SUP_READY_MESSAGE, .ready_timeout_ms = 60000,
	.capture = SUP_CAPTURE_OUTPUT,
};

static struct sup_pid supervise(void)
{
	static struct sup_child_spec c = {
		.size = sizeof(c), .id = "f", .start = sup_process_start,
		.arg = &process,
	};

	assert_int_equal(sup_register("receiver", sup_self()), 0);
	return bench_supervisor(SUP_ONE_FOR_ONE, 9, &c, 1);
}

/* Its next life has a socket of its own, and answers by it. */
static void expect_restart(struct sup_pid *pid, int n)
{
	bench_event(SUP_EVENT_STARTED, "f", n);
	assert_int_not_equal(pid->v, sup_whereis("served").v);
	*pid = sup_whereis("served");
	expect(*pid, 3);
	tell(*pid, ECHO);
	expect(*pid, ECHO);
}

static int live_on(void *arg)
{
	struct sup_pid sup = supervise(), pid = sup_whereis("served");
	struct sup_event ev;
	char text[32];

	(void)arg;
	expect(pid, 3);
	tell(pid, ECHO);
	expect(pid, ECHO);
	sup_set_log_level(LOG_CRIT);
	tell(pid, LEAVE);
	ev = bench_event(SUP_EVENT_CHILD_TERMINATED, "f", 1);
	assert_int_equal(ev.reason.kind, SUP_REASON_EXIT);
	assert_int_equal(ev.reason.code, 5);
	assert_int_equal(sup_process_output(ev.pid, text, sizeof(text)), 0);
	assert_string_equal(text, "it leaves\n");
	expect_restart(&pid, 2);
	assert_int_equal(kill(bench_child(sup, "f").os_pid, SIGKILL), 0);
	expect_restart(&pid, 3);
	tell(pid, CRASH);
	ev = bench_event(SUP_EVENT_CHILD_TERMINATED, "f", 3);
	assert_int_equal(ev.reason.signo, SIGSEGV);
	expect_restart(&pid, 4);
	tell(pid, GARBAGE);
	ev = bench_event(SUP_EVENT_CHILD_TERMINATED, "f", 4);
	assert_int_equal(ev.reason.kind, SUP_REASON_EXIT);
	assert_int_equal(ev.reason.code, -EPROTO);
	expect_restart(&pid, 5);
	sup_set_log_level(LOG_WARNING);
	bench_stop(sup);
	assert_int_equal(bench_event(SUP_EVENT_STOPPED, "f", 1).reason.kind,
			 SUP_REASON_SHUTDOWN);
	return 0;
}

static void run(int (*body)(void *arg), void *arg)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = body, .arg = arg,
	};
	struct sup_reason reason;

	assert_int_equal(sup_thread_run(&spec, &reason), 0);
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
}

static void each_life_has_its_own_socket(void **state)
{
	(void)state;
	run(live_on, NULL);
}

/* What one life was sent and had not read is nothing to the next. */
static int flood_and_kill(void *arg)
{
	struct sup_pid sup = supervise(), pid = sup_whereis("served");
	const struct sup_msg msg = { .tag = ECHO };
	struct sup_info info;
	struct sup_pid before;

	(void)arg;
	sup_set_log_level(LOG_CRIT);
	expect(pid, 3);
	assert_int_equal(sup_process_signal(pid, SIGSTOP), 0);
	while (!sup_send(pid, &msg, SUP_TRY))
		;
	assert_int_equal(sup_process_signal(pid, SIGKILL), 0);
	before = pid;
	bench_event(SUP_EVENT_STARTED, "f", 2);
	pid = sup_whereis("served");
	/* What it answered before the signal came to it goes first. */
	do {
		assert_int_equal(sup_receive(&info, LIMIT), 0);
		sup_msg_free(&info.msg);
	} while (info.pid.v == before.v);
	assert_int_equal(info.pid.v, pid.v);
	assert_int_equal(info.msg.tag, 3);
	assert_int_equal(sup_receive(&info, SUP_TRY), -ETIMEDOUT);
	tell(pid, ECHO);
	expect(pid, ECHO);
	bench_stop(sup);
	sup_set_log_level(LOG_WARNING);
	return 0;
}

static void lives_do_not_mix(void **state)
{
	(void)state;
	run(flood_and_kill, NULL);
}

/* A server, which a function tells something, hears from whom. */
static int init(void *arg, void **state)
{
	*state = arg;
	return 0;
}

static int on_info(void *state, struct sup_info *info)
{
	struct sup_pid *from = state;

	if (info->kind == SUP_INFO_MSG)
		*from = info->pid;
	return SUP_CONTINUE;
}

static int on_call(void *state, struct sup_from from, struct sup_msg *msg)
{
	(void)msg;
	return sup_reply(from, &(struct sup_msg){
			.tag = ((struct sup_pid *)state)->v });
}

static void server_hears_from_whom(void **state)
{
	struct sup_pid heard = SUP_PID_NONE, server, pid;
	struct sup_server_ops ops = {
		.size = sizeof(ops), .init = init, .call = on_call,
		.info = on_info,
	};
	struct sup_server_spec spec = {
		.size = sizeof(spec), .name = "receiver", .reg = true,
		.ops = &ops, .arg = &heard,
	};
	struct sup_msg answer;

	(void)state;
	assert_int_equal(sup_server_start(&spec, &server), 0);
	assert_int_equal(sup_process_start(&process, &pid), 0);
	/* It was ready by that message, which lies before this call. */
	assert_int_equal(sup_call(server, &(struct sup_msg){ 0 }, &answer,
				  NULL, LIMIT), 0);
	assert_int_equal(answer.tag, pid.v);
	assert_int_equal(sup_exit(pid, &SUP_SHUTDOWN), 0);
	assert_int_equal(sup_wait(pid, NULL, LIMIT), 0);
}

/* The process that a manager has told of, watched. */
static int start_manager(struct sup_pid *ret_pid)
{
	const struct sup_function_spec manager = {
		.size = sizeof(manager), .function = "manage",
	};
	const struct sup_process_spec spec = {
		.size = sizeof(spec), .function = &manager,
	};
	struct sup_info info;
	pid_t grandchild;

	assert_int_equal(sup_process_start(&spec, ret_pid), 0);
	/* The end of the one before is told, too. */
	do
		assert_int_equal(sup_receive(&info, LIMIT), 0);
	while (info.pid.v != ret_pid->v);
	assert_int_equal(info.kind, SUP_INFO_MSG);
	memcpy(&grandchild, info.msg.data, sizeof(grandchild));
	sup_msg_free(&info.msg);
	return bench_watch(grandchild);
}

static int manage_managers(void *arg)
{
	struct sup_reason reason;
	struct sup_pid pid;
	int watch;

	watch = start_manager(&pid);
	tell(pid, LEAVE);
	assert_int_equal(sup_wait(pid, &reason, LIMIT), 0);
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
	bench_watch_end(watch);
	if (!*(bool *)arg)
		return 0;
	watch = start_manager(&pid);
	assert_int_equal(sup_kill(pid, LIMIT), 0);
	assert_int_equal(sup_wait(pid, &reason, LIMIT), 0);
	assert_int_equal(reason.kind, SUP_REASON_KILLED);
	bench_watch_end(watch);
	return 0;
}

/* What is killed with it is so by its lineage: pidfds do not know that. */
static void function_may_have_a_tree(void **state)
{
	struct sup_source_info info;
	bool kills;

	(void)state;
	assert_int_equal(sup_exit_source(&info), 0);
	kills = !(info.lacks & SUP_LACKS_LINEAGE_KILL);
	run(manage_managers, &kills);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(each_life_has_its_own_socket),
		CASE(lives_do_not_mix),
		CASE(server_hears_from_whom),
		CASE(function_may_have_a_tree),
	};

	if (sup_functions(functions, N_OF(functions)))
		return 111;
	bench_role(argc, argv);
	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
