/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What living processes tell us on sockets and pipes, and what has to be done
 * to them at a time. One epoll set for all, which lies in that of the runtime's
 * thread; one time for all, the earliest: who moves his own to later leaves it
 * alone, and the next one is looked for when it has come.
 *
 * A round reads so much of each and no more, and what is left keeps the set
 * readable: who talks without end has his turn like the others.
 */
#include "core/process_in.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/log.h"
#include "core/process_function.h"
#include "core/runtime.h"
#include "core/seat.h"
#include "core/task.h"
#include "exit/notify.h"

#define ROUND_PROCESSES 16
#define ROUND_DATAGRAMS 16
#define MISSED_STOP_MS 5000

static int epoll_fd = -1;
static _Atomic int64_t earliest = INT64_MAX;
static _Atomic unsigned int n_watched;	/* descriptors in the set */

int sup__process_watch_open(int *ret_fd)
{
	int ret;

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		return sup__error_sys(-errno, "an epoll instance");
	atomic_store(&earliest, INT64_MAX);
	atomic_store(&n_watched, 0);
	ret = sup__process_functions_open();
	if (ret) {
		close(epoll_fd);
		epoll_fd = -1;
		return ret;
	}
	*ret_fd = epoll_fd;
	return 0;
}

void sup__process_watch_close(void)
{
	sup__process_functions_close();
	close(epoll_fd);
	epoll_fd = -1;
	sup__process_output_close();
}

static int add(struct sup__process *p, int fd)
{
	struct epoll_event ev = {
		.events = EPOLLIN, .data.u64 = sup__task_pid(p->task).v,
	};

	if (fd < 0)
		return 0;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		return sup__error_sys(-errno, "what pid %d says",
				      (int)p->proc.pid);
	atomic_fetch_add(&n_watched, 1);
	return 0;
}

static void look_away(int fd)
{
	if (!epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL))
		atomic_fetch_sub(&n_watched, 1);
}

/* A child of ours that has not run yet may have a copy: so delete it. */
static void drop(int *fd)
{
	if (*fd < 0)
		return;
	look_away(*fd);
	close(*fd);
	*fd = -1;
}

void sup__process_pause_locked(int fd)
{
	sup__assert_held(&sup__processes);
	look_away(fd);
}

int sup__process_resume_locked(struct sup__process *p, int fd)
{
	sup__assert_held(&sup__processes);
	return add(p, fd);
}

int sup__process_watch_bell(int fd)
{
	struct epoll_event ev = { .data.u64 = SUP_PID_NONE.v };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

/* It is there already, so this cannot fail. */
void sup__process_hear_bell(int fd, bool on)
{
	struct epoll_event ev = {
		.events = on ? EPOLLIN : 0, .data.u64 = SUP_PID_NONE.v,
	};

	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &ev);
	if (on)
		atomic_fetch_add(&n_watched, 1);
	else
		atomic_fetch_sub(&n_watched, 1);
}

int sup__process_watch_locked(struct sup__process *p)
{
	return add(p, p->proc.notify_fd) ?: add(p, p->proc.ready_fd) ?:
	       add(p, p->proc.output_fd) ?: add(p, p->proc.function_fd);
}

void sup__process_unwatch_locked(struct sup__process *p)
{
	sup__assert_held(&sup__processes);
	drop(&p->proc.notify_fd);
	drop(&p->proc.ready_fd);
	drop(&p->proc.output_fd);
	/* Who waits for room in it has a copy, and is to hear of its end. */
	if (p->proc.function_fd >= 0)
		shutdown(p->proc.function_fd, SHUT_RDWR);
	drop(&p->proc.function_fd);
}

void sup__process_unwatch_one_locked(int *fd)
{
	sup__assert_held(&sup__processes);
	drop(fd);
}

static bool lower_earliest(int64_t at)
{
	int64_t old = atomic_load(&earliest);

	while (at < old)
		if (atomic_compare_exchange_weak(&earliest, &old, at))
			return true;
	return false;
}

