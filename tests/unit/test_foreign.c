/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads that were declared, over a source whose members the test makes up. */
#include "unit.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sup/audit.h>
#include <sup/error.h>
#include <sup/foreign.h>
#include <sup/loop.h>
#include <sup/monitor.h>
#include <sup/runtime.h>
#include <sup/task.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "core/runtime.h"
#include "exit/members.h"
#include "lib/fake_exit.h"

#define DEADLINE sup_deadline_ms(30000)

static int open_runtime(void **state)
{
	(void)state;
	fake_exit_reset();
	sup__runtime_set_source(&fake_exit_ops);
	return sup_open(NULL);
}

static int close_runtime(void **state)
{
	(void)state;
	return sup_close();
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* A thread that has just begun. */
static void add_thread(uint64_t id, pid_t tid)
{
	fake_exit_add_member(&(struct sup__member){
		.id = id, .pid = getpid(), .tid = tid, .start_ns = now(),
		.comm = "a-thread" });
}

static int count(const struct sup_stray *stray, void *arg)
{
	(void)stray;
	++*(int *)arg;
	return 0;
}

static int n_strays(void)
{
	int n = 0;

	assert_int_equal(sup_audit(count, &n, DEADLINE), 0);
	return n;
}

static struct sup_foreign listed[4];
static int n_listed;

static int keep(const struct sup_foreign *f, void *arg)
{
	(void)arg;
	assert_true(n_listed < 4);
	listed[n_listed++] = *f;
	return 0;
}

static int list(void)
{
	n_listed = 0;
	assert_int_equal(sup_foreign_threads(keep, NULL), 0);
	return n_listed;
}

static void what_begins_in_between_is_declared(void **state)
{
	(void)state;
	add_thread(1, 4000001);
	assert_int_equal(sup_foreign_begin("a library"), 0);
	add_thread(2, 4000002);
	add_thread(3, 4000003);
	/* Nothing is declared yet. */
	assert_int_equal(n_strays(), 3);
	assert_int_equal(list(), 0);
	assert_int_equal(sup_foreign_end(), 0);
	add_thread(4, 4000004);
	assert_int_equal(n_strays(), 2);
	assert_int_equal(list(), 2);
	assert_int_equal(listed[0].tid, 4000002);
	assert_int_equal(listed[0].owner.v, 0);
	assert_true(listed[0].start_ns <= now());
	assert_string_equal(listed[0].name, "a library");
	assert_string_equal(listed[0].comm, "a-thread");
	assert_int_equal(listed[1].tid, 4000003);
}

static void a_process_is_not_declared(void **state)
{
	(void)state;
	assert_int_equal(sup_foreign_begin("a library"), 0);
	fake_exit_add_member(&(struct sup__member){
		.id = 1, .lineage = 1, .pid = 4000001, .start_ns = now() });
	assert_int_equal(sup_foreign_end(), 0);
	assert_int_equal(n_strays(), 1);
	assert_int_equal(list(), 0);
}

/* Declares, says its number, and stays; a task of libsup's is no library's. */
static _Atomic pid_t task_tid;

static int declare(void *arg)
{
	struct sup_info info;

	(void)arg;
	add_thread(2, 4000002);
	if (sup_foreign_begin("mine"))
		return 1;
	add_thread(3, 4000003);
	add_thread(4, sup__gettid());
	if (sup_foreign_end())
		return 1;
	atomic_store(&task_tid, sup__gettid());
	return sup_receive(&info, SUP_FOREVER);
}

static void a_task_owns_what_it_has_declared(void **state)
{
	const struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = declare,
	};
	struct sup_pid pid;

	(void)state;
	atomic_store(&task_tid, 0);
	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	while (!atomic_load(&task_tid))
		;
	assert_int_equal(n_strays(), 1);
	assert_int_equal(list(), 1);
	assert_int_equal(listed[0].tid, 4000003);
	assert_int_equal(listed[0].owner.v, pid.v);
	assert_int_equal(sup_kill(pid, SUP_FOREVER), 0);
	assert_int_equal(sup_wait(pid, NULL, DEADLINE), 0);
	/* The library's thread is still there, and still known. */
	fake_exit_reset_members();
	assert_int_equal(n_strays(), 0);
}

static int begin_only(void *arg)
{
	return sup_foreign_begin(arg);
}

