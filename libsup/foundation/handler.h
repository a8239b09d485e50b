/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handlers of events, each on a task of its own. */
#ifndef SUP_FOUNDATION_HANDLER_H
#define SUP_FOUNDATION_HANDLER_H

#include <foundation/telemetry.h>

#include "foundation/figure.h"

/* Hands an event to those that want it. Never waits; not a safe point. */
void fnd__handlers_tell(const char *event, const struct fnd_measurement *m,
			size_t n, const struct fnd__labels *labels);

/*
 * A task has ended by itself: if it was that of a handler this is detached, and
 * its id is in ret_id, which has room for FND_NAME_MAX + 1. Else false.
 */
bool fnd__handler_ended(struct sup_pid pid, char *ret_id);

/* Some handler whose end nobody has reported is detached, as above. */
bool fnd__handler_lost(char *ret_id);

/*
 * Starts those again that have no task, under the task supervisor. A safe
 * point.
 */
void fnd__handlers_start(void);

void fnd__handlers_status(struct fnd_telemetry_status *status);

#endif
