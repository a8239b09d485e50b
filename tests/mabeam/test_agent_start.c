/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starts of agents that take their time: they delay nobody else's, and can be
 * given up. What has failed leaves nothing behind.
 */
#include "programs.h"

#include <sched.h>

#define OTHERS 20

/* An init that lasts until it is let go. */
static _Atomic bool is_let_go;

static int slow_init(const char *id, void *arg, void **ret_state)
{
	(void)id;
	*ret_state = arg;
	while (!atomic_load(&is_let_go)) {
		sup_checkpoint();
		sched_yield();
	}
	return 0;
}

static const struct mab_agent_ops slow_ops = {
	.size = sizeof(slow_ops), .init = slow_init,
	.request = simple_request,
};

static int start_slow(void *arg)
{
	(void)arg;
	return mab_agent_start("slow", NULL);
}

/* Registered, and about to start: who waits for that. */
static struct sup_pid begin_slow(const struct mab_agent_spec *spec)
{
	struct sup_pid pid;

	atomic_store(&is_let_go, false);
	assert_int_equal(mab_agent_register(spec), 0);
	pid = start(start_slow, NULL);
	AWAIT(state_of("slow") == MAB_STARTING && mab_agent_whereis("slow").v);
	return pid;
}

static void start_others(void)
{
	char id[] = "other-xx";
	int i;

	for (i = 0; i < OTHERS; i++) {
		snprintf(id, sizeof(id), "other-%d", i);
		start_agent(AGENT(.id = id));
	}
}

static void a_slow_start_delays_nobody(void **state)
{
	struct sup_pid starter = begin_slow(AGENT_OF(&slow_ops, .id = "slow"));
	struct sup_pid pid = mab_agent_whereis("slow");

	(void)state;
	start_others();
	assert_int_equal(state_of("slow"), MAB_STARTING);
	assert_true(sup_is_alive(starter));
	assert_int_equal(children_of_agents(), OTHERS + 1);
	assert_int_equal(mab_agent_start("slow", NULL), -EALREADY);
	assert_int_equal(mab_agent_notify("slow", SAY("x", ""), LONG),
			 -ENOTCONN);
	atomic_store(&is_let_go, true);
	assert_int_equal(end_of(starter).kind, SUP_REASON_NORMAL);
	assert_int_equal(state_of("slow"), MAB_RUNNING);
	assert_int_equal(mab_agent_whereis("slow").v, pid.v);
}

static void a_program_that_is_never_ready_delays_nobody(void **state)
{
	static const char *const argv[] = {
		"/usr/bin/python3", "-S", ODD_AGENT, "never_ready", NULL,
	};
	static const struct mab_program program = {
		.size = sizeof(program), .argv = argv, .env_set = programs_env,
	};
	struct sup_pid starter;

	(void)state;
	starter = begin_slow(PROGRAM_AGENT(&program, .id = "slow",
					   .restart = MAB_PERMANENT));
	start_others();
	assert_int_equal(state_of("slow"), MAB_STARTING);
	assert_int_equal(mab_agent_stop("slow"), 0);
	assert_int_equal(state_of("slow"), MAB_STOPPED);
	assert_int_equal(end_of(starter).code, -ECHILD);
	assert_int_equal(children_of_agents(), OTHERS);
}

static void one_that_is_killed_in_its_start_stays_so(void **state)
{
	struct sup_pid starter;
	struct mab_agent *a;

	(void)state;
	starter = begin_slow(AGENT_OF(&slow_ops, .id = "slow",
				      .restart = MAB_PERMANENT));
	kill_and_wait(mab_agent_whereis("slow"));
	assert_int_equal(end_of(starter).code, -ECHILD);
	a = agent_of("slow");
	assert_int_equal(a->state, MAB_CRASHED);
	assert_int_equal(a->error, -ECHILD);
	assert_int_equal(a->restarts, 0);
	free(a);
	assert_int_equal(children_of_agents(), 0);
}

/* Nobody is there to clear up: its AgentSupervisor lets it go. */
static void nor_is_it_started_again_without_its_starter(void **state)
{
	struct sup_pid starter;

	(void)state;
	starter = begin_slow(AGENT_OF(&slow_ops, .id = "slow",
				      .restart = MAB_PERMANENT));
	kill_and_wait(starter);
	assert_int_equal(state_of("slow"), MAB_STARTING);
	kill_and_wait(mab_agent_whereis("slow"));
	assert_int_equal(state_of("slow"), MAB_CRASHED);
	AWAIT(children_of_agents() == 0);
	assert_int_equal(state_of("slow"), MAB_CRASHED);
	atomic_store(&is_let_go, true);
	assert_int_equal(mab_agent_start("slow", NULL), 0);
	assert_int_equal(state_of("slow"), MAB_RUNNING);
}

/* What waits there for its restart is the old run's, and comes to nothing. */
static void what_is_left_of_a_start_is_no_second_agent(void **state)
{
	struct sup_pid starter;

	(void)state;
	starter = begin_slow(AGENT_OF(&slow_ops, .id = "slow",
				      .restart = MAB_PERMANENT,
				      .backoff.min_ms = 200,
				      .backoff.max_ms = 200));
	kill_and_wait(starter);
	kill_and_wait(mab_agent_whereis("slow"));
	atomic_store(&is_let_go, true);
	assert_int_equal(mab_agent_start("slow", NULL), 0);
	AWAIT(children_of_agents() == 1);
	assert_int_equal(mab_agent_stop("slow"), 0);
	AWAIT(children_of_agents() == 0);
	assert_int_equal(state_of("slow"), MAB_STOPPED);
	assert_int_equal(mab_agent_deregister("slow"), 0);
}

/* Its init asks for another one, which waits for nobody. */
static int init_starts_another(const char *id, void *arg, void **ret_state)
{
	(void)id;
	*ret_state = arg;
	return mab_agent_start("other", NULL);
}

static void an_agent_may_start_others_in_its_start(void **state)
{
	static const struct mab_agent_ops ops = {
		.size = sizeof(ops), .init = init_starts_another,
	};

	(void)state;
	assert_int_equal(mab_agent_register(AGENT(.id = "other")), 0);
	start_agent(AGENT_OF(&ops, .id = "first"));
	assert_int_equal(state_of("other"), MAB_RUNNING);
}

static int says_why(const char *id, void *arg, void **ret_state)
{
	(void)id;
	*ret_state = arg;
	return sup_set_error(-EIO, "the disk is full of %s", "holes");
}

static void the_sentence_of_its_init_is_told(void **state)
{
	static const struct mab_agent_ops ops = {
		.size = sizeof(ops), .init = says_why,
	};

	(void)state;
	assert_int_equal(mab_agent_register(AGENT_OF(&ops, .id = "a",
				.restart = MAB_PERMANENT)), 0);
	assert_int_equal(mab_agent_start("a", NULL), -EIO);
	assert_non_null(strstr(sup_error(), "the disk is full of holes"));
	assert_int_equal(children_of_agents(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MABEAM_CASE(a_slow_start_delays_nobody),
		MABEAM_CASE(a_program_that_is_never_ready_delays_nobody),
		MABEAM_CASE(one_that_is_killed_in_its_start_stays_so),
		MABEAM_CASE(nor_is_it_started_again_without_its_starter),
		MABEAM_CASE(what_is_left_of_a_start_is_no_second_agent),
		MABEAM_CASE(an_agent_may_start_others_in_its_start),
		MABEAM_CASE(the_sentence_of_its_init_is_told),
	};

	return RUN_TESTS(tests);
}
