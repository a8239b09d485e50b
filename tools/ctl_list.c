/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl_nodes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void print_path(const struct node *nodes, size_t i)
{
	size_t parent = i;

	if (nodes[i].depth > 0) {
		while (nodes[parent].depth >= nodes[i].depth)
			parent--;
		print_path(nodes, parent);
		putchar('/');
	}
	fputs(nodes[i].id, stdout);
}

int ctl_list(struct ctl *ctl, int argc, char **argv)
{
	struct argp argp = ctl_argp;
	struct node *nodes;
	size_t n, i;
	int code;

	argp.doc = "Prints a line for each child: path, state, pid, thread, "
		   "restarts.";
	ctl_parse(&argp, argc, argv, ctl);
	code = ctl_nodes(ctl, false, &nodes, &n);
	for (i = 0; code == PROTO_OK && i < n; i++) {
		print_path(nodes, i);
		printf(" %s %" PRId64 " %" PRId64 " %" PRId64 "\n",
		       nodes[i].state, nodes[i].pid, nodes[i].tid,
		       nodes[i].restarts);
	}
	free(nodes);
	return code;
}
