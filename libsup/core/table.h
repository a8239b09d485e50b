/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of tasks. A task is a slot that is never given back to the system,
 * so a stale pointer or pid can always be looked at; its pid says which life
 * of the slot is meant. Documentation/runtime.md has the picture.
 */
#ifndef SUP_CORE_TABLE_H
#define SUP_CORE_TABLE_H

#include "core/slot.h"

/* The calling thread's task, or NULL. */
extern _Thread_local struct sup__task *sup__self
	__attribute__((tls_model("initial-exec")));

/*
 * A slot with one reference, a new pid and a seat, all else zero. NULL: no
 * memory. Free is for the last put: it keeps pid and reason in mind.
 */
struct sup__task *sup__table_new(void);
void sup__table_free(struct sup__task *t);

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

/* The task that lives in that slot, with a reference, or NULL. */
struct sup__task *sup__table_get_at(uint32_t index);

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

/* What it returns, with nothing recorded. */
uint64_t sup__table_leads_here(uint64_t pid);

/* As sup__table_wait_for(), but -EDEADLK, and nothing recorded, instead. */
int sup__table_may_wait_for(struct sup__seat *seat, uint64_t pid);

/* In task.c, for core/ only. */

/*
 * sup__task_new() in two steps. What is fixed for its life is
 * filled in between, before anyone can meet it. After an error of the second
 * it is gone.
 */
struct sup__task *sup__task_alloc(const char *name, size_t mailbox);
int sup__task_dealloc(struct sup__task *t, int err);	/* returns err */
int sup__task_enter(struct sup__task *t, const char *reg_name,
		    struct sup_pid *ret_holder);
/* Undoes both, for a start that fails; returns err. priv is the caller's. */
int sup__task_leave(struct sup__task *t, int err);
/* Whoever waited for the start waits no more. False: it is over. */
bool sup__task_give_up_start(struct sup__task *t);
/* The last started top-level task that lives, with a reference, or NULL. */
struct sup__task *sup__task_newest_root(void);
/*
 * t is about to end: its parent, if it is a server, is woken meanwhile, so that
 * who has to act on the end does not first have to be.
 */
void sup__task_alert_parent(struct sup__task *t);
/* Whether foreign threads may start tasks. */
void sup__task_open_tree(bool open);

#endif
