/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A slot of the table: all there is to know of a task. */
#ifndef SUP_CORE_SLOT_H
#define SUP_CORE_SLOT_H

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#include <sup/task.h>

#include "base/lock.h"
#include "base/thread.h"
#include "core/link.h"
#include "core/mailbox.h"
#include "core/resource.h"
#include "core/task.h"
#include "core/timer.h"
#include "core/turn.h"

#define SUP__SIG_EXIT 1u	/* exit_reason is set */
#define SUP__SIG_KILL 2u
#define SUP__SIG_HUNG 4u	/* with KILL: that is why */

struct sup__task {
	/* What is looked at without a reference, and stays. */
	_Atomic uint64_t pid;
	_Atomic uint32_t refs;
	uint32_t index;
	_Atomic(struct sup__seat *) seat;
	struct sup__task *next_free;

	/* Zeroed for each life. Fixed when it starts: */
	const struct sup__task_ops *ops;	/* NULL: a thread */
	void *priv;
	char name[SUP__TASK_NAME];
	_Atomic bool is_server;		/* set under the lock later on */
	bool contain;
	bool awaits_ready;		/* its start ends by sup_ready() */
	uint64_t parent_pid;		/* 0: none */
	void (*body)(struct sup__task *t);	/* leaves end_reason */
	const void *body_arg;
	int (*run)(void *arg);		/* a plain thread's */
	void *run_arg;

	struct sup__mailbox mailbox;
	struct sup__timers timers;
	_Atomic uint32_t callers;	/* calls that may wait for it */
	_Atomic uint64_t awaited_by;	/* who waits for it and others, or 0 */
	_Atomic uint32_t sig;		/* SUP__SIG_* */
	_Atomic bool traps;		/* changed under the lock */
	_Atomic int state;		/* enum sup__task_state */
	_Atomic int start;		/* enum sup__start_state */
	_Atomic bool init_is_over;	/* or there is none */
	_Atomic pid_t os_pid;
	_Atomic uint32_t os_tid;	/* a futex: set by its thread */
	_Atomic bool awaits_tid;	/* somebody may sleep on it */

	struct sup__lock lock;		/* the next seven */
	struct sup_reason exit_reason;	/* what it is asked to end with */
	struct sup_reason reason;	/* of its end, from ENDING on */
	struct sup__monitor *monitors;	/* who gets a DOWN */
	struct sup__waiter *waiters;	/* who sleeps in sup_wait() */
	struct sup__seat *starter;	/* who waits for its start */
	int start_error;
	char *start_text;

	/* Under the lock of the tree. No parent: a root. */
	struct sup__task *parent, *children, *prev, *next;
	struct sup__signal exit_signal;	/* to the parent, with a reference */

	struct sup__entry *entries;	/* under the directories' lock */

	struct sup__note parent_note;	/* what its parent sends it */
	struct sup__bond *bonds;	/* under the bonds' lock */
	bool bonds_closed;		/* so is this */

	/* Its own thread's, then of who frees it. */
	struct sup__thread thread;
	stack_t old_alt_stack;
	sigjmp_buf top;
	const char *top_frame;
	struct sup_reason end_reason;	/* carried to the top */
	struct sup_info hand;		/* what a callback looks at */
	struct sup__monitor *watching;
	struct sup__request *requests;
	struct sup__resources resources;
	struct sup__loop *loop;		/* NULL: it does not poll */
	bool adopted;			/* its thread goes on without it */
	_Atomic bool may_join;		/* its thread is known to who made it */
	struct sup__seat *outer_seat;	/* adopted: of its thread */
	struct sup__crash *crash;
	bool is_ready;			/* it has said so */
	bool knows_exit;		/* a server: that it is to end */
	int64_t receive_deadline;
	struct sup__turn turn;		/* a server's, for others, too */
	bool starts_watched;		/* what it starts at the moment */
	bool continues;			/* a server's go_on is due */
	uint64_t continues_with;
	struct sup_from last_from;	/* of a reply that waits for its end */
	struct sup_msg last_reply;
	bool is_exact;			/* sup__thread_exact_waits() */
	struct sup__spare *spare;	/* core/spare.c */
	size_t spare_size;		/* of its stack */
	bool uses_spare, is_restart;	/* for what it starts at the moment */
	bool wants_spare;
	struct sup__spare *was_spare;	/* the task's own thread, until known */

	/* Under the lock of the runtime's thread. */
	struct sup__task *tid_next, *join_next, *press_next;
	int64_t begun_ns;	/* of its thread */
	unsigned int start_era;	/* until then */
	bool pressed;
	int64_t press_at, press_gap, press_deadline;
};

static inline struct sup__task *sup__task_of_exit(struct sup__signal *s)
{
	return (struct sup__task *)((char *)s -
				    offsetof(struct sup__task, exit_signal));
}

#endif
