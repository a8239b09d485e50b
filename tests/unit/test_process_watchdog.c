/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that are to be heard of now and again, and that are not. */
#include "processes.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <sup/event.h>
#include <sup/server.h>
#include <sup/supervisor.h>

#include "base/log.h"

static int open_quietly(void **state)
{
	sup_set_log_level(LOG_CRIT);
	return open_runtime(state);
}

static int close_it(void **state)
{
	sup_set_log_level(LOG_WARNING);
	return close_runtime(state);
}

static struct sup_process_spec watched(const char *const *argv,
				       int64_t watchdog_ms)
{
	return (struct sup_process_spec){
		.size = sizeof(struct sup_process_spec), .argv = argv,
		.watchdog_ms = watchdog_ms,
	};
}

#define SH(script, ms) \
	watched((const char *const[]){ "sh", "-c", script, NULL }, ms)

#define SNOOZE "sub snooze { select(undef, undef, undef, $_[0]); }\n"
#define PERL(script, ms) \
	watched((const char *const[]){ "perl", "-e", SAY SNOOZE script, \
				       NULL }, ms)

static struct sup_reason run(const struct sup_process_spec *spec)
{
	return end_of(start(*spec));
}

static void environment_says_so(void **state)
{
	struct sup_process_spec spec;

	(void)state;
	spec = SH("[ \"$WATCHDOG_PID\" = $$ ] && "
		  "[ \"$WATCHDOG_USEC\" = 60000000 ] && "
		  "[ -n \"$NOTIFY_SOCKET\" ]", 60000);
	assert_int_equal(run(&spec).kind, SUP_REASON_NORMAL);
	/* Ours is not meant for it. */
	setenv("WATCHDOG_USEC", "1", 1);
	setenv("WATCHDOG_PID", "1", 1);
	spec = SH("[ -z \"$WATCHDOG_PID$WATCHDOG_USEC$NOTIFY_SOCKET\" ]", 0);
	assert_int_equal(run(&spec).kind, SUP_REASON_NORMAL);
	spec = SH("[ \"$WATCHDOG_PID\" = $$ ]", 60000);
	assert_int_equal(run(&spec).kind, SUP_REASON_NORMAL);
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void silence_is_the_end(void **state)
{
	struct sup_process_spec spec = SH("ulimit -c 0; exec sleep 1000", 40);
	struct sup_reason reason;

	(void)state;
	reason = run(&spec);
	assert_int_equal(reason.kind, SUP_REASON_WATCHDOG);
	assert_int_equal(reason.signo, SIGABRT);
	assert_false(sup_reason_is_clean(&reason));
	spec.watchdog_signal = SIGUSR1;
	reason = run(&spec);
	assert_int_equal(reason.kind, SUP_REASON_WATCHDOG);
	assert_int_equal(reason.signo, SIGUSR1);
}

/* Whatever it makes of the signal: it was the watchdog. */
static void end_after_the_signal_does_not_count(void **state)
{
	struct sup_process_spec spec;
	struct sup_reason reason;

	(void)state;
	/* So it can tell that it is ready to be signalled. */
	spec = SH("trap 'exit 0' ABRT; echo >&3; "
		  "while :; do sleep 0.05; done", 60);
	spec.readiness = SUP_READY_FD;
	reason = run(&spec);
	assert_int_equal(reason.kind, SUP_REASON_WATCHDOG);
	assert_int_equal(reason.signo, 0);
	assert_int_equal(reason.code, 0);
	assert_false(sup_reason_is_clean(&reason));
	spec = SH("trap '' ABRT; echo >&3; while :; do sleep 1000; done", 60);
	spec.readiness = SUP_READY_FD;
	spec.stop_timeout_ms = 40;
	reason = run(&spec);
	assert_int_equal(reason.kind, SUP_REASON_WATCHDOG);
	assert_int_equal(reason.signo, SIGKILL);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* It lives longer than it could without a word. */
static void who_is_heard_of_lives(void **state)
{
	struct sup_process_spec spec = PERL(
		"for (1..12) { say('WATCHDOG=1'); snooze(0.3); }", 3000);

	(void)state;
	assert_int_equal(run(&spec).kind, SUP_REASON_NORMAL);
}

/* The time begins when it is ready. */
static void no_need_to_talk_before_it_is_ready(void **state)
{
	struct sup_process_spec spec = PERL(
		"snooze(0.5); say('READY=1'); exit 0;", 300);
	struct sup_reason reason;

	(void)state;
	spec.readiness = SUP_READY_NOTIFY;
	reason = run(&spec);
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
}

static void trouble_is_told_at_once(void **state)
{
	struct sup_process_spec spec = PERL(
		"say('READY=1'); say('WATCHDOG=1'); say('WATCHDOG=trigger');"
		"pause();", 1000000);

	(void)state;
	assert_int_equal(run(&spec).kind, SUP_REASON_WATCHDOG);
}

static void time_can_be_changed(void **state)
{
	struct sup_process_spec spec = PERL(
		"say('WATCHDOG_USEC=50000'); pause();", 1000000);

	(void)state;
	assert_int_equal(run(&spec).kind, SUP_REASON_WATCHDOG);
}

/* Who is on its way out, by itself or as we asked, may be silent. */
/* It may change how often, not whether. */
static void nobody_makes_it_watched(void **state)
{
	struct sup_process_spec spec = PERL(
		"say(\"WATCHDOG_USEC=1000\\nREADY=1\"); snooze(0.1);", 0);

	(void)state;
	spec.readiness = SUP_READY_NOTIFY;
	assert_int_equal(run(&spec).kind, SUP_REASON_NORMAL);
}

static void who_stops_is_not_watched(void **state)
{
	struct sup_process_spec spec = PERL(
		"say('STOPPING=1'); snooze(3.5); exit 0;", 3000);
	struct sup_pid pid;

	(void)state;
	assert_int_equal(run(&spec).kind, SUP_REASON_NORMAL);
	spec = SH("trap 'sleep 1.5; exit 0' TERM; echo >&3; "
		  "while :; do sleep 0.05; done", 1000);
	spec.readiness = SUP_READY_FD;
	pid = start(spec);
	assert_int_equal(sup_exit(pid, &SUP_SHUTDOWN), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_SHUTDOWN);
}

#define N_SILENT 8

static void each_has_its_own_time(void **state)
{
	struct sup_process_spec spec = SH("exec sleep 1000", 0);
	struct sup_pid pids[N_SILENT];
	int i;

	(void)state;
	for (i = 0; i < N_SILENT; i++) {
		spec.watchdog_ms = i == 5 ? 1000000 : 20 + 9 * (N_SILENT - i);
		pids[i] = start(spec);
	}
	for (i = 0; i < N_SILENT; i++)
		if (i != 5)
			assert_int_equal(end_of(pids[i]).kind,
					 SUP_REASON_WATCHDOG);
	assert_true(sup_is_alive(pids[5]));
	assert_int_equal(sup_kill(pids[5], SUP_FOREVER), 0);
	assert_int_equal(end_of(pids[5]).kind, SUP_REASON_KILLED);
}

static _Atomic int n_missed, n_started;

static void on_event(const struct sup_event *ev, void *arg)
{
	(void)arg;
	if (ev->kind == SUP_EVENT_STARTED)
		n_started++;
	if (ev->kind == SUP_EVENT_CHILD_TERMINATED &&
	    ev->reason.kind == SUP_REASON_WATCHDOG)
		n_missed++;
}

static void supervisor_restarts_it_and_says_why(void **state)
{
	struct sup_process_spec spec = SH("exec sleep 1000", 40);
	struct sup_child_spec child = {
		.size = sizeof(child), .id = "c", .start = sup_process_start,
		.arg = &spec, .restart = SUP_TRANSIENT,
	};
	struct sup_supervisor_spec top = {
		.size = sizeof(top), .children = &child, .n_children = 1,
		.intensity = 1000,
	};
	int64_t deadline = sup_deadline_ms(LIMIT_MS);
	struct sup_pid pid;

	(void)state;
	sup_set_event_sink(on_event, NULL);
	assert_int_equal(sup_supervisor_start(&top, &pid), 0);
	while ((n_missed < 2 || n_started < 3) &&
	       sup_deadline_ms(0) < deadline)
		sched_yield();
	sup_set_event_sink(NULL, NULL);
	assert_true(n_missed >= 2);
	assert_true(n_started >= 3);
}

static void bad_specs_are_refused(void **state)
{
	struct sup_process_spec spec = SH("exit 0", -1);
	struct sup_pid pid;

	(void)state;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "watchdog_ms"));
	spec.watchdog_ms = INT64_MAX;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	spec.watchdog_ms = 0;
	spec.watchdog_signal = SIGABRT;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "watchdog_signal"));
	spec.watchdog_ms = 1;
	spec.watchdog_signal = SIGRTMAX + 1;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_quietly, close_it)
		T(environment_says_so),
		T(silence_is_the_end),
		T(end_after_the_signal_does_not_count),
		T(who_is_heard_of_lives),
		T(no_need_to_talk_before_it_is_ready),
		T(trouble_is_told_at_once),
		T(time_can_be_changed),
		T(nobody_makes_it_watched),
		T(who_stops_is_not_watched),
		T(each_has_its_own_time),
		T(supervisor_restarts_it_and_says_why),
		T(bad_specs_are_refused),
	};

	return RUN_TESTS(tests);
}
