/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of tasks. A task is a slot that is never given back to the system,
 * so a stale pointer or pid can always be looked at; its pid says which life
 * of the slot is meant. Documentation/runtime.md has the picture.
 */
#ifndef SUP_CORE_TABLE_H
#define SUP_CORE_TABLE_H

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>

#include <sup/task.h>

#include "base/lock.h"
#include "core/mailbox.h"
#include "core/task.h"

#define SUP__SIG_EXIT 1u	/* exit_reason is set */
#define SUP__SIG_KILL 2u

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
	bool is_server, contain;
	void (*body)(struct sup__task *t);	/* leaves end_reason */
	const void *body_arg;
	int (*run)(void *arg);		/* a plain thread's */
	void *run_arg;
	int64_t start_ns;

	struct sup__mailbox mailbox;
	_Atomic uint32_t callers;	/* calls that may wait for it */
	_Atomic uint32_t sig;		/* SUP__SIG_* */
	_Atomic int state;		/* enum sup__task_state */
	_Atomic int start;		/* enum sup__start_state */
	_Atomic pid_t os_pid;
	_Atomic uint32_t os_tid;	/* a futex: set by its thread */

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

	struct sup__name *names;	/* under the registry's lock */

	/* Its own thread's, then of who frees it. */
	pthread_t thread;
	stack_t old_alt_stack;
	sigjmp_buf top;
	const char *top_frame;
	struct sup_reason end_reason;	/* carried to the top */
	struct sup_info hand;		/* what a callback looks at */
	struct sup__monitor *watching;
	struct sup__crash *crash;
	int64_t receive_deadline;

	/* Under the lock of the runtime's thread. */
	struct sup__task *tid_next, *join_next, *press_next;
	bool pressed;
	int64_t press_at, press_gap, press_deadline;
};

/* The calling thread's task, or NULL. */
extern _Thread_local struct sup__task *sup__self
	__attribute__((tls_model("initial-exec")));

/*
 * A slot with one reference, a new pid and a seat, all else zero. NULL: no
 * memory. Free is for the last put: it keeps pid and reason in mind.
 */
struct sup__task *sup__table_new(void);
void sup__table_free(struct sup__task *t);

static inline struct sup__task *sup__task_of_exit(struct sup__signal *s)
{
	return (struct sup__task *)((char *)s -
				    offsetof(struct sup__task, exit_signal));
}

/* In task.c: the last reference is gone. Ends with sup__table_free(). */
void sup__task_release(struct sup__task *t);

/* Calls cb with each task that lives, with a reference for that time. */
void sup__table_walk(void (*cb)(struct sup__task *t, void *arg), void *arg);

/*
 * What is remembered of the pid's task if it has been put for the last time:
 * true and its reason. The last SUP__TABLE_REMEMBERED ends are.
 */
#define SUP__TABLE_REMEMBERED 1024
bool sup__table_recall(struct sup_pid pid, struct sup_reason *ret_reason);

/*
 * The slot of pid without a reference, or NULL if it was never one. Its pid
 * must be compared after each look.
 */
struct sup__task *sup__table_peek(uint64_t pid);

/*
 * Records that the thread of seat waits for the task pid, until somebody, who
 * need not be its thread, calls sup__seat_clear(). Returns 0, or, if pid
 * waits, perhaps through others, for the calling task, the last in that chain:
 * who waits for us. It stays recorded all the same. Foreign threads: 0.
 */
uint64_t sup__table_wait_for(struct sup__seat *seat, uint64_t pid);

/* As that, but -EDEADLK, and nothing recorded, instead. */
int sup__table_may_wait_for(struct sup__seat *seat, uint64_t pid);

#endif
