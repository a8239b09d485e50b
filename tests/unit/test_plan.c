/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <sup/process.h>

#include "base/alloc.h"
#include "base/error.h"
#include "exit/plan.h"

static const char *const argv_true[] = { "true", NULL };

static struct sup_process_spec spec_of(const char *const *argv)
{
	return (struct sup_process_spec){
		.size = sizeof(struct sup_process_spec), .argv = argv,
	};
}

static const char *env_of(const struct sup__plan *plan, const char *name)
{
	size_t i, len = strlen(name);
	const char *found = NULL;

	for (i = 0; plan->envp[i]; i++)
		if (!strncmp(plan->envp[i], name, len) &&
		    plan->envp[i][len] == '=') {
			assert_null(found);
			found = plan->envp[i] + len + 1;
		}
	return found;
}

static void path_is_searched_in_order(void **state)
{
	struct sup_process_spec spec = spec_of(argv_true);
	struct sup__plan plan;

	(void)state;
	setenv("PATH", "/a:/b/c::/d", 1);
	assert_int_equal(sup__plan_init(&plan, &spec, NULL), 0);
	assert_string_equal(plan.paths[0], "/a/true");
	assert_string_equal(plan.paths[1], "/b/c/true");
	assert_string_equal(plan.paths[2], "./true");
	assert_string_equal(plan.paths[3], "/d/true");
	assert_null(plan.paths[4]);
	sup__plan_fini(&plan);
	sup__plan_fini(&plan);
}

static void slash_means_no_search(void **state)
{
	static const char *const argv[] = { "dir/prog", NULL };
	struct sup_process_spec spec = spec_of(argv);
	struct sup__plan plan;

	(void)state;
	assert_int_equal(sup__plan_init(&plan, &spec, NULL), 0);
	assert_string_equal(plan.paths[0], "dir/prog");
	assert_null(plan.paths[1]);
	sup__plan_fini(&plan);
}

static void our_notify_socket_is_not_inherited(void **state)
{
	struct sup_process_spec spec = spec_of(argv_true);
	struct sup__plan plan;

	(void)state;
	setenv("NOTIFY_SOCKET", "/ours", 1);
	setenv("OTHER", "kept", 1);
	assert_int_equal(sup__plan_init(&plan, &spec, NULL), 0);
	assert_null(env_of(&plan, "NOTIFY_SOCKET"));
	assert_string_equal(env_of(&plan, "OTHER"), "kept");
	sup__plan_fini(&plan);
	assert_int_equal(sup__plan_init(&plan, &spec, &(struct sup__plan_extra){
		.notify_name = "@theirs" }), 0);
	assert_string_equal(env_of(&plan, "NOTIFY_SOCKET"), "@theirs");
	sup__plan_fini(&plan);
	unsetenv("NOTIFY_SOCKET");
}

static void given_environment_is_all_there_is(void **state)
{
	static const char *const envp[] = {
		"A=1", "NOTIFY_SOCKET=/given", NULL,
	};
	struct sup_process_spec spec = spec_of(argv_true);
	struct sup__plan plan;

	(void)state;
	spec.envp = envp;
	assert_int_equal(sup__plan_init(&plan, &spec, NULL), 0);
	assert_string_equal(env_of(&plan, "A"), "1");
	assert_string_equal(env_of(&plan, "NOTIFY_SOCKET"), "/given");
	assert_null(env_of(&plan, "PATH"));
	sup__plan_fini(&plan);
	assert_int_equal(sup__plan_init(&plan, &spec, &(struct sup__plan_extra){
		.notify_name = "@x" }), 0);
	assert_string_equal(env_of(&plan, "NOTIFY_SOCKET"), "@x");
	sup__plan_fini(&plan);
}

/* It lies where nothing else does, and has no name to be looked up. */
static void function_gets_a_descriptor_and_our_program(void **state)
{
	static const char *const argv[] = { "prog", "function", NULL };
	const struct sup_fd fds[] = { { 1, 4 }, { 1, 3 } };
	const struct sup__plan_extra extra = {
		.ready_fd = 7, .function_fd = 8, .program_fd = 9,
	};
	struct sup_process_spec spec = spec_of(argv);
	struct sup__plan plan;

	(void)state;
	spec.function = (const struct sup_function_spec *)&spec;
	spec.fds = fds;
	spec.n_fds = 2;
	spec.readiness = SUP_READY_FD;
	spec.ready_fd = 5;
	assert_int_equal(sup__plan_init(&plan, &spec, &extra), 0);
	assert_string_equal(env_of(&plan, "SUP_FUNCTION"), "6");
	assert_int_equal(plan.n_fds, 4);
	assert_int_equal(plan.fds[3].from, 8);
	assert_int_equal(plan.fds[3].to, 6);
	assert_int_equal(plan.program_fd, 9);
	assert_string_equal(plan.paths[0], "");
	assert_null(plan.paths[1]);
	sup__plan_fini(&plan);
	/* One of ours would be for us. */
	spec.function = NULL;
	setenv("SUP_FUNCTION", "3", 1);
	assert_int_equal(sup__plan_init(&plan, &spec, &extra), 0);
	assert_null(env_of(&plan, "SUP_FUNCTION"));
	sup__plan_fini(&plan);
	unsetenv("SUP_FUNCTION");
}

