/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Agents that are programs: what they say, and all that they do wrong. What
 * ends one is known by its reason; what does not end it delays nobody.
 */
#include "programs.h"

#include <pthread.h>

static const char *const odd[] = { "/usr/bin/python3", "-S", ODD_AGENT, NULL };
static const struct mab_program odd_program = {
	.size = sizeof(odd_program), .argv = odd, .env_set = programs_env,
};

static struct sup_pid start_odd(void)
{
	return start_agent(PROGRAM_AGENT(&odd_program, .id = "odd"));
}

static struct sup_reason odd_ends(const char *method, const char *body)
{
	struct sup_reason reason = { .kind = SUP_REASON_NOPROC };
	struct sup_msg reply;

	assert_int_equal(mab_agent_ask("odd", SAY(method, body), &reply,
				       &reason, LONG), -EPIPE);
	return reason;
}

static void the_example_answers(void **state)
{
	static const char *const argv[] = {
		"/usr/bin/python3", "-S", TOP "/examples/agent.py", NULL,
	};
	static const struct mab_program program = {
		.size = sizeof(program), .argv = argv, .env_set = programs_env,
	};

	(void)state;
	start_agent(PROGRAM_AGENT(&program, .id = "py",
				  .capabilities = CAN("arithmetic")));
	assert_int_equal(says("py", SAY("total", "[1, 2, 39]"), "42"), 0);
	assert_int_equal(says("py", SAY("echo", "{\"a\": \"\\u00e9\\n\"}"),
			      "{\"a\":\"\xc3\xa9\\n\"}"), 0);
	assert_int_equal(says("py", SAY("echo", ""), "null"), 0);
	assert_int_equal(says("py", SAY("total", "7"), ""), -EREMOTEIO);
	assert_int_equal(says("py", SAY("none", ""), ""), -EREMOTEIO);
	assert_non_null(strstr(sup_error(), "no method none"));
	assert_int_equal(says("py", SAY("echo", "not json"), ""), -EINVAL);
	assert_int_equal(says("py", SAY("\xff", "1"), ""), -EINVAL);
	assert_int_equal(mab_agent_stop("py"), 0);
	assert_int_equal(state_of("py"), MAB_STOPPED);
}

static pid_t os_pid_of_odd(void)
{
	struct sup_msg reply;
	pid_t pid;

	assert_int_equal(mab_agent_ask("odd", SAY("pid", ""), &reply, NULL,
				       LONG), 0);
	pid = atoi(reply.data);
	sup_msg_free(&reply);
	assert_true(pid > 1);
	return pid;
}

static void a_crash_has_its_signal(void **state)
{
	struct sup_reason reason;

	(void)state;
	start_odd();
	reason = odd_ends("crash", "");
	assert_int_equal(reason.kind, SUP_REASON_SIGNAL);
	assert_int_equal(reason.signo, SIGSEGV);
	assert_int_equal(state_of("odd"), MAB_CRASHED);
	assert_int_equal(mab_agent_start("odd", NULL), 0);
	reason = odd_ends("leave", "3");
	assert_int_equal(reason.kind, SUP_REASON_EXIT);
	assert_int_equal(reason.code, 3);
	assert_int_equal(mab_agent_start("odd", NULL), 0);
	reason = odd_ends("leave", "0");
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
	assert_int_equal(state_of("odd"), MAB_COMPLETED);
}

static void what_it_said_before_its_end_is_heard(void **state)
{
	(void)state;
	start_odd();
	/* It cannot know its number: it is the first request, 1. */
	assert_int_equal(says("odd", SAY("leave_after_answer", "{\"id\": 1}"),
			      "\"bye\""), 0);
	AWAIT(state_of("odd") == MAB_CRASHED);
}

static void after_a_crash_it_is_another_process(void **state)
{
	pid_t old, new;

	(void)state;
	start_agent(PROGRAM_AGENT(&odd_program, .id = "odd",
				  .restart = MAB_PERMANENT));
	old = os_pid_of_odd();
	odd_ends("crash", "");
	AWAIT(state_of("odd") == MAB_RUNNING);
	new = os_pid_of_odd();
	assert_int_not_equal(new, old);
	assert_int_equal(mab_agent_stop("odd"), 0);
	assert_int_equal(kill(new, 0), -1);
	assert_int_equal(errno, ESRCH);
}

