/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cases of OTP's gen_server_SUITE: starting and stopping. */
#include "tasks.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/gs.h"

/* The four ways to start: free, linked, monitored, both. */
enum { LINKED = 1, MONITORED = 2 };

static int start_by(int how, struct sup_server_spec *spec,
		    struct sup_pid *ret_pid, struct sup_ref *ret_ref)
{
	spec->link = how & LINKED;
	if (how & MONITORED)
		return sup_server_start_monitor(spec, ret_pid, ret_ref);
	return sup_server_start(spec, ret_pid);
}

/* What is left in the caller's mailbox. */
static int strays(void)
{
	struct sup_info info;
	int n = 0;

	while (!sup_receive(&info, SUP_TRY))
		n++;
	return n;
}

static int gs_01(void *arg)
{
	int how;

	(void)arg;
	EXPECT(!sup_trap_exits(true, NULL));
	for (how = 0; how < 4; how++) {
		struct gs g = { .init_ms = 0 }, other = { .init_ms = 0 };
		struct sup_server_spec spec = gs_spec(&g, NULL);
		struct sup_reason reason = shutdown_of(4), end;
		struct sup_pid pid, taken = SUP_PID_NONE;
		int exits = 0, downs = 0;
		struct sup_info info;
		struct sup_ref ref;

		spec.init_timeout_ms = 1000;
		EXPECT(!start_by(how, &spec, &pid, &ref));
		EXPECT(!sup_register("gs", pid));
		spec = gs_spec(&other, "gs");
		EXPECT(start_by(how, &spec, &taken, &ref) == -EEXIST);
		EXPECT(taken.v == pid.v);
		EXPECT(gs_ask(pid, GS_PING, 0) == GS_PING);
		EXPECT(gs_ask(pid, GS_STOP, 4) == 99);
		EXPECT(!sup_wait(pid, &end, LONG) && end.term == reason.term);
		EXPECT(gs_ask(pid, GS_PING, 0) == -EPIPE);
		while (exits < 1 || downs < (how & MONITORED) / MONITORED) {
			EXPECT(!sup_receive(&info, LONG));
			EXPECT(info.pid.v == pid.v && info.reason.term == 4);
			exits += info.kind == SUP_INFO_EXIT;
			downs += info.kind == SUP_INFO_DOWN;
		}
		EXPECT(exits == 1);
		spec = gs_spec(&g, "gs");
		g = (struct gs){ .init_result = SUP_IGNORE };
		EXPECT(start_by(how, &spec, &pid, &ref) == SUP_IGNORE);
		g = (struct gs){ .init_result = -EFAULT };
		EXPECT(start_by(how, &spec, &pid, &ref) == -EFAULT);
		g = (struct gs){ .init_ms = 1000 };
		spec.init_timeout_ms = 10;
		EXPECT(start_by(how, &spec, &pid, &ref) == -ETIMEDOUT);
		EXPECT(!sup_whereis("gs").v);
		EXPECT(!strays());
	}
	return 0;
}

static void GS_01_start(void **state)
{
	(void)state;
	run_with(gs_01, NULL);
}

static void GS_02_GS_03_stop(void **state)
{
	struct sup_reason other = shutdown_of(12);
	struct gs g = { .init_ms = 0 };
	struct sup_pid pid = gs_start(&g);

	(void)state;
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, NULL, LONG), 0);
	assert_false(sup_is_alive(pid));
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, NULL, LONG),
			 -ESRCH);
	pid = gs_start(&g);
	assert_int_equal(sup_server_stop(pid, &other, NULL, SUP_FOREVER), 0);
	assert_int_equal(g.end.term, 12);
	assert_int_equal(g.terminates, 2);
}

static void GS_04_stop_with_a_bad_timeout(void **state)
{
	struct gs g = { .init_ms = 0 };
	struct sup_pid pid = gs_start(&g);

	(void)state;
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, NULL, -2), -EINVAL);
	assert_int_equal(gs_ask(pid, GS_PING, 0), GS_PING);
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, NULL, LONG), 0);
}

