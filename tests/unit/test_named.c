/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Supervisors without children of their own that have names: the cases of
 * Elixir's DynamicSupervisor and PartitionSupervisor that the simulation, which
 * has no names, leaves.
 */
#include "tasks.h"

#include <sched.h>
#include <string.h>

static const struct sup_reason crash = { .kind = SUP_REASON_EXIT, .code = 5 };

static int waits(void *arg)
{
	struct sup_info info;

	(void)arg;
	while (!sup_receive(&info, SUP_FOREVER))
		sup_msg_free(&info.msg);
	return 0;
}

static const struct sup_thread_spec waiter = {
	.size = sizeof(waiter), .name = "waiter", .run = waits,
};

static const struct sup_child_spec child = {
	.size = sizeof(child), .start = sup_thread_start, .arg = &waiter,
};

static int with_registered_process(void *arg)
{
	struct sup_dynamic_spec spec = {
		.size = sizeof(spec), .name = "dyn", .reg = true,
	};
	struct sup_pid sup, pid, taken = SUP_PID_NONE;
	struct sup_reason why;

	(void)arg;
	EXPECT(!sup_dynamic_start(&spec, &sup));
	EXPECT(sup_whereis("dyn").v == sup.v);
	EXPECT(sup_dynamic_start(&spec, &taken) == -EEXIST);
	EXPECT(taken.v == sup.v);
	EXPECT(!sup_start_child(sup_whereis("dyn"), &child, &pid));
	EXPECT(!sup_server_stop(sup_whereis("dyn"), &SUP_NORMAL, NULL, LONG));
	EXPECT(!sup_whereis("dyn").v);
	EXPECT(!sup_wait(pid, &why, LONG) && why.kind == SUP_REASON_SHUTDOWN);
	/* Whoever starts one is its parent: its end is that of both. */
	EXPECT(!sup_dynamic_start(&spec, &sup));
	EXPECT(!sup_exit(sup_self(), &crash));
	return __LINE__;
}

static void DYN_06_with_registered_process(void **state)
{
	struct sup_pid parent = start(with_registered_process, NULL), sup;
	int64_t limit = LONG;

	(void)state;
	assert_int_equal(end_of(parent).code, crash.code);
	while ((sup = sup_whereis("dyn")).v) {
		assert_true(sup_deadline_ms(0) < limit);
		sched_yield();
	}
}

static struct sup_partition_spec partitions(const char *name)
{
	return (struct sup_partition_spec){
		.size = sizeof(struct sup_partition_spec), .name = name,
		.partitions = 3, .child = &child,
	};
}

static struct sup_pid by_name(const char *name, int64_t key)
{
	struct sup_pid pid = SUP_PID_NONE;

	sup_partition_by_number(sup_whereis(name), key, &pid);
	return pid;
}

/* Children of one supervisor: their ids are their names, and so are found. */
static void PART_01_03_by_name(void **state)
{
	const struct sup_partition_spec a = partitions("a"), b =
		partitions("b");
	const struct sup_child_spec children[] = {
		{ .size = sizeof(*children), .id = a.name, .arg = &a,
		  .start = sup_partition_start, .type = SUP_SUPERVISOR },
		{ .size = sizeof(*children), .id = b.name, .arg = &b,
		  .start = sup_partition_start, .type = SUP_SUPERVISOR },
	};
	const struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = children, .n_children = 2,
	};
	struct sup_child found, row;
	struct sup_pid top, before, pid;
	int64_t limit = LONG;
	size_t i, k;

	(void)state;
	assert_int_equal(sup_supervisor_start(&spec, &top), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(sup_which_child(top, children[i].id, &found),
				 0);
		assert_int_equal(sup_whereis(children[i].id).v, found.pid.v);
		for (k = 0; k < 3; k++) {
			char id[2] = { '0' + k };

			assert_int_equal(sup_which_child(found.pid, id, &row),
					 0);
			assert_int_equal(by_name(children[i].id, k).v,
					 row.pid.v);
		}
	}
	/* Under its name there is another one after a restart. */
	before = by_name("a", 2);
	assert_int_equal(sup_kill(sup_whereis("a"), LONG), 0);
	assert_int_equal(end_of(before).kind, SUP_REASON_SHUTDOWN);
	for (pid = before; !pid.v || pid.v == before.v; sched_yield()) {
		assert_true(sup_deadline_ms(0) < limit);
		pid = by_name("a", 2);
	}
}

static void PART_06_a_stop_frees_the_name(void **state)
{
	const struct sup_partition_spec spec = partitions("a");
	struct sup_pid sup, pid;

	(void)state;
	assert_int_equal(sup_partition_start(&spec, &sup), 0);
	pid = by_name("a", 1);
	assert_int_equal(sup_server_stop(sup, &SUP_NORMAL, NULL, LONG), 0);
	assert_int_equal(sup_whereis("a").v, 0);
	assert_false(sup_is_alive(pid));
	assert_int_equal(sup_partition_by_number(sup_whereis("a"), 1, &pid),
			 -ESRCH);
	assert_int_equal(sup_partition_start(&spec, &sup), 0);
	assert_int_equal(sup_whereis("a").v, sup.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(DYN_06_with_registered_process),
		CASE(PART_01_03_by_name),
		CASE(PART_06_a_stop_frees_the_name),
	};

	return RUN_TESTS(tests);
}
