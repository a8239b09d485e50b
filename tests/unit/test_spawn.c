/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a child finds when it runs, and what is said if it cannot have it. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/thread.h"
#include "exit/proc.h"

static char dir[] = "/tmp/sup-spawn-XXXXXX", out[64], other[64];

static struct sup_process_spec sh(const char *const argv[4])
{
	return (struct sup_process_spec){
		.size = sizeof(struct sup_process_spec), .argv = argv,
		.output = out,
	};
}

#define SH(script) sh((const char *const[4]){ "sh", "-c", script, NULL })

static void finish(struct sup__proc *p)
{
	struct pollfd fd = { .fd = p->pidfd, .events = POLLIN };
	struct sup_reason reason;

	assert_int_equal(poll(&fd, 1, 20000), 1);
	assert_int_equal(sup__proc_reap(p, &reason, NULL), 0);
	sup__proc_close(p);
}

static int try(const struct sup_process_spec *spec)
{
	struct sup__proc_start start = { .spec = spec };
	struct sup__proc p = SUP__PROC_INIT;
	int ret = sup__proc_spawn(&start, &p);

	if (p.pid)
		finish(&p);
	return ret;
}

/* Runs it to its end. */
static void run(const struct sup_process_spec *spec)
{
	if (!try(spec))
		return;
	print_error("%s\n", sup_error());
	fail();
}

static const char *contents(const char *path)
{
	static char text[8192];
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	unlink(path);
	return text;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void need_root(void)
{
	if (!geteuid())
		return;
	print_message("skip: needs root\n");
	skip();
}

static void environment_is_set_and_unset(void **state)
{
	struct sup_process_spec spec = SH("echo \"$SUP_A,$SUP_B,$SUP_C\"");

	(void)state;
	setenv("SUP_A", "old", 1);
	setenv("SUP_B", "ours", 1);
	spec.env_unset = (const char *const[]){ "SUP_A", NULL };
	spec.env_set = (const char *const[]){ "SUP_C=new", NULL };
	run(&spec);
	assert_string_equal(contents(out), ",ours,new\n");
	spec = SH("/usr/bin/env");
	spec.argv = (const char *const[]){ "/usr/bin/env", NULL };
	spec.envp = (const char *const[]){ NULL };
	run(&spec);
	assert_string_equal(contents(out), "");
	unsetenv("SUP_A");
	unsetenv("SUP_B");
}

static void standard_files_are_three(void **state)
{
	struct sup_process_spec spec = SH("cat; echo bad >&2");

	(void)state;
	put(other, "from a file");
	spec.input = other;
	run(&spec);
	assert_string_equal(contents(out), "from a filebad\n");
	spec = SH("echo good; echo bad >&2");
	spec.errors = other;
	unlink(other);
	run(&spec);
	assert_string_equal(contents(out), "good\n");
	assert_string_equal(contents(other), "bad\n");
}

/* Each lies where the other is to go, and one where its pair end lay. */
static void descriptors_change_places(void **state)
{
	struct sup_process_spec spec = SH(
		"cat <&5; cat <&6; cat <&3; ls /proc/self/fd");
	struct sup_fd fds[] = { { 5, 6 }, { 6, 5 }, { 200, 3 }, { 7, 40 } };
	char path[3][80], name[3] = { 'a', 'b', 'c' };
	const int at[3] = { 5, 6, 200 };
	char text[2] = "";
	int i, fd;

	(void)state;
	for (i = 0; i < 3; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/fd%d", dir, i);
		text[0] = name[i];
		put(path[i], text);
		fd = open(path[i], O_RDONLY);
		assert_true(fd >= 0);
		assert_int_equal(dup3(fd, at[i] + 700, O_CLOEXEC),
				 at[i] + 700);
		close(fd);
	}
	for (i = 0; i < 3; i++) {
		assert_int_equal(dup3(at[i] + 700, at[i], O_CLOEXEC), at[i]);
		close(at[i] + 700);
	}
	fd = open("/dev/null", O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, 7), 7);
	if (fd != 7)
		close(fd);
	spec.fds = fds;
	spec.n_fds = 4;
	run(&spec);
	/* ls has one of its own, the lowest that is free. */
	assert_string_equal(contents(out), "bac0\n1\n2\n3\n4\n40\n5\n6\n");
	for (i = 0; i < 3; i++) {
		close(at[i]);
		unlink(path[i]);
	}
	close(7);
}

static void descriptor_can_be_a_standard_one(void **state)
{
	struct sup_process_spec spec = SH("cat; echo x; echo bad >&2");
	struct sup_fd map[2];
	char text[16] = "";
	int in[2], err[2];

	(void)state;
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	map[0] = (struct sup_fd){ err[1], 2 };
	map[1] = (struct sup_fd){ in[0], 0 };
	spec.fds = map;
	spec.n_fds = 2;
	assert_int_equal(write(in[1], "piped,", 6), 6);
	close(in[1]);
	run(&spec);
	close(in[0]);
	close(err[1]);
	assert_string_equal(contents(out), "piped,x\n");
	assert_int_equal(read(err[0], text, sizeof(text)), 4);
	assert_string_equal(text, "bad\n");
	close(err[0]);
}

static void umask_and_limits_are_its_own(void **state)
{
	const struct sup_rlimit limits[] = {
		{ RLIMIT_CORE, 0, 0 }, { RLIMIT_NOFILE, 77, 88 },
	};
	struct sup_process_spec spec = SH(
		"umask; ulimit -Sc; ulimit -Sn; ulimit -Hn");

	(void)state;
	umask(022);
	spec.set_umask = true;
	spec.umask = 0157;
	spec.rlimits = limits;
	spec.n_rlimits = 2;
	run(&spec);
	assert_string_equal(contents(out), "0157\n0\n77\n88\n");
	/* 0 is a umask as well. */
	spec = SH("umask");
	spec.set_umask = true;
	run(&spec);
	assert_string_equal(contents(out), "0000\n");
	assert_int_equal(umask(022), 022);
}