void sup__process_ready_locked(struct sup__process *p, enum sup__ready to)
{
	if (atomic_load(&p->ready) != SUP__READY_NOT_YET)
		return;
	atomic_store(&p->ready, to);
	sup__futex_wake_all(&p->ready);
	if (p->starter)
		sup__seat_wake(p->starter);
}

/* More time to get ready, or to end; never less than it has. */
static void extend_locked(struct sup__process *p, int64_t by)
{
	int64_t until = sup__now_ns() + by;

	if (p->ready_at < until)
		p->ready_at = until;
	if (p->stop_at && p->stop_at < until)
		p->stop_at = until;
}

static void note_locked(struct sup__process *p, const struct sup__notify *said)
	SUP__REQUIRES(sup__processes)
{
	if (said->has_status)
		memcpy(p->status, said->status, sizeof(p->status));
	if (said->extend_ns)
		extend_locked(p, said->extend_ns);
	if (said->stopping) {
		p->stopping = true;
		p->watchdog_at = 0;
	}
	if (said->ready)
		sup__process_ready_locked(p, SUP__READY_YES);
	if (said->watchdog_ns && p->watchdog_ns)
		p->watchdog_ns = said->watchdog_ns;
	if (p->watchdog_at && (said->alive || said->watchdog_ns))
		lower_earliest(sup__process_expect_locked(p));
	p->trouble |= said->trouble;
	if (p->watchdog_at && p->trouble)
		lower_earliest(sup__process_expect_locked(p));
}

/* Anybody may send some: so once for each doubling. */
static void ignored(struct sup__process *p, const struct sup__notify *said)
{
	p->n_ignored++;
	if (p->n_ignored & (p->n_ignored - 1))
		return;
	if (said->stranger)
		sup__log(LOG_WARNING, "pid %d: sd_notify from pid %d, which "
			 "is not of its lineage, is ignored; that makes %lu",
			 (int)p->pid, (int)said->stranger, p->n_ignored);
	else
		sup__log(LOG_WARNING, "pid %d: sd_notify with more than 4095 "
			 "bytes is ignored; that makes %lu", (int)p->pid,
			 p->n_ignored);
}

/* False: there is nothing more. */
static bool hear_datagram(struct sup__process *p)
{
	struct sup__notify said = { 0 };
	bool more = false;

	sup__lock(&sup__processes);
	if ((p->alive || p->draining) && p->proc.notify_fd >= 0)
		more = sup__notify_next(p->proc.notify_fd, &p->proc, p->src,
					p->lineage, &said);
	if (more)
		note_locked(p, &said);
	sup__unlock(&sup__processes);
	if (said.stranger || said.too_long)
		ignored(p, &said);
	return more;
}

/* A newline, and whatever comes before it. Then it has said all it can. */
static void hear_newline(struct sup__process *p)
{
	char text[512];
	ssize_t n = 0;

	sup__lock(&sup__processes);
	if ((p->alive || p->draining) && p->proc.ready_fd >= 0) {
		n = read(p->proc.ready_fd, text, sizeof(text));
		if (n > 0 && memchr(text, '\n', n))
			sup__process_ready_locked(p, SUP__READY_YES);
		else if (!n)
			p->mute = true;
		if (p->mute || atomic_load(&p->ready) == SUP__READY_YES)
			drop(&p->proc.ready_fd);
	}
	sup__unlock(&sup__processes);
}

void sup__process_hear(struct sup__process *p)
{
	int i;

	for (i = 0; i < ROUND_DATAGRAMS && hear_datagram(p); i++)
		;
	hear_newline(p);
	sup__process_hear_output(p);
	sup__process_function_hear(p);
}

