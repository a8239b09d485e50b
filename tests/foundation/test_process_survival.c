/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tasks are killed in their calls of the ProcessRegistry, 1,000 times. */
#include "names.h"

#include <sched.h>

static bool any(const struct fnd_process *p, void *arg)
{
	(void)p;
	(void)arg;
	sup_checkpoint();
	return true;
}

struct rounds {
	struct sup_pid who;
	_Atomic unsigned int n;
};

static int changes_a_name(void *arg)
{
	struct fnd_process_query q = { .match = any };
	struct rounds *r = arg;
	struct fnd_process *p;
	size_t n;

	for (;; atomic_fetch_add(&r->n, 1)) {
		EXPECT(!fnd_process_register(N, "x", r->who,
					     META({ "color", "red" }), NULL));
		EXPECT(!fnd_process_set_metadata(N, "x",
						 META({ "color", "blue" })));
		EXPECT(!fnd_process_find(N, &q, &p, &n) && n == 1);
		free(p);
		EXPECT(!fnd_process_unregister(N, "x"));
	}
}

/* Wherever it is: all of a change is done, or nothing; and no memory stays. */
static void who_changes_a_name_is_killed(void **state)
{
	struct rounds r = { .who = start(stays, NULL) };
	const struct fnd_metadata *red = META({ "color", "red" }),
				  *blue = META({ "color", "blue" });
	struct sup_pid pid;
	size_t i, begun, n;

	(void)state;
	for (i = 0; i < SLOWLY(1000); i++) {
		begun = atomic_load(&r.n);
		pid = start(changes_a_name, &r);
		while (atomic_load(&r.n) < begun + 1 + i % 3) {
			assert_true(sup_is_alive(pid));
			sched_yield();
		}
		kill_and_wait(pid);
		n = count(N, NULL);
		assert_in_range(n, 0, 1);
		assert_int_equal(count(N, red) + count(N, blue), n);
		assert_false(fnd_process_register(N, "x", r.who, red, NULL));
		assert_int_equal(count(N, NULL), 1);
		assert_int_equal(count(N, red), 1);
		assert_int_equal(count(N, blue), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(who_changes_a_name_is_killed),
	};

	return RUN_TESTS(tests);
}
