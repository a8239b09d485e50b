/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mailboxes that are polled, and threads that become tasks. */
#include "tasks.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "core/table.h"

static bool is_readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int ret;

	do {
		ret = poll(&p, 1, ms);
	} while (ret < 0 && errno == EINTR);
	return ret == 1;
}

struct seen {
	int msgs, timers, exits, stop_after;
};

static int see(struct sup_info *info, void *arg)
{
	struct seen *s = arg;

	s->msgs += info->kind == SUP_INFO_MSG;
	s->timers += info->kind == SUP_INFO_TIMER;
	s->exits += info->kind == SUP_INFO_EXIT;
	sup_msg_free(&info->msg);
	return s->stop_after && s->msgs == s->stop_after ? 5 : 0;
}

static int polls(void *arg)
{
	struct sup_msg msg = { .tag = 1 };
	struct seen s = { .msgs = 0 };
	int fd, again, i;
	int64_t at;

	(void)arg;
	/* What has come before is there. */
	EXPECT(!sup_send(sup_self(), &msg, LONG));
	EXPECT(!sup_fd(&fd) && !sup_fd(&again) && fd == again);
	EXPECT(is_readable(fd, 30000));
	EXPECT(!sup_dispatch(see, &s) && s.msgs == 1);
	EXPECT(!is_readable(fd, 0));
	/* All that comes at once, though not in one go. */
	for (i = 0; i < 200; i++)
		EXPECT(!sup_send(sup_self(), &msg, LONG));
	for (i = 0; is_readable(fd, 0); i++)
		EXPECT(!sup_dispatch(see, &s));
	EXPECT(s.msgs == 201 && i > 1);
	/* A timer of its own, and one that comes sooner than that. */
	at = sup_deadline_ms(60000);
	EXPECT(!sup_timer_start(sup_self(), &msg, at, NULL));
	EXPECT(!sup_dispatch(see, &s));
	EXPECT(!is_readable(fd, 0));
	at = sup_deadline_ms(3);
	EXPECT(!sup_timer_start(sup_self(), &msg, at, NULL));
	while (!s.timers) {
		EXPECT(is_readable(fd, 30000));
		EXPECT(!sup_dispatch(see, &s));
	}
	EXPECT(sup__now_ns() >= at);
	EXPECT(!is_readable(fd, 0));
	/* A callback may end it; the rest is still there. */
	for (i = 0; i < 3; i++)
		EXPECT(!sup_send(sup_self(), &msg, LONG));
	s = (struct seen){ .stop_after = 2 };
	EXPECT(sup_dispatch(see, &s) == 5);
	EXPECT(is_readable(fd, 0));
	EXPECT(!sup_dispatch(see, &s) && s.msgs == 3);
	return 0;
}

static void a_mailbox_can_be_polled(void **state)
{
	int fd;

	(void)state;
	run_with(polls, NULL);
	assert_int_equal(sup_fd(&fd), -EPERM);
	assert_int_equal(sup_dispatch(see, NULL), -EPERM);
}

/* Sleeps in poll() alone; others wake it. */
struct sleeper {
	_Atomic int fd;
	_Atomic int msgs;
	bool traps;
};

static int count(struct sup_info *info, void *arg)
{
	struct sleeper *s = arg;

	sup_msg_free(&info->msg);
	atomic_fetch_add(&s->msgs, 1);
	return info->kind == SUP_INFO_EXIT ? 1 : 0;
}

static int sleeps_in_poll(void *arg)
{
	struct sleeper *s = arg;
	int fd;

	EXPECT(!s->traps || !sup_trap_exits(true, NULL));
	EXPECT(!sup_fd(&fd));
	atomic_store(&s->fd, fd);
	for (;;) {
		EXPECT(is_readable(fd, 30000));
		if (sup_dispatch(count, s))
			return 0;
	}
}

static void others_wake_who_polls(void **state)
{
	struct sup_msg msg = { .tag = 1 };
	struct sup_reason why = shutdown_of(6);
	int i, traps;

	(void)state;
	for (traps = 0; traps < 2; traps++) {
		struct sleeper s = { .traps = traps };
		struct sup_pid pid = start(sleeps_in_poll, &s);

		for (i = 0; i < SLOWLY(2000); i++)
			assert_int_equal(sup_send(pid, &msg, LONG), 0);
		assert_int_equal(sup_timer_start(pid, &msg, sup_deadline_ms(1),
						 NULL), 0);
		while (atomic_load(&s.msgs) <= SLOWLY(2000))
			sup_wait(pid, NULL, sup_deadline_ms(1));
		assert_int_equal(sup_exit(pid, &why), 0);
		assert_int_equal(end_of(pid).kind, traps ? SUP_REASON_NORMAL :
				 SUP_REASON_SHUTDOWN);
	}
}

