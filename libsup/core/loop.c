/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The descriptor is an epoll instance of two: an eventfd that whoever wakes the
 * task's seat writes to, and a timerfd that is set to the first of its timers.
 *
 * ORDER: sup_dispatch() empties the eventfd, then looks at the mailbox until
 * nothing is there. Whoever puts something into an empty lane after that wakes
 * the seat, so the eventfd is readable again.
 */
#include "core/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "core/table.h"
#include "core/task.h"
#include "core/thread.h"

#define AT_ONCE 64	/* infos in one dispatch */

struct sup__loop {
	struct sup__seat *seat;
	int epoll_fd, event_fd, timer_fd;
};

static int watch(int epoll_fd, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

static int open_fds(struct sup__loop *loop)
{
	int ret;

	loop->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->event_fd < 0)
		return -errno;
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC,
					TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->timer_fd < 0) {
		ret = -errno;
		goto close_event;
	}
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		ret = -errno;
		goto close_timer;
	}
	ret = watch(loop->epoll_fd, loop->event_fd);
	if (!ret)
		ret = watch(loop->epoll_fd, loop->timer_fd);
	if (!ret)
		return 0;
	close(loop->epoll_fd);
close_timer:
	close(loop->timer_fd);
close_event:
	close(loop->event_fd);
	return ret;
}

void sup__loop_free(struct sup__loop *loop)
{
	if (!loop)
		return;
	/* ORDER: after this nobody writes to it. */
	sup__seat_set_bell(loop->seat, -1);
	close(loop->epoll_fd);
	close(loop->timer_fd);
	close(loop->event_fd);
	sup__free(loop);
}

/* The first timer; it may change only by this thread, or with a wake. */
static void set_timer(struct sup__task *t)
{
	int64_t at = sup__timers_next(&t->timers);
	struct itimerspec its = { .it_value.tv_sec = 0 };

	if (at != SUP__TIMERS_NONE) {
		its.it_value.tv_sec = at / 1000000000;
		its.it_value.tv_nsec = at % 1000000000;
		/* 0 would disarm it. */
		if (!at)
			its.it_value.tv_nsec = 1;
	}
	timerfd_settime(t->loop->timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
}

static struct sup__task *plain_self(void)
{
	if (sup__self && !atomic_load(&sup__self->is_server))
		return sup__self;
	sup__error(-EPERM, "only a plain task has a mailbox to poll");
	return NULL;
}

int sup_fd(int *ret_fd)
{
	struct sup__task *t = plain_self();
	struct sup__loop *loop;
	int ret;

	sup__task_checkpoint();
	if (!t)
		return -EPERM;
	if (t->loop) {
		*ret_fd = t->loop->epoll_fd;
		return 0;
	}
	loop = sup__zalloc(sizeof(*loop));
	if (!loop)
		return sup__error_nomem("a mailbox to poll");
	ret = open_fds(loop);
	if (ret) {
		sup__free(loop);
		return sup__error_sys(ret, "a mailbox to poll");
	}
	loop->seat = atomic_load(&t->seat);
	t->loop = loop;
	sup__seat_set_bell(loop->seat, loop->event_fd);
	/* For what has come before. */
	sup__seat_wake(loop->seat);
	*ret_fd = loop->epoll_fd;
	return 0;
}

/* Both are non-blocking: there may be nothing to read. */
static void silence(struct sup__loop *loop)
{
	uint64_t count;
	ssize_t n;

	n = read(loop->event_fd, &count, sizeof(count));
	n += read(loop->timer_fd, &count, sizeof(count));
	(void)n;
}

int sup_dispatch(int (*cb)(struct sup_info *info, void *arg), void *arg)
{
	struct sup__task *t = plain_self();
	bool empty = false;
	struct sup_info info;
	int n, ret = 0;

	sup__task_checkpoint();
	if (!t)
		return -EPERM;
	if (t->loop)
		silence(t->loop);
	for (n = 0; n < AT_ONCE && !ret && !empty; n++) {
		empty = sup_receive(&info, SUP_TRY);
		if (!empty)
			ret = cb(&info, arg);
	}
	if (t->loop) {
		set_timer(t);
		if (!empty)
			sup__seat_wake(t->loop->seat);
	}
	return ret;
}
