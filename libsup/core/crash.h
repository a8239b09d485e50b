/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said of a fault: who, what, where, and the frames. */
#ifndef SUP_CORE_CRASH_H
#define SUP_CORE_CRASH_H

#include <signal.h>

#include "core/stacks.h"

struct sup__task;

/* In a signal handler: the fault ends the process. Straight to stderr. */
void sup__crash_write(const struct sup__task *t, int signo,
		      const siginfo_t *info, const char *why,
		      const struct sup__frames *frames);

/* At the top of the task, whose end_reason is filled in: it ends alone. */
void sup__crash_log(const struct sup__task *t,
		    const struct sup__frames *frames);

#endif
