/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of the module, and what they are for us. */
#ifndef SUP_EXIT_NETLINK_RECORD_H
#define SUP_EXIT_NETLINK_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "exit/exit.h"

struct nlattr;

struct sup__record {
	uint64_t seq;
	bool tell;		/* ev is worth telling */
	struct sup__exit_event ev;
};

/*
 * Reads one record nest. Logs what people should know and code cannot act on.
 * -EBADMSG.
 */
int sup__record_parse(struct nlattr *nest, struct sup__record *ret_record);

/* True of the informative record that says that the group was ended. */
bool sup__record_is_ended(struct nlattr *nest);

#endif
