/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions that do not behave, and programs that have none: this one, if SPOIL
 * in its environment says how.
 */
#include "functions.h"
#include "function_calls.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/resource.h>

#include "base/build.h"
#include "core/frame.h"
#include "exit/program.h"

static const struct sup_function functions[] = {
	{ "serve", serve, false },
	{ "say nothing", say_nothing, false },
	{ "return length", return_length, false },
};

static void spoil(const char *how)
{
	struct sup__frame hello = { .kind = SUP__FRAME_HELLO };
	struct sup_options opts = {
		.size = sizeof(opts), .source = SUP_SOURCE_PIDFD,
	};

	if (!strcmp(how, "forgets")) {
		/* It finds that out before it has done any harm. */
		if (sup_open(&opts) == -EPERM &&
		    strstr(sup_error(), "sup_functions()"))
			exit(33);
		exit(34);
	}
	if (!strcmp(how, "silent"))
		for (;;)
			pause();
	if (!strcmp(how, "build")) {
		hello.tag = 12345;
		sup__frame_send(channel(), hello, NULL);
		pause();
	}
	if (!strcmp(how, "version")) {
		hello.magic = SUP__FRAME_MAGIC;
		hello.version = SUP__FRAME_VERSION + 1;
		send(channel(), &hello, sizeof(hello), 0);
		pause();
	}
	if (!strcmp(how, "garbage")) {
		send(channel(), &hello, 5, 0);
		pause();
	}
	if (!strcmp(how, "empty")) {
		send(channel(), &hello, 0, 0);
		pause();
	}
	if (!strcmp(how, "early")) {
		hello.kind = SUP__FRAME_MESSAGE;
		sup__frame_send(channel(), hello, NULL);
		pause();
	}
	if (!strcmp(how, "takes back")) {
		hello.tag = sup__build_number();
		hello.error = -ENOENT;
		sup__frame_send(channel(), hello, NULL);
		hello.error = 0;
		sup__frame_send(channel(), hello, NULL);
		pause();
	}
	if (!strcmp(how, "other table"))
		sup_functions(functions + 1, 1);
	if (!strcmp(how, "bad table"))
		sup_functions((const struct sup_function[]){
			{ "x", NULL, false } }, 1);
}

static void who_does_not_read_is_not_waited_for(void)
{
	struct sup_pid pid = start(FUNCTION("say nothing",
					    .send_timeout_ms = 30));
	static char data[SUP_FUNCTION_MAX];
	struct sup_msg msg = { .data = data, .len = sizeof(data) };
	int ret;

	do {
		ret = sup_send(pid, &msg, SUP_TRY);
	} while (!ret);
	assert_int_equal(ret, -EAGAIN);
	assert_non_null(strstr(sup_error(), "\"say nothing\" does not read"));
	assert_int_equal(sup_send(pid, &msg, SUP_FOREVER), -ETIMEDOUT);
	assert_non_null(strstr(sup_error(), "does not read"));
	assert_int_equal(sup_send(pid, &msg, sup_deadline_ms(5)), -ETIMEDOUT);
	msg.len++;
	assert_int_equal(sup_send(pid, &msg, SUP_FOREVER), -EMSGSIZE);
	end_it(pid);
	msg.len = 1;
	assert_int_equal(sup_send(pid, &msg, SUP_FOREVER), -ESRCH);
}

/* It takes one to wait for room. */
static void want_of_a_descriptor_is_told(void)
{
	struct sup_pid pid = start(FUNCTION("say nothing"));
	static char data[SUP_FUNCTION_MAX];
	const struct sup_msg msg = { .data = data, .len = sizeof(data) };
	struct rlimit limit, low;

	while (sup_send(pid, &msg, SUP_TRY) != -EAGAIN)
		;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = dup(0);
	close(low.rlim_cur);
	assert_true(low.rlim_cur > 3);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(sup_send(pid, &msg, SUP_FOREVER), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	end_it(pid);
}

static int send_for_ever(void *arg)
{
	struct sup_pid pid = *(struct sup_pid *)arg;
	static char data[SUP_FUNCTION_MAX];
	const struct sup_msg msg = { .data = data, .len = sizeof(data) };
	int ret;

	do {
		ret = sup_send(pid, &msg, SUP_FOREVER);
	} while (!ret);
	return ret == -ESRCH ? 1 : 2;
}

/* Neither its end, nor that of who waits, is waited for. */
static void ends_wake_who_waits_for_room(void)
{
	struct sup_pid pid = start(FUNCTION("say nothing",
					    .send_timeout_ms = LIMIT_MS));
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = send_for_ever, .arg = &pid,
	};
	static char data[SUP_FUNCTION_MAX];
	const struct sup_msg msg = { .data = data, .len = sizeof(data) };
	struct sup_pid waits, other;

	assert_int_equal(sup_thread_start(&spec, &waits), 0);
	assert_int_equal(sup_thread_start(&spec, &other), 0);
	while (sup_send(pid, &msg, SUP_TRY) != -EAGAIN)
		;
	assert_int_equal(sup_exit(other, &SUP_SHUTDOWN), 0);
	expect_exit(other, SUP_REASON_SHUTDOWN, 0);
	assert_int_equal(sup_kill(pid, SUP_FOREVER), 0);
	assert_int_equal(end_of(waits).code, 1);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
}

