/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What real processes write is kept, logged, and shown when they end. */
#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sup/event.h>
#include <sup/process_status.h>
#include <sup/server.h>
#include <sup/supervisor.h>

#include "base/alloc.h"
#include "base/log.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;	/* the next */
static char logged[32768];
static unsigned int n_logged;

static void note_log(int level, const char *text, void *arg)
{
	size_t len;

	(void)arg;
	pthread_mutex_lock(&lock);
	len = strlen(logged);
	snprintf(logged + len, sizeof(logged) - len, "<%d>%s\n", level, text);
	n_logged++;
	pthread_mutex_unlock(&lock);
}

static int open_and_note(void **state)
{
	logged[0] = '\0';
	n_logged = 0;
	sup_set_log_sink(note_log, NULL);
	return open_runtime(state);
}

static int close_it(void **state)
{
	int ret = close_runtime(state);

	sup_set_log_sink(NULL, NULL);
	sup_set_log_level(LOG_WARNING);
	return ret;
}

static struct sup_process_spec sh(const char *const *argv)
{
	return (struct sup_process_spec){
		.size = sizeof(struct sup_process_spec), .argv = argv,
		.name = "it", .capture = SUP_CAPTURE_OUTPUT,
	};
}

#define SH(script) sh((const char *const[]){ "sh", "-c", script, NULL })

static const char *output_of(struct sup_pid pid)
{
	static char text[65536];

	assert_int_equal(sup_process_output(pid, text, sizeof(text)), 0);
	return text;
}

static void expect_output(struct sup_process_spec spec, const char *text)
{
	struct sup_pid pid = start(spec);

	end_of(pid);
	assert_string_equal(output_of(pid), text);
}

static bool has_logged(const char *text)
{
	bool has;

	pthread_mutex_lock(&lock);
	has = strstr(logged, text);
	pthread_mutex_unlock(&lock);
	return has;
}

static void both_are_kept_in_their_order(void **state)
{
	struct sup_process_spec spec;
	char out[] = "/tmp/sup-output-XXXXXX";
	const struct sup_fd fd = { mkstemp(out), 2 };
	char text[64] = "";

	(void)state;
	expect_output(SH("echo one; echo two >&2; printf three"),
		      "one\ntwo\nthree");
	/* Clean ends are not worth a report. */
	assert_int_equal(n_logged, 0);
	spec = SH("echo one; echo two >&2");
	spec.capture = SUP_CAPTURE_ERRORS;
	spec.output = out;
	expect_output(spec, "two\n");
	spec = SH("echo three; echo four >&2");
	spec.fds = &fd;
	spec.n_fds = 1;
	expect_output(spec, "three\n");
	spec = SH("echo five; echo six >&2");
	spec.errors = out;
	expect_output(spec, "five\n");
	assert_true(pread(fd.from, text, sizeof(text) - 1, 0) > 0);
	assert_non_null(strstr(text, "four\n"));
	assert_non_null(strstr(text, "six\n"));
	close(fd.from);
	unlink(out);
}

static void bounds_hold(void **state)
{
	struct sup_process_spec spec = SH("for i in 1 2 3 4 5 6 7 8 9; do "
					  "echo line $i; done");

	(void)state;
	spec.capture_lines = 2;
	expect_output(spec, "line 8\nline 9\n");
	spec.capture_lines = 0;
	spec.capture_bytes = 15;
	expect_output(spec, "line 8\nline 9\n");
}

static void living_one_is_asked_for_its_output(void **state)
{
	struct sup_process_spec spec = SH("echo here; echo >&3; "
					  "exec sleep 1000");
	struct sup_pid pid;
	char text[3];

	(void)state;
	spec.readiness = SUP_READY_FD;
	pid = start(spec);
	/* It wrote that before it was ready; the reader may be behind. */
	while (!output_of(pid)[0])
		sched_yield();
	assert_string_equal(output_of(pid), "here\n");
	assert_int_equal(sup_process_output(pid, text, sizeof(text)), 0);
	assert_string_equal(text, "e\n");
	assert_int_equal(sup_process_output(pid, text, 0), -EINVAL);
	sup_kill(pid, SUP_FOREVER);
	end_of(pid);
	/* Who was killed by us has no report either. */
	assert_int_equal(n_logged, 0);
	spec = SH("exit 0");
	spec.capture = SUP_CAPTURE_NONE;
	pid = start(spec);
	assert_int_equal(sup_process_output(pid, text, sizeof(text)), -ESRCH);
	end_of(pid);
	assert_int_equal(sup_process_output(SUP_PID_NONE, text, 3), -ESRCH);
}

