/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One client of the control socket; see control.c. */
#ifndef TOOLS_CLIENT_H
#define TOOLS_CLIENT_H

#include "control_ops.h"
#include "proto.h"

#include <stdbool.h>
#include <stdint.h>

#include <sup/audit.h>
#include <sup/tree.h>

enum client_state {
	CLIENT_FREE,
	CLIENT_IDLE,		/* a request may come */
	CLIENT_TREE,		/* gets rows of a picture */
	CLIENT_AUDIT,		/* the same, of strays */
	CLIENT_EVENTS,
	CLIENT_OP,		/* waits for what it asked for */
	CLIENT_CLOSING,		/* gone, but its op still runs */
};

struct client_view {		/* what replies are made of */
	const char *tree;
	const char *policy;
	int64_t started_ns;
	int wake_fd;
};

struct client {
	enum client_state state;
	int fd;
	int64_t deadline;	/* CLOCK_MONOTONIC, ns; -1: none */

	struct sup_node *nodes;	/* TREE */
	size_t n_nodes, next_node;

	struct sup_stray *strays; /* AUDIT */
	size_t n_strays, next_stray;

	uint64_t cursor;	/* EVENTS: the last one sent */
	uint64_t until;		/* and the last to send, if not following */
	bool follow;

	struct op *op;		/* OP, CLOSING */

	bool ending;		/* out is the last packet of a reply */
	size_t out_len;
	char out[PROTO_PACKET_MAX];
};

/* Takes fd. */
void client_init(struct client *c, int fd);

/* What poll(2) should wait for. */
short client_wants(const struct client *c);

/* Reads a request if there is one, and sends what can be sent. */
void client_step(struct client *c, const struct client_view *view,
		 short revents);

/* Frees what it has; waits for nothing. */
void client_drop(struct client *c);

#endif