static void expect_refusal(const struct sup_process_spec *spec,
			   const char *word)
{
	struct sup__plan plan;

	assert_int_equal(sup__plan_init(&plan, spec, NULL), -EINVAL);
	assert_non_null(strstr(sup_error(), word));
}

static void bad_fields_are_named(void **state)
{
	static const char *const none[] = { NULL }, *const empty[] = {
		"", NULL,
	};
	struct sup_process_spec spec;

	(void)state;
	spec = spec_of(NULL);
	expect_refusal(&spec, "argv[0]");
	spec = spec_of(none);
	expect_refusal(&spec, "argv[0]");
	spec = spec_of(empty);
	expect_refusal(&spec, "argv[0]");
	spec = spec_of(argv_true);
	spec.readiness = 7;
	expect_refusal(&spec, "readiness 7");
	spec = spec_of(argv_true);
	spec.stop_signal = 65;
	expect_refusal(&spec, "stop_signal 65");
	spec = spec_of(argv_true);
	spec.ready_timeout_ms = -1;
	expect_refusal(&spec, "ready_timeout_ms");
	spec = spec_of(argv_true);
	spec.reg = true;
	expect_refusal(&spec, "name");
	spec = spec_of(argv_true);
	spec.umask = 01000;
	expect_refusal(&spec, "umask 01000");
	spec = spec_of(argv_true);
	spec.env_set = (const char *const[]){ "A=1", "B", NULL };
	expect_refusal(&spec, "env_set[1]");
	spec.env_set = (const char *const[]){ "=1", NULL };
	expect_refusal(&spec, "env_set[0]");
	spec = spec_of(argv_true);
	spec.env_unset = (const char *const[]){ "A=", NULL };
	expect_refusal(&spec, "env_unset[0]");
}

static void bad_descriptors_and_limits_are_named(void **state)
{
	struct sup_fd fds[2] = { { 1, 5 }, { 2, 5 } };
	struct sup_rlimit limit = { RLIMIT_CORE, 2, 1 };
	struct sup_process_spec spec = spec_of(argv_true);

	(void)state;
	spec.n_fds = 2;
	expect_refusal(&spec, "fds is missing");
	spec.fds = fds;
	expect_refusal(&spec, "descriptor 5 is given twice");
	fds[1].to = SUP_FD_MAX + 1;
	expect_refusal(&spec, "fds[1]: to");
	fds[1] = (struct sup_fd){ -1, 6 };
	expect_refusal(&spec, "fds[1]: from");
	fds[1] = (struct sup_fd){ 3, 2 };
	spec.errors = "/x";
	expect_refusal(&spec, "fds[1]: errors says");
	spec = spec_of(argv_true);
	spec.readiness = SUP_READY_FD;
	spec.ready_fd = 1;
	spec.output = "/x";
	expect_refusal(&spec, "ready_fd: output says what descriptor 1 is");
	spec.ready_fd = 2;
	spec.errors = "/x";
	expect_refusal(&spec, "ready_fd: errors says what descriptor 2 is");
	spec = spec_of(argv_true);
	spec.n_rlimits = 1;
	expect_refusal(&spec, "rlimits is missing");
	spec.rlimits = &limit;
	expect_refusal(&spec, "rlimits[0]: soft");
}

static void expect_twice(const struct sup_process_spec *spec, const char *words)
{
	struct sup__plan plan;

	assert_int_equal(sup__plan_init(&plan, spec, &(struct sup__plan_extra){
		.ready_fd = 8, .output_fd = 9 }), -EINVAL);
	assert_string_equal(sup_error(), words);
}

static void descriptor_given_twice_is_named(void **state)
{
	struct sup_process_spec spec = spec_of(argv_true);
	struct sup__plan_extra extra = { .ready_fd = 8, .output_fd = 9 };
	struct sup_fd fd = { 0, 3 };
	struct sup__plan plan;

	(void)state;
	spec.fds = &fd;
	spec.n_fds = 1;
	spec.readiness = SUP_READY_FD;
	expect_twice(&spec, "ready_fd: descriptor 3 is given twice");
	fd.to = 1;
	spec.capture = SUP_CAPTURE_OUTPUT;
	expect_twice(&spec, "capture: descriptor 1 is given twice");
	fd.to = 2;
	spec.capture = SUP_CAPTURE_ERRORS;
	expect_twice(&spec, "capture: descriptor 2 is given twice");
	fd.to = 5;
	spec.ready_fd = 2;
	expect_twice(&spec, "ready_fd: descriptor 2 is given twice");
	/* That of stdout goes to stderr only if nothing else does. */
	spec.capture = SUP_CAPTURE_OUTPUT;
	assert_int_equal(sup__plan_init(&plan, &spec, &extra), 0);
	assert_int_equal(plan.n_fds, 3);
	assert_int_equal(plan.fds[0].from, 9);
	assert_int_equal(plan.fds[1].to, 2);
	assert_int_equal(plan.fds[1].from, 8);
	sup__plan_fini(&plan);
}

