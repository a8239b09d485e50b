/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A supervisor's child: its spec, checked and copied, and its life, which is
 * one table, state by event. What an event means for others is the
 * supervisor's to know; a child only keeps its own books.
 */
#ifndef SUP_CORE_CHILD_H
#define SUP_CORE_CHILD_H

#include <sup/explain.h>
#include <sup/registry.h>
#include <sup/supervisor.h>
#include <sup/tree.h>
#include <sup/types.h>

#include "core/intensity.h"

enum sup__child_event {
	SUP__CHILD_START,	/* its start is about to be called */
	SUP__CHILD_UP,		/* its start returned a task */
	SUP__CHILD_DECLINE,	/* its start returned SUP_IGNORE */
	SUP__CHILD_FAIL,	/* its start failed, and that is that */
	SUP__CHILD_FAIL_RETRY,	/* its restart failed and is to be retried */
	SUP__CHILD_WAIT,	/* its restart is to be later */
	SUP__CHILD_EXIT,	/* its task ended by itself */
	SUP__CHILD_STOP,	/* its task is about to be told to end */
	SUP__CHILD_DOWN,	/* its task has ended as told */
	SUP__CHILD_CANCEL,	/* its retry will not be */
	SUP__CHILD_EVENTS
};

struct sup__later;

/* What there is to note of an event. */
struct sup__child_news {
	int64_t now;
	struct sup_pid pid;		/* UP */
	pid_t os_pid, os_tid;		/* UP */
	struct sup_reason reason;	/* EXIT, DOWN */
	uint64_t retry;			/* FAIL_RETRY: its number */
	int64_t due_ns;			/* FAIL_RETRY, WAIT: when; 0: at once */
	bool held;			/* WAIT: there was one too many */
	bool awaits_deps;		/* WAIT: until those are up */
	bool restart;			/* START: of our own accord */
};

struct sup__child {
	/* The list and the tables of core/roster.h. */
	struct sup__child *prev, *next, *next_id, *next_pid;

	struct sup_child_spec spec;	/* defaults filled in */
	char id[SUP_NAME_MAX + 1];	/* spec.id */
	const void *extra;		/* one child's own, for its start */
	void (*free_extra)(void *extra);
	size_t index;			/* of a partition */
	bool owns_arg;			/* both frees are ours to call */

	enum sup_child_state state;
	struct sup_pid pid;		/* RUNNING, STOPPING; else none */
	struct sup_pid last_pid;	/* of its latest task, for reports */
	pid_t os_pid, os_tid;		/* of the same */
	int64_t started_ns;
	unsigned int restarts;
	uint64_t retry;			/* RESTARTING: what its retry carries */
	bool retry_unsent;
	int64_t due_ns;			/* RESTARTING: when; 0: by its retry */
	bool counted;			/* the restart that is due */
	bool held;			/* RESTARTING: one was too many */
	struct sup__intensity own;	/* if its spec has a budget */
	unsigned int in_a_row;		/* restarts, with a backoff */
	struct sup__intensity often;	/* if its spec has a flapping */
	bool flapping;
	bool hung;			/* RUNNING: by the last look, */
	struct sup_turn turn;		/* and in what it was, then or before */
	bool has_ended;
	struct sup_reason last_reason;
	bool awaits_deps;		/* RESTARTING: until those are up */

	/* For core/explain.c: */
	int64_t since_ns;		/* it is in its state */
	enum sup_why why;		/* STOPPED: how it came there, */
	struct sup_pid stopped_by;	/* by whom, */
	char stopped_with[SUP_NAME_MAX + 1];	/* with whom */
	int start_error;		/* its last start failed; */
	char *start_text;		/* the sentence; of the heap */

	/* core/supervisor_graph.c: whom it depends on, and its use of them. */
	struct sup__child **deps;
	size_t n_deps;
	char **dep_ids;			/* spec.depends_on: one block */
	bool at_rest;			/* STOPPED: nobody is to wait for it */
	bool along;			/* it is to be started, or stopped */
	struct sup__later *later;	/* its start goes on, */
	struct sup_pid begun;		/* and will be that of this task */
	int64_t stop_by;		/* it has been asked to end; or 0 */
};

/*
 * Checks a spec of any age and copies it to one of ours: 0, or -EINVAL and a
 * sentence that names the child and the field. Its id may be missing, which
 * leaves "", if needs_id is false. Any thread.
 */
int sup__child_check(const struct sup_child_spec *from, bool needs_id,
		     struct sup_child_spec *ret_spec);

/* Whether a supervisor with that auto_shutdown takes such a child. -EINVAL. */
int sup__child_suits(const struct sup_child_spec *spec,
		     enum sup_auto_shutdown auto_shutdown);

/*
 * A copy of a checked spec, stopped. arg stays the caller's until owns_arg is
 * set. NULL: no memory.
 */
struct sup__child *sup__child_new(const struct sup_child_spec *spec);

/*
 * Frees it, and arg and extra if they are owned. NULL is fine. Not while its
 * task lives.
 */
void sup__child_free(struct sup__child *c);

/* Its restarts are counted by its own budget. */
static inline bool sup__child_has_budget(const struct sup__child *c)
{
	return c->spec.budget.intensity;
}

/* When it will have run without an end for long enough. */
static inline int64_t sup__child_steady_at(const struct sup__child *c)
{
	return c->started_ns + c->spec.flapping.stable_ms * INT64_C(1000000);
}

/*
 * Takes it to its next state and notes the news. An event that its state does
 * not know is a mistake of the caller: -EPROTO, and nothing changes. May be
 * called with a lock held.
 */
int sup__child_move(struct sup__child *c, enum sup__child_event event,
		    const struct sup__child_news *news);

const char *sup__child_event_name(enum sup__child_event event);

#endif
