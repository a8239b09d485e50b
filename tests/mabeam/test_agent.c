/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The life of agents: check 9 of the reference, the guide's two tests of it,
 * and what is known of an agent at each end.
 */
#include "mabeam.h"

static void lifecycle_with_proper_supervision(void **state)
{
	struct sup_pid pid;

	(void)state;
	assert_int_equal(mab_agent_register(AGENT(.id = "test_agent")), 0);
	assert_int_equal(state_of("test_agent"), MAB_REGISTERED);
	assert_int_equal(mab_agent_start("test_agent", &pid), 0);
	assert_true(sup_is_alive(pid));
	assert_int_equal(mab_agent_whereis("test_agent").v, pid.v);
	assert_int_equal(mab_agent_stop("test_agent"), 0);
	assert_false(sup_is_alive(pid));
	assert_int_equal(mab_agent_whereis("test_agent").v, 0);
	assert_int_equal(state_of("test_agent"), MAB_STOPPED);
	assert_int_equal(children_of_agents(), 0);
}

static void crash_detection_and_status_update(void **state)
{
	struct sup_pid pid = start_agent(AGENT(.id = "test_agent"));
	struct mab_agent *a;

	(void)state;
	kill_and_wait(pid);
	a = agent_of("test_agent");
	assert_int_equal(a->state, MAB_CRASHED);
	assert_int_equal(a->pid.v, 0);
	assert_int_equal(a->last_pid.v, pid.v);
	assert_true(a->has_ended);
	assert_int_equal(a->reason.kind, SUP_REASON_KILLED);
	free(a);
	AWAIT(children_of_agents() == 0);
}

static void check_9_each_call_has_its_answer(void **state)
{
	struct sup_pid pid;

	(void)state;
	assert_int_equal(mab_agent_start("nobody", &pid), -ENOENT);
	assert_int_equal(mab_agent_stop("nobody"), -ENOENT);
	assert_int_equal(mab_agent_deregister("nobody"), -ENOENT);
	assert_int_equal(mab_agent_register(AGENT(.id = "a")), 0);
	assert_int_equal(mab_agent_register(AGENT(.id = "a")), -EEXIST);
	assert_int_equal(mab_agent_stop("a"), -ESRCH);
	assert_int_equal(mab_agent_start("a", &pid), 0);
	assert_int_equal(mab_agent_start("a", &pid), -EALREADY);
	assert_int_equal(mab_agent_stop("a"), 0);
	assert_int_equal(mab_agent_stop("a"), -ESRCH);
	assert_int_equal(mab_agent_start("a", NULL), 0);
	assert_int_equal(mab_agent_deregister("a"), 0);
	assert_int_equal(mab_agent_start("a", &pid), -ENOENT);
	assert_int_equal(children_of_agents(), 0);
}

static void after_a_crash_the_new_task_is_shown(void **state)
{
	struct sup_pid old = start_agent(AGENT(.id = "a",
					       .restart = MAB_PERMANENT));
	struct mab_agent *a;
	struct sup_pid new;

	(void)state;
	kill_and_wait(old);
	AWAIT((new = mab_agent_whereis("a")).v && state_of("a") == MAB_RUNNING);
	assert_int_not_equal(new.v, old.v);
	a = agent_of("a");
	assert_int_equal(a->pid.v, new.v);
	assert_int_equal(a->restarts, 1);
	assert_int_equal(a->reason.kind, SUP_REASON_KILLED);
	free(a);
	assert_int_equal(children_of_agents(), 1);
	/* Upstream has two of it from here on, and an orphan after a stop. */
	assert_int_equal(mab_agent_start("a", NULL), -EALREADY);
	assert_int_equal(mab_agent_stop("a"), 0);
	assert_false(sup_is_alive(new));
	assert_int_equal(children_of_agents(), 0);
	assert_int_equal(state_of("a"), MAB_STOPPED);
}

static void ends_by(const char *method, enum mab_agent_state state)
{
	struct sup_reason reason;
	struct sup_msg reply;

	assert_int_equal(mab_agent_start("a", NULL), 0);
	assert_int_equal(mab_agent_ask("a", SAY(method, ""), &reply, &reason,
				       LONG), -EPIPE);
	assert_int_equal(state_of("a"), state);
}