/* The thread is that of the task, and foreign again after it. */
static void a_task_that_ends_meanwhile_declares_nothing(void **state)
{
	const struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = begin_only, .arg = (void *)"task",
	};
	struct sup_reason reason;

	(void)state;
	assert_int_equal(sup_thread_run(&spec, &reason), 0);
	assert_int_equal(reason.kind, SUP_REASON_NORMAL);
	add_thread(1, 4000001);
	assert_int_equal(sup_foreign_end(), -EINVAL);
	assert_string_equal(sup_error(), "nothing has begun here");
	assert_int_equal(n_strays(), 1);
	assert_int_equal(sup_foreign_begin("another"), 0);
	assert_int_equal(sup_foreign_end(), 0);
	assert_int_equal(n_strays(), 1);
}

/* Its memory is not kept, nor is a thread excused that came by its time. */
static void a_span_without_threads_is_forgotten(void **state)
{
	uint64_t inside, living;

	(void)state;
	assert_int_equal(sup_foreign_begin("empty"), 0);
	inside = now();
	assert_int_equal(sup_foreign_end(), 0);
	assert_int_equal(sup_foreign_begin("lives"), 0);
	living = now();
	add_thread(1, 4000001);
	assert_int_equal(sup_foreign_end(), 0);
	fake_exit_add_member(&(struct sup__member){
		.id = 2, .pid = getpid(), .tid = 4000002, .start_ns = inside });
	assert_int_equal(n_strays(), 1);
	assert_int_equal(list(), 1);
	/* When the other has gone, the next that is declared clears it away. */
	fake_exit_reset_members();
	assert_int_equal(sup_foreign_begin("later"), 0);
	assert_int_equal(sup_foreign_end(), 0);
	fake_exit_add_member(&(struct sup__member){
		.id = 3, .pid = getpid(), .tid = 4000003, .start_ns = living });
	assert_int_equal(n_strays(), 1);
}

static void before_the_runtime_is_open(void **state)
{
	(void)state;
	assert_int_equal(sup_close(), 0);
	assert_int_equal(sup_foreign_begin("early"), 0);
	add_thread(1, 4000001);
	assert_int_equal(sup_foreign_end(), 0);
	assert_int_equal(sup_foreign_threads(keep, NULL), -ENOTCONN);
	assert_int_equal(sup_open(NULL), 0);
	assert_int_equal(n_strays(), 0);
	assert_int_equal(list(), 1);
	assert_string_equal(listed[0].name, "early");
}

static int refuse(const struct sup_foreign *f, void *arg)
{
	(void)f;
	++*(int *)arg;
	return -EINTR;
}

static void callback_can_end_it(void **state)
{
	int n = 0;

	(void)state;
	assert_int_equal(sup_foreign_begin("x"), 0);
	add_thread(1, 4000001);
	add_thread(2, 4000002);
	assert_int_equal(sup_foreign_end(), 0);
	assert_int_equal(sup_foreign_threads(refuse, &n), -EINTR);
	assert_int_equal(n, 1);
}

static void bad_arguments(void **state)
{
	(void)state;
	assert_int_equal(sup_foreign_begin(NULL), -EINVAL);
	assert_string_equal(sup_error(), "name: it is NULL");
	assert_int_equal(sup_foreign_begin(""), -EINVAL);
	assert_string_equal(sup_error(), "name: it is empty");
	assert_int_equal(sup_foreign_begin("0123456789012345678901234567890x"),
			 -EINVAL);
	assert_string_equal(sup_error(), "name: longer than 31");
	assert_int_equal(sup_foreign_end(), -EINVAL);
	assert_int_equal(sup_foreign_begin("0123456789012345678901234567890"),
			 0);
	assert_int_equal(sup_foreign_begin("y"), -EALREADY);
	assert_non_null(strstr(sup_error(), "has begun and not ended"));
	assert_int_equal(sup_foreign_end(), 0);
	assert_int_equal(sup_foreign_end(), -EINVAL);
}

static void without_memory(void **state)
{
	unsigned int nth;
	int ret = -1;

	(void)state;
	for (nth = 1; ret; nth++) {
		assert_int_equal(sup_foreign_begin("x"), 0);
		add_thread(nth, 4000001);
		sup__alloc_fail_nth(nth);
		ret = sup_foreign_end();
		assert_int_equal(sup__alloc_has_failed(), !!ret);
		sup__alloc_fail_nth(0);
		assert_true(!ret || ret == -ENOMEM);
		assert_int_equal(n_strays(), !!ret);
		fake_exit_reset_members();
	}
	assert_true(nth > 2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_runtime, close_runtime)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_begins_in_between_is_declared),
		CASE(a_process_is_not_declared),
		CASE(a_task_owns_what_it_has_declared),
		CASE(a_task_that_ends_meanwhile_declares_nothing),
		CASE(a_span_without_threads_is_forgotten),
		CASE(before_the_runtime_is_open),
		CASE(callback_can_end_it),
		CASE(bad_arguments),
		CASE(without_memory),
	};

	return RUN_TESTS(tests);
}
