/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links and exit signals from within. */
#ifndef SUP_CORE_LINK_H
#define SUP_CORE_LINK_H

#include <sup/link.h>
#include <sup/task.h>

#include "core/mailbox.h"

struct sup__bond;
struct sup__task;

/* An exit signal that is trapped, on its way. */
struct sup__note {
	struct sup__signal signal;	/* first */
	struct sup_pid from;
	struct sup_reason reason;
	bool by_link;
	bool reserved;			/* in the task that it goes to */
	_Atomic bool under_way;		/* reserved: it is in the mailbox */
};

/*
 * An exit signal of the parent, or of who stands in for it: needs no memory.
 * Any thread.
 */
void sup__link_shut(struct sup__task *t, struct sup_pid from,
		    const struct sup_reason *reason);

/* It is to end with that reason, whatever it traps. Any thread. */
void sup__link_stop(struct sup__task *t, const struct sup_reason *reason);

/*
 * A link in two steps: made, which needs memory (NULL: none), then begun by the
 * calling task, or freed. If t has ended meanwhile, the caller, too, gets the
 * signal of its end: its next safe point may be its last.
 */
struct sup__bond *sup__link_new(void);
void sup__link_free(struct sup__bond *bond);
void sup__link_begin(struct sup__bond *bond, struct sup__task *t);

/* From here on what ends the calling task is for its loop to see. */
void sup__link_become_server(struct sup__task *t);

/*
 * t is ENDED, with its reason: tells those it is linked with. True: the parent,
 * which may be NULL, got a message by that.
 */
bool sup__link_task_ended(struct sup__task *t, const struct sup__task *parent);

/* A note came out of the calling task's mailbox; or is dropped with it. */
void sup__link_take(struct sup__signal *signal, struct sup_info *ret_info);
void sup__link_drop(struct sup__signal *signal);

#endif
