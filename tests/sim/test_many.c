/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Thousands of children of one spec. */
#include <time.h>

#include "checks.h"

static const struct fake temporary = { .id = "c", .restart = SUP_TEMPORARY };

static struct sup_pid start(struct sup_pid sup, struct fake *f)
{
	struct sup_pid pid;

	assert_int_equal(world_start_extra(sup, f, &pid), 0);
	return pid;
}

static void check_many(enum sup_child_type type)
{
	static struct fake f[2000];
	struct fake template = temporary;
	size_t i, n, supervisors = type == SUP_SUPERVISOR;
	struct sup_child *rows;
	struct sup_pid sup;

	template.type = type;
	sup = world_simple(2, 3600, &template);
	for (i = 0; i < N_OF(f); i++) {
		f[i] = (struct fake){ .id = "f" };
		start(sup, &f[i]);
		if (i == 999)
			check_counts(sup, 1, 1000, supervisors * 1000,
				     !supervisors * 1000);
	}
	check_counts(sup, 1, 2000, supervisors * 2000, !supervisors * 2000);
	assert_int_equal(sup_which_children(sup, &rows, &n), 0);
	assert_int_equal(n, 2000);
	for (i = 0; i < n; i++)
		assert_int_equal(rows[i].pid.v, f[n - 1 - i].pid.v);
	free(rows);
	for (i = 0; i < N_OF(f); i++)
		world_end(f[i].pid, killed);
	world_run();
	check_counts(sup, 1, 0, 0, 0);
}

static void SUP_74_count_children(void **state)
{
	(void)state;
	check_many(SUP_WORKER);

	world_close();
}

static void SUP_75_count_children_supervisor(void **state)
{
	(void)state;
	check_many(SUP_SUPERVISOR);

	world_close();
}

static double seconds(void)
{
	struct timespec ts;

	/* Of our own: others may keep the machine busy. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double terminate_many(size_t n)
{
	struct sup_pid sup, *pids = calloc(n, sizeof(*pids));
	struct fake f = { .id = "f" };
	double begin;
	size_t i;

	sup = world_simple(2, 3600, &temporary);
	for (i = 0; i < n; i++)
		pids[i] = start(sup, &f);
	begin = seconds();
	for (i = 0; i < n; i++)
		assert_int_equal(sup_terminate_child_pid(sup, pids[i]), 0);
	begin = seconds() - begin;
	assert_int_equal(f.frees, n);
	free(pids);
	world_stop(sup);
	return begin;
}

static double best_of_three(size_t n)
{
	double best = 1e9, t;
	int i;

	for (i = 0; i < 3; i++) {
		t = terminate_many(n);
		best = t < best ? t : best;
		world_close();
		world_open(1);
	}
	return best;
}

static void SUP_79_scale_many_temporary_children(void **state)
{
	double few, many;

	(void)state;
	few = best_of_three(1000);
	many = best_of_three(10000);
	print_message("# 1,000: %.4f s; 10,000: %.4f s\n", few, many);
	assert_true(many / few < 50);

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(SUP_74_count_children),
		CASE(SUP_75_count_children_supervisor),
		CASE(SUP_79_scale_many_temporary_children),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