static void each_end_is_told_apart(void **state)
{
	struct mab_agent *a;

	(void)state;
	assert_int_equal(mab_agent_register(AGENT(.id = "a")), 0);
	ends_by("normal", MAB_COMPLETED);
	ends_by("shutdown", MAB_STOPPED);
	ends_by("fail", MAB_CRASHED);
	a = agent_of("a");
	assert_int_equal(a->reason.kind, SUP_REASON_EXIT);
	assert_int_equal(a->reason.code, -EIO);
	free(a);
}

static void a_transient_one_is_restarted_after_a_crash_alone(void **state)
{
	struct sup_msg reply;
	struct sup_pid pid;

	(void)state;
	pid = start_agent(AGENT(.id = "a", .restart = MAB_TRANSIENT));
	kill_and_wait(pid);
	AWAIT(state_of("a") == MAB_RUNNING);
	assert_int_equal(mab_agent_ask("a", SAY("normal", ""), &reply, NULL,
				       LONG), -EPIPE);
	assert_int_equal(state_of("a"), MAB_COMPLETED);
	AWAIT(children_of_agents() == 0);
	assert_int_equal(state_of("a"), MAB_COMPLETED);
}

static void its_restarts_are_its_own_matter(void **state)
{
	struct mab_agent *a;
	int i;

	(void)state;
	start_agent(AGENT(.id = "good", .restart = MAB_PERMANENT));
	start_agent(AGENT(.id = "bad", .restart = MAB_PERMANENT,
			  .max_restarts = 2));
	for (i = 0; i < 3; i++) {
		AWAIT(state_of("bad") == MAB_RUNNING);
		kill_and_wait(mab_agent_whereis("bad"));
	}
	AWAIT(state_of("bad") == MAB_CRASHED);
	a = agent_of("bad");
	assert_int_equal(a->restarts, 2);
	assert_int_equal(a->reason.kind, SUP_REASON_KILLED);
	free(a);
	assert_int_equal(state_of("good"), MAB_RUNNING);
	assert_int_equal(children_of_agents(), 1);
	/* It can be started again, upstream's never. */
	assert_int_equal(mab_agent_start("bad", NULL), 0);
	assert_int_equal(state_of("bad"), MAB_RUNNING);
}

static void one_that_waits_for_its_restart_is_stopped(void **state)
{
	(void)state;
	kill_and_wait(start_agent(AGENT(.id = "a", .restart = MAB_PERMANENT,
					.backoff.min_ms = 3600000,
					.backoff.max_ms = 3600000)));
	AWAIT(state_of("a") == MAB_RESTARTING);
	assert_int_equal(mab_agent_start("a", NULL), -EALREADY);
	assert_int_equal(mab_agent_stop("a"), 0);
	assert_int_equal(state_of("a"), MAB_STOPPED);
	assert_int_equal(mab_agent_stop("a"), -ESRCH);
}

static int init_fails(const char *id, void *arg, void **ret_state)
{
	(void)id;
	*ret_state = arg;
	return *(int *)arg;
}

static const struct mab_agent_ops failing_ops = {
	.size = sizeof(failing_ops), .init = init_fails,
};

static void a_start_that_fails_is_told(void **state)
{
	struct mab_agent *a;
	int result = -ENXIO;

	(void)state;
	assert_int_equal(mab_agent_register(AGENT_OF(&failing_ops,
				.id = "a", .arg = &result)), 0);
	assert_int_equal(mab_agent_start("a", NULL), -ENXIO);
	a = agent_of("a");
	assert_int_equal(a->state, MAB_CRASHED);
	assert_int_equal(a->error, -ENXIO);
	assert_false(a->has_ended);
	free(a);
	result = SUP_IGNORE;
	assert_int_equal(mab_agent_start("a", NULL), -ECANCELED);
	assert_int_equal(state_of("a"), MAB_STOPPED);
	result = 0;
	assert_int_equal(mab_agent_start("a", NULL), 0);
	assert_int_equal(state_of("a"), MAB_RUNNING);
}

static int start_it(int nth, void *arg)
{
	int ret = mab_agent_start("a", NULL);

	(void)nth;
	if (!ret)
		atomic_fetch_add((_Atomic int *)arg, 1);
	return ret && ret != -EALREADY;
}

