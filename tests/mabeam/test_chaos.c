/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 200 agents, of which 50 are programs, are balanced, asked and coordinated,
 * while they, and the services, are killed at random. At each quiet point the
 * AgentRegistry, the AgentSupervisor and the kernel agree on who lives.
 *
 * usage: test_chaos [SECONDS [SEED]]	(make chaos)
 */
#include "mabeam.h"

#include <dirent.h>
#include <jansson.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/leftovers.h"

#define THREADS SLOWLY(150)
#define PROGRAMS SLOWLY(50)
#define AGENTS (THREADS + PROGRAMS)
#define CLIENTS 6
#define KILLS 50		/* between two quiet points */
#define VOTERS 10
#define OFTEN 1000000
#define LIMIT sup_deadline_ms(120000)
#define MEMORY_MORE (16u << 20)

static unsigned int seed;
static int seconds = 5;
static char ids[AGENTS][16];
static const char *const can_work[] = { "work", NULL };

static struct {
	_Atomic bool quiet, stop;
	_Atomic unsigned int resting;
	_Atomic uint64_t rounds, good;
	_Atomic int wrong_line;
} chaos;

/* The first line that is wrong; main() asserts, and no task does. */
static void note_wrong(int line)
{
	int none = 0;

	atomic_compare_exchange_strong(&chaos.wrong_line, &none, line);
}

#define RIGHT(x) do { if (!(x)) note_wrong(__LINE__); } while (0)

/* ---- agents ---- */

static int answers(void *state, struct sup_from from,
		   const struct mab_message *m)
{
	(void)state;
	if (!strcmp(m->method, "die"))
		return -EIO;
	if (!strcmp(m->method, "vote"))
		return mab_reply(from, "\"yes\"", 5);
	return mab_reply(from, m->body, m->len);
}

static int is_told(void *state, const struct mab_message *m)
{
	(void)state;
	(void)m;
	return SUP_CONTINUE;
}

static const struct mab_agent_ops thread_ops = {
	.size = sizeof(thread_ops), .init = simple_init, .request = answers,
	.notify = is_told,
};

static void program_answer(json_t *line)
{
	const char *method = json_string_value(json_object_get(line, "method"));
	json_t *id = json_object_get(line, "id"), *result;
	char *text;

	if (!id)
		return;
	if (!strcmp(method, "die"))
		kill(getpid(), SIGKILL);
	result = !strcmp(method, "vote") ? json_string("yes") :
		 json_incref(json_object_get(line, "params"));
	result = json_pack("{s:O, s:o}", "id", id, "result", result);
	text = json_dumps(result, JSON_COMPACT);
	printf("%s\n", text);
	free(text);
	json_decref(result);
}

/* What this program is when it is an agent. */
static int run_program(void)
{
	char buf[4096];
	json_t *line;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("{\"method\": \"ready\"}\n");
	while (fgets(buf, sizeof(buf), stdin)) {
		line = json_loads(buf, 0, NULL);
		if (!line)
			return 1;
		program_answer(line);
		json_decref(line);
	}
	return 0;
}

static const char *const program_argv[] = { "/proc/self/exe", "agent", NULL };
static const struct mab_program program = {
	.size = sizeof(program), .argv = program_argv,
};

static bool is_program(size_t i)
{
	return i >= THREADS;
}

static void start_agents(void)
{
	struct mab_agent_spec spec = {
		.size = sizeof(spec), .capabilities = can_work,
		.max_restarts = 1000,
	};
	size_t i;

	for (i = 0; i < AGENTS; i++) {
		snprintf(ids[i], sizeof(ids[i]), "agent %zu", i);
		spec.id = ids[i];
		spec.restart = i % 2 ? MAB_PERMANENT : MAB_TRANSIENT;
		spec.ops = is_program(i) ? mab_agent_process() : &thread_ops;
		spec.arg = is_program(i) ? (void *)&program : NULL;
		start_agent(&spec);
		assert_int_equal(mab_balance_add(ids[i]), 0);
	}
}

/* ---- what works with them ---- */

/* It, or who it takes for it, has been killed meanwhile, or is not back yet. */
static bool is_away(int ret)
{
	return ret == -EPIPE || ret == -ENOTCONN || ret == -ESRCH ||
	       ret == -EOWNERDEAD || ret == -EAGAIN;
}

/* An answer is what was asked; there is always one in time. */
static void check_reply(int ret, struct sup_msg *reply, const char *body)
{
	RIGHT(!ret || is_away(ret));
	if (ret)
		return;
	RIGHT(reply->len == strlen(body) && !strcmp(reply->data, body));
	sup_msg_free(reply);
	atomic_fetch_add(&chaos.good, 1);
}