static void crash_is_reported_with_the_last_lines(void **state)
{
	struct sup_process_spec spec = SH("echo about to; printf 'fa\033il'; "
					  "ulimit -c 0; kill -SEGV $$");

	(void)state;
	end_of(start(spec));
	assert_true(has_logged("<3>process \"it\" ("));
	assert_true(has_logged("ended: signal 11 (SEGV)"));
	assert_true(has_logged("; it wrote last:\n<3>  | about to\n"
			       "<3>  | fa?il\n"));
	spec = SH("exit 3");
	end_of(start(spec));
	assert_true(has_logged("ended: exit status 3; it wrote nothing\n"));
}

static void failed_start_is_reported_too(void **state)
{
	struct sup_process_spec spec = SH("echo no config >&2; exit 9");
	struct sup_pid pid;

	(void)state;
	spec.readiness = SUP_READY_FD;
	assert_int_equal(sup_process_start(&spec, &pid), -ECHILD);
	assert_true(has_logged("ended: exit status 9; it wrote last:\n"
			       "<3>  | no config\n"));
}

static void lines_go_to_the_log(void **state)
{
	struct sup_process_spec spec = SH("echo one; echo '<4>two'; "
					  "echo '<9>x' >&2; printf last");
	char text[128];
	struct sup_pid pid;
	pid_t os;

	(void)state;
	sup_set_log_level(LOG_INFO);
	spec.capture_log = true;
	pid = start(spec);
	assert_int_equal(sup_os_pid(pid, &os, NULL), 0);
	end_of(pid);
	snprintf(text, sizeof(text), "<6>it[%d]: one\n<4>it[%d]: two\n"
		 "<6>it[%d]: <9>x\n<6>it[%d]: last\n", os, os, os, os);
	assert_true(has_logged(text));
}

/* Much more than a pipe holds, and the end of it is there. */
static void flood_is_read_to_its_end(void **state)
{
	struct sup_process_spec spec = SH("yes flood | head -c 3000000; "
					  "echo; echo end");
	struct sup_pid pid = start(spec);

	(void)state;
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	assert_non_null(strstr(output_of(pid), "flood\nflood\n"));
	assert_non_null(strstr(output_of(pid), "\nend\n"));
	assert_true(strlen(output_of(pid)) < 400);
}

