/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ecosystems, and work in isolation. */
#include "foundation.h"

#include <time.h>

/* In which order they were told to end; and how many have been there. */
static _Atomic int ended[8], n_ended, n_begun;

static int init(void *arg, void **ret_state)
{
	atomic_fetch_add(&n_begun, 1);
	*ret_state = arg;
	return 0;
}

static void terminate(void *state, const struct sup_reason *reason)
{
	(void)reason;
	atomic_store(&ended[atomic_fetch_add(&n_ended, 1) % 8],
		     (int)(intptr_t)state);
}

static const struct sup_server_ops ops = {
	.size = sizeof(ops), .init = init, .terminate = terminate,
};

static const struct sup_server_spec coordinator = {
	.size = sizeof(coordinator), .ops = &ops, .arg = (void *)1,
};

static const struct sup_server_spec worker = {
	.size = sizeof(worker), .ops = &ops, .arg = (void *)2,
};

static struct sup_child_spec child_of(const struct sup_server_spec *server)
{
	return (struct sup_child_spec){
		.size = sizeof(struct sup_child_spec), .id = "not used",
		.start = sup_server_start, .arg = server,
	};
}

static struct sup_pid start_one(size_t workers)
{
	struct sup_child_spec c = child_of(&coordinator);
	struct sup_child_spec w = child_of(&worker);
	const struct fnd_ecosystem_spec spec = {
		.size = sizeof(spec), .coordinator = &c, .worker = &w,
		.workers = workers,
	};
	struct sup_pid pid;

	atomic_store(&n_ended, 0);
	atomic_store(&n_begun, 0);
	assert_int_equal(fnd_ecosystem_start(&spec, &pid), 0);
	return pid;
}

static size_t total(struct sup_pid ecosystem, struct sup_pid *ret_coordinator,
		    struct sup_pid *ret_workers)
{
	struct fnd_ecosystem *e;
	size_t n;

	assert_int_equal(fnd_ecosystem_info(ecosystem, &e), 0);
	n = e->total;
	assert_int_equal(n, e->n + !!e->coordinator.v);
	if (ret_coordinator)
		*ret_coordinator = e->coordinator;
	if (ret_workers)
		memcpy(ret_workers, e->workers, e->n * sizeof(*ret_workers));
	free(e);
	return n;
}

#define S INT64_C(1000000000)

/* How long until another coordinator is there. */
static int64_t replace_coordinator(struct sup_pid e)
{
	struct sup_pid old, new;
	int64_t killed;

	assert_int_equal(total(e, &old, NULL), 4);
	killed = sup_deadline_ms(0);
	kill_and_wait(old);
	AWAIT(total(e, &new, NULL) == 4 && new.v != old.v);
	assert_true(sup_is_alive(new));
	return sup_deadline_ms(0) - killed;
}

static void check_8_ecosystem(void **state)
{
	struct sup_pid e = start_one(3);

	(void)state;
	/* A machine that has much to do may be late once. */
	assert_true(replace_coordinator(e) < 2 * S ||
		    replace_coordinator(e) < 2 * S);
	assert_int_equal(fnd_ecosystem_stop(e, LONG), 0);
}

static int64_t cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * S + t.tv_nsec;
}

/* Of CPU time, for others may want the CPU. */
static void check_8_a_hundred_workers_in_100_ms(void **state)
{
	int64_t took = -cpu_time();
	struct sup_pid e = start_one(100);

	(void)state;
	took += cpu_time();
	assert_int_equal(total(e, NULL, NULL), 101);
	assert_int_equal(fnd_ecosystem_stop(e, LONG), 0);
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
	assert_true(took < S / 10);
#endif
}

