/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Process tasks over a source whose news the test makes: what waits for the
 * end of a lineage, and what is taken over from a dead owner.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sup/error.h>
#include <sup/function.h>
#include <sup/monitor.h>
#include <sup/process.h>
#include <sup/process_status.h>
#include <sup/runtime.h>
#include <sup/task.h>

#include "base/thread.h"
#include "core/runtime.h"
#include "exit/proc.h"
#include "lib/fake_exit.h"

#define LIMIT_MS 30000

static int open_runtime(void **state)
{
	(void)state;
	fake_exit_reset();
	sup__runtime_set_source(&fake_exit_ops);
	return sup_open(NULL);
}

static int close_runtime(void **state)
{
	(void)state;
	return sup_close();
}

static struct sup_process_spec sleeping(void)
{
	static const char *const argv[] = { "sleep", "1000", NULL };

	return (struct sup_process_spec){
		.size = sizeof(struct sup_process_spec), .argv = argv,
	};
}

static pid_t os_pid(struct sup_pid pid)
{
	pid_t os, tid;

	assert_int_equal(sup_os_pid(pid, &os, &tid), 0);
	return os;
}

static struct sup_reason end_of(struct sup_pid pid)
{
	struct sup_reason reason;

	assert_int_equal(sup_wait(pid, &reason, sup_deadline_ms(LIMIT_MS)), 0);
	return reason;
}

static void end_and_tell(struct sup_pid pid)
{
	pid_t os = os_pid(pid);

	kill(os, SIGKILL);
	fake_exit_push_lineage(fake_exit_push_end(os));
	end_of(pid);
}

static void end_waits_for_the_lineage(void **state)
{
	struct sup_process_spec spec = sleeping();
	struct sup_reason reason;
	struct sup_pid pid;
	uint64_t lineage;
	pid_t os;

	(void)state;
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	os = os_pid(pid);
	kill(os, SIGTERM);
	lineage = fake_exit_push_end(os);
	fake_exit_wait_kill(lineage, SIGKILL);
	assert_int_equal(sup_wait(pid, &reason, SUP_TRY), -ETIMEDOUT);
	assert_true(sup_is_alive(pid));
	/* That of another changes nothing. */
	fake_exit_push_lineage(lineage + 1);
	fake_exit_push_lineage(lineage);
	reason = end_of(pid);
	assert_int_equal(reason.kind, SUP_REASON_SIGNAL);
	assert_int_equal(reason.signo, SIGTERM);
	assert_int_equal(waitpid(os, NULL, WNOHANG), -1);
}

struct starter {
	struct sup_process_spec spec;
	struct sup_pid pid;
	int ret;
	char why[200];
};

static void *start_it(void *arg)
{
	struct starter *s = arg;

	s->ret = sup_process_start(&s->spec, &s->pid);
	snprintf(s->why, sizeof(s->why), "%s", sup_error());
	return NULL;
}

/*
 * A helper that is left of it says so, when told, and then that it was heard:
 * what it has sent has been taken out of the socket.
 */
#define LATE_HELPER \
	"use Socket; $| = 1; if (fork) { print \"$$\\n\"; sleep 1000; }" \
	"<STDIN>; socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;" \
	"my $n = $ENV{NOTIFY_SOCKET}; $n =~ s/^@/\\0/;" \
	"send($s, 'READY=1', 0, pack('Sa*', AF_UNIX, $n)) or die;" \
	"my $q = pack('i', 1);" \
	"while (unpack('i', $q)) { ioctl($s, 0x5411, $q) or die; }" \
	"print \"heard\\n\";"

static void ready_after_the_end_is_none(void **state)
{
	static const char *const argv[] = { "perl", "-e", LATE_HELPER, NULL };
	struct starter s = { .spec = sleeping(), .ret = 1 };
	struct sup__thread thread;
	int in[2], answers[2];
	struct sup_fd fds[2];
	char text[32] = "";
	uint64_t lineage;
	pid_t os;

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
	fds[0] = (struct sup_fd){ in[0], 0 };
	fds[1] = (struct sup_fd){ answers[1], 1 };
	s.spec.argv = argv;
	s.spec.fds = fds;
	s.spec.n_fds = 2;
	s.spec.readiness = SUP_READY_NOTIFY;
	s.spec.ready_timeout_ms = LIMIT_MS;
	assert_int_equal(sup__thread_start("t", 0, start_it, &s, &thread), 0);
	assert_true(read(answers[0], text, sizeof(text) - 1) > 1);
	os = (pid_t)strtol(text, NULL, 10);
	kill(os, SIGKILL);
	lineage = fake_exit_push_end(os);
	fake_exit_wait_kill(lineage, SIGKILL);
	assert_int_equal(write(in[1], "\n", 1), 1);
	assert_int_equal(read(answers[0], text, sizeof(text)), 6);
	fake_exit_push_lineage(lineage);
	sup__thread_join(thread);
	assert_int_equal(s.ret, -ECHILD);
	assert_non_null(strstr(s.why, "ended before it sent READY=1"));
	assert_int_equal(s.pid.v, 0);
	for (os = 0; os < 2; os++) {
		close(in[os]);
		close(answers[os]);
	}
}