/* One that never stops writing keeps nobody from anything, and is killed. */
static void endless_flood_harms_nobody(void **state)
{
	struct sup_process_spec flood = SH("exec yes"), spec = SH("echo ok");
	struct sup_pid pid = start(flood);
	int i;

	(void)state;
	for (i = 0; i < 10; i++)
		expect_output(spec, "ok\n");
	assert_int_equal(sup_kill(pid, SUP_FOREVER), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	assert_non_null(strstr(output_of(pid), "y\ny\n"));
}

/*
 * A descendant that has left the session keeps the pipe, and writes to it. It
 * gets SIGPIPE when the pipe is closed.
 */
static void escaped_descendant_is_not_waited_for(void **state)
{
	struct sup_process_spec spec = SH("setsid sh -c 'echo >&4; exec yes' "
					  "& read x <&3; echo bye");
	struct sup_fd given[2] = { { .to = 3 }, { .to = 4 } };
	int told[2];

	(void)state;
	assert_int_equal(pipe(told), 0);
	given[0].from = told[0];
	given[1].from = told[1];
	spec.fds = given;
	spec.n_fds = 2;
	assert_int_equal(end_of(start(spec)).kind, SUP_REASON_NORMAL);
	close(told[0]);
	close(told[1]);
}

static void closed_pipe_is_not_polled(void **state)
{
	struct sup_process_spec spec = SH("echo one; exec >&- 2>&-; "
					  "echo >&3; exec sleep 1000");
	struct timespec before, after;
	struct sup_pid pid;
	clockid_t clock;
	int64_t used;

	(void)state;
	spec.readiness = SUP_READY_FD;
	pid = start(spec);
	clock = CLOCK_PROCESS_CPUTIME_ID;
	clock_gettime(clock, &before);
	assert_int_equal(sup_wait(pid, NULL, sup_deadline_ms(500)),
			 -ETIMEDOUT);
	clock_gettime(clock, &after);
	used = (after.tv_sec - before.tv_sec) * 1000 +
	       (after.tv_nsec - before.tv_nsec) / 1000000;
	/* A loop would have used up most of it. */
	assert_true(used < 100);
	sup_kill(pid, SUP_FOREVER);
	end_of(pid);
	assert_string_equal(output_of(pid), "one\n");
}

static char event_output[SUP_EVENT_OUTPUT_MAX];
static _Atomic int n_terminated;

static void on_event(const struct sup_event *ev, void *arg)
{
	(void)arg;
	if (ev->kind != SUP_EVENT_CHILD_TERMINATED)
		return;
	if (!n_terminated && ev->output)
		memcpy(event_output, ev->output, strlen(ev->output) + 1);
	n_terminated++;
}

static void event_has_the_last_lines(void **state)
{
	struct sup_process_spec spec = SH("echo cannot; exit 4");
	struct sup_child_spec child = {
		.size = sizeof(child), .id = "c", .start = sup_process_start,
		.arg = &spec, .restart = SUP_TEMPORARY,
	};
	struct sup_supervisor_spec top = {
		.size = sizeof(top), .children = &child, .n_children = 1,
	};
	struct sup_pid pid;

	(void)state;
	n_terminated = 0;
	sup_set_event_sink(on_event, NULL);
	assert_int_equal(sup_supervisor_start(&top, &pid), 0);
	while (!n_terminated)
		sched_yield();
	sup_set_event_sink(NULL, NULL);
	assert_string_equal(event_output, "cannot\n");
}

static void last_few_are_kept(void **state)
{
	struct sup_process_spec spec = SH("echo mine");
	struct sup_pid first, last = SUP_PID_NONE;
	char text[8];
	int i;

	(void)state;
	first = start(spec);
	end_of(first);
	for (i = 0; i < 32; i++) {
		last = start(spec);
		end_of(last);
	}
	assert_string_equal(output_of(last), "mine\n");
	assert_int_equal(sup_process_output(first, text, sizeof(text)),
			 -ESRCH);
}

static void bad_specs_are_refused(void **state)
{
	const struct sup_fd fd = { 0, 1 };
	struct sup_process_spec spec;
	struct sup_pid pid;

	(void)state;
	spec = SH("exit 0");
	spec.output = "/dev/null";
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "capture: output"));
	spec = SH("exit 0");
	spec.fds = &fd;
	spec.n_fds = 1;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	spec = SH("exit 0");
	spec.capture = SUP_CAPTURE_ERRORS;
	spec.errors = "/dev/null";
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	spec = SH("exit 0");
	spec.capture_bytes = SUP_CAPTURE_MAX + 1;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	spec = SH("exit 0");
	spec.capture = SUP_CAPTURE_NONE;
	spec.capture_log = true;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	spec = SH("exit 0");
	spec.capture = SUP_CAPTURE_ERRORS + 1;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
}

static void want_of_memory_starts_nothing(void **state)
{
	struct sup_process_spec spec = SH("echo x");
	struct sup_pid pid;
	unsigned int n = 0;
	int ret;

	(void)state;
	do {
		sup__alloc_fail_nth(++n);
		ret = sup_process_start(&spec, &pid);
		if (ret)
			assert_int_equal(ret, -ENOMEM);
		else
			end_of(pid);
	} while (sup__alloc_has_failed());
	sup__alloc_fail_nth(0);
	assert_int_equal(ret, 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_and_note, close_it)
		T(both_are_kept_in_their_order),
		T(bounds_hold),
		T(living_one_is_asked_for_its_output),
		T(crash_is_reported_with_the_last_lines),
		T(failed_start_is_reported_too),
		T(lines_go_to_the_log),
		T(flood_is_read_to_its_end),
		T(endless_flood_harms_nobody),
		T(escaped_descendant_is_not_waited_for),
		T(closed_pipe_is_not_polled),
		T(event_has_the_last_lines),
		T(last_few_are_kept),
		T(bad_specs_are_refused),
		T(want_of_memory_starts_nothing),
	};

	return RUN_TESTS(tests);
}
