/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handing an event to the sink and the streams of <sup/event.h>. */
#ifndef SUP_CORE_EVENT_H
#define SUP_CORE_EVENT_H

#include <sup/event.h>

/* False: nobody is told, so that nothing needs to be put together. */
bool sup__event_is_wanted(void);

/*
 * Runs the sink, if there is one, on the calling thread. Fills in time_ns if it
 * is 0. Hold no lock. Any thread.
 */
void sup__event_emit(const struct sup_event *ev);

/* The calling thread has jumped out of it, if it was in it. */
void sup__event_leave_sink(void);

/* Whether there is a stream. */
bool sup__events_are_read(void);

/* The streams alone; gives it its number. */
void sup__events_put(struct sup_event *ev);

#endif
