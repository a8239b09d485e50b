/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for files on a task's thread. */
#ifndef TOOLS_IOWAIT_H
#define TOOLS_IOWAIT_H

#include <poll.h>

/*
 * Waits as poll(2), timeout_ms < 0: for ever. Does not return when the task
 * is told to end. Returns how many are ready, 0 when time is up, or -errno.
 */
int io_wait(struct pollfd *fds, nfds_t n, int timeout_ms);

#endif
