/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Supervised processes. */
#include "bench.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <syslog.h>

static struct sup_child_spec child(const char *id,
				   const struct sup_process_spec *p)
{
	return (struct sup_child_spec){
		.size = sizeof(struct sup_child_spec), .id = id,
		.start = sup_process_start, .arg = p,
	};
}

static void killed_process_is_restarted_with_its_cause(void **state)
{
	struct sup_child_spec c = child("p", bench_process("wait", NULL, NULL));
	struct sup_pid sup = bench_supervisor(SUP_ONE_FOR_ONE, 3, &c, 1);
	struct sup_source_info info;
	struct sup_node before;
	struct sup_event ev;

	(void)state;
	before = bench_child(sup, "p");
	assert_int_equal(before.state, SUP_CHILD_RUNNING);
	assert_int_equal(kill(before.os_pid, SIGKILL), 0);
	ev = bench_event(SUP_EVENT_CHILD_TERMINATED, "p", 1);
	assert_int_equal(ev.reason.kind, SUP_REASON_SIGNAL);
	assert_int_equal(ev.reason.signo, SIGKILL);
	assert_int_equal(ev.os_pid, before.os_pid);
	assert_true(ev.exit_ns > 0 && ev.exit_ns <= ev.time_ns);
	sup_exit_source(&info);
	assert_int_equal(ev.reason.sent_by, info.lacks & SUP_LACKS_SENDER ?
			 SUP_SENT_BY_UNKNOWN : SUP_SENT_BY_PROCESS);
	if (ev.reason.sent_by == SUP_SENT_BY_PROCESS) {
		assert_int_equal(ev.reason.sender_pid, getpid());
		assert_string_equal(ev.reason.sender_comm, "test_process");
	}
	ev = bench_event(SUP_EVENT_STARTED, "p", 2);
	assert_int_equal(ev.restarts, 1);
	assert_int_not_equal(ev.os_pid, before.os_pid);
	assert_int_equal(kill(ev.os_pid, 0), 0);
}

static void crash_says_where(void **state)
{
	struct sup_child_spec c = child("p", bench_process("crash", NULL,
							   NULL));
	struct sup_event ev;

	(void)state;
	bench_need(SUP_LACKS_SENDER);
	c.restart = SUP_TEMPORARY;
	bench_supervisor(SUP_ONE_FOR_ONE, 3, &c, 1);
	ev = bench_event(SUP_EVENT_CHILD_TERMINATED, "p", 1);
	assert_int_equal(ev.reason.signo, SIGSEGV);
	assert_int_equal(ev.reason.sent_by, SUP_SENT_BY_KERNEL);
	assert_true(ev.reason.has_fault);
	assert_int_equal(ev.reason.fault_addr, BENCH_FAULT);
	assert_int_equal(ev.reason.fault_code, SEGV_MAPERR);
}

static void exit_status_is_the_cause(void **state)
{
	struct sup_child_spec c = child("p", bench_process("exit", "7", NULL));
	struct sup_event ev;

	(void)state;
	c.restart = SUP_TEMPORARY;
	bench_supervisor(SUP_ONE_FOR_ONE, 3, &c, 1);
	ev = bench_event(SUP_EVENT_CHILD_TERMINATED, "p", 1);
	assert_int_equal(ev.reason.kind, SUP_REASON_EXIT);
	assert_int_equal(ev.reason.code, 7);
}

static void exit_0_of_a_transient_process_is_an_end(void **state)
{
	struct sup_child_spec c = child("p", bench_process("exit", "0", NULL));
	struct sup_pid sup;
	struct sup_event ev;

	(void)state;
	c.restart = SUP_TRANSIENT;
	sup = bench_supervisor(SUP_ONE_FOR_ONE, 3, &c, 1);
	ev = bench_event(SUP_EVENT_CHILD_TERMINATED, "p", 1);
	assert_int_equal(ev.reason.kind, SUP_REASON_NORMAL);
	assert_int_equal(bench_child(sup, "p").state, SUP_CHILD_STOPPED);
	assert_int_equal(bench_count(SUP_EVENT_STARTED, "p"), 1);
}

/* The head is killed; when it is back, nothing of before is left. */
static void check_lineage(const char *role)
{
	struct sup_child_spec c = child("p", bench_process(role, NULL,
							   bench_fifo()));
	struct sup_pid sup = bench_supervisor(SUP_ONE_FOR_ONE, 3, &c, 1);
	int fd = bench_watch((pid_t)bench_number());

	assert_int_equal(kill(bench_child(sup, "p").os_pid, SIGKILL), 0);
	bench_event(SUP_EVENT_STARTED, "p", 2);
	bench_watch_end(fd);
	/* The next one's child ends with an orderly stop, too. */
	fd = bench_watch((pid_t)bench_number());
	bench_stop(sup);
	bench_watch_end(fd);
}

