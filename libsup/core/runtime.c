/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One thread, "sup-exit", sleeps until the exit source or the bell, an
 * eventfd, has something for it, and then
 *  - hands on what the source tells of processes, and ends those thread tasks
 *    whose threads went without a report;
 *  - joins the threads of tasks that have ended, and drops the thread's
 *    reference, with which the task is freed;
 *  - presses threads that are to come to a safe point (core/press.c);
 *  - sends the timers that go to names.
 *
 * A source that tells of threads says when a thread can be joined. With others
 * it is looked after a while, in which it has mostly gone, and again after
 * longer ones. So it is with the presses: these two have no event to wait for.
 * What has to be looked at in a while is a matter of a timer, so that a restart
 * wakes this thread after it is over, and many at once do so once.
 *
 * Lock: lists_lock, a leaf.
 */
#include "core/runtime.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <sup/application.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/spec.h"
#include "base/thread.h"
#include "core/audit.h"
#include "core/contain.h"
#include "core/link.h"
#include "core/monitor.h"
#include "core/press.h"
#include "core/process.h"
#include "core/spare.h"
#include "core/table.h"
#include "core/task.h"
#include "core/thread.h"
#include "core/tids.h"
#include "core/timer.h"

#define GAP_MIN INT64_C(1000000)
#define GAP_MAX INT64_C(256000000)
#define MANY_THREADS 256

enum {
	CLOSED,
	OPENING,
	OPEN,
	CLOSING,
};

static struct {
	_Atomic int state;
	_Atomic(struct sup__exit_source *) src;
	int epoll_fd, timer_fd;
	struct sup__thread thread;
	_Atomic pid_t tid;		/* its */
	struct sigaction old_press;
	_Atomic bool stop;
	_Atomic bool tells_threads;
	unsigned int start_era;
	int64_t join_at, join_gap;	/* its thread's: when to try again */
} rt;

static const struct sup__exit_ops *test_ops;
static struct sup__lock lists_lock = SUP__LOCK_INIT;	/* the next four */
static int bell_fd = -1;		/* -1: it is closed */
static int64_t look_at = INT64_MAX;	/* when the timer goes off */
static struct sup__task *joins;
static uint32_t n_threads;

struct sup__exit_source *sup__runtime_source(void)
{
	return atomic_load(&rt.src);
}

void sup__runtime_set_source(const struct sup__exit_ops *ops)
{
	test_ops = ops;
}

/* Who comes late rings nothing, and not what has the bell's number by then. */
void sup__runtime_ring(void)
{
	sup__lock(&lists_lock);
	if (bell_fd >= 0)
		eventfd_write(bell_fd, 1);
	sup__unlock(&lists_lock);
}

/* Closes the one before. */
static void set_bell(int fd)
{
	sup__lock(&lists_lock);
	if (bell_fd >= 0)
		close(bell_fd);
	bell_fd = fd;
	sup__unlock(&lists_lock);
}

/* In GAP_MIN. */
static void look_soon_locked(void)
{
	const struct itimerspec soon = { .it_value.tv_nsec = GAP_MIN };
	int64_t at = sup__now_ns() + GAP_MIN;

	sup__assert_held(&lists_lock);
	if (at >= look_at)
		return;
	look_at = at;
	timerfd_settime(rt.timer_fd, 0, &soon, NULL);
}

void sup__runtime_look_soon(void)
{
	sup__lock(&lists_lock);
	look_soon_locked();
	sup__unlock(&lists_lock);
}

bool sup__runtime_knows_thread(pid_t tid)
{
	/* ORDER: a spare is a task's before it is none any more. */
	return tid == atomic_load(&rt.tid) || sup__spare_has(tid) ||
	       sup__tids_has(tid);
}

bool sup__runtime_tells_threads(void)
{
	return atomic_load(&rt.tells_threads);
}

