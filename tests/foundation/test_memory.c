/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cleaning up of memory: what a run gives back, and who runs it. */
#include "foundation.h"

#include <malloc.h>

#include "foundation/rate.h"

/* The last step waits meanwhile; how many have come to it. */
static _Atomic int shut, arrived;

int __real_malloc_trim(size_t pad);
int __wrap_malloc_trim(size_t pad);

int __wrap_malloc_trim(size_t pad)
{
	struct sup_info info;

	atomic_fetch_add(&arrived, 1);
	while (atomic_load(&shut))
		sup_receive(&info, sup_deadline_ms(1));
	return __real_malloc_trim(pad);
}

static int set_up_memory(void **state)
{
	atomic_store(&shut, 0);
	atomic_store(&arrived, 0);
	return set_up_foundation(state);
}

#define MEMORY_CASE(f) cmocka_unit_test_setup_teardown(f, set_up_memory, \
							tear_down)

static struct fnd_memory_report clean_up(void)
{
	struct fnd_memory_report r = { .took_ns = -1 };

	assert_int_equal(fnd_memory_cleanup_sync(0, &r), 0);
	assert_true(r.took_ns >= 0);
	return r;
}

static int returns(void *arg)
{
	(void)arg;
	return 0;
}

static void stacks_of_the_dead_are_given_back(void **state)
{
	(void)state;
	sup_trim();
	run_with(returns, NULL);
	/* Its thread is joined a little later. */
	AWAIT(clean_up().stack_bytes);
}

static void what_nobody_asks_for_is_forgotten(void **state)
{
	const struct fnd_rate rate = {
		.kind = FND_RATE_FIXED_WINDOW, .limit = 1, .window_ms = 1,
	};

	(void)state;
	clean_up();
	assert_int_equal(fnd_rate_check("user", "ask", &rate, NULL), 0);
	AWAIT(clean_up().pairs);
	assert_int_equal(fnd__rate_count(), 0);
}

static void caches_are_freed(void **state)
{
	const struct fnd_event event = { .type = "t", .source = "s" };

	(void)state;
	assert_int_equal(fnd_event_store(&event, NULL, LONG), 0);
	/* In memory there is no cache to be freed, but it is asked. */
	clean_up();
	assert_int_equal(sup_terminate_child(foundation, "event_store"), 0);
	assert_int_equal(clean_up().cache_bytes, 0);
}

#define BLOCKS 8192
#define BLOCK_SIZE 4096

/* In an arena of its own: what is freed there stays the arena's. */
static int uses_an_arena(void *arg)
{
	static char *blocks[BLOCKS];
	int i;

	for (i = 0; i < BLOCKS; i++) {
		blocks[i] = malloc(BLOCK_SIZE);
		EXPECT(blocks[i]);
		memset(blocks[i], 1, BLOCK_SIZE);
	}
	/* The last one keeps the others from going by themselves. */
	for (i = 0; i < BLOCKS - 1; i++)
		free(blocks[i]);
	*(char **)arg = blocks[BLOCKS - 1];
	return 0;
}

static void arenas_of_the_dead_are_given_back(void **state)
{
	struct fnd_memory_report r;
	char *last = NULL;

	(void)state;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	print_message("skip: another malloc\n");
	skip();
#endif
	clean_up();
	run_with(uses_an_arena, &last);
	r = clean_up();
	free(last);
	assert_in_range(r.resident_before, (BLOCKS / 2) * BLOCK_SIZE,
			SIZE_MAX);
	assert_true(r.resident_before - r.resident_after >
		    (BLOCKS / 2) * BLOCK_SIZE);
}

static size_t n_jobs(void)
{
	struct sup_child_counts counts;

	assert_int_equal(sup_count_children(fnd_task_supervisor(), &counts),
			 0);
	return counts.active;
}

/* The seed's check: memory cleanup is supervised, with a limit. */
static void check_seed_cleanup_is_supervised_with_a_limit(void **state)
{
	struct fnd_memory_report r;
	struct sup_async *async;
	struct sup_msg result;
	struct sup_pid pid;

	(void)state;
	assert_int_equal(FND_MEMORY_LIMIT_MS, 30000);
	atomic_store(&shut, 1);
	assert_int_equal(fnd_memory_cleanup(0, &pid), 0);
	AWAIT(atomic_load(&arrived) == 1);
	/* The first rounds of the monitors are jobs, too, and end. */
	AWAIT(n_jobs() == 1);
	/* There is one at a time. */
	assert_int_equal(fnd_memory_cleanup_sync(0, &r), -EBUSY);
	assert_int_equal(atomic_load(&arrived), 1);
	atomic_store(&shut, 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	assert_int_equal(fnd_memory_cleanup_async(0, &async), 0);
	assert_int_equal(sup_async_await(async, &result, NULL, LONG), 0);
	assert_int_equal(result.len, sizeof(r));
	sup_msg_free(&result);
	AWAIT(!n_jobs());
	assert_int_equal(fnd_memory_cleanup(-1, NULL), -EINVAL);
}

static void who_is_late_is_told_and_the_run_ends(void **state)
{
	struct fnd_memory_report r;

	(void)state;
	atomic_store(&shut, 1);
	assert_int_equal(fnd_memory_cleanup_sync(100, &r), -ETIMEDOUT);
	/* It was asked to end, which it does at a safe point. */
	AWAIT(!n_jobs());
	atomic_store(&shut, 0);
	clean_up();
}

static void a_run_that_is_killed_is_in_nobodys_way(void **state)
{
	struct sup_async *async;
	struct sup_reason reason;
	struct sup_msg result;

	(void)state;
	atomic_store(&shut, 1);
	assert_int_equal(fnd_memory_cleanup_async(0, &async), 0);
	AWAIT(atomic_load(&arrived) == 1);
	sup_kill(sup_async_pid(async), LONG);
	assert_int_equal(sup_async_await(async, &result, &reason, LONG),
			 -EPIPE);
	assert_int_equal(reason.kind, SUP_REASON_KILLED);
	atomic_store(&shut, 0);
	clean_up();
}

static void no_supervisor(void **state)
{
	struct fnd_memory_report r;

	(void)state;
	assert_int_equal(fnd_memory_cleanup(0, NULL), -ENOTCONN);
	assert_int_equal(fnd_memory_cleanup_sync(0, &r), -ENOTCONN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MEMORY_CASE(stacks_of_the_dead_are_given_back),
		MEMORY_CASE(what_nobody_asks_for_is_forgotten),
		MEMORY_CASE(caches_are_freed),
		MEMORY_CASE(arenas_of_the_dead_are_given_back),
		MEMORY_CASE(check_seed_cleanup_is_supervised_with_a_limit),
		MEMORY_CASE(who_is_late_is_told_and_the_run_ends),
		MEMORY_CASE(a_run_that_is_killed_is_in_nobodys_way),
		CASE(no_supervisor),
	};

	return RUN_TESTS(tests);
}
