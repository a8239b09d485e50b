/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Comms, agents and tasks that speak with these are killed at random, 1,000
 * times. Each request has one outcome, and its own answer; nobody waits in
 * vain. What has a key is done at most once in one life of its agent, and who
 * gets an answer to it gets the same as all others. Then subscribers are: what
 * is published is had by all that live, in order, and by nobody else.
 *
 * usage: test_comms_survival [SEED]
 */
#include "survival.h"

#include <mabeam/mabeam.h>

#define AGENTS 2
#define SENT 8		/* requests of one task at the same time */
#define KEYS 65536	/* kept; far more than come while one is asked */

/* Of each agent: the key that was there last, and who has done it. */
static struct {
	struct { uint64_t key, life; } done[KEYS];
	uint64_t serial;
} doers[AGENTS];

/* What was answered to a key; no safe point is under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct { uint64_t key, serial; } answers[AGENTS][KEYS];

static _Atomic uint64_t last;	/* numbers of keys, and of requests */
static const char *const ids[AGENTS] = { "a", "b" };

static int init(const char *id, void *arg, void **ret_state)
{
	(void)id;
	*ret_state = arg;
	return 0;
}

/* "do" a key: the answer is what only this doing of it has. */
static int request(void *state, struct sup_from from,
		   const struct mab_message *m)
{
	const uintptr_t nth = (uintptr_t)state;
	uint64_t key = strtoull(m->body, NULL, 10);
	char text[32];

	if (strcmp(m->method, "do"))
		return mab_reply(from, m->body, m->len);
	wrong(doers[nth].done[key % KEYS].key == key &&
	      doers[nth].done[key % KEYS].life == sup_self().v);
	doers[nth].done[key % KEYS].key = key;
	doers[nth].done[key % KEYS].life = sup_self().v;
	snprintf(text, sizeof(text), "%ju", (uintmax_t)++doers[nth].serial);
	return mab_reply(from, text, strlen(text));
}

static const struct mab_agent_ops ops = {
	.size = sizeof(ops), .init = init, .request = request,
};

/* It has ended meanwhile, or is not there again yet. */
static bool is_outcome(int ret)
{
	return !ret || is_away(ret);
}

static void speak(const char *id)
{
	struct sup_msg reply;
	char text[32];
	int ret;

	snprintf(text, sizeof(text), "%ju",
		 (uintmax_t)atomic_fetch_add(&last, 1) + 1);
	ret = mab_comms_request(id, &(struct mab_message){
			.method = "echo", .body = text, .len = strlen(text),
		}, &reply, NULL, LONG);
	wrong(!is_outcome(ret));
	if (ret)
		return;
	wrong(strcmp(reply.data, text));
	sup_msg_free(&reply);
}

/* Each of these has one outcome, and there are no others. */
static void send_many(const char *id)
{
	struct sup_request requests[SENT];
	struct sup_info info;
	struct sup_msg reply;
	unsigned int i, n = 0, bits = 0;

	for (i = 0; i < SENT; i++)
		if (!mab_comms_send(id, &(struct mab_message){
				.method = "echo", .body = (char[]){ 'a' + i },
				.len = 1 }, true, LONG, &requests[n]))
			n++;
	while (bits != (1u << n) - 1) {
		if (wrong(sup_receive(&info, LONG)))
			return;
		for (i = 0; i < n; i++)
			if (requests[i].v == info.request.v)
				break;
		wrong(i == n || bits & 1u << i);
		bits |= 1u << i;
		wrong(!is_outcome(info.error));
		if (!mab_comms_response(&info, &reply, NULL)) {
			wrong(reply.len != 1);
			sup_msg_free(&reply);
		}
		sup_msg_free(&info.msg);
	}
	wrong(sup_receive(&info, SUP_TRY) != -ETIMEDOUT);
}

static void compare(unsigned int nth, uint64_t key, uint64_t serial)
{
	pthread_mutex_lock(&lock);
	if (answers[nth][key % KEYS].key == key)
		wrong(answers[nth][key % KEYS].serial != serial);
	else if (answers[nth][key % KEYS].key < key)
		answers[nth][key % KEYS].key = key;
	if (answers[nth][key % KEYS].key == key)
		answers[nth][key % KEYS].serial = serial;
	pthread_mutex_unlock(&lock);
}

/* Four come for one key, at about the same time. */
static void ask_once(unsigned int nth)
{
	const uint64_t key = atomic_fetch_add(&last, 1) / 4 + 1;
	struct sup_msg reply;
	char text[32];
	int ret;

	snprintf(text, sizeof(text), "%ju", (uintmax_t)key);
	ret = mab_comms_once(ids[nth], text, &(struct mab_message){
			.method = "do", .body = text, .len = strlen(text),
		}, &reply, NULL, LONG);
	wrong(!is_outcome(ret) && ret != -EOWNERDEAD && ret != -ESRCH);
	if (ret)
		return;
	compare(nth, key, strtoull(reply.data, NULL, 10));
	sup_msg_free(&reply);
}

