/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads of linked libraries, as their services have declared them. */
#ifndef SUP_CORE_FOREIGN_H
#define SUP_CORE_FOREIGN_H

#include <stdbool.h>

struct sup__member;

/* Whether a thread that is none of libsup's was declared. Any thread. */
bool sup__foreign_has(const struct sup__member *m);

#endif
