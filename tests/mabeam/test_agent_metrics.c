/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How agents are, how many times they were started, and what is told of them
 * as events, under the names of the reference.
 */
#include "programs.h"

#include "told.h"

#define EVENT "foundation.mabeam.agent."

static struct mab_agent_metrics metrics_of(const char *id)
{
	struct mab_agent_metrics m;

	assert_int_equal(mab_agent_metrics(id, &m), 0);
	return m;
}

static enum mab_health health_of(const char *id)
{
	return metrics_of(id).health;
}

static struct mab_agent_summary summary(void)
{
	struct mab_agent_summary s;

	assert_int_equal(mab_agent_summary(&s), 0);
	return s;
}

static void what_has_become_of_it_is_counted(void **state)
{
	struct mab_agent_metrics m;
	int64_t before;

	(void)state;
	assert_int_equal(mab_agent_metrics("a", &m), -ENOENT);
	assert_int_equal(mab_agent_metrics("", &m), -EINVAL);
	assert_int_equal(mab_agent_register(AGENT(.id = "a",
				.restart = MAB_PERMANENT)), 0);
	m = metrics_of("a");
	assert_int_equal(m.state, MAB_REGISTERED);
	assert_int_equal(m.starts, 0);
	assert_int_equal(m.uptime_ns, 0);
	before = sup_deadline_ms(0);
	assert_int_equal(mab_agent_start("a", NULL), 0);
	m = metrics_of("a");
	assert_int_equal(m.pid.v, mab_agent_whereis("a").v);
	assert_in_range(m.uptime_ns, 0, sup_deadline_ms(0) - before);
	assert_true(m.cpu_ns > 0);
	assert_false(m.has_ended);
	kill_and_wait(m.pid);
	AWAIT(state_of("a") == MAB_RUNNING);
	m = metrics_of("a");
	assert_int_equal(m.starts, 2);
	assert_int_equal(m.restarts, 1);
	assert_int_equal(m.crashes, 1);
	assert_int_equal(m.reason.kind, SUP_REASON_KILLED);
	assert_int_equal(mab_agent_stop("a"), 0);
	m = metrics_of("a");
	assert_int_equal(m.state, MAB_STOPPED);
	assert_int_equal(m.starts, 2);
	assert_int_equal(m.crashes, 1);
	assert_int_equal(m.pid.v, 0);
	assert_int_equal(m.cpu_ns, 0);
	assert_int_equal(m.uptime_ns, 0);
}

static int fails(const char *id, void *arg, void **ret_state)
{
	(void)id;
	*ret_state = arg;
	return -EIO;
}

static const struct mab_agent_ops failing_ops = {
	.size = sizeof(failing_ops), .init = fails,
};

static void health_is_by_what_it_does(void **state)
{
	(void)state;
	assert_int_equal(mab_agent_register(AGENT(.id = "a",
				.restart = MAB_PERMANENT,
				.period_s = 1 << 29)), 0);
	assert_int_equal(health_of("a"), MAB_HEALTHY);
	assert_int_equal(mab_agent_start("a", NULL), 0);
	assert_int_equal(health_of("a"), MAB_HEALTHY);
	kill_and_wait(mab_agent_whereis("a"));
	AWAIT(state_of("a") == MAB_RUNNING);
	/* So long ago its last restart is not. */
	assert_int_equal(health_of("a"), MAB_DEGRADED);
	assert_int_equal(mab_agent_stop("a"), 0);
	assert_int_equal(health_of("a"), MAB_DEGRADED);
	kill_and_wait(start_agent(AGENT(.id = "b")));
	assert_int_equal(health_of("b"), MAB_UNHEALTHY);
	assert_int_equal(mab_agent_register(AGENT_OF(&failing_ops,
				.id = "c")), 0);
	assert_int_equal(mab_agent_start("c", NULL), -EIO);
	assert_int_equal(health_of("c"), MAB_UNHEALTHY);
	assert_int_equal(metrics_of("c").failed_starts, 1);
	assert_string_equal(mab_health_name(MAB_DEGRADED), "degraded");
	assert_string_equal(mab_health_name(MAB_HEALTHS), "unknown");
}

static _Atomic bool is_let_go, is_held;

static int hold(void *state, const struct mab_message *m)
{
	(void)state;
	(void)m;
	atomic_store(&is_held, true);
	while (!atomic_load(&is_let_go))
		sup_checkpoint();
	return SUP_CONTINUE;
}

static void one_without_room_is_degraded(void **state)
{
	static const struct mab_agent_ops ops = {
		.size = sizeof(ops), .init = simple_init, .notify = hold,
	};

	(void)state;
	atomic_store(&is_held, false);
	atomic_store(&is_let_go, false);
	start_agent(AGENT_OF(&ops, .id = "a", .mailbox = 1));
	assert_int_equal(mab_agent_notify("a", SAY("x", ""), LONG), 0);
	AWAIT(atomic_load(&is_held));
	assert_int_equal(health_of("a"), MAB_HEALTHY);
	assert_int_equal(mab_agent_notify("a", SAY("x", ""), LONG), 0);
	assert_int_equal(metrics_of("a").mailbox, 1);
	assert_int_equal(health_of("a"), MAB_DEGRADED);
	atomic_store(&is_let_go, true);
	AWAIT(metrics_of("a").taken == 2);
	assert_int_equal(health_of("a"), MAB_HEALTHY);
}

