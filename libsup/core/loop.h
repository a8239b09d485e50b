/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mailboxes as descriptors, from within. */
#ifndef SUP_CORE_LOOP_H
#define SUP_CORE_LOOP_H

#include <sup/loop.h>

struct sup__loop;

/* The task has ended, or is no more. NULL is none. */
void sup__loop_free(struct sup__loop *loop);

#endif
