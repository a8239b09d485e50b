/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Coordination, its supervisor, workers, agents and tasks that have sessions
 * are killed at random, 1,000 times. No session hangs: each is over, with an
 * outcome of those who were there, or has failed since its worker was killed.
 * When all is over nothing is left of them, and all are counted.
 *
 * usage: test_coordination_survival [SEED]
 */
#include "survival.h"

#include <mabeam/mabeam.h>

#include "mabeam/sessions.h"

#define AGENTS 4

static const char *const ids[AGENTS] = { "a", "b", "c", "d" };

static int init(const char *id, void *arg, void **ret_state)
{
	(void)id;
	*ret_state = arg;
	return 0;
}

static int request(void *state, struct sup_from from,
		   const struct mab_message *m)
{
	const char *answer = strcmp(m->method, "vote") ? "7" : "\"yes\"";

	(void)state;
	return mab_reply(from, answer, strlen(answer));
}

static const struct mab_agent_ops ops = {
	.size = sizeof(ops), .init = init, .request = request,
};

/* Nobody is silent: it answers, or ends, or is not there. */
static void check(const struct mab_session *s)
{
	if (s->state == MAB_SESSION_FAILED) {
		wrong(s->reason.kind != SUP_REASON_KILLED &&
		      s->reason.kind != SUP_REASON_SHUTDOWN);
		return;
	}
	if (wrong(s->state != MAB_SESSION_DONE))
		return;
	wrong(!strstr(s->outcome, "\"abstained\":{"));
	atomic_fetch_add(&survival.rounds, 1);
}

static int coordinates(void *nth)
{
	static const struct mab_coordination all[] = {
		{ .protocol = "majority" },
		{ .protocol = "quorum", .params = "{\"early\": true}" },
		{ .protocol = "second_price" },
		{ .protocol = "max_min", .params = "{\"amount\": 20}" },
	};
	struct mab_coordination c = all[(uintptr_t)nth % N_OF(all)];
	struct mab_session *s;
	uint64_t session;
	int ret;

	c.size = sizeof(c);
	c.agents = ids;
	c.n_agents = AGENTS;
	while (!atomic_load(&survival.stop)) {
		ret = mab_coordinate_start(&c, &session);
		/* Its worker, or their supervisor, has just been killed. */
		if (ret) {
			wrong(!is_away(ret) && ret != -ESRCH);
			continue;
		}
		if (wrong(mab_coordinate_wait(session, &s, LONG)))
			return 1;
		check(s);
		free(s);
	}
	return 0;
}

static bool kill_worker(void)
{
	struct sup_pid workers[8];
	size_t n = mab__sessions_workers(workers, N_OF(workers));

	if (!n)
		return false;
	if (n > N_OF(workers))
		n = N_OF(workers);
	kill_and_wait(workers[rand_r(&seed) % n]);
	return true;
}

static bool kill_agent(void)
{
	struct sup_pid pid = mab_agent_whereis(ids[rand_r(&seed) % AGENTS]);

	if (!pid.v)
		return false;
	kill_and_wait(pid);
	return true;
}

/* Half of them as others do it: tasks, and services. */
static void kill_another(struct victims *v)
{
	switch (rand_r(&seed) % 4) {
	case 0:
		v->kills += kill_worker();
		break;
	case 1:
		v->kills += kill_agent();
		break;
	default:
		kill_one(v);
	}
}

static void start_agents(void)
{
	const struct mab_agent_spec spec = {
		.size = sizeof(spec), .ops = &ops, .restart = MAB_PERMANENT,
		.max_restarts = OFTEN,
	};
	struct mab_agent_spec agent;
	size_t i;

	for (i = 0; i < AGENTS; i++) {
		agent = spec;
		agent.id = ids[i];
		assert_int_equal(mab_agent_register(&agent), 0);
		assert_int_equal(mab_agent_start(ids[i], NULL), 0);
	}
}

/* No worker, and no session that is not over; all have been counted. */
static void check_rest(void)
{
	struct sup_pid sessions = await_service("mab_sessions");
	struct mab_coordination_stats s;
	struct sup_child_counts workers;

	do
		mab_coordinate_stats(&s);
	while (s.active);
	assert_int_equal(s.started, s.agreed + s.not_agreed + s.failed);
	assert_true(s.agreed);
	assert_in_range(s.kept, 1, MAB_SESSIONS_KEPT);
	do
		assert_int_equal(sup_count_children(sessions, &workers), 0);
	while (workers.active);
}

static void sessions_survive_kills(void **state)
{
	static const struct sup_child_spec children[] = {
		SURVIVAL_SERVICE(mab_agent_supervisor_start),
		SURVIVAL_SERVICE(mab_coordination_start),
		SURVIVAL_SERVICE(mab_coordination_supervisor_start),
	};
	struct victims v = {
		.run = coordinates, .n = 4,
		.services = { "mab_coordination", "mab_sessions" },
		.n_services = 2,
	};
	size_t i;

	(void)state;
	survival_start(children, N_OF(children));
	start_agents();
	begin_victims(&v);
	while (v.kills < SLOWLY(1000)) {
		kill_another(&v);
		await_round();
	}
	assert_int_not_equal(v.of_services[0], 0);
	end_victims(&v);
	check_rest();
	for (i = 0; i < AGENTS; i++)
		assert_int_equal(mab_agent_deregister(ids[i]), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(sessions_survive_kills),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