static void a_program_that_is_silent_is_degraded(void **state)
{
	static const char *const argv[] = {
		"/usr/bin/python3", "-S", ODD_AGENT, NULL,
	};
	static const struct mab_program program = {
		.size = sizeof(program), .argv = argv, .env_set = programs_env,
		.heartbeat_ms = 2000,
	};
	struct mab_agent_metrics m;
	int64_t limit = LONG;

	(void)state;
	start_agent(PROGRAM_AGENT(&program, .id = "py"));
	m = metrics_of("py");
	while (m.state != MAB_RUNNING || m.health != MAB_DEGRADED) {
		assert_true(sup_deadline_ms(0) < limit);
		/* Who looks away too long sees it killed for that. */
		if (m.state != MAB_RUNNING)
			assert_int_equal(mab_agent_start("py", NULL), 0);
		m = metrics_of("py");
	}
}

static void the_summary_is_of_all(void **state)
{
	struct mab_agent_summary before = summary(), s;

	(void)state;
	assert_int_equal(before.agents, 0);
	assert_true(before.health == 100);
	assert_int_equal(before.supervisor.v, sup_whereis("mab_agents").v);
	start_agent(AGENT(.id = "a"));
	start_agent(AGENT(.id = "b", .restart = MAB_PERMANENT));
	assert_int_equal(mab_agent_register(AGENT(.id = "c")), 0);
	kill_and_wait(start_agent(AGENT(.id = "d")));
	kill_and_wait(mab_agent_whereis("b"));
	AWAIT(state_of("b") == MAB_RUNNING && children_of_agents() == 2);
	s = summary();
	assert_int_equal(s.agents, 4);
	assert_int_equal(s.states[MAB_RUNNING], 2);
	assert_int_equal(s.states[MAB_REGISTERED], 1);
	assert_int_equal(s.states[MAB_CRASHED], 1);
	assert_int_equal(s.healths[MAB_HEALTHY], 2);
	assert_int_equal(s.healths[MAB_DEGRADED], 1);
	assert_int_equal(s.healths[MAB_UNHEALTHY], 1);
	assert_true(s.health == 62.5);
	assert_int_equal(s.children, 2);
	assert_int_equal(s.active, 2);
	assert_int_equal(s.starts - before.starts, 4);
	assert_int_equal(s.restarts - before.restarts, 1);
	assert_int_equal(s.crashes - before.crashes, 2);
	assert_true(s.cpu_ns > 0);
	assert_int_equal(mab_agent_deregister("d"), 0);
	kill_and_wait(s.supervisor);
	AWAIT(summary().supervisors - before.supervisors == 1);
	assert_int_equal(summary().crashes - before.crashes, 2);
}

static void events_have_the_names_of_the_reference(void **state)
{
	(void)state;
	listen_to_events();
	assert_int_equal(mab_agent_register(AGENT(.id = "a",
				.restart = MAB_PERMANENT)), 0);
	assert_int_equal(heard(EVENT "agent_registered", "agent=a"), 1);
	assert_int_equal(mab_agent_start("a", NULL), 0);
	assert_int_equal(heard(EVENT "agent_started", "agent=a"), 1);
	kill_and_wait(mab_agent_whereis("a"));
	AWAIT(state_of("a") == MAB_RUNNING);
	assert_int_equal(heard(EVENT "agent_crashed", "agent=a"), 1);
	assert_int_equal(heard(EVENT "agent_crashed", "reason=killed"), 1);
	assert_int_equal(heard(EVENT "agent_restarted", "agent=a"), 1);
	assert_int_equal(mab_agent_stop("a"), 0);
	assert_int_equal(heard(EVENT "agent_stopped", "agent=a"), 1);
	assert_int_equal(mab_agent_deregister("a"), 0);
	assert_int_equal(heard(EVENT "agent_deregistered", "agent=a"), 1);
	assert_int_equal(mab_agent_register(AGENT_OF(&failing_ops,
				.id = "c")), 0);
	assert_int_equal(mab_agent_start("c", NULL), -EIO);
	assert_int_equal(heard(EVENT "agent_start_failed", "error=EIO"), 1);
	assert_int_equal(heard(EVENT "agent_started", NULL), 1);
	assert_int_equal(heard(EVENT "agent_crashed", NULL), 1);
	listen_no_more();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MABEAM_CASE(what_has_become_of_it_is_counted),
		MABEAM_CASE(health_is_by_what_it_does),
		MABEAM_CASE(one_without_room_is_degraded),
		MABEAM_CASE(a_program_that_is_silent_is_degraded),
		MABEAM_CASE(the_summary_is_of_all),
		MABEAM_CASE(events_have_the_names_of_the_reference),
	};

	return RUN_TESTS(tests);
}
