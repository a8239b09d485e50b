/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a process counts as started, and as stopped: what it says on its own
 * descriptors, and the times it has for that.
 */
#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sup/log.h>
#include <sup/process_status.h>

#include "base/alloc.h"
#include "base/log.h"

static struct sup_process_spec sh(const char *const *argv,
				  enum sup_readiness readiness)
{
	return (struct sup_process_spec){
		.size = sizeof(struct sup_process_spec), .argv = argv,
		.readiness = readiness, .ready_timeout_ms = LIMIT_MS,
	};
}

#define SH(script, readiness) \
	sh((const char *const[]){ "sh", "-c", script, NULL }, readiness)

#define PERL(script) \
	sh((const char *const[]){ "perl", "-e", SAY script, NULL }, \
	   SUP_READY_NOTIFY)

static void kill_it(struct sup_pid pid)
{
	sup_kill(pid, SUP_FOREVER);
	end_of(pid);
}

static void expect_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void ready_by_datagram(void **state)
{
	struct sup_process_spec spec = PERL("say('STATUS=half way');"
					    "say('READY=1'); pause();");
	struct sup_process_status status;
	struct sup_pid pid = start(spec);

	(void)state;
	assert_int_equal(sup_process_status(pid, &status), 0);
	assert_string_equal(status.text, "half way");
	assert_true(status.ready);
	assert_false(status.stopping);
	kill_it(pid);
	assert_int_equal(sup_process_status(SUP_PID_NONE, &status), -ESRCH);
}

static void ready_by_newline(void **state)
{
	struct sup_process_spec spec;

	(void)state;
	spec = SH("printf 'yes\\n' >&3; exec sleep 1000", SUP_READY_FD);
	kill_it(start(spec));
	/* It may keep it open, and may say more; a helper may say it. */
	spec = SH("(sleep 0; echo >&7) & wait; echo more >&7; exec sleep 1000",
		  SUP_READY_FD);
	spec.ready_fd = 7;
	kill_it(start(spec));
	/* It ends right after it was ready: that is a start, and an end. */
	spec = SH("echo >&3; exit 6", SUP_READY_FD);
	assert_int_equal(end_of(start(spec)).code, 6);
}

static void not_ready_says_why(void **state)
{
	struct sup_process_spec spec;
	struct sup_pid pid;

	(void)state;
	spec = SH("printf no-newline >&3; exit 5", SUP_READY_FD);
	assert_int_equal(sup_process_start(&spec, &pid), -ECHILD);
	assert_non_null(strstr(sup_error(), "ended before it wrote a newline "
			       "to descriptor 3"));
	assert_non_null(strstr(sup_error(), "exit status 5"));
	/* On a busy machine it may not have come to that. */
	spec = SH("exec 3>&-; exec sleep 1000", SUP_READY_FD);
	spec.ready_timeout_ms = 100;
	do {
		spec.ready_timeout_ms *= 3;
		assert_int_equal(sup_process_start(&spec, &pid), -ETIMEDOUT);
		assert_non_null(strstr(sup_error(), "ran out of time before it "
				       "wrote a newline to descriptor 3"));
	} while (!strstr(sup_error(), "descriptor 3, which is closed") &&
		 spec.ready_timeout_ms < LIMIT_MS);
	assert_non_null(strstr(sup_error(), ", which is closed"));
	spec = PERL("say('STATUS=slowly'); pause();");
	spec.ready_timeout_ms = 2000;
	assert_int_equal(sup_process_start(&spec, &pid), -ETIMEDOUT);
	assert_non_null(strstr(sup_error(), "ran out of time before it sent "
			       "READY=1"));
	expect_no_child();
}

/* It gets ready long after the time that it had at first. */
static void more_time_can_be_asked_for(void **state)
{
	struct sup_process_spec spec = PERL(
		"say(\"STATUS=asked\\nEXTEND_TIMEOUT_USEC=60000000\");"
		"select(undef, undef, undef, 1.4); say('READY=1'); pause();");
	struct sup_pid pid = SUP_PID_NONE;
	int ret;

	(void)state;
	spec.ready_timeout_ms = 1000;
	ret = sup_process_start(&spec, &pid);
	if (ret == -ETIMEDOUT && !strstr(sup_error(), "asked")) {
		print_message("skip: too busy to let it ask\n");
		skip();
	}
	assert_int_equal(ret, 0);
	kill_it(pid);
}

static atomic_uint n_told;

static void count_ignored(int level, const char *text, void *arg)
{
	(void)level;
	(void)arg;
	if (strstr(text, "sd_notify from pid") && strstr(text, "is ignored"))
		atomic_fetch_add(&n_told, 1);
}

#define N_DATAGRAMS 1000

