/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Partition supervisors. Cases are those of Elixir's PartitionSupervisor. */
#include <unistd.h>

#include "checks.h"

#define MAX 128

static struct fake fakes[MAX];

/* Partition i is fakes[i], whichever life it has. */
static int start_nth(const void *arg, const void *extra,
		     struct sup_pid *ret_pid)
{
	size_t i = *(const size_t *)extra;
	struct sup_child_spec spec;

	(void)arg;
	assert_true(i < MAX);
	if (!fakes[i].id)
		fakes[i].id = "f";
	spec = world_spec(&fakes[i]);
	return spec.start(&fakes[i], ret_pid);
}

static const struct sup_child_spec nth = {
	.size = sizeof(nth), .start_with = start_nth,
};

static struct sup_pid supervisor(size_t partitions)
{
	struct sup_partition_spec spec = {
		.size = sizeof(spec), .name = "top",
		.partitions = partitions, .child = &nth,
	};
	struct sup_pid pid;

	memset(fakes, 0, sizeof(fakes));
	assert_int_equal(sup_partition_start(&spec, &pid), 0);
	return pid;
}

static uint64_t by_number(struct sup_pid sup, int64_t key)
{
	struct sup_pid pid;

	assert_int_equal(sup_partition_by_number(sup, key, &pid), 0);
	return pid.v;
}

static void PART_02_keys_are_spread_and_found_again(void **state)
{
	struct sup_pid sup = supervisor(0), pid, again;
	size_t n, i, k, hits[MAX] = { 0 };
	char key[16];

	(void)state;
	assert_int_equal(sup_partition_count(sup, &n), 0);
	assert_int_equal(n, sysconf(_SC_NPROCESSORS_ONLN));
	for (i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "key %zu", i);
		assert_int_equal(sup_partition_by_bytes(sup, key, strlen(key),
							&pid), 0);
		assert_int_equal(sup_partition_by_bytes(sup, key, strlen(key),
							&again), 0);
		assert_int_equal(pid.v, again.v);
		for (k = 0; k < n; k++)
			hits[k] += fakes[k].pid.v == pid.v;
	}
	for (k = 0; k < n; k++)
		assert_true(hits[k] > 1000 / n / 2);

	world_close();
}

static void PART_04_numbers(void **state)
{
	struct sup_pid sup = supervisor(3);

	(void)state;
	assert_int_equal(by_number(sup, 0), fakes[0].pid.v);
	assert_int_equal(by_number(sup, 1), fakes[1].pid.v);
	assert_int_equal(by_number(sup, 2), fakes[2].pid.v);
	assert_int_equal(by_number(sup, 3), fakes[0].pid.v);
	assert_int_equal(by_number(sup, -1), fakes[1].pid.v);
	/* 2^63 modulo 3. */
	assert_int_equal(by_number(sup, INT64_MIN), fakes[2].pid.v);
	assert_string_equal(world_listing(sup), "0+ 1+ 2+");

	world_close();
}

/* 0 partitions are the default here. */
static void PART_05_bad_specs(void **state)
{
	struct sup_partition_spec s, good = {
		.size = sizeof(good), .name = "top", .child = &nth,
	};
	struct sup_child_spec bad = nth;
	struct sup_pid pid;

	(void)state;
	s = good; s.size = 8;
	assert_int_equal(sup_partition_start(&s, &pid), -EINVAL);
	s = good; s.name = NULL;
	assert_int_equal(sup_partition_start(&s, &pid), -EINVAL);
	s = good; s.child = NULL;
	assert_int_equal(sup_partition_start(&s, &pid), -EINVAL);
	s = good; s.partitions = SUP_PARTITIONS_MAX + 1;
	assert_int_equal(sup_partition_start(&s, &pid), -EINVAL);
	s = good; s.strategy = SUP_SIMPLE_ONE_FOR_ONE;
	assert_int_equal(sup_partition_start(&s, &pid), -EINVAL);
	s = good; s.intensity = -2;
	assert_int_equal(sup_partition_start(&s, &pid), -EINVAL);
	s = good; s.child = &bad;
	bad.restart = SUP_TEMPORARY;
	bad.significant = true;
	assert_int_equal(sup_partition_start(&s, &pid), -EINVAL);
	bad = nth;
	bad.start_with = NULL;
	assert_int_equal(sup_partition_start(&s, &pid), -EINVAL);
	assert_int_equal(world_alive(), 0);

	world_close();
}

