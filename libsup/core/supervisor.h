/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the callers of a supervisor and the supervisor say to each other. It is
 * flat bytes that are copied, so that neither side holds memory of the other's
 * when one of them is killed.
 */
#ifndef SUP_CORE_SUPERVISOR_H
#define SUP_CORE_SUPERVISOR_H

#include <sup/registry.h>
#include <sup/server.h>
#include <sup/supervisor.h>

#include "base/error.h"

/* Tags of messages to and from supervisors; other tags are not theirs. */
#define SUP__SUPERVISOR_TAG(n) (UINT64_C(0x7375705f73757000) + (n))
#define SUP__SUPERVISOR_REQUEST SUP__SUPERVISOR_TAG(1)	/* a call */
#define SUP__SUPERVISOR_REPLY SUP__SUPERVISOR_TAG(2)
#define SUP__SUPERVISOR_RETRY SUP__SUPERVISOR_TAG(3)	/* a cast, to itself */

enum sup__supervisor_op {
	SUP__OP_START_CHILD,
	SUP__OP_TERMINATE_CHILD,
	SUP__OP_RESTART_CHILD,
	SUP__OP_DELETE_CHILD,
	SUP__OP_COUNT_CHILDREN,
};

struct sup__supervisor_request {
	enum sup__supervisor_op op;
	char id[SUP_NAME_MAX + 1];
	struct sup_child_spec spec;	/* START_CHILD; its id is the above */
};

struct sup__supervisor_reply {
	int ret;
	struct sup_pid pid;
	struct sup_child_counts counts;
	char text[SUP__ERROR_MAX];	/* sup_error(), if ret is an error */
};

struct sup__supervisor_retry {
	uint64_t number;
	char id[SUP_NAME_MAX + 1];
};

/* The supervisor's callbacks; its init's arg is a checked spec. */
extern const struct sup_server_ops sup__supervisor_ops;

#endif
