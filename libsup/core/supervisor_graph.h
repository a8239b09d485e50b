/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting and stopping children in the order of what depends on what, those
 * that do not depend on each other at the same time. All on the supervisor's
 * own thread. The children it is about are marked (along), and are not when it
 * is over.
 */
#ifndef SUP_CORE_SUPERVISOR_GRAPH_H
#define SUP_CORE_SUPERVISOR_GRAPH_H

#include "core/supervisor_child.h"

void sup__graph_mark_all(struct sup__board *b);

/*
 * The first start: 0, or the error of the first that failed; then it has been
 * reported, none is under way any more, and the sentence is that error's.
 */
int sup__graph_start(struct sup__board *b);

/*
 * Restarts. One that fails is restarting, and has a retry; so is one that waits
 * for another, and has none.
 */
void sup__graph_restart(struct sup__board *b);

/*
 * Each when none that depends on it, perhaps by way of others, is up; as
 * sup__supervise_stop(). keep, if not NULL, has no task, and is left as it is.
 */
void sup__graph_stop(struct sup__board *b, const struct sup__child *keep);

/* Restarts those that have waited for others that are up now. */
void sup__graph_restart_awaiting(struct sup__board *b);

#endif