void sup__runtime_thread_begun(struct sup__task *t)
{
	bool many;

	sup__tids_add(t);
	sup__lock(&lists_lock);
	many = ++n_threads == MANY_THREADS;
	sup__unlock(&lists_lock);
	if (many)
		sup__thread_make_room(true);
}

static void joined(struct sup__task *t)
{
	struct sup__task *entry = NULL;

	sup__lock(&lists_lock);
	n_threads--;
	sup__unlock(&lists_lock);
	if (!rt.tells_threads || t->adopted)
		entry = sup__tids_take(atomic_load(&t->os_tid), INT64_MAX);
	if (entry)
		sup__task_put(entry);
	sup__task_put(t);
}

void sup__runtime_thread_ended(struct sup__task *t)
{
	if (t->adopted) {
		joined(t);
		sup__runtime_ring();
		return;
	}
	sup__lock(&lists_lock);
	t->join_next = joins;
	joins = t;
	if (!rt.tells_threads)
		look_soon_locked();
	sup__unlock(&lists_lock);
	if (atomic_load(&rt.stop))
		sup__runtime_ring();
}

/* Whatever it left by, its thread is gone and has reported nothing. */
void sup__runtime_thread_vanished(struct sup__task *t,
				  struct sup_reason reason)
{
	if (sup__task_has_ended(t))
		return;
	if (reason.kind == SUP_REASON_NORMAL)
		reason.kind = SUP_REASON_LOST;
	sup__log(LOG_WARNING, "thread \"%s\" (%d) ended without passing "
		 "through libsup", t->name, (int)atomic_load(&t->os_tid));
	sup__task_end(t, &reason);
	sup__runtime_thread_ended(t);
}

/* Joins those that are gone; the others are tried again after a while. */
static void do_joins(void)
{
	struct sup__task *t, *list, *left = NULL, **last = &left;

	sup__lock(&lists_lock);
	list = joins;
	joins = NULL;
	sup__unlock(&lists_lock);
	if (!list)
		rt.join_gap = GAP_MIN;
	while ((t = list)) {
		list = t->join_next;
		if (atomic_load(&t->may_join) &&
		    sup__thread_try_join(t->thread)) {
			rt.join_gap = GAP_MIN;
			joined(t);
			continue;
		}
		*last = t;
		last = &t->join_next;
	}
	if (!left)
		return;
	rt.join_at = sup__now_ns() + rt.join_gap;
	if (rt.join_gap < GAP_MAX)
		rt.join_gap *= 2;
	sup__lock(&lists_lock);
	*last = joins;
	joins = left;
	sup__unlock(&lists_lock);
}

/* When there is a timer, or something to be tried again; or INT64_MAX. */
static int64_t time_to_wake(void)
{
	int64_t at = sup__timer_names_next(), watch = sup__process_watch_next();
	int64_t press = sup__press_next();

	if (watch < at)
		at = watch;
	if (press < at)
		at = press;
	sup__lock(&lists_lock);
	if (joins && rt.join_at < at)
		at = rt.join_at;
	sup__unlock(&lists_lock);
	return at;
}

static void sleep_until(int64_t at)
{
	int64_t left = at - sup__now_ns();
	struct epoll_event events[3];
	struct timespec ts;

	if (left < 0)
		left = 0;
	ts.tv_sec = left / 1000000000;
	ts.tv_nsec = left % 1000000000;
	if (epoll_pwait2(rt.epoll_fd, events, 3, at == INT64_MAX ? NULL : &ts,
			 NULL) < 0 && errno != EINTR)
		sup__log(LOG_ERR, "epoll_pwait2: %s", strerror(errno));
}

static bool thread_event(const struct sup__exit_event *ev)
{
	int64_t at = ev->exit_ns ? ev->exit_ns : INT64_MAX;
	struct sup_reason reason = ev->reason;
	struct sup__task *t;

	if (ev->pid != getpid())
		return false;
	t = sup__tids_take(ev->tid, at);
	if (!t)
		return sup__spare_told(ev->tid, at);
	reason.exit_ns = ev->exit_ns;
	sup__runtime_thread_vanished(t, reason);
	sup__task_put(t);
	return true;
}

