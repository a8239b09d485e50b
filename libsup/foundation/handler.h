/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handlers of events, each on a task of its own. */
#ifndef SUP_FOUNDATION_HANDLER_H
#define SUP_FOUNDATION_HANDLER_H

#include <stdatomic.h>

#include <foundation/telemetry.h>

#include "foundation/figure.h"

/* How many are attached: so that nobody takes the lock for nothing. */
extern _Atomic size_t fnd__handlers_attached;

/*
 * Whether there is any: all that an event costs of which handlers alone are
 * told. Relaxed: who has attached one sees it, and so does whom he tells.
 */
static inline bool fnd__handlers_any(void)
{
	return atomic_load_explicit(&fnd__handlers_attached,
				    memory_order_relaxed);
}

/* Hands an event to those that want it. Never waits; not a safe point. */
void fnd__handlers_tell(const char *event, const struct fnd_measurement *m,
			size_t n, const struct fnd__labels *labels);

/*
 * Events of services, of which handlers alone are told: they come too often, or
 * with too many names, to be counted. They have one measurement, of the event's
 * name: 1, or a value, or a summary of ns. The pairs are right, so that
 * sup_error() stays as it is. For when there is any handler.
 */
void fnd__notify(const char *event, const struct fnd_pair *pairs, size_t n);
void fnd__notify_value(const char *event, double value,
		       const struct fnd_pair *pairs, size_t n);
void fnd__notify_duration(const char *event, int64_t ns,
			  const struct fnd_pair *pairs, size_t n);

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
