/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Thread tasks from within, plain ones and servers. */
#ifndef SUP_CORE_THREAD_H
#define SUP_CORE_THREAD_H

#include <sup/task.h>

#include "core/mailbox.h"

struct sup__task;

/* Interrupts a task's system calls; see core/contain.h. */
#define SUP__SIGNAL_PRESS (SIGRTMIN + 5)

#define SUP__MAILBOX_DEFAULT 1024
#define SUP__KILL_MS 5000	/* for a kill without a deadline of its own */

/* What the task of a thread needs before it begins. */
struct sup__thread_make {
	const char *name;
	bool reg, is_server, awaits_ready;
	enum sup_containment containment;
	size_t mailbox, stack_size;
	void (*body)(struct sup__task *t);
	const void *body_arg;
	int (*run)(void *arg);
	void *run_arg;
	const struct sup_via *via;	/* NULL: none */
	struct sup__seat *starter;	/* the caller, if it waits for the */
					/* start; else NULL */
};

/*
 * Makes the task and its thread. With a starter *ret_task has a reference for
 * it. As sup_thread_start() otherwise.
 */
int sup__thread_begin(const struct sup__thread_make *m,
		      struct sup__task **ret_task, struct sup_pid *ret_pid);

/* The flag is set: brings the thread to a safe point. */
void sup__thread_kill(struct sup__task *t, int64_t deadline);

/* Goes to the top of the calling task, which ends with the reason. */
void sup__thread_to_top(struct sup__task *t, const struct sup_reason *reason)
	__attribute__((noreturn));

/* What came next to a task. */
enum sup__item_kind {
	SUP__ITEM_STOP,		/* it is told to end: a server's to see to */
	SUP__ITEM_INFO,		/* info */
	SUP__ITEM_LETTER,	/* letter */
};

struct sup__item {
	enum sup__item_kind kind;
	struct sup_info info;
	struct sup__letter letter;
};

/*
 * The next of the calling task: exit signal, then signals, then data.
 * -ETIMEDOUT, or -ECANCELED: sup__task_checkpoint() will not return.
 */
int sup__thread_next(struct sup__task *t, struct sup__item *ret_item,
		     int64_t deadline);

#endif
