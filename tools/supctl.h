/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the subcommands of supctl share. */
#ifndef TOOLS_SUPCTL_H
#define TOOLS_SUPCTL_H

#include "json.h"
#include "proto.h"

#include <argp.h>
#include <stdbool.h>

struct ctl {
	const char *state_dir;	/* NULL: the default */
	bool json, color;
	int fd;			/* of the connection; -1: none */
	char packet[PROTO_PACKET_MAX + 1];	/* the last one */
	struct json row;	/* the same, read */
};

/* Options that stand before and after a subcommand; input: struct ctl. */
extern const struct argp ctl_argp;

/* Parses the arguments of a subcommand. Exits with 100 if they are wrong. */
void ctl_parse(const struct argp *argp, int argc, char **argv, void *input);

/* The same of one whose argument is an id, which it returns. */
const char *ctl_parse_id(struct ctl *ctl, int argc, char **argv,
			 const char *doc);

/* A whole number, not below 0. Exits with 100 if arg is none. */
int64_t ctl_number(struct argp_state *state, const char *arg);

/* Asks supd. Exits with 111, after a line on stderr, if it cannot be asked. */
void ctl_ask(struct ctl *ctl, const char *request);

/* As ctl_ask() of {"v":1,"op":op} with an id. */
void ctl_ask_id(struct ctl *ctl, const char *op, const char *id);

/*
 * The next row, in ctl->packet and ctl->row. timeout_ms < 0: waits for ever.
 * Returns 1; 0 at the end, whose code is *ret_code; -ETIMEDOUT. Says the text
 * of the end on stderr.
 */
int ctl_row(struct ctl *ctl, int timeout_ms, int *ret_code);

/* Waits for the end of a reply without rows; its code. */
int ctl_end(struct ctl *ctl);

/* How long, for people: 12s, 3m05s, 1h07m, 3d02h. */
const char *ctl_uptime(int64_t ns, char *buf, size_t size);

int ctl_tree(struct ctl *ctl, int argc, char **argv);
int ctl_list(struct ctl *ctl, int argc, char **argv);
int ctl_status(struct ctl *ctl, int argc, char **argv);
int ctl_explain(struct ctl *ctl, int argc, char **argv);
int ctl_audit(struct ctl *ctl, int argc, char **argv);
int ctl_events(struct ctl *ctl, int argc, char **argv);
int ctl_wait(struct ctl *ctl, int argc, char **argv);
int ctl_kill(struct ctl *ctl, int argc, char **argv);
int ctl_change(struct ctl *ctl, int argc, char **argv);

#endif
