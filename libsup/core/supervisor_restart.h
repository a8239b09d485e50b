/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a supervisor does of its own accord: about ends of its children, and
 * about restarts that failed. All on its own thread.
 */
#ifndef SUP_CORE_SUPERVISOR_RESTART_H
#define SUP_CORE_SUPERVISOR_RESTART_H

#include <sup/task.h>

#include "core/supervisor.h"

struct sup__board;

/* Each returns what its server's callback has to. */
int sup__restart_on_exit(struct sup__board *b, const struct sup_info *info);
int sup__restart_on_retry(struct sup__board *b,
			  const struct sup__supervisor_retry *retry);

/* At the end of each callback: restarts whose time has come. The same. */
int sup__restart_run_due(struct sup__board *b);

/* Then, and after init: what is to be done later is sent, or waited for. */
void sup__restart_send_retries(struct sup__board *b);

#endif
