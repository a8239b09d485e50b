/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be learnt of process tasks, and said to them. */
#ifndef SUP_PROCESS_STATUS_H
#define SUP_PROCESS_STATUS_H

#include <sup/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Sends a signal to the process alone. Any thread. -ESRCH it is no process, or
 * has ended; -EINVAL no such signal; -EPERM it has gained rights.
 */
SUP_API int sup_process_signal(struct sup_pid pid, int signo);

/* What a process has said of itself by NOTIFY_SOCKET. */
struct sup_process_status {
	char text[128];		/* the last STATUS=, "" if none */
	bool ready;		/* its start is over */
	bool stopping;		/* STOPPING=1 */
};

/* Also of one that has just ended. Any thread. -ESRCH. */
SUP_API int sup_process_status(struct sup_pid pid,
			       struct sup_process_status *ret_status);

/*
 * Copies the end of what it has written, as far as it is kept and fits: whole
 * lines, the last one perhaps unfinished, with '?' for what cannot be printed.
 * Always terminates buf. Also of the last 32 that have ended and wrote
 * something. Any thread. -ESRCH no such process, or nothing of it is captured;
 * -EINVAL size is 0.
 */
SUP_API int sup_process_output(struct sup_pid pid, char *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif
