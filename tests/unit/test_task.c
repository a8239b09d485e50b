/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Thread tasks: life, ends, parents, sending, kills. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sup/sup.h>

#include "base/alloc.h"
#include "base/futex.h"

#include "runtime.h"

#define LONG sup_deadline_ms(30000)

static struct sup_pid start_with(int (*run)(void *), void *arg)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = "t", .run = run, .arg = arg,
	};
	struct sup_pid pid = SUP_PID_NONE;

	assert_int_equal(sup_thread_start(&spec, &pid), 0);
	assert_int_not_equal(pid.v, 0);
	return pid;
}

static struct sup_reason end_of(struct sup_pid pid)
{
	struct sup_reason reason;

	assert_int_equal(sup_wait(pid, &reason, LONG), 0);
	return reason;
}

static int return_arg(void *arg)
{
	return (int)(intptr_t)arg;
}

static void returns_become_reasons(void **state)
{
	struct sup_reason r;
	struct sup_pid pid;

	(void)state;
	pid = start_with(return_arg, NULL);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	pid = start_with(return_arg, (void *)7);
	r = end_of(pid);
	assert_int_equal(r.kind, SUP_REASON_EXIT);
	assert_int_equal(r.code, 7);
	assert_int_not_equal(r.exit_ns, 0);
	/* Known as long as it is remembered, and dead. */
	assert_int_equal(end_of(pid).code, 7);
	assert_false(sup_is_alive(pid));
}

static int exit_self(void *arg)
{
	struct sup_reason r = { .kind = SUP_REASON_SHUTDOWN, .term = 42 };

	(void)arg;
	sup_exit_self(&r);
}

