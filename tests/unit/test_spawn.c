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

/* What it writes to its ready_fd, to the end; the rest is zeros. */
static void finish_reading(struct sup__proc *p, char *buf, size_t size)
{
	struct pollfd fd = { .fd = p->ready_fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < size - 1 && poll(&fd, 1, 20000) == 1) {
		n = read(p->ready_fd, buf + len, size - 1 - len);
		len += n > 0 ? n : 0;
	}
	finish(p);
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

static void same_number_and_one_for_many(void **state)
{
	struct sup_process_spec spec = SH("cat <&9; cat <&8; ls "
					  "/proc/self/fd");
	struct sup_fd map[3];
	int fd;

	(void)state;
	put(other, "x");
	fd = open(other, O_RDONLY);
	assert_int_equal(dup3(fd, 9, O_CLOEXEC), 9);
	close(fd);
	map[0] = (struct sup_fd){ 9, 9 };
	map[1] = (struct sup_fd){ 9, 11 };
	map[2] = (struct sup_fd){ 9, 8 };
	spec.fds = map;
	spec.n_fds = 3;
	run(&spec);
	/* One file of ours, so one place in it; ls has one of its own. */
	assert_string_equal(contents(out), "x0\n1\n11\n2\n3\n8\n9\n");
	close(9);
	unlink(other);
}

/*
 * A daemon may have none of the three: then what we make for the child, and for
 * us, lies there.
 */
static void closed_standard_files_are_nobodys(void **state)
{
	struct sup_process_spec spec = SH(
		"for i in 1 2; do test -e /proc/$$/fd/$i || echo no $i >&3;"
		"done; read x || echo end >&3");
	struct sup__proc_start start = { .spec = &spec };
	struct sup__proc p = SUP__PROC_INIT;
	int i, ret, kept[3];
	char text[80] = "";

	(void)state;
	spec.output = NULL;
	spec.readiness = SUP_READY_FD;
	spec.watchdog_ms = 100000;
	for (i = 0; i < 3; i++) {
		kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 900);
		close(i);
	}
	ret = sup__proc_spawn(&start, &p);
	if (!ret)
		finish_reading(&p, text, sizeof(text));
	for (i = 0; i < 3; i++) {
		assert_int_equal(dup2(kept[i], i), i);
		close(kept[i]);
	}
	assert_int_equal(ret, 0);
	assert_string_equal(text, "no 1\nno 2\nend\n");
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

#define N_WORDS 3000
#define WORD 1000

/* What execve(2) does not take is not said to be about the program. */
static void too_much_is_refused_by_its_name(void **state)
{
	const struct sup_rlimit stack = { RLIMIT_STACK, 8 << 20, 8 << 20 };
	static char word[WORD], huge[200001] = "HUGE=";
	static const char *words[N_WORDS + 3];
	struct sup_process_spec spec = SH("");
	int i;

	(void)state;
	memset(word, 'w', WORD - 1);
	memset(huge + 5, 'h', sizeof(huge) - 6);
	words[0] = "true";
	for (i = 1; i < N_WORDS; i++)
		words[i] = word;
	spec.rlimits = &stack;
	spec.n_rlimits = 1;
	spec.argv = words;
	expect_failure(&spec, -E2BIG, "argv of 2999005 bytes and an "
		       "environment of ");
	spec.argv = (const char *const[]){ "true", "a", huge, NULL };
	expect_failure(&spec, -E2BIG, "argv[2] has 200000 bytes, of at most ");
	spec.argv = (const char *const[]){ "true", NULL };
	spec.env_set = (const char *const[]){ "A=1", huge, NULL };
	expect_failure(&spec, -E2BIG, "environment: \"HUGE=hhh");
	/* So many are none too many, if they are short. */
	word[600] = '\0';
	spec.argv = words;
	spec.env_set = NULL;
	run(&spec);
	word[8] = '=';
	word[9] = '\0';
	spec.argv = (const char *const[]){ "true", NULL };
	spec.envp = words;
	run(&spec);
	spec.env_set = words + 1;
	run(&spec);
	unlink(out);
}

/* Why it failed stands behind a name of any length. */
static void long_names_leave_room_for_the_reason(void **state)
{
	static char name[5001];
	struct sup_process_spec spec;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[0] = '/';
	spec = SH("");
	spec.cwd = name;
	expect_failure(&spec, -ENAMETOOLONG, "nnn...: File name too long");
	assert_memory_equal(sup_error(), "cwd \"/nnn", 9);
	spec = SH("");
	spec.argv = (const char *const[]){ name, NULL };
	expect_failure(&spec, -ENAMETOOLONG, "nnn...: File name too long");
	spec.argv = (const char *const[]){ name + 1, NULL };
	expect_failure(&spec, -ENAMETOOLONG, "nnn...: File name too long");
	spec = SH("");
	spec.env_set = (const char *const[]){ name, NULL };
	expect_failure(&spec, -EINVAL, "nnn\" is not NAME=value");
	unlink(out);
}

static void folder_that_is_gone_is_told(void **state)
{
	char gone[80], before[128];
	struct sup_process_spec spec = SH(": > x");
	int ret;

	(void)state;
	snprintf(gone, sizeof(gone), "%s/gone", dir);
	assert_int_equal(mkdir(gone, 0755), 0);
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(gone), 0);
	assert_int_equal(rmdir(gone), 0);
	spec.output = "relative";
	ret = try(&spec);
	assert_int_equal(ret, -ENOENT);
	assert_string_equal(sup_error(), "output \"relative\": No such file "
			    "or directory");
	spec = SH("");
	spec.argv = (const char *const[]){ "./program", NULL };
	assert_int_equal(try(&spec), -ENOENT);
	assert_non_null(strstr(sup_error(), "argv[0]: \"./program\""));
	/* It need not stay there. */
	spec = SH("pwd");
	spec.cwd = "/";
	run(&spec);
	assert_string_equal(contents(out), "/\n");
	assert_int_equal(chdir(before), 0);
	spec = SH("");
	spec.cwd = gone;
	expect_failure(&spec, -ENOENT, "/gone\": No such file or directory");
	unlink(out);
}

