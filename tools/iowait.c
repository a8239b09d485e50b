/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iowait.h"

#include <errno.h>

#include <sup/task.h>
#include <sup/types.h>

/* A task that waits in poll(2) learns at these turns that it shall end. */
#define TURN_MS 100

int io_wait(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int turn, ready;

	for (;;) {
		turn = TURN_MS;
		if (timeout_ms >= 0 && timeout_ms < turn)
			turn = timeout_ms;
		ready = poll(fds, n, turn);
		sup_checkpoint();
		if (ready > 0 || (ready < 0 && errno != EINTR))
			return ready > 0 ? ready : -errno;
		if (timeout_ms >= 0) {
			timeout_ms -= turn;
			if (timeout_ms <= 0)
				return 0;
		}
	}
}
