/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every agent's task is, and what it is sent. */
#ifndef SUP_MABEAM_AGENT_HOST_H
#define SUP_MABEAM_AGENT_HOST_H

#include <mabeam/agent.h>
#include <sup/server.h>

/* The server that calls the ops of an agent. arg: the key of its run. */
extern const struct sup_server_ops mab__host_ops;

/* Tags. REQUEST is called, NOTIFY cast; the data of both is a mab__wire. */
#define MAB__REQUEST	UINT64_C(0x6d61622d61736b00)
#define MAB__NOTIFY	UINT64_C(0x6d61622d74656c6c)
/* Of replies: a body, or the text of an error; a NUL is behind it, in len. */
#define MAB__REPLY	UINT64_C(0x6d61622d72657079)
#define MAB__ERROR	UINT64_C(0x6d61622d6572726f)

struct mab__wire {
	int64_t deadline;	/* of who asks */
	char method[MAB_NAME_MAX + 1];
	char body[];		/* and a NUL */
};

#endif
