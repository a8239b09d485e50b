/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others ask of a supervisor, answered on its own thread. */
#ifndef SUP_CORE_SUPERVISOR_REQUEST_H
#define SUP_CORE_SUPERVISOR_REQUEST_H

#include <sup/server.h>

struct sup__board;

/* The call callback of a supervisor. */
int sup__request(struct sup__board *b, struct sup_from from,
		 struct sup_msg *msg);

#endif