static void child_that_is_not_watched_is_not_left(void **state)
{
	struct sup_process_spec spec = sleeping();
	struct sup_pid pid;

	(void)state;
	fake_exit_set_watch(-EAGAIN);
	assert_int_equal(sup_process_start(&spec, &pid), -EAGAIN);
	assert_string_equal(sup_error(), "watch");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	/* And its place is free: the next is found by its pid. */
	fake_exit_set_watch(0);
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	end_and_tell(pid);
}

static void expect_no_room(bool ended)
{
	struct sup_process_spec spec = sleeping();
	struct sup_pid pid;

	fake_exit_set_no_room(true, ended);
	assert_int_equal(sup_process_start(&spec, &pid), -EAGAIN);
	assert_non_null(strstr(sup_error(), "no room for another process"));
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	fake_exit_set_no_room(false, false);
}

/* Before it is given leave, or at the same time. */
static void child_without_room_fails_to_start(void **state)
{
	struct sup_process_spec spec = sleeping();
	struct sup_pid pid;
	int i;

	(void)state;
	expect_no_room(true);
	for (i = 0; i < 30; i++)
		expect_no_room(false);
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	assert_int_equal(fake_exit_doubts_of(os_pid(pid)), 0);
	end_and_tell(pid);
}

static void push_overflow(bool untracked)
{
	const struct sup__exit_event ev = {
		.kind = SUP__EXIT_OVERFLOW, .untracked = untracked,
	};

	fake_exit_push(&ev);
}

static void untracked_children_are_doubted(void **state)
{
	struct sup_process_spec spec = sleeping();
	struct sup_pid pid, later;

	(void)state;
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	push_overflow(false);
	push_overflow(true);
	fake_exit_wait_told();
	assert_int_equal(fake_exit_doubts_of(os_pid(pid)), 1);
	assert_int_equal(sup_process_start(&spec, &later), 0);
	assert_int_equal(fake_exit_doubts_of(os_pid(later)), 0);
	end_and_tell(later);
	end_and_tell(pid);
}

static const struct sup__proc_start *intercepted;
static bool intercept;

int __real_sup__proc_spawn(const struct sup__proc_start *start,
			   struct sup__proc *ret_p);
int __wrap_sup__proc_spawn(const struct sup__proc_start *start,
			   struct sup__proc *ret_p);

static int overflow_then_born(const struct sup__proc *p, void *arg)
{
	push_overflow(true);
	fake_exit_wait_told();
	return intercepted->born(p, arg);
}

int __wrap_sup__proc_spawn(const struct sup__proc_start *start,
			   struct sup__proc *ret_p)
{
	struct sup__proc_start mine = *start;

	intercepted = start;
	if (intercept)
		mine.born = overflow_then_born;
	return __real_sup__proc_spawn(&mine, ret_p);
}

/* The record was seen before the child was in anybody's table. */
static void overflow_before_the_birth_is_no_miss(void **state)
{
	struct sup_process_spec spec = sleeping();
	struct sup_pid pid;

	(void)state;
	intercept = true;
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	intercept = false;
	assert_int_equal(fake_exit_doubts_of(os_pid(pid)), 1);
	end_and_tell(pid);
}

/* What waits for the end of a lineage goes on, the others are doubted. */
static void source_that_ended_keeps_nobody(void **state)
{
	const struct sup__exit_event ev = { .kind = SUP__EXIT_ENDED };
	struct sup_process_spec spec = sleeping();
	struct sup_pid lives, drains;
	uint64_t lineage;
	pid_t os;

	(void)state;
	assert_int_equal(sup_process_start(&spec, &lives), 0);
	assert_int_equal(sup_process_start(&spec, &drains), 0);
	os = os_pid(drains);
	kill(os, SIGTERM);
	lineage = fake_exit_push_end(os);
	fake_exit_wait_kill(lineage, SIGKILL);
	fake_exit_push(&ev);
	assert_int_equal(end_of(drains).signo, SIGTERM);
	fake_exit_wait_told();
	assert_int_equal(fake_exit_doubts_of(os_pid(lives)), 1);
	end_and_tell(lives);
}