static void garbage_ends_it(void)
{
	struct sup_pid pid = start(FUNCTION("serve"));

	expect_msg(pid, 1000, NULL, 0);
	sup_set_log_level(LOG_CRIT);
	tell(pid, GARBAGE, NULL, 0);
	expect_exit(pid, SUP_REASON_EXIT, -EPROTO);
	sup_set_log_level(LOG_WARNING);
}

static void closed_socket_is_told(void)
{
	struct sup_pid pid = start(FUNCTION("serve"));
	const struct sup_msg msg = { .tag = ECHO };
	int ret;

	expect_msg(pid, 1000, NULL, 0);
	tell(pid, CLOSE, NULL, 0);
	do {
		ret = sup_send(pid, &msg, LIMIT);
	} while (!ret);
	assert_int_equal(ret, -ESRCH);
	assert_true(sup_is_alive(pid));
	end_it(pid);
}

static void bad_specs_are_refused(void)
{
	struct sup_process_spec spec;

	expect_refusal(FUNCTION("no such"), -ENOENT, "\"no such\"");
	expect_refusal(FUNCTION(NULL), -EINVAL, "name");
	expect_refusal(FUNCTION("serve", .arg_len = 1), -EINVAL, "arg");
	expect_refusal(FUNCTION("serve", .arg = "x",
				.arg_len = SUP_FUNCTION_MAX + 1), -EINVAL,
		       "arg_len");
	expect_refusal(FUNCTION("serve", .to = ""), -EINVAL, "to:");
	expect_refusal(FUNCTION("serve", .send_timeout_ms = -1), -EINVAL,
		       "send_timeout_ms");
	spec = FUNCTION("serve");
	spec.argv = (const char *const[]){ "true", NULL };
	expect_refusal(spec, -EINVAL, "argv");
	spec = FUNCTION("serve");
	((struct sup_function_spec *)spec.function)->size = 0;
	expect_refusal(spec, -EINVAL, "sup_function_spec");
	spec = (struct sup_process_spec){
		.size = sizeof(spec), .readiness = SUP_READY_MESSAGE,
		.argv = (const char *const[]){ "true", NULL },
	};
	expect_refusal(spec, -EINVAL, "SUP_READY_MESSAGE");
}

static void foreign_starter_names_a_receiver(void **state)
{
	struct sup_process_spec spec = FUNCTION("serve", .to = "nobody");
	struct sup_pid pid;

	(void)state;
	expect_refusal(FUNCTION("serve"), -EINVAL, "to is missing");
	sup_set_log_level(LOG_ERR);
	pid = start(spec);
	assert_int_equal(sup_kill(pid, SUP_FOREVER), 0);
	end_of(pid);
	sup_set_log_level(LOG_WARNING);
}

static struct sup_process_spec spoilt(const char *const *how)
{
	struct sup_process_spec spec = FUNCTION("serve");
	static struct sup_function_spec f;

	f = *spec.function;
	spec.function = &f;
	spec.env_set = how;
	return spec;
}

#define SPOILT(how) spoilt((const char *const[]){ "SPOIL=" how, NULL })

static void other_programs_are_refused(void)
{
	struct sup_process_spec spec;

	expect_refusal(SPOILT("forgets"), -ECHILD, "sup_functions()");
	expect_refusal(SPOILT("forgets"), -ECHILD, "exit status 33");
	spec = SPOILT("silent");
	spec.ready_timeout_ms = 30;
	expect_refusal(spec, -ETIMEDOUT, "sup_functions()");
	expect_refusal(SPOILT("build"), -EPROTO, "another build");
	expect_refusal(SPOILT("version"), -EPROTO, "another build");
	expect_refusal(SPOILT("other table"), -ENOENT, "has it not");
	expect_refusal(SPOILT("bad table"), -EINVAL, "has it not");
	sup_set_log_level(LOG_CRIT);
	expect_refusal(SPOILT("garbage"), -EPROTO, "no message");
	expect_refusal(SPOILT("empty"), -EPROTO, "no message");
	expect_refusal(SPOILT("early"), -EPROTO, "no message");
	sup_set_log_level(LOG_WARNING);
}

/* What it says after that it cannot counts for nothing. */
static void refusal_is_not_taken_back(void)
{
	int i;

	for (i = 0; i < 20; i++)
		expect_refusal(SPOILT("takes back"), -ENOENT, "has it not");
}

static bool is_secure;

