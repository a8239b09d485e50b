/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bringing threads to a safe point. */
#ifndef SUP_CORE_PRESS_H
#define SUP_CORE_PRESS_H

#include <stdbool.h>
#include <stdint.h>

struct sup__task;

/*
 * Sees to it that a thread task comes to a safe point: interrupts its system
 * calls now and again until it has ended; past the deadline, which only a kill
 * has, the process ends with a report. was_asleep: it was in a wait of libsup,
 * and has been woken, so the first time can wait. Any thread.
 */
void sup__press(struct sup__task *t, int64_t deadline, bool was_asleep);

/* The runtime's thread: those that are due. When the next is, or INT64_MAX. */
void sup__press_run(void);
int64_t sup__press_next(void);

/* Somebody is pressed. Any thread. */
bool sup__press_any(void);

#endif
