/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The AgentSupervisor is killed at random, and so are agents: at each quiet
 * point the registry, the AgentSupervisor and the kernel agree on who lives,
 * and never do two lives of one agent work at a time.
 */
#include "mabeam.h"

#include <dirent.h>

#include "survival.h"

#define AGENTS 20
#define SUPERVISOR "mab_agents"

static char ids[AGENTS][16];
static _Atomic uint64_t lives[AGENTS];	/* who has been through its init */

static int init(const char *id, void *arg, void **ret_state)
{
	_Atomic uint64_t *life = arg;
	struct sup_pid before = { atomic_exchange(life, sup_self().v) };

	(void)id;
	wrong(before.v && sup_is_alive(before));
	*ret_state = arg;
	return 0;
}

static const struct mab_agent_ops ops = {
	.size = sizeof(ops), .init = init, .request = simple_request,
};

static void start_all(void)
{
	int i;

	for (i = 0; i < AGENTS; i++) {
		snprintf(ids[i], sizeof(ids[i]), "ag-%d", i);
		start_agent(AGENT_OF(&ops, .id = ids[i], .arg = &lives[i],
				     .restart = i % 2 ? MAB_PERMANENT :
						MAB_TRANSIENT,
				     .max_restarts = 1000));
	}
}

/* Threads of agents that the kernel has. */
static int threads_of_agents(void)
{
	DIR *dir = opendir("/proc/self/task");
	char path[300], name[16];
	struct dirent *e;
	FILE *f;
	int n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
			 e->d_name);
		f = fopen(path, "r");
		if (f && fgets(name, sizeof(name), f))
			n += !strncmp(name, "ag-", 3);
		if (f)
			fclose(f);
	}
	closedir(dir);
	return n;
}

/* One after the other: none that runs ends by itself. */
static void await_all(void)
{
	int64_t limit = LONG;
	int i;

	for (i = 0; i < AGENTS; i++) {
		while (state_of(ids[i]) != MAB_RUNNING) {
			assert_true(sup_deadline_ms(0) < limit);
			sched_yield();
		}
	}
}

static bool is_child(struct sup_pid pid, const struct sup_child *rows, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (rows[i].pid.v == pid.v)
			return true;
	return false;
}

static void all_agree(struct sup_pid supervisor)
{
	struct sup_child *rows;
	struct sup_pid pid;
	size_t n;
	int i;

	await_all();
	assert_int_equal(sup_which_children(supervisor, &rows, &n), 0);
	assert_int_equal(n, AGENTS);
	for (i = 0; i < AGENTS; i++) {
		pid = mab_agent_whereis(ids[i]);
		assert_int_equal(pid.v, atomic_load(&lives[i]));
		assert_true(is_child(pid, rows, n));
	}
	free(rows);
	/* A thread may be told of as ended a moment before it has gone. */
	AWAIT(threads_of_agents() == AGENTS);
	assert_int_equal(atomic_load(&survival.faults), 0);
}

static void a_thousand_kills(void **state)
{
	static const struct sup_child_spec children[] = { {
		.size = sizeof(children[0]), .id = "agents",
		.start = mab_agent_supervisor_start, .type = SUP_SUPERVISOR,
	} };
	int i, k, agents, kills = 0;

	(void)state;
	survival_start(children, 1);
	start_all();
	while (kills < SLOWLY(1000)) {
		/* Some of them are at their restart when it is killed. */
		agents = rand_r(&seed) % 4;
		for (k = 0; k < agents; k++)
			sup_kill(mab_agent_whereis(ids[rand_r(&seed) % AGENTS]),
				 LONG);
		/* Now and then the next is killed before it has them all. */
		for (k = rand_r(&seed) % 4 ? 1 : 2; k > 0; k--, kills++)
			kill_and_wait(await_service(SUPERVISOR));
		all_agree(await_service(SUPERVISOR));
	}
	for (i = 0; i < AGENTS; i++)
		assert_int_equal(mab_agent_deregister(ids[i]), 0);
	AWAIT(threads_of_agents() == 0);
	assert_int_equal(children_of_agents(), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(a_thousand_kills),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