unsigned long __real_getauxval(unsigned long type);
unsigned long __wrap_getauxval(unsigned long type);

unsigned long __wrap_getauxval(unsigned long type)
{
	return type == AT_SECURE && is_secure ? 1 : __real_getauxval(type);
}

/* It is not told by its environment what it is to do, and would do it all. */
static void program_with_raised_rights_is_not_executed(void)
{
	is_secure = true;
	expect_refusal(FUNCTION("serve"), -EPERM, "raises rights");
	is_secure = false;
}

static void stranger_is_no_function(void)
{
	const struct sup_msg msg = { .tag = 1 };
	struct sup_msg in;
	struct sup_process_spec spec = {
		.size = sizeof(spec),
		.argv = (const char *const[]){ "sleep", "1000", NULL },
	};
	struct sup_pid pid = start(spec);

	assert_int_equal(sup_send(pid, &msg, LIMIT), -EINVAL);
	end_it(pid);
	assert_int_equal(sup_function_send(&msg, SUP_TRY), -EPERM);
	assert_int_equal(sup_function_receive(&in, SUP_TRY), -EPERM);
	assert_int_equal(sup_functions(functions, 1), -EALREADY);
}

static void program_that_cannot_run_is_told(void **state)
{
	int fd = open("/etc/passwd", O_PATH | O_CLOEXEC);
	struct sup_process_spec spec = FUNCTION("serve", .to = "nobody");

	(void)state;
	sup__program_set(fd);
	assert_int_equal(open_runtime(NULL), 0);
	expect_refusal(spec, -EACCES, "function \"serve\": the program");
	assert_int_equal(sup_close(), 0);
	close(fd);
	/* As without /proc. */
	sup__program_set(9999);
	assert_int_equal(open_runtime(NULL), 0);
	expect_refusal(spec, -EBADF, "/proc/self/exe");
	assert_int_equal(sup_close(), 0);
	sup__program_set(-1);
}

static void no_descriptor_is_left(void)
{
	int64_t deadline = LIMIT;
	int i, before = leftovers_count("/proc/self/fd");
	struct sup_pid pid;

	for (i = 0; i < 10; i++) {
		pid = start(FUNCTION("return length"));
		expect_exit(pid, SUP_REASON_NORMAL, 0);
		expect_refusal(SPOILT("build"), -EPROTO, "build");
	}
	while (leftovers_count("/proc/self/fd") != before &&
	       sup_deadline_ms(0) < deadline)
		sched_yield();
	assert_int_equal(leftovers_count("/proc/self/fd"), before);
}

static void bad_tables_are_refused(void **state)
{
	static char name[SUP_FUNCTION_NAME_MAX + 2];
	const struct sup_function none = { "a", NULL, false };
	const struct sup_function nameless = { "", serve, false };
	const struct sup_function twice[] = {
		{ "a", serve, false }, { "a", serve, false },
	};
	const struct sup_function longest = { name, serve, false };

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	assert_int_equal(sup_functions(&none, 1), -EINVAL);
	assert_int_equal(sup_functions(&nameless, 1), -EINVAL);
	assert_int_equal(sup_functions(twice, 2), -EINVAL);
	assert_non_null(strstr(sup_error(), "twice"));
	assert_int_equal(sup_functions(&longest, 1), -EINVAL);
}

IN_TASK(who_does_not_read_is_not_waited_for)
IN_TASK(want_of_a_descriptor_is_told)
IN_TASK(ends_wake_who_waits_for_room)
IN_TASK(garbage_ends_it)
IN_TASK(closed_socket_is_told)
IN_TASK(bad_specs_are_refused)
IN_TASK(other_programs_are_refused)
IN_TASK(refusal_is_not_taken_back)
IN_TASK(program_with_raised_rights_is_not_executed)
IN_TASK(stranger_is_no_function)
IN_TASK(no_descriptor_is_left)

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) \
	{ #f, f##_in_task, open_runtime, close_runtime, NULL }
		T(who_does_not_read_is_not_waited_for),
		T(want_of_a_descriptor_is_told),
		T(ends_wake_who_waits_for_room),
		T(garbage_ends_it),
		T(closed_socket_is_told),
		T(bad_specs_are_refused),
		T(other_programs_are_refused),
		T(refusal_is_not_taken_back),
		T(program_with_raised_rights_is_not_executed),
		T(stranger_is_no_function),
		T(no_descriptor_is_left),
		cmocka_unit_test_setup_teardown(
			foreign_starter_names_a_receiver, open_runtime,
			close_runtime),
		cmocka_unit_test(program_that_cannot_run_is_told),
		cmocka_unit_test(bad_tables_are_refused),
	};

	if (getenv("SPOIL"))
		spoil(getenv("SPOIL"));
	if (sup_functions(functions, N_OF(functions)))
		return 111;
	return RUN_TESTS(tests);
}
