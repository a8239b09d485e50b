/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iowait.h"

#include <errno.h>

#include <sup/task.h>
#include <sup/types.h>

static int left_ms(int64_t deadline)
{
	int64_t left = deadline - sup_deadline_ms(0);

	if (deadline == SUP_FOREVER)
		return -1;
	return left > 0 ? (int)((left + 999999) / 1000000) : 0;
}

int io_wait(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int64_t deadline = sup_deadline_ms(timeout_ms);
	int ready;

	/* A task that is to end is interrupted until it has checked. */
	do {
		sup_checkpoint();
		ready = poll(fds, n, left_ms(deadline));
	} while (ready < 0 && errno == EINTR);
	sup_checkpoint();
	return ready < 0 ? -errno : ready;
}
