/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Without memory nothing is lost, and nothing is left behind. */
#include "base/alloc.h"
#include "checks.h"

#define MANY 12

static void make_fakes(struct fake *f, char ids[][4], struct fake **list)
{
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(ids[i], sizeof(ids[i]), "%d", i);
		f[i] = (struct fake){ .id = ids[i], .budget.intensity = i };
		list[i] = &f[i];
	}
	list[MANY] = NULL;
}

/* Each allocation of a start fails once; then one start goes well. */
static void a_supervisor_that_finds_no_memory(void **state)
{
	struct fake f[MANY], *list[MANY + 1];
	struct sup_pid sup = { 0 };
	unsigned int nth = 0, fails = 0;
	char ids[MANY][4];
	int i, ret;

	(void)state;
	do {
		make_fakes(f, ids, list);
		sup__alloc_fail_nth(++nth);
		ret = world_try_supervisor(SUP_ONE_FOR_ALL, 3, 5,
					   SUP_AUTO_SHUTDOWN_NEVER, list, &sup);
		if (ret) {
			assert_int_equal(ret, -ENOMEM);
			assert_non_null(strstr(sup_error(), "no memory"));
			assert_int_equal(world_alive(), 0);
			fails++;
		} else if (sup__alloc_has_failed()) {
			/* One that can be done without: larger tables. */
			world_stop(sup);
		}
		for (i = 0; i < MANY; i++)
			assert_int_equal(f[i].frees, !ret &&
					 sup__alloc_has_failed());
	} while (sup__alloc_has_failed());
	assert_true(fails > MANY);
	sup__alloc_fail_nth(0);
	world_stop(sup);

	world_close();
}

static void a_child_that_finds_no_memory(void **state)
{
	struct fake first = { .id = "first" }, f = { .id = "f" };
	struct sup_pid sup, pid;
	unsigned int nth = 0;
	int ret;

	(void)state;
	sup = world_supervisor(SUP_ONE_FOR_ALL, 3, 5, FAKES(&first));
	do {
		sup__alloc_fail_nth(++nth);
		ret = start_child(sup, &f, &pid);
		if (ret) {
			assert_int_equal(ret, -ENOMEM);
			assert_string_equal(world_listing(sup), "first+");
			assert_int_equal(f.frees, 0);
		}
	} while (ret);
	sup__alloc_fail_nth(0);
	assert_true(nth > 1);
	assert_string_equal(world_listing(sup), "first+ f+");
	crash(&f, abnormal);
	assert_string_equal(world_listing(sup), "first+ f+");

	world_close();
}

/* Once it runs, a restart needs no memory of its own. */
static void a_restart_needs_no_memory(void **state)
{
	struct fake f[MANY], *list[MANY + 1];
	struct sup_pid sup;
	char ids[MANY][4];

	(void)state;
	make_fakes(f, ids, list);
	sup = world_supervisor(SUP_ONE_FOR_ALL, 3, 5, list);
	sup__alloc_fail_nth(1);
	crash(&f[3], abnormal);
	crash(&f[9], abnormal);
	assert_false(sup__alloc_has_failed());
	sup__alloc_fail_nth(0);
	check_counts(sup, MANY, MANY, 0, MANY);

	world_close();
}

static void a_picture_that_finds_no_memory(void **state)
{
	struct fake f[MANY], *list[MANY + 1];
	struct sup_node *nodes;
	struct sup_pid sup;
	unsigned int nth = 0;
	char ids[MANY][4];
	size_t n;
	int ret;

	(void)state;
	make_fakes(f, ids, list);
	sup = world_supervisor(SUP_ONE_FOR_ALL, 3, 5, list);
	do {
		sup__alloc_fail_nth(++nth);
		ret = sup_tree(sup, &nodes, &n);
		if (ret)
			assert_int_equal(ret, -ENOMEM);
	} while (ret);
	sup__alloc_fail_nth(0);
	assert_true(nth > 2);
	assert_int_equal(n, MANY + 1);
	free(nodes);

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_supervisor_that_finds_no_memory),
		CASE(a_child_that_finds_no_memory),
		CASE(a_restart_needs_no_memory),
		CASE(a_picture_that_finds_no_memory),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
