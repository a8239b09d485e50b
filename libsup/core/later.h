/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts that go on after the call that began them has returned: how a
 * supervisor starts several children at a time, though it has one thread. It
 * allows its thread to leave one start behind, calls the child's start, and
 * takes what was left behind, if anything was.
 */
#ifndef SUP_CORE_LATER_H
#define SUP_CORE_LATER_H

#include <stdbool.h>
#include <stdint.h>

#include <sup/types.h>

struct sup__task;

/* A start that goes on. Who leaves it behind embeds it. */
struct sup__later {
	bool (*is_over)(const struct sup__later *l);
	/* When it is out of time; SUP_FOREVER. May change. */
	int64_t (*deadline)(const struct sup__later *l);
	/* Waits for it, if it must, and returns as the call would have. */
	int (*finish)(struct sup__later *l);
	struct sup_pid pid;
	struct sup__task *task;		/* of a thread, that may call us */
	void (*release)(void *arg);	/* when it is finished; or NULL */
	void *release_arg;
	struct sup__later *next;	/* of its thread: not finished yet */
};

/*
 * Whether the next start on the calling thread may be left behind: if wanted,
 * or once sup_start_async() has been called.
 */
void sup__later_allow(bool wanted);

/* What was left behind since, or NULL; no other start will be. */
struct sup__later *sup__later_take(void);

/* A start asks: true, once, if it is to be left behind. */
bool sup__later_is_wanted(void);
void sup__later_leave(struct sup__later *l);

/* True: release(arg) comes when what was left behind is finished. */
bool sup__later_release(void (*release)(void *arg), void *arg);

/* Its finish, then its release: it is gone. */
int sup__later_finish(struct sup__later *l);

/* One of the calling thread that is not finished, or NULL. */
struct sup__later *sup__later_pending(void);

#endif