static void environment_is_put_together(void **state)
{
	struct sup_process_spec spec = spec_of(argv_true);
	struct sup__plan plan;

	(void)state;
	setenv("GONE", "1", 1);
	setenv("GONER", "1", 1);
	setenv("OTHER", "old", 1);
	/* However often, and whatever else stands there. */
	spec.envp = (const char *const[]){
		"A=1", "B=1", "A=2", "odd", "=", "", "AA=3", "A=4", "B=2", NULL,
	};
	spec.env_unset = (const char *const[]){ "A", NULL };
	spec.env_set = (const char *const[]){ "B=3", NULL };
	assert_int_equal(sup__plan_init(&plan, &spec, NULL), 0);
	assert_string_equal(plan.envp[0], "odd");
	assert_string_equal(plan.envp[3], "AA=3");
	assert_string_equal(plan.envp[4], "B=3");
	assert_null(plan.envp[5]);
	sup__plan_fini(&plan);
	spec.envp = NULL;
	spec.env_unset = (const char *const[]){ "GONE", "NONE", NULL };
	spec.env_set = (const char *const[]){
		"OTHER=x", "NEW=a=b", "OTHER=new", NULL,
	};
	assert_int_equal(sup__plan_init(&plan, &spec, NULL), 0);
	assert_null(env_of(&plan, "GONE"));
	assert_string_equal(env_of(&plan, "GONER"), "1");
	assert_string_equal(env_of(&plan, "OTHER"), "new");
	assert_string_equal(env_of(&plan, "NEW"), "a=b");
	sup__plan_fini(&plan);
	/* From nothing. */
	spec.envp = (const char *const[]){ NULL };
	assert_int_equal(sup__plan_init(&plan, &spec, &(struct sup__plan_extra){
		.notify_name = "@n" }), 0);
	assert_null(env_of(&plan, "GONER"));
	assert_string_equal(env_of(&plan, "NOTIFY_SOCKET"), "@n");
	assert_null(plan.envp[3]);
	sup__plan_fini(&plan);
	unsetenv("GONE");
	unsetenv("GONER");
	unsetenv("OTHER");
}

static int fail_at(const struct sup__plan *plan, enum sup__step step, int err)
{
	const struct sup__failure failure = { .step = step, .err = err };

	return sup__plan_error(plan, &failure);
}

static void failed_steps_are_named(void **state)
{
	struct sup_process_spec spec = spec_of(argv_true);
	struct sup__plan plan;

	(void)state;
	setenv("PATH", "/nowhere", 1);
	spec.cwd = "/c";
	spec.output = "/o";
	assert_int_equal(sup__plan_init(&plan, &spec, NULL), 0);
	assert_int_equal(fail_at(&plan, SUP__STEP_CWD, -ENOENT), -ENOENT);
	assert_string_equal(sup_error(), "cwd \"/c\": No such file or "
			    "directory");
	fail_at(&plan, SUP__STEP_OUTPUT, -EACCES);
	assert_string_equal(sup_error(), "output \"/o\": Permission denied");
	fail_at(&plan, SUP__STEP_EXEC, -ENOENT);
	assert_string_equal(sup_error(), "argv[0]: no such program \"true\" in "
			    "PATH");
	fail_at(&plan, SUP__STEP_EXEC, -EAGAIN);
	assert_non_null(strstr(sup_error(), "RLIMIT_NPROC"));
	fail_at(&plan, SUP__STEP_EXEC, -ENOEXEC);
	assert_string_equal(sup_error(), "argv[0]: \"true\": Exec format "
			    "error");
	sup__plan_fini(&plan);
}

static void want_of_memory_leaves_nothing(void **state)
{
	struct sup_process_spec spec = spec_of(argv_true);
	struct sup__plan plan;
	unsigned int n = 0;
	const struct sup_fd fd = { 1, 5 };
	int ret;

	(void)state;
	spec.fds = &fd;
	spec.n_fds = 1;
	spec.user = "root";
	spec.group = "root";
	do {
		sup__alloc_fail_nth(++n);
		ret = sup__plan_init(&plan, &spec, &(struct sup__plan_extra){
		.notify_name = "@x" });
		assert_int_equal(ret, sup__alloc_has_failed() ? -ENOMEM : 0);
	} while (ret);
	sup__alloc_fail_nth(0);
	assert_true(n > 3);
	sup__plan_fini(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_is_searched_in_order),
		cmocka_unit_test(slash_means_no_search),
		cmocka_unit_test(our_notify_socket_is_not_inherited),
		cmocka_unit_test(given_environment_is_all_there_is),
		cmocka_unit_test(function_gets_a_descriptor_and_our_program),
		cmocka_unit_test(bad_fields_are_named),
		cmocka_unit_test(bad_descriptors_and_limits_are_named),
		cmocka_unit_test(descriptor_given_twice_is_named),
		cmocka_unit_test(environment_is_put_together),
		cmocka_unit_test(failed_steps_are_named),
		cmocka_unit_test(want_of_memory_leaves_nothing),
	};

	return RUN_TESTS(tests);
}
