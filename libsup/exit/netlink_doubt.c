/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "exit/netlink_doubt.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <utlist.h>

#include "base/error.h"
#include "exit/proc.h"

void sup__doubts_init(struct sup__doubts *d, int epfd)
{
	sup__lock_init(&d->lock);
	d->epfd = epfd;
	d->list = NULL;
}

/* The copy of a descriptor in a child keeps the set's entry: delete it. */
static void remove_locked(struct sup__doubts *d, struct sup__proc *p)
	SUP__REQUIRES(d->lock)
{
	DL_DELETE(d->list, p);
	p->in_doubt = false;
	epoll_ctl(d->epfd, EPOLL_CTL_DEL, p->pidfd, NULL);
}

void sup__doubts_fini(struct sup__doubts *d)
{
	sup__lock(&d->lock);
	while (d->list)
		remove_locked(d, d->list);
	sup__unlock(&d->lock);
	sup__lock_fini(&d->lock);
}

int sup__doubts_add(struct sup__doubts *d, struct sup__proc *p)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int ret = 0;

	sup__lock(&d->lock);
	if (!p->in_doubt) {
		p->in_doubt = true;
		DL_APPEND(d->list, p);
		if (epoll_ctl(d->epfd, EPOLL_CTL_ADD, p->pidfd, &ev))
			ret = sup__error_sys(-errno, "epoll");
	}
	sup__unlock(&d->lock);
	return ret;
}

bool sup__doubts_drop(struct sup__doubts *d, pid_t pid)
{
	struct sup__proc *p;

	sup__lock(&d->lock);
	DL_FOREACH(d->list, p)
		if (p->pid == pid)
			break;
	if (p)
		remove_locked(d, p);
	sup__unlock(&d->lock);
	return p;
}

/* One that was adopted is not ours to wait for, but its pidfd tells, too. */
static bool has_ended(const struct sup__proc *p)
{
	struct pollfd fd = { .fd = p->pidfd, .events = POLLIN };

	return poll(&fd, 1, 0) > 0;
}

bool sup__doubts_ended(struct sup__doubts *d, struct sup__doubt *ret_doubt)
{
	struct sup__doubt found = { .reason.kind = SUP_REASON_LOST };
	struct sup__proc *p;
	int ret = 0;

	sup__lock(&d->lock);
	DL_FOREACH(d->list, p)
		if (has_ended(p))
			break;
	if (p) {
		found.pid = p->pid;
		ret = sup__proc_peek(p, &found.reason, NULL);
	}
	sup__unlock(&d->lock);
	if (!p)
		return false;
	found.reaped = ret;
	*ret_doubt = found;
	return true;
}