static void user_is_another(void **state)
{
	struct sup_process_spec spec = SH(
		"id -u; id -g; id -G; grep CapEff /proc/self/status");

	(void)state;
	need_root();
	spec.user = "nobody";
	spec.cwd = "/";
	run(&spec);
	assert_string_equal(contents(out), "65534\n65534\n65534\n"
			    "CapEff:\t0000000000000000\n");
	spec.argv = SH("id -u; id -g; id -G").argv;
	spec.group = "12";
	spec.groups = (const char *const[]){ "daemon", "54321", NULL };
	run(&spec);
	assert_string_equal(contents(out), "65534\n12\n12 1 54321\n");
	/* One that has no entry is in its group alone. */
	spec.user = "54321";
	spec.groups = NULL;
	run(&spec);
	assert_string_equal(contents(out), "54321\n12\n12\n");
}

static void expect_failure(const struct sup_process_spec *spec, int err,
			   const char *words)
{
	assert_int_equal(try(spec), err);
	if (!strstr(sup_error(), words)) {
		print_error("%s\n", sup_error());
		fail();
	}
	assert_int_equal(access(other, F_OK), -1);
}

/* Whatever fails, the program does not run. */
static void failures_name_their_field(void **state)
{
	const struct sup_rlimit bad_limit[2] = {
		{ RLIMIT_CORE, 0, 0 }, { 999, 0, 0 },
	};
	const struct sup_fd bad_fd[2] = { { 0, 4 }, { 777, 5 } };
	struct sup_process_spec spec;
	char script[128];

	(void)state;
	unlink(other);
	snprintf(script, sizeof(script), ": > %s", other);
	spec = SH(script);
	spec.rlimits = bad_limit;
	spec.n_rlimits = 2;
	expect_failure(&spec, -EINVAL, "rlimits[1], resource 999");
	spec = SH(script);
	spec.fds = bad_fd;
	spec.n_fds = 2;
	expect_failure(&spec, -EBADF, "fds: 777 as 5");
	spec = SH(script);
	spec.input = "/no/such/input";
	expect_failure(&spec, -ENOENT, "input \"/no/such/input\"");
	spec = SH(script);
	spec.errors = "/no/such/errors";
	expect_failure(&spec, -ENOENT, "errors \"/no/such/errors\"");
	spec = SH(script);
	spec.user = "no-such-user";
	expect_failure(&spec, -ESRCH, "user: there is no \"no-such-user\"");
	spec.user = "4294967295";
	expect_failure(&spec, -ESRCH, "user: there is no");
	spec.user = "54321";
	expect_failure(&spec, -EINVAL, "user 54321 has no entry");
	spec = SH(script);
	spec.group = "no-such-group";
	expect_failure(&spec, -ESRCH, "group: there is no");
	spec = SH(script);
	spec.groups = (const char *const[]){ "root", "none-such", NULL };
	expect_failure(&spec, -ESRCH, "groups[1]: there is no");
	unlink(out);
}

static void user_without_the_right_is_refused(void **state)
{
	struct sup_process_spec spec = SH("exit 0");

	(void)state;
	need_root();
	chmod(dir, 0777);
	assert_int_equal(seteuid(65534), 0);
	spec.user = "root";
	assert_int_equal(try(&spec), -EPERM);
	assert_non_null(strstr(sup_error(), "groups"));
	spec.user = NULL;
	spec.group = "54321";
	assert_int_equal(try(&spec), -EPERM);
	assert_non_null(strstr(sup_error(), "group 54321"));
	spec.group = "65534";
	spec.user = "54321";
	spec.groups = NULL;
	assert_int_equal(try(&spec), -EPERM);
	assert_int_equal(seteuid(0), 0);
	unlink(out);
}

/* Our waits end to the nanosecond; it did not ask for that. */
static void timer_slack_is_that_of_before(void **state)
{
	struct sup_process_spec spec = SH("cat /proc/self/timerslack_ns");
	int before = prctl(PR_GET_TIMERSLACK);
	char expected[16];

	(void)state;
	assert_true(before > 1);
	snprintf(expected, sizeof(expected), "%d\n", before);
	assert_int_equal(sup__thread_exact_waits(), 0);
	run(&spec);
	assert_string_equal(contents(out), expected);
	assert_int_equal(prctl(PR_GET_TIMERSLACK), 1);
	/* One that somebody else has chosen is inherited. */
	assert_int_equal(prctl(PR_SET_TIMERSLACK, 777), 0);
	run(&spec);
	assert_string_equal(contents(out), "777\n");
	assert_int_equal(prctl(PR_SET_TIMERSLACK, before), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(environment_is_set_and_unset),
		cmocka_unit_test(standard_files_are_three),
		cmocka_unit_test(descriptors_change_places),
		cmocka_unit_test(descriptor_can_be_a_standard_one),
		cmocka_unit_test(umask_and_limits_are_its_own),
		cmocka_unit_test(user_is_another),
		cmocka_unit_test(failures_name_their_field),
		cmocka_unit_test(user_without_the_right_is_refused),
		cmocka_unit_test(timer_slack_is_that_of_before),
	};
	int ret;

	if (!mkdtemp(dir))
		return 1;
	snprintf(out, sizeof(out), "%s/out", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	ret = RUN_TESTS(tests);
	unlink(out);
	unlink(other);
	rmdir(dir);
	return ret;
}
