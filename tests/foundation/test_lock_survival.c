/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks that want one lock, or to lead, and their server, are killed at random,
 * 1,000 times in all, and the server, which crashes in its callbacks too, ends
 * 1,000 times: never are two inside, tokens only grow, and the lock is had
 * again after each kill. An observer of an election hears of no lesser term
 * after a greater one, and at last that nobody leads.
 *
 * usage: test_lock_survival [SEED]
 */
#include "crash.h"

#include <stdio.h>

#define TASKS 6

/* What is wanted; a token is a term, too. */
static const struct kind {
	const char *service;
	int (*start)(const void *options, struct sup_pid *ret_pid);
	int (*take)(uint64_t *ret_token);
	int (*give_back)(uint64_t token);
	bool (*is_free)(void);
	int (*observes)(void *arg);	/* or NULL */
} *kind;

static struct shared {
	_Atomic uint64_t token;		/* of who has come in last */
	_Atomic uint64_t entries;
	_Atomic int faults;
	_Atomic bool stop;
	_Atomic uint64_t told;		/* to the observer: the term */
} shared;

static int take_lock(uint64_t *ret_token)
{
	return fnd_lock_acquire("l", LONG, ret_token);
}

static int release_lock(uint64_t token)
{
	return fnd_lock_release("l", token);
}

static bool lock_is_free(void)
{
	return fnd_lock_holder("l", NULL, NULL) == -ENOENT;
}

static int campaign(uint64_t *ret_term)
{
	return fnd_election_campaign("e", "", LONG, ret_term);
}

static int resign(uint64_t term)
{
	return fnd_election_resign("e", term);
}

static bool nobody_leads(void)
{
	struct fnd_leader l;

	return fnd_election_leader("e", &l) == -ENOENT;
}

static int observes(void *arg)
{
	struct fnd_leader l;
	struct sup_info info;
	uint64_t last = 0;

	(void)arg;
	while (fnd_election_observe("e"))
		sup_checkpoint();
	while (!sup_receive(&info, SUP_FOREVER)) {
		/* What is left of attempts that failed may be there, too. */
		memcpy(&l, info.msg.data, sizeof(l));
		sup_msg_free(&info.msg);
		if (l.term && l.term < last)
			atomic_fetch_add(&shared.faults, 1);
		last = l.term ? l.term : last;
		atomic_store(&shared.told, l.term);
	}
	return 0;
}

static const struct kind lock = {
	"fnd_locks", fnd_locks_start, take_lock, release_lock, lock_is_free,
	NULL,
};

static const struct kind election = {
	"fnd_elections", fnd_elections_start, campaign, resign, nobody_leads,
	observes,
};

static bool comes_in(uint64_t token)
{
	/* What came in before had a lesser token. */
	if (atomic_exchange(&shared.token, token) >= token)
		return false;
	/* Here it may be killed, with the lock. */
	sup_checkpoint();
	atomic_fetch_add(&shared.entries, 1);
	return atomic_load(&shared.token) == token;
}

static int wants_it(void *arg)
{
	uint64_t token;
	int ret;

	(void)arg;
	while (!atomic_load(&shared.stop)) {
		ret = kind->take(&token);
		if (ret == -EPIPE || ret == -ENOTCONN)
			continue;
		if (ret || !comes_in(token) || kind->give_back(token))
			atomic_fetch_add(&shared.faults, 1);
	}
	return 0;
}

/* A supervisor that does not mind how often. */
static struct sup_pid start_service(void)
{
	struct sup_child_spec child = {
		.size = sizeof(child), .id = "service",
		.start = kind->start,
	};
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = &child, .n_children = 1,
		.intensity = 1000000,
	};
	struct sup_pid pid;

	assert_int_equal(sup_supervisor_start(&spec, &pid), 0);
	return pid;
}

static void await_entry(uint64_t before)
{
	int64_t limit = LONG;

	while (atomic_load(&shared.entries) <= before &&
	       !atomic_load(&shared.faults))
		assert_true(sup_deadline_ms(0) < limit);
}

static void kill_at_random(struct sup_pid *pids)
{
	unsigned int who, i, server_kills = 0;

	crash_at_random(64);
	for (i = 0; i < SLOWLY(1000) || server_kills +
	     crashes_of(kind->service) < SLOWLY(1000); i++) {
		who = rand_r(&seed) % (2 * TASKS);
		if (who < TASKS) {
			kill_and_wait(pids[who]);
			pids[who] = start(wants_it, NULL);
		} else if (sup_whereis(kind->service).v) {
			kill_and_wait(sup_whereis(kind->service));
			server_kills++;
		}
		await_entry(atomic_load(&shared.entries));
		assert_int_equal(atomic_load(&shared.faults), 0);
	}
	crash_no_more();
	assert_int_not_equal(server_kills, 0);
	assert_int_not_equal(crashes_of(kind->service), 0);
}

static void a_thousand_kills(const struct kind *of)
{
	struct sup_pid pids[TASKS], top, observer = SUP_PID_NONE;
	int64_t limit;
	int i;

	kind = of;
	memset(&shared, 0, sizeof(shared));
	top = start_service();
	if (kind->observes) {
		atomic_store(&shared.told, 1);
		observer = start(kind->observes, NULL);
	}
	for (i = 0; i < TASKS; i++)
		pids[i] = start(wants_it, NULL);
	kill_at_random(pids);
	atomic_store(&shared.stop, true);
	for (i = 0; i < TASKS; i++)
		assert_int_equal(end_of(pids[i]).kind, SUP_REASON_NORMAL);
	assert_true(kind->is_free());
	limit = LONG;
	while (atomic_load(&shared.told))
		assert_true(sup_deadline_ms(0) < limit);
	assert_int_equal(atomic_load(&shared.faults), 0);
	assert_true(!observer.v || sup_is_alive(observer));
	assert_true(sup_is_alive(top));
}

static void a_thousand_kills_around_a_lock(void **state)
{
	(void)state;
	a_thousand_kills(&lock);
}

static void a_thousand_kills_around_an_election(void **state)
{
	(void)state;
	a_thousand_kills(&election);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		CASE(a_thousand_kills_around_a_lock),
		CASE(a_thousand_kills_around_an_election),
	};

	take_seed(argc, argv);
	return RUN_TESTS(tests);
}