static void nonsense_ends_it(const char *text)
{
	struct sup_reason reason = odd_ends("nonsense", text);

	assert_int_equal(reason.kind, SUP_REASON_EXIT);
	assert_int_equal(reason.code, -EPROTO);
	assert_int_equal(state_of("odd"), MAB_CRASHED);
	assert_int_equal(mab_agent_start("odd", NULL), 0);
}

static void what_is_no_line_of_json_ends_it(void **state)
{
	(void)state;
	start_odd();
	nonsense_ends_it("\"Traceback:\"");
	nonsense_ends_it("\"[1]\"");
	nonsense_ends_it("\"{}\"");
	nonsense_ends_it("\"{\\\"id\\\": 1}\"");
	nonsense_ends_it("\"{\\\"id\\\": \\\"1\\\", \\\"result\\\": 1}\"");
	nonsense_ends_it("\"{\\\"id\\\": 0, \\\"result\\\": 1}\"");
	nonsense_ends_it("\"{\\\"method\\\": 7}\"");
	nonsense_ends_it("\"\"");
	/* An answer that nobody waits for is none of that. */
	assert_int_equal(says("odd", SAY("wrong_number", ""), "\"right\""), 0);
}

static void a_line_too_long_ends_it(void **state)
{
	static const struct mab_program program = {
		.size = sizeof(program), .argv = odd, .env_set = programs_env,
		.line_max = 1000,
	};
	struct sup_reason reason;
	char body[1100];

	(void)state;
	start_agent(PROGRAM_AGENT(&program, .id = "odd"));
	memset(body, '1', sizeof(body));
	body[0] = body[900] = '"';
	body[901] = '\0';
	assert_int_equal(says("odd", SAY("echo", body), body), 0);
	reason = odd_ends("long_line", "1001");
	assert_int_equal(reason.kind, SUP_REASON_EXIT);
	assert_int_equal(reason.code, -EMSGSIZE);
	assert_int_equal(mab_agent_start("odd", NULL), 0);
	/* Its newline does not make it shorter. */
	body[900] = body[901] = '1';
	body[1090] = '"';
	body[1091] = '\0';
	reason = odd_ends("echo", body);
	assert_int_equal(reason.code, -EMSGSIZE);
}

static void who_closes_its_output_is_ended(void **state)
{
	struct sup_reason reason;

	(void)state;
	start_odd();
	reason = odd_ends("close_output", "");
	assert_int_equal(reason.kind, SUP_REASON_EXIT);
	assert_int_equal(reason.code, -EPIPE);
}

static void silence_is_the_watchdogs_matter(void **state)
{
	static const char *const argv[] = {
		"/usr/bin/python3", "-S", ODD_AGENT, "beats", NULL,
	};
	static const struct mab_program program = {
		.size = sizeof(program), .argv = argv, .env_set = programs_env,
		.heartbeat_ms = 20000,
	};
	static const struct mab_program short_of_time = {
		.size = sizeof(program), .argv = odd, .env_set = programs_env,
		.heartbeat_ms = 100,
	};
	struct sup_reason reason;
	struct sup_pid pid;

	(void)state;
	start_agent(PROGRAM_AGENT(&program, .id = "beating"));
	pid = start_agent(PROGRAM_AGENT(&short_of_time, .id = "odd"));
	assert_int_equal(sup_wait(pid, &reason, LONG), 0);
	assert_int_equal(reason.kind, SUP_REASON_WATCHDOG);
	assert_int_equal(state_of("odd"), MAB_CRASHED);
	assert_int_equal(says("beating", SAY("echo", "1"), "1"), 0);
}

static void the_silent_delay_their_caller_alone(void **state)
{
	struct sup_msg reply;

	(void)state;
	start_odd();
	start_agent(PROGRAM_AGENT(&odd_program, .id = "other"));
	assert_int_equal(mab_agent_ask("odd", SAY("silent", ""), &reply, NULL,
				       sup_deadline_ms(10)), -ETIMEDOUT);
	assert_int_equal(says("other", SAY("echo", "2"), "2"), 0);
	assert_int_equal(mab_agent_stop("odd"), 0);
}

