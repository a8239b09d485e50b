/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mutexes of tasks, from within. */
#ifndef SUP_CORE_MUTEX_H
#define SUP_CORE_MUTEX_H

#include <sup/mutex.h>

struct sup__seat;
struct sup__mutex;

/*
 * Passes on what the seat's thread or task holds: it ends. By itself, or by
 * another when it has gone.
 */
void sup__mutex_owner_ends(struct sup__seat *seat);

#endif
