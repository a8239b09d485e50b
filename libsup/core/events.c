/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Streams of events. Each has a ring, made when it is opened, so that whoever
 * reports needs no memory and waits for no reader: it takes the lock, copies
 * the event into each ring that wants it and has room, or counts it as lost
 * there, and wakes who waits.
 *
 * One lock guards the list of streams and all rings, so that all have their
 * events in the order of their numbers; it is a leaf.
 */
#include "core/event.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sup/task.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/futex.h"
#include "base/lock.h"
#include "base/spec.h"

#define DEFAULT_CAPACITY 1024

struct sup_events {
	struct sup_events *next;
	struct sup_events_spec spec;
	_Atomic uint32_t news;	/* a futex: bumped for each event */
	size_t first, n;
	uint64_t lost;		/* since the last that was kept */
	int fd;			/* -1: nobody has asked for it */
	struct sup_event ring[];
};

static struct sup__lock lock = SUP__LOCK_INIT;	/* all of this file */
static struct sup_events *streams;
static uint64_t newest;
static _Atomic bool is_read;	/* there are streams */

bool sup__events_are_read(void)
{
	return atomic_load(&is_read);
}

static bool wants(const struct sup_events *e, const struct sup_event *ev)
{
	if (e->spec.kinds && !(e->spec.kinds & SUP_EVENT_BIT(ev->kind)))
		return false;
	return !e->spec.supervisor.v ||
	       e->spec.supervisor.v == ev->supervisor.v;
}

static void put_locked(struct sup_events *e, const struct sup_event *ev)
{
	struct sup_event *slot;

	sup__assert_held(&lock);
	if (e->n == e->spec.capacity) {
		e->lost++;
		return;
	}
	slot = &e->ring[(e->first + e->n++) % e->spec.capacity];
	*slot = *ev;
	/* It is read when this has long gone: sup_process_output() has it. */
	slot->output = NULL;
	slot->lost = e->lost;
	e->lost = 0;
	if (e->fd >= 0)
		eventfd_write(e->fd, 1);
	atomic_fetch_add(&e->news, 1);
	sup__futex_wake_all(&e->news);
}

void sup__events_put(struct sup_event *ev)
{
	struct sup_events *e;

	sup__lock(&lock);
	ev->seq = ++newest;
	for (e = streams; e; e = e->next)
		if (wants(e, ev))
			put_locked(e, ev);
	sup__unlock(&lock);
}

int sup_events_open(const struct sup_events_spec *events_spec,
		    struct sup_events **ret_events)
{
	struct sup_events_spec spec = { .size = sizeof(spec) };
	struct sup_events *e;
	int ret = 0;

	if (events_spec)
		ret = sup__spec_copy(&spec, sizeof(spec), events_spec,
				     "sup_events_spec");
	if (ret)
		return ret;
	if (!spec.capacity)
		spec.capacity = DEFAULT_CAPACITY;
	if (spec.capacity > SUP_EVENTS_MAX)
		return sup__error(-EINVAL, "capacity: %zu is more than %d",
				  spec.capacity, SUP_EVENTS_MAX);
	e = sup__zalloc(sizeof(*e) + spec.capacity * sizeof(e->ring[0]));
	if (!e)
		return sup__error_nomem("a stream of events");
	e->spec = spec;
	e->fd = -1;
	sup__lock(&lock);
	e->next = streams;
	streams = e;
	atomic_store(&is_read, true);
	sup__unlock(&lock);
	*ret_events = e;
	return 0;
}

static bool take_locked(struct sup_events *e, struct sup_event *ret_event)
{
	eventfd_t unused;

	sup__assert_held(&lock);
	if (!e->n)
		return false;
	*ret_event = e->ring[e->first];
	e->first = (e->first + 1) % e->spec.capacity;
	/* ORDER: under the lock, or a later event's write would be lost. */
	if (!--e->n && e->fd >= 0)
		eventfd_read(e->fd, &unused);
	return true;
}

int sup_events_next(struct sup_events *e, struct sup_event *ret_event,
		    int64_t deadline)
{
	uint32_t seen;
	int ret = 0;
	bool got;

	for (;;) {
		sup_checkpoint();
		seen = atomic_load(&e->news);
		sup__lock(&lock);
		got = take_locked(e, ret_event);
		sup__unlock(&lock);
		if (got)
			return 0;
		if (ret == -ETIMEDOUT)
			return sup__error(ret, "there was no event in time");
		ret = sup__futex_wait(&e->news, seen, deadline);
	}
}

int sup_events_fd(struct sup_events *e, int *ret_fd)
{
	int ret = 0;

	sup__lock(&lock);
	if (e->fd < 0)
		e->fd = eventfd(e->n != 0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (e->fd < 0)
		ret = -errno;
	else
		*ret_fd = e->fd;
	sup__unlock(&lock);
	return ret ? sup__error_sys(ret, "an eventfd") : 0;
}

void sup_events_close(struct sup_events *e)
{
	struct sup_events **link = &streams;

	if (!e)
		return;
	sup__lock(&lock);
	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	atomic_store(&is_read, streams != NULL);
	sup__unlock(&lock);
	if (e->fd >= 0)
		close(e->fd);
	sup__free(e);
}
