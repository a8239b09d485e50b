/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Monitors, waits and names. */
#include "unit.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <sup/sup.h>

#include "base/alloc.h"
#include "core/table.h"

#include "runtime.h"

#define LONG sup_deadline_ms(30000)

static struct sup_pid start(const char *name, int (*run)(void *), void *arg)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = name, .reg = name,
		.run = run, .arg = arg,
	};
	struct sup_pid pid = SUP_PID_NONE;

	sup_thread_start(&spec, &pid);
	return pid;
}

static int idle(void *arg)
{
	struct sup_info info;

	(void)arg;
	while (!sup_receive(&info, SUP_FOREVER))
		sup_msg_free(&info.msg);
	return 1;
}

/* Task threads say what they see by the line they return, or 0. */
#define EXPECT(x) do { if (!(x)) return __LINE__; } while (0)

static int wait_line(struct sup_pid pid)
{
	struct sup_reason reason;

	assert_int_equal(sup_wait(pid, &reason, LONG), 0);
	return reason.kind == SUP_REASON_NORMAL ? 0 : reason.code;
}

static void run(int (*f)(void *))
{
	struct sup_pid pid = start(NULL, f, NULL);

	assert_int_not_equal(pid.v, 0);
	assert_int_equal(wait_line(pid), 0);
}

static int monitors_stack_body(void *arg)
{
	struct sup_pid pid = start("target", idle, arg);
	struct sup_ref refs[3];
	struct sup_info info;
	int i, seen = 0;

	for (i = 0; i < 3; i++)
		EXPECT(!sup_monitor(pid, &refs[i]));
	EXPECT(!sup_demonitor(refs[1], false));
	EXPECT(!sup_demonitor(refs[1], true));
	EXPECT(!sup_exit(pid, &SUP_SHUTDOWN));
	/* Two DOWNs and, as it is a child, an EXIT. */
	for (i = 0; i < 3; i++) {
		EXPECT(!sup_receive(&info, LONG));
		if (info.kind == SUP_INFO_EXIT)
			continue;
		EXPECT(info.kind == SUP_INFO_DOWN);
		EXPECT(info.pid.v == pid.v);
		EXPECT(info.ref.v == refs[0].v || info.ref.v == refs[2].v);
		EXPECT(info.reason.kind == SUP_REASON_SHUTDOWN);
		/* Free before the DOWN. */
		EXPECT(!sup_whereis("target").v);
		seen++;
	}
	EXPECT(seen == 2);
	EXPECT(sup_receive(&info, SUP_TRY) == -ETIMEDOUT);
	return 0;
}

static void monitors_stack(void **state)
{
	(void)state;
	run(monitors_stack_body);
}

static int late_body(void *arg)
{
	struct sup_pid pid = start("late", idle, arg), self = sup_self();
	struct sup_pid never = { UINT64_C(99) << 32 | 3 };
	struct sup_info info;
	struct sup_ref ref;

	EXPECT(!sup_exit(pid, &SUP_SHUTDOWN));
	EXPECT(!sup_wait(pid, NULL, LONG));
	EXPECT(!sup_receive(&info, LONG) && info.kind == SUP_INFO_EXIT);
	EXPECT(!sup_monitor(pid, &ref));
	EXPECT(!sup_receive(&info, SUP_TRY));
	EXPECT(info.kind == SUP_INFO_DOWN && info.ref.v == ref.v);
	EXPECT(info.reason.kind == SUP_REASON_SHUTDOWN);
	EXPECT(!sup_monitor(never, &ref));
	EXPECT(!sup_receive(&info, SUP_TRY));
	EXPECT(info.reason.kind == SUP_REASON_NOPROC);
	/* With flush one that has arrived is not seen. */
	EXPECT(!sup_monitor(pid, &ref));
	EXPECT(!sup_demonitor(ref, true));
	EXPECT(sup_receive(&info, SUP_TRY) == -ETIMEDOUT);
	EXPECT(!sup_monitor(pid, &ref));
	EXPECT(!sup_demonitor(ref, false));
	EXPECT(!sup_receive(&info, SUP_TRY));
	ref.v++;
	EXPECT(sup_demonitor(ref, true) == -EPERM);
	EXPECT(sup_wait(self, NULL, LONG) == -EDEADLK);
	return 0;
}