/* It never reads: what it is asked fills its stdin, then the pipe's mailbox. */
static void who_does_not_read_is_told_of(void **state)
{
	static const char *const argv[] = {
		"/usr/bin/python3", "-S", ODD_AGENT, "deaf", NULL,
	};
	static const struct mab_program program = {
		.size = sizeof(program), .argv = argv, .env_set = programs_env,
	};
	static char body[100000];
	struct sup_msg reply;
	int i, ret = 0;

	(void)state;
	start_agent(PROGRAM_AGENT(&program, .id = "deaf"));
	start_odd();
	memset(body, ' ', sizeof(body) - 1);
	body[0] = '1';
	for (i = 0; i < 2000 && ret != -EAGAIN; i++)
		ret = mab_agent_ask("deaf", SAY("echo", i < 200 ? body : "1"),
				    &reply, NULL, sup_deadline_ms(1));
	assert_int_equal(ret, -EAGAIN);
	assert_int_equal(says("odd", SAY("echo", "2"), "2"), 0);
	assert_int_equal(mab_agent_notify("deaf", SAY("note", "1"), LONG), 0);
	assert_int_equal(mab_agent_stop("deaf"), 0);
}

static void starts_with(const char *how, int error)
{
	const char *const argv[] = { "/usr/bin/python3", "-S", ODD_AGENT, how, NULL };
	const struct mab_program program = {
		.size = sizeof(program), .argv = argv, .env_set = programs_env,
	};

	assert_int_equal(mab_agent_register(PROGRAM_AGENT(&program,
				.id = "odd")), 0);
	assert_int_equal(mab_agent_start("odd", NULL), error);
	assert_int_equal(state_of("odd"), MAB_CRASHED);
	assert_int_equal(mab_agent_deregister("odd"), 0);
}

static void a_start_that_fails_says_why(void **state)
{
	static const char *const argv[] = { "/nonexistent", NULL };
	static const struct mab_program program = {
		.size = sizeof(program), .argv = argv,
	};

	(void)state;
	starts_with("fails", -ECHILD);
	starts_with("not_json", -EPROTO);
	assert_int_equal(mab_agent_register(PROGRAM_AGENT(&program,
				.id = "none")), 0);
	assert_int_equal(mab_agent_start("none", NULL), -ENOENT);
	assert_int_equal(children_of_agents(), 0);
}

static _Atomic int noted;

static void count_note(const char *id, const struct mab_message *m, void *arg)
{
	if (!strcmp(id, "odd") && !strcmp(m->method, "noted") &&
	    !strcmp(m->body, "\"x\"") && arg == &noted)
		atomic_fetch_add(&noted, 1);
}

static void both_sides_can_tell(void **state)
{
	static const struct mab_program program = {
		.size = sizeof(program), .argv = odd, .env_set = programs_env,
		.notified = count_note, .notified_arg = (void *)&noted,
	};

	(void)state;
	atomic_store(&noted, 0);
	start_agent(PROGRAM_AGENT(&program, .id = "odd"));
	assert_int_equal(mab_agent_notify("odd", SAY("note", "\"x\""), LONG),
			 0);
	assert_int_equal(mab_agent_notify("odd", SAY("note", "\"x\""), LONG),
			 0);
	assert_int_equal(says("odd", SAY("tell_notes", ""), "[\"x\",\"x\"]"),
			 0);
	assert_int_equal(atomic_load(&noted), 2);
}

static void limits_are_those_of_the_kernel(void **state)
{
	static const struct mab_program program = {
		.size = sizeof(program), .argv = odd, .env_set = programs_env,
		.files = 77, .memory_bytes = 3000000000, .cpu_s = 55,
	};

	(void)state;
	start_agent(PROGRAM_AGENT(&program, .id = "odd"));
	assert_int_equal(says("odd", SAY("files", ""),
			      "[77,3000000000,55]"), 0);
}

static void its_children_end_with_it(void **state)
{
	struct sup_msg reply;
	pid_t child;

	(void)state;
	start_odd();
	assert_int_equal(mab_agent_ask("odd", SAY("child", ""), &reply, NULL,
				       LONG), 0);
	child = atoi(reply.data);
	sup_msg_free(&reply);
	assert_int_equal(kill(child, 0), 0);
	odd_ends("crash", "");
	AWAIT(kill(child, 0) && errno == ESRCH);
}

static void one_that_will_not_end_is_killed(void **state)
{
	pid_t pid;

	(void)state;
	start_odd();
	pid = os_pid_of_odd();
	assert_int_equal(says("odd", SAY("stubborn", ""), "0"), 0);
	assert_int_equal(mab_agent_stop("odd"), 0);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(state_of("odd"), MAB_STOPPED);
}