/* Its socket has a name: anybody may write there, as often as he likes. */
static void strangers_do_not_fill_the_log(void **state)
{
	struct sup_process_spec spec = PERL(
		"print \"$ENV{NOTIFY_SOCKET}\\n\"; pause();");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct sup_process_status status;
	struct sup_fd fd = { .to = 1 };
	struct sup_pid pid;
	int out[2], sock, i;
	char name[32] = "";
	ssize_t n;

	(void)state;
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	fd.from = out[1];
	spec.fds = &fd;
	spec.n_fds = 1;
	spec.watchdog_ms = LIMIT_MS;
	spec.readiness = SUP_READY_EXEC;
	atomic_store(&n_told, 0);
	sup_set_log_sink(count_ignored, NULL);
	pid = start(spec);
	n = read(out[0], name, sizeof(name) - 1);
	assert_true(n > 2 && name[0] == '@' && name[n - 1] == '\n');
	memcpy(addr.sun_path + 1, name + 1, n - 2);
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (i = 0; i < N_DATAGRAMS; i++)
		assert_int_equal(sendto(sock, "STATUS=a lie", 12, 0,
					(struct sockaddr *)&addr,
					offsetof(struct sockaddr_un, sun_path) +
					n - 1), 12);
	/* All have been taken out. */
	do {
		assert_int_equal(ioctl(sock, SIOCOUTQ, &i), 0);
		sched_yield();
	} while (i);
	assert_int_equal(sup_process_status(pid, &status), 0);
	assert_string_equal(status.text, "");
	kill_it(pid);
	sup_set_log_sink(NULL, NULL);
	/* The 1st, 2nd, 4th, 8th, ..., 512th. */
	assert_int_equal(atomic_load(&n_told), 10);
	close(sock);
	close(out[0]);
	close(out[1]);
}

/* In a session of its own, and alive as long as its parent is. */
static void child_in_another_session_may_say_it(void **state)
{
	struct sup_process_spec spec = PERL(
		"pipe(my $r, my $w); if (!fork) { setsid(); close $w;"
		" say('READY=1'); sysread($r, my $x, 1); exit 0; }"
		"pause();");

	(void)state;
	kill_it(start(spec));
}

static void helper_of_another_user_may_say_it_and_end(void **state)
{
	struct sup_process_spec spec = PERL(
		"if (!fork) { setsid(); say('READY=1'); exit 0; }"
		"wait; pause();");

	(void)state;
	if (geteuid()) {
		print_message("skip: needs root\n");
		skip();
	}
	spec.user = "nobody";
	kill_it(start(spec));
}

static void stopping_is_shown(void **state)
{
	struct sup_process_spec spec = PERL(
		"say(\"STOPPING=1\\nSTATUS=bye\\nREADY=1\"); pause();");
	struct sup_process_status status;
	struct sup_pid pid = start(spec);

	(void)state;
	assert_int_equal(sup_process_status(pid, &status), 0);
	assert_true(status.stopping);
	assert_string_equal(status.text, "bye");
	kill_it(pid);
}

/* Datagrams that nobody waits for are read all the same, or it would block. */
static void it_may_go_on_talking(void **state)
{
	struct sup_process_spec spec = PERL(
		"say('READY=1'); say(\"STATUS=$_\") for (0..999);");
	struct sup_process_status status;
	struct sup_pid pid = start(spec);

	(void)state;
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	if (!sup_process_status(pid, &status))
		assert_string_equal(status.text, "999");
}

