/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the callers of a supervisor and the supervisor say to each other. It is
 * flat bytes that are copied, so that neither side holds memory of the other's
 * when one of them is killed.
 */
#ifndef SUP_CORE_SUPERVISOR_H
#define SUP_CORE_SUPERVISOR_H

#include <sup/children.h>
#include <sup/dynamic.h>
#include <sup/registry.h>
#include <sup/server.h>
#include <sup/supervisor.h>

#include "base/error.h"

struct sup__board;

/* Tags of messages to and from supervisors; other tags are not theirs. */
#define SUP__SUPERVISOR_TAG(n) (UINT64_C(0x7375705f73757000) + (n))
#define SUP__SUPERVISOR_REQUEST SUP__SUPERVISOR_TAG(1)	/* a call */
#define SUP__SUPERVISOR_REPLY SUP__SUPERVISOR_TAG(2)
#define SUP__SUPERVISOR_RETRY SUP__SUPERVISOR_TAG(3)	/* a cast, to itself */

enum sup__supervisor_op {
	SUP__OP_START_CHILD,		/* spec, id */
	SUP__OP_START_EXTRA,		/* extra, free_extra */
	SUP__OP_TERMINATE_CHILD,	/* id */
	SUP__OP_TERMINATE_PID,		/* pid */
	SUP__OP_RESTART_CHILD,		/* id */
	SUP__OP_DELETE_CHILD,		/* id */
	SUP__OP_COUNT_CHILDREN,
	SUP__OP_WHICH_CHILDREN,
	SUP__OP_WHICH_CHILD,		/* id */
	SUP__OP_WHICH_PID,		/* pid */
	SUP__OP_RESIZE,			/* n */
};

struct sup__supervisor_request {
	enum sup__supervisor_op op;
	char id[SUP_NAME_MAX + 1];
	struct sup_pid pid;
	struct sup_child_spec spec;	/* its id is the above, depends_on */
					/* what follows the request: */
	size_t n_depends_on, len_depends_on;	/* so many strings */
	const void *extra;
	void (*free_extra)(void *extra);
	size_t n;
	struct sup_pid from;	/* who asks, filled in by the supervisor */
};

struct sup__supervisor_reply {
	int ret;
	struct sup_pid pid;
	bool has_info;
	uint64_t info;
	struct sup_child_counts counts;
	char text[SUP__ERROR_MAX];	/* sup_error(), if ret is an error */
	size_t n_old;			/* RESIZE */
	size_t n;			/* children that follow it */
};

struct sup__supervisor_retry {
	uint64_t number;
	char id[SUP_NAME_MAX + 1];
	struct sup_pid pid;		/* the last, of one without an id */
};

/* The supervisor's callbacks; its init's arg is a board. */
extern const struct sup_server_ops sup__supervisor_ops;

/*
 * Starts a supervisor with such a board, and drops the caller's reference. As
 * sup_server_start(): the caller may be killed in it, and must hold nothing.
 */
int sup__supervisor_start(struct sup__board *b, const char *name, bool reg,
			  struct sup_pid *ret_pid);

/* Asks sup and waits. 0: *ret_reply is its answer, good or bad. */
int sup__supervisor_ask(struct sup_pid sup,
			const struct sup__supervisor_request *req,
			struct sup__supervisor_reply *ret_reply);

/* Asks, and returns what it says; *ret_pid, which may be NULL, as told. */
int sup__supervisor_do(struct sup_pid sup,
		       const struct sup__supervisor_request *req,
		       struct sup_pid *ret_pid);

#endif