static void hear_all(void)
{
	struct epoll_event events[ROUND_PROCESSES];
	struct sup__process *p;
	int i, n;

	n = epoll_wait(epoll_fd, events, ROUND_PROCESSES, 0);
	for (i = 0; i < n; i++) {
		if (!events[i].data.u64) {
			sup__process_function_retry();
			continue;
		}
		p = sup__process_get((struct sup_pid){ events[i].data.u64 });
		if (!p)
			continue;
		sup__process_hear(p);
		sup__task_put(p->task);
	}
}

int64_t sup__process_watch_next(void)
{
	return atomic_load(&earliest);
}

void sup__process_wake_at(int64_t at)
{
	if (lower_earliest(at))
		sup__runtime_ring();
}

int64_t sup__process_expect_locked(struct sup__process *p)
{
	sup__assert_held(&sup__processes);
	/* One that was taken over cannot reach us. */
	if (!p->alive || !p->watchdog_ns || p->proc.notify_fd < 0)
		return INT64_MAX;
	p->watchdog_at = sup__now_ns() + (p->trouble ? 0 : p->watchdog_ns);
	return p->watchdog_at;
}

/* Its signal may leave a core behind; then it has its time to end. */
static void miss_locked(struct sup__process *p)
{
	p->watchdog_at = 0;
	p->missed = true;
	p->stop_at = sup_deadline_ms(p->stop_timeout_ms ?: MISSED_STOP_MS);
	sup__proc_signal(&p->proc, p->watchdog_signal);
}

enum deed {
	NOTHING,
	MISS,
	STOP,
	STOP_MISSED,
};

static enum deed take_deed(struct sup__process *p, int64_t now,
			   int64_t *ret_next)
{
	enum deed deed = NOTHING;

	sup__lock(&sup__processes);
	if (p->alive && p->stop_at && p->stop_at <= now) {
		deed = p->missed ? STOP_MISSED : STOP;
		p->stop_at = 0;
		p->watchdog_at = 0;
	} else if (p->alive && p->watchdog_at && p->watchdog_at <= now) {
		deed = MISS;
		miss_locked(p);
		*ret_next = p->stop_at;
	}
	sup__unlock(&sup__processes);
	return deed;
}

/* What its time has come for. */
static void deal_with(struct sup__process *p, int64_t now)
{
	int64_t next = INT64_MAX;

	switch (take_deed(p, now, &next)) {
	case NOTHING:
		break;
	case MISS:
		sup__log(LOG_WARNING, "pid %d: watchdog: it was not heard of "
			 "in time, and gets signal %d", (int)p->pid,
			 p->watchdog_signal);
		break;
	case STOP:
		sup__log(LOG_WARNING, "pid %d has not ended within "
			 "stop_timeout_ms, %lld: it is killed", (int)p->pid,
			 (long long)p->stop_timeout_ms);
		sup_kill(sup__task_pid(p->task), SUP_FOREVER);
		break;
	case STOP_MISSED:
		sup__log(LOG_WARNING, "pid %d: watchdog: it has not ended by "
			 "signal %d: it is killed", (int)p->pid,
			 p->watchdog_signal);
		sup__process_kill(p);
		break;
	}
	lower_earliest(next);
}

static struct sup__process *next_due(int64_t now)
{
	struct sup__process *p;
	int64_t next;

	/* ORDER: before the look, so that who comes after it is seen. */
	atomic_store(&earliest, INT64_MAX);
	sup__lock(&sup__processes);
	p = sup__process_due_locked(now, &next);
	if (p)
		sup__task_ref(p->task);
	sup__unlock(&sup__processes);
	lower_earliest(p ? now : next);
	return p;
}

void sup__process_watch_run(void)
{
	int64_t now = sup__now_ns();
	struct sup__process *p;

	/* Without any the runtime's thread makes no call for them. */
	if (atomic_load(&n_watched))
		hear_all();
	while (atomic_load(&earliest) <= now && (p = next_due(now))) {
		deal_with(p, now);
		sup__task_put(p->task);
	}
}
