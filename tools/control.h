/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control socket of supd: one thread serves all clients, none of which
 * can hold it up. proto.h has what is said.
 */
#ifndef TOOLS_CONTROL_H
#define TOOLS_CONTROL_H

#include <stdbool.h>

#include <sup/supervisor.h>

struct control;

struct control_options {
	const char *state_dir;	/* borrowed */
	const char *tree;	/* id of the root, borrowed */
	const char *policy;	/* for the status, borrowed */
	bool verbose;		/* every event as a line on stderr */
};

/*
 * Makes the socket, whose folder is there and ours, and begins to collect
 * events. -ENAMETOOLONG, or what a system call said.
 */
int control_new(const struct control_options *opts,
		struct control **ret_control);

/* The spec of the child that serves. Borrows control. */
struct sup_child_spec control_spec(struct control *control);

/* Only when the child has ended. Removes the socket. */
void control_free(struct control *control);

#endif
