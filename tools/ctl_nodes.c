/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl_nodes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void copy(char *buf, size_t size, const struct json *row,
		 const char *key)
{
	snprintf(buf, size, "%s", json_string(row, key, ""));
}

static void read_budget(const struct json *row, const char *used,
			const char *intensity, const char *period,
			struct node *n)
{
	snprintf(n->budget, sizeof(n->budget),
		 "%" PRId64 "/%" PRId64 " in %" PRId64 "s",
		 json_int(row, used, 0), json_int(row, intensity, 0),
		 json_int(row, period, 0));
}

/* A child's own, or what a supervisor has for all. */
static void read_node(const struct json *row, struct node *n)
{
	*n = (struct node){ .depth = (unsigned int)json_int(row, "depth", 0) };
	copy(n->id, sizeof(n->id), row, "id");
	copy(n->kind, sizeof(n->kind), row, "type");
	copy(n->state, sizeof(n->state), row, "state");
	copy(n->last_exit, sizeof(n->last_exit), row, "last_exit");
	n->flapping = json_find(row, "flapping") != NULL;
	n->held = json_find(row, "held") != NULL;
	n->pid = json_int(row, "pid", 0);
	n->tid = json_int(row, "tid", 0);
	n->uptime_ns = json_int(row, "uptime_ns", -1);
	n->restarts = json_int(row, "restarts", 0);
	if (json_find(row, "own_used") != NULL)
		read_budget(row, "own_used", "own_intensity", "own_period_s",
			    n);
	if (json_find(row, "strategy") == NULL)
		return;
	copy(n->kind, sizeof(n->kind), row, "strategy");
	read_budget(row, "used", "intensity", "period_s", n);
}

static int add(struct node **nodes, size_t *n, const struct json *row)
{
	struct node *more;

	more = reallocarray(*nodes, *n + 1, sizeof(**nodes));
	if (more == NULL)
		return -1;
	*nodes = more;
	read_node(row, &more[(*n)++]);
	return 0;
}

int ctl_nodes(struct ctl *ctl, bool all, struct node **ret_nodes,
	      size_t *ret_n)
{
	int code;

	*ret_nodes = NULL;
	*ret_n = 0;
	ctl_ask(ctl, all ? "{\"v\":1,\"op\":\"tree\",\"all\":true}" :
		"{\"v\":1,\"op\":\"tree\"}");
	while (ctl_row(ctl, -1, &code) > 0) {
		if (ctl->json) {
			puts(ctl->packet);
		} else if (add(ret_nodes, ret_n, &ctl->row) < 0) {
			fprintf(stderr, "supctl: out of memory\n");
			return PROTO_SYSTEM;
		}
	}
	return code;
}
