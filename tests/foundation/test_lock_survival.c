/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks that want one lock, and their server, are killed at random, 1,000 times
 * in all: never are two inside, tokens only grow, and the lock is had again
 * after each kill.
 *
 * usage: test_lock_survival [SEED]
 */
#include "foundation.h"

#include <stdio.h>
#include <unistd.h>

#define TASKS 6
#define SERVICE "fnd_locks"

static unsigned int seed;

static struct shared {
	_Atomic uint64_t token;		/* of who has come in last */
	_Atomic uint64_t entries;
	_Atomic int faults;
	_Atomic bool stop;
} shared;

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
		ret = fnd_lock_acquire("l", LONG, &token);
		if (ret == -EPIPE || ret == -ENOTCONN)
			continue;
		if (ret || !comes_in(token) || fnd_lock_release("l", token))
			atomic_fetch_add(&shared.faults, 1);
	}
	return 0;
}

/* A supervisor that does not mind how often. */
static struct sup_pid start_service(void)
{
	struct sup_child_spec child = {
		.size = sizeof(child), .id = "locks",
		.start = fnd_locks_start,
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

static void a_thousand_kills(void **state)
{
	struct sup_pid pids[TASKS], top = start_service();
	unsigned int who, i, server_kills = 0;

	(void)state;
	memset(&shared, 0, sizeof(shared));
	for (i = 0; i < TASKS; i++)
		pids[i] = start(wants_it, NULL);
	for (i = 0; i < SLOWLY(1000); i++) {
		who = rand_r(&seed) % (2 * TASKS);
		if (who < TASKS) {
			kill_and_wait(pids[who]);
			pids[who] = start(wants_it, NULL);
		} else if (sup_whereis(SERVICE).v) {
			kill_and_wait(sup_whereis(SERVICE));
			server_kills++;
		}
		await_entry(atomic_load(&shared.entries));
		assert_int_equal(atomic_load(&shared.faults), 0);
	}
	atomic_store(&shared.stop, true);
	for (i = 0; i < TASKS; i++)
		assert_int_equal(end_of(pids[i]).kind, SUP_REASON_NORMAL);
	assert_int_equal(atomic_load(&shared.faults), 0);
	assert_int_equal(fnd_lock_holder("l", NULL, NULL), -ENOENT);
	assert_int_not_equal(server_kills, 0);
	assert_true(sup_is_alive(top));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { CASE(a_thousand_kills) };

	sup_set_log_level(-1);
	seed = argc > 1 ? strtoul(argv[1], NULL, 10) : (unsigned int)getpid();
	print_message("seed %u\n", seed);
	return RUN_TESTS(tests);
}