/* A name has no node; OTP's local, global and via names are one kind here. */
static void GS_05_GS_06_GS_07b_stop_by_name(void **state)
{
	struct gs g = { .init_ms = 0 };
	struct sup_server_spec spec = gs_spec(&g, "gs");
	struct sup_pid pid;

	(void)state;
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(sup_server_stop(sup_whereis("gs"), &SUP_NORMAL, NULL,
					 LONG), 0);
	assert_int_equal(sup_server_stop(sup_whereis("gs"), &SUP_NORMAL, NULL,
					 LONG), -ESRCH);
}

static _Atomic int errors_logged;
static char last_error[256];

static void count_errors(int level, const char *text, void *arg)
{
	(void)arg;
	if (level > 3)
		return;
	snprintf(last_error, sizeof(last_error), "%s", text);
	atomic_fetch_add(&errors_logged, 1);
}

static void GS_09_crash(void **state)
{
	struct gs g = { .init_ms = 0 };
	struct sup_msg msg = { .tag = GS_STOP };
	struct sup_reason reason;
	struct sup_pid pid;
	int64_t seven = 7;

	(void)state;
	sup_set_log_sink(count_errors, NULL);
	/* Shutdown, with or without a term: the caller is told, no report. */
	pid = gs_start(&g);
	assert_int_equal(sup_cast(pid, &msg, LONG), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_SHUTDOWN);
	pid = gs_start(&g);
	assert_int_equal(gs_ask(pid, GS_STOP, 2), 99);
	assert_int_equal(end_of(pid).term, 2);
	assert_int_equal(atomic_load(&errors_logged), 0);
	/* Else one report, with who is to blame. */
	pid = gs_start(&g);
	msg = gs_msg(GS_FAIL, &seven);
	assert_int_equal(sup_call(pid, &msg, NULL, &reason, LONG), -EPIPE);
	assert_int_equal(reason.kind, SUP_REASON_EXIT);
	assert_int_equal(reason.code, -7);
	assert_int_equal(end_of(pid).code, -7);
	assert_int_equal(atomic_load(&errors_logged), 1);
	sup_set_log_sink(NULL, NULL);
	assert_non_null(strstr(last_error, "call 11"));
}

/* What an error report of a server says, whatever it was that came last. */
static void GS_41_text_of_the_report(void **state)
{
	struct gs g = { .init_ms = 0 };
	struct sup_server_spec spec = gs_spec(&g, "gs");
	struct sup_pid pid;
	int64_t two = 2;
	struct sup_msg msg = gs_msg(GS_FAIL, &two);

	(void)state;
	sup_set_log_sink(count_errors, NULL);
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(sup_call(pid, &msg, NULL, NULL, LONG), -EPIPE);
	assert_string_equal(last_error, "server \"gs\" ends, error -2 (No such "
			    "file or directory); the last that came was call "
			    "11, from task 0");
	spec.name = "another";
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(sup_cast(pid, &msg, LONG), 0);
	assert_int_equal(end_of(pid).code, -2);
	sup_set_log_sink(NULL, NULL);
	assert_string_equal(last_error, "server \"another\" ends, error -2 (No "
			    "such file or directory); the last that came was "
			    "cast 11, from task 0");
}