/* Upstream's fault: one of the first workers lives on. */
static void any_worker_can_be_removed(void **state)
{
	struct sup_pid e = start_one(3), c, w[4], added;
	struct sup_child_spec spec = child_of(&worker);

	(void)state;
	assert_int_equal(total(e, &c, w), 4);
	assert_int_equal(fnd_ecosystem_remove_worker(e, w[1]), 0);
	assert_false(sup_is_alive(w[1]));
	assert_int_equal(total(e, NULL, NULL), 3);
	assert_int_equal(fnd_ecosystem_remove_worker(e, w[1]), -ENOENT);
	assert_int_equal(fnd_ecosystem_remove_worker(e, c), -ENOENT);
	assert_true(sup_is_alive(c));
	assert_int_equal(fnd_ecosystem_add_worker(e, &spec, &added), 0);
	assert_int_equal(total(e, NULL, w), 4);
	assert_int_equal(w[2].v, added.v);
	/* It is started again, as the others are. */
	kill_and_wait(added);
	AWAIT(total(e, NULL, w) == 4 && w[2].v != added.v);
	assert_int_equal(fnd_ecosystem_remove_worker(e, w[2]), 0);
	assert_int_equal(total(e, NULL, NULL), 3);
	/* One that is never started again. */
	spec.restart = SUP_TEMPORARY;
	assert_int_equal(fnd_ecosystem_add_worker(e, &spec, &added), 0);
	assert_int_equal(fnd_ecosystem_remove_worker(e, added), 0);
	assert_int_equal(total(e, NULL, NULL), 3);
	/* None of those that are there now was started by accident. */
	assert_int_equal(atomic_load(&n_begun), 7);
	assert_int_equal(fnd_ecosystem_stop(e, LONG), 0);
	assert_int_equal(fnd_ecosystem_info(e, &(struct fnd_ecosystem *){ 0 }),
			 -ESRCH);
	assert_int_equal(fnd_ecosystem_add_worker(e, &spec, NULL), -ESRCH);
	assert_int_equal(fnd_ecosystem_stop(e, LONG), -ESRCH);
}

static int does_not_listen(void *arg)
{
	struct sup_info info;

	sup_trap_exits(true, NULL);
	atomic_store((_Atomic bool *)arg, true);
	while (!sup_receive(&info, SUP_FOREVER))
		sup_msg_free(&info.msg);
	return 0;
}

static void shutdown_is_graceful_and_has_an_end(void **state)
{
	_Atomic bool is_there = false;
	const struct sup_thread_spec deaf = {
		.size = sizeof(deaf), .run = does_not_listen, .arg = &is_there,
	};
	struct sup_child_spec spec = {
		.size = sizeof(spec), .start = sup_thread_start, .arg = &deaf,
		.shutdown_ms = 50,
	};
	struct sup_pid e = start_one(2), w[3];

	(void)state;
	assert_int_equal(fnd_ecosystem_add_worker(e, &spec, NULL), 0);
	AWAIT(atomic_load(&is_there));
	assert_int_equal(total(e, NULL, w), 4);
	assert_int_equal(fnd_ecosystem_stop(e, LONG), 0);
	assert_false(sup_is_alive(w[2]));
	/* The others were asked: the coordinator last. */
	assert_int_equal(atomic_load(&n_ended), 3);
	assert_int_equal(ended[0], 2);
	assert_int_equal(ended[1], 2);
	assert_int_equal(ended[2], 1);
}

static void bad_specs(void **state)
{
	struct sup_child_spec c = child_of(&coordinator);
	struct fnd_ecosystem_spec spec = { .size = sizeof(spec) };
	struct sup_pid pid;

	(void)state;
	assert_int_equal(fnd_ecosystem_start(&spec, &pid), -EINVAL);
	spec.coordinator = &c;
	assert_int_equal(fnd_ecosystem_start(&spec, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "worker"));
	spec.workers = FND_ECOSYSTEM_MAX + 1;
	assert_int_equal(fnd_ecosystem_start(&spec, &pid), -EINVAL);
	spec.workers = FND_ECOSYSTEM_NONE;
	assert_int_equal(fnd_ecosystem_start(&spec, &pid), 0);
	assert_int_equal(total(pid, NULL, NULL), 1);
	assert_int_equal(fnd_ecosystem_add_worker(pid, NULL, NULL), -EINVAL);
	assert_int_equal(fnd_ecosystem_stop(pid, LONG), 0);
}

/* 1 to n. */
static int adds_up(void *arg, struct sup_msg *ret_result)
{
	uint64_t i, n = *(const uint64_t *)arg;

	for (i = 1; i <= n; i++)
		ret_result->tag += i;
	return 0;
}

static int fails(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	return 42;
}

static int crashes(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	abort();
}