/* A grandchild's end is not that of a child with the number it once had. */
static void descendant_is_not_taken_for_a_child(void **state)
{
	struct sup_process_spec spec = sleeping();
	struct sup__exit_event ev = {
		.kind = SUP__EXIT_PROCESS, .descendant = true, .lineage = 3,
	};
	struct sup_pid pid;

	(void)state;
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	ev.pid = os_pid(pid);
	fake_exit_push(&ev);
	fake_exit_wait_told();
	assert_true(sup_is_alive(pid));
	end_and_tell(pid);
}

/* It is a child of the test, as an orphan is one of somebody. */
static pid_t start_orphan(void)
{
	pid_t pid = fork();

	if (!pid) {
		execlp("sleep", "sleep", "1000", NULL);
		_exit(127);
	}
	return pid;
}

static void living_orphan_is_taken_over(void **state)
{
	struct sup_process_spec spec = sleeping();
	pid_t orphan = start_orphan();
	struct sup_reason reason;
	struct sup_pid pid;

	(void)state;
	spec.argv = (const char *const[]){ "no-such-program", NULL };
	spec.adopt_lineage = 7;
	fake_exit_set_find(7, orphan);
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	assert_int_equal(os_pid(pid), orphan);
	assert_int_equal(sup_process_signal(pid, SIGTERM), 0);
	fake_exit_push_end(orphan);
	fake_exit_wait_kill(7, SIGKILL);
	fake_exit_push_lineage(7);
	reason = end_of(pid);
	assert_int_equal(reason.kind, SUP_REASON_SIGNAL);
	assert_int_equal(reason.signo, SIGTERM);
	/* Its real parent reaps it. */
	assert_int_equal(waitpid(orphan, NULL, 0), orphan);
	/* So the same spec starts anew. */
	fake_exit_set_find(7, 0);
	spec.argv = sleeping().argv;
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	end_and_tell(pid);
}

static int run_nothing(const void *arg, size_t len)
{
	(void)arg;
	return (int)len;
}

static const struct sup_function functions[] = {
	{ .name = "nothing", .run = run_nothing },
};

/* Its socket has ended with its owner. */
static void function_is_taken_over_without_a_socket(void **state)
{
	struct sup_function_spec f = {
		.size = sizeof(f), .function = "nothing", .to = "nobody",
	};
	struct sup_process_spec spec = {
		.size = sizeof(spec), .function = &f, .adopt_lineage = 7,
	};
	pid_t orphan = start_orphan();
	struct sup_pid pid;

	(void)state;
	fake_exit_set_find(7, orphan);
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	assert_int_equal(os_pid(pid), orphan);
	assert_int_equal(sup_send(pid, &(struct sup_msg){ .tag = 1 },
				  SUP_FOREVER), -ESRCH);
	assert_true(sup_is_alive(pid));
	assert_int_equal(sup_process_signal(pid, SIGKILL), 0);
	fake_exit_push_end(orphan);
	fake_exit_wait_kill(7, SIGKILL);
	fake_exit_push_lineage(7);
	assert_int_equal(end_of(pid).signo, SIGKILL);
	assert_int_equal(waitpid(orphan, NULL, 0), orphan);
}

static void leftover_of_a_dead_one_is_cleared(void **state)
{
	struct sup_process_spec spec = sleeping();
	struct sup_pid pid;

	(void)state;
	spec.adopt_lineage = 7;
	fake_exit_set_leftover(7);
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	fake_exit_wait_kill(7, SIGKILL);
	assert_true(fake_exit_lineage_of(os_pid(pid)) >= 1000);
	end_and_tell(pid);
	/* The next start of the same spec finds nothing to clear. */
	assert_int_equal(sup_process_start(&spec, &pid), 0);
	end_and_tell(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_runtime, close_runtime)
		T(end_waits_for_the_lineage),
		T(ready_after_the_end_is_none),
		T(child_that_is_not_watched_is_not_left),
		T(child_without_room_fails_to_start),
		T(untracked_children_are_doubted),
		T(overflow_before_the_birth_is_no_miss),
		T(source_that_ended_keeps_nobody),
		T(descendant_is_not_taken_for_a_child),
		T(living_orphan_is_taken_over),
		T(function_is_taken_over_without_a_socket),
		T(leftover_of_a_dead_one_is_cleared),
	};

	if (sup_functions(functions, 1))
		return 111;
	return RUN_TESTS(tests);
}