static void a_task_ends_itself(void **state)
{
	struct sup_reason r = end_of(start_with(exit_self, NULL));

	(void)state;
	assert_int_equal(r.kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(r.term, 42);
}

static int leave_by_pthread_exit(void *arg)
{
	pthread_exit(arg);
}

static void pthread_exit_is_abnormal(void **state)
{
	struct sup_reason r = end_of(start_with(leave_by_pthread_exit, NULL));

	(void)state;
	assert_int_equal(r.kind, SUP_REASON_LOST);
	assert_false(sup_reason_is_clean(&r));
}

/* Ends on its own at the first safe point after a signal. */
static int receive_for_ever(void *arg)
{
	struct sup_info info;

	(void)arg;
	while (!sup_receive(&info, SUP_FOREVER))
		sup_msg_free(&info.msg);
	return 1;
}

static int sleep_in_the_kernel(void *arg)
{
	int *fds = arg;
	char c;

	for (;;) {
		if (read(fds[0], &c, 1) < 0 && errno != EINTR)
			return errno;
		sup_checkpoint();
	}
}

static void exit_signals_end_plain_tasks(void **state)
{
	struct sup_reason why = { .kind = SUP_REASON_SHUTDOWN, .term = 3 };
	struct sup_reason r;
	struct sup_pid pid;
	int fds[2];

	(void)state;
	pid = start_with(receive_for_ever, NULL);
	assert_int_equal(sup_exit(pid, &SUP_NORMAL), 0);
	assert_int_equal(sup_exit(pid, &why), 0);
	r = end_of(pid);
	assert_int_equal(r.kind, SUP_REASON_SHUTDOWN);
	assert_int_equal(r.term, 3);
	assert_int_equal(sup_exit(pid, &why), -ESRCH);

	assert_int_equal(pipe(fds), 0);
	pid = start_with(sleep_in_the_kernel, fds);
	assert_int_equal(sup_exit(pid, &why), 0);
	assert_int_equal(end_of(pid).term, 3);
	pid = start_with(sleep_in_the_kernel, fds);
	assert_int_equal(sup_kill(pid, LONG), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	close(fds[0]);
	close(fds[1]);
}

static void kill_reaches_a_parked_task(void **state)
{
	struct sup_pid pid = start_with(receive_for_ever, NULL);

	(void)state;
	assert_int_equal(sup_kill(pid, LONG), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_KILLED);
	assert_int_equal(sup_kill(pid, LONG), -ESRCH);
}

struct family {
	struct sup_pid child, monitored;
	_Atomic uint32_t started;
	struct sup_info exit, down;
	int exits, downs;
};

static int parent_of_one(void *arg)
{
	struct family *f = arg;
	struct sup_info info;
	struct sup_ref ref;

	f->child = start_with(return_arg, (void *)9);
	if (sup_monitor(f->child, &ref))
		return 1;
	while (f->exits + f->downs < 2) {
		if (sup_receive(&info, LONG))
			return 2;
		if (info.kind == SUP_INFO_EXIT) {
			f->exits++;
			f->exit = info;
		} else if (info.kind == SUP_INFO_DOWN &&
			   info.ref.v == ref.v) {
			f->downs++;
			f->down = info;
		}
	}
	return 0;
}

static void a_parent_is_told(void **state)
{
	struct family f = { .exits = 0 };

	(void)state;
	assert_int_equal(end_of(start_with(parent_of_one, &f)).kind,
			 SUP_REASON_NORMAL);
	assert_int_equal(f.exits, 1);
	assert_int_equal(f.downs, 1);
	assert_int_equal(f.exit.pid.v, f.child.v);
	assert_int_equal(f.exit.reason.code, 9);
	assert_int_equal(f.down.reason.code, 9);
}

static int leaves_an_orphan(void *arg)
{
	struct family *f = arg;

	f->child = start_with(receive_for_ever, NULL);
	return 0;
}

static void an_orphan_is_shut_down(void **state)
{
	struct family f = { .exits = 0 };

	(void)state;
	end_of(start_with(leaves_an_orphan, &f));
	assert_int_equal(end_of(f.child).kind, SUP_REASON_SHUTDOWN);
}

static int echo_sum(void *arg)
{
	uint64_t *sum = arg;
	struct sup_info info;

	for (;;) {
		if (sup_receive(&info, LONG))
			return 1;
		if (info.msg.tag == 0)
			return 0;
		*sum += *(uint64_t *)info.msg.data;
		sup_msg_free(&info.msg);
	}
}

static void messages_are_copied_in_order_and_bounded(void **state)
{
	struct sup_msg msg = { .tag = 1 };
	struct sup_pid pid;
	uint64_t i, sum = 0;

	(void)state;
	pid = start_with(echo_sum, &sum);
	for (i = 1; i <= 100000; i++) {
		msg.data = &i;
		msg.len = sizeof(i);
		assert_int_equal(sup_send(pid, &msg, LONG), 0);
	}
	msg = (struct sup_msg){ .tag = 0 };
	assert_int_equal(sup_send(pid, &msg, LONG), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
	assert_int_equal(sum, 100000ul * 100001 / 2);
	assert_int_equal(sup_send(pid, &msg, LONG), -ESRCH);
}

static inline int leave_by_syscall(void *arg)
{
	(void)arg;
	syscall(SYS_exit, 0);
	return 0;
}

/* Without a source that tells of threads it is found when it is pressed. */
static inline void a_raw_exit_is_lost_not_hung(void **state)
{
	struct sup_pid pid = start_with(leave_by_syscall, NULL);

	(void)state;
	assert_int_equal(sup_exit(pid, &SUP_SHUTDOWN), 0);
	assert_int_equal(end_of(pid).kind, SUP_REASON_LOST);
}

static void bad_specs_are_named(void **state)
{
	struct sup_thread_spec spec = { .size = sizeof(spec) };
	struct sup_pid pid;

	(void)state;
	assert_int_equal(sup_thread_start(NULL, &pid), -EINVAL);
	assert_int_equal(sup_thread_start(&spec, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "run"));
	spec.run = return_arg;
	spec.reg = true;
	assert_int_equal(sup_thread_start(&spec, &pid), -EINVAL);
	assert_non_null(strstr(sup_error(), "name"));
}

static void every_allocation_may_fail(void **state)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = "alloc", .reg = true,
		.run = return_arg, .containment = SUP_CONTAIN,
	};
	struct sup_pid pid;
	unsigned int n;
	int ret;

	(void)state;
	for (n = 1; ; n++) {
		sup__alloc_fail_nth(n);
		ret = sup_thread_start(&spec, &pid);
		sup__alloc_fail_nth(0);
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_int_equal(sup_whereis("alloc").v, 0);
	}
	assert_true(n > 2);
	assert_int_equal(end_of(pid).kind, SUP_REASON_NORMAL);
}

static int entries_of(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void the_runtime_opens_and_closes(void **state)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = receive_for_ever,
	};
	int i, fds = entries_of("/proc/self/fd");
	int threads = entries_of("/proc/self/task");
	struct sup_pid pid;
	int64_t until;

	(void)state;
	assert_int_equal(sup_thread_start(&spec, &pid), -ENOTCONN);
	for (i = 0; i < 20; i++) {
		assert_int_equal(sup_open(&pidfd), 0);
		assert_int_equal(sup_open(&pidfd), -EALREADY);
		assert_int_equal(sup_thread_start(&spec, &pid), 0);
		assert_int_equal(sup_close(), 0);
		assert_int_equal(sup_close(), 0);
		assert_false(sup_is_alive(pid));
		assert_int_equal(entries_of("/proc/self/fd"), fds);
		/* A joined thread stays listed until the kernel is done. */
		until = LONG;
		while (entries_of("/proc/self/task") != threads)
			assert_true(sup_deadline_ms(0) < until);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(returns_become_reasons),
		CASE(a_task_ends_itself),
		CASE(pthread_exit_is_abnormal),
		CASE(exit_signals_end_plain_tasks),
		CASE(kill_reaches_a_parked_task),
		CASE(a_parent_is_told),
		CASE(an_orphan_is_shut_down),
		CASE(messages_are_copied_in_order_and_bounded),
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
		/* Whose threads must end by a return. */
		CASE(a_raw_exit_is_lost_not_hung),
#endif
		CASE(bad_specs_are_named),
		CASE(every_allocation_may_fail),
		cmocka_unit_test(the_runtime_opens_and_closes),
	};

	return RUN_TESTS(tests);
}