/* With the rights of the user, not with ours. */
static void what_the_user_may_not_is_named(void **state)
{
	struct sup_process_spec spec = SH("");
	char closed[80], program[100];

	(void)state;
	need_root();
	snprintf(closed, sizeof(closed), "%s/closed", dir);
	snprintf(program, sizeof(program), "%s/program", closed);
	assert_int_equal(mkdir(closed, 0700), 0);
	spec.user = "nobody";
	spec.cwd = closed;
	expect_failure(&spec, -EACCES, "/closed\": Permission denied");
	assert_memory_equal(sup_error(), "cwd \"", 5);
	put(program, "#!/bin/sh\n");
	chmod(program, 0755);
	spec = SH("");
	spec.user = "nobody";
	spec.cwd = "/";
	spec.argv = (const char *const[]){ program, NULL };
	expect_failure(&spec, -EACCES, "/program\": Permission denied");
	assert_memory_equal(sup_error(), "argv[0]: \"", 10);
	unlink(program);
	rmdir(closed);
	unlink(out);
}

/* The kernel says so when it executes a program: that is not what is wrong. */
static void user_with_too_many_processes_is_told(void **state)
{
	const struct sup_rlimit limit = { RLIMIT_NPROC, 0, 0 };
	struct sup_process_spec spec = SH("exec sleep 1000");
	struct sup__proc_start start = { .spec = &spec };
	struct sup__proc p = SUP__PROC_INIT;

	(void)state;
	need_root();
	spec.user = spec.group = "54321";
	spec.cwd = "/";
	assert_int_equal(sup__proc_spawn(&start, &p), 0);
	spec.rlimits = &limit;
	spec.n_rlimits = 1;
	expect_failure(&spec, -EAGAIN, "than RLIMIT_NPROC allows");
	assert_int_equal(sup__proc_signal(&p, SIGKILL), 0);
	finish(&p);
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
	assert_non_null(strstr(sup_error(), "user \"root\": its groups"));
	spec.groups = (const char *const[]){ "daemon", NULL };
	assert_int_equal(try(&spec), -EPERM);
	assert_string_equal(sup_error(), "groups: Operation not permitted");
	spec.groups = NULL;
	spec.user = NULL;
	spec.group = "54321";
	assert_int_equal(try(&spec), -EPERM);
	assert_non_null(strstr(sup_error(), "group \"54321\""));
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
		cmocka_unit_test(same_number_and_one_for_many),
		cmocka_unit_test(closed_standard_files_are_nobodys),
		cmocka_unit_test(umask_and_limits_are_its_own),
		cmocka_unit_test(user_is_another),
		cmocka_unit_test(failures_name_their_field),
		cmocka_unit_test(too_much_is_refused_by_its_name),
		cmocka_unit_test(long_names_leave_room_for_the_reason),
		cmocka_unit_test(folder_that_is_gone_is_told),
		cmocka_unit_test(what_the_user_may_not_is_named),
		cmocka_unit_test(user_with_too_many_processes_is_told),
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