static void stubborn_one_is_killed_in_the_end(void **state)
{
	struct sup_process_spec spec = SH("trap '' TERM; echo >&3; "
					  "while :; do sleep 1000; done",
					  SUP_READY_FD);
	struct sup_pid pid;

	(void)state;
	spec.stop_timeout_ms = 30;
	sup_set_log_level(LOG_ERR);
	pid = start(spec);
	assert_int_equal(sup_exit(pid, &SUP_SHUTDOWN), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	sup_set_log_level(LOG_WARNING);
	expect_no_child();
	/* Who obeys is not. */
	spec = SH("exec sleep 1000", SUP_READY_EXEC);
	spec.stop_timeout_ms = LIMIT_MS;
	pid = start(spec);
	assert_int_equal(sup_exit(pid, &SUP_SHUTDOWN), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_SHUTDOWN);
}

#define STOP_MS 1500

/* It ends long after the time that it had at first, when it is let go. */
static void more_time_to_stop_can_be_asked_for(void **state)
{
	struct sup_process_spec spec = PERL(
		"$SIG{TERM} = sub {"
		" say(\"STATUS=asked\\nEXTEND_TIMEOUT_USEC=60000000\"); };"
		"$SIG{USR1} = sub { exit 0; };"
		"say('READY=1'); pause() while (1);");
	struct sup_process_status status = { .text = "" };
	struct sup_pid pid = SUP_PID_NONE;
	struct sup_reason reason;
	int64_t over;

	(void)state;
	spec.stop_timeout_ms = STOP_MS;
	pid = start(spec);
	over = sup_deadline_ms(2 * STOP_MS);
	assert_int_equal(sup_exit(pid, &SUP_SHUTDOWN), 0);
	while (!sup_process_status(pid, &status) &&
	       strcmp(status.text, "asked"))
		sched_yield();
	if (strcmp(status.text, "asked")) {
		end_of(pid);
		print_message("skip: too busy to let it ask\n");
		skip();
	}
	assert_int_equal(sup_wait(pid, &reason, over), -ETIMEDOUT);
	assert_int_equal(sup_process_signal(pid, SIGUSR1), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_SHUTDOWN);
}

#define N_STUBBORN 8

static void each_has_its_own_time_to_stop(void **state)
{
	struct sup_process_spec spec = SH("trap '' TERM; echo >&3; "
					  "while :; do sleep 1000; done",
					  SUP_READY_FD);
	struct sup_pid pids[N_STUBBORN];
	int i;

	(void)state;
	sup_set_log_level(LOG_ERR);
	for (i = 0; i < N_STUBBORN; i++) {
		spec.stop_timeout_ms = i == 3 ? LIMIT_MS : 10 + 7 * (8 - i);
		pids[i] = start(spec);
	}
	for (i = 0; i < N_STUBBORN; i++)
		assert_int_equal(sup_exit(pids[i], &SUP_SHUTDOWN), 0);
	for (i = 0; i < N_STUBBORN; i++)
		if (i != 3)
			assert_int_equal(end_of(pids[i]).kind,
					 SUP_REASON_KILLED);
	assert_true(sup_is_alive(pids[3]));
	kill_it(pids[3]);
	sup_set_log_level(LOG_WARNING);
}

static void bad_specs_are_refused(void **state)
{
	struct sup_process_spec spec = SH("exit 0", SUP_READY_FD);
	const struct sup_fd fd = { 0, 3 };
	struct sup_pid pid;

	(void)state;
	spec.fds = &fd;
	spec.n_fds = 1;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "descriptor 3 is given twice"));
	spec = SH("exit 0", SUP_READY_FD);
	spec.ready_fd = -1;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	spec.ready_fd = SUP_FD_MAX + 1;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "ready_fd"));
	spec = SH("exit 0", SUP_READY_EXEC);
	spec.ready_fd = 3;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	spec = SH("exit 0", SUP_READY_FD + 1);
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	spec = SH("exit 0", SUP_READY_EXEC);
	spec.stop_timeout_ms = -1;
	assert_int_equal(sup_process_start(&spec, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "stop_timeout_ms"));
}

static void want_of_memory_starts_nothing(void **state)
{
	struct sup_process_spec spec = SH("echo >&3", SUP_READY_FD);
	struct sup_pid pid;
	unsigned int n = 0;
	int ret;

	(void)state;
	do {
		sup__alloc_fail_nth(++n);
		ret = sup_process_start(&spec, &pid);
		if (ret)
			assert_int_equal(ret, -ENOMEM);
	} while (sup__alloc_has_failed());
	sup__alloc_fail_nth(0);
	assert_int_equal(ret, 0);
	end_of(pid);
	expect_no_child();
}

static int count_fds(void)
{
	int i, n = 0;

	for (i = 0; i < 256; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static void no_descriptor_is_left(void **state)
{
	struct sup_process_spec good = SH("echo >&3", SUP_READY_FD), bad = good;
	int64_t deadline = sup_deadline_ms(LIMIT_MS);
	int i, before = count_fds();
	struct sup_pid pid;

	(void)state;
	bad.cwd = "/no/such/dir";
	for (i = 0; i < 20; i++) {
		end_of(start(good));
		assert_int_equal(sup_process_start(&bad, &pid), -ENOENT);
	}
	/* The source lets go of the last one after it was told. */
	while (count_fds() != before && sup_deadline_ms(0) < deadline)
		sched_yield();
	assert_int_equal(count_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, open_runtime, close_runtime)
		T(ready_by_datagram),
		T(ready_by_newline),
		T(not_ready_says_why),
		T(more_time_can_be_asked_for),
		T(strangers_do_not_fill_the_log),
		T(child_in_another_session_may_say_it),
		T(helper_of_another_user_may_say_it_and_end),
		T(stopping_is_shown),
		T(it_may_go_on_talking),
		T(stubborn_one_is_killed_in_the_end),
		T(more_time_to_stop_can_be_asked_for),
		T(each_has_its_own_time_to_stop),
		T(bad_specs_are_refused),
		T(want_of_memory_starts_nothing),
		T(no_descriptor_is_left),
	};

	return RUN_TESTS(tests);
}