/* The task that stands for it is killed, and the one that reads for it. */
static void there_never_are_two(void **state)
{
	pid_t old, new;

	(void)state;
	start_agent(PROGRAM_AGENT(&odd_program, .id = "odd",
				  .restart = MAB_PERMANENT));
	old = os_pid_of_odd();
	assert_int_equal(says("odd", SAY("stubborn", ""), "0"), 0);
	kill_and_wait(mab_agent_whereis("odd"));
	AWAIT(state_of("odd") == MAB_RUNNING);
	assert_int_equal(kill(old, 0), -1);
	assert_int_equal(errno, ESRCH);
	new = os_pid_of_odd();
	assert_int_not_equal(new, old);
	assert_int_equal(mab_agent_stop("odd"), 0);
	assert_int_equal(kill(new, 0), -1);
}

/* The next allocation of the task that stands before the program. */
static _Atomic bool pipe_has_no_memory;

void *__real_sup_alloc(size_t size);
void *__wrap_sup_alloc(size_t size);

void *__wrap_sup_alloc(size_t size)
{
	char name[16] = "";

	pthread_getname_np(pthread_self(), name, sizeof(name));
	if (!strcmp(name, "mab_pipe") &&
	    atomic_exchange(&pipe_has_no_memory, false))
		return NULL;
	return __real_sup_alloc(size);
}

/* What cannot be written is not lost without a word. */
static void a_line_without_memory_ends_it(void **state)
{
	struct sup_reason reason;

	(void)state;
	start_odd();
	atomic_store(&pipe_has_no_memory, true);
	reason = odd_ends("echo", "1");
	assert_false(atomic_load(&pipe_has_no_memory));
	assert_int_equal(reason.kind, SUP_REASON_EXIT);
	assert_int_equal(reason.code, -ENOMEM);
}

/* Kills the agent's task when it hands a line on. */
static _Atomic bool is_killed_when_it_sends;

int __real_sup_send(struct sup_pid to, const struct sup_msg *msg,
		    int64_t deadline);
int __wrap_sup_send(struct sup_pid to, const struct sup_msg *msg,
		    int64_t deadline);

int __wrap_sup_send(struct sup_pid to, const struct sup_msg *msg,
		    int64_t deadline)
{
	if (sup_self().v == mab_agent_whereis("odd").v &&
	    atomic_exchange(&is_killed_when_it_sends, false))
		sup_kill(sup_self(), LONG);
	return __real_sup_send(to, msg, deadline);
}

/* The leak checker looks for the line. */
static void who_is_killed_takes_its_line_along(void **state)
{
	(void)state;
	start_odd();
	atomic_store(&is_killed_when_it_sends, true);
	assert_int_equal(odd_ends("echo", "1").kind, SUP_REASON_KILLED);
	assert_false(atomic_load(&is_killed_when_it_sends));
	assert_int_equal(mab_agent_start("odd", NULL), 0);
	assert_int_equal(says("odd", SAY("echo", "2"), "2"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MABEAM_CASE(the_example_answers),
		MABEAM_CASE(a_crash_has_its_signal),
		MABEAM_CASE(what_it_said_before_its_end_is_heard),
		MABEAM_CASE(after_a_crash_it_is_another_process),
		MABEAM_CASE(what_is_no_line_of_json_ends_it),
		MABEAM_CASE(a_line_too_long_ends_it),
		MABEAM_CASE(who_closes_its_output_is_ended),
		MABEAM_CASE(silence_is_the_watchdogs_matter),
		MABEAM_CASE(the_silent_delay_their_caller_alone),
		MABEAM_CASE(who_does_not_read_is_told_of),
		MABEAM_CASE(a_start_that_fails_says_why),
		MABEAM_CASE(both_sides_can_tell),
		MABEAM_CASE(limits_are_those_of_the_kernel),
		MABEAM_CASE(its_children_end_with_it),
		MABEAM_CASE(one_that_will_not_end_is_killed),
		MABEAM_CASE(there_never_are_two),
		MABEAM_CASE(a_line_without_memory_ends_it),
		MABEAM_CASE(who_is_killed_takes_its_line_along),
	};

	return RUN_TESTS(tests);
}
