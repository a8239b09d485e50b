/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Servers from within: the loop that a started one runs. */
#ifndef SUP_CORE_SERVER_H
#define SUP_CORE_SERVER_H

#include <sup/server.h>

struct sup__task;

/* The body of a server's task; its body_arg is the spec. */
void sup__server_run(struct sup__task *t);

/*
 * As sup_server_start(), but no safe point: for who holds what it must let go
 * of before sup_checkpoint().
 */
int sup__server_start(const void *server_spec, struct sup_pid *ret_pid);

/* 0, or -EINVAL if a member that is needed is not there. */
int sup__server_check_ops(const struct sup_server_ops *ops);

#endif
