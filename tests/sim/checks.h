/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of supervisors share. Cases are named after otp.md's ids. */
#ifndef TESTS_SIM_CHECKS_H
#define TESTS_SIM_CHECKS_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define FAKES(...) ((struct fake *[]){ __VA_ARGS__, NULL })
#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct sup_reason normal = { .kind = SUP_REASON_NORMAL };
static const struct sup_reason shutdown = { .kind = SUP_REASON_SHUTDOWN };
static const struct sup_reason shutdown7 = {
	.kind = SUP_REASON_SHUTDOWN, .term = 7,
};
static const struct sup_reason killed = { .kind = SUP_REASON_KILLED };
static const struct sup_reason abnormal = {
	.kind = SUP_REASON_EXIT, .code = 3,
};
static const struct sup_reason segv = {
	.kind = SUP_REASON_SIGNAL, .signo = 11,
};

static inline void check_counts(struct sup_pid sup, size_t specs,
				size_t active, size_t supervisors,
				size_t workers)
{
	struct sup_child_counts c;

	assert_int_equal(sup_count_children(sup, &c), 0);
	assert_int_equal(c.specs, specs);
	assert_int_equal(c.active, active);
	assert_int_equal(c.supervisors, supervisors);
	assert_int_equal(c.workers, workers);
}

static inline void check_ended(struct sup_pid pid, struct sup_reason expect)
{
	struct sup_reason reason;

	assert_true(world_has_ended(pid, &reason));
	assert_int_equal(reason.kind, expect.kind);
	assert_int_equal(reason.term, expect.term);
	assert_int_equal(reason.code, expect.code);
}

/* Ends a fake's task and lets everything happen that follows. */
static inline void crash(struct fake *f, struct sup_reason reason)
{
	world_end(f->pid, reason);
	world_run();
}

static inline int start_child(struct sup_pid sup, struct fake *f,
			      struct sup_pid *ret_pid)
{
	struct sup_child_spec spec = world_spec(f);

	return sup_start_child(sup, &spec, ret_pid);
}

static inline int open_world(void **state)
{
	(void)state;
	world_open(1);
	return 0;
}

/* A case begins in an empty world and closes it itself, with world_close(). */
#define CASE(f) cmocka_unit_test_setup(f, open_world)

#endif
