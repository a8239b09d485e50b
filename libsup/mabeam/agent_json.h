/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lines of JSON that agents are sent, and write. None is a safe point. */
#ifndef SUP_MABEAM_AGENT_JSON_H
#define SUP_MABEAM_AGENT_JSON_H

#include <mabeam/agent.h>

/*
 * A line for a message, with its newline: a request of that number, or, if that
 * is 0, a notification. *ret_line is of the calling task, to sup_free().
 * -EINVAL: the body is no JSON, or the method no UTF-8; -ENOMEM.
 */
int mab__json_write(uint64_t nr, const struct mab_message *m, char **ret_line,
		    size_t *ret_len);

enum mab__said_kind {
	MAB__SAID_REPLY,
	MAB__SAID_ERROR,
	MAB__SAID_READY,
	MAB__SAID_HEARTBEAT,
	MAB__SAID_NOTIFY,
};

struct mab__said {
	enum mab__said_kind kind;
	uint64_t nr;			/* REPLY, ERROR */
	char method[MAB_NAME_MAX + 1];	/* NOTIFY */
	char *body;	/* of the calling task, to sup_free(); NULL: none */
	size_t len;
};

/* -EPROTO: it is no such line; -ENOMEM. */
int mab__json_read(const char *line, size_t len, struct mab__said *ret_said);

#endif