static void balance(unsigned int *seed)
{
	const struct mab_message *what = SAY("work", "[1,2,3]");
	struct mab_assignment task;
	struct sup_msg reply;
	int ret;

	(void)seed;
	ret = mab_balance_assign(can_work, &task);
	RIGHT(!ret || is_away(ret));
	if (ret)
		return;
	ret = mab_agent_ask(task.id, what, &reply, NULL, LIMIT);
	check_reply(ret, &reply, "[1,2,3]");
	ret = mab_balance_complete(task.nr);
	RIGHT(!ret || ret == -ENOENT);
}

/* Any ten, no two of them alike. */
static void draw_voters(const char **voters, unsigned int *seed)
{
	const size_t first = rand_r(seed) % AGENTS;
	size_t i;

	for (i = 0; i < VOTERS; i++)
		voters[i] = ids[(first + i * (AGENTS / VOTERS)) % AGENTS];
}

static void coordinate(unsigned int *seed)
{
	const char *voters[VOTERS];
	const struct mab_coordination c = {
		.size = sizeof(c), .protocol = "majority", .agents = voters,
		.n_agents = VOTERS, .timeout_ms = 60000, .params =
			"{\"proposal\": 1, \"options\": [\"yes\", \"no\"]}",
	};
	struct mab_session *session;
	uint64_t nr;
	int ret;

	draw_voters(voters, seed);
	ret = mab_coordinate_start(&c, &nr);
	RIGHT(!ret || is_away(ret));
	if (ret)
		return;
	ret = mab_coordinate_wait(nr, &session, LIMIT);
	RIGHT(!ret);
	if (ret)
		return;
	RIGHT(session->state == MAB_SESSION_DONE ||
	      session->state == MAB_SESSION_FAILED);
	if (session->state == MAB_SESSION_DONE)
		atomic_fetch_add(&chaos.good, 1);
	free(session);
}

static void communicate(unsigned int *seed)
{
	const char *id = ids[rand_r(seed) % AGENTS];
	struct sup_msg reply;
	char key[16], body[32];
	int ret;

	snprintf(key, sizeof(key), "%u", rand_r(seed));
	snprintf(body, sizeof(body), "\"%s\"", key);
	ret = mab_comms_request(id, SAY("work", body), &reply, NULL, LIMIT);
	check_reply(ret, &reply, body);
	ret = mab_comms_once(id, key, SAY("work", body), &reply, NULL, LIMIT);
	check_reply(ret, &reply, body);
	RIGHT(!mab_comms_multicast(can_work, SAY("news", body), NULL));
}

/* A client rests while it is quiet. */
static int run_client(void *arg)
{
	static void (*const works[])(unsigned int *) = {
		balance, coordinate, communicate,
	};
	unsigned int nth = (uintptr_t)arg, mine = seed + nth;
	bool rests = false;

	while (!atomic_load(&chaos.stop)) {
		if (atomic_load(&chaos.quiet) != rests) {
			rests = !rests;
			atomic_fetch_add(&chaos.resting, rests ? 1 : -1);
		}
		if (rests) {
			sched_yield();
			sup_checkpoint();
			continue;
		}
		works[nth % N_OF(works)](&mine);
		atomic_fetch_add(&chaos.rounds, 1);
	}
	return 0;
}

/* ---- kills: who is killed has ended when it returns ---- */

static void kill_it(struct sup_pid pid)
{
	sup_kill(pid, SUP_FOREVER);
	sup_wait(pid, NULL, LIMIT);
}

static void kill_agent(size_t i)
{
	struct sup_msg reply;
	int ret;

	if (rand_r(&seed) % 2) {
		kill_it(mab_agent_whereis(ids[i]));
		return;
	}
	ret = mab_agent_ask(ids[i], SAY("die", "1"), &reply, NULL, LIMIT);
	assert_true(is_away(ret));
}

static void kill_service(void)
{
	struct sup_node *nodes;
	size_t i, n, services = 0, skip;

	assert_int_equal(sup_tree(mabeam, &nodes, &n), 0);
	for (i = 0; i < n; i++)
		services += nodes[i].depth == 1;
	skip = rand_r(&seed) % services;
	for (i = 0; i < n; i++)
		if (nodes[i].depth == 1 && !skip--)
			kill_it(nodes[i].pid);
	free(nodes);
}

static void await_round(void)
{
	const uint64_t before = atomic_load(&chaos.rounds);
	const int64_t limit = LIMIT;

	while (atomic_load(&chaos.rounds) == before) {
		assert_true(sup_deadline_ms(0) < limit);
		sched_yield();
	}
	assert_int_equal(atomic_load(&chaos.wrong_line), 0);
}

static void kill_often(void)
{
	int i;

	for (i = 0; i < KILLS; i++) {
		if (rand_r(&seed) % 10)
			kill_agent(rand_r(&seed) % AGENTS);
		else
			kill_service();
		await_round();
	}
}

/* ---- quiet points ---- */