static int speaks(void *nth)
{
	unsigned int who = (uintptr_t)nth % AGENTS;

	while (!atomic_load(&survival.stop)) {
		speak(ids[who]);
		atomic_fetch_add(&survival.rounds, 1);
		send_many(ids[who]);
		atomic_fetch_add(&survival.rounds, 1);
		ask_once(who);
		atomic_fetch_add(&survival.rounds, 1);
		who = (who + 1) % AGENTS;
	}
	return 0;
}

static struct sup_pid await_agent(const char *id)
{
	struct sup_pid pid;

	AWAIT((pid = mab_agent_whereis(id)).v);
	return pid;
}

static void start_agents(void)
{
	struct mab_agent_spec spec = {
		.size = sizeof(spec), .ops = &ops, .restart = MAB_PERMANENT,
		.max_restarts = OFTEN,
	};
	uintptr_t i;

	for (i = 0; i < AGENTS; i++) {
		spec.id = ids[i];
		spec.arg = (void *)i;
		assert_int_equal(mab_agent_register(&spec), 0);
		assert_int_equal(mab_agent_start(ids[i], NULL), 0);
	}
}

static void each_request_has_one_outcome(void **state)
{
	const struct sup_child_spec children[] = {
		SURVIVAL_SERVICE(mab_comms_start), {
			.size = sizeof(children[0]), .id = "agents",
			.start = mab_agent_supervisor_start,
			.type = SUP_SUPERVISOR,
		},
	};
	const struct mab_comms_bounds bounds = { 60000, KEYS, 1 << 30 };
	struct victims v = {
		.run = speaks, .n = 3,
		.services = { "mab_comms" }, .n_services = 1,
	};
	unsigned int i, kills = SLOWLY(1000);

	(void)state;
	assert_int_equal(mab_comms_bounds(&bounds), 0);
	survival_start(children, N_OF(children));
	start_agents();
	begin_victims(&v);
	while (v.kills < kills) {
		if (rand_r(&seed) % 3) {
			kill_one(&v);
		} else {
			kill_and_wait(await_agent(ids[v.kills % AGENTS]));
			v.kills++;
		}
		await_round();
	}
	assert_int_not_equal(v.of_services[0], 0);
	end_victims(&v);
	for (i = 0; i < AGENTS; i++) {
		await_agent(ids[i]);
		assert_int_equal(mab_agent_deregister(ids[i]), 0);
		assert_true(doers[i].serial);
	}
	assert_int_equal(mab_comms_bounds(NULL), 0);
}

#define SUBSCRIBERS 3

static _Atomic bool subscribed[SUBSCRIBERS];

static int listens(void *nth)
{
	uint64_t before = 0, now;
	struct mab_message m;
	struct sup_info info;

	wrong(mab_comms_subscribe("t", sup_self()));
	atomic_store(&subscribed[(uintptr_t)nth], true);
	while (!sup_receive(&info, SUP_FOREVER)) {
		if (wrong(!mab_message_read(&info.msg, &m)))
			break;
		now = strtoull(m.body, NULL, 10);
		wrong(now <= before);
		before = now;
		sup_msg_free(&info.msg);
	}
	return 0;
}

/* How many had it. */
static size_t publish(void)
{
	static uint64_t nr;
	char text[32];
	size_t n;

	snprintf(text, sizeof(text), "%ju", (uintmax_t)++nr);
	assert_int_equal(mab_comms_publish(&(struct mab_message){
				.method = "t", .body = text,
				.len = strlen(text) }, &n), 0);
	assert_int_equal(atomic_load(&survival.faults), 0);
	return n;
}

static void who_is_killed_is_no_subscriber(void **state)
{
	struct sup_pid pids[SUBSCRIBERS];
	unsigned int i, who = 0, kills = SLOWLY(1000);

	(void)state;
	survival_start(NULL, 0);
	for (i = 0; i < SUBSCRIBERS; i++) {
		pids[i] = start(listens, (void *)(uintptr_t)i);
		AWAIT(atomic_load(&subscribed[i]));
	}
	for (i = 0; i < kills; i++) {
		assert_int_equal(publish(), SUBSCRIBERS);
		who = rand_r(&seed) % SUBSCRIBERS;
		atomic_store(&subscribed[who], false);
		kill_and_wait(pids[who]);
		assert_int_equal(publish(), SUBSCRIBERS - 1);
		pids[who] = start(listens, (void *)(uintptr_t)who);
		AWAIT(atomic_load(&subscribed[who]));
	}
	for (i = 0; i < SUBSCRIBERS; i++)
		kill_and_wait(pids[i]);
	assert_int_equal(publish(), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(each_request_has_one_outcome),
		CASE(who_is_killed_is_no_subscriber),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
