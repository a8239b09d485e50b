/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Process tasks: how they start, and how they end. */
#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sup/process_status.h>
#include <sup/registry.h>

#include "base/alloc.h"
#include "exit/pgroup.h"

static struct sup_process_spec spec_of(const char *const *argv)
{
	return (struct sup_process_spec){
		.size = sizeof(struct sup_process_spec), .argv = argv,
	};
}

#define SH(script) \
	spec_of((const char *const[]){ "sh", "-c", script, NULL })
#define SLEEP spec_of((const char *const[]){ "sleep", "1000", NULL })

static pid_t os_pid(struct sup_pid pid)
{
	pid_t os = 0, tid = -1;

	assert_int_equal(sup_os_pid(pid, &os, &tid), 0);
	assert_true(os > 0);
	return os;
}

static void expect_reaped(pid_t os)
{
	assert_int_equal(waitpid(os, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void ends_have_their_reason(void **state)
{
	struct sup_reason r;

	(void)state;
	r = end_of(start(SH("exit 0")));
	assert_int_equal(r.kind, SUP_REASON_NORMAL);
	r = end_of(start(SH("exit 3")));
	assert_int_equal(r.kind, SUP_REASON_EXIT);
	assert_int_equal(r.code, 3);
	assert_true(r.exit_ns > 0);
	r = end_of(start(SH("kill -USR1 $$")));
	assert_int_equal(r.kind, SUP_REASON_SIGNAL);
	assert_int_equal(r.signo, SIGUSR1);
}

static void ended_one_is_reaped(void **state)
{
	struct sup_pid pid = start(SLEEP);
	pid_t os = os_pid(pid);

	(void)state;
	assert_true(sup_is_alive(pid));
	assert_int_equal(sup_process_signal(pid, SIGKILL), 0);
	assert_int_equal(end_of(pid).signo, SIGKILL);
	assert_false(sup_is_alive(pid));
	expect_reaped(os);
	assert_int_equal(sup_process_signal(pid, SIGTERM), -ESRCH);
}

static void asked_to_end_is_shutdown(void **state)
{
	static const struct sup_reason shutdown = {
		.kind = SUP_REASON_SHUTDOWN, .term = 5,
	};
	struct sup_pid pid = start(SLEEP);
	struct sup_process_spec spec;
	struct sup_reason r;

	(void)state;
	assert_int_equal(sup_exit(pid, &shutdown), 0);
	r = end_of(pid);
	assert_int_equal(r.kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(r.term, 5);
	/* By the signal it wants. */
	spec = SLEEP;
	spec.stop_signal = SIGUSR2;
	pid = start(spec);
	assert_int_equal(sup_exit(pid, &shutdown), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_SHUTDOWN);
}

static void killed_is_killed(void **state)
{
	struct sup_pid pid = start(SH("trap '' TERM; sleep 1000; :"));
	pid_t os = os_pid(pid);

	(void)state;
	assert_int_equal(sup_kill(pid, SUP_FOREVER), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	expect_reaped(os);
}

/* The death of another by the same signal is no kill of ours. */
static void kill_by_others_is_a_signal(void **state)
{
	struct sup_pid pid = start(SLEEP);

	(void)state;
	kill(os_pid(pid), SIGKILL);
	assert_int_equal(end_of(pid).kind, SUP_REASON_SIGNAL);
}

static int is_one(pid_t pid, int pidfd, void *arg)
{
	(void)pid;
	(void)arg;
	close(pidfd);
	return 1;
}

/* Two kinds of leftover: one that ignores signals, one that is stopped. */
static void nothing_is_left_at_the_end(void **state)
{
	struct sup_pid pid;
	pid_t os;

	(void)state;
	pid = start(SH("(trap '' TERM HUP; sleep 1000; :) & "
		       "sleep 1000 & kill -STOP $!; kill -KILL $$"));
	os = os_pid(pid);
	assert_int_equal(end_of(pid).signo, SIGKILL);
	assert_int_equal(sup__pgroup_members(os, is_one, NULL), 0);
	expect_reaped(os);
}

static void failed_start_leaves_nothing(void **state)
{
	struct sup_process_spec spec;
	struct sup_pid pid = { 123 };

	(void)state;
	spec = spec_of((const char *const[]){ "no-such-program", NULL });
	spec.name = "x";
	spec.reg = true;
	assert_int_equal(sup_process_start(&spec, &pid), -ENOENT);
	assert_string_equal(sup_error(), "argv[0]: no such program "
			    "\"no-such-program\" in PATH");
	assert_int_equal(pid.v, 123);
	assert_int_equal(sup_whereis("x").v, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	spec.size = 1;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	assert_int_equal(sup_process_start(NULL, &pid), -EINVAL);
}

/* What a program of another age says, and what it cannot know. */
static void spec_may_be_of_any_age(void **state)
{
	struct {
		struct sup_process_spec spec;
		char later[64];
	} newer = { .later = "xyz" };
	struct sup_process_spec older = SH("exit 6");

	(void)state;
	older.size = offsetof(struct sup_process_spec, cwd);
	older.cwd = "/no/such/dir";
	older.adopt_lineage = 9;
	assert_int_equal(end_of(start(older)).code, 6);
	newer.spec = SH("exit 7");
	newer.spec.size = sizeof(newer);
	assert_int_equal(end_of(start(newer.spec)).code, 7);
}

static void name_is_held_until_the_end(void **state)
{
	struct sup_process_spec spec = SLEEP;
	struct sup_pid pid, other = SUP_PID_NONE;

	(void)state;
	spec.name = "only-one";
	spec.reg = true;
	pid = start(spec);
	assert_int_equal(sup_whereis("only-one").v, pid.v);
	assert_int_equal(sup_process_start(&spec, &other), -EEXIST);
	assert_int_equal(other.v, pid.v);
	sup_kill(pid, SUP_FOREVER);
	end_of(pid);
	assert_int_equal(sup_whereis("only-one").v, 0);
}

static void not_ready_in_time_is_killed(void **state)
{
	struct sup_process_spec spec = SLEEP;
	struct sup_pid pid;

	(void)state;
	spec.readiness = SUP_READY_NOTIFY;
	spec.ready_timeout_ms = 30;
	assert_int_equal(sup_process_start(&spec, &pid), -ETIMEDOUT);
	assert_non_null(strstr(sup_error(), "READY=1"));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void ended_before_ready_says_how(void **state)
{
	struct sup_process_spec spec = SH("exit 17");
	struct sup_pid pid;

	(void)state;
	spec.readiness = SUP_READY_NOTIFY;
	assert_int_equal(sup_process_start(&spec, &pid), -ECHILD);
	assert_non_null(strstr(sup_error(), "exit status 17"));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static int wait_for_down(void *arg)
{
	struct sup_process_spec spec = SH("exit 8");
	struct sup_info info;
	struct sup_pid pid;
	bool *good = arg;
	int i;

	/* A child of this task: its EXIT comes, and never before its start. */
	for (i = 0; i < 50; i++) {
		if (sup_process_start(&spec, &pid) ||
		    sup_receive(&info, sup_deadline_ms(LIMIT_MS)) ||
		    info.kind != SUP_INFO_EXIT || info.pid.v != pid.v ||
		    info.reason.code != 8)
			return 1;
	}
	*good = true;
	return 0;
}

static void parent_is_told_of_a_short_life(void **state)
{
	bool good = false;
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = wait_for_down, .arg = &good,
	};
	struct sup_pid pid;

	(void)state;
	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	assert_true(good);
}

static int wait_for_ever(void *arg)
{
	struct sup_process_spec spec = SH("echo; exec sleep 1000");
	struct sup_pid pid;

	spec.output = arg;
	spec.readiness = SUP_READY_NOTIFY;
	spec.ready_timeout_ms = 1000000;
	return sup_process_start(&spec, &pid);
}

/* Who starts a program that never gets ready can be told to end. */
static void start_can_be_given_up(void **state)
{
	char dir[] = "/tmp/sup-process-XXXXXX", path[64];
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = wait_for_ever, .arg = path,
	};
	struct pollfd fd = { .events = POLLIN };
	struct sup_pid pid;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd.fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	assert_int_equal(poll(&fd, 1, LIMIT_MS), 1);
	assert_int_equal(sup_exit(pid, &SUP_SHUTDOWN), 0);
	end_of(pid);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	close(fd.fd);
	unlink(path);
	rmdir(dir);
}

#define N_MANY 100

static void many_at_once(void **state)
{
	static struct sup_pid pids[N_MANY];
	int i;

	(void)state;
	for (i = 0; i < N_MANY; i++)
		pids[i] = start(SLEEP);
	for (i = 0; i < N_MANY; i++)
		assert_int_equal(sup_kill(pids[i], SUP_FOREVER), 0);
	for (i = 0; i < N_MANY; i++)
		assert_int_equal(end_of(pids[i]).kind, SUP_REASON_KILLED);
}

static void close_stops_what_runs(void **state)
{
	struct sup_pid pid = start(SLEEP);
	pid_t os = os_pid(pid);

	(void)state;
	assert_int_equal(sup_close(), 0);
	expect_reaped(os);
	assert_int_equal(open_runtime(NULL), 0);
}

static void want_of_memory_starts_nothing(void **state)
{
	struct sup_process_spec spec = SH("exit 0");
	struct sup_pid pid;
	unsigned int n = 0;
	int ret;

	(void)state;
	spec.readiness = SUP_READY_EXEC;
	do {
		sup__alloc_fail_nth(++n);
		ret = sup_process_start(&spec, &pid);
		if (ret)
			assert_int_equal(ret, -ENOMEM);
	} while (sup__alloc_has_failed());
	sup__alloc_fail_nth(0);
	assert_true(n > 4);
	assert_int_equal(ret, 0);
	end_of(pid);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_runtime, close_runtime)
		T(ends_have_their_reason),
		T(ended_one_is_reaped),
		T(asked_to_end_is_shutdown),
		T(killed_is_killed),
		T(kill_by_others_is_a_signal),
		T(nothing_is_left_at_the_end),
		T(failed_start_leaves_nothing),
		T(spec_may_be_of_any_age),
		T(name_is_held_until_the_end),
		T(not_ready_in_time_is_killed),
		T(ended_before_ready_says_how),
		T(parent_is_told_of_a_short_life),
		T(start_can_be_given_up),
		T(many_at_once),
		T(close_stops_what_runs),
		T(want_of_memory_starts_nothing),
	};

	return RUN_TESTS(tests);
}
