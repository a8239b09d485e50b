/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls about supervisors that any thread may make, by several at once, while
 * what they are about crashes, comes and goes. What they answer one by one:
 * tests/sim.
 */
#include "tasks.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include <sup/dynamic.h>
#include <sup/explain.h>
#include <sup/partition.h>

#include "base/alloc.h"

#define PARTITIONS 4
#define LOOKERS 3
#define RESIZES SLOWLY(100)
#define STARTERS 3
#define EXTRAS SLOWLY(100)

static _Atomic bool enough;

/* Foreign threads, which return as tasks do. */
static void *as_thread(void *arg)
{
	int (*run)(void *arg) = (int (*)(void *))arg;

	return (void *)(intptr_t)run(NULL);
}

/* Runs f as some tasks and on a foreign thread until both have returned 0. */
struct crowd {
	struct sup_pid tasks[LOOKERS];
	pthread_t foreign;
};

static void gather(struct crowd *c, int (*run)(void *arg))
{
	int i;

	atomic_store(&enough, false);
	for (i = 0; i < LOOKERS; i++) {
		c->tasks[i] = start(run, NULL);
		assert_int_not_equal(c->tasks[i].v, 0);
	}
	assert_int_equal(pthread_create(&c->foreign, NULL, as_thread,
					(void *)run), 0);
}

static void dismiss(struct crowd *c)
{
	struct sup_reason reason;
	void *ret;
	int i;

	atomic_store(&enough, true);
	for (i = 0; i < LOOKERS; i++) {
		reason = end_of(c->tasks[i]);
		assert_int_equal(reason.code, 0);
		assert_int_equal(reason.kind, SUP_REASON_NORMAL);
	}
	assert_int_equal(pthread_join(c->foreign, &ret), 0);
	assert_null(ret);
}

/* A partition is a server that answers with its number. */
static int init(void *arg, void **ret_state)
{
	*ret_state = arg;
	return 0;
}

static int on_call(void *state, struct sup_from from, struct sup_msg *req)
{
	struct sup_msg reply = { .tag = *(const size_t *)state };

	(void)req;
	return sup_reply(from, &reply);
}

static const struct sup_server_ops ops = {
	.size = sizeof(ops), .init = init, .call = on_call,
};

static int start_partition(const void *arg, const void *extra,
			   struct sup_pid *ret_pid)
{
	struct sup_server_spec spec = {
		.size = sizeof(spec), .ops = &ops, .arg = (void *)extra,
	};

	(void)arg;
	return sup_server_start(&spec, ret_pid);
}

static const struct sup_child_spec partition = {
	.size = sizeof(partition), .start_with = start_partition,
};

/* 0: pid is, or was, that of a key, however many there are. */
static int ask_number(struct sup_pid pid, size_t key)
{
	struct sup_msg req = { .tag = 0 }, reply;
	size_t n;
	int ret;

	ret = sup_call(pid, &req, &reply, NULL, LONG);
	if (ret)
		return ret == -EPIPE ? 0 : __LINE__;
	for (n = 1; n <= PARTITIONS && reply.tag != key % n; n++)
		;
	return n > PARTITIONS ? __LINE__ : 0;
}

static int look_up(void *arg)
{
	struct sup_pid sup = sup_whereis("parts"), pid;
	size_t n, key;
	int ret;

	(void)arg;
	for (key = 0; !atomic_load(&enough); key++) {
		ret = sup_partition_by_number(sup, (int64_t)key, &pid);
		if (!ret)
			ret = ask_number(pid, key);
		EXPECT(!ret || ret == -ENOENT);
		ret = sup_partition_by_bytes(sup, &key, sizeof(key), &pid);
		EXPECT((!ret && pid.v) || ret == -ENOENT);
		EXPECT(!sup_partition_count(sup, &n) && n <= PARTITIONS);
		/* Who has it in hand needs the CPU, too. */
		sched_yield();
		sup_checkpoint();
	}
	return 0;
}