static size_t running(void)
{
	const struct mab_agent_query query = {
		.states = MAB_STATE_BIT(MAB_RUNNING),
	};
	struct mab_agent *agents;
	size_t n;

	assert_int_equal(mab_agent_find(&query, &agents, &n), 0);
	free(agents);
	return n;
}

static size_t supervised(void)
{
	struct sup_child_counts counts;

	if (sup_count_children(sup_whereis("mab_agents"), &counts))
		return 0;
	return counts.active;
}

/* The processes that are children of ours; one that moves may be missed. */
static size_t processes(void)
{
	struct dirent *task;
	char path[300], pid[16];
	size_t n = 0;
	FILE *f;
	DIR *dir;

	dir = opendir("/proc/self/task");
	assert_non_null(dir);
	while ((task = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/children",
			 task->d_name);
		f = fopen(path, "r");
		while (f && fscanf(f, "%15s", pid) == 1)
			n++;
		if (f)
			fclose(f);
	}
	closedir(dir);
	return n;
}

/* The kernel knows the thread, and it is nobody else's. */
static void check_threads(void)
{
	struct mab_agent *agents;
	pid_t tids[AGENTS];
	char path[64];
	size_t i, k, n;

	assert_int_equal(mab_agent_find(NULL, &agents, &n), 0);
	assert_int_equal(n, AGENTS);
	for (i = 0; i < n; i++) {
		assert_int_equal(agents[i].state, MAB_RUNNING);
		assert_int_equal(sup_os_pid(agents[i].pid, NULL, &tids[i]), 0);
		snprintf(path, sizeof(path), "/proc/self/task/%d", tids[i]);
		assert_int_equal(access(path, F_OK), 0);
		for (k = 0; k < i; k++)
			assert_int_not_equal(tids[i], tids[k]);
	}
	free(agents);
}

static void check_services(void)
{
	struct mab_coordination_stats sessions;
	struct mab_balance_stats tasks;

	mab_coordinate_stats(&sessions);
	assert_int_equal(sessions.active, 0);
	mab_balance_stats(&tasks);
	assert_int_equal(tasks.active + tasks.stranded, 0);
	assert_int_equal(tasks.agents, AGENTS);
}

static size_t memory(void)
{
	unsigned long pages = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &pages, &resident), 2);
	fclose(f);
	return resident * sysconf(_SC_PAGESIZE);
}

/* A supervisor that is killed is followed by its agents, which run again. */
static bool all_run(void)
{
	return supervised() == AGENTS && processes() == PROGRAMS &&
	       running() == AGENTS;
}

static void agree(void)
{
	const int64_t limit = LIMIT;

	atomic_store(&chaos.quiet, true);
	while (atomic_load(&chaos.resting) < CLIENTS || !all_run()) {
		assert_true(sup_deadline_ms(0) < limit);
		sched_yield();
	}
	check_threads();
	check_services();
	atomic_store(&chaos.quiet, false);
	await_round();
}

static void who_lives_is_agreed_upon(void **state)
{
	const int64_t end = sup_deadline_ms(seconds * INT64_C(1000));
	struct sup_pid clients[CLIENTS];
	size_t i, first = 0, last = 0, points = 0;

	(void)state;
	start_agents();
	for (i = 0; i < CLIENTS; i++)
		clients[i] = start(run_client, (void *)i);
	do {
		kill_often();
		agree();
		last = memory();
		if (points++ == 2)
			first = last;
	} while (sup_deadline_ms(0) < end || points < 4);
	atomic_store(&chaos.stop, true);
	for (i = 0; i < CLIENTS; i++)
		assert_int_equal(end_of(clients[i]).kind, SUP_REASON_NORMAL);
	print_message("%zu quiet points, %zu kills, %llu answers, %zu KiB\n",
		      points, points * KILLS,
		      (unsigned long long)atomic_load(&chaos.good),
		      last / 1024);
	assert_true(atomic_load(&chaos.good) > points);
	if (SLOWLY(10) == 10)
		assert_in_range(last, 0, first + MEMORY_MORE);
	mab_balance_clear();
}

static int set_up_chaos(void **state)
{
	static const struct mab_mabeam_options options = {
		.size = sizeof(options), .intensity = OFTEN,
	};

	return set_up_foundation(state) || mab_mabeam_start(&options, &mabeam);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_lives_is_agreed_upon,
						set_up_chaos, tear_down_mabeam),
	};

	if (argc > 1 && !strcmp(argv[1], "agent"))
		return run_program();
	/* Threads that come and go leave holes in many arenas, for long. */
	mallopt(M_ARENA_MAX, 1);
	if (argc > 1)
		seconds = atoi(argv[1]);
	seed = argc > 2 ? strtoul(argv[2], NULL, 10) : (unsigned int)getpid();
	print_message("seed %u\n", seed);
	return RUN_TESTS(tests);
}