static int on_main(void *arg)
{
	struct sup_info info;
	struct sup_ref ref;
	struct sup_pid child;

	EXPECT(sup_whereis("main").v == sup_self().v);
	EXPECT(sup_thread_run(NULL, NULL) == -EPERM);
	EXPECT(sup_close() == -EDEADLK);
	child = start(arg, NULL);
	EXPECT(!sup_monitor(child, &ref));
	EXPECT(!sup_receive(&info, LONG) && info.pid.v == child.v);
	return 3;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void a_thread_that_is_there_becomes_a_task(void **state)
{
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .name = "main", .reg = true,
		.run = on_main, .arg = nothing,
	};
	struct sup_reason reason;
	sigset_t press, after;
	int i;

	(void)state;
	/* What is unblocked in a task is blocked again afterwards. */
	sigemptyset(&press);
	sigaddset(&press, SIGRTMIN + 5);
	pthread_sigmask(SIG_BLOCK, &press, NULL);
	for (i = 0; i < 20; i++) {
		assert_int_equal(sup_thread_run(&spec, &reason), 0);
		assert_int_equal(reason.kind, SUP_REASON_EXIT);
		assert_int_equal(reason.code, 3);
		assert_int_equal(sup_self().v, 0);
		assert_int_equal(sup_whereis("main").v, 0);
	}
	pthread_sigmask(SIG_UNBLOCK, &press, &after);
	assert_true(sigismember(&after, SIGRTMIN + 5));
	spec.run = NULL;
	assert_int_equal(sup_thread_run(&spec, &reason), -EINVAL);
}

static int receives(void *arg)
{
	struct sup_info info;

	atomic_store((_Atomic uint64_t *)arg, sup_self().v);
	while (!sup_receive(&info, SUP_FOREVER))
		sup_msg_free(&info.msg);
	return 1;
}

struct outer {
	_Atomic uint64_t pid;
	struct sup_reason reason;
};

static void *run_as_task(void *arg)
{
	struct outer *o = arg;
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = receives, .arg = &o->pid,
	};

	sup_thread_run(&spec, &o->reason);
	return NULL;
}

/* It ends as others do, by a signal or a kill, and its thread goes on. */
static void an_adopted_thread_can_be_ended(void **state)
{
	struct sup_reason why = shutdown_of(8);
	struct sup_pid pid;
	pthread_t thread;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct outer o = { .pid = 0 };

		assert_int_equal(pthread_create(&thread, NULL, run_as_task,
						&o), 0);
		while (!(pid.v = atomic_load(&o.pid)))
			sup_wait(SUP_PID_NONE, NULL, SUP_TRY);
		if (i == 0)
			assert_int_equal(sup_exit(pid, &why), 0);
		else if (i == 1)
			assert_int_equal(sup_kill(pid, LONG), 0);
		else
			assert_int_equal(sup_close(), 0);
		pthread_join(thread, NULL);
		assert_int_equal(o.reason.kind, i == 1 ? SUP_REASON_KILLED :
				 SUP_REASON_SHUTDOWN);
		assert_int_equal(o.reason.term, i ? 0 : 8);
	}
}

static int leave_at_once(void *arg)
{
	atomic_store((_Atomic uint64_t *)arg, sup_self().v);
	pthread_exit(NULL);
}

static void *leave_as_task(void *arg)
{
	struct outer *o = arg;
	struct sup_thread_spec spec = {
		.size = sizeof(spec), .run = leave_at_once, .arg = &o->pid,
	};

	sup_thread_run(&spec, NULL);
	/* Not reached. */
	atomic_store(&o->pid, 0);
	return NULL;
}

/* Its slot was held for ever by who did not come back to put it. */
static void pthread_exit_leaves_no_slot_behind(void **state)
{
	struct outer o = { .pid = 0 };
	struct sup_reason reason;
	struct sup_pid pid;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, leave_as_task, &o), 0);
	pthread_join(thread, NULL);
	pid.v = atomic_load(&o.pid);
	assert_true(pid.v);
	assert_true(sup__table_recall(pid, &reason));
	assert_int_equal(reason.kind, SUP_REASON_LOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_mailbox_can_be_polled),
		CASE(others_wake_who_polls),
		CASE(a_thread_that_is_there_becomes_a_task),
		CASE(an_adopted_thread_can_be_ended),
		CASE(pthread_exit_leaves_no_slot_behind),
	};

	return RUN_TESTS(tests);
}