/* Each partition has its number again, whatever was done to it. */
static void await_all(struct sup_pid sup, size_t n)
{
	struct sup_msg req = { .tag = 0 }, reply;
	int64_t deadline = LONG;
	struct sup_pid pid;
	size_t i;

	for (i = 0; i < n; i++) {
		while (sup_partition_by_number(sup, (int64_t)i, &pid) ||
		       sup_call(pid, &req, &reply, NULL, LONG)) {
			assert_true(sup_deadline_ms(0) < deadline);
			sched_yield();
		}
		assert_int_equal(reply.tag, i);
	}
}

static void crash_one(struct sup_pid sup, size_t key)
{
	struct sup_pid pid;

	if (!sup_partition_by_number(sup, (int64_t)key, &pid))
		sup_kill(pid, LONG);
}

static void partitions_are_found_while_they_crash_and_resize(void **state)
{
	struct sup_partition_spec spec = {
		.size = sizeof(spec), .name = "parts",
		.partitions = PARTITIONS, .child = &partition,
		.intensity = 1000000, .period_s = 1,
	};
	size_t n = PARTITIONS, old, count;
	struct sup_explanation e;
	struct sup_pid sup, pid;
	struct crowd lookers;
	struct sup_node *nodes;
	int i;

	(void)state;
	assert_int_equal(sup_partition_start(&spec, &sup), 0);
	gather(&lookers, look_up);
	for (i = 0; i < RESIZES; i++) {
		crash_one(sup, (size_t)i);
		/* 0 to all of them, up and down. */
		count = (size_t)(i * 3 % (PARTITIONS + 1));
		assert_int_equal(sup_partition_resize(sup, count, &old), 0);
		assert_int_equal(old, n);
		n = count;
		assert_int_equal(sup_partition_count(sup, &count), 0);
		assert_int_equal(count, n);
		await_all(sup, n);
	}
	dismiss(&lookers);
	assert_int_equal(sup_partition_resize(sup, 0, NULL), 0);
	assert_int_equal(sup_partition_by_number(sup, 0, &pid), -ENOENT);
	kill_and_wait(sup);
	assert_int_equal(sup_partition_by_number(sup, 0, &pid), -ESRCH);
	assert_int_equal(sup_partition_by_bytes(sup, "", 0, &pid), -ESRCH);
	assert_int_equal(sup_partition_count(sup, &count), -ESRCH);
	assert_int_equal(sup_partition_resize(sup, 1, NULL), -ESRCH);
	assert_int_equal(sup_explain_pid(sup, sup, &e), -ESRCH);
	assert_int_equal(sup_tree(sup, &nodes, &count), -ESRCH);
}

/* Children that are told a number of their own. */
static _Atomic uint64_t numbers;
static _Atomic int n_extras;
static _Atomic uint64_t some_pid;

static void free_extra(void *extra)
{
	free(extra);
	atomic_fetch_sub(&n_extras, 1);
}

static int stays(void *arg)
{
	struct sup_info info;

	(void)arg;
	return sup_receive(&info, SUP_FOREVER);
}

static const struct sup_thread_spec stayer = {
	.size = sizeof(stayer), .run = stays,
};

/* Odd ones say that they are, to who asked for them. */
static int start_number(const void *arg, const void *extra,
			struct sup_pid *ret_pid)
{
	const uint64_t *number = extra;

	if (*number % 2)
		sup_start_info(*number);
	return sup_thread_start(arg, ret_pid);
}

static int start_one(struct sup_pid sup)
{
	uint64_t *number = malloc(sizeof(*number)), mine, told;
	struct sup_explanation e;
	struct sup_pid pid;
	int ret;

	if (!number)
		return __LINE__;
	mine = *number = atomic_fetch_add(&numbers, 1);
	atomic_fetch_add(&n_extras, 1);
	ret = sup_start_extra(sup, number, free_extra, &pid);
	if (ret)
		free_extra(number);
	EXPECT(!ret);
	ret = sup_started_info(&told);
	EXPECT(mine % 2 ? !ret && told == mine : ret == -ENODATA);
	EXPECT(!sup_explain_pid(sup, pid, &e));
	EXPECT(e.why == SUP_WHY_RUNS && e.node.pid.v == pid.v);
	atomic_store(&some_pid, pid.v);
	EXPECT(!sup_terminate_child_pid(sup, pid));
	EXPECT(sup_explain_pid(sup, pid, &e) == -ENOENT);
	return 0;
}

