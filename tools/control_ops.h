/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a client may ask supd to do. Each runs as a task of its own, for a
 * supervisor answers only when it is not busy.
 */
#ifndef TOOLS_CONTROL_OPS_H
#define TOOLS_CONTROL_OPS_H

#include "proto.h"

#include <stdatomic.h>
#include <stdbool.h>

#include <sup/explain.h>
#include <sup/task.h>
#include <sup/tree.h>

enum op_kind {
	OP_KILL,
	OP_STOP,
	OP_START,
	OP_RESTART,
};

struct op {
	enum op_kind kind;
	char tree[64];		/* the root */
	char target[1024];	/* id, path or pid */
	int signo;		/* KILL; 0: TERM, or KILL if only that can be */
	bool lineage;		/* KILL: the descendants, too */

	struct sup_thread_spec spec;
	struct sup_pid task;
	int wake_fd;		/* written to at the end */
	atomic_bool done;	/* set after the next two */
	enum proto_code code;
	char text[320];
};

/* Starts op as a task of the caller. */
int op_start(struct op *op);

/* True: it is done, or its task ended without: free(3) it. */
bool op_ended(struct op *op);

/*
 * Why the child that op->target names, in op->tree, is in its state. False: op
 * has code and text. Waits for nobody.
 */
bool op_explain(struct op *op, struct sup_explanation *ret_explanation);

/*
 * A picture of the tree called root, or with all of everything that supd
 * runs. *ret_nodes is for free(3).
 */
int tree_snapshot(const char *root, bool all, struct sup_node **ret_nodes,
		  size_t *ret_n);

#define SUPD_TOP "supd"		/* the registered name of supd's own top */

#endif