static void lineage_is_killed_with_its_head(void **state)
{
	(void)state;
	check_lineage("family");
}

static void double_forked_process_does_not_escape(void **state)
{
	(void)state;
	bench_need(SUP_LACKS_LINEAGE_KILL);
	check_lineage("stray");
}

/* By a kill, before anything has told which lineage it has. */
static void kill_takes_the_lineage(void **state)
{
	struct sup_process_spec *p = bench_process("stray", NULL, bench_fifo());
	struct sup_reason reason;
	struct sup_pid pid;
	int fd;

	(void)state;
	bench_need(SUP_LACKS_LINEAGE_KILL);
	assert_int_equal(sup_process_start(p, &pid), 0);
	fd = bench_watch((pid_t)bench_number());
	assert_int_equal(sup_kill(pid, LIMIT), 0);
	assert_int_equal(sup_wait(pid, &reason, LIMIT), 0);
	assert_int_equal(reason.kind, SUP_REASON_KILLED);
	bench_watch_end(fd);
}

static void child_without_room_fails_to_start(void **state)
{
	struct sup_process_spec *p = bench_process("wait", NULL, NULL);
	struct sup_pid pid;
	char old[16];
	int ret, i;

	(void)state;
	if (bench_source() != SUP_SOURCE_MODULE || geteuid()) {
		print_message("skip: needs the module, and root\n");
		skip();
	}
	bench_parameter("max_members", "1", old);
	for (i = 0; i < 20; i++) {
		ret = sup_process_start(p, &pid);
		assert_int_equal(ret, -EAGAIN);
		assert_non_null(strstr(sup_error(), "no room"));
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
	bench_parameter("max_members", old, NULL);
	assert_int_equal(sup_process_start(p, &pid), 0);
	assert_int_equal(sup_kill(pid, LIMIT), 0);
	assert_int_equal(sup_wait(pid, NULL, LIMIT), 0);
	assert_int_equal(bench_count(SUP_EVENT_TASK_EXIT, NULL), 0);
}

/* The module is drained: what we know by ourselves goes on. */
static void drained_module_leaves_us_our_children(void **state)
{
	struct sup_child_spec c = child("p", bench_process("wait", NULL, NULL));
	struct sup_event ev;
	struct sup_pid sup;
	char old[16];

	(void)state;
	if (bench_source() != SUP_SOURCE_MODULE || geteuid()) {
		print_message("skip: needs the module, and root\n");
		skip();
	}
	sup_set_log_level(-1);
	sup = bench_supervisor(SUP_ONE_FOR_ONE, 3, &c, 1);
	bench_parameter("drain", "release", old);
	bench_parameter("drain", "off", NULL);
	assert_int_equal(kill(bench_child(sup, "p").os_pid, SIGKILL), 0);
	ev = bench_event(SUP_EVENT_CHILD_TERMINATED, "p", 1);
	assert_int_equal(ev.reason.signo, SIGKILL);
	bench_event(SUP_EVENT_STARTED, "p", 2);
	assert_int_equal(kill(bench_child(sup, "p").os_pid, SIGKILL), 0);
	bench_event(SUP_EVENT_STARTED, "p", 3);
	bench_stop(sup);
	sup_set_log_level(LOG_WARNING);
}

/* It is nobody's child, but its end is told all the same. */
static void end_of_a_double_forked_process_is_told(void **state)
{
	struct sup_child_spec c;
	struct sup_event ev;
	struct sup_pid sup;
	pid_t stray;

	(void)state;
	bench_need(SUP_LACKS_DESCENDANTS);
	c = child("p", bench_process("stray", NULL, bench_fifo()));
	sup = bench_supervisor(SUP_ONE_FOR_ONE, 3, &c, 1);
	stray = (pid_t)bench_number();
	assert_int_equal(kill(stray, SIGUSR1), 0);
	do
		ev = bench_event(SUP_EVENT_TASK_EXIT, NULL,
				 bench_count(SUP_EVENT_TASK_EXIT, NULL) + 1);
	while (ev.os_pid != stray);
	assert_int_equal(ev.reason.signo, SIGUSR1);
	assert_int_equal(bench_child(sup, "p").state, SUP_CHILD_RUNNING);
}

static void processes_stop_in_reverse_order(void **state)
{
	struct sup_child_spec c[3] = {
		child("a", bench_process("wait", NULL, NULL)),
		child("b", bench_process("wait", NULL, NULL)),
		child("c", bench_process("wait", NULL, NULL)),
	};
	struct sup_pid sup = bench_supervisor(SUP_ONE_FOR_ONE, 1, c, 3);

	(void)state;
	bench_stop(sup);
	assert_string_equal(bench_history(), "started:a started:b started:c up: "
			    "down: stopping:c stopped:c stopping:b stopped:b "
			    "stopping:a stopped:a");
}

static void process_that_will_not_end_is_killed(void **state)
{
	struct sup_process_spec *p = bench_process("wait", NULL, NULL);
	struct sup_child_spec c = child("p", p);
	struct sup_event ev;

	(void)state;
	p->stop_signal = SIGWINCH;	/* which nobody dies of */
	c.shutdown_ms = 50;
	bench_stop(bench_supervisor(SUP_ONE_FOR_ONE, 1, &c, 1));
	ev = bench_event(SUP_EVENT_SHUTDOWN_ERROR, "p", 1);
	assert_int_equal(ev.reason.kind, SUP_REASON_KILLED);
}

static void brutal_kill_of_a_process(void **state)
{
	struct sup_child_spec c = child("p", bench_process("wait", NULL, NULL));
	struct sup_event ev;

	(void)state;
	c.shutdown_ms = SUP_SHUTDOWN_KILL;
	bench_stop(bench_supervisor(SUP_ONE_FOR_ONE, 1, &c, 1));
	ev = bench_event(SUP_EVENT_STOPPED, "p", 1);
	assert_int_equal(ev.reason.kind, SUP_REASON_KILLED);
}

/* All of a group come back as new processes, in order. */
static void one_for_all_over_processes(void **state)
{
	struct sup_child_spec c[2] = {
		child("a", bench_process("wait", NULL, NULL)),
		child("b", bench_process("wait", NULL, NULL)),
	};
	struct sup_pid sup = bench_supervisor(SUP_ONE_FOR_ALL, 1, c, 2);
	pid_t a = bench_child(sup, "a").os_pid;

	(void)state;
	assert_int_equal(kill(bench_child(sup, "b").os_pid, SIGSEGV), 0);
	bench_event(SUP_EVENT_STARTED, "b", 2);
	assert_int_not_equal(bench_child(sup, "a").os_pid, a);
	assert_string_equal(bench_history(), "started:a started:b up: "
			    "child_terminated:b restarting:b "
			    "stopping:a stopped:a started:a started:b");
}

static void missing_program_leaves_nothing(void **state)
{
	const char *const argv[] = { "/no/such/program", NULL };
	struct sup_process_spec p = { .size = sizeof(p), .argv = argv };
	struct sup_child_spec c[2] = {
		child("good", bench_process("wait", NULL, NULL)),
		child("bad", &p),
	};
	struct sup_supervisor_spec top = {
		.size = sizeof(top), .children = c, .n_children = 2,
	};
	struct sup_pid sup, pid = { 99 };

	(void)state;
	assert_int_equal(sup_supervisor_start(&top, &pid), -ENOENT);
	assert_non_null(strstr(sup_error(), "\"bad\""));
	assert_non_null(strstr(sup_error(), "/no/such/program"));
	assert_int_equal(pid.v, 99);
	assert_string_equal(bench_history(), "started:good start_error:bad "
			    "stopping:good stopped:good");
	sup = bench_supervisor(SUP_ONE_FOR_ONE, 1, c, 1);
	assert_int_equal(sup_start_child(sup, &c[1], &pid), -ENOENT);
	assert_non_null(strstr(sup_error(), "/no/such/program"));
}

/* It cannot be started again: its supervisor gives up, and the program hears */
static void program_that_disappeared_escalates(void **state)
{
	char path[64], line[512];
	const char *argv[] = { path, "--role", "wait", NULL };
	struct sup_process_spec p = { .size = sizeof(p), .argv = argv };
	struct sup_child_spec c = child("p", &p);
	struct sup_reason reason;
	struct sup_pid sup;
	ssize_t len;

	(void)state;
	len = readlink("/proc/self/exe", line, sizeof(line) - 1);
	assert_true(len > 0);
	line[len] = '\0';
	snprintf(path, sizeof(path), "/tmp/libsup-test-link-%d", (int)getpid());
	assert_int_equal(symlink(line, path), 0);
	sup = bench_supervisor(SUP_ONE_FOR_ONE, 4, &c, 1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(kill(bench_child(sup, "p").os_pid, SIGKILL), 0);
	assert_int_equal(sup_wait(sup, &reason, LIMIT), 0);
	assert_int_equal(reason.kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(bench_count(SUP_EVENT_START_ERROR, "p"), 4);
	assert_int_equal(bench_event(SUP_EVENT_START_ERROR, "p", 1).error,
			 -ENOENT);
	assert_int_equal(bench_count(SUP_EVENT_GIVE_UP, "p"), 1);
}

static void module_that_is_not_there_is_told(void **state)
{
	struct sup_options opts = { .size = sizeof(opts),
				    .source = SUP_SOURCE_MODULE };
	struct sup_source_info info;

	(void)state;
	if (bench_source() == SUP_SOURCE_MODULE) {
		print_message("skip: the module is there\n");
		skip();
	}
	assert_int_equal(sup_open(&opts), -EALREADY);
	assert_int_equal(sup_close(), 0);
	assert_int_equal(sup_open(&opts), -ENOENT);
	assert_non_null(strstr(sup_error(), "module"));
	assert_int_equal(sup_exit_source(&info), -ENOTCONN);
	opts.source = SUP_SOURCE_AUTO;
	assert_int_equal(sup_open(&opts), 0);
	assert_int_equal(sup_exit_source(&info), 0);
	assert_int_equal(info.source, SUP_SOURCE_PIDFD);
	assert_non_null(strstr(info.why, "module"));
}

/* Only the module knows whose it is: it has lost its parent. */
static void orphan_may_say_that_it_is_ready(void **state)
{
	struct sup_process_spec *spec = bench_process("spokesman", NULL, NULL);
	struct sup_child_spec c = child("p", spec);
	struct sup_pid sup;

	(void)state;
	bench_need(SUP_LACKS_LINEAGE_KILL);
	spec->readiness = SUP_READY_NOTIFY;
	spec->ready_timeout_ms = 60000;
	sup = bench_supervisor(SUP_ONE_FOR_ONE, 3, &c, 1);
	assert_int_equal(bench_child(sup, "p").state, SUP_CHILD_RUNNING);
	bench_stop(sup);
}

static void silent_process_is_the_watchdogs(void **state)
{
	struct sup_process_spec *spec = bench_process("wait", NULL, NULL);
	const struct sup_rlimit no_core = { RLIMIT_CORE, 0, 0 };
	struct sup_child_spec c = child("p", spec);
	struct sup_event ev;

	(void)state;
	c.restart = SUP_TEMPORARY;
	spec->watchdog_ms = 100;
	spec->rlimits = &no_core;
	spec->n_rlimits = 1;
	sup_set_log_level(LOG_CRIT);
	bench_supervisor(SUP_ONE_FOR_ONE, 3, &c, 1);
	ev = bench_event(SUP_EVENT_CHILD_TERMINATED, "p", 1);
	sup_set_log_level(LOG_WARNING);
	assert_int_equal(ev.reason.kind, SUP_REASON_WATCHDOG);
	assert_int_equal(ev.reason.signo, SIGABRT);
}

static void what_it_wrote_last_is_kept(void **state)
{
	struct sup_process_spec *spec = bench_process("talk", NULL, NULL);
	struct sup_child_spec c = child("p", spec);
	struct sup_event ev;
	char text[32];

	(void)state;
	c.restart = SUP_TEMPORARY;
	spec->capture = SUP_CAPTURE_OUTPUT;
	sup_set_log_level(LOG_CRIT);
	bench_supervisor(SUP_ONE_FOR_ONE, 3, &c, 1);
	ev = bench_event(SUP_EVENT_CHILD_TERMINATED, "p", 1);
	sup_set_log_level(LOG_WARNING);
	assert_int_equal(ev.reason.code, 9);
	assert_int_equal(sup_process_output(ev.pid, text, sizeof(text)), 0);
	assert_string_equal(text, "it ends\n");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(killed_process_is_restarted_with_its_cause),
		CASE(crash_says_where),
		CASE(exit_status_is_the_cause),
		CASE(exit_0_of_a_transient_process_is_an_end),
		CASE(lineage_is_killed_with_its_head),
		CASE(double_forked_process_does_not_escape),
		CASE(kill_takes_the_lineage),
		CASE(child_without_room_fails_to_start),
		CASE(drained_module_leaves_us_our_children),
		CASE(end_of_a_double_forked_process_is_told),
		CASE(processes_stop_in_reverse_order),
		CASE(process_that_will_not_end_is_killed),
		CASE(brutal_kill_of_a_process),
		CASE(one_for_all_over_processes),
		CASE(missing_program_leaves_nothing),
		CASE(program_that_disappeared_escalates),
		CASE(module_that_is_not_there_is_told),
		CASE(orphan_may_say_that_it_is_ready),
		CASE(silent_process_is_the_watchdogs),
		CASE(what_it_wrote_last_is_kept),
	};

	bench_role(argc, argv);
	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
