/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls from within: what a task that ends owes to those who call it. */
#ifndef SUP_CORE_CALL_H
#define SUP_CORE_CALL_H

#include <sup/server.h>

#include "core/seat.h"

struct sup__task;

enum sup__exchange_state {
	SUP__EXCHANGE_FREE,
	SUP__EXCHANGE_PENDING,
	SUP__EXCHANGE_COMPLETING,
	SUP__EXCHANGE_DONE,
};

/* From here on a reply can come, of the generation that is returned. */
uint32_t sup__exchange_begin(struct sup__exchange *x, uint64_t callee);

/* True: nobody will complete it any more. False: somebody does, or has. */
bool sup__exchange_give_up(struct sup__exchange *x, uint32_t generation);

/* Its callee has ended. False: it was completed, or given up, before. */
bool sup__exchange_end(struct sup__exchange *x, uint32_t generation,
		       const struct sup_reason *reason);

static inline bool sup__exchange_is_done(struct sup__exchange *x)
{
	return (uint32_t)atomic_load(&x->call) == SUP__EXCHANGE_DONE;
}

/*
 * Completes every call that waits for t with the reason of its end. Its
 * mailbox is closed, so there will be no more of them.
 */
void sup__call_task_ended(struct sup__task *t);

/* Sends the reply that t has kept for its end, if there is one. */
void sup__call_send_last(struct sup__task *t);

/*
 * The caller waits for the task pid, which called it: refuses that call with
 * -EDEADLK. False: pid does not wait in a call to us.
 */
bool sup__call_refuse(uint64_t pid);

/* The calling task has refused that call: it is not to be carried out. */
bool sup__call_is_refused(struct sup_from from);

#endif
