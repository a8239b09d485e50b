/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is said if a child cannot have what it is to find. */
#include "spawns.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

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
	char script[128], fifo[80];

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
	/* One that nobody reads; or would it wait until somebody does? */
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	spec.errors = fifo;
	expect_failure(&spec, -ENXIO, "/fifo\": No such device or address");
	unlink(fifo);
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

static int tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_name_their_field),
		cmocka_unit_test(too_much_is_refused_by_its_name),
		cmocka_unit_test(long_names_leave_room_for_the_reason),
		cmocka_unit_test(folder_that_is_gone_is_told),
		cmocka_unit_test(what_the_user_may_not_is_named),
		cmocka_unit_test(user_with_too_many_processes_is_told),
		cmocka_unit_test(user_without_the_right_is_refused),
	};

	return RUN_TESTS(tests);
}

int main(void)
{
	return run_in_folder(tests);
}
