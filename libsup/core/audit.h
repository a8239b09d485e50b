/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts under way, which the audit waits for. */
#ifndef SUP_CORE_AUDIT_H
#define SUP_CORE_AUDIT_H

/*
 * Around what makes a task, until the runtime knows it: a thread by its id, a
 * process by its number. begin returns what end, on any thread, wants. Makes
 * no system call, unless an audit waits.
 */
unsigned int sup__start_begin(void);
void sup__start_end(unsigned int era);

/*
 * A debug run: if SUP_AUDIT is set in the environment each stray is logged, and
 * if there is one the process ends. Foreign threads, with no task left.
 */
void sup__audit_at_close(void);

#endif
