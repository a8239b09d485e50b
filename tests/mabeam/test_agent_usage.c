/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What agents use is what the kernel says of them. */
#include "programs.h"

#include <time.h>

#include "mabeam/agent_usage.h"

#define WORK_NS INT64_C(20000000)

static _Atomic bool is_held, is_let_go;

static int64_t own_cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* Works for so long, or stays in its callback until it is let go. */
static int request(void *state, struct sup_from from,
		   const struct mab_message *m)
{
	int64_t until = own_cpu() + WORK_NS;

	(void)state;
	if (!strcmp(m->method, "work"))
		while (own_cpu() < until)
			;
	return mab_reply(from, "", 0);
}

static int notify(void *state, const struct mab_message *m)
{
	(void)state;
	(void)m;
	atomic_store(&is_held, true);
	while (!atomic_load(&is_let_go))
		sup_checkpoint();
	return SUP_CONTINUE;
}

static const struct mab_agent_ops ops = {
	.size = sizeof(ops), .init = simple_init, .request = request,
	.notify = notify,
};

static void a_thread_has_its_own_clock(void **state)
{
	struct mab__usage before, after;
	struct sup_msg reply;
	struct sup_pid pid;

	(void)state;
	pid = start_agent(AGENT_OF(&ops, .id = "a"));
	assert_int_equal(mab__usage_of("a", &before), 0);
	assert_int_equal(before.pid.v, pid.v);
	assert_false(before.is_program);
	assert_int_equal(before.memory, 0);
	assert_true(before.cpu_ns > 0);
	assert_int_equal(mab_agent_ask("a", SAY("work", ""), &reply, NULL,
				       LONG), 0);
	sup_msg_free(&reply);
	assert_int_equal(mab__usage_of("a", &after), 0);
	assert_true(after.cpu_ns - before.cpu_ns >= WORK_NS);
	assert_true(after.time_ns - before.time_ns >=
		    after.cpu_ns - before.cpu_ns);
	assert_int_equal(before.taken, 0);
	assert_int_equal(after.taken, 1);
}

static void what_waits_is_counted(void **state)
{
	struct mab__usage u;
	int i;

	(void)state;
	atomic_store(&is_held, false);
	atomic_store(&is_let_go, false);
	start_agent(AGENT_OF(&ops, .id = "a", .mailbox = 5));
	assert_int_equal(mab_agent_notify("a", SAY("hold", ""), LONG), 0);
	AWAIT(atomic_load(&is_held));
	for (i = 0; i < 3; i++)
		assert_int_equal(mab_agent_notify("a", SAY("x", ""), LONG), 0);
	assert_int_equal(mab__usage_of("a", &u), 0);
	assert_int_equal(u.mailbox, 3);
	atomic_store(&is_let_go, true);
}

static void a_program_has_memory_of_its_own(void **state)
{
	static const char *const argv[] = {
		"/usr/bin/python3", "-S", ODD_AGENT, NULL,
	};
	static const struct mab_program program = {
		.size = sizeof(program), .argv = argv, .env_set = programs_env,
	};
	struct mab__usage u;

	(void)state;
	start_agent(PROGRAM_AGENT(&program, .id = "py"));
	assert_int_equal(mab__usage_of("py", &u), 0);
	assert_true(u.is_program);
	/* An interpreter has some MB, and has worked to come that far. */
	assert_in_range(u.memory, 1 << 20, 1 << 30);
	assert_true(u.cpu_ns > 1000000);
}

static void who_does_not_run_uses_nothing(void **state)
{
	struct mab__usage u = { .cpu_ns = 77 };

	(void)state;
	assert_int_equal(mab__usage_of("a", &u), -ENOENT);
	assert_int_equal(mab_agent_register(AGENT(.id = "a")), 0);
	assert_int_equal(mab__usage_of("a", &u), -ENOTCONN);
	assert_int_equal(mab_agent_start("a", NULL), 0);
	kill_and_wait(mab_agent_whereis("a"));
	assert_int_equal(mab__usage_of("a", &u), -ENOTCONN);
	assert_int_equal(u.cpu_ns, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MABEAM_CASE(a_thread_has_its_own_clock),
		MABEAM_CASE(what_waits_is_counted),
		MABEAM_CASE(a_program_has_memory_of_its_own),
		MABEAM_CASE(who_does_not_run_uses_nothing),
	};

	return RUN_TESTS(tests);
}