static void of_twenty_who_start_it_one_does(void **state)
{
	_Atomic int started = 0;

	(void)state;
	assert_int_equal(mab_agent_register(AGENT(.id = "a")), 0);
	assert_int_equal(crowd(20, start_it, &started), 20);
	assert_int_equal(atomic_load(&started), 1);
	assert_int_equal(children_of_agents(), 1);
}

static void search_is_by_all_capabilities(void **state)
{
	struct mab_agent_query q = { .capabilities = CAN("nlp", "ml") };
	struct mab_agent *found;
	size_t n;

	(void)state;
	start_agent(AGENT(.id = "b", .type = "worker",
			  .capabilities = CAN("ml", "nlp", "vision")));
	assert_int_equal(mab_agent_register(AGENT(.id = "a",
				.capabilities = CAN("nlp", "ml"))), 0);
	start_agent(AGENT(.id = "c", .capabilities = CAN("nlp")));
	assert_int_equal(mab_agent_find(&q, &found, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(found[0].id, "a");
	assert_string_equal(found[1].id, "b");
	assert_string_equal(found[1].type, "worker");
	assert_int_equal(found[1].n_capabilities, 3);
	assert_string_equal(found[1].capabilities[2], "vision");
	assert_null(found[1].capabilities[3]);
	free(found);
	q.states = MAB_STATE_BIT(MAB_RUNNING);
	assert_int_equal(mab_agent_find(&q, &found, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(found[0].id, "b");
	free(found);
	q = (struct mab_agent_query){ .type = "agent" };
	assert_int_equal(mab_agent_find(&q, &found, &n), 0);
	assert_int_equal(n, 2);
	free(found);
	q.type = "none";
	assert_int_equal(mab_agent_find(&q, &found, &n), 0);
	assert_int_equal(n, 0);
	assert_null(found);
}

static void a_spec_that_is_wrong_is_refused(void **state)
{
	const char *many[MAB_CAPABILITIES_MAX + 2] = { NULL };
	struct mab_agent_ops no_init = { .size = sizeof(no_init) };
	char name[MAB_NAME_MAX + 2] = "";
	size_t i;

	(void)state;
	memset(name, 'x', MAB_NAME_MAX + 1);
	for (i = 0; i <= MAB_CAPABILITIES_MAX; i++)
		many[i] = "x";
	assert_int_equal(mab_agent_register(AGENT(.id = NULL)), -EINVAL);
	assert_int_equal(mab_agent_register(AGENT(.id = "")), -EINVAL);
	assert_int_equal(mab_agent_register(AGENT(.id = name)),
			 -ENAMETOOLONG);
	assert_int_equal(mab_agent_register(AGENT(.id = "a", .type = name)),
			 -ENAMETOOLONG);
	assert_int_equal(mab_agent_register(AGENT(.id = "a",
				.capabilities = many)), -EINVAL);
	assert_int_equal(mab_agent_register(AGENT(.id = "a",
				.capabilities = CAN(""))), -EINVAL);
	assert_int_equal(mab_agent_register(AGENT(.id = "a",
				.restart = MAB_PERMANENT + 1)), -EINVAL);
	assert_int_equal(mab_agent_register(&(struct mab_agent_spec){
				.size = sizeof(struct mab_agent_spec),
				.id = "a" }), -EINVAL);
	assert_int_equal(mab_agent_register(&(struct mab_agent_spec){
				.size = sizeof(struct mab_agent_spec),
				.id = "a", .ops = &no_init }), -EINVAL);
	assert_int_equal(mab_agent_register(&(struct mab_agent_spec){
				.size = 1 }), -EINVAL);
	assert_string_equal(mab_agent_state_name(MAB_CRASHED), "crashed");
	assert_string_equal(mab_agent_state_name(MAB_STATES), "unknown");
}

/* Of those that ran, as their restarts say. */
static void the_next_supervisor_starts_them_again(void **state)
{
	struct mab_agent *a;
	struct sup_pid old;

	(void)state;
	old = start_agent(AGENT(.id = "permanent", .restart = MAB_PERMANENT));
	start_agent(AGENT(.id = "transient", .restart = MAB_TRANSIENT));
	start_agent(AGENT(.id = "temporary"));
	start_agent(AGENT(.id = "stopped", .restart = MAB_PERMANENT));
	assert_int_equal(mab_agent_stop("stopped"), 0);
	assert_int_equal(mab_agent_register(AGENT(.id = "never",
				.restart = MAB_PERMANENT)), 0);
	kill_and_wait(sup_whereis("mab_agents"));
	AWAIT(sup_whereis("mab_agents").v);
	AWAIT(state_of("permanent") == MAB_RUNNING &&
	      mab_agent_whereis("permanent").v != old.v);
	AWAIT(state_of("transient") == MAB_RUNNING &&
	      children_of_agents() == 2);
	a = agent_of("permanent");
	assert_int_equal(a->restarts, 1);
	assert_true(a->has_ended);
	free(a);
	assert_false(sup_is_alive(old));
	AWAIT(state_of("temporary") == MAB_STOPPED);
	assert_int_equal(state_of("stopped"), MAB_STOPPED);
	assert_int_equal(state_of("never"), MAB_REGISTERED);
	assert_int_equal(mab_agent_start("temporary", NULL), 0);
	/* It is the next one's as it was the last one's. */
	assert_int_equal(mab_agent_start("permanent", NULL), -EALREADY);
	old = mab_agent_whereis("permanent");
	kill_and_wait(old);
	AWAIT(state_of("permanent") == MAB_RUNNING);
	assert_int_equal(mab_agent_stop("permanent"), 0);
	assert_int_equal(mab_agent_stop("transient"), 0);
	assert_int_equal(children_of_agents(), 1);
}

static void between_two_supervisors_it_waits(void **state)
{
	struct sup_pid pid, supervisor;

	(void)state;
	assert_int_equal(mab_agent_supervisor_start(NULL, &supervisor), 0);
	pid = start_agent(AGENT(.id = "a", .restart = MAB_PERMANENT));
	start_agent(AGENT(.id = "b", .restart = MAB_PERMANENT));
	start_agent(AGENT(.id = "c"));
	kill_and_wait(supervisor);
	AWAIT(state_of("a") == MAB_RESTARTING && !sup_is_alive(pid));
	AWAIT(state_of("c") == MAB_STOPPED);
	assert_int_equal(mab_agent_start("a", NULL), -EALREADY);
	assert_int_equal(mab_agent_start("c", NULL), -ENOTCONN);
	assert_int_equal(mab_agent_stop("b"), 0);
	assert_int_equal(state_of("b"), MAB_STOPPED);
	assert_int_equal(mab_agent_stop("b"), -ESRCH);
	assert_int_equal(mab_agent_supervisor_start(NULL, &supervisor), 0);
	AWAIT(state_of("a") == MAB_RUNNING);
	assert_int_equal(children_of_agents(), 1);
	assert_int_equal(mab_agent_deregister("c"), 0);
	/* One that is ended as it should be leaves nothing to do. */
	assert_int_equal(sup_server_stop(supervisor, &SUP_SHUTDOWN, NULL, LONG),
			 0);
	assert_int_equal(state_of("a"), MAB_STOPPED);
}

static void its_budget_is_that_of_the_options(void **state)
{
	const struct mab_mabeam_options options = {
		.size = sizeof(options), .intensity = SUP_INTENSITY_NONE,
	};

	(void)state;
	assert_int_equal(mab_mabeam_start(&options, &mabeam), 0);
	kill_and_wait(sup_whereis("mab_agents"));
	assert_int_equal(end_of(mabeam).kind, SUP_REASON_SHUTDOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MABEAM_CASE(lifecycle_with_proper_supervision),
		MABEAM_CASE(crash_detection_and_status_update),
		MABEAM_CASE(check_9_each_call_has_its_answer),
		MABEAM_CASE(after_a_crash_the_new_task_is_shown),
		MABEAM_CASE(each_end_is_told_apart),
		MABEAM_CASE(a_transient_one_is_restarted_after_a_crash_alone),
		MABEAM_CASE(its_restarts_are_its_own_matter),
		MABEAM_CASE(one_that_waits_for_its_restart_is_stopped),
		MABEAM_CASE(a_start_that_fails_is_told),
		MABEAM_CASE(of_twenty_who_start_it_one_does),
		MABEAM_CASE(search_is_by_all_capabilities),
		MABEAM_CASE(a_spec_that_is_wrong_is_refused),
		CASE(its_budget_is_that_of_the_options),
		MABEAM_CASE(the_next_supervisor_starts_them_again),
		cmocka_unit_test_setup_teardown(
				between_two_supervisors_it_waits,
				set_up_foundation, tear_down_mabeam),
	};

	return RUN_TESTS(tests);
}
