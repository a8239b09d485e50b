/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every agent's task is. */
#ifndef SUP_MABEAM_AGENT_HOST_H
#define SUP_MABEAM_AGENT_HOST_H

#include <sup/server.h>

/* The server that calls the ops of an agent. arg: the key of its run. */
extern const struct sup_server_ops mab__host_ops;

/* The id of the agent whose task calls, or NULL. */
const char *mab__agent_self(void);

#endif