/* Each way of failing, with each way of starting, five times in a row. */
static int gs_10(void *arg)
{
	static const struct gs fails[] = {
		{ .init_registers = "table", .init_result = -EFAULT },
		{ .init_registers = "table", .init_result = SUP_IGNORE },
		{ .init_registers = "table", .init_result = 5 },
		{ .init_registers = "table", .init_ms = 1000 },
	};
	static const int results[] = {
		-EFAULT, SUP_IGNORE, -EPROTO, -ETIMEDOUT,
	};
	struct sup_server_spec spec;
	struct sup_pid pid;
	struct sup_ref ref;
	int i, k, how, ret;

	(void)arg;
	EXPECT(!sup_trap_exits(true, NULL));
	for (how = 0; how < 4; how++) {
		for (k = 0; k < 4; k++) {
			for (i = 0; i < 5; i++) {
				struct gs g = fails[k];

				spec = gs_spec(&g, "gs");
				spec.init_timeout_ms = k == 3 ? 2 : 0;
				ret = start_by(how, &spec, &pid, &ref);
				EXPECT(ret == results[k]);
				EXPECT(k != 2 || strstr(sup_error(),
						"init returned 5"));
				EXPECT(!sup_whereis("table").v);
				EXPECT(!sup_whereis("gs").v);
			}
		}
	}
	EXPECT(!strays());
	return 0;
}

static void GS_10_loop_start_fail(void **state)
{
	(void)state;
	run_with(gs_10, NULL);
}

static void GS_29_a_name_of_another(void **state)
{
	struct gs g = { .init_ms = 0 }, other = { .init_ms = 0 };
	struct sup_server_spec spec = gs_spec(&other, "gs");
	struct sup_pid pid = gs_start(&g), taken = SUP_PID_NONE;

	(void)state;
	assert_int_equal(sup_register("gs", pid), 0);
	assert_int_equal(sup_server_start(&spec, &taken), -EEXIST);
	assert_int_equal(taken.v, pid.v);
	assert_int_equal(sup_whereis("gs").v, pid.v);
	assert_int_equal(sup_close(), 0);
}

static void GS_31_no_name_after_a_failed_start(void **state)
{
	struct gs g;
	struct sup_server_spec spec = gs_spec(&g, "gs");
	struct sup_pid pid;
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		g = (struct gs){ .init_result = SUP_IGNORE };
		assert_int_equal(sup_server_start(&spec, &pid), SUP_IGNORE);
		assert_int_equal(sup_whereis("gs").v, 0);
	}
	for (i = 0; i < 10; i++) {
		g = (struct gs){ .init_result = -EFAULT };
		assert_int_equal(sup_server_start(&spec, &pid), -EFAULT);
		assert_int_equal(sup_whereis("gs").v, 0);
	}
}

static void GS_35_no_terminate(void **state)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = gs_init,
	};
	struct sup_reason test = { .kind = SUP_REASON_EXIT, .code = 8 };
	struct gs g = { .init_ms = 0 };
	struct sup_server_spec spec = gs_spec(&g, NULL);
	struct sup_pid pid;

	(void)state;
	spec.ops = &ops;
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, NULL, LONG), 0);
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(sup_server_stop(pid, &test, NULL, LONG), 0);
	assert_int_equal(end_of(pid).code, 8);
}

static int gs_36(void *arg)
{
	static const struct sup_server_ops ops = { .size = sizeof(ops) };
	struct gs g = { .init_ms = 0 };
	struct sup_server_spec spec = gs_spec(&g, NULL);
	struct sup_pid pid;

	(void)arg;
	EXPECT(!sup_trap_exits(true, NULL));
	spec.ops = &ops;
	EXPECT(sup_server_start(&spec, &pid) == -EINVAL);
	EXPECT(!strays());
	return 0;
}

static void GS_36_no_init(void **state)
{
	(void)state;
	run_with(gs_36, NULL);
}

static volatile uintptr_t bad_address = 0x10;

static void crash_terminate(void *state, const struct sup_reason *reason)
{
	(void)reason;
	((struct gs *)state)->terminates++;
	*(volatile int *)bad_address = 1;
}

