/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A store in a process of its own: what its two sides send each other.
 *
 * The program's side sends requests in groups, and the next one when all of
 * this one are answered; the process reads a group to its end before it answers
 * any of it. So one of them sends at a time while the other reads, and neither
 * ever waits for a reader that waits for it. A request, and an answer, is as
 * many messages as it needs.
 */
#ifndef SUP_FOUNDATION_EVENT_FRONT_H
#define SUP_FOUNDATION_EVENT_FRONT_H

#include <stdint.h>

#include <sup/server.h>

#define FND__EVENT_PROCESS "fnd_event_process"	/* the task's name */

/* The tag of a message. To the process: what is asked; from it: an error. */
#define FND__PIECE UINT64_C(0x100000000)	/* more of it follows */
#define FND__GROUP_END UINT64_C(0x200000000)	/* to it: the last request */
#define FND__OPENED UINT64_C(0x400000000)	/* from it: the first message */
#define FND__CLOSE UINT64_C(0x800000000)	/* to it: the last message */

/* What it is started with, and the name of its file behind that. */
struct fnd__event_process {
	int64_t max_age_ms;
	uint64_t max_events;
	int durability;
	int has_file;
};

/* What it writes to FND__EVENT_ERROR_FD if it cannot open the file. */
struct fnd__event_error {
	int error;
	char sentence[500];
};

#define FND__EVENT_ERROR_FD 3

/* The server on the program's side; its argument is a store's options. */
extern const struct sup_server_ops fnd__event_front;

#endif
