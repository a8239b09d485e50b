/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other specs for agents that run: some at a time, until one fails. */
#include "mabeam.h"

#include <sched.h>

#include "told.h"

#define AGENTS 6

static char ids[AGENTS][8];

/* What an agent answers is what its spec has for it. */
static int tell_arg(void *state, struct sup_from from,
		    const struct mab_message *m)
{
	(void)m;
	return mab_reply(from, state, strlen(state));
}

static const struct mab_agent_ops ops = {
	.size = sizeof(ops), .init = simple_init, .request = tell_arg,
};

static int fails(const char *id, void *arg, void **ret_state)
{
	(void)id;
	*ret_state = arg;
	return -EIO;
}

static const struct mab_agent_ops failing_ops = {
	.size = sizeof(failing_ops), .init = fails,
};

static void says_now(const char *id, const char *expected)
{
	struct sup_msg reply;

	assert_int_equal(mab_agent_ask(id, SAY("x", ""), &reply, NULL, LONG),
			 0);
	assert_string_equal(reply.data, expected);
	sup_msg_free(&reply);
}

static void specs_of(struct mab_agent_spec *specs,
		     const struct mab_agent_ops *o, const char *arg)
{
	int i;

	for (i = 0; i < AGENTS; i++) {
		snprintf(ids[i], sizeof(ids[i]), "u-%d", i);
		specs[i] = *AGENT_OF(o, .id = ids[i], .type = arg,
				     .arg = (void *)arg,
				     .restart = MAB_PERMANENT);
	}
}

static void start_old(void)
{
	struct mab_agent_spec specs[AGENTS];
	int i;

	specs_of(specs, &ops, "old");
	for (i = 0; i < AGENTS; i++)
		start_agent(&specs[i]);
}

static void each_has_its_new_spec(void **state)
{
	struct mab_updated updated[AGENTS];
	struct mab_agent_spec specs[AGENTS];
	struct mab_agent_query q = { .type = "new" };
	struct mab_agent *found;
	size_t n;
	int i;

	(void)state;
	start_old();
	assert_int_equal(mab_agent_stop(ids[4]), 0);
	listen_to_events();
	specs_of(specs, &ops, "new");
	specs[1].capabilities = CAN("more");
	assert_int_equal(mab_agent_update(specs, AGENTS, 0, updated), 0);
	for (i = 0; i < AGENTS; i++) {
		assert_int_equal(updated[i].roll, MAB_UPDATED);
		assert_int_equal(updated[i].error, 0);
		if (i != 4)
			says_now(ids[i], "new");
	}
	/* Who did not run is not started. */
	assert_int_equal(state_of(ids[4]), MAB_STOPPED);
	assert_int_equal(children_of_agents(), AGENTS - 1);
	assert_int_equal(mab_agent_start(ids[4], NULL), 0);
	says_now(ids[4], "new");
	assert_int_equal(mab_agent_find(&q, &found, &n), 0);
	assert_int_equal(n, AGENTS);
	assert_string_equal(found[1].capabilities[0], "more");
	free(found);
	assert_int_equal(heard("foundation.mabeam.agent.agent_config_updated",
			       NULL), AGENTS);
	listen_no_more();
}

static void the_first_that_fails_ends_it(void **state)
{
	struct mab_updated updated[AGENTS];
	struct mab_agent_spec specs[AGENTS];
	struct sup_pid last;

	(void)state;
	start_old();
	last = mab_agent_whereis(ids[5]);
	specs_of(specs, &ops, "new");
	specs[2].ops = &failing_ops;
	assert_int_equal(mab_agent_update(specs, AGENTS, 2, updated), -EIO);
	assert_non_null(strstr(sup_error(), ids[2]));
	assert_int_equal(updated[0].roll, MAB_UPDATED);
	assert_int_equal(updated[1].roll, MAB_UPDATED);
	assert_int_equal(updated[2].roll, MAB_PUT_BACK);
	assert_int_equal(updated[2].error, -EIO);
	/* It was started with the one that failed. */
	assert_int_equal(updated[3].roll, MAB_UPDATED);
	assert_int_equal(updated[4].roll, MAB_NOT_UPDATED);
	assert_int_equal(updated[5].roll, MAB_NOT_UPDATED);
	says_now(ids[0], "new");
	says_now(ids[2], "old");
	says_now(ids[3], "new");
	says_now(ids[4], "old");
	assert_int_equal(mab_agent_whereis(ids[5]).v, last.v);
	assert_int_equal(children_of_agents(), AGENTS);
}