static void late_monitors_get_the_true_reason(void **state)
{
	struct sup_ref ref;

	(void)state;
	run(late_body);
	assert_int_equal(sup_monitor(SUP_PID_NONE, &ref), -EPERM);
}

static int allocation_body(void *arg)
{
	struct sup_pid pid = start("alloc", idle, arg);
	struct sup_ref ref;
	unsigned int n;
	int ret;

	for (n = 1; ; n++) {
		sup__alloc_fail_nth(n);
		ret = sup_monitor(pid, &ref);
		sup__alloc_fail_nth(0);
		if (!ret)
			break;
		EXPECT(ret == -ENOMEM);
	}
	EXPECT(n == 2);
	return 0;
}

static void a_monitor_allocates_once(void **state)
{
	(void)state;
	run(allocation_body);
}

static void names_belong_to_the_living(void **state)
{
	struct sup_pid a, b;
	char longest[SUP_NAME_MAX + 2];
	unsigned int n;
	int ret;

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[SUP_NAME_MAX + 1] = '\0';
	a = start("a", idle, NULL);
	b = start("b", idle, NULL);
	assert_int_equal(sup_whereis("a").v, a.v);
	assert_int_equal(sup_register("a", b), -EEXIST);
	assert_int_equal(sup_register("c", b), 0);
	assert_int_equal(sup_register("", b), -EINVAL);
	assert_int_equal(sup_register(NULL, b), -EINVAL);
	assert_int_equal(sup_register(longest, b), -ENAMETOOLONG);
	longest[SUP_NAME_MAX] = '\0';
	assert_int_equal(sup_register(longest, b), 0);
	assert_int_equal(sup_unregister("a"), 0);
	assert_int_equal(sup_unregister("a"), -ENOENT);
	assert_int_equal(sup_register("a", b), 0);
	assert_int_equal(sup_exit(b, &SUP_SHUTDOWN), 0);
	assert_int_equal(sup_wait(b, NULL, LONG), 0);
	assert_int_equal(sup_whereis("a").v, 0);
	assert_int_equal(sup_whereis("b").v, 0);
	assert_int_equal(sup_whereis(longest).v, 0);
	assert_int_equal(sup_register("a", b), -ESRCH);
	for (n = 1; ; n++) {
		sup__alloc_fail_nth(n);
		ret = sup_register("d", a);
		sup__alloc_fail_nth(0);
		if (!ret)
			break;
		assert_int_equal(ret, -ENOMEM);
		assert_int_equal(sup_whereis("d").v, 0);
	}
	assert_int_equal(sup_whereis("d").v, a.v);
}

static int five(void *arg)
{
	(void)arg;
	return 5;
}

static void the_last_1024_are_remembered(void **state)
{
	struct sup_pid first, pid;
	struct sup_reason r;
	int i;

	(void)state;
	first = start(NULL, five, NULL);
	assert_int_equal(sup_wait(first, &r, LONG), 0);
	/* Joined, so that its slot waits among the dead. */
	for (i = 0; i < 3 * SUP__TABLE_REMEMBERED; i++) {
		if (i == SUP__TABLE_REMEMBERED / 2) {
			assert_int_equal(sup_wait(first, &r, SUP_TRY), 0);
			assert_int_equal(r.code, 5);
		}
		pid = start(NULL, five, NULL);
		assert_int_equal(sup_wait(pid, &r, LONG), 0);
		assert_int_equal(r.code, 5);
	}
	assert_int_equal(sup_wait(first, &r, SUP_TRY), 0);
	assert_int_equal(r.kind, SUP_REASON_NOPROC);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(monitors_stack),
		CASE(late_monitors_get_the_true_reason),
		CASE(a_monitor_allocates_once),
		CASE(names_belong_to_the_living),
		CASE(the_last_1024_are_remembered),
	};

	return RUN_TESTS(tests);
}
