/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Process tasks. The life of one:
 *
 *	starting	the child is born; whatever ends it is kept back until
 *			its start has returned, so that no parent hears of the
 *			end of a child it does not know yet
 *	running		it is ready, or taken over from a dead owner
 *	draining	it has ended: the rest of its lineage is killed and
 *			waited for; it stays a zombie, by which its number is
 *			its own
 *	ended		reaped; the task ends with the reason of the process
 */
#ifndef SUP_CORE_PROCESS_H
#define SUP_CORE_PROCESS_H

#include <stdbool.h>

#include <sup/process.h>

struct sup__exit_event;

/*
 * A PROCESS or LINEAGE event of the source. True if it was that of a process
 * task. The runtime's thread.
 */
bool sup__process_event(const struct sup__exit_event *ev);

/*
 * True if a lineage is that of a process task; first is the number of the
 * process it began with, 0 if that has ended. Any thread.
 */
bool sup__process_knows(uint64_t lineage, pid_t first);

/* An OVERFLOW event with untracked. The runtime's thread. */
void sup__process_untracked(void);

/* An ENDED event. The runtime's thread. */
void sup__process_source_ended(void);

/*
 * process_watch.c: what living processes say, and when they are to be dealt
 * with. fd, which is the runtime's to poll, is readable if run() has something
 * to read; next() is when it has something to do, or INT64_MAX. close() when no
 * task is left. -EMFILE, ... The runtime's thread runs it.
 */
int sup__process_watch_open(int *ret_fd);
void sup__process_watch_close(void);
int64_t sup__process_watch_next(void);
void sup__process_watch_run(void);

/*
 * process_output.c: as sup_process_output(), for who is told of an end. False:
 * there is nothing. close: forgets what is kept of those that have ended.
 */
bool sup__process_recall_output(struct sup_pid pid, char *buf, size_t size);
void sup__process_output_close(void);

#endif