/* Not to be killed: it has memory of its own in hand. */
static int start_extras(void *arg)
{
	struct sup_pid sup = sup_whereis("extras");
	int i, ret = 0;

	(void)arg;
	for (i = 0; i < EXTRAS && !ret; i++)
		ret = start_one(sup);
	return ret;
}

/* What others start and stop just now. */
static int explain_them(void *arg)
{
	struct sup_pid sup = sup_whereis("extras"), pid;
	struct sup_explanation e;
	int ret;

	(void)arg;
	while (!atomic_load(&enough)) {
		pid.v = atomic_load(&some_pid);
		ret = sup_explain_pid(sup, pid, &e);
		EXPECT(!ret || ret == -ENOENT);
		/* None: it has ended, but is not yet forgotten. */
		EXPECT(ret || !e.node.pid.v || e.node.pid.v == pid.v);
		sched_yield();
	}
	return 0;
}

static void each_starter_gets_its_own_info(void **state)
{
	const struct sup_child_spec one = {
		.size = sizeof(one), .id = "one", .arg = &stayer,
		.start_with = start_number, .restart = SUP_TEMPORARY,
	};
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .name = "extras", .reg = true,
		.strategy = SUP_SIMPLE_ONE_FOR_ONE, .children = &one,
		.n_children = 1,
	};
	struct sup_pid sup, starters[STARTERS];
	struct crowd onlookers;
	int i;

	(void)state;
	atomic_store(&numbers, 0);
	assert_int_equal(sup_supervisor_start(&spec, &sup), 0);
	gather(&onlookers, explain_them);
	for (i = 0; i < STARTERS; i++)
		starters[i] = start(start_extras, NULL);
	for (i = 0; i < STARTERS; i++)
		assert_int_equal(end_of(starters[i]).code, 0);
	dismiss(&onlookers);
	assert_int_equal(atomic_load(&numbers), STARTERS * EXTRAS);
	assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, NULL, LONG), 0);
	assert_int_equal(atomic_load(&n_extras), 0);
}

/* Specs that a supervisor has at the same time. */
static const struct sup_child_spec good[] = {
	{ .size = sizeof(good[0]), .id = "a", .start = sup_thread_start,
	  .arg = &stayer },
	{ .size = sizeof(good[0]), .id = "b", .start = sup_thread_start,
	  .arg = &stayer },
};
static const struct sup_child_spec twice[] = {
	{ .size = sizeof(twice[0]), .id = "a", .start = sup_thread_start },
	{ .size = sizeof(twice[0]), .id = "a", .start = sup_thread_start },
};
static const struct sup_child_spec bad = {
	.size = sizeof(bad), .id = "c",
};

static int check_them(void *arg)
{
	(void)arg;
	while (!atomic_load(&enough)) {
		EXPECT(!sup_check_childspecs(good, N_OF(good), 0));
		EXPECT(sup_check_childspecs(twice, N_OF(twice), 0) == -EEXIST);
		EXPECT(sup_check_childspecs(&bad, 1, 0) == -EINVAL);
		sched_yield();
		sup_checkpoint();
	}
	return 0;
}

static void specs_are_checked_while_they_are_used(void **state)
{
	struct sup_supervisor_spec spec = {
		.size = sizeof(spec), .children = good, .n_children = 2,
	};
	struct crowd checkers;
	struct sup_pid sup;
	int i;

	(void)state;
	gather(&checkers, check_them);
	for (i = 0; i < SLOWLY(50); i++) {
		assert_int_equal(sup_supervisor_start(&spec, &sup), 0);
		assert_int_equal(sup_server_stop(sup, &SUP_SHUTDOWN, NULL,
						 LONG), 0);
	}
	dismiss(&checkers);
	for (i = 1; i <= 2; i++) {
		sup__alloc_fail_nth((unsigned int)i);
		assert_int_equal(sup_check_childspecs(good, N_OF(good), 0),
				 -ENOMEM);
	}
	assert_int_equal(sup_check_childspecs(good, N_OF(good), 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(partitions_are_found_while_they_crash_and_resize),
		CASE(each_starter_gets_its_own_info),
		CASE(specs_are_checked_while_they_are_used),
	};

	return RUN_TESTS(tests);
}