static int goes_silently(void *arg, struct sup_msg *ret_result)
{
	(void)arg;
	(void)ret_result;
	sup_exit_self(&SUP_NORMAL);
}

static int waits(void *arg, struct sup_msg *ret_result)
{
	(void)ret_result;
	atomic_store((_Atomic bool *)arg, true);
	return stays(NULL);
}

static struct fnd_work run_isolated(int (*run)(void *, struct sup_msg *),
				    void *arg)
{
	const struct sup_job_spec spec = {
		.size = sizeof(spec), .run = run, .arg = arg,
	};
	struct fnd_work w = { .error = -1 };

	assert_int_equal(fnd_isolated_run(&spec, &w, LONG), 0);
	return w;
}

static void check_8_isolated_work(void **state)
{
	uint64_t n = 10000;
	struct fnd_work w;

	(void)state;
	w = run_isolated(adds_up, &n);
	assert_int_equal(w.outcome, FND_WORK_COMPLETE);
	assert_int_equal(w.result.tag, 50005000);
	w = run_isolated(fails, NULL);
	assert_int_equal(w.outcome, FND_WORK_ERROR);
	assert_int_equal(w.error, 42);
}

static void a_crash_ends_nobody_else(void **state)
{
	struct fnd_work w;

	(void)state;
#ifdef __SANITIZE_THREAD__
	print_message("skip: abort() is that of the sanitizer\n");
	skip();
#endif
	w = run_isolated(crashes, NULL);
	assert_int_equal(w.outcome, FND_WORK_CRASHED);
	assert_int_equal(w.reason.kind, SUP_REASON_SIGNAL);
}

/* Upstream's fault: of an exit, or a throw, nobody hears. */
static void there_never_is_silence(void **state)
{
	_Atomic bool is_there = false;
	const struct sup_job_spec spec = {
		.size = sizeof(spec), .run = waits, .arg = &is_there,
	};
	struct sup_async *async;
	struct sup_pid pid;
	struct fnd_work w;

	(void)state;
	w = run_isolated(goes_silently, NULL);
	assert_int_equal(w.outcome, FND_WORK_CRASHED);
	assert_int_equal(w.reason.kind, SUP_REASON_NORMAL);
	assert_int_equal(fnd_isolated_start(&spec, &async), 0);
	AWAIT(atomic_load(&is_there));
	assert_int_equal(fnd_isolated_await(async, &w, sup_deadline_ms(20)),
			 -ETIMEDOUT);
	pid = sup_async_pid(async);
	sup_kill(pid, LONG);
	assert_int_equal(fnd_isolated_await(async, &w, LONG), 0);
	assert_int_equal(w.outcome, FND_WORK_CRASHED);
	assert_int_equal(w.reason.kind, SUP_REASON_KILLED);
	assert_false(sup_is_alive(pid));
}

static void who_is_late_is_asked_to_end(void **state)
{
	_Atomic bool is_there = false;
	const struct sup_job_spec spec = {
		.size = sizeof(spec), .run = waits, .arg = &is_there,
	};
	struct sup_child_counts counts;
	struct fnd_work w;

	(void)state;
	assert_int_equal(fnd_isolated_run(&spec, &w, sup_deadline_ms(20)),
			 -ETIMEDOUT);
	do {
		assert_int_equal(sup_count_children(fnd_task_supervisor(),
						    &counts), 0);
	} while (counts.active);
}

static void no_supervisor(void **state)
{
	const struct sup_job_spec spec = { .size = sizeof(spec), .run = fails };
	struct fnd_work w;

	(void)state;
	assert_int_equal(fnd_isolated_run(&spec, &w, LONG), -ENOTCONN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVICE_CASE(check_8_ecosystem),
		SERVICE_CASE(check_8_a_hundred_workers_in_100_ms),
		SERVICE_CASE(any_worker_can_be_removed),
		SERVICE_CASE(shutdown_is_graceful_and_has_an_end),
		SERVICE_CASE(bad_specs),
		SERVICE_CASE(check_8_isolated_work),
		SERVICE_CASE(a_crash_ends_nobody_else),
		SERVICE_CASE(there_never_is_silence),
		SERVICE_CASE(who_is_late_is_asked_to_end),
		CASE(no_supervisor),
	};

	return RUN_TESTS(tests);
}
