/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last events of this supd, numbered from 1 without a gap. */
#ifndef TOOLS_EVENTS_H
#define TOOLS_EVENTS_H

#include <stdint.h>

#include <sup/event.h>

#define EVENTS_KEPT 16384
#define EVENT_OUTPUT_MAX 512

struct numbered_event {
	uint64_t seq;
	struct sup_event ev;
	char output[EVENT_OUTPUT_MAX];	/* the last lines it wrote, or "" */
};

/*
 * Begins to collect; after sup_open(). wake_fd, an eventfd, is written to after
 * each event.
 */
int events_start(int wake_fd);
void events_stop(void);

/* The number of the newest event; 0: none yet. Any thread. */
uint64_t events_newest(void);

/*
 * Copies the oldest event after seq that is still kept. -ENOENT: there is
 * none. A number in *ret_ev beyond seq + 1 tells how many were dropped.
 */
int events_next(uint64_t seq, struct numbered_event *ret_ev);

/* Writes it as one JSON object. Its length, or -ENOSPC. */
int events_format(const struct numbered_event *e, char *buf, size_t size);

#endif