static void on_event(const struct sup__exit_event *ev, void *arg)
{
	bool claimed = true;

	(void)arg;
	switch (ev->kind) {
	case SUP__EXIT_THREAD:
		claimed = thread_event(ev);
		break;
	case SUP__EXIT_PROCESS:
		claimed = sup__process_event(ev);
		break;
	case SUP__EXIT_LINEAGE:
		sup__process_event(ev);
		break;
	case SUP__EXIT_OVERFLOW:
		if (ev->untracked)
			sup__process_untracked();
		break;
	case SUP__EXIT_ENDED:
		rt.tells_threads = false;
		sup__process_source_ended();
		break;
	case SUP__EXIT_OWNER:
		break;
	}
	if (!claimed)
		sup__runtime_unclaimed(ev);
}

static bool is_idle(void)
{
	bool idle;

	sup__lock(&lists_lock);
	idle = !joins && !n_threads;
	sup__unlock(&lists_lock);
	/* ORDER: who presses a task that has not ended is counted there. */
	return idle && !sup__press_any();
}

/* It looks now: whoever wants it to later sets the timer again. */
static void forget_timer(void)
{
	sup__lock(&lists_lock);
	look_at = INT64_MAX;
	sup__unlock(&lists_lock);
}

static void *exit_thread(void *arg)
{
	struct sup__exit_source *src = atomic_load(&rt.src);
	int ret;

	(void)arg;
	atomic_store(&rt.tid, sup__gettid());
	sup__thread_exact_waits();
	sup__start_end(rt.start_era);
	while (!atomic_load(&rt.stop) || !is_idle()) {
		sleep_until(time_to_wake());
		forget_timer();
		sup__timer_names_run();
		ret = src->ops->dispatch(src, on_event, NULL);
		if (ret < 0)
			sup__log(LOG_ERR, "the exit source: %s", sup_error());
		sup__process_watch_run();
		do_joins();
		sup__press_run();
	}
	return NULL;
}

