/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events as bytes: what the store and its clients send each other. */
#ifndef SUP_FOUNDATION_EVENT_H
#define SUP_FOUNDATION_EVENT_H

#include <foundation/event_store.h>

/* Grows as events are added; bytes belongs to malloc(3). */
struct fnd__events {
	unsigned char *bytes;
	size_t len, size;
	size_t n;
};

/* 0, or the errors of fnd_event_store(); the sentence begins with where. */
int fnd__event_check(const char *where, const struct fnd_event *e);

/* false: no memory. */
bool fnd__events_add(struct fnd__events *events, const struct fnd_event *e);

/*
 * Reads one at *at, which begins with 0, and moves *at behind it; strings are
 * within bytes. false: there is none, or what is there is none.
 */
bool fnd__events_next(const void *bytes, size_t len, size_t *at,
		      struct fnd_event *ret_event);

/* All of them in one block, NULL if there are none. -ENOMEM, -EBADMSG. */
int fnd__events_unpack(const void *bytes, size_t len,
		       struct fnd_event **ret_events, size_t *ret_n);

#endif
