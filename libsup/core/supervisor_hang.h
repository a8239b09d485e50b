/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Children whose spec has hang_ms. On the supervisor's own thread. */
#ifndef SUP_CORE_SUPERVISOR_HANG_H
#define SUP_CORE_SUPERVISOR_HANG_H

struct sup__board;
struct sup__child;

/* It is up: there is to be a look in time, if it wants that. */
void sup__hang_watch(struct sup__board *b, struct sup__child *c);

/* At the end of each callback: looks, if it is time to. b->look_at: when. */
void sup__hang_look(struct sup__board *b);

#endif