static void PART_07_12_unknown_ones(void **state)
{
	struct sup_pid other, pid, sup = supervisor(2);
	struct sup_child_counts counts;
	size_t n;

	(void)state;
	other = world_supervisor(SUP_ONE_FOR_ONE, 1, 5, NULL);
	assert_int_equal(sup_partition_count(other, &n), -ESRCH);
	assert_int_equal(sup_partition_by_number(other, 0, &pid), -ESRCH);
	assert_int_equal(sup_partition_resize(other, 0, NULL), -EINVAL);
	/* A stop is synchronous. */
	world_stop(sup);
	assert_int_equal(world_alive(), 1);
	assert_int_equal(sup_partition_count(sup, &n), -ESRCH);
	assert_int_equal(sup_partition_resize(sup, 0, NULL), -ESRCH);
	assert_int_equal(sup_count_children(sup, &counts), -ESRCH);

	world_close();
}

static void resize(struct sup_pid sup, size_t n, size_t old)
{
	size_t was = 99, i, k, found;

	assert_int_equal(sup_partition_resize(sup, n, &was), 0);
	assert_int_equal(was, old);
	assert_int_equal(sup_partition_count(sup, &was), 0);
	assert_int_equal(was, n);
	check_counts(sup, 8, n, 0, 8);
	for (i = 0; i < 8 && n; i++) {
		found = by_number(sup, (int64_t)i);
		for (k = 0; k < n; k++)
			if (fakes[k].pid.v == found)
				break;
		assert_int_equal(k, i % n);
	}
}

static void PART_08_to_10_resize(void **state)
{
	static const size_t shuffled[] = { 3, 7, 1, 8, 0, 5, 2, 6, 4, 8 };
	struct sup_pid sup = supervisor(8), pid;
	struct sup_explanation e;
	size_t i;

	(void)state;
	for (i = 8; i--;)
		resize(sup, i, i + 1);
	assert_int_equal(sup_explain(sup, "7", &e), 0);
	assert_int_equal(e.why, SUP_WHY_TERMINATED);
	assert_int_equal(sup_partition_by_number(sup, 1, &pid), -ENOENT);
	for (i = 1; i <= 8; i++)
		resize(sup, i, i - 1);
	for (i = 0; i < N_OF(shuffled); i++)
		resize(sup, shuffled[i], i ? shuffled[i - 1] : 8);
	assert_int_equal(sup_partition_resize(sup, 9, NULL), -EINVAL);

	world_close();
}

static void one_that_refuses_to_come_back(void **state)
{
	struct sup_pid sup = supervisor(4);
	size_t n;

	(void)state;
	assert_int_equal(sup_partition_resize(sup, 1, NULL), 0);
	fakes[2].script = "off";
	assert_int_equal(sup_partition_resize(sup, 4, NULL), -EIO);
	assert_int_equal(sup_partition_count(sup, &n), 0);
	assert_int_equal(n, 2);
	fakes[2].script = "o";
	assert_int_equal(sup_partition_resize(sup, 4, NULL), 0);
	assert_string_equal(world_listing(sup), "0+ 1+ 2+ 3+");

	world_close();
}

static void a_restarted_partition_is_found_at_once(void **state)
{
	struct sup_pid sup = supervisor(3), before;

	(void)state;
	before = fakes[1].pid;
	crash(&fakes[1], abnormal);
	assert_int_not_equal(fakes[1].pid.v, before.v);
	assert_int_equal(by_number(sup, 1), fakes[1].pid.v);

	world_close();
}

static void PART_11_12_which_children(void **state)
{
	struct sup_pid sup = supervisor(3), pid;
	struct sup_child *rows;
	size_t n;

	(void)state;
	assert_int_equal(sup_which_children(sup, &rows, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(rows[0].id, "2");
	assert_int_equal(rows[2].pid.v, fakes[0].pid.v);
	free(rows);
	check_counts(sup, 3, 3, 0, 3);
	assert_int_equal(sup_terminate_child(sup, "1"), 0);
	assert_int_equal(sup_partition_by_number(sup, 1, &pid), -ENOENT);
	assert_int_equal(sup_delete_child(sup, "1"), 0);
	assert_int_equal(sup_partition_by_number(sup, 1, &pid), -ENOENT);
	assert_int_equal(sup_partition_resize(sup, 0, NULL), 0);
	assert_int_equal(sup_partition_resize(sup, 3, NULL), 0);
	assert_int_equal(by_number(sup, 2), fakes[2].pid.v);

	world_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(PART_02_keys_are_spread_and_found_again),
		CASE(PART_04_numbers),
		CASE(PART_05_bad_specs),
		CASE(PART_07_12_unknown_ones),
		CASE(PART_08_to_10_resize),
		CASE(one_that_refuses_to_come_back),
		CASE(a_restarted_partition_is_found_at_once),
		CASE(PART_11_12_which_children),
	};

	return !!cmocka_run_group_tests(tests, NULL, NULL);
}