/* A crash in terminate is the reason; what a caller was owed it gets. */
static void GS_40a_crash_in_terminate(void **state)
{
	static const struct sup_server_ops ops = {
		.size = sizeof(ops), .init = gs_init, .call = gs_call,
		.terminate = crash_terminate,
	};
	struct gs g = { .init_ms = 0 };
	struct sup_server_spec spec = gs_spec(&g, NULL);
	struct sup_reason end;
	struct sup_pid pid;

	(void)state;
	if (SLOWLY(10) < 10) {
		print_message("skip: a sanitizer sees faults first\n");
		skip();
	}
	/* In the test: cmocka takes faults for itself before it begins. */
	assert_int_equal(sup_close(), 0);
	assert_int_equal(set_up(NULL), 0);
	sup_set_log_sink(count_errors, NULL);
	spec.ops = &ops;
	spec.containment = SUP_CONTAIN;
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, &end, LONG),
			 -EPIPE);
	assert_int_equal(end.signo, SIGSEGV);
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(gs_ask(pid, GS_STOP, 1), 99);
	assert_int_equal(end_of(pid).signo, SIGSEGV);
	assert_int_equal(sup_close(), 0);
	sup_set_log_sink(NULL, NULL);
}

/* A12: the reply comes after terminate; then the name is free, too. */
static void GS_stop_with_a_reply_waits_for_terminate(void **state)
{
	struct gs g = { .terminate_ms = 20 };
	struct sup_server_spec spec = gs_spec(&g, "gs");
	struct sup_pid pid;

	(void)state;
	assert_int_equal(sup_server_start(&spec, &pid), 0);
	assert_int_equal(gs_ask(pid, GS_STOP, 1), 99);
	assert_int_equal(g.terminates, 1);
	assert_int_equal(sup_whereis("gs").v, 0);
	assert_int_equal(sup_server_reply_at_end((struct sup_from){ 0 },
						 &(struct sup_msg){ 0 }),
			 -EPERM);
	assert_int_equal(sup_server_continue(1), -EPERM);
}

/* proc_lib: a stop that is late will still be; with no time at all, too. */
static void GS_stop_that_is_late_still_happens(void **state)
{
	struct gs g = { .terminate_ms = 30 };
	struct sup_pid pid = gs_start(&g);

	(void)state;
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, NULL,
					 sup_deadline_ms(5)), -ETIMEDOUT);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	pid = gs_start(&g);
	assert_int_equal(sup_server_stop(pid, &SUP_NORMAL, NULL, SUP_TRY),
			 -ETIMEDOUT);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
}

static int links_a_server(void *arg)
{
	struct sup_reason why = shutdown_of(31);
	struct gs g = { .init_ms = 0 };
	struct sup_server_spec spec = gs_spec(&g, NULL);
	struct sup_pid pid;

	(void)arg;
	spec.link = true;
	EXPECT(!sup_server_start(&spec, &pid));
	EXPECT(!sup_exit(pid, &why));
	for (;;)
		sup_wait(pid, NULL, LONG);
}

static void GS_start_link_takes_the_starter_along(void **state)
{
	struct gs g = { .init_ms = 0 };
	struct sup_server_spec spec = gs_spec(&g, NULL);
	struct sup_pid pid = SUP_PID_NONE;
	struct sup_ref ref;

	(void)state;
	assert_int_equal(end_of(start(links_a_server, NULL)).term, 31);
	spec.link = true;
	assert_int_equal(sup_server_start(&spec, &pid), -EPERM);
	assert_int_equal(sup_server_start_monitor(&spec, &pid, &ref), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(GS_01_start),
		CASE(GS_02_GS_03_stop),
		CASE(GS_04_stop_with_a_bad_timeout),
		CASE(GS_05_GS_06_GS_07b_stop_by_name),
		CASE(GS_09_crash),
		CASE(GS_41_text_of_the_report),
		CASE(GS_10_loop_start_fail),
		CASE(GS_29_a_name_of_another),
		CASE(GS_31_no_name_after_a_failed_start),
		CASE(GS_35_no_terminate),
		CASE(GS_36_no_init),
		CASE(GS_40a_crash_in_terminate),
		CASE(GS_stop_with_a_reply_waits_for_terminate),
		CASE(GS_stop_that_is_late_still_happens),
		CASE(GS_start_link_takes_the_starter_along),
	};

	return RUN_TESTS(tests);
}
