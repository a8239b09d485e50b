/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests from within. */
#ifndef SUP_CORE_REQUEST_H
#define SUP_CORE_REQUEST_H

#include <sup/request.h>
#include <sup/task.h>

#include "core/mailbox.h"

struct sup__task;
struct sup__request;

/* In sup_from.slot: the rest is a request's index, not a seat's. */
#define SUP__REQUEST_SLOT (UINT32_C(1) << 31)

/* All there are, to walk them; NULL: no such index. */
struct sup__exchange *sup__request_exchange(uint32_t index);
uint32_t sup__request_count(void);

/* It is the calling task's, and its response has not been taken. */
bool sup__request_is_pending(struct sup_request request);

/* The task ends, its mailbox is closed: what it has asked for is abandoned. */
void sup__request_task_ended(struct sup__task *t);

/* A response came out of a mailbox. True: it is to be delivered. */
bool sup__request_take(struct sup__signal *signal, struct sup_info *ret_info);
void sup__request_drop(struct sup__signal *signal);

#endif
