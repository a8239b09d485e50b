/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl_nodes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32

struct args {
	struct ctl *ctl;
	bool all;
};

static bool is_last(const struct node *nodes, size_t n, size_t i)
{
	size_t j;

	for (j = i + 1; j < n && nodes[j].depth >= nodes[i].depth; j++)
		if (nodes[j].depth == nodes[i].depth)
			return false;
	return true;
}

/* open[d]: there is more to come of the siblings at depth d. */
static void draw(const struct node *nodes, size_t n, size_t i, bool *open,
		 char *buf, size_t size)
{
	unsigned int depth = nodes[i].depth, d;
	size_t len = 0;

	if (depth >= DEPTH_MAX)
		depth = DEPTH_MAX - 1;
	open[depth] = !is_last(nodes, n, i);
	for (d = 1; d <= depth; d++) {
		const char *part = d < depth ? (open[d] ? "|  " : "   ") :
			(open[d] ? "|- " : "`- ");

		if (len + 4 < size)
			len += (size_t)snprintf(buf + len, size - len, "%s",
						part);
	}
	snprintf(buf + len, size - len, "%s", nodes[i].id);
}

static const char *color_of(const struct ctl *ctl, const char *state)
{
	if (!ctl->color)
		return "";
	return strcmp(state, "running") == 0 ? "\033[32m" : "\033[31m";
}

/* What is more than that it waits, or is up. */
static const char *state_of(const struct node *node)
{
	if (node->held)
		return "held";
	return node->flapping && strcmp(node->state, "running") == 0 ?
	       "flapping" : node->state;
}

static void print_row(const struct ctl *ctl, const struct node *node,
		      const char *name, int width)
{
	const char *state = state_of(node);
	char pid[24] = "-", up[24] = "-";

	if (node->tid != 0 && node->tid != node->pid)
		snprintf(pid, sizeof(pid), "t%" PRId64, node->tid);
	else if (node->pid != 0)
		snprintf(pid, sizeof(pid), "%" PRId64, node->pid);
	if (node->uptime_ns >= 0)
		ctl_uptime(node->uptime_ns, up, sizeof(up));
	printf("%-*s  %-12s  %s%-10s%s  %-8s  %-6s  %8" PRId64 "  %-10s  %s\n",
	       width, name, node->kind, color_of(ctl, state), state,
	       ctl->color ? "\033[0m" : "", pid, up,
	       node->restarts, node->budget[0] != '\0' ? node->budget : "-",
	       node->last_exit[0] != '\0' ? node->last_exit : "-");
}

static void print_tree(const struct ctl *ctl, const struct node *nodes,
		       size_t n)
{
	bool open[DEPTH_MAX] = { false };
	char name[256];
	int width = 8;
	size_t i;

	for (i = 0; i < n; i++) {
		int len = (int)(3 * nodes[i].depth + strlen(nodes[i].id));

		width = len > width ? len : width;
	}
	printf("%-*s  %-12s  %-10s  %-8s  %-6s  %8s  %-10s  %s\n", width, "ID",
	       "KIND", "STATE", "PID", "UP", "RESTARTS", "BUDGET", "LAST EXIT");
	for (i = 0; i < n; i++) {
		draw(nodes, n, i, open, name, sizeof(name));
		print_row(ctl, &nodes[i], name, width);
	}
}

static const struct argp_option options[] = {
	{ "all", 'a', NULL, 0, "with supd's own tasks", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct args *args = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = args->ctl;
		return 0;
	case 'a':
		args->all = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int ctl_tree(struct ctl *ctl, int argc, char **argv)
{
	const struct argp_child children[] = { { &ctl_argp, 0, NULL, 0 },
					       { 0 } };
	const struct argp argp = {
		.options = options,
		.parser = parse,
		.doc = "Prints the tree. A thread is named by t and its number."
		       " BUDGET: restarts used and allowed.",
		.children = children,
	};
	struct args args = { .ctl = ctl };
	struct node *nodes;
	size_t n;
	int code;

	ctl_parse(&argp, argc, argv, &args);
	code = ctl_nodes(ctl, args.all, &nodes, &n);
	if (code == PROTO_OK && !ctl->json)
		print_tree(ctl, nodes, n);
	free(nodes);
	return code;
}