static int was_good_once(const char *id, void *arg, void **ret_state)
{
	static _Atomic int n;

	(void)id;
	*ret_state = arg;
	return atomic_fetch_add(&n, 1) ? -ENXIO : 0;
}

static void what_does_not_come_up_either_way_is_lost(void **state)
{
	static const struct mab_agent_ops once_ops = {
		.size = sizeof(once_ops), .init = was_good_once,
	};
	const struct mab_agent_spec spec = *AGENT_OF(&failing_ops, .id = "a");
	struct mab_updated updated;

	(void)state;
	start_agent(AGENT_OF(&once_ops, .id = "a"));
	assert_int_equal(mab_agent_update(&spec, 1, 1, &updated), -EIO);
	assert_int_equal(updated.roll, MAB_LOST);
	assert_int_equal(updated.error, -EIO);
	assert_int_equal(state_of("a"), MAB_CRASHED);
	assert_int_equal(children_of_agents(), 0);
}

/* Those of one batch meet in their starts; meanwhile no other is down. */
static _Atomic int there, too_many_down;

static int meets(const char *id, void *arg, void **ret_state)
{
	const struct mab_agent_query up = {
		.states = MAB_STATE_BIT(MAB_RUNNING),
	};
	int nth = atomic_fetch_add(&there, 1);
	struct mab_agent *found;
	size_t n;
	int ret;

	(void)id;
	*ret_state = arg;
	while (atomic_load(&there) < nth / 2 * 2 + 2) {
		sup_checkpoint();
		sched_yield();
	}
	ret = mab_agent_find(&up, &found, &n);
	if (ret)
		return ret;
	free(found);
	if (n < AGENTS - 2)
		atomic_fetch_add(&too_many_down, 1);
	return 0;
}

static void two_at_a_time_start_together(void **state)
{
	static const struct mab_agent_ops meeting_ops = {
		.size = sizeof(meeting_ops), .init = meets,
		.request = tell_arg,
	};
	struct mab_agent_spec specs[AGENTS];

	(void)state;
	atomic_store(&there, 0);
	atomic_store(&too_many_down, 0);
	start_old();
	specs_of(specs, &meeting_ops, "new");
	assert_int_equal(mab_agent_update(specs, AGENTS, 2, NULL), 0);
	assert_int_equal(atomic_load(&there), AGENTS);
	assert_int_equal(atomic_load(&too_many_down), 0);
	says_now(ids[5], "new");
}

static void what_is_wrong_is_refused_before(void **state)
{
	struct mab_agent_spec specs[AGENTS];
	struct mab_updated updated[AGENTS];
	struct sup_pid pid;

	(void)state;
	start_old();
	pid = mab_agent_whereis(ids[0]);
	specs_of(specs, &ops, "new");
	specs[5].id = "nobody";
	assert_int_equal(mab_agent_update(specs, AGENTS, 1, updated), -ENOENT);
	specs[5].id = ids[1];
	assert_int_equal(mab_agent_update(specs, AGENTS, 1, updated), -EEXIST);
	specs[5].id = NULL;
	assert_int_equal(mab_agent_update(specs, AGENTS, 1, updated), -EINVAL);
	specs[5].id = ids[5];
	specs[5].ops = NULL;
	assert_int_equal(mab_agent_update(specs, AGENTS, 1, updated), -EINVAL);
	specs[5].ops = &ops;
	specs[5].size--;
	assert_int_equal(mab_agent_update(specs, AGENTS, 1, updated), -EINVAL);
	assert_int_equal(mab_agent_update(specs, 0, 1, updated), 0);
	assert_int_equal(mab_agent_whereis(ids[0]).v, pid.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MABEAM_CASE(each_has_its_new_spec),
		MABEAM_CASE(the_first_that_fails_ends_it),
		MABEAM_CASE(what_does_not_come_up_either_way_is_lost),
		MABEAM_CASE(two_at_a_time_start_together),
		MABEAM_CASE(what_is_wrong_is_refused_before),
	};

	return RUN_TESTS(tests);
}