static int poll_fd(int fd, uint32_t edge)
{
	struct epoll_event ev = { .events = EPOLLIN | edge };

	if (epoll_ctl(rt.epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		return sup__error_sys(-errno, "what the runtime polls");
	return 0;
}

static int open_fds(struct sup__exit_source *src)
{
	int ret, watch_fd, bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (bell < 0)
		return sup__error_sys(-errno, "an eventfd");
	set_bell(bell);
	/* What the last runtime's timer was set to is not this one's. */
	forget_timer();
	rt.timer_fd = timerfd_create(CLOCK_MONOTONIC,
				     TFD_CLOEXEC | TFD_NONBLOCK);
	if (rt.timer_fd < 0) {
		ret = sup__error_sys(-errno, "a timerfd");
		goto close_bell;
	}
	rt.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (rt.epoll_fd < 0) {
		ret = sup__error_sys(-errno, "an epoll instance");
		goto close_timer;
	}
	ret = sup__process_watch_open(&watch_fd);
	if (ret)
		goto close_epoll;
	/* Each time these two go off is told once, and need not be read. */
	ret = poll_fd(bell, EPOLLET) ?: poll_fd(rt.timer_fd, EPOLLET) ?:
	      poll_fd(src->ops->fd(src), 0) ?: poll_fd(watch_fd, 0);
	if (ret)
		goto close_watch;
	return 0;

close_watch:
	sup__process_watch_close();
close_epoll:
	close(rt.epoll_fd);
close_timer:
	close(rt.timer_fd);
close_bell:
	set_bell(-1);
	return ret;
}

static void close_fds(void)
{
	sup__process_watch_close();
	close(rt.epoll_fd);
	close(rt.timer_fd);
	set_bell(-1);
}

static int open_source(const struct sup_options *opts,
		       struct sup__exit_source **ret_src)
{
	if (test_ops)
		return test_ops->open(opts, ret_src);
	return sup__exit_open(opts, ret_src);
}

static int open_runtime(const struct sup_options *opts)
{
	struct sigaction press_action = {
		.sa_sigaction = sup__contain_on_press,
		.sa_flags = SA_SIGINFO | SA_ONSTACK,
	};
	struct sup__exit_source *src;
	int ret;

	ret = open_source(opts, &src);
	if (ret)
		return ret;
	rt.tells_threads = !(src->info.lacks & SUP_LACKS_THREADS);
	rt.join_gap = GAP_MIN;
	ret = open_fds(src);
	if (ret)
		goto close_source;
	sup__contain_open();
	sigaction(SUP__SIGNAL_PRESS, &press_action, &rt.old_press);
	atomic_store(&rt.stop, false);
	atomic_store(&rt.src, src);
	sup__thread_make_room(false);
	rt.start_era = sup__start_begin();
	ret = sup__thread_start("sup-exit", 0, exit_thread, NULL, &rt.thread);
	if (!ret)
		return 0;
	sup__start_end(rt.start_era);
	atomic_store(&rt.src, NULL);
	sigaction(SUP__SIGNAL_PRESS, &rt.old_press, NULL);
	sup__contain_close();
	close_fds();
close_source:
	src->ops->close(src);
	return ret;
}

int sup_open(const struct sup_options *opts)
{
	struct sup_options own = { .size = sizeof(own) };
	int closed = CLOSED, ret;

	if (opts) {
		ret = sup__spec_copy(&own, sizeof(own), opts, "sup_options");
		if (ret)
			return ret;
	}
	if (!atomic_compare_exchange_strong(&rt.state, &closed, OPENING))
		return sup__error(-EALREADY, "the runtime is open already");
	ret = open_runtime(&own);
	atomic_store(&rt.state, ret ? CLOSED : OPEN);
	if (!ret) {
		sup__timer_names_open();
		sup__task_open_tree(true);
	}
	return ret;
}

/* A server takes the time its terminate takes: it may have a tree to stop. */
static void stop_root(struct sup__task *t)
{
	int64_t deadline = t->is_server ? SUP_FOREVER :
			   sup_deadline_ms(SUP__KILL_MS);
	struct sup_pid pid = sup__task_pid(t);

	sup__link_shut(t, SUP_PID_NONE, &SUP_SHUTDOWN);
	if (sup_wait(pid, NULL, deadline) != -ETIMEDOUT)
		return;
	sup_kill(pid, sup_deadline_ms(SUP__KILL_MS));
	sup_wait(pid, NULL, SUP_FOREVER);
}

int sup_close(void)
{
	struct sup__exit_source *src = atomic_load(&rt.src);
	struct sup__task *t;
	int open = OPEN;

	if (sup__self)
		return sup__error(-EDEADLK, "a task cannot close the runtime "
				  "that runs it");
	if (!atomic_compare_exchange_strong(&rt.state, &open, CLOSING))
		return 0;
	sup_application_stop_all(SUP_FOREVER);
	sup__task_open_tree(false);
	/* One that another thread has just started. */
	sup_application_stop_all(SUP_FOREVER);
	sup__timer_names_close();
	while ((t = sup__task_newest_root())) {
		stop_root(t);
		sup__task_put(t);
	}
	sup__audit_at_close();
	atomic_store(&rt.stop, true);
	sup__runtime_ring();
	sup__thread_join(rt.thread);
	sup__thread_trim();
	/* What the source has not told of any more. */
	sup__tids_clear();
	sup__spare_clear();
	atomic_store(&rt.src, NULL);
	src->ops->close(src);
	sigaction(SUP__SIGNAL_PRESS, &rt.old_press, NULL);
	sup__contain_close();
	close_fds();
	atomic_store(&rt.state, CLOSED);
	return 0;
}

size_t sup_trim(void)
{
	return sup__thread_trim();
}
